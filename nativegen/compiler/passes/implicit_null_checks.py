"""Let an access that follows its null check be the check: the hardware faults, the runtime throws.

Why here: in cheaply compiled methods (see :mod:`nativegen.compiler.emit`) a check costs an instruction and a volatile
load; most are followed at once by an access through the same pointer near its start, which faults just as well.

A check moves down to its access only over instructions that have no effect and cannot fail, so that nothing happens
earlier or later than CIL says. The runtime recognises faults only below ``Target.null_page_limit``.

Before::

    null_check v0
    v1: i32 = const 1
    store v0, 8, i32, v1

After::

    v1: i32 = const 1
    store v0, 8, i32, v1 faulting
"""

from __future__ import annotations

from nativegen.compiler import ir

_HARMLESS = (
    ir.Const,
    ir.LoadSlot,
    ir.SlotAddress,
    ir.Unary,
    ir.Convert,
    ir.Compare,
    ir.Offset,
    ir.Index,
    ir.LoadCell,
    ir.CellAddress,
)


def fold_null_checks(function: ir.Function, null_page_limit: int) -> None:
    """Replace null checks by faulting accesses.

    Args:
        function: is changed in place.
        null_page_limit: bytes from null that are certain to fault (``Target.null_page_limit``).
    """
    for block in function.blocks:
        instructions = block.instructions
        folded = {
            index
            for index, instruction in enumerate(instructions)
            if isinstance(instruction, ir.NullCheck) and _fold(instruction, instructions, index, null_page_limit)
        }
        if folded:
            block.instructions = [each for index, each in enumerate(instructions) if index not in folded]


def _fold(check: ir.NullCheck, instructions: list[ir.Instruction], index: int, limit: int) -> bool:
    for follower in instructions[index + 1 :]:
        if isinstance(follower, (ir.Load, ir.Store)):
            if follower.address is check.value and 0 <= follower.offset < limit:
                follower.faulting = True
                return True
            if isinstance(follower, ir.Load) and not (follower.faulting or follower.volatile):
                continue  # its own check came earlier: it cannot fail
            return False
        if isinstance(follower, (ir.ArrayLength, ir.BoundsCheck)):
            if follower.array is check.value:
                follower.nonnull = False
                return True
            return False
        if not isinstance(follower, (*_HARMLESS, ir.Binary)):
            return False
    return False
