"""Many processes do random things to one cache and get killed at random; afterwards everything agrees."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from nativegen.cache.manifests import file_checksum
from nativegen.cache.store import Cache
from nativegen.operations.install import install
from nativegen.operations.request import InstallRequest
from nativegen.operations.update import update
from nativegen.service import queue
from nativegen.service.worker import work
from tests.operations.fake import FakeToolchain, write

PROCESSES, NAMES = 4, "ABCDEF"
# A longer or another run: NATIVEGEN_STRESS_OPERATIONS=5000 NATIVEGEN_STRESS_SEED=31
OPERATIONS = int(os.environ.get("NATIVEGEN_STRESS_OPERATIONS", "200"))
SEED = int(os.environ.get("NATIVEGEN_STRESS_SEED", "7"))

_ACTOR = """
import random, sys
from pathlib import Path
from tests.service.test_stress import act
act(sys.argv[1], Path(sys.argv[2]), random.Random(int(sys.argv[3])))
"""


def act(root: str, app: Path, choose: random.Random) -> None:
    """Random operations until killed; one line per finished one."""
    from nativegen.cache.trim import trim
    from nativegen.diagnostics import NativegenError
    from nativegen.operations.query import Query
    from nativegen.operations.uninstall import uninstall

    def request() -> InstallRequest:
        return InstallRequest(str(app / f"{choose.choice(NAMES)}.dll"), debug=choose.random() < 0.2)

    def queued(cache: Cache) -> object:
        return queue.enqueue(cache.index, choose.choice(queue.PRIORITIES), queue.install_command(request()))

    def edit(_cache: Cache) -> None:
        name = choose.choice(NAMES)
        refs = [other for other in NAMES if other > name and choose.random() < 0.5]
        temporary = write(app.parent / f"edit{os.getpid()}", name, refs, body=str(choose.random()))
        os.replace(temporary, app / f"{name}.dll")

    actions: list[Callable[[Cache], object]] = [
        lambda cache: install(cache, [request()], FakeToolchain(), 1),
        lambda cache: uninstall(cache, Query(choose.choice(NAMES)), None, ""),
        lambda cache: update(cache, FakeToolchain(), 1),
        queued,
        lambda cache: work(root, FakeToolchain(), 1, lambda: True),
        lambda cache: trim(cache, None, None),
        edit,
    ]
    while True:
        with Cache(root) as cache:
            try:
                choose.choice(actions)(cache)
            except NativegenError as error:
                if error.code not in ("NGEN1007", "NGEN3002", "NGEN4006"):
                    raise  # a file that is being edited, or three defeats in a row, are all that may happen
        print("done", flush=True)


def test_random_operations_and_random_kills_leave_a_cache_that_agrees(tmp_path: Path) -> None:
    root, app = str(tmp_path / "cache"), tmp_path / "app"
    for name in NAMES:
        write(app, name, [other for other in NAMES if other == chr(ord(name) + 1)])
    choose = random.Random(SEED)
    output = tmp_path / "done"

    def start() -> subprocess.Popen[bytes]:
        with open(output, "ab") as out, open(tmp_path / "errors", "ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-c", _ACTOR, root, str(app), str(choose.randrange(1 << 30))],
                cwd=Path(__file__).parents[2], stdout=out, stderr=errors,
            )  # fmt: skip

    actors = [start() for _ in range(PROCESSES)]
    try:
        deadline, kills = time.monotonic() + 240 + OPERATIONS, 0
        while kills < 5 or output.read_bytes().count(b"done") < OPERATIONS:
            assert time.monotonic() < deadline, (tmp_path / "errors").read_text()
            time.sleep(choose.uniform(0.1, 1.0))
            victim = choose.randrange(PROCESSES)
            assert actors[victim].poll() is None, (tmp_path / "errors").read_text()
            actors[victim].kill()
            actors[victim].wait()
            actors[victim] = start()
            kills += 1
    finally:
        for actor in actors:
            actor.kill()
            actor.wait()
    check(root)


def check(root: str) -> None:
    """The next command uses the cache without repair, and roots, counts, files and index agree."""
    toolchain = FakeToolchain()
    while work(root, toolchain, 1, lambda: True):
        pass
    with Cache(root) as cache:
        assert queue.items(cache.index) == []
        updated = update(cache, toolchain, 1)
        assert updated.unusable == () and not any(one.failures for one in updated.roots)
        images = cache.index.images()
        known = {image.image_key for image in images}
        assert known == set(cache.images_on_disk()) and cache.index.unreferenced_images() == []
        assert all(file_checksum(cache.image_path(i.image_key)) == i.checksum for i in images)
        for one, root_row in zip(updated.roots, cache.index.roots(), strict=True):
            wanted = {step.manifest.key for step in (*one.current, *(step for step, _ in one.compiled))}
            assert wanted == {image.key for image in cache.index.images_of_root(root_row.id)}
        assert os.listdir(os.path.join(root, "staging")) == []
        cache.index.check()
