"""Hand-made images run on both real runtimes: each native body returns something else than the IL it replaces."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.readytorun.targets import TARGETS, target_named
from tests.readytorun.build import program_image
from tests.support.csharp import compile_csharp
from tests.support.paths import NET9_VERSION, NET31_VERSION, TestInputs

SOURCE = Path(__file__).with_name("program.cs")
VERSIONS = {"3.1": NET31_VERSION, "9.0": NET9_VERSION}

NATIVE = ["42", "6", "7", "native interned", "True", "17", "2", "101", "3", "1337", "785", "thrown", "201", "202"]
JITTED = ["1", "-1", "-1", "IL", "False", "-1", "-1", "-1", "3", "-1", "-1", "no", "-1", "-1"]


def run(inputs: TestInputs, target: str, image: bytes, folder: Path, **environment: str) -> list[str]:
    """Run the image; checks the exit code and returns the lines it prints."""
    (folder / "program.dll").write_bytes(image)
    framework = {"name": "Microsoft.NETCore.App", "version": VERSIONS[target]}
    options = {"runtimeOptions": {"tfm": f"netcoreapp{target}", "framework": framework}}
    (folder / "program.runtimeconfig.json").write_text(json.dumps(options))
    prefix = target_named(target).environment_prefix
    settings = {prefix + name: value for name, value in environment.items()}
    result = subprocess.run(
        [inputs.root(target) / "dotnet", folder / "program.dll"],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 7, (result.returncode, result.stdout, result.stderr)
    return result.stdout.splitlines()


@pytest.fixture(scope="module")
def assembly(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return Assembly.open(compile_csharp(SOURCE, tmp_path_factory.mktemp("il"), "program"))


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_native_bodies_run(inputs: TestInputs, assembly: Assembly, target: str, tmp_path: Path) -> None:
    image = program_image(assembly, target_named(target))
    assert run(inputs, target, image, tmp_path, TieredCompilation="0") == NATIVE


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_the_same_image_is_jitted_when_ready_to_run_is_off(
    inputs: TestInputs, assembly: Assembly, target: str, tmp_path: Path
) -> None:
    image = program_image(assembly, target_named(target))
    assert run(inputs, target, image, tmp_path, ReadyToRun="0") == JITTED
