"""RUNTIME_FUNCTIONS (102) and the UNWIND_INFO that each of them points to.

Every contiguous piece of code (main body, funclet, filter) is one runtime function; a method's funclets follow its main
body. CoreCLR uses the Windows x64 unwind format on every system, always with flags 3 and a personality RVA behind the
codes; the main body's GcInfo follows directly. A personality other than the main body's marks a filter.

>>> info = decode_unwind_info(bytes.fromhex("19040100044200003412000001"), 0)
>>> info.size, info.codes, hex(info.personality_rva)
(12, (UnwindCode(offset=4, operation=<UnwindOp.ALLOC_SMALL: 2>, register=4, value=40),), '0x1234')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from nativegen.readytorun.enums import Register, UnwindOp
from nativegen.readytorun.structs import RUNTIME_FUNCTION, U16, U32

UNWIND_VERSION_AND_FLAGS = 0x19  # version 1, UNW_FLAG_EHANDLER | UNW_FLAG_UHANDLER
SENTINEL = b"\xff\xff\xff\xff"


class RuntimeFunction(NamedTuple):
    """RVAs of one piece of code ``[begin, end)`` and its unwind information."""

    begin: int
    end: int
    unwind: int


class UnwindCode(NamedTuple):
    """One step of the prolog.

    Args:
        offset: in the prolog, behind the instruction.
        operation: what it did.
        register: the OpInfo nibble: a register for pushes and saves.
        value: bytes allocated, or the offset of a save; 0 for others.
    """

    offset: int
    operation: UnwindOp
    register: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class UnwindInfo:
    """A decoded UNWIND_INFO.

    Args:
        version, flags: low 3 and high 5 bits of the first byte.
        prolog_size: in bytes.
        frame_register, frame_offset: of UWOP_SET_FPREG, offset in bytes.
        codes: newest first, as stored.
        personality_rva: the u32 behind the codes.
        size: bytes up to and including it; GcInfo begins there.
    """

    version: int
    flags: int
    prolog_size: int
    frame_register: Register | None
    frame_offset: int
    codes: tuple[UnwindCode, ...]
    personality_rva: int
    size: int


def encode_runtime_functions(functions: list[RuntimeFunction]) -> bytes:
    """Section 102, without the sentinel that may follow it."""
    return b"".join(RUNTIME_FUNCTION.pack(*function) for function in functions)


def decode_runtime_functions(data: bytes | memoryview, offset: int, size: int) -> list[RuntimeFunction]:
    """All runtime functions, in address order."""
    view = memoryview(data)[offset : offset + size // RUNTIME_FUNCTION.size * RUNTIME_FUNCTION.size]
    return [RuntimeFunction(*fields) for fields in RUNTIME_FUNCTION.iter_unpack(view)]


def decode_unwind_info(data: bytes | memoryview, offset: int) -> UnwindInfo:
    """The UNWIND_INFO at ``offset``.

    Raises:
        ValueError: an unknown unwind operation.
        IndexError: the data ends inside.
    """
    first, prolog_size, count, frame = data[offset], data[offset + 1], data[offset + 2], data[offset + 3]
    codes = []
    at = offset + 4
    end = at + 2 * count
    while at < end:
        code_offset, packed = data[at], data[at + 1]
        operation, info = UnwindOp(packed & 0xF), packed >> 4
        value = 0
        slots = 1
        match operation:
            case UnwindOp.ALLOC_SMALL:
                value = info * 8 + 8
            case UnwindOp.ALLOC_LARGE if info == 0:
                value, slots = U16.unpack_from(data, at + 2)[0] * 8, 2
            case UnwindOp.ALLOC_LARGE | UnwindOp.SAVE_NONVOL_FAR | UnwindOp.SAVE_XMM128_FAR:
                value, slots = U32.unpack_from(data, at + 2)[0], 3
            case UnwindOp.SET_FPREG_LARGE:
                value, slots = U32.unpack_from(data, at + 2)[0] * 16, 3
            case UnwindOp.SAVE_NONVOL:
                value, slots = U16.unpack_from(data, at + 2)[0] * 8, 2
            case UnwindOp.SAVE_XMM128:
                value, slots = U16.unpack_from(data, at + 2)[0] * 16, 2
            case _:
                pass
        codes.append(UnwindCode(code_offset, operation, info, value))
        at += 2 * slots
    personality_at = (at - offset + 3 & ~3) + offset
    (personality,) = U32.unpack_from(data, personality_at)
    register = Register(frame & 0xF) if frame & 0xF else None
    size = personality_at + 4 - offset
    return UnwindInfo(first & 7, first >> 3, prolog_size, register, (frame >> 4) * 16, tuple(codes), personality, size)
