"""``cache trim``: give disk space back without making anything invalid.

What goes: images that no root needs and files that no row names (killed processes left them), and compiled methods,
those used longest ago first. What stays: every image of a root; ``uninstall`` removes those. Trimming costs compile
time later, never correctness.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass

from nativegen.cache.store import Cache

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SPANS = {"S": 1, "M": 60, "H": 3600, "D": 86400, "W": 7 * 86400}


@dataclass(frozen=True, slots=True)
class Trimmed:
    """Bytes before and after; ``images``: that were removed."""

    before: int
    after: int
    images: int


def parse_size(text: str) -> int:
    """Bytes of ``500M`` or ``2GB``: powers of ten, as disks are sold.

    >>> parse_size("1.5k")
    1500

    Raises:
        ValueError: not a size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", text.upper())
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    return int(float(match[1]) * _UNITS[match[2]])


def parse_age(text: str) -> float:
    """Seconds of ``30d``, ``12h``, ``2w``; a plain number counts days.

    >>> parse_age("2")
    172800.0

    Raises:
        ValueError: not an age.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([SMHDW]?)", text.upper())
    if match is None:
        raise ValueError(f"not an age: {text!r}")
    return float(match[1]) * _SPANS[match[2] or "D"]


def trim(cache: Cache, max_bytes: int | None, older_than: float | None, now: float | None = None) -> Trimmed:
    """Remove what nothing needs, and compiled methods.

    Args:
        max_bytes: what the whole cache may have; compiled methods go until it fits.
        older_than: seconds; compiled methods not used for longer go.
        now: seconds since the epoch, for tests.
    """
    before = _size(cache.root)
    with cache.index.transaction():
        images = [image.image_key for image in cache.index.unreferenced_images()]
        for image in images:
            cache.index.remove_image(image)
    cache.discard(images)
    swept = cache.sweep()
    left = _size(cache.root)
    oldest = (time.time() if now is None else now) - older_than if older_than is not None else None
    for used, size, path in sorted(_files(cache.units)):
        too_old = oldest is not None and used < oldest
        if not too_old and (max_bytes is None or left <= max_bytes):
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
            left -= size
    return Trimmed(before, _size(cache.root), len(images) + swept)


def _size(folder: str) -> int:
    return sum(size for _, size, _ in _files(folder))


def _files(folder: str) -> list[tuple[float, int, str]]:
    """(last use, bytes, path) of every regular file; hard links of an image in a view count once."""
    found, seen = [], set()
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    found.append((status.st_mtime, status.st_size, path))
    return found
