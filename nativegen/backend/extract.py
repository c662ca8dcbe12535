"""Cut LLVM's object file into method units, checking everything that the runtime will rely on.

Each function is in a section of its own (see :mod:`nativegen.backend.module_text`). Its code is copied, its relocations
become symbolic, its constants are copied into the unit (a constant that several functions share is duplicated), and GC
info is made from the stack map record of its homes. What LLVM did is not trusted where it can be checked: any surprise
is an :class:`ExtractError`, and the method is left to the JIT.

A method with try blocks has funclets in its section, and filters, which are functions in sections of their own: their
code is put behind the method's.

Invariants of a unit made here: no byte of it depends on other functions of the object; relocated fields are zero, their
addends are in the relocations; cells appear in the order in which the code touches them first, then the check cells in
the order given.

A leaf ``mov eax,42; ret`` has no .pdata; it becomes one runtime function with empty unwind info:

>>> FRAMELESS.native().hex()
'19000000'
"""

from __future__ import annotations

import itertools
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
from nativegen.backend.funclets import (
    ClauseRow,
    check_exception_store,
    keep_frame_register,
    read_clauses,
    redirect_establisher,
    saved_stack_pointer,
)
from nativegen.backend.line_tables import read_line_tables
from nativegen.backend.llvm import CompiledModule, PrivateConstant
from nativegen.backend.module_text import (
    CALLING_CONVENTION,
    FRAME_REGISTER_PARAMETER,
    STACKMAP_HOMES,
    STACKMAP_VARIABLES,
)
from nativegen.backend.stackmaps import (
    DWARF_RBP,
    DWARF_RSP,
    Location,
    LocationKind,
    StackMapRecord,
    read_stack_maps,
)
from nativegen.backend.unwind import FRAMELESS, UnwindInfo, check_prolog, decode_unwind_info
from nativegen.compiler.lowered import External, ExternalKind, LoweredMethod
from nativegen.readytorun.debug_info import BoundSource
from nativegen.readytorun.enums import Register, ReturnKind, SlotBase, SlotFlags
from nativegen.readytorun.gcinfo import GcInfo, RegisterSlot, SafePoint, StackSlot, encode_gc_info, in_table_order
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import (
    RUNTIME_SYMBOLS,
    Cell,
    CellKind,
    ExceptionClause,
    FrameVariable,
    Function,
    MethodUnit,
    Relocation,
    RelocationKind,
    Symbol,
)

_CALL = 0xE8
_INDIRECT_CALL_LENGTHS = (2, 3, 4, 6, 7)
_PADDING = frozenset((0x90, 0xCC))  # nop, int3
# Frames that ran in both runtimes, with room (facts: joint-design.md 5: 200 KB).
_MAX_FRAME = 256 * 1024
_MAX_ALIGNMENT = 64
_TABLE_ALIGNMENT = 16
_POINTER = 8
_FUNCTION_ALIGNMENT = 16
_FILTER_FLAG = 1
_DUPLICATED_FLAG = 8
_SAME_TRY_FLAG = 16
_KIND_MASK = 7


_MANAGED = "ptr addrspace(1)"
_VECTOR_RESULTS = ("float", "double", "<2 x float>")
# What a listed call returns, in this order of bits. Interior: whatever the pointer is, the collector finds the object.
_RETURNED = (
    RegisterSlot(Register.rax, SlotFlags.INTERIOR),
    RegisterSlot(Register.rdx, SlotFlags.INTERIOR),
)


class ExtractError(ValueError):
    """LLVM's output for a method is not what was proved to work; the message says what."""


class TableError(ExtractError):
    """LLVM made a table of addresses out of a switch; without tables the method can be compiled."""


