"""Importing exception handling: scopes of blocks, ways out of them, and the copies of finally handlers.

What: :class:`RegionImporter` is the part of a :class:`~nativegen.compiler.importer.MethodImporter` that knows the try
blocks; methods without any do not have one. The opcodes are ``leave``, ``endfinally``, ``endfilter`` and ``rethrow``.

Why here: CIL says "leave to IL_0040" and means: end the catch handlers on the way, run the finally handlers on the way,
inner ones first. Here that becomes a chain of blocks.

How a finally runs: when an exception passes, the runtime calls the handler, a funclet. Without one, control goes
through a second import of the same CIL, a :class:`Copy`, that belongs to the code around the try block. One copy serves
all ways out of its try block: each stores its number in a selector, and where the copy ends, a switch on it goes on.

Invariants: code is imported once per copy, and a block is known by its copy and offset. A try region of the IR is made
when its first block is, and then all its handlers are imported.

Example (``try { if (c) return 1; A } finally { F } return 2``)::

    b1 in t0: branch c, b2, b3
    b2 in t0: store_slot result, 1; jump b7
    b3 in t0: A; jump b8
    b4 in h0: F; end_finally
    b5: F; switch selector [b6], b9        ; the copy
    b7: store_slot selector, 0; jump b5
    b8: store_slot selector, 1; jump b5
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nativegen.compiler import helper_abis, ir
from nativegen.compiler.cil_regions import CilNode, CilRegions, FilterNode, HandlerNode, TryNode, contains
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.import_objects import is_instance
from nativegen.compiler.importer import CilBlock, Copy, Handler, MethodImporter, invalid
from nativegen.compiler.ir import Memory, SlotKind, Type
from nativegen.compiler.regions import Filter, HandlerKind, Scope, TryRegion
from nativegen.compiler.regions import Handler as IrHandler
from nativegen.metadata.bodies import ClauseKind
from nativegen.metadata.ops import Op
from nativegen.readytorun.enums import Helper

if TYPE_CHECKING:
    from nativegen.metadata.bodies import ExceptionClause

_MAX_COPIES: Final = 64  # of finally handlers: nested ones multiply


class NormalPath:
    """The copy of a finally handler for leaving its try block without an exception.

    Attributes:
        entry: its first block.
        exits: where to go on, by selector value.
        ways: the blocks that lead to it, with their selector values.
        ends: its blocks that end with ``endfinally``.
    """

    __slots__ = ("copy", "ends", "entry", "exits", "ways")

    def __init__(self, copy: Copy, entry: ir.Block) -> None:
        self.copy = copy
        self.entry = entry
        self.exits: list[ir.Block] = []
        self.ways: list[tuple[ir.Block, int]] = []
        self.ends: list[ir.Block] = []


class RegionImporter:
    """The try blocks of one method while it is imported.

    Args:
        importer: the method.
        clauses: of its body.

    Raises:
        Excluded: the clauses make no sense.
    """

    def __init__(self, importer: MethodImporter, clauses: tuple[ExceptionClause, ...]) -> None:
        self._importer = importer
        self._function = importer.function
        self._tree = CilRegions(clauses)
        self._scopes: dict[tuple[Copy, CilNode], Scope] = {}
        self._paths: dict[tuple[Copy, HandlerNode], NormalPath] = {}
        self._ways: dict[tuple[Copy, CilNode | None, int], ir.Block] = {}
        self._handlers = len(self._function.regions)  # those made before have, or will have, one each

    # --- where things are ---------------------------------------------------------------------------------------------

    def boundaries(self) -> set[int]:
        """Offsets where a block must begin."""
        return self._tree.boundaries()

    def node(self, offset: int) -> CilNode | None:
        """What is around an offset."""
        return self._tree.at(offset)

    def scope(self, copy: Copy, node: CilNode | None) -> Scope:
        """The scope of blocks in ``node``."""
        if node is copy.root:
            return copy.scope
        assert node is not None
        known = self._scopes.get((copy, node))
        if known is None:
            if isinstance(node, TryNode):
                self._make_region(copy, node)
            else:
                # A handler that is reached other than by an exception.
                raise invalid("code runs into a handler")
            known = self._scopes[copy, node]
        return known

    def _make_region(self, copy: Copy, node: TryNode) -> None:
        function = self._function
        parent = self.scope(copy, node.parent)
        region = TryRegion(len(function.regions), parent)
        function.regions.append(region)
        self._scopes[copy, node] = region
        for handler_node in node.handlers:
            region.handlers.append(self._make_handler(copy, handler_node, region))

    def _make_handler(self, copy: Copy, node: HandlerNode, region: TryRegion) -> IrHandler:
        clause = node.clause
        kind = HandlerKind(clause.kind)
        catches = kind in (HandlerKind.CATCH, HandlerKind.FILTER)
        importer = self._importer
        entry = self._function.new_block(node.begin)
        handler = IrHandler(self._handlers, kind, region, entry)
        self._handlers += 1
        self._scopes[copy, node] = entry.scope = handler
        stack: tuple[ir.Slot, ...] = ()
        if catches:
            stack = (importer.exception_slot(),)
            handler.exception = stack[0]
        if kind is HandlerKind.CATCH:
            handler.caught = importer.compiler.caught_type(clause.class_token_or_filter_offset)
            if handler.caught is None:
                handler.kind = HandlerKind.FILTER
                filter_entry = self._function.new_block(node.begin)
                handler.filter = filter_entry.scope = Filter(handler, filter_entry, stack[0])
                with importer.aside(filter_entry):
                    _emit_type_filter(importer, stack[0], clause.class_token_or_filter_offset)
        if node.filter is not None:
            filter_entry = self._function.new_block(node.filter.begin)
            handler.filter = Filter(handler, filter_entry, stack[0])
            self._scopes[copy, node.filter] = filter_entry.scope = handler.filter
            importer.start_block(copy, node.filter.begin, filter_entry, stack)
        importer.start_block(copy, node.begin, entry, stack)
        return handler

    # --- ordinary control flow ----------------------------------------------------------------------------------------

    def check_jump(self, source: CilBlock, target: CilBlock) -> None:
        """A jump or fall-through may only stay where it is, or enter try blocks at their start.

        Raises:
            Excluded: INVALID_CIL.
        """
        node = target.node
        while node is not source.node:
            if not isinstance(node, TryNode) or node.begin != target.offset:
                raise invalid(f"jump into or out of a protected region at 0x{target.offset:x}")
            if self._importer.stack:
                raise invalid("values on the stack when a try block is entered")
            node = node.parent

    # --- leaving ------------------------------------------------------------------------------------------------------

    def leave(self, source: CilBlock, target: int) -> ir.Block:
        """The block that ``leave target`` in ``source`` jumps to."""
        return self._way_out(source.copy, source.node, target)

    def _way_out(self, copy: Copy, node: CilNode | None, target: int) -> ir.Block:
        """The block that goes on from inside ``node`` to ``target``."""
        destination = self.node(target)
        key = (copy, node, target)
        known = self._ways.get(key)
        if known is not None:
            return known
        if contains(node, destination):
            block = self._target(copy, node, target)
        elif node is copy.root or node is None:
            raise invalid("leave out of a finally handler")
        elif isinstance(node, TryNode):
            block = self._way_out(copy, node.parent, target)
            last = node.handlers[0]
            if last.clause.kind == ClauseKind.FINALLY:
                block = self._through(copy, last, block)
        elif isinstance(node, HandlerNode) and node.clause.kind in (ClauseKind.EXCEPTION, ClauseKind.FILTER):
            outside = self._way_out(copy, node.parent, target)
            block = self._function.new_block(self._importer.offset, self.scope(copy, node))
            block.instructions.append(ir.CatchReturn(outside))
        else:
            raise invalid("leave out of a finally handler or a filter")
        self._ways[key] = block
        return block

    def _target(self, copy: Copy, node: CilNode | None, offset: int) -> ir.Block:
        cil = self._importer.cil_block(copy, offset)
        inner = cil.node
        while inner is not node:
            if not isinstance(inner, TryNode) or inner.begin != offset:
                raise invalid(f"leave into a protected region at 0x{offset:x}")
            inner = inner.parent
        return self._importer.enter_empty(cil)

    def _through(self, copy: Copy, node: HandlerNode, following: ir.Block) -> ir.Block:
        """A block that runs a finally handler and then goes to ``following``."""
        path = self._paths.get((copy, node))
        if path is None:
            path = self._paths[copy, node] = self._make_path(copy, node)
        if following not in path.exits:
            path.exits.append(following)
        way = self._function.new_block(self._importer.offset, path.copy.scope)
        path.ways.append((way, path.exits.index(following)))
        return way

    def _make_path(self, copy: Copy, node: HandlerNode) -> NormalPath:
        if len(self._paths) >= _MAX_COPIES:
            raise Excluded(Reason.LARGE, "nested finally handlers")
        scope = self.scope(copy, node.parent)
        inner = Copy(node, scope)
        cil = self._importer.cil_block(inner, node.begin)
        path = NormalPath(inner, self._importer.enter_empty(cil))
        inner.normal_path = path
        return path

    def finish(self) -> None:
        """Connects the copies of finally handlers, when all ways through them are known."""
        for path in self._paths.values():
            self._connect(path)

    def _connect(self, path: NormalPath) -> None:
        function = self._function
        if len(path.exits) == 1:
            for way, _ in path.ways:
                way.instructions.append(ir.Jump(path.entry))
            for end in path.ends:
                end.instructions.append(ir.Jump(path.exits[0]))
            return
        selector = function.new_slot(f"way{path.entry.index}", SlotKind.TEMP, memory=Memory.I32)
        for way, number in path.ways:
            value = function.new_value(Type.I32)
            way.instructions += [ir.Const(value, number), ir.StoreSlot(selector, value), ir.Jump(path.entry)]
        for end in path.ends:
            value = function.new_value(Type.I32)
            end.instructions += [
                ir.LoadSlot(value, selector),
                ir.Switch(value, tuple(path.exits[:-1]), path.exits[-1]),
            ]


def _emit_type_filter(importer: MethodImporter, exception: ir.Slot, token: int) -> None:
    """A filter that takes exceptions of a type: what a catch clause means that cannot name its type.

    The runtime resolves a clause's token in the metadata of the method's module, and .NET 9 not in terms of type
    parameters at all; its JIT makes the same filter of such clauses.
    """
    importer.push_loaded(exception)
    is_instance(importer, token)
    null = importer.const(Type.REF, 0)
    caught = importer.value(Type.I32)
    importer.emit(ir.Compare(caught, ir.Condition.NE, importer.pop_value(), null))
    importer.end(ir.EndFilter(caught))


# --- opcodes ----------------------------------------------------------------------------------------------------------


def _regions(importer: MethodImporter) -> RegionImporter:
    if importer.regions is None:
        raise invalid("leaving a protected region where there is none")
    return importer.regions


def _leave(importer: MethodImporter, target: int) -> None:
    cil = importer.source
    importer.stack.clear()
    if importer.regions is None:  # allowed anywhere: a branch that empties the stack
        importer.jump(target)
        return
    importer.end(ir.Jump(importer.regions.leave(cil, target)))


def _end_finally(importer: MethodImporter, operand: None) -> None:
    _regions(importer)
    cil = importer.source
    importer.stack.clear()
    node = cil.node
    if not isinstance(node, HandlerNode) or node.clause.kind not in (ClauseKind.FINALLY, ClauseKind.FAULT):
        raise invalid("endfinally outside of a finally handler")
    path = cil.copy.normal_path
    if node is cil.copy.root:
        assert isinstance(path, NormalPath) and importer.current is not None
        path.ends.append(importer.current)
        importer.current = None
        return
    importer.end(ir.EndFinally())


def _end_filter(importer: MethodImporter, operand: None) -> None:
    _regions(importer)
    value = importer.coerce(importer.pop(), Memory.I32)
    if not isinstance(importer.source.node, FilterNode) or importer.stack:
        raise invalid("endfilter outside of a filter")
    importer.end(ir.EndFilter(value))


def _rethrow(importer: MethodImporter, operand: None) -> None:
    _regions(importer)
    node = importer.source.node
    while isinstance(node, TryNode):
        node = node.parent
    if not isinstance(node, HandlerNode) or node.clause.kind not in (ClauseKind.EXCEPTION, ClauseKind.FILTER):
        raise invalid("rethrow outside of a catch handler")
    importer.call_helper(importer.cells.helper(Helper.Rethrow), helper_abis.RETHROW, (), noreturn=True)
    importer.end(ir.Unreachable())


HANDLERS: dict[int, Handler] = {
    Op.LEAVE: _leave,
    Op.LEAVE_S: _leave,
    Op.ENDFINALLY: _end_finally,
    Op.ENDFILTER: _end_filter,
    Op.RETHROW: _rethrow,
}
