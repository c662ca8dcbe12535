"""deps.json: assets, runtime identifiers, versions, and every way it can be malformed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nativegen.binding.depsjson import NO_VERSION, DepsFile, read_deps
from nativegen.diagnostics import NativegenError
from tests.binding.conftest import write_json
from tests.support.paths import TestInputs

TARGET = ".NETCoreApp,Version=v9.0"


def deps(libraries: dict[str, Any], types: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"runtimeTarget": {"name": TARGET}, "targets": {TARGET: libraries}, "libraries": types or {}}


def read(tmp_path: Path, content: Any) -> DepsFile:
    found = read_deps(write_json(tmp_path / "app.deps.json", content))
    assert found is not None
    return found


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert read_deps(tmp_path / "app.deps.json") is None


def test_assets_keep_their_order_and_versions(tmp_path: Path) -> None:
    files = {"lib/net9.0/B.dll": {"assemblyVersion": "1.2.3.4", "fileVersion": "1.2"}, "lib/net9.0/A.dll": {}}
    first, second = read(tmp_path, deps({"Pack/1.0.0": {"runtime": files}})).runtime
    assert (first.name, first.file_name, first.assembly_version) == ("B", "B.dll", (1, 2, 3, 4))
    assert first.file_version == (1, 2, -1, -1)
    assert (second.name, second.assembly_version) == ("A", NO_VERSION)
    assert first.library_path == "Pack/1.0.0"


def test_the_best_runtime_identifier_replaces_the_neutral_asset(tmp_path: Path) -> None:
    targets = {
        f"runtimes/{rid}/lib/net9.0/X.dll": {"rid": rid, "assetType": "runtime"} for rid in ("win", "unix", "linux")
    }
    groups = {"runtime": {"lib/net9.0/X.dll": {}}, "runtimeTargets": targets}
    (asset,) = read(tmp_path, deps({"X/1.0.0": groups})).runtime
    assert (asset.relative_path, asset.rid_specific) == ("runtimes/linux/lib/net9.0/X.dll", True)


def test_foreign_runtime_identifiers_leave_the_neutral_asset(tmp_path: Path) -> None:
    targets = {"runtimes/win/lib/net9.0/X.dll": {"rid": "win", "assetType": "runtime"}}
    groups = {"runtime": {"lib/net9.0/X.dll": {}}, "runtimeTargets": targets}
    (asset,) = read(tmp_path, deps({"X/1.0.0": groups})).runtime
    assert (asset.relative_path, asset.rid_specific) == ("lib/net9.0/X.dll", False)


def test_placeholders_and_satellites(tmp_path: Path) -> None:
    groups = {"runtime": {"lib/net9.0/_._": {}}, "resources": {"lib/de/X.resources.dll": {"locale": "de"}}}
    found = read(tmp_path, deps({"X/1.0.0": groups}))
    assert found.runtime == ()
    assert [(asset.name, asset.culture) for asset in found.resources] == [("X.resources", "de")]


def test_real_files(inputs: TestInputs) -> None:
    azmcp = read_deps(inputs.azmcp / "azmcp.deps.json")
    assert azmcp is not None
    packs = [asset for asset in azmcp.runtime if asset.runtime_pack]
    assert len(packs) == 168 + 109
    assert {asset.culture for asset in azmcp.resources} >= {"cs", "de", "ja"}
    framework = read_deps(inputs.framework("3.1") / "Microsoft.NETCore.App.deps.json")
    assert framework is not None
    assert len(framework.runtime) == 164


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("{]", "Expecting"),
        ("7", "not a JSON object"),
        ({}, "no object 'targets'"),
        ({"targets": {}}, "'runtimeTarget' names no target"),
        ({"runtimeTarget": {"name": "other"}, "targets": {TARGET: {}}}, "'runtimeTarget' names no target"),
        (deps({"X/1.0.0": 3}), "library 'X/1.0.0' is not an object"),
        (deps({"X/1.0.0": {"runtime": ["x.dll"]}}), "'runtime' of library 'X/1.0.0' is not an object of objects"),
        (deps({"X/1.0.0": {"runtime": {"x.dll": 1}}}), "'runtime' of library 'X/1.0.0' is not an object of objects"),
        (deps({"X/1.0.0": {"runtimeTargets": 1}}), "'runtimeTargets' of library"),
    ],
)
def test_malformed(tmp_path: Path, content: Any, detail: str) -> None:
    with pytest.raises(NativegenError) as raised:
        read(tmp_path, content)
    assert raised.value.code == "NGEN2003"
    assert str(raised.value).startswith(f"{tmp_path / 'app.deps.json'}: error NGEN2003: ")
    assert detail in str(raised.value)
