"""SARIF 2.1.0, for code scanning. Only failures are results; at most 5000, which is what GitHub shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nativegen import __version__
from nativegen.verify.model import Check, Finding, Severity, Verification

LIMIT = 5000
_LEVELS = {Severity.ABORT: "error", Severity.STALE: "error", Severity.SILENT: "warning"}


def render(verification: Verification) -> str:
    """The report."""
    rules: dict[str, Check] = {}
    found: list[tuple[Finding, dict[str, Any]]] = []
    for result in verification.subjects:
        for check, finding in result.failures:
            rules[check.name] = check
            location = {
                "physicalLocation": {"artifactLocation": {"uri": Path(result.subject.path).absolute().as_uri()}}
            }
            entry = {
                "ruleId": check.name,
                "level": _LEVELS[finding.severity],
                "message": {"text": f"{finding.message}; remedy: {finding.remedy}"},
                "locations": [location],
            }
            found.append((finding, entry))
    found.sort(key=lambda pair: -pair[0].severity)
    driver = {
        "name": "nativegen verify",
        "version": __version__,
        "rules": [{"id": name, "shortDescription": {"text": check.title}} for name, check in sorted(rules.items())],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [entry for _, entry in found[:LIMIT]]}],
    }
    return json.dumps(document, indent=1) + "\n"
