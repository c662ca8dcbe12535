"""Extraction: units run, and output that was not proved to work is refused."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nativegen.backend.batch import Rejection, compile_batch, module_text
from nativegen.backend.extract import extract_unit
from nativegen.backend.llvm import CodeGenerator, CompiledModule
from nativegen.backend.object_index import ExtractError, ObjectIndex
from nativegen.backend.unwind import UnwindError
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.readytorun.enums import Register, ReturnKind, SlotBase, SlotFlags
from nativegen.readytorun.gcinfo import decode_gc_info
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Cell, CellKind, MethodUnit, Relocation, RelocationKind
from tests.backend.execute import Loaded
from tests.backend.samples import CHECK, EXTERNALS, REF, SAMPLES, method

I32, I64, DOUBLE, FLOAT, POINTER = ctypes.c_int32, ctypes.c_int64, ctypes.c_double, ctypes.c_float, ctypes.c_void_p
BOTH = pytest.mark.parametrize("effort", list(Effort))


@pytest.fixture(scope="module")
def generator() -> CodeGenerator:
    return CodeGenerator("x86-64")


def compile_one(lowered: LoweredMethod, generator: CodeGenerator) -> MethodUnit:
    (result,) = compile_batch([lowered], generator)
    assert isinstance(result, MethodUnit), result
    return result


def rejection(lowered: LoweredMethod, generator: CodeGenerator) -> str:
    (result,) = compile_batch([lowered], generator)
    assert isinstance(result, Rejection)
    return result.detail


def cell(name: str) -> Cell:
    found = EXTERNALS[name].cell
    assert found is not None
    return found


ADD3 = ctypes.CFUNCTYPE(I32, I32, I32, I32)(lambda a, b, c: a + b + c)


def sample(name: str, effort: Effort, generator: CodeGenerator) -> MethodUnit:
    return compile_one(SAMPLES[name]("m1", effort), generator)


# ---------------------------------------------------------------------------------------------------------------
# running


@BOTH
def test_leaf_has_synthesised_unwind_info(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("leaf", effort, generator)
    (function,) = unit.functions
    assert function.unwind == bytes.fromhex("19000000") and not function.is_filter
    assert (function.begin, function.end) == (0, len(unit.code))
    assert Loaded(unit).function(I32, I32, I32)(40, 2) == 42
    info = decode_gc_info(unit.gc_info).info
    assert info.code_length == len(unit.code) and info.untracked == () and info.frame_register is None


@BOTH
def test_calls_go_through_stubs(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("call", effort, generator)
    (relocation,) = unit.relocations
    assert relocation.kind is RelocationKind.STUB and unit.cells == (cell("add3"), CHECK) and unit.fixups == (1,)
    assert unit.code[relocation.offset - 1] == 0xE8 and unit.code[relocation.offset :][:4] == bytes(4)
    assert Loaded(unit, {cell("add3"): ADD3}).function(I32, I32)(1) == 322


@BOTH
def test_calls_in_tail_position_stay_calls(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("tail_position", effort, generator)
    assert unit.code[unit.relocations[0].offset - 1] == 0xE8
    assert len(unit.functions[0].unwind) > 4


@BOTH
def test_jump_tables_lead_into_the_unit(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("jump_table", effort, generator)
    assert {entry.kind for entry in unit.rodata_relocations} == {RelocationKind.CODE}
    assert len(unit.rodata_relocations) == 8 and len(unit.rodata) == 32
    run = Loaded(unit, {cell("add3"): ADD3}).function(I32, I32)
    assert [run(value) for value in range(-1, 9)] == [-1, *(9 * value for value in range(8)), -1]


@BOTH
def test_lookup_tables_are_copied(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("lookup_table", effort, generator)
    if effort is Effort.FULL:
        assert unit.rodata == struct.pack("<5d", 1.5, 2.25, 7.125, 8.5, 9.75) and not unit.rodata_relocations
    run = Loaded(unit).function(DOUBLE, I32, DOUBLE)
    assert [run(value, 100) for value in range(-1, 6)] == [100, 101.5, 102.25, 107.125, 108.5, 109.75, 100]


@BOTH
def test_float_constants(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("float_constants", effort, generator)
    assert unit.rodata and unit.relocations and not unit.cells
    assert Loaded(unit).function(DOUBLE, DOUBLE, FLOAT)(2.0, 4.0) == 2.0 * 3.25 + 11.5 - 10.0


@BOTH
def test_array_loop(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("array_sum", effort, generator)
    values = list(range(1, 1001))
    array = ctypes.create_string_buffer(struct.pack(f"<qii{len(values)}i", 0, len(values), 0, *values))
    run = Loaded(unit).function(I32, POINTER, I32)
    assert [run(array, count) for count in (0, 1, 7, 1000)] == [0, 1, 28, 500500]


@BOTH
def test_cells_and_addends(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("cell_loads", effort, generator)
    words = {cell("text_cell"): 1000, cell("other_cell"): 305419896}
    assert Loaded(unit, words=words).function(I64, I64)(5) == 1005
    assert Loaded(unit, words={cell("text_cell"): 1000}).function(I64, I64)(5) == 1000
    assert sorted(unit.fixups) == [0, 1] and {entry.kind for entry in unit.relocations} == {RelocationKind.CELL}
    assert {entry.addend for entry in unit.relocations} == {0, -4}


@BOTH
def test_big_frames_are_probed(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("big_frame", effort, generator)
    assert Relocation(unit.relocations[0].offset, RelocationKind.SYMBOL, 0) == unit.relocations[0]
    use = ctypes.CFUNCTYPE(I32, POINTER, POINTER)(lambda a, b: 0)
    run = Loaded(unit, {cell("use"): use}).function(I64, I64)
    assert [run(0), run(2559)] == [0, 2559]


@BOTH
def test_dynamic_frames(effort: Effort, generator: CodeGenerator) -> None:
    unit = sample("dynamic_frame", effort, generator)
    use = ctypes.CFUNCTYPE(I32, POINTER, POINTER)(lambda a, b: 0)
    assert Loaded(unit, {cell("use"): use}).function(I64, I64, POINTER)(100_000, None) == 7
    assert decode_gc_info(unit.gc_info).info.untracked[0].base is SlotBase.FRAME_REGISTER


@BOTH
def test_homes_are_reported_where_the_code_keeps_them(effort: Effort, generator: CodeGenerator) -> None:
    """Run the method; in its callee, find the homes by the GC info and look into them."""
    unit = sample("live_references", effort, generator)
    info = decode_gc_info(unit.gc_info).info
    assert info.return_kind is ReturnKind.OBJECT and info.frame_register is Register.rbp
    assert not info.safe_points and not info.ranges and not info.tracked
    assert [slot.flags for slot in info.untracked] == [SlotFlags.INTERIOR, *3 * [SlotFlags.BASE]]
    places = sorted(info.untracked, key=lambda slot: slot.offset)
    assert [slot.offset - places[0].offset for slot in places] == [0, 8, 24, 32]  # x, a, (n), b, r

    # gc() is this machine code: copies rbp to where we can see it; the frame stays as it is after the return.
    seen = ctypes.create_string_buffer(8 * 8)
    save = b"\x48\xb8" + struct.pack("<Q", ctypes.addressof(seen))  # mov rax, imm64
    for number, slot in enumerate(places):
        save += b"\x4c\x8b\x9d" + struct.pack("<i", slot.offset)  # mov r11, [rbp+offset]
        save += b"\x4c\x89\x58" + bytes((8 * number,))  # mov [rax+8n], r11
    probe = _executable(save + b"\xc3")
    objects = [ctypes.create_string_buffer(64) for _ in range(3)]
    addresses = [ctypes.addressof(value) for value in objects]
    mk = ctypes.CFUNCTYPE(POINTER, I32)(lambda number: addresses[number])
    use = ctypes.CFUNCTYPE(I32, POINTER, POINTER)(lambda a, b: 77 if (a, b) == (addresses[1], addresses[2]) else 1)
    loaded = Loaded(unit, {cell("mk"): mk, cell("use"): use, cell("gc"): probe})
    assert loaded.function(POINTER, POINTER, I32)(addresses[0], 3) == addresses[0]
    assert struct.unpack("<4Q", seen.raw[:32]) == (addresses[0], addresses[1], addresses[2], addresses[1] + 24)
    assert struct.unpack_from("<i", objects[1].raw, 24) == (77,)


def _executable(code: bytes) -> Any:
    unit = MethodUnit(code, (), b"")
    return Loaded(unit).function(None)


@BOTH
def test_stack_arguments_and_struct_results(effort: Effort, generator: CodeGenerator) -> None:
    class Pair(ctypes.Structure):
        _fields_ = (("a", I64), ("b", I64))

    class Three(ctypes.Structure):
        _fields_ = (("a", I64), ("b", I64), ("c", I64))

    total = ctypes.CFUNCTYPE(I64, *8 * [I64], I32)(lambda *values: sum(values))

    # ctypes callbacks cannot return structs: pair(x) = {x, 2x} as machine code.
    pair = _executable(bytes.fromhex("4889f8 488d143f c3".replace(" ", "")))
    bigsum = ctypes.CFUNCTYPE(I64, Three)(lambda three: three.a + three.b + three.c)
    unit = sample("stack_arguments", effort, generator)
    loaded = Loaded(unit, {cell("many"): total, cell("pair"): pair, cell("bigsum"): bigsum})
    assert loaded.function(I64, I64, Three)(100, Three(1000, 2000, 4000)) == 3 * (28 + 100 + 9) + 7000


# ---------------------------------------------------------------------------------------------------------------
# refusing


def plain(body: str, **options: Any) -> LoweredMethod:
    return method("m1", "i32", "i32 %a", body, **options)


REFUSED: dict[str, tuple[Callable[[], LoweredMethod], str]] = {
    "library call": (
        lambda: method("m1", "double", "double %a, double %b", "  %r = frem double %a, %b\n  ret double %r"),
        "undeclared symbol fmod",
    ),
    "rounding without SSE4.1": (
        lambda: method(
            "m1", "double", "double %a", "  %r = call double @llvm.floor.f64(double %a)\n  ret double %r"
        ),
        "undeclared symbol floor",
    ),
    "external without cell": (
        lambda: plain("  call cc 78 void @undeclared_elsewhere()\n  ret i32 0"),
        "undeclared symbol undeclared_elsewhere",
    ),
    "address of a stub": (
        lambda: plain("  %r = ptrtoint ptr @add3 to i64\n  %s = trunc i64 %r to i32\n  ret i32 %s"),
        "used otherwise than by a call",
    ),
    "call of the other convention with saved vectors": (
        lambda: LoweredMethod(
            "m1",
            method("m1", "i32", "i32 %a", "  %r = call cc 78 i32 @add3(i32 %a, i32 1, i32 2)\n  ret i32 %r")
            .llvm.replace("define cc 78", "define")
            .replace("%r = call", 'call void asm sideeffect "", "~{xmm6}"()\n  %r = call'),
            (EXTERNALS["add3"],),
            (),
            0,
            (),
            Effort.CHEAP,
            target_named("9.0"),
        ),
        "unwind operation 8",
    ),
    "huge frame": (
        lambda: plain(
            """  %x = alloca [300000 x i8]
  %w = zext i32 %a to i64
  %p = getelementptr i8, ptr %x, i64 %w
  store volatile i8 1, ptr %p
  ret i32 0"""
        ),
        "frame of 300",
    ),
    "jump to a register from a global": (
        lambda: plain("  %x = load volatile i32, ptr @llvm.used.by.nobody\n  ret i32 %x"),
        "LLVM: ",
    ),
    "homes promised but absent": (
        lambda: replace(plain("  ret i32 0"), homes=(0,)),
        "stack map records [], with 1 homes",
    ),
    "homes not promised": (
        lambda: replace(plain("  ret i32 0", homes=[("x", f"{REF} null", 0)]), homes=()),
        "stack map records [777], with 0 homes",
    ),
    "fewer homes than promised": (
        lambda: replace(plain("  ret i32 0", homes=[("x", f"{REF} null", 0)]), homes=(0,) * 60),
        "lies outside the frame",
    ),
    "another stack map": (
        lambda: plain(
            "  call void (i64, i32, ...) @llvm.experimental.stackmap(i64 778, i32 0)\n  ret i32 0",
            homes=[("x", f"{REF} null", 0)],
        ),
        "stack map records [777, 778], with 1 homes",
    ),
    "homes in a register": (
        lambda: replace(
            plain(
                "  call void (i64, i32, ...) @llvm.experimental.stackmap(i64 777, i32 0, i32 %a)\n  ret i32 %a"
            ),
            homes=(0,),
        ),
        "frame memory at Location(kind=<LocationKind.REGISTER",
    ),
    "no section of its own": (
        lambda: replace(plain("  ret i32 0"), llvm=plain("  ret i32 0").llvm.replace("comdat", 'section ".other"')),
        "not in a section of its own",
    ),
    "another section": (
        lambda: replace(plain("  ret i32 0"), llvm=plain("  ret i32 0").llvm.replace("comdat", 'section ".o" comdat')),
        "not in a section of its own",
    ),
    "funclets": (
        lambda: LoweredMethod(
            "m1",
            """define cc 78 i32 @m1(i32 %a) #0 comdat personality ptr @ProcessCLRException {
  %r = invoke cc 78 i32 @add3(i32 %a, i32 1, i32 2) to label %ok unwind label %pad
