"""``uninstall``: remove roots, and the images that no remaining root needs (research U1 to U8)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from nativegen.cache import statistics
from nativegen.cache.records import Image, Root
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.deploy import read_deployment
from nativegen.operations.query import Query
from nativegen.operations.view import remove_views


@dataclass(frozen=True, slots=True)
class Uninstalled:
    """What happened.

    Args:
        roots: that were removed. images: whose reference count fell to zero, removed.
        other_configurations: roots that match but were installed with another /ExeConfig or /AppBase; they stay.
    """

    roots: tuple[Root, ...]
    images: tuple[Image, ...]
    other_configurations: tuple[Root, ...]


def uninstall(cache: Cache, query: Query, scenario: str | None, config: str) -> Uninstalled:
    """Remove the matching roots.

    Args:
        scenario: only this one; None: all scenarios. ``debug`` does not cover ``debug+profile``.
        config: canonical configuration; roots installed with another one are not removed.

    Raises:
        NativegenError: NGEN4009, a root's images are deployed; nothing was removed.
    """
    with cache.index.transaction():
        matching = [
            root
            for root in cache.index.roots()
            if query.matches(root.key.path, root.display_name) and scenario in (None, root.key.scenario)
        ]
        removed = tuple(root for root in matching if root.key.config == config)
        for root in removed:
            _refuse_if_deployed(root)
        for root in removed:
            cache.index.remove_root(root.id)
        images = remove_unreferenced(cache) if removed else ()
    cache.discard([image.image_key for image in images])
    for root in removed:
        remove_views(cache.root, root.key.path)
    return Uninstalled(removed, images, tuple(root for root in matching if root.key.config != config))


def _refuse_if_deployed(root: Root) -> None:
    """A deployed application's IL is in a backup only: the user has to take it back first."""
    deployment = read_deployment(os.path.dirname(root.key.path))
    if deployment is not None and (deployment.app, deployment.scenario) == (root.key.path, root.key.scenario):
        raise NativegenError("NGEN4009", root.key.path, app=root.key.path)


def remove_unreferenced(cache: Cache) -> tuple[Image, ...]:
    """Remove the rows of all images with a reference count of zero.

    Call inside a transaction, and :meth:`Cache.discard` after it.
    """
    images = tuple(cache.index.unreferenced_images())
    for image in images:
        cache.index.remove_image(image.image_key)
    if images:
        cache.index.count(statistics.UNINSTALLED, len(images))
    return images
