"""Instances of other assemblies' generics in our image: found by the runtime, right, and gone when a body has changed.

Only on runtimes that look for them there (``Target.foreign_generic_instances``); on others the image has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from nativegen.compiler import context
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest
from tests.support.csharp import compile_csharp
from tests.support.differential import run_differential
from tests.support.paths import TestInputs

pytestmark = pytest.mark.runtime

FOREIGN = Path(__file__).parent / "foreign"

# The JIT gives these a meaning of its own, or its optimisers look inside them and never call them.
LEFT_TO_THE_JIT = ("Unsafe", "RuntimeHelpers", "MemoryMarshal", "SpanHelpers", "Vector")


# A start of 10.0's host takes three times that of 9.0: most of its runs are in the sweep.
LOOKED_UP = ["9.0", pytest.param("10.0", marks=pytest.mark.sweep)]


@pytest.mark.parametrize("target", LOOKED_UP)
def test_collections_over_own_structs(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    run = run_differential(
        (FOREIGN / "Collections.cs").read_text("utf-8"),
        tmp_path,
        native=["Program::*", "MyS::*"],
        compiler="roslyn",
        target="9.0",
        runtimes=[target],
        gc_stress=True,
        options=CompileOptions(mode="guarded"),
    )[target]
    over_own = [record for record in run.methods.methods if "[MyS" in record.full_name or ",MyS" in record.full_name]
    assert len(over_own) > 150
    jitted = [
        record.full_name
        for record in over_own
        if record.state != "native" and not any(name in record.full_name for name in LEFT_TO_THE_JIT)
    ]
    assert not jitted
    report = run.reports["program"]
    assert report.foreign and all(instance.needed_by for instance in report.instances)


def _all_native(source: str, tmp_path: Path, mode: str, target: str = "9.0") -> None:
    text = (FOREIGN / f"{source}.cs").read_text("utf-8")
    run_differential(
        text,
        tmp_path,
        native="*",
        compiler="roslyn",
        target="9.0",
        runtimes=[target],
        gc_stress=True,
        options=CompileOptions(mode=mode),
    )


WITH_STATIC_FIELDS = (
    "*AsyncStateMachineBox`1[System.__Canon,Program+<Later>*::MoveNext",
    "*AsyncStateMachineBox`1[System.__Canon,Program+<Later>*::.cctor",
    "*ConcurrentDictionary`2[MyS,System.__Canon]::TryAddInternal",
)


@pytest.mark.parametrize("expected", ["right", "wrong"])
def test_static_fields_in_shared_code(
    inputs: TestInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: str
) -> None:
    """The runtime checks where they are: when they are somewhere else, the JIT compiles the method."""
    if expected == "wrong":
        place = context.static_field_place
        monkeypatch.setattr(context, "static_field_place", lambda *given: (True, place(*given)[1] + 8))
    run = run_differential(
        (FOREIGN / "Statics.cs").read_text("utf-8"),
        tmp_path,
        native=["Program::*", "Program+<*>*::MoveNext"],
        compiler="roslyn",
        target="9.0",
        runtimes=["9.0"],
        gc_stress=expected == "right",
        options=CompileOptions(mode="guarded"),
    )["9.0"]
    for pattern in WITH_STATIC_FIELDS:
        states = {record.state for record in run.methods.find(pattern)}
        assert states == {"native" if expected == "right" else "jitted"}, pattern


@pytest.mark.parametrize("source", ["StaticAbstract", "Modern"])
def test_csharp_12(inputs: TestInputs, tmp_path: Path, source: str) -> None:
    """What C# makes of generics, all of it native; the framework's own instances are jitted."""
    _all_native(source, tmp_path, "resilient")


@pytest.mark.sweep
@pytest.mark.parametrize("target", ["9.0", "10.0"])
@pytest.mark.parametrize("mode", ["guarded", "pinned"])
def test_csharp_12_with_the_frameworks_generics(inputs: TestInputs, tmp_path: Path, mode: str, target: str) -> None:
    _all_native("Modern", tmp_path, mode, target)


