"""Check ``bodies``: the IL inside the image is the assembly's own; the JIT compiles from it what has no code."""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.metadata import Table
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_bodies(subject: Subject) -> Iterator[Finding]:
    """A finding when bodies differ; nothing when the source is not known, or is another build altogether."""
    source, inside = subject.il, subject.image.assembly
    if source is None or inside.mvid != source.mvid:
        return
    rids = range(1, min(source.row_count(Table.MethodDef), inside.row_count(Table.MethodDef)) + 1)
    differing = sum(inside.method_body(rid) != source.method_body(rid) for rid in rids)
    if differing:
        yield Finding(Severity.ABORT, f"the IL of {differing} methods differs from the assembly's")


CHECK = Check("bodies", "the IL inside is the assembly's", check_bodies)
