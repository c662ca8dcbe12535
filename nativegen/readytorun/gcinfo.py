"""GcInfo: where a compiled method keeps its object references, for the collector; encoder and decoder in one place.

Encodes versions 2 (.NET Core 3.1), 3 (.NET 9) and 4 (.NET 10) for x64 (runtime: gcinfoencoder.cpp, gcinfodecoder.cpp,
gcinfotypes.h). 2 and 3 share one layout; 4 has no return kind, stores a safe point as the return address's offset
itself, and counts the generics context's slot from the frame register. A stream is header, safe point offsets,
interruptible ranges, slot table, live state per safe point, then live state changes inside ranges in chunks of 64 code
bytes. No version or size is stored: the image's version implies the first, decoding finds the second.

Invariants: slots are numbered registers first, then tracked stack slots, each group in table order; untracked slots are
live at every place that reports anything. With ranges, a call site outside the ranges that is not a listed safe point
reports nothing at all, so a method with calls must not have ranges unless all its call sites are covered.

The form that this project's compiler emits: no safe points, untracked slots only.

>>> info = GcInfo(0x40, frame_register=Register.rbp, untracked=(StackSlot(SlotBase.FRAME_REGISTER, -16),))
>>> encode_gc_info(info).hex()
'0204227d00'
>>> decode_gc_info(encode_gc_info(info)).info == info
True
>>> encode_gc_info(info, version=4).hex()
'0281481f'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nativegen.readytorun.bitstream import BitReader, BitWriter, unsigned_size
from nativegen.readytorun.enums import GenericsContext, Register, ReturnKind, SlotBase, SlotFlags
from nativegen.readytorun.live_states import read_vector, vector_size, write_vector

# gcinfotypes.h, TARGET_AMD64: widths of the variable-length fields.
_CODE_LENGTH = 8
_PROLOG_SIZE = 5
_EPILOG_SIZE = 3
_HEADER_STACK_SLOT = 6  # security object, GS cookie, PSPSym, generics context, reverse P/Invoke frame
_STACK_BASE_REGISTER = 3
_EDIT_AND_CONTINUE_AREA = 4
_OUTGOING_AREA = 3
_NUM_SAFE_POINTS = 2
_NUM_RANGES = 1
_RANGE_START_DELTA = 6
_RANGE_STOP_DELTA = 6
_NUM_REGISTERS = 2
_NUM_STACK_SLOTS = 2
_NUM_UNTRACKED_SLOTS = 1
_REGISTER = 3
_REGISTER_DELTA = 2
_STACK_SLOT = 6
_STACK_SLOT_DELTA = 4
_POINTER_SIZE = 3
_CHUNK = 64
_CHUNK_LOG2 = 6
_STACK_BASE_REGISTER_XOR = 5  # rbp is stored as 0

_NO_RETURN_KIND = 4  # from this version on the header has none, and safe points are stored as they are

_MAX_COUNT = 1 << 17  # of anything in one method: more is garbage, which must not keep the decoder busy


@dataclass(frozen=True, slots=True)
class RegisterSlot:
    """A register that holds a reference while it is live."""

    register: Register
    flags: SlotFlags = SlotFlags.BASE


@dataclass(frozen=True, slots=True)
class StackSlot:
    """A stack word; ``offset`` in bytes from ``base``, a multiple of 8."""

    base: SlotBase
    offset: int
    flags: SlotFlags = SlotFlags.BASE


class SafePoint(NamedTuple):
    """A call: offset of its return address from the method's start; the live slots as a bit set of slot numbers."""

    offset: int
    live: int


class Range(NamedTuple):
    """Code in which the method may be stopped at every instruction, as offsets ``[begin, end)``."""

    begin: int
    end: int


class Transition(NamedTuple):
    """From ``offset`` on, inside ranges, the slot is live or dead."""

    offset: int
    slot: int
    live: bool