@pytest.mark.parametrize(("target", "mode"), [("3.1", "pinned"), ("9.0", "resilient")])
def test_where_there_are_none(inputs: TestInputs, tmp_path: Path, target: str, mode: str) -> None:
    source = """
        public struct S { public int a; }
        public class P { public static int M() { return new System.Collections.Generic.List<S> { new S() }.Count; } }
    """
    path = compile_csharp(source, tmp_path, "None", library=True)
    references = {file.stem: str(file) for file in inputs.framework(target).glob("*.dll")}
    report = compile_file(
        CompileRequest(
            str(path), str(tmp_path / "image"), target, references, CompileOptions(mode=mode, inline=False)
        )
    )
    assert not report.instances and not report.foreign


POOL = """
using System.Collections.Generic;
public class Pool<K, V>
{
    static int made;
    static readonly Stack<Pool<K, V>> free = new Stack<Pool<K, V>>();
    public V Value;
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    public static Pool<K, V> Get(V value)
    {
        Pool<K, V> found = free.Count > 0 ? free.Pop() : new Pool<K, V>();
        made++;
        found.Value = value;
        return found;
    }
    public int Free() { free.Push(this); return made; }
}
"""
POOLED = """
using System;
static class Program
{
    static int Main()
    {
        for (int i = 0; i < 5; i++) Console.WriteLine(Pool<string, int>.Get(i).Value + Pool<object, int>.Get(i).Free());
        return 0;
    }
}
"""


@pytest.mark.parametrize(("mode", "state"), [("pinned", "native"), ("guarded", "jitted")])
def test_static_fields_of_a_librarys_generics(inputs: TestInputs, tmp_path: Path, mode: str, state: str) -> None:
    """A pinned image records them; where the runtime has to check, it would not see that one became thread-static."""
    run = run_differential(
        POOLED,
        tmp_path,
        native=["Program::*"],
        compiler="roslyn",
        target="9.0",
        runtimes=["9.0"],
        libraries={"Lib": POOL},
        images=["program"],
        options=CompileOptions(mode=mode),
    )["9.0"]
    assert run.state("Pool`2[System.__Canon,System.Int32]::Get") == state
    kinds = {use.kind for use in run.reports["program"].foreign}
    assert ("statics" in kinds) is (mode == "pinned")


OWN_CODE = """
using System;
using System.Runtime.CompilerServices;
static class Program
{
    const MethodImplOptions NI = MethodImplOptions.NoInlining;
    [MethodImpl(NI)] static T[] None<T>() { return Pool<T, int>.None; }
    [MethodImpl(NI)] static int Made<T>(int by)
    {
        Pool<T, int>.Offset = by;
        Pool<T, int>.Made += by;
        return Pool<T, int>.Made;
    }
    static int Main()
    {
        Console.WriteLine(None<string>().Length + None<object>().Length);
        Console.WriteLine(Made<string>(3) + Made<object>(4) + Made<string>(5));
        Console.WriteLine(None<string>() == None<string>());
        return 0;
    }
}
"""
OWN_LIBRARY = """
public class Pool<K, V>
{
    public static long First = 1; public static int Offset = 2, Made = 100;
    public static readonly V[] Others = new V[0]; public static readonly K[] None = new K[0];
}
"""


@pytest.mark.parametrize("target", ["3.1", "9.0"])
@pytest.mark.parametrize("mode", ["pinned", "guarded"])
def test_static_fields_of_a_librarys_generics_in_own_code(
    inputs: TestInputs, tmp_path: Path, mode: str, target: str
) -> None:
    """Code of our own that reference types share names them; only what a pinned image records it may rely on."""
    names = ["Program::None", "Program::Made"]
    run = run_differential(
        OWN_CODE,
        tmp_path,
        native=["Program::Main", *(names if mode == "pinned" else [])],
        excluded={} if mode == "pinned" else dict.fromkeys(names, "generic-code"),
        compiler="roslyn",
        target=target,
        runtimes=[target],
        gc_stress=True,
        libraries={"Lib": OWN_LIBRARY},
        images=["program"],
        options=CompileOptions(mode=mode),
    )[target]
    assert ("statics" in {use.kind for use in run.reports["program"].foreign}) is (mode == "pinned")


