"""What an image was linked from, kept so that the build after an edit exchanges the code of the edited methods only.

Reading 23,000 units, going through them for generic instances and preparing them for the linker takes a second,
although after most edits all of them but one are those of the last build. A :class:`Linked` has what the linker was
given (:mod:`nativegen.readytorun.prepared`), the keys of the units in it, and what the report said. When nothing that
it follows from has changed but some methods' keys, the new units are put in their places and the image is linked again.

After most edits of source code rows and heaps have moved as well: then the kept cells get the tokens that their symbols
have now, and methods are found by their keys (:mod:`nativegen.pipeline.moved`).

Invariants: it is used only when the references, the options and the compiler are the same. While the metadata is, too,
every symbol has the row that it had; what is exchanged has code before and after, is no generic code, asks for no
generic instances and takes nothing of other assemblies in, before or after, so that the closure of instances and the
manifest metadata are what they were. Everything else is moved, or takes the long way to the same bytes. Kept are only
images whose instances do not depend on the content of the assembly itself, and only results that say something about
the methods, not about the run. A damaged file is as if it were not there.

>>> linked = decode_linked(data, basis)                              # doctest: +SKIP
>>> linked.changed(keys, metadata)                                   # doctest: +SKIP
[4711]
>>> table = linked.exchange({4711: unit}, symbols, packed=False)     # doctest: +SKIP
"""

from __future__ import annotations

import json
import struct
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate

from nativegen.compiler.exclusions import Reason
from nativegen.compiler.instances import may_need_instances
from nativegen.pipeline.key_summary import Origin
from nativegen.pipeline.request import CompileRequest, ExcludedMethod, GenericInstance
from nativegen.pipeline.sealed import sealed, unsealed
from nativegen.pipeline.signature_facts import DIGEST_SIZE, digest, text
from nativegen.pipeline.unit_codec import TableBuilder, decode_tables
from nativegen.readytorun.cells import CellTable, names_manifest_rows
from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.prepared import Preparation, PreparedUnits
from nativegen.readytorun.unit import Cell, ForeignUse, MethodUnit, TokenResolver
from nativegen.typesystem import TypeLoadError

#: More methods than these to exchange, and linking from the units is as short a way.
MAX_CHANGED = 64

