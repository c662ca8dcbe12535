"""Programs in F# and Visual Basic, and the compilers of both (which are written in them), with images and without.

Their CIL differs from that of C# compilers: explicit tail calls (left to the JIT), closures as classes, unions, generic
code inlined by the compiler; filters, ``On Error``, late binding. The sweep fetches the compilers at its first run.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from nativegen.pipeline.compile import compile_many
from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest
from nativegen.runtime.events import read_method_report
from nativegen.runtime.host import RunResult, TraceRequest, run_app, runtime_config_for
from tests.support.differential import GC_STRESS_SETTINGS, method_names
from tests.support.paths import TARGETS, TestInputs
from tests.support.provision import provision_compilers
from tests.support.runtimes import clean_environment, framework_references, get_runtime

pytestmark = [pytest.mark.sweep, pytest.mark.runtime]

LANGUAGES = Path(__file__).parent / "languages"
MONO = Path("/usr/lib/mono/4.7.2-api")  # reference assemblies, of the package mono-devel
MODES = {
    "full": CompileOptions(effort="full"),
    "pinned": CompileOptions(mode="pinned"),
    "debug": CompileOptions(effort="none", debug=True),
}
#: Two modules differ by their version id and time stamp at most.
DIFFERENT_BYTES = 20


@pytest.fixture(scope="module")
def compilers(inputs: TestInputs) -> Path:
    return provision_compilers()


def fsharp_arguments(compilers: Path, source: Path, output: Path) -> list[str]:
    references = [MONO / f"{name}.dll" for name in ("mscorlib", "System", "System.Core", "System.Numerics")]
    references += [compilers / "FSharp" / "FSharp.Core.dll", *sorted((MONO / "Facades").glob("*.dll"))]
    switches = "--nologo --noframework --targetprofile:mscorlib --nowin32manifest --nowarn:40"
    switches += " --optimize+ --tailcalls+ --deterministic+"
    return [*switches.split(), *(f"-r:{path}" for path in references), f"-o:{output}", str(source)]


def basic_arguments(inputs: TestInputs, source: Path, output: Path) -> list[str]:
    framework = inputs.framework("3.1")
    references = [p for p in sorted(framework.glob("*.dll")) if p.name.startswith(("System.", "mscorlib", "Microsoft"))]
    references = [path for path in references if "Native" not in path.name and "DiaSym" not in path.name]
    switches = ["-nologo", "-noconfig", "-optimize+", "-nowarn", '-define:_MYTYPE="Empty"', "-deterministic+"]
    switches.append(f"-vbruntime:{framework / 'Microsoft.VisualBasic.Core.dll'}")
    return [*switches, *(f"-r:{path}" for path in references), f"-out:{output}", str(source)]


def run(
    app: Path,
    arguments: Sequence[str],
    target: str,
    inputs: TestInputs,
    work: Path,
    trace: Path | None = None,
    variables: dict[str, str] | None = None,
    settings: dict[str, str] | None = None,
) -> RunResult:
    runtime = get_runtime(target)
    app.with_suffix(".runtimeconfig.json").write_text(json.dumps(runtime_config_for(runtime)))
    libraries = {"LD_LIBRARY_PATH": str(inputs.openssl)}
    return run_app(
        app,
        arguments,
        runtime=runtime,
        environment=clean_environment(work) | libraries | (variables or {}),
        settings=settings,
        tiering=False,
        trace=TraceRequest(trace) if trace else None,
        cwd=work,
        timeout=600,
    )


def make_images(assemblies: Sequence[Path], folder: Path, target: str, options: CompileOptions) -> list[CompileReport]:
    """Compile assemblies of one folder; its others are copied."""
    folder.mkdir()
    beside = sorted(assemblies[0].parent.glob("*.dll"))
    references = framework_references(target) | {path.stem: str(path) for path in beside}
    requests = [
        CompileRequest(str(path), str(folder / path.name), target, references, options) for path in assemblies
    ]
    reports = list(compile_many(requests, jobs=2))
    assert all(isinstance(report, CompileReport) for report in reports), reports
    for path in beside:
        if not (folder / path.name).is_file():
            shutil.copyfile(path, folder / path.name)
    return [report for report in reports if isinstance(report, CompileReport)]


def count_native(traced: RunResult, reports: Sequence[CompileReport]) -> int:
    """How many methods ran native; fails when a method that has code, and is not generic, was jitted."""
    assert traced.trace is not None
    found = read_method_report(traced.trace)
    found.require_reliable()
    names = set().union(*(method_names(Path(report.input)) for report in reports))
    names -= {method.name for report in reports for method in report.exclusions}
    own = [record for record in found.methods if f"{record.namespace.partition('[')[0]}::{record.name}" in names]
    plain = [record for record in own if "[" not in record.full_name and "`" not in record.full_name]
    jitted = {record.full_name for record in plain if record.state != "native"}
    assert len(jitted) < len(plain) / 20, sorted(jitted)  # instances of generic methods are named as the methods
    return sum(record.state == "native" for record in own)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("language", "least"), [("fsharp", 120), ("basic", 35)])
def test_program(
    language: str, least: int, target: str, mode: str, compilers: Path, inputs: TestInputs, tmp_path: Path
) -> None:
    il = tmp_path / "il"
    il.mkdir()
    if language == "fsharp":
        program = il / "Functional.dll"
        app = compilers / "FSharp" / "fsc.dll"
        arguments = fsharp_arguments(compilers, LANGUAGES / "Functional.fs", program)
        shutil.copyfile(compilers / "FSharp" / "FSharp.Core.dll", il / "FSharp.Core.dll")
    else:
        program = il / "Basic.dll"
        app = compilers / "bincore" / "vbc.dll"
        arguments = basic_arguments(inputs, LANGUAGES / "Basic.vb", program)
    made = run(app, arguments, "3.1", inputs, tmp_path)
    assert made.exit_code == 0, made.stdout
    reports = make_images([program], tmp_path / "images", target, MODES[mode])
    image = tmp_path / "images" / program.name
    expected = run(program, [], target, inputs, tmp_path)
    assert expected.exit_code == 0 and len(expected.stdout) > 600
    traced = run(image, [], target, inputs, tmp_path, trace=tmp_path / "trace")
    stress = {"NATIVEGEN_GC_STRESS": "1", "NATIVEGEN_REPEAT_MS": "1"}
    stressed = run(image, [], target, inputs, tmp_path, variables=stress, settings=GC_STRESS_SETTINGS)
    for result in (traced, stressed):
        assert (result.exit_code, result.stdout, result.stderr) == (0, expected.stdout, expected.stderr)
    assert count_native(traced, reports) >= least


@pytest.mark.parametrize("compiler", ["fsharp", "basic"])
def test_compiler(compiler: str, compilers: Path, inputs: TestInputs, tmp_path: Path) -> None:
    """F#'s own compiler makes the same module with images and without, and Visual Basic's; also under GC stress."""
    output = tmp_path / "out.dll"
    if compiler == "fsharp":
        folder, name, compiled = compilers / "FSharp", "fsc.dll", ["fsc", "FSharp.Core", "FSharp.Compiler.Private"]
        arguments, least = fsharp_arguments(compilers, LANGUAGES / "Functional.fs", output), 9000
    else:
        folder, name = compilers / "bincore", "vbc.dll"
        compiled = ["vbc", "Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.VisualBasic"]
        arguments, least = basic_arguments(inputs, LANGUAGES / "Basic.vb", output), 9000
    images = tmp_path / "images"
    assemblies = [folder / f"{each}.dll" for each in compiled]
    reports = make_images(assemblies, images, "3.1", CompileOptions(mode="pinned"))
    modules: list[bytes] = []
    stress = {**GC_STRESS_SETTINGS, "GCgen0size": "800000"}
    for app, trace, settings in (
        (folder / name, None, {}),
        (images / name, tmp_path / "trace", {}),
        (images / name, None, stress),
    ):
        result = run(app, arguments, "3.1", inputs, tmp_path, trace=trace, settings=settings)
        assert result.exit_code == 0, result.stdout + result.stderr
        modules.append(output.read_bytes())
        if trace:
            assert count_native(result, reports) >= least
    expected = modules[0]
    for module in modules[1:]:
        assert len(module) == len(expected)
        assert sum(a != b for a, b in zip(module, expected, strict=True)) <= DIFFERENT_BYTES
