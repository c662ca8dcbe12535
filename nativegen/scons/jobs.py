"""One ``-j`` budget for SCons and the compile workers.

What: a counting budget of worker slots. Each image action takes at least one and, for large inputs, every slot that is
idle; its compile process gets that number as its ``-j``.

Why here: SCons starts up to ``-j`` actions, and each could start workers of its own; together they must not use more
cores than the user allowed. Actions beyond the budget wait.

>>> budget = JobBudget(lambda: 4)
>>> with budget.take(3) as jobs: jobs
3
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class JobBudget:
    """Worker slots shared by all image actions of a build.

    Args:
        total: returns SCons' ``num_jobs``; asked when the first slot is taken.
    """

    def __init__(self, total: Callable[[], int]) -> None:
        self._ask = total
        self._total: int | None = None
        self._idle = 0
        self._condition = threading.Condition()

    @contextlib.contextmanager
    def take(self, wanted: int | None = None) -> Iterator[int]:
        """Wait for one slot, take up to ``wanted`` idle ones (None: all), and give them back at the end."""
        with self._condition:
            if self._total is None:
                self._total = self._idle = max(1, self._ask())
            self._condition.wait_for(lambda: self._idle > 0)
            taken = max(1, min(self._total if wanted is None else wanted, self._idle))
            self._idle -= taken
        try:
            yield taken
        finally:
            with self._condition:
                self._idle += taken
                self._condition.notify_all()
