"""Live states inside GcInfo: bit sets of slots, stored plainly or as run lengths, whichever is shorter.

Run lengths alternate between dead and live slots, with 4 and 2 bits per group; a second form swaps the widths, for sets
that are mostly live (gcinfoencoder.cpp: WriteSlotStateVarLengthVector).

>>> writer = BitWriter()
>>> write_vector(writer, 0xFF << 20, 60)
>>> vector_size(0xFF << 20, 60), writer.bit_count
(25, 25)
>>> hex(read_vector(BitReader(writer.to_bytes()), 60))
'0xff00000'
"""

from __future__ import annotations

from nativegen.readytorun.bitstream import BitReader, BitWriter, unsigned_size

_RUN_LENGTH_RUN = 2
_RUN_LENGTH_SKIP = 4


def _runs(state: int, slot_count: int) -> list[int]:
    """Lengths of alternating dead and live runs, beginning with a dead one (perhaps empty)."""
    runs: list[int] = []
    start = 0
    live = 0
    for slot in range(slot_count):
        if state >> slot & 1 != live:
            runs.append(slot - start)
            start, live = slot, live ^ 1
    runs.append(slot_count - start)
    return runs


def _run_fields(state: int, slot_count: int) -> list[int]:
    """The run lengths as stored: every run after the first is at least 1 long and stored minus 1."""
    first, *others = _runs(state, slot_count)
    return [first, *(length - 1 for length in others)]


def _encodings(state: int, slot_count: int) -> tuple[int, int, int]:
    """Sizes in bits of the plain, run-length and negated run-length encoding of a state."""
    plain = 1 + slot_count
    if plain <= 2 + _RUN_LENGTH_SKIP + 1 + _RUN_LENGTH_RUN + 1:
        return plain, plain + 1, plain + 1
    widths = (_RUN_LENGTH_SKIP, _RUN_LENGTH_RUN)
    normal = negated = 2
    for index, stored in enumerate(_run_fields(state, slot_count)):
        normal += unsigned_size(stored, widths[index & 1])
        negated += unsigned_size(stored, widths[index & 1 ^ 1])
    return plain, normal, negated


def vector_size(state: int, slot_count: int) -> int:
    """Bits that ``write_vector`` takes."""
    return min(_encodings(state, slot_count))


def write_vector(writer: BitWriter, state: int, slot_count: int) -> None:
    """Append the set ``state`` of ``slot_count`` slots in its shortest form."""
    plain, normal, negated = _encodings(state, slot_count)
    if plain <= normal and plain <= negated:
        writer.write(0, 1)
        writer.write(state, slot_count)
        return
    writer.write(1, 1)
    swapped = negated < normal
    writer.write(swapped, 1)
    widths = (_RUN_LENGTH_RUN, _RUN_LENGTH_SKIP) if swapped else (_RUN_LENGTH_SKIP, _RUN_LENGTH_RUN)
    for index, stored in enumerate(_run_fields(state, slot_count)):
        writer.write_unsigned(stored, widths[index & 1])


def read_vector(reader: BitReader, slot_count: int) -> int:
    """The set at the reader's position.

    Raises:
        ValueError: the runs do not add up.
    """
    if not reader.read(1):
        return reader.read(slot_count)
    widths = (_RUN_LENGTH_RUN, _RUN_LENGTH_SKIP) if reader.read(1) else (_RUN_LENGTH_SKIP, _RUN_LENGTH_RUN)
    state = live = 0
    slot = reader.read_unsigned(widths[0])
    while slot < slot_count:
        live ^= 1
        length = reader.read_unsigned(widths[live]) + 1
        if live:
            state |= ((1 << length) - 1) << slot
        slot += length
    if slot != slot_count:
        raise ValueError(f"live state covers {slot} of {slot_count} slots")
    return state
