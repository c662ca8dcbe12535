"""Tokens of an assembly's own rows by canonical name, for linking: all names of a table at once.

:class:`~nativegen.typesystem.symbols.SymbolTable` is made for the compiler, which asks for the names of few rows. A
linker asks for nearly all, and naming a table in one pass takes a tenth of the time. What is not found here (the names
that leave the parent open, for instance) is asked of the symbol table, which also says that a name means nothing.

Invariant: ``LinkNames.token`` and ``SymbolTable.token`` agree on every symbol, errors included: of several rows with
one name the first one is meant.

>>> names.token(Symbol(SymbolKind.METHOD_DEF, "[App]App.Program::Main(string[])static void"))     # doctest: +SKIP
100663297
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Table
from nativegen.pipeline.module_facts import ModuleFacts
from nativegen.pipeline.signature_facts import digest, text
from nativegen.readytorun.unit import Symbol, SymbolKind
from nativegen.typesystem import Module, TypeDesc, TypeLoadError
from nativegen.typesystem.symbols import SymbolTable

_FAILURES = (NativegenError, TypeLoadError)
_TABLES = {
    SymbolKind.METHOD_DEF: (Table.MethodDef,),
    SymbolKind.MEMBER_REF: (Table.MemberRef,),
    SymbolKind.FIELD_DEF: (Table.Field,),
    SymbolKind.METHOD: (Table.MethodDef, Table.MemberRef),
    SymbolKind.TYPE: (Table.TypeDef, Table.TypeRef),
}


class LinkNames:
    """Implements :class:`nativegen.readytorun.unit.TokenResolver`.

    Args:
        facts: the definitions of the assembly that is linked; their names are shared with its unit keys.
        symbols: its symbol table.

    Attributes:
        symbols: as given.
    """

    def __init__(self, facts: ModuleFacts, symbols: SymbolTable) -> None:
        self._facts = facts
        self._assembly = facts.assembly
        self.symbols = symbols
        self._names: dict[Table, dict[str, int]] = {}
        self._tokens: dict[Symbol, int] = {}

    def token(self, symbol: Symbol) -> int:
        """The full metadata token of a symbol.

        Raises:
            UnknownSymbol: the metadata has no such row.
        """
        found = self._tokens.get(symbol)
        if found is None:
            found = self._tokens[symbol] = self._find(symbol)
        return found

    def _find(self, symbol: Symbol) -> int:
        for table in _TABLES.get(symbol.kind, ()):
            found = self._named(table).get(symbol.name)
            if found is not None:
                return found
        return self.symbols.token(symbol)

    def rows(self) -> bytes:
        """A digest of the names of all referenced types and members, whatever their order."""
        types = sorted(self._named(Table.TypeRef))
        members = sorted(self._named(Table.MemberRef))
        return digest(text(*types, "", *members))

    def _named(self, table: Table) -> dict[str, int]:
        names = self._names.get(table)
        if names is None:
            names = self._names[table] = {}
            for name, rid in self._all_names(table):
                names.setdefault(name, table << 24 | rid)
        return names

    def _all_names(self, table: Table) -> Iterator[tuple[str, int]]:
        facts, assembly = self._facts, self._assembly
        name_of, signature_text = facts.name_of, facts.signature_text
        if table == Table.TypeDef:
            for rid in range(1, assembly.row_count(table) + 1):
                yield name_of(table << 24 | rid), rid
        elif table == Table.TypeRef:
            for rid in range(1, assembly.row_count(table) + 1):
                try:
                    yield self.symbols.module.type(table << 24 | rid).canonical_name, rid
                except TypeLoadError:
                    continue  # nothing that was compiled names it
        elif table == Table.MemberRef:
            for rid in range(1, assembly.row_count(table) + 1):
                try:
                    yield facts.member_text(table << 24 | rid), rid
                except _FAILURES:
                    continue
        else:
            name_at, blob_at = (3, 4) if table == Table.MethodDef else (1, 2)
            rows = assembly.rows(table)
            string = assembly.string
            for owner in range(1, assembly.row_count(Table.TypeDef) + 1):
                row = assembly.type_def(owner)
                parent = name_of(Table.TypeDef << 24 | owner)
                for rid in row.method_rids if table == Table.MethodDef else row.field_rids:
                    columns = rows[rid - 1]
                    try:
                        yield f"{parent}::{string(columns[name_at])}{signature_text(columns[blob_at])}", rid
                    except _FAILURES:
                        continue


def same_types(module: Module) -> bytes:
    """Which type references mean the same type as an earlier one, or a type of the assembly itself."""
    first: dict[TypeDesc, int] = {}
    found = []
    for rid in range(1, module.assembly.row_count(Table.TypeRef) + 1):
        try:
            type_ = module.type(Table.TypeRef << 24 | rid)
        except _FAILURES:
            continue  # what cannot be resolved has keys of its own
        if type_.module is module:
            found.append(f"{rid} own")
        elif first.setdefault(type_, rid) != rid:
            found.append(f"{rid} {first[type_]}")
    return text(*found)
