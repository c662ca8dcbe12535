"""Make a new index from the manifests beside the images, when the old one is damaged.

Images carry all that the index says of them; roots are the user's decisions and are recorded nowhere else, so they have
to be installed again, which compiles nothing because the images are found by their keys.

Worked example: ``index.sqlite3`` was overwritten; ``nativegen cache rebuild`` renames it to ``index.sqlite3.damaged``,
reads each ``.json``, compares each image with its recorded checksum and removes those that differ.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from nativegen.cache.index import Index
from nativegen.cache.location import INDEX_NAME, check_trust
from nativegen.cache.manifests import file_checksum, row_of_manifest
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """``damaged``: images that were removed; ``kept``: where the old index is now, '' when it was sound or missing;
    ``roots``: those that the index still has."""

    images: int
    roots: int
    damaged: tuple[str, ...]
    kept: str


def rebuild(root: str) -> Rebuilt:
    """Make the index agree with the images on disk; a sound index keeps its roots.

    Args:
        root: the cache folder.

    Raises:
        NativegenError: the cache is missing or cannot be used. NGEN4004: a newer index is never touched.
    """
    if not check_trust(root):
        raise NativegenError("NGEN4001", root, detail="there is no such folder")
    kept = _set_damaged_index_aside(root)
    images, roots, damaged = 0, 0, []
    with Cache(root) as cache:
        cache.clean_staging()
        roots = len(cache.index.roots())
        for key in list(cache.images_on_disk()):
            try:
                image, dependencies = row_of_manifest(cache.read_manifest(key), key)
                sound = file_checksum(cache.image_path(key)) == image.checksum
            except NativegenError:
                sound = False
            with cache.index.transaction():
                if sound:
                    cache.index.put_image(image, dependencies)
                    images += 1
                else:
                    damaged.append(cache.image_path(key))
                    cache.index.remove_image(key)
            if not sound:
                cache.discard([key])
    return Rebuilt(images, roots, tuple(damaged), kept)


def _set_damaged_index_aside(root: str) -> str:
    path = os.path.join(root, INDEX_NAME)
    try:
        with Index(path) as index:
            index.check()
        return ""
    except NativegenError as error:
        if error.code != "NGEN4005":
            raise
    kept = path + ".damaged"
    os.replace(path, kept)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path + suffix)
    return kept
