"""The closure of a root in the form that planning and compiling need."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from nativegen.operations.selection import Selection
from nativegen.plan.decide import Candidate
from nativegen.plan.manifest import FrameworkEntry


@dataclass(frozen=True, slots=True)
class MissingReference:
    """A reference that no file was found for."""

    name: str
    referrer: str


@dataclass(frozen=True, slots=True)
class RefusedAssembly:
    """A file of the closure that nativegen cannot read or compile; it stays with the JIT. ``message``: one line."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Closure:
    """An assembly and everything it refers to, as its runtime would bind it.

    Args:
        root: simple name of the assembly that was asked for.
        target: name of the target. runtime_version: of the runtime it would run on: ``9.0.5``.
        candidates: simple name -> assembly, those that can be compiled and those that are only references.
        paths: simple name -> file, for the compiler: everything that a reference may mean.
        selection: the methods that are wanted, for partial images.
        configured: paths that only an ``.exe.config`` names: the runtime does not find them by itself.
    """

    root: str
    target: str
    runtime_version: str
    candidates: Mapping[str, Candidate]
    paths: Mapping[str, str]
    framework: FrameworkEntry
    missing: tuple[MissingReference, ...]
    refused: tuple[RefusedAssembly, ...]
    selection: Selection | None = None
    configured: frozenset[str] = frozenset()

    @property
    def contents(self) -> dict[str, str]:
        """Simple name -> content signature of each candidate."""
        return {name: candidate.content for name, candidate in self.candidates.items()}

    @property
    def is_self_contained(self) -> bool:
        """The application's folder has the framework in it."""
        core = self.paths.get("System.Private.CoreLib")
        return core is not None and os.path.dirname(core) == os.path.dirname(self.root_candidate.path)

    @property
    def root_candidate(self) -> Candidate:
        return self.candidates[self.root]
