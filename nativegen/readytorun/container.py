"""The PE file around an image: the IL assembly's sections where they were, ours behind them, new headers in front.

The metadata, IL bodies, resources and field data of the input keep their RVAs, because the metadata names them by RVA.
Everything that assumed the old headers is replaced: PE32 becomes PE32+, the IL start-up stub's import and the old
relocations go, the CLI header announces the ReadyToRun header. CoreCLR's own PE loader on Linux maps sections from the
file, which gives the rules checked here: file offset and RVA equal modulo the page size, no zero-filled tails, no two
sections on one page, no section both writable and executable, metadata not writable (runtime: map.cpp, pedecoder.cpp).

An input that already is a ReadyToRun image loses the pages that only its native code used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.readytorun.structs import U32
from nativegen.readytorun.trim import is_needed, needed_ranges

PAGE: Final = 0x1000
SECTION_GAP: Final = 0x10000  # our sections begin at multiples of this, for systems with larger pages
MACHINE_LINUX_X64: Final = 0x8664 ^ 0x7B79  # IMAGE_FILE_MACHINE_AMD64, masked for Linux (pedecoder.h)

_FILE_ALIGNMENT: Final = 0x200
_FILE_HEADER = Struct("<HHIIIHH")
_OPTIONAL_HEADER = Struct("<HBBIIIII" + "QIIHHHHHHIIIIHH" + "QQQQII")
_DATA_DIRECTORY = Struct("<II")
_SECTION_HEADER = Struct("<8sIIIIIIHHI")
_DEBUG_ENTRY = Struct("<IIHHIIII")
_COR_FLAGS_OFFSET = 16
_COR_NATIVE_HEADER_OFFSET = 64

_CODE, _INITIALIZED, _DISCARDABLE = 0x20, 0x40, 0x0200_0000
_EXECUTE, _READ, _WRITE = 0x2000_0000, 0x4000_0000, 0x8000_0000
DATA_CHARACTERISTICS: Final = _INITIALIZED | _READ | _WRITE
CODE_CHARACTERISTICS: Final = _CODE | _READ | _EXECUTE

_RESOURCES, _EXCEPTION, _RELOCATIONS, _DEBUG, _CLI_HEADER = 2, 3, 5, 6, 14
_ILONLY, _32BIT_REQUIRED, _IL_LIBRARY, _32BIT_PREFERRED = 0x1, 0x2, 0x4, 0x2_0000
_EXECUTABLE_IMAGE, _LARGE_ADDRESS_AWARE, _DLL = 0x2, 0x20, 0x2000
# HIGH_ENTROPY_VA, DYNAMIC_BASE, NX_COMPAT, TERMINAL_SERVER_AWARE
_DLL_CHARACTERISTICS = 0x8160
_RELOCATION_DIR64 = 10 << 12


@dataclass(slots=True)
class ImageSection:
    """One section of the file being made; ``data`` may still be patched."""

    name: str
    rva: int
    data: bytearray
    characteristics: int

    @property
    def end(self) -> int:
        """RVA behind the last byte."""
        return self.rva + len(self.data)


def kept_sections(assembly: Assembly) -> list[ImageSection]:
    """The input's sections that go into the image.

    Raises:
        NativegenError: NGEN3105, they cannot be mapped as the runtime maps images.
    """
    pe = assembly.pe
    metadata_rvas = (pe.directories[_CLI_HEADER].rva, pe.cli.metadata.rva)
    needed = needed_ranges(assembly) if assembly.is_ready_to_run else None
    result: list[ImageSection] = []
    for section in pe.sections:
        size = max(section.virtual_size, 1)
        begin, end = section.virtual_address, section.virtual_address + size
        data = bytearray(pe.data[section.raw_offset : section.raw_offset + min(section.raw_size, size)])
        data.extend(bytes(size - len(data)))
        characteristics = section.characteristics & (_CODE | _INITIALIZED | _EXECUTE | _READ | _WRITE) | _READ
        if characteristics & (_CODE | _EXECUTE) or any(begin <= rva < end for rva in metadata_rvas):
            characteristics &= ~_WRITE
        for kept_begin, kept_end in _kept_ranges(assembly, needed, begin, end):
            part = data[kept_begin - begin : kept_end - begin]
            result.append(ImageSection(section.name, kept_begin, part, characteristics))
    _check_mappable(assembly, result)
    return result


def _kept_ranges(
    assembly: Assembly, needed: list[tuple[int, int]] | None, begin: int, end: int
) -> list[tuple[int, int]]:
    """The parts of the section ``[begin, end)`` to keep: of an image the needed pages, otherwise all or nothing."""
    if needed is None:
        relocations_only = begin <= assembly.pe.directories[_RELOCATIONS].rva < end and not is_needed(
            assembly, begin, end
        )
        return [] if relocations_only else [(begin, end)]
    return [
        (max(begin, needed_begin & -PAGE), min(end, align(needed_end, PAGE)))
        for needed_begin, needed_end in needed
        if needed_begin < end and begin < needed_end
    ]


def _check_mappable(assembly: Assembly, sections: Sequence[ImageSection]) -> None:
    def refuse(detail: str) -> NativegenError:
        return NativegenError("NGEN3105", assembly.path, detail=detail)

    if not sections:
        raise refuse("it has no sections")
    free_from = PAGE  # the headers take the first page
    for section in sections:
        if section.rva % _FILE_ALIGNMENT:
            raise refuse(f"section {section.name} is not aligned to {_FILE_ALIGNMENT} bytes")
        if section.rva & -PAGE < free_from:
            raise refuse(f"section {section.name} shares a page with what precedes it")
        free_from = align(section.end, PAGE)


def align(value: int, alignment: int) -> int:
    """``value`` rounded up to a multiple of a power of two."""
    return (value + alignment - 1) & -alignment


def encode_base_relocations(rvas: Sequence[int], page: int) -> bytes:
    """The .reloc contents: one DIR64 fixup per RVA, ascending, in blocks of a page.

    Never empty, because .NET Core 3.1 does not execute an image without relocation blocks: without any RVA there is one
    block of padding entries, for ``page``.
    """
    blocks: dict[int, bytearray] = {} if rvas else {page & -PAGE: bytearray(4)}
    for rva in rvas:
        blocks.setdefault(rva & -PAGE, bytearray()).extend((_RELOCATION_DIR64 | rva & (PAGE - 1)).to_bytes(2, "little"))
    result = bytearray()
    for block, entries in blocks.items():
        entries.extend(bytes(len(entries) % 4))  # a padding entry of type ABSOLUTE keeps blocks aligned
        result += U32.pack(block) + U32.pack(8 + len(entries)) + entries
    return bytes(result)


def build_container(
    assembly: Assembly,
    sections: Sequence[ImageSection],
    relocations: Sequence[int],
    *,
    image_base: int,
    native_header: tuple[int, int],
    exception_directory: tuple[int, int],
) -> bytes:
    """The finished file.

    Args:
        assembly: the input, for the parts of its headers that stay.
        sections: kept ones and ours, by ascending RVA; a .reloc section is added behind them.
        relocations: RVAs of all absolute 64-bit addresses, ascending.
        image_base: the preferred address, which those addresses include.
        native_header: RVA and size of the ReadyToRun header.
        exception_directory: RVA and size of the runtime functions.
    """
    pe = assembly.pe
    relocation_data = bytearray(encode_base_relocations(relocations, sections[-1].rva))
    relocation_rva = align(sections[-1].end, SECTION_GAP)
    relocation_section = ImageSection(".reloc", relocation_rva, relocation_data, _INITIALIZED | _DISCARDABLE | _READ)
    all_sections = [*sections, relocation_section]

    cor = pe.directories[_CLI_HEADER]
    home = _section_of(all_sections, cor.rva)
    at = cor.rva - home.rva
    (flags,) = U32.unpack_from(home.data, at + _COR_FLAGS_OFFSET)
    flags = flags & ~(_ILONLY | _32BIT_REQUIRED | _32BIT_PREFERRED) | _IL_LIBRARY
    U32.pack_into(home.data, at + _COR_FLAGS_OFFSET, flags)
    _DATA_DIRECTORY.pack_into(home.data, at + _COR_NATIVE_HEADER_OFFSET, *native_header)

    directories = [(0, 0)] * 16
    directories[_RESOURCES] = pe.directories[_RESOURCES]
    directories[_EXCEPTION] = exception_directory
    directories[_RELOCATIONS] = (relocation_rva, len(relocation_data))
    directories[_DEBUG] = pe.directories[_DEBUG]
    directories[_CLI_HEADER] = cor

    dos_header = bytearray(0x80)
    dos_header[:2] = b"MZ"
    U32.pack_into(dos_header, 0x3C, len(dos_header))
    headers_end = len(dos_header) + 4 + _FILE_HEADER.size + _OPTIONAL_HEADER.size + 8 * 16
    headers_size = align(headers_end + _SECTION_HEADER.size * len(all_sections), _FILE_ALIGNMENT)
    if headers_size > PAGE:
        raise NativegenError("NGEN3105", assembly.path, detail=f"it would need {len(all_sections)} sections")
    offsets = _file_offsets(all_sections, headers_size)
    _fix_debug_directory(all_sections, offsets, pe.directories[_DEBUG])

    section_alignment = PAGE
    for section in all_sections:
        section_alignment = min(section_alignment, section.rva & -section.rva)
    image_size = align(relocation_section.end, PAGE)
    raw_sizes = [align(len(section.data), _FILE_ALIGNMENT) for section in all_sections]
    code = [(s, size) for s, size in zip(all_sections, raw_sizes, strict=True) if s.characteristics & _CODE]
    characteristics = _EXECUTABLE_IMAGE | _LARGE_ADDRESS_AWARE | pe.characteristics & _DLL
    parts = [
        bytes(dos_header),
        b"PE\0\0",
        _FILE_HEADER.pack(
            MACHINE_LINUX_X64,
            len(all_sections),
            pe.timestamp,
            0,
            0,
            _OPTIONAL_HEADER.size + 8 * 16,
            characteristics,
        ),
        _OPTIONAL_HEADER.pack(
            *(0x20B, 11, 0, sum(size for _, size in code), sum(raw_sizes) - sum(size for _, size in code), 0, 0),
            code[0][0].rva if code else 0,
            *(image_base, section_alignment, _FILE_ALIGNMENT, 4, 0, 0, 0, 4, 0, 0, image_size, headers_size, 0),
            *(_SUBSYSTEM_CONSOLE, _DLL_CHARACTERISTICS),
            *(0x100000, 0x1000, 0x100000, 0x1000, 0, 16),  # stack and heap sizes, loader flags, directory count
        ),
        *(_DATA_DIRECTORY.pack(*directory) for directory in directories),
        *(
            _SECTION_HEADER.pack(
                section.name.encode("ascii", "replace")[:8],
                len(section.data),
                section.rva,
                raw_size,
                offset,
                *(0, 0, 0, 0, section.characteristics),
            )
            for section, offset, raw_size in zip(all_sections, offsets, raw_sizes, strict=True)
        ),
    ]
    file = bytearray(b"".join(parts))
    for section, offset, raw_size in zip(all_sections, offsets, raw_sizes, strict=True):
        file.extend(bytes(offset - len(file)))
        file += section.data
        file.extend(bytes(raw_size - len(section.data)))
    return bytes(file)


_SUBSYSTEM_CONSOLE = 3


def _section_of(sections: Sequence[ImageSection], rva: int) -> ImageSection:
    return next(section for section in sections if section.rva <= rva < section.end)


def _file_offsets(sections: Sequence[ImageSection], start: int) -> list[int]:
    """A file offset per section, equal to its RVA modulo the page size."""
    offsets = []
    position = start
    for section in sections:
        position += (section.rva - position) % PAGE
        offsets.append(position)
        position += align(len(section.data), _FILE_ALIGNMENT)
    return offsets


def _fix_debug_directory(sections: Sequence[ImageSection], offsets: Sequence[int], directory: tuple[int, int]) -> None:
    """Debug entries also name their data by file offset, which has moved."""
    rva, size = directory
    if not rva:
        return
    home = _section_of(sections, rva)
    for at in range(rva - home.rva, rva - home.rva + size - _DEBUG_ENTRY.size + 1, _DEBUG_ENTRY.size):
        *fields, data_rva, _ = _DEBUG_ENTRY.unpack_from(home.data, at)
        pointer = 0
        for section, offset in zip(sections, offsets, strict=True):
            if section.rva <= data_rva < section.end:
                pointer = offset + data_rva - section.rva
        _DEBUG_ENTRY.pack_into(home.data, at, *fields, data_rva, pointer)
