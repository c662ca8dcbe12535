"""How long a collection waits for a loop of another thread, compiled by us and by the JIT.

400 collections of the youngest generation while the loop runs; tiering off, so that both sides are optimised. For each
kind of loop, with and without calls: the 99th percentile of ours relative to the JIT's in the same run, and what it
becomes when the loop gets ten times longer (it must not grow with the loop).
"""

from __future__ import annotations

import json
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from bench.common import Row
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileOptions, CompileRequest
from nativegen.runtime.host import run_app, runtime_config_for
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS
from tests.support.runtimes import clean_environment, framework_references, get_runtime

KINDS = ("sum", "map", "floats", "hash", "chase", "calls", "references", "rare")
COLLECTIONS = 400
LENGTH = 20_000_000  # some 10 to 50 ms
_SOURCE = pathlib.Path(__file__).with_name("programs") / "Suspension.cs"


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: per target and kind of loop."""
    with tempfile.TemporaryDirectory(dir=work, prefix="suspension-") as folder:
        for target in TARGETS:
            sides = _prepare(pathlib.Path(folder) / target, target)
            for kind in KINDS:
                yield _row(target, kind, *sides)


def _prepare(folder: pathlib.Path, target: str) -> tuple[pathlib.Path, pathlib.Path]:
    """The program under the JIT and with its image."""
    program = compile_csharp(_SOURCE, folder / "il", "Suspension")
    places = folder / "jit" / program.name, folder / "native" / program.name
    for place in places:
        place.parent.mkdir(parents=True)
        config = json.dumps(runtime_config_for(get_runtime(target)))
        place.with_suffix(".runtimeconfig.json").write_text(config)
    shutil.copyfile(program, places[0])
    options = CompileOptions()
    report = compile_file(CompileRequest(str(program), str(places[1]), target, framework_references(target), options))
    if report.exclusions:
        raise RuntimeError(f"excluded: {report.exclusions}")
    return places


def _row(target: str, kind: str, jit: pathlib.Path, native: pathlib.Path) -> Row:
    theirs, ours = _waits(jit, target, kind, LENGTH), _waits(native, target, kind, LENGTH)
    longer = _waits(native, target, kind, 10 * LENGTH)
    one, other, third = (_percentile(waits, 99) for waits in (theirs, ours, longer))
    note = f"JIT {_words(theirs)}; ours {_words(ours)}; ten times longer {_words(longer)}, {third / other:.2f} x"
    return Row(f"{target} {kind}", f"{other / one:.2f} x the JIT's p99", note)


def _waits(program: pathlib.Path, target: str, kind: str, length: int) -> list[float]:
    """Microseconds, ascending."""
    result = run_app(
        program,
        [kind, str(length), str(COLLECTIONS)],
        runtime=get_runtime(target),
        environment=clean_environment(program.parent),
        settings={"gcConcurrent": "0"},
        tiering=False,
        timeout=900,
    )
    if result.exit_code:
        raise RuntimeError(result.stderr.decode("utf-8", "replace")[-2000:])
    return sorted(float(line) for line in result.stdout.split())


def _percentile(waits: list[float], percent: int) -> float:
    return waits[min(len(waits) - 1, len(waits) * percent // 100)]


def _words(waits: list[float]) -> str:
    p50, p99, most = (wait / 1000 for wait in (_percentile(waits, 50), _percentile(waits, 99), waits[-1]))
    return f"p50 {p50:.2f} p99 {p99:.2f} max {most:.2f} ms"
