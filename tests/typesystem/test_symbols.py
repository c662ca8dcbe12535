"""Symbols: every token to a name and back, the same after an edit that renumbers everything, never ambiguous."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.metadata.elements import ET
from nativegen.metadata.tables import Table
from nativegen.readytorun.unit import Symbol, SymbolKind
from nativegen.typesystem import DefType, FieldDesc, MethodDesc, Module, NotNameable, TypeLoadError, UnknownSymbol
from nativegen.typesystem.symbols import CANON, SymbolTable
from tests.support.csharp import assemble_il, compile_csharp
from tests.support.paths import TARGETS, TestInputs
from tests.typesystem.live import type_system

SOURCE = """
using System;
using System.Collections.Generic;
namespace N
{
    public struct Point { public int X; }
    public class Box<T> { public T Value; public T Get(ref T x, List<T[]> y) { return x; } }
    public static class Program
    {
        static int counter;
        public static void Over(int a) { } public static void Over(int[] a) { } public static void Over(ref int a) { }
        public static void Over<T>(T a) { }
        public static string Main(List<Point> points, Box<string> box)
        {
            counter++;
            Console.WriteLine("text \\u00fc \\ud83d\\ude00" + "\\ud800 lone" + points.Count);
            Console.WriteLine(box.Value + new Box<int>().Value);
            Over(1); Over(new int[0]); Over(ref counter); Over<string>("x");
            points.Add(new Point());
            return "end";
        }
    }
}
"""
#: The same with other code in front of it, so that every row number and heap offset differs.
EDITED = (
    SOURCE.replace("namespace N", "namespace A { public class First { public List<DateTime> x; public string M(Uri u) "
    '{ return "first" + u.Host + x.Count; } } }\nnamespace N')
    .replace("public struct Point {", "public struct Point { public int Y;")
)  # fmt: skip


def tables(target: str, source: str, folder: Path) -> tuple[Module, SymbolTable]:
    path = compile_csharp(source, folder, "Lib", library=True, references=["System.Private.Uri"])
    module = type_system(target, folder).open(path)
    return module, SymbolTable(module)


def members(module: Module) -> list[int]:
    return [
        table << 24 | rid
        for table in (Table.MethodDef, Table.Field, Table.MemberRef)
        for rid in range(1, module.assembly.row_count(table) + 1)
    ]


def symbol_of(table: SymbolTable, token: int) -> Symbol:
    return table.field_symbol(token) if token >> 24 == Table.Field else table.method_symbol(token)


@pytest.mark.parametrize("target", TARGETS)
def test_round_trip(target: str, tmp_path: Path) -> None:
    module, table = tables(target, SOURCE, tmp_path)
    for token in members(module):
        assert table.token(symbol_of(table, token)) == token
    for rid in range(1, module.assembly.row_count(Table.TypeRef) + 1):
        symbol = table.type_symbol(module.type(0x01000000 | rid))
        assert module.type(table.token(symbol)) is module.type(0x01000000 | rid)
    strings = dict(module.assembly.user_strings())
    for offset, text in strings.items():
        symbol = table.string_symbol(0x70000000 | offset)
        assert strings[table.token(symbol) & 0xFFFFFF] == text
        symbol.name.encode()  # survives UTF-8
    assert any("\ud800" in text for text in strings.values()) and "end" in strings.values()


def test_symbols_survive_an_edit(tmp_path: Path) -> None:
    before, old = tables("9.0", SOURCE, tmp_path / "1")
    after, new = tables("9.0", EDITED, tmp_path / "2")
    moved = 0
    for token in members(before):
        symbol = symbol_of(old, token)
        found = new.token(symbol)
        moved += found != token
        if _is_method(before, token):
            name = before.method(token).display_name
            assert after.method(found).display_name == name
            assert str(after.method(found).signature) == str(before.method(token).signature)
    assert moved >= 15
    for offset, text in before.assembly.user_strings():
        found = new.token(old.string_symbol(0x70000000 | offset)) & 0xFFFFFF
        assert dict(after.assembly.user_strings())[found] == text
    gone = next(token for token in members(after) if "First::M" in symbol_of(new, token).name)
    with pytest.raises(UnknownSymbol):
        old.token(symbol_of(new, gone))
    with pytest.raises(KeyError):
        old.token(Symbol(SymbolKind.STRING, "not there"))
    with pytest.raises(UnknownSymbol):
        old.token(Symbol(SymbolKind.TYPE, "[Lib]N.Nothing"))


def test_kinds_and_names(tmp_path: Path) -> None:
    module, table = tables("9.0", SOURCE, tmp_path)
    program = module.find_type("N", "Program")
    assert isinstance(program, DefType)
    names = [table.method_symbol(method.token).name for method in program.methods_named("Over")]
    assert names == [
        "[Lib]N.Program::Over(int32)static void",
        "[Lib]N.Program::Over(int32[])static void",
        "[Lib]N.Program::Over(int32&)static void",
        "[Lib]N.Program::Over`1(!!0)static void",
    ]
    assert table.field_symbol(program.static_fields[0].token) == Symbol(
        SymbolKind.FIELD_DEF, "[Lib]N.Program::counter:int32"
    )
    symbol = Symbol(SymbolKind.METHOD, names[1])  # either a MethodDef or a MemberRef
    assert table.token(symbol) == program.methods_named("Over")[1].token


def test_type_parts(tmp_path: Path) -> None:
    module, table = tables("9.0", SOURCE, tmp_path)
    system = module.type_system
    point = module.find_type("N", "Point")
    box = module.find_type("N", "Box`1")
    assert isinstance(box, DefType) and isinstance(point, DefType)
    integer, string = system.well_known("System.Int32"), system.well_known("System.String")
    box_symbol = Symbol(SymbolKind.TYPE, "[Lib]N.Box`1")
    point_symbol = Symbol(SymbolKind.TYPE, "[Lib]N.Point")
    assert table.type_parts(integer) == (ET.I4,)
    assert table.type_parts(string) == (ET.STRING,)
    assert table.type_parts(point) == (ET.VALUETYPE, point_symbol)
    assert table.type_parts(system.array_of(point)) == (ET.SZARRAY, ET.VALUETYPE, point_symbol)
    assert table.type_parts(box.instantiate((point,))) == (
        *(ET.GENERICINST, ET.CLASS, box_symbol, 1),
        *(ET.VALUETYPE, point_symbol),
    )
    canon = system.well_known("System.__Canon")
    assert table.type_parts(box.instantiate((canon,))) == (ET.GENERICINST, ET.CLASS, box_symbol, 1, CANON)
    assert table.type_parts(system.general_array_of(integer, 3)) == (ET.ARRAY, ET.I4, 3, 0, 0)
    assert table.type_parts(system.generic_parameter(1, True)) == (ET.MVAR, 1)
    with pytest.raises(NotNameable):
        table.type_parts(system.well_known("System.Collections.Generic.Dictionary`2"))
    with pytest.raises(NotNameable):
        table.type_symbol(system.well_known("System.DateTime"))


def test_rows_for_members_of_instances(tmp_path: Path) -> None:
    module, table = tables("9.0", SOURCE, tmp_path)
    system = module.type_system
    generic_list = system.well_known("System.Collections.Generic.List`1")
    add = generic_list.find_method("Add")
    clear = generic_list.find_method("Clear")
    assert add is not None and clear is not None
    symbol = table.member_ref_for(add)
    assert symbol is not None and symbol.name == "::Add(!0)void"
    row = table.token(symbol)
    assert row >> 24 == Table.MemberRef and module.assembly.member_ref(row & 0xFFFFFF).name == "Add"
    instance = generic_list.instantiate((system.well_known("System.Guid"),)).find_method("Add")
    assert instance is not None and table.member_ref_for(instance) == symbol
    assert table.member_ref_for(clear) is None
    box = module.find_type("N", "Box`1")
    assert isinstance(box, DefType)
    value = table.member_ref_for_field(box.instance_fields[0])
    assert value == Symbol(SymbolKind.MEMBER_REF, "::Value:!0")
    assert isinstance(module.field(table.token(value)), FieldDesc)


def test_members_that_share_a_name_and_signature_cannot_be_named(tmp_path: Path) -> None:
    # Obfuscators make such: the runtime tells them apart by token, a symbol could not.
    path = assemble_il(
        """
        .assembly extern System.Private.CoreLib { }
        .assembly Twins { }
        .class public A extends [System.Private.CoreLib]System.Object
        {
          .method public static void Ma() cil managed { ret }
          .method public static void Mb() cil managed { ret }
          .method public static void N() cil managed { ret }
        }
        """,
        tmp_path,
        "Twins",
        library=True,
    )
    data = path.read_bytes()
    assert data.count(b"\0Mb\0") == 1
    path.write_bytes(data.replace(b"\0Mb\0", b"\0Ma\0"))
    module = type_system("9.0").open(path)
    table = SymbolTable(module)
    assert table.token(table.method_symbol(0x06000001)) == 0x06000001
    with pytest.raises(NotNameable, match="another member"):
        table.method_symbol(0x06000002)
    assert table.token(table.method_symbol(0x06000003)) == 0x06000003
    with pytest.raises(TypeLoadError):
        table.method_symbol(0x01000001)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["System.Linq", "System.Private.Uri"])
def test_real_assemblies(target: str, name: str, inputs: TestInputs) -> None:
    module = type_system(target).open(inputs.framework(target) / f"{name}.dll")
    table = SymbolTable(module)
    fresh = SymbolTable(module)
    count = 0
    for token in members(module):
        found = fresh.token(symbol_of(table, token))
        if found != token:
            assert token >> 24 == Table.MemberRef
            assert module.method(found) is module.method(token)
        if token >> 24 == Table.MemberRef:
            member = module.method(token) if _is_method(module, token) else module.field(token)
            named = (
                table.member_ref_for(member) if isinstance(member, MethodDesc) else table.member_ref_for_field(member)
            )
            assert named is not None or member.owner.is_array
        count += 1
    assert count > 500


def _is_method(module: Module, token: int) -> bool:
    if token >> 24 == Table.MemberRef:
        return module.assembly.member_ref(token & 0xFFFFFF).signature[:1] != b"\x06"
    return token >> 24 == Table.MethodDef
