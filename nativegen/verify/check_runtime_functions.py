"""Check ``runtime-functions``: the pieces of code are sorted by address and do not overlap.

The runtime finds the method of an address by binary search in this table: out of order, stack walks go wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nativegen.verify.model import Check, Finding, Severity, Subject


def check_runtime_functions(subject: Subject) -> Iterator[Finding]:
    """The first finding about section 102."""
    image = subject.image
    functions = image.runtime_functions
    for function in functions[-1:]:
        if not function.begin < function.end <= len(image.memory):
            yield Finding(Severity.ABORT, f"the runtime function at {function.begin:#x} lies outside the image")
    for first, second in pairwise(functions):
        if not first.begin < first.end <= second.begin:
            message = f"runtime functions at {first.begin:#x} and {second.begin:#x} are out of order"
            yield Finding(Severity.ABORT, message)
            return


CHECK = Check("runtime-functions", "pieces of code are in order", check_runtime_functions)
