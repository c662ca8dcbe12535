"""Units prepared for linking: all that can be said of them before it is known where anything will be.

What: :class:`PreparedUnits` holds the units of one image as columns, each column one array over all units. Cells are
numbers of the image's cell table, relocations pairs of offset and target, clauses and bounds encoded.

Why: an image of 20,000 methods has half a million relocations and cells. As objects they take seconds to make, to read
and to go through; as arrays a build can keep them (:meth:`PreparedUnits.encode`), put what one edited method gave in
its place (:meth:`PreparedUnits.chosen`) and link again. There is one way to link, from these columns, so an image
linked from kept columns is the one that the same units would have given.

Invariants: the methods come first, by MethodDef row, then the instances by hash and signature; that is the order of the
code. Everything in the columns follows from the units, the cells and the metadata they name; replacing a unit by itself
changes nothing but which numbers cells have, which decide nothing.

>>> units = Preparation(table, target)                               # doctest: +SKIP
>>> units.add(unit)                                                  # doctest: +SKIP
>>> PreparedUnits.decode(units.finish([6], []).encode()).rids        # doctest: +SKIP
array('I', [6])
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Final, NamedTuple

from nativegen.readytorun.cells import CellTable
from nativegen.readytorun.debug_info import LocationType, Variable, encode_code_bounds
from nativegen.readytorun.structs import EXCEPTION_CLAUSE, U32
from nativegen.readytorun.unit import (
    ExceptionClause,
    FrameVariable,
    MethodUnit,
    Relocation,
    RelocationKind,
    Symbol,
    SymbolKind,
)

#: Targets of relocations that are no cells; others are twice the cell's number, and one more for the cell itself.
RODATA_TARGET: Final = 0xFFFF_FF00
CODE_TARGET: Final = 0xFFFF_FF01
SYMBOL_TARGETS: Final = 0xFFFF_0000  # and the index of the runtime symbol

_STUB = int(RelocationKind.STUB)
_MAGIC = b"ngprepar"
_COLUMN_COUNT = 28
_HASH = struct.Struct("<I")
_UNWIND_SIZES = struct.Struct("<I?I")
_RODATA = struct.Struct("<IIIII")
_ADDEND = struct.Struct("<Ii")  # of a relocation that has one


class UnwindBlob(NamedTuple):
    """Unwind codes, and the GcInfo that follows the personality when it is that of a main body."""

    codes: bytes
    is_filter: bool
    gc_info: bytes


class ReadOnlyData(NamedTuple):
    """A unit's read-only data; relocations as in the columns."""

    data: bytes
    alignment: int
    offsets: array[int]
    targets: array[int]
    addends: array[int]


@dataclass(slots=True)
class PreparedCells:
    """The cells, by number; see :class:`nativegen.readytorun.cells.CellTable`."""

    kinds: Sequence[int]
    signatures: Sequence[bytes]
    ref_maps: Sequence[bytes]


def _u32() -> array[int]:
    return array("I")


