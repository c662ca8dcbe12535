"""How images get into a process for ``verify --live``: through the same view that ``run`` uses, or where they lie."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nativegen.binding.runtimeconfig import config_path
from nativegen.cache.records import Root
from nativegen.cache.store import Cache
from nativegen.operations.substitution import find_substitution
from nativegen.operations.toolchain import Toolchain
from nativegen.operations.tree import place_of
from nativegen.operations.view import make_view
from nativegen.verify.live import LiveGroup, LiveImage
from nativegen.verify.model import Subject


def root_group(cache: Cache, root: Root, subjects: Sequence[Subject], toolchain: Toolchain) -> LiveGroup:
    """The valid images of an installed root, in the view that ``run`` would start."""
    substitution = find_substitution(cache, root.key.path, root.key.scenario, toolchain)
    view = make_view(cache.root, substitution)
    folder = os.path.dirname(substitution.app)
    images = tuple(
        LiveImage(subject, os.path.join(view.folder, place_of(subject.source, folder)))
        for subject in subjects
        if subject.source is not None and substitution.images.get(subject.source) == subject.path
    )
    return LiveGroup(view.app if config_path(Path(view.app)).is_file() else None, images)


def file_group(argument: str, subjects: Sequence[Subject]) -> LiveGroup:
    """Images of a folder with one application run in its process; others in one of their own."""
    app = application_in(argument) if os.path.isdir(argument) else None
    return LiveGroup(app, tuple(LiveImage(subject, os.path.abspath(subject.path)) for subject in subjects))


def application_in(folder: str) -> str | None:
    """The only application of a folder, None when there is none or several."""
    suffix = ".runtimeconfig.json"
    names = [name.removesuffix(suffix) for name in os.listdir(folder) if name.endswith(suffix)]
    apps = [path for name in names if os.path.isfile(path := os.path.join(folder, f"{name}.dll"))]
    return apps[0] if len(apps) == 1 else None
