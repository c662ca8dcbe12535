"""The key manifest: everything an image depends on, as canonical JSON, and the keys made from it (DESIGN.md 4).

Two images are the same if and only if their manifests are. The xxh3-128 of the canonical text is the key in the local
cache (32 hex digits, as in ngen's cache paths); the SHA-256 of the same text is recorded beside it. A manifest holds
contents and names, never paths or times, so equal inputs give equal keys on every machine. (Shared caches ask for more:
:mod:`nativegen.operations.shared_key`.)

A reference outside the version bubble is recorded by its *contract* signature, so that an edit inside its method bodies
leaves dependents current; inside the bubble, and everywhere with ``/strict``, by its *content* signature. The runtime's
framework is one entry: its update makes every image stale, as ngen's rule has it (research N2).

>>> app = AssemblyEntry("App", "App, Version=1.0.0.0", "mvid", "content")
>>> framework = FrameworkEntry("Microsoft.NETCore.App", "9.0.5", "ff")
>>> manifest = KeyManifest("compiler", "9.0", "linux-x64", "normal", {}, app, framework, ())
>>> len(manifest.key), len(manifest.sha256)
(32, 64)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

import xxhash

SCHEMA = 1

ReferenceKind = Literal["contract", "content"]
RunsAs = Literal["image", "il", "runtime"]


@dataclass(frozen=True, slots=True)
class AssemblyEntry:
    """The assembly itself. ``content``: xxh3-128 of the file."""

    name: str
    identity: str
    mvid: str
    content: str


@dataclass(frozen=True, slots=True)
class FrameworkEntry:
    """The shared framework as a whole. ``signature``: over the names and contents of its assemblies."""

    name: str
    version: str
    signature: str


@dataclass(frozen=True, slots=True)
class ReferenceEntry:
    """One assembly, outside the framework, that the compiled one refers to, directly or not.

    ``runs_as``: turning an assembly into an image changes the layout of its own classes with foreign bases
    (facts/generics-and-bubbles.md 5), so what it runs as is part of what dependents assume.
    """

    name: str
    identity: str
    kind: ReferenceKind
    signature: str
    runs_as: RunsAs


@dataclass(frozen=True)
class KeyManifest:
    """See the module's text. ``references`` is sorted by name."""

    compiler: str
    target: str
    platform: str
    scenario: str
    options: Mapping[str, object]
    assembly: AssemblyEntry
    framework: FrameworkEntry | None
    references: tuple[ReferenceEntry, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values; what the ``.json`` beside an image contains under ``manifest``."""
        return {
            "schema": SCHEMA,
            "compiler": self.compiler,
            "target": self.target,
            "platform": self.platform,
            "scenario": self.scenario,
            "options": json.loads(json.dumps(dict(self.options))),  # tuples become lists, as on the disk
            "assembly": _fields(self.assembly),
            "framework": None if self.framework is None else _fields(self.framework),
            "references": {entry.name: _fields(entry) for entry in sorted(self.references, key=lambda e: e.name)},
        }

    @cached_property
    def canonical(self) -> bytes:
        """The text that is hashed: sorted keys, no white space, ASCII."""
        return canonical_json(self.as_json())

    @cached_property
    def key(self) -> str:
        """xxh3-128 of the canonical text, 32 hex digits."""
        return xxhash.xxh3_128_hexdigest(self.canonical)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical text, 64 hex digits."""
        return hashlib.sha256(self.canonical).hexdigest()


def canonical_json(value: object) -> bytes:
    """JSON with one possible spelling."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def framework_signature(contents: Mapping[str, str]) -> str:
    """Signature of a framework: over its assemblies' simple names and content signatures."""
    return xxhash.xxh3_128_hexdigest(canonical_json(dict(contents)))


def _fields(entry: AssemblyEntry | FrameworkEntry | ReferenceEntry) -> dict[str, str]:
    return {name: cast(str, getattr(entry, name)) for name in entry.__slots__}