@dataclass(slots=True)
class PreparedUnits:
    """See the module docstring. Lengths: of a column per unit, of the one that it counts, as the counts add up to.

    Attributes:
        cells: all cells.
        rids: MethodDef rows of the first units.
        instances: hash and signature of the other units.
        code, sizes, alignments: machine code without padding; bytes and alignment by unit.
        cell_counts, used: the cells of each unit.
        fixup_counts, fixups: those of them that must be resolved before the code runs.
        relocation_counts, offsets, targets, addends: offsets from the start of the unit's code.
        function_counts, begins, ends, unwinds: runtime functions: offsets, and numbers of unwind blobs.
        unwind_blobs: each once.
        rodata: by unit.
        clause_sizes, clauses: encoded; bytes by unit.
        clause_types: by clause: one more than the number of the type that it names by symbol, or 0. types: these.
        bound_sizes, bounds: encoded debug info.
    """

    cells: PreparedCells
    rids: array[int]
    instances: list[tuple[int, bytes]]
    code: bytes | memoryview
    sizes: array[int]
    alignments: array[int]
    cell_counts: array[int]
    used: array[int]
    fixup_counts: array[int]
    fixups: array[int]
    relocation_counts: array[int]
    offsets: array[int]
    targets: array[int]
    addends: array[int]
    function_counts: array[int]
    begins: array[int]
    ends: array[int]
    unwinds: array[int]
    unwind_blobs: list[UnwindBlob]
    rodata: dict[int, ReadOnlyData]
    clause_sizes: array[int]
    clauses: bytes | memoryview
    bound_sizes: array[int]
    bounds: bytes | memoryview
    clause_types: array[int]
    types: list[Symbol]

    def replaced(self, others: PreparedUnits) -> PreparedUnits:
        """With the units for some methods taken from others, which were prepared with the same cell table.

        Raises:
            ValueError: a method is not here.
        """
        where = {rid: number for number, rid in enumerate(self.rids)}
        if not where.keys() >= set(others.rids):
            raise ValueError("a method has no unit to replace")
        order = list(range(len(self.sizes)))
        for number, rid in enumerate(others.rids, len(order)):
            order[where[rid]] = number
        return self.chosen(order, others, self.rids, self.instances)

    def chosen(
        self, order: Sequence[int], others: PreparedUnits, rids: array[int], instances: list[tuple[int, bytes]]
    ) -> PreparedUnits:
        """Some of these units and of others, which were prepared with the same cell table.

        Args:
            order: numbers of units; those of the others go on where these end.
            rids, instances: what the chosen units are the code of.
        """
        both = (self, others)
        runs = _runs(order, len(self.sizes))
        blobs = {blob: number for number, blob in enumerate(self.unwind_blobs)}
        blob_numbers = [blobs.setdefault(blob, len(blobs)) for blob in others.unwind_blobs]
        unwinds = (self.unwinds, array("I", [blob_numbers[number] for number in others.unwinds]))
        types = [*self.types, *others.types]
        moved_types = array("I", [number + len(self.types) if number else 0 for number in others.clause_types])
        clause_types = (self.clause_types, moved_types)
        clause_counts = [[size // EXCEPTION_CLAUSE.size for size in each.clause_sizes] for each in both]

        def chosen(counts: Sequence[Sequence[int]], columns: Sequence[array[int]]) -> array[int]:
            ends = [[0, *accumulate(each)] for each in counts]
            result = columns[0][:0]
            for source, first, end in runs:
                result += columns[source][ends[source][first] : ends[source][end]]
            return result

        def by_unit(columns: Sequence[array[int]]) -> array[int]:
            result = columns[0][:0]
            for source, first, end in runs:
                result += columns[source][first:end]
            return result

        def content(sizes: Sequence[array[int]], columns: Sequence[bytes | memoryview]) -> bytes:
            ends = [[0, *accumulate(each)] for each in sizes]
            views = [memoryview(each) for each in columns]
            return b"".join([views[source][ends[source][first] : ends[source][end]] for source, first, end in runs])

        rodata: dict[int, ReadOnlyData] = {}
        at = 0
        for source, first, end in runs:
            there = both[source].rodata
            rodata.update((at + number - first, there[number]) for number in range(first, end) if number in there)
            at += end - first
        sizes = (self.sizes, others.sizes)
        cell_counts = (self.cell_counts, others.cell_counts)
        fixup_counts = (self.fixup_counts, others.fixup_counts)
        relocation_counts = (self.relocation_counts, others.relocation_counts)
        function_counts = (self.function_counts, others.function_counts)
        clause_sizes, bound_sizes = (self.clause_sizes, others.clause_sizes), (self.bound_sizes, others.bound_sizes)
        return PreparedUnits(
            others.cells, rids, instances,
            content(sizes, (self.code, others.code)), by_unit(sizes), by_unit((self.alignments, others.alignments)),
            by_unit(cell_counts), chosen(cell_counts, (self.used, others.used)),
            by_unit(fixup_counts), chosen(fixup_counts, (self.fixups, others.fixups)),
            by_unit(relocation_counts), chosen(relocation_counts, (self.offsets, others.offsets)),
            chosen(relocation_counts, (self.targets, others.targets)),
            chosen(relocation_counts, (self.addends, others.addends)),
            by_unit(function_counts), chosen(function_counts, (self.begins, others.begins)),
            chosen(function_counts, (self.ends, others.ends)), chosen(function_counts, unwinds),
            list(blobs), rodata,
            by_unit(clause_sizes), content(clause_sizes, (self.clauses, others.clauses)),
            by_unit(bound_sizes), content(bound_sizes, (self.bounds, others.bounds)),
            chosen(clause_counts, clause_types), types,
        )  # fmt: skip

    def cells_of(self, numbers: Sequence[int]) -> list[int]:
        """The cells that some of the units use, each once, by first use."""
        ends = [0, *accumulate(self.cell_counts)]
        found: dict[int, None] = {}
        for _, first, end in _runs(numbers, len(self.sizes)):
            found.update(dict.fromkeys(self.used[ends[first] : ends[end]]))
        return list(found)

    def types_of_units(self) -> dict[int, list[Symbol]]:
        """The types that the clauses of units name, in their order, by number of the unit."""
        found: dict[int, list[Symbol]] = {}
        at = 0
        for number, size in enumerate(self.clause_sizes):
            end = at + size // EXCEPTION_CLAUSE.size
            if size:
                found[number] = [self.types[type_ - 1] for type_ in self.clause_types[at:end] if type_]
            at = end
        return found

    def name_clause_types(self, token: Callable[[Symbol], int]) -> None:
        """Write the tokens that the types in clauses have now, in the order of the clauses.

        Raises:
            KeyError: raised by ``token``, the metadata has no row for a type.
        """
        tokens: dict[int, int] = {}
        clauses = bytearray(self.clauses)
        for number, type_ in enumerate(self.clause_types):
            if type_:
                known = tokens.get(type_)
                if known is None:
                    known = tokens[type_] = token(self.types[type_ - 1])
                U32.pack_into(clauses, EXCEPTION_CLAUSE.size * (number + 1) - U32.size, known)
        self.clauses = bytes(clauses)

    def encode(self) -> list[bytes | memoryview]:
        """As bytes in pieces, for :meth:`decode`."""
        ref_maps: dict[bytes, int] = {}
        map_numbers = array("I", [ref_maps.setdefault(each, len(ref_maps)) for each in self.cells.ref_maps])
        rodata = []
        for number, each in self.rodata.items():
            rodata += [_RODATA.pack(number, len(each.data), each.alignment, len(each.offsets), 0), each.data]
            rodata += map(_bytes, (each.offsets, each.targets, each.addends))
        unwind = [
            _UNWIND_SIZES.pack(len(codes), is_filter, len(gc_info)) + codes + gc_info
            for codes, is_filter, gc_info in self.unwind_blobs
        ]
        columns: list[bytes | memoryview] = [
            bytes(self.cells.kinds),
            _packed(self.cells.signatures),
            _packed(list(ref_maps)),
            _bytes(map_numbers),
            _packed([_HASH.pack(hash_) + signature for hash_, signature in self.instances]),
            _packed([bytes(self.clauses), bytes(self.bounds)]),
            self.code,
            _packed(unwind),
            b"".join(rodata),
            _packed([bytes((symbol.kind,)) + symbol.name.encode() for symbol in self.types]),
            b"".join([_ADDEND.pack(at, addend) for at, addend in enumerate(self.addends) if addend]),
            *map(_bytes, self._arrays()),
        ]
        return [_MAGIC, struct.pack(f"<{len(columns)}Q", *map(len, columns)), *columns]

    def _arrays(self) -> tuple[array[int], ...]:
        return (
            self.rids, self.sizes, self.alignments, self.cell_counts, self.used, self.fixup_counts, self.fixups,
            self.relocation_counts, self.offsets, self.targets, self.function_counts, self.begins, self.ends,
            self.unwinds, self.clause_sizes, self.bound_sizes, self.clause_types,
        )  # fmt: skip

    @classmethod
    def decode(cls, data: memoryview) -> PreparedUnits:
        """From :meth:`encode`'s bytes, which the caller knows to be whole.

        Raises:
            ValueError: they are none.
        """
        at = len(_MAGIC) + 8 * _COLUMN_COUNT
        if len(data) < at or data[: len(_MAGIC)] != _MAGIC:
            raise ValueError("no prepared units")
        columns = []
        for size in struct.unpack_from(f"<{_COLUMN_COUNT}Q", data, len(_MAGIC)):
            columns.append(data[at : at + size])
            at += size
        if at != len(data):
            raise ValueError("wrong size")
        kinds, signatures, maps, map_numbers, instances, encoded, code, unwind, rodata, types, moved, *arrays = columns
        ref_maps = [bytes(each) for each in _unpacked(maps)]
        cells = PreparedCells(
            bytearray(kinds), _unpacked_bytes(signatures), [ref_maps[each] for each in _array(map_numbers)]
        )
        clauses, bounds = _unpacked(encoded)
        blobs = []
        for blob in _unpacked_bytes(unwind):
            size, is_filter, gc_size = _UNWIND_SIZES.unpack_from(blob)
            end = _UNWIND_SIZES.size + size
            blobs.append(UnwindBlob(blob[_UNWIND_SIZES.size : end], is_filter, blob[end : end + gc_size]))
        numbers = [_array(column) for column in arrays]
        (
            rids, sizes, alignments, cell_counts, used, fixup_counts, fixups, relocation_counts, offsets, targets,
            function_counts, begins, ends, unwinds, clause_sizes, bound_sizes, clause_types,
        ) = numbers  # fmt: skip
        addends = array("i", bytes(4 * len(offsets)))
        for where, addend in _ADDEND.iter_unpack(moved):
            addends[where] = addend
        return cls(
            cells, rids,
            [(_HASH.unpack_from(each)[0], each[_HASH.size :]) for each in _unpacked_bytes(instances)],
            code, sizes, alignments, cell_counts, used, fixup_counts, fixups, relocation_counts, offsets, targets,
            addends, function_counts, begins, ends, unwinds, blobs, _rodata_of(rodata),
            clause_sizes, clauses, bound_sizes, bounds,
            clause_types, [Symbol(SymbolKind(each[0]), each[1:].decode()) for each in _unpacked_bytes(types)],
        )  # fmt: skip


def _rodata_of(data: memoryview) -> dict[int, ReadOnlyData]:
    found = {}
    at = 0
    while at < len(data):
        number, size, alignment, count, _ = _RODATA.unpack_from(data, at)
        at += _RODATA.size
        content, at = bytes(data[at : at + size]), at + size
        arrays = [_array(data[at + 4 * count * column : at + 4 * count * (column + 1)]) for column in range(3)]
        at += 12 * count
        found[number] = ReadOnlyData(content, alignment, arrays[0], arrays[1], array("i", arrays[2].tobytes()))
    return found


def _runs(order: Sequence[int], count: int) -> list[tuple[int, int, int]]:
    """Numbers in a row, as (0: below ``count``, 1: not; first; end)."""
    runs: list[tuple[int, int, int]] = []
    first = last = -2
    for number in chain(order, (-2,)):  # the last run ends at what follows nothing
        if number != last + 1 or number == count:
            if last >= 0:
                runs.append((0, first, last + 1) if last < count else (1, first - count, last + 1 - count))
            first = number
        last = number
    return runs


class Preparation:
    """Prepares units, in the order in which their code will lie.

    Args:
        table: of the image's cells.
        has_packed_bounds: :attr:`Target.packed_debug_bounds`.
    """

    def __init__(self, table: CellTable, *, has_packed_bounds: bool) -> None:
        self._table = table
        self._packed = has_packed_bounds
        self._code: list[bytes] = []
        self._clauses: list[tuple[ExceptionClause, ...]] = []
        self._bounds: list[bytes] = []
        self._alignments = _u32()
        self._cell_counts, self._used = _u32(), _u32()
        self._fixup_counts, self._fixups = _u32(), _u32()
        self._relocation_counts, self._offsets, self._targets, self._addends = _u32(), _u32(), _u32(), array("i")
        self._function_counts, self._begins, self._ends, self._unwinds = _u32(), _u32(), _u32(), _u32()
        self._blobs: dict[UnwindBlob, int] = {}
        self._rodata: dict[int, ReadOnlyData] = {}

    def add(self, unit: MethodUnit) -> None:
        """The next unit.

        Raises:
            KeyError: the metadata has no row for a symbol.
        """
        numbers = self._table.numbers(unit.cells)
        self._cell_counts.append(len(numbers))
        self._used.extend(numbers)
        self._fixup_counts.append(len(unit.fixups))
        self._fixups.extend([numbers[index] for index in unit.fixups])
        self._relocation_counts.append(len(unit.relocations))
        offsets, targets, addends = _relocations(unit.relocations, numbers)
        self._offsets.extend(offsets)
        self._targets.extend(targets)
        self._addends.extend(addends)
        self._function_counts.append(len(unit.functions))
        gc_info = unit.gc_info
        for begin, end, unwind, is_filter in unit.functions:
            blob = UnwindBlob(unwind, is_filter, gc_info)
            gc_info = b""
            self._begins.append(begin)
            self._ends.append(end)
            self._unwinds.append(self._blobs.setdefault(blob, len(self._blobs)))
        if unit.rodata:
            columns = (array("I"), array("I"), array("i"))
            for column, values in zip(columns, _relocations(unit.rodata_relocations, numbers), strict=True):
                column.extend(values)
            self._rodata[len(self._code)] = ReadOnlyData(unit.rodata, unit.rodata_alignment, *columns)
        self._clauses.append(unit.clauses)
        variables = [_variable(variable) for variable in unit.variables]
        self._bounds.append(encode_code_bounds(unit.bounds, variables, packed=self._packed) if unit.bounds else b"")
        self._alignments.append(unit.alignment)
        self._code.append(unit.code)

    def _clause(self, clause: ExceptionClause) -> bytes:
        token = clause.token_or_filter
        return EXCEPTION_CLAUSE.pack(*clause[:5], self._table.token(token) if isinstance(token, Symbol) else token)

    def finish(self, rids: Iterable[int], instances: Iterable[tuple[int, bytes]]) -> PreparedUnits:
        """The columns of all units; they are those of these methods, and then of these instances."""
        table = self._table
        # Last, because the types that clauses name come behind those of cells in the manifest metadata.
        clauses = [b"".join(map(self._clause, each)) for each in self._clauses]
        types: dict[Symbol, int] = {}
        clause_types = array("I")
        for clause in chain.from_iterable(self._clauses):
            token = clause.token_or_filter
            clause_types.append(types.setdefault(token, len(types)) + 1 if isinstance(token, Symbol) else 0)
        return PreparedUnits(
            PreparedCells(table.kinds, table.signatures, table.ref_maps), array("I", rids), list(instances),
            b"".join(self._code), array("I", map(len, self._code)), self._alignments,
            self._cell_counts, self._used, self._fixup_counts, self._fixups,
            self._relocation_counts, self._offsets, self._targets, self._addends,
            self._function_counts, self._begins, self._ends, self._unwinds, list(self._blobs), self._rodata,
            array("I", map(len, clauses)), b"".join(clauses),
            array("I", map(len, self._bounds)), b"".join(self._bounds), clause_types, list(types),
        )  # fmt: skip


def _relocations(
    relocations: Sequence[Relocation], numbers: Sequence[int]
) -> tuple[list[int], list[int], list[int]]:
    """Offsets, targets, addends."""
    targets = []
    for _, kind, index, _ in relocations:
        if kind == _STUB:
            targets.append(numbers[index] << 1)
        elif kind == RelocationKind.CELL:
            targets.append(numbers[index] << 1 | 1)
        elif kind == RelocationKind.SYMBOL:
            targets.append(SYMBOL_TARGETS + index)
        else:
            targets.append(RODATA_TARGET if kind == RelocationKind.RODATA else CODE_TARGET)
    return [each[0] for each in relocations], targets, [each[3] for each in relocations]


def _variable(variable: FrameVariable) -> Variable:
    place = (variable.register, variable.offset)
    return Variable(variable.begin, variable.end, variable.number, LocationType.STK, place)


# ---- as bytes --------------------------------------------------------------------------------------------------------


def _little(values: array[int]) -> array[int]:
    if sys.byteorder != "little":
        values = values[:]
        values.byteswap()
    return values


def _bytes(values: array[int]) -> bytes:
    return _little(values).tobytes()


def _array(data: memoryview) -> array[int]:
    values = array("I")
    values.frombytes(data)
    return _little(values)


def _packed(pieces: Sequence[bytes]) -> bytes:
    """Their number, their lengths, and the pieces."""
    return struct.pack("<Q", len(pieces)) + struct.pack(f"<{len(pieces)}I", *map(len, pieces)) + b"".join(pieces)


def _cut(data: memoryview) -> tuple[int, tuple[int, ...]]:
    (count,) = struct.unpack_from("<Q", data)
    return 8 + 4 * count, struct.unpack_from(f"<{count}I", data, 8)


def _unpacked(data: memoryview) -> list[memoryview]:
    at, lengths = _cut(data)
    pieces = []
    for length in lengths:
        pieces.append(data[at : at + length])
        at += length
    return pieces


def _unpacked_bytes(data: memoryview) -> list[bytes]:
    at, lengths = _cut(data)
    content = bytes(data[at:])
    pieces = []
    start = 0
    for length in lengths:
        pieces.append(content[start : start + length])
        start += length
    return pieces
