"""What changes a contract, how the change is told, and what must not change it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.typesystem.contract import Contract, contract, first_difference
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

_FRIEND = '[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("{}")] class A {{ internal void M() {{ }} }}'
_UNMANAGED_ENTRY = """using System.Runtime.InteropServices;
namespace System.Runtime.InteropServices { public class UnmanagedCallersOnlyAttribute : Attribute { } }"""
#: (name, before, after, the difference in words)
CHANGES = [
    (
        "struct_field",
        "public struct S { int a; }",
        "public struct S { int a; int len; }",
        "struct S gained field 'len'",
    ),
    (
        "struct_field_type",
        "public struct S { int a; }",
        "public struct S { long a; }",
        "struct S: field 'a' changed from 'int32 private' to 'int64 private'",
    ),
    (
        "struct_field_order",
        "public struct S { int a; byte b; }",
        "public struct S { byte b; int a; }",
        "struct S: layout changed from '0x100109, a, b' to '0x100109, b, a'",
    ),
    (
        "inner_struct",
        "public struct S { I i; } struct I { int a; }",
        "public struct S { I i; } struct I { int a; int b; }",
        "struct I gained field 'b'",
    ),
    (
        "inner_generic_struct",
        "public struct S { G<I> i; } struct G<T> { T a; } struct I { int a; }",
        "public struct S { G<I> i; } struct G<T> { T a; } struct I { short a; }",
        "struct I: field 'a' changed from 'int32 private' to 'int16 private'",
    ),
    ("type", "public class A { }", "public class A { } public class B { }", "gained class B"),
    ("type_lost", "public class A { } public enum E { X }", "public class A { }", "lost enum E"),
    (
        "base",
        "public class A { } public class B { }",
        "public class A { } public class B : A { }",
        "class B: base type",
    ),
    (
        "interface",
        "public class A { }",
        "public class A : System.ICloneable { public object Clone() { return 1; } }",
        None,
    ),
    (
        "method",
        "public class A { public void M(int x) { } }",
        "public class A { public void M(long x) { } }",
        "class A lost method 'M(int32)void'",
    ),
    (
        "method_flags",
        "public class A { public void M() { } }",
        "public class A { protected void M() { } }",
        "class A: method 'M()void' changed from 'public' to 'family'",
    ),
    (
        "virtual_order",
        "public class A { public virtual void M() { } public virtual void N() { } }",
        "public class A { public virtual void N() { } public virtual void M() { } }",
        "class A: virtual methods changed from 'M()void; N()void' to 'N()void; M()void'",
    ),
    (
        "constant",
        "public class A { public const int C = 1; }",
        "public class A { public const int C = 2; }",
        "class A: constant 'C' changed from 'int32 public static literal = 1' to 'int32 public static literal = 2'",
    ),
    (
        "enum_value",
        "public enum E { A = 1 }",
        "public enum E { A = 2 }",
        "enum E: constant 'A' changed from 'E public static literal = 1' to 'E public static literal = 2'",
    ),
    ("enum_type", "public enum E { A }", "public enum E : byte { A }", "enum E: field 'value__' changed"),
    (
        "constraint",
        "public class A<T> { }",
        "public class A<T> where T : class { }",
        "class A`1: type parameters changed from '0x0 ' to '0x4 '",
    ),
    (
        "method_constraint",
        "public class A { public void M<T>() { } }",
        "public class A { public void M<T>() where T : System.IDisposable { } }",
        "class A: type parameters of 'M`1()void'",
    ),
    (
        "packing",
        "public struct S { byte a; int b; }",
        "[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Pack = 1)]"
        "public struct S { byte a; int b; }",
        "struct S: layout changed",
    ),
    ("sealed", "public class A { }", "public sealed class A { }", "class A: flags changed"),
    (
        "cctor",
        "public class A { static int F; }",
        "public class A { static int F = 3; }",
        "class A gained static constructor",
    ),
    (
        "explicit_implementation",
        "public struct S : System.IDisposable { public void Dispose() { } void X() { } }",
        "public struct S : System.IDisposable { void System.IDisposable.Dispose() { } public void Dispose() { } }",
        "struct S",
    ),
    (
        "static_field",
        "public class A { public static int F; }",
        "public class A { public static long F; }",
        "class A: field",
    ),
    (
        "thread_static",
        "public class A { public static int F; }",
        "public class A { [System.ThreadStatic] public static int F; }",
        "class A: field 'F' changed from 'int32 public static' to 'int32 public static threadstatic'",
    ),
    (
        "internal_with_friend",
        '[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("T")] class A { }',
        '[assembly: System.Runtime.CompilerServices.InternalsVisibleTo("T")] class A { internal void M() { } }',
        "class A gained method 'M()void'",
    ),
    ("friend", _FRIEND.format("T"), _FRIEND.format("U, PublicKey=00"), "friends changed from 'T' to 'U, PublicKey=00'"),
    (
        "unmanaged_entry",
        f"{_UNMANAGED_ENTRY} public class A {{ public static void M() {{ }} }}",
        f"{_UNMANAGED_ENTRY} public class A {{ [UnmanagedCallersOnly] public static void M() {{ }} }}",
        "class A: method 'M()static void' changed from 'public static' to 'public static unmanaged callers only'",
    ),
    ("kind", "public struct S { }", "public class S { }", "gained class S"),
]

#: (name, before, after): dependents cannot tell the difference.
SAME = [
    (
        "body",
        "public class A { public int M() { return 1; } }",
        "public class A { public int M() { return 2 + M(); } }",
    ),
    ("private_field", "public class A { }", "public class A { int a; object b; }"),
    ("private_method", "public class A { }", "public class A { void M() { } static int N(int x) { return x; } }"),
    ("internal_type", "public class A { }", "public class A { } class B { public int C; } struct D { int e; }"),
    ("internal_method", "public class A { }", "public class A { internal void M() { } }"),
    ("private_nested", "public class A { }", "public class A { struct N { public int a; } }"),
    ("parameter_name", "public class A { public void M(int a) { } }", "public class A { public void M(int b) { } }"),
    (
        "string",
        'public class A { public string M() { return "a"; } }',
        'public class A { public string M() { return "bcd"; } }',
    ),
    (
        "order_of_methods",
        "public class A { public void M() { } public void N() { } }",
        "public class A { public void N() { } public void M() { } }",
    ),
    ("order_of_types", "public class A { } public class B { }", "public class B { } public class A { }"),
    (
        "lambda",
        "public class A { public System.Func<int> M(int x) { return null; } }",
        "public class A { public System.Func<int> M(int x) { return () => x; } }",
    ),
]


def contract_of(source: str, folder: Path, name: str) -> Contract:
    return contract(Assembly.open(compile_csharp(source, folder, name, library=True)))


@pytest.mark.parametrize(("name", "before", "after", "words"), CHANGES, ids=[case[0] for case in CHANGES])
def test_change_is_seen_and_told(name: str, before: str, after: str, words: str | None, tmp_path: Path) -> None:
    old = contract_of(before, tmp_path / "1", "Lib")
    new = contract_of(after, tmp_path / "2", "Lib")
    assert old.signature != new.signature
    told = first_difference(old, new)
    assert told is not None
    assert told.startswith(words or ""), told
    # and the other way round, from entries that went through JSON as the cache stores them
    assert first_difference(json.loads(json.dumps(new.entries)), json.loads(json.dumps(old.entries))) is not None


@pytest.mark.parametrize(("name", "before", "after"), SAME, ids=[case[0] for case in SAME])
def test_what_dependents_cannot_tell_changes_nothing(name: str, before: str, after: str, tmp_path: Path) -> None:
    old = contract_of(before, tmp_path / "1", "Lib")
    new = contract_of(after, tmp_path / "2", "Lib")
    assert first_difference(old, new) is None
    assert old == new


def test_every_entry_is_in_the_signature(tmp_path: Path) -> None:
    # Two assemblies have equal signatures only with equal entries: none is kept for show.
    source = 'public struct S { int a; } public class A { public const string C = "x"; public virtual void M() { } }'
    whole = contract_of(source, tmp_path, "Lib")
    seen = {whole.signature}
    for index, part in enumerate(("int a;", 'public const string C = "x";', "public virtual void M() { }")):
        seen.add(contract_of(source.replace(part, ""), tmp_path / str(index), "Lib").signature)
    assert len(seen) == 4


def test_facade(inputs: TestInputs) -> None:
    facade = contract(Assembly.open(inputs.framework("9.0") / "System.Runtime.dll"))
    assert facade.entries["forwarder System.String"] == "System.Private.CoreLib"
    without = {key: value for key, value in facade.entries.items() if key != "forwarder System.String"}
    assert first_difference(facade, without) == "lost forwarder System.String"


def test_forwarder_moves(inputs: TestInputs) -> None:
    facade = contract(Assembly.open(inputs.framework("9.0") / "System.Runtime.dll"))
    moved = {**facade.entries, "forwarder System.String": "Elsewhere"}
    told = first_difference(facade, moved)
    assert told == "forwarder System.String changed from 'System.Private.CoreLib' to 'Elsewhere'"


@pytest.mark.sweep
def test_all_of_a_real_application(inputs: TestInputs) -> None:
    signatures = set()
    files = sorted(inputs.azmcp.glob("*.dll"))
    count = 0
    for path in files:
        try:
            assembly = Assembly.open(path)
        except Exception:
            continue
        count += 1
        signatures.add(contract(assembly).signature)
    assert count >= 300 and len(signatures) >= count // 2
