"""The ``.json`` beside an image: what it contains, and the index row that follows from it.

Everything the index knows of an image can be read back from here, so a lost index costs no compilation.

Form: ``schema``, ``key``, ``sha256``, ``scenario``, ``source`` (path of the IL file when it was compiled; informative),
``manifest`` (the key manifest), ``image`` (size, checksum), ``coverage`` (methods, native, excluded by reason),
``dependencies``, ``hard_binding_hints``, ``foreign`` (assembly -> its content and what of it shaped the code),
``code`` (what the code was made from: a signature, and the contents of other assemblies that count besides; images of
other keys with the same are the same file, :mod:`nativegen.operations.keep`; null: there are none),
``exclusions`` (each method left to the JIT: name, rid, code, detail),
``instances`` (each generic instance over value types that compiled code needs: name, rid, a method that needs it, and
why it was left to the JIT, code and detail, empty when it is in the image).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import xxhash

from nativegen.cache.records import Dependency, Image, ImageKey
from nativegen.diagnostics import NativegenError

SCHEMA = 1
_CHUNK = 1 << 20


def image_manifest(
    image: Image,
    key_manifest: Mapping[str, Any],
    excluded: Mapping[str, int],
    exclusions: Iterable[tuple[str, int, str, str]],
    dependencies: Iterable[Dependency],
    hints: Iterable[str] = (),
    instances: Iterable[tuple[str, int, str, str, str]] = (),
    foreign: Mapping[str, object] | None = None,
    code: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The document for an image.

    Args:
        excluded: reason code -> number of methods. exclusions: name, rid, code and detail of each.
        hints: simple names of the references that the assembly wants to be bound hard.
        instances: name, rid, needed by, code and detail of each.
        foreign: what of other assemblies shaped the code, by assembly.
        code: signature of what the code was made from, and contents of others that count besides.
    """
    return {
        "schema": SCHEMA,
        "key": image.key,
        "sha256": image.sha256,
        "display_name": image.display_name,
        "scenario": image.scenario,
        "source": image.source,
        "manifest": dict(key_manifest),
        "image": {"size": image.size, "checksum": image.checksum},
        "coverage": {"methods": image.methods, "native": image.native, "excluded": dict(excluded)},
        "dependencies": [list(dependency) for dependency in dependencies],
        "hard_binding_hints": list(hints),
        "foreign": dict(foreign or {}),
        "code": None if code is None else dict(code),
        "exclusions": [list(exclusion) for exclusion in exclusions],
        "instances": [list(instance) for instance in instances],
    }


def row_of_manifest(document: Mapping[str, Any], key: ImageKey) -> tuple[Image, list[Dependency]]:
    """The index row of an image from its document.

    Raises:
        NativegenError: NGEN4008, something is missing or contradicts the image's place.
    """
    try:
        assembly = document["manifest"]["assembly"]
        image = Image(
            target=key.target,
            name=key.name,
            key=str(document["key"]),
            display_name=str(document["display_name"]),
            scenario=str(document["scenario"]),
            source=str(document["source"]),
            content=str(assembly["content"]),
            mvid=str(assembly["mvid"]),
            sha256=str(document["sha256"]),
            checksum=str(document["image"]["checksum"]),
            size=int(document["image"]["size"]),
            methods=int(document["coverage"]["methods"]),
            native=int(document["coverage"]["native"]),
        )
        dependencies = [Dependency(str(name), str(kind), str(path)) for name, kind, path in document["dependencies"]]
        if image.key != key.key or document["manifest"]["target"] != key.target:
            raise ValueError("it belongs to another key")
    except (KeyError, TypeError, ValueError) as error:
        raise NativegenError("NGEN4008", f"{key.name}.json", detail=str(error)) from error
    return image, dependencies


def file_checksum(path: str) -> str:
    """xxh3-128 of a file, 32 hex digits.

    Raises:
        NativegenError: NGEN4008, the file cannot be read.
    """
    digest = xxhash.xxh3_128()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise NativegenError("NGEN4008", path, detail=error.strerror or str(error)) from error
    return digest.hexdigest()
