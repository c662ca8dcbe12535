"""Load a method unit into memory and run it: an image writer and runtime in small.

Cells become words, stubs become `jmp [address]` to Python callbacks, relocations are applied by the contract's own
formula; so a wrong addend, table or constant shows as a wrong result.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable, Mapping
from typing import Any

from nativegen.readytorun.stubs import clr_chkstk
from nativegen.readytorun.unit import Cell, MethodUnit, Relocation, RelocationKind

_STUB_SIZE = 16


class Loaded:
    """A unit in executable memory.

    Args:
        unit: what to run.
        callees: for each STUB cell a ctypes function pointer.
        words: for each CELL cell the word in it.
    """

    def __init__(
        self, unit: MethodUnit, callees: Mapping[Cell, Any] | None = None, words: Mapping[Cell, int] | None = None
    ) -> None:
        self._callees = dict(callees or {})
        self._memory = mmap.mmap(-1, 1 << 16, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._top = 0
        probe = self._put(clr_chkstk(), 16)
        code = self._put(unit.code, unit.alignment)
        rodata = self._put(unit.rodata, unit.rodata_alignment)
        cells = []
        stubs = []
        for cell in unit.cells:
            callee = self._callees.get(cell)
            cells.append(self._put(struct.pack("<Q", (words or {}).get(cell, 0)), 8))
            target = 0 if callee is None else ctypes.cast(callee, ctypes.c_void_p).value or 0
            stubs.append(self._put(b"\xff\x25\0\0\0\0" + struct.pack("<Q", target), _STUB_SIZE))

        def place(relocation: Relocation) -> int:
            return {
                RelocationKind.STUB: lambda: stubs[relocation.index],
                RelocationKind.CELL: lambda: cells[relocation.index],
                RelocationKind.RODATA: lambda: rodata,
                RelocationKind.SYMBOL: lambda: probe,
                RelocationKind.CODE: lambda: code,
            }[relocation.kind]()

        for start, relocations in ((code, unit.relocations), (rodata, unit.rodata_relocations)):
            for relocation in relocations:
                at = start + relocation.offset
                struct.pack_into("<i", self._memory, at, place(relocation) + relocation.addend - (at + 4))
        self._code = code

    def _put(self, data: bytes, alignment: int) -> int:
        self._top += -self._top % alignment
        start = self._top
        self._memory[start : start + len(data)] = data
        self._top += len(data)
        return start

    def function(self, result: Any, *parameters: Any) -> Callable[..., Any]:
        """The method as a C function (System V convention); it keeps the memory alive."""
        function = ctypes.CFUNCTYPE(result, *parameters)(self._address + self._code)
        function.loaded = self
        return function
