"""The shared cache against a real HTTP server: hits give the same bytes, and no server can do worse than cost time."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from nativegen.cache.index import Index
from nativegen.cache.remote_client import MODE, SECRET, TIMEOUT, TOKEN, URL, RemoteClient, RemoteSettings
from nativegen.cache.remote_entry import Entry, Output
from nativegen.diagnostics import NativegenError
from nativegen.operations.closure import Closure
from nativegen.operations.request import InstallRequest
from nativegen.operations.shared import DESCRIPTION, IMAGE, SharedToolchain, shared_fields
from nativegen.operations.shared_key import SharedKeys, shared_key
from nativegen.operations.toolchain import CompileFailure, NativeToolchain, Progress
from nativegen.pipeline.request import (
    CompileOptions,
    CompileReport,
    CompileRequest,
    ExcludedMethod,
    GenericInstance,
)
from nativegen.plan.decide import Contracts
from nativegen.readytorun.unit import ForeignUse
from nativegen.verify.download import check_download
from tests.support import http_cache
from tests.support.csharp import compile_csharp
from tests.support.http_cache import HttpCache
from tests.support.runtimes import framework_references

SOURCE = (
    "public class Sums { public static int Add(int[] x) { int s = 0; foreach (int i in x) s += i; return s; } EXTRA }"
)


@dataclass(frozen=True)
class Made:
    """One compilation: the request, and what the compiler made of it. Its report has something of everything."""

    request: CompileRequest
    image: bytes
    report: CompileReport


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("shared")
    source = compile_csharp(SOURCE.replace("EXTRA", ""), folder, "Sums", library=True)
    request = CompileRequest(str(source), str(folder / "Sums.ni.dll"), "3.1", framework_references("3.1"))
    (report,) = NativeToolchain().compile([request], 1, lambda done, total, name: None)
    assert isinstance(report, CompileReport)
    everything = replace(
        report,
        excluded={"large": 1},
        exclusions=(ExcludedMethod("Sums::X", 7, "large", "so"),),
        instances=(GenericInstance("Sums::Y<int>", 8, "Sums::X", "large", "too"),),
        foreign=(ForeignUse("body", "Core", "Core::M", "0" * 32),),
    )
    return Made(request, Path(request.output).read_bytes(), everything)


@pytest.fixture
def server() -> Iterator[HttpCache]:
    with HttpCache() as running:
        yield running


class Compiler:
    """Stands for the compiler: writes what it once made, and counts."""

    def __init__(self, made: Made) -> None:
        self._made = made
        self.compiled = 0

    def fingerprint(self) -> str:
        return "compiler-1"

    def bind(self, request: InstallRequest) -> Closure:
        raise AssertionError

    def contracts(self, index: Index) -> Contracts:
        raise AssertionError

    def compile(
        self, requests: Sequence[CompileRequest], jobs: int, progress: Progress
    ) -> Iterator[CompileReport | CompileFailure]:
        for request in requests:
            self.compiled += 1
            Path(request.output).write_bytes(self._made.image)
            yield replace(self._made.report, output=request.output)


@dataclass
class Machine:
    """One user's computer."""

    toolchain: SharedToolchain
    compiler: Compiler

    def build(self, made: Made, folder: Path, **changes: object) -> CompileReport:
        folder.mkdir(exist_ok=True)
        request = replace(made.request, output=str(folder / "out.dll"), **changes)  # type: ignore[arg-type]
        (report,) = self.toolchain.compile([request], 1, lambda done, total, name: None)
        assert isinstance(report, CompileReport)
        # Whatever the server does, this is what the user gets.
        assert Path(request.output).read_bytes() == made.image
        assert shared_fields(report) == shared_fields(made.report)
        assert [path.name for path in folder.iterdir()] == ["out.dll"]
        return report


def machine(made: Made, url: str, writes: bool = False, **settings: object) -> Machine:
    compiler = Compiler(made)
    client = RemoteClient(RemoteSettings(url, writes, **settings))  # type: ignore[arg-type]
    return Machine(SharedToolchain(compiler, client, check_download), compiler)


def filled(made: Made, server: HttpCache, tmp_path: Path, **settings: object) -> None:
    """The server has the image, written by somebody else."""
    writer = machine(made, server.url, True, **settings)
    writer.build(made, tmp_path / "writer")
    assert writer.toolchain.stored == 1
    server.requests.clear()


def test_what_one_machine_compiled_another_downloads(made: Made, server: HttpCache, tmp_path: Path) -> None:
    filled(made, server, tmp_path)
    assert sorted(path.split("/")[1] for path in server.blobs) == ["ac", "cas", "cas"]
    for path, data in server.blobs.items():
        if path.startswith("/cas/"):
            assert path == "/cas/" + hashlib.sha256(data).hexdigest()
    reader = machine(made, server.url)
    report = reader.build(made, tmp_path / "reader")
    assert report.downloaded and reader.compiler.compiled == 0 and reader.toolchain.downloaded == 1
    assert server.count("PUT") == 0


