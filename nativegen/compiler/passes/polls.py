"""Insert polls, so that a collection never waits for a loop to end.

Why here: a thread in compiled code stops only where it calls (facts: joint-design.md 3: even a call per iteration
does not help when the callee is quick), so every cycle of the flow graph needs a place that lets a pending collection
run.

The poll is the first instruction of the loop's header: no value is live there, so nothing needs a home because of it.

Before::

    b1:
      v0: i32 = load_slot i
      ...
      compare_branch lt v1, v2, b1, b2

After::

    b1:
      poll
      v0: i32 = load_slot i
      ...
"""

from __future__ import annotations

from nativegen.compiler import ir
from nativegen.compiler.flow import loop_headers


def insert_polls(function: ir.Function) -> None:
    """Add a ``Poll`` to every loop of the function."""
    for header in loop_headers(function):
        header.instructions.insert(0, ir.Poll())
