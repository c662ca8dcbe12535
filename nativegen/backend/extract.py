"""Cut LLVM's object file into method units, checking everything that the runtime will rely on.

Each function is in a section of its own (see :mod:`nativegen.backend.module_text`). Its code is copied, its relocations
become symbolic, its constants are copied into the unit (a constant that several functions share is duplicated), and GC
info is made from the stack map record of its homes. What LLVM did is not trusted where it can be checked: any surprise
is an :class:`ExtractError`, and the method is left to the JIT.

Invariants of a unit made here: no byte of it depends on other functions of the object; relocated fields are zero, their
addends are in the relocations; cells appear in the order in which the code touches them first, then the check cells in
the order given.

A leaf ``mov eax,42; ret`` has no .pdata; it becomes one runtime function with empty unwind info:

>>> FRAMELESS.native().hex()
'19000000'
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nativegen.backend.coff import (
    IMAGE_REL_AMD64_ADDR32NB,
    IMAGE_REL_AMD64_REL32,
    ObjectFile,
    ObjectRelocation,
    ObjectSection,
    ObjectSymbol,
    read_object,
)
from nativegen.backend.llvm import CompiledModule, PrivateConstant
from nativegen.backend.module_text import STACKMAP_HOMES
from nativegen.backend.stackmaps import (
    DWARF_RBP,
    DWARF_RSP,
    LocationKind,
    StackMapRecord,
    read_stack_maps,
)
from nativegen.backend.unwind import FRAMELESS, UnwindInfo, check_prolog, decode_unwind_info
from nativegen.compiler.lowered import External, ExternalKind, LoweredMethod
from nativegen.readytorun.enums import Register, ReturnKind, SlotBase, SlotFlags
from nativegen.readytorun.gcinfo import GcInfo, StackSlot, encode_gc_info, in_table_order
from nativegen.readytorun.unit import (
    RUNTIME_SYMBOLS,
    Cell,
    CellKind,
    Function,
    MethodUnit,
    Relocation,
    RelocationKind,
)

_CALL = 0xE8
_PADDING = frozenset((0x90, 0xCC))  # nop, int3
# Frames that ran in both runtimes, with room (facts: joint-design.md 5: 200 KB).
_MAX_FRAME = 256 * 1024
_MAX_ALIGNMENT = 64
_TABLE_ALIGNMENT = 16
_POINTER = 8


class ExtractError(ValueError):
    """LLVM's output for a method is not what was proved to work; the message says what."""


@dataclass(frozen=True, slots=True)
class _RuntimeFunction:
    begin: int
    end: int
    unwind: UnwindInfo


class ObjectIndex:
    """One object file, ready for :func:`extract_unit`: functions, unwind data and stack maps by symbol.

    Args:
        module: from :meth:`nativegen.backend.llvm.CodeGenerator.compile`.

    Raises:
        ObjectError, StackMapError, ExtractError: nothing of the object can be used.
    """

    def __init__(self, module: CompiledModule) -> None:
        self.object: ObjectFile = read_object(module.object)
        self.constants: Mapping[str, PrivateConstant] = module.constants
        self.stack_maps: dict[str, tuple[StackMapRecord, ...]] = read_stack_maps(self.object)
        self.functions: dict[str, ObjectSymbol] = {}
        self._per_section: dict[int, int] = {}
        for symbol in self.object.symbols.values():
            # Funclets are in their method's section, with names in the C++ decoration.
            if symbol.is_function and symbol.section > 0 and not symbol.name.startswith("?"):
                if symbol.name in self.functions:
                    raise ExtractError(f"symbol {symbol.name} defined twice")
                self.functions[symbol.name] = symbol
                self._per_section[symbol.section] = self._per_section.get(symbol.section, 0) + 1
        self._runtime_functions = self._read_pdata()

    def function_section(self, name: str) -> ObjectSection:
        """The section that holds exactly this function.

        Raises:
            ExtractError: no such function, or it shares its section.
        """
        symbol = self.functions.get(name)
        if symbol is None:
            raise ExtractError(f"function {name} is not in the object")
        section = self.object.section(symbol.section)
        shared = not section.is_comdat or symbol.value or self._per_section[symbol.section] != 1
        # Functions that always throw are "cold" for the optimiser: .text$unlikely.
        if shared or section.name.partition("$")[0] != ".text":
            raise ExtractError(f"function {name} is not in a section of its own")
        return section

    def runtime_functions(self, section: ObjectSection) -> list[_RuntimeFunction]:
        """The .pdata entries for code of ``section``, ascending; their unwind info is decoded and validated.

        Raises:
            UnwindError: unwind data that CoreCLR is not known to understand.
        """
        result = []
        for begin, end, unwind_section, unwind_offset in sorted(self._runtime_functions.get(section.number, ())):
            info = decode_unwind_info(self.object.section(unwind_section).data, unwind_offset)
            result.append(_RuntimeFunction(begin, end, info))
        return result

    def _read_pdata(self) -> dict[int, list[tuple[int, int, int, int]]]:
        entries: dict[int, list[tuple[int, int, int, int]]] = {}
        for section in self.object.sections:
            if section.name != ".pdata":
                continue
            if len(section.data) % 12 or len(section.relocations) != len(section.data) // 4:
                raise ExtractError("malformed .pdata")
            for index in range(0, len(section.relocations), 3):
                offset = 4 * index
                fields = struct.unpack_from("<III", section.data, offset)
                places: list[tuple[int, int]] = []
                for field, relocation in zip(fields, section.relocations[index : index + 3], strict=True):
                    if relocation.kind != IMAGE_REL_AMD64_ADDR32NB or relocation.offset != offset + 4 * len(places):
                        raise ExtractError("malformed .pdata relocation")
                    symbol = self.object.symbols[relocation.symbol]
                    places.append((symbol.section, symbol.value + field))
                (code, begin), (same, end), unwind = places
                if code != same:
                    raise ExtractError("a .pdata entry spans two sections")
                entries.setdefault(code, []).append((begin, end, *unwind))
        return entries


