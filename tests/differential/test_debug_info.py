"""Stack traces of native code name the right frames, files and lines (issue 3.1).

The lines are those of the source: each that a trace may name is marked with "// at". The optimised JIT is no oracle for
lines: on 3.1 it names the statement *behind* the call, and on both runtimes the method's first line where it merged the
calls of its throw helpers. For frames it is one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileOptions, CompileRequest
from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.structs import U32
from nativegen.runtime.host import run_app
from tests.support.csharp import compile_csharp
from tests.support.differential import run_differential
from tests.support.paths import ALL_TARGETS, TRIMMED_TARGET
from tests.support.runtimes import clean_environment, framework_references, get_runtime

PROGRAM = Path(__file__).with_name("StackTraces.cs").read_text("utf-8")
MARKED = {number for number, line in enumerate(PROGRAM.split("\n"), 1) if line.endswith("// at")}
ASYNC = {number for number in MARKED if "sync" in PROGRAM.split("\n")[number - 1]}  # not where the host is trimmed
DEBUG = ("-debug:embedded",)
_FRAME = re.compile(r"^at (\S+?)\(.* in program\.cs:line (\d+)$", re.MULTILINE)
_LINE = re.compile(r":line \d+")


def _run(folder: Path, target: str) -> str:
    """The output of the program in a folder, without tiering."""
    runtime = get_runtime(target)
    run = run_app(
        folder / "program.dll", runtime=runtime, environment=clean_environment(folder), tiering=False, cwd=folder
    )
    assert run.exit_code == 0, run.stderr
    return run.stdout.decode()


@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
def test_frames_and_lines(target: str, tmp_path: Path) -> None:
    """The program prints no lines when it has an argument, so that the frames can be compared."""
    trimmed = target == TRIMMED_TARGET
    run = run_differential(
        PROGRAM,
        tmp_path,
        args=["frames"],
        native=["Trace*", "Broken::*", "Node::*", "Checks::*"],
        compiler="roslyn",
        runtimes=[target],
        extra=DEBUG,
        tiered=False,
    )[target]
    outputs = {"auto": _run(run.folder, target)}
    assert _LINE.sub("", outputs["auto"]) == run.native.stdout.decode()
    full = tmp_path / "full"
    full.mkdir()
    for each in run.folder.glob("*.json"):
        (full / each.name).write_bytes(each.read_bytes())
    source, references = run.reports["program"].input, framework_references(target)
    options = CompileOptions(effort="full")
    compile_file(CompileRequest(str(source), str(full / "program.dll"), target, references, options))
    outputs["full"] = _run(full, target)
    assert outputs["full"] == outputs["auto"]
    frames = _FRAME.findall(outputs["auto"])
    assert len(frames) > 80 and {int(line) for _, line in frames} == MARKED - (ASYNC if trimmed else set())


@pytest.mark.runtime
def test_without_debug_information_there_are_no_lines(tmp_path: Path) -> None:
    """The negative control: the lines come from our section."""
    il = compile_csharp(PROGRAM, tmp_path / "il", "program", compiler="roslyn", extra=DEBUG)
    image = tmp_path / "program.dll"
    compile_file(CompileRequest(str(il), str(image), "9.0", framework_references("9.0")))
    opened = ReadyToRunImage.open(image)
    section = opened.section(SectionType.DebugInfo)
    assert section is not None
    data = bytearray(image.read_bytes())
    entry = U32.pack(SectionType.DebugInfo) + U32.pack(section.rva) + U32.pack(section.size)
    assert data.count(entry) == 1
    at = data.index(entry)
    data[at + 4 : at + 12] = bytes(8)
    image.write_bytes(data)
    (tmp_path / "program.runtimeconfig.json").write_text(
        '{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "9.0.0"}}}'
    )
    lines = {int(line) for _, line in _FRAME.findall(_run(tmp_path, "9.0"))}
    inside = {number for number in MARKED if number < 400}  # behind these, methods have one line only
    assert lines and len(lines & inside) < len(inside) // 2


def test_units_have_their_own_bounds(tmp_path: Path) -> None:
    """Equal methods have equal maps, wherever they are; each maps code to offsets of its own CIL."""
    il = compile_csharp(PROGRAM, tmp_path / "il", "program", compiler="roslyn", extra=DEBUG)
    image = tmp_path / "program.dll"
    compile_file(CompileRequest(str(il), str(image), "9.0", framework_references("9.0")))
    opened = ReadyToRunImage.open(image)
    mapped = 0
    for rid, entry in opened.method_entries.items():
        info = opened.debug_infos.get(entry.runtime_function)
        if info is None:
            continue
        mapped += 1
        code_size = opened.compiled_method(entry.runtime_function).size
        il_size = len(opened.assembly.method_body(rid).code)
        natives = [bound.native for bound in info.bounds]
        assert natives == sorted(natives) and natives[-1] < code_size
        assert all(-2 <= bound.il < il_size for bound in info.bounds)
    assert mapped > 50
