"""What the writer makes parses back to what was asked for; and what it must refuse, it refuses."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pefile
import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly, Table
from nativegen.readytorun.enums import ClauseFlags, FixupKind, Helper, ImportSectionFlags, SectionType
from nativegen.readytorun.exceptions import Clause
from nativegen.readytorun.metadata_tables import MAPS
from nativegen.readytorun.reader import CompiledMethod, ReadyToRunImage
from nativegen.readytorun.targets import Target, target_named
from nativegen.readytorun.unit import (
    Cell,
    CellKind,
    ExceptionClause,
    Function,
    MethodUnit,
    Relocation,
    RelocationKind,
    Symbol,
    SymbolKind,
)
from nativegen.readytorun.writer import ImageBuilder
from nativegen.verify.check_metadata_tables import check_metadata_tables
from nativegen.verify.model import Subject
from tests.readytorun.build import LEAF_UNWIND, Names, leaf, program_image, program_units, returns
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS, TestInputs

SOURCE = Path(__file__).with_name("program.cs")


@pytest.fixture(scope="module")
def assembly(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return Assembly.open(compile_csharp(SOURCE, tmp_path_factory.mktemp("il"), "program"))


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> Target:
    return target_named(request.param)


def image_of(assembly: Assembly, target: Target, units: dict[str, MethodUnit]) -> ReadyToRunImage:
    names = Names(assembly)
    builder = ImageBuilder(assembly, target, names, compiler_id="tests 1.0")
    for name, unit in units.items():
        builder.add_method(names.rid(f"Native::{name}"), unit)
    return ReadyToRunImage.from_bytes(builder.build())


def method_of(image: ReadyToRunImage, name: str) -> CompiledMethod:
    rid = Names(image.assembly).rid(f"Native::{name}")
    return image.compiled_method(image.method_entries[rid].runtime_function)


def fixups_of(image: ReadyToRunImage, name: str) -> list[FixupKind]:
    entry = image.method_entries[Names(image.assembly).rid(f"Native::{name}")]
    fixups = [image.fixup(*place) for place in entry.fixups]
    return [fixup.kind for fixup in fixups if fixup is not None]


def test_program_parses_back(assembly: Assembly, target: Target, tmp_path: Path) -> None:
    path = tmp_path / "program.dll"
    path.write_bytes(program_image(assembly, target))
    image = ReadyToRunImage.open(path)
    assert (image.header.major, image.header.minor) == (target.r2r_major, target.r2r_minor)
    assert image.compiler_identifier == "tests"
    assert (image.section(SectionType.ManifestMetadata) is not None) == target.requires_manifest_metadata
    assert all((image.section(type) is not None) == target.generic_maps for type in MAPS)
    assert list(check_metadata_tables(Subject(str(path), "program"))) == []
    assert len(image.available_types) == assembly.row_count(Table.TypeDef)
    units = program_units(target)
    assert len(image.method_entries) == len(units)
    for name, unit in units.items():
        method = method_of(image, name)
        code = image.code(method)
        holes = {at for relocation in unit.relocations for at in range(relocation.offset, relocation.offset + 4)}
        assert len(code) == len(unit.code)
        assert all(byte == unit.code[at] for at, byte in enumerate(code) if at not in holes)
        assert method.gc_info.info.code_length == len(unit.code)
        assert len(fixups_of(image, name)) == len(unit.fixups)
    assert fixups_of(image, "Literal") == [FixupKind.StringHandle]
    generic = Names(assembly).rid("Native::Generic")
    signatures = sorted(entry.signature for entry in image.instance_entries)
    assert signatures == [bytes((4, generic, 1, 0x08)), bytes((4, generic, 1, 0x3E))]


def test_identity_of_the_assembly_is_kept(assembly: Assembly, target: Target) -> None:
    image = ReadyToRunImage.from_bytes(program_image(assembly, target)).assembly
    assert (image.identity, image.mvid, image.entry_point_token) == (
        assembly.identity,
        assembly.mvid,
        assembly.entry_point_token,
    )
    for rid in range(1, assembly.row_count(Table.MethodDef) + 1):
        assert image.method_body(rid) == assembly.method_body(rid)
    assert not image.is_il_only


def test_container_follows_the_loader_rules(assembly: Assembly, target: Target) -> None:
    """Checked with another library: pefile."""
    data = program_image(assembly, target, image_base=0x7_0000_0000)
    pe = pefile.PE(data=data)
    assert pe.FILE_HEADER.Machine == 0xFD1D
    assert pe.OPTIONAL_HEADER.Magic == 0x20B
    assert pe.OPTIONAL_HEADER.ImageBase == 0x7_0000_0000
    end = 0
    for section in pe.sections:
        assert section.VirtualAddress >= end
        assert section.PointerToRawData % 0x1000 == section.VirtualAddress % 0x1000
        assert section.Misc_VirtualSize <= section.SizeOfRawData
        assert section.PointerToRawData + section.SizeOfRawData <= len(data)
        assert not (section.Characteristics & 0x8000_0000 and section.Characteristics & 0x2000_0000)
        end = section.VirtualAddress + section.Misc_VirtualSize + 0xFFF & ~0xFFF
    assert end <= pe.OPTIONAL_HEADER.SizeOfImage
    image = ReadyToRunImage.from_bytes(data)
    relocated = [
        entry.rva for block in pe.DIRECTORY_ENTRY_BASERELOC for entry in block.entries if entry.type == 10
    ]
    lazy = [s for s in image.import_sections if s.flags & ImportSectionFlags.PCODE]
    assert relocated == [s.rva + 8 * slot for s in lazy for slot in range(s.cell_count)]
    for rva in relocated:
        thunk = int.from_bytes(image.memory[rva : rva + 8], "little") - 0x7_0000_0000
        assert image.memory[thunk : thunk + 3] == b"\x4c\x89\xd8"  # mov rax,r11


def test_equal_cells_of_different_units_are_one(assembly: Assembly, target: Target) -> None:
    def cell(kind: SymbolKind) -> Cell:
        return Cell(CellKind.METHOD_CALL, (FixupKind.MethodEntry_DefToken, Symbol(kind, "Native::Helper")))

    class Both(Names):
        def token(self, symbol: Symbol) -> int:
            return super().token(Symbol(SymbolKind.METHOD_DEF, symbol.name))

    names = Both(assembly)
    builder = ImageBuilder(assembly, target, names, compiler_id="tests")
    builder.add_method(names.rid("Native::Answer"), leaf(returns(1), cells=(cell(SymbolKind.METHOD_DEF),)))
    builder.add_method(names.rid("Native::Literal"), leaf(returns(1), cells=(cell(SymbolKind.METHOD),)))
    image = ReadyToRunImage.from_bytes(builder.build())
    calls = [section for section in image.import_sections if section.auxiliary_rva]
    assert [section.cell_count for section in calls] == [1]


def test_checks_come_first_and_body_checks_before_all(assembly: Assembly, target: Target) -> None:
    """The runtime stops at the first fixup that fails: a failing body check saves the ones behind it from throwing."""
    handle = Cell(CellKind.HANDLE, (FixupKind.TypeHandle, b"\x12", Symbol(SymbolKind.TYPE, "Shape")))
    field = Cell(
        CellKind.CHECK, (FixupKind.Check_FieldOffset, 16, 0, Symbol(SymbolKind.FIELD_DEF, "Shape::Number"))
    )
    method = Symbol(SymbolKind.METHOD_DEF, "Native::Helper")
    body = Cell(CellKind.CHECK, (FixupKind.Check_IL_Body, b"\x02\x02\x2a", 0, 0, method))
    first = leaf(returns(1), cells=(handle, field), fixups=(1, 0))
    second = leaf(returns(2), cells=(field, handle, body), fixups=(0, 1, 2))
    image = image_of(assembly, target, {"Answer": first, "Literal": second})
    assert fixups_of(image, "Answer") == [FixupKind.Check_FieldOffset, FixupKind.TypeHandle]
    assert fixups_of(image, "Literal") == [
        FixupKind.Check_IL_Body,
        FixupKind.Check_FieldOffset,
        FixupKind.TypeHandle,
    ]


def test_bytes_do_not_depend_on_the_order_of_adding(assembly: Assembly, target: Target) -> None:
    units = list(program_units(target).items())
    names = Names(assembly)

    def build(seed: int) -> bytes:
        shuffled = units[:]
        random.Random(seed).shuffle(shuffled)
        builder = ImageBuilder(assembly, target, names, compiler_id="tests")
        for name, unit in shuffled:
            builder.add_method(names.rid(f"Native::{name}"), unit)
        return builder.build()

    assert len({build(seed) for seed in range(4)}) == 1


def test_funclets_filters_and_clauses(assembly: Assembly, target: Target) -> None:
    code = bytes.fromhex("90" * 8 + "c3" + "90" * 7 + "c3" + "90" * 7)
    functions = (Function(0, 9, LEAF_UNWIND), Function(9, 17, LEAF_UNWIND), Function(17, 24, LEAF_UNWIND, True))
    clauses = (
        ExceptionClause(ClauseFlags.CATCH, 1, 4, 9, 17, Symbol(SymbolKind.TYPE, "Shape")),
        ExceptionClause(ClauseFlags.FILTER, 1, 4, 9, 17, 17),
    )
    plain = leaf(returns(1))
    unit = dataclasses.replace(plain, code=code, functions=functions, clauses=clauses)
    image = image_of(assembly, target, {"Answer": plain, "Literal": unit, "Create": unit})
    for name in ("Literal", "Create"):
        method = method_of(image, name)
        assert [(f.begin - method.begin, f.end - method.begin) for f in method.functions] == [(0, 9), (9, 17), (17, 24)]
        personalities = [unwind.personality_rva for unwind in method.unwind]
        assert personalities[0] == personalities[1] != personalities[2]
        shape = Names(assembly).tokens[Symbol(SymbolKind.TYPE, "Shape")]
        assert method.clauses == (
            Clause(ClauseFlags.CATCH, 1, 4, 9, 17, shape),
            Clause(ClauseFlags.FILTER, 1, 4, 9, 17, 17),
        )
        helpers = [image.fixup(0, slot) for slot in range(image.import_sections[0].cell_count)]
        numbers = {fixup.numbers[0] for fixup in helpers if fixup is not None}
        assert target.helper_id(Helper.PersonalityRoutineFilterFunclet) in numbers
    assert method_of(image, "Answer").clauses == ()


def test_equal_constants_are_shared(assembly: Assembly, target: Target) -> None:
    def unit(constant: bytes) -> MethodUnit:
        relocation = Relocation(2, RelocationKind.RODATA, 0)
        return leaf("8b0500000000c3", relocations=(relocation,), rodata=constant, rodata_alignment=8)

    same, other = unit(bytes(range(8))), unit(bytes(8))
    image = image_of(assembly, target, {"Answer": same, "Literal": same, "Create": other})

    def points_to(name: str) -> int:
        begin = method_of(image, name).begin
        return begin + 6 + int.from_bytes(image.memory[begin + 2 : begin + 6], "little")

    assert points_to("Answer") == points_to("Literal") != points_to("Create")
    assert image.memory[points_to("Answer") :].startswith(bytes(range(8)))


def test_jump_tables_are_relocated(assembly: Assembly, target: Target) -> None:
    table = Relocation(0, RelocationKind.CODE, 0, 4), Relocation(4, RelocationKind.CODE, 0, 8 + 4)
    unit = leaf(returns(5), rodata=bytes(8), rodata_relocations=table, rodata_alignment=4)
    image = image_of(assembly, target, {"Answer": unit, "Literal": unit})
    starts = [method_of(image, name).begin for name in ("Answer", "Literal")]
    tables = [at for at in range(starts[1], len(image.memory) - 8, 4) if _is_table(image.memory, at, starts)]
    assert len(tables) == 2  # a table with relocations belongs to one method only


def _is_table(memory: bytes, at: int, starts: list[int]) -> bool:
    entries = [int.from_bytes(memory[at + 4 * n : at + 4 * n + 4], "little", signed=True) for n in range(2)]
    return any(at + entries[0] == start and at + entries[1] == start + 4 for start in starts)


def test_an_image_without_methods_is_an_image(assembly: Assembly, target: Target) -> None:
    image = image_of(assembly, target, {})
    assert image.method_entries == {}
    assert image.runtime_functions == []


def test_bad_image_base_is_refused(assembly: Assembly) -> None:
    for base in (0, -0x10000, 0x12345):
        with pytest.raises(NativegenError, match="NGEN3107"):
            ImageBuilder(assembly, target_named("9.0"), Names(assembly), image_base=base, compiler_id="tests")


CHECK_CELL = Cell(CellKind.CHECK, (FixupKind.Check_FieldOffset, 8, 0, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"functions": ()}, "no functions"),
        ({"functions": (Function(0, 7, LEAF_UNWIND),)}, "outside the code"),
        ({"functions": (Function(0, 4, LEAF_UNWIND), Function(3, 6, LEAF_UNWIND))}, "overlaps"),
        ({"functions": (Function(0, 6, b"\x01\0\0\0"),)}, "malformed unwind"),
        ({"gc_info": b""}, "no GcInfo"),
        ({"cells": (CHECK_CELL,)}, "are not the unit's CHECK and HANDLE cells"),
        ({"relocations": (Relocation(3, RelocationKind.CODE, 0),)}, "outside 6 bytes"),
        ({"relocations": (Relocation(0, RelocationKind.STUB, 0),)}, "cell 0 of 0"),
        ({"relocations": (Relocation(0, RelocationKind.STUB, 0),), "cells": (CHECK_CELL,), "fixups": (0,)}, "no stub"),
        ({"relocations": (Relocation(0, RelocationKind.RODATA, 0),)}, "read-only data"),
        ({"relocations": (Relocation(0, RelocationKind.SYMBOL, 9),)}, "runtime symbol 9"),
        ({"alignment": 24}, "alignment 24"),
        ({"clauses": (ExceptionClause(0, 0, 4, 4, 9),)}, "exception clause"),
    ],
)
def test_malformed_units_are_refused(assembly: Assembly, change: dict[str, object], message: str) -> None:
    unit = dataclasses.replace(leaf(returns(1)), **change)  # type: ignore[arg-type]
    builder = ImageBuilder(assembly, target_named("9.0"), Names(assembly), compiler_id="tests")
    with pytest.raises(ValueError, match=message):
        builder.add_method(1, unit)


def patched(assembly: Assembly, section: int, field: int, value: int) -> Assembly:
    """The assembly with a u32 of a section header changed."""
    data = bytearray(assembly.data)
    pe = pefile.PE(data=bytes(data), fast_load=True)
    at = pe.sections[section].get_file_offset() + field
    data[at : at + 4] = value.to_bytes(4, "little")
    return Assembly.from_bytes(bytes(data), "odd.dll")


def test_sections_on_one_page_are_refused(assembly: Assembly) -> None:
    rsrc = next(i for i, section in enumerate(assembly.sections) if section.name == ".rsrc")
    odd = patched(assembly, rsrc, 12, assembly.sections[0].virtual_address + 0x200)
    with pytest.raises(NativegenError, match=r"odd\.dll: error NGEN3105.*shares a page"):
        ImageBuilder(odd, target_named("9.0"), Names(assembly), compiler_id="tests")


def test_unaligned_sections_are_refused(assembly: Assembly) -> None:
    rsrc = next(i for i, section in enumerate(assembly.sections) if section.name == ".rsrc")
    odd = patched(assembly, rsrc, 12, assembly.sections[rsrc].virtual_address + 0x110)
    with pytest.raises(NativegenError, match=r"odd\.dll: error NGEN3105.*not aligned"):
        ImageBuilder(odd, target_named("9.0"), Names(assembly), compiler_id="tests")


def test_zero_filled_section_tails_are_stored(assembly: Assembly) -> None:
    rsrc = next(i for i, section in enumerate(assembly.sections) if section.name == ".rsrc")
    odd = patched(assembly, rsrc, 8, 0x1800)
    names = Names(assembly)
    builder = ImageBuilder(odd, target_named("9.0"), names, compiler_id="tests")
    builder.add_method(names.rid("Native::Answer"), leaf(returns(1)))
    pe = pefile.PE(data=builder.build(), fast_load=True)
    section = next(s for s in pe.sections if s.Name.startswith(b".rsrc"))
    assert (section.Misc_VirtualSize, section.SizeOfRawData) == (0x1800, 0x1800)
