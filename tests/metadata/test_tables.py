"""Raw table rows and the typed accessors over them; dnfile is the oracle for rows, heaps and widths."""

from __future__ import annotations

import struct
from pathlib import Path

import dnfile
import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import COLUMNS, Assembly, CodedIndex, Table, decode_coded, encode_coded
from nativegen.metadata.reader import KeyIndex
from nativegen.metadata.tables import CODED_INDEXES, compute_layout
from tests.metadata.conftest import folder
from tests.metadata.patch import Patcher
from tests.support.paths import TestInputs

# Small enough for dnfile's full parse; together they have every table that compilers write and both column widths.
ORACLE_SAMPLE = (("3.1", "System.Console.dll"), ("9.0", "System.Private.Uri.dll"), ("roslyn", "Newtonsoft.Json.dll"))


def test_every_column_kind_is_defined_once() -> None:
    tables = {table.name for table in Table}
    coded = {kind.name for kind in CodedIndex}
    assert not tables & coded
    kinds = {kind for columns in COLUMNS.values() for _, kind in columns}
    assert kinds <= tables | coded | {"u1", "u2", "u4", "str", "blob", "guid"}
    assert set(COLUMNS) == set(Table)


@pytest.mark.parametrize("where, name", ORACLE_SAMPLE)
def test_rows_equal_dnfile(inputs: TestInputs, where: str, name: str) -> None:
    path = folder(inputs, where) / name
    assembly = Assembly.open(path)
    oracle = dnfile.dnPE(str(path))
    compared = 0
    for table in oracle.net.mdtables.tables_list:
        assert assembly.row_count(table.number) == table.num_rows
        rows = assembly.rows(table.number)
        for rid, (row, expected) in enumerate(zip(rows, table.rows, strict=True), 1):
            assert row == tuple(getattr(expected.struct, key[0]) for key in expected.struct.__keys__)
            assert assembly.row(table.number, rid) == row
            compared += 1
    assert compared > 1000


def test_columns_equal_rows(kitchen: Assembly) -> None:
    for table in Table:
        for index, (name, _) in enumerate(COLUMNS[table]):
            assert kitchen.column(table, name) == [row[index] for row in kitchen.rows(table)]


def test_names_and_references_equal_dnfile(inputs: TestInputs) -> None:
    path = inputs.framework("3.1") / "System.Console.dll"
    assembly = Assembly.open(path)
    tables = dnfile.dnPE(str(path)).net.mdtables
    for rid, row in enumerate(tables.TypeDef.rows, 1):
        found = assembly.type_def(rid)
        assert (found.name, found.namespace) == (str(row.TypeName), str(row.TypeNamespace))
        assert list(found.method_rids) == [item.row_index for item in row.MethodList]
        assert list(found.field_rids) == [item.row_index for item in row.FieldList]
        token = found.extends_token
        extends = (row.Extends.table.number << 24 | row.Extends.row_index) if row.Extends.row_index else 0
        assert token == extends
    for rid, row in enumerate(tables.MethodDef.rows, 1):
        found_method = assembly.method_def(rid)
        assert (found_method.rva, found_method.name) == (row.Rva, str(row.Name))
        assert assembly.blob(found_method.signature_offset) == row.Signature.value
        assert [param.name for param in assembly.params(rid)] == [str(item.row.Name) for item in row.ParamList]
    for rid, row in enumerate(tables.MemberRef.rows, 1):
        member = assembly.member_ref(rid)
        assert (member.name, member.signature) == (str(row.Name), row.Signature.value)
        assert member.parent_token == row.Class.table.number << 24 | row.Class.row_index
    nested = {row.NestedClass.row_index: row.EnclosingClass.row_index for row in tables.NestedClass.rows}
    for rid in range(1, len(tables.TypeDef.rows) + 1):
        assert assembly.enclosing_type(rid) == nested.get(rid, 0)
        assert list(assembly.nested(rid)) == [inner for inner, outer in nested.items() if outer == rid]


