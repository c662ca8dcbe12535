"""``why``: what changed since an assembly was compiled, in words, without compiling anything."""

from __future__ import annotations

from dataclasses import dataclass

from nativegen.cache.records import Root
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.prepare import prepare
from nativegen.operations.query import Query
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import Toolchain


@dataclass(frozen=True, slots=True)
class Answer:
    """About one image of one root: ``because`` is None when it is valid."""

    root: Root
    path: str
    display_name: str
    because: str | None


def why(cache: Cache, query: Query, toolchain: Toolchain) -> list[Answer]:
    """One answer for each image that the query means, in every root that needs it; all images of a matching root.

    An empty list: not installed. A root that cannot be bound any more gives one answer with the error as the reason.
    """
    answers = []
    for root in cache.index.roots():
        is_root = query.matches(root.key.path, root.display_name)
        edges = cache.index.images_of_root(root.id)
        if not is_root and not any(query.matches(image.source, image.display_name) for image in edges):
            continue
        try:
            plan = prepare(cache, InstallRequest.from_json(root.key.path, root.options), toolchain).plan
        except NativegenError as error:
            answers.append(Answer(root, root.key.path, root.display_name, str(error)))
            continue
        for step in plan.steps:
            candidate = step.candidate
            if is_root or query.matches(candidate.path, candidate.identity):
                because = None if step.current else step.stale_because
                answers.append(Answer(root, candidate.path, candidate.identity, because))
    return answers
