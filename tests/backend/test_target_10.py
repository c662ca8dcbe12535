"""What .NET 10 wants otherwise than 9: funclets that keep rbp, filters that get it, calls that list their results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import capstone
import pytest

from nativegen.backend.batch import module_text
from nativegen.backend.extract import extract_unit
from nativegen.backend.funclets import FuncletError, check_exception_store, keep_frame_register
from nativegen.backend.llvm import CodeGenerator, CompiledModule
from nativegen.backend.module_text import FRAME_REGISTER_PARAMETER
from nativegen.backend.object_index import ExtractError, ObjectIndex
from nativegen.backend.unit_builder import managed_results
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.compiler.lowering import lower
from nativegen.compiler.parser import parse_function
from nativegen.readytorun.enums import Register, SlotFlags
from nativegen.readytorun.gcinfo import GcInfo, RegisterSlot, SafePoint, decode_gc_info, encode_gc_info
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import CLR_CALL, RUNTIME_SYMBOLS, MethodUnit, RelocationKind

BOTH = pytest.mark.parametrize("effort", list(Effort), ids=lambda effort: effort.name.lower())
FUNCTIONS = Path(__file__).parents[1] / "compiler" / "functions"
REGIONS = (FUNCTIONS / "regions.ir").read_text()
TARGET = target_named("10.0")

INDIRECT = """function "Invoke" (i64, ref) -> ref returns object
  argument code: i64
  argument x: ref
b0:
  v0: i64 = load_slot code
  v1: ref = load_slot x
  v2: i32 = call v0 (ref v1) -> i32
  v3: ref = call v0 (ref v1) -> ref
  return v3
