"""THE harness: a program must behave the same under the JIT and with native images, and must really run native.

One call compiles a C# (mcs, Roslyn) or IL program, runs it on each runtime as IL, precompiles it with nativegen, runs
it again with the images, and compares exit status and output. The runtime's own event trace then says which methods
ran native: a test that meant to test native code fails when the code was jitted (DESIGN.md 9).

Each program runs with images three times: with tiering off and traced, with default tiering (long enough to be
re-jitted when it goes through ``Harness.Run``), and, asked for by ``gc_stress``, under compacting collections from
another thread with a tiny allocation budget. The traced images are made without inlining, so that every method is
called; those of the other runs with it.

>>> run_differential(SOURCE, tmp_path, native=["Program::Sum"])
>>> run_differential(SOURCE, tmp_path, native="*", runtimes=["9.0"], compiler="roslyn", target="9.0")
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nativegen.metadata import Assembly, Table
from nativegen.runtime.events import MethodRecord, MethodReport, read_method_report
from nativegen.runtime.host import RunResult, TraceRequest, run_app, runtime_config_for
from tests.support.cpu_baseline import image_beyond_baseline
from tests.support.csharp import CS, assemble_il, compile_csharp
from tests.support.paths import TARGETS, TRIMMED_TARGET
from tests.support.runtimes import clean_environment, framework_references, get_runtime
from tests.support.trimmed import MSCORLIB, il_for_the_host, lacking

if TYPE_CHECKING:
    from nativegen.pipeline.request import CompileOptions, CompileReport

SUPPORT_TYPES = ("Harness", "GcStress")

# A 256 KiB allocation budget: a collection every few thousand objects, and time for those that GcStress forces.
# HeapVerify works in release runtimes: each collection checks the whole heap before and after, and aborts the process
# on a bad reference or on a young object that no card leads to (a write barrier was forgotten).
GC_STRESS_SETTINGS = {"GCgen0size": "40000", "gcConcurrent": "0", "gcForceCompact": "1", "HeapVerify": "1"}

# Tier 1 starts after 30 calls and 100 ms without new tier-0 activity.
REPEAT_MILLISECONDS = 400

ImageCompiler = Callable[[Path, Path, str, Mapping[str, str]], "CompileReport"]


class DifferentialError(AssertionError):
    """The program behaves differently, or did not run native as it should have."""


@dataclass(frozen=True, slots=True)
class DifferentialRun:
    """What happened on one runtime. ``reports`` are the compiler's, by assembly name."""

    target: str
    jit: RunResult
    native: RunResult
    methods: MethodReport
    reports: Mapping[str, CompileReport]
    folder: Path

    def state(self, full_name: str) -> str | None:
        """What became of a method in the traced native run: see MethodReport.state."""
        return self.methods.state(full_name)


