"""Check ``entry-points``: entries of methods name methods of the assembly, code that exists, and cells that exist."""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.metadata import Table
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_entry_points(subject: Subject) -> Iterator[Finding]:
    """Findings about section 103.

    Raises:
        NativegenError: NGEN3104, an entry does not decode, or names code or a cell that does not exist.
    """
    image = subject.image
    methods = image.assembly.row_count(Table.MethodDef)
    for rid in image.method_entries:
        if rid > methods:
            yield Finding(Severity.ABORT, f"entry point for method {rid} of {methods}")


CHECK = Check("entry-points", "entries name methods and code that exist", check_entry_points)
