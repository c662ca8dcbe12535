"""``verify`` on a cache that is not as it should be, and what it says about baselines, runtimes and reproducibility."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from nativegen.cache.manifests import file_checksum
from tests.cli.apps import make_app
from tests.cli.conftest import Command
from tests.support.paths import TestInputs

pytestmark = pytest.mark.runtime


def notes(command: Command, *arguments: object) -> tuple[int, list[str]]:
    """Exit code, and the findings about the cache as a whole."""
    outcome = command("verify", "--json", *arguments)
    return outcome.code, [f"{note['severity']}: {note['message']}" for note in json.loads(outcome.out)["notes"]]


def test_a_cache_with_every_kind_of_damage(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    assert command("install", app).code == 0
    assert notes(command) == (0, [])

    # Something that the index does not know, and compiled methods that are damaged, cost time only.
    core = next(cache.glob("NativeImages_*/Core/*"))
    stranger = core.with_name("0" * 32)
    stranger.mkdir()
    for path in core.iterdir():
        (stranger / path.name).write_bytes(path.read_bytes())
    units = sorted((cache / "methods").rglob("*.units"))
    damaged = bytearray(units[0].read_bytes())
    damaged[-1] ^= 1
    units[0].write_bytes(damaged)
    code, found = notes(command)
    assert code == 0 and found[0] == f"info: {stranger}/Core.ni.dll: not in the index" and len(found) == 2
    assert found[1].startswith(f"info: {units[0]}: not used: 1 of ") and found[1].endswith(" records are damaged")

    # An image that no root needs.
    with sqlite3.connect(cache / "index.sqlite3") as index:
        index.execute("DELETE FROM edges WHERE image IN (SELECT id FROM images WHERE name = 'Text')")
    code, found = notes(command)
    assert (
        code == 0
        and "info: Text, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null: no root needs this image" in found
    )

    # An image that is gone.
    for path in core.iterdir():
        path.unlink()
    code, found = notes(command)
    assert code == 5 and any(
        note.startswith("silent: Core, ") and "is missing from the cache" in note for note in found
    )


def test_recompiling_finds_what_is_not_reproducible(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    assert command("install", app).code == 0
    good = command("verify", "--recompile", "--json")
    checks = [check for image in json.loads(good.out)["images"] for check in image["checks"]]
    assert good.code == 0 and sum(check["name"] == "determinism" for check in checks) == 3

    # One byte that nothing reads, and a manifest that agrees: as if the compiler had put a time stamp there.
    image = next(cache.glob("NativeImages_*/Text/*/Text.ni.dll"))
    data = bytearray(image.read_bytes())
    data[0x40] ^= 0x55
    document = image.with_name("Text.json")
    for path in (image, document):
        path.chmod(0o644)
    image.write_bytes(data)
    text = json.loads(document.read_text())
    text["image"]["checksum"] = file_checksum(str(image))
    document.write_text(json.dumps(text))
    bad = command("verify", "--recompile", "--json")
    (failure,) = [
        (check["name"], finding["message"])
        for image in json.loads(bad.out)["images"]
        for check in image["checks"]
        for finding in check["findings"]
        if finding["severity"] != "info"
    ]
    assert bad.code == 5 and failure == ("determinism", "compiled again it differs, first at byte 64")


def test_baseline_and_runtime_of_an_installed_application(command: Command, tmp_path: Path, inputs: TestInputs) -> None:
    app = make_app(tmp_path / "app")
    assert command("install", app).code == 0
    baseline = tmp_path / "coverage.json"
    assert command("verify", "--write-baseline", baseline).code == 0
    document = json.loads(baseline.read_text())
    assert document["native"].keys() == {"App", "Core", "Text"} and document["schema"] == 1
    assert command("verify", "--baseline", baseline).code == 0
    document["native"]["Core"] += 1
    baseline.write_text(json.dumps(document))
    fewer = command("verify", "--baseline", baseline)
    assert fewer.code == 5 and "silent: Core: coverage:" in fewer.out
    baseline.write_text("{}")
    assert command("verify", "--baseline", baseline).code != 0

    assert command("verify", "App", "--runtime", inputs.net31).code == 0
    other = command("verify", "App", "--runtime", inputs.net9)
    assert other.code != 0 and ("ignores it" in other.out or "NGEN2004" in other.err)
    assert command("verify", "--inventory", tmp_path / "x").code == 2
