"""Let the runtime write down which methods a start uses, for ``publish --startup``.

The runtime's variable ``MultiCoreJitProfile`` makes it record from the first method on, and write when the process ends
in an orderly way, to the given path and a suffix of its own (multicorejit.cpp, ``AutoStartProfile``).

What native images leave to the JIT comes first in the recording: it takes longest, and the player has no head start.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from nativegen.diagnostics import NativegenError
from nativegen.files import write_atomically
from nativegen.metadata import Assembly
from nativegen.readytorun.fixups import decode_method_signature
from nativegen.readytorun.targets import target_for_runtime_version
from nativegen.runtime.discover import Runtime
from nativegen.runtime.events import MethodReport, read_method_report
from nativegen.runtime.host import TraceRequest, run_app
from nativegen.runtime.recording import Recording


def record_start(app: Path, arguments: Sequence[str], runtime: Runtime, file: str) -> tuple[int, Recording]:
    """Run an application and write the recording of its start.

    Args:
        app: its assembly. file: where the recording goes.

    Returns:
        The program's exit code, and the recording.

    Raises:
        NativegenError: NGEN7010 (not on this runtime), NGEN3112 (it wrote none), NGEN3001 (the file cannot be written).
    """
    if not target_for_runtime_version(runtime.version).start_recordings:
        raise NativegenError("NGEN7010", app, detail=f"not on .NET {runtime.version}")
    with tempfile.TemporaryDirectory(prefix="nativegen-start-") as folder:
        settings = {"MultiCoreJitProfile": str(Path(folder) / "start")}
        trace = TraceRequest(Path(folder) / "trace")
        ran = run_app(app, arguments, runtime=runtime, settings=settings, trace=trace, capture=False)
        # A program that the application starts records, too, under the same name: only the last to end is there.
        found = [Recording.read(path) for path in Path(folder).glob("start*")]
        recording = next((each for each in found if any(module.name == app.stem for module in each.modules)), None)
        if recording is None or ran.trace is None:
            raise NativegenError("NGEN3112", app, detail="the program did not end in an orderly way, and wrote none")
        jitted = _left_to_the_jit(read_method_report(ran.trace))
    recording = recording.methods_first(lambda module, method: (module, _rid(method)) in jitted)
    write_atomically(file, recording.dump())
    return ran.exit_code, recording


def _left_to_the_jit(report: MethodReport) -> set[tuple[str, int]]:
    """Simple name and MethodDef row of the methods of native images that were jitted."""
    found: dict[str, set[int]] = {}
    for record in report.methods:
        if record.state == "jitted" and record.module and record.token:
            found.setdefault(record.module, set()).add(record.token & 0xFFFFFF)
    return {(Path(path).stem, rid) for path, rids in found.items() if _is_image(path) for rid in rids}


def _is_image(path: str) -> bool:
    try:
        return Assembly.open(path).is_ready_to_run
    except NativegenError:
        return False  # made in memory, or gone


def _rid(method: int | bytes) -> int:
    return method if isinstance(method, int) else decode_method_signature(method, 0)[0].number
