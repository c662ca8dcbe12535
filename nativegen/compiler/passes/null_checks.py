"""Remove null checks of what is known not to be null.

Why here: CIL checks at every access, and LLVM can remove few of the repetitions: a variable that lives in a home is
memory that every call may change, as far as LLVM knows. Here a slot is a variable that only ``StoreSlot`` changes.

What counts: an earlier check or access on every path; a branch on the reference; fresh objects, literals, addresses
of variables, and parts of objects already known. Facts about slots travel along the edges of the flow graph; facts
about values stay in their block.

``this`` needs no rule of its own: CIL can call an instance method on null, so it is checked once, where it is first
used.

Before::

    v0: ref = load_slot a
    null_check v0
    v1: i32 = load v0, 8, i32
    v2: ref = load_slot a
    null_check v2
    v3: i32 = load v2, 12, i32

After: the second ``null_check`` is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from nativegen.compiler import ir
from nativegen.compiler.flow import reverse_postorder
from nativegen.compiler.operands import successors
from nativegen.compiler.regions import handlers_of

_CHECKS = (ir.NullCheck, ir.BoundsCheck, ir.ArrayLength, ir.Load, ir.Store)
_TRACKED = (ir.Memory.REF, ir.Memory.BYREF, ir.Memory.I64)


def remove_null_checks(function: ir.Function) -> None:
    """Delete ``NullCheck`` instructions, and mark array accesses as ``nonnull``, where the answer is known."""
    if not any(isinstance(instruction, _CHECKS) for block in function.blocks for instruction in block.instructions):
        return
    order = reverse_postorder(function)
    summaries = {block.index: _walk(block, 0, rewrite=False) for block in order}
    known = _solve(function, order, summaries)
    for block in order:
        _walk(block, known[block.index], rewrite=True)


@dataclass(slots=True)
class _Summary:
    """What a block does to the set of slots known not to be null: ``out = in & ~changed | made``, more on some
    edges."""

    made: int
    changed: int
    edges: dict[int, int]  # successor's index -> slots known on that edge


def _solve(function: ir.Function, order: list[ir.Block], summaries: dict[int, _Summary]) -> dict[int, int]:
    """The slots known at the start of each block: the greatest solution, so loops keep what their body keeps."""
    everything = (1 << len(function.slots)) - 1
    # Nothing is known where the method starts, nor where a handler does.
    reached = {successor.index for block in order for successor in successors(block)}
    known = {block.index: everything if block.index in reached else 0 for block in order}
    for handler in handlers_of(function):
        # Entered from the middle of a block.
        known[handler.entry.index] = 0
        if handler.filter is not None:
            known[handler.filter.entry.index] = 0
    changed = True
    while changed:
        changed = False
        for block in order:
            summary = summaries[block.index]
            out = known[block.index] & ~summary.changed | summary.made
            for successor in successors(block):
                index = successor.index
                arriving = known[index] & (out | summary.edges.get(index, 0))
                if arriving != known[index]:
                    known[index] = arriving
                    changed = True
    return known


class _Facts:
    """Values and slots that hold the same pointer form a class; a class is known not to be null or not."""

    def __init__(self, known: int) -> None:
        self.known = known
        self.of_value: dict[int, int] = {}
        self.of_slot: dict[int, int] = {}
        self.nonnull: set[int] = set()
        self.changed = 0
        self.classes = 0

    def fresh(self, nonnull: bool) -> int:
        self.classes += 1
        if nonnull:
            self.nonnull.add(self.classes)
        return self.classes

    def value(self, value: ir.Value) -> int:
        found = self.of_value.get(value.id)
        if found is None:
            found = self.of_value[value.id] = self.fresh(False)
        return found

    def slot(self, slot: ir.Slot) -> int:
        found = self.of_slot.get(slot.index)
        if found is None:
            found = self.of_slot[slot.index] = self.fresh(bool(self.known >> slot.index & 1))
        return found

    def is_nonnull(self, value: ir.Value) -> bool:
        return self.value(value) in self.nonnull

    def slots_of(self, group: int) -> int:
        return sum(1 << slot for slot, other in self.of_slot.items() if other == group)


def _walk(block: ir.Block, known: int, *, rewrite: bool) -> _Summary:
    facts = _Facts(known)
    kept: list[ir.Instruction] = []
    for instruction in block.instructions:
        if isinstance(instruction, ir.NullCheck) and facts.is_nonnull(instruction.value):
            continue
        if rewrite:
            _simplify(facts, instruction)
        kept.append(instruction)
        _learn(facts, instruction)
    if rewrite:
        block.instructions = kept
    made = sum(1 << slot for slot, group in facts.of_slot.items() if group in facts.nonnull)
    return _Summary(made, facts.changed & ~made, _edges(facts, block))


def _simplify(facts: _Facts, instruction: ir.Instruction) -> None:
    """An access that is its own null check needs none."""
    if isinstance(instruction, (ir.BoundsCheck, ir.ArrayLength)):
        instruction.nonnull = instruction.nonnull or facts.is_nonnull(instruction.array)
    elif isinstance(instruction, (ir.Load, ir.Store)) and instruction.faulting:
        instruction.faulting = not facts.is_nonnull(instruction.address)


def _learn(facts: _Facts, instruction: ir.Instruction) -> None:
    match instruction:
        case ir.LoadSlot():
            if _is_tracked(instruction.slot):
                facts.of_value[instruction.result.id] = facts.slot(instruction.slot)
        case ir.StoreSlot():
            if _is_tracked(instruction.slot):
                facts.of_slot[instruction.slot.index] = facts.value(instruction.value)
                facts.changed |= 1 << instruction.slot.index
        case ir.NullCheck():
            facts.nonnull.add(facts.value(instruction.value))
        case ir.BoundsCheck() | ir.ArrayLength():
            facts.nonnull.add(facts.value(instruction.array))
        case ir.Load() | ir.Store():
            if instruction.faulting:
                facts.nonnull.add(facts.value(instruction.address))
        case ir.Offset() | ir.Index():
            # Arithmetic on unmanaged pointers may give null.
            base = instruction.base
            if base.type is ir.Type.ADDR or (base.type is not ir.Type.I64 and facts.is_nonnull(base)):
                facts.nonnull.add(facts.value(instruction.result))
        case ir.Convert():
            if instruction.kind is ir.ConvertKind.ADDR_BYREF:
                facts.nonnull.add(facts.value(instruction.result))
            elif instruction.kind is ir.ConvertKind.REF_BYREF:
                facts.of_value[instruction.result.id] = facts.value(instruction.value)
        case ir.LoadCell():
            if instruction.dereference:
                facts.nonnull.add(facts.value(instruction.result))
        case ir.Call():
            if instruction.result_nonnull and instruction.result is not None:
                facts.nonnull.add(facts.value(instruction.result))
        case _:
            pass


def _is_tracked(slot: ir.Slot) -> bool:
    return slot.memory in _TRACKED and not slot.address_taken


def _edges(facts: _Facts, block: ir.Block) -> dict[int, int]:
    """Slots that a branch on a reference proves not to be null."""
    last = block.instructions[-1]
    if isinstance(last, ir.Branch):
        tested, target, other = last.condition, last.if_true, last.if_false
    elif isinstance(last, ir.CompareBranch):
        nulls = {i.result.id for i in block.instructions if isinstance(i, ir.Const) and i.bits == 0}
        if last.right.id in nulls:
            tested = last.left
        elif last.left.id in nulls and last.condition in (ir.Condition.EQ, ir.Condition.NE):
            tested = last.right
        else:
            return {}
        if last.condition in (ir.Condition.NE, ir.Condition.GT_UN):
            target, other = last.if_true, last.if_false
        elif last.condition in (ir.Condition.EQ, ir.Condition.LE_UN):
            target, other = last.if_false, last.if_true
        else:
            return {}
    else:
        return {}
    if target is other:
        return {}
    slots = facts.slots_of(facts.value(tested))
    return {target.index: slots} if slots else {}
