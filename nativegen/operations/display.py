"""``display``: roots, native images, and which roots depend on what (research D1 to D4).

Light: reads the index and asks the disk whether each shown image still exists, nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from nativegen.cache.deployment import is_deployed
from nativegen.cache.index import Index
from nativegen.cache.records import Dependency, Image, ImageKey, Root
from nativegen.operations.query import Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from nativegen.cache.light import NamedTuple


class ShownImage(NamedTuple):
    """An image with what ``display`` says of it. ``present``: its file exists."""

    image: Image
    dependencies: tuple[Dependency, ...]
    present: bool


class Display(NamedTuple):
    """What ``display`` prints.

    Args:
        depending: roots that need one of the matching images; None without an argument.
        deployed: number of a root -> whether what is deployed is stale; only deployed roots.
        pending: paths of assemblies that are queued and have not been compiled yet.
    """

    roots: list[Root]
    depending: list[Root] | None
    images: list[ShownImage]
    pending: list[str]
    deployed: dict[int, bool]


def display_all(index: Index, root: str, queued: Sequence[str]) -> Display:
    """All roots, then all images.

    Args:
        root: the cache folder.
        queued: paths of the assemblies in the queue.
    """
    images = [ShownImage(image, (), _present(root, image)) for image in index.images()]
    roots = index.roots()
    return Display(roots, None, images, list(queued), _deployed(index, roots))


def display_matching(index: Index, root: str, query: Query, queued: Sequence[str]) -> Display | None:
    """Matching images, the images of their dependencies, all roots that depend on them; None: not installed.

    Args:
        root: the cache folder.
        queued: paths of the assemblies in the queue.
    """
    roots = [r for r in index.roots() if query.matches(r.key.path, r.display_name)]
    every = index.images()
    images = [image for image in every if query.matches(image.source, image.display_name)]
    # The same assembly elsewhere has the same image, which names one of the two files: that of whoever made it.
    found = {image.image_key for image in images}
    own = {i.image_key: i for r in roots for i in index.images_of_root(r.id) if i.display_name == r.display_name}
    images += [image for key, image in own.items() if key not in found]
    # The display name is not known before the file is read: the file's name stands for it.
    pending = sorted(p for p in queued if query.matches(p, os.path.splitext(os.path.basename(p))[0]))
    if not roots and not images and not pending:
        return None
    depending: dict[int, Root] = {}
    shown: dict[ImageKey, ShownImage] = {}
    for image in images:
        key = image.image_key
        dependencies = tuple(index.dependencies(key))
        shown[key] = ShownImage(image, dependencies, _present(root, image))
        roots_of_image = index.roots_of_image(key)
        depending.update((r.id, r) for r in roots_of_image)
        needed = {dependency.display_name for dependency in dependencies}
        for owner in roots_of_image:
            for other in index.images_of_root(owner.id):
                other_key = other.image_key
                if other.display_name in needed and other_key not in shown:
                    shown[other_key] = ShownImage(other, (), _present(root, other))
    owners = sorted(depending.values(), key=lambda r: r.key)
    return Display(roots, owners, list(shown.values()), pending, _deployed(index, [*roots, *owners]))


def _deployed(index: Index, roots: list[Root]) -> dict[int, bool]:
    found: dict[int, bool] = {}
    for root in roots:
        folder = os.path.dirname(root.key.path)
        if root.id in found or not is_deployed(folder):
            continue
        from nativegen.operations.deploy import is_stale, read_deployment

        deployment = read_deployment(folder)
        if deployment is not None and (deployment.app, deployment.scenario) == (root.key.path, root.key.scenario):
            checksums = {image.source: image.checksum for image in index.images_of_root(root.id)}
            found[root.id] = is_stale(deployment, checksums)
    return found


def hard_binding_hints(root: str, image: Image) -> list[str]:
    """Simple names of the references that an image's assembly wants to be bound hard."""
    from nativegen.cache.store import read_manifest
    from nativegen.diagnostics import NativegenError

    try:
        document = read_manifest(_path(root, image).removesuffix(".ni.dll") + ".json")
    except NativegenError:
        return []
    hints = document.get("hard_binding_hints", [])
    return [str(hint) for hint in hints] if isinstance(hints, list) else []


def mode_of(root: str, image: Image) -> str:
    """The image's mode, and how many things of other assemblies shaped it."""
    from nativegen.cache.store import read_manifest
    from nativegen.diagnostics import NativegenError

    try:
        document = read_manifest(_path(root, image).removesuffix(".ni.dll") + ".json")
    except NativegenError:
        return ""
    manifest, foreign = document["manifest"], document.get("foreign")
    mode = manifest["options"].get("mode", "resilient") if isinstance(manifest, dict) else ""
    entries = foreign if isinstance(foreign, dict) else {}
    uses = [use for entry in entries.values() for use in entry["uses"] if use[0] == "body"]
    assemblies = ", ".join(sorted(entries))
    return f"{mode}: contains code of {len(uses)} methods of {assemblies}" if uses else f"{mode}, uses nothing foreign"


def preferred_base(root: str, image: Image) -> int | None:
    """The preferred load address of an image; None: no file."""
    from nativegen.operations.bases import span_of

    span = span_of(_path(root, image))
    return None if span is None else span.base


def why_invalid(root: str) -> dict[ImageKey, str]:
    """What changed since an image was made, for those that no root would use as they are. Not light: plans every root.

    Args:
        root: the cache folder.
    """
    from nativegen.cache.store import Cache
    from nativegen.operations.query import Query
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.operations.why import why

    with Cache(root) as cache:
        answers = [(one, why(cache, Query(one.key.path), NativeToolchain())) for one in cache.index.roots()]
        reasons: dict[ImageKey, str] = {}
        valid: set[ImageKey] = set()
        for one, found in answers:
            because = {answer.path: answer.because for answer in found if answer.root.id == one.id}
            for key, path, _ in cache.index.edges_of_root(one.id):
                # A root that cannot be bound any more has one answer, about itself.
                text = because.get(path, because.get(one.key.path))
                if text is None:
                    valid.add(key)
                else:
                    reasons.setdefault(key, text)
    return {key: text for key, text in reasons.items() if key not in valid}


def _present(root: str, image: Image) -> bool:
    return os.path.exists(_path(root, image))


def _path(root: str, image: Image) -> str:
    # The form of cache.store.image_folder, spelled out: importing that module costs more than a whole `display`.
    return f"{root}/NativeImages_{image.target}/{image.name}/{image.key}/{image.name}.ni.dll"
