"""The try blocks, handlers and filters of one method body as a tree (ECMA-335 II.19, I.12.4.2.5).

What: :class:`CilRegions` turns the flat clause table into :class:`CilNode` objects and says which one an offset is in.

Why here: the clause table says "from, to" and relies on an order; the importer needs "what is around this instruction".
Everything that the standard demands of the table, and that the rest relies on, is checked while the tree is built.

Invariants: nodes nest properly; a try block, its handlers and its filters have the same parent; several catches of one
try block are one node's ``handlers``, in the order in which the runtime asks them.

Example (``try { } catch (E) { } finally { }`` in C#): a finally node around a try node with one handler, and that
handler, and beside it the finally handler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.metadata.bodies import ClauseKind, ExceptionClause

_MAX_CLAUSES: Final = 400
_CATCHES: Final = (ClauseKind.EXCEPTION, ClauseKind.FILTER)


class CilNode:
    """A range of code, ``begin`` to ``end`` (exclusive), and what is around it."""

    __slots__ = ("begin", "end", "order", "parent")

    def __init__(self, begin: int, end: int, order: int) -> None:
        self.begin = begin
        self.end = end
        self.order = order
        self.parent: CilNode | None = None


class TryNode(CilNode):
    """A try block, with the handlers that protect it."""

    __slots__ = ("handlers",)

    def __init__(self, begin: int, end: int, order: int) -> None:
        super().__init__(begin, end, order)
        self.handlers: list[HandlerNode] = []


class HandlerNode(CilNode):
    """The handler of a clause; ``protects``: its try block; ``filter``: of a filter clause."""

    __slots__ = ("clause", "filter", "protects")

    def __init__(self, clause: ExceptionClause, order: int, protects: TryNode) -> None:
        super().__init__(clause.handler_offset, clause.handler_offset + clause.handler_length, order)
        self.clause = clause
        self.protects = protects
        self.filter: FilterNode | None = None


class FilterNode(CilNode):
    """The code of a filter, which ends where its handler begins."""

    __slots__ = ("handler",)

    def __init__(self, handler: HandlerNode, order: int) -> None:
        super().__init__(handler.clause.class_token_or_filter_offset, handler.begin, order)
        self.handler = handler


class CilRegions:
    """The tree of one body.

    Args:
        clauses: as in the body, inner ones first.

    Raises:
        Excluded: the clauses do not nest as the standard demands.
    """

    def __init__(self, clauses: Sequence[ExceptionClause]) -> None:
        if len(clauses) > _MAX_CLAUSES:
            raise Excluded(Reason.LARGE, f"{len(clauses)} exception clauses")
        self.nodes: list[CilNode] = []
        # The clauses of one try block need not stand together: those inside its handlers come between.
        caught: dict[tuple[int, int], TryNode] = {}
        for clause in clauses:
            key = (clause.try_offset, clause.try_length)
            protects = caught.get(key) if clause.kind in _CATCHES else None
            if protects is None:
                protects = TryNode(clause.try_offset, clause.try_offset + clause.try_length, len(self.nodes))
                self.nodes.append(protects)
                if clause.kind in _CATCHES:
                    caught[key] = protects
            self._add_handler(clause, protects)
        self._nest()

    def _add_handler(self, clause: ExceptionClause, protects: TryNode) -> None:
        handler = HandlerNode(clause, len(self.nodes), protects)
        self.nodes.append(handler)
        protects.handlers.append(handler)
        if clause.kind == ClauseKind.FILTER:
            handler.filter = FilterNode(handler, len(self.nodes))
            self.nodes.append(handler.filter)

    def _nest(self) -> None:
        # Widest first, so that a node's parent is the last one that is still open when it begins.
        ordered = sorted(self.nodes, key=lambda node: (node.begin, -node.end, -node.order))
        stack: list[CilNode] = []
        for node in ordered:
            if node.begin >= node.end:
                raise _malformed("an empty exception range")
            while stack and stack[-1].end <= node.begin:
                stack.pop()
            if stack:
                if node.end > stack[-1].end:
                    raise _malformed("exception ranges that overlap")
                node.parent = stack[-1]
            stack.append(node)
        for node in self.nodes:
            parent = node.parent
            if isinstance(node, HandlerNode) and parent is not node.protects.parent:
                raise _malformed("a handler outside of what is around its try block")
            if isinstance(node, FilterNode) and parent is not node.handler.parent:
                raise _malformed("a filter outside of what is around its handler")
            if isinstance(parent, FilterNode):
                raise Excluded(Reason.EXCEPTION_HANDLING, "try block in a filter")
            if isinstance(parent, (HandlerNode, FilterNode)) and (parent.begin, parent.end) == (node.begin, node.end):
                raise _malformed("equal exception ranges")

    def at(self, offset: int) -> CilNode | None:
        """The innermost node around an offset."""
        best: CilNode | None = None
        for node in self.nodes:
            if node.begin <= offset < node.end and (
                best is None or (node.end - node.begin, node.order) < (best.end - best.begin, best.order)
            ):
                best = node
        return best

    def boundaries(self) -> set[int]:
        """Where blocks must begin."""
        return {offset for node in self.nodes for offset in (node.begin, node.end)}


def contains(outer: CilNode | None, inner: CilNode | None) -> bool:
    """Whether ``outer`` is ``inner`` or around it; None is the method."""
    while inner is not None and inner is not outer:
        inner = inner.parent
    return inner is outer


def _malformed(detail: str) -> Excluded:
    return Excluded(Reason.INVALID_CIL, detail)
