"""Does the start-up recording of a published folder fit the assemblies beside it (:mod:`nativegen.operations.startup`)?

A recorded module with another version id is passed over by the runtime's player, silently: the start is right and slow.
Shared frameworks are not in the folder and are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nativegen.diagnostics import NativegenError
from nativegen.operations.startup import SUFFIX, outdated_modules
from nativegen.runtime.recording import Recording
from nativegen.verify.model import Finding, Severity

_REMEDY = "record it again with nativegen trace -o FILE.startup, and publish again"


def startup_findings(folder: str) -> Iterator[Finding]:
    """Findings about the recordings of a folder."""
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        try:
            outdated = outdated_modules(Recording.read(path), map(str, Path(folder).glob("*.dll")))
        except NativegenError as error:
            yield Finding(Severity.SILENT, str(error), _REMEDY)
            continue
        if outdated:
            names = ", ".join(outdated)
            yield Finding(Severity.SILENT, f"{path}: recorded with another build of {names}", _REMEDY)
