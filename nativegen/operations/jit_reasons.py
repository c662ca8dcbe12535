"""Why a method was jitted although the application ran with images: one reason code for each, none without.

========================= =============================================================================================
code                      meaning
========================= =============================================================================================
a code of ``exclusions``  the compiler left it to the JIT (docs: nativegen display --json, ``exclusions``)
not-in-profile            the image is partial, and its profile does not name the method
rejected                  the image has code for it, and a fixup failed: the runtime found something else than expected
not-found                 an instance of a generic of this assembly that its image does not have
not-in-bubble             an instance of a generic of another assembly, which only its own image could have had
no-image                  its assembly runs without an image of ours
framework                 the runtime's own image has no code for it
stub                      made by the runtime while it runs: marshalling, delegates, dynamic methods
========================= =============================================================================================
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from nativegen.cache.store import read_manifest
from nativegen.operations.substitution import Substitution
from nativegen.runtime.events import MethodRecord

STUB, REJECTED, NOT_FOUND, NOT_IN_BUBBLE = "stub", "rejected", "not-found", "not-in-bubble"
NO_IMAGE, FRAMEWORK, NOT_IN_PROFILE = "no-image", "framework", "not-in-profile"


@dataclass(slots=True)
class _Image:
    """What the manifest of an image says: reason codes by rid, of methods and of generic instances."""

    excluded: dict[int, str] = field(default_factory=dict)
    instances: dict[int, str] = field(default_factory=dict)
    is_partial: bool = False


class JitReasons:
    """The reasons, for one application.

    Args:
        found: the images that it ran with.
    """

    def __init__(self, found: Substitution) -> None:
        self._images = {os.path.basename(source): image for source, image in found.images.items()}
        self._known: dict[str, _Image] = {}
        self._own = {
            os.path.basename(candidate.path)
            for prepared in found.prepared
            for candidate in prepared.closure.candidates.values()
            if not candidate.is_framework
        }

    def of(self, record: MethodRecord) -> str:
        """The reason code of a jitted method; empty for every other."""
        if record.state != "jitted":
            return ""
        kind = record.jitted[0].kind
        if kind == "stub" or record.module is None or record.token is None:
            return STUB
        file = os.path.basename(record.module)
        path = self._images.get(file)
        if path is None:
            if kind == "generic":
                return NOT_IN_BUBBLE
            return NO_IMAGE if file in self._own else FRAMEWORK
        image = self._image(path)
        rid = record.token & 0xFFFFFF
        excluded = image.excluded.get(rid)
        if kind == "generic":
            return image.instances.get(rid) or excluded or NOT_FOUND
        if excluded is not None:
            return excluded
        return NOT_IN_PROFILE if image.is_partial else REJECTED

    def _image(self, path: str) -> _Image:
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = _read(read_manifest(path.removesuffix(".ni.dll") + ".json"))
        return found


def _read(document: Mapping[str, object]) -> _Image:
    exclusions, manifest, instances = document["exclusions"], document["manifest"], document.get("instances")
    assert isinstance(exclusions, list) and isinstance(manifest, dict)
    image = _Image({rid: code for _, rid, code, _ in exclusions}, is_partial="partial" in manifest["options"])
    for _, rid, _, code, _ in instances if isinstance(instances, list) else ():
        if code:
            image.instances.setdefault(rid, code)
    return image


def by_reason(codes: Mapping[str, int]) -> str:
    """Counts in words, most frequent first: ``3 generic-code, 1 stub``."""
    return ", ".join(f"{count} {code}" for code, count in sorted(codes.items(), key=lambda pair: (-pair[1], pair[0])))
