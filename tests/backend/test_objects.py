"""Object files and stack maps: what LLVM writes is read, what is damaged is refused with the right error."""

from __future__ import annotations

import random
import struct

import pytest

from nativegen.backend.coff import IMAGE_REL_AMD64_REL32, ObjectError, read_object
from nativegen.backend.extract import extract_unit
from nativegen.backend.llvm import CodeGenerator, CompiledModule, LlvmError, toolchain_version
from nativegen.backend.module_text import MODULE_HEAD, MODULE_TAIL, defined_symbols
from nativegen.backend.object_index import ExtractError, ObjectIndex
from nativegen.backend.stackmaps import (
    DWARF_RBP,
    SECTION_NAME,
    LocationKind,
    StackMapError,
    read_stack_maps,
)
from nativegen.backend.unwind import UnwindError
from nativegen.compiler.lowered import Effort
from nativegen.diagnostics import NativegenError
from tests.backend.samples import SAMPLES, many

from nativegen.backend.batch import module_text  # isort: skip


@pytest.fixture(scope="module")
def generator() -> CodeGenerator:
    return CodeGenerator("x86-64")


@pytest.fixture(scope="module")
def module(generator: CodeGenerator) -> CompiledModule:
    return generator.compile(module_text(many(26, Effort.CHEAP)), Effort.CHEAP)


def test_sections_symbols_and_relocations(module: CompiledModule) -> None:
    obj = read_object(module.object)
    functions = {symbol.name: symbol for symbol in obj.symbols.values() if symbol.is_function}
    assert set(functions) >= {f"m{number}" for number in range(26)}
    section = obj.section(functions["m1"].section)  # `call`
    assert section.name == ".text" and section.is_comdat and section.alignment == 16
    (relocation,) = section.relocations
    assert relocation.kind == IMAGE_REL_AMD64_REL32 and obj.symbols[relocation.symbol].name == "add3"
    assert section.data[relocation.offset - 1] == 0xE8
    with pytest.raises(ObjectError):
        obj.section(0)
    with pytest.raises(ObjectError):
        obj.section(len(obj.sections) + 1)


def test_stack_map_records(module: CompiledModule) -> None:
    records = read_stack_maps(read_object(module.object))
    (record,) = records["m3"]  # `live_references`
    assert record.id == 777
    (location,) = record.locations
    assert location.kind is LocationKind.DIRECT and location.size == 8 and location.register == DWARF_RBP
    assert "m0" not in records  # a leaf


def test_object_without_functions(generator: CodeGenerator) -> None:
    module = generator.compile(MODULE_HEAD + MODULE_TAIL, Effort.CHEAP)
    obj = read_object(module.object)
    assert read_stack_maps(obj) == {} and not any(section.name == SECTION_NAME for section in obj.sections)
    with pytest.raises(ExtractError, match="function m1 is not in the object"):
        extract_unit(ObjectIndex(module), SAMPLES["leaf"]("m1", Effort.CHEAP))


def big_object(data: bytes) -> bytes:
    """The same object with the header and symbols that objects of very many sections have."""
    machine, sections, stamp, symbols_at, count, _, _ = struct.unpack_from("<HHIIIHH", data, 0)
    grow = 56 - 20
    magic = bytes.fromhex("c7a1bad1eebaa94baf20faf66aa4dcb8")
    header = struct.pack(
        "<HHHHI16sIIIIIII", 0, 0xFFFF, 2, machine, stamp, magic, 0, 0, 0, 0, sections, symbols_at + grow, count
    )
    table = bytearray(data[20 : 20 + 40 * sections])
    for number in range(sections):
        for field in (20, 24):  # PointerToRawData, PointerToRelocations
            (pointer,) = struct.unpack_from("<I", table, 40 * number + field)
            if pointer:
                struct.pack_into("<I", table, 40 * number + field, pointer + grow)
    symbols = b""
    for number in range(count):
        record = data[symbols_at + 18 * number :][:18]
        # The section number grows from 2 to 4 bytes; auxiliary records are padded.
        symbols += record[:12] + struct.pack("<i", struct.unpack_from("<h", record, 12)[0]) + record[14:]
    return header + bytes(table) + data[20 + 40 * sections : symbols_at] + symbols + data[symbols_at + 18 * count :]


def test_big_objects(module: CompiledModule) -> None:
    small = read_object(module.object)
    big = read_object(big_object(module.object))
    assert big.sections == small.sections and list(big.symbols.values()) == list(small.symbols.values())


def test_other_machines_are_refused(module: CompiledModule) -> None:
    with pytest.raises(ObjectError, match="machine 0x14c"):
        read_object(b"\x4c\x01" + module.object[2:])


EXPECTED_ERRORS = (ObjectError, StackMapError, ExtractError, UnwindError)


def attempt(data: bytes, module: CompiledModule) -> bool:
    """Extract everything; True when all went well. Any exception but the package's own fails the test."""
    try:
        index = ObjectIndex(CompiledModule(data, module.constants))
    except EXPECTED_ERRORS:
        return False
    well = True
    for method in many(26, Effort.CHEAP):
        try:
            extract_unit(index, method)
        except EXPECTED_ERRORS:
            well = False
    return well


def test_truncated_objects_are_refused(module: CompiledModule) -> None:
    assert attempt(module.object, module)
    for size in range(0, len(module.object) - 1, 97):
        assert not attempt(module.object[:size], module)


def test_damaged_objects_never_surprise(module: CompiledModule) -> None:
    chance = random.Random(1)
    refused = 0
    for _ in range(600):
        data = bytearray(module.object)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        refused += not attempt(bytes(data), module)
    assert refused > 50


def test_definitions_are_found() -> None:
    text = SAMPLES["call"]("m12", Effort.CHEAP).llvm
    assert defined_symbols(text + "\ndefine cc 78 i64 @m12_flt0(ptr %e) #0 comdat {") == ["m12", "m12_flt0"]


def test_errors_of_llvm_are_one_line(generator: CodeGenerator) -> None:
    with pytest.raises(LlvmError) as error:
        generator.compile("define i32 @f() {\n  ret i64 0\n}", Effort.FULL)
    assert str(error.value) == "2:7: error: value doesn't match function result type 'i32'"


def test_unknown_versions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import llvmlite
    import llvmlite.binding

    assert toolchain_version().startswith("llvmlite 0.50.")
    monkeypatch.setattr(llvmlite.binding, "llvm_version_info", (23, 0, 1))
    with pytest.raises(NativegenError, match=r"NGEN3202: .*LLVM 23\.0\.1; remedy: run: pip install"):
        CodeGenerator("x86-64")
    monkeypatch.undo()
    monkeypatch.setattr(llvmlite, "__version__", "0.51.0")
    with pytest.raises(NativegenError, match="NGEN3202"):
        toolchain_version()
    monkeypatch.setitem(__import__("sys").modules, "llvmlite", None)
    with pytest.raises(NativegenError, match="NGEN3201"):
        CodeGenerator("x86-64")


def test_importing_the_backend_does_not_load_llvm() -> None:
    import subprocess
    import sys

    code = "import sys, nativegen.backend.batch, nativegen.backend.workers; sys.exit('llvmlite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
