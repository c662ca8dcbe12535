"""The worker pool: results, crash isolation, time-outs, memory, interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nativegen.backend.workers import WorkerError, WorkerPool
from nativegen.diagnostics import NativegenError

ABORT, SEGFAULT, EXIT, HANG, MEMORY, SPEAK, HOG = -1, -2, -3, -4, -5, -6, -7


def initialise(base: int) -> int:
    if base < 0:
        raise NativegenError("NGEN3201")
    return base


def work(base: int, items: list[int]) -> list[int]:
    for item in items:
        if item == ABORT:
            os.abort()
        elif item == SEGFAULT:
            os.kill(os.getpid(), signal.SIGSEGV)
        elif item == EXIT:
            os._exit(3)
        elif item == HANG:
            time.sleep(600)
        elif item == MEMORY:
            raise MemoryError
        elif item == SPEAK:
            print("python: /build/x/Foo.cpp:88: void f(): Assertion `a' failed.", file=sys.stderr, flush=True)
            os.abort()
        elif item == HOG:
            bytearray(1 << 31)
    return [base + item for item in items]


def die_in_initialiser(base: int) -> int:
    os._exit(7)


def wrong_count(base: int, items: list[int]) -> list[int]:
    return [1]


def fail(base: int, items: list[int]) -> list[int]:
    raise KeyError("boom")


def kill_once(path: str, items: list[int]) -> list[int]:
    """Dies by SIGKILL on the first call ever, as under the kernel's out-of-memory killer."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return items
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def identity(value: str) -> str:
    return value


def blame(item: int, message: str) -> tuple[int, str]:
    return item, message


def run(batches: list[list[int]], jobs: int = 2, **options: float) -> list[list[object]]:
    with WorkerPool(jobs, initialise, (100,), **options) as pool:  # type: ignore[arg-type]
        results = dict(pool.map_batches(work, batches, blame))  # type: ignore[arg-type]
    return [results[number] for number in range(len(batches))]  # type: ignore[misc]


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_are_the_same_for_any_number_of_workers(jobs: int) -> None:
    batches = [list(range(start, start + 7)) for start in range(0, 70, 7)]
    assert run(batches, jobs) == [[100 + item for item in batch] for batch in batches]


def test_empty_batches_and_no_batches() -> None:
    assert run([[], [1], []]) == [[], [101], []]
    assert run([]) == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (ABORT, "killed by SIGABRT"),
        (SEGFAULT, "killed by SIGSEGV"),
        (EXIT, "ended with exit code 3"),
        (MEMORY, "out of memory"),
        (SPEAK, "Foo.cpp:88: void f(): Assertion `a' failed."),
    ],
)
def test_only_the_guilty_item_is_lost(bad: int, message: str) -> None:
    batch: list[int] = list(range(50))
    batch[31] = bad
    (result,) = run([batch])
    expected: list[object] = [100 + item for item in batch]
    expected[31] = (bad, message)
    assert result == expected


def test_several_guilty_items_in_several_batches() -> None:
    results = run([[1, ABORT, 2], [3, 4], [SPEAK, SEGFAULT]], jobs=3)
    assert results[0] == [101, (ABORT, "killed by SIGABRT"), 102]
    assert results[1] == [103, 104]
    assert [item[0] for item in results[2]] == [SPEAK, SEGFAULT]  # type: ignore[index]


def test_batches_waiting_behind_a_guilty_one_are_not_lost() -> None:
    results = run([[ABORT], [1], [2, ABORT], [3], [4]], jobs=1)
    blamed = (ABORT, "killed by SIGABRT")
    assert results == [[blamed], [101], [102, blamed], [103], [104]]


def test_timeout_blames_the_slow_item() -> None:
    (result,) = run([[1, HANG, 2]], item_timeout=0.4)
    assert result == [101, (HANG, "no result after 0.4 s"), 102]


