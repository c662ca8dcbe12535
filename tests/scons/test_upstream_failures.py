"""Four failures of ``dotnet publish`` with precompiled images, rebuilt: deciding by time stamps ships wrong images.

Every scenario runs twice with one SConstruct; the second time with ``Decider('timestamp-newer')`` behind the tool,
which is how MSBuild decides. That run must show the failure, or the scenario would prove nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from tests.pipeline.support import with_new_mvid
from tests.scons.conftest import ROOT, Build, Project
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

_HEADER = """
import os
env = Environment(ENV=os.environ, tools=['nativegen'], toolpath=[r'%s/site_scons/site_tools'], %s)
%s
"""
_LONG_AGO = 1_000_000_000  # what a package manager restores carries the time of its making

_OLD_LIBRARY = """
[assembly: System.Reflection.AssemblyVersion("4.6.1.2")]
public class Client { public static string Name() { return "old"; } }
"""
_NEW_LIBRARY = _OLD_LIBRARY.replace("4.6.1.2", "4.6.1.3").replace('"old"', '"new"')
_RUNTIME_CONFIG = """{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
    "configProperties": {"System.Globalization.Invariant": true}}}"""
_PROGRAM = "class P { static int Main() { System.Console.WriteLine(Client.Name()); return 0; } }"


class Scenario:
    """A folder of prebuilt assemblies and a SConstruct that makes images of them."""

    def __init__(self, folder: Path, inputs: TestInputs, by_time: bool, rules: str, variables: str = "") -> None:
        self.by_time = by_time
        self.project = Project(folder / "project", inputs)
        self.folder = self.project.folder
        (self.folder / "lib").mkdir()
        decider = "env.Decider('timestamp-newer')" if by_time else ""
        (self.folder / "SConstruct").write_text(_HEADER % (ROOT, variables, decider) + rules)

    def put(self, path: Path, name: str, when: float | None = None) -> Path:
        """A file into ``lib``, with the time that it carries."""
        target = self.folder / "lib" / name
        shutil.copyfile(path, target)
        if when is not None:
            os.utime(target, (when, when))
        return target

    def build(self, *arguments: str) -> Build:
        return self.project.scons(*arguments)

    def grow_older(self, seconds: int) -> None:
        """All files, so that the next build is later by SCons' clock too, which counts whole seconds."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                times = path.stat()
                os.utime(path, (times.st_atime - seconds, times.st_mtime - seconds))

    def image(self, name: str = "Client") -> bytes:
        return (self.folder / "lib" / f"{name}.ni.dll").read_bytes()

    def mvid(self, name: str = "Client") -> str:
        """Of the IL that an image was made from."""
        return Assembly.open(self.folder / "lib" / f"{name}.ni.dll").mvid


@pytest.fixture(params=["by content", "by time"])
def by_time(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "by time")


def test_sdk_12379_an_upgraded_package_with_an_old_time(tmp_path: Path, inputs: TestInputs, by_time: bool) -> None:
    """Restoring a package gives files the time of their making: older than the image of the version before.

    The second complaint: cleaning leaves the images behind.
    """
    old, new = (
        compile_csharp(text, tmp_path / name, "Client", library=True)
        for name, text in (("1", _OLD_LIBRARY), ("2", _NEW_LIBRARY))
    )
    scenario = Scenario(tmp_path, inputs, by_time, "Default(env.NativeImage('lib/Client.dll'))")
    scenario.put(old, "Client.dll", _LONG_AGO)
    scenario.build()
    scenario.put(new, "Client.dll", _LONG_AGO + 5)
    build = scenario.build()
    assert build.compiled == (set() if by_time else {"Client"})
    assert (scenario.mvid() == Assembly.open(new).mvid) != by_time
    scenario.build("-c")
    assert not (scenario.folder / "lib" / "Client.ni.dll").exists()
    assert {path.name for path in (scenario.folder / "lib").iterdir()} == {"Client.dll"}


