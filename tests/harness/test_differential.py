"""The harness must notice what it is there to notice; these tests replace the image compiler to provoke each case."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from nativegen.pipeline.request import CompileReport
from nativegen.runtime.events import read_method_report
from nativegen.runtime.host import TraceRequest, run_app
from tests.support.csharp import compile_csharp
from tests.support.differential import (
    GC_STRESS_SETTINGS,
    REPEAT_MILLISECONDS,
    DifferentialError,
    ImageCompiler,
    method_names,
    run_differential,
    support_files,
)
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment, get_runtime

PROGRAM = """
using System;
using System.Runtime.CompilerServices;
namespace N {
    public class Outer { public class Inner<T> { public override string ToString() { return typeof(T).Name; } } }
    public static class Program {
        [MethodImpl(MethodImplOptions.NoInlining)] public static int Twice(int x) { return 2 * x; }
        static string Body() { return Twice(21) + " " + new Outer.Inner<int>() + "\\n"; }
        public static int Main(string[] args) { return Harness.Run(Body); }
    }
}
"""

pytestmark = pytest.mark.runtime


def report(source: Path, output: Path, exclusions: tuple[()] = ()) -> CompileReport:
    return CompileReport(str(source), str(output), source.stem, "", "image", 4, 4, {}, exclusions, 0, 0, {})


def image_is_il(source: Path, output: Path, target: str, references: Mapping[str, str]) -> CompileReport:
    shutil.copyfile(source, output)
    return report(source, output)


def image_is(text: str) -> ImageCompiler:
    """An image compiler that puts another program in the image's place."""

    def compile_image(source: Path, output: Path, target: str, references: Mapping[str, str]) -> CompileReport:
        compile_csharp(text, output.parent, output.stem)
        return report(source, output)

    return compile_image


@pytest.mark.parametrize("compiler", ["mcs", "roslyn"])
def test_a_program_runs_native_on_both(inputs: TestInputs, tmp_path: Path, compiler: str) -> None:
    runs = run_differential(PROGRAM, tmp_path, native=["N.Program::Twice"], compiler=compiler, gc_stress=True)
    for run in runs.values():
        assert run.native.stdout == b"42 Int32\n"
        assert run.reports["program"].native > 0


