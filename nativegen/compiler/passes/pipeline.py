"""The passes in their order, and how much optimisation a method gets.

Order matters: checks are removed before the remaining ones are folded into accesses; polls come last, because they are
safepoints and would stop the other passes for nothing.

Example: ``run_passes(function, target)`` on a straight-line method returns ``Effort.CHEAP``.
"""

from __future__ import annotations

from nativegen.compiler import ir
from nativegen.compiler.flow import loop_headers
from nativegen.compiler.lowered import Effort
from nativegen.compiler.passes.implicit_null_checks import fold_null_checks
from nativegen.compiler.passes.null_checks import remove_null_checks
from nativegen.compiler.passes.polls import insert_polls
from nativegen.readytorun.targets import Target


def run_passes(function: ir.Function, target: Target, effort: Effort | None = None) -> Effort:
    """Rewrite the function in place.

    Args:
        function: as imported.
        target: the runtime it is for.
        effort: wanted by the user, or None.

    Returns:
        The effort to compile with: ``effort``, or what the method is worth.
    """
    if effort is None:
        effort = Effort.FULL if loop_headers(function) else Effort.CHEAP
    remove_null_checks(function)
    if effort is Effort.CHEAP:
        fold_null_checks(function, target.null_page_limit)
    insert_polls(function)
    return effort
