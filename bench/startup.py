"""Start-up of real programs and the methods jitted, as shipped and with images, alternating.

Baseline: the application as shipped, the framework's own images on, default tiering. Candidate: the folder that
``nativegen publish`` wrote (azmcp, Roslyn: a folder with the images in place of IL), started by the same host. Jitted
methods are told by the runtime (MethodLoadVerbose with the jitted flag, not a re-jit); stubs can't be precompiled.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bench.common import ROOT, Row, median_pairs, nativegen
from nativegen.runtime.events import Summary, read_method_report
from nativegen.runtime.host import RunResult, TraceRequest, run_app, runtime_config_for
from tests.acceptance.azmcp import Application
from tests.acceptance.roslyn import TEN_LINES, Compiler
from tests.support.csharp import compile_csharp
from tests.support.images import compiled_azmcp, compiled_roslyn, copy_application
from tests.support.paths import TARGETS, find_inputs
from tests.support.runtimes import clean_environment, get_runtime

PAIRS = 20
HELLO = 'class Program { static void Main() { System.Console.WriteLine("Hello, world!"); } }'

Start = Callable[[TraceRequest | None], RunResult]


@dataclass(frozen=True, slots=True)
class Program:
    """Two ways to start the same: ``shipped`` and ``native``; each takes what to trace.

    ``run``: by ``nativegen run``, which finds the valid images first.
    """

    name: str
    shipped: Start
    native: Start
    run: Callable[[], object] | None = None


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: per program the ratio of medians, and the jitted methods without and with images."""
    with tempfile.TemporaryDirectory(dir=work, prefix="startup-") as folder:
        for program in _programs(pathlib.Path(folder)):
            yield from _rows(program, pathlib.Path(folder))


def _rows(program: Program, work: pathlib.Path) -> Iterator[Row]:
    shipped, native = (jitted(start, work) for start in (program.shipped, program.native))
    actions: list[Callable[[], object]] = [partial(start_once, program.shipped), partial(start_once, program.native)]
    before, after, *others = median_pairs([*actions, *([program.run] if program.run else [])], pairs=PAIRS)
    times = f"{1000 * before:.0f} ms -> {1000 * after:.0f} ms"
    yield Row(program.name, f"{after / before:.2f} x as shipped", times)
    yield Row("  methods jitted", f"{total(shipped)} -> {total(native)}", f"{words(shipped)} -> {words(native)}")
    for other in others:
        yield Row("  by nativegen run", f"{other / before:.2f} x as shipped", f"{1000 * other:.0f} ms")


def start_once(start: Start) -> None:
    ran = start(None)
    if ran.exit_code:
        raise RuntimeError(f"exit code {ran.exit_code}: {ran.stderr.decode('utf-8', 'replace')[-2000:]}")


def jitted(start: Start, work: pathlib.Path) -> Summary:
    with tempfile.TemporaryDirectory(dir=work) as folder:
        ran = start(TraceRequest(pathlib.Path(folder)))
        if ran.trace is None:
            raise RuntimeError("the runtime wrote no trace")
        report = read_method_report(ran.trace)
        report.require_reliable()
        return report.summary()


def total(summary: Summary) -> int:
    return summary.jitted_ordinary + summary.jitted_generic + summary.jitted_stubs


def words(summary: Summary) -> str:
    return f"{summary.jitted_ordinary} ordinary, {summary.jitted_generic} generic, {summary.jitted_stubs} stubs"


def _programs(work: pathlib.Path) -> Iterator[Program]:
    home = work / "home"
    home.mkdir()
    for target in TARGETS:
        yield _small("hello", target, _hello(work / f"hello-{target}"), work, home)
        yield _small("App", target, _textstats(work / f"textstats-{target}"), work, home)
    application = copy_application(find_inputs().azmcp, work / "azmcp")
    compiled_azmcp().install_over(application)
    shipped, native = Application(find_inputs().azmcp, home), Application(application, home)
    for arguments in (("--version",), ("tools", "list")):
        name = f"azmcp {' '.join(arguments)}, 9.0"
        yield Program(name, partial(shipped.run, arguments), partial(native.run, arguments))
    compiler = Compiler.create(work / "roslyn", find_inputs(), compiled_roslyn())
    source = work / "ten.cs"
    source.write_text(TEN_LINES)

    def compile_ten(folder: pathlib.Path, trace: TraceRequest | None) -> RunResult:
        return compiler.run(folder, work / "out", [source], trace=trace)

    name = "Roslyn compiling ten lines, 9.0"
    yield Program(name, partial(compile_ten, compiler.jit), partial(compile_ten, compiler.native))


def _small(name: str, target: str, folder: pathlib.Path, work: pathlib.Path, home: pathlib.Path) -> Program:
    """A program of our own: installed into a cache and published by the command line."""
    runtime = get_runtime(target)
    (folder / f"{name}.runtimeconfig.json").write_text(json.dumps(runtime_config_for(runtime)))
    published = work / f"{name}-{target}-published"
    cache = work / "cache"
    nativegen("install", str(folder / f"{name}.dll"), f"/runtime:{runtime.root}", cache=cache)
    nativegen("publish", str(folder / f"{name}.dll"), str(published), cache=cache)

    def start(where: pathlib.Path, trace: TraceRequest | None) -> RunResult:
        environment = clean_environment(home)
        return run_app(where / f"{name}.dll", runtime=runtime, environment=environment, trace=trace, cwd=where)

    label = {"hello": "hello", "App": "textstats"}[name]
    run = partial(nativegen, "run", f"/runtime:{runtime.root}", str(folder / f"{name}.dll"), cache=cache)
    return Program(f"{label}, {target}", partial(start, folder), partial(start, published), run)


def _hello(folder: pathlib.Path) -> pathlib.Path:
    compile_csharp(HELLO, folder, "hello")
    return folder


def _textstats(folder: pathlib.Path) -> pathlib.Path:
    """The example's three assemblies and its text."""
    example = ROOT / "examples" / "textstats"
    references: list[pathlib.Path] = []

    def build(name: str, sources: Sequence[pathlib.Path], library: bool) -> None:
        references.append(compile_csharp(sorted(sources), folder, name, references=references, library=library))

    build("Core", list((example / "core").glob("*.cs")), True)
    build("Analysis", list((example / "analysis").glob("*.cs")), True)
    build("App", list((example / "app").glob("*.cs")), False)
    shutil.copy(example / "data" / "sample.txt", folder)
    return folder