@dataclass(frozen=True, slots=True)
class GcInfo:
    """Everything that a GcInfo stream says.

    Args:
        code_length: bytes of main body and all funclets and filters together.
        return_kind: for return address hijacking; not stored since version 4.
        frame_register: the register that FRAME_REGISTER slots count from; None when there is no such register.
        registers, tracked, untracked: the slots; the first two are live where safe points and transitions say so.
        safe_points: in ascending order.
        ranges: fully interruptible code, ascending.
        transitions: live state changes inside ranges, by offset, then slot.
        psp_symbol: offset from the initial rsp of the word that holds it, in methods with funclets.
        generics_context: what ``generics_context_slot`` (offset from the caller's rsp; since version 4 from the frame
            register, or from rsp without one) holds.
        prolog_size: bytes before the context slot or cookie is valid; stored only when one of those is.
        gs_cookie_slot, epilog_size: offset from the caller's rsp; bytes at the method's end where it is no longer
            valid.
        report_only_leaf: a parent frame is not reported when one of its funclets was.
        edit_and_continue_area: number of preserved words, or None.
        reverse_pinvoke_slot: offset from the frame's base of the frame of an unmanaged entry, or None.
        outgoing_area: bytes at the bottom of the frame that calls may overwrite.
        has_varargs, security_object_slot: legacy header fields.
    """

    code_length: int
    return_kind: ReturnKind = ReturnKind.SCALAR
    frame_register: Register | None = None
    registers: tuple[RegisterSlot, ...] = ()
    tracked: tuple[StackSlot, ...] = ()
    untracked: tuple[StackSlot, ...] = ()
    safe_points: tuple[SafePoint, ...] = ()
    ranges: tuple[Range, ...] = ()
    transitions: tuple[Transition, ...] = ()
    psp_symbol: int | None = None
    generics_context: GenericsContext = GenericsContext.NONE
    generics_context_slot: int | None = None
    prolog_size: int | None = None
    gs_cookie_slot: int | None = None
    epilog_size: int | None = None
    report_only_leaf: bool = False
    edit_and_continue_area: int | None = None
    reverse_pinvoke_slot: int | None = None
    outgoing_area: int = 0
    has_varargs: bool = False
    security_object_slot: int | None = None


@dataclass(frozen=True, slots=True)
class DecodedGcInfo:
    """A decoded stream and where it ended.

    Args:
        info: the contents.
        size: bytes that the stream takes.
        fat_header: the long form of the header was used.
    """

    info: GcInfo
    size: int
    fat_header: bool


def ceil_log2(value: int) -> int:
    """Number of bits for values below ``value``, as the format counts them."""
    return (value - 1).bit_length()


# ---------------------------------------------------------------------------------------------------------------
# encoding


def encode_gc_info(info: GcInfo, version: int = 3) -> bytes:
    """The stream for ``info`` in this version; byte for byte what the runtime's own encoder makes of the same facts.

    Slots must be in table order (flags descending, then number or offset); :func:`in_table_order` sorts untracked ones.
    """
    writer = BitWriter()
    fat = _write_header(writer, info, version)
    safe_points = info.safe_points
    writer.write_unsigned(len(safe_points), _NUM_SAFE_POINTS)
    if fat:
        writer.write_unsigned(len(info.ranges), _NUM_RANGES)
    offset_width = ceil_log2(info.code_length)
    for point in safe_points:
        # Until version 3 the stack walker asks with the return address minus 1.
        writer.write(point.offset - (version < _NO_RETURN_KIND), offset_width)
    stop = 0
    for begin, end in info.ranges:
        writer.write_unsigned(begin - stop, _RANGE_START_DELTA)
        writer.write_unsigned(end - begin - 1, _RANGE_STOP_DELTA)
        stop = end
    _write_slots(writer, info)
    second = BitWriter()
    if info.registers or info.tracked or info.untracked:
        slot_count = len(info.registers) + len(info.tracked)
        if safe_points:
            _write_safe_point_states(writer, second, [point.live for point in safe_points], slot_count)
        if info.ranges:
            _write_transitions(writer, second, info, slot_count)
    return writer.to_bytes() + second.to_bytes()


