"""Check ``version``: the runtime that the application would run on accepts the image's format.

A runtime ignores images of another major version without a word; that is the classic way to ship code that never runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.targets import TARGETS
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_version(subject: Subject) -> Iterator[Finding]:
    """Findings about the header's version and the sections that the target insists on."""
    header = subject.image.header
    target = subject.image_target
    version = f"{header.major}.{header.minor}"
    if target is None:
        known = ", ".join(f"{t.r2r_major}.{t.r2r_minor} ({t.name})" for t in TARGETS.values())
        yield Finding(Severity.SILENT, f"format version {version} is not that of a known runtime: {known}")
        return
    if subject.target is not None and subject.target != target.name:
        yield Finding(Severity.SILENT, f"made for {target.name} (format {version}); {subject.target} ignores it")
    if target.requires_manifest_metadata and subject.image.section(SectionType.ManifestMetadata) is None:
        yield Finding(Severity.ABORT, f"no manifest metadata, without which {target.name} dies at load")


CHECK = Check("version", "the runtime accepts the image's format version", check_version)
