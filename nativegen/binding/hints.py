"""Hard binding hints: ``DependencyAttribute`` and ``DefaultDependencyAttribute`` of an assembly (research N9).

``[assembly: Dependency("Name", LoadHint.Always)]`` makes ``Name`` a candidate for hard binding; ``Sometimes`` does not;
``Default`` leaves it to the dependency, whose own ``[assembly: DefaultDependency(LoadHint.Always)]`` counts and whose
every other value is as if the attribute were absent. Names are simple or display names. Hints are not commands.
"""

from __future__ import annotations

from collections.abc import Callable

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.metadata.assembly import ASSEMBLY_TOKEN
from nativegen.metadata.attributes import decode_attribute
from nativegen.metadata.elements import ET

DEPENDENCY = "System.Runtime.CompilerServices.DependencyAttribute"
DEFAULT_DEPENDENCY = "System.Runtime.CompilerServices.DefaultDependencyAttribute"
_DEFAULT, _ALWAYS = 0, 1  # System.Runtime.CompilerServices.LoadHint; 2 is Sometimes

Find = Callable[[str], Assembly | None]
"""Simple name -> the assembly, or None when it is not at hand."""


def hard_binding_hints(assembly: Assembly, find: Find) -> tuple[str, ...]:
    """Simple names of the references that an assembly wants to be bound hard, in order of name.

    A malformed attribute is no hint. Names that are no reference of the assembly count too: the attribute is older
    than the compiler's decision to drop an unused reference.
    """
    said: dict[str, int] = {}
    for name, hint in _values(assembly, DEPENDENCY):
        said[name.partition(",")[0].strip()] = hint
    for reference in assembly.assembly_refs:
        said.setdefault(reference.name, _DEFAULT)
    return tuple(sorted(name for name, hint in said.items() if hint == _ALWAYS or _by_default(name, hint, find)))


def _by_default(name: str, hint: int, find: Find) -> bool:
    dependency = find(name) if hint == _DEFAULT else None
    return dependency is not None and any(value == _ALWAYS for _, value in _values(dependency, DEFAULT_DEPENDENCY))


def _values(assembly: Assembly, attribute: str) -> list[tuple[str, int]]:
    """(name, or '' for the default, and hint) of each attribute of that class."""
    found = []
    for row in assembly.custom_attributes(ASSEMBLY_TOKEN):
        if row.type_full_name != attribute:
            continue
        try:
            *names, hint = decode_attribute(assembly, row, lambda name: ET.I4).fixed
        except NativegenError:
            continue
        found.append((str(names[0]) if names else "", int(hint)))
    return found
