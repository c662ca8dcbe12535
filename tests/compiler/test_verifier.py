"""Bad IR is rejected with a message that names the place: one case per rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nativegen.compiler import ir
from nativegen.compiler.lowering import lower
from nativegen.compiler.parser import parse_function
from nativegen.compiler.verifier import IrError, verify
from nativegen.readytorun.targets import target_named

FUNCTIONS = sorted((Path(__file__).parent / "functions").glob("*.ir"))

HEADER = """
shape Pair = 16 align 8 {0: ref}
cell c0 = method_call 20
function "F" (ref, i32, i64, byref, registers Pair [0 ref 8; 8 i64 8]) -> i32 returns scalar
  argument o: ref
  argument n: i32
  argument p: i64
  argument b: byref
  argument s: Pair
  local f: f64
  local x: i32 address_taken
b0:
  v0: ref = load_slot o
  v1: i32 = load_slot n
  v2: i64 = load_slot p
  v3: byref = load_slot b
  v4: addr = slot_address s
  v5: f64 = load_slot f
"""

GOOD_END = "\n  return v1\n"

# what is wrong -> (instructions after the header, part of the message)
BAD: dict[str, tuple[str, str]] = {
    "use before definition": ("return v90", "line"),
    "value of another block": ("jump b1\nb1:\n return v1", "not defined before its use in this block"),
    "defined twice": ("v1: i32 = const 1\n return v1", "defined twice"),
    "no terminator": ("v6: i32 = const 1", "terminators end blocks"),
    "terminator inside": ("return v1\n return v1", "terminators end blocks"),
    "jump to the entry": ("jump b0", "not a block that can be jumped to"),
    "empty block": ("jump b1\nb1:", "empty block"),
    "constant reference": ("v6: ref = const 5\n return v1", "only constant reference is null"),
    "slot type": ("v6: i64 = load_slot n\n return v1", "v6 is i64, not i32"),
    "struct as a value": ("v6: i64 = load_slot s\n return v1", "structs are not loaded"),
    "store of a wrong type": ("store_slot n, v2\n return v1", "v2 is i64, not i32"),
    "reference into an integer": ("store_slot p, v0\n return v1", "v0 is ref, not i64"),
    "integer into a reference": ("store_slot o, v2\n return v1", "v2 is i64, not ref"),
    "address of a scalar": ("v6: addr = slot_address n\n return v1", "not marked as address_taken"),
    "offset outside": ("v6: addr = slot_address s offset=17\n return v1", "offset outside the slot"),
    "mixed operands": ("v6: i32 = binary add, v1, v2\n return v1", "v2 is i64, not i32"),
    "shift by a long": ("v6: i64 = binary shl, v2, v2\n return v1", "v2 is i64, not i32"),
    "pointer arithmetic": ("v6: ref = binary add, v0, v0\n return v1", "v0 is ref"),
    "floating remainder": ("v6: f64 = binary rem, v5, v5\n return v1", "v5 is f64"),
    "checked division": ("v6: i32 = checked_binary div, false, v1, v1\n return v1", "can be checked"),
    "not of a float": ("v6: f64 = unary not, v5\n return v1", "v5 is f64"),
    "conversion": ("v6: i32 = convert trunc64, v1\n return v1", "v1 is i32, not i64"),
    "checked conversion": ("v6: i64 = checked_convert u8, false, v2\n return v1", "v6 is i64, not i32"),
    "checked conversion to nothing": ("v6: i32 = checked_convert u9, false, v2\n return v1", "to u9"),
    "comparison": ("v6: i32 = compare eq, v1, v2\n return v1", "v2 is i64, not i32"),
    "comparison result": ("v6: i64 = compare eq, v1, v1\n return v1", "v6 is i64, not i32"),
    "null check of an integer": ("null_check v1\n return v1", "v1 is i32"),
    "bounds of a byref": ("bounds_check v3, v1\n return v1", "v3 is byref"),
    "length as i32": ("v6: i32 = array_length v0\n return v1", "v6 is i32"),
    "part of an object": ("v6: ref = offset v0, 8\n return v1", "v6 is ref, not byref"),
    "index by i32": ("v6: byref = index v0, v1, 4, 16\n return v1", "v1 is i32, not i64"),
    "load as another type": ("v6: i64 = load v0, 8, u8\n return v1", "v6 is i64, not i32"),
    "load through a number": ("v6: i32 = load v1, 8, u8\n return v1", "v1 is i32"),
    "faulting frame access": ("v6: i32 = load v4, 8, i32 faulting\n return v1", "never null"),
    "reference without barrier": ("store v3, 0, ref, v0\n return v1", "stored with store_ref"),
    "byref into an object": ("store v0, 8, byref, v3\n return v1", "v0 is ref"),
    "object store without barrier": ("store_ref v0, 8, v0, none\n return v1", "needs a barrier"),
    "struct copy through a number": ("copy_struct v4, v1, Pair, none\n return v1", "v1 is i32"),
    "handle as a reference": ("v6: ref = load_cell c0\n return v1", "v6 is ref, not i64"),
    "argument count": ("call c0 (i32, i32 v1) -> void\n return v1", "not one argument per parameter"),
    "argument type": ("call c0 (i64 v1) -> void\n return v1", "v1 is i32, not i64"),
    "result type": ("v6: i64 = call c0 () -> i32\n return v1", "v6 is i64, not i32"),
    "struct result as a value": (
        "v6: i64 = call c0 () -> registers Pair [0 ref 8; 8 i64 8]\n return v1",
        "only scalars are results",
    ),
    "missing buffer": ("call c0 () -> buffer Pair\n return v1", "return buffer is missing"),
    "address without struct": ("call c0 () -> void into v4\n return v1", "result address without"),
    "words of a struct": ("call c0 (registers Pair [0 ref 8] v4) -> void\n return v1", "words do not cover"),
    "word beyond a struct": ("call c0 (registers Pair [0 ref 8; 8 i64 9] v4) -> void\n return v1", "word at 8"),
    "code after noreturn": ("call c0 () -> void noreturn\n return v1", "does not return"),
    "result missing": ("return", "a value exactly when"),
    "result of a wrong type": ("return v2", "v2 is i64, not i32"),
    "switch on a long": ("switch v2, [b1], b1\nb1:\n v6: i32 = const 1\n return v6", "v2 is i64"),
    "branch on a float": ("branch v5, b1, b1\nb1:\n v6: i32 = const 1\n return v6", "v5 is f64"),
}


def test_the_header_is_good() -> None:
    verify(parse_function(HEADER + GOOD_END))


@pytest.mark.parametrize("what", BAD)
def test_bad_instructions(what: str) -> None:
    body, message = BAD[what]
    text = HEADER + body + "\n"
    if message == "line":
        # The parser already refuses an unknown value; make the IR by hand.
        function = parse_function(HEADER + GOOD_END)
        function.blocks[0].instructions[-1] = ir.Return(ir.Value(90, ir.Type.I32))
        message = "v90 is not defined before its use"
    else:
        function = parse_function(text)
    with pytest.raises(IrError, match=re.escape(message)):
        verify(function)


def test_bad_frames() -> None:
    function = parse_function(HEADER + GOOD_END)
    function.slots[1].shape = function.slots[4].shape
    with pytest.raises(IrError, match="either a memory form or a shape"):
        verify(function)
    function = parse_function(HEADER + GOOD_END)
    function.slots[1].pinned = True
    with pytest.raises(IrError, match="only references can be pinned"):
        verify(function)
    function = parse_function(HEADER + GOOD_END)
    function.slots[5].index = 9
    with pytest.raises(IrError, match="at position 5"):
        verify(function)
    function = parse_function(HEADER + GOOD_END)
    function.arguments.pop()
    with pytest.raises(IrError, match="not the argument slots"):
        verify(function)
    function = parse_function(HEADER + GOOD_END)
    function.slots[1].memory = ir.Memory.I64
    with pytest.raises(IrError, match="slot and parameter differ"):
        verify(function)
    function = parse_function(HEADER + GOOD_END)
    function.slots[4].shape = ir.StructShape(16, 8, ((4, ir.Memory.REF),))
    with pytest.raises(IrError, match="pointer at offset 4"):
        verify(function)


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.stem)
def test_the_test_functions_are_good(path: Path) -> None:
    verify(parse_function(path.read_text()))


def test_lower_verifies_on_demand() -> None:
    function = parse_function(HEADER + GOOD_END)
    function.blocks[0].instructions[-1] = ir.Return(None)
    with pytest.raises(IrError):
        lower(function, target_named("9.0"), "m1", verify=True)
