"""Two engines that run MSBuild projects: MSBuild's own (Microsoft.Build, on .NET 9.0) and mono's xbuild."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nativegen.msbuild import PACKAGE
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("Exec", "WriteLinesToFile", "MakeDir", "RemoveDir", "Copy", "Message", "Warning", "Error")


@dataclass(frozen=True)
class Build:
    """What one run printed, and its exit code."""

    code: int
    out: str

    @property
    def calls(self) -> int:
        """How often nativegen was started."""
        return sum("-m nativegen compile" in line for line in self.out.splitlines())


class Engine:
    """One engine and one project folder.

    Args:
        name: ``msbuild`` or ``xbuild``. driver: the compiled Driver.cs, for the former.
    """

    def __init__(self, name: str, folder: Path, inputs: TestInputs, driver: Path | None) -> None:
        self.name, self.folder, self._inputs, self._driver = name, folder, inputs, driver

    def build(self, target: str, project: str = "App.proj", **properties: str) -> Build:
        values = {
            "NativegenPackage": PACKAGE,
            "NativegenCommand": f"{sys.executable} -m nativegen",
            "NativegenRuntime": str(self._inputs.net31),
            "Framework": str(self._inputs.framework("3.1")),
            **properties,
        }
        if self._driver is None:
            pairs = ";".join(f"{name}={value}" for name, value in values.items())
            command = ["xbuild", "/nologo", "/v:n", f"/t:{target}", f"/p:{pairs}", project]
        else:
            wrapped = self.folder / f"wrapped.{project}"
            uses = "".join(f'<UsingTask TaskName="{name}" AssemblyFile="{self._driver}" />' for name in TASKS)
            wrapped.write_text(
                f'<Project xmlns="http://schemas.microsoft.com/developer/msbuild/2003">{uses}'
                f'<Import Project="{project}" /></Project>'
            )
            pairs = [f"{name}={value}" for name, value in values.items()]
            command = [str(self._inputs.net9 / "dotnet"), str(self._driver), str(self._inputs.roslyn.resolve())]
            command += [str(wrapped), target, *pairs]
        environment = clean_environment(self.folder) | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
            "HOME": str(self.folder),
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300,
        )  # fmt: skip
        return Build(done.returncode, done.stdout)


def compile_driver(inputs: TestInputs, folder: Path) -> Path:
    """Driver.dll with its runtimeconfig.json."""
    references = [inputs.roslyn / f"{name}.dll" for name in ("Microsoft.Build", "Microsoft.Build.Framework")]
    source = Path(__file__).with_name("Driver.cs")
    driver = compile_csharp(source, folder, "Driver", references=references, compiler="roslyn", target="9.0")
    config = {"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "9.0.0"}}}
    (folder / "Driver.runtimeconfig.json").write_text(json.dumps(config))
    return driver
