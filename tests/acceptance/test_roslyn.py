"""Roslyn with images compiles C# files to the same bytes as Roslyn under the JIT."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.runtime.events import read_method_report
from nativegen.runtime.host import TraceRequest
from tests.acceptance.instances import audit_instances
from tests.acceptance.rejections import audit_images
from tests.acceptance.roslyn import Compiler, sources
from tests.acceptance.stress import GcStress
from tests.support.images import ImageSet
from tests.support.paths import TestInputs

pytestmark = [pytest.mark.sweep, pytest.mark.runtime]

TOLERANCE = 0.001  # ACCEPTANCE.md "Native"

# Name -> repetitions, tiering, GC stress. Forty repetitions outlast the tiered JIT's threshold.
MODES = {
    "default tiering": (1, None, False),
    "default tiering, long": (40, None, False),
    "no tiering": (1, False, False),
    "GC stress, no tiering": (1, False, True),
    "GC stress, tiering": (1, True, True),
}


def test_the_runtime_takes_every_method(roslyn_images: ImageSet, roslyn: Compiler, inputs: TestInputs) -> None:
    images = {name: roslyn.native / path.name for name, path in roslyn_images.images.items()}
    audit = audit_images(None, images, inputs.net9)
    instances = audit_instances(roslyn.native / "compile.dll", images, inputs.net9)
    print(*audit.summary(), *instances.summary(), sep="\n")
    assert audit.refused_images == {}
    native = sum(report.native for report in roslyn_images.reports.values())
    assert audit.prepared + instances.shared <= native <= audit.prepared + instances.methods
    assert audit.rejected + len(instances.rejected) <= TOLERANCE * audit.prepared
    assert instances.prepared > 0.8 * instances.entries


@pytest.mark.parametrize("mode", MODES)
def test_output_is_byte_identical(mode: str, roslyn: Compiler, tmp_path: Path) -> None:
    repeat, tiering, stressed = MODES[mode]
    stress = GcStress.create(tmp_path) if stressed else None
    files = sources(tmp_path / "sources", blocks=4 if repeat > 1 or stress else 60)
    expected = roslyn.run(roslyn.jit, tmp_path / "expected", files, tiering=tiering)
    actual = roslyn.run(roslyn.native, tmp_path / "actual", files, repeat=repeat, tiering=tiering, stress=stress)
    # A program that only mcs accepts has no output: then the messages are what is compared.
    for part in ("exit_code", "stdout", "stderr"):
        assert getattr(actual, part) == getattr(expected, part), part
    assert stress is None or stress.collections() > 100
    outputs = {path.name: path.read_bytes() for path in (tmp_path / "expected").iterdir()}
    assert {"ten.dll", "large.dll"} <= outputs.keys() and len(outputs) > len(files) // 2
    assert {path.name for path in (tmp_path / "actual").iterdir()} == outputs.keys()
    for name, content in outputs.items():
        assert (tmp_path / "actual" / name).read_bytes() == content, name


def test_the_compiler_runs_native(roslyn: Compiler, tmp_path: Path) -> None:
    """Of the non-generic methods of the compiler that run, nearly all run native code."""
    files = sources(tmp_path / "sources", blocks=2)[:1]
    ran = roslyn.run(roslyn.native, tmp_path / "out", files, tiering=False, trace=TraceRequest(tmp_path / "trace"))
    assert ran.exit_code == 0 and ran.trace is not None
    report = read_method_report(ran.trace)
    report.require_reliable()
    own = [method for method in report.methods if method.namespace.startswith("Microsoft.CodeAnalysis.")]
    native = [method for method in own if method.state == "native"]
    assert len(native) > 3000
    assert len(native) > 0.7 * len(own)
