"""Which files of an application are replaced by native images, for ``run`` and ``publish``.

Only valid images count: the application is bound and planned as ``install`` would, and what the plan calls current is
used. Everything else stays IL and is compiled by the JIT; the program behaves the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from nativegen.cache.records import Root
from nativegen.cache.store import Cache
from nativegen.operations.prepare import image_key, prepare
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import Toolchain


@dataclass(frozen=True, slots=True)
class Substitution:
    """One application and its valid images.

    Args:
        app: path of its assembly. root: that it was installed as; None: it is not installed, there are no images.
        images: path of an IL assembly -> path of its image in the cache.
        contents: path of an IL assembly -> content signature of the IL that its image was made from.
        stale: (path, reason) of those whose image is not valid.
    """

    app: str
    root: Root | None
    images: dict[str, str]
    stale: tuple[tuple[str, str], ...]
    contents: dict[str, str]


def find_substitution(cache: Cache | None, app: str, scenario: str, toolchain: Toolchain) -> Substitution:
    """The valid images of an application.

    Args:
        cache: None when there is none yet.
        app: path of the application's assembly.

    Raises:
        NativegenError: the application cannot be bound.
    """
    app = os.path.realpath(app)
    if cache is None:
        return Substitution(app, None, {}, (), {})
    roots = [root for root in cache.index.roots() if root.key.path == app and root.key.scenario == scenario]
    if not roots:
        return Substitution(app, None, {}, (), {})
    root = min(roots, key=lambda root: root.key.config)
    plan = prepare(cache, InstallRequest.from_json(app, root.options), toolchain).plan
    images = {step.candidate.path: cache.image_path(image_key(step)) for step in plan.steps if step.current}
    stale = tuple((step.candidate.path, step.stale_because or "") for step in plan.stale)
    contents = {step.candidate.path: step.candidate.content for step in plan.steps if step.current}
    return Substitution(app, root, images, stale, contents)
