"""The MSBuild package on real engines: the example project is built, edited, cleaned; its program runs native."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nativegen.msbuild import PACKAGE
from nativegen.msbuild.__main__ import pack
from nativegen.readytorun.reader import ReadyToRunImage
from tests.msbuild.engines import ROOT, Build, Engine, compile_driver
from tests.support.paths import TestInputs

pytestmark = pytest.mark.runtime


@pytest.fixture(scope="module")
def driver(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_driver(inputs, tmp_path_factory.mktemp("driver"))


@pytest.fixture
def engine(request: pytest.FixtureRequest, inputs: TestInputs, tmp_path: Path) -> Engine:
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "msbuild", folder)
    driver = request.getfixturevalue("driver") if request.param == "msbuild" else None
    return Engine(request.param, folder, inputs, driver)


both = pytest.mark.parametrize("engine", ["msbuild", "xbuild"], indirect=True)
#: The second engine costs as much again: the longer tests run there with ``-m sweep``.
mostly = pytest.mark.parametrize("engine", ["msbuild", pytest.param("xbuild", marks=pytest.mark.sweep)], indirect=True)


def published(engine: Engine, build: Build, inputs: TestInputs, folder: str = "publish") -> str:
    """What the published program prints; its images have code."""
    assert build.code == 0, build.out
    for name in ("App", "Greeting"):
        assert ReadyToRunImage.open(engine.folder / folder / f"{name}.dll").method_entries
    command = [str(inputs.net31 / "dotnet"), str(engine.folder / folder / "App.dll"), "you"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@both
def test_publish_edit_clean(engine: Engine, inputs: TestInputs) -> None:
    first = engine.build("Publish")
    assert published(engine, first, inputs) == "Hello, you.\n"
    assert first.calls == 1 and "native images: App;Greeting" in first.out
    images = engine.folder / "obj" / "nativegen" / "images"
    before = {name: (images / name).stat().st_mtime_ns for name in ("App.dll", "Greeting.dll")}

    # mcs writes a new MVID at each build: everything is another assembly, and is made again. So keep what is built.
    built = engine.folder / "App.proj"
    built.write_text(built.read_text().replace('DependsOnTargets="Build"', ""))
    for path in (engine.folder / "bin").iterdir():
        os.utime(path)  # newer than every image
    again = engine.build("Publish")
    assert published(engine, again, inputs) == "Hello, you.\n" and again.calls == 1
    assert {name: (images / name).stat().st_mtime_ns for name in before} == before

    # Another property: the images are made again although no file changed.
    other = engine.build("Publish", NativegenOptions="--Od")
    assert other.code == 0, other.out
    assert all((images / name).stat().st_mtime_ns != time for name, time in before.items())

    # An older, different assembly in the same place (a package that was rolled back): time stamps would keep the image.
    greeting = engine.folder / "bin" / "Greeting.dll"
    data = greeting.read_bytes()
    assert data.count("Hello, ".encode("utf-16le")) == 1
    greeting.write_bytes(data.replace("Hello, ".encode("utf-16le"), "Howdy, ".encode("utf-16le")))
    os.utime(greeting, (1, 1))
    assert published(engine, engine.build("Publish"), inputs) == "Howdy, you.\n"

    cleaned = engine.build("Clean")
    assert cleaned.code == 0, cleaned.out
    assert not (engine.folder / "obj" / "nativegen").exists()


@mostly
def test_switched_off_excluded_and_diagnosed(engine: Engine, inputs: TestInputs) -> None:
    off = engine.build("Publish", NativegenEnabled="false")
    assert off.code == 0 and off.calls == 0
    assert not (engine.folder / "obj" / "nativegen").exists()

    app = engine.folder / "App.cs"
    app.write_text(
        app.read_text().replace("public static int Main", "[System.Runtime.BypassNGen] public static int Main")
    )
    with app.open("a") as stream:
        stream.write("namespace System.Runtime { class BypassNGenAttribute : Attribute { } }\n")
    warned = engine.build("Publish", NativegenWarnExclusions="true")
    assert warned.code == 0, warned.out
    line = next(line for line in warned.out.splitlines() if "NGEN3110" in line)
    assert "bin/App.dll" in line and "warning" in line and "1 methods are left to the JIT: 1 bypass-attribute" in line
    if engine.name == "msbuild":
        assert line.startswith(f"warning [{engine.folder}/bin/App.dll] [NGEN3110] ")

    # What is no IL any more is published as it is, not as the image that was once made from something of that name.
    greeting, image = engine.folder / "bin" / "Greeting.dll", engine.folder / "publish" / "Greeting.dll"
    project = engine.folder / "App.proj"
    project.write_text(project.read_text().replace('DependsOnTargets="Build"', ""))
    greeting.write_bytes(image.read_bytes() + b"!")
    native = engine.build("Publish")
    assert native.code == 0 and image.read_bytes() == greeting.read_bytes(), native.out

    greeting.write_bytes(b"MZ damaged")
    failed = engine.build("Publish")
    assert failed.code != 0 and "error" in failed.out and "NGEN1001" in failed.out and "Greeting.dll" in failed.out


@mostly
def test_a_folder_that_was_published_already(engine: Engine, inputs: TestInputs) -> None:
    assert engine.build("Publish", NativegenEnabled="false").code == 0
    (engine.folder / "publish" / "data").mkdir()
    (engine.folder / "publish" / "data" / "more.txt").write_text("x")
    done = engine.build(
        "NativegenFolder",
        NativegenInputFolder=str(engine.folder / "publish"),
        NativegenOutputFolder=str(engine.folder / "native"),
    )
    assert published(engine, done, inputs, "native") == "Hello, you.\n" and done.calls == 1
    assert (engine.folder / "native" / "data" / "more.txt").read_text() == "x"
    refused = engine.build("NativegenFolder")
    assert refused.code != 0 and "must be set" in refused.out


def test_the_package_has_the_files_where_nuget_looks(tmp_path: Path) -> None:
    path = pack(str(tmp_path / "packages"))  # docs/msbuild.md: the folder need not exist
    first = Path(path).read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        nuspec = ElementTree.fromstring(archive.read("nativegen.nuspec"))
        for folder in ("build", "buildTransitive"):
            for kind in ("props", "targets"):
                assert ElementTree.fromstring(archive.read(f"{folder}/nativegen.{kind}")) is not None
    assert {"[Content_Types].xml", "_rels/.rels", "nativegen.nuspec"} < names and len(names) == 7
    (identity,) = (element.text for element in nuspec.iter() if element.tag.endswith("}id"))
    assert identity == "nativegen"
    assert Path(pack(str(tmp_path / "packages"))).read_bytes() == first
    assert sorted(os.listdir(PACKAGE)) == ["build", "buildTransitive"]
