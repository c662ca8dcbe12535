"""Linking what was kept after edits that do more than to exchange code: most move rows and heaps.

A new literal, member reference or local shifts tokens, RVAs and offsets everywhere; units do not see that, because they
name everything by symbols, and neither do their keys. So methods are found by their keys, whatever their rows are now,
and the cells that kept units use get their signatures anew from the symbols in them; all else of a unit stays as it was
prepared. That takes a tenth of a second for 20,000 methods, most of it while a worker compiles the edited one.

Invariants: which generic instances the image has is asked again, because that depends on types which no key may
mention; each must be kept under the key that it has now. What is named by rows of the manifest metadata is named in the
order in which the image's writer would come by it, because these rows are numbered by first use. Cells that were one
must not become two, nor two become one. Whatever is not so, or has no row any more, takes the long way.

>>> moving = Moving(linked, Metadata(...), keys, has_moved=True)       # doctest: +SKIP
>>> moving.prepare()                                                 # doctest: +SKIP
>>> moving.finish({4711: unit}, [])                                  # doctest: +SKIP
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

from nativegen.compiler.instances import Signature, instance_entry, may_need_instances, shared_instance
from nativegen.pipeline.instances import InstanceClosure, NeededInstance
from nativegen.pipeline.link_names import LinkNames
from nativegen.pipeline.relink import Contents, Linked, LinkReport, is_lasting, takes_in
from nativegen.pipeline.request import ExcludedMethod, GenericInstance
from nativegen.readytorun.cells import CellTable, names_manifest_rows
from nativegen.readytorun.manifest import ManifestAssembly
from nativegen.readytorun.prepared import Preparation, PreparedUnits
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, CellKind, ForeignUse, MethodUnit, Symbol
from nativegen.readytorun.writer import encoded_rows, is_foreign, rows_of_image
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
        module, names: itself, and the tokens of its symbols. target: of the image.
        generic: rows of the generic methods.
        display_name: of a row.
        closure: makes an empty closure of its instances.
        instance_keys: gives the keys of instances.
        identity: what a reference to an assembly says, see :class:`nativegen.readytorun.writer.ImageBuilder`.
    """

    module: Module
    target: Target
    names: LinkNames
    generic: Set[int]
    display_name: Callable[[int], str]
    closure: Callable[[], InstanceClosure]
    instance_keys: Callable[[Sequence[NeededInstance]], Mapping[Signature, bytes]]
    identity: Callable[[str], ManifestAssembly]


