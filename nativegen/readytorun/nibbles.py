"""Streams of nibbles, as fixup lists and debug information are written: numbers in groups of three bits.

The most significant group comes first, all but the last are marked with the nibble's high bit; the first nibble of a
byte is its low one (runtime: nibblestream.h). Streams are put together as hexadecimal digits, because joining strings
is what Python does fastest.

>>> nibble_digits(5), nibble_digits(9)
('5', '91')
>>> bytes_of_nibbles("591").hex()
'9501'
"""

from __future__ import annotations

from functools import cache


@cache
def short_nibble_digits() -> tuple[str, ...]:
    """The digits of small numbers."""
    return tuple(map(_make_digits, range(0x1000)))


def _make_digits(value: int) -> str:
    shift = max(value.bit_length() - 1, 0) // 3 * 3
    digits = ""
    while shift:
        digits += "%x" % (value >> shift & 7 | 8)
        shift -= 3
    return digits + "%x" % (value & 7)


def nibble_digits(value: int) -> str:
    """The nibbles of a number as hexadecimal digits: groups of 3 bits, all but the last marked as continued."""
    known = short_nibble_digits()
    return known[value] if value < len(known) else _make_digits(int(value))


def bytes_of_nibbles(digits: str) -> bytes:
    """Nibbles as bytes, padded: read backwards they are an ordinary hexadecimal number."""
    return bytes.fromhex("0" * (len(digits) & 1) + digits[::-1])[::-1]
