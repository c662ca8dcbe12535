"""Every row of the numbered list has a test, or is explained on the page of differences."""

from __future__ import annotations

from pathlib import Path

from tests.ngen.conformance import PAGE, page, proofs_by_row, rows

DOCS = Path(__file__).parents[2] / "docs"


def test_every_row_is_proved_or_explained() -> None:
    tests, differences = proofs_by_row(), (DOCS / "differences.md").read_text("utf-8")
    for row in rows():
        assert row.id in tests or f"| {row.id} |" in differences, row
        assert row.kind != "D" or f"| {row.id} |" in differences, row


def test_no_test_carries_an_unknown_id() -> None:
    assert set(proofs_by_row()) <= {row.id for row in rows()}


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / PAGE).read_text("utf-8") == page(), "run: python -m tests.ngen.conformance docs"
