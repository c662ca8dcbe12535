"""Starting programs: output, exit codes, environment, timeouts, missing hosts."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.runtime.discover import Runtime, self_contained_runtime
from nativegen.runtime.host import TraceRequest, run_app, runtime_config_for
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment, get_runtime

pytestmark = pytest.mark.runtime

TARGETS = ["3.1", "9.0"]


@pytest.mark.parametrize("target", TARGETS)
def test_output_and_exit_code(demo: Path, tmp_path: Path, target: str) -> None:
    before = sorted(demo.parent.iterdir())
    result = run_app(demo, runtime=get_runtime(target), environment=clean_environment(tmp_path))
    assert (result.exit_code, result.stdout, result.stderr) == (5, b"5050g7v \n", b"to the error stream\n")
    assert (result.trace, result.log) == (None, None)
    assert sorted(demo.parent.iterdir()) == before  # a generated configuration is not left behind


def test_arguments_and_input(demo: Path, tmp_path: Path) -> None:
    runtime, environment = get_runtime("9.0"), clean_environment(tmp_path)
    result = run_app(demo, ["a b", "--runtimeconfig"], runtime=runtime, environment=environment)
    assert result.stdout.endswith(b"a b,--runtimeconfig\n")
    assert run_app(demo, ["echo"], runtime=runtime, environment=environment, stdin=b"in").stdout == b"in"
    assert run_app(demo, ["echo"], runtime=runtime, environment=environment).stdout == b""


def test_the_applications_own_configuration_is_used(demo: Path, tmp_path: Path) -> None:
    shutil.copyfile(demo, tmp_path / "demo.dll")
    config = tmp_path / "demo.runtimeconfig.json"
    config.write_text('{"runtimeOptions": {"framework": {"name": "Microsoft.NETCore.App", "version": "77.0.0"}}}')
    result = run_app(tmp_path / "demo.dll", runtime=get_runtime("9.0"), environment=clean_environment(tmp_path))
    assert result.exit_code not in (0, 5)
    assert b"77.0.0" in result.stderr + result.stdout


@pytest.mark.parametrize("target", TARGETS)
def test_a_crash_has_the_shells_exit_code(demo: Path, tmp_path: Path, target: str) -> None:
    result = run_app(demo, ["abort"], runtime=get_runtime(target), environment=clean_environment(tmp_path))
    assert result.exit_code == 134
    assert b"as asked" in result.stderr


def test_a_timeout_ends_the_program(demo: Path, tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(NativegenError) as raised:
        run_app(
            demo, ["sleep"], runtime=get_runtime("9.0"), environment=clean_environment(tmp_path), timeout=1
        )
    assert raised.value.code == "NGEN6006"
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("target", TARGETS)
def test_settings_reach_the_runtime(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    """A 64 KiB budget makes the runtime collect often: the prefix and the hexadecimal form are right."""
    text = """class P { static int Main() { for (int i = 0; i < 200000; i++) new object().GetHashCode();
        return System.GC.CollectionCount(0) > 20 ? 1 : 0; } }"""
    app = compile_csharp(text, tmp_path / "app", "app")
    runtime, environment = get_runtime(target), clean_environment(tmp_path)
    assert run_app(app, runtime=runtime, environment=environment).exit_code == 0
    assert run_app(app, runtime=runtime, environment=environment, settings={"GCgen0size": "10000"}).exit_code == 1


def test_a_trace_directory_is_created_and_kept_apart_by_process(demo: Path, tmp_path: Path) -> None:
    for target in TARGETS:
        request = TraceRequest(tmp_path / "new" / target)
        runtime, environment = get_runtime(target), clean_environment(tmp_path)
        first = run_app(demo, runtime=runtime, environment=environment, trace=request)
        second = run_app(demo, runtime=runtime, environment=environment, trace=request)
        assert first.trace is not None
        assert second.trace is not None
        assert first.trace != second.trace


def test_self_contained(inputs: TestInputs, tmp_path: Path) -> None:
    app = inputs.azmcp / "azmcp.dll"
    result = run_app(app, ["--version"], runtime=self_contained_runtime(app), environment=clean_environment(tmp_path))
    assert (result.exit_code, result.stdout[:5]) == (0, b"0.4.1")


def test_missing_hosts(demo: Path, tmp_path: Path) -> None:
    real = get_runtime("9.0")
    shutil.copyfile(demo, tmp_path / "demo.dll")
    for runtime, missing in (
        (Runtime("9.0.5", tmp_path, "shared", "--runtime", real.frameworks), tmp_path / "dotnet"),
        (Runtime("9.0.5", tmp_path, "self-contained", "--runtime", real.frameworks), tmp_path / "demo"),
    ):
        with pytest.raises(NativegenError) as raised:
            run_app(tmp_path / "demo.dll", runtime=runtime)
        assert raised.value.code == "NGEN6005"
        assert raised.value.exit_code == 125
        assert raised.value.path == os.fspath(missing)


def test_a_host_that_cannot_be_started(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "dotnet").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "dotnet").chmod(0o755)
    runtime = Runtime("9.0.5", tmp_path, "shared", "--runtime", get_runtime("9.0").frameworks)
    with pytest.raises(NativegenError) as raised:
        run_app(demo, runtime=runtime)
    assert raised.value.code == "NGEN6008"


def test_generated_configuration() -> None:
    assert runtime_config_for(get_runtime("3.1")) == {
        "runtimeOptions": {
            "tfm": "netcoreapp3.1",
            "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"},
        }
    }
    assert runtime_config_for(get_runtime("9.0"))["runtimeOptions"]["tfm"] == "net9.0"  # type: ignore[index]
