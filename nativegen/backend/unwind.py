"""Windows x64 UNWIND_INFO: decode what LLVM emitted, allow only what CoreCLR's unwinder is proved with, check prologs.

CoreCLR unwinds native frames from any instruction, so wrong unwind data is wrong code. Two independent statements are
compared: the unwind codes and the prolog's machine code, instruction by instruction. A prolog or an operation that this
module does not know excludes the method.

Invariants of an accepted :class:`UnwindInfo`: version 1, not chained; only pushes of callee-saved registers, stack
allocations and ``rbp`` as frame register; code offsets descend and lie inside the prolog.

``push rbp; sub rsp,16; lea rbp,[rsp+16]``:

>>> info = decode_unwind_info(bytes.fromhex("010a03150a03051201500000"))
>>> info.frame_offset, info.allocated, info.native().hex()
(16, 16, '190a03150a03051201500000')
>>> check_prolog(bytes.fromhex("554883ec10488d6c2410c3"), info)

Sources: "x64 exception handling" in the Windows x64 ABI documentation; facts/llvm-codegen.md 1 (which codes LLVM uses
for this convention and that they are right at every instruction).
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import NamedTuple

from nativegen.readytorun.enums import Register

_HEADER_SIZE = 4
_PERSONALITY_SIZE = 4
_VERSION = 1
_FLAG_CHAINED = 4
# Byte 0 of every UNWIND_INFO of an image: version 1, exception and termination handler (facts: llvm-codegen.md 1).
_NATIVE_VERSION_AND_FLAGS = 0x19

CALLEE_SAVED = frozenset(
    (Register.rbx, Register.rbp, Register.r12, Register.r13, Register.r14, Register.r15)
)


class UnwindError(ValueError):
    """Unwind data or a prolog outside of what is known to unwind correctly."""


class UnwindOp(enum.IntEnum):
    PUSH_NONVOL = 0
    ALLOC_LARGE = 1
    ALLOC_SMALL = 2
    SET_FPREG = 3


class Operation(enum.Enum):
    """An unwind operation without its encoding."""

    PUSH = "push"
    ALLOC = "alloc"
    SET_FRAME = "set frame"


class UnwindCode(NamedTuple):
    """``offset``: end of the prolog instruction; ``value``: register number, or bytes, or frame offset in bytes."""

    offset: int
    operation: Operation
    value: int


@dataclass(frozen=True, slots=True)
class UnwindInfo:
    """One decoded UNWIND_INFO.

    Args:
        prolog_size: bytes.
        frame_offset: what ``rbp`` is above the stack pointer when it is set; None without frame register.
        codes: as stored, last prolog instruction first.
        raw_codes: the stored code slots, padded to an even count.
        count: stored number of code slots.
        has_handler: LLVM put a personality routine and its data behind the codes.
    """

    prolog_size: int
    frame_offset: int | None
    codes: tuple[UnwindCode, ...]
    raw_codes: bytes
    count: int
    has_handler: bool

    @property
    def allocated(self) -> int:
        """Bytes of locals and alignment below the saved registers."""
        return sum(code.value for code in self.codes if code.operation is Operation.ALLOC)

    @property
    def stored_size(self) -> int:
        """Bytes that it takes in the object."""
        return _HEADER_SIZE + len(self.raw_codes) + (_PERSONALITY_SIZE if self.has_handler else 0)

    def native(self) -> bytes:
        """The form for an image: header and codes, without the personality routine's RVA, a multiple of 4 bytes."""
        frame = 0 if self.frame_offset is None else self.frame_offset | Register.rbp
        return bytes((_NATIVE_VERSION_AND_FLAGS, self.prolog_size, self.count, frame)) + self.raw_codes


FRAMELESS = UnwindInfo(0, None, (), b"", 0, False)
"""For leaf functions that leave the stack pointer alone; LLVM emits nothing for these."""


