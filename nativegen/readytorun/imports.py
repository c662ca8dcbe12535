"""Import sections (101): the indirection cells of an image, and the argument maps of those that bind calls lazily.

Each import section is a run of 8-byte cells with one fill policy (flags), parallel to an array of RVAs of their fixup
signatures. Sections of method calls also have a GCRefMap per cell: while the first call through a cell is being bound,
the collector finds the caller's argument references by it (runtime: gcrefmap.h, frames.cpp:
PromoteCallerStackUsingGCRefMap).

>>> encode_gc_ref_map(((0, 1), (3, 2))).hex()
'8101'
>>> decode_gc_ref_map(bytes.fromhex("8101"), 0)[0]
((0, 1), (3, 2))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nativegen.readytorun.enums import ImportSectionFlags
from nativegen.readytorun.structs import IMPORT_SECTION, U32

CELL_SIZE = 8
GC_REF_MAP_STRIDE = 1024  # cells per entry of a GCRefMap's lookup table

_SKIP = 0
_EXTENDED = 3


@dataclass(frozen=True, slots=True)
class ImportSection:
    """One entry of section 101.

    Args:
        rva, size: the cells, in bytes.
        flags: when and how the runtime fills the cells.
        type: ImportSectionType, kept as a number because compilers invent new ones.
        entry_size: bytes per cell.
        signatures_rva: u32 RVAs of the signatures, one per cell; 0 when there are none.
        auxiliary_rva: of the GCRefMap, or 0.
    """

    rva: int
    size: int
    flags: ImportSectionFlags
    type: int
    entry_size: int
    signatures_rva: int
    auxiliary_rva: int

    @property
    def cell_count(self) -> int:
        """Number of cells."""
        return self.size // (self.entry_size or CELL_SIZE)


def encode_import_sections(sections: Sequence[ImportSection]) -> bytes:
    """Section 101."""
    return b"".join(
        IMPORT_SECTION.pack(s.rva, s.size, s.flags, s.type, s.entry_size, s.signatures_rva, s.auxiliary_rva)
        for s in sections
    )


def decode_import_sections(data: bytes | memoryview, offset: int, size: int) -> tuple[ImportSection, ...]:
    """All import sections of an image; ``data`` is the mapped image.

    Raises:
        ValueError: cells lie outside the image.
    """
    sections: list[ImportSection] = []
    for at in range(offset, offset + size, IMPORT_SECTION.size):
        rva, cells, flags, kind, entry_size, signatures, auxiliary = IMPORT_SECTION.unpack_from(data, at)
        if rva + cells > len(data):
            raise ValueError(f"import section {len(sections)} lies outside the image")
        sections.append(ImportSection(rva, cells, ImportSectionFlags(flags), kind, entry_size, signatures, auxiliary))
    return tuple(sections)


def encode_gc_ref_map(references: Sequence[tuple[int, int]]) -> bytes:
    """One cell's map from (position, token) pairs: token 1 is a reference, 2 an interior pointer, 3 and 4 a hidden
    generics argument (method, type), 5 a vararg cookie.

    Positions count argument words of the transition block: rdi 0 ... r9 5, stack argument n at 13 + n.
    """
    bits = count = 0

    def put(value: int, width: int) -> None:
        nonlocal bits, count
        bits |= value << count
        count += width

    def put_number(value: int) -> None:
        while True:
            group = value & 7
            value >>= 3
            put(group | (8 if value else 0), 4)
            if not value:
                return

    position = 0
    for at, token in sorted(references):
        delta = at - position
        position = at + 1
        if 0 < delta < 4:
            put(0, 2 * delta)
        elif delta:
            put(_EXTENDED, 2)
            put_number(delta - 4 << 1)
        if token < _EXTENDED:
            put(token, 2)
        else:
            put(_EXTENDED, 2)
            put_number(token - _EXTENDED << 1 | 1)
    result = bytearray()
    while True:
        byte = bits & 0x7F
        bits >>= 7
        result.append(byte | 0x80 if bits else byte)
        if not bits:
            return bytes(result)


def decode_gc_ref_map(data: bytes | memoryview, offset: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """(position, token) pairs of the map at ``offset`` and the offset behind it."""
    bits = count = 0
    while True:
        byte = data[offset]
        offset += 1
        bits |= (byte & 0x7F) << count
        count += 7
        if not byte & 0x80:
            break

    def take(width: int) -> int:
        nonlocal bits
        value = bits & ((1 << width) - 1)
        bits >>= width
        return value

    def take_number() -> int:
        result = shift = 0
        while True:
            group = take(4)
            result |= (group & 7) << shift
            shift += 3
            if not group & 8:
                return result

    references: list[tuple[int, int]] = []
    position = 0
    while bits:
        token = take(2)
        if token == _EXTENDED:
            number = take_number()
            if not number & 1:
                position += (number >> 1) + 4
                continue
            token = (number >> 1) + _EXTENDED
        if token != _SKIP:
            references.append((position, token))
        position += 1
    return tuple(references), offset


def encode_gc_ref_maps(maps: Sequence[bytes]) -> bytes:
    """The maps of a whole section (:func:`encode_gc_ref_map`): a u32 offset for every 1024th cell, then the maps."""
    offset = 4 * (-(-len(maps) // GC_REF_MAP_STRIDE))
    table = bytearray()
    for index in range(0, len(maps), GC_REF_MAP_STRIDE):
        table += U32.pack(offset)
        offset += sum(map(len, maps[index : index + GC_REF_MAP_STRIDE]))
    return b"".join((table, *maps))


def decode_gc_ref_maps(data: bytes | memoryview, offset: int, count: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The maps of ``count`` cells, and a check of the lookup table.

    Raises:
        ValueError: the lookup table does not point to the maps.
    """
    at = offset + 4 * (-(-count // GC_REF_MAP_STRIDE))
    maps = []
    for index in range(count):
        if index % GC_REF_MAP_STRIDE == 0:
            (expected,) = U32.unpack_from(data, offset + 4 * (index // GC_REF_MAP_STRIDE))
            if offset + expected != at:
                raise ValueError(f"GCRefMap of cell {index} is at +{at - offset:#x}, not at +{expected:#x}")
        references, at = decode_gc_ref_map(data, at)
        maps.append(references)
    return tuple(maps)
