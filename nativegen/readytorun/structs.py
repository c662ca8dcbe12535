"""Binary layouts of the ReadyToRun format's fixed structures, and ECMA-335 compressed integers; no logic beyond them.

Names follow readytorun.h and the PE specification; every structure is little-endian.

>>> compress(0x1234).hex(), decompress(bytes.fromhex("9234"), 0)
('9234', (4660, 2))
"""

from __future__ import annotations

from struct import Struct
from typing import Final

READYTORUN_SIGNATURE: Final = 0x00525452  # 'RTR\0'

HEADER: Final = Struct("<IHHII")  # signature, major, minor, flags, number of sections
SECTION: Final = Struct("<III")  # type, RVA, size
IMPORT_SECTION: Final = Struct("<IIHBBII")  # cells RVA and size, flags, type, entry size, signatures RVA, auxiliary RVA
RUNTIME_FUNCTION: Final = Struct("<III")  # begin, end, unwind info (RVAs)
EXCEPTION_LOOKUP: Final = Struct("<II")  # method start, clauses (RVAs)
EXCEPTION_CLAUSE: Final = Struct("<6I")  # flags, try begin and end, handler begin and end, token or filter offset
U16: Final = Struct("<H")
U32: Final = Struct("<I")
I32: Final = Struct("<i")
U64: Final = Struct("<Q")


def compress(value: int) -> bytes:
    """ECMA-335 II.23.2 compressed unsigned integer.

    Raises:
        ValueError: not below 2**29.
    """
    if value < 0x80:
        return bytes((value,))
    if value < 0x4000:
        return (value | 0x8000).to_bytes(2, "big")
    if value < 0x2000_0000:
        return (value | 0xC000_0000).to_bytes(4, "big")
    raise ValueError(f"{value:#x} is too large for a compressed integer")


def decompress(data: bytes | memoryview, offset: int) -> tuple[int, int]:
    """The compressed integer at ``offset`` and the offset behind it."""
    first = data[offset]
    if first < 0x80:
        return first, offset + 1
    if first < 0xC0:
        return (first & 0x3F) << 8 | data[offset + 1], offset + 2
    return int.from_bytes(data[offset : offset + 4], "big") & 0x1FFF_FFFF, offset + 4
