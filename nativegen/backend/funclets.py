"""Funclets: LLVM's exception clauses, and the two places where its funclets differ from what the runtime calls.

LLVM emits funclets for CoreCLR on Windows: rcx is the establisher frame, rdx the exception. On Unix the runtime passes
rdi and rsi (facts: llvm-codegen.md 4, exceptionhandling.cpp); since .NET 10 there is no establisher: rbp is already the
method's, and rdi the exception (readytorun.h, version 13; clr-abi.md, funclet parameters). The compiler stores the
exception itself, with the first instruction of a catch funclet; the one use of rcx, in the prolog, is patched here.
Both are checked byte by byte, and a funclet that looks different is refused.

Invariants: every funclet begins with ``push``es, a stack allocation, then exactly ``mov rcx,[rcx+psp]; mov
[rsp+psp],rcx; lea rbp,[rcx+frame]``, where psp and frame are those of the method.

The patch: ``48 8b 49 28`` (``mov rcx,[rcx+40]``) becomes ``48 8b 4f 28`` (``mov rcx,[rdi+40]``):

>>> code = bytearray.fromhex("554883ec30488b492848894c2428488d6950")
>>> redirect_establisher(code, 0, len(code), psp=0x28, frame=0x50)
>>> code.hex()
'554883ec30488b4f2848894c2428488d6950'

For .NET 10 rbp stays what it is (``lea rcx,[rbp+0]``, and in the end ``lea rbp,[rcx+0]``):

>>> code = bytearray.fromhex("554883ec30488b492848894c2428488d6950")
>>> keep_frame_register(code, 0, len(code), psp=0x28, frame=0x50)
>>> code.hex()
'554883ec30488d4d0048894c2428488d6900'

LLVM's table follows the unwind info of the function in .xdata (AsmPrinter/WinException.cpp, emitCLRExceptionTable):
-1, number of funclets, where main body and funclets end, number of clauses, the clauses {flags, try begin, try end,
handler begin, handler end, token}. Try ranges are one too big, at both ends.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from nativegen.backend.coff import IMAGE_REL_AMD64_REL32, ObjectFile, ObjectSection
from nativegen.readytorun.enums import Register

_TABLE_MARK = 0xFFFF_FFFF
_CLAUSE_FIELDS = 6
_LONGEST = 9  # instruction that is recognised
_FIELD = struct.Struct("<i")


class FuncletError(ValueError):
    """A funclet or clause table that is not as proved to work."""


class ClauseRow(NamedTuple):
    """One clause as LLVM wrote it; offsets from the method's start."""

    flags: int
    try_begin: int
    try_end: int
    handler_begin: int
    handler_end: int
    token: int


def read_clauses(
    obj: ObjectFile, xdata: ObjectSection, position: int, code: ObjectSection, funclets: Sequence[int]
) -> list[ClauseRow]:
    """The clause table of a function.

    Args:
        funclets: where they begin, ascending; the table must agree.
        xdata: its unwind data.
        position: where the table begins in it, behind the last unwind info.
        code: its section; offsets must lead there.

    Raises:
        FuncletError: malformed.
    """
    targets = {relocation.offset: relocation for relocation in xdata.relocations}

    def field(at: int) -> int:
        if at + _FIELD.size > len(xdata.data):
            raise FuncletError("truncated clause table")
        value: int = _FIELD.unpack_from(xdata.data, at)[0]
        relocation = targets.get(at)
        if relocation is None:
            return value
        symbol = obj.symbols[relocation.symbol]
        if relocation.kind != IMAGE_REL_AMD64_REL32 or symbol.section != code.number:
            raise FuncletError("clause table entry that leads out of the function")
        return symbol.value + value - (at + _FIELD.size)

    if field(position) & 0xFFFF_FFFF != _TABLE_MARK:
        raise FuncletError("no clause table")
    if field(position + 4) != len(funclets):
        raise FuncletError("the clause table counts other funclets")
    position += 8
    if [field(position + 4 * index) for index in range(len(funclets))] != list(funclets):
        raise FuncletError("the clause table has funclets elsewhere")
    position += 4 * (len(funclets) + 1)
    count = field(position)
    position += 4
    if not 0 <= count * _CLAUSE_FIELDS * 4 <= len(xdata.data) - position:
        raise FuncletError("malformed clause table")
    rows = []
    for _ in range(count):
        flags, begin, end, *others = (field(position + 4 * index) for index in range(_CLAUSE_FIELDS))
        rows.append(ClauseRow(flags, begin - 1, end - 1, *others))
        position += 4 * _CLAUSE_FIELDS
    return rows


def saved_stack_pointer(code: bytes | bytearray, prolog_size: int) -> int:
    """Where the method keeps its stack pointer for its funclets (PSPSym), from the stack pointer.

    Raises:
        FuncletError: the first instruction after the prolog is not ``mov [rsp+x], rsp``.
    """
    text = bytes(code[prolog_size : prolog_size + 8])
    for pattern, size in ((b"\x48\x89\x24\x24", 0), (b"\x48\x89\x64\x24", 1), (b"\x48\x89\xa4\x24", 4)):
        if text.startswith(pattern):
            return int.from_bytes(text[4 : 4 + size], "little", signed=True)
    raise FuncletError(f"no saved stack pointer after the prolog: {text.hex()}")


