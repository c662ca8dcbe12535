"""Schema of the metadata tables (ECMA-335 II.22) and the arithmetic that locates a row.

Everything here is data or a pure function of row counts and heap sizes: :mod:`nativegen.metadata.reader` applies it
to a file. A column is ``u1 u2 u4`` (a number), ``str blob guid`` (a heap index), a table name (a row number in it) or
a coded index name (II.24.2.6); heap and row columns are 2 or 4 bytes wide depending on the file.

Invariant: :data:`COLUMNS` lists the columns in file order, so position ``i`` of a decoded row is column ``i``.

>>> COLUMNS[Table.NestedClass]
(('NestedClass', 'TypeDef'), ('EnclosingClass', 'TypeDef'))
>>> decode_coded(CodedIndex.TypeDefOrRef, 0x0D) == (Table.TypeRef, 3)
True
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Table(IntEnum):
    """Table numbers; a token is ``table << 24 | rid`` (II.22)."""

    Module = 0x00
    TypeRef = 0x01
    TypeDef = 0x02
    FieldPtr = 0x03
    Field = 0x04
    MethodPtr = 0x05
    MethodDef = 0x06
    ParamPtr = 0x07
    Param = 0x08
    InterfaceImpl = 0x09
    MemberRef = 0x0A
    Constant = 0x0B
    CustomAttribute = 0x0C
    FieldMarshal = 0x0D
    DeclSecurity = 0x0E
    ClassLayout = 0x0F
    FieldLayout = 0x10
    StandAloneSig = 0x11
    EventMap = 0x12
    EventPtr = 0x13
    Event = 0x14
    PropertyMap = 0x15
    PropertyPtr = 0x16
    Property = 0x17
    MethodSemantics = 0x18
    MethodImpl = 0x19
    ModuleRef = 0x1A
    TypeSpec = 0x1B
    ImplMap = 0x1C
    FieldRVA = 0x1D
    EncLog = 0x1E
    EncMap = 0x1F
    Assembly = 0x20
    AssemblyProcessor = 0x21
    AssemblyOS = 0x22
    AssemblyRef = 0x23
    AssemblyRefProcessor = 0x24
    AssemblyRefOS = 0x25
    File = 0x26
    ExportedType = 0x27
    ManifestResource = 0x28
    NestedClass = 0x29
    GenericParam = 0x2A
    MethodSpec = 0x2B
    GenericParamConstraint = 0x2C


TABLE_COUNT: Final = 0x2D

#: What ``ldstr``'s operands have in place of a table number (III.4.16).
USER_STRING: Final = 0x70

#: Tables that only exist in uncompressed (``#-``) metadata (II.22 does not define them; CoreCLR's
#: metamodelcolumndefs.h does).
POINTER_TABLES: Final = (Table.FieldPtr, Table.MethodPtr, Table.ParamPtr, Table.EventPtr, Table.PropertyPtr)


class CodedIndex(IntEnum):
    """Kinds of coded index (II.24.2.6)."""

    TypeDefOrRef = 0
    HasConstant = 1
    HasCustomAttribute = 2
    HasFieldMarshal = 3
    HasDeclSecurity = 4
    MemberRefParent = 5
    HasSemantics = 6
    MethodDefOrRef = 7
    MemberForwarded = 8
    Implementation = 9
    CustomAttributeType = 10
    ResolutionScope = 11
    TypeOrMethodDef = 12


_T = Table

#: kind -> (tag bits, table of each tag or None for a reserved tag).
CODED_INDEXES: Final[tuple[tuple[int, tuple[Table | None, ...]], ...]] = (
    (2, (_T.TypeDef, _T.TypeRef, _T.TypeSpec)),
    (2, (_T.Field, _T.Param, _T.Property)),
    (
        5,
        (
            _T.MethodDef, _T.Field, _T.TypeRef, _T.TypeDef, _T.Param, _T.InterfaceImpl, _T.MemberRef, _T.Module,
            _T.DeclSecurity, _T.Property, _T.Event, _T.StandAloneSig, _T.ModuleRef, _T.TypeSpec, _T.Assembly,
            _T.AssemblyRef, _T.File, _T.ExportedType, _T.ManifestResource, _T.GenericParam, _T.GenericParamConstraint,
            _T.MethodSpec,
        ),
    ),
    (1, (_T.Field, _T.Param)),
    (2, (_T.TypeDef, _T.MethodDef, _T.Assembly)),
    (3, (_T.TypeDef, _T.TypeRef, _T.ModuleRef, _T.MethodDef, _T.TypeSpec)),
    (1, (_T.Event, _T.Property)),
    (1, (_T.MethodDef, _T.MemberRef)),
    (1, (_T.Field, _T.MethodDef)),
    (2, (_T.File, _T.AssemblyRef, _T.ExportedType)),
    (3, (None, None, _T.MethodDef, _T.MemberRef, None)),
    (2, (_T.Module, _T.ModuleRef, _T.AssemblyRef, _T.TypeRef)),
    (1, (_T.TypeDef, _T.MethodDef)),
)  # fmt: skip

_SCHEMA: Final[dict[Table, str]] = {
    _T.Module: "Generation:u2 Name:str Mvid:guid EncId:guid EncBaseId:guid",
    _T.TypeRef: "ResolutionScope:ResolutionScope TypeName:str TypeNamespace:str",
    _T.TypeDef: "Flags:u4 TypeName:str TypeNamespace:str Extends:TypeDefOrRef FieldList:Field MethodList:MethodDef",
    _T.FieldPtr: "Field:Field",
    _T.Field: "Flags:u2 Name:str Signature:blob",
    _T.MethodPtr: "Method:MethodDef",
    _T.MethodDef: "RVA:u4 ImplFlags:u2 Flags:u2 Name:str Signature:blob ParamList:Param",
    _T.ParamPtr: "Param:Param",
    _T.Param: "Flags:u2 Sequence:u2 Name:str",
    _T.InterfaceImpl: "Class:TypeDef Interface:TypeDefOrRef",
    _T.MemberRef: "Class:MemberRefParent Name:str Signature:blob",
    _T.Constant: "Type:u1 Padding:u1 Parent:HasConstant Value:blob",
    _T.CustomAttribute: "Parent:HasCustomAttribute Type:CustomAttributeType Value:blob",
    _T.FieldMarshal: "Parent:HasFieldMarshal NativeType:blob",
    _T.DeclSecurity: "Action:u2 Parent:HasDeclSecurity PermissionSet:blob",
    _T.ClassLayout: "PackingSize:u2 ClassSize:u4 Parent:TypeDef",
    _T.FieldLayout: "Offset:u4 Field:Field",
    _T.StandAloneSig: "Signature:blob",
    _T.EventMap: "Parent:TypeDef EventList:Event",
    _T.EventPtr: "Event:Event",
    _T.Event: "EventFlags:u2 Name:str EventType:TypeDefOrRef",
    _T.PropertyMap: "Parent:TypeDef PropertyList:Property",
    _T.PropertyPtr: "Property:Property",
    _T.Property: "Flags:u2 Name:str Type:blob",
    _T.MethodSemantics: "Semantics:u2 Method:MethodDef Association:HasSemantics",
    _T.MethodImpl: "Class:TypeDef MethodBody:MethodDefOrRef MethodDeclaration:MethodDefOrRef",
    _T.ModuleRef: "Name:str",
    _T.TypeSpec: "Signature:blob",
    _T.ImplMap: "MappingFlags:u2 MemberForwarded:MemberForwarded ImportName:str ImportScope:ModuleRef",
    _T.FieldRVA: "RVA:u4 Field:Field",
    _T.EncLog: "Token:u4 FuncCode:u4",
    _T.EncMap: "Token:u4",
    _T.Assembly: "HashAlgId:u4 MajorVersion:u2 MinorVersion:u2 BuildNumber:u2 RevisionNumber:u2 Flags:u4 "
    "PublicKey:blob Name:str Culture:str",
    _T.AssemblyProcessor: "Processor:u4",
    _T.AssemblyOS: "OSPlatformID:u4 OSMajorVersion:u4 OSMinorVersion:u4",
    _T.AssemblyRef: "MajorVersion:u2 MinorVersion:u2 BuildNumber:u2 RevisionNumber:u2 Flags:u4 PublicKeyOrToken:blob "
    "Name:str Culture:str HashValue:blob",
    _T.AssemblyRefProcessor: "Processor:u4 AssemblyRef:AssemblyRef",
    _T.AssemblyRefOS: "OSPlatformID:u4 OSMajorVersion:u4 OSMinorVersion:u4 AssemblyRef:AssemblyRef",
    _T.File: "Flags:u4 Name:str HashValue:blob",
    _T.ExportedType: "Flags:u4 TypeDefId:u4 TypeName:str TypeNamespace:str Implementation:Implementation",
    _T.ManifestResource: "Offset:u4 Flags:u4 Name:str Implementation:Implementation",
    _T.NestedClass: "NestedClass:TypeDef EnclosingClass:TypeDef",
    _T.GenericParam: "Number:u2 Flags:u2 Owner:TypeOrMethodDef Name:str",
    _T.MethodSpec: "Method:MethodDefOrRef Instantiation:blob",
    _T.GenericParamConstraint: "Owner:GenericParam Constraint:TypeDefOrRef",
}

#: Table -> ((column name, column kind), ...), in file order.
COLUMNS: Final[dict[Table, tuple[tuple[str, str], ...]]] = {
    table: tuple((name, kind) for name, kind in (column.split(":") for column in text.split()))
    for table, text in _SCHEMA.items()
}

_FIXED: Final = {"u1": "B", "u2": "H", "u4": "I"}


def decode_coded(kind: CodedIndex, value: int) -> tuple[Table | None, int]:
    """Splits a raw coded index column into (table, rid); the table is None for a reserved tag."""
    bits, tables = CODED_INDEXES[kind]
    tag = value & ((1 << bits) - 1)
    return (tables[tag] if tag < len(tables) else None), value >> bits


def encode_coded(kind: CodedIndex, token: int) -> int:
    """The raw column value of a token: what sorted tables are searched for.

    Raises:
        ValueError: the token's table cannot appear in this kind of index.
    """
    bits, tables = CODED_INDEXES[kind]
    return (token & 0xFFFFFF) << bits | tables.index(Table(token >> 24))


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Where rows are: ``starts[t] + (rid - 1) * sizes[t]`` is a row's file offset, ``structs[t]`` decodes it."""

    counts: tuple[int, ...]
    starts: tuple[int, ...]
    sizes: tuple[int, ...]
    structs: tuple[struct.Struct | None, ...]
    end: int


