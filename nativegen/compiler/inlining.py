"""Inlining: the IR of a small callee in place of a call.

What: :class:`Inliner` decides whether a call of exactly one method is replaced, and keeps the imported callees;
:func:`splice` copies a callee's IR into the method that is being imported.

Why here, while importing, and not in a pass: the evaluation stack is known. A callee of one block is spliced into the
current block; one of several needs the caller's values in slots, and the importer knows which of its values are still
needed: those on its stack.

Rules that keep it exact:

* Arguments have been evaluated, in their order, and ``this`` has been checked, before the splice, as before a call.
* Every variable of the callee is a fresh one of the caller, or one that an earlier splice of the same callee has done
  with. Locals that start as zero are zeroed at the splice: it may be in a loop.
* A small integer argument is extended from its low bits, and a small result too: the callee's job in a call.
* A struct argument is a copy.
* Exceptions need nothing: the callee has no try blocks, and its code gets the scope of the call.
* A method that is being inlined is not inlined into itself.

Callees of other assemblies are inlined where the image may rely on their bodies without a guard
(:meth:`nativegen.compiler.foreign.ForeignCode.allows_inlining`); their code names everything as instances of foreign
generics do. What a callee's code relies on (layouts, foreign bodies) the caller then relies on too.

Example (``int Twice(int x) => x + x`` in ``v1 = call Twice(v0)``)::

    v1 = add v0, v0
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from nativegen.compiler import access, ir
from nativegen.compiler.exclusions import Excluded
from nativegen.compiler.foreign import ForeignCode, is_framework
from nativegen.compiler.inline_rules import called_by, foreign_refusal, is_optimised, refusal
from nativegen.compiler.ir import MEMORY_INFO, Barrier, ConvertKind, Memory, SlotKind, Type
from nativegen.compiler.operands import USES, successors
from nativegen.compiler.regions import Filter, funclet_of
from nativegen.compiler.storage import Storage
from nativegen.diagnostics import NativegenError
from nativegen.typesystem import MethodDesc, Module, TypeLoadError

if TYPE_CHECKING:
    from nativegen.compiler.importer import MethodImporter
    from nativegen.compiler.resolved import Callee

_MAX_INSTRUCTIONS: Final = 80  # of one callee, what it inlined included
_MAX_BLOCKS: Final = 12
_MAX_GROWTH: Final = 4000  # instructions that all splices together may add to one method
_MAX_DEPTH: Final = 6
_MAX_CELLS: Final = 1  # of a foreign callee, filled by the runtime before its caller first runs

_EXTENSIONS: Final = {
    Memory.I8: ConvertKind.SEXT8,
    Memory.U8: ConvertKind.ZEXT8,
    Memory.I16: ConvertKind.SEXT16,
    Memory.U16: ConvertKind.ZEXT16,
}


@dataclasses.dataclass(slots=True, eq=False)
class Inlinee:
    """A callee ready to be spliced in.

    Attributes:
        method: the callee.
        function: its IR, never changed.
        blocks: reachable ones, the entry first; a chain of jumps has been made one block.
        stored: slots that its code changes or takes the address of.
        size: instructions.
    """

    method: MethodDesc
    function: ir.Function
    blocks: list[ir.Block]
    stored: frozenset[ir.Slot]
    size: int


class Inliner:
    """The inlinable callees of one image's code.

    Args:
        import_method: gives the IR of a method for callers that know it exactly, or raises Excluded.
        enabled: code is optimised at all.
        home: the module whose image is made.
        foreign: what it may use of others.
    """

    def __init__(
        self,
        import_method: Callable[[MethodDesc], ir.Function],
        enabled: bool,
        home: Module,
        foreign: ForeignCode,
    ) -> None:
        self._import = import_method
        self._enabled = enabled
        self._home = home
        self._foreign = foreign
        self._known: dict[MethodDesc, Inlinee | None] = {}
        self._active: list[MethodDesc] = []
        self._optimised: dict[Module, bool] = {}

    def inlinee(self, method: MethodDesc, caller: Module) -> Inlinee | None:
        """The IR to put in place of a call of exactly this method, or None: call it.

        Args:
            caller: the module whose CIL calls.
        """
        if not self._enabled or not self._is_optimised(self._home):
            return None
        if method.module is self._home:
            if caller is not self._home:
                return None  # keys of foreign code have nothing of our bodies
        elif not self._foreign.allows_inlining(method.module):
            return None
        if method in self._known:
            return self._known[method]
        if method in self._active or len(self._active) >= _MAX_DEPTH:
            return None
        self._active.append(method)
        try:
            found = self._make(method)
        except (Excluded, TypeLoadError, NativegenError):
            found = None
        finally:
            self._active.pop()
        if not self._active:
            # Inside another callee the depth limit, or a recursion, may have decided.
            self._known[method] = found
        return found

    def _make(self, method: MethodDesc) -> Inlinee | None:
        if not method.has_body or refusal(method) is not None or not self._is_optimised(method.module):
            return None
        if method.module is self._home:
            return inlinee_of(method, self._import(method))
        if foreign_refusal(method) is not None:
            return None
        found = inlinee_of(method, self._import(method))
        if found is None or not all(map(self._may_be_called_from_here, called_by(method))):
            return None
        return found if self._saves_cells(found) else None

    def _saves_cells(self, inlinee: Inlinee) -> bool:
        """Whether the code of a foreign method needs no more cells that the runtime fills before the caller's first run
        than the one, filled at the first call, of which it makes do without (docs/foreign-instances.md has figures).

        Always so for what else needs code of its own, because it is an instance over value types; and for assemblies
        that the image is bound hard to, because the user wishes so.
        """
        method = inlinee.method
        if self._foreign.is_bound(method.module):
            return True
        if not all(argument.is_reference_type for argument in (*method.type_args, *method.method_args)):
            return True
        cells = set(inlinee.function.required)
        for block in inlinee.blocks:
            cells.update([item.cell for item in block.instructions if isinstance(item, ir.LoadCell)])
        return len(cells) <= _MAX_CELLS

    def _may_be_called_from_here(self, callee: MethodDesc) -> bool:
        """Whether it makes no difference to a callee of a foreign body that it is called from our assembly."""
        return is_framework(callee.module) or self.inlinee(callee, callee.module) is not None

    def _is_optimised(self, module: Module) -> bool:
        found = self._optimised.get(module)
        if found is None:
            found = self._optimised[module] = is_optimised(module)
        return found


def inlinee_of(method: MethodDesc, function: ir.Function) -> Inlinee | None:
    """The callee in the form that :func:`splice` takes, or None when it does not fit."""
    if function.regions or any(slot.pinned for slot in function.slots):
        return None
    blocks = _merged(function)
    size = sum(len(block.instructions) for block in blocks)
    if size > _MAX_INSTRUCTIONS or len(blocks) > _MAX_BLOCKS or _has_loop(blocks):
        return None
    instructions = [instruction for block in blocks for instruction in block.instructions]
    if not any(isinstance(instruction, ir.Return) for instruction in instructions):
        return None
    if any(isinstance(instruction, (ir.StackAllocate, ir.Unreachable)) for instruction in instructions):
        return None
    stored = {item.slot for item in instructions if isinstance(item, (ir.StoreSlot, ir.SlotAddress))}
    return Inlinee(method, function, blocks, frozenset(stored), size)


def _merged(function: ir.Function) -> list[ir.Block]:
    """Reachable blocks in order; blocks that only one jump leads to are appended to where it is."""
    reachable: list[ir.Block] = []
    pending = [function.blocks[0]]
    predecessors: dict[ir.Block, int] = {}
    while pending:
        block = pending.pop()
        if block in reachable:
            continue
        reachable.append(block)
        for successor in successors(block):
            predecessors[successor] = predecessors.get(successor, 0) + 1
            pending.append(successor)
    result: list[ir.Block] = []
    absorbed: set[ir.Block] = set()
    merged: dict[ir.Block, ir.Block] = {}
    for block in sorted(reachable, key=lambda each: each.index):
        if block in absorbed:
            continue
        whole = ir.Block(block.index, block.il_offset, list(block.instructions))
        last = whole.instructions[-1]
        while isinstance(last, ir.Jump) and predecessors[last.target] == 1 and last.target.index > block.index:
            absorbed.add(last.target)
            whole.instructions[-1:] = last.target.instructions
            last = whole.instructions[-1]
        merged[block] = whole
        result.append(whole)
    if any(target in absorbed for whole in result for target in successors(whole)):
        return reachable
    for whole in result:
        whole.instructions[-1] = _retargeted(whole.instructions[-1], merged)
    return result


def _retargeted(terminator: ir.Instruction, merged: dict[ir.Block, ir.Block]) -> ir.Instruction:
    return _Copy({}, {}, merged).instruction(terminator, terminator.il_offset)


def _has_loop(blocks: Sequence[ir.Block]) -> bool:
    position = {block: index for index, block in enumerate(blocks)}
    return any(position[target] <= position[block] for block in blocks for target in successors(block))


class _Copy:
    """Copies instructions with other values, slots and blocks.

    A value or block that is not in its map stays as it is.
    """

    def __init__(
        self,
        values: dict[ir.Value, ir.Value],
        slots: dict[ir.Slot, ir.Slot],
        blocks: dict[ir.Block, ir.Block],
    ) -> None:
        self.values = values
        self._slots = slots
        self._blocks = blocks

    def instruction(self, instruction: ir.Instruction, il_offset: int) -> ir.Instruction:
        result = copy.copy(instruction)
        for name in _REFERENCES[type(instruction)]:
            setattr(result, name, self._mapped(getattr(instruction, name)))
        result.il_offset = il_offset
        return result

    def _mapped(self, item: Any) -> Any:
        if isinstance(item, ir.Value):
            return self.values.get(item, item)
        if isinstance(item, ir.Slot):
            return self._slots.get(item, item)
        if isinstance(item, ir.Block):
            return self._blocks.get(item, item)
        if isinstance(item, tuple) and item and isinstance(item[0], (ir.Value, ir.Block)):
            return tuple([self._mapped(each) for each in item])
        return item


_REFERENCE_KINDS: Final = ("Value", "Slot", "Block")


def _references(kind: type[ir.Instruction]) -> tuple[str, ...]:
    """Names of the fields that hold values, slots or blocks."""
    return tuple(
        [each.name for each in dataclasses.fields(kind) if any(word in str(each.type) for word in _REFERENCE_KINDS)]
    )


_REFERENCES: Final = {kind: _references(kind) for kind in USES}


def inlinee_of_call(importer: MethodImporter, callee: Callee) -> Inlinee | None:
    """The code to put in place of a call, or None; the arguments have been popped."""
    if callee.open is not None or importer.inlined_instructions > _MAX_GROWTH:
        return None
    current = importer.current
    if current is None or isinstance(funclet_of(current.scope), Filter):
        return None  # a filter is a function of its own
    found = importer.compiler.inliner.inlinee(callee.method, importer.compiler.module)
    if found is not None and len(found.blocks) > 1 and not importer.can_park_stack:
        return None
    return found


def splice(importer: MethodImporter, inlinee: Inlinee, callee: Callee, args: tuple[ir.Value, ...]) -> None:
    """Puts the callee's code where the importer is and pushes what it returns, as a call would.

    Args:
        args: as :class:`nativegen.compiler.ir.Call` takes them.
    """
    _Splice(importer, inlinee, callee.result).run(args)


class _Splice:
    def __init__(self, importer: MethodImporter, inlinee: Inlinee, result: Storage) -> None:
        self._importer = importer
        self._inlinee = inlinee
        self._result = result
        self._is_straight = len(inlinee.blocks) == 1
        self._slots = importer.inlined_slots(inlinee.function, self._new_slots)
        self._destination: ir.Slot | None = None

    def run(self, args: tuple[ir.Value, ...]) -> None:
        importer, inlinee = self._importer, self._inlinee
        importer.inlined_instructions += inlinee.size
        for cell in inlinee.function.required:
            importer.require_cell(cell)
        for use in inlinee.function.foreign:
            if use not in importer.function.foreign:
                importer.function.foreign.append(use)
        passed = self._pass(args)
        self._zero_locals()
        slot: ir.Slot | None = None
        if self._result.shape is not None:
            slot = access.stored_next(importer, self._result)
            self._destination = slot or importer.temporary(self._result)
        if self._is_straight:
            value = self._copy_block(inlinee.blocks[0], _Copy({}, self._slots, {}), passed)
        else:
            value = self._copy_blocks()
        if value is not None:
            importer.push(value.type, value)
        elif self._destination is not None and self._result.shape is not None and slot is None:
            importer.push_struct(self._destination, self._result)

    def _new_slots(self) -> dict[ir.Slot, ir.Slot]:
        """Variables for the callee's."""
        function = self._importer.function
        made: dict[ir.Slot, ir.Slot] = {}
        for slot in self._inlinee.function.slots:
            new = function.new_slot(f"i{len(function.slots)}", SlotKind.TEMP, memory=slot.memory, shape=slot.shape)
            new.address_taken = slot.address_taken
            made[slot] = new
        return made

    def _pass(self, args: tuple[ir.Value, ...]) -> dict[ir.Slot, ir.Value]:
        """Arguments to variables; what the callee only reads stays a value when its code stays in this block."""
        importer = self._importer
        passed: dict[ir.Slot, ir.Value] = {}
        for parameter, value in zip(self._inlinee.function.arguments, args, strict=True):
            slot = self._slots[parameter]
            if parameter.shape is not None:
                address = importer.slot_address(slot)
                importer.emit(ir.CopyStruct(address, value, parameter.shape, Barrier.NONE))
            elif self._is_straight and parameter not in self._inlinee.stored:
                passed[parameter] = self._extended(value, parameter.memory)
            else:
                importer.emit(ir.StoreSlot(slot, value))
        return passed

    def _extended(self, value: ir.Value, memory: Memory | None) -> ir.Value:
        kind = None if memory is None else _EXTENSIONS.get(memory)
        return value if kind is None else self._importer.convert(kind, value, Type.I32)

    def _zero_locals(self) -> None:
        importer = self._importer
        for local in self._inlinee.function.slots:
            if not local.zeroed:
                continue
            slot = self._slots[local]
            if slot.shape is not None:
                importer.emit(ir.ZeroStruct(importer.slot_address(slot), slot.shape))
            elif slot.memory is not None:
                importer.emit(ir.StoreSlot(slot, importer.const(MEMORY_INFO[slot.memory][0], 0)))

    def _copy_block(self, block: ir.Block, copied: _Copy, passed: dict[ir.Slot, ir.Value]) -> ir.Value | None:
        """Emits a block's code; returns the value that it returns, if it ends so."""
        importer = self._importer
        for instruction in block.instructions:
            if isinstance(instruction, ir.LoadSlot) and instruction.slot in passed:
                copied.values[instruction.result] = passed[instruction.slot]
                continue
            if isinstance(instruction, ir.Return):
                return self._returned(instruction, copied)
            result = getattr(instruction, "result", None)
            if result is not None:
                copied.values[result] = importer.value(result.type)
            importer.emit(copied.instruction(instruction, importer.offset))
        return None

    def _returned(self, instruction: ir.Return, copied: _Copy) -> ir.Value | None:
        importer = self._importer
        if instruction.value is None:
            return None
        value = copied.values.get(instruction.value, instruction.value)
        if self._result.shape is not None:
            assert self._destination is not None
            address = importer.slot_address(self._destination)
            importer.emit(ir.CopyStruct(address, value, self._result.shape, Barrier.NONE))
            return None
        return self._extended(value, self._result.memory)

    def _copy_blocks(self) -> ir.Value | None:
        """A callee of several blocks: the caller's values wait in slots."""
        importer = self._importer
        function = importer.function
        waiting = importer.park_stack()
        here = importer.current
        assert here is not None
        blocks = {block: function.new_block(importer.offset, here.scope) for block in self._inlinee.blocks}
        after = function.new_block(importer.offset, here.scope)
        memory = self._result.memory
        answer = None
        if memory is not None:
            answer = function.new_slot(f"i{len(function.slots)}", SlotKind.TEMP, memory=memory)
        importer.emit(ir.Jump(blocks[self._inlinee.blocks[0]]))
        for block in self._inlinee.blocks:
            importer.begin(blocks[block])
            value = self._copy_block(block, _Copy({}, self._slots, blocks), {})
            if isinstance(block.instructions[-1], ir.Return):
                if answer is not None and value is not None:
                    importer.emit(ir.StoreSlot(answer, value))
                importer.emit(ir.Jump(after))
        importer.begin(after)
        importer.unpark_stack(waiting)
        if answer is None or memory is None:
            return None
        result = importer.value(MEMORY_INFO[memory][0])
        importer.emit(ir.LoadSlot(result, answer))
        return result
