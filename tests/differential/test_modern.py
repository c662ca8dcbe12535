"""Programs that need .NET 9: in every kind of image the same output as under the JIT, under GC stress too."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.pipeline.request import CompileOptions
from tests.support.differential import run_differential
from tests.support.paths import TestInputs

MODERN = Path(__file__).parent / "modern"
NATIVE = {
    "GenericMath": "P::RefFields P::Pass P::Chains P::Inline P::Native P::Shifts P::Halfs P::Body",
    "Features": "Features::Covariant Features::Dim Features::Variance Features::Expanding Features::Enums"
    " Features::Nullables Features::Arr Features::Pat* Features::Sw* Features::Exprs Features::Dynamics Features::Refl"
    " Features::Emit Features::Back Features::Lists Features::Life Features::Dec Features::Dates Features::Tuples"
    " Features::Deep* Features::Intl Features::Skip Features::Refs Asynchronous+*::MoveNext",
}
OPTIONS = {
    "resilient": CompileOptions(),
    "guarded": CompileOptions(mode="guarded"),
    "pinned": CompileOptions(mode="pinned"),
    "full": CompileOptions(effort="full"),
    "debug": CompileOptions(effort="none", debug=True),
}


@pytest.mark.sweep
@pytest.mark.runtime
@pytest.mark.parametrize("mode", OPTIONS)
@pytest.mark.parametrize("name", NATIVE)
def test_program(name: str, mode: str, inputs: TestInputs, tmp_path: Path) -> None:
    run_differential(
        [MODERN / f"{name}.cs"],
        tmp_path,
        native=NATIVE[name].split(),
        compiler="roslyn",
        target="9.0",
        runtimes=["9.0"],
        gc_stress=True,
        tiered=False,
        options=OPTIONS[mode],
        settings={"EnableAVX512F": "0"},  # rounds ulong to float otherwise than the baseline
    )
