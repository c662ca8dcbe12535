"""Check ``coverage``: no fewer methods have code than the manifest says, and no fewer than the baseline allows.

The baseline is a JSON file kept with the sources (``--baseline FILE``): native methods by assembly. A change that makes
the compiler refuse methods which it compiled before then fails the build instead of making the program slower.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.verify.model import Check, Finding, Severity, Subject


def check_coverage(subject: Subject) -> Iterator[Finding]:
    """Findings about counts of methods."""
    entries = subject.native_methods
    coverage = subject.document["coverage"] if subject.document is not None else None
    if coverage is not None and entries < coverage["native"]:
        yield Finding(Severity.SILENT, f"{entries} methods have code, the manifest says {coverage['native']}")
    if subject.baseline is not None and entries < subject.baseline:
        excluded = coverage["excluded"] if coverage is not None else {}
        why = ", ".join(f"{code} {count}" for code, count in excluded.items()) if excluded else "reasons not recorded"
        message = f"{entries} methods have code, {subject.baseline} had when the baseline was written ({why})"
        yield Finding(Severity.SILENT, message, "find out why, or write the baseline again: verify --write-baseline")
    if coverage is not None:
        yield Finding(Severity.INFO, f"{coverage['native']} of {coverage['methods']} methods native")


CHECK = Check("coverage", "no fewer methods have code than before", check_coverage)
