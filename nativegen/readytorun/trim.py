"""Which bytes of a ReadyToRun image its IL side still needs, when its native code is about to be replaced.

Crossgen puts IL, metadata, native code and tables into one big section. The IL side keeps its RVAs, so nothing can
move; but whole pages that only the old native code used need not be copied. Everything is over-approximated: where the
size of something is not known, the rest of its section stays.

>>> needed_ranges(Assembly.open("System.Linq.dll"))       # doctest: +SKIP
[(143360, 144568), (164620, 288960), (542948, 543004)]
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from nativegen.metadata import ET, Assembly, Directory, Table
from nativegen.metadata.signatures import SigType

#: Needed ranges closer than this become one: a section of its own costs a header and up to two pages.
MERGE_DISTANCE: Final = 0x10000

_RESOURCES, _DEBUG, _CLI_HEADER = 2, 6, 14
_DEBUG_ENTRY = Struct("<IIHHIIII")
_BODY_HEADER_SIZE = 12
_CLAUSE_SIZE = 24
_BODY_SLACK = 16  # alignment and headers of exception sections
_PRIMITIVE_SIZES = {
    ET.BOOLEAN: 1,
    ET.I1: 1,
    ET.U1: 1,
    ET.CHAR: 2,
    ET.I2: 2,
    ET.U2: 2,
    ET.I4: 4,
    ET.U4: 4,
    ET.R4: 4,
    ET.I8: 8,
    ET.U8: 8,
    ET.R8: 8,
    ET.I: 8,
    ET.U: 8,
}


def needed_ranges(assembly: Assembly) -> list[tuple[int, int]]:
    """Ascending, disjoint RVA ranges that hold everything the metadata and the headers refer to."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(_ranges(assembly)):
        if merged and begin - merged[-1][1] < MERGE_DISTANCE:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def is_needed(assembly: Assembly, begin: int, end: int) -> bool:
    """Does anything that the metadata or the headers refer to begin in ``[begin, end)``? Cheaper than all ranges."""
    rvas = [directory.rva for directory in _directories(assembly)]
    columns = (assembly.column(Table.MethodDef, "RVA"), assembly.column(Table.FieldRVA, "RVA"))
    return any(begin <= rva < end for rva in rvas) or any(begin <= rva < end for column in columns for rva in column)


def _directories(assembly: Assembly) -> list[Directory]:
    pe = assembly.pe
    directories = [pe.directories[number] for number in (_RESOURCES, _DEBUG, _CLI_HEADER)]
    return [*directories, pe.cli.metadata, pe.cli.resources, pe.cli.strong_name_signature, pe.cli.vtable_fixups]


def _ranges(assembly: Assembly) -> Iterator[tuple[int, int]]:
    for directory in _directories(assembly):
        if directory.rva:
            yield directory.rva, directory.rva + directory.size
    yield from _debug_data(assembly)
    for rid in range(1, assembly.row_count(Table.MethodDef) + 1):
        rva = assembly.method_def(rid).rva
        body = assembly.method_body(rid) if rva else None
        if body is not None:
            size = _BODY_HEADER_SIZE + len(body.code) + _CLAUSE_SIZE * len(body.exception_clauses) + _BODY_SLACK
            yield rva, rva + size
        elif rva:
            yield rva, _section_end(assembly, rva)
    for rva, field in assembly.rows(Table.FieldRVA):
        data_size = _type_size(assembly, assembly.field_signature(field))
        yield rva, rva + data_size if data_size is not None else _section_end(assembly, rva)


def _debug_data(assembly: Assembly) -> Iterator[tuple[int, int]]:
    directory = assembly.pe.directories[_DEBUG]
    if directory.rva:
        entries = assembly.read_rva(directory.rva, directory.size // _DEBUG_ENTRY.size * _DEBUG_ENTRY.size)
        for *_, size, rva, _ in _DEBUG_ENTRY.iter_unpack(entries):
            if rva:
                yield rva, rva + size


def _type_size(assembly: Assembly, type: SigType) -> int | None:
    """Bytes of a field's data; None when only a type system could tell."""
    if type[0] == ET.VALUETYPE and type[1] >> 24 == Table.TypeDef:
        layout = assembly.class_layout(type[1] & 0xFF_FFFF)
        return layout[1] or None if layout is not None else None
    return _PRIMITIVE_SIZES.get(type[0])


def _section_end(assembly: Assembly, rva: int) -> int:
    for section in assembly.sections:
        end = section.virtual_address + max(section.virtual_size, section.raw_size)
        if section.virtual_address <= rva < end:
            return end
    return rva + 1
