"""A pool of worker processes that survives its workers: LLVM aborts, runs out of memory or loops, one item is lost.

LLVM ends the whole process on input that it does not support. So compilation runs in workers; when one dies (abort,
segmentation fault, out of memory, time-out), its batch is cut in halves that run in fresh workers, until the guilty
item is alone and the caller says what to record for it. The pool knows nothing of methods: items, results and the
function are the caller's.

Invariants: every item gets exactly one result; results do not depend on the number of workers, nor on which of them ran
what, as long as the function's results for an item do not depend on its neighbours. Workers ignore Ctrl-C and end with
the pool, also when the pool's process is killed.

Items for which the function kills its process are told apart (the functions at module level of an importable module):

>>> def initialise(base): return base                                                        # doctest: +SKIP
>>> def work(base, items): return [base // item if item else os.abort() for item in items]   # doctest: +SKIP
>>> with WorkerPool(2, initialise, (60,)) as pool:                                           # doctest: +SKIP
...     dict(pool.map_batches(work, [[1, 2], [3, 0, 4]], lambda item, message: message))[1]
[20, 'killed by SIGABRT', 15]
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import multiprocessing
import os
import re
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, TypeVar

from nativegen.diagnostics import NativegenError

State = TypeVar("State")
Item = TypeVar("Item")
Result = TypeVar("Result")

# Generous: only a hang should ever meet it. A method takes milliseconds, a huge one seconds.
DEFAULT_ITEM_TIMEOUT = 120.0
DEFAULT_MEMORY_LIMIT = 4 << 30
_STARTUP_TIMEOUT = 300.0
_EXIT_TIMEOUT = 5.0
_STDERR_TAIL = 1 << 16
# One batch runs and one waits, so that a worker goes on while the caller is busy with results.
_TASKS_PER_WORKER = 2
# `python: /build/llvm/lib/CodeGen/File.cpp:88: void f(): Assertion `x' failed.`, `UNREACHABLE executed at /build/...`:
# the program's name and the build's directories say nothing.
_PROGRAM = re.compile(r"^[^:\s]+: (?=/.*Assertion)")
_DIRECTORIES = re.compile(r"(?:/[^\s/:]+)*/(?=[\w.-]+:\d+)")
_FATAL = re.compile(r"LLVM ERROR|Assertion .* failed|UNREACHABLE executed|\berror:")


class WorkerError(RuntimeError):
    """The function or the initializer raised; the message is the worker's traceback. A bug, not a bad item."""


@dataclass(slots=True)
class _Task:
    batch: int
    start: int
    items: list[Any]
    subject: object = None
    was_killed: bool = False


@dataclass(slots=True)
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    stderr: Path
    ready: bool = False
    tasks: deque[_Task] = field(default_factory=deque)  # the first one runs, the others wait in the pipe
    deadline: float = 0.0
    subjects: set[object] = field(default_factory=set)


@dataclass(slots=True)
class _Progress:
    """Results of a batch whose pieces are still running."""

    results: list[Any]
    missing: int


