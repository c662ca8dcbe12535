"""Units prepared for linking: all that can be said of them before it is known where anything will be.

What: :class:`PreparedUnits` holds the units of one image as columns, each column one array over all units. Cells are
numbers of the image's cell table, relocations pairs of offset and target, clauses and bounds encoded.

Why: an image of 20,000 methods has half a million relocations and cells. As objects they take seconds to make, to read
and to go through; as arrays a build can keep them (:meth:`PreparedUnits.encode`), replace what one edited method gave
(:meth:`PreparedUnits.replace`) and link again. There is one way to link, from these columns, so an image linked from
kept columns is the one that the same units would have given.

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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

from nativegen.readytorun.cells import CellTable
from nativegen.readytorun.debug_info import LocationType, Variable, encode_code_bounds
from nativegen.readytorun.structs import EXCEPTION_CLAUSE
from nativegen.readytorun.unit import (
    ExceptionClause,
    FrameVariable,
    MethodUnit,
    Relocation,
    RelocationKind,
    Symbol,
)

#: Targets of relocations that are no cells; others are twice the cell's number, and one more for the cell itself.
RODATA_TARGET: Final = 0xFFFF_FF00
CODE_TARGET: Final = 0xFFFF_FF01
SYMBOL_TARGETS: Final = 0xFFFF_0000  # and the index of the runtime symbol

_STUB = int(RelocationKind.STUB)
_MAGIC = b"ngprepar"
_COLUMN_COUNT = 26
_HASH = struct.Struct("<I")
_UNWIND_SIZES = struct.Struct("<I?I")
_RODATA = struct.Struct("<IIIII")


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

    def replace(self, others: PreparedUnits) -> None:
        """Take the units for some methods from others, which were prepared with the same cell table.

        Raises:
            ValueError: a method is not here.
        """
        where = {rid: number for number, rid in enumerate(self.rids)}
        if not where.keys() >= set(others.rids):
            raise ValueError("a method has no unit to replace")
        numbers = {where[rid]: number for number, rid in enumerate(others.rids)}
        blobs = {blob: number for number, blob in enumerate(self.unwind_blobs)}
        own = [blobs.setdefault(blob, len(blobs)) for blob in others.unwind_blobs]
        self.unwind_blobs = list(blobs)
        unwinds = array("I", [own[number] for number in others.unwinds])
        for counts, other_counts, columns in (
            (self.cell_counts, others.cell_counts, [(self.used, others.used)]),
            (self.fixup_counts, others.fixup_counts, [(self.fixups, others.fixups)]),
            (
                self.relocation_counts,
                others.relocation_counts,
                [(self.offsets, others.offsets), (self.targets, others.targets), (self.addends, others.addends)],
            ),
            (
                self.function_counts,
                others.function_counts,
                [(self.begins, others.begins), (self.ends, others.ends), (self.unwinds, unwinds)],
            ),
        ):
            _replace(numbers, counts, other_counts, columns)
        self.code = _replaced(numbers, self.sizes, others.sizes, self.code, others.code)
        self.clauses = _replaced(numbers, self.clause_sizes, others.clause_sizes, self.clauses, others.clauses)
        self.bounds = _replaced(numbers, self.bound_sizes, others.bound_sizes, self.bounds, others.bounds)
        for number, other in numbers.items():
            self.alignments[number] = others.alignments[other]
            self.rodata.pop(number, None)
            if other in others.rodata:
                self.rodata[number] = others.rodata[other]
        self.rodata = dict(sorted(self.rodata.items()))

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
            *map(_bytes, self._arrays()),
        ]
        return [_MAGIC, struct.pack(f"<{len(columns)}Q", *map(len, columns)), *columns]

    def _arrays(self) -> tuple[array[int], ...]:
        return (
            self.rids, self.sizes, self.alignments, self.cell_counts, self.used, self.fixup_counts, self.fixups,
            self.relocation_counts, self.offsets, self.targets, self.addends, self.function_counts, self.begins,
            self.ends, self.unwinds, self.clause_sizes, self.bound_sizes,
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
        kinds, signatures, maps, map_numbers, instances, encoded, code, unwind, rodata, *arrays = columns
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
            addends, function_counts, begins, ends, unwinds, clause_sizes, bound_sizes,
        ) = numbers  # fmt: skip
        return cls(
            cells, rids,
            [(_HASH.unpack_from(each)[0], each[_HASH.size :]) for each in _unpacked_bytes(instances)],
            code, sizes, alignments, cell_counts, used, fixup_counts, fixups, relocation_counts, offsets, targets,
            array("i", addends.tobytes()), function_counts, begins, ends, unwinds, blobs, _rodata_of(rodata),
            clause_sizes, clauses, bound_sizes, bounds,
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


def _replace(
    numbers: dict[int, int],
    counts: array[int],
    other_counts: array[int],
    columns: Sequence[tuple[array[int], array[int]]],
) -> None:
    """Exchange the parts of some units in columns that are counted alike."""
    starts = [0, *accumulate(counts)]
    other_starts = [0, *accumulate(other_counts)]
    for number in sorted(numbers, reverse=True):  # from the end, so that the starts before stay right
        other = numbers[number]
        for column, other_column in columns:
            column[starts[number] : starts[number + 1]] = other_column[other_starts[other] : other_starts[other + 1]]
        counts[number] = other_counts[other]


def _replaced(
    numbers: dict[int, int],
    sizes: array[int],
    other_sizes: array[int],
    content: bytes | memoryview,
    other: bytes | memoryview,
) -> bytes:
    """Likewise for bytes."""
    starts = [0, *accumulate(sizes)]
    other_starts = [0, *accumulate(other_sizes)]
    parts: list[bytes | memoryview] = []
    at = 0
    view, other_view = memoryview(content), memoryview(other)
    for number, from_other in sorted(numbers.items()):
        parts += [view[at : starts[number]], other_view[other_starts[from_other] : other_starts[from_other + 1]]]
        at = starts[number + 1]
        sizes[number] = other_sizes[from_other]
    return b"".join([*parts, view[at:]])


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
        return PreparedUnits(
            PreparedCells(table.kinds, table.signatures, table.ref_maps), array("I", rids), list(instances),
            b"".join(self._code), array("I", map(len, self._code)), self._alignments,
            self._cell_counts, self._used, self._fixup_counts, self._fixups,
            self._relocation_counts, self._offsets, self._targets, self._addends,
            self._function_counts, self._begins, self._ends, self._unwinds, list(self._blobs), self._rodata,
            array("I", map(len, clauses)), b"".join(clauses),
            array("I", map(len, self._bounds)), b"".join(self._bounds),
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
