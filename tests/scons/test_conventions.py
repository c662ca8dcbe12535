"""What SCons users expect of any tool: variant directories, Install, aliases, options, dry runs, interrupted builds."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scons.conftest import ROOT, Project
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

_LIBRARY = "public struct Size { public int W; } public class Client { public static int Of(Size s) { return s.W; } }"
_PROGRAM = "class P { static int Main() { return Client.Of(new Size()); } }"
_TOOL = f"""
import os
env = Environment(ENV=os.environ, tools=['nativegen'], toolpath=[r'{ROOT}/site_scons/site_tools'])
"""


def _prebuilt(project: Project, folder: Path) -> Path:
    """A program and its library in ``src``."""
    library = compile_csharp(_LIBRARY, folder / "made", "Client", library=True)
    program = compile_csharp(_PROGRAM, folder / "made", "P", references=[library])
    source = project.folder / "src"
    source.mkdir()
    for path in (library, program):
        shutil.copy(path, source)
    return source


@pytest.mark.parametrize(
    ("option", "said"),
    [("--native-target=5.0", "error NGEN3101: unknown target 5.0"), ("--native-runtime=none", "none: error NGEN6003")],
)
def test_a_target_or_runtime_that_does_not_exist_is_said_in_one_line(project: Project, option: str, said: str) -> None:
    lines = project.scons(option, fails=True).output.split("\n")[1:-1]
    assert lines[0].startswith("scons: *** ") and said in lines[0], lines
    assert len(lines) == 2 and lines[1].startswith("File "), lines  # where in the SConstruct


def test_the_tool_of_an_installed_package(project: Project, tmp_path: Path) -> None:
    """A project without ``site_scons`` names the function of the package in place of the tool."""
    _prebuilt(project, tmp_path)
    (project.folder / "SConstruct").write_text(
        "import os\nimport nativegen.scons\n"
        "env = Environment(ENV=os.environ, tools=['default', nativegen.scons.generate])\n"
        "env.NativeImages('src/P.dll')\n"
    )
    assert "[2/2]" in project.scons().output


@pytest.mark.parametrize("duplicate", [0, 1])
def test_variant_directories(duplicate: int, project: Project, tmp_path: Path) -> None:
    """Images, keys and contracts appear in the variant directory; the sources' folder stays clean."""
    source = _prebuilt(project, tmp_path)
    (source / "SConscript").write_text(
        "Import('env')\nimages = env.NativeImages('P.dll')\nAlias('images', env.Install('#dist', images))\n"
    )
    (project.folder / "SConstruct").write_text(
        _TOOL + f"SConscript('src/SConscript', exports='env', variant_dir='out', duplicate={duplicate})\n"
    )
    before = {path.name for path in source.iterdir()}
    build = project.scons("images")
    assert "[2/2]" in build.output
    assert {path.name for path in source.iterdir()} == before
    assert {path.name for path in (project.folder / "dist").iterdir()} == {"P.ni.dll", "Client.ni.dll"}
    assert {"P.ni.key", "P.ni.dll", "Client.contract"} <= {path.name for path in (project.folder / "out").iterdir()}
    again = project.scons("images")
    assert "[1/2]" not in again.output
    # A change of the struct's layout reaches the program through the contract, wherever the files are.
    changed = compile_csharp(_LIBRARY.replace("int W;", "int W; long h;"), tmp_path / "2", "Client", library=True)
    shutil.copy(changed, source)
    assert "[2/2]" in project.scons("images").output
    project.scons("-c", "images")
    assert not list((project.folder / "out").glob("*.ni.*")) and not list((project.folder / "dist").iterdir())


def test_implicit_cache_and_dry_runs(project: Project) -> None:
    dry = project.scons("-n")
    assert "nativegen compile" in dry.output
    assert not (project.folder / "bin").exists() and not (project.folder / ".sconsign.nativegen").exists()
    project.scons("--implicit-cache")
    assert project.scons("--implicit-cache").compiled == frozenset()
    project.edit("Core.cs", "int h;", "int h; public long Extra;")
    project.edit("Core.cs", "h = 2;", "h = 2; Extra = 0;")
    assert project.scons("--implicit-cache").compiled == {"Core", "Middle"}


def test_help_and_options(project: Project) -> None:
    text = project.scons("-h").output
    for option in ("--native-target", "--native-runtime", "--native-framework", "--native-flags", "--native-units"):
        assert option in text
    build = project.scons("--native-flags=--instruction-set=sse4.2 -O", "--debug=explain")
    assert build.compiled == {"App", "Middle", "Core"}
    build = project.scons("--debug=explain")
    assert "Core.dll: its image is made again because the options changed from" in build.output
    assert "--instruction-set=sse4.2 -O to none" in build.output


def test_a_killed_build_goes_on_where_it_was(project: Project) -> None:
    """What was finished is found again: compiled methods by their keys. Nothing half-written is taken for a result."""
    command = [sys.executable, "-m", "SCons", "-Q", "-j1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NATIVEGEN_CACHE": str(project.folder.parent / "cache")}
    environment["DOTNET_ROOT"] = str(project._inputs.net31)
    with subprocess.Popen(command, cwd=project.folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("nativegen: [1/3]"):
                break
        process.send_signal(signal.SIGKILL)
    time.sleep(0.2)
    first = line.split()[2].rstrip(":")
    build = project.scons()
    [again] = [each for each in build.output.splitlines() if each.startswith("nativegen: [") and f"] {first}:" in each]
    assert again.endswith(", 0 compiled"), "its methods were in the store"
    assert project.scons().compiled == frozenset()
    assert not list(project.folder.rglob("*.tmp"))


def test_two_environments_share_one_budget(project: Project, inputs: TestInputs) -> None:
    """Two targets in one build: separate images, one table of assemblies, one numbering."""
    (project.folder / "SConstruct").write_text(
        _TOOL.replace("tools=", "NATIVEGEN_TARGET='3.1', tools=")
        + f"nine = Environment(ENV=os.environ, tools=['nativegen'], NATIVEGEN_TARGET='9.0',"
        f" NATIVEGEN_FRAMEWORK={str(inputs.framework('9.0'))!r}, toolpath=[r'{ROOT}/site_scons/site_tools'])\n"
        "for each, name in ((env, '3.1'), (nine, '9.0')):\n"
        "    each.NativeImage('src/Client.dll', target=f'out/{name}/Client.dll')\n"
    )
    _prebuilt(project, project.folder.parent)
    build = project.scons("-j2")
    assert "[2/2]" in build.output
    images = [(project.folder / "out" / name / "Client.dll").read_bytes() for name in ("3.1", "9.0")]
    assert images[0] != images[1]
    assert "up to date" in project.scons("-j2").output
