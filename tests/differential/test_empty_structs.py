"""Structs without fields by value: both sides of a call agree on where everything else is, whoever compiled them.

A struct without fields has one byte. Where it travels (a register, the stack, a hidden buffer) differs between the
runtimes' JITs; so each side of every call here is once the JIT's and once ours.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.differential import run_differential
from tests.support.paths import TARGETS, TestInputs

HERE = Path(__file__).parent


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("images", "native"),
    [(["lib"], ["Calls::*", "Driver::Run"]), (["program"], ["Own::*"]), (["lib", "program"], "*")],
    ids=["callee", "caller", "both"],
)
def test_empty_structs(
    images: list[str], native: list[str] | str, target: str, inputs: TestInputs, tmp_path: Path
) -> None:
    run_differential(
        (HERE / "EmptyStructs.cs").read_text("utf-8"),
        tmp_path,
        libraries={"lib": (HERE / "EmptyStructsLibrary.cs").read_text("utf-8")},
        images=images,
        native=native,
        runtimes=[target],
        gc_stress=True,
    )