def run_differential(
    source: str | Path | Sequence[Path],
    folder: Path,
    *,
    native: Sequence[str] | str = (),
    excluded: Mapping[str, str] | None = None,
    compiler: str = "mcs",
    target: str = "3.1",
    runtimes: Sequence[str] = TARGETS,
    libraries: Mapping[str, str] | None = None,
    images: Sequence[str] | None = None,
    name: str = "program",
    args: Sequence[str] = (),
    defines: Sequence[str] = (),
    optimize: bool = True,
    gc_stress: bool = False,
    tiered_stress: bool = False,
    tiered: bool = True,
    timeout: float = 300,
    options: CompileOptions | None = None,
    compile_image: ImageCompiler | None = None,
    extra: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
) -> dict[str, DifferentialRun]:
    """Run a program with and without images on each runtime and compare.

    Args:
        source: C# text or files; IL text or a file when ``compiler`` is ``il``. A program whose text contains
            ``Harness.Run(`` is compiled together with ``cs/Harness.cs`` and ``cs/GcStress.cs``.
        folder: an empty folder to work in.
        native: full names (``Namespace.Outer+Inner::Method``, with ``*`` and ``?``) each of which must have run
            native at least once and never jitted; ``"*"``: everything the program's assemblies ran. A method that the
            JIT inlines everywhere is never looked up: mark it NoInlining.
        excluded: methods that the compiler must leave to the JIT, with the reason code. With ``native="*"`` no other
            method may be excluded.
        compiler, target: see compile_csharp; ``il`` for ilasm.
        runtimes: targets to run on. For 10.0, whose framework is trimmed, C# is compiled again: by Roslyn against 9.0,
            so that it refers to no facade, with ``cs/Trimmed.cs`` and the symbol TRIMMED; IL is changed to that end.
        libraries: name -> C# text of further assemblies; each may refer to those before it, the program to all.
        images: assemblies to precompile; default: all. The others stay IL.
        args: of the program.
        gc_stress: run with images under stress too.
        tiered_stress: and once more under stress with default tiering.
        tiered: run with images and default tiering too.
        timeout: seconds for each run.
        options: of the image compiler.
        compile_image: instead of the pipeline (for tests of this harness).
        extra: further switches of the C# compiler, for the program.
        settings: of the runtime, in every run.
    Returns:
        target -> what happened.
    Raises:
        DifferentialError: with the first difference.
        CompileError: the program does not compile.
    """
    assemblies: dict[str, dict[str, Path]] = {}
    for each in runtimes:
        language, against, symbols = compiler, target, list(defines)
        if each == TRIMMED_TARGET:
            language = "il" if compiler == "il" else "roslyn"
            against, symbols = "9.0", [*defines, "TRIMMED"]
        il = folder / f"il-{against}{'-trimmed' * (each == TRIMMED_TARGET)}"
        same = next((made for made in assemblies.values() if next(iter(made.values())).parent == il), None)
        assemblies[each] = same or _compile(
            source, il, name, libraries or {}, language, against, symbols, optimize, extra
        )
    home = folder / "home"
    home.mkdir()
    compile_one = compile_image or partial(_compile_with_pipeline, options, False)
    again = tiered or gc_stress
    compile_inlined = None if compile_image or not again else partial(_compile_with_pipeline, options, True)
    harnesses = [_Harness(each, folder / each, home, name, args, timeout, settings or {}) for each in runtimes]
    for harness in harnesses:
        built = assemblies[harness.target]
        if harness.target == TRIMMED_TARGET:
            absent = [what for path in built.values() for what in lacking(path, *built.values())]
            if absent:
                pytest.skip(f"the trimmed framework of the 10.0 host lacks {'; '.join(absent)}")
        harness.prepare(built, list(built) if images is None else list(images), compile_one, compile_inlined)

    def execute(harness: _Harness) -> DifferentialRun:
        run = harness.run_traced()
        _check_native(run, native, excluded or {})
        if tiered:
            harness.run_again(run.jit, "images, default tiering", None, {}, {})
        if gc_stress:
            harness.run_again(
                run.jit, "images, GC stress", False, {"NATIVEGEN_GC_STRESS": "1"}, GC_STRESS_SETTINGS
            )
        if tiered_stress:
            harness.run_again(
                run.jit, "images, GC stress, tiering", None, {"NATIVEGEN_GC_STRESS": "1"}, GC_STRESS_SETTINGS
            )
        return run

    with ThreadPoolExecutor(len(harnesses)) as pool:  # the programs mostly wait for the tiered JIT's timer
        return {run.target: run for run in pool.map(execute, harnesses)}


def _compile(
    source: str | Path | Sequence[Path],
    folder: Path,
    name: str,
    libraries: Mapping[str, str],
    compiler: str,
    target: str,
    defines: Sequence[str],
    optimize: bool,
    extra: Sequence[str],
) -> dict[str, Path]:
    assemblies: dict[str, Path] = {}
    for library, text in libraries.items():
        assemblies[library] = compile_csharp(
            text,
            folder,
            library,
            references=list(assemblies.values()),
            library=True,
            compiler="mcs" if compiler == "il" else compiler,
            target=target,
            defines=defines,
            optimize=optimize,
        )
    if compiler == "il":
        if not isinstance(source, str | Path):
            raise ValueError("ilasm takes one file")
        if "TRIMMED" in defines:
            source = il_for_the_host(source if isinstance(source, str) else source.read_text("utf-8"))
        assemblies[name] = assemble_il(source, folder, name)
        if "TRIMMED" in defines:
            assemblies["mscorlib"] = compile_csharp(
                MSCORLIB, folder, "mscorlib", library=True, compiler="roslyn", target=target
            )
        return assemblies
    files = support_files(source, folder.parent / "source", name)
    if "TRIMMED" in defines:
        files = [*_as_files(files, folder.parent / "source", name), CS / "Trimmed.cs"]
    assemblies[name] = compile_csharp(
        files,
        folder,
        name,
        references=list(assemblies.values()),
        compiler=compiler,
        target=target,
        defines=defines,
        optimize=optimize,
        extra=extra,
    )
    return assemblies


