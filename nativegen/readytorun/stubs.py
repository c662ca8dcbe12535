"""The machine code that every image carries besides its methods: call stubs, delay-load thunks, three small routines.

A *stub* per lazily bound cell, ``lea r11,[cell]; jmp [cell]``, lets compiled code make plain ``call rel32`` calls. The
cell first points to its import section's *thunk*, which hands the cell's address, the section's number and the module
to the runtime's binder; afterwards the cell holds the target. Eagerly bound helpers have stubs ``jmp [cell]``. Stubs
and method call thunks make up section 106 (DelayLoadMethodCallThunks), by which debuggers recognise them.

Offsets are all relative to the instruction pointer, so each function takes the RVA at which its code will be.

>>> lazy_stub(0x5000, 0x2000).hex()
'4c8d1df9cfffffff25f3cfffffcccccc'
"""

from __future__ import annotations

from struct import Struct

from nativegen.readytorun.imports import CELL_SIZE
from nativegen.readytorun.structs import I32

LAZY_STUB_SIZE = 16
EAGER_STUB_SIZE = 8
THUNK_SIZE = 24

_LEA_R11 = b"\x4c\x8d\x1d"
_JMP_INDIRECT = b"\xff\x25"
_PUSH_INDIRECT = b"\xff\x35"
_MOV_RAX_R11 = b"\x4c\x89\xd8"
_PUSH_IMM8 = b"\x6a"
_INT3 = b"\xcc"


def _relative(target: int, end: int) -> bytes:
    """A 32-bit displacement from the end of the instruction."""
    return I32.pack(target - end)


def lazy_stub(rva: int, cell: int) -> bytes:
    """``lea r11,[cell]; jmp [cell]``: r11 tells both the binder and virtual stub dispatch which cell was used."""
    code = _LEA_R11 + _relative(cell, rva + 7) + _JMP_INDIRECT + _relative(cell, rva + 13)
    return code.ljust(LAZY_STUB_SIZE, _INT3)


def eager_stub(rva: int, cell: int) -> bytes:
    """``jmp [cell]``: also what unwind information names as personality routine."""
    return (_JMP_INDIRECT + _relative(cell, rva + 6)).ljust(EAGER_STUB_SIZE, _INT3)


def lazy_stubs(rva: int, cell: int, count: int) -> bytes:
    """The :func:`lazy_stub` of so many cells in a row, one after the other."""
    code = bytearray(lazy_stub(rva, cell) * count)
    _fill(code, LAZY_STUB_SIZE, 3, cell - (rva + 7), count)
    _fill(code, LAZY_STUB_SIZE, 9, cell - (rva + 13), count)
    return bytes(code)


def eager_stubs(rva: int, cell: int, count: int) -> bytes:
    """The :func:`eager_stub` of so many cells in a row, one after the other."""
    return b"".join([eager_stub(rva + EAGER_STUB_SIZE * n, cell + CELL_SIZE * n) for n in range(count)])


def _fill(code: bytearray, size: int, at: int, displacement: int, count: int) -> None:
    """Write the displacements of stubs of ``size`` bytes, ``at`` in each: each one's cell is 8 bytes further on."""
    step = CELL_SIZE - size
    packed = Struct(f"<{count}i").pack(*range(displacement, displacement + step * count, step))
    for byte in range(4):
        code[at + byte :: size] = packed[byte::4]


def delay_load_thunk(rva: int, section_index: int, module_cell: int, helper_cell: int) -> bytes:
    """``mov rax,r11; push section; push [module]; jmp [delay load helper]``.

    The contract of DelayLoad_MethodCall and DelayLoad_Helper*: rax is the cell's address; both stack words are popped
    by the helper.
    """
    assert 0 <= section_index < 0x80
    code = _MOV_RAX_R11 + _PUSH_IMM8 + bytes((section_index,))
    code += _PUSH_INDIRECT + _relative(module_cell, rva + len(code) + 6)
    code += _JMP_INDIRECT + _relative(helper_cell, rva + len(code) + 6)
    return code.ljust(THUNK_SIZE, _INT3)


def clr_chkstk() -> bytes:
    """Touches every page of a new frame of eax bytes, rsp moving along, then returns with rsp as it was.

    rsp has to follow the probe: the runtime recognises a stack overflow only when the fault is next to rsp, at most a
    page away. 9.0 then unwinds from the fault, without unwind information for this routine: its libunwind goes by the
    rbp chain, so rbp has to be right and rsp must not reach a page before the probe has. All registers survive, as LLVM
    expects of ``probe-stack`` routines on x64 (X86FrameLowering.cpp, emitStackProbeCall): what is computed before a
    localloc may be used behind it.
    """
    return bytes.fromhex(
        "55"  # push rbp
        "4889e5"  # mov rbp,rsp
        "4152"  # push r10
        "4c8d5510"  # lea r10,[rbp+16]
        "4929c2"  # sub r10,rax
        "85a42400f0ffff"  # 1: test [rsp-4096],esp
        "4881ec00100000"  # sub rsp,4096
        "4c39d4"  # cmp rsp,r10
        "77ed"  # ja 1b
        "488d65f8"  # lea rsp,[rbp-8]
        "415a"  # pop r10
        "5d"  # pop rbp
        "c3"  # ret
    )


def clr_call() -> bytes:
    """Calls the code that r10 points to: so that the machine code shows what an indirect call returns."""
    return bytes.fromhex("41ffe2")  # jmp r10


def clr_dispatch() -> bytes:
    """Calls through the dispatch cell that r10 points to; the runtime's stubs want its address in r11.

    For cells that code gets from a generic dictionary; those of the image have lazy stubs of their own.
    """
    return bytes.fromhex(
        "4d89d3"  # mov r11,r10
        "41ff23"  # jmp [r11]
    )
