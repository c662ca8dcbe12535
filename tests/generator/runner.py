"""Runs a generated program under the JIT and with images, in all wanted modes, and says what differs.

Why not run_differential: a hunt compiles the same program with several efforts and one JIT run serves them all; and the
reducer wants a verdict, not an exception.

>>> check(make_program(1, 150), folder, Modes(targets=("3.1",)))
Verdict(problems=[], native=431, ...)
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileOptions, CompileRequest
from nativegen.runtime.events import read_method_report
from nativegen.runtime.host import RunResult, TraceRequest, run_app, runtime_config_for
from tests.generator.generics import is_generic
from tests.support.csharp import CS, assemble_il, compile_csharp
from tests.support.differential import GC_STRESS_SETTINGS, method_names
from tests.support.paths import TARGETS, TRIMMED_TARGET
from tests.support.runtimes import clean_environment, framework_references, get_runtime
from tests.support.trimmed import MSCORLIB, il_for_the_host

DRIVER = Path(__file__).parent / "cs" / "Driver.cs"
# 9.0's JIT crashes on what inlining makes of some of the programs; what we inline is inlined all the same. With AVX-512
# it converts ulong to float differently (tests/differential/test_processor.py).
_SETTINGS = {"JitNoInline": "1", "EnableAVX512F": "0", "EnableAVX512": "0"}
COMPILED = ("lib", "program")
_ROUNDS_DIFFER = 99


@dataclass(frozen=True, slots=True)
class Modes:
    """What to run: targets, efforts of the compiler, GC stress besides, default tiering besides.

    ``mixed``: also with an image of only one of the two assemblies (of the first effort), so that native code and
    jitted code
    call each other in both directions.
    ``image``: the images' mode; the program takes in small methods of the library when they are pinned.
    ``bound``: it is bound hard to the library, and so takes them in too, and knows where fields are.
    """

    targets: Sequence[str] = TARGETS
    efforts: Sequence[str] = ("auto",)
    gc_stress: bool = False
    tiered: bool = False
    mixed: bool = True
    trace: bool = True
    timeout: float = 120
    image: str = "resilient"
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """``kind``: output, exit, jitted, excluded or compiler; ``cases``: numbers of the cases that differ."""

    kind: str
    mode: str
    text: str
    cases: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"[{self.mode}] {self.kind}: {self.text}"


@dataclass(slots=True)
class Verdict:
    """``native``: methods seen native, per mode; ``excluded``: reason -> count; ``jit_differs``: lines on which the
    JIT's optimised and unoptimised code disagree (its own bugs), where native code may agree with either;
    ``jit_crashes``: targets on which its optimised code ends the process: the unoptimised one is the measure there;
    ``taken_in``: methods of the library whose code the program's image has."""

    problems: list[Problem] = field(default_factory=list)
    native: dict[str, set[str]] = field(default_factory=dict)
    excluded: Counter[str] = field(default_factory=Counter)
    outputs: dict[str, str] = field(default_factory=dict)
    jit_differs: int = 0
    jit_crashes: int = 0
    taken_in: set[str] = field(default_factory=set)


