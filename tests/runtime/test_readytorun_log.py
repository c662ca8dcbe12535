"""Which images the runtime accepted."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.runtime.host import RunResult, run_app
from nativegen.runtime.readytorun_log import read_log
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment, get_runtime

pytestmark = pytest.mark.runtime


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_accepted_and_plain_modules(traced: Callable[[str], RunResult], demo: Path, target: str) -> None:
    log = traced(target).log
    assert log is not None
    loads = {Path(load.path).name: load for load in read_log(log)}
    assert loads["System.Private.CoreLib.dll"].accepted
    assert not loads["demo.dll"].accepted
    assert not loads["demo.dll"].rejected
    assert loads["demo.dll"].path == str(demo)


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_an_image_of_another_major_version_is_rejected(inputs: TestInputs, tmp_path: Path, target: str) -> None:
    """A real image with its header's major version changed, used by a program under another name is not needed:
    System.Collections beside the application, listed with a higher version, replaces the framework's."""
    content = bytearray((inputs.framework(target) / "System.Collections.dll").read_bytes())
    header = content.index(b"RTR\0")
    struct.pack_into("<H", content, header + 4, 99)
    text = "class P { static int Main() { return new System.Collections.Generic.SortedSet<int>().Count; } }"
    app = compile_csharp(text, tmp_path / "app", "app")
    shutil.copytree(inputs.root(target), tmp_path / "root", symlinks=True)
    changed = next((tmp_path / "root").rglob("System.Collections.dll"))
    changed.unlink()
    changed.write_bytes(content)
    from nativegen.runtime.discover import find_runtimes

    result = run_app(
        app,
        runtime=find_runtimes(tmp_path / "root")[0],
        environment=clean_environment(tmp_path),
        log_directory=tmp_path / "log",
    )
    assert result.exit_code == 0, result.stderr
    assert result.log is not None
    (load,) = [load for load in read_log(result.log) if load.path == str(changed)]
    assert load.rejected
    assert load.message == "Ready to Run disabled - unsupported header version"


def test_a_run_without_images(demo: Path, tmp_path: Path) -> None:
    result = run_app(
        demo,
        runtime=get_runtime("9.0"),
        environment=clean_environment(tmp_path),
        ready_to_run=False,
        log_directory=tmp_path / "log",
    )
    assert result.exit_code == 5
    assert result.log is None or not any(load.accepted for load in read_log(result.log))


def test_no_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NativegenError) as raised:
        read_log(tmp_path / "none")
    assert raised.value.code == "NGEN6007"


def test_other_lines_are_skipped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('noise\nReady to Run initialized successfully: "/a b/C.dll".\nReady to Run not enabled.\n')
    assert [(load.path, load.accepted) for load in read_log(log)] == [("/a b/C.dll", True)]
