"""Which images a ``verify`` argument means: nothing (the whole cache), an installed assembly, a folder, an image
file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nativegen.binding.trusted import CORE_LIBRARY
from nativegen.cache.records import Image, ImageKey, Root
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.operations.bind import framework_of
from nativegen.operations.integrity import integrity_changes, read_integrity
from nativegen.operations.prepare import Prepared, image_key, prepare
from nativegen.operations.query import Query
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import Toolchain
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.runtime.discover import Runtime
from nativegen.verify.cache_state import cache_findings
from nativegen.verify.live_groups import application_in
from nativegen.verify.model import Finding, Severity, Subject
from nativegen.verify.references import References
from nativegen.verify.runtimes import RuntimeFormat, read_format, runtimes_of
from nativegen.verify.startup import startup_findings


@dataclass(frozen=True, slots=True)
class Criteria:
    """What images are judged by, besides what they say themselves.

    Args:
        target: name of the target that they are meant for. runtime: folder of the runtime that they are meant for.
        processor: features of the processors that they must run on.
        baseline: simple name -> least number of methods with code.
    """

    target: str | None = None
    runtime: str | None = None
    processor: frozenset[str] = frozenset()
    baseline: Mapping[str, int] = field(default_factory=dict)


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


def cache_subjects(cache: Cache, query: Query | None, toolchain: Toolchain, criteria: Criteria) -> Selection:
    """The images of the cache that a query means (None: all).

    Staleness is decided by planning each root again, as ``update`` would.
    """
    notes: list[Finding] = []
    roots: list[tuple[Root, list[Image]]] = []
    stale: dict[ImageKey, str] = {}
    bound: dict[ImageKey, _Bound] = {}
    wanted: dict[ImageKey, Image] = {}
    for root in cache.index.roots():
        images = cache.index.images_of_root(root.id)
        is_root = query is None or query.matches(root.key.path, root.display_name)
        chosen = [i for i in images if is_root or (query is not None and query.matches(i.source, i.display_name))]
        if chosen:
            roots.append((root, chosen))
            wanted.update((image.image_key, image) for image in chosen)
            prepared = _prepare(cache, root, toolchain, notes)
            if prepared is not None:
                stale.update(_stale(prepared, images))
                surroundings = _bound(prepared, criteria)
                bound.update((image.image_key, surroundings) for image in images)
    if query is None:
        wanted.update((image.image_key, image) for image in cache.index.images())
        notes += cache_findings(cache)
    subjects: dict[ImageKey, Subject] = {}
    for key, image in wanted.items():
        if not cache.has_files(key):
            message = f"{image.display_name}: the image's file is missing from the cache"
            notes.append(Finding(Severity.SILENT, message, "run: nativegen update"))
            continue
        around = bound.get(key) or _Bound()
        subjects[key] = Subject(
            cache.image_path(key),
            image.display_name,
            image.source,
            _document(cache, key),
            image.target,
            stale.get(key),
            around.references,
            around.runtimes,
            criteria.processor,
            criteria.baseline.get(image.name),
        )
    owned = [(root, [subjects[i.image_key] for i in images if i.image_key in subjects]) for root, images in roots]
    return Selection(list(subjects.values()), notes, owned)


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a root's binding says about its images' surroundings."""

    references: References = field(default_factory=References)
    runtimes: tuple[RuntimeFormat, ...] = ()


def _bound(prepared: Prepared, criteria: Criteria) -> _Bound:
    closure = prepared.closure
    if criteria.runtime is not None:
        return _Bound(References(closure.paths), runtimes_of(closure.root_candidate.path, criteria.runtime)[1])
    core = closure.paths.get(CORE_LIBRARY)
    runtimes = () if core is None else (read_format(closure.runtime_version, os.path.dirname(core), closure.target),)
    return _Bound(References(closure.paths), runtimes)


def _prepare(cache: Cache, root: Root, toolchain: Toolchain, notes: list[Finding]) -> Prepared | None:
    try:
        return prepare(cache, InstallRequest.from_json(root.key.path, root.options), toolchain)
    except NativegenError as error:
        notes.append(Finding(Severity.STALE, f"{root.key.path}: cannot be bound any more: {error}", error.remedy))
        return None


