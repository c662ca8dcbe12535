"""Names for what one image's metadata can name, and back to its tokens: the bridge between compiled code and an image.

Compiled methods mention types and members by :class:`Symbol`, whose names do not depend on row numbers; the writer asks
:meth:`SymbolTable.token` for this build's numbers. So a method compiled before an edit links into the image after it,
or fails with :class:`UnknownSymbol` and is compiled again.

Invariant: ``table.token(table.method_symbol(t))`` is ``t``, or an earlier row that means the same (likewise for fields,
strings and types). What two different things of one module are called cannot be named at all.

>>> table.method_symbol(0x06000007)                                  # doctest: +SKIP
Symbol(kind=<SymbolKind.METHOD_DEF: 1>, name='[App]App.Program::Main(string[])static void')
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nativegen.diagnostics import NativegenError
from nativegen.metadata.elements import ET
from nativegen.metadata.signatures import parse_field_sig, parse_method_sig
from nativegen.metadata.tables import Table
from nativegen.readytorun.unit import Symbol, SymbolKind
from nativegen.typesystem.constructed import ArrayType, ByRefType, GenericParameterType, PointerType
from nativegen.typesystem.errors import NotNameable, TypeLoadError, UnknownSymbol
from nativegen.typesystem.kinds import NAME_ELEMENTS
from nativegen.typesystem.members import FieldDesc, MethodDesc
from nativegen.typesystem.module import Module
from nativegen.typesystem.names import method_signature_name, signature_name, token_name
from nativegen.typesystem.types import DefType, TypeDesc

_TYPE_REF = Table.TypeRef << 24
_TYPE_DEF = Table.TypeDef << 24

#: ELEMENT_TYPE_CANON_ZAPSIG of the runtime's fixup signatures: System.__Canon, which no other module could name.
CANON = 0x3E

Part = int | bytes | Symbol


def element_type(type_desc: DefType) -> int | None:
    """The one byte that names a type of the core library in signatures, or None when it has none.

    These are the primitives, String and Object (ECMA-335 II.23.1.16), and System.__Canon (:data:`CANON`).
    """
    if not type_desc.module.is_core or type_desc.namespace != "System" or type_desc.enclosing is not None:
        return None
    return CANON if type_desc.name == "__Canon" else NAME_ELEMENTS.get(type_desc.name)


class SymbolTable:
    """Symbols of one module's own metadata. Everything is built on first use and kept.

    Implements :class:`nativegen.readytorun.unit.TokenResolver`.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self._type_tokens: dict[TypeDesc, int] | None = None
        self._type_names: dict[str, int] | None = None
        self._type_parts: dict[TypeDesc, tuple[Part, ...]] = {}
        self._symbols: dict[int, Symbol] = {}
        self._tokens: dict[Symbol, int] = {}
        self._rows_named: dict[Table, dict[str, list[int]]] = {}
        self._full_names: dict[tuple[Table, str, bool], dict[str, int]] = {}
        self._parents: dict[int, str] = {}
        self._name_of = partial(token_name, module)
        self._strings: dict[str, int] | None = None
        self._texts: dict[int, str] = {}
        self._open_refs: dict[MethodDesc | FieldDesc, Symbol | None] = {}

    # ---- types ------------------------------------------------------------------------------------------------------

    def type_symbol(self, type_desc: TypeDesc) -> Symbol:
        """The symbol of a type with a TypeDef or TypeRef row here; of a generic instance, that of its definition.

        Raises:
            NotNameable: there is no such row.
        """
        definition = type_desc.definition
        token = self._token_of_type(definition)
        if token is None:
            raise NotNameable(f"{self.module.name} has no row for {definition.display_name}")
        symbol = Symbol(SymbolKind.TYPE, definition.canonical_name)
        if self._find(symbol) != token:
            raise NotNameable(f"{self.module.name} has several types {definition.display_name}")
        return symbol

    def type_parts(self, type_desc: TypeDesc) -> tuple[Part, ...]:
        """The type as an element of a fixup signature (ECMA-335 II.23.2.12, with the runtime's CANON).

        Types that share code are written exactly as given; only System.__Canon itself becomes CANON.

        Raises:
            NotNameable: a type of it has no row here, or it is a function pointer.
        """
        found = self._type_parts.get(type_desc)
        if found is None:
            found = self._type_parts[type_desc] = self._make_parts(type_desc)
        return found

    def _make_parts(self, type_desc: TypeDesc) -> tuple[Part, ...]:
        if isinstance(type_desc, DefType):
            element = element_type(type_desc)
            if element is not None:
                return (element,)
            kind = ET.VALUETYPE if type_desc.is_value_type else ET.CLASS
            symbol = self.type_symbol(type_desc)
            if not type_desc.type_args:
                return (kind, symbol)
            parts: list[Part] = [ET.GENERICINST, kind, symbol, len(type_desc.type_args)]
            for argument in type_desc.type_args:
                parts.extend(self.type_parts(argument))
            return tuple(parts)
        if isinstance(type_desc, ArrayType):
            if type_desc.is_szarray:
                return (ET.SZARRAY, *self.type_parts(type_desc.element))
            return (ET.ARRAY, *self.type_parts(type_desc.element), type_desc.rank, 0, 0)
        if isinstance(type_desc, ByRefType):
            return (ET.BYREF, *self.type_parts(type_desc.element))
        if isinstance(type_desc, PointerType):
            return (ET.PTR, *self.type_parts(type_desc.element))
        if isinstance(type_desc, GenericParameterType):
            return (ET.MVAR if type_desc.is_method else ET.VAR, type_desc.index)
        raise NotNameable(f"{type_desc.display_name} cannot be named in a fixup signature")

    def _token_of_type(self, definition: TypeDesc) -> int | None:
        if definition.module is self.module and isinstance(definition, DefType):
            return definition.token
        if self._type_tokens is None:
            self._type_tokens = {}
            for rid in range(1, self.module.assembly.row_count(Table.TypeRef) + 1):
                token = _TYPE_REF | rid
                try:
                    self._type_tokens.setdefault(self.module.type(token), token)
                except TypeLoadError:
                    continue  # nothing that could be compiled needs it
        return self._type_tokens.get(definition)

    def _type_token_named(self, name: str) -> int | None:
        if self._type_names is None:
            names: dict[str, int] = {}
            assembly = self.module.assembly
            for rid in range(1, assembly.row_count(Table.TypeDef) + 1):
                full_name = assembly.type_full_name(rid).replace("+", "/")
                names.setdefault(f"[{self.module.name}]{full_name}", _TYPE_DEF | rid)
            for rid in range(1, assembly.row_count(Table.TypeRef) + 1):
                try:
                    names.setdefault(self.module.type(_TYPE_REF | rid).canonical_name, _TYPE_REF | rid)
                except TypeLoadError:
                    continue
            self._type_names = names
        return self._type_names.get(name)

    # ---- members ----------------------------------------------------------------------------------------------------

    def method_symbol(self, token: int) -> Symbol:
        """The symbol of a MethodDef or MemberRef token, kind METHOD_DEF or MEMBER_REF."""
        return self._member_symbol(token)

    def field_symbol(self, token: int) -> Symbol:
        """The symbol of a Field or MemberRef token, kind FIELD_DEF or MEMBER_REF."""
        return self._member_symbol(token)

    def _member_symbol(self, token: int) -> Symbol:
        symbol = self._symbols.get(token)
        if symbol is None:
            kind = _KINDS.get(token >> 24)
            if kind is None:
                raise TypeLoadError(f"{self.module.name}: 0x{token:08x} is not a method or field row")
            try:
                symbol = Symbol(kind, self._member_name(token))
            except NativegenError as error:
                raise TypeLoadError(str(error)) from error
            found = self._find(symbol)
            if found != token and not self._same_member(found, token):
                raise NotNameable(f"{self.module.name}: 0x{token:08x} has the name and signature of another member")
            self._symbols[token] = symbol
        return symbol

    def _same_member(self, found: int | None, token: int) -> bool:
        """Duplicate MemberRef rows are harmless; members that differ only in identity (obfuscators make them) are
        not."""
        if found is None or token >> 24 != Table.MemberRef:
            return False
        if self.module.assembly.member_ref(token & 0xFFFFFF).signature[:1] == b"\x06":
            return self.module.field(found) is self.module.field(token)
        return self.module.method(found) is self.module.method(token)

    def member_ref_for(self, method: MethodDesc) -> Symbol | None:
        """A MemberRef row with this method's name and open signature, whatever its parent; None when there is none.

        For fixups that give the owner separately (MethodSigFlags.OwnerType and MemberRefToken): the runtime then
        ignores the row's parent, so one row serves all instances of all types.
        """
        return self._open_ref(method.definition, lambda: _method_definition_text(method.definition))

    def row_for(self, method: MethodDesc) -> Symbol | None:
        """The MemberRef row of exactly this method's definition, whose parent names the (open) type itself.

        For methods of other modules whose type is not generic; None when there is none.
        """
        definition = method.definition
        try:
            candidate = Symbol(
                SymbolKind.MEMBER_REF, f"{definition.owner.canonical_name}::{_method_definition_text(definition)}"
            )
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error
        token = self._find(candidate)
        return None if token is None or self.module.method(token) is not definition else candidate

    def member_ref_for_field(self, field: FieldDesc) -> Symbol | None:
        """Likewise for a field."""
        return self._open_ref(field.definition, lambda: _field_definition_text(field.definition))

    def _open_ref(self, member: MethodDesc | FieldDesc, text: Callable[[], str]) -> Symbol | None:
        if member in self._open_refs:
            return self._open_refs[member]
        try:
            candidate = Symbol(SymbolKind.MEMBER_REF, "::" + text())
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error
        symbol = candidate if self._find(candidate) is not None else None
        self._open_refs[member] = symbol
        return symbol

    # ---- strings ----------------------------------------------------------------------------------------------------

    def string_symbol(self, token: int) -> Symbol:
        """The symbol of an ``ldstr`` token: the string itself, escaped where it has lone surrogates."""
        try:
            return Symbol(SymbolKind.STRING, _string_name(self.module.assembly.user_string(token & 0xFFFFFF)))
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error

    def _string_token(self, name: str) -> int | None:
        if self._strings is None:
            self._strings = {}
            for offset, text in self.module.assembly.user_strings():
                self._strings.setdefault(_string_name(text), 0x70000000 | offset)
        return self._strings.get(name)

    # ---- back to tokens ---------------------------------------------------------------------------------------------

    def token(self, symbol: Symbol) -> int:
        """The full metadata token of a symbol in this module's metadata.

        Raises:
            UnknownSymbol: there is no such row.
        """
        found = self._tokens.get(symbol)
        if found is None:
            found = self._find(symbol)
            if found is None:
                raise UnknownSymbol(symbol)
            self._tokens[symbol] = found
        return found

    def _find(self, symbol: Symbol) -> int | None:
        try:
            return self._search(symbol)
        except NativegenError as error:
            raise TypeLoadError(str(error)) from error

    def _search(self, symbol: Symbol) -> int | None:
        kind, name = symbol
        if kind is SymbolKind.TYPE:
            return self._type_token_named(name)
        if kind is SymbolKind.STRING:
            return self._string_token(name)
        if kind is SymbolKind.METHOD:
            tables: tuple[Table, ...] = (Table.MethodDef, Table.MemberRef)
        elif kind in _TABLES:
            tables = (_TABLES[kind],)
        else:
            tables = ()  # rows of an image's manifest metadata
        for table in tables:
            found = self._find_member(table, name)
            if found is not None:
                return found
        return None

    def _find_member(self, table: Table, name: str) -> int | None:
        """Makes whole names only of the rows whose member name the symbol seems to have."""
        parentless = name.startswith("::")
        named = self._named(table)
        for short in _possible_names(name):
            if short not in named:
                continue
            key = (table, short, parentless)
            full_names = self._full_names.get(key)
            if full_names is None:
                full_names = self._full_names[key] = {}
                for rid in named[short]:
                    token = table << 24 | rid
                    full = f"::{self._member_text(token)}" if parentless else self._member_name(token)
                    full_names.setdefault(full, token)
            found = full_names.get(name)
            if found is not None:
                return found
        return None

    def _named(self, table: Table) -> dict[str, list[int]]:
        rows = self._rows_named.get(table)
        if rows is None:
            rows = {}
            assembly = self.module.assembly
            for rid, index in enumerate(assembly.column(table, "Name"), 1):
                rows.setdefault(assembly.string(index), []).append(rid)
            self._rows_named[table] = rows
        return rows

    def _member_name(self, token: int) -> str:
        return f"{self._parent_name(token)}::{self._member_text(token)}"

    def _parent_name(self, token: int) -> str:
        assembly = self.module.assembly
        table, rid = token >> 24, token & 0xFFFFFF
        if table == Table.MethodDef:
            return token_name(self.module, _TYPE_DEF | assembly.type_of_method(rid))
        if table == Table.Field:
            return token_name(self.module, _TYPE_DEF | assembly.type_of_field(rid))
        parent = assembly.member_ref(rid).parent_token
        if parent >> 24 == Table.MethodDef:
            return f"({self._member_name(parent)})"
        if parent >> 24 == Table.ModuleRef:
            return f"[.module {assembly.module_ref(parent & 0xFFFFFF)}]"
        name = self._parents.get(parent)
        if name is None:
            name = self._parents[parent] = token_name(self.module, parent)
        return name

    def _member_text(self, token: int) -> str:
        text = self._texts.get(token)
        if text is None:
            text = self._texts[token] = self._make_text(token)
        return text

    def _make_text(self, token: int) -> str:
        assembly = self.module.assembly
        table, rid = token >> 24, token & 0xFFFFFF
        if table == Table.MethodDef:
            return assembly.method_def(rid).name + method_signature_name(self._name_of, assembly.method_signature(rid))
        if table == Table.Field:
            return f"{assembly.field_def(rid).name}:{signature_name(self._name_of, assembly.field_signature(rid))}"
        row = assembly.member_ref(rid)
        if row.signature[:1] == b"\x06":
            return f"{row.name}:{signature_name(self._name_of, parse_field_sig(row.signature, assembly.path))}"
        return row.name + method_signature_name(self._name_of, parse_method_sig(row.signature, assembly.path))


