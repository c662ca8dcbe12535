"""Guards of foreign bodies (Check_IL_Body): a real 9.0 accepts them for the bodies it has, and only for these.

Each native method returns 42 where its IL returns -1, and has guards on other methods' bodies: 42 says that the runtime
accepted every one of them.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nativegen.compiler.exclusions import Excluded
from nativegen.compiler.foreign import body_use, check_il_body, current_signature
from nativegen.metadata import Assembly, Table
from nativegen.readytorun.cell_layout import CellLayout
from nativegen.readytorun.cells import CellTable
from nativegen.readytorun.enums import FixupKind
from nativegen.readytorun.il_body import encode_il_body
from nativegen.readytorun.manifest import ManifestAssembly, manifest_reader
from nativegen.readytorun.manifest_rows import ManifestRows
from nativegen.readytorun.names import ImageNames
from nativegen.readytorun.prepared import Preparation
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Cell, CellKind, Symbol, SymbolKind
from nativegen.readytorun.writer import ImageBuilder
from nativegen.typesystem import MethodDesc, Module, TypeLoadError, TypeSystem
from tests.readytorun.build import Names, leaf, returns
from tests.readytorun.test_run import run
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import framework_references

GROUPS = 8
CORE_BODIES = 3000
OTHER_BODIES = 1000

SOURCE = """
using System;
using System.Runtime.CompilerServices;
using System.IO;

