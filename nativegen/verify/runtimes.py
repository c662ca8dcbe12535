"""The runtimes that an application may run on, and the image format that each reads.

The oracle is the runtime's core library: an image that Microsoft compiled for just this runtime, unless it was trimmed
to IL; then the target's row in :mod:`nativegen.readytorun.targets` says the version. An application runs on
its own runtime when it is self-contained, else on whichever of the installed ones its runtimeconfig.json rolls forward
to; an image that one of them ignores is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.targets import target_for_runtime_version
from nativegen.runtime.discover import Runtime, find_runtimes, runtime_for

_CORE_LIBRARY = "System.Private.CoreLib.dll"


@dataclass(frozen=True, slots=True)
class RuntimeFormat:
    """One runtime. ``major``: the format version that it reads; ``target``: ``9.0``."""

    version: str
    path: str
    target: str
    major: int


def runtimes_of(app: str | None, explicit: str | None) -> tuple[list[Runtime], tuple[RuntimeFormat, ...]]:
    """The runtimes to judge by.

    Args:
        app: an application's assembly, or None: an image on its own.
        explicit: folder given by ``--runtime``; then this is the only one.

    Raises:
        NativegenError: NGEN6003 (no runtime in ``explicit``), NGEN2004 (the application cannot run on it).
    """
    if explicit is not None:
        folder = Path(explicit)
        found = [runtime_for(Path(app), folder)] if app is not None else find_runtimes(folder)[:1]
    elif app is None:
        found = []
    else:
        found = _rolling_forward(Path(app))
    return found, tuple(read_format(r.version, str(r.framework_dir), r.target) for r in found)


def read_format(version: str, folder: str, target: str) -> RuntimeFormat:
    """The format of the runtime whose base framework is in ``folder``.

    Raises:
        NativegenError: its core library cannot be read, or is IL of a runtime without a target (NGEN3102).
    """
    core = Assembly.open(Path(folder) / _CORE_LIBRARY)
    major = (
        ReadyToRunImage(core).header.major if core.is_ready_to_run else target_for_runtime_version(version).r2r_major
    )
    return RuntimeFormat(version, folder, target, major)


def _rolling_forward(app: Path) -> list[Runtime]:
    found: dict[Path, Runtime] = {}
    roots = [None, *dict.fromkeys(runtime.root for runtime in find_runtimes())]
    for root in roots:
        try:
            runtime = runtime_for(app, root)
        except NativegenError:
            continue  # the application does not run on this one
        found.setdefault(runtime.framework_dir.resolve(), runtime)
        if runtime.kind == "self-contained":
            break
    return list(found.values())