@dataclass(frozen=True, slots=True)
class _RuntimeFunction:
    begin: int
    end: int
    unwind: UnwindInfo
    is_filter: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """A section whose first ``length`` bytes are at ``base`` in the unit's code."""

    section: ObjectSection
    base: int
    length: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """What funclets and filters need to know of the method's frame.

    Attributes:
        psp: where the stack pointer is kept, from the stack pointer.
        pointer: what rbp is above the stack pointer.
    """

    psp: int
    pointer: int


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
        self.lines = read_line_tables(self.object)
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

    def clauses(self, section: ObjectSection) -> list[ClauseRow]:
        """LLVM's clause table of the function with funclets in ``section``.

        Raises:
            ExtractError, FuncletError, UnwindError: it is malformed.
        """
        ends = set()
        places = set()
        begins = []
        for begin, _, unwind_section, offset in sorted(self._runtime_functions.get(section.number, ())):
            begins.append(begin)
            places.add(unwind_section)
            ends.add(offset + decode_unwind_info(self.object.section(unwind_section).data, offset).stored_size)
        if len(places) != 1:
            raise ExtractError("unwind data of a method in several sections")
        return read_clauses(self.object, self.object.section(places.pop()), max(ends), section, begins[1:])

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
    functions = _functions(index, section, method)
    main = functions[0]
    homes = _homes_location(index, method, main.unwind)
    frame = None
    rows: list[ClauseRow] = []
    if len(functions) > 1:
        frame = _frame(section.data, main)
        rows = index.clauses(section)
    builder = _UnitBuilder(index, method, _frame_constants(method, frame, homes))
    builder.append(section, functions[-1].end)
    filters = {}
    for name in _filters(method, rows):
        (function,) = _functions(index, index.function_section(name), entry=_filter_entry(method))
        base = builder.append(index.function_section(name), function.end)
        filters[name] = base
        functions.append(_RuntimeFunction(base, base + function.end, function.unwind, is_filter=True))
    builder.add_code()
    for part in functions:
        if part.unwind is FRAMELESS and any(part.begin <= call < part.end for call in builder.calls):
            raise ExtractError("a function without frame makes calls")
    clauses = _clauses(method, rows, filters, functions)
    if frame is not None:
        _prepare_funclets(builder.code, functions, clauses, frame, method.target)
    points = builder.returned if method.target.returned_references == "caller" else {}
    info = GcInfo(
        code_length=functions[-1].end,
        registers=_RETURNED if points else (),
        safe_points=tuple(SafePoint(offset, points[offset]) for offset in sorted(points)),
        return_kind=ReturnKind(method.return_kind),
        frame_register=None if main.unwind.frame_offset is None else Register.rbp,
        untracked=in_table_order(_home_slots(method, homes)),
        psp_symbol=frame.psp if frame is not None and method.target.funclet_frame == "establisher" else None,
        report_only_leaf=frame is not None,
    )
    return MethodUnit(
        code=bytes(builder.code),
        functions=tuple(Function(part.begin, part.end, part.unwind.native(), part.is_filter) for part in functions),
        gc_info=encode_gc_info(info, method.target.gcinfo_version),
        alignment=_checked_alignment(section.alignment),
        relocations=tuple(builder.relocations),
        rodata=bytes(builder.rodata),
        rodata_alignment=builder.rodata_alignment,
        rodata_relocations=tuple(builder.rodata_relocations),
        clauses=clauses,
        cells=builder.all_cells(),
        fixups=builder.fixups(),
        foreign=tuple(sorted(method.foreign)),
        bounds=builder.bounds(method),
        variables=_variables(index, method, main.unwind, homes, functions),
    )


def managed_results(declaration: str) -> int:
    """Which of rax (1) and rdx (2) hold managed pointers when a function with this LLVM declaration returns.

    >>> managed_results("declare cc 78 {double, ptr addrspace(1)} @s1(i32)")
    1
    """
    result = declaration.partition(f" {CALLING_CONVENTION} ")[2].partition(" @")[0]
    words = [word.strip() for word in result.strip("{}").split(",")]
    general = [word for word in words if word not in _VECTOR_RESULTS]
    return sum(1 << number for number, word in enumerate(general) if word == _MANAGED)


def _functions(
    index: ObjectIndex, section: ObjectSection, method: LoweredMethod | None = None, entry: bytes = b""
) -> list[_RuntimeFunction]:
    """The checked runtime functions of a section.

    Args:
        method: it may have funclets.
        entry: code before the prolog, which must be there.
    """
    functions = index.runtime_functions(section)
    code = section.data
    if not functions:
        end = len(code)
        while end and code[end - 1] == 0x90:
            end -= 1
        functions = [_RuntimeFunction(0, end, FRAMELESS)]
    if not (method is not None and method.has_regions) and (len(functions) > 1 or functions[0].unwind.has_handler):
        raise ExtractError("funclets")
    main, funclets = functions[0], functions[1:]
    end = functions[-1].end
    if main.begin or not 0 < main.end <= end <= len(code) or not _PADDING.issuperset(code[end:]):
        raise ExtractError(f"function covers {main.begin:#x}..{end:#x} of {len(code):#x} bytes")
    if not code.startswith(entry):
        raise ExtractError(f"function begins with {code[: len(entry)].hex()}")
    check_prolog(code[main.begin : main.end], main.unwind, has_funclets=bool(funclets), entry=len(entry))
    for previous, funclet in itertools.pairwise(functions):
        if funclet.begin < previous.end:
            raise ExtractError("funclets overlap")
        check_prolog(code[funclet.begin : funclet.end], funclet.unwind, funclet=True)
    for function in functions:
        if function.unwind.allocated > _MAX_FRAME:
            raise ExtractError(f"frame of {function.unwind.allocated} bytes")
    return functions


