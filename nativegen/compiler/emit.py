"""IR function -> LLVM text: entry code, blocks, and the result for the backend.

What: :func:`emit` walks the blocks once and calls one handler per instruction (``emit_arithmetic``, ``emit_memory``,
``emit_calls``, ``emit_checks``); this module adds what CIL has no instruction for: parameters, slots, homes.

Why text and not ``llvmlite.ir``: 25 times faster, and tokens and operand bundles can be written (facts:
llvm-codegen.md 6).

Null checks have two forms. Cheap methods let the hardware fault on a volatile access: short, fast to compile, and
right because their few passes do not remove or move stores. Methods with loops compare and branch: LLVM's full
pipeline may drop a store that a later one overwrites even across a volatile load, but never across a call that may
read it; and it can hoist comparisons.

Code for a debugger (``Function.debug``) differs in four things: every variable has memory of its own, accesses to it
are volatile, a second stackmap (778) tells where it is, and every instruction says which CIL it comes from.

Invariants: homes are initialised, then announced (stackmap 777), before anything can collect. A scalar slot that may
be read before it is stored to is cleared, whatever CIL says: LLVM's undefined values are worse than a zero.

Example: see :mod:`nativegen.compiler.lowering`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nativegen.backend.module_text import (
    CALLING_CONVENTION,
    METHOD_ATTRIBUTES,
    PERSONALITY,
    STACKMAP_HOMES,
    STACKMAP_VARIABLES,
    scope_of,
)
from nativegen.compiler import emit_arithmetic, emit_calls, emit_checks, emit_memory, emit_regions, ir
from nativegen.compiler.emission import MANAGED, MEMORY_TEXT, SMALL, Emission
from nativegen.compiler.emit_arithmetic import constant
from nativegen.compiler.flow import reverse_postorder
from nativegen.compiler.homes import HomePlan, plan_homes
from nativegen.compiler.lowered import DebugVariable, Effort, LoweredMethod
from nativegen.compiler.regions import Filter, Handler, funclet_of
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, CellKind, Symbol

_REGISTER_PARAMETERS = 6
_COUNTER = Cell(CellKind.COUNTER, (0,))

_HANDLERS: dict[type[ir.Instruction], Callable[[Emission, Any], None]] = {
    **emit_arithmetic.HANDLERS,
    **emit_calls.HANDLERS,
    **emit_checks.HANDLERS,
    **emit_memory.HANDLERS,
    **emit_regions.HANDLERS,
}


def emit(function: ir.Function, target: Target, symbol: str, effort: Effort) -> LoweredMethod:
    """The LLVM text of a verified function.

    Args:
        function: after all passes; is not changed.
        target: the runtime it is for.
        symbol: LLVM name of the method.
        effort: how the backend will compile it; decides the form of null checks.

    Raises:
        Excluded: a signature that the calling convention code does not cover.
    """
    order = reverse_postorder(function)
    plan = plan_homes(function, order)
    e = Emission(function, target, plan, explicit_null_checks=effort is Effort.FULL)
    signature = emit_calls.signature_of(function.abi)
    parameters, names = emit_calls.own_parameters(function.abi, signature)
    reachable = {block.index for block in order}
    blocks = [block for block in function.blocks if block.index in reachable]
    entry = _Entry(e, blocks, names)
    allocas = entry.write()
    variables = entry.announce_variables() if function.debug else ()
    if function.counted:
        e.lines.append(f" atomicrmw add ptr @{e.cell(_COUNTER)}, i64 1 monotonic")
    e.lines.append(" br label %b0")
    bodies: dict[Handler | Filter | None, list[ir.Block]] = {None: []}
    for block in blocks:
        bodies.setdefault(funclet_of(block.scope), []).append(block)
    for block in bodies[None]:
        _emit_block(e, block)
    regions = emit_regions.reachable_regions(blocks)
    catches: list[Symbol | str] = []
    for region in regions:
        # Codegen level 0 keeps this order, and a funclet has to begin with its pad.
        emit_regions.emit_pads(e, region, catches, symbol)
        for handler in region.handlers:
            for block in bodies.get(handler, ()):
                _emit_block(e, block)
    result = emit_calls.own_result_type(function.abi, signature)
    personality = f" {PERSONALITY}" if regions else ""
    scope = scope_of(0) if _is_located(blocks) else ""
    head = f"define {CALLING_CONVENTION} {result} @{symbol}({parameters}) {METHOD_ATTRIBUTES}{personality} {scope}{{"
    lines = [head, "entry:", *allocas, *_late_allocas(e), *e.lines, *e.cold, *e.ends, "}"]
    filters = [each for each in bodies if isinstance(each, Filter)]
    for number, each in enumerate(filters, 1):
        lines += _emit_filter(e, each, bodies[each], symbol, number)
    return LoweredMethod(
        symbol=symbol,
        llvm="\n".join(lines),
        externals=tuple(e.externals.values()),
        homes=tuple(plan.words),
        return_kind=int(function.return_kind),
        checks=tuple(function.required),
        effort=effort,
        target=target,
        has_regions=bool(regions),
        catches=tuple(catches),
        same_try=tuple(emit_regions.siblings(regions)) if target.same_try_flag else (),
        foreign=tuple(function.foreign),
        debug=function.debug,
        variables=variables,
        sequence_points=frozenset(e.sequence_points),
    )


def _is_located(blocks: list[ir.Block]) -> bool:
    return any(block.il_offset >= 0 or any(each.il_offset >= 0 for each in block.instructions) for block in blocks)


def _emit_filter(method: Emission, each: Filter, blocks: list[ir.Block], symbol: str, number: int) -> list[str]:
    e = Emission(method.function, method.target, method.plan, method.explicit_null_checks, number)
    e.externals = method.externals
    e.sequence_points = method.sequence_points
    head = emit_regions.filter_head(e, each, symbol, scope_of(number) if _is_located(blocks) else "")
    for block in blocks:
        _emit_block(e, block)
    emit_regions.refuse_transition(e)
    return [*head, *_late_allocas(e), f" br label %b{each.entry.index}", *e.lines, *e.cold, "}"]


def _emit_block(e: Emission, block: ir.Block) -> None:
    e.lines.append(f"b{block.index}:")
    emit_regions.enter_scope(e, block.scope)
    e.reloaded = e.plan.reloaded.get(block.index, [])
    stores = e.plan.stores.get(block.index)
    handlers = _HANDLERS
    e.il_offset = block.il_offset
    if e.function.debug:
        _emit_located(e, block, stores or {})
        return
    if not stores:
        for instruction in block.instructions:
            if instruction.il_offset >= 0:  # what a pass made belongs to what is before it
                e.il_offset = instruction.il_offset
            handlers[type(instruction)](e, instruction)
        return
    for index, instruction in enumerate(block.instructions):
        if instruction.il_offset >= 0:
            e.il_offset = instruction.il_offset
        handlers[type(instruction)](e, instruction)
        word = stores.get(index)
        if word is not None:
            e.store_home(word, e.names[instruction.result.id])  # type: ignore[attr-defined]


def _emit_located(e: Emission, block: ir.Block, stores: dict[int, int]) -> None:
    """The same for a debugger: every line says where it comes from, not only calls and accesses that may fault."""
    for index, instruction in enumerate(block.instructions):
        if instruction.il_offset >= 0:
            e.il_offset = instruction.il_offset
        first = len(e.lines)
        _HANDLERS[type(instruction)](e, instruction)
        word = stores.get(index)
        if word is not None:
            e.store_home(word, e.names[instruction.result.id])  # type: ignore[attr-defined]
        for number in range(first, len(e.lines)):
            line = e.lines[number]
            if line.startswith(" ") and "!dbg" not in line:  # labels begin in the first column
                e.lines[number] = line + e.site()


def _late_allocas(e: Emission) -> list[str]:
    """Frame memory that the body turned out to need."""
    lines = []
    if e.uses_word_loop:
        lines.append(" %loop = alloca i64")
    if e.uses_poll_counter:
        lines.append(" %polls = alloca i32")
        lines.append(f" store i32 {emit_calls.POLL_INTERVAL}, ptr %polls")
        lines.append(" %transition = alloca [16 x i64], align 16")
    return lines


class _Entry:
    """Entry code: where each slot lives, and what is in it at the start."""

    def __init__(self, e: Emission, blocks: list[ir.Block], names: list[list[str]]) -> None:
        self.e = e
        self.plan: HomePlan = e.plan
        self.names = names
        self.allocas: list[str] = []
        self.stored: set[int] = set()
        self.touched: set[int] = set(e.plan.slots)
        for variable in e.function.variables:
            self.touched.add(variable.index)
            self.stored.add(variable.index)
        for block in blocks:
            for instruction in block.instructions:
                kind = type(instruction)
                if kind is ir.LoadSlot or kind is ir.SlotAddress or kind is ir.StoreSlot:
                    index = instruction.slot.index  # type: ignore[attr-defined]
                    self.touched.add(index)
                    if kind is ir.StoreSlot:
                        self.stored.add(index)

    def write(self) -> list[str]:
        """Write the initialisation to the emission; the allocas are returned, to stand before it."""
        if self.plan.words:
            self._homes()
        arguments = {slot.index: position for position, slot in enumerate(self.e.function.arguments)}
        for slot in self.e.function.slots:
            if slot.index in self.touched and slot.index not in self.plan.slots:
                position = arguments.get(slot.index)
                if position is None:
                    self._local(slot)
                else:
                    self._argument(slot, self.e.function.abi.params[position], self.names[position])
        return self.allocas

    def announce_variables(self) -> tuple[DebugVariable, ...]:
        """Tell LLVM to tell where the variables are that are not in the homes."""
        variables, places = [], []
        for number, slot in enumerate(self.e.function.variables):
            word = self.plan.slots.get(slot.index)
            variables.append(DebugVariable(number, word))
            if word is None:
                places.append(f", ptr {self.e.slot_pointers[slot.index]}")
        if variables:
            call = f"@llvm.experimental.stackmap(i64 {STACKMAP_VARIABLES}, i32 0{''.join(places)})"
            self.e.lines.append(f" call void (i64, i32, ...) {call}")
        return tuple(variables)

    def _homes(self) -> None:
        e, plan = self.e, self.plan
        # LLVM makes a parameter that was passed on the stack the alloca itself when their sizes are equal, and the
        # homes would be in the caller's frame (SelectionDAGBuilder.cpp: tryToElideArgumentCopy).
        spare = len(plan.words) == 1 and sum(map(len, self.names)) > _REGISTER_PARAMETERS
        self.allocas.append(f" %homes = alloca [{len(plan.words) + spare} x i64], align {plan.alignment}")
        cleared = [True] * len(plan.words)
        for slot, param, names in zip(e.function.arguments, e.function.abi.params, self.names, strict=True):
            first = plan.slots.get(slot.index)
            if first is None:
                continue
            if slot.memory is not None:
                self._fill_scalar(slot.memory, first, names[0])
                cleared[first] = False
            elif slot.shape is not None:
                self._fill_struct(f"ptr {e.home(first)}", slot.shape, param, names)
                count = (slot.shape.size + 7) // 8
                cleared[first : first + count] = [False] * count
        if plan.return_buffer is not None:
            e.store_home(plan.return_buffer, "%rb")
            cleared[plan.return_buffer] = False
        self._clear_words(cleared)
        e.lines.append(
            f" call void (i64, i32, ...) @llvm.experimental.stackmap(i64 {STACKMAP_HOMES}, i32 0, ptr %homes)"
        )

    def _clear_words(self, cleared: list[bool]) -> None:
        start: int | None = None
        for word, wanted in enumerate([*cleared, False]):
            if wanted and start is None:
                start = word
            elif not wanted and start is not None:
                self._clear_run(start, word)
                start = None

    def _clear_run(self, start: int, end: int) -> None:
        """Two words at a time: codegen level 0 needs eight bytes of code for each store of a zero word."""
        pairs_end = start + (end - start) // 2 * 2
        if (pairs_end - start) * 8 > emit_memory.INLINE_BYTES:
            emit_memory.zero_bytes(self.e, "ptr %homes", start * 8, end * 8)
            return
        for word in range(start, pairs_end, 2):
            self.e.lines.append(f" store <2 x i64> zeroinitializer, ptr {self.e.home(word)}, align 8")
        if pairs_end < end:
            self.e.lines.append(f" store i64 0, ptr {self.e.home(pairs_end)}")

    def _fill_scalar(self, memory: ir.Memory, word: int, name: str) -> None:
        if memory in SMALL:
            name = self.e.assign(f"trunc i32 {name} to {MEMORY_TEXT[memory]}")
        tag = self.e.home_tags[word]
        self.e.lines.append(f" store {MEMORY_TEXT[memory]} {name}, ptr {self.e.home(word)}{tag}")

    def _fill_struct(self, pointer: str, shape: ir.StructShape, param: ir.AbiParam, names: list[str]) -> None:
        if param.kind is ir.PassKind.STACK:
            emit_memory.copy_bytes(self.e, pointer, f"ptr {names[0]}", 0, shape.size)
        else:
            for word, name in zip(param.words, names, strict=True):
                emit_calls.store_word(self.e, pointer, word, name)

    def _argument(self, slot: ir.Slot, param: ir.AbiParam, names: list[str]) -> None:
        e = self.e
        if slot.shape is not None:
            if param.kind is ir.PassKind.STACK and not e.function.debug:
                e.slot_pointers[slot.index] = names[0]  # the caller's copy is ours
            else:
                self._fill_struct(f"ptr {self._struct_alloca(slot, slot.shape)}", slot.shape, param, names)
            return
        assert slot.memory is not None
        name = names[0]
        kind = MEMORY_TEXT[slot.memory]
        small = SMALL.get(slot.memory)
        if small is not None:
            name = e.assign(f"trunc i32 {name} to {kind}")
        if slot.index in self.stored or slot.address_taken:
            e.lines.append(f" store {kind} {name}, ptr {self._scalar_alloca(slot, kind)}")
        else:
            e.slot_values[slot.index] = name if small is None else e.assign(f"{small} {kind} {name} to i32")

    def _local(self, slot: ir.Slot) -> None:
        e = self.e
        if slot.shape is not None:
            pointer = self._struct_alloca(slot, slot.shape)
            small_local = slot.kind is ir.SlotKind.LOCAL and slot.shape.size <= emit_memory.INLINE_BYTES
            if slot.zeroed or small_local:
                emit_memory.zero_bytes(e, f"ptr {pointer}", 0, slot.shape.size)
            return
        assert slot.memory is not None
        kind = MEMORY_TEXT[slot.memory]
        pointer = self._scalar_alloca(slot, kind)
        if slot.address_taken or e.function.debug or self.plan.read_before_store >> slot.index & 1:
            zero = "null" if kind == MANAGED else "0" if kind[0] == "i" else constant(ir.MEMORY_INFO[slot.memory][0], 0)
            e.lines.append(f" store {kind} {zero}, ptr {pointer}")

    def _scalar_alloca(self, slot: ir.Slot, kind: str) -> str:
        pointer = self.e.slot_pointers[slot.index] = f"%s{slot.index}"
        self.allocas.append(f" {pointer} = alloca {kind}")
        return pointer

    def _struct_alloca(self, slot: ir.Slot, shape: ir.StructShape) -> str:
        pointer = self.e.slot_pointers[slot.index] = f"%s{slot.index}"
        self.allocas.append(f" {pointer} = alloca [{shape.size} x i8], align {max(shape.alignment, 8)}")
        return pointer
