"""What compiled code computes, against Python: both targets, both efforts. (Collections: see the runtime tests.)"""

from __future__ import annotations

import ctypes
import itertools
import math
import struct
from typing import Any

import pytest

from nativegen.backend.llvm import CodeGenerator
from nativegen.compiler.emission import helper_cell
from nativegen.compiler.lowered import Effort
from nativegen.compiler.lowering import lower
from nativegen.compiler.parser import parse_function
from nativegen.readytorun.enums import Helper
from nativegen.readytorun.targets import TARGETS, TESTED, Target, target_named
from tests.compiler.execute import Machine

CTYPES: dict[str, Any] = {
    "i8": ctypes.c_int8,
    "u8": ctypes.c_uint8,
    "i16": ctypes.c_int16,
    "u16": ctypes.c_uint16,
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
    "f32": ctypes.c_float,
    "f64": ctypes.c_double,
    "ref": ctypes.c_void_p,
    "byref": ctypes.c_void_p,
}

EDGES = {
    32: [0, 1, 2, 7, 31, 33, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, -1, -2, -128, -129, -(2**31)],
    64: [
        *(0, 1, 10, 63, 65, 127, 128, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1),
        *(-1, -129, -32769, -(2**31), -(2**31) - 1, -(2**63)),
    ],
}


@pytest.fixture(scope="module")
def generator() -> CodeGenerator:
    return CodeGenerator("x86-64")


@pytest.fixture(params=sorted(TESTED))
def target(request: pytest.FixtureRequest) -> Target:
    return target_named(request.param)


@pytest.fixture(params=list(Effort), ids=lambda effort: effort.name.lower())
def effort(request: pytest.FixtureRequest) -> Effort:
    return Effort(request.param)


class _Runner:
    """Compiles ``f(a, b, ...)`` given by its instructions; arguments are loaded as v0, v1, ..."""

    def __init__(
        self,
        generator: CodeGenerator,
        target: Target,
        effort: Effort,
        params: str,
        result: str,
        body: str,
        top: str = "",
    ) -> None:
        kinds = params.split()
        wide = {"i8": "i32", "u8": "i32", "i16": "i32", "u16": "i32"}
        lines = [top, f'function "F" ({", ".join(kinds)}) -> {result} returns scalar']
        lines += [f"  argument a{i}: {kind}" for i, kind in enumerate(kinds)] + ["b0:"]
        lines += [f"  v{i}: {wide.get(kind, kind)} = load_slot a{i}" for i, kind in enumerate(kinds)]
        function = parse_function("\n".join([*lines, body]))
        self.machine = Machine(lower(function, target, "m1", effort=effort, verify=True), generator)
        self.kinds = kinds
        self.result = result

    def __call__(self, *arguments: Any) -> Any:
        # Small integers travel as int32, and a result is only as good as its upper bits.
        kinds = [CTYPES["i32"] if kind in ("i8", "u8", "i16", "u16") else CTYPES[kind] for kind in self.kinds]
        values = [kind(argument) for kind, argument in zip(kinds, arguments, strict=True)]
        small = self.result in ("i8", "u8", "i16", "u16")
        value = self.machine.run(ctypes.c_int32 if small else CTYPES[self.result], *values)
        thrown = self.machine.thrown
        if thrown:
            return next(helper for helper, number in TARGETS["9.0"].helpers.items() if number == thrown)
        return value


def _signed(value: int, width: int) -> int:
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


def _unsigned(value: int, width: int) -> int:
    return value & ((1 << width) - 1)


