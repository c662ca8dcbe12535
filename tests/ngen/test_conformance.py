"""Every row of the numbered list has a test, or is explained on the page of differences."""

from __future__ import annotations

from pathlib import Path

from tests.ngen.conformance import PAGE, TARGETS, page, proofs_by_row, results_of, rows

DOCS = Path(__file__).parents[2] / "docs"


def test_every_row_is_proved_or_explained() -> None:
    tests, differences = proofs_by_row(), (DOCS / "differences.md").read_text("utf-8")
    for row in rows():
        assert row.id in tests or f"| {row.id} |" in differences, row
        assert row.kind != "D" or f"| {row.id} |" in differences, row


def test_no_test_carries_an_unknown_id() -> None:
    assert set(proofs_by_row()) <= {row.id for row in rows()}


def test_the_page_is_up_to_date() -> None:
    text = (DOCS / PAGE).read_text("utf-8")
    assert text == page(results_of(text)), "run: python -m tests.ngen.conformance docs"


def test_every_row_with_a_test_passed_on_both_runtimes() -> None:
    results = results_of((DOCS / PAGE).read_text("utf-8"))
    for row in proofs_by_row():
        assert [results.get((row, target)) for target in TARGETS] == ["passed", "passed"], row
