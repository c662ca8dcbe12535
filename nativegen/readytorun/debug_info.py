"""DebugInfo (section 105): which CIL offset each piece of a method's native code comes from, and where variables live.

An array indexed by runtime function; an element is a number, 0 or the distance back to an equal element's blob, and the
blob. A blob is a stream of nibbles: the byte sizes of two further streams, and these. Numbers are groups of three bits,
the most significant first, all but the last marked with the nibble's high bit (runtime: debuginfostore.cpp,
nibblestream.h; the lookup: readytoruninfo.cpp, GetDebugInfo). From format version 16 on the bounds are "packed":
entries of one width in bits, which the stream's first numbers give (ILCompiler.Reflection.ReadyToRun: DebugInfo.cs).

Stack traces with line numbers are made from the bounds: the runtime takes a frame's return address minus one, finds the
last bound at or before it, and asks the PDB for the line of its CIL offset.

>>> info = DebugInfo((Bound(0, PROLOG, BoundSource.STACK_EMPTY), Bound(12, 7, BoundSource.NONE)))
>>> encode_debug_info(info).hex()
'050221492900'
>>> decode_debug_info(encode_debug_info(info), 0)[0] == info
True
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from nativegen.readytorun.native_format import decode_unsigned, encode_array, encode_unsigned, iterate_array
from nativegen.readytorun.nibbles import bytes_of_nibbles, nibble_digits, short_nibble_digits

# CIL offsets that stand for something else (cordebuginfo.h: MappingTypes).
NO_MAPPING = -1
PROLOG = -2
EPILOG = -3
_LOWEST_OFFSET = EPILOG

# Variable numbers that stand for something else (cordebuginfo.h: ILNUM).
_LOWEST_VARIABLE = -4


class BoundSource(enum.IntFlag):
    """Why a bound exists (cordebuginfo.h: SourceTypes)."""

    NONE = 0
    SEQUENCE_POINT = 1
    STACK_EMPTY = 2
    CALL_SITE = 4
    NATIVE_END_OFFSET_UNKNOWN = 8
    CALL_INSTRUCTION = 16


class LocationType(enum.IntEnum):
    """Where a variable lives (cordebuginfo.h: VarLocType)."""

    REG = 0
    REG_BYREF = 1
    REG_FP = 2
    STK = 3
    STK_BYREF = 4
    REG_REG = 5
    REG_STK = 6
    STK_REG = 7
    STK2 = 8
    FPSTK = 9
    FIXED_VA = 10


# The numbers that follow a location's type, in stream order: u unsigned, i signed.
_OPERANDS: Mapping[LocationType, str] = {
    LocationType.REG: "u",
    LocationType.REG_BYREF: "u",
    LocationType.REG_FP: "u",
    LocationType.STK: "ui",
    LocationType.STK_BYREF: "ui",
    LocationType.REG_REG: "uu",
    LocationType.REG_STK: "uui",
    LocationType.STK_REG: "iuu",
    LocationType.STK2: "ui",
    LocationType.FPSTK: "u",
    LocationType.FIXED_VA: "u",
}
# What the two lowest bits of a packed entry mean.
_PACKED_SOURCES = ((1, BoundSource.CALL_INSTRUCTION), (2, BoundSource.STACK_EMPTY))
_SOURCE_BITS = 2

#: How many numbers a location of each type has.
OPERAND_COUNT: Mapping[LocationType, int] = {type: len(form) for type, form in _OPERANDS.items()}


class Bound(NamedTuple):
    """Code from ``native`` on comes from the CIL at ``il``.

    Args:
        native: offset from the start of the method's code.
        il: CIL offset, or one of NO_MAPPING, PROLOG, EPILOG.
    """

    native: int
    il: int
    source: BoundSource = BoundSource.NONE


class Variable(NamedTuple):
    """Where an argument or local variable is while the code from ``start`` to ``end`` runs.

    Args:
        number: arguments first, then locals; negative numbers are hidden ones.
        operands: registers and offsets, as :class:`LocationType` wants them, in stream order.
    """

    start: int
    end: int
    number: int
    type: LocationType
    operands: tuple[int, ...]


class DebugInfo(NamedTuple):
    """What the section has of one method: bounds ascending by ``native``."""

    bounds: tuple[Bound, ...] = ()
    variables: tuple[Variable, ...] = ()


class _Nibbles:
    """A stream being written; the first nibble of a byte is its low one."""

    def __init__(self) -> None:
        self._digits: list[str] = []

    def unsigned(self, value: int) -> None:
        self._digits.append(nibble_digits(value))

    def signed(self, value: int) -> None:
        self.unsigned(-value << 1 | 1 if value < 0 else value << 1)

    def bytes(self) -> bytes:
        return bytes_of_nibbles("".join(self._digits))


class _NibbleReader:
    """A stream being read, from a byte offset on."""

    def __init__(self, data: bytes | memoryview, offset: int) -> None:
        self._data = data
        self._position = offset * 2

    def unsigned(self) -> int:
        value = 0
        while True:
            nibble = self._data[self._position >> 1] >> (self._position & 1) * 4 & 15
            self._position += 1
            value = value << 3 | nibble & 7
            if not nibble & 8:
                return value
            if value >> 32:
                raise ValueError("a number of more than 32 bits")

    def signed(self) -> int:
        value = self.unsigned()
        return -(value >> 1) if value & 1 else value >> 1

    @property
    def next_byte(self) -> int:
        """Offset of the first byte that has not been touched."""
        return (self._position + 1) >> 1


def encode_debug_info(info: DebugInfo, *, packed: bool = False) -> bytes:
    """The blob of one method; ``packed``: Target.packed_debug_bounds."""
    bounds = _encode_packed_bounds(info.bounds) if packed else _encode_bounds(info.bounds)
    variables = _encode_variables(info.variables)
    header = _Nibbles()
    header.unsigned(len(bounds))
    header.unsigned(len(variables))
    return header.bytes() + bounds + variables


def encode_code_bounds(
    bounds: Sequence[tuple[int, int, int]], variables: Sequence[Variable] = (), *, packed: bool = False
) -> bytes:
    """The blob of compiled code whose prolog ends at its first instruction, like :func:`encode_debug_info`.

    Args:
        bounds: (native offset, CIL offset, source), ascending.
    """
    known = short_nibble_digits()
    digits: list[str] | None = None
    if not packed and not variables:
        # Written out: an image has hundreds of thousands of bounds, nearly all of them with short numbers.
        with contextlib.suppress(IndexError):
            digits = [
                known[native - last[0]] + known[il - _LOWEST_OFFSET] + known[source]
                for (native, il, source), last in zip(bounds, (_PROLOG_BOUND, *bounds), strict=False)
            ]
    if digits is None:
        every = (_PROLOG_BOUND, *(Bound(native, il, BoundSource(source)) for native, il, source in bounds))
        return encode_debug_info(DebugInfo(every, tuple(variables)), packed=packed)
    stream = bytes_of_nibbles(nibble_digits(len(bounds) + 1) + _PROLOG_DIGITS + "".join(digits))
    return bytes_of_nibbles(nibble_digits(len(stream)) + nibble_digits(0)) + stream


def _encode_bounds(bounds: Sequence[Bound]) -> bytes:
    if not bounds:
        return b""
    # One string for all: images have hundreds of thousands of bounds.
    digits = [nibble_digits(len(bounds))]
    last = 0
    for native, il, source in bounds:
        digits += (nibble_digits(native - last), nibble_digits(il - _LOWEST_OFFSET), nibble_digits(source))
        last = native
    return bytes_of_nibbles("".join(digits))


def _encode_packed_bounds(bounds: Sequence[Bound]) -> bytes:
    if not bounds:
        return b""
    distances = [bounds[0].native, *(after.native - before.native for before, after in pairwise(bounds))]
    native_bits = max(1, *(distance.bit_length() for distance in distances))
    il_bits = max(1, *((bound.il - _LOWEST_OFFSET).bit_length() for bound in bounds))
    stream = _Nibbles()
    for number in (len(bounds), native_bits - 1, il_bits - 1):
        stream.unsigned(number)
    bits = 0
    width = _SOURCE_BITS + native_bits + il_bits
    for index, (bound, distance) in enumerate(zip(bounds, distances, strict=True)):
        source = sum(bit for bit, kind in _PACKED_SOURCES if kind in bound.source)
        entry = source | distance << _SOURCE_BITS | bound.il - _LOWEST_OFFSET << _SOURCE_BITS + native_bits
        bits |= entry << index * width
    return stream.bytes() + bits.to_bytes((width * len(bounds) + 7) // 8, "little")


def _encode_variables(variables: Sequence[Variable]) -> bytes:
    if not variables:
        return b""
    stream = _Nibbles()
    stream.unsigned(len(variables))
    for start, end, number, type, operands in variables:
        stream.unsigned(start)
        stream.unsigned(end - start)
        stream.unsigned(number - _LOWEST_VARIABLE)
        stream.unsigned(type)
        for form, operand in zip(_OPERANDS[type], operands, strict=True):
            if form == "u":
                stream.unsigned(operand)
            else:
                stream.signed(operand)
    return stream.bytes()


def decode_debug_info(data: bytes | memoryview, offset: int, *, packed: bool = False) -> tuple[DebugInfo, int]:
    """The blob at ``offset`` and the offset behind it.

    Raises:
        ValueError, IndexError: it is malformed.
    """
    header = _NibbleReader(data, offset)
    bounds_size, variables_size = header.unsigned(), header.unsigned()
    at = header.next_byte
    end = at + bounds_size + variables_size
    if end > len(data):
        raise ValueError("debug information ends behind the image")
    bounds = (_decode_packed_bounds if packed else _decode_bounds)(data, at, bounds_size)
    return DebugInfo(bounds, _decode_variables(data, at + bounds_size, variables_size)), end


def _decode_bounds(data: bytes | memoryview, offset: int, size: int) -> tuple[Bound, ...]:
    if not size:
        return ()
    stream = _NibbleReader(data, offset)
    bounds = []
    native = 0
    for _ in range(_checked_count(stream.unsigned(), size)):
        native += stream.unsigned()
        bounds.append(Bound(native, stream.unsigned() + _LOWEST_OFFSET, BoundSource(stream.unsigned())))
    return tuple(bounds)


def _decode_packed_bounds(data: bytes | memoryview, offset: int, size: int) -> tuple[Bound, ...]:
    if not size:
        return ()
    stream = _NibbleReader(data, offset)
    count, native_bits, il_bits = stream.unsigned(), stream.unsigned() + 1, stream.unsigned() + 1
    width = _SOURCE_BITS + native_bits + il_bits
    at = stream.next_byte
    if max(native_bits, il_bits) > 32 or at + (count * width + 7) // 8 > offset + size:
        raise ValueError(f"{count} bounds of {width} bits in {size} bytes")
    bits = int.from_bytes(data[at : offset + size], "little")
    bounds = []
    native = 0
    for index in range(count):
        entry = bits >> index * width
        source = BoundSource.NONE
        for bit, kind in _PACKED_SOURCES:
            if entry & bit:
                source |= kind
        native += entry >> _SOURCE_BITS & (1 << native_bits) - 1
        il = (entry >> _SOURCE_BITS + native_bits & (1 << il_bits) - 1) + _LOWEST_OFFSET
        bounds.append(Bound(native, il, source))
    return tuple(bounds)


def _decode_variables(data: bytes | memoryview, offset: int, size: int) -> tuple[Variable, ...]:
    if not size:
        return ()
    stream = _NibbleReader(data, offset)
    variables = []
    for _ in range(_checked_count(stream.unsigned(), size)):
        start = stream.unsigned()
        end = start + stream.unsigned()
        number = stream.unsigned() + _LOWEST_VARIABLE
        type = LocationType(stream.unsigned())
        operands = tuple(stream.unsigned() if form == "u" else stream.signed() for form in _OPERANDS[type])
        variables.append(Variable(start, end, number, type, operands))
    return tuple(variables)


def _checked_count(count: int, size: int) -> int:
    """An entry has at least three nibbles: a corrupt count must not make us read the whole image."""
    if count * 3 > size * 2:
        raise ValueError(f"{count} entries in {size} bytes")
    return count


_PROLOG_BOUND = Bound(0, PROLOG, BoundSource.STACK_EMPTY)
_PROLOG_DIGITS = "".join(map(nibble_digits, (0, PROLOG - _LOWEST_OFFSET, BoundSource.STACK_EMPTY)))


def encode_debug_info_section(infos: Mapping[int, bytes], count: int) -> bytes:
    """Section 105.

    Args:
        infos: what :func:`encode_debug_info` gives, by runtime function of the method's main body.
        count: number of runtime functions.
    """
    elements: list[bytes | None] = [None] * count
    nothing_shared = encode_unsigned(0)
    for index, info in infos.items():
        elements[index] = nothing_shared + info
    return encode_array(elements)


def iterate_debug_info_section(
    data: bytes | memoryview, offset: int, *, packed: bool = False
) -> Iterator[tuple[int, DebugInfo]]:
    """(runtime function, its information) of all methods that have some, ascending.

    Raises:
        ValueError, IndexError: it is malformed.
    """
    for index, at in iterate_array(data, offset):
        back, following = decode_unsigned(data, at)
        yield index, decode_debug_info(data, at - back if back else following, packed=packed)[0]
