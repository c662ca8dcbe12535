"""Every program of tests/programs behaves the same under the JIT and with images, and its methods run native.

A program's first lines say what must have been native (``// native: Type::* ...``; ``// native untrimmed:`` what .NET
10's host can't run) and whether it also runs under compacting collections (``// gc: yes``). ``// excluded: Type::Method
reason-code`` lines name methods that must be left to the JIT; ``// excluded-3.1:`` on that runtime only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from nativegen.pipeline.request import CompileOptions
from tests.support.differential import run_differential
from tests.support.paths import ALL_TARGETS, TARGETS, TRIMMED_TARGET, TestInputs

PROGRAMS = sorted((Path(__file__).parents[1] / "programs").glob("*.cs"))
# On 10.0 a start takes three times as long as on 9.0 (its framework has no native code): the others are in the sweep.
DEFAULT_ON_10 = ("Calls", "Escapes", "Exceptions", "Polls", "SharedGenerics")


def _header(text: str, key: str) -> list[str]:
    return [line.strip() for line in re.findall(rf"^// {key}: (.*)$", text, re.MULTILINE)]


def excluded_methods(text: str, target: str) -> dict[str, str]:
    """Method -> reason code, from a program's ``excluded`` lines and those for a target."""
    return dict(line.split() for key in ("excluded", f"excluded-{target}") for line in _header(text, key))


def _run(program: Path, target: str, folder: Path, *, stressed: bool = False, debug: bool = False) -> None:
    """Run one program.

    Args:
        stressed: under compacting collections with tiering off and on, whatever the program says.
        debug: the images are those of the /Debug scenario.
    """
    text = program.read_text("utf-8")
    excluded = excluded_methods(text, target)
    native = " ".join(_header(text, "native")).split()
    if target == TRIMMED_TARGET:  # compiled by Roslyn, which names iterators otherwise than mcs
        native = [re.sub(r"c__Iterator\d+", "d__*", each) for each in native]
    else:
        native += " ".join(_header(text, "native untrimmed")).split()
    assert native, f"{program.name} does not say what must be native"
    run_differential(
        text,
        folder,
        native=native,
        excluded=excluded,
        runtimes=[target],
        gc_stress=stressed or "yes" in _header(text, "gc"),
        tiered_stress=stressed,
        compiler=(_header(text, "compiler") or ["mcs"])[0],
        options=CompileOptions(effort="none", debug=True) if debug else None,
    )


def _cases() -> Iterator[ParameterSet]:
    for program in PROGRAMS:
        for target in ALL_TARGETS:
            is_long = target == TRIMMED_TARGET and program.stem not in DEFAULT_ON_10
            marks = [pytest.mark.sweep] if is_long else []
            yield pytest.param(program, target, id=f"{program.stem}-{target}", marks=marks)


@pytest.mark.runtime
@pytest.mark.parametrize(("program", "target"), list(_cases()))
def test_program(program: Path, target: str, inputs: TestInputs, tmp_path: Path) -> None:
    _run(program, target, tmp_path)


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["Exceptions", "Homes"])
def test_program_for_a_debugger(name: str, target: str, inputs: TestInputs, tmp_path: Path) -> None:
    _run(next(path for path in PROGRAMS if path.stem == name), target, tmp_path, debug=True)


@pytest.mark.sweep
@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program_for_a_debugger_under_gc_stress(program: Path, target: str, inputs: TestInputs, tmp_path: Path) -> None:
    _run(program, target, tmp_path, stressed=True, debug=True)


@pytest.mark.sweep
@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program_under_gc_stress(program: Path, target: str, inputs: TestInputs, tmp_path: Path) -> None:
    _run(program, target, tmp_path, stressed=True)
