"""Every instruction and every way to pass a value: LLVM accepts the text and needs nothing that was not declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.backend.batch import Rejection, compile_batch
from nativegen.backend.llvm import CodeGenerator
from nativegen.compiler import ir
from nativegen.compiler.lowered import Effort, ExternalKind, LoweredMethod
from nativegen.compiler.lowering import lower
from nativegen.compiler.operands import USES
from nativegen.compiler.parser import parse_function
from nativegen.readytorun.targets import TESTED, Target, target_named

FUNCTIONS = sorted((Path(__file__).parent / "functions").glob("*.ir"))


def _parse(name: str) -> ir.Function:
    return parse_function((Path(__file__).parent / "functions" / f"{name}.ir").read_text())


def _lower(function: ir.Function, target: Target, effort: Effort) -> LoweredMethod:
    return lower(function, target, "m1", effort=effort, verify=True)


@pytest.fixture(scope="module")
def generator() -> CodeGenerator:
    return CodeGenerator("x86-64")


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", sorted(TESTED))
@pytest.mark.parametrize("effort", list(Effort), ids=lambda effort: effort.name.lower())
def test_llvm_accepts_the_text_and_adds_no_library_call(
    path: Path, name: str, effort: Effort, generator: CodeGenerator
) -> None:
    method = _lower(parse_function(path.read_text()), target_named(name), effort)
    (unit,) = compile_batch([method], generator)  # rejects an object with undeclared symbols
    assert not isinstance(unit, Rejection), f"{unit.detail}\n{method.llvm}"
    assert unit.code


def test_the_functions_use_every_instruction() -> None:
    used = {
        type(instruction)
        for path in FUNCTIONS
        for block in parse_function(path.read_text()).blocks
        for instruction in block.instructions
    }
    assert used | {ir.Poll} == set(USES)


def test_text_is_deterministic() -> None:
    first = _lower(_parse("calls"), target_named("9.0"), Effort.CHEAP)
    second = _lower(_parse("calls"), target_named("9.0"), Effort.CHEAP)
    assert first == second


def test_equal_cells_of_different_signatures_have_different_names() -> None:
    method = _lower(_parse("calls"), target_named("9.0"), Effort.CHEAP)
    declarations: dict[str, str] = {}
    for external in method.externals:
        assert declarations.setdefault(external.name, external.declaration) == external.declaration
    stubs = [e for e in method.externals if e.kind is ExternalKind.STUB and e.cell and e.cell.ref_map]
    assert len({e.cell for e in stubs}) < len(stubs)
