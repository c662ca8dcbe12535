"""Exceptions beyond what the programs of tests/programs can show: CIL that no compiler writes, and uncaught ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.structs import EXCEPTION_CLAUSE
from nativegen.runtime.host import RunResult, run_app
from tests.differential.test_programs import excluded_methods
from tests.support.differential import DifferentialError, run_differential
from tests.support.paths import ALL_TARGETS, TRIMMED_TARGET
from tests.support.runtimes import clean_environment, get_runtime

UNCAUGHT = """
using System;
using System.Runtime.CompilerServices;
static class Deep
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Throw(int v)
    {
        if (v == 0) throw new InvalidOperationException("out");
        Deep.Throw(v - 1);
        GC.KeepAlive(v);
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Finally(string how)
    {
        try
        {
            if (how == "throw") Throw(2);
            if (how == "null") GC.KeepAlive(((Version)(object)null).Major);
            if (how == "rethrow") try { Throw(1); } catch (Exception) { Console.WriteLine("again"); throw; }
            if (how == "filter")
                try { Throw(1); } catch (Exception e) when (e.Message == "in") { Console.WriteLine("never"); }
            if (how == "fail") Environment.FailFast("enough");
#if !TRIMMED
            if (how == "exit") Environment.Exit(7);
#endif
        }
        finally { Console.WriteLine("finally"); }
    }
}
static class Program { static int Main(string[] args) { Deep.Finally(args[0]); return 3; } }
"""


def _lines(run: RunResult) -> list[bytes]:
    """What the runtime says about an exception that nobody caught."""
    return [line.strip() for line in run.stderr.splitlines() if line.strip()]


@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
def test_uncaught(target: str, tmp_path: Path) -> None:
    """Exit status, output and the frames in the message; the trace of a process that dies is not complete."""
    run = run_differential(
        UNCAUGHT, tmp_path, native=["Deep::Finally"], compiler="roslyn", runtimes=[target], args=["none"], tiered=False
    )[target]
    assert run.native.exit_code == 3
    (tmp_path / "home2").mkdir()
    ends = {"throw": 134, "null": 134, "rethrow": 134, "filter": 134, "fail": 134, "exit": 7}
    if target == TRIMMED_TARGET:
        del ends["exit"]  # has no Environment.Exit
    for how, status in ends.items():
        jit, native = (
            run_app(
                folder / "program.dll",
                [how],
                runtime=get_runtime(target),
                environment=clean_environment(tmp_path / "home2"),
                tiering=False,
                cwd=folder,
            )
            for folder in (run.folder.parent / "jit", run.folder)
        )
        assert jit.exit_code == native.exit_code == status, how
        assert jit.stdout == native.stdout
        assert _lines(jit) == _lines(native)


@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
def test_unusual_cil(target: str, tmp_path: Path) -> None:
    source = Path(__file__).with_name("exceptions.il")
    runs = run_differential(source, tmp_path, native=["Raw::*"], compiler="il", runtimes=[target])
    assert runs[target].jit.stdout.count(b"\n") > 40


def _without_handlers(source: Path, output: Path, target: str, references: Mapping[str, str]) -> CompileReport:
    """As the pipeline, but every clause protects nothing."""
    report = compile_file(CompileRequest(str(source), str(output), target, references))
    image = ReadyToRunImage.open(output)
    data = bytearray(output.read_bytes())
    clauses = [clause for found in image.exception_clauses.values() for clause in found]
    assert clauses
    for clause in clauses:
        position = data.index(EXCEPTION_CLAUSE.pack(*clause))
        data[position : position + EXCEPTION_CLAUSE.size] = EXCEPTION_CLAUSE.pack(
            clause.flags, clause.try_begin, clause.try_begin, *clause[3:]
        )
    output.write_bytes(data)
    return report


@pytest.mark.runtime
def test_missing_handlers_are_noticed(tmp_path: Path) -> None:
    source = Path(__file__).with_name("exceptions.il")
    with pytest.raises(DifferentialError):
        run_differential(source, tmp_path, compiler="il", runtimes=["9.0"], compile_image=_without_handlers)


@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
@pytest.mark.parametrize(("name", "native"), [("Exceptions", "Guard::*"), ("ExceptionFlow", "Flow::*")])
def test_full_optimisation(name: str, native: str, target: str, tmp_path: Path) -> None:
    """Methods without loops are compiled cheaply otherwise: other passes, another register allocator."""
    text = (Path(__file__).parents[1] / "programs" / f"{name}.cs").read_text("utf-8")
    run_differential(
        text,
        tmp_path,
        native=[native],
        excluded=excluded_methods(text, target),
        compiler="roslyn",
        runtimes=[target],
        gc_stress=True,
        tiered=False,
        options=CompileOptions(effort="full"),
    )
