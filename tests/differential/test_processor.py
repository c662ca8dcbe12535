"""What the JIT computes differently where the processor can do more; images are for the baseline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.differential import run_differential
from tests.support.paths import ALL_TARGETS, TestInputs

_SOURCE = """using System; using System.Runtime.CompilerServices;
static class Program
{
    [MethodImpl(MethodImplOptions.NoInlining)] static float Single(ulong n) { return n; }
    [MethodImpl(MethodImplOptions.NoInlining)] static double Double(ulong n) { return n; }
    static string Bits(double d) { return BitConverter.DoubleToInt64Bits(d).ToString("x"); }
    static string All()
    {
        string all = "";
        foreach (ulong n in new ulong[] { 0x7fffffbfffffffff, 0x8000008000000001, 0x8000000000000401 })
            all += Bits(Single(n)) + " " + Bits(Double(n)) + "\\n";
        return all;
    }
    static int Main() { return Harness.Run(All); }
}
"""
_NO_AVX512 = {"EnableAVX512F": "0", "EnableAVX512": "0"}  # 9.0's name for it, and 10.0's


@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
def test_unsigned_numbers_become_floats_as_without_avx512(target: str, inputs: TestInputs, tmp_path: Path) -> None:
    """With AVX-512 the JIT of 9.0 rounds once from ulong to float, without it twice; 10.0's always once."""
    native = ["Program::Single", "Program::Double"]
    run_differential(_SOURCE, tmp_path, native=native, runtimes=[target], settings=_NO_AVX512)
