"""The test compilers themselves: without these working, no other real test means anything."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.csharp import CompileError, assemble_il, compile_csharp
from tests.support.paths import TestInputs

HELLO = 'public static class P { public static int Main() { System.Console.WriteLine("hello"); return 3; } }'
CSHARP12 = """
using System;
record struct Point(int X, int Y);
interface IShape<T> where T : IShape<T> { static abstract string Kind { get; } }
readonly struct Square : IShape<Square> { public static string Kind => "square"; }
static class P
{
    static string KindOf<T>() where T : IShape<T> => T.Kind;
    static int Main()
    {
        int[] a = [1, 2, 3];
        Console.WriteLine($"{new Point(1, 2)} {KindOf<Square>()} {a[^1]}");
        return 0;
    }
}
"""
IL = """
.assembly extern System.Private.CoreLib { .ver 4:0:0:0 .publickeytoken = (7C EC 85 D7 BE A7 79 8E) }
.assembly ilhello { .ver 1:0:0:0 }
.method static int32 Main() cil managed { .entrypoint .maxstack 2 ldc.i4 40 ldc.i4.2 add ret }
"""


def run(inputs: TestInputs, target: str, program: Path) -> tuple[int, str]:
    version = {"3.1": "3.1.0", "9.0": "9.0.0"}[target]
    config = {"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": version}}}
    program.with_suffix(".runtimeconfig.json").write_text(json.dumps(config))
    command = [str(inputs.root(target) / "dotnet"), str(program)]
    environment = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": str(program.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout


@pytest.mark.runtime
@pytest.mark.parametrize("target", ["3.1", "9.0"])
@pytest.mark.parametrize("compiler", ["mcs", "roslyn"])
def test_a_program_against_3_1_runs_on_both(inputs: TestInputs, tmp_path: Path, target: str, compiler: str) -> None:
    program = compile_csharp(HELLO, tmp_path, "hello", compiler=compiler)
    assert run(inputs, target, program) == (3, "hello\n")


@pytest.mark.runtime
def test_roslyn_compiles_csharp_12_for_9_0(inputs: TestInputs, tmp_path: Path) -> None:
    program = compile_csharp(CSHARP12, tmp_path, "modern", compiler="roslyn", target="9.0")
    assert run(inputs, "9.0", program) == (0, "Point { X = 1, Y = 2 } square 3\n")


@pytest.mark.runtime
@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_il_runs_on_both(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    assert run(inputs, target, assemble_il(IL, tmp_path, "ilhello")) == (42, "")


def test_an_unchanged_program_comes_from_the_cache(inputs: TestInputs, tmp_path: Path) -> None:
    # mcs gives each output a fresh MVID: equal bytes prove that it was not run again.
    first = compile_csharp(HELLO, tmp_path / "a", "hello")
    assert compile_csharp(HELLO, tmp_path / "b", "hello").read_bytes() == first.read_bytes()
    changed = compile_csharp(HELLO.replace("return 3", "return 4"), tmp_path / "c", "hello")
    assert changed.read_bytes() != first.read_bytes()


@pytest.mark.parametrize("compiler", ["mcs", "roslyn"])
def test_an_error_carries_the_compilers_message(inputs: TestInputs, tmp_path: Path, compiler: str) -> None:
    with pytest.raises(CompileError, match="CS0103"):
        compile_csharp("class P { static int Main() { return missing; } }", tmp_path, "bad", compiler=compiler)


def test_references_and_several_files(inputs: TestInputs, tmp_path: Path) -> None:
    library = compile_csharp("public class L { public static int N() { return 5; } }", tmp_path, "lib", library=True)
    (tmp_path / "a.cs").write_text("class A { public static int M() { return L.N(); } }")
    (tmp_path / "b.cs").write_text("class B { static int Main() { return A.M(); } }")
    program = compile_csharp([tmp_path / "a.cs", tmp_path / "b.cs"], tmp_path, "app", references=[library])
    assert run(inputs, "3.1", program) == (5, "")