def test_runtime_64260_the_published_program_does_not_start(tmp_path: Path, inputs: TestInputs, by_time: bool) -> None:
    """The program refers to version 4.6.1.3, the published image of the library is still 4.6.1.2's."""
    rules = "Default(env.NativePublish('out', 'lib/P.dll'))"
    scenario = Scenario(tmp_path, inputs, by_time, rules)
    for step, text in enumerate((_OLD_LIBRARY, _NEW_LIBRARY)):
        library = compile_csharp(text, tmp_path / f"library{step}", "Client", library=True)
        program = compile_csharp(_PROGRAM, tmp_path / f"program{step}", "P", references=[library])
        scenario.put(library, "Client.dll", _LONG_AGO + step)
        scenario.put(program, "P.dll", time.time() + 3600 * step)  # newer than the first build
        (scenario.folder / "lib" / "P.runtimeconfig.json").write_text(_RUNTIME_CONFIG)
        scenario.build()
        if not step:
            assert scenario.project.run("out/P.dll") == "old\n"
            scenario.grow_older(10)
    done = subprocess.run(
        [str(inputs.net31 / "dotnet"), str(scenario.folder / "out" / "P.dll")],
        env={"PATH": os.environ["PATH"], "DOTNET_ROOT": str(inputs.net31)},
        capture_output=True,
        text=True,
    )
    if by_time:
        assert done.returncode != 0
        assert "Could not load file or assembly 'Client, Version=4.6.1.3" in done.stderr
    else:
        assert (done.returncode, done.stdout) == (0, "new\n")


def test_sdk_55436_an_option_that_is_no_input(tmp_path: Path, inputs: TestInputs, by_time: bool) -> None:
    """Two kinds of publishing share a folder, and the options that tell them apart are not among the inputs.

    They come from a file whose time says nothing: it was checked out, or restored, before the images were made.
    """
    library = compile_csharp(_OLD_LIBRARY, tmp_path / "1", "Client", library=True)
    rules = "env.Append(NATIVEGENFLAGS=['@options.rsp'])\nDefault(env.NativeImage('lib/Client.dll'))"
    scenario = Scenario(tmp_path, inputs, by_time, rules)
    scenario.put(library, "Client.dll", _LONG_AGO)
    options = scenario.folder / "options.rsp"

    def choose(text: str) -> bytes:
        options.write_text(text)
        os.utime(options, (_LONG_AGO, _LONG_AGO))
        scenario.build()
        return scenario.image()

    first = choose("--base 0x180000000\n")
    second = choose("--base 0x280000000\n")
    assert (first == second) == by_time, "an image for another base address"
    build = scenario.build("--debug=explain")
    assert build.compiled == frozenset()


def test_sdk_55891_the_runtime_changes_and_nothing_else(tmp_path: Path, inputs: TestInputs, by_time: bool) -> None:
    """Another runtime in the folder of the old one: images for it were never made, and nobody was told."""
    framework = tmp_path / "framework"
    framework.mkdir()
    for path in inputs.framework("3.1").glob("*.dll"):
        os.symlink(path, framework / path.name)
    library = compile_csharp(_OLD_LIBRARY, tmp_path / "1", "Client", library=True)
    variables = f"NATIVEGEN_FRAMEWORK={str(framework)!r}"
    scenario = Scenario(tmp_path, inputs, by_time, "Default(env.NativeImage('lib/Client.dll'))", variables)
    scenario.put(library, "Client.dll", _LONG_AGO)
    scenario.build()
    assert scenario.build().compiled == frozenset()
    updated = framework / "System.Linq.dll"
    original = updated.resolve()
    updated.unlink()
    with_new_mvid(original, updated)
    os.utime(updated, (_LONG_AGO, _LONG_AGO))
    build = scenario.build("--debug=explain")
    assert build.compiled == (set() if by_time else {"Client"})
    assert ("Client.dll: its image is made again because the framework's assemblies changed" in build.output) != by_time
    assert ("System.Linq.dll' changed" in build.output) != by_time
