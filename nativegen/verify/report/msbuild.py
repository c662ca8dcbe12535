"""MSBuild's canonical error lines, which Visual Studio and Azure DevOps collect: ``file : error CODE: text``."""

from __future__ import annotations

from nativegen.verify.model import Severity, Verification


def render(verification: Verification) -> str:
    """The report."""
    lines = []
    for result in verification.subjects:
        for check, finding in result.failures:
            kind = "warning" if finding.severity is Severity.SILENT else "error"
            text = f"{check.name}: {finding.message}; remedy: {finding.remedy}"
            lines.append(f"{result.subject.path} : {kind} NGEN5000: {text}")
    for note in verification.notes:
        if note.severity is not Severity.INFO:
            lines.append(f"nativegen : error NGEN5000: {note.message}; remedy: {note.remedy}")
    return "".join(line + "\n" for line in lines)