def decode_unwind_info(data: bytes, offset: int = 0) -> UnwindInfo:
    """Decode and validate.

    Raises:
        UnwindError: truncated, or anything outside the module's invariants.
    """
    if len(data) < offset + _HEADER_SIZE:
        raise UnwindError("truncated unwind info")
    version_and_flags, prolog_size, count, frame = data[offset : offset + _HEADER_SIZE]
    version, flags = version_and_flags & 7, version_and_flags >> 3
    if version != _VERSION or flags & _FLAG_CHAINED:
        raise UnwindError(f"unwind info version {version}, flags {flags}")
    start = offset + _HEADER_SIZE
    raw = data[start : start + 2 * (count + (count & 1))]
    if len(raw) != 2 * (count + (count & 1)):
        raise UnwindError("truncated unwind codes")
    if frame & 15 not in (0, Register.rbp) or (frame and not frame & 15):
        raise UnwindError(f"frame register {frame & 15}")
    frame_offset = frame & 0xF0 if frame else None  # stored in units of 16, in the upper 4 bits
    codes = _decode_codes(raw, count, frame_offset)
    previous = prolog_size
    for code in codes:
        if code.offset > previous:
            raise UnwindError("unwind codes out of order")
        previous = code.offset
    return UnwindInfo(prolog_size, frame_offset, codes, raw, count, bool(flags))


def _decode_codes(raw: bytes, count: int, frame_offset: int | None) -> tuple[UnwindCode, ...]:
    codes = []
    index = 0
    frames = 0
    if any(raw[2 * count :]):
        raise UnwindError("padding of the unwind codes is not zero")
    while index < count:
        offset, packed = raw[2 * index], raw[2 * index + 1]
        operation, info = packed & 15, packed >> 4
        slots = 1
        if operation == UnwindOp.PUSH_NONVOL:
            if info not in CALLEE_SAVED:
                raise UnwindError(f"push of register {info}")
            codes.append(UnwindCode(offset, Operation.PUSH, info))
        elif operation == UnwindOp.ALLOC_SMALL:
            codes.append(UnwindCode(offset, Operation.ALLOC, 8 * info + 8))
        elif operation == UnwindOp.ALLOC_LARGE and info < 2:
            slots = 2 + info
            if index + slots > count:
                raise UnwindError("truncated unwind code")
            size = (
                struct.unpack_from("<I", raw, 2 * index + 2)[0]
                if info
                else 8 * struct.unpack_from("<H", raw, 2 * index + 2)[0]
            )
            codes.append(UnwindCode(offset, Operation.ALLOC, size))
        elif operation == UnwindOp.SET_FPREG and frame_offset is not None and not info:
            frames += 1
            codes.append(UnwindCode(offset, Operation.SET_FRAME, frame_offset))
        else:
            raise UnwindError(f"unwind operation {operation}")
        index += slots
    if frames != (frame_offset is not None):
        raise UnwindError("frame register code does not match the header")
    return tuple(codes)


def check_prolog(
    code: bytes, info: UnwindInfo, *, funclet: bool = False, has_funclets: bool = False, entry: int = 0
) -> None:
    """Compare the unwind codes with the machine code at the start of ``code``, one runtime function.

    Every instruction of the prolog that moves the stack pointer, saves a register or sets the frame register must have
    its code at exactly its end, and every code its instruction.

    Args:
        funclet: the function is a funclet; how it finds its frame is checked by :mod:`nativegen.backend.funclets`.
        entry: bytes before the prolog that leave the stack and the callee-saved registers alone.
        has_funclets: it is the body of a method with funclets, whose frame must not be aligned at run time.

    Raises:
        UnwindError: they differ, or the prolog has an instruction that is not known here.
    """
    if info.prolog_size > len(code):
        raise UnwindError("prolog longer than the function")
    expected = {unwind.offset: unwind for unwind in info.codes}
    if len(expected) != len(info.codes):
        raise UnwindError("two unwind codes for one instruction")
    position = min(entry, info.prolog_size)
    frame_set = False
    while position < info.prolog_size:
        size, effects = _prolog_instruction(code, position, () if has_funclets else _AFTER_FRAME if frame_set else ())
        if not size and funclet:
            size = _funclet_instruction(code, position)
        if not size:
            raise UnwindError(f"unknown instruction in the prolog: {code[position : position + 8].hex()}")
        position += size
        found = expected.pop(position, None)
        actual = None if effects is None else UnwindCode(position, *effects)
        if actual != found and not (
            # An alignment push: stored as the allocation that it is.
            actual is not None
            and actual.operation is Operation.PUSH
            and actual.value not in CALLEE_SAVED
            and found == UnwindCode(position, Operation.ALLOC, 8)
        ):
            raise UnwindError(f"prolog at {position:#x}: code says {actual}, unwind info {found}")
        frame_set |= actual is not None and actual.operation is Operation.SET_FRAME
    if position != info.prolog_size or expected:
        raise UnwindError("prolog and unwind info end at different places")


