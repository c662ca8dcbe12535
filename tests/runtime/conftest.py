"""A small program on both runtimes, traced once per session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from nativegen.runtime.host import RunResult, TraceRequest, run_app
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment, get_runtime

PROGRAM = """
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
namespace Demo {
    public class Outer { public struct Inner<T> { public T Value;
        [MethodImpl(MethodImplOptions.NoInlining)] public T Get() { return Value; } } }
    public static class Program {
        [MethodImpl(MethodImplOptions.NoInlining)] static int Ordinary(int x) { return x + 1; }
        [MethodImpl(MethodImplOptions.NoInlining)] static T Generic<T>(T x) { return x; }
        public static int Main(string[] args) {
            if (args.Length > 0 && args[0] == "abort") Environment.FailFast("as asked");
            if (args.Length > 0 && args[0] == "sleep") Thread.Sleep(60000);
            if (args.Length > 0 && args[0] == "echo") { Console.Write(Console.In.ReadToEnd()); return 0; }
            var inner = new Outer.Inner<string> { Value = "v" };
            int sum = 0;
            var queue = new Queue<int>();
            for (int i = 0; i < 100; i++) { queue.Enqueue(i); sum += Ordinary(queue.Dequeue()); }
            // Calls are counted only after 100 ms without new methods; then 30 of them start the optimising JIT.
            int rounds = args.Length == 1 && args[0] == "slow" ? 500 : 0;
            for (int i = 0; i < rounds; i++) { Ordinary(int.Parse("1")); Thread.Sleep(1); }
            Console.WriteLine(sum + Generic("g") + Generic(7) + inner.Get() + " " + string.Join(",", args));
            Console.Error.WriteLine("to the error stream");
            return 5;
        }
    }
}
"""


@pytest.fixture(scope="session")
def demo(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, in a folder without any configuration."""
    return compile_csharp(PROGRAM, tmp_path_factory.mktemp("demo"), "demo")


@pytest.fixture(scope="session")
def traced(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], RunResult]:
    """The result of the traced and logged run on a target; each target is run once."""

    @cache
    def run(target: str) -> RunResult:
        folder = tmp_path_factory.mktemp(f"traced-{target}")
        return run_app(
            demo,
            runtime=get_runtime(target),
            environment=clean_environment(folder),
            tiering=False,
            trace=TraceRequest(folder / "trace"),
            log_directory=folder / "log",
        )

    return run
