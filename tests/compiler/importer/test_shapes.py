"""What common CIL becomes: the IR of ``programs/Shapes.cs``, as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nativegen.typesystem import Module
from tests.compiler.importer import compile_module, imported, open_module
from tests.support.csharp import assemble_il
from tests.support.paths import TestInputs

GOLDEN = {
    "C::Add": """
        v0: i32 = load_slot a0
        v1: i32 = load_slot a1
        v2: i32 = binary add, v0, v1
        return v2
    """,
    "C::Field": """
        v0: ref = load_slot a0
        v1: i32 = load v0, 16, i32 faulting
        return v1
    """,
    "C::SetField": """
        v0: ref = load_slot a0
        v1: ref = load_slot a1
        null_check v0
        store_ref v0, 8, v1, unchecked
        return
    """,
    "C::ForeignBase": """
        v0: ref = load_slot a0
        null_check v0
        v2: i64 = load_cell c0
        v1: byref = index v0, v2, 1, 0
        v3: i32 = load v1, 0, i32
        return v3
    """,
    "C::Static": """
        v0: byref = call c0 () -> byref
        v1: i32 = load v0, 0, i32
        return v1
    """,
    "C::Virtual": """
        v0: ref = load_slot a0
        null_check v0
        v1: i32 = call c0 this (ref v0) -> i32
        return v1
    """,
    "C::Element": """
        v0: ref = load_slot a0
        v1: i32 = load_slot a1
        bounds_check v0, v1
        v2: i64 = convert zext32, v1
        v3: byref = index v0, v2, 4, 16
        v4: i32 = load v3, 0, i32
        return v4
    """,
    "C::Invoke": """
        v0: ref = load_slot a0
        v1: i32 = load_slot a1
        v2: ref = load v0, 8, ref faulting
        v3: i64 = load v0, 24, i64
        v4: i32 = call v3 this (ref v2, i32 v1) -> i32
        return v4
    """,
    "C::Throws": """
        v0: ref = load_slot a0
        call c0 (ref v0) -> void noreturn
        unreachable
    """,
    "C::Mixed": """
        v0: f32 = load_slot a0
        v1: f32 = load_slot a1
        v2: f32 = binary mul, v0, v1
        return v2
    """,
    "C::RefStore": """
        v0: byref = load_slot a0
        v1: ref = load_slot a1
        null_check v0
        store_ref v0, 0, v1, checked
        return
    """,
    # The value on the stack is copied before Set may change the variable; the last argument needs no copy.
    "C::KeepsOld": """
        v0: addr = slot_address a0
        v1: byref = convert addr_byref, v0
        v2: addr = slot_address t0
        v3: addr = slot_address a0
        copy_struct v2, v3, S, none
        v4: i32 = call c1 (byref v1) -> i32
        v5: addr = slot_address a1
        v6: addr = slot_address t0
        v7: i32 = call c2 (registers S [0 ref 8; 8 i64 8] v6, i32 v4, registers S [0 ref 8; 8 i64 8] v5) -> i32
        return v7
    """,
    "C::Checked": """
        v0: f64 = load_slot a0
        v1: i32 = call c0 (f64 v0) -> i32
        v2: i32 = checked_convert u8, false, v1
        return v2
    """,
    "More::Volatile": """
        v0: byref = call c0 () -> byref
        v1: i32 = load v0, 0, i32 volatile
        return v1
    """,
}

#: method -> patterns that must occur in its text, in this order.
FRAGMENTS = {
    "Pre::F": [r"cell c0 = lazy_helper 33 18 type:\"\[Sample\]Pre\"", r"b0:\n  call c0 \(\) -> void\n  jump b1"],
    "Pre::.ctor": [r"b0:\n  call c0 \(\) -> void\n  jump b1"],
    "Pre::G": [r"b0:\n  jump b1\nb1:\n  v0: i32 = const 2"],
    "Pre::.cctor": [r"b0:\n  jump b1"],
    "C::Field": [r"cell c0 = check 43 16 0 field_def:\"\[Sample\]B::x:int32\"", "requires c0"],
    "C::ForeignBase": [r"cell c0 = handle 39 0 field_def:\"\[Sample\]E::code:int32\""],
    "C::Static": [r"cell c0 = lazy_helper 32 0 field_def"],
    "C::Virtual": [r"cell c0 = virtual_call 23 method_def:\"\[Sample\]B::V\(\)int32\" \{0: 1\}"],
    "C::Interface": [r"cell c0 = virtual_call 23 method_def:\"\[Sample\]I::M", "null_check v0", "call c0"],
    "C::StoreElement": [r"eager_helper 26 56", r"convert sext32", r"call c0 \(ref v0, i64 v3, ref v2\)"],
    "C::Literal": [r"handle 27 string:\"x\"", "load_cell c0 dereference"],
    "C::Box": [r"handle 16 8\n", "eager_helper 26 88", "temp t0: i32 address_taken", r"call c1 \(i64 v3, byref v2\)"],
    "C::Unbox": [r"eager_helper 26 90", r"call c1 \(i64 v1, ref v0\) -> byref", r"load v2, 0, i32"],
    "C::TypeOf": [r"handle 16 14\n", r"eager_helper 26 84", r"v1: ref = call c1 \(i64 v0\) -> ref\n  return v1"],
    "C::Delegate": [
        r"lazy_helper 28 18",
        r"lazy_helper_obj_obj 44 0 method_def:.* 18 type:",
        r"call c1 \(ref v1, ref v0\)",
    ],
    "C::Ternary": [
        "store_slot s0, v0",
        "branch v1, b2, b3",
        "store_slot s1",
        "store_slot s1",
        "load_slot s1",
        "call c0",
    ],
    "C::Direct": ["convert addr_byref, v2", r"call c2 this \(byref v6", "slot_address l0\n  return"],
    "C::Rem": [r"eager_helper 26 224", r"call c0 \(f64 v0, f64 v1\) -> f64"],
    "C::NewString": [
        r"method_call 21 member_ref:.*String::.ctor",
        "const 0",
        r"call c0 this \(ref v\d+, u16 v\d+, i32 v\d+\)",
    ],
    "More::Swap": ["copy_struct", "store|jump", "copy_struct"],
    "More::Lift": [r"eager_helper 26 91", r"call c2 \(byref v\d+, i64 v\d+, ref v\d+\) -> void"],
    "More::Constrained": [r"eager_helper 26 88", "null_check|call", r"method_call 21 member_ref|method_call 19 48"],
    "More::Array": [r"lazy_helper 29 29 14|lazy_helper 29 x1d 14", r"convert sext32", r"call c0 \(i64 v1\) -> ref"],
    "More::Cast": [r"lazy_helper_obj 30 18", r"lazy_helper_obj 31 18", "branch"],
    "More::List": [
        r"virtual_call 22 82 21 18 type:.*List`1\" 1 14 member_ref:.*Add\(!0\)void",
        "null_check v0",
        "call c1 this",
    ],
    "More::VirtualDelegate": [
        r"lazy_helper_obj 22 16 member_ref",
        r"method_call 19 82 21 18 type:.*Func`1.*ctor",
        "null_check v0",
        r"call c2 this \(ref v2, ref v0, i64 v1\)",
    ],
}


@pytest.fixture(scope="module")
def sample(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Module:
    text = (Path(__file__).parent / "programs" / "Shapes.cs").read_text("utf-8")
    return compile_module(text, tmp_path_factory.mktemp("shapes"))


@pytest.mark.parametrize("name", GOLDEN)
def test_body(sample: Module, name: str) -> None:
    _, _, body = imported(sample, name).partition("b1:\n")
    assert [line.strip() for line in body.split("\n") if line] == [
        line.strip() for line in GOLDEN[name].split("\n") if line.strip()
    ]


@pytest.mark.parametrize("name", FRAGMENTS)
def test_fragments(sample: Module, name: str) -> None:
    text = imported(sample, name)
    position = 0
    for pattern in FRAGMENTS[name]:
        match = re.compile(pattern).search(text, position)
        assert match, f"{pattern!r} not found after:\n{text[:position]}\nin:\n{text}"
        position = match.end()


IL = """
.assembly extern System.Private.CoreLib { .ver 4:0:0:0 .publickeytoken = (7C EC 85 D7 BE A7 79 8E) }
.assembly shapes { .ver 1:0:0:0 }
.class sealed value sequential N extends [System.Private.CoreLib]System.ValueType
{
  .field public int64 a
  .field public int64 b
  .method public instance void .ctor(valuetype N n, int32 k) cil managed { .maxstack 8 ret }
  .method public instance void .ctor(int32 k) cil managed { .maxstack 8 ret }
}
.class abstract sealed beforefieldinit O extends [System.Private.CoreLib]System.Object
{
  .method static int64 Again(int32 k) cil managed
  { .maxstack 8 .locals init (valuetype N) ldloc.0 ldarg.0 newobj instance void N::.ctor(valuetype N, int32) stloc.0
    ldloc.0 ldfld int64 N::a ret }
  .method static int64 AtOnce(int32 k) cil managed
  { .maxstack 8 .locals init (valuetype N) ldarg.0 newobj instance void N::.ctor(int32) stloc.0
    ldloc.0 ldfld int64 N::a ret }
  .method static int64 Loop(int32 k) cil managed
  { .maxstack 8 .locals init (valuetype N) ldloc.0 ldarg.0 L: brtrue M stloc.0 ldloc.0 ldc.i4.1 br L
    M: ldfld int64 N::b ret }
  .method static native int Widens(bool b, native int n) cil managed
  { .maxstack 8 ldarg.0 brtrue L ldarg.1 br M L: ldc.i4.5 M: ret }
}
"""


@pytest.fixture(scope="module")
def il_sample(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Module:
    return open_module(assemble_il(IL, tmp_path_factory.mktemp("shapes_il"), "shapes", library=True))


def _order(text: str, *parts: str) -> bool:
    position = 0
    for part in parts:
        position = text.find(part, position)
        if position < 0:
            return False
    return True


def test_a_struct_argument_in_the_assigned_local_survives_its_constructor(il_sample: Module) -> None:
    text = imported(il_sample, "O::Again")
    assert "temp t0: N" in text
    assert _order(text, "slot_address l0", "slot_address t0", "zero_struct", "call c", "copy_struct", "return")


def test_a_new_struct_is_made_in_the_local_when_nobody_can_see_it(il_sample: Module) -> None:
    text = imported(il_sample, "O::AtOnce")
    assert "temp" not in text and "copy_struct" not in text
    assert _order(text, "slot_address l0", "zero_struct", "call c", "return")


def test_structs_stay_on_the_stack_across_a_loop(il_sample: Module) -> None:
    text = imported(il_sample, "O::Loop")
    assert re.search(r"temp s0: N", text)
    assert text.count("copy_struct") == 3  # into the spill slot twice, out of it once


def test_a_merge_of_int32_and_native_int_is_a_native_int(il_sample: Module) -> None:
    text = imported(il_sample, "O::Widens")
    assert "temp s0: i64" in text and "convert sext32" in text
