"""Copies of an application's folder with images in place of IL: one walk for ``run``'s view and for ``publish``.

The runtime has no lookup in a cache of images, and an assembly in the application's folder wins over every probing path
(measured on 3.1), so the folder itself has to contain the images.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from nativegen.cache.deployment import FOLDER as DEPLOYMENT
from nativegen.cache.location import is_cache

Kind = Literal["image", "file", "folder"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the copy.

    Args:
        relative: where it goes. source: where its content is: in the application's folder, or in the cache.
        kind: ``image`` (from the cache), ``file``, or ``folder`` (a real one, because something in it is special).
    """

    relative: str
    source: str
    kind: Kind


def tree_entries(
    folder: str, images: Mapping[str, str], whole_folders: bool, exclude: Collection[str] = ()
) -> Iterator[Entry]:
    """The entries of the copy, folders before what is in them, in order of name.

    Args:
        folder: of the application. images: IL path -> image path; assemblies from elsewhere (package folders) go to the
            top, where the host looks first.
        whole_folders: sub-folders without images are one entry of kind ``file``: for views, which link them.
        exclude: paths inside the folder to leave out: the copy itself, when it goes there, and what would be loaded in
            place of the images (:mod:`nativegen.binding.beside`).
    """
    inside = {path for path in images if _is_inside(path, folder)}
    yield from _walk(folder, "", images, inside, whole_folders, exclude)
    for path in sorted(images.keys() - inside):
        yield Entry(place_of(path, folder), images[path], "image")


def place_of(path: str, folder: str) -> str:
    """Where an assembly is in the copy of a folder: where it was, or at the top when it comes from elsewhere."""
    return os.path.relpath(path, folder) if _is_inside(path, folder) else os.path.basename(path)


def _walk(
    folder: str, prefix: str, images: Mapping[str, str], inside: set[str], whole_folders: bool, exclude: Collection[str]
) -> Iterator[Entry]:
    with os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        relative = os.path.join(prefix, entry.name)
        path = os.path.join(folder, entry.name)
        if path in exclude or entry.name == DEPLOYMENT or is_cache(path):
            continue
        if path in images:
            yield Entry(relative, images[path], "image")
        elif entry.is_dir() and (not whole_folders or any(_is_inside(image, path) for image in inside)):
            yield Entry(relative, path, "folder")
            yield from _walk(path, relative, images, inside, whole_folders, exclude)
        else:
            yield Entry(relative, path, "file")


def _is_inside(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)
