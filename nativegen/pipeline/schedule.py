"""Which methods go to the workers next.

Largest assemblies first, because the long ones must not be left for the end; as many assemblies as there are workers
take turns, so that each worker can stay with one of them. Batches are made as workers become idle: these are busy
while the keys of the next assembly are computed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from nativegen.pipeline.job import Job
from nativegen.pipeline.worker import BatchItem

#: Methods per batch: enough to amortise an LLVM module, few enough to balance the load and to bisect a crash quickly.
BATCH_METHODS = 60

_NOBODY = -1
_Batch = tuple[int, list[BatchItem]]  # index of the request, methods


class Preparer(Protocol):
    """What the parent process does for a job around its first batches; :class:`nativegen.pipeline.linker.Linker`."""

    def reuse(self, job: Job) -> list[int]:
        """The methods of a job that have to be compiled."""
        ...

    def prepare(self, job: Job) -> None:
        """Whatever does not need their outcomes."""
        ...


class Schedule:
    """Batches for :meth:`nativegen.backend.workers.WorkerPool.map_batches`.

    Args:
        jobs: by index of their request; whoever is done with one takes it out, and at the end there are none.
        preparer: asked when a job's turn comes.
        width: how many assemblies take turns.
    """

    def __init__(self, jobs: Mapping[int, Job], preparer: Preparer, width: int) -> None:
        self._jobs = jobs
        self._preparer = preparer
        self._width = width
        self._owners: list[int] = []
        self._following: deque[_Batch] = deque()

    def owner(self, batch: int) -> int:
        """Index of the request that a batch belongs to, by the batch's number."""
        return self._owners[batch]

    def follow(self, index: int, items: Sequence[BatchItem]) -> None:
        """These are next: what the outcomes of a job have called for; without any, the job gets one more turn."""
        self._following.extend(_in_batches(index, items))

    def batches(self) -> Iterator[list[BatchItem] | None]:
        """All batches; None while the next one depends on outcomes that are still to come."""
        waiting = deque(sorted(self._jobs, key=lambda index: -len(self._jobs[index].rids)))
        active: deque[Iterator[_Batch]] = deque()
        while waiting or active:
            while waiting and len(active) < self._width:
                active.append(self._first_batches(waiting.popleft()))
            while self._following:
                yield self._hand_out(self._following.popleft())
            batch = next(active[0], None)
            if batch is None:
                active.popleft()
                continue
            active.rotate(-1)
            yield self._hand_out(batch)
        while self._jobs:
            if self._following:
                yield self._hand_out(self._following.popleft())
            else:
                self._owners.append(_NOBODY)
                yield None

    def _first_batches(self, index: int) -> Iterator[_Batch]:
        job = self._jobs[index]
        yield from _in_batches(index, [BatchItem(index, rid) for rid in self._preparer.reuse(job)])
        self._preparer.prepare(job)  # while a worker compiles

    def _hand_out(self, batch: _Batch) -> list[BatchItem]:
        index, items = batch
        self._owners.append(index)
        return items


def _in_batches(index: int, items: Sequence[BatchItem]) -> Iterator[_Batch]:
    # What is complete already still needs a turn.
    for first in range(0, max(1, len(items)), BATCH_METHODS):
        yield index, list(items[first : first + BATCH_METHODS])
