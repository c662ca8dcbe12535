"""Which methods of an assembly need no compiling: keys, the unit store, and what the image's metadata can still name.

Runs in the parent process, before an assembly's methods are handed to the workers, and again when all are there.

A stored unit is used only when every symbol in it means something in the metadata it will be linked into; a unit that
names a row which an edit removed is compiled again. Results that say more about this run than about the method (a
worker that died, a bug of ours) are never stored.

>>> reuse = Reuse(units, facts, names, check, request)               # doctest: +SKIP
>>> reuse.identify([1, 2, 3])                                        # doctest: +SKIP
>>> reuse.find()                                                     # doctest: +SKIP
{1: MethodUnit(...), 3: Exclusion(code='opcode', detail='jmp')}
>>> reuse.save({2: unit})                                            # doctest: +SKIP
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Mapping, Sequence

from nativegen.compiler.exclusions import Reason
from nativegen.compiler.instances import Signature
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.fingerprint import compiler_fingerprint
from nativegen.pipeline.instances import NeededInstance
from nativegen.pipeline.key_summary import Bodies, KnownFile, Origin, Summary, origin_of, outdated
from nativegen.pipeline.link_names import LinkNames
from nativegen.pipeline.relink import Linked, LinkReport, basis_of, encode_linked, is_kept, metadata_of
from nativegen.pipeline.request import CompileRequest
from nativegen.pipeline.signature_facts import digest, text
from nativegen.pipeline.stages import spend
from nativegen.pipeline.symbol_check import SymbolCheck
from nativegen.pipeline.unit_codec import Exclusion, Tables
from nativegen.pipeline.unit_key import UnitKeys, key_with_rows, signature_of
from nativegen.pipeline.unit_store import AssemblyUnits, Result
from nativegen.readytorun.cells import CellTable, encoded_signature
from nativegen.readytorun.check_unit import check_unit
from nativegen.readytorun.manifest_rows import assemblies_of
from nativegen.readytorun.prepared import PreparedUnits
from nativegen.readytorun.unit import MANIFEST_SYMBOLS, Cell, MethodUnit, Symbol

_NEVER_STORED = frozenset({Reason.INTERNAL.code})
_ROWS_OR_NEVER = _NEVER_STORED | {Reason.NOT_NAMEABLE.code}  # instances do not depend on all rows


class Reuse:
    """One assembly in one run.

    Args:
        units: what the store has for its name and target.
        facts, names, check: of the assembly.
        request: what is compiled.

    Attributes:
        seconds: CPU seconds per stage: 'key' and 'units'.
    """

    def __init__(
        self, units: AssemblyUnits, facts: Facts, names: LinkNames, check: SymbolCheck, request: CompileRequest
    ) -> None:
        self._units = units
        self._facts = facts
        self._names = names
        self._check = check
        self._request = request
        self._keys: dict[int, bytes] = {}
        self._used: dict[bytes, Result] = {}
        self._instance_keys: dict[Signature, bytes] = {}
        self._unit_keys: UnitKeys | None = None
        self._summary: Summary | None = None
        self._origin: Origin | None = None
        self._bodies: Bodies | None = None
        self._foreign_keys: dict[frozenset[str], bytes] = {}
        self._outdated: set[int] = set()
        self.seconds: dict[str, float] = {}

    def identify(self, rids: Sequence[int]) -> None:
        """Make the keys of the methods; what else there is, needs them."""
        start = time.process_time()
        self._keys = self._all_keys(rids)
        spend(self.seconds, "key", start)

    def units_signature(self, same_types: bytes) -> str:
        """Of the keys of all methods, after :meth:`identify`; see :func:`signature_of`."""
        return signature_of(same_types, [key for _, key in sorted(self._keys.items())])

    def linked(self) -> tuple[Linked, list[int], dict[int, Result]] | None:
        """What the last image was linked from, if no more is to be done than to exchange some of it.

        Returns:
            With the methods to exchange, and the results that the store has for them.
        """
        keys, origin, bodies = self._unit_keys, self._origin, self._bodies
        if keys is None or origin is None or bodies is None or not bodies.is_sound or not is_kept(self._request):
            return None
        start = time.process_time()
        linked = self._units.linked(keys.prefix, basis_of(origin, self._request, compiler_fingerprint()))
        changed = None if linked is None else linked.changed(self._keys, metadata_of(origin))
        if linked is not None and changed is not None and not linked.encoded_cells:
            changed = changed if self.can_exchange(linked, changed) else None
        found: dict[int, Result] = {}
        if changed is not None:
            self._find_in_store({rid: self._keys[rid] for rid in changed}, found)
            if linked is not None and self.has_moved(linked):
                self._find_by_rows([rid for rid in changed if rid not in found], found)
        spend(self.seconds, "units", start)
        return None if linked is None or changed is None else (linked, changed, found)

    @property
    def keys(self) -> Mapping[int, bytes]:
        """The keys of the methods, by row; after :meth:`identify`."""
        return self._keys

    def has_moved(self, linked: Linked) -> bool:
        """Whether the metadata is not the one that the kept image was linked for; after :meth:`identify`."""
        return self._origin is None or linked.metadata != metadata_of(self._origin)

    def can_exchange(self, linked: Linked, changed: Sequence[int]) -> bool:
        """Whether these methods may be exchanged and nothing else; after :meth:`identify`."""
        return self._origin is not None and linked.can_exchange(changed, self._keys, metadata_of(self._origin))

    def _find_in_store(self, keys: Mapping[int, bytes], found: dict[int, Result]) -> None:
        stored = self._units.find(keys.values())
        for rid, key in keys.items():
            if key in stored:
                found[rid] = self._used[key] = stored[key]

    def _find_by_rows(self, rids: Sequence[int], found: dict[int, Result]) -> None:
        """What depends on the rows that there are, too."""
        if rids:
            rows = self._names.rows()
            self._find_in_store({rid: key_with_rows(self._keys[rid], rows) for rid in rids}, found)

    def save_linked(self, report: LinkReport, units: PreparedUnits, table: CellTable) -> None:
        """Keep what the image was linked from, for :meth:`linked`."""
        keys, origin, bodies = self._unit_keys, self._origin, self._bodies
        if keys is None or origin is None or bodies is None or not bodies.is_sound:
            return
        if keys.foreign_includes_own or not is_kept(self._request, report):
            return
        start = time.process_time()
        basis = basis_of(origin, self._request, compiler_fingerprint())
        every_key = [self._keys[rid] for rid in bodies.rids]
        metadata = metadata_of(origin)
        parts = encode_linked(basis, metadata, every_key, bodies.rids, report, units, table)
        self._units.save_linked(keys.prefix, parts)
        spend(self.seconds, "units", start)

    def find(self) -> dict[int, Result]:
        """Results for those methods that need not be compiled, after :meth:`identify`."""
        start = time.process_time()
        stored = self._units.find(self._keys.values())
        unsure = self._units.keys_outside(self._nameable_files())
        found: dict[int, Result] = {}
        missing = []
        for rid, key in self._keys.items():
            result = stored.get(key)
            if result is None:
                missing.append(rid)
            elif key in unsure and isinstance(result, MethodUnit) and self._check.missing(result) is not None:
                self._outdated.add(rid)
            else:
                found[rid] = self._used[key] = result
        self._find_by_rows(missing, found)
        spend(self.seconds, "units", start)
        return found

    def find_instances(self, needed: Sequence[NeededInstance]) -> dict[Signature, Result]:
        """Likewise for generic instances over value types, after :meth:`find`."""
        start = time.process_time()
        keys = self.instance_keys(needed)
        self._instance_keys.update(keys)
        stored = self._units.find(keys.values())
        found: dict[Signature, Result] = {}
        for signature, key in keys.items():
            result = stored.get(key)
            if result is None:
                continue
            if isinstance(result, MethodUnit) and self._check.missing(result) is not None:
                del self._instance_keys[signature]  # compiled again, not stored
            else:
                found[signature] = self._used[key] = result
        spend(self.seconds, "units", start)
        return found

    def instance_keys(self, needed: Sequence[NeededInstance]) -> dict[Signature, bytes]:
        """The keys of generic instances over value types, after :meth:`identify`."""
        # A partial image has instances of definitions that it does not have themselves.
        others = sorted({instance.rid for instance in needed if not instance.assembly}.difference(self._keys))
        definitions = self._keys | dict(zip(others, self._keys_of(others), strict=True))
        return {instance.signature: self._instance_key(instance, definitions) for instance in needed}

    def known_instance_key(self, signature: Signature) -> bytes | None:
        """The key of an instance that was looked for; None: it is not stored under any."""
        return self._instance_keys.get(signature)

    def _all_keys(self, rids: Sequence[int]) -> dict[int, bytes]:
        """The keys of the methods, as far as possible from what the last build found out."""
        facts, keys = self._facts, self._unit_keys_of_request()
        self._bodies = Bodies(facts.module.assembly, rids)
        self._origin = origin_of(facts.module, facts.own)
        summary = self._units.summary(keys.prefix)
        changed = None if summary is None else outdated(summary, self._origin, self._bodies)
        if summary is None or changed is None:
            return dict(zip(rids, keys.of(rids), strict=True))
        self._summary = summary
        known = dict(zip(rids, summary.key_list(), strict=True))
        again = sorted(changed)
        known.update(zip(again, keys.of(again), strict=True))
        return known

    def _nameable_files(self) -> set[str]:
        """The store's files of which it is known that the metadata names everything in them."""
        if self._summary is None or self._summary.origin != self._origin:
            return set()
        return {name for name, known in self._summary.files.items() if known.is_nameable}

    def needless_cells(self) -> list[Cell]:
        """Cells of stored units that are known to need no generic instances."""
        if self._summary is None:
            return []
        known = self._summary.files
        return [
            tables.cells[number]
            for name, tables in self._units.tables().items()
            if name in known
            for number in known[name].needless
        ]

    def encoded_cells(self) -> dict[int, bytes]:
        """Final signatures of cells of stored units, as far as they are known from the last build; by identity."""
        if self._summary is None or self._summary.origin != self._origin:
            return {}
        files = self._summary.files
        return {
            id(cell): signature
            for name, tables in self._units.tables().items()
            if name in files and files[name].signatures
            for cell, signature in zip(tables.cells, files[name].signatures, strict=True)
            if signature
        }

    def save_summary(self, is_needless: Callable[[Cell], bool] | None) -> None:
        """Keep what this run found out; after :meth:`find` or :meth:`linked`.

        Args:
            is_needless: whether a cell is known to need no generic instance; None: nobody has looked, and nothing more
                is to be said of the store's files.
        """
        keys, bodies, origin = self._unit_keys, self._bodies, self._origin
        if keys is None or bodies is None or origin is None or not bodies.is_sound:
            return
        bringers = keys.bringers()
        files: dict[str, KnownFile] = {}
        if self._summary is not None:
            for rid, tokens in self._summary.bringers.items():
                bringers.setdefault(rid, set()).update(tokens)
            if self._summary.origin == origin:
                there = self._units.names()
                files = {name: known for name, known in self._summary.files.items() if name in there}
        if is_needless is not None:
            cells = CellTable(self._names)
            for name, tables in self._units.tables().items():
                if name not in files:
                    files[name] = self._known_file(tables, is_needless, cells)
        frozen = {rid: frozenset(tokens) for rid, tokens in bringers.items()}
        every_key = b"".join([self._keys[rid] for rid in bodies.rids])
        summary = Summary(origin, bodies.rids, bodies.hashes, bodies.sizes, every_key, frozen, files)
        if summary != self._summary:
            self._units.save_summary(keys.prefix, summary)

    def _known_file(self, tables: Tables, is_needless: Callable[[Cell], bool], cells: CellTable) -> KnownFile:
        needless = array("I", [number for number, cell in enumerate(tables.cells) if is_needless(cell)])
        is_nameable = self._check.unknown(tables.symbols) is None
        signatures = tuple([encoded_signature(cell, cells) for cell in tables.cells]) if is_nameable else ()
        return KnownFile(needless, is_nameable, signatures)

    def _keys_of(self, rids: Sequence[int]) -> Sequence[bytes]:
        return self._unit_keys_of_request().of(rids)

    def _unit_keys_of_request(self) -> UnitKeys:
        if self._unit_keys is None:
            self._unit_keys = UnitKeys(self._facts, self._request.target, self._request.options)
        return self._unit_keys

    def _instance_key(self, instance: NeededInstance, definitions: Mapping[int, bytes]) -> bytes:
        """The definition's key, and what the signature's symbols mean. Of other assemblies everything counts."""
        if instance.assembly:
            named = {name for part in instance.signature if isinstance(part, Symbol) for name in assemblies_of(part)}
            parts = [self._foreign_key(frozenset({instance.assembly, *named})), b"foreign"]
        else:
            parts = [definitions[instance.rid], b"instance"]
        for part in instance.signature:
            if isinstance(part, Symbol) and part.kind in MANIFEST_SYMBOLS:
                parts.append(text(part.name))
            elif isinstance(part, Symbol):
                parts.append(text(part.name) + self._facts.token(self._names.token(part)))
            else:
                parts.append(repr(part).encode())
        return digest(b"\0".join(parts))

    def _foreign_key(self, assemblies: frozenset[str]) -> bytes:
        found = self._foreign_keys.get(assemblies)
        if found is None:
            assert self._unit_keys is not None
            found = self._foreign_keys[assemblies] = self._unit_keys.of_foreign(assemblies)
        return found

    def save(
        self, compiled: Mapping[int, Result], instances: Mapping[Signature, Result], *, is_all: bool = True
    ) -> None:
        """Store what this run compiled.

        Args:
            compiled: by method; without those whose outcome was an accident.
            instances: likewise, by signature.
            is_all: whether :meth:`find` and :meth:`find_instances` gave the rest; not after :meth:`linked`.

        Raises:
            ValueError: a unit is malformed; what is in the store need not be checked again.
        """
        start = time.process_time()
        for result in compiled.values():
            if isinstance(result, MethodUnit):
                check_unit(result)
        new = set()
        for signature, result in instances.items():
            instance_key = self._instance_keys.get(signature)
            if instance_key is not None and not (isinstance(result, Exclusion) and result.code in _ROWS_OR_NEVER):
                self._used[instance_key] = result
                new.add(instance_key)
        for rid, result in compiled.items():
            if rid in self._outdated or (isinstance(result, Exclusion) and result.code in _NEVER_STORED):
                continue
            key = self._keys[rid]
            if isinstance(result, Exclusion) and result.code == Reason.NOT_NAMEABLE.code:
                key = key_with_rows(key, self._names.rows())
            self._used[key] = result
            new.add(key)
        self._units.save(self._used, new, is_all=is_all)
        spend(self.seconds, "units", start)
