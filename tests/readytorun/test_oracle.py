"""Microsoft's own images are the ground truth: everything in them must decode, agree with itself, and re-encode.

The default run takes a few images of each runtime; ``-m sweep`` takes all of both frameworks.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from nativegen.metadata import Assembly, Table
from nativegen.readytorun.enums import ElementType, FixupKind, MethodSigFlags, SectionType
from nativegen.readytorun.exceptions import encode_exception_info
from nativegen.readytorun.fixups import MethodSignature, TypeSignature
from nativegen.readytorun.gcinfo import decode_gc_info, encode_gc_info
from nativegen.readytorun.hashing import (
    array_hash,
    byref_hash,
    instance_hash,
    method_hash,
    name_hash,
    nested_type_hash,
    pointer_hash,
    type_hash,
)
from nativegen.readytorun.header import encode_header
from nativegen.readytorun.imports import GC_REF_MAP_STRIDE, encode_gc_ref_map, encode_import_sections
from nativegen.readytorun.metadata_tables import (
    MAPS,
    available_types,
    encode_attribute_filter,
    known_attributes,
    may_have_attribute,
)
from nativegen.readytorun.methods import (
    encode_entry,
    encode_fixups,
    encode_method_def_entry_points,
    iterate_method_def_entry_points,
)
from nativegen.readytorun.native_format import hashtable_bucket_count
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.runtime_functions import encode_runtime_functions
from nativegen.readytorun.targets import target_for_r2r_version
from tests.support.paths import TARGETS, TestInputs, find_inputs

SAMPLE = ("System.Linq", "System.Collections", "Microsoft.CSharp", "System.Net.Http")


def framework_images(target: str) -> list[Path]:
    """Every ReadyToRun image of a runtime's folder (on 9.0: with the ASP.NET Core images of the application)."""
    inputs = find_inputs()
    folder = inputs.framework("3.1") if target == "3.1" else inputs.azmcp
    return [path for path in sorted(folder.glob("*.dll")) if _is_image(path)] if folder.is_dir() else []


def _is_image(path: Path) -> bool:
    try:
        return Assembly.open(path).is_ready_to_run
    except Exception:
        return False  # a native library


def sample_images() -> Iterator[tuple[str, Path]]:
    inputs = find_inputs()
    for target in TARGETS:
        for name in SAMPLE:
            yield target, inputs.framework(target) / f"{name}.dll"


SAMPLES = list(sample_images())
SAMPLE_IDS = [f"{target}-{path.stem}" for target, path in SAMPLES]


def check_image(path: Path, target: str) -> Counter[str]:
    """All checks of one image; returns counts of what was seen."""
    image = ReadyToRunImage.open(path)
    counts: Counter[str] = Counter()
    expected = target_for_r2r_version(image.header.major)
    assert expected is not None
    assert expected.name == target
    assert all(section.type in SectionType.__members__.values() for section in image.header.sections)
    found = image.assembly.ready_to_run_header
    assert found is not None
    encoded_header = encode_header(image.header)
    assert image.memory[found[0] : found[0] + len(encoded_header)] == encoded_header
    check_imports(image, counts)
    for kind in FixupKind:
        assert kind in expected.fixup_kinds or not counts[kind.name]
    for index, section in enumerate(image.import_sections):
        for slot in range(section.cell_count):
            fixup = image.fixup(index, slot)
            if fixup is not None and fixup.kind is FixupKind.Helper:
                assert expected.helper_name(fixup.numbers[0]), f"unknown helper {fixup.numbers[0]:#x}"
                counts["helpers"] += 1
    check_entries(image, counts)
    check_methods(image, counts)
    check_exceptions(image, counts)
    check_hashes(image, counts)
    check_metadata_tables(image, counts)
    if expected.requires_manifest_metadata:
        assert len(image.manifest_mvids) in (0, len(image.manifest_assemblies))
    assert image.compiler_identifier
    return counts


