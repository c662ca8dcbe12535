"""Method units as bytes: what the unit store keeps. Explicit layouts only; nothing read back can name or run anything.

Units of one assembly share most of their cells, so these are kept once per file (:class:`TableBuilder`), in tables of
symbols, of cells and of foreign uses; a record names a cell by its number there. The rest of a unit is a header of
sizes followed by fixed-size arrays, which one ``iter_unpack`` each turns back into relocations and functions: 23,000
units in a fifth of a second.

Invariant: ``decode(encode(x)) == x``. Decoding arbitrary bytes gives a unit, an exclusion or raises
:class:`CorruptRecord`; it never loops, never allocates more than a small multiple of the input.

>>> table = TableBuilder()
>>> leaf = MethodUnit(b"\\xc3", (Function(0, 1, bytes.fromhex("19000000")),), b"gc")
>>> decode(encode(leaf, table), table.tables) == leaf
True
>>> decode(encode(Exclusion("opcode", "jmp"), table), table.tables)
Exclusion(code='opcode', detail='jmp')
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence, Sized
from functools import partial
from typing import Any, NamedTuple

from nativegen.readytorun.unit import (
    Cell,
    CellKind,
    ExceptionClause,
    ForeignUse,
    FrameVariable,
    Function,
    MethodUnit,
    Relocation,
    Symbol,
    SymbolKind,
)


class CorruptRecord(ValueError):
    """Bytes that no encoder wrote."""


class Exclusion(NamedTuple):
    """A method left to the JIT: reason code and detail."""

    code: str
    detail: str


_UNIT = 0
_EXCLUSION = 1

# Sizes: code, gc info, read-only data; alignments of code and data; counts: functions, relocations, relocations of
# read-only data, clauses, cells, fixups, foreign uses, bounds, variables.
_HEADER = struct.Struct("<BIIIHHHIIHHHHIH")
_EXCLUSION_HEADER = struct.Struct("<BH")
_RELOCATION = struct.Struct("<IIIi")
_FUNCTION = struct.Struct("<IIHB")
_CLAUSE = struct.Struct("<IIIIIBI")
_BOUND = struct.Struct("<IIB")
_VARIABLE = struct.Struct("<IIHBi")
_U32 = struct.Struct("<I")

_INT, _BYTES, _SYMBOL = range(3)
_RELOCATION_OF = partial(tuple.__new__, Relocation)
_PART = struct.Struct("<BI")
_CELL = struct.Struct("<BHI")
_REFERENCE = struct.Struct("<IB")
_SECTIONS = struct.Struct("<11I")

RefMap = tuple[tuple[int, int], ...]


class Tables(NamedTuple):
    """What records refer to by number."""

    symbols: Sequence[Symbol]
    cells: Sequence[Cell]
    uses: Sequence[ForeignUse] = ()


class TableBuilder:
    """The symbols and cells of one file, each once; numbers are given in order of first use."""

    def __init__(self) -> None:
        self.symbols: list[Symbol] = []
        self.cells: list[Cell] = []
        self.uses: list[ForeignUse] = []
        self._use_numbers: dict[ForeignUse, int] = {}
        self._symbol_numbers: dict[Symbol, int] = {}
        self._cell_numbers: dict[Cell, int] = {}

    @property
    def tables(self) -> Tables:
        """The tables as they are now."""
        return Tables(self.symbols, self.cells, self.uses)

    def number(self, cell: Cell) -> int:
        """The cell's number."""
        found = self._cell_numbers.get(cell)
        if found is None:
            found = self._cell_numbers[cell] = len(self.cells)
            self.cells.append(cell)
            for part in cell.signature:
                if isinstance(part, Symbol):
                    self.symbol(part)
        return found

    def symbol(self, symbol: Symbol) -> int:
        """The symbol's number."""
        found = self._symbol_numbers.get(symbol)
        if found is None:
            found = self._symbol_numbers[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        return found

    def use(self, use: ForeignUse) -> int:
        """The foreign use's number."""
        found = self._use_numbers.get(use)
        if found is None:
            found = self._use_numbers[use] = len(self.uses)
            self.uses.append(use)
        return found

    def encode(self) -> bytes:
        """The tables, for :func:`decode_tables`."""
        texts = [symbol.name for symbol in self.symbols]
        blobs: dict[bytes, int] = {}
        maps: dict[RefMap, int] = {}
        cells = []
        parts = []
        for cell in self.cells:
            cells.append(_CELL.pack(cell.kind, len(cell.signature), maps.setdefault(cell.ref_map, len(maps))))
            for part in cell.signature:
                if isinstance(part, Symbol):
                    parts.append(_PART.pack(_SYMBOL, self._symbol_numbers[part]))
                elif isinstance(part, int):
                    parts.append(_PART.pack(_INT, part))
                else:
                    parts.append(_PART.pack(_BYTES, blobs.setdefault(part, len(blobs))))
        uses = ["\0".join(use) for use in self.uses]
        references = [_REFERENCE.pack(*reference) for ref_map in maps for reference in ref_map]
        sections = [
            bytes([symbol.kind for symbol in self.symbols]),
            _lengths(texts),
            "".join(texts).encode(),
            _lengths(blobs),
            b"".join(blobs),
            _lengths(maps),
            b"".join(references),
            b"".join(cells),
            b"".join(parts),
            _lengths(uses),
            "".join(uses).encode(),
        ]
        return b"".join([_SECTIONS.pack(*map(len, sections)), *sections])


def decode_tables(data: bytes) -> Tables:
    """Encoded tables.

    Raises:
        CorruptRecord: they are none.
    """
    try:
        return _decode_tables(data)
    except (struct.error, ValueError, IndexError) as error:
        raise CorruptRecord(str(error)) from error


def _decode_tables(data: bytes) -> Tables:
    at = _SECTIONS.size
    sections = []
    for size in _SECTIONS.unpack_from(data):
        sections.append(data[at : at + size])
        at += size
    if at != len(data):
        raise ValueError("wrong size")
    kinds, text_lengths, text, blob_lengths, blob, map_lengths, references, cells, parts, *use_texts = sections
    symbol_kinds = tuple(SymbolKind)
    texts = _cut(text.decode(), text_lengths)
    symbols = [Symbol(symbol_kinds[kind], name) for kind, name in zip(kinds, texts, strict=True)]
    blobs = _cut(blob, blob_lengths)
    maps: list[RefMap] = _cut(tuple(_REFERENCE.iter_unpack(references)), map_lengths)
    pools: tuple[Sequence[int | bytes | Symbol], ...] = (range(1 << 32), blobs, symbols)
    all_parts = [pools[form][value] for form, value in _PART.iter_unpack(parts)]
    cell_kinds = tuple(CellKind)
    made = []
    start = 0
    for kind, count, ref_map in _CELL.iter_unpack(cells):
        made.append(Cell(cell_kinds[kind], tuple(all_parts[start : start + count]), maps[ref_map]))
        start += count
    if start != len(all_parts):
        raise ValueError("cells without parts")
    uses = []
    for item in _cut(use_texts[1].decode(), use_texts[0]):
        kind_name, assembly, name, signature = item.split("\0")
        uses.append(ForeignUse(kind_name, assembly, name, signature))
    return Tables(symbols, made, uses)


def _lengths(items: Iterable[Sized]) -> bytes:
    return b"".join([_U32.pack(len(item)) for item in items])


def _cut(data: Any, lengths: bytes) -> list[Any]:
    """Pieces of these lengths, which must be all of it."""
    pieces = []
    start = 0
    for (length,) in _U32.iter_unpack(lengths):
        pieces.append(data[start : start + length])
        start += length
    if start != len(data):
        raise ValueError("pieces do not fit")
    return pieces


def encode(result: MethodUnit | Exclusion, table: TableBuilder) -> bytes:
    """One record; cells and symbols that it names are added to ``table``."""
    if isinstance(result, Exclusion):
        code = result.code.encode()
        return _EXCLUSION_HEADER.pack(_EXCLUSION, len(code)) + code + result.detail.encode("utf-8", "surrogatepass")
    header = _HEADER.pack(
        _UNIT,
        len(result.code),
        len(result.gc_info),
        len(result.rodata),
        result.alignment,
        result.rodata_alignment,
        len(result.functions),
        len(result.relocations),
        len(result.rodata_relocations),
        len(result.clauses),
        len(result.cells),
        len(result.fixups),
        len(result.foreign),
        len(result.bounds),
        len(result.variables),
    )
    numbers = [table.number(cell) for cell in result.cells]
    parts = [header, result.code, result.gc_info, result.rodata]
    parts += [_RELOCATION.pack(*relocation) for relocation in (*result.relocations, *result.rodata_relocations)]
    numbers += [table.use(use) for use in result.foreign]
    parts.append(struct.pack(f"<{len(numbers)}I{len(result.fixups)}H", *numbers, *result.fixups))
    for begin, end, unwind, is_filter in result.functions:
        parts += [_FUNCTION.pack(begin, end, len(unwind), is_filter), unwind]
    for clause in result.clauses:
        token = clause.token_or_filter
        is_symbol = isinstance(token, Symbol)
        parts.append(_CLAUSE.pack(*clause[:5], is_symbol, table.symbol(token) if isinstance(token, Symbol) else token))
    parts += [_BOUND.pack(*bound) for bound in result.bounds]
    parts += [_VARIABLE.pack(*variable) for variable in result.variables]
    return b"".join(parts)


def decode(record: bytes, tables: Tables) -> MethodUnit | Exclusion:
    """The unit or exclusion of a record.

    Raises:
        CorruptRecord: the record is malformed, or names something that the tables do not have.
    """
    try:
        return _decode(record, tables)
    except (struct.error, ValueError, IndexError) as error:
        raise CorruptRecord(str(error)) from error


def _decode(record: bytes, tables: Tables) -> MethodUnit | Exclusion:
    if record[0] == _EXCLUSION:
        _, length = _EXCLUSION_HEADER.unpack_from(record)
        end = _EXCLUSION_HEADER.size + length
        return Exclusion(record[_EXCLUSION_HEADER.size : end].decode(), record[end:].decode("utf-8", "surrogatepass"))
    (
        form, code_size, gc_size, rodata_size, alignment, rodata_alignment,
        function_count, relocation_count, rodata_relocation_count, clause_count,
        cell_count, fixup_count, use_count, bound_count, variable_count,
    ) = _HEADER.unpack_from(record)  # fmt: skip
    if form != _UNIT:
        raise ValueError(f"record of form {form}")
    gc_at = _HEADER.size + code_size
    rodata_at = gc_at + gc_size
    at = rodata_at + rodata_size
    relocations_at, at = at, at + _RELOCATION.size * relocation_count
    rodata_relocations_at, at = at, at + _RELOCATION.size * rodata_relocation_count
    numbers = struct.unpack_from(f"<{cell_count + use_count}I{fixup_count}H", record, at)
    rodata_relocations = record[rodata_relocations_at:at]
    at += 4 * (cell_count + use_count) + 2 * fixup_count
    functions = []
    for _ in range(function_count):
        begin, end, size, is_filter = _FUNCTION.unpack_from(record, at)
        at += _FUNCTION.size
        functions.append(Function(begin, end, record[at : at + size], is_filter == 1))
        at += size
    clauses = [_clause(record, at + _CLAUSE.size * index, tables) for index in range(clause_count)]
    bounds_at = at + _CLAUSE.size * clause_count
    variables_at = bounds_at + _BOUND.size * bound_count
    if variables_at + _VARIABLE.size * variable_count != len(record):
        raise ValueError("wrong size")
    cells = tables.cells
    return MethodUnit(
        record[_HEADER.size : gc_at],
        tuple(functions),
        record[gc_at:rodata_at],
        alignment,
        tuple(map(_RELOCATION_OF, _RELOCATION.iter_unpack(record[relocations_at:rodata_relocations_at]))),
        record[rodata_at : rodata_at + rodata_size],
        rodata_alignment,
        tuple(map(_RELOCATION_OF, _RELOCATION.iter_unpack(rodata_relocations))) if rodata_relocations else (),
        tuple(clauses),
        tuple([cells[number] for number in numbers[:cell_count]]),
        numbers[cell_count + use_count :],
        tuple([tables.uses[number] for number in numbers[cell_count : cell_count + use_count]]),
        tuple(_BOUND.iter_unpack(record[bounds_at:variables_at])),
        tuple([FrameVariable(*fields) for fields in _VARIABLE.iter_unpack(record[variables_at:])]),
    )


def _clause(record: bytes, at: int, tables: Tables) -> ExceptionClause:
    flags, try_begin, try_end, begin, end, is_symbol, token = _CLAUSE.unpack_from(record, at)
    return ExceptionClause(flags, try_begin, try_end, begin, end, tables.symbols[token] if is_symbol else token)
