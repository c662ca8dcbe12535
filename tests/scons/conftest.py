"""A small SCons project on disk: Core <- Middle <- App in C#, and a function that builds it and says what was done."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.paths import TestInputs

ROOT = Path(__file__).resolve().parents[2]

SOURCES = {
    "Core.cs": """
public struct Size { public int W; int h; public Size(int w) { W = w; h = 2; } public int Area() { return W * h; } }
public class Box { int secret; public int Grow(Size s) { secret += s.Area(); return secret; } }
""",
    "Middle.cs": """
public static class Middle { public static int Twice(int w) { return new Box().Grow(new Size(w)) * 2; } }
""",
    "App.cs": """
public static class App
{
    public static int Main() { System.Console.WriteLine("area " + Middle.Twice(21)); return 0; }
}
""",
}

SCONSTRUCT = """
import os
env = Environment(ENV=os.environ, tools=['default', 'nativegen'], toolpath=[r'%s/site_scons/site_tools'])
core = env.CSharpLibrary('bin/Core.dll', ['Core.cs'])
middle = env.CSharpLibrary('bin/Middle.dll', ['Middle.cs'], REFERENCES=core)
app = env.CSharpProgram('bin/App.dll', ['App.cs'], REFERENCES=[middle],
                        PROPERTIES={'System.Globalization.Invariant': True})
images = env.NativeImages(app)
Alias('publish', env.NativePublish('out', app))
Alias('verify', env.NativeVerify('verify.xml', images))
Default(app, images)
"""


@dataclass(frozen=True)
class Build:
    """What one run of SCons did."""

    output: str
    compiled: frozenset[str]  # images
    contracts: frozenset[str]

    @classmethod
    def parse(cls, output: str) -> Build:
        compiled = re.findall(r"^nativegen compile .*/(\w+)\.dll ->", output, re.MULTILINE)
        contracts = re.findall(r"^nativegen contract .*/(\w+)\.dll ->", output, re.MULTILINE)
        return cls(output, frozenset(compiled), frozenset(contracts))


class Project:
    """A project folder; edits are plain text replacements that must hit once."""

    def __init__(self, folder: Path, inputs: TestInputs) -> None:
        self.folder = folder
        self._inputs = inputs
        folder.mkdir(parents=True)
        for name, text in SOURCES.items():
            (folder / name).write_text(text)
        (folder / "SConstruct").write_text(SCONSTRUCT % ROOT)

    def scons(self, *arguments: str, fails: bool = False) -> Build:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "DOTNET_ROOT": str(self._inputs.net31)}
        environment["NATIVEGEN_CACHE"] = str(self.folder.parent / "cache")
        done = subprocess.run(
            [sys.executable, "-m", "SCons", "-Q", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert (done.returncode != 0) == fails, done.stdout
        return Build.parse(done.stdout)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    def run(self, application: str) -> str:
        environment = {"PATH": os.environ["PATH"], "DOTNET_ROOT": str(self._inputs.net31)}
        command = [str(self._inputs.net31 / "dotnet"), str(self.folder / application)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def project(tmp_path: Path, inputs: TestInputs) -> Project:
    return Project(tmp_path / "project", inputs)
