"""Small members of other assemblies in place of their calls, in pinned images: right, and the callee never runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest
from tests.support.differential import run_differential
from tests.support.paths import TARGETS, TRIMMED_TARGET, TestInputs

pytestmark = pytest.mark.runtime

FOREIGN = Path(__file__).parent / "foreign"

#: Never entered: their code is in the callers.
GONE = (
    *(f"Box::{name}" for name in ("get_Value", "set_Value", "get_Name", "set_Name", "get_Small", "set_Small")),
    *(f"Box::{name}" for name in ("get_Answer", "get_IsBig", "get_Place")),
    *(f"Box::{name}" for name in ("Twice", "Narrow", "Widen", "Max", "Divide")),
    *("Derived::get_Extra", "Derived::get_Inner", "Failure::get_Code"),
    *("Pair`1[Own]::get_First", "Pair`1[System.__Canon]::get_First", "Cell`1[System.Int32]::get_Item"),
    *("Cell`1[System.Int32]::set_Item", "Cell`1[Own]::Some", "Late::get_Nothing"),
    "System.Collections.Generic.List`1[System.Int32]::get_Count",
    "System.Collections.Generic.KeyValuePair`2[System.__Canon,Own]::get_Value",
    "System.Threading.Tasks.ValueTask`1[System.Int32]::GetAwaiter",
)
#: By names that 3.1 cannot give them.
GONE_WITH_NAMES = ("Box::get_Literal", "Late::get_Token", "Log::get_PerThread", "Log::Count")
#: Need more checks than the call costs: only where the image is bound hard.
GONE_WHEN_BOUND = ("Box::get_Both", "Derived::get_Deep", "Vec::get_Sum")
#: Called as ever: marked, throwing, asking for callers, with a static constructor that must run before, virtual.
STAYS = (
    *("Box::Marked", "Box::Throws", "Box::Here", "Box::Asks", "Box::Shown", "Box::get_Virtual"),
    *("Precise::get_Nothing", "Precise::get_State", "Cell`1[System.__Canon]::Boxed"),
)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        *((target, CompileOptions(mode="pinned")) for target in TARGETS),
        *((target, CompileOptions(hard_bound=("lib",))) for target in TARGETS),
        pytest.param("9.0", CompileOptions(mode="guarded", hard_bound=("lib",)), marks=pytest.mark.sweep),
        pytest.param(TRIMMED_TARGET, CompileOptions(mode="pinned"), marks=pytest.mark.sweep),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.mode}{'-bound' * bool(value.hard_bound)}",
)
def test_the_callee_never_runs(inputs: TestInputs, tmp_path: Path, target: str, options: CompileOptions) -> None:
    def compile_image(source: Path, output: Path, target: str, references: Mapping[str, str]) -> CompileReport:
        return compile_file(CompileRequest(str(source), str(output), target, references, options))

    run = run_differential(
        [FOREIGN / "Inlined.cs"],
        tmp_path,
        native=["Program::*"],
        target="3.1",
        runtimes=[target],
        libraries={"Lib": (FOREIGN / "InlinedLibrary.cs").read_text("utf-8")},
        compile_image=compile_image,
        gc_stress=True,
    )[target]
    gone = GONE if target == "3.1" else GONE + GONE_WITH_NAMES
    if options.hard_bound:  # and so nothing of the framework
        gone = tuple(name for name in (*gone, *GONE_WHEN_BOUND) if not name.startswith("System."))
    else:
        assert {name: run.state(name) for name in GONE_WHEN_BOUND} == dict.fromkeys(GONE_WHEN_BOUND, "native")
    assert {name: run.state(name) for name in gone} == dict.fromkeys(gone)
    assert {name: run.state(name) for name in STAYS} == dict.fromkeys(STAYS, "native")
    recorded = {(use.kind, use.name) for use in run.reports["program"].foreign if use.assembly == "Lib"}
    assert recorded >= {("body", "[Lib]Box::get_Value()int32"), ("body", "[Lib]Derived::get_Inner()[Lib]Box")}
    assert (("fields", "[Lib]Box") in recorded) is (target == "3.1")


@pytest.mark.parametrize("mode", ["resilient", "guarded"])
def test_nothing_is_taken_in_unguarded(inputs: TestInputs, tmp_path: Path, mode: str) -> None:
    run = run_differential(
        [FOREIGN / "Inlined.cs"],
        tmp_path,
        native=["Program::*"],
        target="3.1",
        runtimes=["9.0"],
        libraries={"Lib": (FOREIGN / "InlinedLibrary.cs").read_text("utf-8")},
        options=CompileOptions(mode=mode),
        tiered=False,
    )["9.0"]
    called = ("Box::get_Value", "Box::Twice", "Vec::get_Sum", "Late::get_Token")
    assert {run.state(name) for name in called} == {"native"}
    assert not [use for use in run.reports["program"].foreign if use.name.startswith("[Lib]Box")]
