"""Twelve assemblies of 3.1, recompiled by us and put in place of Microsoft's images, under real programs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import pytest

from nativegen.runtime.host import RunResult
from tests.acceptance.rejections import audit_images
from tests.framework.replacement import PROGRAMS, Framework, ProgramRun, twelve
from tests.support.paths import TestInputs
from tests.support.runtimes import get_runtime

pytestmark = pytest.mark.runtime

NAMES = sorted(path.stem for path in PROGRAMS.glob("*.cs"))

# Native methods of each assembly that the programs must run.
MINIMUM = 200

# Stressed in every run; the others in the sweep.
STRESSED = ("Json", "Xml", "Regexes")

Run = Callable[[str], ProgramRun]


@pytest.fixture(scope="module")
def framework(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Framework:
    return Framework.create("framework12", twelve(), tmp_path_factory.mktemp("framework12"))


@pytest.fixture(scope="module")
def run(framework: Framework) -> Run:
    """Runs a program, once per session."""
    return functools.cache(framework.run)


def assert_same(expected: RunResult, actual: RunResult) -> None:
    """Exit status and output."""
    assert actual.exit_code == expected.exit_code, actual.stderr.decode("utf-8", "replace")[-4000:]
    wanted, got = expected.stdout.decode("utf-8").splitlines(), actual.stdout.decode("utf-8").splitlines()
    differing = [(w, g) for w, g in zip(wanted, got, strict=False) if w != g]
    assert not differing, "first difference:\n{}\n{}".format(*differing[0])
    assert len(wanted) == len(got)


def assert_programs_same(framework: Framework, names: Sequence[str]) -> list[ProgramRun]:
    """Programs behave the same on Microsoft's framework and on ours, and none of our methods is rejected."""
    runs = []
    for name in names:
        done = framework.run(name)
        assert_same(done.microsoft, done.ours)
        runs.append(done)
    print(f"\n{framework.table(runs)}")
    assert [done.rejected for done in runs if done.rejected] == []
    return runs


def test_the_list_names_twelve() -> None:
    names = twelve()
    assert len(set(names)) == len(names) == 12
    required = {"System.Collections", "System.Linq", "System.Private.Xml", "System.Text.Json", "System.Net.Http"}
    assert required.issubset(names)


@pytest.mark.parametrize("name", NAMES)
def test_programs_behave_the_same(name: str, run: Run) -> None:
    done = run(name)
    assert done.microsoft.exit_code == 0, done.microsoft.stderr.decode("utf-8", "replace")
    assert len(done.microsoft.stdout) > 1000
    assert_same(done.microsoft, done.ours)


def test_enough_methods_run_native_and_none_is_rejected(framework: Framework, run: Run) -> None:
    runs = [run(name) for name in NAMES]
    print(f"\n{framework.table(runs)}")
    executed = {name: len(framework.executed(runs, name)) for name in twelve()}
    assert {name: count for name, count in executed.items() if count < MINIMUM} == {}
    assert [done.rejected for done in runs if done.rejected] == []


def test_the_runtime_takes_every_method(framework: Framework) -> None:
    images = {name: framework.runtime.framework_dir / f"{name}.dll" for name in framework.images.images}
    audit = audit_images(None, images, framework.root)
    assert audit.prepared > 30_000
    assert audit.rejected == 0, "\n".join(audit.explain())


@pytest.mark.parametrize("name", STRESSED)
def test_under_gc_stress(name: str, framework: Framework, run: Run) -> None:
    assert_same(run(name).microsoft, framework.stressed(name))


@pytest.mark.sweep
@pytest.mark.parametrize("name", [name for name in NAMES if name not in STRESSED])
def test_the_others_under_gc_stress(name: str, framework: Framework, run: Run) -> None:
    assert_same(run(name).microsoft, framework.stressed(name))


@pytest.mark.sweep
@pytest.mark.parametrize("name", NAMES)
def test_with_tiering(name: str, framework: Framework, run: Run) -> None:
    assert_same(run(name).microsoft, framework.tiered(name))


@pytest.mark.sweep
@pytest.mark.parametrize("name", NAMES)
def test_the_jit_agrees(name: str, framework: Framework, run: Run) -> None:
    """Microsoft's images and the JIT alone give what the other tests expect."""
    assert_same(framework.start(name, get_runtime("3.1"), ready_to_run=False), run(name).ours)
