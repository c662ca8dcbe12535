"""The integrity list of a folder with pinned images: what must not change, for ``verify`` to check.

Pinned images are right only beside the very assemblies they were made from, and in a published folder nobody compares
before the program starts. So ``publish --pinned`` writes down all of them: every assembly of the folder, and the shared
framework as a whole when the application uses one.

>>> write_integrity("/srv/app", "app.dll", "9.0", framework)         # doctest: +SKIP
>>> list(integrity_changes("/srv/app", framework))                   # doctest: +SKIP
['Core.dll: changed']
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import xxhash

from nativegen.diagnostics import NativegenError
from nativegen.files import replacing
from nativegen.plan.manifest import FrameworkEntry

FILE = "nativegen.integrity.json"
_SCHEMA = 1
_SUFFIXES = (".dll", ".exe")


def write_integrity(folder: str, app: str, target: str, framework: FrameworkEntry | None) -> None:
    """Write the list of a folder as it is now.

    Args:
        app: file name of the application's assembly. framework: the shared one; None when the folder has its own.

    Raises:
        NativegenError: NGEN7004, it cannot be written.
    """
    document = {
        "schema": _SCHEMA,
        "app": app,
        "target": target,
        "framework": None if framework is None else asdict(framework),
        "files": dict(_contents(folder)),
    }
    path = os.path.join(folder, FILE)
    try:
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=1, sort_keys=True)
            stream.write("\n")
    except OSError as error:
        raise NativegenError("NGEN7004", path, detail=error.strerror or str(error)) from error


def remove_integrity(folder: str) -> None:
    """The folder has no pinned images any more."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, FILE))


def read_integrity(folder: str) -> dict[str, Any] | None:
    """The list of a folder, or None when it has none.

    Raises:
        NativegenError: NGEN7008, it is damaged.
    """
    path = os.path.join(folder, FILE)
    try:
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NativegenError("NGEN7008", path, detail=str(error)) from error
    if not isinstance(document, dict) or not isinstance(document.get("files"), dict):
        raise NativegenError("NGEN7008", path, detail="not an integrity list")
    return document


def integrity_changes(folder: str, document: dict[str, Any], framework: FrameworkEntry | None) -> Iterator[str]:
    """What is not as the list says, in words.

    Args:
        framework: the shared one that the application would run on now; None: not known.
    """
    now = dict(_contents(folder))
    for name, content in sorted(document["files"].items()):
        if name not in now:
            yield f"{name} is missing"
        elif now[name] != content:
            yield f"{name} was changed"
    wanted = document.get("framework")
    if wanted is not None and framework is not None and asdict(framework) != wanted:
        yield f"the framework is not the {wanted['name']} {wanted['version']} that the images were made with"


def _contents(folder: str) -> Iterator[tuple[str, str]]:
    """Relative path and xxh3-128 of every assembly and library of the folder."""
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if name.lower().endswith(_SUFFIXES):
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    yield os.path.relpath(path, folder), xxhash.xxh3_128_hexdigest(file.read())
