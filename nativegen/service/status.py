"""What the queue and the worker are doing, as one snapshot."""

from __future__ import annotations

from nativegen.cache.index import open_for_reading
from nativegen.service import locks, queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from nativegen.cache.light import NamedTuple


class Status(NamedTuple):
    """One moment.

    Args:
        process: id of the background worker; None: it does not run.
        paused: no new items are taken.
        items: queued, in the order of work, the current one included.
        current: being worked on, by the worker or by ``executeQueuedItems``; progress: how far it is, in words.
    """

    process: int | None
    paused: bool
    items: list[queue.Item]
    current: queue.Item | None
    progress: str

    @property
    def word(self) -> str:
        """What follows 'The .NET Runtime Optimization Service is'."""
        if self.paused:
            return "started and paused"
        return "stopped" if self.process is None else "running"

    def as_json(self) -> dict[str, object]:
        def one(item: queue.Item) -> dict[str, object]:
            return {"priority": item.priority, "command": item.words, "path": item.path}

        return {
            "state": self.word,
            "running": self.process is not None,
            "process": self.process,
            "paused": self.paused,
            "queue": [one(item) for item in self.items],
            "current": None if self.current is None else one(self.current) | {"progress": self.progress},
        }


def status(root: str) -> Status:
    """The state of a cache's queue; of a cache that does not exist: stopped, with nothing queued."""
    index = open_for_reading(root)
    if index is None:
        return Status(None, False, [], None, "")
    with index:
        items = queue.items(index)
        busy = queue.running(index) if locks.is_held(root, locks.QUEUE) else None
        current = next((item for item in items if item.id == busy), None)
        return Status(locks.owner(root), queue.is_paused(index), items, current, queue.progress(index))
