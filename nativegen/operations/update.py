"""``update``: bring every root up to date (research P1 to P4).

A root whose file is gone, or which cannot be bound any more, does not stop the others; it is reported. One unrelated
assembly has spoilt many a system image with ngen.
"""

from __future__ import annotations

from dataclasses import dataclass

from nativegen.cache.records import Root
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.install import Installed, InstallEvents, install
from nativegen.operations.prepare import prepare
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import Toolchain
from nativegen.plan.explanations import NO_EXPLANATIONS, Explanations


@dataclass(frozen=True, slots=True)
class Updated:
    """``unusable``: roots that could not even be planned."""

    roots: tuple[Installed, ...]
    unusable: tuple[tuple[Root, NativegenError], ...]


def update(
    cache: Cache,
    toolchain: Toolchain,
    jobs: int,
    events: InstallEvents | None = None,
    explanations: Explanations = NO_EXPLANATIONS,
    force: bool = False,
) -> Updated:
    """Regenerate what is not valid any more, for all roots at once, and remove what killed processes left behind.

    Args:
        force: regenerate everything.
    """
    requests, unusable = [], []
    for root in cache.index.roots():
        request = InstallRequest.from_json(root.key.path, root.options)
        try:
            prepare(cache, request, toolchain)
        except NativegenError as error:
            unusable.append((root, error))
        else:
            requests.append(request)
    done = install(cache, requests, toolchain, jobs, events, explanations, force) if requests else []
    cache.sweep()
    return Updated(tuple(done), tuple(unusable))