def test_wide_and_narrow_indexes() -> None:
    counts = [0] * 45
    counts[Table.TypeDef] = counts[Table.NestedClass] = 1
    narrow = compute_layout(counts, 0, 100)
    assert narrow.sizes[Table.TypeDef] == 4 + 2 + 2 + 2 + 2 + 2
    assert narrow.sizes[Table.NestedClass] == 4
    # II.24.2.6: an index is 2 bytes while the row count fits in 16 bits, a coded one in 16 minus the tag.
    counts[Table.TypeRef] = (1 << 14) - 1
    assert compute_layout(counts, 0, 0).sizes[Table.TypeDef] == 14
    counts[Table.TypeRef] = 1 << 14
    assert compute_layout(counts, 0, 0).sizes[Table.TypeDef] == 16
    counts[Table.TypeDef] = 0xFFFF
    assert compute_layout(counts, 0, 0).sizes[Table.NestedClass] == 4
    counts[Table.TypeDef] = 0x10000
    assert compute_layout(counts, 0, 0).sizes[Table.NestedClass] == 8
    assert compute_layout(counts, 1, 0).sizes[Table.TypeDef] == 20
    counts[Table.Module] = 1
    assert [compute_layout(counts, bits, 0).sizes[Table.Module] for bits in (0, 1, 2, 4)] == [10, 12, 16, 10]


def test_coded_indexes_round_trip() -> None:
    for kind in CodedIndex:
        bits, tables = CODED_INDEXES[kind]
        assert len(tables) <= 1 << bits
        for table in tables:
            if table is not None:
                value = encode_coded(kind, table << 24 | 0x1234)
                assert decode_coded(kind, value) == (table, 0x1234)
    assert decode_coded(CodedIndex.CustomAttributeType, 0) == (None, 0)
    with pytest.raises(ValueError):
        encode_coded(CodedIndex.TypeDefOrRef, 0x06000001)


def test_key_index_of_sorted_and_unsorted_columns() -> None:
    assert list(KeyIndex([1, 3, 3, 7]).rids(3)) == [2, 3]
    assert list(KeyIndex([7, 3, 1, 3]).rids(3)) == [2, 4]
    assert KeyIndex([7, 3, 1, 3]).first(7) == 1
    for column in ([], [1, 3], [3, 1]):
        assert list(KeyIndex(column).rids(2)) == []
        assert KeyIndex(column).first(2) == 0


def test_owners_skip_types_without_members(kitchen: Assembly) -> None:
    names = {}
    for rid in range(1, kitchen.row_count(Table.MethodDef) + 1):
        names[kitchen.method_def(rid).name] = kitchen.type_full_name(kitchen.type_of_method(rid))
    assert names["Handlers"] == "N.Outer"
    assert names["M"] == "N.IShape`2"
    fields = {}
    for rid in range(1, kitchen.row_count(Table.Field) + 1):
        fields[kitchen.field_def(rid).name] = kitchen.type_full_name(kitchen.type_of_field(rid))
    assert fields == {
        "Answer": "N.Outer", "data": "N.Outer", "x": "N.Outer+Inner", "a": "N.Outer+Overlap", "b": "N.Outer+Overlap",
    }  # fmt: skip


def test_layouts_constants_and_data(kitchen: Assembly) -> None:
    outer = kitchen.find_type("N", "Outer")
    inner = kitchen.find_nested(outer, "Inner")
    overlap = kitchen.find_nested(outer, "Overlap")
    assert kitchen.class_layout(inner) == (2, 24)
    assert kitchen.class_layout(outer) is None
    fields = {kitchen.field_def(rid).name: rid for rid in range(1, kitchen.row_count(Table.Field) + 1)}
    assert [kitchen.field_layout(fields[name]) for name in ("a", "b", "x")] == [0, 2, None]
    assert kitchen.constant(Table.Field << 24 | fields["Answer"]) == (8, (42).to_bytes(4, "little"))
    assert kitchen.constant(Table.Field << 24 | fields["x"]) is None
    rva = kitchen.field_rva(fields["data"])
    assert rva is not None and kitchen.read_rva(rva, 4) == (305419896).to_bytes(4, "little")
    assert kitchen.type_def(overlap).extends_token >> 24 == Table.TypeRef
    assert kitchen.find_type("N", "Inner") == 0  # nested types are not found by name alone
    assert kitchen.find_nested(outer, "Nothing") == 0