def extract_unit(index: ObjectIndex, method: LoweredMethod) -> MethodUnit:
    """The unit of one method of the object.

    Raises:
        ExtractError, UnwindError, ObjectError: LLVM's output did not pass a check.
    """
    section = index.function_section(method.symbol)
    functions = _functions(index, section)
    main = functions[0]
    length = functions[-1].end
    builder = _UnitBuilder(index, method, section, length)
    builder.add_code()
    frameless = main.unwind is FRAMELESS
    if frameless and builder.has_calls:
        raise ExtractError("a function without frame makes calls")
    homes = _homes_location(index, method, main.unwind)
    info = GcInfo(
        code_length=length,
        return_kind=ReturnKind(method.return_kind),
        frame_register=None if main.unwind.frame_offset is None else Register.rbp,
        untracked=in_table_order(_home_slots(method, homes)),
    )
    return MethodUnit(
        code=bytes(builder.code),
        functions=tuple(Function(part.begin, part.end, part.unwind.native()) for part in functions),
        gc_info=encode_gc_info(info),
        alignment=_checked_alignment(section.alignment),
        relocations=tuple(builder.relocations),
        rodata=bytes(builder.rodata),
        rodata_alignment=builder.rodata_alignment,
        rodata_relocations=tuple(builder.rodata_relocations),
        cells=builder.all_cells(),
        fixups=builder.fixups(),
    )


def _functions(index: ObjectIndex, section: ObjectSection) -> list[_RuntimeFunction]:
    functions = index.runtime_functions(section)
    code = section.data
    if not functions:
        end = len(code)
        while end and code[end - 1] == 0x90:
            end -= 1
        functions = [_RuntimeFunction(0, end, FRAMELESS)]
    if len(functions) > 1 or functions[0].unwind.has_handler:
        raise ExtractError("funclets")
    main = functions[0]
    if main.begin or not 0 < main.end <= len(code) or not _PADDING.issuperset(code[main.end :]):
        raise ExtractError(f"function covers {main.begin:#x}..{main.end:#x} of {len(code):#x} bytes")
    check_prolog(code[main.begin : main.end], main.unwind)
    if main.unwind.allocated > _MAX_FRAME:
        raise ExtractError(f"frame of {main.unwind.allocated} bytes")
    return functions


def _homes_location(index: ObjectIndex, method: LoweredMethod, unwind: UnwindInfo) -> tuple[SlotBase, int] | None:
    """Where the homes are: from the frame register or the stack pointer; None without homes."""
    records = index.stack_maps.get(method.symbol, ())
    if any(record.id != STACKMAP_HOMES for record in records) or len(records) != bool(method.homes):
        found = [record.id for record in records]
        raise ExtractError(f"stack map records {found}, with {len(method.homes)} homes")
    if not records:
        return None
    if len(records[0].locations) != 1:
        raise ExtractError("homes record has more than one location")
    location = records[0].locations[0]
    if location.kind is not LocationKind.DIRECT or location.size != _POINTER or location.value % _POINTER:
        raise ExtractError(f"homes at {location}")
    size = _POINTER * len(method.homes)
    if location.register == DWARF_RBP and unwind.frame_offset is not None:
        base, lowest = SlotBase.FRAME_REGISTER, -unwind.frame_offset
    elif location.register == DWARF_RSP:
        base, lowest = SlotBase.SP, 0
    else:
        raise ExtractError(f"homes relative to DWARF register {location.register}")
    if location.value < lowest or location.value + size > lowest + unwind.allocated:
        raise ExtractError(f"homes at {location.value} lie outside the frame")
    return base, location.value


