"""Check ``metadata``: the image contains the metadata of the very assembly it stands for, byte for byte.

An image replaces the IL file: with other metadata the program would run another version of the assembly, or none.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.metadata import Assembly
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_metadata(subject: Subject) -> Iterator[Finding]:
    """Findings about the metadata inside; nothing when the source is not known or gone."""
    source = subject.il
    if source is None:
        return
    inside = subject.image.assembly
    if inside.mvid != source.mvid:
        message = f"made from another build of {source.name}: MVID {inside.mvid}, the assembly has {source.mvid}"
        yield Finding(Severity.STALE, message)
    elif _metadata(inside) != _metadata(source):
        yield Finding(Severity.ABORT, "its metadata differs from the assembly's")


def _metadata(assembly: Assembly) -> bytes:
    directory = assembly.pe.cli.metadata
    return assembly.pe.read_rva(directory.rva, directory.size)


CHECK = Check("metadata", "it contains the metadata of the assembly that it stands for", check_metadata)
