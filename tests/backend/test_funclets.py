"""Methods with handlers: what the backend makes of LLVM's funclets, and that it refuses what is not as proved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import capstone
import pytest

from nativegen.backend.batch import module_text
from nativegen.backend.extract import extract_unit
from nativegen.backend.funclets import FuncletError, check_exception_store, redirect_establisher, saved_stack_pointer
from nativegen.backend.llvm import CodeGenerator, CompiledModule
from nativegen.backend.module_text import PERSONALITY
from nativegen.backend.object_index import ExtractError, ObjectIndex
from nativegen.backend.unwind import UnwindError
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.compiler.lowering import lower
from nativegen.compiler.parser import parse_function
from nativegen.readytorun.enums import ClauseFlags, Register
from nativegen.readytorun.gcinfo import decode_gc_info
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import MethodUnit, RelocationKind, Symbol, SymbolKind
from tests.backend.samples import REF, method

BOTH = pytest.mark.parametrize("effort", list(Effort), ids=lambda effort: effort.name.lower())
TEXT = (Path(__file__).parents[1] / "compiler" / "functions" / "regions.ir").read_text()
CATCH, FILTER, FINALLY, FAULT, DUPLICATED = 0, 1, 2, 4, 8
REFUSALS = (ExtractError, FuncletError, UnwindError)


@pytest.fixture(scope="module")
def generator() -> CodeGenerator:
    return CodeGenerator("x86-64")


def _compiled(effort: Effort, generator: CodeGenerator) -> tuple[LoweredMethod, CompiledModule]:
    lowered = lower(parse_function(TEXT), target_named("9.0"), "m1", effort=effort, verify=True)
    return lowered, generator.compile(module_text([lowered]), effort)


def _unit(lowered: LoweredMethod, module: CompiledModule) -> MethodUnit:
    return extract_unit(ObjectIndex(module), lowered)


def _changed(module: CompiledModule, old: bytes, new: bytes) -> CompiledModule:
    assert len(old) == len(new) and module.object.count(old) == 1
    return CompiledModule(module.object.replace(old, new), module.constants)


@BOTH
def test_clauses_and_functions(effort: Effort, generator: CodeGenerator) -> None:
    unit = _unit(*_compiled(effort, generator))
    begins = [function.begin for function in unit.functions]
    assert [function.is_filter for function in unit.functions] == [False] * 6 + [True]
    assert begins == sorted(begins) and begins[0] == 0 and unit.functions[-1].end == len(unit.code)
    first = {}
    for clause in unit.clauses:
        assert clause.handler_begin in begins[1:6]
        if not clause.flags & DUPLICATED:
            first[clause.handler_begin] = (clause.flags & ~ClauseFlags.SAME_TRY, clause.token_or_filter)
    caught = [target.name for flags, target in first.values() if flags == CATCH and isinstance(target, Symbol)]
    assert sorted(caught) == ["[N]N.E", "[N]N.F"]
    assert sorted(flags for flags, _ in first.values()) == [CATCH, CATCH, FILTER, FINALLY, FAULT]
    assert [target for flags, target in first.values() if flags == FILTER] == [begins[6]]
    # The runtime takes the first clause that matches: inner before outer, the filter before the catch behind it.
    order = [clause.flags & ~ClauseFlags.SAME_TRY for clause in unit.clauses if clause.try_begin < begins[1]]
    assert order.index(FINALLY) < order.index(FILTER) < order.index(CATCH)


@BOTH
def test_gc_info_covers_funclets_and_says_where_the_stack_pointer_is(effort: Effort, generator: CodeGenerator) -> None:
    unit = _unit(*_compiled(effort, generator))
    info = decode_gc_info(unit.gc_info).info
    assert info.code_length == len(unit.code) and info.report_only_leaf
    assert info.psp_symbol == saved_stack_pointer(unit.code, unit.functions[0].unwind[1])
    assert info.untracked


@BOTH
def test_a_filter_finds_the_frame_through_constants(effort: Effort, generator: CodeGenerator) -> None:
    unit = _unit(*_compiled(effort, generator))
    info = decode_gc_info(unit.gc_info).info
    filter_ = unit.functions[-1]
    constants = [
        int.from_bytes(unit.rodata[relocation.addend :][:8], "little", signed=True)
        for relocation in unit.relocations
        if relocation.kind is RelocationKind.RODATA and filter_.begin <= relocation.offset < filter_.end
    ]
    frame = unit.functions[0].unwind[3] & 0xF0
    homes = frame + min(slot.offset for slot in info.untracked)
    assert info.psp_symbol in constants
    assert any(value <= homes < value + 64 for value in constants if value != info.psp_symbol)


@BOTH
def test_every_funclet_takes_its_frame_from_rdi(effort: Effort, generator: CodeGenerator) -> None:
    unit = _unit(*_compiled(effort, generator))
    for function in unit.functions[1:-1]:
        prolog = unit.code[function.begin :][: function.unwind[1]]
        assert prolog.count(b"\x48\x8b\x4f") + prolog.count(b"\x48\x8b\x0f") == 1
        assert b"\x48\x8b\x49" not in prolog and b"\x48\x8b\x09" not in prolog


@BOTH
def test_changed_machine_code_is_refused(effort: Effort, generator: CodeGenerator) -> None:
    lowered, module = _compiled(effort, generator)
    unit = _unit(lowered, module)
    refused = 0
    for function in unit.functions[:-1]:
        size = function.unwind[1]
        original = bytearray(unit.code[function.begin :][: size + 5])
        if function.begin:
            for patched, given in ((b"\x48\x8b\x4f", b"\x48\x8b\x49"), (b"\x48\x8b\x0f", b"\x48\x8b\x09")):
                original = original.replace(patched, given)
        if module.object.count(bytes(original)) != 1:
            continue  # two funclets begin alike
        positions = range(size) if function.begin else range(size, size + 4)  # main prologs have a test of their own
        for position in positions:
            for bit in range(8):
                changed = bytearray(original)
                changed[position] ^= 1 << bit
                with pytest.raises(REFUSALS):
                    _unit(lowered, _changed(module, bytes(original), bytes(changed)))
                refused += 1
    assert refused >= 8 * 15


@BOTH
def test_something_before_the_exception_is_stored_is_refused(effort: Effort, generator: CodeGenerator) -> None:
    lowered, module = _compiled(effort, generator)
    stores = [bytes((0x48, 0x89, mode, offset)) for mode in (0x75,) for offset in range(256)]
    found = [store for store in stores if module.object.count(store)]
    assert found
    data = module.object
    for store in found:
        data = data.replace(store, bytes((0x48, 0x89, 0x7D, store[3])))  # mov [rbp+x], rdi
    with pytest.raises(FuncletError, match="catch funclet begins"):
        _unit(lowered, CompiledModule(data, module.constants))


def test_loads_that_may_come_first() -> None:
    store = bytes.fromhex("488975f0")
    loads = "488b45f8 8b4df8 8a45f8 4c8b8500010000 448a55f8 0fb645f8 f30f1045f8 f2440f104df8 488d9d90000000"
    for load in loads.split(" "):
        check_exception_store(bytes.fromhex(load) + store, 0, Register.rsi)
    others = "488b75f8 8b75f8 408a75f8 0fb675f8 488b00 488d75f8 e800000000 4889c6 c3 f3"
    for bad in others.split(" "):
        with pytest.raises(FuncletError):
            check_exception_store(bytes.fromhex(bad) + store, 0, Register.rsi)
    with pytest.raises(FuncletError):
        check_exception_store(b"", 0, Register.rsi)


def test_long_displacements() -> None:
    code = bytearray.fromhex("554881ec00010000" + "488b8900020000" + "48898c2400020000" + "488da980000000")
    redirect_establisher(code, 0, len(code), psp=0x200, frame=0x80)
    assert code[8:11].hex() == "488b8f"
    code = bytearray.fromhex("50" + "488b09" + "48890c24" + "4889cd")
    redirect_establisher(code, 0, len(code), psp=0, frame=0)
    assert code[1:4].hex() == "488b0f"
    for psp, frame in ((8, 0), (0, 16)):
        with pytest.raises(FuncletError):
            redirect_establisher(bytearray.fromhex("50488b0948890c244889cd"), 0, 11, psp=psp, frame=frame)


@BOTH
def test_malformed_clause_tables_are_refused(effort: Effort, generator: CodeGenerator) -> None:
    lowered, module = _compiled(effort, generator)
    mark = b"\xff\xff\xff\xff\x05\x00\x00\x00"  # and the number of funclets
    for new in ("fffffffe05000000", "ffffffff05000010", "ffffffff06000000", "ffffffff04000000"):
        with pytest.raises(FuncletError):
            _unit(lowered, _changed(module, mark, bytes.fromhex(new)))


def test_a_method_without_handlers_must_not_have_funclets(generator: CodeGenerator) -> None:
    lowered, module = _compiled(Effort.CHEAP, generator)
    plain = replace(lowered, has_regions=False, catches=())
    with pytest.raises(ExtractError, match="funclets"):
        _unit(plain, module)


def _jumps_out(unit: MethodUnit) -> list[str]:
    """Jumps that leave their runtime function."""
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    found = []
    for function in unit.functions:
        for instruction in decoder.disasm(unit.code[function.begin : function.end], function.begin):
            text = instruction.op_str
            is_direct = instruction.mnemonic.startswith("j") and text.startswith("0x")
            if is_direct and not function.begin <= int(text, 16) < function.end:
                found.append(f"{instruction.mnemonic} {text}")
    return found


@BOTH
def test_no_jump_leaves_its_funclet(effort: Effort, generator: CodeGenerator) -> None:
    assert not _jumps_out(_unit(*_compiled(effort, generator)))


def test_blocks_before_their_pad_would_land_in_another_funclet(generator: CodeGenerator) -> None:
    """Why the emitter writes pads first: codegen level 0 keeps the order of the text."""
    first = """  %r = invoke cc 78 i32 @add3(i32 1, i32 2, i32 3) to label %ok unwind label %d
