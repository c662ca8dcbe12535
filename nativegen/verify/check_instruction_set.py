"""Check ``instruction-set``: the image needs no processor feature that the machines it goes to may lack.

The baseline is plain x86-64. ``--instruction-set`` adds to it; such images run on processors that have the features,
and nothing stops them elsewhere but this check: on a processor without them the program ends with an illegal
instruction. ``--cpu`` names what the target machines have; without it, it is this machine.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.verify.model import Check, Finding, Severity, Subject


def check_instruction_set(subject: Subject) -> Iterator[Finding]:
    """A finding for the features beyond the baseline that the processors lack; nothing without a manifest."""
    if subject.document is None:
        return
    wanted = subject.document["manifest"]["options"].get("instruction_set", ())
    missing = sorted(set(wanted) - subject.processor)
    if missing:
        message = f"compiled for processors with {', '.join(missing)}, which these machines lack"
        yield Finding(Severity.ABORT, message, "compile it without --instruction-set")


CHECK = Check("instruction-set", "the processor has every feature that the code needs", check_instruction_set)
