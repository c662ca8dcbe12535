"""Random edits of a library: its dependent is compiled again whenever its image would change, and hardly ever else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from nativegen.pipeline.module_facts import ModuleFacts
from nativegen.pipeline.request import CompileOptions
from nativegen.typesystem.contract import _Collector
from tests.pipeline.dependents.library import EDITS
from tests.pipeline.dependents.support import Bench, Outcome

pytestmark = pytest.mark.usefixtures("inputs")

#: Kinds of edits that no dependent may be compiled again for, unless its image really changes.
NEVER_NEEDLESS = (
    "body", "private field of a class", "attribute", "new member", "reordered members", "inlineable body", "forwarder",
)  # fmt: skip

#: What people do to a library most; 65 instead of 40 edits of each in the long run.
FREQUENT = ("body", "signature", "attribute", "new member")


def _judge(outcomes: Iterable[Outcome]) -> None:
    outcomes = list(outcomes)
    for kind in sorted({each.kind for each in outcomes}):
        mine = [each for each in outcomes if each.kind == kind]
        differs, again, needless = (
            sum(getattr(each, name) for each in mine) for name in ("differs", "is_recompiled", "is_needless")
        )
        print(f"{kind}: {len(mine)} edits, {differs} change the image, {again} recompile it, {needless} needlessly")
    unsound = [each for each in outcomes if not each.is_sound]
    assert not unsound, f"{len(unsound)} of {len(outcomes)} edits leave a stale image: {unsound[:5]}"
    needlessly = [each for each in outcomes if each.is_needless]
    assert not [each for each in needlessly if each.kind in NEVER_NEEDLESS]
    assert len(needlessly) <= len(outcomes) / 10


def test_a_few_edits_of_each_kind(tmp_path: Path) -> None:
    bench = Bench(tmp_path, variants=1)
    _judge([bench.outcome(kind, seed) for kind in EDITS for seed in range(3)])


@pytest.mark.sweep
def test_five_hundred_edits(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    edits = [(kind, seed) for kind in EDITS for seed in range(1000, 1065 if kind in FREQUENT else 1040)]
    assert len(edits) == 500
    _judge([bench.outcome(kind, seed) for kind, seed in edits])


def _judge_pinned(outcomes: Iterable[Outcome]) -> None:
    """Images that contain the library's code: what they recorded is what they are made from, no more and no less."""
    outcomes = list(outcomes)
    for kind in sorted({each.kind for each in outcomes}):
        mine = [each for each in outcomes if each.kind == kind]
        differs, recorded = (sum(getattr(each, name) for each in mine) for name in ("differs", "recorded"))
        print(f"{kind}: {len(mine)} edits, {differs} change the image, {recorded} what it recorded")
    unsound = [each for each in outcomes if each.differs and not (each.contract or each.recorded)]
    assert not unsound, f"{len(unsound)} of {len(outcomes)} edits leave a stale image: {unsound[:5]}"
    assert [each for each in outcomes if each.recorded and not each.differs and not each.contract] == []
    bodies = [each for each in outcomes if each.kind == "body"]
    assert sum(each.differs for each in bodies) <= len(bodies) / 10  # few of them are so small that they are taken in
    taken_in = [each for each in outcomes if each.kind == "inlineable body" and not each.contract]
    assert any(each.recorded for each in taken_in) and all(each.recorded == each.differs for each in taken_in)


def test_a_few_edits_of_each_kind_below_pinned_images(tmp_path: Path) -> None:
    bench = Bench(tmp_path, variants=1, options=CompileOptions(mode="pinned"))
    seeds = {"body": 2, "inlineable body": 5, "private field of a class": 2, "reordered members": 1}
    _judge_pinned([bench.outcome(kind, seed) for kind, count in seeds.items() for seed in range(count)])


@pytest.mark.sweep
def test_five_hundred_edits_below_pinned_images(tmp_path: Path) -> None:
    bench = Bench(tmp_path, options=CompileOptions(mode="pinned"))
    _judge_pinned([bench.outcome(kind, seed) for kind in EDITS for seed in range(2000, 2050)])


@pytest.mark.parametrize(
    "weaken",
    [
        lambda patch: patch.setattr(_Collector, "_layout", lambda self, rid: None),
        lambda patch: patch.setattr(ModuleFacts, "layout", lambda self, rid: b""),
    ],
    ids=["contract", "code"],
)
def test_without_layouts_an_image_gets_stale(
    weaken: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: with the layouts of structs left out of either signature, stale images are found."""
    weaken(monkeypatch)
    bench = Bench(tmp_path, variants=1)
    outcomes = [bench.outcome("private field of a struct", seed) for seed in range(3)]
    with pytest.raises(AssertionError, match="leave a stale image"):
        _judge(outcomes)
