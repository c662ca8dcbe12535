"""``publish``: the application's folder with images in place of IL, self-sufficient: nothing in it refers to the cache.

Every file is copied (as a reflink where the file system can), never linked: the published folder may be changed, moved
and deleted freely. An existing folder is updated file by file, each one atomically; files that do not belong stay. What
the SCons builders put beside assemblies (keys, contracts) is no part of the application, and ``X.ni.dll`` would be
loaded in place of the image ``X.dll``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from nativegen.binding.beside import images_beside
from nativegen.diagnostics import NativegenError
from nativegen.files import replacing
from nativegen.operations.files import clone
from nativegen.operations.substitution import Substitution
from nativegen.operations.tree import Entry, tree_entries

_BUILD_FILES = (".ni.key", b'{\n"assembly": "xxh3:'), (".contract", b'{\n"entries": {')
"""How those two files of the builders begin: a file of the application may have such a name, too."""


@dataclass(frozen=True, slots=True)
class Published:
    """``images``: paths of the images in the folder; ``files``: number of files in all."""

    folder: str
    images: tuple[str, ...]
    files: int


def publish(substitution: Substitution, folder: str) -> Published:
    """Write the folder.

    Raises:
        NativegenError: NGEN7004 (a file cannot be written; named), NGEN7006 (it is the application's own folder),
            NGEN2015 (something there would be loaded in place of an image).
    """
    folder = os.path.realpath(folder)
    source = os.path.dirname(substitution.app)
    if folder == source:
        raise NativegenError("NGEN7006", folder)
    left_out = {folder, *images_beside(substitution.app)}
    entries = [
        entry
        for entry in tree_entries(source, substitution.images, whole_folders=False, exclude=left_out)
        if entry.kind != "file" or not _is_of_a_build(entry.source)
    ]
    _make_folder(folder)
    images = []
    for entry in entries:
        target = os.path.join(folder, entry.relative)
        if entry.kind == "folder":
            _make_folder(target)
        else:
            _copy(entry, target)
        if entry.kind == "image":
            images.append(target)
    _refuse_shadows(os.path.join(folder, os.path.basename(substitution.app)), images)
    return Published(folder, tuple(images), sum(entry.kind != "folder" for entry in entries))


def _refuse_shadows(app: str, images: Sequence[str]) -> None:
    """Say which older file of the folder would be loaded in place of an image."""
    for path, instead_of in images_beside(app).items():
        if instead_of in images:
            raise NativegenError("NGEN2015", path, assembly=os.path.basename(instead_of))


def _is_of_a_build(path: str) -> bool:
    """Whether a file is one that the SCons builders made beside the assembly of that name."""
    for suffix, beginning in _BUILD_FILES:
        if path.endswith(suffix):
            try:
                with open(path, "rb") as file:
                    return file.read(len(beginning)) == beginning
            except OSError:
                return False
    return False


def _make_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise NativegenError("NGEN7004", path, detail=error.strerror or str(error)) from error


def _copy(entry: Entry, target: str) -> None:
    try:
        with replacing(target) as temporary:
            clone(entry.source, temporary)
            # Images are read-only in the cache; in the folder they are the user's.
            mode = 0o644 if entry.kind == "image" else os.stat(entry.source).st_mode & 0o7777
            os.chmod(temporary, mode | 0o200)
    except OSError as error:
        raise NativegenError("NGEN7004", target, detail=error.strerror or str(error)) from error
