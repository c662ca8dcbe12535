"""The check of every image's instructions finds what it is for, and takes what it should take."""

from __future__ import annotations

import pytest

from tests.support.cpu_baseline import beyond_baseline


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("f30fb8c1", "popcnt"),
        ("f3480fbdc1", "lzcnt"),
        ("f20f7cc1", "haddps"),
        ("660f3800c1", "pshufb"),
        ("660f3a0bc100", "roundsd"),
        ("c5f858c1", "vaddps"),
        ("c4e2f1f7c0", "shlx"),
        ("62f17c4858c1", "vaddps"),
        ("f20f12c1", "movddup"),
        ("480fc708", "cmpxchg16b"),
        ("9f", "lahf"),
        ("0f38f0c1", "undecodable"),
    ],
)
def test_later_instructions(code: str, text: str) -> None:
    found = beyond_baseline(bytes.fromhex("4889e5" + code))
    assert len(found) == 1 and text in found[0], found


def test_the_baseline() -> None:
    code = "4889e5 f30fbcc1 660fd4c1 f20f58c1 0f12c1 660f5ec1 f0480fb111 0fc708 4863c1 0f44c1 f2480f2cc0 8f00 c3"
    assert beyond_baseline(bytes.fromhex(code)) == []
