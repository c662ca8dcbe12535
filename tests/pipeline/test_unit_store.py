"""The unit store: what is written is read, what is damaged is not, several may write at once, sizes are bounded."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from nativegen.pipeline import unit_store
from nativegen.pipeline.unit_codec import CorruptRecord, Exclusion, TableBuilder, decode, decode_tables, encode
from nativegen.pipeline.unit_store import AssemblyUnits, Result, UnitStore, encode_file
from nativegen.readytorun.unit import (
    Cell,
    CellKind,
    ExceptionClause,
    Function,
    MethodUnit,
    Relocation,
    RelocationKind,
    Symbol,
    SymbolKind,
)

_UNWIND = bytes.fromhex("19000000")


def some_unit(seed: int) -> MethodUnit:
    """A unit that has everything a unit can have."""
    source = random.Random(seed)
    cells = tuple(
        Cell(
            source.choice(list(CellKind)),
            (
                source.randrange(1 << 29),
                source.randbytes(source.randrange(4)),
                Symbol(source.choice(list(SymbolKind)), source.choice(["[A]B::C(int32)void", "é\0x", ""])),
            ),
            tuple((position, source.randrange(1, 3)) for position in range(source.randrange(4))),
        )
        for _ in range(source.randrange(1, 5))
    )
    relocations = tuple(
        Relocation(source.randrange(100), source.choice(list(RelocationKind)), source.randrange(3), -(1 << 31) + index)
        for index in range(source.randrange(6))
    )
    return MethodUnit(
        code=source.randbytes(source.randrange(1, 200)),
        functions=(Function(0, 5, _UNWIND), Function(5, 9, _UNWIND * 2, True)),
        gc_info=source.randbytes(5),
        alignment=32,
        relocations=relocations,
        rodata=source.randbytes(source.randrange(9)),
        rodata_alignment=8,
        rodata_relocations=relocations[:1],
        clauses=(
            ExceptionClause(0, 0, 3, 5, 9, Symbol(SymbolKind.TYPE, "[A]E")),
            ExceptionClause(2, 1, 2, 5, 9),
            ExceptionClause(1, 1, 2, 5, 9, 77),
        ),
        cells=cells,
        fixups=tuple(range(len(cells))),
    )


def some_results(count: int, first: int = 0) -> dict[bytes, Result]:
    """Keys and results; every fifth an exclusion."""
    return {
        random.Random(-number - 1).randbytes(16): some_unit(number)
        if number % 5
        else Exclusion("opcode", f"number {number} \ud800")
        for number in range(first, first + count)
    }


@pytest.fixture
def units(tmp_path: Path) -> AssemblyUnits:
    return UnitStore(str(tmp_path / "store")).open("9.0", "App")


def reopened(tmp_path: Path) -> AssemblyUnits:
    return UnitStore(str(tmp_path / "store")).open("9.0", "App")


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "store").rglob("*.units"))


def saved(tmp_path: Path, results: dict[bytes, Result]) -> None:
    reopened(tmp_path).save(results, set(results))


def test_round_trip(tmp_path: Path, units: AssemblyUnits) -> None:
    results = some_results(50)
    assert units.find(results) == {}
    units.save(results, set(results))
    found = reopened(tmp_path).find([*results, bytes(16)])
    assert found == results
    for result in found.values():
        if isinstance(result, MethodUnit):
            assert [type(cell.kind) for cell in result.cells] == [CellKind] * len(result.cells)


def test_files_do_not_depend_on_the_order_of_results() -> None:
    results = some_results(20)
    assert encode_file(dict(sorted(results.items())))[0] == encode_file(dict(sorted(results.items())))[0]


def test_nothing_new_writes_nothing(tmp_path: Path, units: AssemblyUnits) -> None:
    units.save({}, set())
    assert not (tmp_path / "store").exists()
    results = some_results(3)
    saved(tmp_path, results)
    (path,) = files(tmp_path)
    os.utime(path, (1, 1))
    again = reopened(tmp_path)
    again.save(again.find(results), set())
    assert files(tmp_path) == [path]
    assert path.stat().st_mtime > 1, "used files are marked as used"


def test_damage_anywhere_is_never_used(tmp_path: Path) -> None:
    """Whatever byte of a file changes: what is found is right, the rest is missing."""
    results = some_results(12)
    saved(tmp_path, results)
    (path,) = files(tmp_path)
    good = path.read_bytes()
    path.chmod(0o600)
    source = random.Random(4)
    lost_some = lost_all = 0
    for _ in range(400):
        bad = bytearray(good)
        at = source.randrange(len(bad))
        bad[at] ^= 1 << source.randrange(8)
        path.write_bytes(bad)
        found = reopened(tmp_path).find(results)
        assert found.items() <= results.items()
        assert len(found) < len(results), f"a change at {at} was not noticed"
        lost_all += not found
        lost_some += bool(found)
    assert lost_all and lost_some > 100, "a damaged record costs only itself"


@pytest.mark.parametrize("size", [0, 7, 30, 100, -1])
def test_truncated_files_are_ignored(tmp_path: Path, size: int) -> None:
    results = some_results(12)
    saved(tmp_path, results)
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    assert reopened(tmp_path).find(results) == {}
    saved(tmp_path, results)
    assert reopened(tmp_path).find(results) == results, "and written again"


def test_a_record_cannot_be_taken_for_anothers(tmp_path: Path) -> None:
    """The checksum of a record is bound to its key."""
    results = some_results(2, 1)
    first, second = results
    data = bytearray(encode_file(results)[0])
    at = unit_store._HEADER.size
    data[at : at + 32] = second + first
    rest = bytes(data[16 : unit_store._HEADER.size + 2 * unit_store._PER_RECORD])
    folder = tmp_path / "store" / "9.0" / "App"
    folder.mkdir(parents=True)
    import xxhash

    tables_size = int.from_bytes(data[20:24], "little")
    checked = rest + bytes(data[16 + len(rest) : 16 + len(rest) + tables_size])
    data[8:16] = xxhash.xxh3_64_intdigest(checked).to_bytes(8, "little")
    (folder / "x.units").write_bytes(data)
    opened = reopened(tmp_path)
    assert len(opened._files) == 1, "the file itself is well-formed"
    assert opened.find(results) == {}


def test_random_bytes_never_crash_the_decoders() -> None:
    source = random.Random(1)
    builder = TableBuilder()
    record = encode(some_unit(3), builder)
    tables = builder.encode()
    for _ in range(3000):
        for data, reader in ((record, lambda raw: decode(raw, builder.tables)), (tables, decode_tables)):
            bad = bytearray(data)
            for _ in range(source.randrange(1, 4)):
                bad[source.randrange(len(bad))] = source.randrange(256)
            cut = source.choice([len(bad), source.randrange(len(bad))])
            with contextlib.suppress(CorruptRecord):
                reader(bytes(bad[:cut]))


def test_files_that_others_could_write_are_not_read(tmp_path: Path) -> None:
    results = some_results(3)
    saved(tmp_path, results)
    (path,) = files(tmp_path)
    path.chmod(0o606)
    assert reopened(tmp_path).find(results) == {}


def test_an_unwritable_store_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    saved(tmp_path, some_results(3))
    assert UnitStore(str(tmp_path / "store")).trim() == 0


def test_small_files_are_merged(tmp_path: Path) -> None:
    results = some_results(200)
    saved(tmp_path, results)
    for number in range(30):
        more = some_results(1, 1000 + number)
        results |= more
        opened = reopened(tmp_path)
        opened.save(opened.find(results) | more, set(more))
        assert len(files(tmp_path)) <= unit_store.MAX_FILES + 1
    assert reopened(tmp_path).find(results) == results


def test_what_nobody_uses_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_store, "_GROWTH_BYTES", 0)
    for number in range(20):
        results = some_results(50, 1000 * number)
        saved(tmp_path, results)
        assert reopened(tmp_path).find(results) == results
        total = sum(path.stat().st_size for path in files(tmp_path))
        assert total < (unit_store._GROWTH + 2) * len(encode_file(results)[0])


def test_trim(tmp_path: Path) -> None:
    store = UnitStore(str(tmp_path / "store"))
    for number, name in enumerate(("Old", "New")):
        results = some_results(10, number)
        store.open("9.0", name).save(results, set(results))
    old, new = (next((tmp_path / "store" / "9.0" / name).iterdir()) for name in ("Old", "New"))
    os.utime(old, (1, 1))
    assert store.trim(old.stat().st_size + new.stat().st_size) == 0
    assert store.trim(new.stat().st_size) > 0
    assert not old.exists() and new.exists()


def _write_many(root: str, first: int) -> None:
    for number in range(first, first + 30):
        results = some_results(8, 8 * number)
        opened = UnitStore(root).open("9.0", "App")
        opened.save(opened.find(results) | results, set(results))


def test_concurrent_writers(tmp_path: Path) -> None:
    """Whatever is found is right, and the last state of each writer is mostly there (merging may lose some)."""
    root = str(tmp_path / "store")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(root, 100 * number)) for number in range(3)]
    for writer in writers:
        writer.start()
    everything = {key: result for number in range(3) for key, result in some_results(240, 800 * number).items()}
    while any(writer.is_alive() for writer in writers):
        assert reopened(tmp_path).find(everything).items() <= everything.items()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    found = reopened(tmp_path).find(everything)
    assert found.items() <= everything.items()
    assert len(found) > len(everything) // 2
    assert not list((tmp_path / "store").rglob("*.tmp"))


@pytest.fixture(autouse=True)
def private_files() -> Iterator[None]:
    """The store refuses what everybody may write; the tests must not depend on the umask they are run with."""
    before = os.umask(0o022)
    yield
    os.umask(before)
