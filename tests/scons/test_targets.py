"""Builds for other runtimes than the default one: assemblies made elsewhere, published for .NET 9 and 10."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.targets import target_named
from tests.cli.apps import make_app, make_core
from tests.scons.conftest import ROOT
from tests.support.paths import TestInputs

pytestmark = pytest.mark.runtime

SCONSTRUCT = f"""
import os
env = Environment(ENV=os.environ, tools=['nativegen'], toolpath=[r'{ROOT}/site_scons/site_tools'],
                  NATIVEGEN_TARGET=ARGUMENTS['target'], NATIVEGEN_RUNTIME=ARGUMENTS['runtime'])
images = env.NativeImages('app/App.dll')
env.NativePublish('out', 'app/App.dll')
env.NativeVerify('verify.xml', images)
"""


@pytest.mark.parametrize("target", ["9.0", "10.0"])
def test_publish_verify_and_edit(target: str, inputs: TestInputs, tmp_path: Path) -> None:
    make_app(tmp_path / "app", target)
    (tmp_path / "SConstruct").write_text(SCONSTRUCT)
    runtime = inputs.root(target)

    def build() -> list[str]:
        arguments = [f"target={target}", f"runtime={runtime}"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "NATIVEGEN_CACHE": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "SCons", "-Q", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return sorted(line.split("/")[-1] for line in done.stdout.splitlines() if line.startswith("nativegen compile"))

    def answer() -> str:
        environment = {"PATH": os.environ["PATH"], "DOTNET_ROOT": str(runtime)}
        command = [runtime / "dotnet", tmp_path / "out" / "App.dll"]
        return subprocess.run(command, env=environment, capture_output=True, text=True).stdout.splitlines()[0]

    assert len(build()) == 3 and answer() == "answer 42"
    for name in ("App", "Text", "Core"):
        image = ReadyToRunImage.open(tmp_path / "out" / f"{name}.dll")
        assert image.header.major == target_named(target).r2r_major and image.method_entries
    assert build() == []
    make_core(tmp_path / "app", factor=3, target=target)
    assert [line.partition(".")[0] for line in build()] == ["Core"] and answer() == "answer 63"
