"""Which images a request needs, which of them are stale, and why: pure logic over three small protocols.

The one place that the command line, the service and SCons all ask. It knows neither how images are made nor where they
are stored: assemblies arrive as :class:`Candidate`, contracts and stored images through protocols, so tests use a fake
disk.

Invariants: the result depends only on contents, never on time or order; the images of a plan may be made in any order
and all at once, because images are made from IL, never from other images.

Worked example: App refers to Text, both wanted. ``plan_images`` makes one manifest each; App's contains Text's contract
signature and the word ``image``; if the store has no image of that key, the step says so and the explanations hold the
first difference from the newest image that was made from the same file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nativegen.plan.difference import first_difference
from nativegen.plan.explanations import NO_EXPLANATIONS, Explanations
from nativegen.plan.manifest import AssemblyEntry, FrameworkEntry, KeyManifest, ReferenceEntry, ReferenceKind, RunsAs


@dataclass(frozen=True, slots=True)
class Candidate:
    """What planning has to know of one assembly of a closure.

    Args:
        name: simple name. identity: display name. path: of the file.
        content: xxh3-128 of the file; mvid: module version id.
        references: simple names of what it refers to directly, framework and missing ones included.
        is_framework: part of the shared framework: covered by the framework entry, never compiled unless wanted.
        is_native: already carries native code. is_facade: no method has CIL; nothing to compile.
        is_refused: cannot be compiled at all (C++/CLI, a reference assembly); the JIT or the loader deals with it.
        hints: simple names of the references that it wants to be bound hard.
        backup: where its IL is while a deployed image has its place, else ''.
    """

    name: str
    identity: str
    path: str
    content: str
    mvid: str
    references: tuple[str, ...]
    is_framework: bool = False
    is_native: bool = False
    is_facade: bool = False
    is_refused: bool = False
    backup: str = ""
    hints: tuple[str, ...] = ()

    @property
    def il(self) -> str:
        """The file to compile."""
        return self.backup or self.path


@dataclass(frozen=True, slots=True)
class Settings:
    """What all images of a request share.

    Args:
        compiler: fingerprint. target: name. platform: ``linux-x64``. scenario: see ``cache.records``.
        options: compile options in JSON form. strict: content signatures everywhere (ngen's own rule).
        from_native: assemblies that carry native code are compiled from their IL too.
        partial: for partial images, simple name -> digest of the methods to compile; None: whole images.
    """

    compiler: str
    target: str
    platform: str
    scenario: str
    options: Mapping[str, object]
    framework: FrameworkEntry | None = None
    strict: bool = False
    from_native: bool = False
    partial: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One image that the request needs.

    Args:
        current: the store has it. reason: why the root needs it: ``is the root``, ``referenced by App``.
        stale_because: in words, when it is not current.
    """

    candidate: Candidate
    manifest: KeyManifest
    current: bool
    reason: str
    stale_because: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """An assembly without an image of ours, and why, in words: ``facade``, ``framework``, ``already native``..."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a request needs, in order of simple name."""

    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...]

    @property
    def stale(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if not step.current)


class Contracts(Protocol):
    """Contract signatures."""

    def signature(self, candidate: Candidate) -> str:
        """The contract signature of an assembly; computed, or remembered by content."""
        ...

    def detail(self, name: str, old: str, new: str) -> str | None:
        """What differs between two contract signatures, when both are known."""
        ...


class Images(Protocol):
    """Images that exist."""

    def has(self, name: str, key: str) -> bool:
        """Whether the image with this key exists, with its files."""
        ...

    def foreign_change(self, name: str, key: str) -> str | None:
        """Which foreign thing that an existing image recorded is not as it was, in words; None: all is."""
        ...

    def newest_manifest(self, candidate: Candidate) -> Mapping[str, Any] | None:
        """The key manifest of the image made last from the same file, or None."""
        ...


