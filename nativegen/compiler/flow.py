"""Facts about the control flow graph of an IR function: order, loops, liveness of slots.

Everything here is computed on demand and kept nowhere: functions are small, and a pass that changes blocks needs no
bookkeeping.

Invariants: sets of slots are Python ints, bit *i* is ``function.slots[i]``; only blocks reachable from the entry are
seen. Every block of a try region is assumed to throw, at any of its instructions.

Example: in ``while (i < n) i++`` the block of the condition is the loop header; ``i`` is live at its start.
"""

from __future__ import annotations

from nativegen.compiler import ir
from nativegen.compiler.operands import successors
from nativegen.compiler.regions import handler_entries


def all_successors(block: ir.Block) -> tuple[ir.Block, ...]:
    """Where control may go from the block, by its end or by an exception."""
    if block.scope is None:
        return successors(block)
    return (*successors(block), *handler_entries(block))


def reverse_postorder(function: ir.Function) -> list[ir.Block]:
    """Reachable blocks, each before its successors except along back edges."""
    return _depth_first(function)[0]


def loop_headers(function: ir.Function) -> list[ir.Block]:
    """Targets of the retreating edges of a depth-first walk: every cycle contains one of them."""
    return _depth_first(function)[1]


def _depth_first(function: ir.Function) -> tuple[list[ir.Block], list[ir.Block]]:
    # An explicit stack: generated methods have thousands of blocks in a row.
    state = [0] * len(function.blocks)  # 0 new, 1 on the stack, 2 done
    postorder: list[ir.Block] = []
    headers: dict[int, ir.Block] = {}
    entry = function.blocks[0]
    state[entry.index] = 1
    stack = [(entry, iter(all_successors(entry)))]
    while stack:
        block, rest = stack[-1]
        for successor in rest:
            if state[successor.index] == 0:
                state[successor.index] = 1
                stack.append((successor, iter(all_successors(successor))))
                break
            if state[successor.index] == 1:
                headers[successor.index] = successor
        else:
            state[block.index] = 2
            postorder.append(block)
            stack.pop()
    postorder.reverse()
    return postorder, [headers[index] for index in sorted(headers)]


def live_slots_at_end(function: ir.Function, order: list[ir.Block]) -> tuple[dict[int, int], dict[int, int]]:
    """Which scalar slots may still be read: live at the end of each block and at its start, by block index.

    Only ``LoadSlot`` and ``StoreSlot`` count: the result says nothing about slots whose address is taken.
    """
    used: dict[int, int] = {}
    stored: dict[int, int] = {}
    for block in order:
        reads = writes = 0
        for instruction in block.instructions:
            if type(instruction) is ir.LoadSlot:
                bit = 1 << instruction.slot.index
                if not writes & bit:
                    reads |= bit
            elif type(instruction) is ir.StoreSlot:
                writes |= 1 << instruction.slot.index
        used[block.index], stored[block.index] = reads, writes
    live_in = dict.fromkeys(used, 0)
    live_out = dict.fromkeys(used, 0)
    handlers = {block.index: handler_entries(block) for block in order if block.scope is not None}
    changed = True
    while changed:
        changed = False
        for block in reversed(order):
            out = 0
            for successor in successors(block):
                out |= live_in[successor.index]
            index = block.index
            caught = 0  # may be read from any point of the block on
            for entry in handlers.get(index, ()):
                caught |= live_in[entry.index]
            live_out[index] = out | caught
            live = used[index] | (out & ~stored[index]) | caught
            if live != live_in[index]:
                live_in[index] = live
                changed = True
    return live_out, live_in
