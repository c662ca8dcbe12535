"""Every check has an image that is broken in just its way, and fails with just its message."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from nativegen.metadata import Assembly
from nativegen.readytorun.enums import FixupKind, Helper, ImportSectionFlags, SectionType
from nativegen.readytorun.native_format import iterate_array, iterate_hashtable
from nativegen.readytorun.runtime_functions import decode_unwind_info
from nativegen.readytorun.targets import target_named
from nativegen.verify.check_manifest_metadata import check_manifest_metadata
from nativegen.verify.check_metadata_tables import check_metadata_tables
from nativegen.verify.environment import environment_findings
from nativegen.verify.model import Severity
from nativegen.verify.processor import features
from nativegen.verify.references import References
from nativegen.verify.runtimes import RuntimeFormat
from nativegen.verify.static import CHECKS, verify_static
from tests.support.paths import TestInputs
from tests.verify.support import Patch, document_of, failed_checks, in_cache, subject, verify

A, S, T = Severity.ABORT, Severity.SILENT, Severity.STALE


@pytest.fixture
def original(inputs: TestInputs) -> Path:
    return inputs.framework("3.1") / "System.Collections.dll"


@pytest.fixture
def patch(original: Path, tmp_path: Path) -> Patch:
    return Patch(original, tmp_path / original.name)


@pytest.fixture
def patch9(inputs: TestInputs, tmp_path: Path) -> Patch:
    original = inputs.framework("9.0") / "System.Collections.dll"
    return Patch(original, tmp_path / original.name)


def only(path: Path, check: str, severity: Severity, text: str, source: Path | None = None, **more: object) -> None:
    """The image at ``path`` fails with one message, of that check."""
    (failure,) = verify(path, source, **more).failures
    assert (failure[0].name, failure[1].severity) == (check, severity) and text in failure[1].message, failure


# ---- does not start ------------------------------------------------------------------------------------------------


def test_header_sections_out_of_order(patch: Patch) -> None:
    only(patch.u32(patch.section_entry(104), 90), "header", A, "not sorted")


def test_header_without_signature(patch: Patch) -> None:
    header = patch.image.assembly.ready_to_run_header
    assert header is not None
    only(patch.at(header[0], b"XTR\0"), "header", A, "NGEN3103")


def test_machine_of_another_kind(patch: Patch) -> None:
    only(patch.file(patch.pe_header + 4, struct.pack("<H", 0xAA64)), "machine", A, "not AMD64 for linux")


def test_machine_flags_of_plain_il(patch: Patch) -> None:
    only(patch.u32(patch.cli_header + 16, 1), "machine", A, "are not those of an image")


def test_sections_writable_and_executable(patch: Patch) -> None:
    table = patch.pe_header + 24 + struct.unpack_from("<H", patch.data, patch.pe_header + 20)[0]
    only(patch.file(table + 36, struct.pack("<I", 0xE000_0020)), "sections", A, "writable and executable")


def test_metadata_of_another_build(original: Path, inputs: TestInputs) -> None:
    other = inputs.framework("9.0") / original.name
    only(original, "metadata", T, "made from another build of System.Collections", other)


def test_metadata_changed(patch: Patch, original: Path) -> None:
    path = patch.file(patch.data.index(b"SortedDictionary`2\0"), b"T")
    only(path, "metadata", A, "its metadata differs", original)


def test_metadata_tables_without_a_type(patch: Patch) -> None:
    place = next(iterate_hashtable(patch.image.memory, patch.section(108))).offset
    only(patch.at(place, b"\x06"), "metadata-tables", A, "does not have the types of the metadata")


def test_metadata_tables_of_another_enclosing_type(patch9: Patch) -> None:
    only(patch9.at(patch9.section(122) + 2, b"\x02\0"), "metadata-tables", A, "EnclosingTypeMap is not the metadata's")


def test_metadata_tables_without_attributes(inputs: TestInputs, tmp_path: Path) -> None:
    original = inputs.framework("9.0") / "System.Private.CoreLib.dll"
    patch = Patch(original, tmp_path / original.name)
    size = len(patch.image.section_bytes(SectionType.AttributePresence))
    broken = subject(patch.at(patch.section(113), bytes(size)))
    messages = [finding.message for finding in check_metadata_tables(broken)]
    assert messages == ["the filter of attributes denies attributes of the metadata"]


def test_body_changed(patch: Patch, original: Path) -> None:
    assembly = Assembly.open(original)
    bodies = (assembly.method_body(rid) for rid in range(1, 200))
    body = next(body for body in bodies if body is not None and len(body.code) > 30)
    only(patch.file(patch.data.index(body.code) + 20, b"\0\0"), "bodies", A, "the IL of 1 methods", original)


def test_entry_point_of_a_library(patch: Patch, original: Path) -> None:
    only(patch.u32(patch.cli_header + 20, 0x06000001), "entry-point", A, "its entry point differs", original)


def test_manifest_metadata_missing(patch9: Patch) -> None:
    only(patch9.u32(patch9.section_entry(112), 111), "manifest-metadata", A, "dies at load")


def test_manifest_metadata_of_another_build(original: Path) -> None:
    broken = subject(original, references=References({"Core": str(original)}))
    image = SimpleNamespace(
        header=SimpleNamespace(major=3),
        section=lambda type: object(),
        manifest_mvids=(bytes(range(16)), bytes(16)),
        manifest_assemblies=(SimpleNamespace(name="Core"), SimpleNamespace(name="Core")),
    )
    broken.__dict__["image"] = image
    (finding,) = check_manifest_metadata(broken)
    assert finding.severity is A and "another build of Core: 03020100-0504-" in finding.message


def test_instruction_set_that_the_processor_lacks(original: Path, tmp_path: Path) -> None:
    document = document_of(original, {"instruction_set": ["avx2", "bmi"]})
    copy = in_cache(original, tmp_path, document)
    only(copy, "instruction-set", A, "processors with bmi, which", document=document, processor=features("avx2"))
    assert verify(copy, document=document, processor=features("avx2,bmi")).passed


# ---- silently slow -------------------------------------------------------------------------------------------------


def test_version_of_another_target(original: Path) -> None:
    only(original, "version", S, "made for 3.1 (format 3.1); 9.0 ignores it", target="9.0")


def test_version_unknown(patch: Patch) -> None:
    header = patch.image.assembly.ready_to_run_header
    assert header is not None
    only(patch.at(header[0] + 4, b"\x63\0"), "version", S, "format version 99.1 is not that of a known runtime")


def test_version_that_one_of_the_runtimes_ignores(original: Path) -> None:
    runtimes = RuntimeFormat("3.1.23", "/a", "3.1", 3), RuntimeFormat("9.0.5", "/b", "9.0", 10)
    only(original, "version", S, "runtime 9.0.5 in /b reads format 10 and ignores it", runtimes=runtimes)


def test_composite_owner_missing(patch9: Patch) -> None:
    patch9.at(patch9.section(117), b"all.r2r.dll\0")
    path = patch9.u32(patch9.section_entry(117), 116)
    only(path, "composite", S, "its code is in all.r2r.dll, which is not beside it")
    (path.parent / "all.r2r.dll").touch()
    assert verify(path).passed


def test_instances_out_of_order(patch: Patch) -> None:
    entries = list(iterate_hashtable(patch.image.memory, patch.section(109)))
    pairs = itertools.pairwise(entries)
    first, second = next((a, b) for a, b in pairs if a.bucket == b.bucket and a.low_hash < b.low_hash)
    place = _low_hash_place(patch, first.offset)
    only(patch.at(place, b"\xff"), "instances", S, f"instances of bucket {second.bucket} are out of order")


def _low_hash_place(patch: Patch, payload: int) -> int:
    """RVA of the low hash byte of the entry with that payload."""
    from nativegen.readytorun.native_format import decode_signed

    memory, base = patch.image.memory, patch.section(109)
    for at in range(base, base + 20000):
        relative, _ = decode_signed(memory, at + 1)
        if at + 1 + relative == payload and at > base + 4:
            return at
    raise AssertionError("no such entry")


def test_coverage_below_the_baseline(original: Path, tmp_path: Path) -> None:
    native = subject(original).native_methods
    only(original, "coverage", S, f"{native} methods have code, {native + 1} had", baseline=native + 1)
    assert verify(original, baseline=native).passed
    document = document_of(original, native=native + 1)
    only(in_cache(original, tmp_path, document), "coverage", S, "the manifest says", document=document)


@pytest.mark.parametrize(
    ("name", "value", "fails"),
    [
        ("DOTNET_ReadyToRun", "0", True),
        ("DOTNET_ReadyToRun", "1", False),
        ("COMPlus_ReadyToRunExcludeList", "App", True),
        ("COMPlus_ZapDisable", "1", True),
        ("CORECLR_ENABLE_PROFILING", "1", False),
        ("DOTNET_TieredCompilation", "0", False),
    ],
)
def test_environment_that_switches_native_code_off(name: str, value: str, fails: bool) -> None:
    findings = list(environment_findings({name: value, "PATH": "/bin"}))
    assert any(finding.severity is S and name in finding.message for finding in findings) == fails


# ---- crashes, or rejected methods ----------------------------------------------------------------------------------


def test_runtime_functions_out_of_order(patch: Patch) -> None:
    at = patch.section(102)
    only(patch.at(at + 12, patch.read(at, 12)), "runtime-functions", A, "are out of order")


def test_entry_point_without_code(patch: Patch) -> None:
    _, at = next(iter(iterate_array(patch.image.memory, patch.section(103))))
    only(patch.at(at, b"\x0f\xfe\xff\xff\x7f"), "entry-points", A, "an entry names runtime function")


def test_unwind_information_of_no_version(patch: Patch) -> None:
    only(patch.at(patch.image.runtime_functions[3].unwind, b"\x01"), "unwind", A, "has version 1 and flags 0")


def test_gc_information_of_other_code(patch: Patch) -> None:
    start = patch.image.method_starts[2]
    main = patch.image.runtime_functions[start]
    at = main.unwind + decode_unwind_info(patch.image.memory, main.unwind).size
    (before,) = patch.read(at, 1)
    for bit in range(8):
        path = patch.at(at, bytes((before ^ 1 << bit,)))
        failed = failed_checks(verify(path))
        assert set(failed) <= {"gc-info"}
        if failed:
            only(path, "gc-info", A, f"GC information of the code at {main.begin:#x}")
            return
    raise AssertionError("no bit of the header matters")


def test_exception_clause_leaves_its_method(patch: Patch) -> None:
    method, clauses_at = struct.unpack("<II", patch.read(patch.section(104), 8))
    path = patch.u32(clauses_at + 8, 0x100000)
    only(path, "exceptions", A, f"an exception clause of the method at {method:#x} leaves its code")


def test_exception_clause_behind_a_duplicated_one(patch: Patch) -> None:
    """As our compiler wrote them once: .NET 9 stops looking at the first duplicated clause."""
    found = patch.image.exception_clauses
    number, method = next((n, m) for n, m in enumerate(found) if len(found[m]) > 1 and not found[m][-1].flags & 8)
    (clauses_at,) = struct.unpack("<I", patch.read(patch.section(104) + 8 * number + 4, 4))
    path = patch.u32(clauses_at, found[method][0].flags | 8)
    only(path, "exceptions", A, f"an exception clause of the method at {method:#x} is behind a duplicated one")


def test_exception_clauses_of_no_method(patch: Patch) -> None:
    (method,) = struct.unpack("<I", patch.read(patch.section(104), 4))
    only(patch.u32(patch.section(104), method + 1), "exceptions", A, "where no method begins")


def test_debug_information_of_more_code_than_there_is(patch: Patch) -> None:
    at, count = patch.section(105), len(patch.image.runtime_functions)
    size = 2
    more = (count + 500) << 2 | (patch.image.memory[at] >> 2 & 3)
    path = patch.at(at, (more << 2 | 1).to_bytes(size, "little"))
    only(path, "debug-info", A, f"debug information for {count + 500} pieces of code")


def test_import_cell_without_a_signature(patch: Patch) -> None:
    index, section = _with_signatures(patch, lambda kind: kind is FixupKind.TypeHandle)[:2]
    only(
        patch.u32(patch.image.import_sections[index].signatures_rva + 4 * section, 0), "imports", A, "outside the image"
    )


def test_module_fixup_missing(patch: Patch) -> None:
    target = target_named("3.1")
    wanted = target.helper_id(Helper.Module)
    for index, section in enumerate(patch.image.import_sections):
        for slot in range(section.cell_count if section.flags & ImportSectionFlags.EAGER else 0):
            fixup = patch.image.fixup(index, slot)
            if fixup is not None and fixup.kind is FixupKind.Helper and fixup.numbers == (wanted,):
                other = bytes((FixupKind.Helper, target.helper_id(Helper.Throw)))
                patch.at(patch.image.signature_rva(index, slot), other)
    only(patch.path, "module-fixup", A, "no eager import section has the fixup of the module itself")


def _with_signatures(patch: Patch, wanted: Callable[[FixupKind], bool]) -> tuple[int, int, int]:
    """(import section, slot, RVA of the signature) of the first fixup of a kind."""
    for index, section in enumerate(patch.image.import_sections):
        for slot in range(section.cell_count):
            fixup = patch.image.fixup(index, slot)
            if fixup is not None and fixup.module is None and wanted(fixup.kind):
                return index, slot, patch.image.signature_rva(index, slot)
    raise AssertionError("no such fixup")


def test_fixup_of_an_unknown_kind(patch: Patch) -> None:
    *_, rva = _with_signatures(patch, lambda kind: kind is FixupKind.TypeHandle)
    only(patch.at(rva, b"\x7e"), "fixups", A, "NGEN3104")


def test_fixup_that_the_target_does_not_know(patch: Patch) -> None:
    *_, rva = _with_signatures(patch, lambda kind: kind is FixupKind.MethodEntry)
    only(patch.at(rva, bytes((FixupKind.PInvokeTarget,))), "fixups", A, "3.1 cannot resolve PInvokeTarget")


def test_fixup_of_a_row_that_does_not_exist(patch: Patch) -> None:
    rva = next(
        patch.image.signature_rva(index, slot)
        for index, section in enumerate(patch.image.import_sections)
        for slot in range(section.cell_count)
        if (fixup := patch.image.fixup(index, slot)) is not None
        and fixup.kind in (FixupKind.MethodEntry_DefToken, FixupKind.MethodEntry_RefToken)
        and fixup.numbers[0] >= 0x80  # takes two bytes, as the new one
    )
    only(patch.at(rva + 1, b"\xbf\xff"), "fixups", A, "Token names row 16383 of Me")


SHARED = """
public struct Size { public int W; public SECOND H; public string Name; }
public class Box { public int Old; }
"""
USER = """
public class User {
    public static int Area(Size[] sizes) { Size s = sizes[0]; sizes[1] = s; return s.W; }
    public static int Read(Box box) { return box.Old; }
}
"""


def test_layout_of_another_day(inputs: TestInputs, tmp_path: Path) -> None:
    """The struct grew after the image was made."""
    from nativegen.pipeline.compile import compile_file
    from nativegen.pipeline.request import CompileRequest
    from tests.support.csharp import compile_csharp
    from tests.support.runtimes import framework_references

    shared = compile_csharp(SHARED.replace("SECOND", "int"), tmp_path, "Shared", library=True)
    user = compile_csharp(USER, tmp_path, "User", references=[shared], library=True)
    framework = framework_references("3.1")
    references = {**framework, "Shared": str(shared)}
    image = tmp_path / "out" / "User.dll"
    image.parent.mkdir()
    compile_file(CompileRequest(str(user), str(image), "3.1", references))
    assert verify(image, user, references=References(references)).passed
    grown = compile_csharp(SHARED.replace("SECOND", "long"), tmp_path / "grown", "Shared", library=True)
    result = verify(image, user, references=References({**framework, "Shared": str(grown)}))
    assert failed_checks(result) == {"layouts": S}
    assert "Size has 24 bytes, the code was compiled for 16" in {f.message for _, f in result.failures}


# ---- stale, and the cache ------------------------------------------------------------------------------------------


def test_inputs_of_another_day(original: Path) -> None:
    only(original, "inputs", T, "Text.dll: contract changed", stale_because="Text.dll: contract changed")


def test_cached_file_changed_or_misplaced(original: Path, tmp_path: Path) -> None:
    document = document_of(original)
    copy = in_cache(original, tmp_path, document)
    assert verify(copy, document=document).passed
    with open(copy, "r+b") as stream:
        stream.seek(0x40)  # the DOS program, which nobody reads
        stream.write(b"\x55")
    only(copy, "cached-file", A, "the file was changed", document=document)
    only(original, "cached-file", A, "does not follow from its manifest", document=document)


def test_every_check_has_a_broken_image() -> None:
    """By name: a new check must bring its own."""
    with open(os.path.splitext(__file__)[0] + ".py", encoding="utf-8") as stream:
        text = stream.read()
    assert [check.name for check in CHECKS if f'"{check.name}"' not in text] == []


def test_nothing_else_is_said_about_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "Empty.dll"
    path.touch()
    (result,) = verify_static([subject(path)])
    assert [one.check.name for one in result.results] == ["header"] and not result.passed
