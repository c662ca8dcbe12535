"""The verifier's rules about exception handling: see :mod:`nativegen.compiler.regions`.

Why here: LLVM accepts a jump between funclets as unreachable code and deletes it silently, so these mistakes would
otherwise show as missing code.

Example: a ``jump`` from a catch handler into the method's body gives
``IrError: M: b3: jump b4: leads out of its funclet``.
"""

from __future__ import annotations

from collections.abc import Callable

from nativegen.compiler import ir
from nativegen.compiler.operands import successors
from nativegen.compiler.regions import Filter, Handler, HandlerKind, Scope, TryRegion, funclet_of

Require = Callable[[bool, str], None]

_CATCHES = (HandlerKind.CATCH, HandlerKind.FILTER)


def verify_regions(function: ir.Function, require: Require) -> None:
    """Check the tree of regions.

    Args:
        require: called with each condition and the message of its violation.
    """
    seen: set[Scope] = {None}
    indices: set[int] = set()
    for position, region in enumerate(function.regions):
        require(region.index == position, f"t{region.index} at position {position}")
        require(region.parent in seen, f"t{position} before its parent")
        require(not isinstance(region.parent, Filter), f"t{position} in a filter")
        require(bool(region.handlers), f"t{position} without handlers")
        seen.add(region)
        catches = [handler for handler in region.handlers if handler.kind in _CATCHES]
        require(len(catches) == len(region.handlers) or len(region.handlers) == 1, f"t{position} mixes handlers")
        for handler in region.handlers:
            name = f"h{handler.index}"
            require(handler.region is region and handler.index not in indices, f"{name} is misplaced")
            indices.add(handler.index)
            seen.add(handler)
            require(handler.entry.scope is handler, f"{name} begins elsewhere")
            is_catch = handler.kind in _CATCHES
            slot = handler.exception
            require((slot is not None) == is_catch, f"{name}: exceptions are for catches")
            require(slot is None or slot.memory is ir.Memory.REF, f"{name}: the exception is a reference")
            require((handler.caught is not None) == (handler.kind is HandlerKind.CATCH), f"{name}: caught type")
            require((handler.filter is not None) == (handler.kind is HandlerKind.FILTER), f"{name}: filter")
            if handler.filter is not None:
                seen.add(handler.filter)
                require(handler.filter.entry.scope is handler.filter, f"{name}: the filter begins elsewhere")
    for block in function.blocks:
        require(block.scope in seen, f"b{block.index} is in a region of another function")
    require(not function.blocks or function.blocks[0].scope is None, "the entry block is in a region")


def verify_edges(block: ir.Block, require: Require) -> None:
    """Check how a block ends."""
    here = funclet_of(block.scope)
    last = block.instructions[-1]
    if isinstance(last, ir.CatchReturn):
        require(isinstance(here, Handler) and here.kind in _CATCHES, "outside of a catch handler")
        assert isinstance(here, Handler)
        require(funclet_of(last.target.scope) is funclet_of(here.region.parent), "leads into another funclet")
        return
    if isinstance(last, ir.EndFinally):
        known = isinstance(here, Handler) and here.kind not in _CATCHES
        require(known and not isinstance(block.scope, TryRegion), "outside of a finally handler")
    elif isinstance(last, ir.EndFilter):
        require(isinstance(here, Filter), "outside of a filter")
    elif isinstance(last, ir.Return):
        require(here is None, "return from a funclet")
    for successor in successors(block):
        require(funclet_of(successor.scope) is here, "leads out of its funclet")
