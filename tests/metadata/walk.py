"""Reads everything the reader can read of one assembly: the common body of the sweep and of the corruption tests.

:func:`walk` touches every typed accessor of every row, every signature, body and attribute; each item is read on its
own, so that a malformed one is counted and does not hide what follows. Only ``NativegenError`` is caught: anything else
is a bug.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from nativegen.diagnostics import NativegenError
from nativegen.metadata import (
    ASSEMBLY_TOKEN,
    Assembly,
    Table,
    decode,
    decode_attribute,
    parse_field_sig,
    parse_method_sig,
    parse_property_sig,
)


class Walk:
    """Counts of what was read, and the errors met."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.errors: list[NativegenError] = []

    def read(self, kind: str, action: Callable[..., Any], *arguments: Any) -> Any:
        """Calls ``action``, counting it under ``kind``; None after a NativegenError."""
        try:
            result = action(*arguments)
        except NativegenError as error:
            self.errors.append(error)
            return None
        self.counts[kind] += 1
        return result


def walk(assembly: Assembly, limit: int = 1 << 30) -> Walk:
    """Reads all rows of all tables, at most ``limit`` of each."""
    result = Walk()
    read = result.read

    def rids(table: Table) -> range:
        return range(1, min(assembly.row_count(table), limit) + 1)

    for name in ("mvid", "module_name", "assembly_refs", "exported_types", "resources", "is_facade", "is_cpp_cli"):
        read("property", getattr, assembly, name)
    for name in ("is_reference_assembly", "is_ready_to_run", "ready_to_run_header", "is_winmd", "content_signature"):
        read("property", getattr, assembly, name)
    for resource in read("resources", getattr, assembly, "resources") or ():
        if resource.implementation_token == 0:
            read("resource", assembly.resource_data, resource)
    for rid in rids(Table.TypeDef):
        read("type", _read_type, assembly, rid)
    for rid in rids(Table.TypeRef):
        read("type reference", assembly.type_ref_full_name, rid)
    for rid in rids(Table.TypeSpec):
        read("type signature", assembly.type_spec_signature, rid)
    for rid in rids(Table.Field):
        read("field", _read_field, assembly, rid)
    for rid in rids(Table.MethodDef):
        read("method", _read_method, assembly, rid)
        read("method signature", assembly.method_signature, rid)
        body = read("method body", assembly.method_body, rid)
        if body is not None:
            read("code", decode, body.code, assembly.path)
            read("local signature", assembly.local_signature, body.local_sig_token)
    for rid in rids(Table.MemberRef):
        read("member reference", _read_member_ref, assembly, rid)
    for rid in rids(Table.MethodSpec):
        read("method instantiation", assembly.method_spec_arguments, rid)
    for rid in rids(Table.StandAloneSig):
        read("stand-alone signature", _read_stand_alone, assembly, rid)
    for rid in rids(Table.Property):
        read("property definition", _read_property, assembly, rid)
    for rid in rids(Table.Event):
        read("event", assembly.event_def, rid)
        read("event accessors", assembly.method_semantics, Table.Event << 24 | rid)
    for rid in rids(Table.GenericParam):
        read("constraint", assembly.generic_param_constraints, rid)
    for table in (
        Table.Module,
        Table.TypeDef,
        Table.Field,
        Table.MethodDef,
        Table.Param,
        Table.Property,
        Table.Assembly,
    ):
        for rid in rids(table):
            for attribute in read("attributes", assembly.custom_attributes, table << 24 | rid) or ():
                read("attribute", decode_attribute, assembly, attribute)
    read("attributes", assembly.has_attribute, ASSEMBLY_TOKEN, "System.CLSCompliantAttribute")
    return result


def _read_type(assembly: Assembly, rid: int) -> None:
    row = assembly.type_def(rid)
    assembly.type_full_name(rid)
    assembly.interface_impls(rid)
    assembly.method_impls(rid)
    assembly.class_layout(rid)
    assembly.generic_params(Table.TypeDef << 24 | rid)
    assembly.properties(rid)
    assembly.events(rid)
    for inner in assembly.nested(rid):
        assert assembly.enclosing_type(inner) == rid
    for method in list(row.method_rids)[:3]:
        assert assembly.type_of_method(method) == rid
    for field in list(row.field_rids)[:3]:
        assert assembly.type_of_field(field) == rid


def _read_field(assembly: Assembly, rid: int) -> None:
    row = assembly.field_def(rid)
    assembly.field_signature(rid)
    assembly.field_layout(rid)
    assembly.field_marshal(Table.Field << 24 | rid)
    if row.flags & 0x40:  # fdLiteral
        assembly.constant(Table.Field << 24 | rid)
    rva = assembly.field_rva(rid)
    if rva:
        assembly.read_rva(rva, 1)


def _read_method(assembly: Assembly, rid: int) -> None:
    assembly.method_def(rid)
    assembly.params(rid)
    assembly.generic_params(Table.MethodDef << 24 | rid)
    assembly.impl_map(rid)


def _read_member_ref(assembly: Assembly, rid: int) -> None:
    row = assembly.member_ref(rid)
    if row.signature[:1] == b"\x06":
        parse_field_sig(row.signature, assembly.path)
    else:
        parse_method_sig(row.signature, assembly.path)


def _read_stand_alone(assembly: Assembly, rid: int) -> None:
    blob = assembly.stand_alone_sig(rid)
    if blob[:1] == b"\x07":
        assembly.local_signature(Table.StandAloneSig << 24 | rid)
    elif blob[:1] == b"\x06":
        # Roslyn emits field signatures here for the debugger's constants.
        parse_field_sig(blob, assembly.path)
    else:
        parse_method_sig(blob, assembly.path)


def _read_property(assembly: Assembly, rid: int) -> None:
    row = assembly.property_def(rid)
    parse_property_sig(row.signature, assembly.path)
    assembly.method_semantics(Table.Property << 24 | rid)
