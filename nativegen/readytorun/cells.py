"""The cells of an image being written: merged over all units, numbered per import section.

Units name their cells symbolically; here signatures get their final bytes and equal cells become one. Slot numbers are
given by first use, so the order in which units are placed determines them.

>>> class Resolver:
...     def token(self, symbol): return 0x06000007
>>> table = CellTable(Resolver())
>>> table.add(Cell(CellKind.METHOD_CALL, (0x14, Symbol(SymbolKind.METHOD_DEF, "T::M"))))
Slot(kind=<CellKind.METHOD_CALL: 3>, number=0)
>>> table.sections[CellKind.METHOD_CALL][0].signature.hex()
'1407'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from nativegen.readytorun.enums import FixupKind, Helper, ImportSectionFlags, ImportSectionType
from nativegen.readytorun.structs import compress
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


class LinkedCell(NamedTuple):
    """A cell of the image: fixup signature in final bytes."""

    signature: bytes
    ref_map: tuple[tuple[int, int], ...]


class Slot(NamedTuple):
    """A cell's place: its section and its number there. FIELD_DATA: the Field row; COUNTER: its number."""

    kind: CellKind
    number: int


class CellTable:
    """All cells of the image, merged; numbered by first use.

    Args:
        resolver: of the image's IL metadata.
        manifest: of its manifest metadata; None: nothing may be named there.
        encoded: final signatures that are known beforehand, by identity of their cells.
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
        self._known: dict[Cell, Slot] = {}
        # Units share cell objects, and hashing one costs more than all else here; held, so that no id is used twice.
        self._by_identity: dict[int, tuple[Slot, Cell]] = {}
        self._merged: dict[tuple[CellKind, bytes, tuple[tuple[int, int], ...]], Slot] = {}
        self._symbols: dict[Symbol, bytes] = {}
        self.sections: dict[CellKind, list[LinkedCell]] = {kind: [] for kind in SECTION_KINDS}

    def slots(self, cells: Iterable[Cell], slot: Callable[[Cell], Slot]) -> list[Slot]:
        """The slots of cells: as :meth:`add` gave them, or as ``slot`` gives them for what was not added yet."""
        known = self._by_identity
        result = []
        for cell in cells:
            seen = known.get(id(cell))
            result.append(slot(cell) if seen is None else seen[0])
        return result

    def add(self, cell: Cell) -> Slot:
        """The slot of ``cell``, a new one unless an equal cell has one."""
        encoded = self._encoded.get(id(cell))
        slot = self._known.get(cell) if encoded is None else self._merge(cell, encoded)
        if slot is None and cell.kind is CellKind.FIELD_DATA:
            (symbol,) = cell.signature
            assert isinstance(symbol, Symbol)
            slot = self._known[cell] = Slot(cell.kind, self.token(symbol) & 0xFF_FFFF)
        elif slot is None:
            slot = self._known[cell] = self._merge(cell, self.signature(cell.signature))
        self._by_identity[id(cell)] = (slot, cell)
        return slot

    def _merge(self, cell: Cell, signature: bytes) -> Slot:
        key = (cell.kind, signature, cell.ref_map)
        slot = self._merged.get(key)
        if slot is None:
            section = self.sections[cell.kind]
            slot = self._merged[key] = Slot(cell.kind, len(section))
            section.append(LinkedCell(signature, cell.ref_map))
        return slot

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

    def order_checks(self) -> dict[int, int]:
        """Move IL body checks to the front of the CHECK section; returns new slot numbers by old ones."""
        checks = self.sections[CellKind.CHECK]
        order = sorted(range(len(checks)), key=lambda number: not _is_body_check(checks[number]))
        self.sections[CellKind.CHECK] = [checks[number] for number in order]
        return {old: new for new, old in enumerate(order)}


def _is_body_check(cell: LinkedCell) -> bool:
    return cell.signature[0] & 0x7F in (FixupKind.Check_IL_Body, FixupKind.Verify_IL_Body)


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