def support_files(
    source: str | Path | Sequence[Path], folder: Path, name: str = "program"
) -> str | Sequence[Path]:
    """The sources of a program, with Harness.cs and GcStress.cs when it uses ``Harness.Run``.

    A text that needs them is written to ``folder/name.cs``.
    """
    if isinstance(source, str):
        if "Harness.Run(" not in source:
            return source
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}.cs"
        file.write_text(source, "utf-8")
        return [file, CS / "Harness.cs", CS / "GcStress.cs"]
    files = [source] if isinstance(source, Path) else list(source)
    if any("Harness.Run(" in file.read_text("utf-8") for file in files):
        files += [CS / "Harness.cs", CS / "GcStress.cs"]
    return files


def _as_files(source: str | Path | Sequence[Path], folder: Path, name: str) -> Sequence[Path]:
    if isinstance(source, str):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.cs").write_text(source, "utf-8")
        return [folder / f"{name}.cs"]
    return [source] if isinstance(source, Path) else source


class _Harness:
    """One program on one runtime: a folder with the IL, a folder with the images."""

    def __init__(
        self,
        target: str,
        folder: Path,
        home: Path,
        name: str,
        args: Sequence[str],
        timeout: float,
        settings: Mapping[str, str],
    ) -> None:
        self.target = target
        self._runtime = get_runtime(target)
        self._folder = folder
        self._jit = folder / "jit"
        self._native = folder / "native"
        self._inlined = folder / "inlined"
        self._reports: dict[str, CompileReport] = {}
        self._home = home
        self._name = name
        self._args = args
        self._timeout = timeout
        self._settings = settings

    def prepare(
        self,
        assemblies: Mapping[str, Path],
        images: Sequence[str],
        compile_image: ImageCompiler,
        compile_inlined: ImageCompiler | None,
    ) -> None:
        """Fill the folders: the IL, the images of the chosen assemblies, and those with inlining if there is any."""
        references = framework_references(self.target) | {name: str(path) for name, path in assemblies.items()}
        folders = {self._native: compile_image}
        if compile_inlined is None:
            self._inlined = self._native
        else:
            folders[self._inlined] = compile_inlined
        for folder in (self._jit, *folders):
            folder.mkdir(parents=True)
            config = json.dumps(runtime_config_for(self._runtime))
            (folder / f"{self._name}.runtimeconfig.json").write_text(config)
        for name, path in assemblies.items():
            shutil.copyfile(path, self._jit / path.name)
            for folder, compile_one in folders.items():
                if name in images:
                    report = compile_one(path, folder / path.name, self.target, references)
                    self._reports.setdefault(name, report)
                if not (folder / path.name).is_file():  # left as IL, or a facade: nothing to compile
                    shutil.copyfile(path, folder / path.name)

    def run_traced(self) -> DifferentialRun:
        """Under the JIT and with images, both without tiering; the latter traced."""
        jit = self._run(self._jit, False, {}, {}, None)
        native = self._run(self._native, False, {}, {}, TraceRequest(self._folder / "trace"))
        self._compare(jit, native, "images, no tiering")
        if native.trace is None:
            raise DifferentialError(f"{self.target}: the runtime wrote no trace")
        methods = read_method_report(native.trace)
        return DifferentialRun(self.target, jit, native, methods, self._reports, self._native)

    def run_again(
        self,
        expected: RunResult,
        what: str,
        tiering: bool | None,
        variables: Mapping[str, str],
        settings: Mapping[str, str],
    ) -> None:
        """Once more with images, in another mode; a body run by ``Harness.Run`` is repeated."""
        repeat = {"NATIVEGEN_REPEAT_MS": str(REPEAT_MILLISECONDS)}
        self._compare(expected, self._run(self._inlined, tiering, repeat | dict(variables), settings, None), what)

    def _run(
        self,
        folder: Path,
        tiering: bool | None,
        variables: Mapping[str, str],
        settings: Mapping[str, str],
        trace: TraceRequest | None,
    ) -> RunResult:
        return run_app(
            folder / f"{self._name}.dll",
            self._args,
            runtime=self._runtime,
            environment=clean_environment(self._home) | dict(variables),
            settings={**self._settings, **settings},
            tiering=tiering,
            trace=trace,
            cwd=folder,
            timeout=self._timeout,
        )

    def _compare(self, expected: RunResult, actual: RunResult, what: str) -> None:
        """Exit status and output must agree; of an unhandled exception its first line."""
        pairs: list[tuple[str, bytes | int, bytes | int]] = [
            ("exit status", expected.exit_code, actual.exit_code),
            ("output", expected.stdout, actual.stdout),
            ("error output", _comparable_errors(expected), _comparable_errors(actual)),
        ]
        for part, wanted, got in pairs:
            if wanted != got:
                raise DifferentialError(
                    f"{self.target}, {what}: {part} differs\n"
                    f"--- under the JIT\n{_shown(wanted)}\n--- with images\n{_shown(got)}\n"
                    f"--- error output with images (exit status {actual.exit_code})\n{_shown(actual.stderr)}"
                )