"""


@pytest.fixture(scope="module")
def generator() -> CodeGenerator:
    return CodeGenerator("x86-64")


def _compiled(effort: Effort, generator: CodeGenerator) -> tuple[LoweredMethod, CompiledModule]:
    lowered = lower(parse_function(REGIONS), TARGET, "m1", effort=effort, verify=True)
    return lowered, generator.compile(module_text([lowered]), effort)


def _disassembled(unit: MethodUnit, begin: int, end: int) -> list[str]:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    return [f"{each.mnemonic} {each.op_str}" for each in decoder.disasm(unit.code[begin:end], begin)]


@BOTH
def test_funclets_keep_the_frame_register(effort: Effort, generator: CodeGenerator) -> None:
    unit = extract_unit(ObjectIndex(_compiled(effort, generator)[1]), _compiled(effort, generator)[0])
    info = decode_gc_info(unit.gc_info, version=4).info
    assert info.psp_symbol is None and info.report_only_leaf and info.code_length == len(unit.code)
    for function in unit.functions[1:-1]:
        prolog = _disassembled(unit, function.begin, function.begin + function.unwind[1])
        changes = [text for text in prolog if text.startswith(("mov rbp", "lea rbp"))]
        copies = [text for text in prolog if text in ("mov rcx, rbp", "lea rcx, [rbp]")]
        assert changes in (["lea rbp, [rcx]"], ["mov rbp, rcx"]) and len(copies) == 1, prolog


@BOTH
def test_a_filter_gets_the_frame_register(effort: Effort, generator: CodeGenerator) -> None:
    lowered, module = _compiled(effort, generator)
    unit = extract_unit(ObjectIndex(module), lowered)
    filter_ = unit.functions[-1]
    assert filter_.is_filter
    assert unit.code[filter_.begin :].startswith(FRAME_REGISTER_PARAMETER)
    assert _disassembled(unit, filter_.begin, filter_.end)[0] == "mov rsi, rbp"
    assert module.object.count(FRAME_REGISTER_PARAMETER) == 1
    damaged = CompiledModule(module.object.replace(FRAME_REGISTER_PARAMETER, b"\x48\x89\xe6"), module.constants)
    with pytest.raises(ExtractError, match="function begins with"):
        extract_unit(ObjectIndex(damaged), lowered)


def test_patched_prologs_of_every_length() -> None:
    code = bytearray.fromhex("554881ec00010000" + "488b8900020000" + "48898c2400020000" + "488da980000000")
    keep_frame_register(code, 0, len(code), psp=0x200, frame=0x80)
    assert code.hex() == "554881ec00010000" + "488d8d00000000" + "48898c2400020000" + "488da900000000"
    code = bytearray.fromhex("50" + "488b09" + "48890c24" + "4889cd")
    keep_frame_register(code, 0, len(code), psp=0, frame=0)
    assert code.hex() == "50" + "4889e9" + "48890c24" + "4889cd"
    with pytest.raises(FuncletError):
        keep_frame_register(bytearray.fromhex("50488b0948890c244889cd"), 0, 11, psp=8, frame=0)


def test_the_exception_comes_in_rdi() -> None:
    check_exception_store(bytes.fromhex("48897df0"), 0, Register.rdi)  # mov [rbp-16], rdi
    check_exception_store(bytes.fromhex("488b75f8" + "4889bd00ffffff"), 0, Register.rdi)
    for bad in ("488975f0", "488b7df8" + "48897df0"):
        with pytest.raises(FuncletError):
            check_exception_store(bytes.fromhex(bad), 0, Register.rdi)


@BOTH
def test_calls_list_the_references_they_return(effort: Effort, generator: CodeGenerator) -> None:
    """Exactly behind each call that returns references, and which registers have them."""
    lowered, module = _compiled(effort, generator)
    unit = extract_unit(ObjectIndex(module), lowered)
    info = decode_gc_info(unit.gc_info, version=4).info
    declared = {external.cell: managed_results(external.declaration) for external in lowered.externals if external.cell}
    expected = {
        relocation.offset + 4: declared[unit.cells[relocation.index]]
        for relocation in unit.relocations
        if relocation.kind is RelocationKind.STUB and declared[unit.cells[relocation.index]]
    }
    assert {point.offset: point.live for point in info.safe_points} == expected
    older = lower(parse_function(REGIONS), target_named("9.0"), "m1", effort=effort)
    unit = extract_unit(ObjectIndex(generator.compile(module_text([older]), effort)), older)
    assert not decode_gc_info(unit.gc_info).info.safe_points


def test_indirect_calls_that_return_references_show_it(generator: CodeGenerator) -> None:
    for name, expected in (("9.0", []), ("10.0", [CLR_CALL])):
        lowered = lower(parse_function(INDIRECT), target_named(name), "m1", effort=Effort.CHEAP, verify=True)
        unit = extract_unit(ObjectIndex(generator.compile(module_text([lowered]), Effort.CHEAP)), lowered)
        calls = [each for each in unit.relocations if each.kind is RelocationKind.SYMBOL]
        assert [RUNTIME_SYMBOLS[call.index] for call in calls] == expected  # the other call returns an int
        if expected:
            points = decode_gc_info(unit.gc_info, version=4).info.safe_points
            assert [point.offset for point in points] == [call.offset + 4 for call in calls]


@pytest.mark.parametrize(
    ("result", "registers"),
    [
        ("void", 0),
        ("i64", 0),
        ("double", 0),
        ("<2 x float>", 0),
        ("ptr addrspace(1)", 1),
        ("{ptr addrspace(1), i32}", 1),
        ("{i64, ptr addrspace(1)}", 2),
        ("{ptr addrspace(1), ptr addrspace(1)}", 3),
        ("{double, ptr addrspace(1)}", 1),
        ("{ptr addrspace(1), double}", 1),
    ],
)
def test_registers_of_results(result: str, registers: int) -> None:
    assert managed_results(f"declare cc 78 {result} @s1(i32, ptr addrspace(1))") == registers


def test_gc_info_of_version_4() -> None:
    registers = (RegisterSlot(Register.rax, SlotFlags.INTERIOR), RegisterSlot(Register.rdx, SlotFlags.INTERIOR))
    info = GcInfo(64, frame_register=Register.rbp, registers=registers, safe_points=(SafePoint(9, 1), SafePoint(63, 3)))
    for version in (3, 4):
        assert decode_gc_info(encode_gc_info(info, version), version=version).info == info
    assert encode_gc_info(info, 3) != encode_gc_info(info, 4)
    assert replace(info, return_kind=info.return_kind.OBJECT) != info
