"""What is verified, and what is found.

>>> Severity.SILENT < Severity.ABORT
True
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.operations.deploy import il_of
from nativegen.readytorun.enums import MethodSigFlags
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.runtime_functions import RuntimeFunction
from nativegen.readytorun.targets import Target, target_for_r2r_version
from nativegen.verify.references import References
from nativegen.verify.runtimes import RuntimeFormat


class Severity(enum.IntEnum):
    """What a finding means for a program that uses the image; everything above INFO fails the verification."""

    INFO = 0
    SILENT = 1  # the runtime ignores the code, or rejects methods: slow, and nobody says so
    STALE = 2  # made from other inputs than those of today
    ABORT = 3  # the program does not start, or crashes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    severity: Severity
    message: str
    remedy: str = "compile the image again"


@dataclass(frozen=True)
class Subject:
    """One image.

    Args:
        path: of the image. display_name: of the assembly, as far as it is known without reading the image.
        source: the IL assembly it stands for, or None when it is not known (an image on its own).
        document: the ``.json`` beside it, or None.
        target: name of the target it is meant for, or None: that of its own header.
        stale_because: why today's inputs would give another image; None: they would not, or it is not known.
        references: what its references mean today. runtimes: those that it must suit, none: that of its header.
        processor: features of the processors that it must run on.
        baseline: least number of methods with code, or None.
    """

    path: str
    display_name: str
    source: str | None = None
    document: Mapping[str, Any] | None = None
    target: str | None = None
    stale_because: str | None = None
    references: References = field(default_factory=References)
    runtimes: tuple[RuntimeFormat, ...] = ()
    processor: frozenset[str] = frozenset()
    baseline: int | None = None

    @cached_property
    def image(self) -> ReadyToRunImage:
        """The parsed image.

        Raises:
            NativegenError: it cannot be read, or is not an image.
        """
        return ReadyToRunImage.open(self.path)

    @cached_property
    def il(self) -> Assembly | None:
        """The source assembly, None when there is none any more."""
        if self.source is None:
            return None
        try:
            return Assembly.open(il_of(self.source))
        except NativegenError:
            return None

    @property
    def name(self) -> str:
        """Simple name of the assembly, as far as it is known."""
        return self.display_name.partition(",")[0]

    @cached_property
    def native_methods(self) -> int:
        """Number of methods that have code; a generic one counts once, whatever its instances."""
        own = {
            entry.method.number
            for entry in self.image.instance_entries
            if entry.method.module is None and not entry.method.flags & MethodSigFlags.MemberRefToken
        }
        return len(own.union(self.image.method_entries))

    @cached_property
    def methods_of_code(self) -> list[tuple[int, tuple[RuntimeFunction, ...]]]:
        """(size, pieces of code) of every method, empty when the tables that say so are damaged.

        Their damage is a finding of the checks ``runtime-functions``, ``entry-points`` and ``instances`` alone.
        """
        try:
            functions, starts = self.image.runtime_functions, self.image.method_starts
        except NativegenError:
            return []
        if any(not first.begin < first.end <= second.begin for first, second in pairwise(functions)):
            return []
        pieces = [tuple(functions[start:end]) for start, end in pairwise([*starts, len(functions)])]
        return [(found[-1].end - found[0].begin, found) for found in pieces]

    @property
    def image_target(self) -> Target | None:
        """The target of the image's own header."""
        return target_for_r2r_version(self.image.header.major)


CheckFunction = Callable[[Subject], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """``name``: stable, for reports. ``title``: what holds when nothing is found."""

    name: str
    title: str
    function: CheckFunction


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check of one image."""

    check: Check
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return all(finding.severity is Severity.INFO for finding in self.findings)


@dataclass(frozen=True, slots=True)
class SubjectResult:
    """All checks of one image."""

    subject: Subject
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        return all(result.passed for result in self.results)

    @property
    def failures(self) -> list[tuple[Check, Finding]]:
        """Most severe first."""
        found = [(r.check, f) for r in self.results for f in r.findings if f.severity is not Severity.INFO]
        return sorted(found, key=lambda pair: -pair[1].severity)


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything. ``notes``: about the cache or the run as a whole, as findings without an image."""

    subjects: tuple[SubjectResult, ...]
    notes: tuple[Finding, ...] = field(default=())

    @property
    def passed(self) -> bool:
        return all(s.passed for s in self.subjects) and all(n.severity is Severity.INFO for n in self.notes)
