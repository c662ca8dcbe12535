"""Which files of an application are replaced by native images, for ``run`` and ``publish``.

Only valid images count: the application is bound and planned as ``install`` would, and what the plan calls current is
used. Everything else stays IL and is compiled by the JIT; the program behaves the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from nativegen.cache.records import Root
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.prepare import Prepared, image_key, prepare
from nativegen.operations.request import InstallRequest, configuration
from nativegen.operations.toolchain import Toolchain


@dataclass(frozen=True, slots=True)
class Substitution:
    """One application and its valid images.

    Args:
        app: path of its assembly. root: that it was installed as; None: it is not installed, there are no images.
        images: path of an IL assembly -> path of its image in the cache.
        contents: path of an IL assembly -> content signature of the IL that its image was made from.
        stale: (path, reason) of those whose image is not valid.
        prepared: the plans that say so.
    """

    app: str
    root: Root | None
    images: dict[str, str]
    stale: tuple[tuple[str, str], ...]
    contents: dict[str, str]
    prepared: tuple[Prepared, ...] = ()


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
    installed = [root for root in cache.index.roots() if root.key.scenario == scenario]
    roots = [root for root in installed if root.key.path == app]
    if not roots:
        return Substitution(app, None, {}, (), {})
    root = min(roots, key=lambda root: root.key.config)
    images: dict[str, str] = {}
    contents: dict[str, str] = {}
    stale: dict[str, str] = {}
    prepared = []
    for one in [root, *_components(installed, app)]:
        try:
            found = prepare(cache, InstallRequest.from_json(one.key.path, one.options), toolchain)
        except NativegenError as error:
            if one is root and error.code != "NGEN3108":  # without its profile, the application still runs
                raise
            stale.setdefault(one.key.path, str(error))
            continue
        prepared.append(found)
        for step in found.plan.steps:
            path = step.candidate.path
            if path in found.closure.configured and not path.startswith(os.path.dirname(app) + os.sep):
                continue  # put beside the application it would be found where the application itself finds nothing
            if step.current:
                images.setdefault(path, cache.image_path(image_key(step)))
                contents.setdefault(path, step.candidate.content)
            else:
                stale.setdefault(path, step.stale_because or "")
    left = tuple((path, why) for path, why in stale.items() if path not in images)
    return Substitution(app, root, images, left, contents, tuple(prepared))


def _components(installed: list[Root], app: str) -> list[Root]:
    """Roots that this application loads by name: those in its folder, bound as it is (research I3)."""
    folder = os.path.dirname(app) + os.sep
    own = {configuration(None, None), configuration(app, None)}
    return [
        root
        for root in installed
        if root.key.path.startswith(folder)
        and root.key.path != app
        and root.key.config in own
        and not os.path.exists(os.path.splitext(root.key.path)[0] + ".runtimeconfig.json")
    ]