_MAGIC = b"nglinked"
_COUNT = struct.Struct("<I")
# Basis; metadata; number of keys; bytes of the report, of the cells as units write them.
_HEADER = struct.Struct(f"<{DIGEST_SIZE}s{DIGEST_SIZE}sIII")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a :class:`CompileReport` says of an image, but for sizes and times; the attributes are the same."""

    exclusions: tuple[ExcludedMethod, ...]
    native: int
    instances: tuple[GenericInstance, ...]
    foreign: tuple[ForeignUse, ...]


@dataclass(frozen=True, slots=True)
class LinkReport:
    """What is known of an image.

    Attributes:
        contents: what users are told.
        instantiated: methods that have code for some of their instances, but would be excluded otherwise.
        fixed_cells: numbers of the cells that may ask for instances, or name rows of the manifest metadata; fixed_rids:
            methods that take something of other assemblies in. Neither can be exchanged.
        asking_cells: numbers of the cells that have to be looked at for instances.
        entry_keys: of the units behind those of methods, in their order; without any when one is not known.
        excluded_instances: reason code and detail, by key.
        manifest_cells: numbers of the cells that name rows of the manifest metadata.
        foreign_of: by key of a unit: the numbers of what it uses of ``foreign``.
        from_metadata: sections of the image, see :class:`nativegen.readytorun.link.Linking`.
        manifest: the manifest metadata of the image, if it has any.
        has_unrelated_code: there is code of other modules' generics.
        same_types: see :func:`nativegen.pipeline.unit_key.signature_of`.
    """

    contents: Contents
    instantiated: tuple[ExcludedMethod, ...]
    fixed_cells: tuple[int, ...]
    fixed_rids: tuple[int, ...]
    asking_cells: tuple[int, ...]
    entry_keys: tuple[bytes, ...]
    excluded_instances: Mapping[bytes, tuple[str, str]]
    manifest_cells: tuple[int, ...]
    foreign_of: Mapping[bytes, tuple[int, ...]]
    from_metadata: Mapping[SectionType, tuple[bytes, int]]
    manifest: bytes | None
    has_unrelated_code: bool
    same_types: bytes

    @property
    def every_exclusion(self) -> tuple[ExcludedMethod, ...]:
        """Of methods that have code for some of their instances, too."""
        return (*self.contents.exclusions, *self.instantiated)


@dataclass(slots=True)
class Linked:
    """See the module docstring.

    Attributes:
        keys: of all methods with CIL, by row.
        metadata: digest of what symbols have got their rows from.
        report: of the image.
        encoded: the prepared units, as bytes until they are needed. encoded_cells: likewise how units write cells;
            empty when that is not known.
    """

    keys: dict[int, bytes]
    metadata: bytes
    report: LinkReport
    encoded: memoryview | bytes
    encoded_cells: memoryview | bytes
    _units: PreparedUnits | None = field(default=None, init=False)
    _cells: list[Cell] | None = field(default=None, init=False)

    @property
    def units(self) -> PreparedUnits:
        """The prepared units."""
        if self._units is None:
            self._units = PreparedUnits.decode(memoryview(self.encoded))
        return self._units

    @property
    def cells(self) -> list[Cell]:
        """How units write the cells, by number.

        Raises:
            ValueError: that is not known.
        """
        if self._cells is None:
            content = zlib.decompress(self.encoded_cells) if self.encoded_cells else b""
            (count,) = _COUNT.unpack_from(content) if content else (0,)
            numbers = array("I", content[_COUNT.size : _COUNT.size + 4 * count])
            cells = decode_tables(content[_COUNT.size + 4 * count :]).cells
            self._cells = [cells[number] for number in numbers]
        return self._cells

    def changed(self, keys: Mapping[int, bytes], metadata: bytes) -> list[int] | None:
        """The methods whose units are not here, ascending; None: too many.

        Args:
            keys: of all methods with CIL as they are now.
            metadata: likewise, see :func:`metadata_of`.
        """
        has_moved = self.metadata != metadata
        unsure = [each.rid for each in self.report.every_exclusion if not is_lasting(each.code, has_moved=has_moved)]
        known = set(self.keys.values()).difference([self.keys[rid] for rid in unsure])
        rids = sorted(rid for rid, key in keys.items() if key not in known)
        return rids if len(rids) <= MAX_CHANGED else None

    def can_exchange(self, changed: Sequence[int], keys: Mapping[int, bytes], metadata: bytes) -> bool:
        """Whether :meth:`exchange` may do for these methods; the arguments are those of :meth:`changed`."""
        if self.metadata != metadata:
            return False
        fixed = {instance.rid for instance in self.report.contents.instances if not instance.assembly}
        fixed.update(self.report.fixed_rids)
        return fixed.isdisjoint(changed) and changed == [rid for rid, key in keys.items() if self.keys.get(rid) != key]

    def exchange(self, changed: Mapping[int, MethodUnit], symbols: TokenResolver, *, packed: bool) -> CellTable | None:
        """Put units in place of those of some methods; the table of all cells. None: that cannot be done.

        Args:
            packed: :attr:`Target.packed_debug_bounds`.
        """
        units, fixed = self.units, set(self.report.fixed_cells)
        cells = units.cells
        known = len(cells.kinds)
        # How they are written is asked only when all of it will be kept.
        written: list[Cell | None] = [None] * known
        if will_be_kept(len(changed)) and self.encoded_cells:
            written = [*self.cells]
        table = CellTable.restored(
            symbols, bytearray(cells.kinds), list(cells.signatures), list(cells.ref_maps), written
        )
        preparation = Preparation(table, has_packed_bounds=packed)
        try:
            for rid in sorted(changed):
                unit = changed[rid]
                if unit.foreign or any(table.add(cell) >= known for cell in unit.cells if may_need_instances(cell)):
                    return None
                preparation.add(unit)
        except (KeyError, TypeLoadError):
            return None
        where = {rid: number for number, rid in enumerate(units.rids)}
        if not where.keys() >= changed.keys():
            return None
        ends = [0, *accumulate(units.cell_counts)]
        for rid in changed:
            number = where[rid]
            if not fixed.isdisjoint(units.used[ends[number] : ends[number + 1]]):
                return None
        try:
            others = preparation.finish(sorted(changed), [])
        except (KeyError, TypeLoadError):
            return None
        if not fixed.isdisjoint(others.used):
            return None
        self._units = units.replaced(others)
        return table


def basis_of(origin: Origin, request: CompileRequest, compiler: str) -> bytes:
    """A digest of what must be equal for a :class:`Linked` to be used, besides keys and metadata."""
    options = json.dumps(request.options.as_json(), sort_keys=True)
    return digest(origin.references + text(request.target, options, compiler))


def metadata_of(origin: Origin) -> bytes:
    """A digest of what gives symbols their rows."""
    return digest(origin.metadata + origin.strings)


def takes_in(unit: MethodUnit) -> bool:
    """Whether something of other assemblies is in a unit, or named by its clauses."""
    return bool(unit.foreign) or names_manifest_rows([clause.token_or_filter for clause in unit.clauses])


def is_lasting(code: str, *, has_moved: bool) -> bool:
    """Whether a method or an instance with the same key is left out for the same reason; not for what no row names.

    Args:
        code: of the reason; '' when it was not left out.
        has_moved: the metadata is another one; whether something can be named depends on the rows that there are.
    """
    return not has_moved or code != Reason.NOT_NAMEABLE.code


def will_be_kept(changed: int) -> bool:
    """Whether an image in which so many methods are exchanged is kept in place of the one that it was made from."""
    return changed > MAX_CHANGED // 2


def is_kept(request: CompileRequest, report: LinkReport | None = None) -> bool:
    """Whether builds keep what the image of such a request was linked from.

    Not of partial images, whose instances may be of methods that they lack; nor of assemblies that came with native
    code, which says which instances the image has; nor with results that no other run may use.
    """
    if request.partial is not None or request.options.from_native:
        return False
    if report is None:
        return True
    codes = {each.code for each in report.contents.instances} | {each.code for each in report.contents.exclusions}
    return Reason.INTERNAL.code not in codes


def encode_linked(
    basis: bytes,
    metadata: bytes,
    keys: Sequence[bytes],
    rids: Iterable[int],
    report: LinkReport,
    units: PreparedUnits,
    table: CellTable,
) -> list[bytes | memoryview]:
    """A file in pieces, for :func:`decode_linked`; ``table``: of the cells of the units."""
    head = json.dumps(
        {
            "contents": asdict(report.contents),
            "instantiated": [asdict(each) for each in report.instantiated],
            "fixed_cells": report.fixed_cells,
            "fixed_rids": report.fixed_rids,
            "asking_cells": report.asking_cells,
            "entry_keys": [key.hex() for key in report.entry_keys],
            "excluded_instances": {key.hex(): why for key, why in report.excluded_instances.items()},
            "manifest_cells": report.manifest_cells,
            "foreign_of": {key.hex(): uses for key, uses in report.foreign_of.items()},
            "manifest": None if report.manifest is None else report.manifest.hex(),
            "has_unrelated_code": report.has_unrelated_code,
            "same_types": report.same_types.hex(),
            "from_metadata": [(type, data.hex(), size) for type, (data, size) in report.from_metadata.items()],
        }
    ).encode("utf-8", "surrogatepass")
    cells = _encoded_cells(table)
    fields = _HEADER.pack(basis, metadata, len(keys), len(head), len(cells))
    return sealed(_MAGIC, [fields, array("I", rids).tobytes(), *keys, head, cells, *units.encode()])


def _encoded_cells(table: CellTable) -> bytes:
    """Their number, the number of each in the tables, the tables."""
    written = [cell for cell in table.cells if cell is not None]
    if table.is_ambiguous or len(written) != len(table.cells):
        return b""
    tables = TableBuilder()
    numbers = array("I", map(tables.number, written))
    # Names are long and much alike.
    return zlib.compress(b"".join([_COUNT.pack(len(numbers)), numbers.tobytes(), tables.encode()]), 1)


def decode_linked(data: bytes | memoryview, basis: bytes) -> Linked | None:
    """What a file says; None: it is damaged, or about something else."""
    try:
        content = unsealed(data, _MAGIC)
        of, metadata, count, head_size, cells_size = _HEADER.unpack_from(content)
    except (ValueError, struct.error):
        return None
    if of != basis:
        return None
    rids = array("I")
    rids_end = _HEADER.size + 4 * count
    rids.frombytes(content[_HEADER.size : rids_end])
    end = rids_end + DIGEST_SIZE * count
    every_key = bytes(content[rids_end:end])
    keys = [every_key[start : start + DIGEST_SIZE] for start in range(0, len(every_key), DIGEST_SIZE)]
    head = json.loads(bytes(content[end : end + head_size]).decode("utf-8", "surrogatepass"))
    contents = head["contents"]
    report = LinkReport(
        Contents(
            tuple([ExcludedMethod(**each) for each in contents["exclusions"]]),
            contents["native"],
            tuple([GenericInstance(**each) for each in contents["instances"]]),
            tuple([ForeignUse(*each) for each in contents["foreign"]]),
        ),
        tuple([ExcludedMethod(**each) for each in head["instantiated"]]),
        tuple(head["fixed_cells"]),
        tuple(head["fixed_rids"]),
        tuple(head["asking_cells"]),
        tuple(map(bytes.fromhex, head["entry_keys"])),
        {bytes.fromhex(key): (code, detail) for key, (code, detail) in head["excluded_instances"].items()},
        tuple(head["manifest_cells"]),
        {bytes.fromhex(key): tuple(uses) for key, uses in head["foreign_of"].items()},
        {SectionType(type): (bytes.fromhex(data), alignment) for type, data, alignment in head["from_metadata"]},
        None if head["manifest"] is None else bytes.fromhex(head["manifest"]),
        head["has_unrelated_code"],
        bytes.fromhex(head["same_types"]),
    )
    cells_at = end + head_size
    units_at = cells_at + cells_size
    by_rid = dict(zip(rids, keys, strict=True))
    return Linked(by_rid, metadata, report, content[units_at:], content[cells_at:units_at])
