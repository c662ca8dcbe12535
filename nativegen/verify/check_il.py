"""Check ``il``: the image contains the very assembly it stands for.

An image replaces the IL file, so its metadata, bodies, resources and entry point must be the source's, byte for byte;
otherwise the program would run another version of the assembly, or none.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.metadata import Assembly, Table
from nativegen.verify.model import Check, Finding, Severity, Subject

_STRONG_NAME_SIGNED = 0x8


def check_il(subject: Subject) -> Iterator[Finding]:
    """Findings about the IL inside; nothing when the source is not known or gone."""
    source = subject.il
    if source is None:
        return
    inside = subject.image.assembly
    if inside.mvid != source.mvid:
        message = f"made from another build of {source.name}: MVID {inside.mvid}, the assembly has {source.mvid}"
        yield Finding(Severity.STALE, message)
        return
    if _metadata(inside) != _metadata(source):
        yield Finding(Severity.ABORT, "its metadata differs from the assembly's")
        return
    if inside.entry_point_token != source.entry_point_token:
        yield Finding(Severity.ABORT, "its entry point differs from the assembly's")
    if (inside.cli_flags ^ source.cli_flags) & _STRONG_NAME_SIGNED:
        yield Finding(Severity.ABORT, "its strong name flag differs from the assembly's")
    rids = range(1, source.row_count(Table.MethodDef) + 1)
    differing = sum(inside.method_body(rid) != source.method_body(rid) for rid in rids)
    if differing:
        yield Finding(Severity.ABORT, f"the IL of {differing} methods differs from the assembly's")


def _metadata(assembly: Assembly) -> bytes:
    directory = assembly.pe.cli.metadata
    return assembly.pe.read_rva(directory.rva, directory.size)


CHECK = Check("il", "it contains the assembly it stands for", check_il)
