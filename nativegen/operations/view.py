"""The *view* of an application for ``run``: a folder in the cache that looks like the application's own, with its
images.

Images are hard links into the cache. Everything else is a symbolic link to the application's own file, so that data
files, native libraries and settings are the ones the user edits; the program's assembly and its host are real files,
because both runtimes resolve links of these two and would end up in the original folder.

What differs for the program: ``AppContext.BaseDirectory`` and the ``Location`` of assemblies with images name the view;
new files written there do not land in the original folder (changes to existing files do). Programs that mind are served
by ``publish``.

A view's name is the xxh3 of its contents' description, so it is made once and never changed. A program that runs holds
a shared lock on its view; views of the same application that nobody holds are removed when a new one is made. A view
that a killed process left half made goes with it: whoever makes it holds its lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import xxhash

from nativegen.binding.beside import images_beside
from nativegen.files import lock, locked
from nativegen.operations.substitution import Substitution
from nativegen.operations.tree import Entry, tree_entries

VIEWS = "views"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class View:
    """``app``: the program's assembly inside the view. ``lock``: an open file descriptor that keeps the view alive."""

    folder: str
    app: str
    lock: int


def make_view(cache_root: str, substitution: Substitution) -> View:
    """The view of an application with these images; made unless it exists.

    Raises:
        OSError: the cache cannot be written to.
    """
    app = substitution.app
    folder = os.path.dirname(app)
    # The runtime would load those in place of the images, and of newer IL.
    entries = list(tree_entries(folder, substitution.images, whole_folders=True, exclude=images_beside(app)))
    real = {os.path.basename(app), os.path.splitext(os.path.basename(app))[0]}
    description = json.dumps([[asdict(entry) for entry in entries], _states(entries, real)]).encode()
    shelf = _shelf(cache_root, app)
    view = os.path.join(shelf, xxhash.xxh3_128_hexdigest(description))
    held = _lock(view + _LOCK)
    if not os.path.isdir(view):
        temporary = f"{view}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
        try:
            os.mkdir(temporary)
            _fill(temporary, entries, real)
            with contextlib.suppress(OSError):  # somebody else made the same one meanwhile
                os.rename(temporary, view)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        if not os.path.isdir(view):
            raise FileNotFoundError(view)
        _remove_unused(shelf, os.path.basename(view))
    return View(view, os.path.join(view, os.path.basename(app)), held)


def needs_view(substitution: Substitution) -> bool:
    """Whether an installed application starts from a view: for its images, or without what would be loaded for them."""
    return substitution.root is not None and bool(substitution.images or images_beside(substitution.app))


def _lock(path: str) -> int:
    """An open file with a shared lock, which the program that is started will hold."""
    while True:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # another process just removed the whole shelf
            held = lock(path, shared=True, create=True)
            assert held is not None  # it waits
            os.set_inheritable(held, True)
            return held


def remove_views(cache_root: str, app: str) -> None:
    """Remove the views of an application that no program uses."""
    shelf = _shelf(cache_root, app)
    _remove_unused(shelf, "")
    with contextlib.suppress(OSError):
        os.rmdir(shelf)


def remove_all_views(cache_root: str) -> None:
    """Remove every view that no program uses."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(os.path.join(cache_root, VIEWS)):
            shelf = os.path.join(cache_root, VIEWS, name)
            _remove_unused(shelf, "")
            with contextlib.suppress(OSError):
                os.rmdir(shelf)


def _shelf(cache_root: str, app: str) -> str:
    name = os.path.splitext(os.path.basename(app))[0]
    return os.path.join(cache_root, VIEWS, f"{name}-{xxhash.xxh3_64_hexdigest(app.encode())}")


def _states(entries: Sequence[Entry], real: set[str]) -> list[str]:
    """Contents of the files that are copied: a copy must not outlive a change of its original."""
    states = []
    for entry in entries:
        if entry.kind == "file" and entry.relative in real:
            with open(entry.source, "rb") as file:
                states.append(xxhash.xxh3_128_hexdigest(file.read()))
    return states


def _fill(folder: str, entries: Sequence[Entry], real: set[str]) -> None:
    for entry in entries:
        target = os.path.join(folder, entry.relative)
        if entry.kind == "folder":
            os.mkdir(target)
        elif entry.kind == "image":
            # The name of an assembly from elsewhere may be taken by an IL copy beside the application.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(target)
            os.link(entry.source, target)
        elif entry.relative in real and os.path.isfile(entry.source):
            shutil.copy2(entry.source, target)
        else:
            os.symlink(entry.source, target)


def _remove_unused(shelf: str, keep: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # another process removes the same ones
        for name in os.listdir(shelf):
            view = name.removesuffix(_LOCK)
            if name == view or view == keep:
                continue
            path = os.path.join(shelf, name)
            with contextlib.suppress(FileNotFoundError), locked(path, wait=False) as is_unused:
                if not is_unused:
                    continue
                # The view itself, and what killed processes began of it; whoever makes it holds the lock.
                for other in os.listdir(shelf):
                    if other == view or other.startswith(view + "."):
                        shutil.rmtree(os.path.join(shelf, other), ignore_errors=True)
                os.unlink(path)
