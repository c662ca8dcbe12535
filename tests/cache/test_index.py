"""The index: roots, reference counts, counters, and refusing what it must not touch."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nativegen.cache.index import Index
from nativegen.cache.records import NORMAL, Dependency, Image, ImageKey, RootKey
from nativegen.cache.schema import VERSION
from nativegen.diagnostics import NativegenError


def image(name: str, key: str = "0" * 32, scenario: str = NORMAL) -> Image:
    return Image("9.0", name, key, f"{name}, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null", scenario,
                 f"/app/{name}.dll", "c", "m", "s", "x", 100, 10, 7)  # fmt: skip


def key_of(row: Image) -> ImageKey:
    return ImageKey(row.target, row.name, row.key)


def add_root(index: Index, name: str, *images: Image) -> int:
    with index.transaction():
        for row in images:
            index.put_image(row, [Dependency("System.Runtime, Version=9.0.0.0", "framework", "/fw/System.Runtime.dll")])
        root = index.put_root(RootKey(f"/app/{name}.dll", "9.0", NORMAL), f"{name}, Version=1.0.0.0", "{}")
        index.set_edges(root, [(key_of(row), row.source, "test") for row in images])
    return root


def test_images_lose_their_last_reference_with_the_last_root() -> None:
    index = Index(":memory:")
    shared = image("Shared")
    first, second = add_root(index, "A", image("A"), shared), add_root(index, "B", image("B"), shared)
    index.remove_root(first)
    assert [row.name for row in index.unreferenced_images()] == ["A"]
    index.remove_root(second)
    assert [row.name for row in index.unreferenced_images()] == ["A", "B", "Shared"]


def test_a_root_put_twice_is_one_root_and_its_edges_are_replaced() -> None:
    index = Index(":memory:")
    root = add_root(index, "A", image("A"), image("Old"))
    assert add_root(index, "A", image("A")) == root
    assert [row.name for row in index.images_of_root(root)] == ["A"]
    assert [row.name for row in index.unreferenced_images()] == ["Old"]


def test_a_failed_transaction_changes_nothing() -> None:
    index = Index(":memory:")
    add_root(index, "A", image("A"))
    with pytest.raises(RuntimeError), index.transaction():
        index.put_image(image("B"), ())
        raise RuntimeError
    assert [row.name for row in index.images()] == ["A"]


def test_the_newest_image_of_a_file_is_the_one_put_last() -> None:
    index = Index(":memory:")
    with index.transaction():
        index.put_image(image("A", "1" * 32), ())
        index.put_image(image("A", "2" * 32), ())
    newest = index.newest_image_of("/app/A.dll", "9.0", NORMAL)
    assert newest is not None and newest.key == "2" * 32
    assert index.newest_image_of("/app/A.dll", "3.1", NORMAL) is None


def test_totals_add_up() -> None:
    index = Index(":memory:")
    add_root(index, "A", image("A"), image("B"))
    index.count("compiled", 2)
    index.count("compiled")
    totals = index.totals()
    assert (totals.roots, totals.images, totals.image_bytes, totals.native) == (1, 2, 200, 14)
    assert totals.images_by_target == {"9.0": 2} and totals.counters == {"compiled": 3}


def test_contract_signatures_are_remembered_by_content() -> None:
    index = Index(":memory:")
    index.put_contract("content", "contract", b"entries")
    assert index.contract("content") == ("contract", b"entries")
    assert index.contract_entries("contract") == b"entries"
    assert index.contract("other") is None


def test_an_index_of_a_newer_schema_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.execute("CREATE TABLE future (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NativegenError) as caught:
        Index(str(path))
    assert caught.value.code == "NGEN4004" and caught.value.exit_code == 4
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage", [b"this is not a database, but it is long enough to have a header " * 40, b"\0" * 5000]
)
def test_a_damaged_index_is_reported_with_the_way_to_rebuild_it(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "index.sqlite3"
    path.write_bytes(damage)
    with pytest.raises(NativegenError) as caught:
        Index(str(path))
    assert caught.value.code == "NGEN4005" and caught.value.exit_code == 4
    assert "cache rebuild" in str(caught.value) and str(path) in str(caught.value)


def test_two_processes_may_make_the_index_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / "index.sqlite3")
    first, second = Index(path), Index(path)
    add_root(first, "A", image("A"))
    assert [root.name for root in second.roots()] == ["A"]