def test_read_only_is_the_default(made: Made, server: HttpCache, tmp_path: Path) -> None:
    reader = machine(made, server.url)
    assert not reader.build(made, tmp_path / "reader").downloaded
    assert server.count("PUT") == 0 and reader.toolchain.missed == 1


@pytest.mark.parametrize(
    "fault",
    [
        http_cache.truncating,
        http_cache.truncating_quietly,
        http_cache.corrupting,
        http_cache.endless,
        http_cache.hanging,
        http_cache.answering(500),
        http_cache.answering(403),
        http_cache.answering(302, {"Location": "http://127.0.0.1:9/"}),
    ],
    ids=lambda fault: getattr(fault, "__name__", "x"),
)
@pytest.mark.parametrize("where", ["/ac/", "/cas/"])
def test_a_server_that_misbehaves_costs_time_only(
    made: Made, server: HttpCache, tmp_path: Path, fault: http_cache.Fault, where: str
) -> None:
    filled(made, server, tmp_path)
    server.fault = lambda handler, data: handler.path.startswith(where) and fault(handler, data)
    reader = machine(made, server.url, seconds=1.0)
    assert not reader.build(made, tmp_path / "reader").downloaded
    assert reader.compiler.compiled == 1
    server.fault = None
    assert machine(made, server.url).build(made, tmp_path / "again").downloaded


def test_a_server_that_drips_is_given_up(made: Made, server: HttpCache, tmp_path: Path) -> None:
    filled(made, server, tmp_path)
    server.fault = http_cache.dripping
    reader = machine(made, server.url, seconds=0.5)
    began = time.monotonic()
    assert not reader.build(made, tmp_path / "reader").downloaded
    assert reader.toolchain.problem == "a transfer took longer than 0.5 s"
    assert time.monotonic() - began < 20


