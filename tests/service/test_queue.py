"""The queue and the worker with a fake compiler: order, coalescing, kills, pause, idleness, giving way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nativegen.cache.index import Index
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.request import InstallRequest
from nativegen.service import locks, queue
from nativegen.service.execute import execute_next
from nativegen.service.idle import busy_share, on_battery, system_probe
from nativegen.service.log import Log
from nativegen.service.status import status
from nativegen.service.worker import start_worker, work
from tests.operations.fake import FakeToolchain, write


class World:
    """A cache, three assemblies, a fake compiler."""

    def __init__(self, folder: Path) -> None:
        self.root = str(folder / "cache")
        self.app = folder / "app"
        self.cache = Cache(self.root)
        self.toolchain = FakeToolchain()
        for name in ("A", "B", "C"):
            write(self.app, name)

    @property
    def index(self) -> Index:
        return self.cache.index

    def queue(self, name: str, priority: int = 3, **options: object) -> str:
        request = InstallRequest(str(self.app / f"{name}.dll"), **options)  # type: ignore[arg-type]
        return queue.enqueue(self.index, priority, queue.install_command(request))

    @property
    def waiting(self) -> list[tuple[int, str]]:
        return [(item.priority, Path(item.path).stem or "update") for item in queue.items(self.index)]

    def work(self, idle: Callable[[], bool] = lambda: True, as_task: bool = False, **more: object) -> int:
        return work(self.root, self.toolchain, 1, idle, as_task, **more)  # type: ignore[arg-type]

    @property
    def log(self) -> str:
        return (Path(self.root) / "log" / "ngen.log").read_text()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_R1_R2_R3_R4_priority_then_the_order_of_queueing(world: World) -> None:
    for name, priority in (("A", 3), ("B", 2), ("C", 1)):
        world.queue(name, priority)
    queue.enqueue(world.index, 3, queue.UPDATE)
    world.queue("A", 1, debug=True)
    assert world.waiting == [(1, "C"), (1, "A"), (2, "B"), (3, "A"), (3, "update")]
    assert world.work() == 5
    assert world.toolchain.compiled == ["C", "A", "B", "A"] and world.waiting == []


def test_R2_priority_2_waits_for_the_dependencies_of_priority_1(world: World) -> None:
    write(world.app, "A", refs=["C"])
    world.queue("B", 2)
    world.queue("A", 1)
    world.work()
    assert world.toolchain.compiled == ["A", "C", "B"]


def test_V3_equal_commands_coalesce_and_the_more_urgent_priority_counts(world: World) -> None:
    assert world.queue("A", 2) == "queued"
    assert world.queue("A", 3) == world.queue("A", 2) == "already queued"
    assert world.waiting == [(2, "A")]
    assert world.queue("A", 1) == "queued with a higher priority"
    assert world.queue("A", 1, debug=True) == "queued"
    assert world.waiting == [(1, "A"), (1, "A")]


def test_V3_what_is_queued_again_while_it_runs_runs_again(world: World) -> None:
    def edit() -> None:
        world.toolchain.during_compile = lambda: None
        assert "again" in world.queue("A", 3)
        write(world.app, "A", body="2")

    world.toolchain.during_compile = edit
    world.queue("A", 3)
    world.work()
    assert world.waiting == [] and "NGEN3002" not in world.log.splitlines()[-1]
    (image,) = world.index.images()
    assert image.content == world.toolchain.bind(InstallRequest(image.source)).root_candidate.content


def test_E2_a_priority_means_the_numbers_up_to_it(world: World) -> None:
    for name, priority in (("A", 3), ("B", 2), ("C", 1)):
        world.queue(name, priority)
    log = Log(world.root)
    while execute_next(world.cache, world.toolchain, 1, log, greatest=2) is not None:
        pass
    assert world.toolchain.compiled == ["C", "B"] and world.waiting == [(3, "A")]


def test_R3_priority_3_waits_until_the_machine_is_idle(world: World) -> None:
    world.queue("A", 3)
    world.queue("B", 2)
    seen: list[list[str]] = []

    def idle() -> bool:
        seen.append(list(world.toolchain.compiled))
        return len(seen) == 3

    slept: list[float] = []
    assert world.work(idle, sleep=slept.append) == 2
    assert seen == [["B"]] * 3 and world.toolchain.compiled == ["B", "A"] and len(slept) == 2


def test_Q1_Q2_while_paused_nothing_is_taken_and_everything_recorded(world: World) -> None:
    queue.pause(world.index)
    world.queue("A", 1)
    assert world.work() == 0 and world.waiting == [(1, "A")]
    assert not start_worker(world.root, world.index)
    assert status(world.root).word == "started and paused"
    queue.resume(world.index)
    assert world.work() == 1 and status(world.root).word == "stopped"


def test_Q1_a_pause_lets_the_running_item_finish(world: World) -> None:
    world.queue("A", 1)
    world.queue("B", 1)
    world.toolchain.during_compile = lambda: queue.pause(world.index)
    assert world.work() == 1
    assert world.toolchain.compiled == ["A"] and world.waiting == [(1, "B")]


def test_V4_the_task_updates_and_stops_when_the_machine_is_not_idle_any_more(world: World) -> None:
    world.queue("A", 3)
    answers = iter([True, False])
    assert world.work(lambda: next(answers), as_task=True) == 1
    assert world.waiting == [(3, "update")]
    assert world.work(as_task=True) == 1 and world.waiting == []


def test_V4_the_task_does_urgent_work_although_the_machine_is_busy(world: World) -> None:
    world.queue("A", 2)
    assert world.work(lambda: False, as_task=True) == 1 and world.toolchain.compiled == ["A"]


def test_E3_the_worker_gives_way_to_a_manual_command(world: World) -> None:
    world.queue("A", 1)
    slept: list[list[str]] = []
    with locks.held(world.root, locks.MANUAL, shared=True):

        def sleep(_seconds: float) -> None:
            slept.append(list(world.toolchain.compiled))
            if len(slept) == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            world.work(sleep=sleep)
    assert slept == [[]] * 3 and world.waiting == [(1, "A")]
    assert world.work() == 1


def test_E3_two_manual_commands_do_not_exclude_each_other(world: World) -> None:
    with (
        locks.held(world.root, locks.MANUAL, shared=True, seconds=0) as first,
        locks.held(world.root, locks.MANUAL, shared=True, seconds=0) as second,
    ):
        assert first and second


def test_a_failing_item_is_logged_and_leaves_the_queue(world: World) -> None:
    write(world.app, "A", fail=True)
    world.queue("A", 1)
    world.queue("B", 1)
    assert world.work() == 2 and world.waiting == []
    assert "Ngen failed to generate native code for image" in world.log and world.toolchain.compiled == ["B"]


def test_a_root_that_is_gone_does_not_stop_the_queue(world: World) -> None:
    world.queue("A", 1)
    (world.app / "A.dll").unlink()
    world.queue("B", 1)
    assert world.work() == 2 and "NGEN1007" in world.log and world.toolchain.compiled == ["B"]


def test_the_log_has_ngens_form(world: World) -> None:
    world.queue("A", 3, no_dependencies=True, exe_config="/x/csi.exe")
    world.work()
    first, second = world.log.splitlines()
    stamp = r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\.\d{3} \[\d+\]: "
    path = str(world.app / "A.dll").replace(".", r"\.")
    command = (
        rf'Executing command from offline queue: install "{path}" /NoDependencies /ExeConfig:"/x/csi.exe" /queue:3'
    )
    assert re.fullmatch(stamp + command, first)
    assert second.endswith(f"1>    Compiling assembly {world.app / 'A.dll'} (CLR v9.0.5) ...")


def test_one_item_at_a_time_however_many_work(world: World) -> None:
    for name in ("A", "B", "C"):
        world.queue(name, 1)
    active: list[int] = []
    most: list[int] = []

    def during() -> None:
        active.append(1)
        most.append(len(active))
        threading.Event().wait(0.05)
        active.pop()

    world.toolchain.during_compile = during

    def one() -> None:
        with Cache(world.root) as cache:
            while execute_next(cache, world.toolchain, 1, Log(world.root)) is not None:
                pass

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and sorted(world.toolchain.compiled) == ["A", "B", "C"]


_KILLED = """
import os, sys
from nativegen.cache import index as index_module
from nativegen.cache.store import Cache
from nativegen.service import queue
from nativegen.service.worker import work
from tests.operations.fake import FakeToolchain
root, path, stop = sys.argv[1], sys.argv[2], int(sys.argv[3])
writes = 0
original = index_module.Index._query
def counted(self, sql, arguments=()):
    global writes
    if not sql.startswith("SELECT"):
        writes += 1
        if writes == stop:
            os.kill(os.getpid(), 9)
    return original(self, sql, arguments)