def _truncated(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


WRAPPING = {
    "add": lambda a, b, w: a + b,
    "sub": lambda a, b, w: a - b,
    "mul": lambda a, b, w: a * b,
    "and": lambda a, b, w: a & b,
    "or": lambda a, b, w: a | b,
    "xor": lambda a, b, w: a ^ b,
    "shl": lambda a, b, w: a << (b & (w - 1)),
    "shr": lambda a, b, w: a >> (b & (w - 1)),
    "shr_un": lambda a, b, w: _unsigned(a, w) >> (b & (w - 1)),
}


@pytest.mark.parametrize("operation", WRAPPING)
@pytest.mark.parametrize("width", [32, 64])
def test_wrapping_operations(
    generator: CodeGenerator, target: Target, effort: Effort, operation: str, width: int
) -> None:
    kind = f"i{width}"
    second = "i32" if operation.startswith("sh") else kind
    body = f"  v2: {kind} = binary {operation}, v0, v1\n  return v2"
    run = _Runner(generator, target, effort, f"{kind} {second}", kind, body)
    for a, b in itertools.product(EDGES[width], EDGES[32 if second == "i32" else 64]):
        assert run(a, b) == _signed(WRAPPING[operation](a, b, width), width), (a, b)


@pytest.mark.parametrize("operation", ["div", "div_un", "rem", "rem_un"])
@pytest.mark.parametrize("width", [32, 64])
def test_division(generator: CodeGenerator, target: Target, effort: Effort, operation: str, width: int) -> None:
    kind = f"i{width}"
    signed = "false" if operation.endswith("un") else "true"
    body = f"  divide_check v0, v1, {signed}\n  v2: {kind} = binary {operation}, v0, v1\n  return v2"
    run = _Runner(generator, target, effort, f"{kind} {kind}", kind, body)
    for a, b in itertools.product(EDGES[width], EDGES[width]):
        if signed == "false":
            a, b = _unsigned(a, width), _unsigned(b, width)
        if b == 0:
            expected: Any = Helper.ThrowDivZero
        elif signed == "true" and (a, b) == (-(1 << (width - 1)), -1):
            expected = Helper.Overflow
        else:
            quotient = _truncated(a, b)
            expected = _signed(quotient if operation.startswith("div") else a - b * quotient, width)
        assert run(_signed(a, width), _signed(b, width)) == expected, (a, b)


@pytest.mark.parametrize("operation", ["add", "sub", "mul"])
@pytest.mark.parametrize("unsigned", ["false", "true"])
@pytest.mark.parametrize("width", [32, 64])
def test_checked_operations(
    generator: CodeGenerator, target: Target, effort: Effort, operation: str, unsigned: str, width: int
) -> None:
    kind = f"i{width}"
    body = f"  v2: {kind} = checked_binary {operation}, {unsigned}, v0, v1\n  return v2"
    run = _Runner(generator, target, effort, f"{kind} {kind}", kind, body)
    for a, b in itertools.product(EDGES[width], EDGES[width]):
        read = _unsigned if unsigned == "true" else _signed
        exact = WRAPPING[operation](read(a, width), read(b, width), width)
        fits = read(exact, width) == exact
        assert run(a, b) == (_signed(exact, width) if fits else Helper.Overflow), (a, b)


def test_checked_conversions(generator: CodeGenerator, target: Target, effort: Effort) -> None:
    targets = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"]
    for width, to, unsigned in itertools.product((32, 64), targets, ("false", "true")):
        bits = int(to[1:])
        result = "i64" if bits == 64 else "i32"
        body = f"  v1: {result} = checked_convert {to}, {unsigned}, v0\n  return v1"
        run = _Runner(generator, target, effort, f"i{width}", result, body)
        for a in EDGES[width]:
            exact = _unsigned(a, width) if unsigned == "true" else a
            low, high = (0, (1 << bits) - 1) if to[0] == "u" else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
            expected: Any = _signed(exact, int(result[1:])) if low <= exact <= high else Helper.Overflow
            assert run(a) == expected, (width, to, unsigned, a)


FLOATS = [0.0, -0.0, 0.5, -0.9, -1.0, 1.5, 255.9, -(2.0**31), 2.0**31, 2.0**32 - 1, 2.0**32, -(2.0**32), 1e15, 2.0**62]
FLOATS += [2.0**63, 2.0**63 + 4096, -(2.0**63), 2.0**64 - 2048, 2.0**64, 1e30, -1e30, math.inf, -math.inf, math.nan]


def _x86(value: float, width: int) -> int:
    """cvttsd2si."""
    if math.isfinite(value) and -(1 << (width - 1)) <= math.trunc(value) < 1 << (width - 1):
        return math.trunc(value)
    return -(1 << (width - 1))


def _x86_unsigned_64(value: float) -> int:
    if value < 2.0**63:
        return _x86(value, 64)
    return _x86(value - 2.0**63, 64) - (1 << 63)


def _saturated(value: float, low: int, high: int) -> int:
    if math.isnan(value):
        return 0
    return high if value >= high else low if value <= low else math.trunc(value)


@pytest.mark.parametrize("kind", ["f64_i32", "f64_i64", "f64_u32", "f64_u64"])
def test_floating_to_integer(generator: CodeGenerator, target: Target, effort: Effort, kind: str) -> None:
    width = int(kind[-2:])
    result = f"i{width}"
    run = _Runner(generator, target, effort, "f64", result, f"  v1: {result} = convert {kind}, v0\n  return v1")
    for value in FLOATS:
        if target.float_to_int == "saturating":
            low, high = (0, (1 << width) - 1) if "u" in kind else (-(1 << (width - 1)), (1 << (width - 1)) - 1)
            expected = _saturated(value, low, high)
        elif kind == "f64_u64":
            expected = _x86_unsigned_64(value)
        else:
            expected = _x86(value, 64 if kind == "f64_u32" else width)
        assert run(value) == _signed(expected, width), value


@pytest.mark.parametrize(
    "kind", ["i32_f32", "i32_f64", "i64_f32", "i64_f64", "u32_f32", "u32_f64", "u64_f32", "u64_f64"]
)
def test_integer_to_floating(generator: CodeGenerator, target: Target, effort: Effort, kind: str) -> None:
    width = int(kind[1:3])
    result = kind[-3:]
    run = _Runner(generator, target, effort, f"i{width}", result, f"  v1: {result} = convert {kind}, v0\n  return v1")
    for value in [*EDGES[width], 0x84595161401484A0 - 2**64 if width == 64 else 16777217]:
        exact = _unsigned(value, width) if kind[0] == "u" else value
        expected = float(exact)
        if kind[:3] == "u64" and value < 0 and target.uint64_to_double == "offset":
            expected = float(value) + 2.0**64
        if result == "f32":
            # 32-bit integers and int64 convert in one step, uint64 through double.
            expected = _single(exact) if kind[:3] != "u64" else ctypes.c_float(expected).value
        assert run(value) == expected, value


def _single(value: int) -> float:
    """The nearest float, ties to even, without going through double."""
    magnitude = abs(value)
    shift = max(magnitude.bit_length() - 24, 0)
    rest = magnitude & ((1 << shift) - 1)
    rounded = magnitude >> shift
    half = 1 << shift >> 1
    if shift and (rest > half or (rest == half and rounded & 1)):
        rounded += 1
    return math.copysign(float(rounded << shift), value) if value else 0.0


def test_known_rounding_difference(generator: CodeGenerator, effort: Effort) -> None:
    # dotnet/coreclr issue 3449: the JIT of 3.1 rounds twice, 9.0 once.
    body = "  v1: f64 = convert u64_f64, v0\n  return v1"
    bits = {}
    for name in TESTED:
        run = _Runner(generator, target_named(name), effort, "i64", "f64", body)
        bits[name] = struct.pack(">d", run(_signed(0x84595161401484A0, 64))).hex()
    assert bits == {"3.1": "43e08b2a2c280290", "9.0": "43e08b2a2c280291", "10.0": "43e08b2a2c280291"}


COMPARISONS = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


@pytest.mark.parametrize(
    ("name", "unordered"),
    [
        (name, unordered)
        for name in COMPARISONS
        for unordered in (False, True)
        if not unordered or name not in ("eq", "ne")
    ],
)
@pytest.mark.parametrize("branch", [False, True])
def test_comparisons(
    generator: CodeGenerator, target: Target, effort: Effort, name: str, unordered: bool, branch: bool
) -> None:
    condition = f"{name}_un" if unordered else name
    if branch:
        body = f"  compare_branch {condition}, v0, v1, b1, b2\nb1:\n  v2: i32 = const 1\n  return v2\n"
        body += "b2:\n  v3: i32 = const 0\n  return v3"
    else:
        body = f"  v2: i32 = compare {condition}, v0, v1\n  return v2"
    integers = _Runner(generator, target, effort, "i32 i32", "i32", body)
    for a, b in itertools.product(EDGES[32], EDGES[32]):
        x, y = (_unsigned(a, 32), _unsigned(b, 32)) if unordered else (a, b)
        assert integers(a, b) == COMPARISONS[name](x, y)
    floats = _Runner(generator, target, effort, "f64 f64", "i32", body)
    for a, b in itertools.product([0.0, 1.0, -1.0, math.inf, math.nan], repeat=2):
        nan = math.isnan(a) or math.isnan(b)
        assert floats(a, b) == (1 if nan and (unordered or name == "ne") else COMPARISONS[name](a, b) and not nan), (
            a,
            b,
        )


@pytest.mark.parametrize("kind", ["i8", "u8", "i16", "u16"])
def test_small_integers_trust_no_upper_bits(
    generator: CodeGenerator, target: Target, effort: Effort, kind: str
) -> None:
    width = int(kind[1:])
    extend = _signed if kind[0] == "i" else _unsigned
    as_is = _Runner(generator, target, effort, kind, "i32", "  return v0")
    returned = _Runner(generator, target, effort, "i32", kind, "  return v0")
    stored = "  store_slot a0, v1\n  v2: i32 = load_slot a0\n  return v2"
    through_slot = _Runner(generator, target, effort, f"{kind} i32", "i32", stored)
    for value in [*EDGES[32], 0x12345678, -0x12345678]:
        assert as_is(value) == extend(value, width)
        assert returned(value) == extend(value, width)
        assert through_slot(0, value) == extend(value, width)


def test_null_bounds_and_length_checks(generator: CodeGenerator, target: Target, effort: Effort) -> None:
    array = ctypes.create_string_buffer(struct.pack("<qii3i", 0, 3, 0, 10, 20, 30))
    address = ctypes.addressof(array)
    body = "  bounds_check v0, v1\n  v2: i64 = convert zext32, v1\n  v3: byref = index v0, v2, 4, 16\n"
    body += "  v4: i32 = load v3, 0, i32\n  return v4"
    run = _Runner(generator, target, effort, "ref i32", "i32", body)
    assert [run(address, index) for index in range(3)] == [10, 20, 30]
    assert [run(address, index) for index in (3, -1, -(2**31), 2**31 - 1)] == [Helper.RngChkFail] * 4
    body = "  bounds_check v0, v1\n  v3: byref = index v0, v1, 4, 16\n  v4: i32 = load v3, 0, i32\n  return v4"
    run = _Runner(generator, target, effort, "ref i64", "i32", body)
    assert [run(address, index) for index in (2, 3, -1, 2**32, -(2**63))] == [30] + [Helper.RngChkFail] * 4
    run = _Runner(generator, target, effort, "ref", "i64", "  v1: i64 = array_length v0\n  return v1")
    assert run(address) == 3
    if effort is Effort.FULL:  # the other form faults
        assert run(0) is Helper.ThrowNullRef
        check = _Runner(generator, target, effort, "i64", "i32", "  null_check v0\n  v1: i32 = const 1\n  return v1")
        assert check(0) is Helper.ThrowNullRef
        assert check(5) == 1


def test_far_accesses_are_checked_before(generator: CodeGenerator, target: Target, effort: Effort) -> None:
    body = "  v1: i32 = load v0, 4000, i32 faulting\n  return v1"
    run = _Runner(generator, target, effort, "ref", "i32", body)
    assert run(0) is Helper.ThrowNullRef
    memory = ctypes.create_string_buffer(b"\0" * 4000 + struct.pack("<i", 77))
    assert run(ctypes.addressof(memory)) == 77


def test_finite_checks(generator: CodeGenerator, target: Target, effort: Effort) -> None:
    for kind in ("f32", "f64"):
        run = _Runner(generator, target, effort, kind, kind, "  finite_check v0\n  return v0")
        for value in (0.0, -1.5, 1e30):
            assert run(value) == CTYPES[kind](value).value
        for value in (math.inf, -math.inf, math.nan):
            assert run(value) is Helper.Overflow


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 64, 127, 128, 129, 200, 1003])
def test_structs_of_every_size(generator: CodeGenerator, target: Target, effort: Effort, size: int) -> None:
    """Copy in, copy out, clear: not a byte too much, not one too few."""
    top = f"shape S = {size} align 1 {{}}"
    body = "\n".join(
        [
            "  v3: i64 = const 0",
            "  copy_struct v1, v0, S, none",
            "  zero_struct v2, S",
            "  return v3",
        ]
    )
    run = _Runner(generator, target, effort, "byref byref byref", "i64", body, top)
    source = bytes(index % 251 + 1 for index in range(size))
    memory = ctypes.create_string_buffer(b"\xee" * (3 * size + 64), 3 * size + 64)
    start = ctypes.addressof(memory)
    memory[8 : 8 + size] = source
    copy, clear = 16 + size, 24 + 2 * size
    run(start + 8, start + copy, start + clear)
    raw = memory.raw
    assert raw[8 : 8 + size] == source
    assert raw[copy : copy + size] == source
    assert raw[clear : clear + size] == bytes(size)
    assert raw[copy - 8 : copy] == raw[copy + size : copy + size + 8] == b"\xee" * 8
    assert raw[clear + size : clear + size + 8] == b"\xee" * 8


