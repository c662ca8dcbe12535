"""Units of methods that repeat others: as if each had been compiled; and LLVM is asked less."""

from __future__ import annotations

import pytest

from nativegen.backend import repeats
from nativegen.backend.batch import Result, compile_batch
from nativegen.backend.llvm import CodeGenerator
from nativegen.backend.module_text import METHOD_ATTRIBUTES
from nativegen.backend.repeats import Repeats
from nativegen.compiler.lowered import Effort, External, ExternalKind, LoweredMethod
from nativegen.pipeline.request import CompileOptions, CompileRequest
from nativegen.pipeline.worker import BatchItem, CompileWorker
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Cell, CellKind, MethodUnit, Symbol, SymbolKind
from tests.support.paths import find_inputs
from tests.support.runtimes import framework_references


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Symbols of the methods that LLVM is given."""
    symbols: list[str] = []

    def spy(methods: list[LoweredMethod], generator: CodeGenerator) -> list[Result]:
        symbols.extend(method.symbol for method in methods)
        return compile_batch(methods, generator)

    monkeypatch.setattr(repeats, "compile_batch", spy)
    return symbols


@pytest.mark.parametrize("target", ["3.1", "9.0", "10.0"])
def test_real_methods(target: str, asked: list[str]) -> None:
    path = find_inputs().azmcp / "Azure.Identity.dll"
    references = framework_references("9.0") | {each.stem: str(each) for each in find_inputs().azmcp.glob("*.dll")}
    worker = CompileWorker([CompileRequest(str(path), "unused", target, references, CompileOptions(mode="guarded"))])
    results = [worker._lower(BatchItem(0, rid), {}) for rid in range(1, 1500, 4)]
    lowered = [result for result in results if isinstance(result, LoweredMethod)]
    generator = CodeGenerator("x86-64")
    expected = compile_batch(lowered, generator)
    made = Repeats(generator)
    assert [unit for at in range(0, len(lowered), 60) for unit in made.compile(lowered[at : at + 60])] == expected
    assert len(asked) < 0.8 * len(lowered) and any(isinstance(unit, MethodUnit) for unit in expected)


def _cell(name: str, kind: CellKind = CellKind.METHOD_CALL) -> Cell:
    return Cell(kind, (0x14, Symbol(SymbolKind.METHOD_DEF, name)))


def _calls(symbol: str, *names: str, result: str = "void", checks: tuple[Cell, ...] = ()) -> LoweredMethod:
    """A method that calls these, one after the other; names with a dot are routines of the image."""
    externals = {}
    for name in names:
        cell = None if "." in name else _cell(name)
        kind = ExternalKind.RUNTIME if cell is None else ExternalKind.STUB
        externals[name] = External(name, kind, cell, f"declare cc 78 {result} @{name}()")
    body = "\n".join(f"  call cc 78 {result} @{name}()" for name in names)
    text = f"define cc 78 void @{symbol}() {METHOD_ATTRIBUTES} {{\n{body}\n  ret void\n}}"
    every = tuple(externals.values())
    return LoweredMethod(symbol, text, every, (), 0, checks, Effort.CHEAP, target_named("9.0"))


CHECK, HANDLE = _cell("check", CellKind.CHECK), _cell("handle", CellKind.HANDLE)
FIRST = _calls("m1", "a", "b", checks=(CHECK,))


@pytest.mark.parametrize(
    ("other", "repeats_it"),
    [
        (_calls("m2", "x", "y", checks=(HANDLE,)), True),
        (_calls("m2", "b", "a", checks=(CHECK,)), True),
        (_calls("m2", "x", "y", checks=(CHECK,)), True),
        (_calls("m2", "x", "x", checks=(CHECK,)), False),
        (_calls("m2", "x", "y", checks=(_cell("x"),)), False),
        (_calls("m2", "x", "y"), False),
        (_calls("m2", "x", "y", result="i32", checks=(CHECK,)), False),
        (_calls("m2", "x", "clr_call.1", checks=(CHECK,)), False),
    ],
)
def test_what_is_the_same(other: LoweredMethod, repeats_it: bool, asked: list[str]) -> None:
    generator = CodeGenerator("x86-64")
    expected = [compile_batch([method], generator)[0] for method in (FIRST, other)]
    assert all(isinstance(unit, MethodUnit) for unit in expected)
    made = Repeats(generator)
    assert made.compile([FIRST, other]) == expected
    assert asked == ["m1"] if repeats_it else ["m1", "m2"]
    assert Repeats(generator).compile([other, FIRST]) == expected[::-1]


def test_routines_of_the_image_are_meant_by_name(asked: list[str]) -> None:
    generator = CodeGenerator("x86-64")
    pair = [_calls("m1", "clr_call.1"), _calls("m2", "clr_dispatch.1")]
    assert Repeats(generator).compile(pair) == [compile_batch([method], generator)[0] for method in pair]
    assert asked == ["m1", "m2"]


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
    monkeypatch.setattr(repeats, "_KEPT", 2)
    made = Repeats(CodeGenerator("x86-64"))
    methods = [_calls(f"m{count}", *"abcd"[:count]) for count in (1, 2, 3)]
    for method in (*methods, methods[2], methods[0]):
        made.compile([method])
    assert asked == ["m1", "m2", "m3", "m1"]
