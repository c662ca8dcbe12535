"""Check ``cached-file``: an image in the cache is the file that was put there; its key follows from its manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator

import xxhash

from nativegen.cache.manifests import file_checksum
from nativegen.plan.manifest import canonical_json
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_cached_file(subject: Subject) -> Iterator[Finding]:
    """Findings about checksum and key; nothing for an image without a manifest."""
    document = subject.document
    if document is None:
        return
    checksum = file_checksum(subject.path)
    if checksum != document["image"]["checksum"]:
        message = f"the file was changed: checksum {checksum}, not {document['image']['checksum']}"
        yield Finding(Severity.ABORT, message, "run: nativegen update /force")
    key = xxhash.xxh3_128_hexdigest(canonical_json(document["manifest"]))
    if key != document["key"] or os.path.basename(os.path.dirname(subject.path)) != key:
        yield Finding(Severity.ABORT, f"its key does not follow from its manifest, which gives {key}")


CHECK = Check("cached-file", "it is the file that was put into the cache", check_cached_file)
