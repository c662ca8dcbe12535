"""Check ``version``: every runtime that the application may run on reads the image's format.

A runtime ignores images of another major version without a word; that is the classic way to ship code that never runs.
The oracle is the runtime's own core library, which is an image that this runtime reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.targets import TARGETS
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_version(subject: Subject) -> Iterator[Finding]:
    """Findings about the format version in the header."""
    header = subject.image.header
    target = subject.image_target
    version = f"{header.major}.{header.minor}"
    for runtime in subject.runtimes:
        if header.major != runtime.major:
            message = f"format {version}; runtime {runtime.version} in {runtime.path} reads format {runtime.major}"
            yield Finding(Severity.SILENT, f"{message} and ignores it", f"compile it for target {runtime.target}")
    if subject.runtimes:
        return
    if target is None:
        known = ", ".join(f"{t.r2r_major}.{t.r2r_minor} ({t.name})" for t in TARGETS.values())
        yield Finding(Severity.SILENT, f"format version {version} is not that of a known runtime: {known}")
    elif subject.target is not None and subject.target != target.name:
        yield Finding(Severity.SILENT, f"made for {target.name} (format {version}); {subject.target} ignores it")


CHECK = Check("version", "the runtime reads the image's format version", check_version)