def plan_images(
    candidates: Mapping[str, Candidate],
    root: str,
    wanted: Mapping[str, str],
    settings: Settings,
    contracts: Contracts,
    images: Images,
    explanations: Explanations = NO_EXPLANATIONS,
) -> Plan:
    """Decide about every assembly of a closure.

    Args:
        candidates: simple name -> assembly; the closure of the root.
        root: simple name of the assembly that the user named. It is compiled even when it is part of the framework.
        wanted: simple name -> why an image of it is asked for; a subset of the candidates.
        explanations: receives the reason of every image that is not current.
    """
    skipped: list[Skipped] = []
    compiled: dict[str, str] = {}
    for name in sorted(candidates):
        reason = _skip_reason(candidates[name], name == root, name in wanted, settings)
        if reason is None:
            compiled[name] = wanted[name]
        else:
            skipped.append(Skipped(candidates[name], reason))
    # A reference to an assembly of the framework counts as the framework, unless we compile it ourselves.
    steps = [
        _step(candidates[name], why, candidates, compiled, settings, contracts, images, explanations)
        for name, why in compiled.items()
    ]
    return Plan(tuple(steps), tuple(skipped))


def _skip_reason(candidate: Candidate, is_root: bool, is_wanted: bool, settings: Settings) -> str | None:
    if candidate.is_facade:
        return "facade"
    if candidate.is_refused and not candidate.is_native:
        return "cannot be compiled"
    if not is_wanted:
        return "framework" if candidate.is_framework else "not wanted"
    if candidate.is_native and not settings.from_native:
        return "already native"
    if candidate.is_framework and not (is_root or settings.from_native):
        return "framework"
    if settings.partial is not None and candidate.name not in settings.partial:
        return "not in the profile"
    return None


def _step(
    candidate: Candidate,
    reason: str,
    candidates: Mapping[str, Candidate],
    compiled: Mapping[str, str],
    settings: Settings,
    contracts: Contracts,
    images: Images,
    explanations: Explanations,
) -> Step:
    manifest = key_manifest(candidate, candidates, compiled, settings, contracts)
    if images.has(candidate.name, manifest.key):
        changed = images.foreign_change(candidate.name, manifest.key)
        if changed is not None:
            explanations.record(candidate.name, changed)
        return Step(candidate, manifest, changed is None, reason, changed)
    before = images.newest_manifest(candidate)
    if before is None:
        because = "never compiled before"
    else:
        # Equal manifests: the image was made, but its files are gone.
        because = (
            first_difference(before, manifest.as_json(), contracts.detail) or "its image is missing from the cache"
        )
    explanations.record(candidate.name, because)
    return Step(candidate, manifest, False, reason, because)


def key_manifest(
    candidate: Candidate,
    candidates: Mapping[str, Candidate],
    compiled: Mapping[str, str],
    settings: Settings,
    contracts: Contracts,
) -> KeyManifest:
    """The key manifest of one assembly.

    Args:
        compiled: names of the assemblies that run as our images.
    """
    references = []
    for other in reachable(candidate, candidates):
        by_content = settings.strict or other.name in candidate.hints
        kind: ReferenceKind = "content" if by_content else "contract"
        signature = other.content if by_content else contracts.signature(other)
        references.append(ReferenceEntry(other.name, other.identity, kind, signature, _runs_as(other, compiled)))
    return KeyManifest(
        settings.compiler,
        settings.target,
        settings.platform,
        settings.scenario,
        _options(candidate, settings),
        AssemblyEntry(candidate.name, candidate.identity, candidate.mvid, candidate.content),
        settings.framework,
        tuple(references),
    )


def _options(candidate: Candidate, settings: Settings) -> dict[str, object]:
    options = {**settings.options, "strict": settings.strict}
    if settings.partial is not None:
        options["partial"] = settings.partial.get(candidate.name, "")
    return options


def _runs_as(candidate: Candidate, compiled: Mapping[str, str]) -> RunsAs:
    if candidate.name in compiled:
        return "image"
    return "runtime" if candidate.is_native else "il"


def reachable(candidate: Candidate, candidates: Mapping[str, Candidate]) -> Sequence[Candidate]:
    """The assemblies outside the framework that an assembly refers to, directly or through others, in order of name.

    Indirect ones count: the layout of a struct of a direct reference may contain a struct of an indirect one.
    """
    found: dict[str, Candidate] = {}
    pending = list(candidate.references)
    while pending:
        name = pending.pop()
        other = candidates.get(name)
        if other is None or other.is_framework or name in found or name == candidate.name:
            continue
        found[name] = other
        pending.extend(other.references)
    return [found[name] for name in sorted(found)]
