"""Check ``manifest-metadata``: the image names the further assemblies that its fixups mean, as its runtime insists.

.NET 9 dies at load without the section (112), and ends the process when an assembly named there has another MVID than
the one recorded (118): the code was compiled against another build of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.readytorun.enums import SectionType
from nativegen.verify.model import Check, Finding, Severity, Subject

_NO_MVID = bytes(16)


def check_manifest_metadata(subject: Subject) -> Iterator[Finding]:
    """Findings about sections 112 and 118."""
    image, target = subject.image, subject.image_target
    if target is None:
        return
    if target.requires_manifest_metadata and image.section(SectionType.ManifestMetadata) is None:
        yield Finding(Severity.ABORT, f"no manifest metadata, without which {target.name} dies at load")
        return
    mvids = image.manifest_mvids
    if mvids and len(mvids) < len(image.manifest_assemblies):
        yield Finding(Severity.ABORT, f"{len(mvids)} MVIDs for {len(image.manifest_assemblies)} assemblies named")
    for assembly, mvid in zip(image.manifest_assemblies, mvids, strict=False):
        path = subject.references.get(assembly.name)
        if path is None or mvid == _NO_MVID:
            continue
        try:
            actual = Assembly.open(path).mvid
        except NativegenError:
            continue
        recorded = str(uuid.UUID(bytes_le=mvid))
        if recorded != actual.lower().strip("{}"):
            yield Finding(
                Severity.ABORT, f"compiled against another build of {assembly.name}: {recorded}, not {actual}"
            )


CHECK = Check("manifest-metadata", "the further assemblies that it names are those of today", check_manifest_metadata)
