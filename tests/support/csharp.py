"""C# and IL compilers for tests: ``mcs`` (C# 7), Roslyn (C# 12 and newer) and ``ilasm``.

Programs are compiled against the *implementation* assemblies of a runtime, because that is all a runtime ships. mcs
always compiles against 3.1 (it cannot read the ref fields of 9.0's core library); its output runs on both runtimes. So
does Roslyn's for ``target="3.1"``; ``target="9.0"`` gives access to everything new and runs on 9.0 only. On 10.0
run only programs that Roslyn compiled for ``target="10.0"``: its host's framework is trimmed and lacks most facades.

Roslyn runs in one long-lived process on 9.0 (``cs/CompilerServer.cs``): 1.2 s for the first compilation, tens of
milliseconds for each further one. Outputs are kept in ``<inputs>/compiled`` under the xxh3-128 of all that went in, so
that a repeated test run compiles nothing. mcs writes a new MVID each time it runs: only the cache makes it repeatable.

>>> compile_csharp('class P { static int Main() { return 3; } }', tmp_path, "three")
PosixPath('.../three.dll')
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import xxhash

from tests.support.paths import NETCORE_APP, TestInputs, find_inputs

CS = Path(__file__).parent / "cs"

# What small programs use. mcs takes 0.1 s with these and 0.6 s with the whole framework; more can be named per call.
MCS_REFERENCES = (
    "System.Private.CoreLib",
    "System.Runtime",
    "System.Runtime.Extensions",
    "System.Runtime.InteropServices",
    "System.Console",
    "System.Collections",
    "System.Collections.Concurrent",
    "System.Linq",
    "System.Memory",
    "System.IO.FileSystem",
    "System.Diagnostics.Debug",
    "System.Runtime.Numerics",
    "System.Text.RegularExpressions",
    "System.Threading",
    "System.Threading.Thread",
    "System.Threading.Tasks",
    "System.Threading.Tasks.Parallel",
    "System.Runtime.CompilerServices.Unsafe",
)


class CompileError(Exception):
    """A test program does not compile; the message holds the compiler's output."""


def compile_csharp(
    source: str | Path | Sequence[Path],
    out_dir: Path,
    name: str,
    *,
    references: Iterable[Path | str] = (),
    library: bool = False,
    compiler: str = "mcs",
    target: str = "3.1",
    unsafe: bool = True,
    optimize: bool = True,
    defines: Sequence[str] = (),
    extra: Sequence[str] = (),
    framework: Path | None = None,
) -> Path:
    """Compile C# to ``out_dir/name.dll`` and return that path.

    Args:
        source: the text, or one file, or several files.
        references: assemblies (paths), or simple names of framework assemblies that mcs shall see besides the usual
            ones (Roslyn sees the whole framework anyway).
        library: an assembly without an entry point.
        compiler: ``mcs`` or ``roslyn``.
        target: the framework to compile against, ``3.1``, or ``9.0`` and ``10.0`` (Roslyn only).
        framework: its folder, when it is not that of the test inputs.
        extra: further switches, passed as they are.
    Raises:
        CompileError: with the compiler's messages.
    """
    inputs = find_inputs()
    if isinstance(source, str):
        files = {f"{name}.cs": source}
    else:
        files = {path.name: path.read_text("utf-8") for path in ([source] if isinstance(source, Path) else source)}
    named = [r for r in references if isinstance(r, str)]
    paths = [r for r in references if isinstance(r, Path)]
    switches = [f"-target:{'library' if library else 'exe'}", f"-optimize{'+' if optimize else '-'}", "-debug-"]
    switches += ["-unsafe"] if unsafe else []
    switches += [f"-define:{d}" for d in defines] + list(extra)
    framework = framework or inputs.framework(target)

    def build(work: Path) -> None:
        for file, text in files.items():
            (work / file).write_text(text, "utf-8")
        local = [f"-r:{path}" for path in paths]
        if compiler == "mcs":
            local += [f"-r:{framework / assembly}.dll" for assembly in (*MCS_REFERENCES, *named)]
            _mcs(inputs, [*switches, *local], work, name, list(files))
        else:
            local += [f"-r:{path}" for path in sorted(framework.glob("*.dll"))]
            local += ["-nologo", "-nostdlib+", "-noconfig", "-langversion:preview", "-deterministic+"]
            arguments = [*switches, *local, "-nullable:annotations", f"-out:{work / name}.dll", *files]
            roslyn_server().compile(work, arguments)

    if compiler == "mcs" and target != "3.1":
        raise ValueError("mcs compiles against 3.1 only; its programs run on 9.0 as they are")
    options = [compiler, target, *switches, *named]
    return _cached(inputs, options, files, paths, out_dir, f"{name}.dll", build)


