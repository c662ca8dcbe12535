"""Too much memory on the stack ends the process as under the JIT: same exit status, same first line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.differential import run_differential
from tests.support.paths import ALL_TARGETS, TestInputs

SOURCE = """
using System;
using System.Runtime.CompilerServices;

static class Program
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    static unsafe int Ask(long n) { int* p = stackalloc int[checked((int)n)]; p[n / 2] = 1; return p[0]; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static unsafe int Deep(int n) { byte* p = stackalloc byte[5000]; p[n % 5000] = 1; return Deep(n + 1) + p[7]; }
    static int Main(string[] args)
    {
        Console.WriteLine("begins");
        Console.WriteLine("" + (args[0] == "deep" ? Deep(0) : Ask(long.Parse(args[0]))));
        return 0;
    }
}
"""


@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
@pytest.mark.parametrize("size", ["deep", "-1", "10000000", "2147483647"])
def test_stack_overflow(size: str, target: str, inputs: TestInputs, tmp_path: Path) -> None:
    run = run_differential(SOURCE, tmp_path, compiler="roslyn", runtimes=[target], args=[size], tiered=False)[target]
    assert run.jit.exit_code == 134
    assert not any(method.name.startswith("Program") for method in run.reports["program"].exclusions)
