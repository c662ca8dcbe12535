"""Two machines and a shared cache, by the commands that people type."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.apps import make_app
from tests.cli.conftest import Command
from tests.support.http_cache import HttpCache

pytestmark = pytest.mark.runtime


def test_the_build_server_compiles_and_others_download(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "here" / "app")
    elsewhere = make_app(tmp_path / "there" / "app")
    for name in ("App", "Core", "Text"):  # mcs writes a new MVID each time: the same build is what they share
        (elsewhere.parent / f"{name}.dll").write_bytes((app.parent / f"{name}.dll").read_bytes())
    first, second = str(tmp_path / "cache1"), str(tmp_path / "cache2")
    with HttpCache() as server:
        shared = {"NATIVEGEN_REMOTE_CACHE": server.url, "NATIVEGEN_CACHE_SECRET": "s"}
        built = command("install", app, "/verbose", "--cache", first, "--remote-cache-mode", "read-write", **shared)
        assert built.code == 0 and built.out.count("Compiling assembly") == 3
        assert f"shared cache {server.url}: 0 images downloaded, 3 not there, 0 refused, 3 stored" in built.out
        got = command("install", elsewhere, "/nologo", "--cache", second, **shared)
        assert got.code == 0 and got.err == ""
        assert got.out.count("Downloading native image of assembly") == 3 and "Compiling" not in got.out
        stats = command("cache", "stats", "--cache", second).out.split("\n")
        assert ["images", "from", "a", "shared", "cache", "3"] in [line.split() for line in stats]
        compiled = command(
            "compile", elsewhere, "-r", elsewhere.parent, "-o", tmp_path / "out" / "App.dll", "--pinned", **shared
        )
        assert compiled.code == 0 and "Downloading" in compiled.out
    verified = command("verify", "--cache", second)
    assert verified.code == 0, verified
    trace = command("trace", "--cache", second, "--state", "native", elsewhere)
    assert 'native method name="Words::Say"' in trace.out and trace.out.startswith("answer 42\n")
    images = [sorted(Path(cache).glob("NativeImages_*/*/*/*.dll")) for cache in (first, second)]
    assert [path.read_bytes() for path in images[0]] == [path.read_bytes() for path in images[1]] and len(
        images[0]
    ) == 3

    # The server is gone: one warning, and the same images.
    gone = command("update", "/force", "--cache", second, **shared)
    assert gone.code == 0 and gone.out.count("Compiling assembly") == 3
    assert gone.err.count("warning NGEN4012: the shared cache fails: NewConnectionError") == 1


def test_the_background_worker_downloads_too(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    built, queued = str(tmp_path / "cache1"), tmp_path / "cache2"
    with HttpCache() as server:
        shared = {"NATIVEGEN_REMOTE_CACHE": server.url, "CI": "1"}
        assert command("install", app, "--cache", built, "--remote-cache-mode", "read-write", **shared).code == 0
        assert command("queue", "pause", "--cache", queued).code == 0
        assert command("install", app, "/queue:1", "--cache", queued, **shared).code == 0
        task = [sys.executable, "-m", "nativegen.service.worker", str(queued)]
        assert command("queue", "continue", "--cache", queued, NATIVEGEN_SERVICE="off").code == 0
        environment = {**os.environ, "NATIVEGEN_REMOTE_CACHE": server.url}
        subprocess.run(task, check=True, env=environment, timeout=300)
        log = (queued / "log" / "ngen.log").read_text()
        assert f"shared cache {server.url}: 3 images downloaded, 0 not there, 0 refused, 0 stored" in log
        # Settings that cannot be used are a line of the log, and no reason to leave the work undone.
        subprocess.run(task, check=True, env=environment | {"NATIVEGEN_REMOTE_CACHE": "ftp://cache"}, timeout=300)
        assert "NGEN4010" in (queued / "log" / "ngen.log").read_text()
    assert command("verify", "--cache", queued).code == 0


def test_a_wrong_address_is_a_usage_error(command: Command, tmp_path: Path) -> None:
    outcome = command("install", make_app(tmp_path / "app"), "--remote-cache", "ftp://cache")
    assert (
        outcome.code == 2 and "error NGEN4010: not a usable shared cache: not an http or https address" in outcome.err
    )
