"""Let the runtime write down which methods a start uses, for ``publish --startup``.

The runtime's variable ``MultiCoreJitProfile`` makes it record from the first method on, and write when the process ends
in an orderly way, to the given path and a suffix of its own (multicorejit.cpp, ``AutoStartProfile``).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from nativegen.diagnostics import NativegenError
from nativegen.files import write_atomically
from nativegen.readytorun.targets import target_for_runtime_version
from nativegen.runtime.discover import Runtime
from nativegen.runtime.host import run_app
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
        ran = run_app(app, arguments, runtime=runtime, settings=settings, capture=False)
        # A program that the application starts records, too, under the same name: only the last to end is there.
        found = [Recording.read(path) for path in Path(folder).iterdir()]
    recording = next((each for each in found if any(module.name == app.stem for module in each.modules)), None)
    if recording is None:
        raise NativegenError("NGEN3112", app, detail="the program did not end in an orderly way, and wrote none")
    write_atomically(file, recording.dump())
    return ran.exit_code, recording
