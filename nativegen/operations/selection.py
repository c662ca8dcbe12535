"""What a profile means for a set of assemblies: the methods that partial images get.

The digests go into key manifests. They cover the lines that still name a method, so neither comments, order nor names
that have gone make an image stale; what an equal line means is settled by the assembly's own content signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import xxhash

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.pipeline.method_names import resolve
from nativegen.pipeline.profile import Profile


@dataclass(frozen=True)
class Selection:
    """The methods of each assembly that has any.

    Args:
        methods: simple name -> lines of the profile that name a method.
        unresolved: ``Name!line`` of those that do not.
    """

    methods: Mapping[str, tuple[str, ...]]
    unresolved: tuple[str, ...]

    @cached_property
    def digests(self) -> dict[str, str]:
        """Simple name -> xxh3-128 of its lines."""
        return {name: xxhash.xxh3_128_hexdigest("\n".join(lines).encode()) for name, lines in self.methods.items()}


def select(path: str, assemblies: Mapping[str, Assembly], *, whole: bool = True) -> Selection:
    """Look a profile's names up.

    Args:
        path: of the profile. assemblies: by simple name.
        whole: the assemblies are everything that there is: names in others are unresolved, and a profile that names
            nothing at all in these is refused.

    Raises:
        NativegenError: NGEN3108.
    """
    methods: dict[str, tuple[str, ...]] = {}
    unresolved: list[str] = []
    for name, lines in Profile.read(path).methods.items():
        assembly = assemblies.get(name)
        if assembly is None:
            unresolved += [f"{name}!{line}" for line in lines if whole]
            continue
        gone = set(resolve(assembly, lines)[1])
        found = tuple(line for line in lines if line not in gone)
        unresolved += [f"{name}!{line}" for line in lines if line in gone]
        if found:
            methods[name] = found
    if whole and not methods:
        raise NativegenError("NGEN3108", path, detail="it names no method of the application")
    return Selection(methods, tuple(unresolved))