def _home_slots(method: LoweredMethod, homes: tuple[SlotBase, int] | None) -> list[StackSlot]:
    if homes is None:
        return []
    base, offset = homes
    return [
        StackSlot(base, offset + _POINTER * word, SlotFlags(flags))
        for word, flags in enumerate(method.homes)
        if flags is not None
    ]


def _checked_alignment(alignment: int) -> int:
    if alignment > _MAX_ALIGNMENT:
        raise ExtractError(f"alignment {alignment}")
    return alignment


class _UnitBuilder:
    """Collects code, read-only data and relocations of one function."""

    def __init__(self, index: ObjectIndex, method: LoweredMethod, section: ObjectSection, length: int) -> None:
        self._index = index
        self._section = section
        self._externals: dict[str, External] = {external.name: external for external in method.externals}
        self._checks: Sequence[Cell] = method.checks
        self._cells: dict[Cell, int] = {}
        self._items: dict[tuple[int, int], int] = {}  # (section, offset) of a piece of read-only data -> place
        self.code = bytearray(section.data[:length])
        self.relocations: list[Relocation] = []
        self.rodata = bytearray()
        self.rodata_alignment = 1
        self.rodata_relocations: list[Relocation] = []
        self.has_calls = False

    def add_code(self) -> None:
        """Turn the section's relocations into symbolic ones, collecting cells and read-only data on the way."""
        for relocation in self._section.relocations:
            self.relocations.append(self._resolve(self.code, relocation))

    def all_cells(self) -> tuple[Cell, ...]:
        for cell in self._checks:
            self._cells.setdefault(cell, len(self._cells))
        return tuple(self._cells)

    def fixups(self) -> tuple[int, ...]:
        return tuple(
            number for cell, number in self._cells.items() if cell.kind in (CellKind.CHECK, CellKind.HANDLE)
        )

    def _resolve(self, data: bytearray, relocation: ObjectRelocation) -> Relocation:
        """The symbolic form of a relocation in code; zeroes its field."""
        offset = relocation.offset
        symbol = self._index.object.symbols[relocation.symbol]
        if relocation.kind != IMAGE_REL_AMD64_REL32 or offset + 4 > len(data):
            raise ExtractError(f"relocation of kind {relocation.kind} at {offset:#x}")
        addend = struct.unpack_from("<i", data, offset)[0]
        data[offset : offset + 4] = bytes(4)
        if symbol.section == self._section.number:
            return Relocation(offset, RelocationKind.CODE, 0, symbol.value + addend)
        if symbol.section > 0:
            return Relocation(offset, RelocationKind.RODATA, 0, self._place(symbol) + addend)
        if symbol.section < 0:
            raise ExtractError(f"relocation against absolute symbol {symbol.name}")
        if symbol.name in RUNTIME_SYMBOLS:
            self._check_call(data, offset, addend, symbol.name)
            return Relocation(offset, RelocationKind.SYMBOL, RUNTIME_SYMBOLS.index(symbol.name))
        external = self._externals.get(symbol.name)
        if external is None or external.cell is None:
            raise ExtractError(f"undeclared symbol {symbol.name}")
        number = self._cells.setdefault(external.cell, len(self._cells))
        if external.kind is ExternalKind.CELL:
            return Relocation(offset, RelocationKind.CELL, number, addend)
        self._check_call(data, offset, addend, symbol.name)
        return Relocation(offset, RelocationKind.STUB, number)

    def _check_call(self, data: bytearray, offset: int, addend: int, name: str) -> None:
        if not offset or data[offset - 1] != _CALL or addend:
            raise ExtractError(f"{name} is used otherwise than by a call")
        self.has_calls = True

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
                raise ExtractError(f"table {symbol.name} is not plain data")
            # Its alignment may have grown by merging with another function's equal table, so it is not asked for.
            place = self._append(section, symbol.value, data, _TABLE_ALIGNMENT)
        return place

    def _append(self, section: ObjectSection, offset: int, data: bytes, alignment: int) -> int:
        alignment = _checked_alignment(alignment)
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
        if (
            relocation.kind != IMAGE_REL_AMD64_REL32
            or symbol.section != self._section.number
            or offset + 4 > len(self.rodata)
        ):
            raise ExtractError("jump table entry that leads out of the function")
        addend = struct.unpack_from("<i", self.rodata, offset)[0]
        self.rodata[offset : offset + 4] = bytes(4)
        self.rodata_relocations.append(Relocation(offset, RelocationKind.CODE, 0, symbol.value + addend))
