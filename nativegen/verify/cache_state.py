"""Is the cache consistent: every image of the index is there, every image that is there is in the index and needed."""

from __future__ import annotations

import os
from collections.abc import Iterator

from nativegen.cache.store import Cache
from nativegen.pipeline.unit_codec import CorruptRecord
from nativegen.pipeline.unit_store import check_file
from nativegen.verify.model import Finding, Severity

_UPDATE = "run: nativegen update"


def cache_findings(cache: Cache) -> Iterator[Finding]:
    """Findings about the cache as a whole; what costs time only is INFO."""
    needed = {image.image_key for root in cache.index.roots() for image in cache.index.images_of_root(root.id)}
    for image in cache.index.images():
        if image.image_key not in needed:
            yield Finding(Severity.INFO, f"{image.display_name}: no root needs this image", _UPDATE)
    for found in cache.images_on_disk():
        if cache.index.image(found) is None:
            yield Finding(Severity.INFO, f"{cache.image_path(found)}: not in the index", _UPDATE)
    for folder, _, files in os.walk(cache.units):
        for name in sorted(files):
            path = os.path.join(folder, name)
            try:
                check_file(path)
            except (OSError, CorruptRecord) as error:
                yield Finding(Severity.INFO, f"{path}: not used: {error}", "delete it")

