"""Changes single fields of an assembly, to make the files that no compiler here makes."""

from __future__ import annotations

import struct
from pathlib import Path

from nativegen.metadata import Assembly


class Patcher:
    """A copy of an assembly's bytes with its offsets known."""

    def __init__(self, path: Path) -> None:
        self.data = bytearray(path.read_bytes())
        self.original = Assembly.open(path)
        (self.pe,) = struct.unpack_from("<I", self.data, 0x3C)

    def set_directory(self, index: int, rva: int, size: int) -> None:
        """Sets a PE data directory."""
        optional = self.pe + 24
        first = optional + (112 if self.original.is_pe32_plus else 96)
        struct.pack_into("<II", self.data, first + 8 * index, rva, size)

    def set_cli_u4(self, offset: int, value: int) -> None:
        """Sets four bytes of the CLI header."""
        start = self.original.rva_to_offset(self.original.data_directories[14].rva)
        struct.pack_into("<I", self.data, start + offset, value)

    def set_metadata_version(self, version: bytes) -> None:
        """Moves the metadata to the end of the last section, with another version string in its root (II.24.2.1)."""
        old = self.original
        directory = old.pe.cli.metadata
        metadata = old.read_rva(directory.rva, directory.size)
        (length,) = struct.unpack_from("<I", metadata, 12)
        padded = version + bytes(4 - len(version) % 4)
        grown = len(padded) - length
        moved = bytearray(metadata[:12] + struct.pack("<I", len(padded)) + padded + metadata[16 + length :])
        position = 16 + len(padded) + 4
        for _ in range(struct.unpack_from("<H", moved, position - 2)[0]):
            (offset,) = struct.unpack_from("<I", moved, position)
            struct.pack_into("<I", moved, position, offset + grown)
            name_size = moved.index(0, position + 8) - (position + 8)
            position += 8 + (name_size + 4 & ~3)
        last = old.sections[-1]
        start = last.raw_offset + last.raw_size
        self.data[start:] = moved
        header = self.data.index(last.name.encode() + b"\0")
        size = last.raw_size + len(moved)
        struct.pack_into("<IIII", self.data, header + 8, size, last.virtual_address, size, last.raw_offset)
        self.set_cli_u4(8, last.virtual_address + last.raw_size)
        self.set_cli_u4(12, len(moved))

    def replace(self, old: bytes, new: bytes) -> None:
        """Replaces the one occurrence of ``old``."""
        assert self.data.count(old) == 1 and len(old) == len(new)
        self.data = self.data.replace(old, new)

    def save(self, out_dir: Path) -> Path:
        """Writes the patched file."""
        path = out_dir / "patched.dll"
        path.write_bytes(self.data)
        return path
