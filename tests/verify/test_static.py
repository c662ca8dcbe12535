"""The static checks: Microsoft's images pass, each kind of damage is found by the check meant for it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.verify.model import Severity, Subject, SubjectResult
from nativegen.verify.static import CHECKS, verify_static
from tests.support.paths import TestInputs


def verify(path: Path, source: Path | None = None, target: str | None = None) -> SubjectResult:
    return verify_static([Subject(str(path), path.name, None if source is None else str(source), target=target)])[0]


def failed_checks(result: SubjectResult) -> dict[str, Severity]:
    return {check.name: finding.severity for check, finding in reversed(result.failures)}


@pytest.fixture
def original(inputs: TestInputs) -> Path:
    return inputs.framework("3.1") / "System.Collections.dll"


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    path = tmp_path / "System.Collections.dll"
    path.write_bytes(original.read_bytes())
    return path


def patch(path: Path, offset: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(content)


def pe_offset(path: Path) -> int:
    (offset,) = struct.unpack_from("<I", path.read_bytes(), 0x3C)
    return int(offset)


@pytest.mark.parametrize("target", ["3.1", "9.0"])
@pytest.mark.parametrize("name", ["System.Linq", "System.Collections", "System.Text.Json", "Microsoft.CSharp"])
def test_images_of_microsoft_pass(inputs: TestInputs, target: str, name: str) -> None:
    path = inputs.framework(target) / f"{name}.dll"
    result = verify(path, path, target)
    assert result.passed, result.failures
    assert [one.check for one in result.results] == list(CHECKS)


def test_an_image_for_another_runtime_is_silently_ignored_by_this_one(original: Path) -> None:
    assert failed_checks(verify(original, target="9.0")) == {"version": Severity.SILENT}


def test_an_unknown_format_version(copy: Path) -> None:
    rva, _ = Assembly.open(copy).ready_to_run_header or (0, 0)
    patch(copy, Assembly.open(copy).pe.rva_to_offset(rva) + 4, struct.pack("<H", 99))
    assert failed_checks(verify(copy))["version"] is Severity.SILENT


def test_a_foreign_machine_aborts(copy: Path) -> None:
    patch(copy, pe_offset(copy) + 4, struct.pack("<H", 0xAA64))
    assert failed_checks(verify(copy)) == {"container": Severity.ABORT}


def test_cleared_library_flag_aborts(copy: Path) -> None:
    header = Assembly.open(copy).pe.rva_to_offset(Assembly.open(copy).data_directories[14].rva)
    patch(copy, header + 16, struct.pack("<I", 1))
    assert failed_checks(verify(copy))["container"] is Severity.ABORT


def test_an_image_of_another_build_is_stale(original: Path, inputs: TestInputs) -> None:
    other = inputs.framework("9.0") / "System.Collections.dll"
    assert failed_checks(verify(original, other)) == {"il": Severity.STALE}


def test_changed_metadata_aborts(copy: Path, original: Path) -> None:
    data = copy.read_bytes()
    patch(copy, data.index(b"SortedDictionary`2\0"), b"T")
    assert failed_checks(verify(copy, original)) == {"il": Severity.ABORT}


def test_a_changed_body_aborts(copy: Path, original: Path) -> None:
    assembly = Assembly.open(original)
    rid = next(rid for rid in range(1, 200) if (body := assembly.method_body(rid)) and len(body.code) > 30)
    body = assembly.method_body(rid)
    assert body is not None
    patch(copy, copy.read_bytes().index(body.code) + 20, b"\x00\x00")
    result = verify(copy, original)
    assert failed_checks(result) == {"il": Severity.ABORT} and "the IL of 1 methods" in result.failures[0][1].message


def test_runtime_functions_out_of_order_abort(copy: Path) -> None:
    image = ReadyToRunImage.open(copy)
    section = next(s for s in image.header.sections if s.type == 102)
    offset = image.assembly.pe.rva_to_offset(section.rva)
    patch(copy, offset + 12, copy.read_bytes()[offset : offset + 12])
    assert "structure" in failed_checks(verify(copy))


def test_a_fixup_of_an_unknown_kind_aborts(copy: Path) -> None:
    image = ReadyToRunImage.open(copy)
    index = next(i for i, s in enumerate(image.import_sections) if s.signatures_rva)
    patch(copy, image.assembly.pe.rva_to_offset(image.signature_rva(index, 0)), b"\x7e")
    assert "fixups" in failed_checks(verify(copy))


@pytest.mark.parametrize("size", [0, 100, 5000, 60000])
def test_a_truncated_image_is_reported_by_every_check_that_reads_it(copy: Path, size: int) -> None:
    copy.write_bytes(copy.read_bytes()[:size])
    result = verify(copy)
    assert not result.passed and set(failed_checks(result).values()) == {Severity.ABORT}


def test_what_planning_says_is_a_finding(original: Path) -> None:
    subject = Subject(str(original), "X", stale_because="Text.dll: contract changed")
    (result,) = verify_static([subject])
    assert failed_checks(result) == {"inputs": Severity.STALE}
