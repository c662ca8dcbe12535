"""Every example runs, and says what it promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.runtime


@pytest.fixture
def example(inputs: TestInputs, tmp_path: Path) -> Example:
    return Example(inputs, tmp_path)


class Example:
    """Runs a script in a folder of its own."""

    def __init__(self, inputs: TestInputs, folder: Path) -> None:
        self._inputs, self._home = inputs, folder
        self.folder = folder / "work"

    def run(self, script: str, **variables: str) -> str:
        environment = clean_environment(self._home) | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "NATIVEGEN": f"{sys.executable} -m nativegen",
            "NATIVEGEN_SERVICE": "off",
            "DOTNET_ROOT": str(self._inputs.net31),
            **variables,
        }
        done = subprocess.run(
            ["sh", str(ROOT / "examples" / script), str(self.folder)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


def test_release(example: Example) -> None:
    out = example.run("release/release.sh")
    assert out.count("2 native images verified, 0 failed.") == 3 and out.endswith("\nHello, release.\n")
    assert "abort: Greeting.dll: not the file in the inventory: SHA-256 " in out
    document = json.loads((example.folder / "images.cdx.json").read_text())
    components = {one["name"]: one for one in document["components"]}
    assert document["bomFormat"] == "CycloneDX" and set(components) == {"App", "Greeting"}
    digest = subprocess.run(
        ["sha256sum", example.folder / "publish" / "App.dll"], capture_output=True, text=True
    ).stdout
    assert components["App"]["hashes"] == [{"alg": "SHA-256", "content": digest.split()[0]}]


def test_inner_loop(example: Example) -> None:
    out = example.run("inner-loop/loop.sh")
    said = [line for line in out.splitlines() if line.startswith(("Hello", "Good morning"))]
    assert said == ["Hello, first.", *(f"Good morning, {word}." for word in ("second", "third", "fourth", "fifth"))]
    why = out.split("== What has to be compiled")[1].split("\n== ")[0].splitlines()[1:]
    assert [line for line in why if line] == [line for line in why if "Greeting.dll: content changed" in line]
    assert "Greeting::For class System.String (class System.String)" in out


def test_ci(example: Example, inputs: TestInputs) -> None:
    out = example.run("ci/ci.sh", OTHER_RUNTIME=str(inputs.net9))
    assert "::warning file=publish/App.dll,title=App::version: format 3.1; runtime 9.0.5 in " in out
    assert "DOTNET_ReadyToRun=0: the runtime ignores all native images" in out
    assert json.loads((example.folder / "coverage.json").read_text())["native"].keys() == {"App", "Greeting"}
    assert json.loads((example.folder / "report.json").read_text())["passed"] is True
    assert json.loads((example.folder / "report.sarif").read_text())["version"] == "2.1.0"
    suites = ElementTree.parse(example.folder / "report.junit").getroot()
    assert len(list(suites.iter("testcase"))) > 40 and not list(suites.iter("failure"))
    assert (example.folder / "report.github").read_text() == (example.folder / "report.msbuild").read_text() == ""


def test_shared_component(example: Example) -> None:
    out = example.run("shared-component/shared.sh")
    second = out.split("second finds")[1].split("\n== ")[0]
    assert second.count("Compiling assembly") == 3 and second.count("Greeting.dll (CLR") == 1
    assert "Hello, the other application." in out


def test_hard_binding(example: Example) -> None:
    out = example.run("hard-binding/hard.sh")
    assert "App.dll: Greeting.dll: content changed" in out and '"hard_binding_hints":["Greeting"]' in out
    assert "Good evening, you." in out and "Good night, you." in out and out.endswith("Sleep well, you.\n")
