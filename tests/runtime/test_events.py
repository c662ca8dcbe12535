"""What the trace says of each method, on both runtimes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.runtime.events import JitLoad, MethodRecord, MethodReport, read_method_report
from nativegen.runtime.host import RunResult, TraceRequest, run_app
from tests.support.runtimes import clean_environment, get_runtime

pytestmark = pytest.mark.runtime

Traced = Callable[[str], RunResult]


def report_of(result: RunResult) -> MethodReport:
    assert result.trace is not None
    report = read_method_report(result.trace)
    report.require_reliable()
    return report


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_framework_native_program_jitted(traced: Traced, demo: Path, target: str) -> None:
    report = report_of(traced(target))
    assert report.state("System.Console::get_Out") == "native"
    assert report.state("Demo.Program::Ordinary") == "jitted"
    assert report.state("Demo.Program::Main") == "jitted"
    assert report.state("Demo.Program::Nowhere") is None
    (ordinary,) = report.find("Demo.Program::Ordinary")
    assert ordinary.signature == "int32  (int32)"
    assert ordinary.entry_point is None  # never looked up: the module has no image
    assert [(load.kind, load.tier) for load in ordinary.jitted] == [("ordinary", "optimized")]
    assert ordinary.module == str(demo)


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_generic_instances_are_records_of_their_own(traced: Traced, target: str) -> None:
    report = report_of(traced(target))
    instances = report.find("Demo.Program::Generic")
    assert len(instances) == 2
    assert {load.kind for record in instances for load in record.jitted} == {"generic"}
    (inner,) = report.find("Demo.Outer+Inner`1[System.__Canon]::Get")
    assert inner.state == "jitted"
    assert report.find("Demo.*::Get") == [inner]


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_modules_and_assemblies(traced: Traced, demo: Path, target: str) -> None:
    report = report_of(traced(target))
    assert str(demo) in {module.path for module in report.modules}
    assert "demo, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null" in report.assemblies


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_the_summary_counts_each_method_once(traced: Traced, target: str) -> None:
    report = report_of(traced(target))
    summary = report.summary()
    assert sum(dataclasses.astuple(summary)) == len(report.methods)
    assert summary.native > 100
    assert summary.rejitted == 0  # tiering is off
    assert summary.jitted_ordinary >= 2
    assert summary.jitted_generic >= 3


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_tiering_rejits_what_was_native(demo: Path, tmp_path: Path, target: str) -> None:
    result = run_app(
        demo,
        ["slow"],
        runtime=get_runtime(target),
        environment=clean_environment(tmp_path),
        tiering=True,
        trace=TraceRequest(tmp_path),
    )
    report = report_of(result)
    assert report.summary().rejitted > 0
    own = report.find("Demo.Program::Ordinary")[0]
    assert own.state == "jitted"
    assert own.jitted[0].tier == "tier0"
    assert own.jitted[-1].tier == "tier1"


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_jitted_methods_have_the_token_of_their_definition(traced: Traced, demo: Path, target: str) -> None:
    assembly = Assembly.open(demo)
    own = [record for record in report_of(traced(target)).methods if record.module == str(demo)]
    assert len(own) > 3
    for record in own:
        assert record.token is not None and record.token >> 24 == 6
        assert assembly.method_def(record.token & 0xFFFFFF).name == record.name


def test_a_lookup_before_the_trace_began_counts_as_native() -> None:
    tier0, tier1 = (JitLoad("ordinary", tier, 10) for tier in ("tier0", "tier1"))
    record = MethodRecord("N", "M", "void  ()", 1, None, (tier1,), None, None)
    assert record.state == "rejitted"
    assert dataclasses.replace(record, jitted=(tier0, tier1)).state == "jitted"
    assert dataclasses.replace(record, entry_point=0).state == "jitted"
    assert dataclasses.replace(record, entry_point=5).state == "rejitted"
    assert dataclasses.replace(record, entry_point=5, jitted=()).state == "native"
    assert dataclasses.replace(record, entry_point=0, jitted=()).state == "not found"


def test_no_native_method_without_images(demo: Path, tmp_path: Path) -> None:
    result = run_app(
        demo,
        runtime=get_runtime("3.1"),
        environment=clean_environment(tmp_path),
        ready_to_run=False,
        trace=TraceRequest(tmp_path),
    )
    assert report_of(result).summary().native == 0


def test_an_unreliable_report_refuses(traced: Traced) -> None:
    report = report_of(traced("9.0"))
    for change in ({"dropped": 3}, {"complete": False}):
        with pytest.raises(NativegenError) as raised:
            dataclasses.replace(report, **change).require_reliable()
        assert raised.value.code == "NGEN6002"
