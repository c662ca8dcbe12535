"""GitHub workflow annotations: one per image, the most severe first, because only ten per step are shown."""

from __future__ import annotations

from nativegen.verify.model import Severity, Verification


def render(verification: Verification) -> str:
    """The report, for standard output of a workflow step."""
    failed = sorted(
        (result for result in verification.subjects if not result.passed),
        key=lambda result: -result.failures[0][1].severity,
    )
    lines = []
    for result in failed:
        check, worst = result.failures[0]
        more = f" (and {len(result.failures) - 1} more)" if len(result.failures) > 1 else ""
        kind = "warning" if worst.severity is Severity.SILENT else "error"
        text = f"{check.name}: {worst.message}{more}; remedy: {worst.remedy}"
        name = result.subject.display_name.partition(",")[0]
        lines.append(f"::{kind} file={_property(result.subject.path)},title={_property(name)}::{_data(text)}")
    for note in verification.notes:
        if note.severity is not Severity.INFO:
            lines.append(f"::error title=nativegen cache::{_data(note.message)}")
    return "".join(line + "\n" for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
