"""Corrupt metadata surfaces as TypeLoadError, never as another exception, and never hangs."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.metadata.tables import Table
from nativegen.typesystem import MethodDesc, Module, TypeLoadError
from nativegen.typesystem.contract import contract
from nativegen.typesystem.symbols import SymbolTable
from tests.support.csharp import compile_csharp
from tests.typesystem.live import HERE, type_system

TYPE_PROPERTIES = (
    *("base_type", "interfaces", "canonical_name", "display_name", "underlying", "enclosing", "layout"),
    *("classification", "is_delegate", "is_byref_like", "has_static_constructor"),
)


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes(seed: int, tmp_path: Path) -> None:
    path = compile_csharp(HERE / "Hierarchy.cs", tmp_path, "Hierarchy", library=True)
    original = path.read_bytes()
    assembly = Assembly.from_bytes(original, str(path))
    directory = assembly.pe.cli.metadata
    start = assembly.pe.rva_to_offset(directory.rva)
    system = type_system("9.0")
    random_source = random.Random(seed)
    walked = 0
    for _ in range(25):
        data = bytearray(original)
        for _ in range(random_source.choice((1, 2, 5))):
            data[start + random_source.randrange(directory.size)] = random_source.choice((0, 1, 0x80, 0xFF))
        try:
            broken = Assembly.from_bytes(bytes(data), str(path))
        except NativegenError:
            continue
        walk(Module(system, broken))
        walked += 1
    assert walked >= 10


def walk(module: Module) -> None:
    """Asks everything; only the exceptions that are promised may come."""
    table = SymbolTable(module)
    for rid in range(1, module.assembly.row_count(Table.TypeDef) + 1):
        type_desc = attempt(lambda rid=rid: module.type_def(rid))  # type: ignore[misc]
        if type_desc is None:
            continue
        for name in TYPE_PROPERTIES:
            attempt(lambda name=name, type_desc=type_desc: getattr(type_desc, name))  # type: ignore[misc]
        attempt(lambda type_desc=type_desc: table.type_parts(type_desc))  # type: ignore[misc]
        for method in attempt(lambda type_desc=type_desc: type_desc.methods) or ():  # type: ignore[misc]
            for question in (
                lambda method=method: method.signature,
                lambda method=method: method.body,
                lambda method=method, type_desc=type_desc: type_desc.resolve_override(method),
                lambda method=method: table.method_symbol(method.token),
            ):
                attempt(question)
        for field in attempt(lambda type_desc=type_desc: type_desc.instance_fields) or ():  # type: ignore[misc]
            attempt(lambda field=field: field.type)  # type: ignore[misc]
            attempt(lambda field=field: table.field_symbol(field.token))  # type: ignore[misc]
    for token_table in (Table.TypeRef, Table.TypeSpec, Table.MemberRef, Table.MethodSpec):
        for rid in range(1, module.assembly.row_count(token_table) + 1):
            token = token_table << 24 | rid
            if token_table in (Table.TypeRef, Table.TypeSpec):
                attempt(lambda token=token: module.type(token))  # type: ignore[misc]
                continue
            method = attempt(lambda token=token: module.method(token))  # type: ignore[misc]
            if isinstance(method, MethodDesc):
                attempt(lambda method=method: table.member_ref_for(method))  # type: ignore[misc]
    try:
        contract(module.assembly)
    except NativegenError as error:
        assert error.code == "NGEN1004"


def attempt(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except TypeLoadError:
        return None