def _frame(code: bytes, main: _RuntimeFunction) -> _Frame:
    if main.unwind.frame_offset is None:
        raise ExtractError("a method with funclets has no frame register")
    return _Frame(saved_stack_pointer(code[: main.end], main.unwind.prolog_size), main.unwind.frame_offset)


def _frame_constants(
    method: LoweredMethod, frame: _Frame | None, homes: tuple[SlotBase, int] | None
) -> dict[str, int]:
    """The values of the externals of kind FRAME."""
    if frame is None or homes is None:
        return {}
    base, offset = homes
    if base is SlotBase.FRAME_REGISTER:
        offset += frame.pointer
    if method.target.funclet_frame == "frame-register":
        return {f"{method.symbol}.homes": offset - frame.pointer}
    return {f"{method.symbol}.psp": frame.psp, f"{method.symbol}.homes": offset}


def _filter_entry(method: LoweredMethod) -> bytes:
    return FRAME_REGISTER_PARAMETER if method.target.funclet_frame == "frame-register" else b""


def _caught(method: LoweredMethod, row: ClauseRow) -> Symbol | str:
    if not 1 <= row.token <= len(method.catches):
        raise ExtractError(f"clause with token {row.token}")
    return method.catches[row.token - 1]


def _filters(method: LoweredMethod, rows: Sequence[ClauseRow]) -> list[str]:
    """Names of the filter functions that are in use, each once."""
    names = [_caught(method, row) for row in rows if row.flags & _KIND_MASK == 0]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _clauses(
    method: LoweredMethod, rows: Sequence[ClauseRow], filters: Mapping[str, int], functions: Sequence[_RuntimeFunction]
) -> tuple[ExceptionClause, ...]:
    starts = {function.begin for function in functions[1:] if not function.is_filter}
    clauses = []
    previous: ClauseRow | None = None
    for row in rows:
        flags = row.flags
        target: int | Symbol = 0
        if flags & _KIND_MASK == 0:
            if row.token in method.same_try and not flags & _DUPLICATED_FLAG:
                if previous is None or (row.try_begin, row.try_end, row.token) != (
                    previous.try_begin,
                    previous.try_end,
                    previous.token + 1,
                ):
                    raise ExtractError("a catch clause without its sibling before it")
                flags |= _SAME_TRY_FLAG
            caught = _caught(method, row)
            if isinstance(caught, str):
                flags |= _FILTER_FLAG
                target = filters[caught]
            else:
                target = caught
        previous = row
        if flags & _DUPLICATED_FLAG and not method.target.duplicated_clauses:
            continue
        if row.handler_begin not in starts or not 0 <= row.try_begin < row.try_end <= functions[-1].end:
            raise ExtractError(f"clause {row}")
        clauses.append(
            ExceptionClause(flags, row.try_begin, row.try_end, row.handler_begin, row.handler_end, target)
        )
    # Behind all others, as the JIT reports them: 9.0 stops looking at the first one, and what LLVM puts behind it (a
    # finally inside a later handler) would never run. For any one place the order stays inner before outer: its
    # duplicated clauses are those of the try blocks around the handler that it is in.
    clauses.sort(key=lambda clause: clause.flags & _DUPLICATED_FLAG)
    return tuple(clauses)


