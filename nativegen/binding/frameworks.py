"""Shared frameworks: which are installed, and which version a reference gets (the host's roll-forward rules).

Why here: the same application binds to other files, and needs other images, on a machine with another patch installed.
The rules are those of hostfxr since .NET Core 3.0 (documented as "framework version roll-forward", learn.microsoft.com
"Select the .NET version to use"); each reference has a *range* within which a higher version is compatible, and either
the lowest (``Minor``, ``Major``) or the highest (``Latest...``) version of that range is taken, then its latest patch.

Invariants: a resolved version is never below the referenced one; release references prefer release versions; every
framework is listed before the ones it is built on, so ``Microsoft.NETCore.App`` comes last.

>>> wanted = FrameworkReference("Microsoft.NETCore.App", RuntimeVersion.parse("8.0.0"))
>>> str(choose_version(map(RuntimeVersion.parse, ["8.0.1", "8.0.11", "8.1.0", "9.0.5"]), wanted))
'8.0.11'
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import total_ordering
from pathlib import Path

from nativegen.diagnostics import NativegenError

BASE_FRAMEWORK = "Microsoft.NETCore.App"

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$", re.ASCII)


class Range(IntEnum):
    """How far above the referenced version a framework may be; wider values include narrower ones."""

    EXACT = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


# rollForward -> (range, highest of it). https://learn.microsoft.com/dotnet/core/versions/selection
ROLL_FORWARD: Mapping[str, tuple[Range, bool]] = {
    "disable": (Range.EXACT, False),
    "latestpatch": (Range.PATCH, False),
    "minor": (Range.MINOR, False),
    "latestminor": (Range.MINOR, True),
    "major": (Range.MAJOR, False),
    "latestmajor": (Range.MAJOR, True),
}

# rollForwardOnNoCandidateFx, the setting of .NET Core 2.x.
ROLL_FORWARD_ON_NO_CANDIDATE: Mapping[int, str] = {0: "latestpatch", 1: "minor", 2: "major"}


@total_ordering
@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    """A framework version, ordered as SemVer 2.0 orders: ``9.0.0-rc.1 < 9.0.0 < 9.0.5``."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    @classmethod
    def parse(cls, text: str) -> RuntimeVersion:
        """Raises ValueError when ``text`` is not three numbers with an optional pre-release label."""
        match = _VERSION.match(text)
        if match is None:
            raise ValueError(f"not a framework version: {text!r}")
        return cls(int(match[1]), int(match[2]), int(match[3]), match[4] or "")

    def __str__(self) -> str:
        number = f"{self.major}.{self.minor}.{self.patch}"
        return f"{number}-{self.prerelease}" if self.prerelease else number

    def __lt__(self, other: RuntimeVersion) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        labels = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.prerelease.split("."))
        return self.major, self.minor, self.patch, not self.prerelease, labels


