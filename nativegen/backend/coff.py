"""Read the COFF objects that LLVM emits: sections, symbols, relocations.

Only what code extraction needs, for x86-64, in both header forms (the "big" one appears above 65,279 sections).
Everything is range-checked: a malformed object is an :class:`ObjectError`, never an ``IndexError`` or half-read data.

Invariant: section numbers are COFF's own, 1-based; 0 is undefined, negative ones are absolute and debug symbols.

An object always has the empty ``.text``, ``.data`` and ``.bss`` first; a function that is a COMDAT follows as a section
of its own:

>>> obj = read_object(data)                                     # doctest: +SKIP
>>> [section.name for section in obj.sections]                  # doctest: +SKIP
['.text', '.data', '.bss', '.text', '.xdata', '.pdata']

Sources: PE/COFF specification, sections 3 (file header), 4 (section table), 5.2 (relocations), 5.4 (symbol table).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

_HEADER = struct.Struct("<HHIIIHH")
_BIG_HEADER = struct.Struct("<HHHHI16sIIIIIII")
_SECTION = struct.Struct("<8sIIIIIIHHI")
_RELOCATION = struct.Struct("<IIH")
_SYMBOL = struct.Struct("<8sIhHBB")
_BIG_SYMBOL = struct.Struct("<8sIiHBB")

MACHINE_AMD64 = 0x8664
IMAGE_SCN_LNK_COMDAT = 0x1000
IMAGE_SCN_LNK_NRELOC_OVFL = 0x01000000
IMAGE_SCN_CNT_UNINITIALIZED_DATA = 0x80
IMAGE_REL_AMD64_ADDR64 = 1
IMAGE_REL_AMD64_ADDR32NB = 3
IMAGE_REL_AMD64_REL32 = 4
_FUNCTION_TYPE = 0x20


class ObjectError(ValueError):
    """The object file is not what this module can read."""


class ObjectRelocation(NamedTuple):
    """``symbol`` is an index into :attr:`ObjectFile.symbols`."""

    offset: int
    symbol: int
    kind: int


class ObjectSymbol(NamedTuple):
    """``section`` is a section number (see the module); ``value`` an offset in it."""

    name: str
    value: int
    section: int
    is_function: bool


@dataclass(frozen=True, slots=True)
class ObjectSection:
    """One section.

    Args:
        number: 1-based.
        alignment: in bytes.
        is_comdat: the section belongs to one function or constant only.
        relocations: ascending by offset.
    """

    number: int
    name: str
    data: bytes
    alignment: int
    is_comdat: bool
    relocations: tuple[ObjectRelocation, ...]


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """``symbols`` is keyed by symbol table index (auxiliary records take indices too), and has all that are used."""

    sections: tuple[ObjectSection, ...]
    symbols: dict[int, ObjectSymbol]

    def section(self, number: int) -> ObjectSection:
        """Raises: ObjectError: no section has this number."""
        if not 1 <= number <= len(self.sections):
            raise ObjectError(f"no section {number}")
        return self.sections[number - 1]


def read_object(data: bytes) -> ObjectFile:
    """Parse a COFF object for x86-64.

    Raises:
        ObjectError: truncated, malformed, or for another machine.
    """
    try:
        return _read(data)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        if isinstance(error, ObjectError):
            raise
        raise ObjectError(f"malformed object file: {error}") from error


def _read(data: bytes) -> ObjectFile:
    machine, section_count, _, symbol_offset, symbol_count, optional_size, _ = _HEADER.unpack_from(data, 0)
    symbol_struct = _SYMBOL
    table = _HEADER.size + optional_size
    if machine == 0 and section_count == 0xFFFF:
        header = _BIG_HEADER.unpack_from(data, 0)
        machine, section_count, symbol_offset, symbol_count = header[3], header[10], header[11], header[12]
        symbol_struct, table = _BIG_SYMBOL, _BIG_HEADER.size
    if machine != MACHINE_AMD64:
        raise ObjectError(f"object file is for machine {machine:#x}")
    strings = symbol_offset + symbol_count * symbol_struct.size
    sections = tuple(_read_section(data, table, number, strings) for number in range(1, section_count + 1))
    symbols = _read_symbols(data, symbol_struct, symbol_offset, symbol_count, strings)
    if any(relocation.symbol not in symbols for section in sections for relocation in section.relocations):
        raise ObjectError("relocation against a symbol that is not there")
    return ObjectFile(sections, symbols)


def _string(data: bytes, offset: int) -> str:
    return data[offset : data.index(b"\0", offset)].decode()


def _read_section(data: bytes, table: int, number: int, strings: int) -> ObjectSection:
    name, _, _, size, start, relocations, _, relocation_count, _, flags = _SECTION.unpack_from(
        data, table + _SECTION.size * (number - 1)
    )
    if name[:1] == b"/":
        text = _string(data, strings + int(name[1:].rstrip(b"\0")))
    else:
        text = name.rstrip(b"\0").decode()
    if flags & IMAGE_SCN_CNT_UNINITIALIZED_DATA:
        size = 0
    if start + size > len(data):
        raise ObjectError(f"section {text} ends behind the file")
    if flags & IMAGE_SCN_LNK_NRELOC_OVFL and relocation_count == 0xFFFF:
        # The real count is in the first record, which counts itself.
        relocation_count = _RELOCATION.unpack_from(data, relocations)[0] - 1
        relocations += _RELOCATION.size
    end = relocations + relocation_count * _RELOCATION.size
    if end > len(data):
        raise ObjectError(f"relocations of section {text} end behind the file")
    records = sorted(map(ObjectRelocation._make, _RELOCATION.iter_unpack(data[relocations:end])))
    alignment_code = flags >> 20 & 15
    return ObjectSection(
        number,
        text,
        data[start : start + size],
        1 << (alignment_code - 1) if alignment_code else 1,
        bool(flags & IMAGE_SCN_LNK_COMDAT),
        tuple(records),
    )


def _read_symbols(data: bytes, record: struct.Struct, start: int, count: int, strings: int) -> dict[int, ObjectSymbol]:
    symbols: dict[int, ObjectSymbol] = {}
    index = 0
    while index < count:
        name, value, section, kind, _, auxiliary = record.unpack_from(data, start + index * record.size)
        if name[:4] == b"\0\0\0\0":
            text = _string(data, strings + int.from_bytes(name[4:], "little"))
        else:
            text = name.rstrip(b"\0").decode()
        symbols[index] = ObjectSymbol(text, value, section, kind == _FUNCTION_TYPE)
        index += 1 + auxiliary
    return symbols
