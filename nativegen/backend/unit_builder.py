"""Code, read-only data and relocations of one method, collected from LLVM's sections and made independent of them.

Relocations become symbolic, constants are copied into the unit (a constant that several functions share is duplicated),
and calls are checked to be calls. Cells appear in the order in which the code touches them first, then the check cells
in the order given.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nativegen.backend.coff import IMAGE_REL_AMD64_REL32, ObjectRelocation, ObjectSection, ObjectSymbol
from nativegen.backend.module_text import CALLING_CONVENTION
from nativegen.backend.object_index import ExtractError, ObjectIndex
from nativegen.compiler.lowered import External, ExternalKind, LoweredMethod
from nativegen.readytorun.debug_info import BoundSource
from nativegen.readytorun.unit import RUNTIME_SYMBOLS, Cell, CellKind, Relocation, RelocationKind

_CALL = 0xE8
_INDIRECT_CALL_LENGTHS = (2, 3, 4, 6, 7)
_MAX_ALIGNMENT = 64
_TABLE_ALIGNMENT = 16
_FUNCTION_ALIGNMENT = 16
_INT3 = b"\xcc"
_POINTER = 8
_MANAGED = "ptr addrspace(1)"
_VECTOR_RESULTS = ("float", "double", "<2 x float>")


class TableError(ExtractError):
    """LLVM made a table of addresses out of a switch; without tables the method can be compiled."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A section whose first ``length`` bytes are at ``base`` in the unit's code."""

    section: ObjectSection
    base: int
    length: int


def managed_results(declaration: str) -> int:
    """Which of rax (1) and rdx (2) hold managed pointers when a function with this LLVM declaration returns.

    >>> managed_results("declare cc 78 {double, ptr addrspace(1)} @s1(i32)")
    1
    """
    result = declaration.partition(f" {CALLING_CONVENTION} ")[2].partition(" @")[0]
    words = [word.strip() for word in result.strip("{}").split(",")]
    general = [word for word in words if word not in _VECTOR_RESULTS]
    return sum(1 << number for number, word in enumerate(general) if word == _MANAGED)


def checked_alignment(alignment: int) -> int:
    """A section's alignment, which the image can give it too.

    Raises:
        ExtractError: it is larger than what was proved to work.
    """
    if alignment > _MAX_ALIGNMENT:
        raise ExtractError(f"alignment {alignment}")
    return alignment


