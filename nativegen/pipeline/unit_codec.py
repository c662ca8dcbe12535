"""Method units as bytes: what the unit store keeps. Explicit layouts only; nothing read back can name or run anything.

Units of one assembly share most of their cells, so these are kept once per file (:class:`TableBuilder`), in a table of
symbols and one of cells; a record names a cell by its number there. The rest of a unit is a header of sizes followed by
fixed-size arrays, which one ``iter_unpack`` each turns back into relocations and functions: 23,000 units in a fifth of
a second.

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
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from nativegen.readytorun.unit import (
    Cell,
    CellKind,
    ExceptionClause,
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
# read-only data, clauses, cells, fixups.
_HEADER = struct.Struct("<BIIIHHHIIHHH")
_EXCLUSION_HEADER = struct.Struct("<BH")
_RELOCATION = struct.Struct("<IIIi")
_FUNCTION = struct.Struct("<IIHB")
_CLAUSE = struct.Struct("<IIIIIBI")
_U32 = struct.Struct("<I")
_U8 = struct.Struct("<B")

_INT, _BYTES, _SYMBOL = range(3)
_RELOCATION_OF = partial(tuple.__new__, Relocation)
_PART = struct.Struct("<BI")
_CELL = struct.Struct("<BHH")
_REFERENCE = struct.Struct("<IB")


class Tables(NamedTuple):
    """What records refer to by number."""

    symbols: Sequence[Symbol]
    cells: Sequence[Cell]


class TableBuilder:
    """The symbols and cells of one file, each once; numbers are given in order of first use."""

    def __init__(self) -> None:
        self.symbols: list[Symbol] = []
        self.cells: list[Cell] = []
        self._symbol_numbers: dict[Symbol, int] = {}
        self._cell_numbers: dict[Cell, int] = {}

    @property
    def tables(self) -> Tables:
        """The tables as they are now."""
        return Tables(self.symbols, self.cells)

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

    def encode(self) -> bytes:
        """Both tables, for :func:`decode_tables`."""
        parts = [_U32.pack(len(self.symbols))]
        for symbol in self.symbols:
            name = symbol.name.encode()
            parts += [_PART.pack(symbol.kind, len(name)), name]
        parts.append(_U32.pack(len(self.cells)))
        for cell in self.cells:
            parts.append(_CELL.pack(cell.kind, len(cell.signature), len(cell.ref_map)))
            for part in cell.signature:
                if isinstance(part, Symbol):
                    parts.append(_PART.pack(_SYMBOL, self._symbol_numbers[part]))
                elif isinstance(part, int):
                    parts.append(_PART.pack(_INT, part))
                else:
                    parts += [_PART.pack(_BYTES, len(part)), part]
            parts += [_REFERENCE.pack(*reference) for reference in cell.ref_map]
        return b"".join(parts)


def decode_tables(data: bytes) -> Tables:
    """Encoded tables.

    Raises:
        CorruptRecord: it is none.
    """
    try:
        return _decode_tables(data)
    except (struct.error, ValueError, IndexError, KeyError) as error:
        raise CorruptRecord(str(error)) from error


def _decode_tables(data: bytes) -> Tables:
    symbols: list[Symbol] = []
    kinds = {int(kind): kind for kind in SymbolKind}
    cell_kinds = {int(kind): kind for kind in CellKind}
    unpack, unpack_cell = _PART.unpack_from, _CELL.unpack_from
    (count,) = _U32.unpack_from(data)
    at = _U32.size
    for _ in range(count):
        kind, length = unpack(data, at)
        at += _PART.size
        symbols.append(Symbol(kinds[kind], data[at : at + length].decode()))
        at += length
    (count,) = _U32.unpack_from(data, at)
    at += _U32.size
    cells = []
    for _ in range(count):
        kind, part_count, reference_count = unpack_cell(data, at)
        at += _CELL.size
        parts: list[int | bytes | Symbol] = []
        for _ in range(part_count):
            form, value = unpack(data, at)
            at += _PART.size
            if form == _SYMBOL:
                parts.append(symbols[value])
            elif form == _INT:
                parts.append(value)
            elif form == _BYTES:
                parts.append(data[at : at + value])
                at += value
            else:
                raise ValueError(f"part of form {form}")
        references: tuple[tuple[int, int], ...] = ()
        if reference_count:
            end = at + _REFERENCE.size * reference_count
            references = tuple(_REFERENCE.iter_unpack(data[at:end]))
            at = end
        cells.append(Cell(cell_kinds[kind], tuple(parts), references))
    if at != len(data):
        raise ValueError("wrong size")
    return Tables(symbols, cells)


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
    )
    numbers = [table.number(cell) for cell in result.cells]
    parts = [header, result.code, result.gc_info, result.rodata]
    parts += [_RELOCATION.pack(*relocation) for relocation in (*result.relocations, *result.rodata_relocations)]
    parts.append(struct.pack(f"<{len(numbers)}I{len(result.fixups)}H", *numbers, *result.fixups))
    for begin, end, unwind, is_filter in result.functions:
        parts += [_FUNCTION.pack(begin, end, len(unwind), is_filter), unwind]
    for clause in result.clauses:
        token = clause.token_or_filter
        is_symbol = isinstance(token, Symbol)
        parts.append(_CLAUSE.pack(*clause[:5], is_symbol, table.symbol(token) if isinstance(token, Symbol) else token))
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
        function_count, relocation_count, rodata_relocation_count, clause_count, cell_count, fixup_count,
    ) = _HEADER.unpack_from(record)  # fmt: skip
    if form != _UNIT:
        raise ValueError(f"record of form {form}")
    gc_at = _HEADER.size + code_size
    rodata_at = gc_at + gc_size
    at = rodata_at + rodata_size
    relocations_at, at = at, at + _RELOCATION.size * relocation_count
    rodata_relocations_at, at = at, at + _RELOCATION.size * rodata_relocation_count
    numbers = struct.unpack_from(f"<{cell_count}I{fixup_count}H", record, at)
    rodata_relocations = record[rodata_relocations_at:at]
    at += 4 * cell_count + 2 * fixup_count
    functions = []
    for _ in range(function_count):
        begin, end, size, is_filter = _FUNCTION.unpack_from(record, at)
        at += _FUNCTION.size
        functions.append(Function(begin, end, record[at : at + size], is_filter == 1))
        at += size
    clauses = [_clause(record, at + _CLAUSE.size * index, tables) for index in range(clause_count)]
    at += _CLAUSE.size * clause_count
    if at != len(record):
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
        numbers[cell_count:],
    )


def _clause(record: bytes, at: int, tables: Tables) -> ExceptionClause:
    flags, try_begin, try_end, begin, end, is_symbol, token = _CLAUSE.unpack_from(record, at)
    return ExceptionClause(flags, try_begin, try_end, begin, end, tables.symbols[token] if is_symbol else token)
