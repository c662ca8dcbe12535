"""Edits of a library that C# 7 cannot write, or that the random ones do not make: each against compiling the dependent,
which stays as it was, from scratch. Whatever changes its image has to change the library's contract and the code
signature of the dependent."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.pipeline.code_signature import code_signature
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileRequest
from nativegen.typesystem.contract import contract
from tests.pipeline.support import references
from tests.support.csharp import compile_csharp

pytestmark = pytest.mark.usefixtures("inputs")

_USING = "using System; using System.Runtime.CompilerServices; using System.Runtime.InteropServices;\n"
_FRIEND = '[assembly: InternalsVisibleTo("{}")] public class L {{ internal static int F; }}'
_LOOP = "{ int s = 0; for (int i = 0; i < x; i++) s += i; return s; }"

#: (name, library before and after, what the dependent does with it): its image changes.
CHANGES = [
    ("friend", _FRIEND.format("Dependent"), _FRIEND.format("Other"), "L.F = 3; return L.F;"),
    (
        "unmanaged_entry",
        f"public static class L {{ public static int F(int x) {_LOOP} }}",
        f"public static class L {{ [UnmanagedCallersOnly] public static int F(int x) {_LOOP} }}",
        "return L.F(3);",
    ),
    (
        "inline_array",
        "[InlineArray(4)] public struct L { int e; } ",
        "[InlineArray(8)] public struct L { int e; } ",
        "var a = new L[3]; a[1][2] = 5; return a[2][1];",
    ),
    (
        "enum_type",
        "public enum L : byte { A, B }",
        "public enum L : long { A, B }",
        "L? l = L.B; return (int)l.Value;",
    ),
    (
        "offsets",
        "[StructLayout(LayoutKind.Explicit)] public struct L { [FieldOffset(0)] public int A; }",
        "[StructLayout(LayoutKind.Explicit)] public struct L { [FieldOffset(4)] public int A; }",
        "var l = new L(); l.A = 4; return l.A;",
    ),
    (
        "own_method_of_a_struct",
        "public interface I { int B() => 5; } public struct L : I { }",
        "public interface I { int B() => 5; } public struct L : I { public int B() => 2; }",
        "return G(new L()); static int G<T>(T t) where T : I => t.B();",
    ),
    (
        "ref_field",
        "public ref struct L { public ref int R; public L(ref int r) { R = ref r; } }",
        "public ref struct L { int more; public ref int R; public L(ref int r) { R = ref r; } }",
        "int v = 3; var l = new L(ref v); l.R = 4; return v;",
    ),
]

#: Likewise: its image is not made again, because either signature stays, or both.
SAME = [
    (
        "nullable",
        "public class L { public string F(string s) => s; }",
        "#nullable enable\npublic class L { public string? F(string? s) => s; }",
        "return new L().F(null) == null ? 1 : 2;",
    ),
    (
        "ref_readonly",
        "public class L { public static int F(in int x) => x; }",
        "public class L { public static int F(ref readonly int x) => x; }",
        "int x = 3; return L.F(in x);",
    ),
    (
        "default_value",
        "public class L { public static int F(int x = 1) => x; public const int C = 3; }",
        "public class L { public static int F(int x = 2) => x; public const int C = 4; }",
        "return L.F() + L.C;",
    ),
    (
        "readonly_struct",
        "public struct L { public readonly int A; public int F() => A; }",
        "public readonly struct L { public readonly int A; public int F() => A; }",
        "return new L().F();",
    ),
    (
        "module_initializer",
        f"public class L {{ public static int F(int x) {_LOOP} }}",
        f"public class L {{ public static int F(int x) {_LOOP} [ModuleInitializer] internal static void Go() {{ }} }}",
        "return L.F(3);",
    ),
]


def _states(folder: Path, before: str, after: str, use: str) -> list[tuple[str, str, bytes]]:
    """Contract of the library, code signature and image of the dependent, before and after."""
    source = f"{_USING}public static class D {{ public static int Run() {{ {use} }} }}"
    libraries = [
        compile_csharp(_USING + text, folder / name, "Library", library=True, compiler="roslyn", target="9.0")
        for name, text in (("before", before), ("after", after))
    ]
    dependent = compile_csharp(
        source, folder, "Dependent", library=True, compiler="roslyn", target="9.0", references=libraries[:1]
    )
    states = []
    for library in libraries:
        output = folder / "Dependent.ni.dll"
        request = CompileRequest(str(dependent), str(output), "9.0", references("9.0", dependent, library))
        compile_file(request)
        states.append((contract(Assembly.open(library)).signature, code_signature(request), output.read_bytes()))
    return states


@pytest.mark.parametrize(("name", "before", "after", "use"), CHANGES, ids=[case[0] for case in CHANGES])
def test_what_changes_the_image_is_seen(name: str, before: str, after: str, use: str, tmp_path: Path) -> None:
    (old_contract, old_code, old_image), (new_contract, new_code, new_image) = _states(tmp_path, before, after, use)
    assert old_image != new_image, "or the test proves nothing"
    assert old_contract != new_contract and old_code != new_code


@pytest.mark.parametrize(("name", "before", "after", "use"), SAME, ids=[case[0] for case in SAME])
def test_what_does_not_compiles_nothing(name: str, before: str, after: str, use: str, tmp_path: Path) -> None:
    (old_contract, old_code, old_image), (new_contract, new_code, new_image) = _states(tmp_path, before, after, use)
    assert old_image == new_image
    assert old_contract == new_contract or old_code == new_code
