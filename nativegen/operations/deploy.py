"""``deploy`` and ``deploy --undo``: native images in place of the application's own IL, and back (DESIGN.md 4).

Beside the application a folder ``.nativegen`` holds a copy of every assembly that was replaced, and ``deployed.json``,
which names for each one the content of its IL and of every image that was ever put in its place. The record is written
*before* a file changes, each file changes by one rename, and what happens to a file is decided by its content alone:

* it is one of the recorded images: put there by us; its IL is in the backup;
* it is anything else: the user's file, whatever we once did to it. ``--undo`` leaves it alone.

So both commands may be killed anywhere and simply repeated. They hold the lock of the application's folder, because two
of them would write each other's record away. Images are copied: nothing refers to the cache, which may
be on another file system. A program that runs keeps its old files open.

Worked example: App.dll is backed up to ``.nativegen/il/App.dll`` and replaced by its image. The developer builds again:
App.dll is IL once more, :func:`deployed_state` says ``changed``; ``--undo`` now only drops the backup.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import xxhash

from nativegen.binding.beside import images_beside
from nativegen.cache.deployment import FOLDER, RECORD, is_deployed
from nativegen.diagnostics import NativegenError
from nativegen.files import locked, replacing
from nativegen.operations.files import clone
from nativegen.operations.substitution import Substitution

_BACKUP = "il"
_SCHEMA = 1

State = Literal["image", "changed", "missing"]


@dataclass(frozen=True, slots=True)
class DeployedFile:
    """One replaced assembly.

    Args:
        relative: where it is in the application's folder.
        il: content signature (xxh3-128) of the IL in the backup. images: of every image put in its place, newest last.
        cached: of the image in the cache at that time: what was put in place may be the same code in another mode.
    """

    relative: str
    il: str
    images: tuple[str, ...]
    cached: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What ``deployed.json`` says. ``app``: path of the application's assembly; ``files`` by relative path."""

    app: str
    scenario: str
    files: Mapping[str, DeployedFile]


@dataclass(frozen=True, slots=True)
class Deployed:
    """What one command did.

    Args:
        replaced: by an image, or by the IL again. unchanged: were as wanted already.
        kept: the user's own newer files, which ``--undo`` left alone.
        outside: assemblies outside the application's folder, which are never touched.
    """

    app: str
    replaced: tuple[str, ...]
    unchanged: tuple[str, ...]
    kept: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


def deploy(substitution: Substitution, scenario: str, cached: Mapping[str, str] | None = None) -> Deployed:
    """Put the valid images of an application in place of its IL.

    Args:
        cached: IL path -> image in the cache, where the image to put in place was made for this purpose.

    Raises:
        NativegenError: NGEN7004, a file cannot be written (named); repeat or undo then. NGEN7008 damaged record.
            NGEN2015, a file beside it would be loaded in place of an image.
    """
    for path, instead_of in images_beside(substitution.app).items():
        if instead_of in substitution.images:
            raise NativegenError("NGEN2015", path, assembly=os.path.basename(instead_of))
    with _write_errors(), locked(os.path.dirname(substitution.app)):
        return _deploy(substitution, scenario, cached or {})


def _deploy(substitution: Substitution, scenario: str, cached: Mapping[str, str]) -> Deployed:
    app = substitution.app
    folder = os.path.dirname(app)
    before = read_deployment(folder)
    files = dict(before.files) if before else {}
    checksums = {path: content_of(image) for path, image in cached.items()}
    replaced, unchanged, outside = [], [], []
    for path, image in sorted(substitution.images.items()):
        relative = os.path.relpath(path, folder)
        if relative.startswith(os.pardir + os.sep):
            outside.append(path)
            continue
        now, wanted = content_of(path), content_of(image)
        if now == wanted:
            unchanged.append(path)
            continue
        known = files.get(relative)
        if known is None or now not in known.images:  # it is IL: of the first time, or newer
            if now != substitution.contents[path]:
                raise NativegenError("NGEN3002", path)
            _backup(folder, relative, now)
            known = DeployedFile(relative, now, ())
        images = (*(i for i in known.images if i != wanted), wanted)
        files[relative] = DeployedFile(relative, known.il, images, checksums.get(path, wanted))
        _write_record(folder, Deployment(app, scenario, files))
        _replace(folder, image, path)
        replaced.append(path)
    return Deployed(app, tuple(replaced), tuple(unchanged), outside=tuple(outside))


def undo(app: str) -> Deployed:
    """Put the IL back. Nothing deployed: nothing happens.

    Raises:
        NativegenError: NGEN7004, a file cannot be written (named); repeat then. NGEN7008 damaged record.
    """
    app = os.path.realpath(app)
    with _write_errors(), locked(os.path.dirname(app)):
        return _undo(app)


