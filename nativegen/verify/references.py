"""The assemblies that an image's references mean today, and one type system over them for all checks that ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nativegen.readytorun.targets import Target
    from nativegen.typesystem import TypeSystem


class References:
    """Simple name -> path; empty when they are not known."""

    def __init__(self, paths: Mapping[str, str] | None = None) -> None:
        self._paths = paths or {}
        self._systems: dict[str, TypeSystem] = {}

    def __bool__(self) -> bool:
        return bool(self._paths)

    def get(self, name: str) -> str | None:
        """The file of an assembly."""
        return self._paths.get(name)

    def system(self, target: Target) -> TypeSystem:
        """The type system of a target over these files."""
        from nativegen.typesystem import TypeSystem

        if target.name not in self._systems:
            self._systems[target.name] = TypeSystem(target, self.get)
        return self._systems[target.name]
