"""Contracts are remembered by content, and only of the content that they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nativegen.cache.store import Cache
from nativegen.operations.contracts import StoredContracts
from nativegen.plan.decide import Candidate


class Source:
    """Contracts of a file that has this content now."""

    def __init__(self, content: str) -> None:
        self.content = content
        self.asked = 0

    def entries(self, path: str) -> tuple[str, str, Mapping[str, str]]:
        self.asked += 1
        return self.content, f"contract of {self.content}", {}

    def difference(self, old: Mapping[str, str], new: Mapping[str, str]) -> str | None:
        return None


def test_a_file_that_changes_between_binding_and_reading(tmp_path: Path) -> None:
    bound = Candidate("Core", "Core", "/Core.dll", "old", "mvid", ())
    source = Source("new")
    with Cache(str(tmp_path / "cache")) as cache:
        contracts = StoredContracts(cache.index, "1", lambda: source)
        assert contracts.signature(bound) == "contract of new"
        source.content = "old"
        assert [contracts.signature(bound) for _ in range(2)] == ["contract of old"] * 2
        assert source.asked == 2
