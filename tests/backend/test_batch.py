"""Batches: independence of a unit's bytes, refused text, conflicts, determinism."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nativegen.backend.batch import Rejection, Result, compile_batch
from nativegen.backend.llvm import CodeGenerator
from nativegen.backend.module_text import METHOD_ATTRIBUTES
from nativegen.compiler.lowered import Effort, External, LoweredMethod
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Cell, CellKind, MethodUnit
from tests.backend.samples import CHECK, EXTERNALS, SAMPLES, leaf, many, method
from tests.backend.unwinder import Counts, check_unwinding

COUNT = 112


@pytest.fixture(scope="module")
def generator() -> CodeGenerator:
    return CodeGenerator("x86-64")


@pytest.fixture(scope="module")
def together(generator: CodeGenerator) -> dict[str, Result]:
    return compiled(many(COUNT), generator)


def compiled(methods: list[LoweredMethod], generator: CodeGenerator) -> dict[str, Result]:
    results = compile_batch(methods, generator)
    return {method.symbol: result for method, result in zip(methods, results, strict=True)}


def test_all_samples_compile_with_both_efforts(generator: CodeGenerator) -> None:
    for effort in Effort:
        results = compiled([make(name, effort) for name, make in SAMPLES.items()], generator)
        assert {name: result for name, result in results.items() if isinstance(result, Rejection)} == {}


@pytest.mark.parametrize("size", [1, 7, 50])
def test_units_do_not_depend_on_their_batch(
    size: int, together: dict[str, Result], generator: CodeGenerator
) -> None:
    methods = many(COUNT)
    random.Random(size).shuffle(methods)
    for start in range(0, COUNT, size):
        for symbol, result in compiled(methods[start : start + size], generator).items():
            assert result == together[symbol], symbol


def test_units_do_not_depend_on_their_symbol(generator: CodeGenerator, together: dict[str, Result]) -> None:
    """The symbol is an ordinal of the assembly: an insertion before the method must not change its unit."""
    renamed = []
    for number, old in enumerate(many(COUNT)):
        symbol = f"m{1000 + 7 * number}"
        renamed.append(replace(old, symbol=symbol, llvm=old.llvm.replace(f"@{old.symbol}(", f"@{symbol}(")))
    assert list(compiled(renamed, generator).values()) == list(together.values())


def test_a_fresh_generator_gives_the_same(together: dict[str, Result]) -> None:
    methods = many(COUNT)[:30]
    assert compiled(methods, CodeGenerator("x86-64")) == {key.symbol: together[key.symbol] for key in methods}


def test_unwinding_at_every_instruction(together: dict[str, Result]) -> None:
    counts = Counts()
    for unit in together.values():
        assert isinstance(unit, MethodUnit)
        check_unwinding(unit, counts)
    assert counts.wrong == []
    assert counts.checked > 3000 and counts.epilogs > 300


def test_unwinding_check_sees_wrong_unwind_info(together: dict[str, Result]) -> None:
    """Twin of the test above: one allocation 8 bytes larger must be noticed."""
    unit = together["m1"]  # `call`: pushes and an allocation
    assert isinstance(unit, MethodUnit)
    (function,) = unit.functions
    unwind = bytearray(function.unwind)
    assert unwind[5] & 15 == 2
    unwind[5] += 0x10
    counts = Counts()
    check_unwinding(replace(unit, functions=(function._replace(unwind=bytes(unwind)),)), counts)
    assert counts.wrong


BROKEN = {
    "syntax": "  this is not LLVM",
    "type": "  %r = add i64 %a, 1\n  ret i32 %r",
    "verifier": "  br label %b\nb:\n  %x = phi i32 [0, %entry], [1, %b]\n  ret i32 %x",
    "undefined": "  %r = call cc 78 i32 @nobody()\n  ret i32 %r",
    "unbalanced": "  ret i32 0\n}\n}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_refused_text_takes_no_neighbours_along(
    name: str, together: dict[str, Result], generator: CodeGenerator
) -> None:
    methods = many(20)
    methods.insert(11, method("bad", "i32", "i32 %a", BROKEN[name]))
    results = compiled(methods, generator)
    bad = results.pop("bad")
    assert isinstance(bad, Rejection) and bad.detail.startswith("LLVM: ") and "\n" not in bad.detail
    assert results == {symbol: together[symbol] for symbol in results}


def test_rejections_do_not_depend_on_the_batch(generator: CodeGenerator) -> None:
    bad = method("bad", "i32", "i32 %a", BROKEN["type"])
    assert compile_batch([bad], generator)[0] == compile_batch([*many(9), bad], generator)[-1]


def test_conflicting_declarations_are_compiled_apart(generator: CodeGenerator) -> None:
    """Two cells of one name would be a bug of the emitter; it must still not give wrong code."""
    ordinary = method("m1", "i32", "i32 %k", "  %r = call cc 78 i32 @add3(i32 1, i32 2, i32 3)\n  ret i32 %r")
    other_cell = Cell(CellKind.METHOD_CALL, (0x15,))
    other = replace(EXTERNALS["add3"], cell=other_cell, declaration="declare cc 78 i64 @add3(i64)")
    strange = LoweredMethod(
        "m2",
        f"define cc 78 i64 @m2(i64 %k) {METHOD_ATTRIBUTES} {{\n  %r = call cc 78 i64 @add3(i64 %k)\n  ret i64 %r\n}}",
        (other,),
        (),
        0,
        (),
        Effort.CHEAP,
        target_named("9.0"),
    )
    first, second = compile_batch([ordinary, strange], generator)
    assert isinstance(first, MethodUnit) and isinstance(second, MethodUnit)
    assert first.cells == (EXTERNALS["add3"].cell,) and second.cells == (other_cell,)
    assert [first] == compile_batch([ordinary], generator)


def test_symbols_must_be_distinct(generator: CodeGenerator) -> None:
    with pytest.raises(ValueError, match="distinct"):
        compile_batch([leaf("m1", Effort.CHEAP), leaf("m1", Effort.FULL)], generator)


def test_same_cell_under_two_names_is_one_cell(generator: CodeGenerator) -> None:
    twin = External("twin", EXTERNALS["add3"].kind, EXTERNALS["add3"].cell, "declare cc 78 i32 @twin(i32, i32, i32)")
    body = """  %r = call cc 78 i32 @add3(i32 1, i32 2, i32 3)
  %s = call cc 78 i32 @twin(i32 %r, i32 2, i32 3)
  ret i32 %s"""
    lowered = method("m1", "i32", "", body, checks=(CHECK, CHECK))
    (unit,) = compile_batch([replace(lowered, externals=(*lowered.externals, twin))], generator)
    assert isinstance(unit, MethodUnit)
    assert unit.cells == (EXTERNALS["add3"].cell, CHECK) and unit.fixups == (1,)
