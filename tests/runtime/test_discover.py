"""Finding runtimes: every place of DESIGN.md 6, in its order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.runtime.discover import dotnet_roots, find_runtimes, runtime_for, self_contained_runtime
from tests.binding.conftest import runtime_options, write_json
from tests.support.paths import TestInputs


def test_an_explicit_root(inputs: TestInputs) -> None:
    (runtime,) = find_runtimes(inputs.net9)
    assert (runtime.version, runtime.target, runtime.kind, runtime.origin) == ("9.0.5", "9.0", "shared", "--runtime")
    assert runtime.root == inputs.net9
    assert runtime.framework_dir == inputs.framework("9.0")
    assert [framework.name for framework in runtime.frameworks] == ["Microsoft.AspNetCore.App", "Microsoft.NETCore.App"]
    assert runtime.environment_prefix == "DOTNET_"
    (old,) = find_runtimes(inputs.net31)
    assert (old.target, old.environment_prefix) == ("3.1", "COMPlus_")


def test_the_frameworks_own_folder_will_do(inputs: TestInputs) -> None:
    (runtime,) = find_runtimes(inputs.framework("3.1"))
    assert (runtime.version, runtime.root) == ("3.1.23", inputs.net31.resolve())


def test_a_folder_of_a_self_contained_application(inputs: TestInputs) -> None:
    (runtime,) = find_runtimes(inputs.azmcp)
    assert (runtime.version, runtime.kind, runtime.root) == ("9.0.5", "self-contained", inputs.azmcp)


def test_a_folder_without_a_runtime(tmp_path: Path) -> None:
    with pytest.raises(NativegenError) as raised:
        find_runtimes(tmp_path)
    assert raised.value.code == "NGEN6003"
    assert raised.value.exit_code == 3


def test_the_order_of_places(inputs: TestInputs, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "dotnet"
    program.parent.mkdir()
    program.symlink_to(inputs.net31 / "dotnet")
    environment = {"DOTNET_ROOT": str(inputs.net9), "PATH": str(program.parent), "HOME": str(tmp_path)}
    found = find_runtimes(environment=environment)
    places = [(runtime.version, runtime.origin) for runtime in found]
    assert places[:2] == [("9.0.5", "DOTNET_ROOT"), ("3.1.23", "PATH")]
    # The wheel is the same folder as the one on PATH: listed once.
    assert [runtime.version for runtime in found].count("3.1.23") == 1
    origins = [origin for _, origin in dotnet_roots(environment=environment)]
    assert origins[:3] == ["DOTNET_ROOT", "PATH", "usual folder"]
    assert (tmp_path / ".dotnet", "usual folder") in list(dotnet_roots(environment=environment))


def test_several_versions_newest_first(inputs: TestInputs, tmp_path: Path) -> None:
    shared = tmp_path / "shared" / "Microsoft.NETCore.App"
    for version in ("9.0.3", "9.0.11"):
        (shared / version).mkdir(parents=True)
        (shared / version / "System.Private.CoreLib.dll").write_bytes(b"x")
    (shared / "9.0.12").mkdir()  # removed but for its folder
    assert [runtime.version for runtime in find_runtimes(tmp_path)] == ["9.0.11", "9.0.3"]


def test_the_runtime_of_an_application(inputs: TestInputs, tmp_path: Path) -> None:
    app = tmp_path / "app.dll"
    environment = {"DOTNET_ROOT": str(inputs.net31), "DOTNET_ROOT_X64": str(inputs.net9)}
    write_json(app.with_suffix(".runtimeconfig.json"), runtime_options("3.1.0"))
    found = runtime_for(app, environment=environment)
    assert (found.version, found.origin) == ("3.1.23", "DOTNET_ROOT")
    write_json(app.with_suffix(".runtimeconfig.json"), runtime_options("9.0.0"))
    assert runtime_for(app, environment=environment).version == "9.0.5"
    write_json(app.with_suffix(".runtimeconfig.json"), runtime_options("8.0.0"))
    with pytest.raises(NativegenError) as raised:
        runtime_for(app, environment=environment)
    assert raised.value.code == "NGEN2004"


def test_a_library_gets_the_preferred_runtime(inputs: TestInputs, tmp_path: Path) -> None:
    assert runtime_for(tmp_path / "lib.dll", environment={"DOTNET_ROOT": str(inputs.net9)}).version == "9.0.5"
    assert runtime_for(tmp_path / "lib.dll", inputs.net31).version == "3.1.23"


def test_a_framework_assembly_belongs_to_its_own_runtime(inputs: TestInputs) -> None:
    for target, version in (("3.1", "3.1.23"), ("9.0", "9.0.5")):
        assert runtime_for(inputs.framework(target) / "System.Linq.dll", environment={}).version == version


def test_self_contained_applications(inputs: TestInputs, tmp_path: Path) -> None:
    runtime = runtime_for(inputs.azmcp / "azmcp.dll")
    assert (runtime.version, runtime.origin) == ("9.0.5", "application folder")
    assert [framework.path for framework in runtime.frameworks] == [inputs.azmcp] * 2
    with pytest.raises(NativegenError) as raised:
        self_contained_runtime(tmp_path / "app.dll")
    assert raised.value.code == "NGEN6003"


def test_a_self_contained_application_without_included_frameworks(inputs: TestInputs, tmp_path: Path) -> None:
    """As .NET Core 3.1 publishes: the version is in the deps.json only."""
    shutil.copyfile(inputs.azmcp / "azmcp.deps.json", tmp_path / "app.deps.json")
    (tmp_path / "System.Private.CoreLib.dll").write_bytes(b"x")
    write_json(tmp_path / "app.runtimeconfig.json", {"runtimeOptions": {}})
    assert self_contained_runtime(tmp_path / "app.dll").version == "9.0.5"