class WorkerPool(Generic[State]):
    """Runs functions over batches of items in worker processes.

    Args:
        jobs: number of workers; they start when there is work for them.
        initializer: called once in each worker with ``initargs``; what it returns is the first argument of every call.
            Must be importable by name, like the functions, because a process with threads cannot fork.
        item_timeout: seconds that one item may take; a batch may take the sum of its items.
        memory_limit: bytes of private memory of a worker.
        isolate: with False everything runs in this process, without protection; for debugging.
    """

    def __init__(
        self,
        jobs: int,
        initializer: Callable[..., State],
        initargs: tuple[Any, ...] = (),
        *,
        item_timeout: float = DEFAULT_ITEM_TIMEOUT,
        memory_limit: int = DEFAULT_MEMORY_LIMIT,
        isolate: bool = True,
    ) -> None:
        if jobs < 1:
            raise ValueError("a pool needs at least one worker")
        self._jobs = jobs
        self._initializer = initializer
        self._initargs = initargs
        self._item_timeout = item_timeout
        self._memory_limit = memory_limit
        self._isolate = isolate
        self._state: list[State] = []  # in-process mode: at most one
        self._workers: list[_Worker] = []
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._started = 0

    def __enter__(self) -> WorkerPool[State]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers, also busy ones; the pool can be used again."""
        for worker in list(self._workers):
            self._remove(worker)
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def map_batches(
        self,
        function: Callable[[State, list[Item]], list[Result]],
        batches: Iterable[Sequence[Item] | None],
        on_crash: Callable[[Item, str], Result],
        subject: Callable[[Item], object] | None = None,
    ) -> Iterator[tuple[int, list[Result]]]:
        """Call ``function`` for each batch.

        Args:
            function: gets the worker's state and a list of items, returns one result per item, in order.
            batches: read only as fast as workers become idle. None: the next one depends on results that are still
                to come.
            on_crash: makes the result of an item that ended its worker, from a one-line message without paths.
            subject: of a batch's first item; a worker is rather given batches of a subject that it had before, so that
                what it found out about it is used again.

        Yields:
            (number of the batch, its results), in order of completion. Closing the iterator early ends the workers that
            are busy.

        Raises:
            NativegenError: raised by the function or the initializer, as it is.
            WorkerError: any other exception of theirs, or results of the wrong number.
        """
        if not self._isolate:
            yield from self._map_here(function, batches)
            return
        progress: dict[int, _Progress] = {}
        waiting: deque[_Task] = deque()
        source = enumerate(batches)
        exhausted = False
        try:
            while True:
                ahead = 0 if subject is None else 2 * self._jobs  # so that there is a choice
                while not exhausted and len(waiting) <= ahead and self._has_room():
                    try:
                        number, items = next(source)
                    except StopIteration:
                        exhausted = True
                        break
                    if items is None:
                        break
                    if not items:
                        yield number, []
                        continue
                    progress[number] = _Progress([None] * len(items), len(items))
                    task = _Task(number, 0, list(items))
                    if subject is not None:
                        task.subject = subject(task.items[0])
                    waiting.append(task)
                    if len(waiting) > ahead or self._has_idle():
                        self._assign(function, waiting)
                self._assign(function, waiting)
                busy = [worker for worker in self._workers if worker.tasks]
                if not busy:
                    if not waiting and exhausted:
                        return
                    continue
                for task, results in self._collect(busy, waiting, on_crash):
                    done = progress[task.batch]
                    done.results[task.start : task.start + len(results)] = results
                    done.missing -= len(results)
                    if not done.missing:
                        del progress[task.batch]
                        yield task.batch, done.results
        finally:
            for worker in [worker for worker in self._workers if worker.tasks]:
                self._remove(worker)

    def _map_here(
        self, function: Callable[[State, list[Item]], list[Result]], batches: Iterable[Sequence[Item] | None]
    ) -> Iterator[tuple[int, list[Result]]]:
        for number, items in enumerate(batches):
            if items is None:
                continue
            if not self._state:
                self._state.append(self._initializer(*self._initargs))
            yield number, function(self._state[0], list(items))

    # -----------------------------------------------------------------------------------------------------------
    # scheduling

    def _has_room(self) -> bool:
        return len(self._workers) < self._jobs or any(len(worker.tasks) < _TASKS_PER_WORKER for worker in self._workers)

    def _has_idle(self) -> bool:
        return len(self._workers) < self._jobs or any(not worker.tasks for worker in self._workers)

    def _assign(self, function: Callable[..., Any], waiting: deque[_Task]) -> None:
        """Give waiting tasks to idle workers, then to new ones while there are places, then to busy ones."""
        while waiting and self._has_room():
            worker = min(self._workers, key=lambda worker: len(worker.tasks), default=None)
            if worker is None or (worker.tasks and len(self._workers) < self._jobs):
                worker = self._start()
            task = self._take(waiting, worker)
            worker.tasks.append(task)
            if len(worker.tasks) == 1:
                self._set_deadline(worker)
            # A broken pipe is a worker that died while idle; collecting finds it and runs the task again.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                worker.connection.send((function, task.items))

    def _take(self, waiting: deque[_Task], worker: _Worker) -> _Task:
        """The first task of a subject that the worker had before, or that nobody had yet, or the first one."""
        others = {subject for other in self._workers if other is not worker for subject in other.subjects}
        task = next((task for task in waiting if task.subject in worker.subjects), None)
        if task is None:
            task = next((task for task in waiting if task.subject not in others), waiting[0])
        waiting.remove(task)
        worker.subjects.add(task.subject)
        return task

    def _set_deadline(self, worker: _Worker) -> None:
        """For the task that begins now, or for starting up."""
        patience = self._item_timeout * len(worker.tasks[0].items) if worker.ready else _STARTUP_TIMEOUT
        worker.deadline = time.monotonic() + patience

    def _collect(
        self, busy: list[_Worker], waiting: deque[_Task], on_crash: Callable[[Any, str], Any]
    ) -> Iterator[tuple[_Task, list[Any]]]:
        """Wait for one or more workers to answer, die or overstay."""
        patience = max(0.0, min(worker.deadline for worker in busy) - time.monotonic())
        answered = wait([worker.connection for worker in busy], patience)
        now = time.monotonic()
        for worker in busy:
            if worker.connection in answered:
                yield from self._receive(worker, waiting, on_crash)
            elif now >= worker.deadline:
                patience = self._item_timeout if worker.ready else _STARTUP_TIMEOUT
                yield from self._bury(worker, f"no result after {patience:g} s", waiting, on_crash)

    def _receive(
        self, worker: _Worker, waiting: deque[_Task], on_crash: Callable[[Any, str], Any]
    ) -> Iterator[tuple[_Task, list[Any]]]:
        try:
            kind, value = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            yield from self._bury(worker, None, waiting, on_crash)
            return
        if kind == "ready":
            worker.ready = True
            self._set_deadline(worker)
        elif kind == "result":
            task = worker.tasks.popleft()
            if worker.tasks:
                self._set_deadline(worker)
            if len(value) != len(task.items):
                raise WorkerError(f"{len(value)} results for {len(task.items)} items")
            yield task, value
        elif kind == "memory":
            yield from self._bury(worker, "out of memory", waiting, on_crash)
        else:
            self._remove(worker)
            raise value if isinstance(value, NativegenError) else WorkerError(value)

    def _bury(
        self, worker: _Worker, message: str | None, waiting: deque[_Task], on_crash: Callable[[Any, str], Any]
    ) -> Iterator[tuple[_Task, list[Any]]]:
        """A worker is lost: blame its only item, or cut its batch in halves."""
        task = worker.tasks.popleft()
        waiting.extendleft(reversed(worker.tasks))
        self._remove(worker, kill=message is not None)
        reason = message or _last_words(worker)
        worker.stderr.unlink(missing_ok=True)
        if message is None and worker.process.exitcode == -signal.SIGKILL and not task.was_killed:
            # Somebody else's doing (the kernel, short of memory for all processes): once more before blaming the items.
            task.was_killed = True
            waiting.appendleft(task)
            return
        if not worker.ready:
            raise WorkerError(f"a worker ended while starting: {reason}")
        if len(task.items) == 1:
            yield task, [on_crash(task.items[0], reason)]
            return
        middle = len(task.items) // 2
        waiting.appendleft(_Task(task.batch, task.start + middle, task.items[middle:], task.subject))
        waiting.appendleft(_Task(task.batch, task.start, task.items[:middle], task.subject))

    # -----------------------------------------------------------------------------------------------------------
    # processes

    def _start(self) -> _Worker:
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(prefix="nativegen-workers-")
        self._started += 1
        stderr = Path(self._directory.name, f"{self._started}.stderr")
        # Forking is fast and shares what is already loaded, but only safe without other threads.
        method = "fork" if threading.active_count() == 1 and sys.platform == "linux" else "spawn"
        context = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        # A forked worker inherits the pool's ends of all pipes; it must close them to notice the pool's own end.
        inherited = [ours, *(worker.connection for worker in self._workers)] if method == "fork" else []
        setup = _WorkerSetup(self._initializer, self._initargs, str(stderr), self._memory_limit, inherited)
        process = context.Process(target=_worker_main, args=(theirs, setup), daemon=True)  # type: ignore[attr-defined]
        process.start()
        theirs.close()
        worker = _Worker(process, ours, stderr)
        self._workers.append(worker)
        return worker

    def _remove(self, worker: _Worker, kill: bool = True) -> None:
        self._workers.remove(worker)
        worker.connection.close()
        if not kill:
            worker.process.join(_EXIT_TIMEOUT)
        worker.process.kill()
        worker.process.join()


def _last_words(worker: _Worker) -> str:
    """Why a worker died, in one line: what it last wrote to stderr, else its signal or exit code."""
    try:
        with worker.stderr.open("rb") as file:
            file.seek(max(0, worker.stderr.stat().st_size - _STDERR_TAIL))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    if lines:
        line = next((line for line in lines if _FATAL.search(line)), lines[0])
        return _DIRECTORIES.sub("", _PROGRAM.sub("", line))
    code = worker.process.exitcode or 0
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


# ---------------------------------------------------------------------------------------------------------------
# inside a worker


@dataclass(slots=True)
class _WorkerSetup:
    initializer: Callable[..., Any]
    initargs: tuple[Any, ...]
    stderr: str
    memory_limit: int
    inherited: list[Connection] = field(default_factory=list)


def _worker_main(connection: Connection, setup: _WorkerSetup) -> None:
    """Serve requests until the pool closes its end."""
    for other in setup.inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool's process decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # what was inherited stays, and stays shared
    faulthandler.disable()  # whoever forked us may have enabled it, with its own stderr
    _capture_stderr(setup.stderr)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = setup.memory_limit if hard == resource.RLIM_INFINITY else min(setup.memory_limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            state = setup.initializer(*setup.initargs)
        except Exception as error:
            connection.send(_failure(error))
            return
        connection.send(("ready", None))
        while True:
            function, items = connection.recv()
            os.ftruncate(2, 0)
            try:
                answer = ("result", function(state, items))
            except MemoryError:
                answer = ("memory", None)
            except Exception as error:
                answer = _failure(error)
            connection.send(answer)


def _failure(error: Exception) -> tuple[str, object]:
    return ("error", error if isinstance(error, NativegenError) else traceback.format_exc())


def _capture_stderr(path: str) -> None:
    """Send file descriptor 2, LLVM's, and Python's stderr to a file that the pool reads when the worker is dead."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 (lives as long as the process)