def test_generics_interfaces_and_pinvoke(kitchen: Assembly) -> None:
    shape = kitchen.find_type("N", "IShape`2")
    params = kitchen.generic_params(Table.TypeDef << 24 | shape)
    assert [(param.number, param.name, param.flags) for param in params] == [(0, "T", 4), (1, "U", 16)]
    (constraint,) = kitchen.generic_param_constraints(params[0].rid)
    assert kitchen.type_ref_full_name(constraint & 0xFFFFFF) == "System.IDisposable"
    assert kitchen.generic_param_constraints(params[1].rid) == []
    assert kitchen.type_def(shape).is_interface
    (method,) = kitchen.type_def(shape).method_rids
    assert [param.name for param in kitchen.generic_params(Table.MethodDef << 24 | method)] == ["V"]
    (pinvoke,) = [rid for rid in range(1, 7) if kitchen.method_def(rid).name == "GetPid"]
    target = kitchen.impl_map(pinvoke)
    assert target is not None and (target.module_name, target.import_name) == ("libc", "getpid")
    assert kitchen.impl_map(method) is None


def test_properties_events_and_overrides(inputs: TestInputs) -> None:
    assembly = Assembly.open(inputs.framework("3.1") / "System.Collections.dll")
    rid = assembly.find_type("System.Collections.Generic", "Stack`1")
    (count,) = [p for p in assembly.properties(rid) if assembly.property_def(p).name == "Count"]
    (getter,) = assembly.method_semantics(Table.Property << 24 | count)
    assert (getter.semantics, assembly.method_def(getter.method_rid).name) == (2, "get_Count")
    interfaces = {_name(assembly, token) for token in assembly.interface_impls(rid)}
    assert {"System.Collections.ICollection", "System.Collections.Generic.IReadOnlyCollection`1"} <= interfaces
    declared = set()
    for override in assembly.method_impls(rid):
        assert assembly.type_of_method(override.body_token & 0xFFFFFF) == rid
        declared.add(assembly.member_ref(override.declaration_token & 0xFFFFFF).name)
    assert {"CopyTo", "get_IsSynchronized", "GetEnumerator"} <= declared


def _name(assembly: Assembly, token: int) -> str:
    if token >> 24 == Table.TypeSpec:
        token = assembly.type_spec_signature(token & 0xFFFFFF)[1][1]
    return assembly.type_ref_full_name(token & 0xFFFFFF)


def test_user_strings(kitchen: Assembly, inputs: TestInputs) -> None:
    assert kitchen.user_string(1) == "d\u00e9j\u00e0"
    assert kitchen.user_string_bytes(1) == "d\u00e9j\u00e0".encode("utf-16-le")
    path = inputs.framework("3.1") / "System.Console.dll"
    assembly = Assembly.open(path)
    heap = dnfile.dnPE(str(path)).net.user_strings
    offset, compared = 1, 0
    while offset < heap.sizeof() - 4:
        item = heap.get(offset)
        if item.value:
            assert assembly.user_string(offset) == item.value
            compared += 1
        offset += item.raw_size
    assert compared > 20


@pytest.mark.parametrize("table", [Table.TypeDef, Table.MethodDef, Table.AssemblyRef, Table.TypeSpec, Table.EncLog])
def test_rows_that_do_not_exist(kitchen: Assembly, table: Table) -> None:
    for rid in (0, -1, kitchen.row_count(table) + 1, 0xFFFFFF):
        with pytest.raises(NativegenError, match="NGEN1004"):
            kitchen.row(table, rid)
    with pytest.raises(NativegenError, match="NGEN1004"):
        kitchen.assembly_ref(0)
    with pytest.raises(NativegenError, match="NGEN1004"):
        kitchen.type_of_method(0)


def test_heap_indexes_outside(kitchen: Assembly) -> None:
    assert kitchen.string(0) == "" and kitchen.blob(0) == b""
    assert kitchen.guid(0) == "00000000-0000-0000-0000-000000000000"
    for read in (kitchen.string, kitchen.blob, kitchen.guid, kitchen.user_string):
        with pytest.raises(NativegenError, match="kitchen"):
            read(0x7FFFFFFF)


def test_types_nested_in_themselves(patcher: Patcher, tmp_path: Path) -> None:
    original = patcher.original
    inner, outer = original.row(Table.NestedClass, 1)
    end = patcher.data.index(struct.pack("<HHHH", inner, outer, *original.row(Table.NestedClass, 2)))
    struct.pack_into("<HH", patcher.data, end, inner, inner)
    assembly = Assembly.open(patcher.save(tmp_path))
    with pytest.raises(NativegenError, match="nested too deeply"):
        assembly.type_full_name(inner)


def test_sample_is_there(sample: list[Path]) -> None:
    assert [path.name for path in sample if not path.is_file()] == []