def assemble_il(source: str | Path, out_dir: Path, name: str, *, library: bool = False) -> Path:
    """Assemble IL to ``out_dir/name.dll`` and return that path. Raises CompileError with ilasm's messages."""
    inputs = find_inputs()
    text = source if isinstance(source, str) else source.read_text("utf-8")
    kind = "-dll" if library else "-exe"

    def build(work: Path) -> None:
        (work / f"{name}.il").write_text(text, "utf-8")
        command = [str(inputs.ilasm), kind, f"-output:{work / name}.dll", f"{name}.il"]
        _checked(command, work)

    return _cached(inputs, ["ilasm", kind], {f"{name}.il": text}, [], out_dir, f"{name}.dll", build)


def _cached(
    inputs: TestInputs,
    options: Sequence[str],
    files: dict[str, str],
    references: Sequence[Path],
    out_dir: Path,
    output: str,
    build: Callable[[Path], None],
) -> Path:
    """``out_dir/output``, copied from the cache or made by ``build(work folder)`` and then cached."""
    key = xxhash.xxh3_128()
    for part in (output, *options, *(text for file in files.items() for text in file)):
        key.update(f"{len(part)}:{part}".encode())
    for reference in references:
        key.update(reference.name.encode())
        key.update(reference.read_bytes())
    kept = inputs.home / "compiled" / key.hexdigest()
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".making-", dir=kept.parent))
        try:
            build(work)
            os.rename(work, kept)
        except OSError:
            if not kept.is_dir():  # else another process was faster
                raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
    out_dir.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(kept / output, out_dir / output))


def _mcs(inputs: TestInputs, switches: list[str], work: Path, name: str, files: list[str]) -> None:
    # 1685, 1701: the same type in facade and core library; 169, 219, 414, 649: fields and variables tests never read.
    quiet = "-nowarn:1685,1701,169,219,414,618,649"
    _checked([str(inputs.mcs), "-nostdlib", "-noconfig", quiet, *switches, f"-out:{work / name}.dll", *files], work)


def _checked(command: list[str], work: Path) -> None:
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"{Path(command[0]).name}: {done.stdout}{done.stderr}")


class RoslynServer:
    """One Roslyn process; :meth:`compile` may be called from several threads."""

    def __init__(self, inputs: TestInputs) -> None:
        folder = Path(tempfile.mkdtemp(prefix="nativegen-roslyn-"))
        server = compile_csharp(CS / "CompilerServer.cs", folder, "CompilerServer")
        config = {"name": NETCORE_APP, "version": "9.0.0"}
        text = f'{{"runtimeOptions": {{"framework": {config!r}}}}}'.replace("'", '"')
        (folder / "CompilerServer.runtimeconfig.json").write_text(text)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("DOTNET_", "COMPlus_"))}
        environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"
        self._lock = threading.Lock()
        self._folder = folder
        self._process = subprocess.Popen(
            [str(inputs.net9 / "dotnet"), str(server), str(inputs.roslyn.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment,
        )

    def compile(self, folder: Path, arguments: Sequence[str]) -> list[str]:
        """Run csc's command line ``arguments`` in ``folder``; returns the warnings. Raises CompileError."""
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None and replies is not None
        with self._lock:
            requests.write("\x1f".join([str(folder), *arguments]) + "\n")
            requests.flush()
            status = replies.readline().split()
            if len(status) != 2:
                raise CompileError(f"the compiler server ended with status {self._process.wait()}")
            messages = [replies.readline().rstrip("\n") for _ in range(int(status[1]))]
        if status[0] != "ok":
            raise CompileError("\n".join(messages))
        return messages

    def close(self) -> None:
        """End the process and remove its folder."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


@functools.cache
def roslyn_server() -> RoslynServer:
    """The server of this process, started at the first use."""
    server = RoslynServer(find_inputs())
    atexit.register(server.close)
    return server