def _words(size: int) -> str:
    return "; ".join(f"{offset} i64 {min(8, size - offset)}" for offset in range(0, size, 8))


@pytest.mark.parametrize("size", range(1, 17))
def test_structs_in_registers(generator: CodeGenerator, target: Target, effort: Effort, size: int) -> None:
    """Received in registers, written with its exact size, read with its exact size, returned in registers."""
    text = f"""
shape S = {size} align 1 {{}}
function "F" (registers S [{_words(size)}], byref) -> registers S [{_words(size)}] returns scalar
  argument s: S
  argument p: byref
b0:
  v0: addr = slot_address s
  v1: byref = load_slot p
  copy_struct v1, v0, S, none
  return v0
"""
    machine = Machine(lower(parse_function(text), target, "m1", effort=effort, verify=True), generator)
    source = bytes(index + 1 for index in range(size))
    low, high = struct.unpack("<qq", (source + b"\xff" * 16)[:16])
    memory = ctypes.create_string_buffer(b"\xee" * 32, 32)
    words = [ctypes.c_int64(low), ctypes.c_int64(high)][: (size + 7) // 8]
    result = machine.run(ctypes.c_int64, *words, ctypes.c_void_p(ctypes.addressof(memory)))
    assert memory.raw == source + b"\xee" * (32 - size)
    assert struct.pack("<q", result)[: min(size, 8)] == source[:8]


def test_write_barriers_get_place_and_reference(generator: CodeGenerator, target: Target, effort: Effort) -> None:
    calls: list[tuple[str, int, int]] = []
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)

    def barrier(name: str) -> Any:
        return kind(lambda place, reference: calls.append((name, place, reference)))

    callbacks = {
        helper_cell(target, Helper.WriteBarrier): barrier("unchecked"),
        helper_cell(target, Helper.CheckedWriteBarrier): barrier("checked"),
    }
    text = """
shape S = 32 align 8 {8: ref, 16: byref, 24: ref}
function "F" (ref, ref, byref, byref) -> void returns scalar
  argument o: ref
  argument r: ref
  argument d: byref
  argument s: byref
b0:
  v0: ref = load_slot o
  v1: ref = load_slot r
  v2: byref = load_slot d
  v3: byref = load_slot s
  store_ref v0, 8, v1, unchecked
  store_ref v2, 0, v1, checked
  copy_struct v2, v3, S, checked
  return
"""
    machine = Machine(lower(parse_function(text), target, "m1", effort=effort, verify=True), generator, callbacks)
    source = ctypes.create_string_buffer(struct.pack("<4q", 5, 0x100, 7, 0x200), 32)
    place = ctypes.create_string_buffer(32)
    there = ctypes.addressof(place)
    machine.run(None, *(ctypes.c_void_p(each) for each in (0x1000, 0x2000, there, ctypes.addressof(source))))
    assert calls == [
        ("unchecked", 0x1008, 0x2000),
        ("checked", there, 0x2000),
        ("checked", there + 8, 0x100),
        ("checked", there + 24, 0x200),
    ]
    assert struct.unpack("<4q", place.raw) == (5, 0, 7, 0)