def compute_layout(counts: Sequence[int], heap_sizes: int, start: int) -> TableLayout:
    """Lays the tables out from row counts alone (II.24.2.6).

    Args:
        counts: row count of each of the :data:`TABLE_COUNT` tables.
        heap_sizes: the HeapSizes bits of the stream header: 1 wide strings, 2 wide GUIDs, 4 wide blobs.
        start: file offset of the first row of the first table.
    """
    code = dict(_FIXED)
    code["str"] = "I" if heap_sizes & 1 else "H"
    code["guid"] = "I" if heap_sizes & 2 else "H"
    code["blob"] = "I" if heap_sizes & 4 else "H"
    for table in Table:
        code[table.name] = "I" if counts[table] > 0xFFFF else "H"
    for kind in CodedIndex:
        bits, tables = CODED_INDEXES[kind]
        rows = max(counts[table] for table in tables if table is not None)
        # A name such as ``MethodDefOrRef`` never collides with a table name; the test of the schema checks that.
        code[kind.name] = "I" if rows >= 1 << (16 - bits) else "H"
    starts: list[int] = []
    sizes: list[int] = []
    structs: list[struct.Struct | None] = []
    offset = start
    for table in Table:
        starts.append(offset)
        if counts[table]:
            row = struct.Struct("<" + "".join([code[kind] for _, kind in COLUMNS[table]]))
            structs.append(row)
            sizes.append(row.size)
            offset += row.size * counts[table]
        else:
            structs.append(None)
            sizes.append(0)
    return TableLayout(tuple(counts), tuple(starts), tuple(sizes), tuple(structs), offset)