def test_default_tiering_takes_over_while_the_program_runs(inputs: TestInputs, tmp_path: Path) -> None:
    runs = run_differential(PROGRAM, tmp_path, native=["N.Program::Twice"])
    for target, run in runs.items():
        variables = {"NATIVEGEN_REPEAT_MS": str(3 * REPEAT_MILLISECONDS)}  # the machine may be busy
        result = run_app(
            run.folder / "program.dll",
            runtime=get_runtime(target),
            environment=clean_environment(tmp_path) | variables,
            trace=TraceRequest(tmp_path / "tiered"),
        )
        assert result.trace is not None
        assert read_method_report(result.trace).state("N.Program::Twice") == "rejitted"


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_stress_moves_objects(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    """Otherwise a wrong GC description could pass: the address of a living object must change again and again."""
    text = """
    using System; using System.Runtime.CompilerServices;
    class Mover { int x;
        static unsafe long Address(object o) { return (long)*(IntPtr*)Unsafe.AsPointer(ref o); }
        static void Main() { Console.Write(Harness.Run(Body)); }
        static string Body() {
            var kept = new object[200]; long moves = 0;
            for (int i = 0; i < 40000; i++) {
                object garbage = new byte[40];
                long before = Address(kept[i % 200] = new Mover());
                for (int j = 0; j < 50; j++) GC.KeepAlive(new byte[100]);
                if (Address(kept[i % 200]) != before) moves++;
            }
            return moves > 50 ? "moved" : "stayed";
        } }"""
    app = compile_csharp(support_files(text, tmp_path), tmp_path / "app", "app")
    runtime, environment = get_runtime(target), clean_environment(tmp_path)
    stress = environment | {"NATIVEGEN_GC_STRESS": "1"}
    result = run_app(app, runtime=runtime, environment=stress, settings=GC_STRESS_SETTINGS)
    assert result.stdout == b"moved0"


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_stress_finds_a_forgotten_write_barrier(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    """The program stores young objects into old ones behind the collector's back; only heap verification sees it."""
    text = """
    using System; using System.Runtime.CompilerServices;
    class Holder { object field; static Holder[] old = new Holder[64];
        static unsafe void Main(string[] args) {
            for (int i = 0; i < 64; i++) old[i] = new Holder();
            for (int i = 0; i < 3; i++) GC.Collect();
            for (int round = 0; round < 100; round++) {
                for (int i = 0; i < 64; i++) {
                    object young = new byte[64], holder = old[i];
                    if (args.Length == 0) old[i].field = young;
                    else *(IntPtr*)(*(byte**)Unsafe.AsPointer(ref holder) + 8) = *(IntPtr*)Unsafe.AsPointer(ref young);
                    GC.KeepAlive(young);
                }
                for (int i = 0; i < 1000; i++) GC.KeepAlive(new byte[100]);
            }
        } }"""
    app = compile_csharp(text, tmp_path / "app", "app")
    runtime, environment = get_runtime(target), clean_environment(tmp_path)
    quiet = {name: value for name, value in GC_STRESS_SETTINGS.items() if name != "HeapVerify"}
    for args, settings, exit_code in (([], GC_STRESS_SETTINGS, 0), (["x"], quiet, 0), (["x"], GC_STRESS_SETTINGS, 134)):
        result = run_app(app, args, runtime=runtime, environment=environment, settings=settings)
        assert result.exit_code == exit_code, (args, settings)


def test_jitted_code_is_not_taken_for_native(inputs: TestInputs, tmp_path: Path) -> None:
    with pytest.raises(DifferentialError, match=r"3.1: N.Program::Twice did not run native: N.Program::Twice: jitted"):
        run_differential(PROGRAM, tmp_path, native=["N.Program::Twice"], compile_image=image_is_il)


def test_everything_native_means_no_jitted_method(inputs: TestInputs, tmp_path: Path) -> None:
    with pytest.raises(DifferentialError, match=r"did not run native: .*N.Outer\+Inner`1::ToString: jitted"):
        run_differential(PROGRAM, tmp_path, native="*", compile_image=image_is_il)


def test_a_method_that_never_ran_is_not_native(inputs: TestInputs, tmp_path: Path) -> None:
    with pytest.raises(DifferentialError, match=r"N.Program::Absent did not run native: never called"):
        run_differential(PROGRAM, tmp_path, native=["N.Program::Absent"], runtimes=["9.0"], compile_image=image_is_il)


@pytest.mark.parametrize(
    ("change", "message"),
    [(("return 7", "return 8"), "exit status differs"), (('"a"', '"b"'), "output differs")],
)
def test_different_behaviour_is_an_error(
    inputs: TestInputs, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    text = 'class P { static int Main() { System.Console.WriteLine("a"); return 7; } }'
    with pytest.raises(DifferentialError, match=message):
        run_differential(text, tmp_path, compile_image=image_is(text.replace(*change)))


def test_unhandled_exceptions_compare_by_their_first_line(inputs: TestInputs, tmp_path: Path) -> None:
    text = "class P { static void F() { throw new System.Exception(\"x\"); } static void Main() { F(); } }"
    same = text.replace("F()", "G()")  # another frame in the stack trace
    runs = run_differential(text, tmp_path / "same", compile_image=image_is(same), tiered=False)
    assert runs["3.1"].jit.exit_code == 134
    with pytest.raises(DifferentialError, match="error output differs"):
        run_differential(text, tmp_path / "other", compile_image=image_is(text.replace('"x"', '"y"')), tiered=False)


def test_a_method_that_should_be_excluded_and_is_not(inputs: TestInputs, tmp_path: Path) -> None:
    with pytest.raises(DifferentialError, match="should be excluded as E1, it is compiled"):
        run_differential(PROGRAM, tmp_path, excluded={"N.Program::Twice": "E1"}, compile_image=image_is_il)


def test_libraries_and_stress_run_on_both(inputs: TestInputs, tmp_path: Path) -> None:
    text = PROGRAM.replace("return 2 * x", "return Library.Double(x)")
    library = """using System.Runtime.CompilerServices; public static class Library {
        [MethodImpl(MethodImplOptions.NoInlining)] public static int Double(int x) { return 2 * x; } }"""
    runs = run_differential(
        text, tmp_path, libraries={"Library": library}, compile_image=image_is_il, gc_stress=True
    )
    assert sorted(runs) == ["3.1", "9.0"]
    for run in runs.values():
        assert run.native.stdout == b"42 Int32\n"
        assert run.state("Library::Double") == "jitted"
        assert sorted(run.reports) == ["Library", "program"]


def test_a_body_whose_result_changes_under_repetition_fails(inputs: TestInputs, tmp_path: Path) -> None:
    counted = "public static class Program { static int count;"
    text = PROGRAM.replace("public static class Program {", counted).replace("Twice(21)", "(count++ < 5 ? 1 : 2)")
    with pytest.raises(DifferentialError, match="default tiering: exit status differs"):
        run_differential(text, tmp_path, compile_image=image_is_il, runtimes=["9.0"])


def test_method_names_are_written_as_the_runtime_writes_them(inputs: TestInputs, tmp_path: Path) -> None:
    text = PROGRAM.replace("Harness.Run(Body)", "Body().Length")
    assembly = compile_csharp(text, tmp_path, "names", library=True)
    assert {"N.Program::Twice", "N.Outer+Inner`1::ToString", "N.Outer+Inner`1::.ctor"} <= method_names(assembly)
