"""Planning with a fake disk: which images are stale, and the reason in words."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

import pytest

from nativegen.plan.decide import Candidate, Plan, Settings, plan_images
from nativegen.plan.difference import differences, no_detail
from nativegen.plan.explanations import Explanations
from nativegen.plan.manifest import FrameworkEntry, KeyManifest

FRAMEWORK = FrameworkEntry("Microsoft.NETCore.App", "9.0.5", "f" * 32)
SETTINGS = Settings("compiler-1", "9.0", "linux-x64", "normal", {"effort": "auto"}, FRAMEWORK)


class FakeWorld:
    """Assemblies whose contract is what stands before the dash in their content; a store of images."""

    def __init__(self, *candidates: Candidate) -> None:
        self.candidates = {candidate.name: candidate for candidate in candidates}
        self.made: dict[tuple[str, str], KeyManifest] = {}
        self.newest: dict[str, KeyManifest] = {}
        self.foreign: dict[str, str] = {}

    def signature(self, candidate: Candidate) -> str:
        return candidate.content.partition("-")[0]

    def detail(self, name: str, old: str, new: str) -> str | None:
        return f"{old} became {new}"

    def has(self, name: str, key: str) -> bool:
        return (name, key) in self.made

    def foreign_change(self, name: str, key: str) -> str | None:
        return self.foreign.get(name)

    def newest_manifest(self, candidate: Candidate) -> Mapping[str, Any] | None:
        found = self.newest.get(candidate.path)
        return None if found is None else found.as_json()

    def edit(self, name: str, **changes: Any) -> None:
        self.candidates[name] = dataclasses.replace(self.candidates[name], **changes)

    def plan(
        self, settings: Settings = SETTINGS, root: str = "App", wanted: tuple[str, ...] = ()
    ) -> tuple[Plan, Explanations]:
        explanations = Explanations()
        reasons = dict.fromkeys(wanted or self.candidates, "test")
        return plan_images(self.candidates, root, reasons, settings, self, self, explanations), explanations

    def make(self, settings: Settings = SETTINGS) -> list[str]:
        """Compile what is stale; returns its names."""
        plan, _ = self.plan(settings)
        for step in plan.stale:
            self.made[step.candidate.name, step.manifest.key] = step.manifest
            self.newest[step.candidate.path] = step.manifest
        return [step.candidate.name for step in plan.stale]


def assembly(name: str, content: str, *references: str, **more: Any) -> Candidate:
    return Candidate(
        name, f"{name}, Version=1.0.0.0", f"/app/{name}.dll", content, f"mvid of {content}", references, **more
    )


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(
        assembly("App", "a1-1", "Text", "System.Runtime"),
        assembly("Text", "t1-1", "Core", "System.Runtime"),
        assembly("Core", "c1-1", "System.Runtime"),
        assembly("System.Runtime", "r1-1", is_framework=True, is_native=True),
    )


def test_everything_is_compiled_once(world: FakeWorld) -> None:
    assert world.make() == ["App", "Core", "Text"]
    assert world.make() == []


def test_a_body_edit_stops_at_its_own_assembly(world: FakeWorld) -> None:
    world.make()
    world.edit("Core", content="c1-2", mvid="new")
    plan, explanations = world.plan()
    assert [step.candidate.name for step in plan.stale] == ["Core"]
    assert explanations.of("Core") == ("content changed (rebuilt: MVID mvid of c1-1 -> new)",)


def test_a_contract_edit_reaches_direct_and_indirect_dependents(world: FakeWorld) -> None:
    world.make()
    world.edit("Core", content="c2-1")
    plan, explanations = world.plan()
    assert [step.candidate.name for step in plan.stale] == ["App", "Core", "Text"]
    assert explanations.of("App") == ("Core.dll: contract changed: c1 became c2",)


def test_a_weakened_contract_would_be_noticed(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin of the test above: it is the contract signature, and nothing else, that reaches the dependents."""
    monkeypatch.setattr(FakeWorld, "signature", lambda self, candidate: "always the same")
    world.make()
    world.edit("Core", content="c2-1")
    plan, _ = world.plan()
    assert [step.candidate.name for step in plan.stale] == ["Core"]


def test_strict_follows_ngens_rule(world: FakeWorld) -> None:
    strict = dataclasses.replace(SETTINGS, strict=True)
    world.make(strict)
    world.edit("Core", content="c1-2")
    plan, explanations = world.plan(strict)
    assert [step.candidate.name for step in plan.stale] == ["App", "Core", "Text"]
    assert explanations.of("Text") == ("Core.dll: content changed",)


