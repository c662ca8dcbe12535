"""JUnit XML: one test case per image and check; the failure's text is reason and remedy."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from nativegen.verify.model import Finding, Severity, Verification

# XML 1.0 allows no control characters but these; names of damaged files may contain any.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(verification: Verification) -> str:
    """The report."""
    suites = ElementTree.Element("testsuites", name="nativegen verify")
    for result in verification.subjects:
        failures = sum(not one.passed for one in result.results)
        name = _clean(result.subject.display_name)
        suite = _suite(suites, name, len(result.results), failures)
        for one in result.results:
            case = ElementTree.SubElement(suite, "testcase", classname=name, name=one.check.name)
            bad = [finding for finding in one.findings if finding.severity is not Severity.INFO]
            if bad:
                _failure(case, bad)
    notes = [note for note in verification.notes if note.severity is not Severity.INFO]
    suite = _suite(suites, "cache", max(1, len(notes)), len(notes))
    for number, note in enumerate(notes):
        _failure(ElementTree.SubElement(suite, "testcase", classname="cache", name=f"state {number + 1}"), [note])
    if not notes:
        ElementTree.SubElement(suite, "testcase", classname="cache", name="state")
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _suite(parent: ElementTree.Element, name: str, tests: int, failures: int) -> ElementTree.Element:
    counts = {"name": name, "tests": str(tests), "failures": str(failures), "errors": "0", "skipped": "0"}
    return ElementTree.SubElement(parent, "testsuite", counts)


def _failure(case: ElementTree.Element, findings: list[Finding]) -> None:
    worst = max(findings, key=lambda finding: finding.severity)
    attributes = {"message": _clean(worst.message), "type": worst.severity.name.lower()}
    failure = ElementTree.SubElement(case, "failure", attributes)
    failure.text = _clean("\n".join(f"{finding.message}; remedy: {finding.remedy}" for finding in findings))


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
