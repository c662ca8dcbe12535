"""Bind and plan one root against a cache, compiling nothing: the first half of ``install``, most of ``why``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nativegen.cache.manifests import file_checksum, row_of_manifest
from nativegen.cache.records import ImageKey
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.closure import Closure
from nativegen.operations.modes import foreign_change
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import Toolchain
from nativegen.pipeline.request import CompileRequest
from nativegen.plan.decide import Candidate, Plan, Settings, Step, plan_images
from nativegen.plan.explanations import NO_EXPLANATIONS, Explanations

PLATFORM = "linux-x64"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A root, bound and planned. ``contents``: what was read, path -> content signature."""

    request: InstallRequest
    closure: Closure
    settings: Settings
    plan: Plan
    contents: Mapping[str, str]


def prepare(
    cache: Cache, request: InstallRequest, toolchain: Toolchain, explanations: Explanations = NO_EXPLANATIONS
) -> Prepared:
    """Bind and plan one root without compiling anything; what ``why`` and ``run`` need too."""
    closure = toolchain.bind(request)
    settings = Settings(
        compiler=toolchain.fingerprint(),
        target=closure.target,
        platform=PLATFORM,
        scenario=request.scenario,
        options=request.compile_options(closure.target).as_json(),
        framework=closure.framework,
        strict=request.strict,
        from_native=request.from_native,
        partial=closure.selection.digests if closure.selection is not None else None,
    )
    stored = _StoredImages(cache, closure, request.scenario)
    contracts = toolchain.contracts(cache.index)
    wanted = _wanted(closure, request)
    plan = plan_images(closure.candidates, closure.root, wanted, settings, contracts, stored, explanations)
    if not plan.steps and closure.root_candidate.is_facade:
        raise NativegenError("NGEN3007", closure.root_candidate.path)
    contents = {candidate.il: candidate.content for candidate in closure.candidates.values() if candidate.content}
    return Prepared(request, closure, settings, plan, contents)


def _wanted(closure: Closure, request: InstallRequest) -> dict[str, str]:
    wanted = {closure.root: "is the root"}
    if request.no_dependencies:
        return wanted
    pending = [closure.root]
    while pending:
        referrer = pending.pop(0)
        for name in closure.candidates[referrer].references:
            if name in closure.candidates and name not in wanted:
                wanted[name] = f"referenced by {referrer}"
                pending.append(name)
    return wanted


class _StoredImages:
    """The ``Images`` that planning asks, over the cache."""

    def __init__(self, cache: Cache, closure: Closure, scenario: str) -> None:
        self._cache, self._target, self._scenario = cache, closure.target, scenario
        self._closure = closure

    def has(self, name: str, key: str) -> bool:
        image = ImageKey(self._target, name, key)
        if not self._cache.has_files(image):
            return False
        return self._cache.index.image(image) is not None or self._is_sound(image)

    def foreign_change(self, name: str, key: str) -> str | None:
        try:
            recorded = self._cache.read_manifest(ImageKey(self._target, name, key)).get("foreign")
        except NativegenError:
            return None  # `has` would not have adopted it; one that the index knows is judged by its key
        if not isinstance(recorded, dict) or not recorded:
            return None
        return foreign_change(recorded, self._closure.contents, self._closure.paths, self._target)

    def _is_sound(self, key: ImageKey) -> bool:
        """Whether an image that the index does not know, left by a killed process or a lost index, may be adopted."""
        try:
            row, _ = row_of_manifest(self._cache.read_manifest(key), key)
            return file_checksum(self._cache.image_path(key)) == row.checksum
        except NativegenError:
            return False

    def newest_manifest(self, candidate: Candidate) -> Mapping[str, Any] | None:
        image = self._cache.index.newest_image_of(candidate.path, self._target, self._scenario)
        if image is None:
            return None
        try:
            document = self._cache.read_manifest(image.image_key)
        except NativegenError:
            return None
        manifest = document["manifest"]
        assert isinstance(manifest, dict)
        return manifest


def image_key(step: Step) -> ImageKey:
    """Where the image of a step is."""
    return ImageKey(step.manifest.target, step.candidate.name, step.manifest.key)


def compile_request(step: Step, one: Prepared, output: str) -> CompileRequest:
    """What the compiler is asked for one planned image."""
    closure = one.closure
    partial = closure.selection.methods[step.candidate.name] if closure.selection is not None else None
    target = step.manifest.target
    contents = {reference.name for reference in step.manifest.references if reference.kind == "content"}
    bound = tuple(sorted(name.lower() for name in contents.intersection(step.candidate.hints)))
    options = replace(one.request.compile_options(target), hard_bound=bound)
    return CompileRequest(step.candidate.il, output, target, closure.paths, options, partial, one.contents)