def test_memory_limit() -> None:
    (result,) = run([[1, HOG, 2]], memory_limit=1 << 30)
    assert result == [101, (HOG, "out of memory"), 102]


def test_item_is_not_blamed_for_a_kill_from_outside(tmp_path: Path) -> None:
    with WorkerPool(1, identity, (str(tmp_path / "killed"),)) as pool:
        assert list(pool.map_batches(kill_once, [[1]], blame)) == [(0, [1])]  # type: ignore[arg-type]
    assert (tmp_path / "killed").exists()


def test_exceptions_are_bugs_not_bad_items() -> None:
    with WorkerPool(2, initialise, (1,)) as pool:
        with pytest.raises(WorkerError, match="KeyError: 'boom'"):
            list(pool.map_batches(fail, [[1], [2]], blame))  # type: ignore[arg-type]
        with pytest.raises(WorkerError, match="1 results for 2 items"):
            list(pool.map_batches(wrong_count, [[1, 2]], blame))  # type: ignore[arg-type]
        # The pool is still usable.
        assert list(pool.map_batches(work, [[5]], blame)) == [(0, [6])]  # type: ignore[arg-type]


def test_initialiser_failures_end_the_pool() -> None:
    with WorkerPool(2, initialise, (-1,)) as pool, pytest.raises(NativegenError, match="NGEN3201"):
        list(pool.map_batches(work, [[1]], blame))  # type: ignore[arg-type]
    with (
        WorkerPool(2, die_in_initialiser, (1,)) as pool,
        pytest.raises(WorkerError, match="ended while starting: ended with exit code 7"),
    ):
        list(pool.map_batches(work, [[1]], blame))  # type: ignore[arg-type]


def test_in_process_mode_runs_here() -> None:
    with WorkerPool(1, initialise, (os.getpid(),), isolate=False) as pool:
        assert list(pool.map_batches(here, [[1, 2]], blame)) == [(0, [True, True])]  # type: ignore[arg-type]
    with WorkerPool(1, initialise, (os.getpid(),)) as pool:
        assert list(pool.map_batches(here, [[1, 2]], blame)) == [(0, [False, False])]  # type: ignore[arg-type]


def here(pid: int, items: list[int]) -> list[bool]:
    return [os.getpid() == pid for _ in items]


def test_batches_are_read_as_workers_become_idle() -> None:
    read: list[int] = []

    def source() -> object:
        for number in range(100):
            read.append(number)
            yield [number]

    with WorkerPool(2, initialise, (0,)) as pool:
        results = pool.map_batches(work, source(), blame)  # type: ignore[arg-type]
        next(results)
        assert len(read) < 10
        results.close()


_SCRIPT = """
import os, signal, sys, threading, time
from nativegen.backend.workers import WorkerPool
from tests.backend.test_workers import HANG, blame, initialise, work
if __name__ == "__main__":
    mode = sys.argv[1]
    if mode == "threads":
        threading.Thread(target=time.sleep, args=(2,)).start()
    with WorkerPool(2, initialise, (100,)) as pool:
        if mode == "threads":
            print(sorted(pool.map_batches(work, [[1], [2]], blame)))
        else:
            results = pool.map_batches(work, [[1], [2], [HANG], [HANG]], blame)
            next(results); next(results)
            print(*[worker.process.pid for worker in pool._workers], flush=True)
            next(results)
"""


def script(tmp_path: Path, mode: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    path = tmp_path / "script.py"
    path.write_text(_SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(path), mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_interrupt_ends_pool_and_workers(tmp_path: Path) -> None:
    process = script(tmp_path, "interrupt")
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    assert len(pids) == 2 and all(map(alive, pids))
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors and errors.count("Traceback") == 1
    assert not any(map(alive, pids))


def test_pool_in_a_process_with_threads(tmp_path: Path) -> None:
    output, errors = script(tmp_path, "threads").communicate(timeout=60)
    assert output == "[(0, [101]), (1, [102])]\n", errors
