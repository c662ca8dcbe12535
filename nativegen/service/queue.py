"""The persistent queue (research R1 to R4, Q1, Q2, V1, V3) and the state of the service, both in the cache's index.

Rules. Order is priority, then time of queueing. Equal commands coalesce: the second one adds nothing, or raises the
priority of the first when its own number is lower. An item stays in the queue until it is *done*, so a killed worker
loses nothing; a command that is queued again while it runs is run again afterwards, because its input may have changed.
``items of priority N`` always means: number at most N.

>>> index = Index(":memory:")
>>> enqueue(index, 3, UPDATE), enqueue(index, 3, UPDATE), enqueue(index, 1, UPDATE)
('queued', 'already queued', 'queued with a higher priority')
>>> [(item.priority, item.words) for item in items(index)]
[(1, 'update')]
"""

from __future__ import annotations

import json

from nativegen.cache.index import Index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from nativegen.operations.request import InstallRequest
else:
    from nativegen.cache.light import NamedTuple

PRIORITIES = (1, 2, 3)
IMMEDIATE, SOON, IDLE = PRIORITIES
UPDATE = '{"action": "update"}'

_PAUSED, _STATE, _RUNNING, _PROGRESS = "paused", "state", "running", "progress"


class Item(NamedTuple):
    """One queued command; ``command`` is JSON: action, and for ``install`` path and options."""

    id: int
    priority: int
    command: str

    @property
    def path(self) -> str:
        """The assembly of an ``install``, else ''."""
        path: str = json.loads(self.command).get("path", "")
        return path

    @property
    def request(self) -> InstallRequest | None:
        """What an ``install`` asks for; None: the item is an ``update``."""
        from nativegen.operations.request import InstallRequest  # not for `queue status`, which must start at once

        command = json.loads(self.command)
        return InstallRequest.from_json(command["path"], command["options"]) if "path" in command else None

    @property
    def words(self) -> str:
        """The command as ngen writes it into its log, without /queue."""
        request = self.request
        if request is None:
            return "update"
        parts = [f'install "{request.path}"']
        parts += ["/Debug"] * request.debug + ["/Profile"] * request.profile
        parts += ["/NoDependencies"] * request.no_dependencies
        parts += [f'/ExeConfig:"{request.exe_config}"'] if request.exe_config else []
        parts += [f'/AppBase:"{request.app_base}"'] if request.app_base else []
        return " ".join(parts)


def install_command(request: InstallRequest) -> str:
    """The ``command`` of an install."""
    return json.dumps({"action": "install", "path": request.path, "options": request.as_json()}, sort_keys=True)


def enqueue(index: Index, priority: int, command: str) -> str:
    """Add a command; returns what happened, in words."""
    with index.transaction():
        same = next((item for item in items(index) if item.command == command), None)
        if same is None:
            index.put_queued(priority, command)
            return "queued"
        if same.id == running(index):
            index.requeue(same.id, min(priority, same.priority))
            return "queued again, behind the work that has begun on it"
        if same.priority <= priority:
            return "already queued"
        index.set_queued_priority(same.id, priority)
        return "queued with a higher priority"


def items(index: Index, greatest: int = IDLE) -> list[Item]:
    """Everything queued with a priority number of at most ``greatest``, in the order of work."""
    return [Item(*row) for row in index.queued() if row[1] <= greatest]


def queued_paths(index: Index) -> list[str]:
    """The assemblies that are to be installed, each once."""
    return sorted({item.path for item in items(index) if item.path})


def next_item(index: Index, greatest: int = IDLE) -> Item | None:
    """The item to work on next, with a priority number of at most ``greatest``."""
    return next(iter(items(index, greatest)), None)


def start(index: Index, item: Item) -> None:
    """Note that an item is being worked on."""
    with index.transaction():
        index.set_service_value(_RUNNING, str(item.id))
        index.set_service_value(_PROGRESS, "")


def finish(index: Index, item: Item) -> None:
    """Remove an item that is done; unless it was queued again meanwhile."""
    with index.transaction():
        index.remove_queued(item.id)
        index.set_service_value(_RUNNING, "")
        index.set_service_value(_PROGRESS, "")


def running(index: Index) -> int | None:
    """Row of the item that is, or was when its process died, being worked on."""
    value = index.service_value(_RUNNING)
    return int(value) if value else None


def set_progress(index: Index, text: str) -> None:
    """What ``service status`` shows of the running item."""
    with index.transaction():
        index.set_service_value(_PROGRESS, text)


def progress(index: Index) -> str:
    """What :func:`set_progress` noted last; empty when nothing runs."""
    return index.service_value(_PROGRESS)


def pause(index: Index) -> None:
    """Take no new items until :func:`resume`."""
    with index.transaction():
        index.set_service_value(_PAUSED, "1")


def resume(index: Index) -> None:
    """Take items again."""
    with index.transaction():
        index.set_service_value(_PAUSED, "")


def is_paused(index: Index) -> bool:
    """Whether :func:`pause` holds."""
    return bool(index.service_value(_PAUSED))


def note_started(index: Index) -> None:
    """The worker will look at the queue from now on."""
    with index.transaction():
        index.set_service_value(_STATE, "running")


def may_stop(index: Index, leave: int | None = None) -> bool:
    """Note that the worker stops, if nothing is left to do for it; whoever queues later then starts a new one.

    Args:
        leave: items of this priority may stay behind.
    """
    with index.transaction():
        left = [item for item in items(index) if item.priority != leave]
        if left and not is_paused(index):
            return False
        index.set_service_value(_STATE, "")
        return True


def note_stopped(index: Index) -> None:
    """The worker ends for another reason."""
    with index.transaction():
        index.set_service_value(_STATE, "")


def expects_worker(index: Index) -> bool:
    """Whether a worker has said that it will look at the queue again (it may have died since)."""
    return index.service_value(_STATE) == "running"
