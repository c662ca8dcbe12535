"""Light commands, which must start at once: with 1,000 images in the cache, as multiples of `python -c pass`."""

from __future__ import annotations

import pathlib
import shutil
import sys
from collections.abc import Iterator

from bench.common import Row, median_pairs, nativegen, process

IMAGES, ROOTS = 1000, 20
COMMANDS = (
    ("help",),
    ("cache", "path"),
    ("cache", "stats"),
    ("queue", "status"),
    ("display",),
    ("display", "App7"),
)
LIMIT = 4


def measure(work: pathlib.Path) -> Iterator[Row]:
    cache = work / "light-cache"
    shutil.rmtree(cache, ignore_errors=True)
    _fill(cache)
    actions = [lambda: process([sys.executable, "-c", "pass"])]
    actions += [lambda command=command: nativegen(*command, cache=cache) for command in COMMANDS]  # type: ignore[misc]
    python, *times = median_pairs(actions)
    for command, taken in zip(COMMANDS, times, strict=True):
        yield Row(" ".join(command), f"{taken / python:.1f} x", f"{1000 * taken:.0f} ms; limit {LIMIT} x")


def _fill(root: pathlib.Path) -> None:
    from nativegen.cache.records import NORMAL, Dependency, Image, ImageKey, RootKey
    from nativegen.cache.store import Cache

    suffix = ", Version=1.0.0.0, Culture=neutral, PublicKeyToken=null"
    with Cache(str(root)) as cache, cache.index.transaction():
        for root_number in range(ROOTS):
            key = RootKey(f"/apps/App{root_number}.dll", "9.0", NORMAL)
            number = cache.index.put_root(key, f"App{root_number}{suffix}", "{}")
            edges = []
            for position in range(IMAGES // ROOTS):
                name = f"Company.Product.Part{root_number}.Library{position}" if position else f"App{root_number}"
                image = ImageKey("9.0", name, f"{root_number * ROOTS + position:032x}")
                row = Image(*image, f"{name}{suffix}", NORMAL, f"/apps/{name}.dll", "", "", "", "", 100_000, 900, 800)
                cache.index.put_image(row, [Dependency(f"Other{suffix}", "app", "/apps/Other.dll")] * 5)
                path = pathlib.Path(cache.image_path(image))
                path.parent.mkdir(parents=True)
                path.touch()
                edges.append((image, row.source, "referenced"))
            cache.index.set_edges(number, edges)