index_module.Index._query = counted
from nativegen.diagnostics import NativegenError
from nativegen.operations.request import InstallRequest
with Cache(root) as cache:
    queue.enqueue(cache.index, 3, queue.install_command(InstallRequest(path)))
print("queued", flush=True)
work(root, FakeToolchain(), 1, lambda: True)
print("all", writes)
"""


def test_V1_killed_at_every_write_of_the_queue_nothing_is_lost(world: World) -> None:
    path = str(world.app / "A.dll")
    for stop in range(1, 200):
        world.index.close()
        root = f"{world.root}{stop}"
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, root, path, str(stop)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        world.root, world.cache = root, Cache(root)
        world.toolchain.compiled.clear()
        if "queued" in done.stdout:  # the user was told so: it must be done in the end
            world.work()
            assert [image.name for image in world.index.images()] == ["A"]
            assert [r.name for r in world.index.roots()] == ["A"]
            assert world.waiting == [] and status(root).current is None
        else:
            assert world.waiting in ([], [(3, "A")])
        if "all" in done.stdout:
            assert stop > 15 and done.returncode == 0
            return
        assert done.returncode == -signal.SIGKILL, done
    raise AssertionError("the worker never came to its end")


def test_V1_a_stale_process_id_means_nothing(world: World) -> None:
    world.queue("A", 1)
    queue.note_started(world.index)  # as a worker that a power failure ended leaves it
    (Path(world.root) / locks.SERVICE).write_text(str(os.getpid()))
    assert status(world.root).process is None and status(world.root).word == "stopped"
    assert world.work() == 1


def test_V2_one_worker_per_cache(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nativegen.service.worker._TAKE_OVER_SECONDS", 0)
    world.queue("A", 1)
    with locks.held(world.root, locks.SERVICE):
        queue.note_started(world.index)
        assert not start_worker(world.root, world.index)
        assert world.work() == 0
    assert world.waiting == [(1, "A")]


def test_the_status_names_what_runs_now(world: World) -> None:
    seen = []
    world.queue("A", 1)
    world.queue("B", 3)
    world.toolchain.during_compile = lambda: seen.append(status(world.root))
    world.work()
    assert seen[0].word == "running" and seen[0].process == os.getpid()
    assert seen[0].current is not None and Path(seen[0].current.path).stem == "A"
    assert [Path(item.path).stem for item in seen[0].items] == ["A", "B"]
    document = seen[0].as_json()
    assert document["state"] == "running" and document["current"]["priority"] == 1  # type: ignore[index]


def test_the_probe_can_be_told(tmp_path: Path) -> None:
    assert system_probe({"NATIVEGEN_IDLE": "always"})() and system_probe({"CI": "1"})()
    assert not system_probe({"NATIVEGEN_IDLE": "never", "CI": "1"})()


def test_battery_and_load_are_read_from_the_system(tmp_path: Path) -> None:
    assert not on_battery(tmp_path)
    (tmp_path / "AC").mkdir()
    (tmp_path / "AC" / "online").write_text("0\n")
    assert on_battery(tmp_path)
    (tmp_path / "AC" / "online").write_text("1\n")
    assert not on_battery(tmp_path)
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    assert busy_share(0, stat) == 0.0
    writer = threading.Timer(0.05, lambda: stat.write_text("cpu  160 0 100 740 100 0 0 0 0 0\n"))
    writer.start()
    assert busy_share(0.3, stat) == 0.6


def test_a_long_log_is_kept_once_and_a_broken_one_stops_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nativegen.service.log.LIMIT_BYTES", 10)
    Log(world.root).write("the first line\nhas a break")
    Log(world.root).write("second")
    folder = Path(world.root) / "log"
    assert (folder / "ngen.log.old").read_text().endswith("the first line has a break\n")
    assert (folder / "ngen.log").read_text().endswith("]: second\n")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    world.queue("A", 1)
    assert world.work() == 1 and world.toolchain.compiled == ["A"]


def test_locks_that_cannot_be_made_are_the_caches_fault(tmp_path: Path) -> None:
    with pytest.raises(NativegenError, match="NGEN4001"), locks.held(str(tmp_path / "none"), locks.QUEUE):
        pass
