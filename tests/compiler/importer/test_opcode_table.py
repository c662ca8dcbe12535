"""Every opcode and prefix of ECMA-335 III: compiled and like the JIT on both runtimes, or excluded with its reason.

The table is ``opcode_cases``: each case names the opcode that it tests, and its method is checked to contain it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.metadata.opcodes import OPCODES, decode
from tests.compiler.importer import method_named, open_module
from tests.compiler.importer.opcode_cases import CASES, EXCLUDED, program
from tests.support.csharp import assemble_il
from tests.support.differential import run_differential
from tests.support.paths import ALL_TARGETS, TRIMMED_TARGET, TestInputs


def test_the_table_is_complete() -> None:
    listed = {case.opcode for case in CASES} | set(EXCLUDED)
    assert listed == {opcode.name for opcode in OPCODES.values()}


def test_each_method_contains_its_opcode(inputs: TestInputs, tmp_path: Path) -> None:
    module = open_module(assemble_il(program(), tmp_path, "program"))
    methods = [(case.opcode, f"Ops::{case.name}") for case in CASES]
    for opcode, method in [*methods, *((opcode, f"Left::{opcode}") for opcode in EXCLUDED)]:
        found = {OPCODES[value].name for _, value, _ in decode(method_named(module, method).body.code)}
        assert opcode in found, method


@pytest.mark.runtime
@pytest.mark.parametrize("target", ALL_TARGETS)
def test_every_opcode(target: str, inputs: TestInputs, tmp_path: Path) -> None:
    excluded = {"Run::nop_0": "bypass-attribute"}
    excluded |= {f"Left::{opcode}": code for opcode, code in EXCLUDED.items()}
    # FieldInfo.GetFieldFromHandle was trimmed away.
    text = program(without=["ldtoken_field"] if target == TRIMMED_TARGET else [])
    run_differential(
        text, tmp_path, compiler="il", native=["Ops::*"], excluded=excluded, runtimes=[target], tiered=False
    )
