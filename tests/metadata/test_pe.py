"""PE headers and RVA arithmetic."""

from __future__ import annotations

import struct
from pathlib import Path

import pefile
import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from tests.metadata.conftest import folder
from tests.metadata.patch import Patcher
from tests.support.paths import TestInputs


@pytest.mark.parametrize(
    "where, name",
    [
        ("3.1", "System.Console.dll"),
        ("9.0", "System.Console.dll"),
        ("azmcp", "Npgsql.dll"),
        ("roslyn", "NuGet.Common.dll"),
    ],
)
def test_headers_equal_pefile(inputs: TestInputs, where: str, name: str) -> None:
    path = folder(inputs, where) / name
    image = Assembly.open(path).pe
    oracle = pefile.PE(str(path), fast_load=True)
    assert image.machine == oracle.FILE_HEADER.Machine
    assert image.characteristics == oracle.FILE_HEADER.Characteristics
    assert image.timestamp == oracle.FILE_HEADER.TimeDateStamp
    optional = oracle.OPTIONAL_HEADER
    assert image.is_pe32_plus == (optional.Magic == 0x20B)
    assert image.image_base == optional.ImageBase
    assert (image.section_alignment, image.file_alignment) == (optional.SectionAlignment, optional.FileAlignment)
    assert (image.size_of_image, image.size_of_headers) == (optional.SizeOfImage, optional.SizeOfHeaders)
    assert [tuple(d) for d in image.directories] == [(d.VirtualAddress, d.Size) for d in optional.DATA_DIRECTORY]
    for section, expected in zip(image.sections, oracle.sections, strict=True):
        assert section.name == expected.Name.rstrip(b"\0").decode()
        assert section.virtual_address == expected.VirtualAddress
        assert (section.raw_offset, section.raw_size) == (expected.PointerToRawData, expected.SizeOfRawData)
        assert image.rva_to_offset(section.virtual_address + 5) == oracle.get_offset_from_rva(
            section.virtual_address + 5
        )
        assert image.read_rva(section.virtual_address, 64) == oracle.get_data(section.virtual_address, 64)


def test_rvas_outside_sections(kitchen: Assembly) -> None:
    last = kitchen.sections[-1]
    end = last.virtual_address + max(last.raw_size, last.virtual_size)
    for rva in (0, 4, end, end + 0x10000, 0xFFFFFFFF):
        assert kitchen.pe.bytes_available(rva) == 0
        for read in (kitchen.rva_to_offset, kitchen.read_rva):
            with pytest.raises(NativegenError, match="NGEN1002"):
                read(rva, 1)
    for read in (kitchen.rva_to_offset, kitchen.read_rva):
        with pytest.raises(NativegenError, match="NGEN1002"):
            read(end - 4, 5)
    with pytest.raises(NativegenError, match="NGEN1002"):
        kitchen.read_rva(last.virtual_address, -1)


def test_memory_behind_the_file_data_is_zero(patcher: Patcher, tmp_path: Path) -> None:
    last = patcher.original.sections[-1]
    header = patcher.data.index(last.name.encode() + b"\0")
    struct.pack_into("<I", patcher.data, header + 8, last.raw_size + 100)  # VirtualSize
    image = Assembly.open(patcher.save(tmp_path)).pe
    end = last.virtual_address + last.raw_size
    stored = patcher.data[last.raw_offset + last.raw_size - 4 : last.raw_offset + last.raw_size]
    assert image.read_rva(end - 4, 8) == bytes(stored) + bytes(4)
    assert image.read_rva(end + 96, 4) == bytes(4)
    with pytest.raises(NativegenError, match="NGEN1002"):
        image.rva_to_offset(end)
    with pytest.raises(NativegenError, match="NGEN1002"):
        image.read_rva(end + 96, 5)


@pytest.mark.parametrize(
    "machine, name, system",
    [
        (0x8664, "AMD64", "windows"),
        (0x8664 ^ 0x7B79, "AMD64", "linux"),
        (0xAA64 ^ 0x4644, "ARM64", "osx"),
        (0x014C, "I386", "windows"),
        (0x1234, "0x1234", "unknown"),
    ],
)
def test_machines(patcher: Patcher, tmp_path: Path, machine: int, name: str, system: str) -> None:
    struct.pack_into("<H", patcher.data, patcher.pe + 4, machine)
    image = Assembly.open(patcher.save(tmp_path)).pe
    assert (image.machine_name, image.machine_os) == (name, system)
