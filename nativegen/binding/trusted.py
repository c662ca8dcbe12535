"""The trusted assemblies of an application: simple name -> the one file the runtime may load for it.

Why here: the host settles, before the runtime starts, which file each simple name means; everything else about
binding follows from this list. Rules of hostpolicy (deps_resolver, resolve_tpa_list): the application itself first,
then its deps.json (or its folder, without one), then each framework, dependents first. A name that is already there is
replaced only by an entry whose assembly version is higher, or equal with a file version at least as high; entries
without versions count as lowest, so a framework's assembly beats an unversioned copy beside the application. The core
library is not up to the list: the runtime takes the one beside itself (3.1 lists it as a native file).

Invariants: names compare without case, as the runtime compares them; a listed file that does not exist never binds,
and is reported.

>>> trusted = trusted_assemblies(Path("app.dll"), frameworks, self_contained=False)
>>> trusted.by_name["system.linq"].path
'/usr/share/dotnet/shared/Microsoft.NETCore.App/9.0.5/System.Linq.dll'
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nativegen.binding.depsjson import NO_VERSION, DepsAsset, DepsFile, Version4, read_deps
from nativegen.binding.frameworks import Framework
from nativegen.binding.runtimeconfig import config_path, read_runtime_config

CORE_LIBRARY = "System.Private.CoreLib"

Kind = Literal["app", "framework"]


@dataclass(frozen=True, slots=True)
class TrustedAssembly:
    """A file that a simple name means. The versions are those the deps.json states, not the file's own."""

    name: str
    path: str
    kind: Kind
    assembly_version: Version4
    file_version: Version4


@dataclass(frozen=True, slots=True)
class Satellite:
    """A resource assembly of one culture."""

    path: str
    culture: str


@dataclass(frozen=True, slots=True)
class TrustedAssemblies:
    """Everything an application may load by name.

    ``missing`` lists files that a deps.json names in vain; ``shadowed`` pairs each file of a folder that can never be
    loaded with the file of the same simple name that is loaded instead.
    """

    by_name: dict[str, TrustedAssembly]
    satellites: tuple[Satellite, ...]
    missing: tuple[str, ...]
    shadowed: tuple[tuple[str, str], ...]

    def find(self, simple_name: str) -> TrustedAssembly | None:
        """The file for a simple name, compared without case."""
        return self.by_name.get(simple_name.lower())

    def reference_map(self) -> dict[str, str]:
        """Simple name -> path of everything, as compilers want their references."""
        return {entry.name: entry.path for entry in self.by_name.values()}


def trusted_assemblies(
    application: Path,
    frameworks: Sequence[Framework],
    *,
    self_contained: bool,
    app_base: Path | None = None,
) -> TrustedAssemblies:
    """What the host would hand to the runtime for an application.

    Args:
        application: its assembly (.dll, or .exe); the deps.json and runtimeconfig.json lie beside it.
        frameworks: resolved, dependents first; ignored when self-contained.
        app_base: the folder to probe instead of the application's own.
    Raises:
        NativegenError: NGEN2001, NGEN2003 for malformed files.
    """
    folder = application.parent if app_base is None else app_base
    config = read_runtime_config(config_path(application))
    probing = [path if path.is_absolute() else folder / path for path in config.probing_paths] if config else []
    builder = _Builder([str(path) for path in probing])
    builder.add(TrustedAssembly(application.stem, str(application), "app", NO_VERSION, NO_VERSION))
    deps = read_deps(application.with_suffix(".deps.json"))
    if deps is None:
        builder.add_folder(folder)
    else:
        builder.add_deps(deps, str(folder), "app")
    if not self_contained:
        for framework in frameworks:
            listed = read_deps(framework.path / f"{framework.name}.deps.json")
            if listed is None:
                builder.add_folder(framework.path, "framework")
            else:
                builder.add_deps(listed, str(framework.path), "framework")
    core_folder = folder if self_contained or not frameworks else frameworks[-1].path
    if (core_folder / f"{CORE_LIBRARY}.dll").is_file():
        builder.add_core_library(str(core_folder / f"{CORE_LIBRARY}.dll"))
    return TrustedAssemblies(
        by_name=builder.entries,
        satellites=tuple(builder.satellites),
        missing=tuple(builder.missing),
        shadowed=tuple(builder.shadowed),
    )


class _Builder:
    def __init__(self, probing: Sequence[str]) -> None:
        self._probing = probing
        self.entries: dict[str, TrustedAssembly] = {}
        self.satellites: list[Satellite] = []
        self.missing: list[str] = []
        self.shadowed: list[tuple[str, str]] = []

    def add(self, entry: TrustedAssembly) -> None:
        known = self.entries.setdefault(entry.name.lower(), entry)
        if known.path != entry.path and os.path.dirname(known.path) == os.path.dirname(entry.path):
            self.shadowed.append((entry.path, known.path))

    def add_core_library(self, path: str) -> None:
        entry = TrustedAssembly(CORE_LIBRARY, path, "framework", NO_VERSION, NO_VERSION)
        self.entries[CORE_LIBRARY.lower()] = entry

    def add_deps(self, deps: DepsFile, folder: str, kind: Kind) -> None:
        for asset in deps.runtime:
            known = self.entries.get(asset.name.lower())
            if known is not None and not _at_least(asset, known):
                continue
            path = self._probe(asset, folder, asset.relative_path if asset.rid_specific else asset.file_name)
            if path is None:
                if known is None:
                    self.missing.append(f"{deps.path}: {asset.relative_path} of {asset.library}")
                continue
            entry_kind: Kind = "framework" if asset.runtime_pack else kind
            self.entries[asset.name.lower()] = TrustedAssembly(
                asset.name, path, entry_kind, asset.assembly_version, asset.file_version
            )
        for asset in deps.resources:
            path = self._probe(asset, folder, f"{asset.culture}/{asset.file_name}")
            if path is not None:  # the host, too, lets missing satellites pass
                self.satellites.append(Satellite(path, asset.culture))

    def add_folder(self, folder: Path, kind: Kind = "app") -> None:
        """Every .dll, then every .exe, of a folder without deps.json; cultures by their sub-folders."""
        with os.scandir(folder) as scan:
            found = sorted(scan, key=lambda entry: entry.name)
        for suffix in (".dll", ".exe"):
            for file in found:
                if file.name.lower().endswith(suffix) and file.is_file():
                    self.add(TrustedAssembly(file.name[: -len(suffix)], file.path, kind, NO_VERSION, NO_VERSION))
        for culture in (entry for entry in found if entry.is_dir()):
            with os.scandir(culture.path) as scan:
                names = sorted(entry.name for entry in scan if entry.name.endswith(".resources.dll"))
            self.satellites += [Satellite(os.path.join(culture.path, name), culture.name) for name in names]

    def _probe(self, asset: DepsAsset, folder: str, local: str) -> str | None:
        candidates = [os.path.join(folder, local)]
        candidates += [os.path.join(p, asset.library_path, asset.relative_path) for p in self._probing]
        return next(filter(os.path.isfile, candidates), None)


def _at_least(asset: DepsAsset, known: TrustedAssembly) -> bool:
    return (asset.assembly_version, asset.file_version) >= (known.assembly_version, known.file_version)
