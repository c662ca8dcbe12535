"""Compile throughput: methods per second, split by stage, over real assemblies of azmcp."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Iterator

from bench.common import Row
from tests.support.paths import find_inputs

ASSEMBLIES = ("azmcp", "Azure.Core", "Npgsql", "OpenAI", "Microsoft.Azure.Cosmos.Client")
STAGES = ("read", "import", "lower", "llvm", "link", "write")


def measure(work: pathlib.Path) -> Iterator[Row]:
    from nativegen.pipeline import CompileRequest
    from nativegen.pipeline.compile import CompileFailure, compile_many

    application = find_inputs().azmcp
    references = {path.stem: str(path) for path in application.glob("*.dll")}
    out = work / "throughput"
    out.mkdir(parents=True, exist_ok=True)
    requests = [CompileRequest(references[name], str(out / f"{name}.dll"), "9.0", references) for name in ASSEMBLIES]
    jobs = os.cpu_count() or 1
    start = time.perf_counter()
    methods = native = 0
    seconds = dict.fromkeys(STAGES, 0.0)
    for report in compile_many(requests, jobs=jobs):
        if isinstance(report, CompileFailure):
            raise report.error
        methods += report.methods
        native += report.native
        for stage, spent in report.seconds.items():
            seconds[stage] += spent
    elapsed = time.perf_counter() - start
    total = sum(seconds.values())
    yield Row(
        "compile",
        f"{methods / elapsed:.0f} methods/s",
        f"{methods} methods, {native} native, {jobs} workers, {elapsed:.1f} s",
    )
    for stage in STAGES:
        yield Row(
            f"  {stage}", f"{100 * seconds[stage] / total:.0f} %", f"{1e6 * seconds[stage] / methods:.0f} us a method"
        )
