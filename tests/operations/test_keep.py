"""Images that stay when a contract changes that their code does not use: with a fake compiler, everything else that may
be different."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nativegen.cache.store import Cache
from nativegen.operations.install import InstallEvents
from nativegen.operations.query import Query
from nativegen.operations.update import update
from nativegen.operations.why import why
from nativegen.pipeline.request import CompileReport, GenericInstance
from nativegen.plan.manifest import FrameworkEntry
from nativegen.readytorun.unit import ForeignUse
from tests.operations.fake import FakeToolchain
from tests.operations.test_scenarios import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """App -> Text -> Core; what stands behind a plus in a contract is used by nobody."""
    world = World(tmp_path)
    world.write("App", "Text")
    world.write("Text", "Core")
    world.write("Core", contract="1")
    world.install("App")
    assert world.compiled == ["App", "Core", "Text"]
    return world


def image_of(world: World, name: str) -> Path:
    (key,) = [image.image_key for image in world.cache.index.images() if image.name == name]
    return Path(world.cache.image_path(key))


def test_what_uses_nothing_of_a_change_stays(world: World) -> None:
    before = image_of(world, "App")
    inode, content = before.stat().st_ino, before.read_bytes()
    world.write("Core", contract="1+added")
    updated = world.update()
    assert world.compiled == ["Core"] and world.images == ["App", "Core", "Text"]
    (root,) = updated.roots
    assert [step.candidate.name for step in root.current] == ["App", "Text"]
    after = image_of(world, "App")
    assert after != before and not before.exists() and after.stat().st_ino == inode
    assert after.read_bytes() == content and after.stat().st_mode & 0o777 == 0o444
    world.update()
    assert world.compiled == []
    world.write("Core", contract="1+added+more")
    world.update()
    assert world.compiled == ["Core"]
    world.write("Core", contract="2")
    world.update()
    assert world.compiled == ["App", "Core", "Text"]


def stays(world: World) -> dict[str, bool]:
    """Of the images that are not valid any more: whether ``why`` says that they will not be made again."""
    return {a.path[-8:-4].strip("/"): a.stays for a in why(world.cache, Query("App"), world.toolchain) if a.because}


def test_why_says_before_what_update_will_do(world: World) -> None:
    assert stays(world) == {}
    world.write("Core", contract="1+added")
    assert stays(world) == {"App": True, "Text": True, "Core": False}
    world.write("Core", contract="2")
    assert stays(world) == {"App": False, "Text": False, "Core": False}


def test_the_key_is_that_of_an_image_made_anew(world: World, tmp_path: Path) -> None:
    world.write("Core", contract="1+added")
    world.update()
    other = World(tmp_path / "other")
    other.app = world.app
    other.install("App")
    ours, theirs = ({image.image_key: image for image in each.cache.index.images()} for each in (world, other))
    assert ours == theirs
    for key in ours:
        assert world.cache.read_manifest(key) == other.cache.read_manifest(key)


def test_counts_and_events(world: World) -> None:
    kept: list[str] = []
    planned: list[str] = []

    class Events(InstallEvents):
        def kept(self, step) -> None:  # type: ignore[no-untyped-def]
            kept.append(step.candidate.name)

        def planned(self, stale) -> None:  # type: ignore[no-untyped-def]
            planned.extend(step.candidate.name for step in stale)

    before = world.cache.index.totals().counters
    world.write("Core", contract="1+added")
    update(world.cache, world.toolchain, 1, Events())
    assert kept == ["App", "Text"] and planned == ["Core"]
    counted = {name: amount - before.get(name, 0) for name, amount in world.cache.index.totals().counters.items()}
    assert counted["compiled"] == 1 and counted["reused"] == 2


@pytest.mark.parametrize(
    "change",
    ["framework", "compiler", "version", "force", "damaged", "lost", "strict"],
)
def test_everything_else_makes_images_anew(world: World, change: str) -> None:
    world.write("Core", contract="1+added", version="2.0.0.0" if change == "version" else "1.0.0.0")
    if change == "framework":
        world.toolchain.framework = FrameworkEntry("Microsoft.NETCore.App", "9.0.6", "e" * 32)
    elif change == "compiler":
        world.toolchain.compiler = "compiler-2"
    elif change in ("damaged", "lost"):
        for name in ("App", "Text"):
            image = image_of(world, name)
            image.chmod(0o644)
            if change == "damaged":
                image.write_bytes(b"something else")
            else:
                image.unlink()
    if change not in ("force", "strict"):
        assert not any(stays(world).values())
    if change == "strict":
        world.install("App", strict=True)
    else:
        world.update(force=change == "force")
    assert world.compiled == ["App", "Core", "Text"]


def test_an_edit_of_the_assembly_itself(world: World) -> None:
    world.write("Core", contract="1+added")
    world.write("App", "Text", body="2")
    world.update()
    assert world.compiled == ["App", "Core"]


@pytest.mark.parametrize("what", ["instance", "body"])
def test_images_with_code_of_others_are_made_anew(world: World, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """App has an instance of Text's, which may use anything of Core; or a body of Text's that is another one now."""
    original = FakeToolchain.compile
    use = ForeignUse("body", "Text", "[Text]Text::M()", "0" * 32)
    instance = GenericInstance("M<int>", 1, "App::M", assembly="Text")
    more = {"instance": {"instances": (instance,)}, "body": {"foreign": (use,)}}

    def compile(self, *arguments):  # type: ignore[no-untyped-def]
        for outcome in original(self, *arguments):
            if isinstance(outcome, CompileReport) and outcome.name == "App":
                outcome = replace(outcome, **more[what])
            yield outcome

    monkeypatch.setattr(FakeToolchain, "compile", compile)
    changed = "changed" if what == "body" else None
    monkeypatch.setattr("nativegen.operations.keep.foreign_change", lambda recorded, *_: changed if recorded else None)
    monkeypatch.setattr("nativegen.operations.prepare.foreign_change", lambda *_: None)
    world.uninstall("App")
    world.install("App")
    world.write("Core", contract="1+added")
    world.update()
    assert world.compiled == ["App", "Core"]


def test_a_failure_afterwards_leaves_the_images_that_there_were(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {image.image_key for image in world.cache.index.images()}
    world.write("Core", contract="1+added")

    def interrupted(self, *arguments):  # type: ignore[no-untyped-def]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FakeToolchain, "compile", interrupted)
        with pytest.raises(KeyboardInterrupt):
            world.update()
    assert {image.image_key for image in world.cache.index.images()} == before == set(world.cache.images_on_disk())
    world.update()
    assert world.compiled == ["Core"]


def test_a_lost_index_is_made_from_kept_images_too(world: World) -> None:
    from nativegen.cache.rebuild import rebuild

    world.write("Core", contract="1+added")
    world.update()
    root = world.cache.root
    world.cache.index.close()
    for path in Path(root).glob("index.sqlite3*"):
        path.unlink()
    rebuild(root)
    world.cache = Cache(root)
    world.install("App")
    assert world.compiled == []