def test_static_fields_of_the_frameworks_generics_in_own_code(inputs: TestInputs, tmp_path: Path) -> None:
    """The runtime checks where they are."""
    source = """
    using System;
    using System.Collections.Immutable;
    using System.Runtime.CompilerServices;
    class Bag<T>
    {
        const MethodImplOptions NI = MethodImplOptions.NoInlining;
        [MethodImpl(NI)] public ImmutableArray<T> Items(T[] from) =>
            from == null ? ImmutableArray<T>.Empty : ImmutableArray.Create(from);
        [MethodImpl(NI)] public ImmutableHashSet<T> Set() => ImmutableHashSet<T>.Empty;
    }
    static class Program
    {
        static int Main()
        {
            var bag = new Bag<string>();
            Console.WriteLine(bag.Items(null).Length + bag.Items(new[] { "a" }).Length + bag.Set().Count);
            Console.WriteLine(new Bag<object>().Items(null).Length);
            return 0;
        }
    }
    """
    run_differential(
        source,
        tmp_path,
        native=["Program::*", "Bag`1::*"],
        compiler="roslyn",
        target="9.0",
        runtimes=["9.0"],
        gc_stress=True,
        options=CompileOptions(mode="guarded"),
    )


LIBRARY = """
using System;
using System.Collections.Generic;
public class Same<T> { public T V; public virtual string Show() { return "same " + V; } }
public class Changed<T>
{
    public T V;
    public virtual string Show() { return "BODY " + V; }
    public string Kept() { return "kept " + V; }
}
public class Grown<T> { FIELD public T V; public string Show() { return "grown " + V; } }
public static class Catch
{
    public static int Done;
    public static string Try<T>(Func<T> f)
    {
        try { return "ok " + f(); }
        catch (InvalidOperationException e) { return "LITERAL " + e.Message; }
        finally { Done++; }
    }
}
"""
PROGRAM = """
using System;
using System.Runtime.CompilerServices;
public struct S { public int A; public string B; public override string ToString() { return A + B; } }
static class Program
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    static string Use(S s)
    {
        var changed = new Changed<S> { V = s };
        return new Same<S> { V = s }.Show() + changed.Show() + changed.Kept() + new Grown<S> { V = s }.Show()
            + Catch.Try(() => s) + Catch.Try<S>(() => throw new InvalidOperationException("x")) + Catch.Done;
    }
    static int Main() { Console.WriteLine(Use(new S { A = 4, B = "b" })); return 0; }
}
"""


def _library(body: str, literal: str, field: str = "") -> str:
    return LIBRARY.replace("BODY", body).replace("LITERAL", literal).replace("FIELD", field)


@pytest.mark.parametrize("target", ["9.0", "10.0"])
def test_a_changed_body_is_not_used(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    """The library was rebuilt after the image had been made: its new bodies run, from IL."""
    old = compile_csharp(
        _library("first", "caught"), tmp_path / "old", "Lib", library=True, compiler="roslyn", target="9.0"
    )

    def compile_image(source: Path, output: Path, target: str, references: Mapping[str, str]) -> CompileReport:
        known = {**references, "Lib": str(old)}
        return compile_file(CompileRequest(str(source), str(output), target, known, CompileOptions(mode="guarded")))

    work = tmp_path / "work"
    work.mkdir()
    run = run_differential(
        PROGRAM,
        work,
        native=["Program::*"],
        compiler="roslyn",
        target="9.0",
        runtimes=[target],
        libraries={"Lib": _library("second", "seized", "public long More;")},
        images=["program"],
        compile_image=compile_image,
    )[target]
    assert b"second 4b" in run.native.stdout and b"seized x" in run.native.stdout
    assert run.state("Same`1[S]::Show") == "native" and run.state("Changed`1[S]::Kept") == "native"
    assert run.state("Changed`1[S]::Show") == "jitted" and run.state("Catch::Try") == "jitted"
