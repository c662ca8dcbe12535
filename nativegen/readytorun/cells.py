"""The cells of an image being written, merged over all units.

Units name their cells symbolically; here signatures get their final bytes and equal cells become one. Where a cell
comes to lie is decided later (:mod:`nativegen.readytorun.cell_layout`).

>>> class Resolver:
...     def token(self, symbol): return 0x06000007
>>> table = CellTable(Resolver())
>>> table.add(Cell(CellKind.METHOD_CALL, (0x14, Symbol(SymbolKind.METHOD_DEF, "T::M"))))
0
>>> table.kinds[0], table.signatures[0].hex()
(3, '1407')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nativegen.readytorun.enums import FixupKind, Helper, ImportSectionFlags, ImportSectionType
from nativegen.readytorun.imports import encode_gc_ref_map
from nativegen.readytorun.structs import U32, compress
from nativegen.readytorun.unit import MANIFEST_SYMBOLS, Cell, CellKind, Symbol, SymbolKind, TokenResolver


class SectionKind(NamedTuple):
    """How the import section of a cell kind is declared; ``delay_load``: whose thunk its cells point to at first."""

    flags: ImportSectionFlags
    type: ImportSectionType
    delay_load: Helper | None


_LAZY = ImportSectionFlags.PCODE
SECTION_KINDS: dict[CellKind, SectionKind] = {
    CellKind.EAGER_HELPER: SectionKind(ImportSectionFlags.EAGER, ImportSectionType.UNKNOWN, None),
    CellKind.CHECK: SectionKind(ImportSectionFlags(0), ImportSectionType.UNKNOWN, None),
    CellKind.HANDLE: SectionKind(ImportSectionFlags(0), ImportSectionType.UNKNOWN, None),
    CellKind.METHOD_CALL: SectionKind(_LAZY, ImportSectionType.STUB_DISPATCH, Helper.DelayLoad_MethodCall),
    CellKind.VIRTUAL_CALL: SectionKind(_LAZY, ImportSectionType.STUB_DISPATCH, Helper.DelayLoad_MethodCall),
    CellKind.LAZY_HELPER: SectionKind(_LAZY, ImportSectionType.UNKNOWN, Helper.DelayLoad_Helper),
    CellKind.LAZY_HELPER_OBJ: SectionKind(_LAZY, ImportSectionType.UNKNOWN, Helper.DelayLoad_Helper_Obj),
    CellKind.LAZY_HELPER_OBJ_OBJ: SectionKind(_LAZY, ImportSectionType.UNKNOWN, Helper.DelayLoad_Helper_ObjObj),
}


class CellTable:
    """All cells of the image, merged; cells are told apart by their numbers in this table, which decide nothing.

    Args:
        resolver: of the image's IL metadata.
        manifest: of its manifest metadata; None: nothing may be named there.
        encoded: final signatures that are known beforehand, by identity of their cells.

    Attributes:
        kinds, signatures, ref_maps: of each cell: its kind, fixup signature and encoded GCRefMap. A FIELD_DATA cell has
            the number of the Field row instead of a signature, in four bytes; a COUNTER cell nothing.
        cells: how units wrote each of them; None: not known. is_ambiguous: cells that were written differently are one,
            because their symbols mean the same row.
        in_manifest: numbers of the cells that name rows of the manifest metadata.
    """

    def __init__(
        self,
        resolver: TokenResolver,
        manifest: TokenResolver | None = None,
        encoded: Mapping[int, bytes] | None = None,
    ) -> None:
        self._resolver = resolver
        self._manifest = manifest
        self._encoded = encoded or {}
        self._known: dict[Cell, int] = {}
        # Units share cell objects, and hashing one costs more than all else here; held, so that no id is used twice.
        self._by_identity: dict[int, tuple[int, Cell]] = {}
        self._merged: dict[tuple[int, bytes, bytes], int] = {}
        self._symbols: dict[Symbol, bytes] = {}
        self._ref_maps: dict[tuple[tuple[int, int], ...], bytes] = {}
        self.in_manifest: set[int] = set()
        self.cells: list[Cell | None] = []
        self.is_ambiguous = False
        self.kinds = bytearray()
        self.signatures: list[bytes] = []
        self.ref_maps: list[bytes] = []

    @classmethod
    def restored(
        cls,
        resolver: TokenResolver,
        kinds: bytearray,
        signatures: list[bytes],
        ref_maps: list[bytes],
        cells: list[Cell | None],
        manifest: TokenResolver | None = None,
    ) -> CellTable:
        """A table with these cells, to which others can be added; it shares the lists."""
        table = cls(resolver, manifest)
        table.kinds, table.signatures, table.ref_maps, table.cells = kinds, signatures, ref_maps, cells
        table._merged = dict(zip(zip(kinds, signatures, ref_maps, strict=True), range(len(kinds)), strict=True))
        return table

    def numbers(self, cells: Iterable[Cell]) -> list[int]:
        """The numbers of a unit's cells; entry counters are its own."""
        known = self._by_identity
        result = []
        for cell in cells:
            seen = known.get(id(cell))
            result.append(self.add(cell) if seen is None else seen[0])
        return result

    def number(self, cell: Cell) -> int | None:
        """The number that this very object has, if it was added."""
        seen = self._by_identity.get(id(cell))
        return None if seen is None else seen[0]

    def add(self, cell: Cell) -> int:
        """The number of ``cell``, a new one unless an equal cell has one."""
        if cell.kind is CellKind.COUNTER:
            return self._append(cell, b"")
        encoded = self._encoded.get(id(cell))
        number = self._known.get(cell) if encoded is None else self._merge(cell, encoded)
        if number is None:
            number = self._known[cell] = self._merge(cell, self.encoded(cell))
            if names_manifest_rows(cell.signature):
                self.in_manifest.add(number)
        self._by_identity[id(cell)] = (number, cell)
        return number

    def encoded(self, cell: Cell) -> bytes:
        """What :attr:`signatures` has of a cell.

        Raises:
            KeyError: the metadata has no row for a symbol.
        """
        if cell.kind is CellKind.FIELD_DATA:
            (symbol,) = cell.signature
            assert isinstance(symbol, Symbol)
            return U32.pack(self.token(symbol) & 0xFF_FFFF)
        return b"" if cell.kind is CellKind.COUNTER else self.signature(cell.signature)

    def _merge(self, cell: Cell, signature: bytes) -> int:
        key = (cell.kind, signature, self._ref_map(cell))
        number = self._merged.get(key)
        if number is None:
            number = self._merged[key] = self._append(cell, signature)
        elif self.cells[number] != cell:
            self.is_ambiguous = True
        return number

    def _append(self, cell: Cell, signature: bytes) -> int:
        self.cells.append(cell)
        self.kinds.append(cell.kind)
        self.signatures.append(signature)
        self.ref_maps.append(self._ref_map(cell))
        return len(self.kinds) - 1

    def _ref_map(self, cell: Cell) -> bytes:
        encoded = self._ref_maps.get(cell.ref_map)
        if encoded is None:
            encoded = self._ref_maps[cell.ref_map] = encode_gc_ref_map(cell.ref_map)
        return encoded

    def signature(self, parts: Sequence[int | bytes | Symbol]) -> bytes:
        """A signature's final bytes."""
        result = []
        for part in parts:
            # Numbers are plain ints or members of enums, nearly all of them of one byte.
            if isinstance(part, int):
                result.append(_ONE_BYTE[part] if 0 <= part < 0x80 else compress(part))
            elif isinstance(part, bytes):
                result.append(part)
            else:
                known = self._symbols.get(part)
                if known is None:
                    known = self._symbols[part] = compress(_coded(part, self.token(part)))
                result.append(known)
        return b"".join(result)

    def token(self, symbol: Symbol) -> int:
        """The symbol's metadata token."""
        if symbol.kind in MANIFEST_SYMBOLS:
            if self._manifest is None:
                raise KeyError(symbol)
            return self._manifest.token(symbol)
        return self._resolver.token(symbol)