def test_a_server_that_is_away_is_asked_three_times(made: Made, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    reader = machine(made, address, True)
    for number in range(4):
        assert not reader.build(made, tmp_path / str(number)).downloaded
    assert reader.compiler.compiled == 4 and reader.toolchain.problem == "NewConnectionError"


def test_a_server_that_takes_nothing(made: Made, server: HttpCache, tmp_path: Path) -> None:
    server.read_only = True
    writer = machine(made, server.url, True)
    assert not writer.build(made, tmp_path / "writer").downloaded
    assert writer.toolchain.stored == 0 and writer.toolchain.problem == "it answers 403 to writing"


def test_the_token_is_sent_and_needed(made: Made, server: HttpCache, tmp_path: Path) -> None:
    server.token = "t0ken"
    filled(made, server, tmp_path, token="t0ken")
    assert machine(made, server.url, token="t0ken").build(made, tmp_path / "friend").downloaded
    stranger = machine(made, server.url)
    assert not stranger.build(made, tmp_path / "stranger").downloaded
    assert stranger.toolchain.problem == "it answers 401"


def test_with_a_secret_unsigned_entries_are_misses(made: Made, server: HttpCache, tmp_path: Path) -> None:
    filled(made, server, tmp_path)
    reader = machine(made, server.url, secret=b"s")
    assert not reader.build(made, tmp_path / "unsigned").downloaded and reader.toolchain.refused == 1
    filled(made, server, tmp_path, secret=b"s")
    assert machine(made, server.url, secret=b"s").build(made, tmp_path / "signed").downloaded
    assert not machine(made, server.url, secret=b"other").build(made, tmp_path / "other").downloaded
    assert machine(made, server.url).build(made, tmp_path / "trusting").downloaded


def test_a_signature_is_for_one_key_only(made: Made, server: HttpCache, tmp_path: Path) -> None:
    """Somebody with write access, but without the secret, copies a signed entry to another key."""
    filled(made, server, tmp_path, secret=b"s")
    (entry,) = [data for path, data in server.blobs.items() if path.startswith("/ac/")]
    options = CompileOptions(effort="full")
    other = SharedKeys("compiler-1").manifest(replace(made.request, options=options))
    server.blobs["/ac/" + shared_key(other)] = entry
    reader = machine(made, server.url, secret=b"s")
    assert not reader.build(made, tmp_path / "reader", options=options).downloaded and reader.toolchain.refused == 1
    # Without a secret the key manifest inside the entry gives it away.
    reader = machine(made, server.url)
    assert not reader.build(made, tmp_path / "trusting", options=options).downloaded and reader.toolchain.refused == 1


def forged(made: Made, server: HttpCache, image: bytes, report: object = None, outputs: int = 2) -> None:
    """An entry with right digests and whatever contents."""
    manifest = SharedKeys("compiler-1").manifest(made.request)
    key = shared_key(manifest)
    old = Entry.decode(server.blobs[f"/ac/{key}"])
    description = old.output(DESCRIPTION)
    assert description is not None
    document = json.loads(server.blobs[f"/cas/{description.digest}"])
    if report is not None:
        document["report"] = report
    text = json.dumps(document).encode()
    new = (Output.of(IMAGE, image), Output.of(DESCRIPTION, text))[:outputs]
    for output, data in zip(new, (image, text), strict=False):
        server.blobs[f"/cas/{output.digest}"] = data
    server.blobs[f"/ac/{key}"] = Entry(new).encode(key, None)


def test_an_image_with_a_broken_structure_is_refused(made: Made, server: HttpCache, tmp_path: Path) -> None:
    filled(made, server, tmp_path)
    forged(made, server, made.image)
    assert machine(made, server.url).build(made, tmp_path / "sound").downloaded
    broken = made.image.replace(b"Sums", b"Sins", 1)
    for number, image in enumerate([b"", b"MZ", made.image[:-300], broken, made.image + b"\0" * 10_000_000]):
        forged(made, server, image)
        reader = machine(made, server.url)
        if number < 4:
            assert not reader.build(made, tmp_path / str(number)).downloaded and reader.toolchain.refused == 1


@pytest.mark.parametrize("report", [[], {}, {"kind": "image"}, {"kind": "image", "name": "Sums", "sudo": 1}, 7])
def test_a_description_that_is_none_is_refused(made: Made, server: HttpCache, tmp_path: Path, report: object) -> None:
    filled(made, server, tmp_path)
    forged(made, server, made.image, report)
    reader = machine(made, server.url)
    assert not reader.build(made, tmp_path / "reader").downloaded and reader.toolchain.refused == 1


def test_an_entry_without_its_outputs_is_refused(made: Made, server: HttpCache, tmp_path: Path) -> None:
    filled(made, server, tmp_path)
    forged(made, server, made.image, outputs=1)
    reader = machine(made, server.url)
    assert not reader.build(made, tmp_path / "reader").downloaded and reader.toolchain.refused == 1


def test_entries_survive_any_damage(made: Made) -> None:
    entry = Entry((Output("image", "ab" * 32, 10), Output("x", "cd" * 32, 1 << 40)))
    data = entry.encode("k", b"s")
    assert Entry.decode(data).outputs == entry.outputs and Entry.decode(data).is_signed_for("k", b"s")
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            for garbage in (bytes(damaged), data[:at]):
                try:
                    found = Entry.decode(garbage)
                except ValueError:
                    continue
                assert found.outputs == entry.outputs or not found.is_signed_for("k", b"s")


def test_keys_depend_on_everything_that_matters_and_on_nothing_else(made: Made, tmp_path: Path) -> None:
    def key(request: CompileRequest, compiler: str = "compiler-1") -> str:
        return shared_key(SharedKeys(compiler).manifest(request))

    request = made.request
    moved = tmp_path / "elsewhere" / "Sums.dll"
    moved.parent.mkdir()
    moved.write_bytes(Path(request.input).read_bytes())
    assert key(replace(request, input=str(moved), output="/x")) == key(request)
    unused = {**request.references, "Unrelated": str(moved)}
    assert key(replace(request, references=unused)) == key(request)
    changed = compile_csharp(SOURCE.replace("EXTRA", "int more;"), tmp_path, "Sums", library=True)
    others = {
        key(request, "compiler-2"),
        key(replace(request, target="9.0")),
        key(replace(request, options=CompileOptions(effort="none"))),
        key(replace(request, partial=("Sums::Add int32 (int32[])",))),
        key(replace(request, input=str(changed))),
        key(replace(request, references={**request.references, "System.Private.CoreLib": str(moved)})),
    }
    assert len(others) == 6 and key(request) not in others


@pytest.mark.parametrize(
    "environment",
    [
        {URL: "ftp://x"},
        {URL: "cache"},
        {URL: "http://me:pw@host"},
        {URL: "http://x", MODE: "rw"},
        {URL: "http://x", TIMEOUT: "0"},
    ],
)
def test_settings_that_cannot_be_used(environment: dict[str, str]) -> None:
    with pytest.raises(NativegenError, match="NGEN4010"):
        RemoteSettings.of(environment)


def test_settings_of_the_environment() -> None:
    assert RemoteSettings.of({}) is None
    variables = {URL: "https://cache/x/", MODE: "read-write", TOKEN: "t", TIMEOUT: "5", SECRET: "s"}
    assert RemoteSettings.of(variables) == RemoteSettings("https://cache/x", True, "t", 5.0, b"s")
    assert RemoteSettings.of(variables, "http://other", "read-only") == RemoteSettings(
        "http://other", False, "t", 5.0, b"s"
    )
