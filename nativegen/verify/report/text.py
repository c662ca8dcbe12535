"""Plain text: one line per failure, most severe first, then the count."""

from __future__ import annotations

from nativegen.verify.model import Severity, Verification


def render(verification: Verification) -> str:
    """The report."""
    whole = [note for note in verification.notes if note.severity is not Severity.INFO]
    lines = [f"{note.severity.name.lower()}: {note.message}; remedy: {note.remedy}" for note in whole]
    for result in verification.subjects:
        for check, finding in result.failures:
            name = result.subject.display_name.partition(",")[0]
            lines.append(
                f"{result.subject.path}: {finding.severity.name.lower()}: {name}: {check.name}: {finding.message}"
            )
            lines.append(f"    remedy: {finding.remedy}")
    failed = sum(not result.passed for result in verification.subjects)
    more = f"; failures of the whole: {len(whole)}" if whole else ""
    lines.append(f"{len(verification.subjects)} native images verified, {failed} failed{more}.")
    return "\n".join(lines) + "\n"
