"""The PE file around the metadata: headers, sections, data directories, RVAs (ECMA-335 II.25; Microsoft PE/COFF).

Only what reading IL and spotting native code needs; nothing else is decoded, so parsing costs microseconds.

Invariant: after construction every section's raw data lies inside the file, so RVAs never lead outside it.

>>> image = PEImage(open("app.dll", "rb").read(), "app.dll")    # doctest: +SKIP
>>> image.machine_name, image.is_pe32_plus                      # doctest: +SKIP
('AMD64', True)
"""

from __future__ import annotations

import mmap
import struct
from typing import Final, NamedTuple

from nativegen.diagnostics import NativegenError

#: What an assembly's bytes are held in; slicing either gives ``bytes``.
Buffer = bytes | mmap.mmap

MACHINE_NAMES: Final = {
    0x014C: "I386",
    0x01C4: "ARMNT",
    0x5064: "RISCV64",
    0x6264: "LOONGARCH64",
    0x8664: "AMD64",
    0xAA64: "ARM64",
}

#: CoreCLR's images for another OS have their machine XORed with this (pedecoder.h: IMAGE_FILE_MACHINE_OS_MASK_*).
MACHINE_OS_MASKS: Final = {
    0x0000: "windows",
    0x4644: "osx",
    0x7B79: "linux",
    0xADC4: "freebsd",
    0x1993: "netbsd",
    0x1992: "sunos",
}

DIRECTORY_EXPORT: Final = 0
DIRECTORY_CLI_HEADER: Final = 14

_COFF_HEADER: Final = struct.Struct("<HHIIIHH")
_SECTION: Final = struct.Struct("<8sIIIIIIHHI")
_CLI_HEADER: Final = struct.Struct("<IHHIIII" + "II" * 6)


class Section(NamedTuple):
    """One section header; sizes in bytes, ``raw_*`` in the file, ``virtual_*`` when mapped."""

    name: str
    virtual_size: int
    virtual_address: int
    raw_size: int
    raw_offset: int
    characteristics: int


class Directory(NamedTuple):
    """A data directory: RVA and size in bytes (0, 0 when absent)."""

    rva: int
    size: int


class CliHeader(NamedTuple):
    """``IMAGE_COR20_HEADER`` (II.25.3.3)."""

    runtime_version: tuple[int, int]
    metadata: Directory
    flags: int
    entry_point_token: int
    resources: Directory
    strong_name_signature: Directory
    vtable_fixups: Directory
    managed_native_header: Directory


