"""What a build remembers of an assembly's keys: only what an edit can reach is keyed again, and nothing is missed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from nativegen.metadata import Assembly, Table
from nativegen.pipeline.eligibility import methods_with_cil
from nativegen.pipeline.key_summary import Bodies, KnownFile, Origin, Summary, decode_summary, encode_summary
from nativegen.pipeline.method_names import method_display_name
from nativegen.pipeline.unit_key import UnitKeys
from tests.pipeline.support import compiled, rid_named, with_new_mvid
from tests.support.csharp import compile_csharp

pytestmark = pytest.mark.usefixtures("inputs")

_SOURCE = """
public static class Program {
    static int Small() { return 77; }
    static int Middle() { return Small() + 1; }
    public static int Caller(int x) { return Middle() + x; }
    public static int Loop(int x) { int sum = 55; for (int i = 0; i < x; i++) sum += i * Caller(i); return sum; }
    public static string Text() { return "first text"; }
    public static string Other() { return "other text"; }
    public static int Length() { return Text().Length; }
    public static int Alone(int x) { return x / 3; }
    public static readonly int[] Data = { 1001, 1002, 1003, 1004, 1005 };
    public static T Generic<T>(T x) { return x; }
    public static int Use(int x) { return Generic(x) + Generic("a").Length; }
}
"""


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The methods for which keys were made, by call."""
    calls: list[set[int]] = []
    original = UnitKeys.of

    def of(self: UnitKeys, rids: Iterable[int]) -> list[bytes]:
        wanted = list(rids)
        if wanted:
            calls.append(set(wanted))
        return original(self, wanted)

    monkeypatch.setattr(UnitKeys, "of", of)
    return calls


class Edits:
    """A program that has been built once, and edits of its file."""

    def __init__(self, folder: Path, keyed: list[set[int]], library: Path | None = None) -> None:
        self._folder = folder
        self._keyed = keyed
        self._others = () if library is None else (library,)
        self.path = compile_csharp(_SOURCE, folder, "Program", library=True, compiler="roslyn", references=self._others)
        self.assembly = Assembly.open(self.path, copy=True)
        self.every = set(methods_with_cil(self.assembly))
        self.build(self.path)

    def build(self, path: Path, store: str = "store") -> bytes:
        self._keyed.clear()
        return compiled(path, self._folder / "out.dll", *self._others, store=self._folder / store)[0]

    def edited(self, *changes: tuple[int, int]) -> Path:
        folder = self._folder / "edited"
        folder.mkdir(exist_ok=True)
        return with_new_mvid(self.path, folder / "Program.dll", *changes)

    def after(self, *changes: tuple[int, int]) -> set[str]:
        """Names of the methods that were keyed after an edit; the image is that of a clean build."""
        path = self.edited(*changes)
        image = self.build(path)
        rids = set().union(*self._keyed)
        names = {method_display_name(self.assembly, rid).removeprefix("Program::") for rid in rids}
        assert image == compiled(path, self._folder / "clean.dll", *self._others)[0]
        return names

    def everything_after(self, *changes: tuple[int, int]) -> bool:
        """Whether all methods were keyed again."""
        self.after(*changes)
        return set().union(*self._keyed) == self.every

    def in_body(self, name: str, value: bytes) -> int:
        """File offset of bytes in a method's body."""
        row = self.assembly.method_def(rid_named(self.path, f"Program::{name}"))
        start = self.assembly.rva_to_offset(row.rva)
        return self.assembly.data.index(value, start, start + 60)


@pytest.fixture
def edits(tmp_path: Path, keyed: list[set[int]]) -> Edits:
    return Edits(tmp_path, keyed)


def test_nothing_is_keyed_again_when_only_the_mvid_changed(edits: Edits) -> None:
    assert edits.after() == set()


def test_a_body_that_nobody_takes_in(edits: Edits) -> None:
    assert edits.after((edits.in_body("Loop", b"\x1f\x37"[:2]) + 1, 1)) == {"Loop"}