ok:
  ret i32 %r
pad:
  %c = cleanuppad within none []
  call cc 78 void @gc() [ "funclet"(token %c) ]
  cleanupret from %c unwind to caller
}""",
            (EXTERNALS["add3"], EXTERNALS["gc"]),
            (),
            0,
            (),
            Effort.CHEAP,
            target_named("9.0"),
        ),
        "funclets",
    ),
    "writable data": (
        lambda: replace(
            plain("  %x = load volatile i32, ptr @v\n  ret i32 %x"),
            llvm="@v = internal global i32 5\n" + plain("  %x = load volatile i32, ptr @v\n  ret i32 %x").llvm,
        ),
        "reference into section .data",
    ),
    "another function's code": (
        lambda: replace(
            plain("  %x = call cc 78 i32 @m2()\n  ret i32 %x"),
            llvm=plain("  %x = call cc 78 i32 @m2()\n  ret i32 %x").llvm
            + "\ndefine cc 78 i32 @m2() #0 noinline comdat {\n  %x = load volatile i32, ptr null\n  ret i32 %x\n}",
        ),
        "reference into section .text",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_not_proved_is_refused(name: str, generator: CodeGenerator) -> None:
    make, reason = REFUSED[name]
    assert reason in rejection(make(), generator)


class Mutable:
    """A compiled module of one method whose object file can be changed."""

    def __init__(self, lowered: LoweredMethod, generator: CodeGenerator) -> None:
        self.lowered = lowered
        self.module = generator.compile(module_text([lowered]), lowered.effort)

    def extract(self) -> MethodUnit:
        return extract_unit(ObjectIndex(self.module), self.lowered)

    def replaced(self, old: bytes, new: bytes) -> Mutable:
        data = self.module.object
        assert data.count(old) == 1 and len(old) == len(new)
        result = object.__new__(Mutable)
        result.lowered = self.lowered
        result.module = CompiledModule(data.replace(old, new), self.module.constants)
        return result


def prolog_and_unwind(generator: CodeGenerator) -> tuple[Mutable, bytes, bytes]:
    lowered = SAMPLES["live_references"]("m1", Effort.CHEAP)
    mutable = Mutable(lowered, generator)
    unit = mutable.extract()
    unwind = bytes((1,)) + unit.functions[0].unwind[1:]  # as LLVM writes it: no handler flags
    return mutable, unit.code[: unwind[1]], unwind


def test_prolog_and_unwind_info_must_agree_in_every_byte(generator: CodeGenerator) -> None:
    mutable, prolog, unwind = prolog_and_unwind(generator)
    for position in range(len(unwind)):
        for bit in range(8):
            changed = bytearray(unwind)
            changed[position] ^= 1 << bit
            with pytest.raises((UnwindError, ExtractError)):
                mutable.replaced(unwind, bytes(changed)).extract()
    for position in range(len(prolog)):
        for bit in range(8):
            code = bytearray(prolog)
            code[position] ^= 1 << bit
            with pytest.raises((UnwindError, ExtractError)):
                mutable.replaced(prolog, bytes(code)).extract()


def test_missing_or_added_unwind_codes_are_refused(generator: CodeGenerator) -> None:
    mutable, _, unwind = prolog_and_unwind(generator)
    for count in (0, unwind[2] - 1, unwind[2] + 1):
        changed = bytearray(unwind)
        changed[2] = count
        with pytest.raises(UnwindError):
            mutable.replaced(unwind, bytes(changed)).extract()
    with pytest.raises(ExtractError, match="funclets"):
        mutable.replaced(unwind, bytes((9,)) + unwind[1:]).extract()


def test_unit_kinds_of_fixups(generator: CodeGenerator) -> None:
    unit = compile_one(
        plain(
            """  %t = load i64, ptr @text_cell
  %u = trunc i64 %t to i32
  %r = call cc 78 i32 @add3(i32 %a, i32 %u, i32 2)
  ret i32 %r""",
            checks=(CHECK,),
        ),
        generator,
    )
    assert [unit.cells[index].kind for index in unit.fixups] == [CellKind.HANDLE, CellKind.CHECK]
    assert {entry.kind for entry in unit.cells} == {CellKind.HANDLE, CellKind.METHOD_CALL, CellKind.CHECK}
