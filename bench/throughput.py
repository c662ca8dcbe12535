"""Compile throughput: methods per second, split by stage, over real assemblies of azmcp."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Iterator, Sequence

from bench.common import Row
from nativegen.pipeline.request import CompileReport
from tests.support.images import compiled_azmcp
from tests.support.paths import find_inputs

ASSEMBLIES = ("azmcp", "Azure.Core", "Npgsql", "OpenAI", "Microsoft.Azure.Cosmos.Client")
STAGES = ("read", "import", "lower", "llvm", "link", "write")


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: five assemblies compiled now; all of azmcp as it was compiled for the other measurements."""
    from nativegen.pipeline import CompileRequest
    from nativegen.pipeline.compile import CompileFailure, compile_many

    application = find_inputs().azmcp
    references = {path.stem: str(path) for path in application.glob("*.dll")}
    out = work / "throughput"
    out.mkdir(parents=True, exist_ok=True)
    requests = [CompileRequest(references[name], str(out / f"{name}.dll"), "9.0", references) for name in ASSEMBLIES]
    jobs = os.cpu_count() or 1
    start = time.perf_counter()
    reports = []
    for outcome in compile_many(requests, jobs=jobs):
        if isinstance(outcome, CompileFailure):
            raise outcome.error
        reports.append(outcome)
    yield from _rows("five assemblies", reports, time.perf_counter() - start, jobs)
    images = compiled_azmcp()
    reports = [report for report in images.reports.values() if report.methods]
    yield from _rows(f"azmcp, {len(images.reports)} assemblies", reports, images.seconds, images.jobs)


def _rows(what: str, reports: Sequence[CompileReport], elapsed: float, jobs: int) -> Iterator[Row]:
    methods = sum(report.methods for report in reports)
    native = sum(report.native for report in reports)
    figure = f"{methods / elapsed:.0f} methods/s"
    yield Row(what, figure, f"{methods} methods, {native} native, {jobs} workers, {elapsed:.1f} s")
    seconds = {stage: sum(report.seconds.get(stage, 0.0) for report in reports) for stage in STAGES}
    total = sum(seconds.values())
    for stage, spent in seconds.items():
        yield Row(f"  {stage}", f"{100 * spent / total:.0f} %", f"{1e6 * spent / methods:.0f} us a method")
