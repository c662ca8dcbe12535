"""Bit streams as GcInfo uses them: least significant bit first, with variable-length integers of a given group width.

A variable-length number is a sequence of groups of ``base`` value bits and one continuation bit; signed numbers
sign-extend the last group (gcinfodecoder.h: DecodeVarLengthUnsigned, DecodeVarLengthSigned).

>>> writer = BitWriter()
>>> writer.write_unsigned(300, 8)
>>> writer.to_bytes().hex()
'2c0300'
>>> BitReader(bytes.fromhex("2c0300")).read_unsigned(8)
300
"""

from __future__ import annotations


class BitWriter:
    """Accumulates bits in one integer; streams are short (tens to hundreds of bits)."""

    __slots__ = ("_value", "bit_count")

    def __init__(self) -> None:
        self._value = 0
        self.bit_count = 0

    def write(self, value: int, count: int) -> None:
        """Append the low ``count`` bits of ``value``, which must fit."""
        if value >> count:
            raise ValueError(f"{value:#x} does not fit in {count} bits")
        self._value |= value << self.bit_count
        self.bit_count += count

    def write_unsigned(self, value: int, base: int) -> None:
        """Append a variable-length unsigned number."""
        continued = 1 << base
        while value >> base:
            self.write(value & (continued - 1) | continued, base + 1)
            value >>= base
        self.write(value, base + 1)

    def write_signed(self, value: int, base: int) -> None:
        """Append a variable-length signed number."""
        continued = 1 << base
        limit = continued >> 1
        while not -limit <= value < limit:
            self.write(value & (continued - 1) | continued, base + 1)
            value >>= base
        self.write(value & (continued - 1), base + 1)

    def to_bytes(self) -> bytes:
        """The bits, padded with zeros to whole bytes."""
        return self._value.to_bytes((self.bit_count + 7) // 8, "little")


def unsigned_size(value: int, base: int) -> int:
    """Bits that ``write_unsigned`` takes for ``value``."""
    return (max(value.bit_length(), 1) + base - 1) // base * (base + 1)


class BitReader:
    """Reads from a position in a buffer; reading past the end raises ``ValueError``."""

    __slots__ = ("_data", "position")

    def __init__(self, data: bytes | memoryview, byte_offset: int = 0) -> None:
        self._data = data
        self.position = byte_offset * 8

    def read(self, count: int) -> int:
        """The next ``count`` bits."""
        position = self.position
        end = position + count
        self.position = end
        if end > len(self._data) * 8:
            raise ValueError("bit stream ends early")
        window = int.from_bytes(self._data[position >> 3 : (end + 7) >> 3], "little")
        return window >> (position & 7) & ((1 << count) - 1)

    def read_unsigned(self, base: int) -> int:
        """A variable-length unsigned number."""
        return self._read_groups(base)[0]

    def read_signed(self, base: int) -> int:
        """A variable-length signed number."""
        result, bits = self._read_groups(base)
        return result - (1 << bits) if result >> (bits - 1) & 1 else result

    def _read_groups(self, base: int) -> tuple[int, int]:
        """A number in groups of ``base`` bits and one that says whether more follow; how many bits it has."""
        result = shift = 0
        continued = 1 << base
        while True:
            group = self.read(base + 1)
            result |= (group & (continued - 1)) << shift
            shift += base
            if not group & continued:
                return result, shift

    def align_to_byte(self) -> None:
        """Skip to the next byte boundary."""
        self.position = (self.position + 7) & ~7
