"""One ``-j`` budget for SCons and the compile workers.

What: a counting budget of worker slots. Each image action takes at least one and, for large inputs, every slot that is
idle; its compile process gets that number as its ``-j``.

Why here: SCons starts up to ``-j`` actions, and each could start workers of its own; together they must not use more
cores than the user allowed. Actions beyond the budget wait.

>>> budget = JobBudget(4)
>>> with budget.take(3) as jobs: jobs
3
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class JobBudget:
    """Worker slots shared by all image actions of a build.

    Args:
        total: SCons' ``num_jobs``, at least 1.
    """

    def __init__(self, total: int) -> None:
        self.total = max(1, total)
        self._idle = self.total
        self._condition = threading.Condition()

    @contextlib.contextmanager
    def take(self, wanted: int) -> Iterator[int]:
        """Wait for one slot, take up to ``wanted`` idle ones, and give them back at the end."""
        with self._condition:
            self._condition.wait_for(lambda: self._idle > 0)
            taken = max(1, min(wanted, self._idle))
            self._idle -= taken
        try:
            yield taken
        finally:
            with self._condition:
                self._idle += taken
                self._condition.notify_all()