def in_table_order(slots: Iterable[StackSlot]) -> tuple[StackSlot, ...]:
    """Stack slots in the order in which tables list them."""
    return tuple(sorted(slots, key=lambda slot: (-slot.flags, slot.offset, slot.base)))


def _needs_fat_header(info: GcInfo, version: int) -> bool:
    return bool(
        info.has_varargs
        or info.security_object_slot is not None
        or info.gs_cookie_slot is not None
        or info.psp_symbol is not None
        or info.generics_context
        or info.ranges
        or info.reverse_pinvoke_slot is not None
        or info.frame_register not in (None, Register.rbp)
        or info.edit_and_continue_area is not None
        or info.report_only_leaf
        or (version < _NO_RETURN_KIND and info.return_kind > ReturnKind.BYREF)
        or info.outgoing_area
    )


def _write_header(writer: BitWriter, info: GcInfo, version: int) -> bool:
    fat = _needs_fat_header(info, version)
    has_frame_register = info.frame_register is not None
    if not fat:
        writer.write(0, 1)
        writer.write(has_frame_register, 1)
        if version < _NO_RETURN_KIND:
            writer.write(info.return_kind, 2)
        writer.write_unsigned(info.code_length, _CODE_LENGTH)
        return False
    writer.write(1, 1)
    writer.write(info.has_varargs, 1)
    writer.write(info.security_object_slot is not None, 1)
    writer.write(info.gs_cookie_slot is not None, 1)
    writer.write(info.psp_symbol is not None, 1)
    writer.write(info.generics_context, 2)
    writer.write(has_frame_register, 1)
    writer.write(info.report_only_leaf, 1)
    writer.write(info.edit_and_continue_area is not None, 1)
    writer.write(info.reverse_pinvoke_slot is not None, 1)
    if version < _NO_RETURN_KIND:
        writer.write(info.return_kind, 4)
    writer.write_unsigned(info.code_length, _CODE_LENGTH)
    if info.gs_cookie_slot is not None or info.security_object_slot is not None or info.generics_context:
        if info.prolog_size is None:
            raise ValueError("prolog_size is needed with a cookie, security object or generics context")
        writer.write_unsigned(info.prolog_size - 1, _PROLOG_SIZE)
    if info.gs_cookie_slot is not None:
        writer.write_unsigned(info.epilog_size or 0, _EPILOG_SIZE)
    for slot in (info.security_object_slot, info.gs_cookie_slot, info.psp_symbol, info.generics_context_slot):
        if slot is not None:
            writer.write_signed(slot >> 3, _HEADER_STACK_SLOT)
    if info.frame_register is not None:
        writer.write_unsigned(info.frame_register ^ _STACK_BASE_REGISTER_XOR, _STACK_BASE_REGISTER)
    if info.edit_and_continue_area is not None:
        writer.write_unsigned(info.edit_and_continue_area, _EDIT_AND_CONTINUE_AREA)
    if info.reverse_pinvoke_slot is not None:
        writer.write_signed(info.reverse_pinvoke_slot >> 3, _HEADER_STACK_SLOT)
    writer.write_unsigned(info.outgoing_area >> 3, _OUTGOING_AREA)
    return True


def _write_slots(writer: BitWriter, info: GcInfo) -> None:
    writer.write(bool(info.registers), 1)
    if info.registers:
        writer.write_unsigned(len(info.registers), _NUM_REGISTERS)
    has_stack_slots = bool(info.tracked or info.untracked)
    writer.write(has_stack_slots, 1)
    if has_stack_slots:
        writer.write_unsigned(len(info.tracked), _NUM_STACK_SLOTS)
        writer.write_unsigned(len(info.untracked), _NUM_UNTRACKED_SLOTS)
    previous: RegisterSlot | None = None
    for register in info.registers:
        if previous is None or previous.flags:
            writer.write_unsigned(register.register, _REGISTER)
            writer.write(register.flags, 2)
        else:
            writer.write_unsigned(register.register - previous.register - 1, _REGISTER_DELTA)
        previous = register
    for group in (info.tracked, info.untracked):
        last: StackSlot | None = None
        for slot in group:
            writer.write(slot.base, 2)
            if last is None or last.flags:
                writer.write_signed(slot.offset >> 3, _STACK_SLOT)
                writer.write(slot.flags, 2)
            else:
                writer.write_unsigned((slot.offset - last.offset) >> 3, _STACK_SLOT_DELTA)
            last = slot