@dataclass(frozen=True, slots=True)
class FrameworkReference:
    """What a runtimeconfig.json asks for. ``range`` and ``highest`` stand for ``rollForward``."""

    name: str
    version: RuntimeVersion
    range: Range = Range.MINOR
    highest: bool = False
    apply_patches: bool = True
    prefer_release: bool = True

    def accepts(self, version: RuntimeVersion) -> bool:
        """Whether a framework of that version may stand in for this reference."""
        wanted = self.version
        if version == wanted:
            return True
        if version < wanted or self.range == Range.EXACT:
            return False
        if version.major != wanted.major:
            return self.range >= Range.MAJOR
        if version.minor != wanted.minor:
            return self.range >= Range.MINOR
        return self.apply_patches or version.patch == wanted.patch or self.range > Range.PATCH

    def merged(self, other: FrameworkReference) -> FrameworkReference:
        """Both references at once: the higher version with the stricter range. None accepted: see ``accepts``."""
        low, high = sorted((self, other), key=lambda reference: reference.version)
        return replace(
            high,
            range=min(low.range, high.range),
            highest=low.highest or high.highest,
            apply_patches=low.apply_patches and high.apply_patches,
            prefer_release=low.prefer_release and high.prefer_release,
        )


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework on disk: ``path`` is the folder with its assemblies and ``<name>.deps.json``."""

    name: str
    version: str
    path: Path


def installed_versions(root: Path, name: str) -> list[RuntimeVersion]:
    """Versions of the framework ``name`` below the dotnet root, ascending."""
    found = []
    try:
        with os.scandir(root / "shared" / name) as entries:
            for entry in entries:
                if _VERSION.match(entry.name) and entry.is_dir():
                    found.append(RuntimeVersion.parse(entry.name))
    except OSError:
        return []
    return sorted(found)


def choose_version(versions: Iterable[RuntimeVersion], reference: FrameworkReference) -> RuntimeVersion | None:
    """The version the host would take of those installed, or None.

    With a release reference, pre-release versions count only when no release version fits.
    """
    available = sorted(versions)
    if reference.range == Range.EXACT or (
        reference.range == Range.PATCH and not reference.apply_patches and not reference.version.prerelease
    ):
        return reference.version if reference.version in available else None
    if reference.prefer_release:
        chosen = _choose([v for v in available if not v.prerelease], reference)
        if chosen is not None:
            return chosen
    return _choose(available, reference)


def _choose(available: Sequence[RuntimeVersion], reference: FrameworkReference) -> RuntimeVersion | None:
    compatible = [version for version in available if reference.accepts(version)]
    if not compatible:
        return None
    # Within the patch range the latest patch is taken anyway, below; pre-releases roll to the closest only.
    highest = reference.highest and reference.range != Range.PATCH
    start = compatible[-1] if highest else compatible[0]
    if start.prerelease:
        return start
    return max(
        version
        for version in available
        if version >= start
        and (version.major, version.minor) == (start.major, start.minor)
        and (reference.apply_patches or version.patch == start.patch)
    )


def resolve_frameworks(
    references: Sequence[FrameworkReference],
    root: Path,
    read_references: Callable[[Framework], Sequence[FrameworkReference]],
    config: str | os.PathLike[str] | None = None,
) -> list[Framework]:
    """Resolve an application's framework references, and those of the frameworks found, in one dotnet root.

    Args:
        references: of the application's runtimeconfig.json.
        root: the dotnet root, the folder with ``shared``.
        read_references: the references in a framework's own ``<name>.runtimeconfig.json``; empty for the base.
        config: the file that asks, for error messages.
    Returns:
        The frameworks, dependents first.
    Raises:
        NativegenError: NGEN2004 when a framework is not installed in a fitting version, NGEN2005 when two references
            to one framework cannot be met together.
    """
    effective: dict[str, FrameworkReference] = {}
    while True:
        resolved: list[Framework] = []
        if _resolve(references, None, root, read_references, config, effective, resolved):
            return resolved
        # A reference met later changed an earlier decision: start again with what is known now, as the host does.


def _resolve(
    references: Sequence[FrameworkReference],
    parent: FrameworkReference | None,
    root: Path,
    read_references: Callable[[Framework], Sequence[FrameworkReference]],
    config: str | os.PathLike[str] | None,
    effective: dict[str, FrameworkReference],
    resolved: list[Framework],
) -> bool:
    """One round; False when it must be repeated because an effective reference of a found framework changed."""
    for asked in references:
        reference = replace(asked, highest=True) if parent is not None and parent.highest else asked
        known = effective.get(reference.name, reference)
        low, high = sorted((reference, known), key=lambda r: r.version)
        if not low.accepts(high.version):
            raise NativegenError("NGEN2005", config, name=reference.name, first=low.version, second=high.version)
        merged = reference.merged(known)
        found = next((framework for framework in resolved if framework.name == reference.name), None)
        effective[reference.name] = merged
        if found is not None:
            if merged != known:
                return False
            resolved.remove(found)
            resolved.append(found)
            continue
        installed = installed_versions(root, reference.name)
        version = choose_version(installed, merged)
        if version is None:
            listing = ", ".join(map(str, installed)) or "none"
            wanted = f"{reference.name} {merged.version}"
            raise NativegenError("NGEN2004", config, wanted=wanted, installed=listing, root=root)
        framework = Framework(reference.name, str(version), root / "shared" / reference.name / str(version))
        resolved.append(framework)
        if not _resolve(read_references(framework), merged, root, read_references, config, effective, resolved):
            return False
    return True
