"""The generated pages of the documentation are those in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.cli.reference import main, pages

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == pages()[name], "run: python -m nativegen.cli.reference docs"


def test_the_pages_are_written_where_asked(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(pages())
    assert main([]) == 2
