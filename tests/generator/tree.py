"""CIL as a tree that knows which parts can be left out: what the generator makes and the reducer cuts.

A :class:`Node` is a statement (leaves the evaluation stack as it was) or an expression (pushes one value of its type).
Its parts are lines of ilasm text and further nodes, in order. So a reducer needs no knowledge of CIL: a statement may
be
removed, an expression may become a constant of its type, or any expression of the same type inside it.

>>> one = Node(["ldc.i4 1"], I4)
>>> list(Node([one, one, "add"], I4).lines())
['ldc.i4 1', 'ldc.i4 1', 'add']
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.generator.types import CilType


@dataclass(slots=True)
class Node:
    """``type``: of the value pushed; None for a statement. ``fixed``: the reducer must not replace it."""

    parts: list[str | Node]
    type: CilType | None = None
    fixed: bool = False

    def lines(self) -> Iterator[str]:
        """The text, in order."""
        for part in self.parts:
            if isinstance(part, str):
                yield part
            else:
                yield from part.lines()

    def walk(self) -> Iterator[Node]:
        """This node and all below, outermost first."""
        yield self
        for part in self.parts:
            if isinstance(part, Node):
                yield from part.walk()