def redirect_establisher(code: bytearray, begin: int, prolog_end: int, *, psp: int, frame: int) -> None:
    """Make a funclet take its establisher from rdi instead of rcx.

    Args:
        code: of the whole method, changed in place.
        begin, prolog_end: the funclet's prolog in it.
        psp: :func:`saved_stack_pointer` of the method.
        frame: what rbp is above the method's stack pointer.

    Raises:
        FuncletError: the prolog does not end with the three instructions of the module's docstring.
    """
    start, _ = _frame_instructions(code, begin, prolog_end, psp, frame)
    code[start + 2] |= 6  # the base register in ModRM: rcx (1) -> rdi (7)


def keep_frame_register(code: bytearray, begin: int, prolog_end: int, *, psp: int, frame: int) -> None:
    """Make a funclet leave rbp as it is, instead of computing it from rcx; arguments: see redirect_establisher.

    What the prolog puts into the funclet's own frame is never read.

    Raises:
        FuncletError: the prolog does not end with the three instructions of the module's docstring.
    """
    start, address = _frame_instructions(code, begin, prolog_end, psp, frame)
    size = 3 if psp == 0 else 4 if -128 <= psp < 128 else 7
    code[start : start + size] = {
        3: b"\x48\x89\xe9",  # mov rcx, rbp
        4: b"\x48\x8d\x4d\0",  # lea rcx, [rbp+0], displacement of 8 bits
        7: b"\x48\x8d\x8d\0\0\0\0",  # the same, of 32 bits
    }[size]
    code[address + 3 : prolog_end] = bytes(prolog_end - address - 3)  # the displacement of lea rbp, [rcx+frame]


def _frame_instructions(code: bytearray, begin: int, prolog_end: int, psp: int, frame: int) -> tuple[int, int]:
    """Where the load of rcx and the computation of rbp are."""
    load = b"\x48\x8b" + _displaced(1, 1, psp)
    store = b"\x48\x89" + _stack_displaced(1, psp)
    address = b"\x48\x8d" + _displaced(5, 1, frame) if frame else b"\x48\x89\xcd"
    tail = load + store + address
    start = prolog_end - len(tail)
    prolog = bytes(code[begin:prolog_end])
    if start < begin or prolog[start - begin :] != tail or prolog.count(load) != 1:
        raise FuncletError(f"funclet prolog {prolog.hex()}")
    return start, prolog_end - len(address)


def _displaced(register: int, base: int, displacement: int) -> bytes:
    """ModRM and displacement of ``[base+displacement]``, the shortest form."""
    if displacement == 0:
        return bytes((register << 3 | base,))
    if -128 <= displacement < 128:
        return bytes((0x40 | register << 3 | base, displacement & 0xFF))
    return bytes((0x80 | register << 3 | base,)) + _FIELD.pack(displacement)


def _stack_displaced(register: int, displacement: int) -> bytes:
    """As :func:`_displaced`, for ``[rsp+displacement]``."""
    text = _displaced(register, 4, displacement)
    return text[:1] + b"\x24" + text[1:]


def check_exception_store(code: bytes | bytearray, begin: int, register: Register) -> None:
    """The exception is stored before anything else can be in its register.

    Args:
        begin: the first instruction behind the prolog of a catch funclet.
        register: rsi or rdi.

    Raises:
        FuncletError: something else than loads of other registers from the frame comes first.
    """
    at = begin
    while True:
        text = bytes(code[at : at + _LONGEST]).ljust(_LONGEST, b"\0")
        if text[:2] == b"\x48\x89" and text[2] in (0x45 | register << 3, 0x85 | register << 3):  # mov [rbp+x], register
            return
        size = _frame_load(text, register)
        if not size:
            raise FuncletError(f"catch funclet begins with {text.hex()}")
        at += size


def _frame_load(text: bytes, exception: Register) -> int:
    """Size of a load from the frame to another register than the exception's, as LLVM may put first, or 0.

    ``mov`` of any width, ``movzx``, ``movsx``, ``lea``, and ``movss``, ``movsd``, ``movups``, ``movaps`` to a vector
    register.
    """
    at = 0
    vector = text[0] in _SCALAR_PREFIXES
    at += vector
    rex = text[at] if text[at] & 0xF0 == 0x40 else 0
    at += rex != 0
    if text[at] == _TWO_BYTES:
        at += 1
        vector = vector or text[at] in _VECTOR_LOADS
        if text[at] not in (_VECTOR_LOADS if vector else _EXTENDING_LOADS):
            return 0
    elif vector or text[at] not in _LOADS:
        return 0
    operands = text[at + 1]
    mode, register, base = operands >> 6, operands >> 3 & 7 | (rex & 4) << 1, operands & 7
    if base != 5 or mode not in (1, 2) or rex & 3 or (not vector and register in (4, 5, exception)):
        return 0
    return at + (3 if mode == 1 else 6)


_SCALAR_PREFIXES = (0xF2, 0xF3)
_TWO_BYTES = 0x0F
_LOADS = (0x8A, 0x8B, 0x8D)  # mov, mov, lea
_EXTENDING_LOADS = (0xB6, 0xB7, 0xBE, 0xBF)
_VECTOR_LOADS = (0x10, 0x28)
