"""The libraries of azmcp do the same with and without images, used far beyond what its own commands do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nativegen.runtime.events import read_method_report
from nativegen.runtime.host import TraceRequest
from tests.acceptance.exercise import exercise, unstable_lines
from tests.acceptance.stress import GcStress
from tests.support.images import ImageSet
from tests.support.paths import TestInputs

pytestmark = [pytest.mark.sweep, pytest.mark.runtime]

# Left out: what talks to the machine it runs on, and Azure.Messaging.ServiceBus, some of whose objects recurse without
# end when they are compared with something else.
_OUTSIDE = re.compile(r"NativeInterop|System\.Windows|EventLog|Win32|Identity|Amqp|Interop|ServiceBus")

MODES = {"default tiering": (None, False), "no tiering": (False, False), "GC stress": (False, True)}


@pytest.fixture(scope="module")
def assemblies(azmcp_images: ImageSet) -> list[str]:
    return [name for name in sorted(azmcp_images.images) if not _OUTSIDE.search(name)]


@pytest.fixture(scope="module")
def expected(
    assemblies: list[str], inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], set[int]]:
    """The record of the IL, and the lines that differ from run to run."""
    app = inputs.azmcp / "azmcp.dll"
    records = [exercise(app, assemblies, tmp_path_factory.mktemp("il")) for _ in range(2)]
    assert [record.result.exit_code for record in records] == [0, 0]
    unstable = unstable_lines(records[0].lines, records[1].lines)
    assert len(records[0].lines) > 50_000
    assert len(unstable) < 100
    return records[0].lines, unstable


@pytest.mark.parametrize("mode", MODES)
def test_libraries_do_the_same(
    mode: str, expected: tuple[list[str], set[int]], assemblies: list[str], azmcp_native: Path, tmp_path: Path
) -> None:
    tiering, stressed = MODES[mode]
    stress = GcStress.create(tmp_path) if stressed else None
    done = exercise(azmcp_native / "azmcp.dll", assemblies, tmp_path, tiering=tiering, stress=stress)
    lines, unstable = expected
    assert (done.result.exit_code, done.result.stderr) == (0, b""), done.lines[-3:]
    different = [
        f"{number}: {line!r} became {found!r}"
        for number, (line, found) in enumerate(zip(lines, done.lines, strict=False))
        if line != found and number not in unstable
    ]
    assert different == []
    assert len(done.lines) == len(lines)
    assert stress is None or stress.collections() > 100


def test_the_exercise_runs_native_code(assemblies: list[str], azmcp_native: Path, tmp_path: Path) -> None:
    done = exercise(
        azmcp_native / "azmcp.dll", assemblies, tmp_path, tiering=False, trace=TraceRequest(tmp_path / "trace")
    )
    assert done.result.trace is not None
    report = read_method_report(done.result.trace)
    report.require_reliable()
    summary = report.summary()
    print(summary)
    assert summary.native > 20_000
    assert summary.jitted_ordinary < 0.1 * summary.native
