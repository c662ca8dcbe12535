"""Which images ask for the same addresses: all pairs that overlap, and no others."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import pytest

from nativegen.operations.bases import overlaps
from nativegen.readytorun.bases import DEFAULT_IMAGE_BASE


def _image(path: Path, base: int, size: int) -> str:
    """As much of a PE file as is looked at."""
    header = bytearray(256)
    header[0x3C:0x40] = (64).to_bytes(4, "little")
    optional = 64 + 24
    header[optional + 24 : optional + 32] = base.to_bytes(8, "little")
    header[optional + 56 : optional + 60] = size.to_bytes(4, "little")
    path.write_bytes(header)
    return str(path)


@pytest.mark.parametrize("seed", range(20))
def test_all_overlapping_pairs_in_order_of_address(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    spans = {}
    for number in range(chance.randrange(12)):
        base = DEFAULT_IMAGE_BASE if chance.random() < 0.2 else chance.randrange(1, 40) << 16
        size = chance.choice([0x1000, 0x10000, 0x50000, 0x200000])
        spans[_image(tmp_path / f"{number:02}.dll", base, size)] = (base, base + size)
    images = [image for image in spans if chance.random() < 0.7]
    others = [image for image in spans if image not in images]
    chosen = sorted((span, image) for image, span in spans.items() if span[0] != DEFAULT_IMAGE_BASE)
    chosen.sort(key=lambda item: (item[0][0], item[1]))
    expected = [
        (first, second)
        for ((_, end), first), ((base, _), second) in combinations(chosen, 2)
        if base < end and (first in images or second in images)
    ]
    assert [(first.image, second.image) for first, second in overlaps(images, others)] == expected
