"""Take the native code out of an assembly, so that every runtime loads it as CIL.

Images of another operating system are refused (peimagelayout.cpp); their CIL is complete. The code stays in the file,
but nothing refers to it any longer.
"""

from __future__ import annotations

import struct

import pefile

_MANAGED_NATIVE_HEADER = 64  # in the CLI header (ECMA-335 II.25.3.3)
_FLAGS = 16
_IL_ONLY, _IL_LIBRARY = 1, 4
_RELOCATIONS_STRIPPED = 1
#: The only directories that an IL-only file may have (pedecoder.cpp: CheckILOnly): resources, security, debug, CLI.
_KEPT = {2, 4, 6, 14}


def il_only(data: bytes) -> bytes:
    """The assembly without native code; ``data`` itself when it has none."""
    opened = pefile.PE(data=data, fast_load=True)
    directories = opened.OPTIONAL_HEADER.DATA_DIRECTORY
    if not directories[14].VirtualAddress:
        return data
    cli = opened.get_offset_from_rva(directories[14].VirtualAddress)
    (flags,) = struct.unpack_from("<I", data, cli + _FLAGS)
    if not flags & _IL_LIBRARY:
        return data
    changed = bytearray(data)
    struct.pack_into("<I", changed, cli + _FLAGS, flags & ~_IL_LIBRARY | _IL_ONLY)
    struct.pack_into("<II", changed, cli + _MANAGED_NATIVE_HEADER, 0, 0)
    for index, directory in enumerate(directories):
        if index not in _KEPT:
            struct.pack_into("<II", changed, directory.get_file_offset(), 0, 0)
    characteristics = opened.FILE_HEADER.get_field_absolute_offset("Characteristics")
    struct.pack_into("<H", changed, characteristics, opened.FILE_HEADER.Characteristics | _RELOCATIONS_STRIPPED)
    return bytes(changed)