def _write_safe_point_states(writer: BitWriter, second: BitWriter, states: Sequence[int], slot_count: int) -> None:
    """One bit per slot per safe point, or indices into a table of the distinct states where that is smaller."""
    distinct = list(dict.fromkeys(states))
    sizes = [vector_size(state, slot_count) for state in distinct]
    total = sum(sizes)
    last_offset = total - sizes[-1]
    pointer_width = 1 if last_offset < 2 else ceil_log2(last_offset + 1)
    indirect_size = unsigned_size(pointer_width, _POINTER_SIZE) + len(states) * pointer_width + 7 + total
    if indirect_size >= len(states) * slot_count:
        writer.write(0, 1)
        for state in states:
            writer.write(state, slot_count)
        return
    writer.write(1, 1)
    writer.write_unsigned(pointer_width - 1, _POINTER_SIZE)
    offsets: dict[int, int] = {}
    for state in distinct:
        offsets[state] = second.bit_count
        write_vector(second, state, slot_count)
    for state in states:
        writer.write(offsets[state], pointer_width)


def _write_transitions(writer: BitWriter, second: BitWriter, info: GcInfo, slot_count: int) -> None:
    """Chunks of 64 interruptible bytes: which slots matter, their final state, where they change."""
    total = sum(end - begin for begin, end in info.ranges)
    pointers = [0] * ((total + _CHUNK - 1) // _CHUNK)
    by_chunk: dict[int, list[tuple[int, int, bool]]] = {}
    for offset, slot, is_live in info.transitions:
        position = _interruptible_position(info.ranges, offset)
        by_chunk.setdefault(position // _CHUNK, []).append((slot, position % _CHUNK, is_live))
    live = could_be_live = 0
    for chunk in sorted(by_chunk):
        changes = sorted(by_chunk[chunk])
        for slot, _, is_live in sorted(changes, key=lambda change: change[1]):
            live = live | 1 << slot if is_live else live & ~(1 << slot)
            could_be_live |= 1 << slot
        pointers[chunk] = second.bit_count + 1
        write_vector(second, could_be_live, slot_count)
        slots = [slot for slot in range(slot_count) if could_be_live >> slot & 1]
        for slot in slots:
            second.write(live >> slot & 1, 1)
        for slot in slots:
            for changed, delta, _ in changes:
                if changed == slot and delta:
                    second.write(1, 1)
                    second.write(delta, _CHUNK_LOG2)
            second.write(0, 1)
        could_be_live = live
    width = max(pointers).bit_length()
    writer.write_unsigned(width, _POINTER_SIZE)
    for pointer in pointers if width else ():
        writer.write(pointer, width)


def _interruptible_position(ranges: Sequence[Range], offset: int) -> int:
    """``offset`` counted in interruptible bytes only."""
    position = 0
    for begin, end in ranges:
        if offset < end:
            return position + max(offset - begin, 0)
        position += end - begin
    raise ValueError(f"transition at {offset:#x} lies behind the last range")


# ---------------------------------------------------------------------------------------------------------------
# decoding


@dataclass(slots=True)
class _Decoder:
    reader: BitReader
    slot_count: int = 0
    end: int = 0
    live_states: list[int] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)


def decode_gc_info(data: bytes | memoryview, offset: int = 0, version: int = 3) -> DecodedGcInfo:
    """Decode the stream of this version that begins at ``data[offset]``.

    Raises:
        ValueError: the data ends inside the stream, or contradicts itself.
    """
    reader = BitReader(data, offset)
    read, unsigned, signed = reader.read, reader.read_unsigned, reader.read_signed
    fat = bool(read(1))
    varargs = security = cookie = psp = context = leaf = edit_and_continue = reverse = return_kind = 0
    has_return_kind = version < _NO_RETURN_KIND
    if fat:
        varargs, security, cookie, psp = read(1), read(1), read(1), read(1)
        context, has_frame_register, leaf, edit_and_continue, reverse = read(2), read(1), read(1), read(1), read(1)
        return_kind = read(4) if has_return_kind else 0
    else:
        has_frame_register = read(1)
        return_kind = read(2) if has_return_kind else 0
    code_length = unsigned(_CODE_LENGTH)
    prolog_size = unsigned(_PROLOG_SIZE) + 1 if cookie or security or context else None
    epilog_size = unsigned(_EPILOG_SIZE) if cookie else None
    security_slot, cookie_slot, psp_slot, context_slot = (
        signed(_HEADER_STACK_SLOT) << 3 if present else None for present in (security, cookie, psp, context)
    )
    frame_register: Register | None = None
    if has_frame_register:
        stored = unsigned(_STACK_BASE_REGISTER) if fat else 0
        frame_register = Register(stored ^ _STACK_BASE_REGISTER_XOR)
    preserved = unsigned(_EDIT_AND_CONTINUE_AREA) if edit_and_continue else None
    reverse_slot = signed(_HEADER_STACK_SLOT) << 3 if reverse else None
    outgoing_area = unsigned(_OUTGOING_AREA) << 3 if fat else 0
    safe_point_count = unsigned(_NUM_SAFE_POINTS)
    range_count = unsigned(_NUM_RANGES) if fat else 0
    if code_length == 0 or max(safe_point_count, range_count) > min(code_length, _MAX_COUNT):
        raise ValueError(f"{safe_point_count} safe points and {range_count} ranges in {code_length} bytes of code")
    width = ceil_log2(code_length)
    offsets = [read(width) + has_return_kind for _ in range(safe_point_count)]
    ranges = []
    stop = 0
    for _ in range(range_count):
        begin = stop + unsigned(_RANGE_START_DELTA)
        stop = begin + unsigned(_RANGE_STOP_DELTA) + 1
        ranges.append(Range(begin, stop))
    registers, tracked, untracked = _read_slots(reader)
    decoder = _Decoder(reader, len(registers) + len(tracked), reader.position)
    if decoder.slot_count:
        _read_states(decoder, safe_point_count, ranges)
    live = decoder.live_states or [0] * safe_point_count
    info = GcInfo(
        code_length,
        ReturnKind(return_kind),
        frame_register,
        registers,
        tracked,
        untracked,
        tuple(map(SafePoint, offsets, live)),
        tuple(ranges),
        tuple(decoder.transitions),
        psp_slot,
        GenericsContext(context),
        context_slot,
        prolog_size,
        cookie_slot,
        epilog_size,
        bool(leaf),
        preserved,
        reverse_slot,
        outgoing_area,
        bool(varargs),
        security_slot,
    )
    return DecodedGcInfo(info, (decoder.end + 7) // 8 - offset, fat)


def _read_slots(
    reader: BitReader,
) -> tuple[tuple[RegisterSlot, ...], tuple[StackSlot, ...], tuple[StackSlot, ...]]:
    unsigned = reader.read_unsigned
    register_count = unsigned(_NUM_REGISTERS) if reader.read(1) else 0
    tracked_count = untracked_count = 0
    if reader.read(1):
        tracked_count = unsigned(_NUM_STACK_SLOTS)
        untracked_count = unsigned(_NUM_UNTRACKED_SLOTS)
    # A register can be several slots: as a reference, interior, pinned or both.
    if register_count > len(Register) * 4 or max(tracked_count, untracked_count) > _MAX_COUNT:
        raise ValueError(f"{register_count} registers, {tracked_count} and {untracked_count} stack slots")
    registers: list[RegisterSlot] = []
    number = flags = 0
    for index in range(register_count):
        if index == 0 or flags:
            number = unsigned(_REGISTER)
            flags = reader.read(2)
        else:
            number += unsigned(_REGISTER_DELTA) + 1
        registers.append(RegisterSlot(Register(number), SlotFlags(flags)))
    return tuple(registers), _read_stack_slots(reader, tracked_count), _read_stack_slots(reader, untracked_count)


def _read_stack_slots(reader: BitReader, count: int) -> tuple[StackSlot, ...]:
    slots: list[StackSlot] = []
    number = flags = 0
    for index in range(count):
        base = reader.read(2)
        if index == 0 or flags:
            number = reader.read_signed(_STACK_SLOT)
            flags = reader.read(2)
        else:
            number += reader.read_unsigned(_STACK_SLOT_DELTA)
        slots.append(StackSlot(SlotBase(base), number * 8, SlotFlags(flags)))
    return tuple(slots)


def _read_states(decoder: _Decoder, safe_point_count: int, ranges: Sequence[Range]) -> None:
    reader = decoder.reader
    slot_count = decoder.slot_count
    pointers: list[int] = []
    if safe_point_count and reader.read(1):
        width = reader.read_unsigned(_POINTER_SIZE) + 1
        pointers = [reader.read(width) for _ in range(safe_point_count)]
    else:
        decoder.live_states = [reader.read(slot_count) for _ in range(safe_point_count)]
    chunk_pointers: list[int] = []
    if ranges:
        total = sum(end - begin for begin, end in ranges)
        width = reader.read_unsigned(_POINTER_SIZE)
        if width:
            chunk_pointers = [reader.read(width) for _ in range((total + _CHUNK - 1) // _CHUNK)]
    decoder.end = reader.position
    reader.align_to_byte()
    base = reader.position
    if pointers:
        known: dict[int, int] = {}
        for pointer in pointers:
            if pointer not in known:
                reader.position = base + pointer
                known[pointer] = read_vector(reader, slot_count)
                decoder.end = max(decoder.end, reader.position)
        decoder.live_states = [known[pointer] for pointer in pointers]
    if chunk_pointers:
        _read_transitions(decoder, base, chunk_pointers, ranges)


def _read_transitions(decoder: _Decoder, base: int, pointers: Sequence[int], ranges: Sequence[Range]) -> None:
    reader = decoder.reader
    live = 0
    found: list[tuple[int, int, bool]] = []
    for chunk, pointer in enumerate(pointers):
        if not pointer:
            continue  # nothing changes in this chunk
        reader.position = base + pointer - 1
        could_be_live = read_vector(reader, decoder.slot_count)
        slots = [slot for slot in range(decoder.slot_count) if could_be_live >> slot & 1]
        final = [reader.read(1) for _ in slots]
        new_live = 0
        for slot, final_state in zip(slots, final, strict=True):
            changes = []
            while reader.read(1):
                changes.append(reader.read(_CHUNK_LOG2))
            state = final_state ^ (len(changes) & 1)  # at the beginning of the chunk
            if state != live >> slot & 1:
                found.append((chunk * _CHUNK, slot, bool(state)))
            for delta in changes:
                state ^= 1
                found.append((chunk * _CHUNK + delta, slot, bool(state)))
            new_live |= final_state << slot
        found.extend((chunk * _CHUNK, slot, False) for slot in range(decoder.slot_count)
                     if (live & ~could_be_live) >> slot & 1)
        live = new_live
        decoder.end = max(decoder.end, reader.position)
    found.sort()
    decoder.transitions = [Transition(_code_offset(ranges, at), slot, state) for at, slot, state in found]


def _code_offset(ranges: Sequence[Range], position: int) -> int:
    """The inverse of :func:`_interruptible_position`."""
    for begin, end in ranges:
        if position < end - begin:
            return begin + position
        position -= end - begin
    raise ValueError("transition behind the last range")
