"""The live host and what is made of its answers; on real runtimes with Microsoft's own images."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from nativegen.metadata import Assembly, Table
from nativegen.metadata.assembly_writer import AssemblyWriter, Body, Label, compressed
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.runtime.events import MethodRecord, MethodReport
from nativegen.verify.live import LiveGroup, LiveImage, ask_runtime, verify_live
from nativegen.verify.live_answers import judge_answers, read_answers
from nativegen.verify.live_host import NAME, build_live_host
from nativegen.verify.model import Severity, Subject
from nativegen.verify.static import verify_static
from tests.support.paths import TestInputs


def test_the_host_is_the_same_every_time_and_reads_back() -> None:
    data = build_live_host()
    assert data == build_live_host()
    host = Assembly.from_bytes(data, "host")
    assert host.name == NAME and host.is_il_only and host.is_pe32_plus
    assert [reference.name for reference in host.assembly_refs] == ["System.Private.CoreLib"]
    names = [host.method_def(rid).name for rid in range(1, host.row_count(Table.MethodDef) + 1)]
    assert names == ["Initialize", "Main"] and host.entry_point_token == 0x06000002
    body = host.method_body(1)
    assert body is not None and len(body.exception_clauses) == 1


def test_the_writer_encodes_branches_and_clauses() -> None:
    body = Body(2)
    top, end = Label(), Label()
    body.mark(top)
    body.branch(0x38, end)
    body.branch(0x38, top)
    body.mark(end)
    body.op(0x2A)
    body.catch(top, end, top, end, 0x01000001)
    writer = AssemblyWriter("X")
    core = writer.assembly_ref("System.Private.CoreLib", b"12345678")
    writer.type_def(0, "N", "T", writer.type_ref(core, "System", "Object"))
    writer.method(0x96, "M", b"\0\0\1", body.encode(0))
    assembly = Assembly.from_bytes(writer.build(), "x")
    decoded = assembly.method_body(1)
    assert decoded is not None and decoded.code == bytes.fromhex("380500000038f6ffffff2a")
    clause = decoded.exception_clauses[0]
    assert (clause.try_offset, clause.try_length, clause.handler_offset, clause.handler_length) == (0, 10, 0, 10)


@pytest.mark.parametrize(
    ("value", "hex"), [(3, "03"), (0x7F, "7f"), (0x80, "8080"), (0x2E57, "ae57"), (0x4000, "c0004000")]
)
def test_compressed_integers(value: int, hex: str) -> None:
    assert compressed(value).hex() == hex  # examples of II.23.2


def record(method_id: int, full_name: str, entry_point: int | None) -> MethodRecord:
    namespace, _, name = full_name.rpartition("::")
    facts = {"namespace": namespace, "name": name, "signature": "", "method_id": method_id, "entry_point": entry_point}
    others = {field.name: None for field in dataclasses.fields(MethodRecord) if field.name not in facts}
    return MethodRecord(**{**others, **facts, "jitted": ()})  # type: ignore[arg-type]


def test_answers_are_sorted_by_image() -> None:
    tokens = {"/a": [1, 2], "/b": [1, 3], "/c": [1]}
    lines = ["1 16", "2 32", "!2 E2", "!/b Missing", "!1 NullRef", "!3 NullRef", "1 -1"]
    answers = read_answers(lines, tokens)
    assert answers["/a"].addresses == {1: 16, 2: 32} and answers["/a"].errors == {2: "E2"}
    assert answers["/b"].load_error == "Missing" and answers["/b"].errors == {1: "NullRef", 3: "NullRef"}
    assert answers["/c"].addresses == {1: 2**64 - 1}


def judge(inputs: TestInputs, *records: MethodRecord) -> tuple[int, tuple[int, ...]]:
    """Accepted and rejected of three methods of System.Linq whose ids are 16, 32 and 48."""
    assembly = Assembly.open(inputs.framework("3.1") / "System.Linq.dll")
    tokens = {"/a": [0x06000001, 0x06000002, 0x06000003]}
    answers = read_answers(["100663297 16", "100663298 32", "100663299 48"], tokens)
    report = MethodReport("t", records, (), (), 0, True)
    (verdict,) = judge_answers(answers, tokens, {"/a": assembly}, report, {}).values()
    return verdict.accepted, verdict.rejected


def test_a_method_without_an_entry_point_or_without_a_look_up_is_rejected(inputs: TestInputs) -> None:
    found = judge(inputs, record(16, "N.C::A", 4096), record(32, "N.C::B", 0))
    assert found == (1, (0x06000002, 0x06000003))


def test_the_method_behind_an_unboxing_stub_is_found_by_name_and_vouches_for_one_overload(inputs: TestInputs) -> None:
    assembly = Assembly.open(inputs.framework("3.1") / "System.Linq.dll")
    from nativegen.pipeline.method_names import method_display_name

    names = [method_display_name(assembly, rid) for rid in (1, 2, 3)]
    behind = [record(1000, names[0], 4096), record(1001, names[2], 4096)]
    accepted, rejected = judge(inputs, *behind)
    assert accepted == 2 and len(rejected) == 1
    # The id of a known handle is that method's alone.
    assert judge(inputs, record(32, names[0], 4096))[0] == 1


@pytest.mark.runtime
@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_the_runtime_takes_the_code_of_its_makers(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    # A copy under another name: the framework's own is loaded already, and only once.
    source = inputs.framework(target) / "System.Private.Xml.Linq.dll"
    subject = Subject(str(source), "System.Private.Xml.Linq")
    group = LiveGroup(None, (LiveImage(subject, str(source)),))
    (verdict,) = ask_runtime(group, str(inputs.root(target))).values()
    assert verdict.failed == () and verdict.load_message == ""
    assert verdict.prepared == len(ReadyToRunImage.open(source).method_entries) > 500
    assert len(verdict.rejected) <= verdict.prepared // 100


@pytest.mark.runtime
def test_an_image_of_another_version_is_found_out(inputs: TestInputs, tmp_path: Path) -> None:
    """The negative control: the runtime of 3.1 ignores an image whose header says otherwise."""
    source = inputs.roslyn / "NuGet.Versioning.dll"
    if not source.exists():
        source = next(iter(sorted(inputs.roslyn.glob("NuGet*.dll"))))
    image = tmp_path / "out" / source.name
    image.parent.mkdir()
    from nativegen.pipeline.compile import compile_file
    from nativegen.pipeline.request import CompileRequest
    from tests.support.runtimes import framework_references

    references = framework_references("3.1") | {path.stem: str(path) for path in inputs.roslyn.glob("*.dll")}
    compile_file(CompileRequest(str(source), str(image), "3.1", references))
    results = verify_static([Subject(str(image), source.stem, str(source))])
    group = LiveGroup(None, (LiveImage(results[0].subject, str(image)),))
    (good,) = verify_live(results, [group], str(inputs.root("3.1")))
    assert good.passed and good.results[-1].check.name == "live", good.failures

    data = bytearray(image.read_bytes())
    header = data.index(b"RTR\0")
    data[header + 4] = 2  # the major version before
    image.write_bytes(data)
    (bad,) = verify_live(results, [group], str(inputs.root("3.1")))
    assert not bad.passed
    ((check, finding),) = bad.failures
    assert check.name == "live" and finding.severity is Severity.SILENT


@pytest.mark.runtime
def test_the_hook_runs_instead_of_the_program(inputs: TestInputs, tmp_path: Path) -> None:
    host, listing = tmp_path / f"{NAME}.dll", tmp_path / "list"
    host.write_bytes(build_live_host())
    listing.write_text(f"{inputs.azmcp}/azmcp.dll\n{0x06000001}\n/nowhere.dll\n5\n")
    done = subprocess.run(
        [str(inputs.azmcp / "azmcp"), "--version"],
        env={"DOTNET_STARTUP_HOOKS": str(host), "NATIVEGEN_LIVE_LIST": str(listing), "HOME": str(tmp_path),
             "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        capture_output=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == b""
    first, second, third = (tmp_path / "list.out").read_text().splitlines()
    assert first.startswith(f"{0x06000001} ")
    assert second == "!/nowhere.dll System.IO.FileNotFoundException"
    assert third == "!5 System.NullReferenceException"