def test_a_changed_foreign_body_makes_exactly_its_user_stale(world: FakeWorld) -> None:
    world.make()
    world.foreign["Text"] = "Core.dll: the body of Numbers::Twice changed"
    plan, explanations = world.plan()
    assert [step.candidate.name for step in plan.stale] == ["Text"]
    assert explanations.of("Text") == ("Core.dll: the body of Numbers::Twice changed",)


@pytest.mark.parametrize("mode", ["pinned", "guarded", "resilient"])
def test_N10_what_is_bound_hard_is_invalidated_together(world: FakeWorld, mode: str) -> None:
    settings = dataclasses.replace(SETTINGS, options={"mode": mode})
    world.edit("Text", hints=("Core",))
    world.make(settings)
    world.edit("Core", content="c1-2")
    plan, _ = world.plan(settings)
    assert [step.candidate.name for step in plan.stale] == ["Core", "Text"]


def test_a_reverted_edit_needs_nothing(world: FakeWorld) -> None:
    world.make()
    before = world.candidates["Core"]
    world.edit("Core", content="c2-1")
    world.make()
    world.candidates["Core"] = before
    assert world.make() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"compiler": "compiler-2"}, "the compiler changed (compiler-1 -> compiler-2)"),
        ({"target": "3.1"}, "the target changed (9.0 -> 3.1)"),
        ({"scenario": "debug"}, "the scenario changed (normal -> debug)"),
        ({"options": {"effort": "full"}}, "option effort changed (auto -> full)"),
        (
            {"framework": FrameworkEntry("Microsoft.NETCore.App", "9.0.6", "0" * 32)},
            "the framework changed (Microsoft.NETCore.App 9.0.5 -> Microsoft.NETCore.App 9.0.6)",
        ),
        (
            {"framework": dataclasses.replace(FRAMEWORK, signature="0" * 32)},
            "the framework changed: other files in Microsoft.NETCore.App 9.0.5",
        ),
    ],
)
def test_what_all_images_share_makes_all_stale(world: FakeWorld, change: dict[str, Any], words: str) -> None:
    world.make()
    plan, explanations = world.plan(dataclasses.replace(SETTINGS, **change))
    assert len(plan.stale) == 3
    assert explanations.of("Core") == (words,)


def test_what_a_reference_runs_as_counts(world: FakeWorld) -> None:
    world.make()
    plan, explanations = world.plan(wanted=("App", "Text"))
    assert [step.candidate.name for step in plan.stale] == ["App", "Text"]
    assert explanations.of("Text") == ("Core.dll: runs as IL now, was a native image",)


def test_a_lost_image_is_made_again(world: FakeWorld) -> None:
    world.make()
    world.made.clear()
    _, explanations = world.plan()
    assert explanations.of("App") == ("its image is missing from the cache",)


def test_framework_facades_and_native_assemblies_are_left_alone(world: FakeWorld) -> None:
    world.candidates["Facade"] = assembly("Facade", "x-1", is_facade=True)
    world.candidates["Native"] = assembly("Native", "n-1", is_native=True)
    plan, _ = world.plan(wanted=("App", "Facade", "Native", "System.Runtime"))
    assert {skipped.candidate.name: skipped.reason for skipped in plan.skipped} == {
        "Facade": "facade",
        "Native": "already native",
        "System.Runtime": "already native",
        "Text": "not wanted",
        "Core": "not wanted",
    }
    plan, _ = world.plan(dataclasses.replace(SETTINGS, from_native=True), wanted=("Native", "System.Runtime"))
    assert [step.candidate.name for step in plan.steps] == ["Native", "System.Runtime"]


def test_keys_do_not_depend_on_order_or_place(world: FakeWorld) -> None:
    expected = {step.candidate.name: step.manifest.key for step in world.plan()[0].steps}
    for seed in range(5):
        names = list(world.candidates)
        random.Random(seed).shuffle(names)
        moved = FakeWorld(*(dataclasses.replace(world.candidates[n], path=f"/{seed}/{n}.dll") for n in names))
        assert {step.candidate.name: step.manifest.key for step in moved.plan()[0].steps} == expected


def test_references_in_a_circle_end(world: FakeWorld) -> None:
    world.edit("Core", references=("App", "Missing"))
    assert world.make() == ["App", "Core", "Text"]


def test_a_changed_identity_is_named_first() -> None:
    old = {"assembly": {"name": "A", "identity": "A, Version=1.0.0.0", "mvid": "m", "content": "1"}, "compiler": "x"}
    new = {"assembly": {"name": "A", "identity": "A, Version=2.0.0.0", "mvid": "n", "content": "2"}, "compiler": "y"}
    assert list(differences(old, new, no_detail)) == [
        "identity changed (A, Version=1.0.0.0 -> A, Version=2.0.0.0)",
        "the compiler changed (x -> y)",
    ]