def _undo(app: str) -> Deployed:
    folder = os.path.dirname(app)
    deployment = read_deployment(folder)
    if deployment is None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(os.path.join(folder, FOLDER))  # what a killed process left; nothing was replaced
        return Deployed(app, (), ())
    replaced: list[str] = []
    unchanged: list[str] = []
    kept: list[str] = []
    for file in deployment.files.values():
        path, backup = os.path.join(folder, file.relative), _backup_path(folder, file.relative)
        now = content_of(path) if os.path.isfile(path) else ""
        if now in file.images:
            _replace(folder, backup, path)
            replaced.append(path)
        else:
            (unchanged if now == file.il else kept).append(path)
    os.unlink(os.path.join(folder, FOLDER, RECORD))
    shutil.rmtree(os.path.join(folder, FOLDER))
    return Deployed(app, tuple(replaced), tuple(unchanged), tuple(kept))


def read_deployment(folder: str) -> Deployment | None:
    """What is deployed in an application's folder, or None.

    Raises:
        NativegenError: NGEN7008, the record is damaged.
    """
    if not is_deployed(folder):
        return None
    path = os.path.join(folder, FOLDER, RECORD)
    try:
        with open(path, encoding="utf-8") as file:
            document: dict[str, Any] = json.load(file)
        files = {
            entry["relative"]: DeployedFile(
                entry["relative"], entry["il"], tuple(entry["images"]), entry.get("cached", "")
            )
            for entry in document["files"]
        }
        return Deployment(os.path.join(folder, document["app"]), document["scenario"], files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NativegenError("NGEN7008", path, detail=str(error)) from error


def deployed_state(folder: str, file: DeployedFile) -> State:
    """Whether a replaced assembly still is the image; ``changed``: somebody has put another file there."""
    path = os.path.join(folder, file.relative)
    if not os.path.isfile(path):
        return "missing"
    return "image" if content_of(path) in file.images else "changed"


def il_sources(folder: str) -> dict[str, str]:
    """Path of every assembly that is an image of ours now -> path of its IL in the backup.

    Everything that reads assemblies in order to compile them asks: a deployed application is bound, planned and
    compiled as if its IL were still in place.
    """
    deployment = read_deployment(folder)
    if deployment is None:
        return {}
    return {
        os.path.join(folder, file.relative): _backup_path(folder, file.relative)
        for file in deployment.files.values()
        if deployed_state(folder, file) == "image"
    }


def il_of(path: str) -> str:
    """The IL of one assembly: the backup while a deployed image has its place, else the file itself."""
    folder = os.path.dirname(path)
    while folder != os.path.dirname(folder):
        if is_deployed(folder):
            return il_sources(folder).get(path, path)
        folder = os.path.dirname(folder)
    return path


def is_stale(deployment: Deployment, checksums: Mapping[str, str]) -> bool:
    """Whether a deployed file is not the image that the cache has for it.

    Args:
        checksums: path of an assembly -> checksum of its image in the cache.
    """
    folder = os.path.dirname(deployment.app)
    files = {os.path.join(folder, relative): file for relative, file in deployment.files.items()}
    if files.keys() - checksums.keys():
        return True
    for path, file in files.items():
        if not os.path.isfile(path):
            return True
        content = content_of(path)
        if content != checksums[path] and (content != file.images[-1] or file.cached != checksums[path]):
            return True
    return False


def content_of(path: str) -> str:
    """xxh3-128 of a file."""
    with open(path, "rb") as file:
        return xxhash.xxh3_128_hexdigest(file.read())


def _backup_path(folder: str, relative: str) -> str:
    return os.path.join(folder, FOLDER, _BACKUP, relative)


def _backup(folder: str, relative: str, content: str) -> None:
    target = _backup_path(folder, relative)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    _replace(folder, os.path.join(folder, relative), target)
    if content_of(target) != content:
        raise NativegenError("NGEN3002", os.path.join(folder, relative))


def _write_record(folder: str, deployment: Deployment) -> None:
    document = {
        "schema": _SCHEMA,
        "app": os.path.relpath(deployment.app, folder),
        "scenario": deployment.scenario,
        "files": [asdict(file) for file in deployment.files.values()],
    }
    path = os.path.join(folder, FOLDER, RECORD)
    with replacing(path, durable=True) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
    _flush_folder(path)


def _replace(folder: str, source: str, target: str) -> None:
    """Make ``target`` a copy of ``source`` by one rename; it keeps its mode when it exists, else gets the source's.

    A killed process leaves its half-written copy in our own folder, where ``--undo`` removes it.
    """
    with replacing(target, durable=True, folder=os.path.join(folder, FOLDER)) as temporary:
        clone(source, temporary)
        os.chmod(temporary, os.stat(target if os.path.exists(target) else source).st_mode & 0o7777)
    _flush_folder(target)


def _flush_folder(path: str) -> None:
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _write_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NativegenError("NGEN7004", error.filename, detail=error.strerror or str(error)) from error
