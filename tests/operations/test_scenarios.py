"""The ngen behaviour of install, uninstall, update and display, numbered as in the research list, with a fake
compiler."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nativegen.cache.manifests import file_checksum
from nativegen.cache.records import DEBUG, Image, ImageKey
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.display import Display, display_all, display_matching
from nativegen.operations.install import Installed, InstallEvents, install
from nativegen.operations.query import Query
from nativegen.operations.request import InstallRequest
from nativegen.operations.uninstall import Uninstalled, uninstall
from nativegen.operations.update import Updated, update
from nativegen.plan.explanations import Explanations
from tests.operations.fake import FakeToolchain, write


class World:
    """A cache, a folder of assemblies, and short names for the operations."""

    def __init__(self, folder: Path) -> None:
        self.app = folder / "app"
        self.cache = Cache(str(folder / "cache"))
        self.toolchain = FakeToolchain()
        self.explanations = Explanations()

    def write(self, name: str, *refs: str, **more: object) -> Path:
        return write(self.app, name, refs, **more)  # type: ignore[arg-type]

    def install(self, name: str, **options: object) -> Installed:
        self.toolchain.compiled.clear()
        request = InstallRequest(str((self.app / f"{name}.dll").resolve()), **options)  # type: ignore[arg-type]
        return install(self.cache, [request], self.toolchain, 1, explanations=self.explanations)[0]

    def uninstall(self, query: str, scenario: str | None = None, config: str = "") -> Uninstalled:
        return uninstall(self.cache, Query(query), scenario, config)

    def update(self, force: bool = False) -> Updated:
        self.toolchain.compiled.clear()
        return update(self.cache, self.toolchain, 1, explanations=self.explanations, force=force)

    def display(self, query: str) -> Display | None:
        return display_matching(self.cache.index, self.cache.root, Query(query), ())

    @property
    def compiled(self) -> list[str]:
        return sorted(self.toolchain.compiled)

    @property
    def images(self) -> list[str]:
        """Names of the images that the index knows; each has its files, and there are no others on disk."""
        known = sorted((image.target, image.name, image.key) for image in self.cache.index.images())
        assert known == sorted(self.cache.images_on_disk())
        return [name for _, name, _ in known]

    @property
    def roots(self) -> list[str]:
        return [root.name for root in self.cache.index.roots()]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.write("App", "Text", "System.Runtime")
    world.write("Text", "Core")
    world.write("Core")
    (world.app / "System.Runtime.dll").write_text(
        '{"refs":[],"contract":"r","body":"","version":"9.0.0.0","fail":false,"facade":true}'
    )
    return world


def test_I1_install_compiles_the_assembly_and_all_its_dependencies(world: World) -> None:
    world.install("App")
    assert world.compiled == world.images == ["App", "Core", "Text"]


def test_I2_only_the_named_assembly_is_a_root(world: World) -> None:
    world.install("App")
    assert world.roots == ["App"]


def test_I3_I4_what_is_loaded_by_name_is_installed_as_its_own_root_and_survives(world: World) -> None:
    world.write("Plugin", "Core")
    world.install("App")
    assert "Plugin" not in world.images
    world.install("Plugin")
    world.uninstall("App")
    assert world.images == ["Core", "Plugin"]


def test_I5_installing_again_compiles_nothing(world: World) -> None:
    world.install("App")
    again = world.install("App")
    assert world.compiled == [] and len(again.current) == 3


def test_I6_a_missing_dependency_is_reported_and_stops_nothing(world: World) -> None:
    world.write("Text", "Core", "Gone")
    result = world.install("App")
    assert [(missing.name, missing.referrer.partition(",")[0]) for missing in result.missing] == [("Gone", "Text")]
    assert world.images == ["App", "Core", "Text"]


def test_U1_uninstall_removes_the_root_and_what_nobody_needs(world: World) -> None:
    world.install("App")
    removed = world.uninstall("App")
    assert world.images == [] and world.roots == []
    assert len(removed.images) == 3
    assert not list(Path(world.cache.root).glob("NativeImages_*/*"))


def test_U2_shared_dependency_is_kept(world: World) -> None:
    world.write("MyAssembly", "OurDependency")
    world.write("YourAssembly", "OurDependency")
    world.write("OurDependency")
    world.install("MyAssembly")
    world.install("YourAssembly")
    assert world.compiled == ["YourAssembly"]
    world.uninstall("MyAssembly")
    assert world.images == ["OurDependency", "YourAssembly"]
    world.uninstall("YourAssembly")
    assert world.images == []


def test_U3_a_dependency_that_is_a_root_stays(world: World) -> None:
    world.install("App")
    world.install("Core")
    world.uninstall("App")
    assert world.images == ["Core"] and world.roots == ["Core"]


def test_U4_uninstall_removes_all_scenarios_or_the_given_one(world: World) -> None:
    world.install("App")
    world.install("App", debug=True)
    world.uninstall("App", DEBUG)
    assert len(world.images) == 3
    world.install("App", debug=True)
    world.uninstall("App")
    assert world.images == []


def test_U5_debug_does_not_cover_debug_and_profile(world: World) -> None:
    world.install("App", debug=True, profile=True)
    assert world.uninstall("App", DEBUG).roots == ()
    assert world.roots == ["App"]


def test_U6_a_version_selects_roots(world: World) -> None:
    world.install("App")
    assert world.uninstall("App, Version=2.0.0.0").roots == ()
    assert world.roots == ["App"]
    assert len(world.uninstall("app, version=1.0.0.0, processorArchitecture=MSIL").roots) == 1


def test_U7_a_configuration_must_be_repeated(world: World) -> None:
    base = str(world.app.resolve())
    world.install("App", app_base=base)
    refused = world.uninstall("App")
    assert refused.roots == () and refused.other_configurations[0].key.config == f"/AppBase:{base}"
    assert world.roots == ["App"]
    assert len(world.uninstall("App", config=f"/AppBase:{base}").roots) == 1


def test_P1_update_regenerates_what_is_invalid_for_all_roots(world: World) -> None:
    world.write("Other", "Core")
    world.install("App")
    world.install("Other")
    world.write("Core", contract="2")
    updated = world.update()
    assert world.compiled == ["App", "Core", "Other", "Text"]
    assert updated.unusable == () and world.images == ["App", "Core", "Other", "Text"]
    assert world.explanations.of("Other")[-1] == "Core.dll: contract changed: type 1 became 2"


def test_P1_a_body_edit_regenerates_one_image(world: World) -> None:
    world.install("App")
    world.write("Core", body="2")
    world.update()
    assert world.compiled == ["Core"] and world.images == ["App", "Core", "Text"]


def test_P2_update_with_nothing_invalid_compiles_nothing(world: World) -> None:
    world.install("App")
    world.update()
    assert world.compiled == []


def test_P4_force_regenerates_everything(world: World) -> None:
    world.install("App")
    world.update(force=True)
    assert world.compiled == ["App", "Core", "Text"]


def test_update_reports_a_root_whose_file_is_gone_and_serves_the_others(world: World) -> None:
    world.write("Other", "Core")
    world.install("App")
    world.install("Other")
    (world.app / "App.dll").unlink()
    world.write("Core", body="2")
    updated = world.update()
    assert [(root.name, error.code) for root, error in updated.unusable] == [("App", "NGEN1007")]
    assert world.compiled == ["Core"]


def test_N2_a_framework_update_makes_everything_stale(world: World) -> None:
    world.install("App")
    import dataclasses

    world.toolchain.framework = dataclasses.replace(world.toolchain.framework, version="9.0.6")
    world.update()
    assert world.compiled == ["App", "Core", "Text"]


def test_N4_strict_makes_indirect_dependents_stale(world: World) -> None:
    world.install("App", strict=True)
    world.write("Core", body="2")
    world.update()
    assert world.compiled == ["App", "Core", "Text"]


def test_S3_no_dependencies(world: World) -> None:
    world.install("App", no_dependencies=True)
    assert world.images == ["App"]


def test_S4_scenarios_coexist(world: World) -> None:
    for debug in (False, True):
        for profile in (False, True):
            world.install("App", debug=debug, profile=profile)
    assert world.images.count("App") == 4 and len(world.roots) == 4


def test_D1_display_lists_roots_and_images(world: World) -> None:
    world.install("App")
    shown = display_all(world.cache.index, world.cache.root, ())
    assert [root.name for root in shown.roots] == ["App"]
    assert [one.image.name for one in shown.images] == ["App", "Core", "Text"]


def test_D2_display_of_a_name_shows_dependencies_and_depending_roots(world: World) -> None:
    world.write("Other", "Text")
    world.install("App")
    world.install("Other")
    shown = world.display("Text")
    assert shown is not None
    assert shown.roots == []
    assert shown.depending is not None and [root.name for root in shown.depending] == ["App", "Other"]
    assert [one.image.name for one in shown.images] == ["Text", "Core"]


def test_D3_display_of_a_path_and_of_a_version(world: World) -> None:
    world.install("App")
    path = world.display(str(world.app / "App.dll"))
    assert path is not None and [root.name for root in path.roots] == ["App"]
    assert world.display("App, Version=9.9.9.9") is None
    assert world.display("Nothing") is None


def test_D4_display_says_when_an_image_is_gone(world: World) -> None:
    world.install("App")
    image = world.cache.index.newest_image_of(str((world.app / "Core.dll").resolve()), "9.0", "normal")
    assert image is not None
    os.remove(world.cache.image_path(_key(image)))
    shown = display_all(world.cache.index, world.cache.root, ())
    assert [one.image.name for one in shown.images if not one.present] == ["Core"]
    world.install("App")
    assert world.compiled == ["Core"] and world.explanations.of("Core")[-1] == "its image is missing from the cache"


def test_facades_are_counted_and_have_no_image(world: World) -> None:
    result = world.install("App")
    assert [(s.candidate.name, s.reason) for s in result.skipped] == [("System.Runtime", "facade")]
    assert world.cache.index.totals().counters == {"compiled": 3, "facade": 1}


def test_a_root_without_code_is_refused(world: World) -> None:
    with pytest.raises(NativegenError, match="NGEN3007"):
        world.install("System.Runtime")
    assert world.roots == []


def test_a_failed_dependency_leaves_the_rest_installed(world: World) -> None:
    world.write("Text", "Core", fail=True)
    result = world.install("App")
    assert [step.candidate.name for step, _ in result.failures] == ["Text"]
    assert world.images == ["App", "Core"] and world.roots == ["App"]


def test_an_assembly_that_changes_while_it_is_compiled_fails(world: World) -> None:
    def edit() -> None:
        world.write("Text", "Core", body="changed meanwhile")

    request = InstallRequest(str((world.app / "App.dll").resolve()))
    real = world.toolchain.bind

    def bind_then_edit(asked: InstallRequest) -> object:
        closure = real(asked)
        edit()
        return closure

    world.toolchain.bind = bind_then_edit  # type: ignore[method-assign, assignment]
    (result,) = install(world.cache, [request], world.toolchain, 1)
    assert [(step.candidate.name, error.code) for step, error in result.failures] == [("Text", "NGEN3002")]
    assert world.images == ["App", "Core"]


def test_an_operation_that_fails_leaves_the_cache_as_it_was(world: World) -> None:
    world.install("Core")

    class Broken(InstallEvents):
        def compiled(self, *_: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install(world.cache, [InstallRequest(str((world.app / "App.dll").resolve()))], world.toolchain, 1, Broken())
    assert world.images == ["Core"] and world.roots == ["Core"]
    assert os.listdir(Path(world.cache.root) / "staging") == []


def test_images_removed_by_another_process_meanwhile_are_made_again(world: World) -> None:
    world.install("Core")
    other = Cache(world.cache.root)
    world.write("App", "Core")
    world.toolchain.during_compile = lambda: uninstall(other, Query("Core"), None, "") and None
    world.install("App")
    assert world.images == ["App", "Core"] and world.roots == ["App"]


def test_images_published_by_a_killed_process_are_adopted(world: World) -> None:
    world.install("App")
    with world.cache.index.transaction():
        for image in world.cache.index.images():
            world.cache.index.remove_image(_key(image))
        world.cache.index.remove_root(world.cache.index.roots()[0].id)
    world.install("App")
    assert world.compiled == [] and world.images == ["App", "Core", "Text"]


def test_damaged_images_are_not_adopted(world: World) -> None:
    world.install("App")
    for image in world.cache.index.images():
        if image.name == "Core":
            damaged = Path(world.cache.manifest_path(_key(image)))
        elif image.name == "Text":
            damaged = Path(world.cache.image_path(_key(image)))
        else:
            continue
        damaged.chmod(0o644)
        damaged.write_bytes(b"damaged")
    with world.cache.index.transaction():
        for image in world.cache.index.images():
            world.cache.index.remove_image(_key(image))
    world.install("App")
    assert world.compiled == ["Core", "Text"] and world.images == ["App", "Core", "Text"]
    for image in world.cache.index.images():
        assert file_checksum(world.cache.image_path(_key(image))) == image.checksum


def test_P4_force_replaces_a_damaged_image(world: World) -> None:
    world.install("App")
    image = next(image for image in world.cache.index.images() if image.name == "Core")
    path = Path(world.cache.image_path(_key(image)))
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    world.update(force=True)
    assert file_checksum(str(path)) == image.checksum


def test_an_edit_and_its_reversal(world: World) -> None:
    world.install("App")
    keys = world.cache.index.images()
    world.write("Core", contract="2")
    world.update()
    world.write("Core", contract="1")
    world.update()
    assert sorted(image.key for image in world.cache.index.images()) == sorted(image.key for image in keys)


def _key(image: Image) -> ImageKey:
    return ImageKey(image.target, image.name, image.key)