class PEImage:
    """Parsed headers of one PE file.

    Raises:
        NativegenError: NGEN1001 not a PE file, NGEN1002 truncated or malformed, NGEN1003 no CLI header.
    """

    def __init__(self, data: Buffer, path: str) -> None:
        self.data = data
        self.path = path
        size = len(data)
        if size < 64 or data[0:2] != b"MZ":
            raise NativegenError("NGEN1001", path)
        try:
            (lfanew,) = struct.unpack_from("<I", data, 0x3C)
            if lfanew + 24 > size:
                raise self._bad("the PE header lies outside the file")
            if data[lfanew : lfanew + 4] != b"PE\0\0":
                raise NativegenError("NGEN1001", path)
            self._parse(lfanew + 4)
        except struct.error:
            raise self._bad("a header lies outside the file") from None

    def _bad(self, detail: str) -> NativegenError:
        return NativegenError("NGEN1002", self.path, detail=detail)

    def _parse(self, coff: int) -> None:
        data = self.data
        machine, section_count, timestamp, _, _, optional_size, characteristics = _COFF_HEADER.unpack_from(data, coff)
        self.machine: int = machine
        self.timestamp: int = timestamp
        self.characteristics: int = characteristics
        optional = coff + 20
        (magic,) = struct.unpack_from("<H", data, optional)
        if magic not in (0x10B, 0x20B):
            raise self._bad(f"unknown optional header 0x{magic:x}")
        self.is_pe32_plus: bool = magic == 0x20B
        directories = optional + (112 if self.is_pe32_plus else 96)
        if self.is_pe32_plus:
            (self.image_base,) = struct.unpack_from("<Q", data, optional + 24)
        else:
            (self.image_base,) = struct.unpack_from("<I", data, optional + 28)
        self.section_alignment, self.file_alignment = struct.unpack_from("<II", data, optional + 32)
        self.size_of_image, self.size_of_headers = struct.unpack_from("<II", data, optional + 56)
        (count,) = struct.unpack_from("<I", data, directories - 4)
        count = min(count, 16, max(0, optional_size - (directories - optional)) // 8)
        numbers = struct.unpack_from(f"<{2 * count}I", data, directories)
        pairs = [Directory(numbers[i], numbers[i + 1]) for i in range(0, 2 * count, 2)]
        self.directories: tuple[Directory, ...] = tuple(pairs + [Directory(0, 0)] * (16 - count))
        self.sections: tuple[Section, ...] = self._parse_sections(optional + optional_size, section_count)
        cli = self.directories[DIRECTORY_CLI_HEADER]
        if cli.rva == 0:
            raise NativegenError("NGEN1003", self.path)
        self.cli: CliHeader = self._parse_cli_header(cli)

    def _parse_sections(self, offset: int, count: int) -> tuple[Section, ...]:
        size = len(self.data)
        sections = []
        for index in range(count):
            header = _SECTION.unpack_from(self.data, offset + index * _SECTION.size)
            name, virtual_size, virtual_address, raw_size, raw_offset, _, _, _, _, characteristics = header
            if raw_size and raw_offset + raw_size > size:
                raise self._bad(f"section {index + 1} ends behind the end of the file")
            text = name.rstrip(b"\0").decode("ascii", "backslashreplace")
            sections.append(Section(text, virtual_size, virtual_address, raw_size, raw_offset, characteristics))
        return tuple(sections)

    def _parse_cli_header(self, directory: Directory) -> CliHeader:
        offset = self.rva_to_offset(directory.rva, _CLI_HEADER.size)
        fields = _CLI_HEADER.unpack_from(self.data, offset)
        # In file order: resources, strong name, code manager table, vtable fixups, export jumps, native header.
        pairs = [Directory(fields[i], fields[i + 1]) for i in range(7, 19, 2)]
        return CliHeader(
            runtime_version=(fields[1], fields[2]),
            metadata=Directory(fields[3], fields[4]),
            flags=fields[5],
            entry_point_token=fields[6],
            resources=pairs[0],
            strong_name_signature=pairs[1],
            vtable_fixups=pairs[3],
            managed_native_header=pairs[5],
        )

    @property
    def machine_name(self) -> str:
        """Instruction set of the COFF machine field, e.g. ``AMD64``, whatever OS the image is for; hex when unknown."""
        for mask in MACHINE_OS_MASKS:
            name = MACHINE_NAMES.get(self.machine ^ mask)
            if name is not None:
                return name
        return f"0x{self.machine:x}"

    @property
    def machine_os(self) -> str:
        """Operating system in the machine field's mask; ``windows`` (no mask) means "any" for IL-only files."""
        for mask, system in MACHINE_OS_MASKS.items():
            if self.machine ^ mask in MACHINE_NAMES:
                return system
        return "unknown"

    def rva_to_offset(self, rva: int, size: int = 1) -> int:
        """File offset of ``size`` bytes at ``rva``.

        Raises:
            NativegenError: NGEN1002, the range is not backed by one section's data in the file.
        """
        for section in self.sections:
            delta = rva - section.virtual_address
            if 0 <= delta < section.raw_size:
                if delta + size > section.raw_size:
                    break
                return section.raw_offset + delta
        raise self._bad(f"no file data at RVA 0x{rva:x} ({size} bytes)")

    def bytes_available(self, rva: int) -> int:
        """Number of file bytes from ``rva`` to the end of its section, 0 when the RVA is not backed by the file."""
        for section in self.sections:
            delta = rva - section.virtual_address
            if 0 <= delta < section.raw_size:
                return section.raw_size - delta
        return 0

    def read_rva(self, rva: int, size: int) -> bytes:
        """``size`` bytes at ``rva`` as the loader maps them: what a section has behind its file data is zeros.

        Raises:
            NativegenError: NGEN1002, the range is not inside one section.
        """
        for section in self.sections:
            delta = rva - section.virtual_address
            if 0 <= delta < max(section.raw_size, section.virtual_size):
                if size < 0 or delta + size > max(section.raw_size, section.virtual_size):
                    break
                start = section.raw_offset + delta
                stored = max(0, min(size, section.raw_size - delta))
                return self.data[start : start + stored] + bytes(size - stored)
        raise self._bad(f"no section data at RVA 0x{rva:x} ({size} bytes)")
