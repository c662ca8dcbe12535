"""Is the cache consistent: every image of the index is there, every image that is there is in the index and needed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from nativegen.cache.records import Image, ImageKey
from nativegen.cache.store import Cache
from nativegen.pipeline.unit_codec import CorruptRecord
from nativegen.pipeline.unit_store import check_file
from nativegen.verify.model import Finding, Severity

_REBUILD = "run: nativegen cache rebuild"


def cache_findings(cache: Cache) -> Iterator[Finding]:
    """Findings about the cache as a whole; what costs time only is INFO."""
    needed = {key_of(image) for root in cache.index.roots() for image in cache.index.images_of_root(root.id)}
    for image in cache.index.images():
        if key_of(image) not in needed:
            yield Finding(Severity.INFO, f"{image.display_name}: no root needs this image", "run: nativegen update")
    for found in cache.images_on_disk():
        if cache.index.image(found) is None:
            yield Finding(Severity.INFO, f"{cache.image_path(found)}: not in the index", _REBUILD)
    for folder, _, files in os.walk(cache.units):
        for name in sorted(files):
            path = os.path.join(folder, name)
            try:
                check_file(path)
            except (OSError, CorruptRecord) as error:
                yield Finding(Severity.INFO, f"{path}: not used: {error}", "delete it")


def key_of(image: Image) -> ImageKey:
    """The identifying part of an index row."""
    return ImageKey(image.target, image.name, image.key)