_KINDS = {
    int(Table.MethodDef): SymbolKind.METHOD_DEF,
    int(Table.MemberRef): SymbolKind.MEMBER_REF,
    int(Table.Field): SymbolKind.FIELD_DEF,
}
_TABLES = {
    SymbolKind.METHOD_DEF: Table.MethodDef,
    SymbolKind.MEMBER_REF: Table.MemberRef,
    SymbolKind.FIELD_DEF: Table.Field,
}


def _method_definition_text(method: MethodDesc) -> str:
    raw = method.module.method_signature(method.rid)
    return method.name + method_signature_name(partial(token_name, method.module), raw)


def _field_definition_text(field: FieldDesc) -> str:
    raw = field.module.field_signature(field.rid)
    return f"{field.name}:{signature_name(partial(token_name, field.module), raw)}"


def _possible_names(name: str) -> list[str]:
    """Member names that a symbol's name may contain: between a ``::`` and the signature behind it."""
    result = []
    start = name.find("::")
    while start >= 0:
        rest = name[start + 2 :]
        for mark in ("`", "(", ":"):
            # The mark itself may occur in names (generated ones), so every occurrence is a candidate.
            end = rest.find(mark)
            while end >= 0:
                result.append(rest[:end])
                end = rest.find(mark, end + 1)
        start = name.find("::", start + 2)
    return result


def _string_name(text: str) -> str:
    """Symbol names must survive UTF-8: strings with lone surrogates are written as a marker and their UTF-16 in hex."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "\0utf-16:" + text.encode("utf-16-le", "surrogatepass").hex()
    return text
