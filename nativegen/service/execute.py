"""Work on queued items, one at a time: what the background worker and ``executeQueuedItems`` share.

An item that fails is reported and leaves the queue, as in ngen: trying it again would fail again. When the cache itself
cannot be used the item stays and the error goes to the caller.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.install import Installed, InstallEvents, install
from nativegen.operations.toolchain import Toolchain
from nativegen.operations.update import update
from nativegen.pipeline.request import CompileReport
from nativegen.plan.decide import Step
from nativegen.service import locks, queue
from nativegen.service.log import Log

_CACHE_UNUSABLE = 4
_PROGRESS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Executed:
    """What became of one item. ``errors``: of roots and assemblies; empty when all went well."""

    item: queue.Item
    installed: tuple[Installed, ...]
    errors: tuple[NativegenError, ...]


def execute_next(
    cache: Cache,
    toolchain: Toolchain,
    jobs: int,
    log: Log,
    events: InstallEvents | None = None,
    greatest: int = queue.IDLE,
    may_start: Callable[[queue.Item], bool] = lambda item: True,
) -> Executed | None:
    """Work on the next item; None when there is none, or when it may not start.

    Waits while another process works on an item, then looks anew.

    Args:
        greatest: only items with a priority number up to this.
        may_start: asked, with the queue's lock held, about the very item that would be worked on.

    Raises:
        NativegenError: the cache cannot be used.
    """
    with locks.held(cache.root, locks.QUEUE):
        item = queue.next_item(cache.index, greatest)
        if item is None or not may_start(item):
            return None
        queue.start(cache.index, item)
        log.write(f"Executing command from offline queue: {item.words} /queue:{item.priority}")
        done = _execute(cache, toolchain, jobs, item, _Watcher(cache, log, events or InstallEvents()))
        for error in done.errors:
            log.write(str(error))
        queue.finish(cache.index, item)
        return done


def _execute(cache: Cache, toolchain: Toolchain, jobs: int, item: queue.Item, events: InstallEvents) -> Executed:
    request = item.request
    errors: list[NativegenError] = []
    installed: Sequence[Installed] = ()
    try:
        if request is None:
            updated = update(cache, toolchain, jobs, events)
            installed = updated.roots
            errors += [error for _, error in updated.unusable]
        else:
            installed = install(cache, [request], toolchain, jobs, events)
    except NativegenError as error:
        if error.exit_code == _CACHE_UNUSABLE:
            raise
        errors.append(error)
    errors += [error for one in installed for _, error in one.failures]
    return Executed(item, tuple(installed), tuple(errors))


class _Watcher(InstallEvents):
    """Writes the log and the progress, and passes everything on."""

    def __init__(self, cache: Cache, log: Log, events: InstallEvents) -> None:
        self._cache, self._log, self._events = cache, log, events
        self._written = 0.0

    def planned(self, stale: Sequence[Step]) -> None:
        self._events.planned(stale)

    def progress(self, done: int, total: int, assembly: str) -> None:
        self._events.progress(done, total, assembly)
        now = time.monotonic()
        if now - self._written >= _PROGRESS_SECONDS:
            self._written = now
            queue.set_progress(self._cache.index, f"{done} of {total} methods, {assembly}")

    def compiled(self, step: Step, report: CompileReport, runtime_version: str) -> None:
        self._log.write(f"1>    Compiling assembly {step.candidate.path} (CLR v{runtime_version}) ...")
        self._events.compiled(step, report, runtime_version)

    def failed(self, step: Step, error: NativegenError) -> None:
        self._log.write(
            f"1>Ngen failed to generate native code for image {step.candidate.path} "
            f"because of the following error: {error.message}"
        )
        self._events.failed(step, error)
