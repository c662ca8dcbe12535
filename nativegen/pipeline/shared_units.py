"""Units that several images of one compilation have in common: instances that no image's own assembly has a part in.

What: ``List<DateTime>.Add`` is the same code in every image that needs it. :class:`SharedUnits` keeps such units while
assemblies are compiled one after the other, so that each is compiled once.

Why here: every image has a copy, because the runtime finds it in images that are loaded, and nobody knows which ones
will be. Only the work is shared, never the decision what an image contains; images are the same as if each assembly
were compiled alone.

Invariant: a unit names everything outside itself by symbols. One whose symbols are all rows of the manifest metadata,
none of the assembly it was compiled for and none of the one it is wanted for, has come about without either.

>>> shared = SharedUnits()
>>> shared.find(request, "App", signature)                           # doctest: +SKIP
MethodUnit(...)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from nativegen.compiler.instances import Signature
from nativegen.pipeline.request import CompileOptions, CompileRequest
from nativegen.readytorun.manifest_rows import assemblies_of
from nativegen.readytorun.unit import MANIFEST_SYMBOLS, MethodUnit, Symbol

#: Symbols without an assembly of their own are of the image's.
_OWN: Final = ""


class SharedUnits:
    """See the module docstring."""

    def __init__(self) -> None:
        self._units: dict[tuple[str, int, CompileOptions, Signature], tuple[MethodUnit, frozenset[str]]] = {}
        self._named: dict[Symbol, tuple[str, ...]] = {}

    def add(self, request: CompileRequest, assembly: str, signature: Signature, unit: MethodUnit) -> None:
        """Keeps the unit of an instance, if it can be shared.

        Args:
            request: for which it was compiled; assembly: the simple name of its input.
        """
        named = self._assemblies(signature)
        if _OWN in named:  # the usual case: of the assembly's own types
            return
        named |= self._assemblies([part for cell in unit.cells for part in cell.signature])
        named |= self._assemblies([clause.token_or_filter for clause in unit.clauses])
        named |= {use.assembly for use in unit.foreign}
        if named.isdisjoint((_OWN, assembly)):
            self._units[self._key(request, signature)] = unit, named

    def find(self, request: CompileRequest, assembly: str, signature: Signature) -> MethodUnit | None:
        """The unit of the instance with this entry, for the image of another assembly."""
        found = self._units.get(self._key(request, signature))
        return None if found is None or assembly in found[1] else found[0]

    @staticmethod
    def _key(request: CompileRequest, signature: Signature) -> tuple[str, int, CompileOptions, Signature]:
        return request.target, id(request.references), request.options, signature

    def _assemblies(self, parts: Iterable[object]) -> frozenset[str]:
        """Whose names there are among the parts of signatures."""
        found: set[str] = set()
        for part in parts:
            if isinstance(part, Symbol):
                names = self._named.get(part)
                if names is None:
                    is_complete = part.kind in MANIFEST_SYMBOLS
                    names = self._named[part] = tuple(assemblies_of(part)) if is_complete else (_OWN,)
                found.update(names)
        return frozenset(found)
