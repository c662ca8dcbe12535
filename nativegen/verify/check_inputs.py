"""Check ``inputs``: today's assembly, references, framework, compiler and options would give the same image."""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.verify.model import Check, Finding, Severity, Subject


def check_inputs(subject: Subject) -> Iterator[Finding]:
    """A finding when planning, which compares contents, says that the image is stale."""
    if subject.stale_because is not None:
        yield Finding(Severity.STALE, subject.stale_because, "run: nativegen update")


CHECK = Check("inputs", "it was made from today's inputs", check_inputs)