def _comparable_errors(result: RunResult) -> bytes:
    # Stack traces of a crash differ legitimately: inlining hides frames.
    return result.stderr.lstrip().partition(b"\n")[0] if result.exit_code == 134 else result.stderr


def _shown(value: bytes | int) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text if len(text) < 4000 else f"{text[:2000]}\n[...]\n{text[-2000:]}"


def _check_native(run: DifferentialRun, native: Sequence[str] | str, excluded: Mapping[str, str]) -> None:
    left_out = {method.name: method.code for report in run.reports.values() for method in report.exclusions}
    for method, code in excluded.items():
        if left_out.get(method) != code:
            found = left_out.get(method, "compiled")
            raise DifferentialError(f"{run.target}: {method} should be excluded as {code}, it is {found}")
    if not native:
        return
    run.methods.require_reliable()  # an aborted program leaves no complete trace: such a test can't ask for native
    own_names = set().union(*(method_names(Path(report.input)) for report in run.reports.values()))
    own: list[tuple[str, MethodRecord]] = []
    for record in run.methods.methods:
        full_name = _definition_name(record)
        if full_name in own_names:
            own.append((full_name, record))
    if native == "*":
        unexpected = {m: c for m, c in left_out.items() if m not in excluded and not m.startswith(SUPPORT_TYPES)}
        if unexpected:
            raise DifferentialError(f"{run.target}: unexpected exclusions: {unexpected}")
        own = [(n, r) for n, r in own if n not in left_out and not n.startswith(SUPPORT_TYPES)]
        patterns = ["*"]
    else:
        patterns = list(native)
    for pattern in patterns:
        matching = [(n, r) for n, r in own if fnmatchcase(n, pattern) and n not in excluded]
        wrong = [f"{n}: {r.state}" for n, r in matching if r.state != "native"]
        if wrong or not matching:
            reasons = {name: code for name, code in left_out.items() if fnmatchcase(name, pattern)}
            seen = ", ".join(wrong[:20]) or "never called (inlined?)"
            detail = f"; excluded: {reasons}" if reasons else ""
            raise DifferentialError(f"{run.target}: {pattern} did not run native: {seen}{detail}")


def method_names(assembly: Path) -> set[str]:
    """Full names of all methods an assembly defines, as MethodRecord.full_name writes them for definitions."""
    opened = Assembly.open(assembly)
    names: set[str] = set()
    for rid in range(1, opened.row_count(Table.TypeDef) + 1):
        owner = opened.type_full_name(rid)
        names.update(f"{owner}::{opened.method_def(method).name}" for method in opened.type_def(rid).method_rids)
    return names


def _definition_name(record: MethodRecord) -> str:
    """The record's full name without type arguments: ``List`1[System.Int32]::Add`` is ``List`1::Add``."""
    return f"{record.namespace.partition('[')[0]}::{record.name}"


def _compile_with_pipeline(
    options: CompileOptions | None,
    inline: bool,
    source: Path,
    output: Path,
    target: str,
    references: Mapping[str, str],
) -> CompileReport:
    from nativegen.pipeline.compile import compile_file
    from nativegen.pipeline.request import CompileOptions, CompileRequest

    options = replace(options or CompileOptions(), inline=inline)
    report = compile_file(CompileRequest(str(source), str(output), target, references, options))
    if report.kind == "image" and not options.instruction_set:
        later = image_beyond_baseline(output)
        if later:
            raise DifferentialError(f"{target}: {output.name} needs a newer processor: {later[:10]}")
    return report
