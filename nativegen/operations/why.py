"""``why``: what changed since an assembly was compiled, in words, without compiling anything."""

from __future__ import annotations

from dataclasses import dataclass

from nativegen.cache.records import Root
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.keep import would_keep
from nativegen.operations.prepare import Prepared, compile_request, prepare
from nativegen.operations.query import Query
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import Toolchain
from nativegen.plan.decide import Step


@dataclass(frozen=True, slots=True)
class Answer:
    """About one image of one root.

    Args:
        because: what changed; None: the image is valid.
        stays: its code uses nothing of what changed, so ``update`` will not make it again.
    """

    root: Root
    path: str
    display_name: str
    because: str | None
    stays: bool = False


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
            prepared = prepare(cache, InstallRequest.from_json(root.key.path, root.options), toolchain)
        except NativegenError as error:
            answers.append(Answer(root, root.key.path, root.display_name, str(error)))
            continue
        for step in prepared.plan.steps:
            candidate = step.candidate
            if is_root or query.matches(candidate.path, candidate.identity):
                answers.append(_answer(cache, root, step, prepared, toolchain))
    return answers


def _answer(cache: Cache, root: Root, step: Step, prepared: Prepared, toolchain: Toolchain) -> Answer:
    candidate = step.candidate
    if step.current:
        return Answer(root, candidate.path, candidate.identity, None)
    request = compile_request(step, prepared, "")
    stays = would_keep(cache, step, prepared.closure, request, toolchain)
    return Answer(root, candidate.path, candidate.identity, step.stale_because, stays)
