"""The small routines that every image carries, run in this process."""

from __future__ import annotations

import ctypes
import mmap

import pytest

from nativegen.readytorun.stubs import clr_chkstk

# What a caller may keep in registers across the probe, by number (4 is rsp).
REGISTERS = [number for number in range(16) if number != 4]


def _move_immediate(register: int, value: int) -> bytes:
    return bytes((0x48 | register >> 3, 0xB8 | register & 7)) + value.to_bytes(8, "little")


def _push(register: int) -> bytes:
    return (b"\x41" if register > 7 else b"") + bytes((0x50 | register & 7,))


def _pop(register: int) -> bytes:
    return (b"\x41" if register > 7 else b"") + bytes((0x58 | register & 7,))


@pytest.mark.parametrize("size", [0, 100, 4096, 20_000, 300_000])
@pytest.mark.parametrize("register", REGISTERS)
def test_the_stack_probe_keeps_every_register(register: int, size: int) -> None:
    saved = [3, 5, 12, 13, 14, 15]  # rbx, rbp, r12 to r15: this routine's own caller wants them back
    value = size if register == 0 else 0x1122334455667788
    routine = clr_chkstk()
    code = b"".join(map(_push, saved)) + _move_immediate(0, size) + _move_immediate(register, value)
    code += b"\xe8" + b"\0\0\0\0"  # call, filled in below
    call_end = len(code)
    code += _push(register) + _pop(0) + b"".join(map(_pop, reversed(saved))) + b"\xc3"
    code = code[: call_end - 4] + (len(code) - call_end).to_bytes(4, "little") + code[call_end:] + routine
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CFUNCTYPE(ctypes.c_uint64)(address)() == value
