"""What a further compile worker costs: CPU seconds of all processes with 1, 2 and 4 workers, the same images."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

from bench.common import ROOT, Row
from tests.support.paths import find_inputs

ASSEMBLIES = ("Azure.Identity", "Azure.Storage.Common", "System.ClientModel")
WORKERS = (1, 2, 4)
ROUNDS = 3

_BUILD = """
import json, resource, sys
from nativegen.pipeline.compile import compile_many
from nativegen.pipeline.request import CompileRequest
names, references, folder, jobs = json.loads(sys.argv[1])
requests = [CompileRequest(references[name], f"{folder}/{name}.dll", "9.0", references) for name in names]
list(compile_many(requests, jobs=jobs))
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(sum(each.ru_utime + each.ru_stime for each in used))
"""


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: the least CPU time of several rounds for each number of workers, and how much each further one adds."""
    folder = work / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    references = {path.stem: str(path) for path in find_inputs().azmcp.glob("*.dll")}
    least: dict[int, float] = {}
    for _ in range(ROUNDS):
        for jobs in WORKERS:
            request = json.dumps([ASSEMBLIES, references, str(folder), jobs])
            done = subprocess.run(
                [sys.executable, "-c", _BUILD, request],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=True,
            )
            least[jobs] = min(float(done.stdout), least.get(jobs, float("inf")))
    first = least[WORKERS[0]]
    for jobs, cpu in least.items():
        added = 100 * (cpu / first - 1) / max(1, jobs - 1)
        yield Row(f"{jobs} workers", f"{cpu:.2f} s CPU", f"{added:+.1f} % for each worker beyond the first")
