"""The list of trusted assemblies must be the host's own, which a running program can print."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nativegen.binding.trusted import trusted_assemblies
from nativegen.runtime.discover import runtime_for
from tests.binding.conftest import runtime_options, write_json
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

pytestmark = pytest.mark.runtime

AskHost = Callable[[Path, str], list[str]]
TARGET = ".NETCoreApp,Version=v9.0"


def trusted_by_us(inputs: TestInputs, app: Path, target: str) -> list[str]:
    runtime = runtime_for(app, inputs.root(target))
    trusted = trusted_assemblies(app, runtime.frameworks, self_contained=False)
    assert trusted.missing == ()
    return sorted(str(Path(entry.path).resolve()) for entry in trusted.by_name.values())


def library(folder: Path, name: str, version: str) -> Path:
    text = f'[assembly: System.Reflection.AssemblyVersion("{version}")] public class {name.replace(".", "_")} {{}}'
    return compile_csharp(text, folder, name, library=True)


def app_deps(libraries: dict[str, Any]) -> dict[str, Any]:
    listed = {"tell/1.0.0": {"runtime": {"tell.dll": {}}}} | libraries
    types = {name: {"type": "package", "serviceable": False, "sha512": ""} for name in listed}
    return {"runtimeTarget": {"name": TARGET}, "targets": {TARGET: listed}, "libraries": types}


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_without_deps_json_every_file_of_the_folder(
    inputs: TestInputs, tell: Path, trusted_by_host: AskHost, target: str
) -> None:
    write_json(tell.with_suffix(".runtimeconfig.json"), runtime_options(f"{target}.0"))
    library(tell.parent, "Extra", "1.0.0.0")
    shutil.copyfile(library(tell.parent, "Other", "1.0.0.0"), tell.parent / "Other.exe")
    assert trusted_by_us(inputs, tell, target) == trusted_by_host(tell, target)


def test_the_framework_beats_an_unversioned_copy(
    inputs: TestInputs, tell: Path, trusted_by_host: AskHost
) -> None:
    write_json(tell.with_suffix(".runtimeconfig.json"), runtime_options())
    library(tell.parent, "System.Linq", "99.0.0.0")
    ours = trusted_by_us(inputs, tell, "9.0")
    assert str(inputs.framework("9.0") / "System.Linq.dll") in ours
    assert ours == trusted_by_host(tell, "9.0")


@pytest.mark.parametrize(
    ("assembly_version", "file_version", "from_app"),
    [
        ("99.0.0.0", "1.0.0.0", True),
        ("9.0.0.0", "1.0.0.0", False),
        ("9.0.0.0", "99.0.0.0", True),
        ("9.0.0.0", "9.0.525.21509", False),  # the framework's own versions: it wins a draw
        ("1.0.0.0", "99.0.0.0", False),
        (None, None, False),
    ],
)
def test_the_higher_version_wins(
    inputs: TestInputs,
    tell: Path,
    trusted_by_host: AskHost,
    assembly_version: str | None,
    file_version: str | None,
    from_app: bool,
) -> None:
    write_json(tell.with_suffix(".runtimeconfig.json"), runtime_options())
    copy = library(tell.parent, "System.Collections.Immutable", "99.0.0.0")
    versions = {"assemblyVersion": assembly_version, "fileVersion": file_version}
    asset = {key: value for key, value in versions.items() if value is not None}
    libraries = {"Pack/1.0.0": {"runtime": {"lib/net9.0/System.Collections.Immutable.dll": asset}}}
    write_json(tell.with_suffix(".deps.json"), app_deps(libraries))
    ours = trusted_by_us(inputs, tell, "9.0")
    assert (str(copy) in ours) == from_app
    assert ours == trusted_by_host(tell, "9.0")


def test_only_listed_files_and_those_of_this_platform(
    inputs: TestInputs, tell: Path, trusted_by_host: AskHost
) -> None:
    write_json(tell.with_suffix(".runtimeconfig.json"), runtime_options())
    library(tell.parent, "Unlisted", "1.0.0.0")
    neutral = library(tell.parent, "Native", "1.0.0.0")
    specific = library(tell.parent / "runtimes/linux-x64/lib/net9.0", "Native", "1.0.0.0")
    assets = {
        f"runtimes/{rid}/lib/net9.0/Native.dll": {"rid": rid, "assetType": "runtime"} for rid in ("win", "linux-x64")
    }
    group = {"runtime": {"lib/net9.0/Native.dll": {}}, "runtimeTargets": assets}
    write_json(tell.with_suffix(".deps.json"), app_deps({"Native/1.0.0": group}))
    ours = trusted_by_us(inputs, tell, "9.0")
    assert str(specific) in ours
    assert str(neutral) not in ours
    assert ours == trusted_by_host(tell, "9.0")


def test_additional_probing_paths(inputs: TestInputs, tell: Path, trusted_by_host: AskHost, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    write_json(tell.with_suffix(".runtimeconfig.json"), runtime_options(additionalProbingPaths=[str(packages)]))
    cached = library(packages / "Pack/1.0.0/lib/net9.0", "Cached", "1.0.0.0")
    write_json(tell.with_suffix(".deps.json"), app_deps({"Pack/1.0.0": {"runtime": {"lib/net9.0/Cached.dll": {}}}}))
    ours = trusted_by_us(inputs, tell, "9.0")
    assert str(cached) in ours
    assert ours == trusted_by_host(tell, "9.0")


def test_several_frameworks(inputs: TestInputs, tell: Path, trusted_by_host: AskHost) -> None:
    config = runtime_options(name="Microsoft.AspNetCore.App")
    write_json(tell.with_suffix(".runtimeconfig.json"), config)
    ours = trusted_by_us(inputs, tell, "9.0")
    assert str(inputs.aspnetcore() / "Microsoft.AspNetCore.dll") in ours
    assert ours == trusted_by_host(tell, "9.0")


def test_self_contained(inputs: TestInputs) -> None:
    app = inputs.azmcp / "azmcp.dll"
    trusted = trusted_assemblies(app, (), self_contained=True)
    kinds = [entry.kind for entry in trusted.by_name.values()]
    assert trusted.missing == ()
    assert (kinds.count("app"), kinds.count("framework")) == (112, 277)
    assert {satellite.culture for satellite in trusted.satellites} >= {"cs", "de", "ja"}


def test_listed_files_that_are_missing_are_reported(inputs: TestInputs, tell: Path) -> None:
    deps = write_json(tell.with_suffix(".deps.json"), app_deps({"Gone/1.0.0": {"runtime": {"lib/Gone.dll": {}}}}))
    trusted = trusted_assemblies(tell, (), self_contained=True)
    assert trusted.missing == (f"{deps}: lib/Gone.dll of Gone/1.0.0",)
    assert trusted.find("gone") is None
