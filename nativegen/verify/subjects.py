"""Which images a ``verify`` argument means: nothing (the whole cache), an installed assembly, a folder, an image
file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nativegen.cache.records import Image, ImageKey, Root
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.operations.prepare import image_key, prepare
from nativegen.operations.query import Query
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import Toolchain
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.verify.model import Finding, Severity, Subject


@dataclass(slots=True)
class Selection:
    """What is verified.

    Args:
        subjects: the images. notes: findings about the cache itself.
        roots: with the subjects that each needs. files: arguments that are paths, with their subjects.
    """

    subjects: list[Subject] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    roots: list[tuple[Root, list[Subject]]] = field(default_factory=list)
    files: list[tuple[str, list[Subject]]] = field(default_factory=list)

    def extend(self, other: Selection) -> None:
        """Add what another argument selected."""
        self.subjects += other.subjects
        self.notes += other.notes
        self.roots += other.roots
        self.files += other.files


def cache_subjects(cache: Cache, query: Query | None, toolchain: Toolchain) -> Selection:
    """The images of the cache that a query means (None: all).

    Staleness is decided by planning each root again, as ``update`` would.
    """
    notes: list[Finding] = []
    roots: list[tuple[Root, list[Image]]] = []
    stale: dict[ImageKey, str] = {}
    wanted: dict[ImageKey, Image] = {}
    for root in cache.index.roots():
        images = cache.index.images_of_root(root.id)
        is_root = query is None or query.matches(root.key.path, root.display_name)
        chosen = [i for i in images if is_root or (query is not None and query.matches(i.source, i.display_name))]
        if chosen:
            roots.append((root, chosen))
            wanted.update((_key(image), image) for image in chosen)
            stale.update(_stale(cache, root, images, toolchain, notes))
    if query is None:
        wanted.update((_key(image), image) for image in cache.index.images())
        notes += _orphans(cache)
    subjects: dict[ImageKey, Subject] = {}
    for key, image in wanted.items():
        if not cache.has_files(key):
            message = f"{image.display_name}: the image's file is missing from the cache"
            notes.append(Finding(Severity.SILENT, message, "run: nativegen update"))
            continue
        subjects[key] = Subject(
            cache.image_path(key), image.display_name, image.source, _document(cache, key), image.target, stale.get(key)
        )
    owned = [(root, [subjects[_key(i)] for i in images if _key(i) in subjects]) for root, images in roots]
    return Selection(list(subjects.values()), notes, owned)


def _key(image: Image) -> ImageKey:
    return ImageKey(image.target, image.name, image.key)


def _stale(
    cache: Cache, root: Root, images: Sequence[Image], toolchain: Toolchain, notes: list[Finding]
) -> Mapping[ImageKey, str]:
    try:
        plan = prepare(cache, InstallRequest.from_json(root.key.path, root.options), toolchain).plan
    except NativegenError as error:
        notes.append(Finding(Severity.STALE, f"{root.key.path}: cannot be bound any more: {error}", error.remedy))
        return {}
    reasons = {step.candidate.name: step.stale_because or "" for step in plan.stale}
    current = {image_key(step) for step in plan.steps if step.current}
    return {
        _key(image): reasons.get(image.name, "the application does not need it any more")
        for image in images
        if _key(image) not in current
    }


def _document(cache: Cache, key: ImageKey) -> Mapping[str, object] | None:
    try:
        return cache.read_manifest(key)
    except NativegenError:
        return None


def _orphans(cache: Cache) -> Iterator[Finding]:
    """Images on disk that the index does not know: left by a killed process, harmless."""
    for key in cache.images_on_disk():
        if cache.index.image(key) is None:
            yield Finding(Severity.INFO, f"{cache.image_path(key)}: not in the index", "run: nativegen cache rebuild")


def file_subjects(path: str, target: str | None, sources: Mapping[str, str]) -> Selection:
    """The image at a path, or all of nativegen's images in a folder.

    Args:
        path: a file, which must be an image, or a folder.
        target: what the images are meant for, None: whatever their headers say.
        sources: simple name -> IL assembly, to compare with; empty when the originals are not known.

    Raises:
        NativegenError: NGEN1007, there is no such file; NGEN5001, the folder contains no image.
    """
    if not os.path.isdir(path):
        if not os.path.isfile(path):
            raise NativegenError("NGEN1007", path)
        found = [_file_subject(path, target, sources)]
        return Selection(found, files=[(path, found)])
    found = []
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            if name.lower().endswith((".dll", ".exe")) and _is_ours(os.path.join(folder, name)):
                found.append(_file_subject(os.path.join(folder, name), target, sources))
    if not found:
        raise NativegenError("NGEN5001", path)
    return Selection(found, files=[(path, found)])


def _file_subject(path: str, target: str | None, sources: Mapping[str, str]) -> Subject:
    try:
        identity = Assembly.open(path).identity
    except NativegenError:
        return Subject(path, os.path.basename(path), target=target)
    return Subject(path, identity.display_name, sources.get(identity.name), target=target)


def is_image(path: str) -> bool:
    """Whether a path is that of a file with native code. A file that cannot be read is none."""
    try:
        return os.path.isfile(path) and Assembly.open(path).is_ready_to_run
    except NativegenError:
        return False


def _is_ours(path: str) -> bool:
    """Folders may contain other makers' images, the framework's for instance; they are not ours to judge."""
    try:
        assembly = Assembly.open(path)
        if not assembly.is_ready_to_run:
            return False
        return ReadyToRunImage(assembly).compiler_identifier.startswith("nativegen")
    except NativegenError:
        return False
