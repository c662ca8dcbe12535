"""Images that leave the cache, for ``publish`` and ``deploy``: in a mode that needs nobody to compare before a start.

The cache's images are pinned by default, and perhaps bound hard to others; those that use nothing of other assemblies
are the same in every mode and are taken as they are. The others are compiled in the wanted mode, bound to none, into a
folder that lives as long as the copying takes; the unit store makes that cheap the second time.

>>> with shipped_images(cache, found, "guarded", toolchain, jobs=2, progress=ignore) as found:   # doctest: +SKIP
...     publish(found, "folder")
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace

from nativegen.cache.store import Cache, read_manifest
from nativegen.operations.modes import RESILIENT
from nativegen.operations.prepare import compile_request
from nativegen.operations.substitution import Substitution
from nativegen.operations.toolchain import CompileFailure, Progress, Toolchain
from nativegen.pipeline.request import CompileRequest


@contextlib.contextmanager
def shipped_images(
    cache: Cache, found: Substitution, mode: str, toolchain: Toolchain, jobs: int, progress: Progress
) -> Iterator[Substitution]:
    """The same substitution with images of this mode. An assembly that gives none stays IL.

    Args:
        mode: effective on the images' target, see :mod:`nativegen.operations.modes`.
    """
    wrong = {path: image for path, image in found.images.items() if not _fits(image, mode)}
    if not wrong:
        yield found
        return
    with cache.staging() as staging:
        requests: dict[str, CompileRequest] = {}
        for prepared in found.prepared:
            for step in prepared.plan.steps:
                path = step.candidate.path
                if step.current and path in wrong and path not in requests:
                    output = os.path.join(staging, f"{len(requests)}-{step.candidate.name}.ni.dll")
                    request = compile_request(step, prepared, output)
                    requests[path] = replace(request, options=replace(request.options, mode=mode, hard_bound=()))
        made: set[str] = set()
        for outcome in toolchain.compile(list(requests.values()), jobs, progress):
            if isinstance(outcome, CompileFailure):
                raise outcome.error
            if outcome.kind == "image":
                made.add(outcome.output)
        images = {path: image for path, image in found.images.items() if path not in wrong}
        images.update({path: request.output for path, request in requests.items() if request.output in made})
        yield replace(found, images=images)


def _fits(image: str, mode: str) -> bool:
    document = read_manifest(image.removesuffix(".ni.dll") + ".json")
    manifest = document["manifest"]
    assert isinstance(manifest, dict)
    same = manifest["options"].get("mode", RESILIENT) == mode and not document.get("hard_binding_hints")
    return same or not document.get("foreign")
