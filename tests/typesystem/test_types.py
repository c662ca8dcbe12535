"""Types, members and tokens: resolution across assemblies, instantiation, flags."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata.tables import Table
from nativegen.typesystem import DefType, MethodDesc, Module, TypeKind, TypeLoadError, TypeSystem
from tests.support.csharp import assemble_il, compile_csharp
from tests.support.paths import TARGETS, TestInputs
from tests.typesystem.live import type_system

SOURCE = """
using System;
using System.Collections.Generic;
public enum Small : byte { A }
public delegate int Callback(int x);
public static class Uses
{
    public static int[] Vector; public static int[,] Matrix; public static List<string> Strings;
    public static unsafe int* Pointer; public static Dictionary<int, Guid>.Enumerator Enumerator;
    public static int Calls(List<int> list, int[,] matrix, Callback callback)
    {
        list.Add(matrix[1, 2]);
        foreach (var x in list) callback(x);
        return Pick<string>("a").Length + Pick<int>(1) + Nested.Outer<byte>.Inner<long>.Count;
    }
    public static T Pick<T>(T x) { return x; }
}
public static class Nested { public class Outer<T> { public class Inner<U> { public static int Count; public T First; public U Second; } } }
public class Shared<T> { public T Value; public static T Static; public void M() { } public static void S() { } public void G<U>() { } public virtual void V() { } }
public struct SharedStruct<T> { public T Value; public void M() { } }
public abstract class Flags
{
    static Flags() { Console.WriteLine(); }
    [ThreadStatic] public static int Thread; public readonly int ReadOnly; public const long Constant = 5;
    public abstract void Abstract(); public virtual void Virtual() { } internal static extern void Extern();
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining | System.Runtime.CompilerServices.MethodImplOptions.Synchronized)] public void Impl() { }
    [System.Runtime.InteropServices.DllImport("c")] public static extern int getpid();
}
public sealed class Final : Flags { public override void Abstract() { } public sealed override void Virtual() { } }
"""  # noqa: E501


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("types")
    return compile_csharp(SOURCE, folder, "Lib", library=True)


@pytest.fixture(params=TARGETS)
def module(request: pytest.FixtureRequest, library: Path) -> Module:
    return type_system(request.param, library.parent).open(library)


def find(module: Module, name: str, namespace: str = "") -> DefType:
    found = module.find_type(namespace, name)
    assert isinstance(found, DefType)
    return found


def test_every_token_means_something(module: Module) -> None:
    count = 0
    for table in (Table.TypeRef, Table.TypeSpec):
        for rid in range(1, module.assembly.row_count(table) + 1):
            assert module.type(table << 24 | rid) is module.type(table << 24 | rid)
            count += 1
    for table in (Table.MemberRef, Table.MethodDef, Table.MethodSpec, Table.Field):
        for rid in range(1, module.assembly.row_count(table) + 1):
            token = table << 24 | rid
            is_field = table == Table.Field or (
                table == Table.MemberRef and module.assembly.member_ref(rid).signature[:1] == b"\x06"
            )
            member = module.field(token) if is_field else module.method(token)
            assert member.owner.rid or member.owner.is_array
            count += 1
    assert count > 60


def test_types_are_interned_and_named(module: Module) -> None:
    system = module.type_system
    uses = {field.name: field.type for field in find(module, "Uses").static_fields}
    integer = system.well_known("System.Int32")
    assert uses["Vector"] is system.array_of(integer)
    assert uses["Matrix"] is system.general_array_of(integer, 2)
    assert uses["Pointer"] is system.pointer_to(integer)
    string = system.well_known("System.String")
    assert uses["Strings"] is system.well_known("System.Collections.Generic.List`1").instantiate((string,))
    assert uses["Strings"].display_name == "System.Collections.Generic.List`1<System.String>"
    assert uses["Enumerator"].full_name == "System.Collections.Generic.Dictionary`2+Enumerator"
    assert uses["Enumerator"].enclosing is system.well_known("System.Collections.Generic.Dictionary`2")
    assert uses["Enumerator"].canonical_name == (
        "[System.Private.CoreLib]System.Collections.Generic.Dictionary`2/Enumerator"
        "<[System.Private.CoreLib]System.Int32,[System.Private.CoreLib]System.Guid>"
    )
    assert uses["Matrix"].display_name == "System.Int32[,]"


def test_kinds(module: Module) -> None:
    system = module.type_system
    expected = {
        "System.Void": TypeKind.VOID,
        "System.Boolean": TypeKind.BOOLEAN,
        "System.IntPtr": TypeKind.I,
        "System.UIntPtr": TypeKind.U,
        "System.Double": TypeKind.R8,
        "System.Object": TypeKind.CLASS,
        "System.String": TypeKind.CLASS,
        "System.ValueType": TypeKind.CLASS,
        "System.Enum": TypeKind.CLASS,
        "System.IDisposable": TypeKind.CLASS,
        "System.Guid": TypeKind.VALUETYPE,
        "System.DayOfWeek": TypeKind.ENUM,
        "System.TypedReference": TypeKind.TYPEDBYREF,
    }
    assert {name: system.well_known(name).kind for name in expected} == expected
    small = find(module, "Small")
    assert small.kind is TypeKind.ENUM and small.underlying.kind is TypeKind.U1 and small.size == 1
    assert not small.is_primitive and small.is_value_type and not small.is_reference_type
    assert find(module, "Callback").is_delegate and not find(module, "Final").is_delegate
    assert system.well_known("System.Nullable`1").is_nullable
    assert system.well_known("System.Span`1").is_byref_like
    assert system.well_known("System.Runtime.Intrinsics.Vector128`1").is_hardware_vector
    assert system.byref_to(small).kind is TypeKind.BYREF and system.byref_to(small).element is small


def test_int128_is_special() -> None:
    assert type_system("9.0").well_known("System.Int128").is_abi_special


def test_shared_generics(module: Module) -> None:
    system = module.type_system
    string, integer = system.well_known("System.String"), system.well_known("System.Int32")
    pair = system.well_known("System.Collections.Generic.KeyValuePair`2")
    shared, struct = find(module, "Shared`1"), find(module, "SharedStruct`1")
    assert shared.is_generic_definition and shared.contains_generic_parameters
    of_string, of_int = shared.instantiate((string,)), shared.instantiate((integer,))
    assert of_string.is_shared_generic and not of_int.is_shared_generic
    assert shared.instantiate((pair.instantiate((integer, string)),)).is_shared_generic
    assert not shared.instantiate((pair.instantiate((integer, integer)),)).is_shared_generic
    assert shared.instantiate((system.array_of(integer),)).is_shared_generic
    assert of_string.instantiate is not None and of_string.definition is shared
    assert of_string.instance_fields[0].type is string and of_int.instance_fields[0].type is integer

    def context(owner: DefType, name: str, *method_args: DefType) -> tuple[bool, bool]:
        method = owner.find_method(name)
        assert method is not None
        if method_args:
            method = method.instantiate(method_args)
        return method.is_shared, method.requires_context

    assert context(of_string, "M") == (True, False)
    assert context(of_string, "S") == (True, True)
    assert context(of_string, "V") == (True, False)
    assert context(of_string, "G", integer) == (True, True)
    assert context(of_int, "G", string) == (True, True)
    assert context(of_int, "G", integer) == (False, False)
    assert context(struct.instantiate((string,)), "M") == (True, True)
    assert context(struct.instantiate((integer,)), "M") == (False, False)


def test_tokens_are_read_in_their_context(module: Module) -> None:
    system = module.type_system
    string = system.well_known("System.String")
    shared = find(module, "Shared`1")
    field = shared.instance_fields[0]
    assert module.field(field.token).owner is shared
    assert module.field(field.token, (string,)).type is string
    method = shared.find_method("G")
    assert method is not None and method.is_generic_definition
    found = module.method(method.token, (string,), (string,))
    assert found.owner is shared.instantiate((string,)) and found.method_args == (string,)
    assert found.definition is method and found.display_name == "Shared`1<System.String>::G<System.String>"


def test_flags(module: Module) -> None:
    flags = find(module, "Flags")
    methods = {method.name: method for method in flags.methods}
    assert methods["Abstract"].is_abstract and not methods["Abstract"].has_body
    assert methods["Virtual"].is_virtual and methods["Virtual"].is_new_slot and methods["Virtual"].has_body
    assert methods["Impl"].is_no_inlining and methods["Impl"].is_synchronized and not methods["Impl"].is_virtual
    assert methods["getpid"].is_pinvoke and not methods["getpid"].has_body
    assert methods[".cctor"].is_static_constructor and flags.has_static_constructor and not flags.is_before_field_init
    assert methods[".ctor"].is_constructor and methods[".ctor"].signature.has_this
    assert len(methods["Virtual"].body.code) > 0
    fields = {field.name: field for field in (*flags.static_fields, *flags.instance_fields)}
    assert fields["Thread"].is_thread_static and not fields["Constant"].is_thread_static
    assert fields["Constant"].is_literal and fields["ReadOnly"].is_init_only
    assert fields["ReadOnly"].index == 0 and fields["Thread"].index == 1  # instance fields come first
    assert flags.is_abstract and find(module, "Final").is_sealed
    invoke = find(module, "Callback").find_method("Invoke")
    assert invoke is not None and invoke.is_runtime_implemented and not invoke.has_body
    with pytest.raises(TypeLoadError, match="has no body"):
        _ = invoke.body


def test_array_methods(module: Module) -> None:
    calls = [
        module.method(0x0A000000 | rid)
        for rid in range(1, module.assembly.row_count(Table.MemberRef) + 1)
        if module.assembly.member_ref(rid).name == "Get"
    ]
    (get,) = calls
    assert get.is_array_method and get.owner.is_array and get.rid == 0
    assert [parameter.kind for parameter in get.signature.parameters] == [TypeKind.I4, TypeKind.I4]
    assert get.signature.return_type.kind is TypeKind.I4 and get.signature.has_this


def test_forwarded_types_are_the_same(module: Module) -> None:
    # Lib refers to System.Runtime's facades; mcs's own core types come from CoreLib.
    system = module.type_system
    facade = system.module_named("netstandard") or system.module_named("System.Runtime")
    assert facade is not None
    assert facade.find_type("System", "String") is system.well_known("System.String")
    assert facade.find_type("System", "NoSuchType") is None


def test_what_is_missing(tmp_path: Path) -> None:
    path = assemble_il(
        """
        .assembly extern System.Private.CoreLib { }
        .assembly extern Gone { }
        .assembly Missing { }
        .class public A extends [System.Private.CoreLib]System.Object
        {
          .field public class [Gone]X x
          .field public class [System.Private.CoreLib]System.NoSuchType y
          .method public static void M() cil managed
          {
            call void [System.Private.CoreLib]System.Object::NoSuchMethod()
            ldsfld int32 [System.Private.CoreLib]System.String::NoSuchField
            pop
            ret
          }
        }
        .class public sequential sealed S extends [System.Private.CoreLib]System.ValueType
        { .field public valuetype S s }
        .class public sequential sealed T extends [System.Private.CoreLib]System.ValueType
        { .field public valuetype U u }
        .class public sequential sealed U extends [System.Private.CoreLib]System.ValueType
        { .field public valuetype T t }
        """,
        tmp_path,
        "Missing",
        library=True,
    )
    module = type_system("9.0").open(path)
    x, y = find(module, "A").instance_fields
    with pytest.raises(TypeLoadError, match="assembly Gone, which Missing references, was not found"):
        _ = x.type
    with pytest.raises(TypeLoadError, match=r"System\.NoSuchType was not found"):
        _ = y.type
    with pytest.raises(TypeLoadError, match="NoSuchMethod"):
        module.method(0x0A000001)
    with pytest.raises(TypeLoadError, match="NoSuchField"):
        module.field(0x0A000002)
    with pytest.raises(TypeLoadError, match=r"layout: .* contains itself"):
        _ = find(module, "S").layout
    with pytest.raises(TypeLoadError, match=r"layout: .* contains itself"):
        _ = find(module, "T").layout
    with pytest.raises(TypeLoadError):
        module.type(0x0A000001)
    with pytest.raises(TypeLoadError):
        module.method(0x0600FFFF)


def test_instantiation_has_limits(module: Module) -> None:
    shared = find(module, "Shared`1")
    with pytest.raises(TypeLoadError, match="cannot be given 2"):
        shared.instantiate((shared, shared))
    with pytest.raises(TypeLoadError, match="nested too deeply"):
        nested: DefType = module.type_system.well_known("System.Int32")
        for _ in range(100):
            nested = shared.instantiate((nested,))


def test_open_types_have_no_layout(module: Module) -> None:
    with pytest.raises(TypeLoadError, match="layout"):
        _ = find(module, "Shared`1").layout
    with pytest.raises(TypeLoadError, match="layout"):
        _ = module.type_system.well_known("System.IDisposable").layout


def test_find_method_and_locals(module: Module) -> None:
    uses = find(module, "Uses")
    calls = uses.find_method("Calls")
    assert calls is not None
    names = [local.display_name for local, _ in module.locals(calls.body.local_sig_token)]
    assert "System.Collections.Generic.List`1+Enumerator<System.Int32>" in names
    assert module.locals(0) == ()
    string = module.type_system.well_known("System.String")
    plain = string.find_method("ToString")
    assert isinstance(plain, MethodDesc)
    assert string.find_method("ToString", plain.signature) is plain
    assert find(module, "Final").find_method("ToString") is None
    inherited = find(module, "Final").find_method("ToString", declared_only=False)
    assert inherited is not None and inherited.owner.is_object


def test_implements(module: Module) -> None:
    system = module.type_system
    integer = system.well_known("System.Int32")
    comparable = system.well_known("System.IComparable`1").instantiate((integer,))
    assert integer.implements(comparable)
    assert integer.implements(system.well_known("System.IFormattable"))
    assert not integer.implements(system.well_known("System.IDisposable"))
    enumerable = system.well_known("System.Collections.Generic.IEnumerable`1").instantiate((integer,))
    assert system.array_of(integer).implements(enumerable)
    assert not system.general_array_of(integer, 2).implements(enumerable)


@pytest.mark.sweep
@pytest.mark.parametrize("target", TARGETS)
def test_everything_in_the_framework_loads(target: str, inputs: TestInputs) -> None:
    system = type_system(target)
    missing: set[str] = set()
    count = sum([load_everything(system, path, missing) for path in sorted(inputs.framework(target).glob("*.dll"))])
    assert count >= 100_000
    # Windows Runtime metadata; and what azmcp's own framework folder leaves to the application.
    assert all(re.search("assembly (Windows|System.Formats.Asn1), which", message) for message in missing), missing


@pytest.mark.sweep
def test_everything_in_a_real_application_loads(inputs: TestInputs) -> None:
    system = type_system("9.0", inputs.azmcp)
    missing: set[str] = set()
    count = sum([load_everything(system, path, missing) for path in sorted(inputs.azmcp.glob("*.dll"))])
    assert count >= 400_000
    # References that the application's own files do not satisfy: its assemblies were built against other versions.
    assert len(missing) <= 20, missing
    assert all("was not found" in message for message in missing), missing


@pytest.mark.parametrize("target", TARGETS)
def test_everything_in_one_assembly_loads(target: str, inputs: TestInputs) -> None:
    missing: set[str] = set()
    path = inputs.framework(target) / "System.Private.Uri.dll"
    assert load_everything(type_system(target), path, missing) > 500
    assert not missing


def load_everything(system: TypeSystem, path: Path, missing: set[str]) -> int:
    """Loads all of an assembly; collects what could not be, and returns how many types and members could."""
    try:
        module = system.open(path)
    except NativegenError:
        return 0  # a native library
    count = 0

    def load(question: Callable[[], object]) -> None:
        nonlocal count
        try:
            question()
            count += 1
        except TypeLoadError as error:
            if not str(error).startswith("layout:"):
                missing.add(str(error))

    for rid in range(1, module.assembly.row_count(Table.TypeDef) + 1):
        type_desc = module.type_def(rid)
        load(lambda type_desc=type_desc: type_desc.interfaces)  # type: ignore[misc]
        load(lambda type_desc=type_desc: type_desc.canonical_name)  # type: ignore[misc]
        for method in type_desc.methods:
            load(lambda method=method: method.signature)  # type: ignore[misc]
        if not type_desc.contains_generic_parameters and not type_desc.is_interface:
            load(lambda type_desc=type_desc: type_desc.layout)  # type: ignore[misc]
    for table in (Table.MemberRef, Table.MethodSpec):
        for rid in range(1, module.assembly.row_count(table) + 1):
            token = table << 24 | rid
            is_field = table == Table.MemberRef and module.assembly.member_ref(rid).signature[:1] == b"\x06"
            resolve = module.field if is_field else module.method
            load(lambda resolve=resolve, token=token: resolve(token))  # type: ignore[misc]
    return count
