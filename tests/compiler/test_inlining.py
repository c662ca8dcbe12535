"""What is inlined and what is not, and that it is exact in the IR: the callee's blocks, variables and checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.compiler import ir
from nativegen.compiler.context import MethodCompiler
from nativegen.compiler.foreign import ForeignCode, Mode
from nativegen.compiler.verifier import verify
from nativegen.readytorun.enums import FixupKind
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Symbol
from nativegen.typesystem import Module, TypeSystem
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS
from tests.support.runtimes import framework_references

pytestmark = pytest.mark.usefixtures("inputs")

SOURCE = """
using System; using System.Reflection; using System.Runtime.CompilerServices;
public class C {
    int f; public int F { get { return f; } set { f = value; } }
    public static int Max(int a, int b) { return a > b ? a : b; }
    public static int Deep1(int x) { return Max(x, 1); } public static int Deep2(int x) { return Deep1(x); }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Marked(int x) { return x; }
    [MethodImpl(MethodImplOptions.Synchronized)] public static int Locked(int x) { return x; }
    public static void Throws() { throw new Exception(); }
    public static Assembly Asks() { return Assembly.GetExecutingAssembly(); }
    public static int Big(int x) { return x * x + x * 3 + x * x * x + x * 5 + (x << 3) + (x ^ 77); }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int BigMarked(int x) { return x * x + x * 3 + x * x * x + x * 5 + (x << 3) + (x ^ 77); }
    public static int Loop(int x) { while (x > 9) x--; return x; }
    public static int Endless(int x) { return Endless(x); }
    public static string Trace() { return Environment.StackTrace; }
}
public class Precise { static Precise() { G = 1; } static int G; public static int Get() { return G; } }
public static class Caller {
    public static int Property(C c) { return c.F; } public static void Setter(C c, int v) { c.F = v; }
    public static int Branches(int a) { return C.Max(a, 3); } public static int Nested(int a) { return C.Deep2(a); }
    public static int Marked(int a) { return C.Marked(a); } public static int Locked(int a) { return C.Locked(a); }
    public static void Throws() { C.Throws(); } public static object Asks() { return C.Asks(); }
    public static int Big(int a) { return C.Big(a); } public static int BigMarked(int a) { return C.BigMarked(a); }
    public static int Loop(int a) { return C.Loop(a); } public static int Endless(int a) { return C.Endless(a); }
    public static int Precise() { return global::Precise.Get(); } public static string Trace() { return C.Trace(); }
    public static string Foreign(Version v) { return v.Major.ToString(); }
}
"""

INLINED = ["Property", "Setter", "Branches", "Nested", "BigMarked"]
CALLED = ["Marked", "Locked", "Throws", "Asks", "Big", "Loop", "Endless", "Precise", "Trace", "Foreign"]


@pytest.fixture(scope="module", params=TARGETS)
def module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Module:
    path = compile_csharp(SOURCE, tmp_path_factory.mktemp("inlining"), "Inlining", library=True)
    system = TypeSystem(target_named(request.param), framework_references(request.param).get)
    return system.open(path)


def imported(module: Module, name: str, inlining: bool = True, foreign: ForeignCode | None = None) -> ir.Function:
    compiler = MethodCompiler(module, module.type_system.target, foreign=foreign, inlining=inlining)
    caller = module.find_type("", "Caller")
    assert caller is not None
    method = caller.find_method(name)
    assert method is not None
    function = compiler.import_method(method.rid)
    verify(function)
    return function


def own_calls(function: ir.Function) -> list[str]:
    """Names of the module's own methods that are called."""
    found = []
    for block in function.blocks:
        for instruction in block.instructions:
            if isinstance(instruction, ir.Call) and not isinstance(instruction.target, ir.Value):
                symbols = [part.name for part in instruction.target.signature if isinstance(part, Symbol)]
                found += [name for name in symbols if "::" in name and "(" in name and name.startswith("[Inlining]")]
    return found


@pytest.mark.parametrize("name", INLINED)
def test_inlined(module: Module, name: str) -> None:
    assert own_calls(imported(module, name)) == []
    assert own_calls(imported(module, name, inlining=False)) != []


@pytest.mark.parametrize("name", CALLED)
def test_not_inlined(module: Module, name: str) -> None:
    function, without = imported(module, name), imported(module, name, inlining=False)
    assert own_calls(function) == own_calls(without)
    assert len(function.blocks) == len(without.blocks)


def test_code_for_debuggers_is_not_inlined(tmp_path: Path) -> None:
    """An assembly that was built not to be optimised: the JIT would not inline in it."""
    attribute = "[assembly: System.Diagnostics.Debuggable((System.Diagnostics.DebuggableAttribute.DebuggingModes)263)]"
    head, body = SOURCE.split("public class C {", 1)
    path = compile_csharp(f"{head}{attribute}\npublic class C {{{body}", tmp_path, "Inlining", library=True)
    system = TypeSystem(target_named("9.0"), framework_references("9.0").get)
    assert own_calls(imported(system.open(path), "Property")) != []


def test_a_property_keeps_its_null_check(module: Module) -> None:
    text = [instruction for block in imported(module, "Property").blocks for instruction in block.instructions]
    assert any(isinstance(item, ir.NullCheck) for item in text)
    assert any(isinstance(item, ir.Load) and item.faulting for item in text)


# ---- across assemblies -----------------------------------------------------------------------------------------------

