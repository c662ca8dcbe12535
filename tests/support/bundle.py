"""Read and write single-file .NET applications: the host program with the files of the application behind it.

.NET 10's test host is made from such an application (provision.py), and tests put images into one. Layout (host:
bundle/manifest.cpp, header.cpp, marker.cpp; version 6): the host program, in whose data a marker of 32 bytes follows
the 8-byte offset of the header; the files; the header: version, number of files, id, where deps.json and
runtimeconfig.json are, flags; then one entry per file: offset, size, compressed size (0: stored as it is), type, path.
Strings are UTF-8 behind their length in groups of 7 bits.

>>> bundle = read_bundle(Path("dist/azmcp"))
>>> bundle.files["azmcp.dll"].type
<FileType.ASSEMBLY: 1>
>>> write_bundle(Path("other"), bundle.host, bundle.files | {"azmcp.dll": BundledFile(FileType.ASSEMBLY, image)})
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MARKER = bytes.fromhex("8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae")
_VERSION = (6, 0)
_HEADER = struct.Struct("<qqqqQ")  # offset and size of deps.json, of runtimeconfig.json; flags
_ENTRY = struct.Struct("<qqqB")
_PAGE = 4096
_ID = "nativegen"


class FileType(enum.IntEnum):
    """What a bundled file is (bundle/file_type.h)."""

    UNKNOWN = 0
    ASSEMBLY = 1
    NATIVE_BINARY = 2
    DEPS_JSON = 3
    RUNTIME_CONFIG = 4
    SYMBOLS = 5


@dataclass(frozen=True, slots=True)
class BundledFile:
    """One file of the application."""

    type: FileType
    data: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """``host``: the program before the first file; ``files`` by path."""

    host: bytes
    files: Mapping[str, BundledFile]


def read_bundle(path: Path) -> Bundle:
    """Read a single-file application.

    Raises:
        ValueError: it is none, of another version, or compressed.
    """
    data = path.read_bytes()
    marker = data.find(_MARKER)
    if marker < 0:
        raise ValueError(f"{path} is not a single-file application")
    (position,) = struct.unpack_from("<q", data, marker - 8)
    major, minor, count = struct.unpack_from("<IIi", data, position)
    if (major, minor) != _VERSION:
        raise ValueError(f"{path}: bundle version {major}.{minor}")
    _, position = _read_string(data, position + 12)
    position += _HEADER.size
    files = {}
    first = len(data)
    for _ in range(count):
        offset, size, compressed, kind = _ENTRY.unpack_from(data, position)
        name, position = _read_string(data, position + _ENTRY.size)
        if compressed:
            raise ValueError(f"{path}: {name} is compressed")
        files[name] = BundledFile(FileType(kind), data[offset : offset + size])
        first = min(first, offset)
    return Bundle(data[:first], files)


def write_bundle(path: Path, host: bytes, files: Mapping[str, BundledFile]) -> None:
    """Write a single-file application; ``files`` must have one deps.json and one runtimeconfig.json."""
    data = bytearray(host)
    entries = bytearray()
    places: dict[FileType, tuple[int, int]] = {}
    for name, file in files.items():
        data += bytes(-len(data) % _PAGE)
        place = (len(data), len(file.data))
        places[file.type] = place
        entries += _ENTRY.pack(*place, 0, file.type) + _string(name)
        data += file.data
    struct.pack_into("<q", data, data.find(_MARKER) - 8, len(data))
    data += struct.pack("<IIi", *_VERSION, len(files)) + _string(_ID)
    data += _HEADER.pack(*places[FileType.DEPS_JSON], *places[FileType.RUNTIME_CONFIG], 0)
    path.write_bytes(data + entries)
    path.chmod(0o755)


def _read_string(data: bytes, position: int) -> tuple[str, int]:
    length = shift = 0
    while True:
        byte = data[position]
        position += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return data[position : position + length].decode(), position + length


def _string(text: str) -> bytes:
    data = text.encode()
    length = len(data)
    prefix = bytearray()
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + data
