"""A cache of its own for every test, and commands in processes of their own where the process matters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.apps import TARGET
from tests.cli.support import Outcome
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment

Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's folder; it does not exist yet."""
    root = tmp_path / "cache"
    monkeypatch.setenv("NATIVEGEN_CACHE", str(root))
    return root


@pytest.fixture
def command(inputs: TestInputs, tmp_path: Path, cache: Path) -> Command:
    """``command("run", app)`` starts nativegen as users do and waits; both test runtimes can be found.

    ``variables`` go into its environment. No background worker is started unless NATIVEGEN_SERVICE says so."""

    def run(*arguments: object, target: str = TARGET, **variables: str) -> Outcome:
        environment = clean_environment(tmp_path) | {
            "NATIVEGEN_CACHE": str(cache),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "DOTNET_ROOT": str(inputs.root(target)),
            "PYTHONHASHSEED": "0",
            "NATIVEGEN_SERVICE": "off",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-m", "nativegen", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """Everything below a folder, the index's own log files apart; {} when it does not exist."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file() and not name.endswith(("-wal", "-shm")):
            found[name] = path.read_bytes()
    return found
