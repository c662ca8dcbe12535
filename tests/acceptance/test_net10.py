"""azmcp 3.0, a single-file application on .NET 10: its own assemblies compile, and its bundle runs with our images.

The bundle is written again with images in place of the application's own assemblies (tests/support/bundle.py); the
framework in it stays IL. What it prints is compared with what the bundle of IL prints.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.runtime.events import MethodReport, read_method_report
from tests.support.bundle import BundledFile, FileType, write_bundle
from tests.support.images import ImageSet, compiled_set
from tests.support.paths import TRIMMED_TARGET, TestInputs
from tests.support.provision import BUNDLE_HOST
from tests.support.runtimes import clean_environment

pytestmark = [pytest.mark.sweep, pytest.mark.runtime]

OWN = ("azmcp", "Azure.Mcp.", "Microsoft.Mcp.")


def own_assemblies(application: Path) -> list[Path]:
    """The assemblies that azmcp's authors wrote."""
    return [path for path in sorted(application.glob("*.dll")) if path.stem == OWN[0] or path.stem.startswith(OWN[1:])]


def compiled_azmcp10(application: Path) -> ImageSet:
    """Images of them, for 10.0."""
    references = {path.stem: str(path) for path in sorted(application.glob("*.dll"))}
    return compiled_set("azmcp10", own_assemblies(application), references, TRIMMED_TARGET)


@pytest.fixture(scope="module")
def images(inputs: TestInputs) -> ImageSet:
    return compiled_azmcp10(inputs.azmcp10)


def bundled(application: Path, place: Path, replaced: dict[str, Path]) -> Path:
    """The application as one file, some of its files replaced."""
    types = {".json": FileType.DEPS_JSON, ".so": FileType.NATIVE_BINARY}
    files = {}
    for path in sorted(application.rglob("*")):
        name = str(path.relative_to(application))
        if path.is_dir() or name == BUNDLE_HOST:
            continue
        kind = FileType.RUNTIME_CONFIG if name.endswith("runtimeconfig.json") else types.get(path.suffix)
        data = replaced.get(name, path).read_bytes()
        files[name] = BundledFile(kind or FileType.ASSEMBLY, data)
    place.mkdir()
    write_bundle(place / "azmcp", (application / BUNDLE_HOST).read_bytes(), files)
    return place / "azmcp"


def run(program: Path, home: Path, *arguments: str, **variables: str) -> tuple[int, bytes, bytes]:
    home.mkdir(exist_ok=True)
    environment = clean_environment(home) | {"AZURE_MCP_COLLECT_TELEMETRY": "false"} | variables
    done = subprocess.run([program, *arguments], capture_output=True, env=environment, timeout=300)
    return done.returncode, done.stdout, done.stderr


def test_its_own_assemblies_compile(images: ImageSet) -> None:
    methods = sum(report.methods for report in images.reports.values())
    native = sum(report.native for report in images.reports.values())
    print(f"\n{len(images.images)} images, {len(images.facades)} facades: {native} of {methods} methods native")
    assert len(images.images) > 60 and methods > 50_000
    assert native > 0.98 * methods


@pytest.mark.parametrize("tiering", ["0", "1"])
def test_a_bundle_of_images_prints_the_same(
    images: ImageSet, tiering: str, inputs: TestInputs, tmp_path: Path
) -> None:
    replaced = {path.name: path for path in images.images.values()}
    shipped = bundled(inputs.azmcp10, tmp_path / "shipped", {})
    native = bundled(inputs.azmcp10, tmp_path / "native", replaced)
    for arguments in (["--version"], ["--help"], ["storage"], ["tools", "list", "--help"]):
        expected = run(shipped, tmp_path / "home", *arguments, DOTNET_TieredCompilation=tiering)
        assert run(native, tmp_path / "home", *arguments, DOTNET_TieredCompilation=tiering) == expected, arguments
    assert expected[0] == 0


def traced(program: Path, folder: Path) -> MethodReport:
    """What became of the methods that ``--help`` runs."""
    trace = folder / "help.nettrace"
    settings = {
        "DOTNET_EnableEventPipe": "1",
        "DOTNET_EventPipeConfig": "Microsoft-Windows-DotNETRuntime:0x2000000038:5",
        "DOTNET_EventPipeCircularMB": "400",
        "DOTNET_EventPipeOutputPath": str(trace),
        "DOTNET_TieredCompilation": "0",
    }
    code, _, errors = run(program, folder / "home", "--help", **settings)
    assert code == 0, errors
    return read_method_report(trace)


def test_the_runtime_takes_the_images(images: ImageSet, inputs: TestInputs, tmp_path: Path) -> None:
    replaced = {path.name: path for path in images.images.values()}
    report = traced(bundled(inputs.azmcp10, tmp_path / "native", replaced), tmp_path)
    report.require_reliable()
    names: set[str] = set()
    compiled: set[str] = set()
    for path in images.images.values():
        image = ReadyToRunImage.open(path)
        assembly = image.assembly
        for rid in range(1, assembly.row_count(2) + 1):
            owner = assembly.type_full_name(rid)
            for method in assembly.type_def(rid).method_rids:
                name = f"{owner}::{assembly.method_def(method).name}"
                names.add(name)
                if method in image.method_entries:
                    compiled.add(name)
    own = [record for record in report.methods if record.full_name in names]
    native = sum(record.state == "native" for record in own)
    # Overloads share a name: a name with an entry is no proof of one for this overload.
    rejected = sorted({record.full_name for record in own if record.entry_point == 0} & compiled)
    print(f"\n--help ran {len(own)} methods of the images, {native} native; rejected: {rejected}")
    assert native > 0.9 * len(own) and native > 500
    assert len(rejected) <= 0.001 * len(own)
