"""Which images an edit rebuilds, and that the tool says why. Each test builds a real project."""

from __future__ import annotations

import os
import re
import shutil

from nativegen.readytorun.reader import ReadyToRunImage
from tests.scons.conftest import Project

ALL = frozenset({"App", "Middle", "Core"})


def test_first_build_makes_every_image_and_null_build_none(project: Project) -> None:
    first = project.scons()
    assert first.compiled == ALL
    for name in ALL:
        image = ReadyToRunImage.open(project.folder / "bin" / f"{name}.ni.dll")
        assert image.method_entries
    assert project.scons().compiled == frozenset()


def test_touched_files_rebuild_nothing(project: Project) -> None:
    project.scons()
    for path in [*project.folder.glob("*.cs"), *project.folder.glob("bin/*.dll")]:
        os.utime(path, (1, 1))
    assert project.scons().compiled == frozenset()


def test_equal_size_and_time_hide_nothing(project: Project) -> None:
    """SCons itself takes a file of known size and time for unchanged, when it is older than two days."""
    long_ago = (1_000_000_000, 1_000_000_000)
    os.utime(project.folder / "Core.cs", long_ago)
    project.scons()
    project.edit("Core.cs", "return W * h;", "return W + h;")
    os.utime(project.folder / "Core.cs", long_ago)
    assert project.scons().compiled == {"Core"}


def test_body_edit_stops_at_its_assembly(project: Project) -> None:
    project.scons()
    project.edit("Core.cs", "return W * h;", "return W * h + 1;")
    build = project.scons("--debug=explain")
    assert build.compiled == {"Core"}
    assert "Core.dll: contract unchanged, dependents stay" in build.output


def test_private_field_of_a_struct_reaches_everything_that_may_bake_it_in(project: Project) -> None:
    project.scons()
    project.edit("Core.cs", "int h;", "int h; public long Extra;")
    project.edit("Core.cs", "h = 2;", "h = 2; Extra = 0;")
    build = project.scons("--debug=explain")
    assert build.compiled == {"Core", "Middle"}, "App uses no Size"
    assert "contract changed: struct Size gained field 'Extra'" in build.output
    assert "because `bin/Core.contract' changed" in build.output
    again = "Middle.dll: its image is made again because Core.dll: contract changed: struct Size gained field 'Extra'"
    assert again in build.output
    assert "App.dll: its image stays: it uses nothing of what changed in Core.dll" in build.output


def test_private_field_of_a_class_stays_at_home(project: Project) -> None:
    project.scons()
    project.edit("Core.cs", "int secret;", "int other; int secret;")
    assert project.scons().compiled == {"Core"}


def test_compiler_option_rebuilds_everything(project: Project) -> None:
    project.scons()
    sconstruct = project.folder / "SConstruct"
    text = sconstruct.read_text()
    sconstruct.write_text(text.replace("core = env", "env.Append(NATIVEGENFLAGS=['-O'])\ncore = env", 1))
    assert project.scons().compiled == ALL


def test_a_contract_that_another_version_wrote_differs_in_words(project: Project) -> None:
    project.scons()
    contract = project.folder / "bin" / "Core.contract"
    contract.write_text(re.sub('"signature": "[^"]*"', '"signature": "0"', contract.read_text()))
    project.edit("Core.cs", "secret += s.Area()", "secret -= s.Area()")
    assert "nativegen: Core.dll: contract changed: another nativegen wrote it\n" in project.scons().output


def test_removed_image_comes_back(project: Project) -> None:
    project.scons()
    (project.folder / "bin" / "Middle.ni.dll").unlink()
    assert project.scons().compiled == {"Middle"}


def test_equal_builds_give_equal_images(project: Project) -> None:
    project.scons()
    images = {name: (project.folder / "bin" / f"{name}.ni.dll").read_bytes() for name in ALL}
    for name in ALL:
        (project.folder / "bin" / f"{name}.ni.dll").unlink()
    project.scons("-j2")
    assert {name: (project.folder / "bin" / f"{name}.ni.dll").read_bytes() for name in ALL} == images


def test_clean_removes_what_was_built(project: Project) -> None:
    project.scons()
    project.scons("-c")
    assert not list(project.folder.glob("bin/*.ni.dll"))
    assert not list(project.folder.glob("bin/*.contract"))


def test_prebuilt_assemblies_need_no_sources(project: Project) -> None:
    """A vendor's folder: the closure is read from the assemblies themselves."""
    project.scons()
    vendor = project.folder / "vendor"
    vendor.mkdir()
    for path in project.folder.glob("bin/*"):
        if path.suffix == ".json" or (path.suffix == ".dll" and not path.name.endswith(".ni.dll")):
            shutil.copy(path, vendor)
    header = (project.folder / "SConstruct").read_text().split("core = env")[0]
    (project.folder / "SConstruct").write_text(header + "Default(env.NativePublish('shipped', 'vendor/App.dll'))\n")
    assert project.scons().compiled == ALL
    assert project.run("shipped/App.dll") == "area 84\n"
    assert project.scons().compiled == frozenset()


def test_broken_input_fails_the_build_with_one_line(project: Project) -> None:
    project.scons()
    header = (project.folder / "SConstruct").read_text().split("core = env")[0]
    (project.folder / "SConstruct").write_text(header + "Default(env.NativeImage('bin/Broken.dll'))\n")
    (project.folder / "bin" / "Broken.dll").write_bytes((project.folder / "bin" / "Core.dll").read_bytes()[:700])
    build = project.scons(fails=True)
    assert "NGEN1002" in build.output and "Broken.dll" in build.output
    assert not (project.folder / "bin" / "Broken.ni.dll").exists()
