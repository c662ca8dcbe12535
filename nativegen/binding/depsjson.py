"""Read ``*.deps.json``: which files an application or a framework consists of.

Why here: with a deps.json the host trusts exactly the files it lists (and takes versions from it, not from the files);
without one it takes every .dll and .exe of the folder. Rules of hostpolicy (deps_format, deps_entry): per library,
assets for the best matching runtime identifier replace the neutral ones.

Invariant: entries keep the file's order, which decides between equals.

>>> [(a.name, a.assembly_version) for a in read_deps(Path("app.deps.json")).runtime]
[('app', (-1, -1, -1, -1)), ('Newtonsoft.Json', (13, 0, 0, 0))]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nativegen.binding.runtimeconfig import read_json_object
from nativegen.diagnostics import NativegenError

Version4 = tuple[int, int, int, int]
NO_VERSION: Version4 = (-1, -1, -1, -1)

# Runtime identifiers that a Linux x64 host accepts, best first (hostpolicy since .NET 8; before, by its RID graph).
LINUX_X64_RIDS = ("linux-x64", "linux", "unix-x64", "unix", "any", "base")

# A library of this type is a framework that a self-contained application carries.
_RUNTIME_PACK = "runtimepack"


@dataclass(frozen=True, slots=True)
class DepsAsset:
    """One managed file of one library.

    Args:
        name: file name without extension, the simple name it stands for.
        relative_path: as written, with slashes; below the package for package caches.
        culture: of a satellite assembly, else empty.
        rid_specific: found below the application under its relative path, not beside it.
        library_path: folder of the library in a package cache.
        runtime_pack: belongs to a framework that the application carries.
    """

    name: str
    relative_path: str
    assembly_version: Version4
    file_version: Version4
    culture: str
    rid_specific: bool
    library: str
    library_path: str
    runtime_pack: bool

    @property
    def file_name(self) -> str:
        """Last component of the path."""
        return self.relative_path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class DepsFile:
    """Assets of one deps.json: assemblies, and satellite assemblies."""

    path: Path
    runtime: tuple[DepsAsset, ...]
    resources: tuple[DepsAsset, ...]


def read_deps(path: Path) -> DepsFile | None:
    """Read a deps.json; None when there is none.

    Raises:
        NativegenError: NGEN2003 when it is malformed.
    """
    document = read_json_object(path, "NGEN2003")
    if document is None:
        return None
    reader = _DepsReader(path, document)
    return DepsFile(path, tuple(reader.assets("runtime")), tuple(reader.assets("resources")))


class _DepsReader:
    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self._path = path
        target = document.get("runtimeTarget")
        name = target.get("name") if isinstance(target, dict) else target
        targets = document.get("targets")
        libraries = document.get("libraries", {})
        if not isinstance(targets, dict) or not isinstance(libraries, dict):
            raise self._error("no object 'targets'")
        if not isinstance(name, str) or not isinstance(targets.get(name), dict):
            raise self._error("'runtimeTarget' names no target")
        self._target: dict[str, Any] = targets[name]
        self._libraries: dict[str, Any] = libraries

    def assets(self, kind: str) -> Iterator[DepsAsset]:
        for library, groups in self._target.items():
            if not isinstance(groups, dict):
                raise self._error(f"library {library!r} is not an object")
            specific = self._rid_specific(library, groups, kind)
            files = specific or self._files(library, groups, kind)
            info = self._libraries.get(library, {})
            info = info if isinstance(info, dict) else {}
            runtime_pack = info.get("type") == _RUNTIME_PACK
            library_path = str(info.get("path") or library)
            for path, properties in files.items():
                if path.endswith("/_._"):  # a placeholder: the framework has it
                    continue
                yield DepsAsset(
                    name=path.rpartition("/")[2].rpartition(".")[0].removesuffix(".ni"),
                    relative_path=path,
                    assembly_version=_version(properties.get("assemblyVersion")),
                    file_version=_version(properties.get("fileVersion")),
                    culture=str(properties.get("locale", "")) if kind == "resources" else "",
                    rid_specific=bool(specific),
                    library=library,
                    library_path=library_path,
                    runtime_pack=runtime_pack,
                )

    def _rid_specific(self, library: str, groups: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
        if "runtimeTargets" not in groups:
            return {}
        by_rid: dict[str, dict[str, dict[str, Any]]] = {}
        for path, properties in self._files(library, groups, "runtimeTargets").items():
            if properties.get("assetType") == kind:
                by_rid.setdefault(str(properties.get("rid")), {})[path] = properties
        return next((by_rid[rid] for rid in LINUX_X64_RIDS if rid in by_rid), {})

    def _files(self, library: str, groups: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
        files = groups.get(kind, {})
        if not isinstance(files, dict) or not all(isinstance(value, dict) for value in files.values()):
            raise self._error(f"{kind!r} of library {library!r} is not an object of objects")
        return files

    def _error(self, detail: str) -> NativegenError:
        return NativegenError("NGEN2003", self._path, detail=detail)


def _version(text: object) -> Version4:
    parts = text.split(".") if isinstance(text, str) else []
    if not 1 <= len(parts) <= 4 or not all(part.isdigit() for part in parts):
        return NO_VERSION
    a, b, c, d = (*map(int, parts), *(-1,) * (4 - len(parts)))
    return a, b, c, d
