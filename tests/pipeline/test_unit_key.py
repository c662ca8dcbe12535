"""What changes the key of a method, and what must not; with small programs compiled before and after an edit."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly, Table
from nativegen.pipeline.eligibility import methods_with_cil
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.request import CompileOptions
from nativegen.pipeline.unit_key import UnitKeys
from nativegen.readytorun.targets import target_named
from nativegen.typesystem import Module, TypeSystem
from tests.pipeline.support import compiled, keys_of, references, with_new_mvid
from tests.support.csharp import assemble_il, compile_csharp
from tests.support.paths import TARGETS

pytestmark = pytest.mark.usefixtures("inputs")

_M = "A::M"
_PACKED = "[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Pack=1)]"

_IMPLEMENTATION = "System.Runtime.CompilerServices.MethodImpl"
_APART = f"[{_IMPLEMENTATION}({_IMPLEMENTATION}Options.NoInlining)]"
_MARKED = f"[{_IMPLEMENTATION}((System.Runtime.CompilerServices.MethodImplOptions) 256)]"

#: (name, before, after): the key of A::M changes.
CHANGES = [
    ("body", "class A { int M() { return 1; } }", "class A { int M() { return 2; } }"),
    ("string", 'class A { string M() { return "x"; } }', 'class A { string M() { return "y"; } }'),
    ("large_constant", "class A { double M() { return 1.5; } }", "class A { double M() { return 2.5; } }"),
    ("name_of_owner", "class A { class I { } object M() { return 1; } }", "class A { object M() { return 1L; } }"),
    ("local_type", "class A { void M() { int a; N(out a); } void N(out int a) { a = 1; } }",
     "class A { void M() { long a; N(out a); } void N(out long a) { a = 1; } }"),
    ("own_flags", "class A { void M() { } }", "class A { public void M() { } }"),
    ("own_static", "class A { void M() { } }", "class A { static void M() { } }"),
    ("own_attribute", "class A { void M() { } }", "class A { [System.Obsolete] void M() { } }"),
    ("own_impl_flags", "class A { void M() { } }",
     "class A { [System.Runtime.CompilerServices.MethodImpl("
     "System.Runtime.CompilerServices.MethodImplOptions.NoInlining)] void M() { } }"),
    ("own_result", "class A { int M() { return 1; } }", "class A { short M() { return 1; } }"),
    ("static_constructor", "class A { static int F; static void M() { } }",
     "class A { static int F; static A() { F = 3; } static void M() { } }"),
    ("before_field_init", "class A { static int F = 3; static void M() { } }",
     "class A { static int F = 3; static A() { } static void M() { } }"),
    ("owner_kind", "class A { int x; void M() { } }", "struct A { int x; void M() { } }"),
    ("owner_sealed", "class A { void M() { } }", "sealed class A { void M() { } }"),
    ("owner_base", "class A { void M() { } } class B { }", "class A : B { void M() { } } class B { }"),
    ("owner_interface", "class A { void M() { } } interface I { }", "class A : I { void M() { } } interface I { }"),
    ("callee", "class A { void M() { N(); } void N() { } void O() { } }",
     "class A { void M() { O(); } void N() { } void O() { } }"),
    ("callee_signature", "class A { void M() { N(1); } void N(int x) { } }",
     "class A { void M() { N(1); } void N(uint x) { } }"),
    ("callee_virtual", "class A { void M() { this.N(); } public void N() { } }",
     "class A { void M() { this.N(); } public virtual void N() { } }"),
    ("callee_attribute", "class A { void M() { N(); } void N() { } }",
     "class A { void M() { N(); } [System.Diagnostics.DebuggerHidden] void N() { } }"),
    ("callee_owner", "class A { void M() { B.N(); } } class B { public static int N() { return 1; } }",
     "class A { void M() { B.N(); } } class B { static int F = 2; public static int N() { return 1; } }"),
    ("field_type", "class A { int f; object M() { return f == 1; } }",
     "class A { uint f; object M() { return f == 1; } }"),
    ("field_offset", "class A { int f; int M() { return f; } }", "class A { int g; int f; int M() { return f; } }"),
    ("field_of_base", "class B { protected int b; } class A : B { int f; int M() { return f; } }",
     "class B { protected int b, c; } class A : B { int f; int M() { return f; } }"),
    ("field_static", "class A { int f; int M() { return new A().f; } }",
     "class A { static int f; int M() { new A(); return f; } }"),
    ("thread_static", "class A { static int f; int M() { return f; } }",
     "class A { [System.ThreadStatic] static int f; int M() { return f; } }"),
    ("thread_static_beside",
     "class A { int M() { return G<A>.f; } } class G<T> { static int g; internal static int f; }",
     "class A { int M() { return G<A>.f; } } "
     "class G<T> { [System.ThreadStatic] static int g; internal static int f; }"),
    ("struct_layout", "struct S { int a; } class A { S M(S s) { return s; } }",
     "struct S { int a; int b; } class A { S M(S s) { return s; } }"),
    ("struct_field_kind", "struct S { int a; } class A { S M(S s) { return s; } }",
     "struct S { float a; } class A { S M(S s) { return s; } }"),
    ("struct_field_order", "struct S { int a; byte b; } class A { S M(S s) { return s; } }",
     "struct S { byte b; int a; } class A { S M(S s) { return s; } }"),
    ("struct_packing", "struct S { byte a; int b; } class A { S M(S s) { return s; } }",
     _PACKED + "struct S { byte a; int b; } class A { S M(S s) { return s; } }"),
    ("inner_struct", "struct I { int a; } struct S { I i; } class A { S M(S s) { return s; } }",
     "struct I { long a; } struct S { I i; } class A { S M(S s) { return s; } }"),
    ("struct_in_array", "struct S { int a; } class A { S M(S[] s) { return s[0]; } }",
     "struct S { int a; int b; } class A { S M(S[] s) { return s[0]; } }"),
    ("struct_in_generic", "struct S { int a; } struct G<T> { T t; } class A { G<S> M(G<S> s) { return s; } }",
     "struct S { int a; int b; } struct G<T> { T t; } class A { G<S> M(G<S> s) { return s; } }"),
    ("struct_in_callee", "struct S { int a; } class A { void M() { N(); } S N() { return new S(); } }",
     "struct S { int a; int b; } class A { void M() { N(); } S N() { return new S(); } }"),
    ("struct_local", "struct S { int a; } class A { void M() { S s; N(out s); } void N(out S s) { s = new S(); } }",
     "struct S { object a; } class A { void M() { S s; N(out s); } void N(out S s) { s = new S(); } }"),
    ("struct_override", "struct S { int a; } class A { string M(S s) { return s.ToString(); } }",
     'struct S { int a; public override string ToString() { return ""; } } '
     "class A { string M(S s) { return s.ToString(); } }"),
    ("enum_type", "enum E { X } class A { E M(E e) { return e; } }",
     "enum E : long { X } class A { E M(E e) { return e; } }"),
    ("type_argument", "class A { object M() { return new System.Collections.Generic.List<int>(); } }",
     "class A { object M() { return new System.Collections.Generic.List<uint>(); } }"),
    ("method_argument", "class A { void M() { N<int>(); } void N<T>() { } }",
     "class A { void M() { N<uint>(); } void N<T>() { } }"),
    ("constraint", "class A { void M() { N<int>(); } void N<T>() { } }",
     "class A { void M() { N<int>(); } void N<T>() where T : struct { } }"),
    ("catch_type", "class A { void M() { try { N(); } catch (System.ArgumentException) { } } void N() { } }",
     "class A { void M() { try { N(); } catch (System.FormatException) { } } void N() { } }"),
    ("catch_or_finally", "class A { void M() { try { N(); } catch { } } void N() { } }",
     "class A { void M() { try { N(); } finally { } } void N() { } }"),
    ("initial_data", "class A { int[] M() { return new int[] { 1, 2, 3, 4, 5 }; } }",
     "class A { int[] M() { return new int[] { 1, 2, 3, 4, 6 }; } }"),
    ("cast_target_sealed", "class B { } class A { object M(object o) { return o as B; } }",
     "sealed class B { } class A { object M(object o) { return o as B; } }"),
    ("cast_target_base", "class C { } class B { } class A { object M(object o) { return o as B; } }",
     "class C { } class B : C { } class A { object M(object o) { return o as B; } }"),
    ("native_entry", 'class A { [System.Runtime.InteropServices.DllImport("c")] static extern int f(); '
     "int M() { return f(); } }",
     'class A { [System.Runtime.InteropServices.DllImport("c", SetLastError = true)] static extern int f(); '
     "int M() { return f(); } }"),
    ("switch", "class A { int M(int x) { switch (x) { case 0: return 7; case 1: return N(); case 2: return 9; "
     "case 3: return 4; } return 1; } int N() { return 1; } }",
     "class A { int M(int x) { switch (x) { case 0: return 7; case 1: return N(); case 2: return 9; "
     "case 3: return 5; } return 1; } int N() { return 1; } }"),
    ("small_callee", "class A { int M() { return N(); } int N() { return 1; } }",
     "class A { int M() { return N(); } int N() { return 2; } }"),
    ("small_callee_of_callee", "class A { int M() { return N(); } int N() { return O(); } int O() { return 1; } }",
     "class A { int M() { return N(); } int N() { return O(); } int O() { return 2; } }"),
    ("small_generic_callee",
     "class A { int M() { return G<int>.N(1); } } class G<T> { public static T N(T x) { return x; } }",
     "class A { int M() { return G<int>.N(1); } } class G<T> { public static T N(T x) { x = x; return x; } }"),
    ("field_of_small_callee",
     "class A { int M() { return new B().N(); } } class B { int f; public int N() { return f; } }",
     "class A { int M() { return new B().N(); } } class B { long f; public int N() { return (int) f; } }"),
    ("marked_callee",
     f"class A {{ int M() {{ return N(2); }} {_MARKED} int N(int x) {{ return x * x * x + x * x + 9; }} }}",
     f"class A {{ int M() {{ return N(2); }} {_MARKED} int N(int x) {{ return x * x * x + x * x + 8; }} }}"),
    ("callees_of_each_other",
     "class A { int M() { return N(); } int N() { return O(); } int O() { N(); return 1; } }",
     "class A { int M() { return N(); } int N() { return O(); } int O() { N(); return 2; } }"),
]  # fmt: skip

_OTHER = (
    "struct S { public int a; } enum E { X } delegate int D(int x);"
    "class A { int f; static int g; E e; int M(S s) { try { f = s.a + N(1) + g; } catch { f = 1; } "
    'System.Console.WriteLine("x" + f); D d = N; return d(2) + new System.Collections.Generic.List<S>().Count + '
    "(int)e; } [System.Runtime.CompilerServices.MethodImpl("
    "System.Runtime.CompilerServices.MethodImplOptions.NoInlining)] int N(int x) { return %s; } %s } %s"
)

#: (name, before, after): the key of A::M stays, although rows, tokens, heaps and RVAs shift.
SAME = [
    ("callee_body", _OTHER % ("x", "", ""), _OTHER % ("x + 5", "", "")),
    ("string_elsewhere", _OTHER % ("x", "", ""), _OTHER % ('"aaa".Length', "", "")),
    ("member_reference_elsewhere", _OTHER % ("x", "", ""), _OTHER % ("System.Math.Abs(x)", "", "")),
    ("type_reference_elsewhere", _OTHER % ("x", "", ""), _OTHER % ("new System.Text.StringBuilder().Length", "", "")),
    ("local_elsewhere", _OTHER % ("x", "int O() { return 1; }", ""),
     _OTHER % ("x", "int O() { long a; P(out a); return (int)a; } void P(out long a) { a = 1; }", "")),
    ("method", _OTHER % ("x", "", ""), _OTHER % ("x", "public virtual void O() { }", "")),
    ("static_field", _OTHER % ("x", "", ""), _OTHER % ("x", "static int h;", "")),
    ("constant", _OTHER % ("x", "", ""), _OTHER % ("x", "const int H = 1;", "")),
    ("property", _OTHER % ("x", "", ""), _OTHER % ("x", "static int P { get; set; }", "")),
    ("class_behind", _OTHER % ("x", "", ""), _OTHER % ("x", "", "class Z { void Q() { } }")),
    ("class_before", _OTHER % ("x", "", ""), "class B { int q; void Q() { } }" + _OTHER % ("x", "", "")),
    ("nested_class", _OTHER % ("x", "", ""), _OTHER % ("x", "class Z { int q; }", "")),
    ("lambda_elsewhere", _OTHER % ("x", "", ""),
     _OTHER % ("x", "", "class Z { System.Func<int> Q(int a) { return () => a; } }")),
    ("data_elsewhere", _OTHER % ("x", "", ""), _OTHER % ("x", "", "class Z { int[] Q = { 1, 2, 3, 4, 5, 6 }; }")),
    ("reordered", _OTHER % ("x", "void O() { } int P() { return 1; }", ""),
     _OTHER % ("x", "int P() { return 1; } void O() { }", "")),
    ("field_of_another_class", _OTHER % ("x", "", "class Z { int a; void Q() { a = 1; } }"),
     _OTHER % ("x", "", "class Z { int b; int a; void Q() { a = 1; } }")),
    ("version", _OTHER % ("x", "", ""),
     '[assembly: System.Reflection.AssemblyInformationalVersion("7+abc")]' + _OTHER % ("x", "", "")),
    ("switch_callee", "class A { int M(int x) { switch (x) { case 0: return 7; case 1: return N(); case 2: return 9; "
     f"case 3: return 4; }} return 1; }} {_APART} int N() {{ return 1; }} }}",
     "class A { void K() { } int M(int x) { switch (x) { case 0: return 7; case 1: return N(); case 2: return 9; "
     f"case 3: return 4; }} return 1; }} {_APART} int N() {{ return 2; }} }}"),
    ("large_callee", "class A { int M() { return N(1); } int N(int x) { return x * x + x * x * x + x * x * x * x; } }",
     "class A { int M() { return N(1); } int N(int x) { return x * x + x * x * x + x * x * x * 7; } }"),
]  # fmt: skip

_APP = "class A { int f; object M(L.C c, L.S s) { c.N(s); return s.ToString() + c.f + L.G<L.S>.Make(s).t + (L.E)f; } }"
_LIB = (
    "namespace L { public enum E { X } public struct S { public int a; %s } "
    "public struct G<T> { public T t; public static G<T> Make(T x) { return new G<T>(); } } "
    "public class C { public int f; %s public %s void N(S s) { %s } } }"
)

#: (name, library before, library after, whether the key of A::M, which stays as it is, changes).
LIBRARY = [
    ("body", _LIB % ("", "", "", ""), _LIB % ("", "", "", "f = 3;"), False),
    ("method", _LIB % ("", "", "", ""), _LIB % ("", "public void O() { }", "", ""), False),
    ("static_field", _LIB % ("", "", "", ""), _LIB % ("", "public static int h;", "", ""), False),
    ("struct", _LIB % ("", "", "", ""), _LIB % ("int b;", "", "", ""), True),
    ("struct_override", _LIB % ("", "", "", ""),
     _LIB % ('public override string ToString() { return ""; }', "", "", ""), True),
    ("class_field", _LIB % ("", "", "", ""), _LIB % ("", "int private_field;", "", ""), True),  # c.f is read
    ("virtual", _LIB % ("", "", "", ""), _LIB % ("", "", "virtual", ""), True),
    ("attribute", _LIB % ("", "", "", ""),
     (_LIB % ("", "", "", "")).replace("public class", "[System.Obsolete] public class"), True),
    ("enum", _LIB % ("", "", "", ""), (_LIB % ("", "", "", "")).replace("E {", "E : short {"), True),
    ("generic_struct", _LIB % ("", "", "", ""), (_LIB % ("", "", "", "")).replace("T t;", "T t; public T u;"), True),
    ("constructor", _LIB % ("", "", "", ""), _LIB % ("", "static C() { }", "", ""), True),
]  # fmt: skip


def _key(source: str, folder: Path, options: CompileOptions | None = None) -> bytes:
    return keys_of(compile_csharp(source, folder, "Keyed", library=True), options=options)[_M]


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_changes(before: str, after: str, tmp_path: Path) -> None:
    assert _key(before, tmp_path / "1") != _key(after, tmp_path / "2")


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_stays(before: str, after: str, tmp_path: Path) -> None:
    assert _key(before, tmp_path / "1") == _key(after, tmp_path / "2")


@pytest.mark.parametrize(("before", "after", "changes"), [row[1:] for row in LIBRARY], ids=[row[0] for row in LIBRARY])
def test_library(before: str, after: str, changes: bool, tmp_path: Path) -> None:
    old = compile_csharp(before, tmp_path / "1", "L", library=True)
    new = compile_csharp(after, tmp_path / "2", "L", library=True)
    app = compile_csharp(_APP, tmp_path, "App", library=True, references=[old])
    assert (keys_of(app, old)[_M] != keys_of(app, new)[_M]) == changes


_TAKEN_IN = "class A { int M(L l) { return l.G; } int O() { return %s; } }"
_GIVING = (
    "%s public class L { int f, g; public int G { get { return %s; } } int Nested() { return %s; } "
    "public static int Long(int x) { return x * x + x * x * x + x * x * %s; } }"
)

#: (name, library after; before: f, f, 3), whether the key of A::M changes where the library's bodies may be taken in.
TAKEN_IN = [
    ("body", ("", "g", "f", "3"), True),
    ("nested", ("", "Nested()", "f", "3"), True),
    ("not_reached", ("", "f", "g", "3"), False),
    ("long", ("", "f", "f", "4"), False),
    ("optimised", ("[assembly: System.Diagnostics.Debuggable(true, true)]", "f", "f", "3"), True),
]
_RESILIENT, _PINNED = CompileOptions(), CompileOptions(mode="pinned")
_BOUND, _OTHER_BOUND = CompileOptions(hard_bound=("l",)), CompileOptions(hard_bound=("k",))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("after", "changes"), [row[1:] for row in TAKEN_IN], ids=[row[0] for row in TAKEN_IN])
def test_small_bodies_of_a_library(after: tuple[str, ...], changes: bool, target: str, tmp_path: Path) -> None:
    old = compile_csharp(_GIVING % ("", "f", "f", "3"), tmp_path / "1", "L", library=True)
    new = compile_csharp(_GIVING % after, tmp_path / "2", "L", library=True)
    app = compile_csharp(_TAKEN_IN % "1", tmp_path, "App", library=True, references=[old])
    for options, matters in ((_RESILIENT, False), (_PINNED, True), (_BOUND, True), (_OTHER_BOUND, False)):
        keys = [keys_of(app, library, target=target, options=options)[_M] for library in (old, new)]
        assert (keys[0] != keys[1]) == (changes and matters), options


@pytest.mark.parametrize("target", TARGETS)
def test_rows_that_name_what_is_in_foreign_bodies(target: str, tmp_path: Path) -> None:
    """3.1 can only name what our own metadata has rows for; an edit elsewhere may add one."""
    giving = "public class L { public int G { get { return System.GC.CollectionCount(0); } } }"
    library = compile_csharp(giving, tmp_path, "L", library=True)
    images, keys, taken = [], [], []
    for number, other in enumerate(("1", "System.GC.CollectionCount(1)", "System.Math.Abs(3)")):
        folder, store = tmp_path / str(number), tmp_path / "store"
        app = compile_csharp(_TAKEN_IN % other, folder, "App", library=True, references=[library])
        keys.append(keys_of(app, library, target=target, options=_PINNED)[_M])
        warm, _ = compiled(app, folder / "1", library, target=target, store=store, options=_PINNED)
        clean, report = compiled(app, folder / "2", library, target=target, options=_PINNED)
        images.append((warm, clean))
        taken.append("L" in {use.assembly for use in report.foreign})
    assert all(warm == clean for warm, clean in images)
    assert taken == ([False, True, False] if target == "3.1" else [True] * 3)
    assert keys[0] == keys[2] and (keys[0] != keys[1]) == (target == "3.1")


def test_missing_library_changes_the_key(tmp_path: Path) -> None:
    library = compile_csharp(_LIB % ("", "", "", ""), tmp_path, "L", library=True)
    app = compile_csharp(_APP, tmp_path, "App", library=True, references=[library])
    assert keys_of(app, library)[_M] != keys_of(app)[_M]


def test_options_and_target(tmp_path: Path) -> None:
    path = compile_csharp(_OTHER % ("x", "", ""), tmp_path, "Keyed", library=True)
    plain = keys_of(path)
    for options in (
        CompileOptions(effort="full"),
        CompileOptions(debug=True),
        CompileOptions(profile=True),
        CompileOptions(instruction_set=("avx2",)),
    ):
        assert not set(plain.values()) & set(keys_of(path, options=options).values())
    assert not set(plain.values()) & set(keys_of(path, target="9.0").values())
    moved = replace(CompileOptions(), image_base=0x200000000, from_native=True)
    assert plain == keys_of(path, options=moved), "neither shapes a method"


def test_assembly_attributes_that_shape_code(tmp_path: Path) -> None:
    source = _OTHER % ("x", "", "")
    attribute = "[assembly: System.Runtime.CompilerServices.RuntimeCompatibility(WrapNonExceptionThrows = false)]"
    assert _key(source, tmp_path / "1") != _key(attribute + source, tmp_path / "2")


def test_a_rebuild_has_the_same_keys(tmp_path: Path) -> None:
    path = compile_csharp(_OTHER % ("x", "", ""), tmp_path, "Keyed", library=True)
    rebuilt = with_new_mvid(path, tmp_path / "rebuilt.dll")
    assert Assembly.open(rebuilt).mvid != Assembly.open(path).mvid
    assert keys_of(rebuilt) == keys_of(path)


def test_equal_bodies_of_different_methods_differ(tmp_path: Path) -> None:
    keys = keys_of(compile_csharp("class A { int M() { return 1; } int N() { return 1; } }", tmp_path, "K",
                                  library=True))  # fmt: skip
    assert len(set(keys.values())) == len(keys)


_INHERITED = """
.assembly extern mscorlib {} .assembly Inherited {}
.class interface public abstract J { .method public abstract virtual instance void F() cil managed { } }
.class interface public abstract I %s { }
.class public sequential sealed S extends [mscorlib]System.ValueType implements I {
  .field int32 a
  .method public virtual instance void F() cil managed { ret }
}
.class public A extends [mscorlib]System.Object {
  .method public static void M(valuetype S s) cil managed { ldarga s constrained. S callvirt instance void J::F() ret }
}
"""


def test_interfaces_that_interfaces_inherit(tmp_path: Path) -> None:
    """Compilers list all interfaces of a type; metadata written otherwise need not."""
    keys = []
    for number, parents in enumerate(("", "implements J")):
        path = assemble_il(_INHERITED % parents, tmp_path / str(number), "Inherited", library=True)
        keys.append(keys_of(path)["A::M"])
    assert keys[0] != keys[1]


def test_attributes_for_compilers_are_not_in_keys(tmp_path: Path) -> None:
    """Roslyn marks a class as nullable-aware when it gains a generic method; nothing is compiled differently."""
    keys, marks = [], []
    for number, more in enumerate(("", "public U New<U>(U x) { return x; }")):
        source = (
            f"public class A {{ public string M(object o) {{ return null; }} public int N() {{ return 1; }} {more} }}"
        )
        path = compile_csharp(source, tmp_path / str(number), "Keyed", library=True, compiler="roslyn")
        keys.append(keys_of(path))
        assembly = Assembly.open(path)
        rids = range(1, assembly.row_count(Table.TypeDef) + 1)
        owner = next(rid for rid in rids if assembly.type_full_name(rid) == "A")
        marks.append(len(list(assembly.custom_attributes(Table.TypeDef << 24 | owner))))
    assert marks == [0, 2], "or the test proves nothing"
    assert keys[0]["A::N"] == keys[1]["A::N"]


def test_keys_do_not_depend_on_what_else_is_compiled(tmp_path: Path) -> None:
    """Whether a reference becomes an image moves fields of classes with foreign bases; no code has their places."""
    base = compile_csharp("public class E { byte e; }", tmp_path, "Base", library=True)
    library = compile_csharp(
        "public class B { public int b; } public struct S { public int a; } public class D : E { public byte d; }",
        tmp_path, "Lib", library=True, references=[base])  # fmt: skip
    source = "public class A { int M(B b) { return b.b; } int N(S s) { return s.a; } int O(D d) { return d.d; } }"
    path = compile_csharp(source, tmp_path, "Keyed", library=True, references=[library, base])
    found, places = [], []
    for opened in ([], [library]):
        system = TypeSystem(target_named("3.1"), references("3.1", library, base).get)
        for other in opened:
            system.open(other)
        module = system.open(path)
        rids = methods_with_cil(module.assembly)
        keys = UnitKeys(Facts(module), "3.1", CompileOptions()).of(rids)
        names = [module.assembly.method_def(rid).name for rid in rids]
        found.append(dict(zip(names, keys, strict=True)))
        owner = system.open(library, runs_as_image=False).find_type("", "D")
        assert owner is not None
        places.append(owner.instance_fields[0].offset)
    assert places[0] != places[1], "or the test proves nothing"
    assert found[0] == found[1]


_TWINS = """
.assembly extern mscorlib {} .assembly Twins {}
.class public A extends [mscorlib]System.Object {
  .method public static void N() cil managed { ret }
  %s
  .method public static void M() cil managed { call void A::N() ret }
}
"""


def test_members_that_cannot_be_named(tmp_path: Path) -> None:
    """Of two methods with one name and signature the second cannot be named: that must show in keys that call it."""
    twin = ".method public static void O() cil managed { ret }"
    one = assemble_il(_TWINS % twin, tmp_path / "1", "Twins", library=True)
    patched = bytearray(one.read_bytes())
    assembly = Assembly.open(one)
    # The name of O becomes N's: what obfuscators do.
    rows = {assembly.method_def(rid).name: rid for rid in (1, 2, 3)}
    names = assembly.column(6, "Name")
    old, new = names[rows["O"] - 1], names[rows["N"] - 1]
    at = patched.index(b"\0O\0") + 1
    assert assembly.string(old) == "O" and assembly.string(new) == "N"
    patched[at : at + 1] = b"N"
    two = tmp_path / "Twins.dll"
    two.write_bytes(patched)
    before, after = keys_of(one), keys_of(two)
    assert before["A::M"] == after["A::M"], "the first of them can be named"
    assert before["A::N"] == after["A::N"] != after["A::N#2"]


def test_damaged_assemblies_never_break_keys(tmp_path: Path) -> None:
    """Whatever the metadata looks like: keys, or the error of a malformed file."""
    path = compile_csharp(_OTHER % ("x", "", ""), tmp_path, "Keyed", library=True)
    good = path.read_bytes()
    assembly = Assembly.open(path)
    metadata = assembly.pe.cli.metadata
    first = assembly.rva_to_offset(metadata.rva)
    source = random.Random(11)
    known = references("3.1")
    system = TypeSystem(target_named("3.1"), known.get)
    system.core.find_type("System", "Object")
    computed = 0
    for _ in range(300):
        data = bytearray(good)
        for _ in range(source.randrange(1, 6)):
            anywhere = source.random() < 0.2
            at = source.randrange(len(data)) if anywhere else first + source.randrange(metadata.size)
            data[at] = source.randrange(256)
        keys = []
        with contextlib.suppress(NativegenError):
            damaged = Assembly.from_bytes(bytes(data), "damaged.dll")
            rids = methods_with_cil(damaged)
            keys = UnitKeys(Facts(Module(system, damaged)), "3.1", CompileOptions()).of(rids)
        if not keys:
            continue
        assert len(keys) == len(rids)
        computed += 1
    assert computed > 100


def test_what_foreign_instances_depend_on_counts_though_nobody_opened_it_before(tmp_path: Path) -> None:
    """Every assembly that is reachable, asked for by its own name: files are found by names as they are written."""
    assemblies = references("9.0")
    changed = tmp_path / "System.Threading.dll"
    changed.write_bytes(Path(assemblies["System.Threading"]).read_bytes() + b"\0")
    keys = []
    for files in (assemblies, {**assemblies, "System.Threading": str(changed)}):
        system = TypeSystem(target_named("9.0"), files.get)
        module = system.open(files["System.Linq"])
        unit_keys = UnitKeys(Facts(module), "9.0", CompileOptions(mode="pinned"))
        keys.append(unit_keys.of_foreign({"System.Private.Xml"}))
        assert system.module_named("System.Threading") is not None
    assert keys[0] != keys[1]
