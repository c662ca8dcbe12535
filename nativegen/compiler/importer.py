"""The importer's stack machine: simulates the CIL evaluation stack of one method and builds IR blocks.

What: :class:`MethodImporter` holds the state of one import: the IR function, the current block, the evaluation stack.
The opcodes themselves are in ``import_*.py``, one module per subject; ``opcode_table`` maps opcodes to their functions.

Why here: everything that opcodes share lives here, above all the two things that make a stack machine hard to
translate: values that live across block ends, and structs on the stack.

Invariants:

* A stack entry's scalar is an SSA value of the current block, so later stores cannot change it. At a block's end every
  entry is stored to a spill slot (one per depth and type, shared by all blocks) and loaded again at the start of the
  successor.
* A struct on the stack is not copied: its entry names a slot (and an offset in it). The slot is a temporary that nobody
  else writes, or a local or argument; in that case the entry is *borrowed* and :meth:`MethodImporter.keep_borrowed`
  copies it to a temporary before anything can change the variable.
* Temporaries are free again whenever the stack is empty.

Example (``ldarg.0; ldfld int C::x; ldc.i4.1; add; ret``)::

    b0: v0 = load_slot this
        v1 = load v0+8 i32 faulting
        v2 = const 1
        v3 = add v1, v2
        return v3
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from nativegen.compiler import ir
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.ir import MEMORY_INFO, Barrier, ConvertKind, Memory, SlotKind, Type
from nativegen.compiler.regions import enclosing_try
from nativegen.compiler.storage import Storage
from nativegen.metadata.opcodes import OPCODES, Instruction, decode
from nativegen.metadata.ops import Op
from nativegen.readytorun.unit import Cell

if TYPE_CHECKING:
    from nativegen.compiler.cil_regions import CilNode, HandlerNode
    from nativegen.compiler.context import MethodCompiler
    from nativegen.compiler.import_generics import GenericContext
    from nativegen.compiler.import_regions import NormalPath, RegionImporter
    from nativegen.compiler.import_synchronized import Monitor
    from nativegen.compiler.regions import Scope
    from nativegen.typesystem import MethodDesc

Handler = Callable[["MethodImporter", Any], None]

_ADDRESS_OPS: Final = frozenset({Op.LDLOCA, Op.LDLOCA_S})
_ARGUMENT_ADDRESS_OPS: Final = frozenset({Op.LDARGA, Op.LDARGA_S})
_ENDS: Final = frozenset(
    value for value, code in OPCODES.items() if code.flow in ("branch", "cond", "return", "throw") or value == Op.JMP
)
_BRANCHES: Final = frozenset(value for value, opcode in OPCODES.items() if opcode.operand in ("br1", "br4"))
_PREFIXES: Final = frozenset(value for value, opcode in OPCODES.items() if opcode.flow == "meta")
_POINTERS: Final = (Type.BYREF, Type.ADDR)


def invalid(detail: str) -> Excluded:
    """The exclusion of a method whose CIL makes no sense to us."""
    return Excluded(Reason.INVALID_CIL, detail)


class Entry:
    """One entry of the evaluation stack.

    Attributes:
        type: of ``value``; VOID for a struct.
        value: the scalar.
        storage: the struct's type; for scalars None.
        slot, offset: where the struct is.
        nonnull: a pointer that is known not to be null.
    """

    __slots__ = ("nonnull", "offset", "slot", "storage", "type", "value")

    def __init__(
        self,
        type_: Type,
        value: ir.Value | None = None,
        storage: Storage | None = None,
        slot: ir.Slot | None = None,
        offset: int = 0,
        nonnull: bool = False,
    ) -> None:
        self.type = type_
        self.value = value
        self.storage = storage
        self.slot = slot
        self.offset = offset
        self.nonnull = nonnull


class Prefixes:
    """Prefix instructions seen before the current instruction."""

    __slots__ = ("constrained", "readonly", "volatile")

    def __init__(self) -> None:
        self.volatile = False
        self.readonly = False
        self.constrained = 0  # type token


NO_PREFIXES: Final = Prefixes()


class Copy:
    """One import of a range of CIL: of the whole body, or of a finally handler for its normal path.

    Attributes:
        root: the handler; None for the whole body.
        scope: of the code that is not in any region inside ``root``.
        blocks: by offset.
        normal_path: what the copy belongs to.
    """

    __slots__ = ("blocks", "normal_path", "root", "scope")

    def __init__(self, root: HandlerNode | None, scope: Scope) -> None:
        self.root = root
        self.scope = scope
        self.blocks: dict[int, CilBlock] = {}
        self.normal_path: NormalPath | None = None


class CilBlock:
    """A basic block of the CIL: instructions ``first`` to ``last`` (exclusive) and the stack types at its entry.

    ``node``: the innermost try block, handler or filter around it.
    """

    __slots__ = ("block", "copy", "entry", "first", "last", "node", "offset")

    def __init__(self, copy: Copy, offset: int, first: int, last: int, node: CilNode | None = None) -> None:
        self.copy = copy
        self.offset = offset
        self.first = first
        self.last = last
        self.node = node
        self.block: ir.Block | None = None
        self.entry: tuple[ir.Slot, ...] | None = None


class MethodImporter:
    """The state while one method is imported. Made by ``MethodCompiler``; use :meth:`run` once.

    Args:
        compiler: the module's caches.
        method: has a CIL body and no type parameters.
        function: with its arguments; blocks and locals are added here.
        arguments, result: storages of the arguments (``this`` included) and of the result.
        handlers: opcode -> function.
    """

    def __init__(
        self,
        compiler: MethodCompiler,
        method: MethodDesc,
        function: ir.Function,
        arguments: Sequence[Storage],
        result: Storage,
        handlers: dict[int, Handler],
    ) -> None:
        self.compiler = compiler
        self.cells = compiler.cells
        self.method = method
        self.function = function
        self.arguments = function.arguments  # without the hidden one
        self.argument_storages = arguments
        self.generic: GenericContext | None = None
        self.result = result
        self.handlers = handlers
        self.locals: list[ir.Slot] = []
        self.local_storages: list[Storage] = []
        self.stack: list[Entry] = []
        self.prefixes = NO_PREFIXES
        self.offset = 0
        self.instructions: list[Instruction] = []
        self.position = 0
        self.current: ir.Block | None = None
        self._emit: Callable[[ir.Instruction], None] = list[ir.Instruction]().append
        self.regions: RegionImporter | None = None
        self.monitor: Monitor | None = None
        self._body = Copy(None, None)
        self.source = CilBlock(self._body, 0, 0, 0)
        self._block_end = 0
        self._pending: list[CilBlock] = []
        self._exposed: set[ir.Slot] = set()
        self.runtime_types: set[ir.Value] = set()  # results of typeof
        self._required: set[Cell] = set()
        self._spills: dict[tuple[int, object], ir.Slot] = {}
        self._spill_storages: dict[ir.Slot, Storage] = {}
        self._temporaries: dict[Storage, list[ir.Slot]] = {}
        self._free: dict[Storage, list[ir.Slot]] = {}
        self._temporary_slots: set[ir.Slot] = set()
        self._inlined_slots: dict[ir.Function, dict[ir.Slot, ir.Slot]] = {}
        self.inlined_instructions = 0
        self._temporaries_used = False

    # --- blocks -------------------------------------------------------------------------------------------------------

    def run(self, prolog: Callable[[MethodImporter], None]) -> None:
        """Imports the whole body.

        Args:
            prolog: emits what comes before the first instruction.
        """
        body = self.method.body
        self.instructions = decode(body.code)
        if not self.instructions:
            raise invalid("empty body")
        self._make_locals(body.local_sig_token, body.init_locals)
        if self.function.debug:
            self.function.variables = [*self.arguments, *self.locals]
        if self.method.is_synchronized:
            from nativegen.compiler.import_synchronized import Monitor

            self.monitor = Monitor(self)
            self._body.scope = self.monitor.region
        if body.exception_clauses:
            from nativegen.compiler.import_regions import RegionImporter

            self.regions = RegionImporter(self, body.exception_clauses)
        self._find_blocks()
        entry = self.function.new_block()
        self.begin(entry)
        prolog(self)
        first = self.enter(0)
        if self.monitor is None:
            self.emit(ir.Jump(first))
        else:
            self.monitor.enter(first)
        while self._pending:
            self._import_block(self._pending.pop())
        if self.regions is not None:
            self.regions.finish()
        if self.monitor is not None:
            self.monitor.finish()
        self._order_blocks()

    def _make_locals(self, token: int, init_locals: bool) -> None:
        if not token:
            return
        function = self.function
        for index, (type_, pinned) in enumerate(self.compiler.locals(token)):
            storage = self.compiler.storages.of(type_)
            slot = function.new_slot(f"l{index}", SlotKind.LOCAL, memory=storage.memory, shape=storage.shape)
            slot.pinned = pinned
            slot.zeroed = init_locals
            if storage.is_void:
                raise invalid("local of type void")
            self.require(storage)
            self.locals.append(slot)
            self.local_storages.append(storage)

    def _find_blocks(self) -> None:
        """Cuts the code at branch targets and behind branches; notes the variables whose address is taken."""
        leaders = {0} if self.regions is None else {0, *self.regions.boundaries()}
        index_at: dict[int, int] = {}
        after_end = False
        prefixed = False
        for index, (offset, opcode, operand) in enumerate(self.instructions):
            index_at[offset] = index
            if after_end:
                leaders.add(offset)
                after_end = False
            if opcode in _ENDS:
                after_end = True
                if opcode in _BRANCHES:
                    leaders.add(operand)
                elif opcode == Op.SWITCH:
                    leaders.update(operand)
            elif opcode in _ADDRESS_OPS:
                self._expose(self.local(operand))
            elif opcode in _ARGUMENT_ADDRESS_OPS:
                self._expose(self.argument(operand))
            prefixed = opcode in _PREFIXES
        if prefixed:
            raise invalid("prefix at the end of the code")
        leaders.discard(len(self.method.body.code))  # where a protected region ends
        try:
            starts = sorted((index_at[offset], offset) for offset in leaders)
        except KeyError as error:
            raise invalid(f"branch into an instruction at 0x{error.args[0]:x}") from None
        for position, (index, offset) in enumerate(starts):
            last = starts[position + 1][0] if position + 1 < len(starts) else len(self.instructions)
            if index and self.instructions[index - 1][1] in _PREFIXES:
                raise invalid("branch behind a prefix")
            node = None if self.regions is None else self.regions.node(offset)
            self._body.blocks[offset] = CilBlock(self._body, offset, index, last, node)

    def _expose(self, slot: ir.Slot) -> None:
        self._exposed.add(slot)
        if slot.memory is not None:
            slot.address_taken = True

    def begin(self, block: ir.Block) -> None:
        """What is emitted from now on is in ``block``."""
        self.current = block
        self._emit = block.instructions.append

    def _import_block(self, cil: CilBlock) -> None:
        assert cil.block is not None and cil.entry is not None
        self.source = cil
        self.begin(cil.block)
        stack = self.stack
        stack.clear()
        self._release_temporaries()
        self.offset = cil.offset
        for slot in cil.entry:
            storage = self._spill_storages.get(slot)
            if storage is not None:
                stack.append(Entry(Type.VOID, storage=storage, slot=slot))
            else:
                assert slot.memory is not None
                self.push_loaded(slot)
        handlers = self.handlers
        instructions = self.instructions
        debug = self.function.debug
        self.position = cil.first
        self._block_end = last = cil.last
        while self.position < last:
            offset, opcode, operand = instructions[self.position]
            self.offset = offset
            self.position += 1
            handler = handlers.get(opcode)
            if handler is None:
                raise Excluded(Reason.OPCODE, OPCODES[opcode].name)
            if debug and not stack and self.prefixes is NO_PREFIXES:
                self.emit(ir.SequencePoint())
            handler(self, operand)
            if self.prefixes is not NO_PREFIXES and opcode not in _PREFIXES:
                self.prefixes = NO_PREFIXES
            if not stack and self._temporaries_used:
                self._release_temporaries()
        if instructions[last - 1][1] not in _ENDS and self.current is not None:
            if last == len(instructions):
                raise invalid("code runs over its end")
            self.jump(instructions[last][0])

    def enter(self, offset: int) -> ir.Block:
        """The IR block at a CIL offset, to be jumped to; the stack must have been spilled."""
        cil = self.cil_block(self.source.copy, offset)
        if self.regions is not None:
            self.regions.check_jump(self.source, cil)
        return self._open(cil, tuple([self._spill_slot(depth, entry) for depth, entry in enumerate(self.stack)]))

    def _open(self, cil: CilBlock, slots: tuple[ir.Slot, ...]) -> ir.Block:
        if cil.block is None:
            scope = cil.copy.scope if self.regions is None else self.regions.scope(cil.copy, cil.node)
            if cil.block is None:  # a handler may have led here meanwhile
                cil.block = self.function.new_block(cil.offset, scope)
                cil.entry = slots
                self._pending.append(cil)
        if cil.entry != slots:
            raise invalid(f"stacks differ at 0x{cil.offset:x}")
        return cil.block

    def _expected(self, offset: int) -> tuple[ir.Slot, ...] | None:
        return self.cil_block(self.source.copy, offset).entry

    def cil_block(self, copy: Copy, offset: int) -> CilBlock:
        """The block at an offset in a copy."""
        cil = copy.blocks.get(offset)
        if cil is None:
            known = self._body.blocks[offset]
            cil = copy.blocks[offset] = CilBlock(copy, offset, known.first, known.last, known.node)
        return cil

    def enter_empty(self, cil: CilBlock) -> ir.Block:
        """The IR block of ``cil``, to be entered with an empty stack."""
        return self._open(cil, ())

    def start_block(self, copy: Copy, offset: int, block: ir.Block, stack: tuple[ir.Slot, ...]) -> None:
        """Imports the code at an offset, a handler's start, into ``block``."""
        cil = self.cil_block(copy, offset)
        cil.block = block
        cil.entry = stack
        self._pending.append(cil)

    @contextlib.contextmanager
    def aside(self, block: ir.Block) -> Iterator[None]:
        """Emits into another block, which has no CIL of its own, with an empty stack."""
        current, stack, prefixes = self.current, self.stack[:], self.prefixes
        self.begin(block)
        self.stack.clear()
        self.prefixes = NO_PREFIXES
        yield
        self.stack[:] = stack
        self.prefixes = prefixes
        self.current = current
        if current is not None:
            self.begin(current)

    def exception_slot(self) -> ir.Slot:
        """Where a handler finds its exception: the spill slot of a stack with just that on it."""
        return self._spill_slot(0, Entry(Type.REF))

    @property
    def is_protected(self) -> bool:
        """Whether something in this method can see the variables after an exception at this place."""
        return self.current is not None and enclosing_try(self.current.scope) is not None

    def _order_blocks(self) -> None:
        """Blocks in CIL order: what a reader and the branch layout expect."""
        blocks = self.function.blocks
        blocks[1:] = sorted(blocks[1:], key=lambda block: block.il_offset)
        for index, block in enumerate(blocks):
            block.index = index

    # --- leaving a block ----------------------------------------------------------------------------------------------

    def spill(self, targets: Sequence[int]) -> None:
        """Stores the stack to the slots that the blocks at these offsets expect, before the terminator is emitted."""
        stack = self.stack
        if not stack:
            return
        for offset in targets:
            expected = self._expected(offset)
            if expected is not None:
                self._adapt(expected)
                break
        slots = [self._spill_slot(depth, entry) for depth, entry in enumerate(stack)]
        # A struct may sit in the spill slot of another depth: move it away before that slot is overwritten.
        for depth, entry in enumerate(stack):
            if entry.type is Type.VOID and entry.slot in slots and entry.slot is not slots[depth]:
                stack[depth] = self._copied(entry)
        for entry, slot in zip(stack, slots, strict=True):
            if entry.type is not Type.VOID:
                assert slot.memory is not None
                self.emit(ir.StoreSlot(slot, self.coerce(entry, slot.memory)))
            elif entry.slot is not slot:
                self._copy_to_slot(entry, slot)

    def _adapt(self, expected: tuple[ir.Slot, ...]) -> None:
        """Implicit conversions of a merge, e.g. int32 to native int (ECMA-335 III.1.8.1.3), never to less."""
        if len(expected) != len(self.stack):
            raise invalid("stack heights differ")
        for depth, slot in enumerate(expected):
            entry = self.stack[depth]
            if self._spill_slot(depth, entry) is slot:
                continue
            value = self.scalar(entry)
            if slot.memory is None or (value.type, MEMORY_INFO[slot.memory][0]) not in _WIDENING:
                raise invalid(f"merge of {value.type.name} and another type")
            self.stack[depth] = Entry(MEMORY_INFO[slot.memory][0], self.coerce(entry, slot.memory))

    _SPILL_FORMS: Final = {
        Type.I32: Memory.I32,
        Type.I64: Memory.I64,
        Type.F32: Memory.F32,
        Type.F64: Memory.F64,
        Type.REF: Memory.REF,
        Type.BYREF: Memory.BYREF,
        Type.ADDR: Memory.BYREF,
    }

    def _spill_slot(self, depth: int, entry: Entry) -> ir.Slot:
        storage = entry.storage
        if entry.type is Type.VOID:
            key: object = storage
        else:
            key = self._SPILL_FORMS[entry.type]
        slot = self._spills.get((depth, key))
        if slot is None:
            name = f"s{len(self._spills)}"
            if entry.type is Type.VOID:
                assert storage is not None
                slot = self.function.new_slot(name, SlotKind.TEMP, shape=storage.shape)
                self._spill_storages[slot] = storage
            else:
                slot = self.function.new_slot(name, SlotKind.TEMP, memory=self._SPILL_FORMS[entry.type])
            self._spills[depth, key] = slot
        return slot

    def jump(self, offset: int) -> None:
        """Ends the block with a jump to ``offset``."""
        self.spill((offset,))
        self.end(ir.Jump(self.enter(offset)))

    def end(self, terminator: ir.Instruction) -> None:
        """Emits the block's terminator."""
        self.emit(terminator)
        self.current = None

    def next_offset(self) -> int:
        """CIL offset of the following instruction."""
        if self.position >= len(self.instructions):
            raise invalid("code runs over its end")
        return self.instructions[self.position][0]

    def peek(self) -> Instruction | None:
        """The next instruction if it belongs to the same block."""
        return self.instructions[self.position] if self.position < self._block_end else None

    # --- emitting -----------------------------------------------------------------------------------------------------

    def emit(self, instruction: ir.Instruction) -> None:
        instruction.il_offset = self.offset
        self._emit(instruction)

    def value(self, type_: Type) -> ir.Value:
        return self.function.new_value(type_)

    def const(self, type_: Type, bits: int) -> ir.Value:
        result = self.function.new_value(type_)
        self.emit(ir.Const(result, bits))
        return result

    def convert(self, kind: ConvertKind, value: ir.Value, type_: Type) -> ir.Value:
        result = self.function.new_value(type_)
        self.emit(ir.Convert(result, kind, value))
        return result

    def load_cell(self, cell: Cell) -> ir.Value:
        result = self.function.new_value(Type.I64)
        self.emit(ir.LoadCell(result, cell))
        return result

    def call_helper(
        self, cell: Cell, abi: ir.CallAbi, args: tuple[ir.Value, ...], noreturn: bool = False
    ) -> ir.Value | None:
        """Calls a helper; the result has the type of its ABI."""
        memory = abi.result.memory
        result = None if memory is None else self.function.new_value(MEMORY_INFO[memory][0])
        self.emit(ir.Call(result, cell, abi, args, noreturn=noreturn))
        return result

    def require(self, storage: Storage) -> None:
        """The function relies on the layout of this type."""
        if storage.check is not None:
            self.require_cell(storage.check)

    def require_cell(self, cell: Cell) -> None:
        if cell not in self._required:
            self._required.add(cell)
            self.function.required.append(cell)

    # --- variables ----------------------------------------------------------------------------------------------------

    def local(self, index: int) -> ir.Slot:
        if index >= len(self.locals):
            raise invalid(f"no local {index}")
        return self.locals[index]

    def argument(self, index: int) -> ir.Slot:
        arguments = self.arguments
        if index >= len(arguments):
            raise invalid(f"no argument {index}")
        return arguments[index]

    def is_exposed(self, slot: ir.Slot) -> bool:
        """Whether its address is taken anywhere in the method."""
        return slot in self._exposed

    # --- temporaries --------------------------------------------------------------------------------------------------

    def temporary(self, storage: Storage) -> ir.Slot:
        """A slot that nobody else uses until the stack is empty."""
        free = self._free.get(storage)
        if free:
            slot = free.pop()
        else:
            number = len(self._temporary_slots)
            slot = self.function.new_slot(f"t{number}", SlotKind.TEMP, memory=storage.memory, shape=storage.shape)
            if storage.memory is not None:
                slot.address_taken = True
            self._temporary_slots.add(slot)
            self._temporaries.setdefault(storage, []).append(slot)
        self._temporaries_used = True
        self.require(storage)
        return slot

    def _release_temporaries(self) -> None:
        self._free = {storage: slots[::-1] for storage, slots in self._temporaries.items()}
        self._temporaries_used = False

    def keep_borrowed(self, changing: ir.Slot | None = None) -> None:
        """Copies the structs on the stack that are still in a variable which is about to change.

        Args:
            changing: the variable; None: memory is written that any exposed variable may be in.
        """
        for depth, entry in enumerate(self.stack):
            slot = entry.slot
            if slot is not None and (slot is changing if changing is not None else slot in self._exposed):
                self.stack[depth] = self._copied(entry)

    def _copied(self, entry: Entry) -> Entry:
        assert entry.storage is not None
        slot = self.temporary(entry.storage)
        self._copy_to_slot(entry, slot)
        return Entry(Type.VOID, storage=entry.storage, slot=slot)

    def _copy_to_slot(self, entry: Entry, slot: ir.Slot) -> None:
        assert slot.shape is not None
        destination = self.slot_address(slot)
        self.emit(ir.CopyStruct(destination, self.struct_address(entry), slot.shape, Barrier.NONE))

    # --- inlined callees ----------------------------------------------------------------------------------------------

    def inlined_slots(
        self, function: ir.Function, make: Callable[[], dict[ir.Slot, ir.Slot]]
    ) -> dict[ir.Slot, ir.Slot]:
        """The variables that stand for those of an inlined callee; all its copies share them, one after the other."""
        found = self._inlined_slots.get(function)
        if found is None:
            found = self._inlined_slots[function] = make()
        return found

    @property
    def can_park_stack(self) -> bool:
        """Whether the values on the stack may wait in slots. A frame address would lose that it is one."""
        return all(entry.type is not Type.ADDR for entry in self.stack)

    def park_stack(self) -> list[ir.Slot | None]:
        """Stores the values on the stack to slots of their own, because this block is about to end."""
        slots: list[ir.Slot | None] = []
        for entry in self.stack:
            if entry.type is Type.VOID:
                slots.append(None)
                continue
            slot = self.function.new_slot(
                f"p{len(self.function.slots)}", SlotKind.TEMP, memory=self._SPILL_FORMS[entry.type]
            )
            self.emit(ir.StoreSlot(slot, self.scalar(entry)))
            slots.append(slot)
        return slots

    def unpark_stack(self, slots: Sequence[ir.Slot | None]) -> None:
        """Loads them again."""
        for entry, slot in zip(self.stack, slots, strict=True):
            if slot is not None:
                entry.value = self.value(entry.type)
                self.emit(ir.LoadSlot(entry.value, slot))

    # --- stack --------------------------------------------------------------------------------------------------------

    def push(self, type_: Type, value: ir.Value, nonnull: bool = False) -> None:
        self.stack.append(Entry(type_, value, nonnull=nonnull))

    def push_result(self, type_: Type) -> ir.Value:
        """A new value, pushed; the caller emits the instruction that defines it."""
        result = self.function.new_value(type_)
        self.stack.append(Entry(type_, result))
        return result

    def push_loaded(self, slot: ir.Slot) -> None:
        """Pushes the value of a scalar slot."""
        assert slot.memory is not None
        type_ = MEMORY_INFO[slot.memory][0]
        self.emit(ir.LoadSlot(self.push_result(type_), slot))

    def push_struct(self, slot: ir.Slot, storage: Storage, offset: int = 0) -> None:
        """Pushes a struct that is in ``slot``: a temporary, or a variable (then it is borrowed)."""
        self.stack.append(Entry(Type.VOID, storage=storage, slot=slot, offset=offset))

    def pop(self) -> Entry:
        if not self.stack:
            raise invalid("stack underflow")
        return self.stack.pop()

    def pop_value(self) -> ir.Value:
        """Pops a scalar of any type."""
        return self.scalar(self.pop())

    def scalar(self, entry: Entry) -> ir.Value:
        if entry.value is None:
            raise invalid("struct where a scalar is needed")
        return entry.value

    def slot_address(self, slot: ir.Slot, offset: int = 0) -> ir.Value:
        result = self.function.new_value(Type.ADDR)
        self.emit(ir.SlotAddress(result, slot, offset))
        return result

    def struct_address(self, entry: Entry) -> ir.Value:
        """The address of a struct entry."""
        if entry.slot is None:
            raise invalid("scalar where a struct is needed")
        return self.slot_address(entry.slot, entry.offset)

    def struct_of(self, entry: Entry, storage: Storage) -> ir.Value:
        """The address of an entry that must be a struct of this type."""
        if entry.storage is not storage:
            raise invalid(f"{storage.desc.display_name} is needed")
        return self.struct_address(entry)

    # --- conversions that CIL leaves implicit -------------------------------------------------------------------------

    def coerce(self, entry: Entry, memory: Memory) -> ir.Value:
        """The scalar as a store, argument or result of this form needs it (ECMA-335 III.1.6).

        Raises:
            Excluded: INVALID_CIL when there is no such conversion.
        """
        wanted = MEMORY_INFO[memory][0]
        value = self.scalar(entry)
        given = value.type
        if given is wanted:
            return value
        kind = _IMPLICIT.get((given, wanted))
        if kind is None:
            raise invalid(f"{given.name} where {wanted.name} is needed")
        return self.convert(kind, value, wanted)

    def as_pointer(self, entry: Entry) -> ir.Value:
        """A BYREF, ADDR or I64 to access memory through."""
        value = self.scalar(entry)
        if value.type in _POINTERS or value.type is Type.I64:
            return value
        if value.type is Type.I32:
            return self.convert(ConvertKind.SEXT32, value, Type.I64)
        raise invalid(f"{value.type.name} used as an address")

    def as_byref(self, value: ir.Value) -> ir.Value:
        """The same address in the form that calls take."""
        return self.convert(ConvertKind.ADDR_BYREF, value, Type.BYREF) if value.type is Type.ADDR else value

    def as_native(self, value: ir.Value, unsigned: bool = False) -> ir.Value:
        """int32 or native int -> native int."""
        if value.type is Type.I64:
            return value
        if value.type is Type.I32:
            return self.convert(ConvertKind.ZEXT32 if unsigned else ConvertKind.SEXT32, value, Type.I64)
        raise invalid(f"{value.type.name} where an integer is needed")


_IMPLICIT: Final = {
    (Type.I32, Type.I64): ConvertKind.SEXT32,
    (Type.I64, Type.I32): ConvertKind.TRUNC64,
    (Type.F32, Type.F64): ConvertKind.F32_F64,
    (Type.F64, Type.F32): ConvertKind.F64_F32,
    (Type.ADDR, Type.BYREF): ConvertKind.ADDR_BYREF,
    (Type.ADDR, Type.I64): ConvertKind.ADDR_I64,
    (Type.BYREF, Type.I64): ConvertKind.BYREF_I64,
    (Type.I64, Type.BYREF): ConvertKind.I64_BYREF,
}
_WIDENING: Final = frozenset({(Type.I32, Type.I64), (Type.F32, Type.F64), (Type.I64, Type.BYREF)})
