"""The background worker: one process per cache that empties the queue and ends (research V2, R1 to R3, E3, V4).

It starts with the first queued item, works with low priority, gives way to commands that a user waits for, works items
of priority 3 only while the machine is idle, stops when the queue is empty or paused, and does not come back by itself.
Its whole state is in the index, and its life is a file lock: killed at any point, or by a reboot, it leaves an item
that the next worker works on from the beginning, which costs nothing for what was already published.

``NATIVEGEN_SERVICE=off`` in the environment keeps commands from starting it; ``executeQueuedItems`` does the work then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from nativegen.cache.index import Index
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.install import InstallEvents
from nativegen.operations.toolchain import Toolchain
from nativegen.service import locks, queue
from nativegen.service.execute import execute_next
from nativegen.service.idle import Probe, system_probe
from nativegen.service.log import Log
from nativegen.service.sharing import worker_toolchain

POLL_SECONDS = 2.0
_GIVE_WAY_SECONDS = 0.2
_TAKE_OVER_SECONDS = 5.0
_NICE = 10


def start_worker(root: str, index: Index) -> int | None:
    """Start the worker in the background unless it runs, is paused, or is switched off; the process id of a new one."""
    if os.environ.get("NATIVEGEN_SERVICE", "").lower() == "off" or queue.is_paused(index):
        return None
    if queue.expects_worker(index) and locks.is_held(root, locks.SERVICE):
        return None
    worker = subprocess.Popen(
        [sys.executable, "-m", "nativegen.service.worker", root],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=_environment(),
        start_new_session=True,
    )
    return worker.pid


def _environment() -> dict[str, str]:
    """This process's environment, with the place of a nativegen that is not installed."""
    import nativegen

    place = os.path.dirname(os.path.dirname(os.path.abspath(nativegen.__file__)))
    environment = dict(os.environ)
    if os.path.basename(place) not in ("site-packages", "dist-packages"):
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (place, environment.get("PYTHONPATH"))))
    return environment


def work(
    root: str,
    toolchain: Toolchain,
    jobs: int,
    idle: Probe,
    as_task: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Be the worker until the queue is empty; returns the number of items worked on.

    Args:
        idle: asked before each item of priority 3. sleep: how to wait.
        as_task: the native image *task*: queue an update, and stop as soon as the machine is not idle any more.

    Raises:
        NativegenError: the cache cannot be used.
    """
    # A worker that is just ending still holds its lock for a moment.
    with Cache(root) as cache, locks.held(root, locks.SERVICE, seconds=_TAKE_OVER_SECONDS) as got:
        if not got:
            return 0
        locks.write_owner(root)
        log = Log(root)
        queue.note_started(cache.index)
        if as_task:
            queue.enqueue(cache.index, queue.IDLE, queue.UPDATE)
        try:
            return _empty_queue(cache, toolchain, jobs, log, idle, as_task, sleep)
        except NativegenError as error:
            log.write(str(error))
            raise
        finally:
            queue.note_stopped(cache.index)


def _empty_queue(
    cache: Cache,
    toolchain: Toolchain,
    jobs: int,
    log: Log,
    idle: Probe,
    as_task: bool,
    sleep: Callable[[float], None],
) -> int:
    """The work of :func:`work`, whose lock is held; the number of items worked on."""
    index = cache.index
    done = 0
    while True:
        item = queue.next_item(index)
        if item is None or queue.is_paused(index):
            if queue.may_stop(index):
                return done
        elif locks.is_held(cache.root, locks.MANUAL):
            sleep(_GIVE_WAY_SECONDS)
        elif item.priority < queue.IDLE or idle():
            give_way = _GiveWay(cache.root, sleep)
            executed = execute_next(
                cache, toolchain, jobs, log, give_way, item.priority, lambda _: not queue.is_paused(index)
            )
            done += executed is not None
        elif as_task and queue.may_stop(index, leave=queue.IDLE):
            return done
        else:
            sleep(POLL_SECONDS)


class _GiveWay(InstallEvents):
    """Hands out no more work while a user waits for a command of his own."""

    def __init__(self, root: str, sleep: Callable[[float], None]) -> None:
        self._root, self._sleep = root, sleep

    def progress(self, done: int, total: int, assembly: str) -> None:
        while locks.is_held(self._root, locks.MANUAL):
            self._sleep(_GIVE_WAY_SECONDS)


def main(arguments: list[str]) -> int:
    """``python -m nativegen.service.worker CACHE``; the command line starts it."""
    (root,) = arguments
    os.nice(_NICE)
    jobs = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with worker_toolchain(root, os.environ) as toolchain:
        work(root, toolchain, jobs, system_probe(os.environ))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
