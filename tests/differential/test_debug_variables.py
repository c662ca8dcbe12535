"""/Debug code keeps every variable in the place that the debug information names, and can be stopped at each statement.

The program gets the distances between its variables, as the image's debug information has them, as arguments, and reads
its own frame there: what a debugger does from outside.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.metadata.opcodes import decode
from nativegen.metadata.ops import Op
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileOptions, CompileRequest
from nativegen.readytorun.debug_info import BoundSource, DebugInfo, LocationType
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.runtime.events import read_method_report
from nativegen.runtime.host import TraceRequest, run_app
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS, TestInputs
from tests.support.runtimes import clean_environment, framework_references, get_runtime

PROGRAM = """
using System;
public struct Pair { public long First; public string Second; }
public struct Big { public long A, B, C; }
public class Frames {
    int field = 7;
    static int[] offsets;
    static unsafe long At(byte* anchor, int number) { return *(long*)(anchor + offsets[number]); }
    static unsafe int Length(byte* anchor, int number) { return *(int*)(At(anchor, number) + 8); }

    unsafe void Look(int number, long wide, string text, Big big, double real, byte small, Pair pair) {
        int anchor = 1;
        long local = wide * 3;
        string joined = text + "!";
        Big copy = big;
        object nothing = null;
        float single = 1.5f;
        byte* a = (byte*)&anchor;
        GC.Collect();
        try {
            local += number;
            throw new InvalidOperationException();
        } catch (InvalidOperationException) {
            Console.WriteLine((int)At(a, 1) + " " + At(a, 2) + " " + Length(a, 3) + " " + At(a, 4));
            Console.WriteLine(BitConverter.Int64BitsToDouble(At(a, 5)) + " " + (byte)At(a, 6) + " " + Length(a, 7));
        }
        Console.WriteLine(*(int*)(At(a, 0) + 8));
        Console.WriteLine((int)At(a, 8) + " " + At(a, 9) + " " + Length(a, 10) + " " + At(a, 11) + " " + At(a, 12));
        Console.WriteLine(BitConverter.Int32BitsToSingle((int)At(a, 13)));
        local = -5;
        Console.WriteLine(At(a, 9) + " " + (At(a, 14) == (long)a));
        Console.WriteLine(joined.Length + copy.C + (nothing == null ? 1 : 0) + single);
    }

    public static void Main(string[] arguments) {
        offsets = Array.ConvertAll(arguments, int.Parse);
        var pair = new Pair { First = 77, Second = "p" };
        new Frames().Look(11, 1L << 40, "text", new Big { A = 5, B = 6, C = 8 }, 2.25, 200, pair);
    }
}
"""
EXPECTED = f"""11 {1 << 40} 4 5
2.25 200 1
7
1 {(1 << 40) * 3 + 11} 5 5 0
1.5
-5 True
15.5
"""


def _compiled(folder: Path, target: str) -> tuple[Path, ReadyToRunImage]:
    source = compile_csharp(PROGRAM, folder / "il", "Frames", compiler="roslyn", optimize=False)
    image = folder / "Frames.dll"
    options = CompileOptions(effort="none", debug=True)
    compile_file(CompileRequest(str(source), str(image), target, framework_references(target), options))
    return image, ReadyToRunImage.open(str(image))


def _info(image: ReadyToRunImage, name: str) -> tuple[DebugInfo, int]:
    """The debug information of a method, and its rid."""
    assembly = Assembly.open(image.path)
    rid = next(rid for rid in range(1, 20) if assembly.method_def(rid).name == name)
    return image.debug_infos[image.method_entries[rid].runtime_function], rid


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_variables_are_where_the_debug_information_says(target: str, tmp_path: Path, inputs: TestInputs) -> None:
    path, image = _compiled(tmp_path, target)
    info, _ = _info(image, "Look")
    places = {variable.number: variable for variable in info.variables}
    assert sorted(places) == list(range(len(places))) and len(places) >= 15
    assert {variable.type for variable in info.variables} == {LocationType.STK}
    assert len({variable.operands[0] for variable in info.variables}) == 1  # all from one register
    anchor = places[8].operands[1]  # `this` and seven arguments, then the locals
    distances = [str(places[number].operands[1] - anchor) for number in range(15)]
    ran = run_app(
        path, distances, runtime=get_runtime(target), environment=clean_environment(tmp_path), tiering=False,
        trace=TraceRequest(tmp_path / "trace"),
    )  # fmt: skip
    assert ran.stdout.decode() == EXPECTED and ran.exit_code == 0
    assert ran.trace is not None and read_method_report(ran.trace).state("Frames::Look") == "native"


@pytest.mark.parametrize("target", TARGETS)
def test_a_debugger_can_stop_at_each_statement(target: str, tmp_path: Path, inputs: TestInputs) -> None:
    _, image = _compiled(tmp_path, target)
    info, rid = _info(image, "Look")
    body = Assembly.open(image.path).method_body(rid)
    # Compilers put a nop where a brace is, with an empty stack.
    braces = {offset for offset, opcode, _ in decode(body.code) if opcode == Op.NOP}
    stops = {bound.il for bound in info.bounds if bound.source & BoundSource.STACK_EMPTY}
    assert braces and braces <= stops and 0 in stops
    assert [bound.native for bound in info.bounds] == sorted({bound.native for bound in info.bounds})
