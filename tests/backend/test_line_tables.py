"""CIL offsets on their way through LLVM: code does not change, and every call site keeps its own."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

import pytest

from nativegen.backend.batch import Rejection, compile_batch
from nativegen.backend.coff import ObjectError, ObjectFile, ObjectRelocation, ObjectSection, ObjectSymbol
from nativegen.backend.line_tables import line_rows, read_line_tables
from nativegen.backend.llvm import CodeGenerator
from nativegen.backend.module_text import with_scopes
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.pipeline.request import CompileRequest
from nativegen.pipeline.worker import BatchItem, CompileWorker
from nativegen.readytorun.targets import target_named
from tests.support.paths import find_inputs
from tests.support.runtimes import framework_references

_LOCATION = re.compile(r", !dbg !DILocation\(line: \d+, scope: !@\d+\)|!dbg !@\d+ ")


@pytest.fixture(scope="module")
def generator() -> CodeGenerator:
    return CodeGenerator("x86-64")


@pytest.fixture(scope="module", params=["auto", "full"])
def lowered(request: pytest.FixtureRequest) -> list[LoweredMethod]:
    """Some real methods: with calls, loops, try blocks and filters."""
    path = find_inputs().azmcp / "Azure.Core.dll"
    references = framework_references("9.0") | {each.stem: str(each) for each in find_inputs().azmcp.glob("*.dll")}
    wanted = CompileRequest(str(path), "unused", "9.0", references)
    wanted = replace(wanted, options=replace(wanted.options, effort=request.param))
    worker = CompileWorker([wanted])
    results = [worker._lower(BatchItem(0, rid), {}) for rid in range(1, 2400, 40 if request.param == "auto" else 80)]
    found = [result for result in results if isinstance(result, LoweredMethod)]
    assert len(found) > 15
    return found


def test_code_is_the_same_without_locations(lowered: list[LoweredMethod], generator: CodeGenerator) -> None:
    bare = [replace(method, llvm=_LOCATION.sub("", method.llvm)) for method in lowered]
    assert bare != lowered
    bounds = 0
    for located, plain in zip(compile_batch(lowered, generator), compile_batch(bare, generator), strict=True):
        assert isinstance(located, Rejection) == isinstance(plain, Rejection)
        if not isinstance(located, Rejection) and not isinstance(plain, Rejection):
            bounds += len(located.bounds)
            assert not plain.bounds and replace(located, bounds=()) == plain
    assert bounds > 50


def test_bounds_do_not_depend_on_the_batch(lowered: list[LoweredMethod], generator: CodeGenerator) -> None:
    together = compile_batch(lowered, generator)
    assert compile_batch(lowered[::-1], generator)[::-1] == together
    assert [compile_batch([method], generator)[0] for method in lowered] == together


def _method(body: str) -> LoweredMethod:
    text = f"define cc 78 i32 @m7(i32 %x) #0 comdat !dbg !@0 {{\nentry:\n{body}\n}}"
    return LoweredMethod("m7", text, (), (), 0, (), Effort.CHEAP, target=target_named("9.0"))


def test_offset_zero_and_large_offsets(generator: CodeGenerator) -> None:
    asm = 'call void asm sideeffect "nop", ""(), !dbg !DILocation(line: {}, scope: !@0)'
    body = "\n".join([asm.format(1), asm.format(0xEFFFFF), asm.format(3), asm.format(3), "ret i32 1"])
    (unit,) = compile_batch([_method(body)], generator)
    assert not isinstance(unit, Rejection)
    assert [offset for _, offset, _ in unit.bounds] == [0, 0xEFFFFE, 2]
    places = [place for place, *_ in unit.bounds]
    assert places == sorted(set(places))


def test_scopes_are_distinct() -> None:
    texts = ["define void @a() !dbg !@0 {\n}\ndefine void @a.f1() !dbg !@1 {\n}", "define void @b() {\n}"] * 12
    numbered, metadata = with_scopes(texts)
    used = re.findall(r"!dbg (!\d+)", "\n".join(numbered))
    assert len(set(used)) == 24
    assert sorted(used) == sorted(re.findall(r"^(!\d+) = distinct !DISubprogram", metadata, re.MULTILINE))
    assert with_scopes(["define void @b() {\n}"]) == (["define void @b() {\n}"], "")


def _table(rows: bytes, relocations: tuple[ObjectRelocation, ...]) -> ObjectFile:
    data = struct.pack("<III", 4, 0xF2, len(rows)) + rows
    section = ObjectSection(1, ".debug$S", data, 1, True, relocations)
    return ObjectFile((section,), {0: ObjectSymbol("m", 0, 3, True)})


def test_damaged_tables_are_refused() -> None:
    header = struct.pack("<IHHI", 0, 0, 0, 16)
    rows = header + struct.pack("<III", 0, 1, 20) + struct.pack("<II", 4, 6)
    relocations = (ObjectRelocation(12, 0, 11),)
    assert read_line_tables(_table(rows, relocations)) == {3: ((4, 5),)}
    with pytest.raises(ObjectError):
        read_line_tables(_table(rows, ()))
    for size in range(len(header) + 1, len(rows)):
        with pytest.raises((ObjectError, struct.error)):
            line_rows(rows[:size])
        with pytest.raises(ObjectError):
            read_line_tables(_table(rows[:size], relocations))