def _stale(prepared: Prepared, images: Sequence[Image]) -> Mapping[ImageKey, str]:
    plan = prepared.plan
    reasons = {step.candidate.name: step.stale_because or "" for step in plan.stale}
    current = {image_key(step) for step in plan.steps if step.current}
    return {
        image.image_key: reasons.get(image.name, "the application does not need it any more")
        for image in images
        if image.image_key not in current
    }


def _document(cache: Cache, key: ImageKey) -> Mapping[str, object] | None:
    try:
        return cache.read_manifest(key)
    except NativegenError:
        return None


def integrity_notes(folder: str, runtime: str | None) -> list[Finding]:
    """What the integrity list of a folder with pinned images (:mod:`nativegen.operations.integrity`) has to say.

    Args:
        runtime: the user's choice, or None: what the application would run on.
    """
    document = read_integrity(folder)
    if document is None:
        return []
    framework = None
    notes = []
    if document.get("framework") is not None:
        try:
            framework = framework_of(os.path.join(folder, str(document.get("app"))), runtime)
        except NativegenError as error:
            notes.append(Finding(Severity.STALE, f"{folder}: its framework is not known: {error}", error.remedy))
    for change in integrity_changes(folder, document, framework):
        remedy = "run: nativegen publish --pinned again"
        notes.append(Finding(Severity.STALE, f"{folder}: pinned images, but {change}", remedy))
    return notes


def file_subjects(path: str, criteria: Criteria, sources: Mapping[str, str]) -> Selection:
    """The image at a path, or all of nativegen's images in a folder.

    Args:
        path: a file, which must be an image, or a folder.
        sources: simple name -> IL assembly, to compare with; empty when the originals are not known.

    Raises:
        NativegenError: NGEN1007, there is no such file; NGEN5001, the folder contains no image; NGEN6003.
    """
    if not os.path.isdir(path):
        if not os.path.isfile(path):
            raise NativegenError("NGEN1007", path)
        found = [path]
    else:
        found = [
            os.path.join(folder, name)
            for folder, folders, files in os.walk(path)
            for name in _sorted(folders, files)
            if name.lower().endswith((".dll", ".exe")) and _is_ours(os.path.join(folder, name))
        ]
        if not found:
            raise NativegenError("NGEN5001", path)
    app = application_in(path) if os.path.isdir(path) else None
    runtimes, formats = runtimes_of(app, criteria.runtime)
    references = References(_references(os.path.dirname(found[0]), sources, runtimes) if runtimes else {})
    subjects = [_file_subject(file, criteria, sources, references, formats) for file in found]
    notes = [*integrity_notes(path, criteria.runtime), *startup_findings(path)] if os.path.isdir(path) else []
    return Selection(subjects, notes, files=[(path, subjects)])


def _sorted(folders: list[str], files: list[str]) -> list[str]:
    folders.sort()  # os.walk goes on in this order
    return sorted(files)


def _references(folder: str, sources: Mapping[str, str], runtimes: Sequence[Runtime]) -> dict[str, str]:
    """What references of a folder's images mean: the folder's own files, the given originals, the framework."""
    found: dict[str, str] = {}
    for place in [folder, *(str(framework.path) for framework in runtimes[0].frameworks)]:
        for name in sorted(os.listdir(place)):
            if name.lower().endswith(".dll"):
                found.setdefault(name[:-4], os.path.join(place, name))
    return {**sources, **found}


def _file_subject(
    path: str,
    criteria: Criteria,
    sources: Mapping[str, str],
    references: References,
    runtimes: tuple[RuntimeFormat, ...],
) -> Subject:
    try:
        identity = Assembly.open(path).identity
    except NativegenError:
        return Subject(path, os.path.basename(path), target=criteria.target, runtimes=runtimes)
    return Subject(
        path,
        identity.display_name,
        sources.get(identity.name),
        target=criteria.target,
        references=references,
        runtimes=runtimes,
        processor=criteria.processor,
        baseline=criteria.baseline.get(identity.name),
    )


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
