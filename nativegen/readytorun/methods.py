"""Method entry points (sections 103 and 109): which compiled code belongs to which method, and what it needs first.

An entry names the method's first runtime function and its fixups: the import cells that the runtime must resolve
before the method may run, in ascending (section, slot) order, stopping at the first that fails. MethodDefEntryPoints
is an array indexed by MethodDef rid - 1; InstanceMethodEntryPoints a hash table whose payloads begin with the method's
signature.

>>> entry = MethodEntry(3, ((1, 0), (1, 9), (2, 4)))
>>> decode_entry(encode_entry(entry), 0)[0] == entry
True
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nativegen.readytorun.native_format import (
    decode_unsigned,
    encode_array,
    encode_unsigned,
    iterate_array,
)
from nativegen.readytorun.nibbles import bytes_of_nibbles, nibble_digits


class MethodEntry(NamedTuple):
    """Code of one method.

    Args:
        runtime_function: index of its main body.
        fixups: (import section index, slot) of the cells resolved before it runs, ascending, without duplicates.
    """

    runtime_function: int
    fixups: tuple[tuple[int, int], ...] = ()


def encode_fixups(fixups: Sequence[tuple[int, int]]) -> bytes:
    """A fixup blob: per section its number, its slots, 0; then 0; all as differences, in nibbles."""
    digits: list[str] = []
    section = slot = 0
    first = True
    for this_section, this_slot in fixups:
        if first or this_section != section:
            if not first:
                digits.append("0")
            digits.append(nibble_digits(this_section - section))
            section, slot, first = this_section, 0, False
        digits.append(nibble_digits(this_slot - slot))
        slot = this_slot
    digits.append("00")
    return bytes_of_nibbles("".join(digits))


def decode_fixups(data: bytes | memoryview, offset: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """The (section, slot) pairs of a fixup blob and the offset behind it."""
    position = offset * 2

    def number() -> int:
        nonlocal position
        value = 0
        while True:
            nibble = data[position >> 1] >> (position & 1) * 4 & 0xF
            position += 1
            value = value << 3 | nibble & 7
            if not nibble & 8:
                return value

    result: list[tuple[int, int]] = []
    section = number()
    while True:
        slot = number()
        while True:
            result.append((section, slot))
            delta = number()
            if not delta:
                break
            slot += delta
        delta = number()
        if not delta:
            return tuple(result), (position + 1) // 2
        section += delta


def encode_entry(entry: MethodEntry) -> bytes:
    """The entry with its fixups directly behind it."""
    if not entry.fixups:
        return encode_unsigned(entry.runtime_function << 1)
    return encode_unsigned(entry.runtime_function << 2 | 1) + encode_fixups(entry.fixups)


def decode_entry(data: bytes | memoryview, offset: int) -> tuple[MethodEntry, int]:
    """The entry at ``offset`` and the offset behind it; fixups may be shared with an earlier entry."""
    value, following = decode_unsigned(data, offset)
    if not value & 1:
        return MethodEntry(value >> 1), following
    blob = following
    if value & 2:
        back, following = decode_unsigned(data, following)
        blob -= back
    fixups, end = decode_fixups(data, blob)
    return MethodEntry(value >> 2, fixups), following if value & 2 else end


def encode_method_def_entry_points(entries: Mapping[int, bytes]) -> bytes:
    """Section 103 from MethodDef rid to encoded entry."""
    elements: list[bytes | None] = [None] * max(entries, default=0)
    for rid, entry in entries.items():
        elements[rid - 1] = entry
    return encode_array(elements)


def iterate_method_def_entry_points(data: bytes | memoryview, offset: int) -> Iterator[tuple[int, MethodEntry]]:
    """(MethodDef rid, entry) of every compiled method, ascending."""
    for index, at in iterate_array(data, offset):
        yield index + 1, decode_entry(data, at)[0]


def sorted_fixups(fixups: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Fixups as :class:`MethodEntry` wants them."""
    return tuple(sorted(set(fixups)))