class Moving:
    """One image on its way into other metadata.

    Args:
        linked: what the last image was linked from; :meth:`Linked.changed` has said that this may do.
        metadata: the other metadata.
        keys: of all methods with CIL, by row, ascending.
        has_moved: it is another one than that of the last image.
    """

    def __init__(self, linked: Linked, metadata: Metadata, keys: Mapping[int, bytes], *, has_moved: bool) -> None:
        self._linked = linked
        self._metadata = metadata
        self._keys = keys
        self._has_moved = has_moved
        self._is_prepared = False
        self._by_key: dict[bytes, int] = {}  # number of the kept unit
        self._places: dict[int, int] = {}  # likewise, by row
        self._exclusions: list[ExcludedMethod] = []
        self._signatures: list[bytes] | None = None  # without those that name rows of the manifest metadata
        self._asking: dict[int, list[int]] = {}  # cells that may ask for instances, by number of the unit
        self._in_manifest: dict[int, list[int]] = {}  # likewise, that name rows of the manifest metadata

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
            for each in linked.report.every_exclusion
            if is_lasting(each.code, has_moved=self._has_moved)
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
        report, units = self._linked.report, self._linked.units
        asking, in_manifest = set(report.asking_cells), set(report.manifest_cells)
        either = asking | in_manifest
        ends = list(accumulate(units.cell_counts))
        for at, cell in enumerate(units.used):
            if cell in either:
                unit = bisect_right(ends, at)
                if cell in asking:
                    self._asking.setdefault(unit, []).append(cell)
                if cell in in_manifest:
                    self._in_manifest.setdefault(unit, []).append(cell)

    def _name_cells(self) -> None:
        """Signatures of the cells of methods that stay, and of all instances: these stay, or nothing is done here."""
        cells, units = self._linked.cells, self._linked.units
        prepared = units.cells
        instances = range(len(units.rids), len(units.sizes))
        used = self._used([*dict.fromkeys([*self._places.values(), *instances])])
        signatures = [b""] * len(prepared.kinds)
        encoded = CellTable(self._metadata.names).encoded
        in_manifest = set(self._linked.report.manifest_cells)
        own = [number for number in used if number not in in_manifest]
        for number in own:
            signatures[number] = encoded(cells[number])
        self._signatures = signatures if self._are_different(own, signatures) else None

    def _used(self, order: Sequence[int]) -> list[int]:
        """The cells of kept units among these, but for entry counters."""
        units = self._linked.units
        used = units.cells_of([number for number in order if number < len(units.sizes)])
        return [number for number in used if units.cells.kinds[number] != CellKind.COUNTER]

    def _are_different(self, numbers: Sequence[int], signatures: Sequence[bytes]) -> bool:
        cells = self._linked.units.cells
        return len({(cells.kinds[each], signatures[each], cells.ref_maps[each]) for each in numbers}) == len(numbers)

    def finish(self, compiled: Mapping[int, MethodUnit], excluded: Sequence[ExcludedMethod]) -> Moved | None:
        """The kept units with new ones among them; None: that cannot be done.

        Args:
            compiled, excluded: what became of the methods that had to be compiled.
        """
        self.prepare()
        if self._signatures is None:
            return None
        try:
            return self._finish(self._signatures, compiled, excluded)
        except (KeyError, TypeLoadError):
            return None

    def _finish(
        self,
        signatures: list[bytes],
        compiled: Mapping[int, MethodUnit],
        excluded: Sequence[ExcludedMethod],
    ) -> Moved | None:
        linked, metadata = self._linked, self._metadata
        names, prepared = metadata.names, linked.units.cells
        places = self._places | {rid: number for number, rid in enumerate(compiled, len(linked.units.sizes))}
        instances = self._instances(places, compiled)
        if instances is None:
            return None
        methods = []
        entries = [_Entry(each.hash, each.signature, key, self._by_key[key]) for each, key in instances.kept]
        for rid in sorted(places):
            instance = shared_instance(metadata.module, rid) if rid in metadata.generic else None
            if instance is None:
                methods.append(rid)
            else:
                entries.append(_Entry(*instance_entry(names.symbols, instance), self._keys[rid], places[rid]))
        numbers = [places[rid] for rid in methods]
        manifest = rows_of_image(metadata.module.assembly, metadata.identity)
        signed = self._name_in_order(CellTable(names, manifest), signatures, numbers, entries, list(compiled.values()))
        order = numbers + [entry.unit for _, entry in signed]
        if len(set(order)) != len(order):
            return None  # methods that nothing tells apart; each has to have its own entry counter
        if linked.report.manifest_cells and not self._are_different(self._used(order), signatures):
            return None
        table = CellTable.restored(
            names, bytearray(prepared.kinds), signatures, list(prepared.ref_maps), [*linked.cells], manifest
        )
        preparation = Preparation(table, has_packed_bounds=metadata.target.packed_debug_bounds)
        for unit in compiled.values():
            preparation.add(unit)
        units = linked.units.chosen(
            order,
            preparation.finish([], []),
            array("I", methods),
            [(entry.hash, signature) for signature, entry in signed],
        )
        units.name_clause_types(table.token)
        exclusions, instantiated = self._left_to_the_jit(excluded, instances.reported)
        asking = [(linked.cells[number], number) for number in linked.report.asking_cells]
        new = [cell for unit in compiled.values() for cell in unit.cells if may_need_instances(cell)]
        asking += [(cell, table.add(cell)) for cell in new]
        needy = {id(cell) for cell in instances.needy}
        manifest_cells = table.in_manifest.union(linked.report.manifest_cells)
        keys = [*[self._keys[rid] for rid in methods], *[entry.key for _, entry in signed]]
        foreign, foreign_of = self._foreign(keys, {self._keys[rid]: unit for rid, unit in compiled.items()})
        report = replace(
            linked.report,
            contents=Contents(exclusions, len(places) + len(instantiated), instances.reported, foreign),
            instantiated=instantiated,
            fixed_cells=tuple(sorted(manifest_cells.union(number for cell, number in asking if id(cell) in needy))),
            fixed_rids=self._fixed_rids(compiled),
            asking_cells=tuple(sorted({number for _, number in asking})),
            entry_keys=tuple([entry.key for _, entry in signed]),
            manifest_cells=tuple(sorted(manifest_cells)),
            foreign_of=foreign_of,
            manifest=encoded_rows(manifest, metadata.target),
            has_unrelated_code=any(is_foreign(entry.parts) for entry in entries),
        )
        return Moved(units, table, report)

    def _name_in_order(
        self,
        namer: CellTable,
        signatures: list[bytes],
        methods: Sequence[int],
        entries: Sequence[_Entry],
        new: Sequence[MethodUnit],
    ) -> list[tuple[bytes, _Entry]]:
        """Names what is in the manifest metadata, in the order of :meth:`ImageBuilder.build`.

        Args:
            signatures: of the kept cells; completed.
            methods: the units of the methods that are not generic, in their order; new ones behind those kept.

        Returns:
            The entries, in their order, with their signatures.
        """
        count = len(self._linked.units.sizes)
        cells = self._linked.cells

        def name(unit: int) -> None:
            if unit < count:
                for number in self._in_manifest.get(unit, ()):
                    if not signatures[number]:
                        signatures[number] = namer.encoded(cells[number])
            else:
                for cell in new[unit - count].cells:
                    if names_manifest_rows(cell.signature):
                        namer.encoded(cell)

        for unit in methods:
            if unit >= count or unit in self._in_manifest:
                name(unit)
        signed = sorted(
            [(namer.signature(entry.parts), entry) for entry in entries], key=lambda each: (each[1].hash, each[0])
        )
        for _, entry in signed:
            name(entry.unit)
        self._name_types([*methods, *[entry.unit for _, entry in signed]], new, namer)
        return signed

    def _name_types(self, order: Sequence[int], new: Sequence[MethodUnit], namer: CellTable) -> None:
        """Likewise the types in exception clauses, which come last."""
        units = self._linked.units
        count = len(units.sizes)
        of_new = [clause.token_or_filter for unit in new for clause in unit.clauses]
        if not names_manifest_rows([*units.types, *of_new]):
            return
        of_kept = units.types_of_units()
        for number in order:
            named = of_kept.get(number, ())
            if number >= count:
                clauses = new[number - count].clauses
                named = [clause.token_or_filter for clause in clauses if isinstance(clause.token_or_filter, Symbol)]
            for each in named:
                namer.token(each)

    def _fixed_rids(self, compiled: Mapping[int, MethodUnit]) -> tuple[int, ...]:
        """See :attr:`LinkReport.fixed_rids`."""
        fixed = {self._linked.keys[rid] for rid in self._linked.report.fixed_rids}
        kept = [rid for rid in self._places if self._keys[rid] in fixed]
        return tuple(sorted([*kept, *[rid for rid, unit in compiled.items() if takes_in(unit)]]))

    def _foreign(
        self, keys: Sequence[bytes], compiled: Mapping[bytes, MethodUnit]
    ) -> tuple[tuple[ForeignUse, ...], dict[bytes, tuple[int, ...]]]:
        """What the units use of other assemblies: of all, and by key."""
        report = self._linked.report
        by_key = {}
        for key in keys:
            if key in compiled:
                uses: Sequence[ForeignUse] = compiled[key].foreign
            else:
                uses = [report.contents.foreign[number] for number in report.foreign_of.get(key, ())]
            if uses:
                by_key[key] = uses
        every = tuple(sorted({use for uses in by_key.values() for use in uses}))
        numbers = {use: number for number, use in enumerate(every)}
        return every, {key: tuple([numbers[use] for use in uses]) for key, uses in by_key.items()}

    def _left_to_the_jit(
        self, excluded: Sequence[ExcludedMethod], instances: Sequence[GenericInstance]
    ) -> tuple[tuple[ExcludedMethod, ...], tuple[ExcludedMethod, ...]]:
        """The methods without code, and those that have code for instances alone."""
        instantiated = {instance.rid for instance in instances if not instance.code and not instance.assembly}
        module = self._metadata.module
        left: list[ExcludedMethod] = []
        others: list[ExcludedMethod] = []
        every = sorted([*self._exclusions, *excluded], key=lambda each: each.rid)
        for each in every:
            has_code = each.rid in instantiated and shared_instance(module, each.rid) is None
            (others if has_code else left).append(each)
        return tuple(left), tuple(others)

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
                if not is_lasting(code, has_moved=self._has_moved) or (not code and key not in self._by_key):
                    return None
                if not code:
                    kept.append((each, key))
                    asking = self._asking.get(self._by_key[key], ())
                    closure.add_cells([linked.cells[number] for number in asking], partial(str, each.name))
                reported.append(GenericInstance(each.name, each.rid, each.needed_by, code, detail, each.assembly))
        return _Instances(kept, (*reported, *closure.left_out), closure.needy())


class _Entry(NamedTuple):
    """An entry of a generic instance: hash, signature, key and number of its unit."""

    hash: int
    parts: Signature
    key: bytes
    unit: int


class _Instances(NamedTuple):
    """With the keys of those that have code; what the report says of all; cells that may decide what others need."""

    kept: list[tuple[NeededInstance, bytes]]
    reported: tuple[GenericInstance, ...]
    needy: list[Cell]
