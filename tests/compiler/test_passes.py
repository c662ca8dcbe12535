"""Each pass on IR text: ``passes/<pass>.txt`` holds ``[case name]`` input and ``[out]`` expected output."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nativegen.compiler import ir
from nativegen.compiler.lowered import Effort
from nativegen.compiler.parser import parse_function
from nativegen.compiler.passes.implicit_null_checks import fold_null_checks
from nativegen.compiler.passes.null_checks import remove_null_checks
from nativegen.compiler.passes.pipeline import run_passes
from nativegen.compiler.passes.polls import insert_polls
from nativegen.compiler.printer import print_function
from nativegen.compiler.verifier import verify
from nativegen.readytorun.targets import target_named

CASES = Path(__file__).parent / "passes"

PASSES: dict[str, Callable[[ir.Function], None]] = {
    "null_checks": remove_null_checks,
    "implicit_null_checks": lambda function: fold_null_checks(function, 2048),
    "polls": insert_polls,
}


def _cases() -> Iterator[object]:
    for path in sorted(CASES.glob("*.txt")):
        for match in re.finditer(
            r"^\[case (.*)\]\n((?:.|\n)*?)^\[out\]\n((?:.|\n)*?)(?=^\[case|\Z)", path.read_text(), re.M
        ):
            yield pytest.param(path.stem, match[2], match[3], id=f"{path.stem}: {match[1]}")


@pytest.mark.parametrize(("name", "source", "expected"), list(_cases()))
def test_pass(name: str, source: str, expected: str) -> None:
    function = parse_function(source)
    verify(function)
    PASSES[name](function)
    verify(function)
    assert print_function(function).strip() == expected.strip()


def test_every_pass_has_cases() -> None:
    assert {path.stem for path in CASES.glob("*.txt")} == set(PASSES)


def _parse(name: str) -> ir.Function:
    return parse_function((Path(__file__).parent / "functions" / f"{name}.ir").read_text())


def test_methods_with_loops_are_worth_optimising() -> None:
    assert run_passes(_parse("control"), target_named("9.0")) is Effort.FULL
    assert run_passes(_parse("arithmetic"), target_named("9.0")) is Effort.CHEAP