def _prepare_funclets(
    code: bytearray,
    functions: Sequence[_RuntimeFunction],
    clauses: Sequence[ExceptionClause],
    frame: _Frame,
    target: Target,
) -> None:
    find_frame = keep_frame_register if target.funclet_frame == "frame-register" else redirect_establisher
    exception = Register[target.exception_register]
    catches = {clause.handler_begin for clause in clauses if clause.flags & _KIND_MASK in (0, _FILTER_FLAG)}
    for function in functions[1:]:
        if function.is_filter:
            continue
        prolog_end = function.begin + function.unwind.prolog_size
        find_frame(code, function.begin, prolog_end, psp=frame.psp, frame=frame.pointer)
        if function.begin in catches:
            check_exception_store(code[: function.end], prolog_end, exception)


def _homes_location(index: ObjectIndex, method: LoweredMethod, unwind: UnwindInfo) -> tuple[SlotBase, int] | None:
    """Where the homes are: from the frame register or the stack pointer; None without homes."""
    found = [record.id for record in index.stack_maps.get(method.symbol, ())]
    if found != [STACKMAP_HOMES] * bool(method.homes) + [STACKMAP_VARIABLES] * bool(method.variables):
        raise ExtractError(f"stack map records {found}, with {len(method.homes)} homes")
    if not method.homes:
        return None
    record = index.stack_maps[method.symbol][0]
    if len(record.locations) != 1:
        raise ExtractError("homes record has more than one location")
    location = record.locations[0]
    if location.value % _POINTER:
        raise ExtractError(f"homes at {location}")
    return _frame_location(location, unwind, _POINTER * len(method.homes))


def _frame_location(location: Location, unwind: UnwindInfo, size: int, above: int = 0) -> tuple[SlotBase, int]:
    """The place of an alloca of ``size`` bytes at least.

    Args:
        above: how far it may reach above the frame, into the arguments that the caller passed on the stack.

    Raises:
        ExtractError: it is somewhere else.
    """
    if location.kind is not LocationKind.DIRECT or location.size != _POINTER:
        raise ExtractError(f"frame memory at {location}")
    if location.register == DWARF_RBP and unwind.frame_offset is not None:
        base, lowest = SlotBase.FRAME_REGISTER, -unwind.frame_offset
    elif location.register == DWARF_RSP:
        base, lowest = SlotBase.SP, 0
    else:
        raise ExtractError(f"frame memory relative to DWARF register {location.register}")
    if location.value < lowest or location.value + size > lowest + unwind.allocated + above:
        raise ExtractError(f"frame memory at {location.value} lies outside the frame")
    return base, location.value


def _variables(
    index: ObjectIndex,
    method: LoweredMethod,
    unwind: UnwindInfo,
    homes: tuple[SlotBase, int] | None,
    functions: Sequence[_RuntimeFunction],
) -> tuple[FrameVariable, ...]:
    """Where the variables are, from the end of the entry code on; in funclets too, which have the frame register."""
    if not method.variables:
        return ()
    record = index.stack_maps[method.symbol][-1]
    end = max(function.end for function in functions if not function.is_filter)
    if len(record.locations) != sum(variable.word is None for variable in method.variables):
        raise ExtractError("stack map record of variables with too few or too many locations")
    locations = iter(record.locations)
    found = []
    for number, word in method.variables:
        if word is None:
            # LLVM leaves an argument that came on the stack where it is.
            base, offset = _frame_location(next(locations), unwind, 1, above=_MAX_FRAME)
        else:
            assert homes is not None
            base, offset = homes[0], homes[1] + _POINTER * word
        register = Register.rsp if base is SlotBase.SP else Register.rbp
        found.append(FrameVariable(record.offset, end, number, int(register), offset))
    return tuple(found)


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


def _ends_indirect_call(code: bytes | bytearray, end: int) -> bool:
    """Whether the bytes before ``end`` may be ``call r/m64`` (FF /2), in any of its lengths."""
    return any(
        end >= length and code[end - length] == 0xFF and code[end - length + 1] & 0x38 == 0x10
        for length in _INDIRECT_CALL_LENGTHS
    )


class _UnitBuilder:
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
        self.code += b"\xcc" * (-len(self.code) % _FUNCTION_ALIGNMENT)
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
        own = self._pieces.get(symbol.section)
        if relocation.kind != IMAGE_REL_AMD64_REL32 or own is None or offset + 4 > len(self.rodata):
            raise ExtractError("jump table entry that leads out of the function")
        addend = struct.unpack_from("<i", self.rodata, offset)[0]
        self.rodata[offset : offset + 4] = bytes(4)
        self.rodata_relocations.append(Relocation(offset, RelocationKind.CODE, 0, own.base + symbol.value + addend))
