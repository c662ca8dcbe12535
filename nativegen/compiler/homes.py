"""Where references live while a collection may run: the words of the homes alloca (facts: joint-design.md 1).

What: :func:`plan_homes` decides which slots and which values of a function get a word that the runtime reports, and
which words may be described to LLVM as never aliasing the heap.

Why here: the scheme is correct only if *every* reference that is still needed after a safepoint is in a reported word
and is read again from there. This module is the one place that decides it; the emitter only follows the plan.

Invariants:

* In code for a debugger every argument and local that holds references has its words.
* A function without safepoints and handlers has no homes at all: nothing can move while it runs.
* What a handler may read is in its home all the time that its try block runs. A filter, which is a function of its own
  to LLVM, finds even plain variables in words of the homes.
* A reported word always holds null, a valid reference or a valid interior pointer: all are initialised at entry.
* A word is ``private`` (may carry the home tag) only if its address never leaves the emitter: words of scalar slots
  whose address is not taken, and words of values. Words of structs and of address-taken slots are not (the TBAA trap
  of llvm-codegen.md).
* A value is read from its word after a safepoint; two values share a word only if one is dead before the other is
  defined.

Example: in ``this.x = Make()`` the value of ``this`` is needed after the call. It was loaded from the argument's
slot, which nobody stores to in between, so it is read again from the slot's own word and needs none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nativegen.compiler import ir
from nativegen.compiler.flow import live_slots_at_end
from nativegen.compiler.operands import uses
from nativegen.compiler.regions import Filter, handler_entries, tries_around
from nativegen.readytorun.unit import Cell

REFERENCE = 0
INTERIOR = 1
PINNED = 2  # added to one of the others

_POINTERS = (ir.Type.REF, ir.Type.BYREF)
_POINTER_MEMORY = (ir.Memory.REF, ir.Memory.BYREF)


@dataclass(slots=True)
class HomePlan:
    """The words of the homes alloca and who uses them.

    Attributes:
        words: GC slot flags of every word, None for a plain one.
        private: per word: it may carry the home tag.
        alignment: of the alloca, in bytes.
        slots: slot index -> its first word.
        values: value id -> the word it is read from after a safepoint.
        literals: value id -> the cell it is read from again instead.
        stores: block index -> instruction index -> word that takes the instruction's result.
        reloaded: block index -> values of that block that a safepoint makes unusable until they are read again.
        return_buffer: word of the hidden return buffer parameter.
        read_before_store: bit per scalar slot that may be read before it is stored to.
    """

    words: list[int | None] = field(default_factory=list)
    private: list[bool] = field(default_factory=list)
    alignment: int = 8
    slots: dict[int, int] = field(default_factory=dict)
    values: dict[int, int] = field(default_factory=dict)
    literals: dict[int, Cell] = field(default_factory=dict)
    stores: dict[int, dict[int, int]] = field(default_factory=dict)
    reloaded: dict[int, list[int]] = field(default_factory=dict)
    return_buffer: int | None = None
    read_before_store: int = 0

    def add_word(self, flags: int | None, private: bool) -> int:
        self.words.append(flags)
        self.private.append(private)
        return len(self.words) - 1


def plan_homes(function: ir.Function, order: list[ir.Block]) -> HomePlan:
    """Plan the homes of a verified function.

    Args:
        function: is not changed.
        order: its reachable blocks in reverse postorder.
    """
    plan = HomePlan()
    live_out, live_in = live_slots_at_end(function, order)
    plan.read_before_store = live_in[function.blocks[0].index]
    safepoints: dict[int, list[int]] = {}
    for block in order:
        found = [index for index, instruction in enumerate(block.instructions) if ir.is_safepoint(instruction)]
        if found:
            safepoints[block.index] = found
    if not safepoints and not function.regions:
        return plan
    needed = _needed_by_handlers(order, live_in)
    if function.debug:  # a debugger reads variables at any time
        needed |= (1 << len(function.slots)) - 1
    shared = _used_by_filters(order)
    crossing: list[tuple[ir.Block, list[_Crossing]]] = []
    for block in order:
        if block.index not in safepoints:
            continue
        needed |= _live_across(block, safepoints[block.index], live_out[block.index])
        values = _values_across(block)
        if values:
            crossing.append((block, values))
            for value in values:
                if value.slot is not None:
                    needed |= 1 << value.slot.index
    for slot in function.slots:
        _place_slot(plan, slot, needed, shared)
    if function.abi.result.kind is ir.PassKind.BUFFER:
        plan.return_buffer = plan.add_word(INTERIOR, True)
    pools: dict[int, list[int]] = {REFERENCE: [], INTERIOR: []}
    for block, values in crossing:
        _place_values(plan, block, values, pools)
    return plan


def _needed_by_handlers(order: list[ir.Block], live_in: dict[int, int]) -> int:
    """Slots that hold an exception, or are read by a handler or filter without being stored to there before."""
    needed = 0
    for block in order:
        for entry in handler_entries(block):
            needed |= live_in[entry.index]
        for region in tries_around(block.scope):
            for handler in region.handlers:
                if handler.exception is not None:
                    needed |= 1 << handler.exception.index
    return needed


def _used_by_filters(order: list[ir.Block]) -> int:
    used = 0
    for block in order:
        if isinstance(block.scope, Filter):
            for instruction in block.instructions:
                if isinstance(instruction, (ir.LoadSlot, ir.StoreSlot, ir.SlotAddress)):
                    used |= 1 << instruction.slot.index
    return used


def _live_across(block: ir.Block, safepoints: list[int], live: int) -> int:
    """Slots that are read after one of the safepoints of the block and before they are stored to again."""
    across = 0
    places = set(safepoints)
    for index in range(len(block.instructions) - 1, safepoints[0] - 1, -1):
        instruction = block.instructions[index]
        if index in places:
            across |= live
        elif type(instruction) is ir.LoadSlot:
            live |= 1 << instruction.slot.index
        elif type(instruction) is ir.StoreSlot:
            live &= ~(1 << instruction.slot.index)
    return across


@dataclass(slots=True)
class _Crossing:
    """A value that is used after a safepoint; it can be read again from ``slot`` or ``cell`` if one is set."""

    value: ir.Value
    defined: int
    last_use: int
    slot: ir.Slot | None = None
    cell: Cell | None = None


def _values_across(block: ir.Block) -> list[_Crossing]:
    defined: dict[int, tuple[int, int]] = {}  # value id -> (safepoints before it is usable, instruction index)
    found: dict[int, _Crossing] = {}
    last_use: dict[int, int] = {}
    fixed: set[int] = set()  # null and pointers into the frame never change
    stores: dict[int, list[int]] = {}
    passed = 0
    for index, instruction in enumerate(block.instructions):
        for value in uses(instruction):
            if value.type in _POINTERS:
                _note_use(found, last_use, fixed, defined, value, passed, index)
        if ir.is_safepoint(instruction):
            passed += 1
            if isinstance(instruction, ir.Call):
                address = instruction.result_address
                if address is not None and address.type is ir.Type.BYREF:
                    # Results in registers are stored through the address after the call.
                    _note_use(found, last_use, fixed, defined, address, passed, index)
        if type(instruction) is ir.StoreSlot:
            stores.setdefault(instruction.slot.index, []).append(index)
        result: ir.Value | None = getattr(instruction, "result", None)
        if result is not None and result.type in _POINTERS:
            defined[result.id] = (passed, index)
            if _is_fixed(instruction, fixed):
                fixed.add(result.id)
    crossing = sorted(found.values(), key=lambda each: each.defined)
    for each in crossing:
        each.last_use = last_use[each.value.id]
        source = block.instructions[each.defined]
        if (
            type(source) is ir.LoadSlot
            and not source.slot.address_taken
            and not any(each.defined < store < each.last_use for store in stores.get(source.slot.index, ()))
        ):
            each.slot = source.slot
        elif type(source) is ir.LoadCell:
            each.cell = source.cell
    return crossing


def _note_use(
    found: dict[int, _Crossing],
    last_use: dict[int, int],
    fixed: set[int],
    defined: dict[int, tuple[int, int]],
    value: ir.Value,
    passed: int,
    index: int,
) -> None:
    usable, place = defined[value.id]
    last_use[value.id] = index
    if usable != passed and value.id not in fixed and value.id not in found:
        found[value.id] = _Crossing(value, place, index)


def _is_fixed(instruction: ir.Instruction, fixed: set[int]) -> bool:
    if isinstance(instruction, ir.Const):
        return True
    if isinstance(instruction, ir.Convert):
        return instruction.kind is ir.ConvertKind.ADDR_BYREF
    if isinstance(instruction, (ir.Offset, ir.Index)):
        return instruction.base.id in fixed
    return False


def _place_slot(plan: HomePlan, slot: ir.Slot, needed: int, shared: int) -> None:
    is_shared = shared >> slot.index & 1
    if slot.shape is not None:
        if slot.shape.gc or is_shared:
            _place_struct(plan, slot.index, slot.shape)
    elif slot.memory not in _POINTER_MEMORY:
        if is_shared:
            plan.slots[slot.index] = plan.add_word(None, False)
    elif is_shared or slot.address_taken or slot.pinned or needed >> slot.index & 1:
        flags = REFERENCE if slot.memory is ir.Memory.REF else INTERIOR
        plan.slots[slot.index] = plan.add_word(flags | (PINNED if slot.pinned else 0), not slot.address_taken)


def _place_struct(plan: HomePlan, index: int, shape: ir.StructShape) -> None:
    while len(plan.words) * 8 % shape.alignment:
        plan.add_word(None, False)
    plan.alignment = max(plan.alignment, shape.alignment)
    flags = {offset // 8: REFERENCE if memory is ir.Memory.REF else INTERIOR for offset, memory in shape.gc}
    plan.slots[index] = len(plan.words)
    for word in range((shape.size + 7) // 8):
        plan.add_word(flags.get(word), False)


def _place_values(plan: HomePlan, block: ir.Block, values: list[_Crossing], pools: dict[int, list[int]]) -> None:
    """Linear scan over one block; the words of a pool are free again in the next block."""
    stores: dict[int, int] = {}
    free = {flags: sorted(pool, reverse=True) for flags, pool in pools.items()}
    active: list[tuple[int, int, int]] = []  # last use, flags, word
    for each in values:
        if each.slot is not None:
            plan.values[each.value.id] = plan.slots[each.slot.index]
            continue
        if each.cell is not None:
            plan.literals[each.value.id] = each.cell
            continue
        still = []
        for last_use, flags, word in active:
            if last_use <= each.defined:
                free[flags].append(word)
            else:
                still.append((last_use, flags, word))
        flags = REFERENCE if each.value.type is ir.Type.REF else INTERIOR
        if free[flags]:
            word = free[flags].pop()
        else:
            word = plan.add_word(flags, True)
            pools[flags].append(word)
        active = [*still, (each.last_use, flags, word)]
        plan.values[each.value.id] = word
        stores[each.defined] = word
    plan.stores[block.index] = stores
    plan.reloaded[block.index] = [each.value.id for each in values]
