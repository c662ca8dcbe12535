"""A runtime some of whose framework assemblies are our images, and what programs run natively of them.

A private copy of the runtime (links) gets images that nativegen made from the IL inside Microsoft's own images. Every
program runs on the untouched runtime and on the copy; the copy's event trace says which methods were native. The real
libraries are the hardest test of the code generator there is.

Counting: a method is *executed native* when the runtime looked it up, found code, and never jitted it. Its assembly
follows from its type, so types whose full name occurs in several framework assemblies are not counted. A method is
*rejected* when our image holds code for its MethodDef and the runtime jitted it nevertheless.

>>> framework = Framework.create(["System.Text.Json"], tmp_path)
>>> run = framework.run("Json")
>>> len(run.executed["System.Text.Json"]), run.rejected
(809, {})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nativegen.metadata import Assembly, Table
from nativegen.pipeline.eligibility import methods_with_cil
from nativegen.pipeline.request import CompileOptions
from nativegen.runtime.discover import Runtime, find_runtimes
from nativegen.runtime.events import MethodReport, read_method_report
from nativegen.runtime.host import RunResult, TraceRequest, run_app
from tests.support.csharp import CS, compile_csharp
from tests.support.differential import GC_STRESS_SETTINGS, REPEAT_MILLISECONDS
from tests.support.images import ImageSet, compiled_set, copy_application
from tests.support.paths import find_inputs
from tests.support.runtimes import clean_environment, framework_references, get_runtime

PROGRAMS = Path(__file__).parent / "programs"
_LIST = Path(__file__).parents[1] / "data" / "framework12.txt"
TIMEOUT = 120.0  # seconds; a program takes one or two on an idle machine


def twelve() -> list[str]:
    """Simple names of the framework assemblies that tests and measurements compile: ``tests/data/framework12.txt``."""
    lines = (line.strip() for line in _LIST.read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """One program, on the untouched runtime and on ours.

    Attributes:
        executed: assembly -> native methods of it that ran, as (type, method, signature).
        rejected: assembly -> names of methods that the runtime jitted though our image has code for them.
    """

    microsoft: RunResult
    ours: RunResult
    executed: Mapping[str, frozenset[tuple[str, str, str]]]
    rejected: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Framework:
    """The copy of the runtime. ``owners``: full name of a type -> the replaced assembly that alone defines it."""

    target: str
    images: ImageSet
    root: Path
    runtime: Runtime
    folder: Path
    owners: Mapping[str, str]
    compiled: Mapping[str, frozenset[int]]

    @staticmethod
    def create(
        name: str, assemblies: Iterable[str], folder: Path, target: str = "3.1", *, carried_instances: bool = False
    ) -> Framework:
        """Compile the assemblies (once per compiler; the set is kept as ``name``) and lay out the runtime.

        Args:
            carried_instances: also those that nothing in the assemblies asks for; System.Linq.Expressions alone has
                20,000.
        """
        source = find_inputs().framework(target)
        paths = [source / f"{assembly}.dll" for assembly in assemblies]
        options = CompileOptions(from_native=True, carried_instances=carried_instances)
        images = compiled_set(name, paths, framework_references(target), target, options)
        root = copy_application(find_inputs().root(target), folder / "dotnet")
        runtime = find_runtimes(root)[0]
        images.install_over(runtime.framework_dir)
        compiled = {each: _compiled(images, each) for each in images.images}
        return Framework(target, images, root, runtime, folder, _owners(set(compiled), target), compiled)

    def program(self, name: str) -> Path:
        """A program of ``programs``, compiled."""
        files = [PROGRAMS / f"{name}.cs", CS / "Harness.cs", CS / "GcStress.cs"]
        return compile_csharp(files, self.folder / name, name, compiler="roslyn", target=self.target)

    def run(self, name: str) -> ProgramRun:
        """Run a program once on each runtime, tiering off, ours traced."""
        microsoft = self.start(name, get_runtime(self.target))
        traces = TraceRequest(self.folder / name / "trace")
        ours = self.start(name, self.runtime, trace=traces)
        if ours.trace is None:
            return ProgramRun(microsoft, ours, {}, {})
        report = read_method_report(ours.trace)
        report.require_reliable()
        ours.trace.unlink()
        return ProgramRun(microsoft, ours, self._executed(report), self._rejected(report))

    def stressed(self, name: str) -> RunResult:
        """Run a program again and again on ours under compacting collections from another thread."""
        repeat = {"NATIVEGEN_GC_STRESS": "1", "NATIVEGEN_REPEAT_MS": str(REPEAT_MILLISECONDS)}
        return self.start(name, self.runtime, repeat, GC_STRESS_SETTINGS)

    def tiered(self, name: str) -> RunResult:
        """Run a program on ours with default settings, long enough for the JIT to take over."""
        return self.start(name, self.runtime, {"NATIVEGEN_REPEAT_MS": str(REPEAT_MILLISECONDS)}, tiering=None)

    def start(
        self,
        name: str,
        runtime: Runtime,
        variables: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        *,
        tiering: bool | None = False,
        ready_to_run: bool = True,
        trace: TraceRequest | None = None,
    ) -> RunResult:
        """One run of a program on one of the runtimes."""
        program = self.program(name)
        environment = clean_environment(program.parent) | {"LD_LIBRARY_PATH": str(find_inputs().openssl)}
        return run_app(
            program,
            runtime=runtime,
            environment=environment | dict(variables or {}),
            settings=settings,
            tiering=tiering,
            ready_to_run=ready_to_run,
            trace=trace,
            timeout=TIMEOUT,
        )

    def table(self, runs: Sequence[ProgramRun]) -> str:
        """Assembly, methods with CIL, native in our image, executed native by the runs, rejected in the runs."""
        lines = [f"{'assembly':44}{'methods':>9}{'native':>9}{'executed':>10}{'rejected':>10}"]
        for name, report in sorted(self.images.reports.items()):
            executed = len(self.executed(runs, name))
            rejected = len(frozenset().union(*(run.rejected.get(name, frozenset()) for run in runs)))
            lines.append(f"{name:44}{report.methods:9}{report.native:9}{executed:10}{rejected:10}")
        return "\n".join(lines)

    @staticmethod
    def executed(runs: Iterable[ProgramRun], assembly: str) -> frozenset[tuple[str, str, str]]:
        """Native methods of the assembly that ran in any of the runs."""
        return frozenset().union(*(run.executed.get(assembly, frozenset()) for run in runs))

    def _executed(self, report: MethodReport) -> dict[str, frozenset[tuple[str, str, str]]]:
        found: dict[str, set[tuple[str, str, str]]] = {}
        for record in report.methods:
            type_name = record.namespace.partition("[")[0]  # without type arguments
            owner = self.owners.get(type_name)
            if owner is not None and record.state == "native":
                found.setdefault(owner, set()).add((type_name, record.name, record.signature))
        return {name: frozenset(methods) for name, methods in found.items()}

    def _rejected(self, report: MethodReport) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for record in report.methods:
            if record.module is None or record.token is None or record.state != "jitted":
                continue
            module = Path(record.module)
            ours = self.compiled.get(module.stem, frozenset()) if module.parent == self.runtime.framework_dir else ()
            if record.token & 0xFFFFFF in ours:
                found.setdefault(module.stem, set()).add(f"{record.full_name} {record.signature}")
        return {name: frozenset(methods) for name, methods in found.items()}


def _compiled(images: ImageSet, name: str) -> frozenset[int]:
    """MethodDef rids of non-generic methods that have code in the image.

    Of a generic method the image holds the code that reference types share; the runtime jits its instances over value
    types.
    """
    report = images.reports[name]
    excluded = {method.rid for method in report.exclusions}
    assembly = Assembly.open(images.images[name])
    return frozenset(
        rid
        for rid in methods_with_cil(assembly)
        if rid not in excluded
        and not assembly.generic_params(0x06000000 | rid)
        and not assembly.generic_params(0x02000000 | assembly.type_of_method(rid))
    )


def _owners(assemblies: set[str], target: str) -> dict[str, str]:
    defined = {name: _type_names(Path(path)) for name, path in framework_references(target).items()}
    count = Counter(full_name for names in defined.values() for full_name in names)
    return {full_name: name for name in assemblies for full_name in defined[name] if count[full_name] == 1}


def _type_names(path: Path) -> set[str]:
    assembly = Assembly.open(path)
    return {assembly.type_full_name(rid) for rid in range(1, assembly.row_count(Table.TypeDef) + 1)}
