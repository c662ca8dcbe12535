"""Linking what was kept after an edit that moved rows and heaps: the usual edit of source code.

A new literal, member reference or local shifts tokens, RVAs and offsets everywhere; units do not see that, because they
name everything by symbols, and neither do their keys. So methods are found by their keys, whatever their rows are now,
and the cells that kept units use get their signatures anew from the symbols in them; all else of a unit stays as it was
prepared. That takes a tenth of a second for 20,000 methods, most of it while a worker compiles the edited one.

Invariants: the image names nothing by rows of the manifest metadata, whose numbers depend on the order of all cells.
Which generic instances it has is asked again, because that depends on types which no key may mention; each must be
kept under the key that it has now. Cells that were one must not become two, nor two become one. Whatever is not so, or
has no row any more, takes the long way.

>>> moving = Moving(linked, Metadata(module, names, ...), keys)      # doctest: +SKIP
>>> moving.prepare()                                                 # doctest: +SKIP
>>> moving.finish({4711: unit}, [], packed=False)                    # doctest: +SKIP
Moved(units=..., table=..., report=...)
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from nativegen.compiler.exclusions import Reason
from nativegen.compiler.instances import Signature, instance_entry, may_need_instances, shared_instance
from nativegen.pipeline.instances import InstanceClosure, NeededInstance
from nativegen.pipeline.link_names import LinkNames
from nativegen.pipeline.relink import Linked, LinkReport
from nativegen.pipeline.request import ExcludedMethod, GenericInstance
from nativegen.readytorun.cells import CellTable
from nativegen.readytorun.prepared import Preparation, PreparedUnits
from nativegen.readytorun.unit import Cell, CellKind, MethodUnit
from nativegen.typesystem import Module, TypeLoadError


class Moved(NamedTuple):
    """What to link. Of the report, what depends on the metadata alone is still that of the last image."""

    units: PreparedUnits
    table: CellTable
    report: LinkReport


@dataclass(frozen=True, slots=True)
class Metadata:
    """The assembly as it is now.

    Attributes:
        module, names: itself, and the tokens of its symbols.
        generic: rows of the generic methods.
        display_name: of a row.
        closure: makes an empty closure of its instances.
        instance_keys: gives the keys of instances.
    """

    module: Module
    names: LinkNames
    generic: Set[int]
    display_name: Callable[[int], str]
    closure: Callable[[], InstanceClosure]
    instance_keys: Callable[[Sequence[NeededInstance]], Mapping[Signature, bytes]]


class Moving:
    """One image on its way into other metadata.

    Args:
        linked: what the last image was linked from; :meth:`Linked.changed` has said that this may do.
        metadata: the other metadata.
        keys: of all methods with CIL, by row, ascending.
    """

    def __init__(self, linked: Linked, metadata: Metadata, keys: Mapping[int, bytes]) -> None:
        self._linked = linked
        self._metadata = metadata
        self._keys = keys
        self._is_prepared = False
        self._by_key: dict[bytes, int] = {}  # number of the kept unit
        self._places: dict[int, int] = {}  # likewise, by row
        self._exclusions: list[ExcludedMethod] = []
        self._signatures: list[bytes] | None = None
        self._asking: dict[int, list[int]] = {}  # cells that may ask for instances, by number of the unit

    def prepare(self) -> None:
        """Does what needs no new unit; before :meth:`finish`, which does it otherwise."""
        if self._is_prepared:
            return
        self._is_prepared = True
        linked, units = self._linked, self._linked.units
        owners = [*[linked.keys[rid] for rid in units.rids], *linked.report.entry_keys]
        if len(owners) != len(units.sizes):
            return
        self._by_key = {key: number for number, key in enumerate(owners)}
        excluded = {
            linked.keys[each.rid]: each
            for each in linked.report.exclusions
            if each.code != Reason.NOT_NAMEABLE.code  # that depends on the rows that there are
        }
        for rid, key in self._keys.items():
            if key in self._by_key:
                self._places[rid] = self._by_key[key]
            elif key in excluded:
                self._exclusions.append(replace(excluded[key], rid=rid))
        self._find_asking()
        try:
            self._name_cells()
        except (KeyError, ValueError, TypeLoadError):
            self._signatures = None  # something kept has no row any more

    def _find_asking(self) -> None:
        asking = set(self._linked.report.asking_cells)
        units = self._linked.units
        ends = list(accumulate(units.cell_counts))
        for at, cell in enumerate(units.used):
            if cell in asking:
                self._asking.setdefault(bisect_right(ends, at), []).append(cell)

    def _name_cells(self) -> None:
        """Signatures of the cells of methods that stay, and of all instances: these stay, or nothing is done here."""
        cells, units = self._linked.cells, self._linked.units
        prepared = units.cells
        instances = range(len(units.rids), len(units.sizes))
        used = units.cells_of([*dict.fromkeys([*self._places.values(), *instances])])
        signatures = [b""] * len(prepared.kinds)
        encoded = CellTable(self._metadata.names).encoded
        for number in used:
            signatures[number] = encoded(cells[number])
        own = [number for number in used if cells[number].kind is not CellKind.COUNTER]
        different = {(prepared.kinds[number], signatures[number], prepared.ref_maps[number]) for number in own}
        self._signatures = signatures if len(different) == len(own) else None

    def finish(
        self, compiled: Mapping[int, MethodUnit], excluded: Sequence[ExcludedMethod], *, packed: bool
    ) -> Moved | None:
        """The kept units with new ones among them; None: that cannot be done.

        Args:
            compiled, excluded: what became of the methods that had to be compiled.
            packed: :attr:`Target.packed_debug_bounds`.
        """
        self.prepare()
        if self._signatures is None or any(unit.foreign for unit in compiled.values()):
            return None
        try:
            return self._finish(self._signatures, compiled, excluded, packed)
        except (KeyError, TypeLoadError):
            return None

    def _finish(
        self,
        signatures: list[bytes],
        compiled: Mapping[int, MethodUnit],
        excluded: Sequence[ExcludedMethod],
        packed: bool,
    ) -> Moved | None:
        linked, names = self._linked, self._metadata.names
        prepared = linked.units.cells
        cells: list[Cell | None] = [*linked.cells]
        table = CellTable.restored(names, bytearray(prepared.kinds), signatures, list(prepared.ref_maps), cells)
        preparation = Preparation(table, has_packed_bounds=packed)
        for unit in compiled.values():
            preparation.add(unit)
        places = self._places | {rid: number for number, rid in enumerate(compiled, len(linked.units.sizes))}
        instances = self._instances(places, compiled)
        if instances is None:
            return None
        entries = [(each.hash, table.signature(each.signature), key) for each, key in instances.kept]
        methods = []
        keyed = {key: self._by_key[key] for _, key in instances.kept}
        for rid in sorted(places):
            instance = shared_instance(self._metadata.module, rid) if rid in self._metadata.generic else None
            if instance is None:
                methods.append(rid)
            else:
                hash_, parts = instance_entry(names.symbols, instance)
                entries.append((hash_, table.signature(parts), self._keys[rid]))
                keyed[self._keys[rid]] = places[rid]
        entries.sort(key=lambda entry: entry[:2])
        order = [places[rid] for rid in methods] + [keyed[key] for _, _, key in entries]
        if len(set(order)) != len(order):
            return None  # methods that nothing tells apart; each has to have its own entry counter
        rids, signed = array("I", methods), [(hash_, signature) for hash_, signature, _ in entries]
        units = linked.units.chosen(order, preparation.finish([], []), rids, signed)
        units.name_clause_types(names.token)
        exclusions, native = self._left_to_the_jit(excluded, instances.reported)
        numbers = {id(linked.cells[number]): number for number in linked.report.asking_cells}
        new = [cell for unit in compiled.values() for cell in unit.cells if may_need_instances(cell)]
        numbers |= {id(cell): table.add(cell) for cell in new}
        report = replace(
            linked.report,
            exclusions=exclusions,
            native=len(places) + native,
            instances=instances.reported,
            fixed_cells=tuple(sorted({numbers[id(cell)] for cell in instances.needy})),
            asking_cells=tuple(sorted(set(numbers.values()))),
            entry_keys=tuple([key for _, _, key in entries]),
        )
        return Moved(units, table, report)

    def _left_to_the_jit(
        self, excluded: Sequence[ExcludedMethod], instances: Sequence[GenericInstance]
    ) -> tuple[tuple[ExcludedMethod, ...], int]:
        """The methods without code, and how many more have code for their instances alone."""
        instantiated = {instance.rid for instance in instances if not instance.code and not instance.assembly}
        module = self._metadata.module
        left = []
        every = sorted([*self._exclusions, *excluded], key=lambda each: each.rid)
        for each in every:
            if each.rid not in instantiated or shared_instance(module, each.rid) is not None:
                left.append(each)
        return tuple(left), len(every) - len(left)

    def _instances(self, places: Mapping[int, int], compiled: Mapping[int, MethodUnit]) -> _Instances | None:
        """Those that the image needs now; None: some are not kept."""
        linked, metadata = self._linked, self._metadata
        closure = metadata.closure()
        for rid in sorted(places):
            name = partial(metadata.display_name, rid)
            if rid in compiled:
                closure.add(compiled[rid], name)
            else:
                closure.add_cells([linked.cells[number] for number in self._asking.get(places[rid], ())], name)
        kept, reported = [], []
        while needed := closure.next_round():
            keys = metadata.instance_keys(needed)
            for each in needed:
                key = keys[each.signature]
                code, detail = linked.report.excluded_instances.get(key, ("", ""))
                if code == Reason.NOT_NAMEABLE.code or (not code and key not in self._by_key):
                    return None
                if not code:
                    kept.append((each, key))
                    asking = self._asking.get(self._by_key[key], ())
                    closure.add_cells([linked.cells[number] for number in asking], partial(str, each.name))
                reported.append(GenericInstance(each.name, each.rid, each.needed_by, code, detail, each.assembly))
        return _Instances(kept, (*reported, *closure.left_out), closure.needy())


class _Instances(NamedTuple):
    """With the keys of those that have code; what the report says of all; cells that may decide what others need."""

    kept: list[tuple[NeededInstance, bytes]]
    reported: tuple[GenericInstance, ...]
    needy: list[Cell]
