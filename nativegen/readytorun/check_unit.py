"""Checks that a method unit keeps its promises, before its bytes go into an image.

A unit comes from a worker process or from the cache. A relocation that points outside its code, or a cell that the code
loads although nothing resolves it, would make wrong code in somebody's process; here it is an exception at link time.

>>> check_unit(MethodUnit(bytes(1), (Function(0, 1, bytes.fromhex("19000000")),), bytes(1)))
>>> check_unit(MethodUnit(bytes(1), (), bytes(1)))
Traceback (most recent call last):
ValueError: the unit has no functions
"""

from __future__ import annotations

from collections.abc import Sequence

from nativegen.readytorun.runtime_functions import UNWIND_VERSION_AND_FLAGS
from nativegen.readytorun.unit import RUNTIME_SYMBOLS, Cell, CellKind, Function, MethodUnit, Relocation, RelocationKind

_MAX_ALIGNMENT = 4096
_FIXUP_KINDS = (CellKind.CHECK, CellKind.HANDLE)
_WITHOUT_STUB = (*_FIXUP_KINDS, CellKind.FIELD_DATA, CellKind.COUNTER)
_FIELD_SIZE = 4
_STUB = int(RelocationKind.STUB)


def check_unit(unit: MethodUnit) -> None:
    """Raise ``ValueError`` unless the unit keeps the invariants of :mod:`nativegen.readytorun.unit`."""
    _check_functions(unit)
    _check_fixups(unit)
    _check_relocations(unit, unit.relocations, len(unit.code))
    _check_relocations(unit, unit.rodata_relocations, len(unit.rodata))
    if not unit.gc_info:
        raise ValueError("the unit has no GcInfo")
    for alignment in (unit.alignment, unit.rodata_alignment):
        if not 0 < alignment <= _MAX_ALIGNMENT or alignment & (alignment - 1):
            raise ValueError(f"alignment {alignment} is not a power of two up to {_MAX_ALIGNMENT}")
    size = len(unit.code)
    for clause in unit.clauses:
        offsets = (clause.try_begin, clause.try_end, clause.handler_begin, clause.handler_end)
        if not (offsets[0] < offsets[1] <= size and offsets[2] < offsets[3] <= size and min(offsets) >= 0):
            raise ValueError(f"exception clause {offsets} lies outside the code")
    last = -1
    for offset, il_offset, _ in unit.bounds:
        if not last < offset < size or il_offset < 0:
            raise ValueError(f"bound {offset:#x} of CIL offset {il_offset:#x} lies outside the code or out of order")
        last = offset
    for variable in unit.variables:
        if not 0 <= variable.begin <= variable.end <= size or variable.number < 0:
            raise ValueError(f"{variable} lies outside the code")


def _check_functions(unit: MethodUnit) -> None:
    functions: Sequence[Function] = unit.functions
    if not functions:
        raise ValueError("the unit has no functions")
    if functions[0].begin or functions[0].is_filter:
        raise ValueError("the first function is not the main body at offset 0")
    end = 0
    for function in functions:
        if not end <= function.begin < function.end <= len(unit.code):
            raise ValueError(f"function {function.begin:#x}..{function.end:#x} overlaps or lies outside the code")
        if len(function.unwind) % 4 or len(function.unwind) < 4 or function.unwind[0] != UNWIND_VERSION_AND_FLAGS:
            raise ValueError(f"malformed unwind information {function.unwind.hex()}")
        end = function.end


def _check_fixups(unit: MethodUnit) -> None:
    cells: Sequence[Cell] = unit.cells
    needed = {index for index, cell in enumerate(cells) if cell.kind in _FIXUP_KINDS}
    if needed != set(unit.fixups):
        raise ValueError(f"fixups {sorted(unit.fixups)} are not the unit's CHECK and HANDLE cells {sorted(needed)}")


def _check_relocations(unit: MethodUnit, relocations: Sequence[Relocation], size: int) -> None:
    kinds = [cell.kind for cell in unit.cells]
    last = size - _FIELD_SIZE
    for offset, kind, index, _ in relocations:
        if not 0 <= offset <= last:
            raise ValueError(f"relocation at {offset:#x} lies outside {size} bytes")
        if kind == _STUB or kind == RelocationKind.CELL:
            if not 0 <= index < len(kinds):
                raise ValueError(f"relocation to cell {index} of {len(kinds)}")
            if kind == _STUB and kinds[index] in _WITHOUT_STUB:
                raise ValueError(f"cell {index} has no stub")
        elif kind == RelocationKind.RODATA:
            if not unit.rodata:
                raise ValueError("relocation to read-only data that the unit does not have")
        elif kind == RelocationKind.SYMBOL:
            if not 0 <= index < len(RUNTIME_SYMBOLS):
                raise ValueError(f"relocation to runtime symbol {index}")
        elif kind != RelocationKind.CODE:
            raise ValueError(f"relocation of kind {kind}")