_Effect = tuple[Operation, int] | None


def _prolog_instruction(code: bytes, at: int, others: tuple[tuple[bytes, int], ...]) -> tuple[int, _Effect]:
    """Size and effect of the prolog instruction at ``at``."""
    first = code[at]
    if first & 0xF8 == 0x50:  # push r
        return 1, (Operation.PUSH, first & 7)
    text = code[at : at + 16]
    if first == 0x41 and len(text) > 1 and text[1] & 0xF8 == 0x50:  # push r8..r15
        return 2, (Operation.PUSH, 8 + (text[1] & 7))
    for pattern, size, displacement, operation in _STACK_INSTRUCTIONS:
        if text.startswith(pattern) and len(text) >= size:
            value = int.from_bytes(text[len(pattern) : len(pattern) + displacement], "little", signed=True)
            return size, (operation, value)
    if text.startswith(b"\xb8") and text[5:6] == b"\xe8" and text[10:13] == b"\x48\x29\xc4":
        # mov eax, size; call clr_chkstk; sub rsp, rax: the first two leave the stack pointer alone
        return 13, (Operation.ALLOC, int.from_bytes(text[1:5], "little"))
    for pattern, size in others:
        if text.startswith(pattern):
            return size, None
    return 0, None


def _funclet_instruction(code: bytes, at: int) -> int:
    text = code[at : at + 8]
    return next((size for pattern, size in _IN_FUNCLETS if text.startswith(pattern)), 0)


_STACK_INSTRUCTIONS: tuple[tuple[bytes, int, int, Operation], ...] = (
    (b"\x48\x83\xec", 4, 1, Operation.ALLOC),  # sub rsp, imm8
    (b"\x48\x81\xec", 7, 4, Operation.ALLOC),  # sub rsp, imm32
    (b"\x48\x8d\x6c\x24", 5, 1, Operation.SET_FRAME),  # lea rbp, [rsp+disp8]
    (b"\x48\x8d\xac\x24", 8, 4, Operation.SET_FRAME),  # lea rbp, [rsp+disp32]
    (b"\x48\x89\xe5", 3, 0, Operation.SET_FRAME),  # mov rbp, rsp
)

# Realignment: rsp moves, but from here on unwinding goes by rbp.
_AFTER_FRAME: tuple[tuple[bytes, int], ...] = (
    (b"\x48\x83\xe4", 4),  # and rsp, imm8
    (b"\x48\x81\xe4", 7),  # and rsp, imm32
    (b"\x48\x89\xe3", 3),  # mov rbx, rsp (base pointer)
)

# A funclet finds the frame of its method: mov rcx,[rcx+x]; mov [rsp+x],rcx; lea rbp,[rcx+y]
_IN_FUNCLETS: tuple[tuple[bytes, int], ...] = (
    (b"\x48\x8b\x09", 3),
    (b"\x48\x8b\x49", 4),
    (b"\x48\x8b\x89", 7),
    (b"\x48\x89\x0c\x24", 4),
    (b"\x48\x89\x4c\x24", 5),
    (b"\x48\x89\x8c\x24", 8),
    (b"\x48\x89\xcd", 3),
    (b"\x48\x8d\x69", 4),
    (b"\x48\x8d\xa9", 7),
)
