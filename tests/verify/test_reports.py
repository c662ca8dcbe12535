"""Reports of made-up verifications: escaping, order, limits."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from nativegen.verify.model import Check, CheckResult, Finding, Severity, Subject, SubjectResult, Verification
from nativegen.verify.report import FORMATS, render
from nativegen.verify.report.sarif import LIMIT

CHECK = Check("il", "it contains the assembly", lambda subject: ())
NASTY = "50% <of> \"it\" & 'more'\x00\x1b\nsecond line: a,b"


def result(name: str, *findings: Finding) -> SubjectResult:
    return SubjectResult(Subject(f"/out/{name}.dll", f"{name}, Version=1.0.0.0"), (CheckResult(CHECK, findings),))


def verification(*results: SubjectResult, notes: tuple[Finding, ...] = ()) -> Verification:
    return Verification(results, notes)


BAD = verification(
    result("Fine", Finding(Severity.INFO, "3 of 4 methods native")),
    result("Slow", Finding(Severity.SILENT, "ignored")),
    result("Bad", Finding(Severity.SILENT, "ignored too"), Finding(Severity.ABORT, NASTY, "compile it")),
    notes=(
        Finding(Severity.STALE, "the cache has lost a file", "run: nativegen update"),
        Finding(Severity.INFO, "orphan"),
    ),
)


@pytest.mark.parametrize("format", FORMATS)
def test_a_report_of_nothing_wrong_names_no_failure(format: str) -> None:
    text = render(verification(result("Fine", Finding(Severity.INFO, "note"))), format)
    assert "remedy" not in text and "error" not in text.replace('errors="0"', "")


def test_text_puts_the_most_severe_first_and_counts() -> None:
    lines = render(BAD, "text").splitlines()
    assert lines[0] == "stale: the cache has lost a file; remedy: run: nativegen update"
    assert lines[-1] == "3 native images verified, 2 failed; failures of the whole: 1."
    assert [line.split(": ")[1] for line in lines if line.startswith("/out/Bad")] == ["abort", "silent"]


def test_json_is_complete() -> None:
    document = json.loads(render(BAD, "json"))
    assert document["schema"] == 1 and document["passed"] is False and len(document["notes"]) == 2
    findings = document["images"][2]["checks"][0]["findings"]
    assert findings[1] == {"severity": "abort", "message": NASTY, "remedy": "compile it"}


def test_junit_is_well_formed_whatever_the_text() -> None:
    suites = ElementTree.fromstring(render(BAD, "junit"))
    assert [suite.get("failures") for suite in suites] == ["0", "1", "1", "1"]
    failure = suites.findall("testsuite/testcase/failure")[1]
    assert failure.get("type") == "abort" and "\N{REPLACEMENT CHARACTER}" in (failure.text or "")


def test_sarif_keeps_the_most_severe_when_there_are_too_many() -> None:
    many = [Finding(Severity.SILENT, str(number)) for number in range(LIMIT)] + [Finding(Severity.ABORT, "worst")]
    run = json.loads(render(verification(result("Many", *many)), "sarif"))["runs"][0]
    assert len(run["results"]) == LIMIT and run["results"][0]["message"]["text"].startswith("worst")
    assert run["results"][0]["level"] == "error" and run["results"][1]["level"] == "warning"


def test_github_has_one_escaped_line_per_image_most_severe_first() -> None:
    lines = render(BAD, "github").splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("::error file=/out/Bad.dll,title=Bad::il: 50%25 <of>") and "%0Asecond line" in lines[0]
    assert "(and 1 more)" in lines[0] and lines[1].startswith("::warning file=/out/Slow.dll,title=Slow::")


def test_msbuild_lines_have_the_canonical_form() -> None:
    lines = render(BAD, "msbuild").splitlines()
    assert "/out/Slow.dll : warning NGEN5000: il: ignored; remedy: compile the image again" in lines