def names_manifest_rows(parts: Sequence[int | bytes | Symbol]) -> bool:
    """Whether some of these are rows of the manifest metadata."""
    return any(isinstance(part, Symbol) and part.kind in MANIFEST_SYMBOLS for part in parts)


def is_body_check(signature: bytes) -> bool:
    """Whether a CHECK cell is one that rejects its method without throwing: these are resolved before the others."""
    return signature[0] & 0x7F in (FixupKind.Check_IL_Body, FixupKind.Verify_IL_Body)


_ONE_BYTE = [bytes((value,)) for value in range(0x80)]

# TypeDefOrRef coding (ECMA-335 II.23.2.8): tags of the tables TypeDef, TypeRef and TypeSpec.
_TYPES = frozenset({SymbolKind.TYPE, SymbolKind.MANIFEST_TYPE})
_TYPE_TAGS = {0x02: 0, 0x01: 1, 0x1B: 2}


def _coded(symbol: Symbol, token: int) -> int:
    """The number that a signature holds for ``token``."""
    rid = token & 0xFF_FFFF
    return rid << 2 | _TYPE_TAGS[token >> 24] if symbol.kind in _TYPES else rid


def encoded_signature(cell: Cell, table: CellTable) -> bytes:
    """The cell's final signature, when it follows from the metadata alone; else, and when it has none, nothing."""
    if cell.kind in (CellKind.FIELD_DATA, CellKind.COUNTER):
        return b""
    try:
        return table.signature(cell.signature)
    except KeyError:  # a row of the manifest metadata, whose number depends on the other cells
        return b""
