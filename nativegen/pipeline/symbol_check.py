"""Whether the metadata of an image can name what method units name; a unit that it cannot name is not in the image.

Units name everything by symbols; one from the unit store may name a row which an edit removed.

>>> check = SymbolCheck(names, lambda name: system.module_named(name) is not None)   # doctest: +SKIP
>>> check.missing(unit)                                                              # doctest: +SKIP
Symbol(kind=<SymbolKind.MEMBER_REF>, name=...)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nativegen.readytorun.manifest_rows import assemblies_of
from nativegen.readytorun.unit import MANIFEST_SYMBOLS, Cell, MethodUnit, Symbol, TokenResolver


class SymbolCheck:
    """Whether an image's metadata has everything that units name; each cell is looked at once.

    Args:
        names: of the image.
        has_assembly: whether an assembly of this simple name is there; units may name its insides.
    """

    def __init__(self, names: TokenResolver, has_assembly: Callable[[str], bool]) -> None:
        self._names = names
        self._has_assembly = has_assembly
        # By identity, because hashing a cell costs more than looking at it; kept, so that no identity is used again.
        self._cells: dict[int, tuple[Cell, Symbol | None]] = {}

    def missing(self, unit: MethodUnit) -> Symbol | None:
        """The first symbol of the unit that the metadata cannot name."""
        cells = self._cells
        for cell in unit.cells:
            known = cells.get(id(cell))
            if known is None:
                known = cells[id(cell)] = (cell, self.unknown(cell.signature))
            if known[1] is not None:
                return known[1]
        if unit.clauses:
            return self.unknown([clause.token_or_filter for clause in unit.clauses])
        return None

    def unknown(self, parts: Sequence[int | bytes | Symbol]) -> Symbol | None:
        """The first symbol among these that the metadata cannot name."""
        for part in parts:
            if isinstance(part, Symbol) and part.kind in MANIFEST_SYMBOLS:
                if not all(map(self._has_assembly, assemblies_of(part))):
                    return part
            elif isinstance(part, Symbol):
                try:
                    self._names.token(part)
                except KeyError:
                    return part
        return None
