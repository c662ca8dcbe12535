"""Printing and parsing are inverse, and the parser says where text is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.compiler import ir
from nativegen.compiler.parser import IrSyntaxError, parse_function
from nativegen.compiler.printer import print_function, print_instruction

FUNCTIONS = sorted((Path(__file__).parent / "functions").glob("*.ir"))


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.stem)
def test_round_trip(path: Path) -> None:
    once = print_function(parse_function(path.read_text()))
    assert print_function(parse_function(once)) == once


def test_nothing_is_lost() -> None:
    text = (Path(__file__).parent / "functions" / "memory.ir").read_text()
    written = [line.strip() for line in text.splitlines() if line.startswith(("  v", "  s"))]
    printed = print_function(parse_function(text)).splitlines()
    names = {"type": "c0", "text": "c1"}
    for line in written:
        words = [names.get(word, word) for word in line.split()]
        assert "  " + " ".join(words) in printed


def test_slots_of_equal_and_odd_names_stay_apart() -> None:
    abi = ir.CallAbi((), ir.AbiParam(ir.PassKind.VOID), False)
    function = ir.Function("F", abi, ir.ReturnKind.SCALAR)
    for name in ("x", "x", "<a>b", "i32"):
        function.new_slot(name, ir.SlotKind.LOCAL, memory=ir.Memory.I32)
    block = function.new_block()
    for slot in function.slots:
        block.instructions.append(ir.LoadSlot(function.new_value(ir.Type.I32), slot))
    block.instructions.append(ir.Return())
    text = print_function(function)
    again = parse_function(text)
    loads = [each for each in again.blocks[0].instructions if isinstance(each, ir.LoadSlot)]
    assert [load.slot.index for load in loads] == [0, 1, 2, 3]
    assert print_function(again) == text


def test_single_instructions_print_alone() -> None:
    value = ir.Value(3, ir.Type.REF)
    assert print_instruction(ir.NullCheck(value)) == "null_check v3"


@pytest.mark.parametrize(
    "line",
    [
        "frobnicate",
        "v1: i32 = load_slot nothing",
        "return v7",
        "null_check",
        "v1: i32 = const 1 2",
        "v1: nothing = const 1",
        "v1: i32 = load_slot a sideways",
        "call c9 () -> void",
        "?",
    ],
)
def test_syntax_errors_name_the_line(line: str) -> None:
    text = f'function "F" (i32) -> void returns scalar\n  argument a: i32\nb0:\n  {line}\n'
    with pytest.raises(IrSyntaxError, match="line 4"):
        parse_function(text)


def test_no_function() -> None:
    with pytest.raises(IrSyntaxError, match="no function"):
        parse_function(";; nothing\n")
