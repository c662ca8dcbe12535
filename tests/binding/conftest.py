"""Applications for the binding tests, and what the real host says of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment

TELL = """
using System;
public static class Tell {
    public static int Main() {
        foreach (string path in ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")).Split(':'))
            if (path != "") Console.WriteLine(path);
        return 0;
    }
}
"""


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def runtime_options(version: str = "9.0.0", name: str = "Microsoft.NETCore.App", **options: Any) -> dict[str, Any]:
    """The content of a runtimeconfig.json that asks for one framework."""
    return {"runtimeOptions": {"framework": {"name": name, "version": version}} | options}


def host(
    root: Path, app: Path, home: Path, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Start ``app`` by the ``dotnet`` of ``root``."""
    environment = clean_environment(home) | dict(variables or {})
    return subprocess.run([str(root / "dotnet"), str(app)], env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture
def tell(inputs: TestInputs, tmp_path: Path) -> Path:
    """A program in a folder of its own that prints its trusted assemblies."""
    return compile_csharp(TELL, tmp_path / "app", "tell")


@pytest.fixture
def trusted_by_host(inputs: TestInputs, tmp_path: Path) -> Callable[[Path, str], list[str]]:
    """The trusted assemblies the real host hands over, sorted and resolved (9.0 lists the core library twice)."""

    def ask(app: Path, target: str) -> list[str]:
        done = host(inputs.root(target), app, tmp_path)
        assert done.returncode == 0, done.stderr
        return sorted({str(Path(line).resolve()) for line in done.stdout.split()})

    return ask