public static class Native {
%s
}
public static class Program {
    public static int Main() {
%s
        return 7;
    }
}
"""
METHOD = "    [MethodImpl(MethodImplOptions.NoInlining)] public static int M{0}() {{ return -1; }}"
CALL = "        Console.WriteLine(Native.M{0}());"


@pytest.fixture(scope="module")
def program(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    lines = ("\n".join(form.format(n) for n in range(GROUPS)) for form in (METHOD, CALL))
    return Assembly.open(compile_csharp(SOURCE % tuple(lines), tmp_path_factory.mktemp("guards"), "program"))


@pytest.fixture(scope="module")
def system(inputs: TestInputs) -> TypeSystem:
    return TypeSystem(target_named("9.0"), framework_references("9.0").get)


def bodies(module: Module, count: int) -> list[MethodDesc]:
    """Methods with CIL, drawn from all of a module."""
    assembly = module.assembly
    rids = [rid for rid in range(1, assembly.row_count(Table.MethodDef) + 1) if assembly.method_body(rid) is not None]
    found = []
    for rid in random.Random(1).sample(rids, min(count, len(rids))):
        method = module.method(0x06000000 | rid)
        if method.owner.rid != 1:
            found.append(method)
    return found


def guards(methods: list[MethodDesc]) -> list[Cell]:
    found = []
    for method in methods:
        try:
            found.append(check_il_body(method))
        except (Excluded, TypeLoadError, ValueError):
            continue
    assert len(found) > 0.95 * len(methods)
    return found


def image_of(program: Assembly, system: TypeSystem, groups: list[list[Cell]]) -> bytes:
    names = Names(program)

    def identity(name: str) -> ManifestAssembly:
        module = system.module_named(name)
        assert module is not None
        token = bytes.fromhex(module.assembly.public_key_token)
        return ManifestAssembly(module.name, module.assembly.version, "", token)

    builder = ImageBuilder(program, target_named("9.0"), names, identity=identity, compiler_id="test")
    for number, cells in enumerate(groups):
        unit = leaf(returns(42), cells=tuple(cells), fixups=tuple(range(len(cells))))
        builder.add_method(names.rid(f"Native::M{number}"), unit)
    return builder.build()


@pytest.mark.runtime
def test_guards_of_unchanged_bodies_are_accepted(
    inputs: TestInputs, program: Assembly, system: TypeSystem, tmp_path: Path
) -> None:
    """Thousands of bodies of the core library, and some of others, which are named by assembly reference."""
    cells = guards(bodies(system.core, CORE_BODIES))
    for name in ("System.Linq", "System.Collections"):
        other = system.module_named(name)
        assert other is not None
        cells += guards(bodies(other, OTHER_BODIES))
    groups = [cells[number::GROUPS] for number in range(GROUPS)]
    image = image_of(program, system, groups)
    (tmp_path / "image.dll").write_bytes(image)
    described = ReadyToRunImage.open(str(tmp_path / "image.dll"))
    assert ImageNames(described).assembly.name == "program"
    assert run(inputs, "9.0", image, tmp_path, TieredCompilation="0") == ["42"] * GROUPS


def changed(cell: Cell, at: int, value: int | bytes | Symbol) -> Cell:
    parts = list(cell.signature)
    parts[at] = value
    return Cell(cell.kind, tuple(parts))


@pytest.mark.runtime
def test_guards_of_other_bodies_are_rejected(
    inputs: TestInputs, program: Assembly, system: TypeSystem, tmp_path: Path
) -> None:
    """Graceful rejection: the IL runs, the process goes on. The first one is the control that is accepted."""
    core = system.core
    string = core.find_type("System", "String")
    assert string is not None
    method = string.find_method("IsNullOrEmpty")
    assert method is not None
    good = check_il_body(method)
    data = good.signature[3]
    member = good.signature[-1]
    assert isinstance(data, bytes) and isinstance(member, Symbol)
    other_name = Symbol(SymbolKind.MANIFEST_MEMBER, member.name.replace("IsNullOrEmpty", "IsNullOrNothing"))
    other_owner = Symbol(SymbolKind.MANIFEST_MEMBER, member.name.replace("\x01String\x02", "\x01NoString\x02"))
    other_type = Symbol(SymbolKind.MANIFEST_TYPE, "System.Private.CoreLib\x01System\x01NoSuchType")
    linq = system.module_named("System.Linq")
    assert linq is not None
    bad = [
        good,
        changed(good, 3, data[:-1] + bytes((data[-1] ^ 1,))),
        changed(good, -1, other_name),
        changed(good, -1, other_owner),
        Cell(good.kind, (*good.signature[:4], 1, 0x12, other_type, *good.signature[5:])),
        changed(check_il_body(bodies(linq, 1)[0]), 3, b"\x00\x02\x2a"),
        changed(good, -1, check_il_body(bodies(core, 1)[0]).signature[-1]),
        good,
    ]
    lengths = [changed(cell, 2, len(cell.signature[3])) for cell in bad if isinstance(cell.signature[3], bytes)]
    image = image_of(program, system, [[cell] for cell in lengths])
    assert run(inputs, "9.0", image, tmp_path, TieredCompilation="0") == ["42", *["-1"] * 6, "42"]


def test_guards_come_before_checks_that_can_throw() -> None:
    """Whatever the order of use, and so the order of slots, of the fixups of a method."""
    table = CellTable(_AnyToken(), _AnyToken())
    symbol = Symbol(SymbolKind.FIELD_DEF, "f")
    check = Cell(CellKind.CHECK, (FixupKind.Check_FieldOffset, 8, 0, symbol))
    guard = Cell(CellKind.CHECK, (bytes((FixupKind.Check_IL_Body | 0x80,)), 3, 1, b"\x00", 0, 0x10, symbol))
    preparation = Preparation(table, has_packed_bounds=False)
    preparation.add(leaf(returns(42), cells=(check, guard), fixups=(0, 1)))
    units = preparation.finish([1], [])
    assert list(units.used) == [0, 1]
    assert CellLayout(units, table, target_named("9.0")).sections[CellKind.CHECK] == [1, 0]


class _AnyToken:
    def token(self, symbol: Symbol) -> int:
        return 0x0A000001


def test_manifest_rows_are_read_back() -> None:
    """Also when there are more of them than narrow indices can count."""
    for count in (3, 9000):
        rows = ManifestRows(["A", "B"], lambda name: ManifestAssembly(name, (1, 2, 3, 4)))
        for number in range(count):
            type_ = f"Lib\x01N\x01Outer\x01\x01Inner{number}"
            assert rows.token(Symbol(SymbolKind.MANIFEST_TYPE, type_)) == 0x01000002 + number
            member = Symbol(SymbolKind.MANIFEST_MEMBER, f"{type_}\x02Name{number % 7}\x02=000112\x02{type_}")
            assert rows.token(member) == 0x0A000001 + number
        reader = manifest_reader(rows.encode(), "rows")
        assert reader.row_count(Table.TypeRef) == count + 1
        assert reader.string(reader.row(Table.ModuleRef, 1)[0]) == "#:4"
        scope, name, _ = reader.row(Table.TypeRef, count + 1)
        assert (reader.string(name), scope >> 2, scope & 3) == (f"Inner{count - 1}", 1, 3)
        parent, name, signature = reader.row(Table.MemberRef, count)
        assert (parent >> 3, parent & 7, reader.string(name)) == (count + 1, 1, f"Name{(count - 1) % 7}")
        assert reader.blob(signature).startswith(b"\x00\x01\x12")


def test_records_of_bodies_are_recomputed(system: TypeSystem) -> None:
    """The record of a body is found again by its name; of something that is gone there is none."""
    for method in bodies(system.core, 30):
        use = body_use(method)
        assert current_signature(system.core, use) == use.signature
        assert current_signature(system.core, use._replace(name=use.name + "x")) is None


def test_bodyless_methods_have_no_guard(system: TypeSystem) -> None:
    """The runtime would crash on one."""
    assembly = system.core.assembly
    rid = next(rid for rid in range(1, 99999) if assembly.method_body(rid) is None)
    with pytest.raises(ValueError, match="no CIL"):
        encode_il_body(assembly, rid)
