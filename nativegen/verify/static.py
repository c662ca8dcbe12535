"""Run the static checks over images. Reading an image may fail: that is the finding of the check that failed.

One mistake gives one finding: after an unreadable header nothing else is looked at, and what several checks stumble
over is reported by the first.

>>> len(CHECKS), CHECKS[0].name, CHECKS[-1].name
(25, 'header', 'inputs')
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from nativegen.diagnostics import NativegenError
from nativegen.verify import (
    check_bodies,
    check_cached_file,
    check_composite,
    check_coverage,
    check_debug_info,
    check_entry_point,
    check_entry_points,
    check_exceptions,
    check_fixups,
    check_gc_info,
    check_header,
    check_imports,
    check_inputs,
    check_instances,
    check_instruction_set,
    check_layouts,
    check_machine,
    check_manifest_metadata,
    check_metadata,
    check_metadata_tables,
    check_module_fixup,
    check_runtime_functions,
    check_sections,
    check_unwind,
    check_version,
)
from nativegen.verify.model import Check, CheckResult, Finding, Severity, Subject, SubjectResult

#: In the order in which they are run and reported.
CHECKS: Final[tuple[Check, ...]] = (
    check_header.CHECK,
    check_machine.CHECK,
    check_sections.CHECK,
    check_cached_file.CHECK,
    check_metadata.CHECK,
    check_metadata_tables.CHECK,
    check_bodies.CHECK,
    check_entry_point.CHECK,
    check_version.CHECK,
    check_manifest_metadata.CHECK,
    check_composite.CHECK,
    check_instruction_set.CHECK,
    check_runtime_functions.CHECK,
    check_entry_points.CHECK,
    check_instances.CHECK,
    check_unwind.CHECK,
    check_gc_info.CHECK,
    check_exceptions.CHECK,
    check_debug_info.CHECK,
    check_imports.CHECK,
    check_fixups.CHECK,
    check_module_fixup.CHECK,
    check_layouts.CHECK,
    check_coverage.CHECK,
    check_inputs.CHECK,
)


def verify_static(subjects: Iterable[Subject]) -> list[SubjectResult]:
    """Every check of every image."""
    return [SubjectResult(subject, tuple(_results(subject))) for subject in subjects]


def _results(subject: Subject) -> Iterator[CheckResult]:
    said: set[str] = set()
    for check in CHECKS:
        result = CheckResult(check, tuple(_findings(check, subject, said)))
        yield result
        if check is check_header.CHECK and not result.passed:
            return


def _findings(check: Check, subject: Subject, said: set[str]) -> Iterator[Finding]:
    try:
        yield from check.function(subject)
    except NativegenError as error:
        message = f"{error.code}: {error.message}"
        if message not in said:
            said.add(message)
            yield Finding(Severity.ABORT, message, error.remedy)