def test_a_small_body_and_all_that_may_have_taken_it_in(edits: Edits) -> None:
    assert edits.after((edits.in_body("Small", b"\x1f\x4d") + 1, 1)) == {"Small", "Middle", "Caller", "Loop"}


def test_a_second_edit(edits: Edits, tmp_path: Path) -> None:
    first = (edits.in_body("Small", b"\x1f\x4d") + 1, 1)
    assert "Caller" in edits.after(first)
    assert edits.after(first, (edits.in_body("Loop", b"\x1f\x37") + 1, 1)) == {"Loop"}


def test_another_user_string(edits: Edits) -> None:
    """The body's bytes stay: its token means another string."""
    offset = edits.assembly.data.index("first text".encode("utf-16-le"))
    again = edits.after((offset, 2))
    assert {"Text", "Length", "Other", "Use"} <= again
    assert not {"Loop", "Alone", "Small"} & again


def test_initial_data(edits: Edits) -> None:
    offset = edits.assembly.data.index((1003).to_bytes(4, "little"))
    assert edits.everything_after((offset, 1))


def test_a_name_in_the_metadata(edits: Edits) -> None:
    offset = edits.assembly.data.index(b"\0Alone\0") + 1
    assert edits.everything_after((offset, 0x20))


def test_a_body_that_becomes_small(tmp_path: Path, keyed: list[set[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes it in from now on is not known from before."""
    edits = Edits(tmp_path, keyed)
    original = Bodies.__init__

    def larger(self: Bodies, assembly: Assembly, rids: list[int]) -> None:
        original(self, assembly, rids)
        self.sizes[self.rids.index(rid_named(edits.path, "Program::Small"))] = 500

    with monkeypatch.context() as patch:
        patch.setattr(Bodies, "__init__", larger)
        edits.after((edits.in_body("Loop", b"\x1f\x37") + 1, 1))
    assert edits.everything_after((edits.in_body("Small", b"\x1f\x4d") + 1, 1))


def test_a_reference_that_changed(tmp_path: Path, keyed: list[set[int]]) -> None:
    text = "public class Base {{ public static int Number() {{ return {}; }} }}"
    program = "public class Program { public static int Use() { return Base.Number(); } }"
    for number in (1, 2):
        library = compile_csharp(text.format(number), tmp_path / str(number), "Base", library=True)
        path = compile_csharp(program, tmp_path / "program", "Program", library=True, references=[library])
        keyed.clear()
        compiled(path, tmp_path / "out.dll", library, store=tmp_path / "store")
        assert keyed


def test_a_damaged_summary_is_as_none(edits: Edits, tmp_path: Path) -> None:
    (summary,) = (tmp_path / "store").rglob("*.keys")
    data = bytearray(summary.read_bytes())
    for damage in (data[:20], data[:-1], bytes(len(data)), data[:100] + b"?" + data[101:]):
        summary.write_bytes(damage)
        assert edits.everything_after()
    summary.chmod(0o666)  # somebody else could have written it
    assert edits.everything_after()


def test_missed_callers_make_a_stale_image(edits: Edits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(Bodies, "mentioning", lambda self, tokens: set())
    with pytest.raises(AssertionError):
        edits.after((edits.in_body("Small", b"\x1f\x4d") + 1, 1))


def test_bytes_and_back(edits: Edits) -> None:
    bodies = Bodies(edits.assembly, sorted(edits.every))
    assert bodies.is_sound and len(bodies.rids) <= edits.assembly.row_count(Table.MethodDef)
    keys = bytes(16 * len(bodies.rids))
    bringers = {3: frozenset({0x06000003, 0x0A000001}), 4: frozenset({0x06000003})}
    files = {"a.units": KnownFile(bodies.rids, True), "b.units": KnownFile(bodies.rids[:1], False)}
    origin = Origin(b"m" * 16, b"s" * 16, b"r" * 16)
    summary = Summary(origin, bodies.rids, bodies.hashes, bodies.sizes, keys, bringers, files)
    assert decode_summary(encode_summary(summary)) == summary
