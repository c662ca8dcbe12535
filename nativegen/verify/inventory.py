"""The inventory of a published folder: a CycloneDX bill of materials of its native images, with digests.

``verify DIR --write-inventory FILE`` writes it, ``verify DIR --inventory FILE`` compares: every image listed must be
there with the digest that was recorded, and there must be no image that is not listed. So a release pipeline can
prove later, elsewhere, that a folder holds what was verified; an image that was replaced by something else entirely
is found too.

CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/); nothing in it changes from run to run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from nativegen import __version__
from nativegen.diagnostics import NativegenError
from nativegen.verify.model import Finding, Severity, Subject

_SPECIFICATION = "1.5"
_PATH = "nativegen:path"


def write_inventory(path: str, folder: str, subjects: Sequence[Subject]) -> None:
    """Write the inventory of the images in a folder.

    Raises:
        NativegenError: NGEN7004, the file cannot be written; or an image cannot be read.
    """
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": _SPECIFICATION,
        "version": 1,
        "metadata": {"tools": {"components": [{"type": "application", "name": "nativegen", "version": __version__}]}},
        "components": [_component(folder, subject) for subject in sorted(subjects, key=lambda s: s.path)],
    }
    try:
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=1)
            stream.write("\n")
    except OSError as error:
        raise NativegenError("NGEN7004", path, detail=error.strerror or str(error)) from error


def _component(folder: str, subject: Subject) -> dict[str, Any]:
    image = subject.image
    assembly = image.assembly
    target = subject.image_target
    properties = {
        _PATH: _relative(folder, subject.path),
        "nativegen:identity": assembly.identity.display_name,
        "nativegen:mvid": assembly.mvid,
        "nativegen:compiler": image.compiler_identifier,
        "nativegen:format": f"{image.header.major}.{image.header.minor}",
        "nativegen:target": "" if target is None else target.name,
        "nativegen:native-methods": str(subject.native_methods),
        "nativegen:size": str(len(assembly.data)),
    }
    return {
        "type": "library",
        "bom-ref": properties[_PATH],
        "name": assembly.name,
        "version": ".".join(map(str, assembly.version)),
        "hashes": [{"alg": "SHA-256", "content": _sha256(subject.path)}],
        "properties": [{"name": name, "value": value} for name, value in properties.items()],
    }


def inventory_findings(path: str, folder: str, subjects: Sequence[Subject]) -> Iterator[Finding]:
    """What the folder has and the inventory has not, and the other way round.

    Raises:
        NativegenError: NGEN5004, the inventory cannot be used.
    """
    listed = _read(path)
    for name, digest in sorted(listed.items()):
        file = os.path.join(folder, *name.split("/"))
        try:
            found = _sha256(file)
        except OSError:
            yield Finding(Severity.ABORT, f"{name}: in the inventory, but not in the folder", "publish it again")
            continue
        if found != digest:
            yield Finding(Severity.ABORT, f"{name}: not the file in the inventory: SHA-256 {found}", "publish it again")
    for subject in subjects:
        name = _relative(folder, subject.path)
        if name not in listed:
            yield Finding(Severity.ABORT, f"{name}: a native image that is not in the inventory", "publish it again")


def _read(path: str) -> dict[str, str]:
    """Path of an image, relative to its folder -> SHA-256."""
    try:
        with open(path, encoding="utf-8") as stream:
            document = json.load(stream)
        if document["bomFormat"] != "CycloneDX":
            raise ValueError("not a CycloneDX document")
        found = {}
        for component in document["components"]:
            names = [one["value"] for one in component["properties"] if one["name"] == _PATH]
            digests = [one["content"] for one in component["hashes"] if one["alg"] == "SHA-256"]
            if len(names) != 1 or len(digests) != 1 or os.path.isabs(names[0]) or ".." in names[0].split("/"):
                raise ValueError(f"component {component.get('name')!r} has no path or no SHA-256")
            found[str(names[0])] = str(digests[0])
        return found
    except OSError as error:
        raise NativegenError("NGEN5004", path, detail=error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NativegenError("NGEN5004", path, detail=str(error)) from error


def _relative(folder: str, path: str) -> str:
    return os.path.relpath(path, folder).replace(os.sep, "/")


def _sha256(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
