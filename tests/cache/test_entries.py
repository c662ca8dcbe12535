"""The folder of checksummed entries that builds share."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nativegen.cache.entries import Entries
from nativegen.cli.main import main

KEY = "0123456789abcdef0123456789abcdef"
OTHER = "0023456789abcdef0123456789abcdef"


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    entries = Entries(str(tmp_path / "cache"))
    assert entries.get(KEY) is None
    entries.put(KEY, b"content", 0o755)
    found = entries.get(KEY)
    assert found is not None and (found.data, found.mode) == (b"content", 0o755)
    entries.put(KEY, b"other", 0o644)
    assert entries.get(KEY) == found, "the first one stays"


@pytest.mark.parametrize("at", [0, 8, 23, 24, 30, -1])
def test_changed_bytes_are_noticed_and_set_aside(at: int, tmp_path: Path) -> None:
    entries = Entries(str(tmp_path))
    entries.put(KEY, b"content", 0o644)
    path = Path(entries.path(KEY))
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    assert entries.get(KEY) is None
    assert not path.exists() and entries.stats().quarantined == 1
    entries.put(KEY, b"content", 0o644)
    assert entries.get(KEY) is not None


def test_truncated_and_moved_entries_are_not_used(tmp_path: Path) -> None:
    entries = Entries(str(tmp_path))
    entries.put(KEY, b"content", 0o644)
    whole = Path(entries.path(KEY)).read_bytes()
    for size in range(len(whole)):
        Path(entries.path(KEY)).write_bytes(whole[:size])
        assert entries.get(KEY) is None
    other = Path(entries.path(OTHER))
    other.parent.mkdir()
    other.write_bytes(whole)
    assert entries.get(OTHER) is None, "an entry is bound to its key"


def test_reading_only_changes_nothing(tmp_path: Path) -> None:
    Entries(str(tmp_path)).put(KEY, b"content", 0o644)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    reader = Entries(str(tmp_path), read_only=True)
    reader.put(OTHER, b"x", 0o644)
    assert reader.get(KEY) is not None and reader.get(OTHER) is None
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_the_log_tells_what_happened(tmp_path: Path) -> None:
    entries = Entries(str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    entries.get(KEY, "App.ni.dll")
    entries.put(KEY, b"content", 0o644, "App.ni.dll")
    entries.get(KEY, "App.ni.dll")
    Path(entries.path(KEY)).write_bytes(b"")
    entries.get(KEY, "App.ni.dll")
    lines = [json.loads(line) for line in (tmp_path / "cache" / "log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["miss", "added", "hit", "bad"]
    assert {line["what"] for line in lines} == {"App.ni.dll"} and {line["key"] for line in lines} == {KEY}
    assert entries.stats().events == {"hit": 1, "miss": 1, "added": 1, "bad": 1}


def test_trimming_removes_what_was_not_used_for_the_longest_time(tmp_path: Path) -> None:
    entries = Entries(str(tmp_path))
    keys = [f"{number:032x}" for number in range(10)]
    for number, key in enumerate(keys):
        entries.put(key, bytes(1000), 0o644)
        os.utime(entries.path(key), (1000 + number, 1000 + number))
    entries.get(keys[0])  # used now
    size = os.stat(entries.path(keys[0])).st_size
    assert entries.trim(3 * size, None) == 7 * size
    assert [key for key in keys if entries.get(key) is not None] == [keys[0], keys[8], keys[9]]
    os.utime(entries.path(keys[8]), (1000, 1000))
    entries.trim(None, 500, now=1600)
    assert entries.get(keys[8]) is None and entries.get(keys[9]) is not None


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "shared")
    entries = Entries(folder)
    entries.put(KEY, bytes(5000), 0o644)
    entries.put(OTHER, bytes(5000), 0o644)
    entries.get(OTHER)
    os.utime(entries.path(KEY), (1000, 1000))
    assert main(["cache", "stats", "--builds", folder, "--json"]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert (stats["entries"], stats["quarantined"], stats["events"]["hit"]) == (2, 0, 1)
    assert main(["cache", "stats", "--builds", folder]) == 0
    assert "bad entries set aside" in capsys.readouterr().out
    assert main(["cache", "trim", "--builds", folder, "--max-size", "6k"]) == 0
    assert entries.get(KEY) is None and entries.get(OTHER) is not None
    assert main(["cache", "path", "--builds", folder]) == 2
    assert main(["cache", "trim", "--builds", folder, "--older-than", "soon"]) == 2
