"""Every program of tests/programs behaves the same under the JIT and with images, and its methods run native.

A program's first lines say what must have been native (``// native: Type::* ...``) and whether it also runs under
compacting collections (``// gc: yes``). ``// excluded: Type::Method reason-code`` lines name methods that must be left
to the JIT.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.differential import run_differential
from tests.support.paths import TARGETS, TestInputs

PROGRAMS = sorted((Path(__file__).parents[1] / "programs").glob("*.cs"))


def _header(text: str, key: str) -> list[str]:
    return [line.strip() for line in re.findall(rf"^// {key}: (.*)$", text, re.MULTILINE)]


def _run(program: Path, target: str, folder: Path, *, stressed: bool = False) -> None:
    """``stressed``: under compacting collections with tiering off and on, whatever the program says."""
    text = program.read_text("utf-8")
    excluded = dict(line.split() for line in _header(text, "excluded"))
    native = " ".join(_header(text, "native")).split()
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
    )


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program(program: Path, target: str, inputs: TestInputs, tmp_path: Path) -> None:
    _run(program, target, tmp_path)


@pytest.mark.sweep
@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program_under_gc_stress(program: Path, target: str, inputs: TestInputs, tmp_path: Path) -> None:
    _run(program, target, tmp_path, stressed=True)
