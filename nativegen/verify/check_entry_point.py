"""Check ``entry-point``: the CLI header starts the assembly's own Main and says the same about its strong name."""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.verify.model import Check, Finding, Severity, Subject

_STRONG_NAME_SIGNED = 0x8


def check_entry_point(subject: Subject) -> Iterator[Finding]:
    """Findings about the CLI header; nothing when the source is not known, or is another build altogether."""
    source, inside = subject.il, subject.image.assembly
    if source is None or inside.mvid != source.mvid:
        return
    if inside.entry_point_token != source.entry_point_token:
        yield Finding(Severity.ABORT, "its entry point differs from the assembly's")
    if (inside.cli_flags ^ source.cli_flags) & _STRONG_NAME_SIGNED:
        yield Finding(Severity.ABORT, "its strong name flag differs from the assembly's")


CHECK = Check("entry-point", "entry point and strong name are the assembly's", check_entry_point)
