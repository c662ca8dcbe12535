"""Killed at every write, each command happened whole or not at all; the next one needs no repair and loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nativegen.cache.index import Index
from nativegen.cache.manifests import file_checksum
from nativegen.cache.store import Cache
from nativegen.cache.trim import trim
from nativegen.operations.install import install
from nativegen.operations.query import Query
from nativegen.operations.request import InstallRequest
from nativegen.operations.uninstall import uninstall
from nativegen.operations.update import update
from nativegen.service import queue
from nativegen.service.worker import work
from tests.operations.fake import FakeToolchain, write

_WRITES = ("rename", "replace", "unlink", "rmdir", "mkdir", "chmod", "fsync", "link", "symlink", "utime")


class World:
    """App -> Text -> Core and Other -> Core; App, and for some operations Other, are installed."""

    def __init__(self, folder: Path) -> None:
        self.app, self.before, self.root = folder / "app", folder / "before", folder / "cache"
        self.toolchain = FakeToolchain()
        for name, references in (("App", ["Text"]), ("Text", ["Core"]), ("Core", []), ("Other", ["Core"])):
            write(self.app, name, references)

    def request(self, name: str) -> InstallRequest:
        return InstallRequest(str((self.app / f"{name}.dll").resolve()))

    def install(self, cache: Cache, name: str) -> None:
        install(cache, [self.request(name)], self.toolchain, 1)

    def keep(self) -> None:
        shutil.copytree(self.root, self.before)

    def restore(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.before, self.root)


State = tuple[list[str], list[tuple[str, str]]]


def state(cache: Cache) -> State:
    """Roots, and the images that they need: all there and sound, whatever happened."""
    images = {}
    for root in cache.index.roots():
        for image in cache.index.images_of_root(root.id):
            assert cache.has_files(image.image_key), f"{image.name} of {root.name} is lost"
            assert file_checksum(cache.image_path(image.image_key)) == image.checksum
            images[image.name, image.key] = True
    return [root.name for root in cache.index.roots()], sorted(images)


def killed_at(stop: int, action: Callable[[], object]) -> bool:
    """Do it in a child that dies before the write of that number; whether it died."""
    child = os.fork()
    if child == 0:
        try:
            _count_writes(stop)
            action()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    return True


def _count_writes(stop: int) -> None:
    writes = 0

    def count() -> None:
        nonlocal writes
        writes += 1
        if writes == stop:
            os.kill(os.getpid(), signal.SIGKILL)

    def counting(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **names: Any) -> Any:
            count()
            return original(*arguments, **names)

        return call

    for name in _WRITES:
        setattr(os, name, counting(getattr(os, name)))
    query = Index._query

    def counted(self: Index, sql: str, arguments: Any = ()) -> Any:
        if not sql.startswith("SELECT"):
            count()
        return query(self, sql, arguments)

    Index._query = counted  # type: ignore[method-assign]


def _edit(world: World) -> None:
    write(world.app, "Core", contract="2")


OPERATIONS: dict[str, tuple[Callable[[World, Cache], object], int]] = {
    "install": (lambda world, cache: world.install(cache, "Other"), 15),
    "update": (lambda world, cache: update(cache, world.toolchain, 1), 25),
    "uninstall": (lambda world, cache: uninstall(cache, Query("App"), None, ""), 8),
    "trim": (lambda world, cache: trim(cache, 0, None), 2),
    "worker": (lambda world, cache: work(cache.root, world.toolchain, 1, lambda: True), 20),
}


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory: what survives a killed process is not a question of flushing, and there are many kills."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_at_every_write_nothing_is_lost(memory: Path, name: str) -> None:
    world = World(memory)
    operate, least = OPERATIONS[name]
    with Cache(str(world.root)) as cache:
        world.install(cache, "App")
        if name in ("uninstall", "trim", "update"):
            world.install(cache, "Other")
        if name == "worker":
            queue.enqueue(cache.index, 1, queue.install_command(world.request("Other")))
        before = state(cache)
    if name == "update":
        _edit(world)
    world.keep()

    def act() -> None:
        with Cache(str(world.root)) as cache:
            operate(world, cache)

    world.restore()
    act()
    with Cache(str(world.root)) as cache:
        after, files = state(cache), sorted(cache.images_on_disk())
    deaths = 0
    while True:
        world.restore()
        if not killed_at(deaths + 1, act):
            break
        deaths += 1
        with Cache(str(world.root)) as cache:
            assert state(cache) in (before, after), f"killed at write {deaths}"
        world.toolchain.compiled.clear()
        try:
            act()
        finally:
            needed = {image for image, key in after[1] if (image, key) not in before[1]}
            assert set(world.toolchain.compiled) <= needed, f"killed at write {deaths}: compiled again"
        with Cache(str(world.root)) as cache:
            update(cache, world.toolchain, 1)
            assert state(cache) == after and sorted(cache.images_on_disk()) == files, f"killed at write {deaths}"
            assert os.listdir(world.root / "staging") == [] and queue.items(cache.index) == []
    assert deaths >= least