ok:
  ret i32 %r"""
    inside = """inside:
  %s = invoke cc 78 i32 @add3(i32 4, i32 5, i32 6) [ "funclet"(token %p) ] to label %more unwind label %e
more:
  catchret from %p to label %after"""
    pad = """d:
  %c = catchswitch within none [label %h] unwind to caller
h:
  %p = catchpad within %c [i32 1]
  call void asm sideeffect "movq %rsi, $0", "=*m,~{rsi}"(ptr elementtype(REF) %homes) [ "funclet"(token %p) ]
  %q = invoke cc 78 i32 @add3(i32 7, i32 8, i32 9) [ "funclet"(token %p) ] to label %inside unwind label %e
e:
  %f = cleanuppad within %p []
  %t = call cc 78 i32 @add3(i32 1, i32 1, i32 1) [ "funclet"(token %f) ]
  cleanupret from %f unwind to caller
after:
  ret i32 5"""
    jumps = []
    for order in ((first, pad, inside), (first, inside, pad)):
        lowered = method("m1", "i32", "", "\n".join(order), homes=[("x", f"{REF} null", 0)])
        text = lowered.llvm.replace("comdat {", f"comdat {PERSONALITY} {{")
        caught = Symbol(SymbolKind.TYPE, "[N]N.E")
        lowered = replace(lowered, llvm=text, has_regions=True, catches=(caught,))
        unit = _unit(lowered, generator.compile(module_text([lowered]), Effort.CHEAP))
        jumps.append(bool(_jumps_out(unit)))
    assert jumps == [False, True]


@BOTH
@pytest.mark.parametrize(("target", "marked"), [("3.1", 0), ("9.0", 1)])
def test_siblings_are_marked_where_the_runtime_needs_it(
    target: str, marked: int, effort: Effort, generator: CodeGenerator
) -> None:
    lowered = lower(parse_function(TEXT), target_named(target), "m1", effort=effort, verify=True)
    unit = _unit(lowered, generator.compile(module_text([lowered]), effort))
    rows = [clause for clause in unit.clauses if not clause.flags & DUPLICATED]
    marks = [index for index, clause in enumerate(rows) if clause.flags & ClauseFlags.SAME_TRY]
    tries = {(clause.try_begin, clause.try_end) for clause in rows if clause.flags == FILTER}
    assert len(marks) == marked * len(tries)
    for index in marks:
        before = rows[index - 1]
        assert before.flags == FILTER and rows[index].try_begin == before.try_begin
        assert rows[index].try_end == before.try_end


def test_a_sibling_elsewhere_is_refused(generator: CodeGenerator) -> None:
    lowered, module = _compiled(Effort.CHEAP, generator)
    assert lowered.same_try == (2,)
    for wrong in ((1,), (3,)):  # the filter is the first of its try block, as is the other catch
        with pytest.raises(ExtractError, match="sibling"):
            _unit(replace(lowered, same_try=wrong), module)
