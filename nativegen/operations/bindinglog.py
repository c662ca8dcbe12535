"""``log``: how native images are bound, decision by decision, in the sentences of Fuslogvw (research T1, 2.6).

Two sources: what planning decides now (a stale image is not offered to the runtime at all), and, when the program was
run, the runtime's own log of the images that it took or ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.prepare import Prepared, image_key, prepare
from nativegen.operations.query import Query
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import Toolchain
from nativegen.plan.decide import Step
from nativegen.runtime.readytorun_log import ImageLoad

_MISSING = (
    "WRN: Dependency assembly was not found at ngen time, but is found at binding time. "
    "Disallow using this native image."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """The log of one assembly. ``bound``: its native image is used, as far as is known."""

    path: str
    display_name: str
    bound: bool
    lines: tuple[str, ...]


def binding_log(cache: Cache, query: Query, scenario: str | None, toolchain: Toolchain) -> list[Entry]:
    """One entry for each assembly that the query means, and for all assemblies of a matching root.

    Args:
        scenario: only roots of this one; None: of all.
    """
    entries = []
    for root in cache.index.roots():
        is_root = query.matches(root.key.path, root.display_name)
        images = cache.index.images_of_root(root.id)
        meant = is_root or any(query.matches(image.source, image.display_name) for image in images)
        if not meant or scenario not in (None, root.key.scenario):
            continue
        try:
            prepared = prepare(cache, InstallRequest.from_json(root.key.path, root.options), toolchain)
        except NativegenError as error:
            start = f"LOG: Start binding of native image {root.display_name}."
            entries.append(Entry(root.key.path, root.display_name, False, (start, f"ERR: {error}", *_REFUSED)))
            continue
        for step in prepared.plan.steps:
            candidate = step.candidate
            if is_root or query.matches(candidate.path, candidate.identity):
                lines = tuple(_lines(cache, prepared, step))
                entries.append(Entry(candidate.path, candidate.identity, step.current, lines))
    return entries


_REFUSED = ("WRN: No matching native image found.", "LOG: Bind to native image assembly did not succeed. Use IL image.")


def _lines(cache: Cache, prepared: Prepared, step: Step) -> Iterator[str]:
    yield f"LOG: Start binding of native image {step.candidate.identity}."
    if not step.current:
        if step.stale_because and ": newly referenced" in step.stale_because:
            yield _MISSING
        yield f"WRN: {step.stale_because}."
        yield from _REFUSED
        return
    yield "LOG: Start validating all the dependencies."
    for name in sorted(step.candidate.references):
        other = prepared.closure.candidates.get(name)
        kind = "native image" if other is not None and _has_image(prepared, name) else "IL"
        yield f"LOG: [Level 1]Start validating {kind} dependency {other.identity if other is not None else name}."
        if other is None:
            yield f"WRN: {name} was not found when the image was made, and is not found now."
    yield "LOG: Validation of dependencies succeeded."
    yield f"Attempting to use native image {cache.image_path(image_key(step))}."
    yield "LOG: Bind to native image succeeded."


def _has_image(prepared: Prepared, name: str) -> bool:
    return any(step.current and step.candidate.name == name for step in prepared.plan.steps)


def with_runtime(entries: list[Entry], places: Mapping[str, str], loads: list[ImageLoad]) -> list[Entry]:
    """The entries with what the runtime said of the same files when the program ran.

    Args:
        places: path of an assembly -> where its image was when the program ran.
    """
    said = {os.path.realpath(load.path): load for load in loads}
    result = []
    for entry in entries:
        load = said.get(os.path.realpath(places.get(entry.path, entry.path)))
        lines, bound = entry.lines, entry.bound
        if load is None:
            lines += ("LOG: The program did not load this assembly.",)
        elif load.accepted:
            lines += ("Native image successfully used.",)
        elif load.rejected:
            lines, bound = (*lines, f"WRN: Rejecting native image because the runtime says: {load.message}."), False
        result.append(Entry(entry.path, entry.display_name, bound, lines))
    return result
