"""Where machine code comes from: the line tables that LLVM writes for CodeView, one section per function.

Our "lines" are CIL offsets plus one (:func:`nativegen.backend.module_text.location`). Why this form of debug
information: it is the only one of LLVM's for COFF that stays with each function, it costs a few bytes of text per call
site, and instructions are generated the same with and without it (``tests/backend/test_line_tables.py``).

A section ``.debug$S`` is a number and then subsections of (kind, size, contents), each padded to four bytes. Kind 0xF2
has the address of a function (by relocations), flags, its size, and blocks of (file, count, size) with pairs of code
offset and line; the line is in the low 24 bits (LLVM: CodeViewDebug.cpp, MCCodeView.cpp; Microsoft: cvinfo.h,
CV_DebugSLinesHeader_t).

Invariant: rows are ascending by offset; of several at one offset the last counts.

>>> header, block = struct.pack("<IHHI", 0, 0, 0, 16), struct.pack("<III", 0, 2, 28)
>>> line_rows(header + block + struct.pack("<4I", 4, 8, 9, 0x80000001))
((4, 7), (9, 0))
"""

from __future__ import annotations

import struct

from nativegen.backend.coff import ObjectError, ObjectFile, ObjectSection

_SIGNATURE = struct.pack("<I", 4)
_SUBSECTION = struct.Struct("<II")
_LINES = 0xF2
_HEADER = struct.Struct("<IHHI")  # offset and section of the function, flags, size
_BLOCK = struct.Struct("<III")  # file, number of lines, size of the block
_ROW = struct.Struct("<II")
_LINE_MASK = 0xFFFFFF

Rows = tuple[tuple[int, int], ...]


def read_line_tables(obj: ObjectFile) -> dict[int, Rows]:
    """(code offset, CIL offset) pairs by number of the function's section.

    Raises:
        ObjectError: a table is malformed.
    """
    tables: dict[int, Rows] = {}
    for section in obj.sections:
        if section.name == ".debug$S":
            try:
                _read_section(obj, section, tables)
            except struct.error as error:
                raise ObjectError(f"malformed line table: {error}") from error
    return tables


def _read_section(obj: ObjectFile, section: ObjectSection, tables: dict[int, Rows]) -> None:
    data = section.data
    if data[:4] != _SIGNATURE:
        raise ObjectError("malformed line table")
    at = 4
    while at < len(data):
        kind, size = _SUBSECTION.unpack_from(data, at)
        at += _SUBSECTION.size
        if at + size > len(data):
            raise ObjectError("line table ends behind its section")
        if kind == _LINES:
            functions = {obj.symbols[entry.symbol].section for entry in section.relocations if entry.offset == at}
            if len(functions) != 1 or min(functions) <= 0:
                raise ObjectError("line table of no function")
            tables[functions.pop()] = line_rows(data[at : at + size])
        at += size + -size % 4


def line_rows(data: bytes) -> Rows:
    """The rows of one table; without those of line 0, "no line".

    Raises:
        ObjectError: it is malformed.
    """
    at = _HEADER.size
    rows: dict[int, int] = {}
    while at < len(data):
        _, count, size = _BLOCK.unpack_from(data, at)
        if size != _BLOCK.size + count * _ROW.size or at + size > len(data):
            raise ObjectError("malformed block of a line table")
        for offset, line in _ROW.iter_unpack(data[at + _BLOCK.size : at + size]):
            rows[offset] = (line & _LINE_MASK) - 1
        at += size
    return tuple(sorted((offset, line) for offset, line in rows.items() if line >= 0))
