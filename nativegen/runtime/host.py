"""Start an application on a given runtime, with or without its native images, and observe it.

Why here: ``run``, ``trace``, ``verify --live`` and the tests all start programs; how a setting is spelled differs by
runtime, and that knowledge lives in this file alone.

Invariants: nothing is written beside the application; only what the caller asks for is added to the environment; a
program that outlives its timeout is ended together with its children.

Settings are passed by name without prefix (``TieredCompilation``), numbers in hexadecimal as the runtime reads them.
Event pipe (clrconfignames.h): 3.1 wants an existing directory as ``EventPipeOutputPath`` and crashes on anything else;
since .NET 6 it is a file name in which ``{pid}`` is replaced.

>>> run_app(Path("hello.dll"), runtime=runtime).exit_code
0
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nativegen.binding.frameworks import BASE_FRAMEWORK, RuntimeVersion
from nativegen.binding.runtimeconfig import config_path
from nativegen.diagnostics import NativegenError
from nativegen.runtime.discover import Runtime
from nativegen.runtime.events import METHOD_KEYWORDS, PROVIDER, VERBOSE


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """Ask for an event trace in ``directory`` (created when missing).

    ``buffer_megabytes`` bounds the runtime's buffer; a run that outgrows it drops events, and the trace says so.
    """

    directory: Path
    provider: str = PROVIDER
    keywords: int = METHOD_KEYWORDS
    level: int = VERBOSE
    buffer_megabytes: int = 1024


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a program ended. ``exit_code`` of a program killed by signal n is 128 + n, as shells have it.

    ``stdout`` and ``stderr`` are empty when the output was not captured. ``trace`` and ``log`` are the files written,
    None when not asked for or when the program died before writing them.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    trace: Path | None
    log: Path | None


def run_app(
    app: Path,
    args: Sequence[str] = (),
    *,
    runtime: Runtime,
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    tiering: bool | None = None,
    ready_to_run: bool = True,
    trace: TraceRequest | None = None,
    log_directory: Path | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    capture: bool = True,
    stdin: bytes | None = None,
    started: Callable[[int], None] | None = None,
) -> RunResult:
    """Run ``app`` (the .dll) with ``args`` and wait for it.

    Args:
        runtime: where to run it; a self-contained application is started by its own host.
        environment: the whole environment; default: this process's.
        settings: runtime settings by name without prefix, e.g. ``{"GCgen0size": "10000"}``.
        tiering: force tiered compilation on or off; None leaves the application's choice.
        ready_to_run: False makes the runtime ignore every native image, its own too.
        trace: record an event trace.
        log_directory: let the runtime write into this folder which images it accepted (see readytorun_log).
        timeout: in seconds.
        capture: collect the output; False lets the program use this process's streams.
        stdin: what the program reads; default: nothing when captured.
        started: told the process id as soon as there is one.
    Raises:
        NativegenError: NGEN6005 (no host), NGEN6006 (timeout), NGEN6008 (cannot start).
    """
    knobs = dict(settings or {})
    if tiering is not None:
        knobs["TieredCompilation"] = "1" if tiering else "0"
    if not ready_to_run:
        knobs["ReadyToRun"] = "0"
    if trace is not None:
        knobs |= _trace_settings(trace, runtime)
    if log_directory is not None:
        log_directory.mkdir(parents=True, exist_ok=True)
        knobs["ReadyToRunLogFile"] = str(log_directory.absolute() / "r2r.log")
    full = dict(os.environ if environment is None else environment)
    full |= {runtime.environment_prefix + name: value for name, value in knobs.items()}
    with host_command(app.absolute(), runtime) as command:
        code, out, err, pid = _execute([*command, *args], full, cwd, timeout, capture, stdin, app, started)
    return RunResult(
        exit_code=128 - code if code < 0 else code,
        stdout=out,
        stderr=err,
        trace=_trace_file(trace.directory, pid) if trace else None,
        log=_existing(log_directory / f"r2r.log.{pid}") if log_directory else None,
    )


@contextlib.contextmanager
def host_command(app: Path, runtime: Runtime) -> Iterator[list[str]]:
    """The command line before the program's own arguments, for callers that replace this process by the program.

    Raises:
        NativegenError: NGEN6005, the host is missing or not executable.
    """
    if runtime.kind == "self-contained":
        host = app.with_suffix("")
        if not os.access(host, os.X_OK):
            raise NativegenError("NGEN6005", host)
        yield [str(host)]
        return
    muxer = runtime.root / "dotnet"
    if not os.access(muxer, os.X_OK):
        raise NativegenError("NGEN6005", muxer)
    if config_path(app).is_file():
        yield [str(muxer), "exec", str(app)]
        return
    with tempfile.TemporaryDirectory(prefix="nativegen-run-") as folder:
        config = Path(folder) / config_path(app).name
        config.write_text(json.dumps(runtime_config_for(runtime)), "utf-8")
        yield [str(muxer), "exec", "--runtimeconfig", str(config), str(app)]


def runtime_config_for(runtime: Runtime) -> dict[str, object]:
    """A runtimeconfig.json that makes an application run on this runtime: its major.minor, latest patch."""
    version = RuntimeVersion.parse(runtime.version)
    moniker = f"net{runtime.target}" if version.major >= 5 else f"netcoreapp{runtime.target}"
    framework = {"name": BASE_FRAMEWORK, "version": f"{version.major}.{version.minor}.0"}
    return {"runtimeOptions": {"tfm": moniker, "framework": framework}}


def _trace_settings(trace: TraceRequest, runtime: Runtime) -> dict[str, str]:
    trace.directory.mkdir(parents=True, exist_ok=True)
    directory = trace.directory.absolute()
    modern = RuntimeVersion.parse(runtime.version).major >= 6
    return {
        "EnableEventPipe": "1",
        "EventPipeConfig": f"{trace.provider}:{trace.keywords:#x}:{trace.level}",
        "EventPipeCircularMB": f"{trace.buffer_megabytes:x}",
        "EventPipeOutputPath": str(directory / "{pid}.nettrace") if modern else str(directory),
    }


def _execute(
    command: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path | None,
    timeout: float | None,
    capture: bool,
    stdin: bytes | None,
    app: Path,
    started: Callable[[int], None] | None,
) -> tuple[int, bytes, bytes, int]:
    """(exit status, output, error output, process id)."""
    streams = subprocess.PIPE if capture else None
    source = subprocess.PIPE if stdin is not None else subprocess.DEVNULL if capture else None
    try:
        # A session of its own lets a timeout end the children too; a program on the terminal keeps the terminal's.
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, stdin=source, stdout=streams, stderr=streams, start_new_session=capture
        )
    except OSError as error:
        raise NativegenError("NGEN6008", command[0], detail=error.strerror or str(error)) from None
    with process:
        try:
            if started is not None:
                started(process.pid)
            out, err = process.communicate(stdin, timeout)
        except BaseException as error:
            if capture:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise NativegenError("NGEN6006", app, seconds=timeout) from None
            raise
    return process.returncode, out or b"", err or b"", process.pid


def _trace_file(directory: Path, pid: int) -> Path | None:
    """``<pid>.nettrace``, or ``<application>.<pid>.nettrace`` as 3.1 names it."""
    names = (path for path in directory.iterdir() if path.suffix == ".nettrace")
    return next((path for path in names if path.stem.rpartition(".")[2] == str(pid)), None)


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None