def build(texts: tuple[str, str], folder: Path, trimmed: bool = False) -> dict[str, Path]:
    """Assembles library and program; raises CompileError. ``trimmed``: for .NET 10's host (tests.support.trimmed)."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = [DRIVER, CS / "Harness.cs", CS / "GcStress.cs"]
    built: dict[str, Path] = {}
    if trimmed:
        texts = (il_for_the_host(texts[0]), il_for_the_host(texts[1]))
        built["mscorlib"] = compile_csharp(MSCORLIB, folder, "mscorlib", library=True, compiler="roslyn", target="9.0")
        built["support"] = compile_csharp(
            [*sources, CS / "Trimmed.cs"],
            folder,
            "support",
            library=True,
            compiler="roslyn",
            target="9.0",
            defines=["TRIMMED"],
        )
    else:
        built["support"] = compile_csharp(sources, folder, "support", library=True)
    built["lib"] = assemble_il(texts[0], folder, "lib", library=True)
    return built | {"program": assemble_il(texts[1], folder, "program")}


def check(texts: tuple[str, str], folder: Path, modes: Modes) -> Verdict:
    """Builds and runs a program; the folder must be empty."""
    verdict = Verdict()
    built: dict[bool, dict[str, Path]] = {}
    for target in modes.targets:
        trimmed = target == TRIMMED_TARGET
        if trimmed not in built:
            built[trimmed] = build(texts, folder / ("il-trimmed" if trimmed else "il"), trimmed)
        _check_target(target, built[trimmed], folder, modes, verdict)
    return verdict


def _check_target(target: str, assemblies: dict[str, Path], folder: Path, modes: Modes, verdict: Verdict) -> None:
    runtime = get_runtime(target)
    references = framework_references(target) | {name: str(path) for name, path in assemblies.items()}
    home = folder / "home"
    home.mkdir(exist_ok=True)

    def deploy(where: Path) -> None:
        where.mkdir(parents=True)
        for path in assemblies.values():
            shutil.copyfile(path, where / path.name)
        (where / "program.runtimeconfig.json").write_text(json.dumps(runtime_config_for(runtime)))

    def run(
        where: Path,
        tiering: bool | None = False,
        variables: dict[str, str] | None = None,
        stress: bool = False,
        trace: TraceRequest | None = None,
        minimal: bool = False,
    ) -> RunResult:
        return run_app(
            where / "program.dll",
            [],
            runtime=runtime,
            environment=clean_environment(home) | (variables or {}),
            settings=_SETTINGS | (GC_STRESS_SETTINGS if stress else {"JITMinOpts": "1"} if minimal else {}),
            tiering=tiering,
            trace=trace,
            cwd=where,
            timeout=modes.timeout,
        )

    plain = folder / target / "jit"
    deploy(plain)
    expected = run(plain)
    optimiser_works = expected.exit_code == 0
    if not optimiser_works:  # 9.0's crashes on some programs; what it does not compile tells nothing of us
        verdict.jit_crashes += 1
        expected = run(plain, minimal=True)
    verdict.outputs[target] = expected.stdout.decode()
    if expected.exit_code:
        verdict.problems.append(Problem("program", target, f"exit {expected.exit_code}: {expected.stderr[-600:]!r}"))
        return

    def compare(mode: str, actual: RunResult) -> None:
        _compare(verdict, mode, expected, actual, lambda: run(plain, minimal=True))

    for effort in modes.efforts:
        mode = f"{target} {effort}"
        where = folder / target / effort
        deploy(where)
        left_out: set[str] = set()
        for name in COMPILED:
            output = where / f"{name}.dll"
            output.unlink()
            request = CompileRequest(
                str(assemblies[name]),
                str(output),
                target,
                references,
                CompileOptions(
                    effort=effort, mode=modes.image, hard_bound=("lib",) if modes.bound and name == "program" else ()
                ),
            )
            try:
                report = compile_file(request)
            except Exception as error:
                verdict.problems.append(Problem("compiler", mode, f"{type(error).__name__}: {error}"))
                return
            verdict.taken_in |= {use.name for use in report.foreign if use.assembly == "lib" and use.kind == "body"}
            for excluded in report.exclusions:
                left_out.add(excluded.name)
                verdict.excluded[excluded.code] += 1
                verdict.problems.append(
                    Problem("excluded", mode, f"{excluded.name}: {excluded.code} {excluded.detail}")
                )
        traced = run(where, trace=TraceRequest(folder / target / f"trace-{effort}") if modes.trace else None)
        compare(mode, traced)
        if traced.exit_code == 0 and traced.trace is not None:
            report_of_methods = read_method_report(traced.trace)
            report_of_methods.require_reliable()
            own = set().union(*(method_names(assemblies[name]) for name in COMPILED))
            native = verdict.native[mode] = set()
            for record in report_of_methods.methods:
                full = f"{record.namespace.partition('[')[0]}::{record.name}"
                if full in own and full not in left_out:
                    if record.state == "native":
                        native.add(full)
                    elif "Invoke" not in full and not (left_out and is_generic(full)):
                        verdict.problems.append(Problem("jitted", mode, f"{full}: {record.state}"))
        if modes.mixed and optimiser_works and effort == modes.efforts[0]:
            for jitted in COMPILED:
                partly = folder / target / f"{jitted}-jitted"
                shutil.copytree(where, partly)
                (partly / f"{jitted}.dll").unlink()
                shutil.copyfile(assemblies[jitted], partly / f"{jitted}.dll")
                compare(f"{mode} {jitted} jitted", run(partly))
        if modes.tiered and optimiser_works:
            again = {"NATIVEGEN_REPEAT_MS": "400"}
            compare(f"{mode} tiered", run(where, None, again))
        if modes.gc_stress:
            again = {"NATIVEGEN_REPEAT_MS": "300", "NATIVEGEN_GC_STRESS": "1"}
            compare(f"{mode} stress", run(where, False, again, True))


def _compare(
    verdict: Verdict, mode: str, expected: RunResult, actual: RunResult, unoptimised: Callable[[], RunResult]
) -> None:
    text = actual.stdout.decode()
    # A later round that prints something else (Harness.cs) may run code that the JIT made meanwhile.
    repeated = actual.exit_code == _ROUNDS_DIFFER and text.startswith("run ")
    if repeated:
        text = text.partition("\n")[2].removesuffix("\n")
    elif actual.exit_code != expected.exit_code:
        text = f"exit {actual.exit_code}: {actual.stderr[-1500:].decode('utf-8', 'replace')} {actual.stdout[-300:]!r}"
        verdict.problems.append(Problem("exit", mode, text))
        return
    if actual.stdout == expected.stdout:
        return
    lines = [each.splitlines() for each in (expected.stdout.decode(), text, unoptimised().stdout.decode())]
    if len({len(each) for each in lines}) != 1:
        verdict.problems.append(Problem("exit", mode, "another number of lines"))
        return
    different = [(a, b, c) for a, b, c in zip(*lines, strict=True) if a != b]
    wrong = [(a, b) for a, b, c in different if b != c]
    verdict.jit_differs += len(different) - len(wrong)
    if wrong:
        cases = tuple(dict.fromkeys(int(a.partition(".")[0]) for a, _ in wrong))
        text = "; ".join(f"{a} / {b}" for a, b in wrong[:5])
        verdict.problems.append(Problem("output", mode, f"{len(wrong)} lines differ: {text}", cases))
