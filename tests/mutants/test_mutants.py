"""The generator's fixed seeds find the seeded compiler bugs: at least nine of ten.

Each bug compiles the same programs in a process of its own; they are run as the sweep runs programs: all native, with
the
library jitted (native and jitted code call each other), and under compacting collections. A bug is found when what the
program prints differs from the correct images' output, the process dies, or the compiler's own checks refuse methods.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nativegen.runtime.host import run_app, runtime_config_for
from tests.generator.program import make_program
from tests.generator.runner import COMPILED, build
from tests.mutants.catalogue import MUTANTS
from tests.support.differential import GC_STRESS_SETTINGS
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment, get_runtime

TARGET = "9.0"
SEEDS, METHODS = (31, 32, 33, 34, 35, 36), 200
_STRESS = {"NATIVEGEN_GC_STRESS": "1", "NATIVEGEN_REPEAT_MS": "300"}


class Subject:
    """One program, built once; :meth:`observe` compiles it with a bug and says what it does."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._folder = folder
        (folder / "home").mkdir(parents=True)
        self._il = folder / "il"
        self._assemblies = build(make_program(seed, METHODS).texts(), self._il)

    def observe(self, bug: str) -> tuple[str, ...]:
        """What the compiler refused, and exit status and output of each run up to the first that fails."""
        folder = self._folder / bug.replace(" ", "-")
        native, mixed = folder / "native", folder / "mixed"
        for where in (native, mixed):
            where.mkdir(parents=True)
            for path in self._assemblies.values():
                shutil.copyfile(path, where / path.name)
            (where / "program.runtimeconfig.json").write_text(json.dumps(runtime_config_for(get_runtime(TARGET))))
        images = folder / "images"
        images.mkdir()
        command = [sys.executable, "-m", "tests.mutants.compile", bug, TARGET, str(self._il), str(images)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            return (done.stderr,)
        for name in COMPILED:
            shutil.copyfile(images / f"{name}.dll", native / f"{name}.dll")
        shutil.copyfile(images / "program.dll", mixed / "program.dll")
        seen = [done.stdout, self._run(native, {}, {}), self._run(mixed, {}, {})]
        seen.append(self._run(native, _STRESS, GC_STRESS_SETTINGS))
        shutil.rmtree(folder)
        return tuple(seen)

    def _run(self, folder: Path, variables: dict[str, str], settings: dict[str, str]) -> str:
        result = run_app(
            folder / "program.dll",
            [],
            runtime=get_runtime(TARGET),
            environment=clean_environment(self._folder / "home") | variables,
            settings=settings,
            tiering=False,
            trace=None,
            cwd=folder,
            timeout=120,
        )
        return f"{result.exit_code}\n{result.stdout.decode()}"


@pytest.mark.runtime
@pytest.mark.sweep
def test_seeded_bugs_are_found(inputs: TestInputs, tmp_path: Path) -> None:
    """One program after the other, until each bug is found by one of them."""
    found: dict[str, int] = {}
    for seed in SEEDS:
        left = [bug for bug in MUTANTS if bug not in found]
        subject = Subject(seed, tmp_path / str(seed))
        with ThreadPoolExecutor(2) as pool:  # two at a time, whatever the machine
            correct, *mutated = pool.map(subject.observe, ["none", *left])
        assert all(run.startswith("0\n") for run in correct[1:]), correct
        assert correct[1] == correct[2] == correct[3]
        found.update((bug, seed) for bug, seen in zip(left, mutated, strict=True) if seen != correct)
        if len(found) == len(MUTANTS):
            break
    for bug in MUTANTS:
        print(f"{'seed ' + str(found[bug]) if bug in found else 'MISSED':8}{bug}")
    assert len(found) >= 0.9 * len(MUTANTS)
