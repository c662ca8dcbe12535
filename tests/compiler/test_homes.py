"""Which references get a home, and that nothing is used from a register after a safepoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nativegen.compiler.emission import helper_cell
from nativegen.compiler.flow import reverse_postorder
from nativegen.compiler.homes import HomePlan, plan_homes
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.compiler.lowering import lower
from nativegen.compiler.parser import parse_function
from nativegen.compiler.verifier import verify
from nativegen.readytorun.enums import Helper
from nativegen.readytorun.targets import TESTED, target_named
from tests.compiler.stale_references import stale_uses

FUNCTIONS = sorted((Path(__file__).parent / "functions").glob("*.ir"))

HEADER = """
shape Pair = 16 align 8 {8: ref}
shape Span = 16 align 8 {0: byref}
cell call = method_call 20
function "F" (ref, byref, i32) -> void returns scalar
  argument o: ref
  argument b: byref
  argument n: i32
"""


def _plan(text: str) -> HomePlan:
    function = parse_function(HEADER + text)
    verify(function)
    return plan_homes(function, reverse_postorder(function))


def _barriers(method: LoweredMethod) -> frozenset[str]:
    target = target_named("9.0")
    cells = {helper_cell(target, helper) for helper in (Helper.WriteBarrier, Helper.CheckedWriteBarrier)}
    return frozenset(external.name for external in method.externals if external.cell in cells)


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", sorted(TESTED))
@pytest.mark.parametrize("effort", list(Effort), ids=lambda effort: effort.name.lower())
def test_no_register_survives_a_safepoint(path: Path, name: str, effort: Effort) -> None:
    method = lower(parse_function(path.read_text()), target_named(name), "m1", effort=effort)
    assert stale_uses(method, _barriers(method)) == []


def test_the_check_finds_stale_references() -> None:
    text = HEADER + "b0:\n  v0: ref = load_slot o\n  call call () -> void\n  null_check v0\n  return\n"
    method = lower(parse_function(text), target_named("9.0"), "m1", effort=Effort.FULL)
    assert stale_uses(method) == []
    broken = method.llvm.replace("%t1 = load ptr addrspace(1), ptr %homes", "%t1 = load ptr, ptr %homes")
    broken = broken.replace("addrspace(1) %t1,", "addrspace(1) %a0,")
    assert broken.count("%a0") > method.llvm.count("%a0")
    stale = stale_uses(replace(method, llvm=broken))
    assert len(stale) == 1
    assert "icmp eq ptr addrspace(1) %a0, null" in stale[0]


def test_a_leaf_has_no_homes() -> None:
    plan = _plan("  local p: Pair\nb0:\n  v0: ref = load_slot o\n  null_check v0\n  return\n")
    assert plan.words == []


def test_a_variable_that_is_dead_after_the_call_has_none() -> None:
    plan = _plan(
        "b0:\n  v0: ref = load_slot o\n  call call (ref v0) -> void\n  v1: byref = load_slot b\n"
        "  call call (byref v1) -> void\n  return\n"
    )
    assert plan.words == [1]
    assert plan.slots == {1: 0}
    assert plan.private == [True]


def test_a_loaded_value_is_read_again_from_its_variable() -> None:
    plan = _plan(
        "b0:\n  v0: ref = load_slot o\n  v1: ref = call call () -> ref\n  store_ref v0, 8, v1, unchecked\n  return\n"
    )
    assert plan.words == [0]
    assert plan.values == {0: plan.slots[0]}
    assert plan.stores == {0: {}}


def test_unless_the_variable_changes_in_between() -> None:
    plan = _plan(
        "b0:\n  v0: ref = load_slot o\n  v1: ref = call call () -> ref\n  store_slot o, v1\n"
        "  store_ref v0, 8, v1, unchecked\n  return\n"
    )
    assert plan.values == {0: 0}
    assert plan.stores == {0: {0: 0}}
    assert plan.slots == {}


def test_words_are_shared_when_lifetimes_do_not_overlap() -> None:
    once = (
        "  v{0}: ref = call call () -> ref\n  v{1}: ref = call call () -> ref\n"
        "  call call (ref v{0}, ref v{1}) -> void\n"
    )
    plan = _plan("b0:\n" + "".join(once.format(2 * i, 2 * i + 1) for i in range(3)) + "  return\n")
    assert plan.words == [0]
    overlapping = (
        "b0:\n  v0: ref = call call () -> ref\n  v1: ref = call call () -> ref\n  v2: byref = offset v1, 8\n"
        "  call call () -> void\n  call call (ref v0, ref v1, byref v2) -> void\n  return\n"
    )
    assert _plan(overlapping).words == [0, 0, 1]


def test_null_and_addresses_of_the_frame_need_none() -> None:
    plan = _plan(
        "  local x: i32 address_taken\n"
        "b0:\n  v0: ref = const 0\n  v1: addr = slot_address x\n  v2: byref = convert addr_byref, v1\n"
        "  v3: byref = offset v2, 0\n  call call () -> void\n  call call (ref v0, byref v3) -> void\n  return\n"
    )
    assert plan.words == []


def test_literals_are_read_again() -> None:
    text = (
        "b0:\n  v0: ref = load_cell call dereference\n  call call () -> void\n  call call (ref v0) -> void\n  return\n"
    )
    assert _plan(text).words == []
    llvm = lower(parse_function(HEADER + text), target_named("9.0"), "m1").llvm
    assert llvm.count("load ptr, ptr @c") == 2


def test_structs_and_variables_with_an_address_are_not_private() -> None:
    plan = _plan(
        "  local p: Pair\n  local s: Span\n  local a: ref address_taken\n  local q: byref pinned\n"
        "  local r: ref pinned\nb0:\n  call call () -> void\n  return\n"
    )
    assert plan.words == [None, 0, 1, None, 0, 3, 2]
    assert plan.private == [False, False, False, False, False, True, True]
    assert plan.slots == {3: 0, 4: 2, 5: 4, 6: 5, 7: 6}


def test_the_place_of_a_result_in_registers_outlives_the_call() -> None:
    plan = _plan(
        "b0:\n  v0: byref = load_slot b\n  call call () -> registers Pair [0 i64 8; 8 ref 8] into v0\n  return\n"
    )
    assert plan.words == [1]
    assert plan.values == {0: 0}


def test_the_return_buffer_has_a_home() -> None:
    text = HEADER.replace("-> void returns scalar", "-> buffer Pair returns byref")
    function = parse_function(
        text + "  local p: Pair\nb0:\n  call call () -> void\n  v0: addr = slot_address p\n  return v0\n"
    )
    plan = plan_homes(function, reverse_postorder(function))
    assert plan.return_buffer is not None
    assert plan.words[plan.return_buffer] == 1


def test_every_homed_word_is_initialised_before_it_is_announced() -> None:
    for path in FUNCTIONS:
        method = lower(parse_function(path.read_text()), target_named("9.0"), "m1")
        if not method.homes:
            assert "stackmap" not in method.llvm
            continue
        before, _, after = method.llvm.partition("@llvm.experimental.stackmap")
        assert "call cc 78" not in before
        assert "stackmap" not in after


def test_variables_that_may_be_read_first_are_cleared() -> None:
    text = HEADER + (
        "  local x: i32\n  local y: i32\nb0:\n  v0: i32 = load_slot n\n  store_slot y, v0\n  branch v0, b1, b2\n"
        "b1:\n  v1: i32 = load_slot x\n  store_slot n, v1\n  return\nb2:\n  v2: i32 = load_slot y\n"
        "  store_slot x, v2\n  return\n"
    )
    llvm = lower(parse_function(text), target_named("9.0"), "m1").llvm
    assert "store i32 0, ptr %s3" in llvm
    assert "store i32 0, ptr %s4" not in llvm
