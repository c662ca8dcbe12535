"""The CacheDir class: two checkouts share, bad entries are not used, SCons' options work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nativegen.cache.entries import Entries
from tests.scons.conftest import Project
from tests.support.paths import TestInputs

IMAGES = ("App", "Middle", "Core")


def _projects(tmp_path: Path, inputs: TestInputs) -> tuple[Project, Project, Path]:
    """Two checkouts with one cache; the assemblies are the same files in both."""
    cache = tmp_path / "shared"
    one, two = (Project(tmp_path / name / "checkout", inputs) for name in ("one", "elsewhere"))
    for project in (one, two):
        sconstruct = project.folder / "SConstruct"
        sconstruct.write_text(
            sconstruct.read_text().replace("core = env", f"env.NativeCacheDir({str(cache)!r})\ncore = env", 1)
        )
    return one, two, cache


def _events(cache: Path) -> list[tuple[str, str]]:
    return [(each["event"], each["what"]) for each in map(json.loads, (cache / "log").read_text().splitlines())]


def test_two_checkouts_share_and_bad_entries_are_made_again(tmp_path: Path, inputs: TestInputs) -> None:
    one, two, cache = _projects(tmp_path, inputs)
    assert one.scons().compiled == set(IMAGES)
    assert ("added", "App.ni.dll") in _events(cache)

    again = two.scons()
    assert again.compiled == frozenset() and again.contracts == frozenset()
    assert "Retrieved `bin/App.ni.dll' from cache" in again.output
    for name in IMAGES:
        assert (two.folder / "bin" / f"{name}.ni.dll").read_bytes() == (
            one.folder / "bin" / f"{name}.ni.dll"
        ).read_bytes()

    # One entry gets damaged: it is set aside, and only that image is made again.
    key = next(each["key"] for each in map(json.loads, (cache / "log").read_text().splitlines())
               if each["event"] == "added" and each["what"] == "Core.ni.dll")  # fmt: skip
    path = Path(Entries(str(cache)).path(key))
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes(data)
    for name in IMAGES:
        (two.folder / "bin" / f"{name}.ni.dll").unlink()
    healed = two.scons()
    assert healed.compiled == {"Core"}
    assert ("bad", "Core.ni.dll") in _events(cache) and Entries(str(cache)).stats().quarantined == 1
    assert (two.folder / "bin" / "Core.ni.dll").read_bytes() == (one.folder / "bin" / "Core.ni.dll").read_bytes()


def test_options_of_scons(tmp_path: Path, inputs: TestInputs) -> None:
    one, _, cache = _projects(tmp_path, inputs)
    one.scons("--cache-readonly")
    assert not (cache / "log").exists() and not list(cache.glob("??/*"))
    one.scons("--cache-force")
    assert Entries(str(cache)).stats().entries >= 9, "images, keys and contracts that were up to date"
    image = one.folder / "bin" / "App.ni.dll"
    image.unlink()
    dry = one.scons("-n")
    assert "Retrieved `bin/App.ni.dll' from cache" in dry.output and not image.exists()
    shown = one.scons("--cache-show", "--cache-debug=-")
    assert shown.compiled == {"App"} and "retrieving from" in shown.output and image.exists()
    image.unlink()
    assert "[1/3] App" in one.scons("--cache-disable").output


@pytest.mark.parametrize("edit", [("Core.cs", "return W * h;", "return W * h + 1;")])
def test_going_back_finds_the_old_entries(edit: tuple[str, str, str], tmp_path: Path, inputs: TestInputs) -> None:
    one, _, _ = _projects(tmp_path, inputs)
    one.scons()
    name, old, new = edit
    one.edit(name, old, new)
    assert one.scons().compiled == {"Core"}
    one.edit(name, new, old)
    assert one.scons().compiled == frozenset()
