"""Images that stay although their key has changed, because nothing that their code was made from has.

A key holds the contracts of everything that an assembly refers to: what *any* dependent may have baked in. Which of it
*this* dependent read is known from its tokens, and that is what code signatures are made from
(:mod:`nativegen.pipeline.code_signature`). So an added or moved member of a library, or a changed one that is not used,
gives its dependents other keys and the same code: their images get the new key and are not made again.

Invariants: everything else in the key is as it was, the framework included, and all that a pinned image recorded of
other assemblies. With instances of other assemblies' generics in the image, all contents count. A guarded image does
not say what it has of others, and one that is bound hard has whatever it wants: these are always made again. The file
is compared with its checksum before it is taken over.

>>> keep(cache, step, closure, request, toolchain)                   # doctest: +SKIP
(Image(target='9.0', name='App', key='5d...', ...), [Dependency(...)])
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

from nativegen.cache.manifests import file_checksum, row_of_manifest
from nativegen.cache.records import Dependency, Image, ImageKey
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.closure import Closure
from nativegen.operations.modes import GUARDED, foreign_change
from nativegen.operations.toolchain import Toolchain
from nativegen.pipeline.request import CompileReport, CompileRequest
from nativegen.plan.decide import Step, reachable

#: Signature of the units, and the contents of other assemblies that count besides.
Code = dict[str, Any]


def code_of(step: Step, closure: Closure, request: CompileRequest, report: CompileReport) -> Code | None:
    """What the ``.json`` of an image says of its code; None: no other key could have the same.

    Args:
        report: of the image.
    """
    options = request.options
    if options.mode == GUARDED or options.hard_bound or not report.code:
        return None
    if not any(entry.kind == "contract" for entry in step.manifest.references):
        return None
    has_others = any(instance.assembly and not instance.code for instance in report.instances)
    return {"signature": report.code, "contents": _contents(step, closure) if has_others else {}}


def _contents(step: Step, closure: Closure) -> dict[str, str]:
    return {other.name: other.content for other in reachable(step.candidate, closure.candidates)}


def keep(
    cache: Cache, step: Step, closure: Closure, request: CompileRequest, toolchain: Toolchain
) -> tuple[Image, list[Dependency]] | None:
    """Give the image made last from the same assembly the key of a step, if its code would be the same.

    Args:
        request: what the compiler would be asked for; its output is in an empty folder under the cache's staging.

    Returns:
        The row of the image, which is published then; None: it has to be made.
    """
    candidate, manifest = step.candidate, step.manifest
    try:
        found = _same_code(cache, step, closure, request, toolchain)
        if found is None:
            return None
        before, document = found
        contents = closure.contents
        key = ImageKey(manifest.target, candidate.name, manifest.key)
        document |= {"key": manifest.key, "sha256": manifest.sha256, "manifest": manifest.as_json()}
        document["source"] = candidate.path
        for name, entry in document["foreign"].items():
            entry["content"] = contents.get(name, "")
        document["dependencies"] = [list(dependency) for dependency in dependencies_of(step, closure)]
        row = row_of_manifest(document, key)
        _link(cache.image_path(before.image_key), os.path.dirname(request.output))
    except (NativegenError, FileNotFoundError, KeyError):
        return None  # removed meanwhile, or damaged
    cache.publish(key, request.output, document)
    return row


def would_keep(cache: Cache, step: Step, closure: Closure, request: CompileRequest, toolchain: Toolchain) -> bool:
    """Whether :func:`keep` would find an image; nothing is changed."""
    try:
        return _same_code(cache, step, closure, request, toolchain) is not None
    except (NativegenError, FileNotFoundError, KeyError):
        return False


def _same_code(
    cache: Cache, step: Step, closure: Closure, request: CompileRequest, toolchain: Toolchain
) -> tuple[Image, dict[str, Any]] | None:
    """The image made last from the assembly of a step, and its ``.json``; None: its code would be another.

    Raises:
        NativegenError, FileNotFoundError, KeyError: removed meanwhile, or damaged.
    """
    candidate, manifest = step.candidate, step.manifest
    before = cache.index.newest_image_of(candidate.path, manifest.target, manifest.scenario)
    if before is None or before.key == manifest.key:
        return None
    document: dict[str, Any] = cache.read_manifest(before.image_key)
    code = document.get("code")
    if not isinstance(code, dict) or not _differ_in_contracts_only(document["manifest"], manifest.as_json()):
        return None
    if code["contents"] not in ({}, _contents(step, closure)) or toolchain.code(request) != code["signature"]:
        return None
    if foreign_change(document["foreign"], closure.contents, closure.paths, manifest.target) is not None:
        return None
    if file_checksum(cache.image_path(before.image_key)) != before.checksum:
        return None
    return before, document


def _link(image: str, folder: str) -> None:
    """Put an image, and what belongs to it, into another folder: linked, because images are never written to."""
    for entry in os.scandir(os.path.dirname(image)):
        if not entry.name.endswith(".json"):
            copy = os.path.join(folder, entry.name)
            try:
                os.link(entry.path, copy)
            except FileNotFoundError:
                raise
            except OSError:
                shutil.copyfile(entry.path, copy)


def _differ_in_contracts_only(old: Any, new: Mapping[str, Any]) -> bool:
    before, after = _without_contracts(old), _without_contracts(new)
    return before is not None and before == after


def _without_contracts(manifest: Any) -> dict[str, Any] | None:
    """A key manifest but for the contract signatures; None: it is none."""
    references = manifest.get("references") if isinstance(manifest, Mapping) else None
    if not isinstance(references, Mapping):
        return None
    rest = dict(references)
    for name, entry in references.items():
        if entry["kind"] == "contract":
            rest[name] = {**entry, "signature": ""}
    return {**manifest, "references": rest}


def dependencies_of(step: Step, closure: Closure) -> list[Dependency]:
    """What an image's assembly refers to directly, in order of name."""
    found = []
    for name in sorted(step.candidate.references):
        other = closure.candidates.get(name)
        if other is None:
            found.append(Dependency(name, "missing", ""))
        else:
            found.append(Dependency(other.identity, "framework" if other.is_framework else "app", other.path))
    return found