FOREIGN_SOURCE = """
using System; using System.Reflection; using System.Runtime.CompilerServices;
public class F {
    int f; public int G { get { return f; } }
    public interface IGet { int Get(); } public class Closed : IGet { int f; public int Get() { return f; } }
    public class Open { int f; public virtual int Get() { return f; } }
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Marked(int x) { return x; }
    public static int Throws() { throw new Exception(); }
    public static int Tries() { try { return 1; } finally { Log(); } }
    public static void Log() { Console.WriteLine("something longer than what is always inlined"); }
    public static string Here() { return Assembly.GetExecutingAssembly().FullName; }
    public static string Asks() { return Assembly.GetCallingAssembly().FullName + "asks" + Environment.NewLine + "x"; }
    public static string Forward() { return Asks(); }
    public static int Twice(F f) { return f.G + f.G; }
    public static int Invoke(Func<int> f) { return f(); }
    public static string Show(object o) { return o.ToString(); }
    public static Func<string> Make() { return Asks; }
    public static int Length(string s) { return Math.Max(s.Length, 4); }
}
public class Exactly { static Exactly() { F.Log(); } public static int Get() { return 1; } }
"""
FOREIGN_CALLERS = """
using System;
public static class Caller {
    public static int Property(F f) { return f.G; } public static int Nested(F f) { return F.Twice(f); }
    public static int Sealed(F.Closed f) { return f.Get(); }
    public static int ToFramework(string s) { return F.Length(s); }
    public static int Open(F.Open f) { return f.Get(); } public static int Marked(int a) { return F.Marked(a); }
    public static int Throws() { return F.Throws(); } public static int Tries() { return F.Tries(); }
    public static object Here() { return F.Here(); } public static object Asks() { return F.Asks(); }
    public static object Forward() { return F.Forward(); } public static object Show(object o) { return F.Show(o); }
    public static int Invoke(Func<int> f) { return F.Invoke(f); } public static object Make() { return F.Make(); }
    public static int Precise() { return Exactly.Get(); }
}
"""
FOREIGN_INLINED = ["Property", "Nested", "Sealed", "ToFramework"]
FOREIGN_CALLED = [
    "Open", "Marked", "Throws", "Tries", "Here", "Asks", "Forward", "Show", "Invoke", "Make", "Precise"
]  # fmt: skip


def callers(folder: Path, target: str, attribute: str = "") -> Module:
    source = FOREIGN_SOURCE.replace("public class F {", f"{attribute}\npublic class F {{", 1)
    library = compile_csharp(source, folder, "Lib", library=True)
    path = compile_csharp(FOREIGN_CALLERS, folder, "Callers", library=True, references=[library])
    return TypeSystem(target_named(target), (framework_references(target) | {"Lib": str(library)}).get).open(path)


def library_calls(module: Module, name: str, mode: Mode = Mode.PINNED, bound: tuple[str, ...] = ()) -> set[str]:
    """Methods of the library that a caller's code calls; and it says what it took in, or nothing."""
    function = imported(module, name, foreign=ForeignCode(module, module.type_system.target, mode, bound))
    calls = {
        part.name
        for block in function.blocks
        for instruction in block.instructions
        if isinstance(instruction, ir.Call) and not isinstance(instruction.target, ir.Value)
        for part in instruction.target.signature
        if isinstance(part, Symbol) and "[Lib]" in part.name
    }
    recorded = [use for use in function.foreign if use.assembly == "Lib"]
    assert bool(recorded) is not bool(calls)
    assert not any(part == FixupKind.Check_IL_Body for cell in function.required for part in cell.signature[:1])
    return calls


@pytest.mark.parametrize("target", TARGETS)
def test_across_assemblies(tmp_path: Path, target: str) -> None:
    module = callers(tmp_path, target)
    assert [name for name in FOREIGN_INLINED if library_calls(module, name)] == []
    assert [name for name in FOREIGN_CALLED if not library_calls(module, name)] == []


@pytest.mark.parametrize("target", TARGETS)
def test_not_across_assemblies_in_images_that_nobody_compares(tmp_path: Path, target: str) -> None:
    module = callers(tmp_path, target)
    unnamed = ["ToFramework"] if target == "3.1" else []  # our metadata has no row for Math.Max
    bound = ("lib",)
    for mode in (Mode.RESILIENT, Mode.GUARDED):
        assert [name for name in FOREIGN_INLINED if not library_calls(module, name, mode)] == []
        assert [name for name in FOREIGN_INLINED if library_calls(module, name, mode, bound)] == unnamed
        assert [name for name in FOREIGN_CALLED if not library_calls(module, name, mode, bound)] == []


def test_not_from_an_assembly_that_was_built_for_debuggers(tmp_path: Path) -> None:
    attribute = "[assembly: System.Diagnostics.Debuggable((System.Diagnostics.DebuggableAttribute.DebuggingModes)263)]"
    module = callers(tmp_path, "9.0", attribute)
    assert [name for name in FOREIGN_INLINED if not library_calls(module, name)] == []


@pytest.mark.parametrize("target", TARGETS)
def test_where_fields_are_is_known_in_what_is_bound_hard(tmp_path: Path, target: str) -> None:
    """The runtime only checks it; of other assemblies' classes it has to tell."""
    module = callers(tmp_path, target)
    for mode, bound, kinds in ((Mode.PINNED, (), ["FieldOffset"]), (Mode.RESILIENT, ("lib",), ["Check_FieldOffset"])):
        function = imported(module, "Property", foreign=ForeignCode(module, module.type_system.target, mode, bound))
        cells = [*function.required]
        for block in function.blocks:
            cells += [item.cell for item in block.instructions if isinstance(item, ir.LoadCell)]
        first = [cell.signature[0] for cell in cells]
        numbers = [part[0] if isinstance(part, bytes) else part for part in first if not isinstance(part, Symbol)]
        assert [FixupKind(number & 0x7F).name for number in numbers] == kinds
