"""NativePublish and NativeVerify, the job budget, and the signatures."""

from __future__ import annotations

import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import xxhash

from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.scons.jobs import JobBudget
from nativegen.scons.signatures import MISSING, file_signature
from tests.scons.conftest import Project


def test_published_folder_runs_and_is_made_of_images(project: Project) -> None:
    project.scons("publish")
    assert project.run("out/App.dll") == "area 84\n"
    names = {path.name for path in (project.folder / "out").iterdir()}
    assert names == {"App.dll", "Middle.dll", "Core.dll", "App.runtimeconfig.json"}
    for name in ("App", "Middle", "Core"):
        assert ReadyToRunImage.open(project.folder / "out" / f"{name}.dll").method_entries


def test_verify_writes_junit(project: Project) -> None:
    project.scons("verify")
    root = ElementTree.parse(project.folder / "verify.xml").getroot()
    cases = list(root.iter("testcase"))
    assert cases and not list(root.iter("failure"))


def test_budget_never_exceeds_its_total() -> None:
    budget = JobBudget(lambda: 3)
    running, highest = [], []
    lock = threading.Lock()

    def work(wanted: int) -> None:
        with budget.take(wanted) as jobs:
            with lock:
                running.append(jobs)
                highest.append(sum(running))
            time.sleep(0.01)
            with lock:
                running.remove(jobs)

    threads = [threading.Thread(target=work, args=(1 + i % 4,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(highest) <= 3
    assert len(highest) == 12


def test_budget_gives_back_after_an_error() -> None:
    budget = JobBudget(lambda: 1)
    with pytest.raises(ValueError, match="x"), budget.take(5):
        raise ValueError("x")
    with budget.take(5) as jobs:
        assert jobs == 1


def test_signature_is_xxh3_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    data = bytes(range(256)) * 10_000
    path.write_bytes(data)
    assert file_signature(str(path)) == "xxh3:" + xxhash.xxh3_128_hexdigest(data)
    assert file_signature(str(tmp_path / "none")) == MISSING
