"""Linking what was kept after an edit that moved rows and heaps: the usual edit of source code.

A new literal, member reference or local shifts tokens, RVAs and offsets everywhere; units do not see that, because they
name everything by symbols, and neither do their keys. So methods are found by their keys, whatever their rows are now,
and the cells that kept units use get their signatures anew from the symbols in them; all else of a unit stays as it was
prepared. That takes a tenth of a second for 20,000 methods, most of it while a worker compiles the edited one.

Invariants: an image comes only from here when it has no generic instances over value types, before or after, and names
nothing by rows of the manifest metadata; so which units it has follows from the keys alone. Whether it needs instances
is asked again, because that depends on types which no key may mention. Cells that were one must not become two, nor two
become one. Whatever is not so, or has no row any more, takes the long way.

>>> moving = Moving(linked, module, names, keys, generic)            # doctest: +SKIP
>>> moving.prepare()                                                 # doctest: +SKIP
>>> moving.finish({4711: unit}, {}, packed=False, is_needless=look)  # doctest: +SKIP
Moved(units=..., table=..., report=...)
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from nativegen.compiler.exclusions import Reason
from nativegen.compiler.instances import instance_entry, may_need_instances, shared_instance
from nativegen.pipeline.link_names import LinkNames
from nativegen.pipeline.relink import Linked, LinkReport
from nativegen.pipeline.request import ExcludedMethod
from nativegen.readytorun.cells import CellTable
from nativegen.readytorun.prepared import Preparation, PreparedUnits
from nativegen.readytorun.unit import Cell, CellKind, MethodUnit
from nativegen.typesystem import Module, TypeLoadError


class Moved(NamedTuple):
    """What to link. Of the report, what depends on the metadata alone is still that of the last image."""

    units: PreparedUnits
    table: CellTable
    report: LinkReport


class Moving:
    """One image on its way into other metadata.

    Args:
        linked: what the last image was linked from; :meth:`Linked.changed` has said that this may do.
        module: the assembly as it is now; names: of its symbols.
        keys: of all methods with CIL, by row, ascending.
        generic: rows of the generic methods.
    """

    def __init__(
        self, linked: Linked, module: Module, names: LinkNames, keys: Mapping[int, bytes], generic: Set[int]
    ) -> None:
        self._linked = linked
        self._module = module
        self._names = names
        self._keys = keys
        self._generic = generic
        self._places: dict[int, int] = {}  # row -> number of the kept unit
        self._exclusions: list[ExcludedMethod] = []
        self._is_prepared = False
        self._signatures: list[bytes] | None = None
        self._used: list[int] = []

    def prepare(self) -> None:
        """Does what needs no new unit; before :meth:`finish`, which does it otherwise."""
        if self._is_prepared:
            return
        self._is_prepared = True
        linked, units = self._linked, self._linked.units
        owners = [*units.rids, *linked.report.generic]
        if len(owners) != len(units.sizes):
            return
        places = {linked.keys[rid]: number for number, rid in enumerate(owners)}
        excluded = {
            linked.keys[each.rid]: each
            for each in linked.report.exclusions
            if each.code != Reason.NOT_NAMEABLE.code  # that depends on the rows that there are
        }
        for rid, key in self._keys.items():
            if key in places:
                self._places[rid] = places[key]
            elif key in excluded:
                self._exclusions.append(replace(excluded[key], rid=rid))
        try:
            self._name_cells()
        except (KeyError, ValueError, TypeLoadError):
            self._signatures = None  # something kept has no row any more

    def _name_cells(self) -> None:
        cells, prepared = self._linked.cells, self._linked.units.cells
        self._used = self._linked.units.cells_of(list(self._places.values()))
        signatures = [b""] * len(prepared.kinds)
        encoded = CellTable(self._names).encoded
        for number in self._used:
            signatures[number] = encoded(cells[number])
        own = [number for number in self._used if cells[number].kind is not CellKind.COUNTER]
        different = {(prepared.kinds[number], signatures[number], prepared.ref_maps[number]) for number in own}
        self._signatures = signatures if len(different) == len(own) else None

    def finish(
        self,
        compiled: Mapping[int, MethodUnit],
        excluded: Sequence[ExcludedMethod],
        *,
        packed: bool,
        needy: Callable[[Sequence[Cell]], Sequence[Cell] | None],
    ) -> Moved | None:
        """The kept units with new ones among them; None: that cannot be done.

        Args:
            compiled, excluded: what became of the methods that had to be compiled.
            packed: :attr:`Target.packed_debug_bounds`.
            needy: which of these cells may decide what others need; None: they need instances.
        """
        self.prepare()
        if self._signatures is None or any(unit.foreign for unit in compiled.values()):
            return None
        try:
            return self._finish(compiled, excluded, packed, needy)
        except (KeyError, TypeLoadError):
            return None

    def _finish(
        self,
        compiled: Mapping[int, MethodUnit],
        excluded: Sequence[ExcludedMethod],
        packed: bool,
        needy: Callable[[Sequence[Cell]], Sequence[Cell] | None],
    ) -> Moved | None:
        linked, prepared = self._linked, self._linked.units.cells
        assert self._signatures is not None
        cells: list[Cell | None] = [*linked.cells]
        table = CellTable.restored(
            self._names, bytearray(prepared.kinds), self._signatures, list(prepared.ref_maps), cells
        )
        preparation = Preparation(table, has_packed_bounds=packed)
        for unit in compiled.values():
            preparation.add(unit)
        used = set(self._used)
        asking = [number for number in linked.report.asking_cells if number in used]
        numbers = {id(linked.cells[number]): number for number in asking}
        for cell in [cell for unit in compiled.values() for cell in unit.cells if may_need_instances(cell)]:
            numbers[id(cell)] = table.add(cell)
        fixed = needy([*[linked.cells[number] for number in asking], *_cells(compiled)])
        if fixed is None:
            return None
        count = len(linked.units.sizes)
        places = self._places | {rid: number for number, rid in enumerate(compiled, count)}
        methods, entries = [], []
        for rid in sorted(places):
            instance = shared_instance(self._module, rid) if rid in self._generic else None
            if instance is None:
                methods.append(rid)
            else:
                hash_, parts = instance_entry(self._names.symbols, instance)
                entries.append((hash_, table.signature(parts), rid))
        entries.sort()
        order = [places[rid] for rid in methods] + [places[rid] for _, _, rid in entries]
        if len(set(order)) != len(order):
            return None  # methods that nothing tells apart; each has to have its own entry counter
        others = preparation.finish([], [])
        instances = [(hash_, signature) for hash_, signature, _ in entries]
        units = linked.units.chosen(order, others, array("I", methods), instances)
        units.name_clause_types(self._names.token)
        exclusions = sorted([*self._exclusions, *excluded], key=lambda each: each.rid)
        report = replace(
            linked.report,
            exclusions=tuple(exclusions),
            native=len(order),
            fixed_cells=tuple(sorted({numbers[id(cell)] for cell in fixed if id(cell) in numbers})),
            asking_cells=tuple(sorted(set(numbers.values()))),
            generic=tuple([rid for _, _, rid in entries]),
        )
        return Moved(units, table, report)


def _cells(units: Mapping[int, MethodUnit]) -> list[Cell]:
    return [cell for unit in units.values() for cell in unit.cells]
