"""Exception handling in the IR: which blocks are protected by which handlers (ECMA-335 I.12.4.2).

What: every block has a *scope*, the innermost construct around it: a :class:`TryRegion`, a :class:`Handler`, a
:class:`Filter`, or None for the method itself. Scopes form a tree through ``TryRegion.parent``; a handler hangs on its
try region.

Why here: the runtime unwinds to *funclets*, code that runs on top of the frame it belongs to. So an edge between blocks
of different funclets is not a jump, a call in a funclet must say in which one it is, and what a handler reads must be
in memory. All of that is decided by two questions about a scope, answered here: in which funclet is it
(:func:`funclet_of`), and where do its exceptions go (:func:`enclosing_try`)?

Invariants:

* A finally handler is only the exceptional copy: on the way out of a try block without an exception the code runs
  through an ordinary copy of it, made by the importer (as the JITs do). No jump leads into or out of a funclet except
  ``CatchReturn``.
* A filter contains no try region.
* The exception of a catch handler or filter is in ``exception`` when its entry block begins.

Example: in ``try { A } catch (E) { B } C`` block A has the scope ``t0``, B ``h0``, C None; ``enclosing_try(h0)`` is
None.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nativegen.readytorun.unit import Symbol

if TYPE_CHECKING:
    from nativegen.compiler.ir import Block, Function, Slot


class HandlerKind(enum.IntEnum):
    """Numbered as in CIL (ECMA-335 II.25.4.6)."""

    CATCH = 0
    FILTER = 1  # a catch whose filter decides
    FINALLY = 2
    FAULT = 4


@dataclass(slots=True, eq=False)
class TryRegion:
    """A protected block: one or more catches (in the order they are tried), or one finally or fault.

    Attributes:
        index: unique in the function.
        parent: the scope around the try block and its handlers.
    """

    index: int
    parent: Scope
    handlers: list[Handler] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Handler:
    """A funclet.

    Attributes:
        index: unique in the function.
        exception: CATCH and FILTER: the slot (REF) that holds the exception at entry.
        caught: CATCH: the type.
        filter: FILTER.
    """

    index: int
    kind: HandlerKind
    region: TryRegion
    entry: Block
    exception: Slot | None = None
    caught: Symbol | None = None
    filter: Filter | None = None


@dataclass(slots=True, eq=False)
class Filter:
    """The code that decides whether ``handler`` takes an exception; it ends in ``EndFilter``.

    It runs before anything is unwound, as a function of its own that sees the method's variables.
    """

    handler: Handler
    entry: Block
    exception: Slot


Scope = TryRegion | Handler | Filter | None


def funclet_of(scope: Scope) -> Handler | Filter | None:
    """The funclet that code of this scope is in; None: the method's main body."""
    while isinstance(scope, TryRegion):
        scope = scope.parent
    return scope


def enclosing_try(scope: Scope) -> TryRegion | None:
    """The innermost try region that an exception thrown in this scope meets; None: it leaves the method.

    Exceptions in a filter are swallowed by the runtime, so none encloses it.
    """
    while isinstance(scope, Handler):
        scope = scope.region.parent
    return scope if isinstance(scope, TryRegion) else None


def tries_around(scope: Scope) -> Iterator[TryRegion]:
    """All try regions that an exception thrown in this scope may meet, inner ones first."""
    region = enclosing_try(scope)
    while region is not None:
        yield region
        region = enclosing_try(region.parent)


def handler_entries(block: Block) -> list[Block]:
    """Where control may go when something in the block throws: the entries of all handlers and filters around it."""
    entries = []
    for region in tries_around(block.scope):
        for handler in region.handlers:
            if handler.filter is not None:
                entries.append(handler.filter.entry)
            entries.append(handler.entry)
    return entries


def handlers_of(function: Function) -> list[Handler]:
    """All handlers of a function, by index."""
    return [handler for region in function.regions for handler in region.handlers]