class UnitBuilder:
    """Collects code, read-only data and relocations of one method."""

    def __init__(self, index: ObjectIndex, method: LoweredMethod, frame_constants: Mapping[str, int]) -> None:
        self._index = index
        self._pieces: dict[int, _Piece] = {}
        self._frame_constants = frame_constants
        self._externals: dict[str, External] = {external.name: external for external in method.externals}
        self._checks: Sequence[Cell] = method.checks
        self._cells: dict[Cell, int] = {}
        self._constants: dict[str, int] = {}
        self._items: dict[tuple[int, int], int] = {}  # (section, offset) of a piece of read-only data -> place
        self.code = bytearray()
        self.relocations: list[Relocation] = []
        self.rodata = bytearray()
        self.rodata_alignment = 1
        self.rodata_relocations: list[Relocation] = []
        self.calls: list[int] = []
        self.returned: dict[int, int] = {}  # return address -> managed_results of the call before it

    def append(self, section: ObjectSection, length: int) -> int:
        """Add the first bytes of a section to the code; where they are."""
        self.code += _INT3 * (-len(self.code) % _FUNCTION_ALIGNMENT)
        piece = self._pieces[section.number] = _Piece(section, len(self.code), length)
        self.code += section.data[:length]
        return piece.base

    def add_code(self) -> None:
        """Turn the sections' relocations into symbolic ones, collecting cells and read-only data on the way."""
        for piece in self._pieces.values():
            for relocation in piece.section.relocations:
                self.relocations.append(self._resolve(piece, relocation))

    def all_cells(self) -> tuple[Cell, ...]:
        for cell in self._checks:
            self._cells.setdefault(cell, len(self._cells))
        return tuple(self._cells)

    def bounds(self, method: LoweredMethod) -> tuple[tuple[int, int, int], ...]:
        """Where the code comes from; rows that say the same as the one before are left out.

        The runtimes look up the address where a call returns to or an access faulted, or the byte before it, depending
        on how they came to the frame. So that both find the row, it begins one byte before its first instruction, but
        behind a place that a call returns to.

        In code for a debugger rows are exact: it puts its breakpoints there.
        """
        if method.debug:
            return self._exact_bounds(method)
        result: list[tuple[int, int, int]] = []
        returns = {call + 4 for call in self.calls}
        for piece in self._pieces.values():
            for offset, il_offset in self._index.lines.get(piece.section.number, ()):
                if offset < piece.length and not (result and result[-1][1] == il_offset):
                    place = piece.base + offset
                    place = max(place - 1, result[-1][0] + 1 if result else 0)
                    while any(end in returns or _ends_indirect_call(self.code, end) for end in (place, place + 1)):
                        place += 1
                    if place < len(self.code):
                        result.append((place, il_offset, int(BoundSource.NONE)))
        return tuple(result)

    def _exact_bounds(self, method: LoweredMethod) -> tuple[tuple[int, int, int], ...]:
        result: list[tuple[int, int, int]] = []
        for piece in self._pieces.values():
            for offset, il_offset in self._index.lines.get(piece.section.number, ()):
                if offset < piece.length and not (result and result[-1][1] == il_offset):
                    is_empty = il_offset in method.sequence_points
                    source = BoundSource.STACK_EMPTY if is_empty else BoundSource.NONE
                    result.append((piece.base + offset, il_offset, int(source)))
        return tuple(result)

    def fixups(self) -> tuple[int, ...]:
        return tuple(
            number for cell, number in self._cells.items() if cell.kind in (CellKind.CHECK, CellKind.HANDLE)
        )

    def _resolve(self, piece: _Piece, relocation: ObjectRelocation) -> Relocation:
        """The symbolic form of a relocation in code; zeroes its field."""
        data = self.code
        symbol = self._index.object.symbols[relocation.symbol]
        if relocation.kind != IMAGE_REL_AMD64_REL32 or relocation.offset + 4 > piece.length:
            raise ExtractError(f"relocation of kind {relocation.kind} at {relocation.offset:#x}")
        offset = piece.base + relocation.offset
        addend = struct.unpack_from("<i", data, offset)[0]
        data[offset : offset + 4] = bytes(4)
        own = self._pieces.get(symbol.section)
        if own is not None:
            return Relocation(offset, RelocationKind.CODE, 0, own.base + symbol.value + addend)
        if symbol.section > 0:
            return Relocation(offset, RelocationKind.RODATA, 0, self._place(symbol) + addend)
        if symbol.section < 0:
            raise ExtractError(f"relocation against absolute symbol {symbol.name}")
        routine = symbol.name.partition(".")[0]
        if routine in RUNTIME_SYMBOLS:
            self._check_call(data, offset, addend, symbol.name)
            self._note_result(offset, symbol.name)
            return Relocation(offset, RelocationKind.SYMBOL, RUNTIME_SYMBOLS.index(routine))
        external = self._externals.get(symbol.name)
        if external is not None and external.kind is ExternalKind.FRAME:
            return Relocation(offset, RelocationKind.RODATA, 0, self._frame_constant(symbol.name) + addend)
        if external is None or external.cell is None:
            raise ExtractError(f"undeclared symbol {symbol.name}")
        number = self._cells.setdefault(external.cell, len(self._cells))
        if external.kind is ExternalKind.CELL:
            return Relocation(offset, RelocationKind.CELL, number, addend)
        self._check_call(data, offset, addend, symbol.name)
        self._note_result(offset, symbol.name)
        return Relocation(offset, RelocationKind.STUB, number)

    def _check_call(self, data: bytearray, offset: int, addend: int, name: str) -> None:
        if not offset or data[offset - 1] != _CALL or addend:
            raise ExtractError(f"{name} is used otherwise than by a call")
        self.calls.append(offset)

    def _note_result(self, offset: int, name: str) -> None:
        external = self._externals.get(name)
        registers = 0 if external is None else managed_results(external.declaration)
        if registers:
            self.returned[offset + 4] = registers

    def _frame_constant(self, name: str) -> int:
        """Offset in the unit's read-only data of a number that describes the frame."""
        place = self._constants.get(name)
        if place is None:
            value = self._frame_constants.get(name)
            if value is None:
                raise ExtractError(f"{name} of a method without funclets")
            self.rodata += bytes(-len(self.rodata) % _POINTER)
            self.rodata_alignment = max(self.rodata_alignment, _POINTER)
            place = self._constants[name] = len(self.rodata)
            self.rodata += value.to_bytes(_POINTER, "little", signed=True)
        return place

    def _place(self, symbol: ObjectSymbol) -> int:
        """Offset in the unit's read-only data of what ``symbol`` names, copying it there at first use."""
        section = self._index.object.section(symbol.section)
        if not section.name.startswith(".rdata"):
            raise ExtractError(f"reference into section {section.name}")
        if section.is_comdat:
            place = self._items.get((section.number, 0))
            if place is None:
                place = self._append(section, 0, section.data, section.alignment)
            return place + symbol.value
        constant = self._index.constants.get(symbol.name)
        if constant is None or constant.alignment > _TABLE_ALIGNMENT:
            raise ExtractError(f"shared read-only data {symbol.name}")
        place = self._items.get((section.number, symbol.value))
        if place is None:
            data = section.data[symbol.value : symbol.value + constant.size]
            if len(data) != constant.size or any(
                symbol.value <= relocation.offset < symbol.value + constant.size for relocation in section.relocations
            ):
                raise TableError(f"table {symbol.name} is not plain data")
            # Its alignment may have grown by merging with another function's equal table, so it is not asked for.
            place = self._append(section, symbol.value, data, _TABLE_ALIGNMENT)
        return place

    def _append(self, section: ObjectSection, offset: int, data: bytes, alignment: int) -> int:
        alignment = checked_alignment(alignment)
        self.rodata += bytes(-len(self.rodata) % alignment)
        self.rodata_alignment = max(self.rodata_alignment, alignment)
        place = len(self.rodata)
        self._items[section.number, offset] = place
        self.rodata += data
        if section.is_comdat:
            for relocation in section.relocations:
                self._add_table_entry(relocation, place)
        return place

    def _add_table_entry(self, relocation: ObjectRelocation, place: int) -> None:
        """An entry of a jump table: must lead into the function's own code."""
        symbol = self._index.object.symbols[relocation.symbol]
        offset = place + relocation.offset
        own = self._pieces.get(symbol.section)
        if relocation.kind != IMAGE_REL_AMD64_REL32 or own is None or offset + 4 > len(self.rodata):
            raise ExtractError("jump table entry that leads out of the function")
        addend = struct.unpack_from("<i", self.rodata, offset)[0]
        self.rodata[offset : offset + 4] = bytes(4)
        self.rodata_relocations.append(Relocation(offset, RelocationKind.CODE, 0, own.base + symbol.value + addend))


def _ends_indirect_call(code: bytes | bytearray, end: int) -> bool:
    """Whether the bytes before ``end`` may be ``call r/m64`` (FF /2), in any of its lengths."""
    return any(
        end >= length and code[end - length] == 0xFF and code[end - length + 1] & 0x38 == 0x10
        for length in _INDIRECT_CALL_LENGTHS
    )
