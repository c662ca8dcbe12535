"""Prepared units: the bytes of columns are read back, and replacing units gives what preparing them anew gives."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nativegen.metadata import Assembly
from nativegen.readytorun.cells import CellTable
from nativegen.readytorun.enums import FixupKind
from nativegen.readytorun.link import Linking
from nativegen.readytorun.prepared import Preparation, PreparedUnits
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import (
    Cell,
    CellKind,
    ExceptionClause,
    Function,
    MethodUnit,
    Relocation,
    RelocationKind,
    Symbol,
    SymbolKind,
)
from tests.support.csharp import compile_csharp

_METHODS = 40


class _Rows:
    """Tokens of any symbol: the row is its name."""

    def token(self, symbol: Symbol) -> int:
        table = {SymbolKind.TYPE: 0x01, SymbolKind.FIELD_DEF: 0x04}.get(symbol.kind, 0x0A)
        return table << 24 | int(symbol.name)


def _cell(chance: random.Random) -> Cell:
    kind = chance.choice(
        [CellKind.CHECK, CellKind.HANDLE, CellKind.METHOD_CALL, CellKind.VIRTUAL_CALL, CellKind.LAZY_HELPER,
         CellKind.LAZY_HELPER_OBJ, CellKind.EAGER_HELPER]
    )  # fmt: skip
    if kind is CellKind.CHECK and chance.random() < 0.5:
        return Cell(kind, (bytes((FixupKind.Check_IL_Body,)), chance.randrange(5)))
    if kind is CellKind.EAGER_HELPER:
        return Cell(kind, (FixupKind.Helper, chance.randrange(0x20, 0x24)))
    map_ = tuple((at, 1) for at in range(chance.randrange(3))) if kind in (CellKind.METHOD_CALL,) else ()
    return Cell(kind, (0x14, Symbol(SymbolKind.MEMBER_REF, str(chance.randrange(1, 200)))), map_)


def random_unit(chance: random.Random) -> MethodUnit:
    """A well-formed unit whose code means nothing."""
    size = chance.randrange(8, 90)
    cells = tuple(dict.fromkeys(_cell(chance) for _ in range(chance.randrange(7))))
    if chance.random() < 0.1:
        cells += (Cell(CellKind.COUNTER, (0,)),)
    fixed = (CellKind.CHECK, CellKind.HANDLE)
    relocations = []
    for offset in range(0, size - 3, chance.randrange(4, 12)):
        kind, index = RelocationKind.SYMBOL, 0
        if cells and chance.random() < 0.9:
            index = chance.randrange(len(cells))
            stub = cells[index].kind not in (*fixed, CellKind.COUNTER) and chance.random() < 0.8
            kind = RelocationKind.STUB if stub else RelocationKind.CELL
        relocations.append(Relocation(offset, kind, index, chance.choice([0, 0, 0, 4])))
    unit = MethodUnit(
        chance.randbytes(size),
        (Function(0, size, bytes.fromhex(chance.choice(["19000000", "19040100044200"]) + "00" * 4)[:8]),),
        chance.randbytes(chance.randrange(1, 4)),
        chance.choice([16, 16, 32]),
        tuple(relocations),
        cells=cells,
        fixups=tuple(index for index, cell in enumerate(cells) if cell.kind in fixed),
        bounds=tuple((offset, offset * 2, 0) for offset in range(0, size, 9)) if chance.random() < 0.7 else (),
    )
    if chance.random() < 0.2:
        data, moved = chance.choice([b"abcd", bytes(16)]), ()
        if chance.random() < 0.5:
            moved = (Relocation(0, RelocationKind.CODE, 0, 3),)
        unit = replace(unit, rodata=data, rodata_alignment=8, rodata_relocations=moved)
        unit = replace(unit, relocations=(Relocation(0, RelocationKind.RODATA, 0), *unit.relocations[1:]))
    if chance.random() < 0.3 and size >= 40:
        functions = (
            replace_end(unit.functions[0], size - 16),
            Function(size - 16, size, bytes.fromhex("19000000"), chance.random() < 0.3),
        )
        clause = ExceptionClause(0, 1, 5, size - 16, size, Symbol(SymbolKind.TYPE, str(chance.randrange(1, 9))))
        unit = replace(unit, functions=functions, clauses=(clause,))
    return unit


def replace_end(function: Function, end: int) -> Function:
    return function._replace(end=end)


def _prepared(units: dict[int, MethodUnit], table: CellTable) -> PreparedUnits:
    preparation = Preparation(table, has_packed_bounds=False)
    for unit in units.values():
        preparation.add(unit)
    return preparation.finish(list(units), [])


@pytest.fixture(scope="module")
def program(inputs: object, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    methods = "".join(f"static int M{number}() {{ return {number}; }}" for number in range(_METHODS))
    source = f"public static class P {{ {methods} }}"
    path = compile_csharp(source, tmp_path_factory.mktemp("prepared"), "P", library=True)
    return Assembly.open(path)


@pytest.mark.parametrize("seed", range(60))
def test_replaced_units_link_like_new_ones(program: Assembly, seed: int) -> None:
    """Some units of an image exchanged, after a trip through bytes: the image is that of all units prepared anew."""
    chance = random.Random(seed)
    linking = Linking(program, target_named(chance.choice(["3.1", "9.0"])), compiler_id="tests")
    names = _Rows()

    def image(units: PreparedUnits, table: CellTable) -> bytes:
        return linking.link(units, table, None)

    units = {rid: random_unit(chance) for rid in range(1, _METHODS) if chance.random() < 0.8}
    table = CellTable(names)
    kept = _prepared(units, table)
    first = image(kept, table)
    for _ in range(3):
        encoded = b"".join(kept.encode())
        kept = PreparedUnits.decode(memoryview(encoded))
        assert b"".join(kept.encode()) == encoded
        cells = kept.cells
        table = CellTable.restored(names, cells.kinds, cells.signatures, cells.ref_maps, [None] * len(cells.kinds))
        assert image(kept, table) == first
        changed = {rid: random_unit(chance) for rid in chance.sample(list(units), chance.randrange(1, 4))}
        units.update(changed)
        kept = kept.replaced(_prepared(dict(sorted(changed.items())), table))
        fresh = CellTable(names)
        first = image(_prepared(units, fresh), fresh)
        assert image(kept, table) == first


def test_what_is_not_there_is_not_replaced() -> None:
    chance = random.Random(1)
    table = CellTable(_Rows())
    kept = _prepared({1: random_unit(chance)}, table)
    with pytest.raises(ValueError, match="no unit"):
        kept.replaced(_prepared({2: random_unit(chance)}, table))


def test_other_bytes_are_refused() -> None:
    table = CellTable(_Rows())
    data = b"".join(_prepared({1: random_unit(random.Random(2))}, table).encode())
    for wrong in (b"", b"something else", data[:-1], data + b"\0"):
        with pytest.raises(ValueError):
            PreparedUnits.decode(memoryview(wrong))
