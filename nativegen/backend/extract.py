"""Cut LLVM's object file into method units, checking everything that the runtime will rely on.

The sections and tables of a function are found by :mod:`nativegen.backend.object_index`, its code and data collected by
:mod:`nativegen.backend.unit_builder`; here its frame is understood, GC info is made from the stack map record of its
homes, and exception clauses from LLVM's table. What LLVM did is not trusted where it can be checked: any surprise is an
:class:`ExtractError`, and the method is left to the JIT.

A method with try blocks has funclets in its section, and filters, which are functions in sections of their own: their
code is put behind the method's.

Invariants of a unit made here: no byte of it depends on other functions of the object; relocated fields are zero, their
addends are in the relocations.

A leaf ``mov eax,42; ret`` has no .pdata; it becomes one runtime function with empty unwind info:

>>> FRAMELESS.native().hex()
'19000000'
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nativegen.backend.coff import ObjectSection
from nativegen.backend.funclets import (
    ClauseRow,
    check_exception_store,
    keep_frame_register,
    redirect_establisher,
    saved_stack_pointer,
)
from nativegen.backend.module_text import FRAME_REGISTER_PARAMETER, STACKMAP_HOMES, STACKMAP_VARIABLES
from nativegen.backend.object_index import ExtractError, ObjectIndex, RuntimeFunction
from nativegen.backend.stackmaps import DWARF_RBP, DWARF_RSP, Location, LocationKind
from nativegen.backend.unit_builder import UnitBuilder, checked_alignment
from nativegen.backend.unwind import FRAMELESS, UnwindInfo, check_prolog
from nativegen.compiler.lowered import LoweredMethod
from nativegen.readytorun.enums import ClauseFlags, Register, ReturnKind, SlotBase, SlotFlags
from nativegen.readytorun.gcinfo import GcInfo, RegisterSlot, SafePoint, StackSlot, encode_gc_info, in_table_order
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import ExceptionClause, FrameVariable, Function, MethodUnit, Symbol

_PADDING = frozenset((0x90, 0xCC))  # nop, int3
# Frames that ran in both runtimes, with room (facts: joint-design.md 5: 200 KB).
_MAX_FRAME = 256 * 1024
_POINTER = 8
# The low bits of a clause's flags; none of them: a catch clause.
_KIND_MASK = ClauseFlags.FILTER | ClauseFlags.FINALLY | ClauseFlags.FAULT
# What a listed call returns, in this order of bits. Interior: whatever the pointer is, the collector finds the object.
_RETURNED = (
    RegisterSlot(Register.rax, SlotFlags.INTERIOR),
    RegisterSlot(Register.rdx, SlotFlags.INTERIOR),
)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What funclets and filters need to know of the method's frame.

    Attributes:
        psp: where the stack pointer is kept, from the stack pointer.
        pointer: what rbp is above the stack pointer.
    """

    psp: int
    pointer: int


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
    builder = UnitBuilder(index, method, _frame_constants(method, frame, homes))
    builder.append(section, functions[-1].end)
    filters = {}
    for name in _filters(method, rows):
        (function,) = _functions(index, index.function_section(name), entry=_filter_entry(method))
        base = builder.append(index.function_section(name), function.end)
        filters[name] = base
        functions.append(RuntimeFunction(base, base + function.end, function.unwind, is_filter=True))
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
        alignment=checked_alignment(section.alignment),
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


def _functions(
    index: ObjectIndex, section: ObjectSection, method: LoweredMethod | None = None, entry: bytes = b""
) -> list[RuntimeFunction]:
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
        functions = [RuntimeFunction(0, end, FRAMELESS)]
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


def _frame(code: bytes, main: RuntimeFunction) -> _Frame:
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
    method: LoweredMethod, rows: Sequence[ClauseRow], filters: Mapping[str, int], functions: Sequence[RuntimeFunction]
) -> tuple[ExceptionClause, ...]:
    starts = {function.begin for function in functions[1:] if not function.is_filter}
    clauses = []
    previous: ClauseRow | None = None
    for row in rows:
        flags = row.flags
        target: int | Symbol = 0
        if flags & _KIND_MASK == 0:
            if row.token in method.same_try and not flags & ClauseFlags.DUPLICATED:
                if previous is None or (row.try_begin, row.try_end, row.token) != (
                    previous.try_begin,
                    previous.try_end,
                    previous.token + 1,
                ):
                    raise ExtractError("a catch clause without its sibling before it")
                flags |= ClauseFlags.SAME_TRY
            caught = _caught(method, row)
            if isinstance(caught, str):
                flags |= ClauseFlags.FILTER
                target = filters[caught]
            else:
                target = caught
        previous = row
        if flags & ClauseFlags.DUPLICATED and not method.target.duplicated_clauses:
            continue
        if row.handler_begin not in starts or not 0 <= row.try_begin < row.try_end <= functions[-1].end:
            raise ExtractError(f"clause {row}")
        clauses.append(
            ExceptionClause(int(flags), row.try_begin, row.try_end, row.handler_begin, row.handler_end, target)
        )
    # Behind all others, as the JIT reports them: 9.0 stops looking at the first one, and what LLVM puts behind it (a
    # finally inside a later handler) would never run. For any one place the order stays inner before outer: its
    # duplicated clauses are those of the try blocks around the handler that it is in.
    clauses.sort(key=lambda clause: clause.flags & ClauseFlags.DUPLICATED)
    return tuple(clauses)


def _prepare_funclets(
    code: bytearray,
    functions: Sequence[RuntimeFunction],
    clauses: Sequence[ExceptionClause],
    frame: _Frame,
    target: Target,
) -> None:
    find_frame = keep_frame_register if target.funclet_frame == "frame-register" else redirect_establisher
    exception = Register[target.exception_register]
    catches = {clause.handler_begin for clause in clauses if clause.flags & _KIND_MASK in (0, ClauseFlags.FILTER)}
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
    functions: Sequence[RuntimeFunction],
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
