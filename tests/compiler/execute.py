"""Runs compiled units in this process, without a runtime: the platform's C calling convention is the one that units
use.

Cells become stubs that jump to ctypes callbacks; helpers that throw become stubs that unwind to the caller and leave
their number in ``thrown``. Good for arithmetic, memory and calling convention; collections and exceptions are tested
inside the real runtimes.

Example::

    machine = Machine(lowered)
    machine.run(ctypes.c_int32, ctypes.c_int32(5))
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable, Mapping
from typing import Any

from nativegen.backend.batch import Rejection, compile_batch
from nativegen.backend.llvm import CodeGenerator
from nativegen.compiler.lowered import LoweredMethod
from nativegen.readytorun.unit import Cell, CellKind, MethodUnit, RelocationKind

_SAVED = bytes.fromhex("53 55 41 54 41 55 41 56 41 57")  # push rbx, rbp, r12 .. r15
_RESTORE_AND_RETURN = bytes.fromhex("48 83 c4 08 41 5f 41 5e 41 5d 41 5c 5d 5b c3")
_PROBE = bytes.fromhex("c3")  # a frame of a test is smaller than what is mapped below the stack pointer


class Machine:
    """One method, ready to be called.

    Args:
        method: as lowered.
        generator: compiles it.
        callbacks: what a cell's stub calls; a cell without one throws its last signature element (a helper's number).
    """

    def __init__(
        self, method: LoweredMethod, generator: CodeGenerator, callbacks: Mapping[Cell, Any] | None = None
    ) -> None:
        (unit,) = compile_batch([method], generator)
        assert not isinstance(unit, Rejection), unit.detail
        self.unit: MethodUnit = unit
        self._callbacks = dict(callbacks or {})
        self._memory = mmap.mmap(-1, 1 << 16, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._used = 16  # 0: saved stack pointer, 8: number of the helper that threw
        self._code = self._place(unit.code, unit.alignment)
        self._rodata = self._place(unit.rodata, unit.rodata_alignment)
        self._cells = [self._place(bytes(8), 8) for _ in unit.cells]
        self._stubs = [self._stub(cell) for cell in unit.cells]
        self._probe = self._place(_PROBE, 1)
        for start, relocations in ((self._code, unit.relocations), (self._rodata, unit.rodata_relocations)):
            for relocation in relocations:
                target = self._target(relocation.kind, relocation.index) + relocation.addend
                place = start + relocation.offset
                self._write(place, struct.pack("<i", target - (place + 4)))
        self._entry = self._trampoline()

    def run(self, result: Any, *arguments: Any) -> Any:
        """Call with ctypes values (in registers only); ``result`` is a ctypes type or None."""
        self._write(8, bytes(8))
        function = ctypes.CFUNCTYPE(result, *(type(argument) for argument in arguments))(self._base + self._entry)
        return function(*arguments)

    @property
    def thrown(self) -> int:
        """The number of the helper that the last run called to throw, or 0."""
        return int(struct.unpack_from("<q", self._memory, 8)[0])

    def _write(self, place: int, data: bytes) -> None:
        self._memory[place : place + len(data)] = data

    def _place(self, data: bytes, alignment: int) -> int:
        place = -(-self._used // alignment) * alignment
        self._write(place, data)
        self._used = place + len(data)
        return place

    def _target(self, kind: RelocationKind, index: int) -> int:
        places: dict[RelocationKind, Callable[[], int]] = {
            RelocationKind.STUB: lambda: self._stubs[index],
            RelocationKind.CELL: lambda: self._cells[index],
            RelocationKind.RODATA: lambda: self._rodata,
            RelocationKind.SYMBOL: lambda: self._probe,
            RelocationKind.CODE: lambda: self._code,
        }
        return places[kind]()

    def _stub(self, cell: Cell) -> int:
        callback = self._callbacks.get(cell)
        if callback is not None:
            address = ctypes.cast(callback, ctypes.c_void_p).value
            assert address is not None
            return self._place(b"\x49\xbb" + struct.pack("<Q", address) + b"\x41\xff\xe3", 1)  # mov r11, ..; jmp r11
        number = cell.signature[-1] if cell.kind is CellKind.EAGER_HELPER else -1
        assert isinstance(number, int)
        code = b"\x48\xb8" + struct.pack("<Q", self._base + 8)  # mov rax, &thrown
        code += b"\x48\xc7\x00" + struct.pack("<i", number)  # mov qword [rax], number
        code += b"\x48\xb8" + struct.pack("<Q", self._base)  # mov rax, &saved
        code += b"\x48\x8b\x20" + _RESTORE_AND_RETURN  # mov rsp, [rax]
        return self._place(code, 1)

    def _trampoline(self) -> int:
        code = _SAVED + b"\x48\x83\xec\x08"  # sub rsp, 8
        code += b"\x49\xbb" + struct.pack("<Q", self._base) + b"\x49\x89\x23"  # mov r11, &saved; mov [r11], rsp
        code += b"\x49\xbb" + struct.pack("<Q", self._base + self._code) + b"\x41\xff\xd3"  # mov r11, ..; call r11
        return self._place(code + _RESTORE_AND_RETURN, 16)