def check_imports(image: ReadyToRunImage, counts: Counter[str]) -> None:
    """Signatures decode into the gaps between each other; argument maps re-encode byte for byte."""
    assert encode_import_sections(image.import_sections) == image.section_bytes(SectionType.ImportSections)
    signatures: dict[int, int] = {}
    for index, section in enumerate(image.import_sections):
        for slot in range(section.cell_count):
            fixup = image.fixup(index, slot)
            if fixup is None:
                continue
            signatures[image.signature_rva(index, slot)] = fixup.size
            counts[fixup.kind.name] += 1
        maps = image.gc_ref_maps(index)
        if maps:
            at = section.auxiliary_rva + 4 * (-(-len(maps) // GC_REF_MAP_STRIDE))
            encoded = b"".join(map(encode_gc_ref_map, maps))
            assert image.memory[at : at + len(encoded)] == encoded
            counts["maps"] += len(maps)
    previous_end = 0
    for rva, size in sorted(signatures.items()):
        assert rva >= previous_end, f"signature at {rva:#x} overlaps the one before"
        previous_end = rva + size


def check_entries(image: ReadyToRunImage, counts: Counter[str]) -> None:
    """Entries name existing functions and cells; the entry point array re-encodes to the same entries."""
    cells = [section.cell_count for section in image.import_sections]
    entries = [*image.method_entries.values(), *(instance.entry for instance in image.instance_entries)]
    for entry in entries:
        assert entry.runtime_function < len(image.runtime_functions)
        assert list(entry.fixups) == sorted(set(entry.fixups))
        assert all(slot < cells[section] for section, slot in entry.fixups)
    counts["fixup lists"] += sum(bool(entry.fixups) for entry in entries)
    encoded = encode_method_def_entry_points({rid: encode_entry(entry) for rid, entry in image.method_entries.items()})
    assert dict(iterate_method_def_entry_points(encoded, 0)) == image.method_entries
    for fixups in {entry.fixups for entry in entries if entry.fixups}:
        assert encode_fixups(fixups) in image.memory
        break  # a search of the whole image: once is enough to prove the form
    functions = encode_runtime_functions(image.runtime_functions)
    assert image.section_bytes(SectionType.RuntimeFunctions)[: len(functions)] == functions


def check_methods(image: ReadyToRunImage, counts: Counter[str]) -> None:
    """GcInfo agrees with the runtime functions and re-encodes to equal contents."""
    for start in image.method_starts:
        method = image.compiled_method(start)
        info = method.gc_info.info
        assert info.code_length == method.size
        assert all(unwind.flags == 3 and unwind.version == 1 for unwind in method.unwind)
        encoded = encode_gc_info(info)
        at = method.functions[0].unwind + method.unwind[0].size
        counts["methods"] += 1
        counts["transitions"] += bool(info.transitions)
        if image.memory[at : at + len(encoded)] == encoded:
            counts["identical"] += 1
        else:
            # The order of the table of distinct live states is that of a hash table: only sizes and meaning agree.
            assert decode_gc_info(encoded).info == info


def check_exceptions(image: ReadyToRunImage, counts: Counter[str]) -> None:
    section = image.section(SectionType.ExceptionInfo)
    if section is None:
        return
    clauses = image.exception_clauses
    starts = {image.runtime_functions[index].begin for index in image.method_starts}
    assert clauses.keys() <= starts
    first_clause = int.from_bytes(image.memory[section.rva + 4 : section.rva + 8], "little")
    table, _ = encode_exception_info(list(clauses.items()), section.rva, first_clause)
    assert table == image.section_bytes(SectionType.ExceptionInfo)
    counts["clauses"] += sum(map(len, clauses.values()))


class Hasher:
    """Hashes of an image's own types by the tokens of its signatures; None where a name is in another module."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.enclosing = {row[0]: row[1] for row in assembly.rows(Table.NestedClass)}
        self.definitions: dict[int, int] = {}
        self.owners: list[int] = []
        types = assembly.rows(Table.TypeDef)
        ends = [row[5] for row in types[1:]] + [assembly.row_count(Table.MethodDef) + 1]
        for rid, (row, end) in enumerate(zip(types, ends, strict=True), 1):
            self.owners += [rid] * (end - row[5])

    def definition(self, rid: int) -> int:
        known = self.definitions.get(rid)
        if known is None:
            row = self.assembly.row(Table.TypeDef, rid)
            known = type_hash(self.assembly.string(row[2]), self.assembly.string(row[1]))
            if rid in self.enclosing:
                known = nested_type_hash(self.definition(self.enclosing[rid]), known)
            self.definitions[rid] = known
        return known

    def reference(self, rid: int) -> int:
        scope, name, namespace = self.assembly.row(Table.TypeRef, rid)
        own = type_hash(self.assembly.string(namespace), self.assembly.string(name))
        return nested_type_hash(self.reference(scope >> 2), own) if scope & 3 == 3 else own

    def type(self, type: TypeSignature) -> int | None:
        parts = [self.type(part) for part in type.types]
        known = [part for part in parts if part is not None]
        if len(known) != len(parts):
            return None
        match type.element:
            case ElementType.CLASS | ElementType.VALUETYPE | ElementType.GENERICINST:
                table, rid = type.token >> 24, type.token & 0xFFFFFF
                if table == 0x1B:
                    return None
                own = self.definition(rid) if table == 2 else self.reference(rid)
                return instance_hash(own, known) if known else own
            case ElementType.SZARRAY:
                return array_hash(known[0])
            case ElementType.ARRAY:
                return array_hash(known[0], type.number)
            case ElementType.PTR:
                return pointer_hash(known[0])
            case ElementType.BYREF:
                return byref_hash(known[0])
            case ElementType.CANON_ZAPSIG:
                return type_hash("System", "__Canon")
            case element if element in SYSTEM_NAMES:
                return type_hash("System", SYSTEM_NAMES[element])
            case _:
                return None

    def method(self, method: MethodSignature) -> int | None:
        if method.module is not None or method.flags & MethodSigFlags.MemberRefToken:
            return None
        owner = self.definition(self.owners[method.number - 1]) if method.owner is None else self.type(method.owner)
        arguments = [self.type(argument) for argument in method.arguments]
        known = [argument for argument in arguments if argument is not None]
        if owner is None or len(known) != len(arguments):
            return None
        name = self.assembly.string(self.assembly.row(Table.MethodDef, method.number)[3])
        return method_hash(owner, name, known)


SYSTEM_NAMES = {
    ElementType.BOOLEAN: "Boolean",
    ElementType.CHAR: "Char",
    ElementType.I1: "SByte",
    ElementType.U1: "Byte",
    ElementType.I2: "Int16",
    ElementType.U2: "UInt16",
    ElementType.I4: "Int32",
    ElementType.U4: "UInt32",
    ElementType.I8: "Int64",
    ElementType.U8: "UInt64",
    ElementType.R4: "Single",
    ElementType.R8: "Double",
    ElementType.STRING: "String",
    ElementType.OBJECT: "Object",
    ElementType.I: "IntPtr",
    ElementType.U: "UIntPtr",
    ElementType.VOID: "Void",
    ElementType.TYPEDBYREF: "TypedReference",
}


def check_metadata_tables(image: ReadyToRunImage, counts: Counter[str]) -> None:
    """What we make of the metadata is what Microsoft's compilers made of it."""
    section = image.section(SectionType.AvailableTypes)
    assert section is not None
    mask = hashtable_bucket_count(image.memory, section.rva) - 1
    expected = [(hash >> 8 & mask, hash & 0xFF, payload) for hash, payload in available_types(image.assembly)]
    assert sorted(image.available_types) == sorted(expected)
    counts["types"] += len(expected)
    for type, encode in MAPS.items():
        if image.section(type) is not None:
            assert image.section_bytes(type) == encode(image.assembly), type
            counts[type.name] += 1
    if image.section(SectionType.AttributePresence) is not None:
        table = image.section_bytes(SectionType.AttributePresence)
        attributes = list(known_attributes(image.assembly))
        assert all(may_have_attribute(table, name, token) for name, token in attributes)
        counts["attributes"] += len(attributes)


def check_hashes(image: ReadyToRunImage, counts: Counter[str]) -> None:
    """The hash table of instances is filed under exactly the hashes that we compute."""
    section = image.section(SectionType.InstanceMethodEntryPoints)
    if section is None:
        return
    buckets = hashtable_bucket_count(image.memory, section.rva)
    hasher = Hasher(image.assembly)
    for entry in image.instance_entries:
        expected = hasher.method(entry.method)
        if expected is None:
            counts["hashes of foreign names"] += 1
            continue
        assert entry.low_hash == expected & 0xFF
        assert entry.bucket == expected >> 8 & (buckets - 1)
        assert entry.method in image.instances_with_hash(expected)
        counts["hashes"] += 1


@pytest.mark.parametrize(("target", "path"), SAMPLES, ids=SAMPLE_IDS)
def test_sample_image(inputs: TestInputs, target: str, path: Path) -> None:
    counts = check_image(path, target)
    assert counts["methods"] > 500
    assert counts["identical"] >= 0.99 * counts["methods"]
    assert counts["transitions"] > 50
    assert counts["hashes"] > 30
    assert counts["clauses"] > 10
    assert counts["maps"] > 200
    assert counts["helpers"] > 15
    assert counts[FixupKind.Check_TypeLayout.name] > 1
    assert counts["types"] > 40
    assert all(counts[type.name] == (target != "3.1") for type in MAPS)


def test_facade_image_has_sections_but_no_methods(inputs: TestInputs) -> None:
    path = inputs.framework("3.1") / "System.Buffers.dll"
    assert check_image(path, "3.1")["methods"] == 0
    assert ReadyToRunImage.open(path).section(SectionType.AvailableTypes) is not None


@pytest.mark.parametrize("target", TARGETS)
def test_known_facts_of_linq(inputs: TestInputs, target: str) -> None:
    """A few numbers read off with other tools, so that an empty parse cannot pass."""
    image = ReadyToRunImage.open(inputs.framework(target) / "System.Linq.dll")
    assert len(image.method_starts) == {"3.1": 985, "9.0": 1481}[target]
    assert len(image.instance_entries) == {"3.1": 902, "9.0": 1409}[target]
    assert (image.header.major, image.header.minor) == {"3.1": (3, 1), "9.0": (10, 1)}[target]
    assert image.debug_info_length > 0


@pytest.mark.parametrize("target", TARGETS)
def test_filter_of_attributes(inputs: TestInputs, target: str) -> None:
    """Only System.Private.CoreLib has one. Microsoft's and ours know the same attributes and deny nearly all others."""
    image = ReadyToRunImage.open(inputs.framework(target) / "System.Private.CoreLib.dll")
    counts: Counter[str] = Counter()
    check_metadata_tables(image, counts)
    assert counts["attributes"] > 4000
    attributes = list(known_attributes(image.assembly))
    ours = encode_attribute_filter(attributes)
    assert ours is not None and len(ours) <= len(image.section_bytes(SectionType.AttributePresence))
    assert all(may_have_attribute(ours, name, token) for name, token in attributes)
    assert sum(may_have_attribute(ours, "System.Runtime.NoSuchAttribute", token) for _, token in attributes) < 20


@pytest.mark.parametrize("target", TARGETS)
def test_duplicated_clauses_come_last(inputs: TestInputs, target: str) -> None:
    """What ours must look like, too: 9.0 ignores everything behind the first one."""
    image = ReadyToRunImage.open(inputs.framework(target) / "System.Private.CoreLib.dll")
    order = [[bool(clause.flags & 8) for clause in clauses] for clauses in image.exception_clauses.values()]
    assert sum(map(any, order)) > 100 and all(flags == sorted(flags) for flags in order)


def test_name_hash_of_known_names() -> None:
    assert name_hash("") == 0
    assert name_hash("System.Array`1") == 0xD5313557  # asserted by the runtime itself


@pytest.mark.sweep
@pytest.mark.parametrize("target", TARGETS)
def test_all_images(inputs: TestInputs, target: str) -> None:
    total: Counter[str] = Counter()
    images = framework_images(target)
    assert len(images) > 150
    only = os.environ.get("NATIVEGEN_SWEEP_MATCH", "")
    for path in images:
        if only in path.name:
            total += check_image(path, target)
    print(target, dict(total))
    assert total["methods"] > 60_000
    assert total["identical"] >= 0.99 * total["methods"]
