"""Published folders with partial pinned images, without and with a start-up recording, as a user makes them.

For each program: the profile and the recording of the start, then ``publish`` twice; starts as shipped, with the
images, and with images and recording, alternating, each by its own host.
"""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bench.common import Row, median_pairs, nativegen
from bench.startup import PAIRS, Start, jitted, start_once, total, words
from nativegen.runtime.discover import Runtime
from nativegen.runtime.host import RunResult, TraceRequest, run_app
from tests.acceptance.azmcp import Application
from tests.acceptance.roslyn import TEN_LINES, compile_program
from tests.support.paths import find_inputs
from tests.support.runtimes import clean_environment, get_runtime


@dataclass(frozen=True, slots=True)
class _Program:
    """``run`` starts the program that is in a folder; ``runtime``: None when it brings its own."""

    name: str
    app: pathlib.Path
    arguments: Sequence[str]
    runtime: Runtime | None

    def start(self, folder: pathlib.Path, home: pathlib.Path) -> Start:
        if self.runtime is None:
            return partial(Application(folder, home).run, self.arguments)

        def run(trace: TraceRequest | None) -> RunResult:
            assert self.runtime is not None
            environment = clean_environment(home)
            app = folder / self.app.name
            return run_app(app, self.arguments, runtime=self.runtime, environment=environment, trace=trace)

        return run


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: per program the ratios of medians, and the methods jitted."""
    with tempfile.TemporaryDirectory(dir=work, prefix="recording-") as temporary:
        folder = pathlib.Path(temporary)
        (folder / "home").mkdir()
        for number, program in enumerate(_programs(folder)):
            yield from _rows(program, folder / str(number), folder / "home")


def _rows(program: _Program, work: pathlib.Path, home: pathlib.Path) -> Iterator[Row]:
    work.mkdir()
    profile, recording, cache = work / "start.profile", work / "start.startup", work / "cache"
    runtime = [] if program.runtime is None else [f"/runtime:{program.runtime.root}"]
    nativegen("trace", "-o", str(profile), *runtime, str(program.app), *program.arguments, cache=cache)
    nativegen("install", str(program.app), *runtime, "--partial", str(profile), "/silent", cache=cache)
    nativegen("trace", "-o", str(recording), *runtime, str(program.app), *program.arguments, cache=cache)
    folders = [program.app.parent, work / "images", work / "recording"]
    for place, options in zip(folders[1:], ([], ["--startup", str(recording)]), strict=True):
        nativegen("publish", "--pinned", *options, str(program.app), str(place), cache=cache)
    starts = [program.start(place, home) for place in folders]
    times = median_pairs([partial(start_once, start) for start in starts], pairs=PAIRS)
    for name, start, seconds in zip(("as shipped", "pinned", "pinned, recording"), starts, times, strict=True):
        methods = jitted(start, work)
        note = f"{1000 * seconds:.0f} ms, {total(methods)} jitted: {words(methods)}"
        yield Row(f"{program.name}, {name}", f"{seconds / times[0]:.2f} x as shipped", note)


def _programs(work: pathlib.Path) -> Iterator[_Program]:
    azmcp = find_inputs().azmcp / "azmcp.dll"
    yield _Program("azmcp --version", azmcp, ("--version",), None)
    yield _Program("azmcp tools list", azmcp, ("tools", "list"), None)
    source = work / "ten.cs"
    source.write_text(TEN_LINES)
    runtime = get_runtime("9.0")
    app = compile_program(work / "roslyn", find_inputs())
    arguments = ("1", str(work), str(runtime.framework_dir), str(source))
    yield _Program("Roslyn compiling ten lines", app, arguments, runtime)
