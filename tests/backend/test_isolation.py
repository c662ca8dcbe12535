"""LLVM ending its process: the pool and the batches together lose exactly the guilty method."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nativegen.backend.batch import Rejection, Result, compile_batch
from nativegen.backend.llvm import CodeGenerator
from nativegen.backend.module_text import METHOD_ATTRIBUTES, PERSONALITY
from nativegen.backend.workers import WorkerPool
from nativegen.compiler.lowered import LoweredMethod
from nativegen.readytorun.unit import MethodUnit
from tests.backend.samples import many, method

# Each ends the process in another way; the first line of what LLVM says is the exclusion's detail.
FATAL = {
    "fatal error": (
        "  call void (i64, i32, ...) @llvm.experimental.stackmap(i64 7, i32 0, <3 x i7> zeroinitializer)\n  ret i32 0",
        "LLVM aborted: LLVM ERROR: Do not know how to widen this operator's operand!",
    ),
    "unreachable": (
        "  %x = zext i32 %a to i128\n"
        "  call void (i64, i32, ...) @llvm.experimental.stackmap(i64 7, i32 0, i128 %x)\n  ret i32 0",
        "LLVM aborted: UNREACHABLE executed at LegalizeTypes.cpp:",
    ),
    "inline assembly": (
        '  call void asm sideeffect "no such instruction", ""()\n  ret i32 0',
        "LLVM aborted: error: <inline asm>:",
    ),
    "assertion": (
        """  %r = invoke cc 78 i32 @add3(i32 %a, i32 1, i32 2) to label %ok unwind label %pad
ok:
  ret i32 %r
pad:
  %l = landingpad {ptr, i32} cleanup
  ret i32 0""",
        "LLVM aborted: WinEHPrepare.cpp:",
    ),
}


def make(number: int) -> LoweredMethod:
    """Method ``number`` of a program; negative numbers are fatal ones."""
    if number < 0:
        lowered = method("bad", "i32", "i32 %a", list(FATAL.values())[-1 - number][0])
        return replace(lowered, llvm=lowered.llvm.replace(METHOD_ATTRIBUTES, f"{METHOD_ATTRIBUTES} {PERSONALITY}"))
    return many(number + 1)[number]


def compile_numbers(generator: CodeGenerator, numbers: list[int]) -> list[Result]:
    return compile_batch([make(number) for number in numbers], generator)


def excluded(_: int, message: str) -> Result:
    return Rejection(f"LLVM aborted: {message}")


@pytest.fixture(scope="module")
def expected() -> list[Result]:
    return compile_batch([make(number) for number in range(50)], CodeGenerator("x86-64"))


@pytest.mark.parametrize("name", FATAL)
def test_one_fatal_method_among_fifty(name: str, expected: list[Result]) -> None:
    bad = -1 - list(FATAL).index(name)
    numbers = [*range(33), bad, *range(33, 50)]
    with WorkerPool(2, CodeGenerator, ("x86-64",)) as pool:
        ((_, results),) = pool.map_batches(compile_numbers, [numbers], excluded)
    rejection = results.pop(33)
    assert isinstance(rejection, Rejection)
    assert rejection.detail.startswith(FATAL[name][1]) and "\n" not in rejection.detail
    assert results == expected


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_do_not_depend_on_workers_or_batches(jobs: int, expected: list[Result]) -> None:
    size = 4 + jobs
    batches = [list(range(start, min(start + size, 50))) for start in range(0, 50, size)]
    with WorkerPool(jobs, CodeGenerator, ("x86-64",)) as pool:
        found = dict(pool.map_batches(compile_numbers, batches, excluded))
    units = [unit for number in sorted(found) for unit in found[number]]
    assert units == expected and all(isinstance(unit, MethodUnit) for unit in units)
