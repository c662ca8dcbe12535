"""Run the static checks over images. Reading an image may fail: that is the finding of the check that failed.

>>> [check.name for check in CHECKS]
['container', 'il', 'version', 'structure', 'fixups', 'manifest', 'inputs']
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from nativegen.diagnostics import NativegenError
from nativegen.verify import (
    check_container,
    check_fixups,
    check_il,
    check_inputs,
    check_manifest,
    check_structure,
    check_version,
)
from nativegen.verify.model import Check, CheckResult, Finding, Severity, Subject, SubjectResult

CHECKS: Final[tuple[Check, ...]] = (
    check_container.CHECK,
    check_il.CHECK,
    check_version.CHECK,
    check_structure.CHECK,
    check_fixups.CHECK,
    check_manifest.CHECK,
    check_inputs.CHECK,
)


def verify_static(subjects: Iterable[Subject]) -> list[SubjectResult]:
    """Every check of every image."""
    return [SubjectResult(subject, tuple(_run(check, subject) for check in CHECKS)) for subject in subjects]


def _run(check: Check, subject: Subject) -> CheckResult:
    try:
        findings = tuple(check.function(subject))
    except NativegenError as error:
        findings = (Finding(Severity.ABORT, f"{error.code}: {error.message}", error.remedy),)
    return CheckResult(check, findings)
