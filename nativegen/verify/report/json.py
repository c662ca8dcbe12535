"""JSON, the source of all other formats. ``schema`` grows when a field changes its meaning."""

from __future__ import annotations

import json
from typing import Any

from nativegen.verify.model import Finding, Severity, Verification

SCHEMA = 1


def document(verification: Verification) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "schema": SCHEMA,
        "passed": verification.passed,
        "images": [
            {
                "path": result.subject.path,
                "display_name": result.subject.display_name,
                "source": result.subject.source,
                "passed": result.passed,
                "checks": [
                    {
                        "name": one.check.name,
                        "passed": one.passed,
                        "findings": [_finding(finding) for finding in one.findings],
                    }
                    for one in result.results
                ],
            }
            for result in verification.subjects
        ],
        "notes": [_finding(note) for note in verification.notes],
    }


def _finding(finding: Finding) -> dict[str, str]:
    document = {"severity": finding.severity.name.lower(), "message": finding.message}
    if finding.severity is not Severity.INFO:
        document["remedy"] = finding.remedy
    return document


def render(verification: Verification) -> str:
    """The report."""
    return json.dumps(document(verification), indent=1) + "\n"
