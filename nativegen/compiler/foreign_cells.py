"""Cells of code that is compiled from another assembly's CIL into our image: everything is named by manifest rows.

What: an instance of a foreign generic (``List<MyStruct>.Add``) has the tokens of its own assembly, which mean nothing
in ours. :class:`ForeignCells` is the :class:`~nativegen.compiler.cells.CellFactory` of such code: it names types and
members through the manifest metadata, and our own types, which only appear as type arguments, through our metadata.
:func:`foreign_instance_entry` names the instance itself.

Why here: one more way to write the same signatures; the importer does not know which one it gets.

Rules (facts: generics-and-bubbles.md 1, foreign-bodies.md 3; runtime: zapsig.cpp, siginfo.cpp):

* A fixup is read in the manifest's module as a whole (``kind | 0x80``); a type of ours there has 0x3F 0 in front.
* An entry's owner and MemberRef are read in the manifest's module, but its method arguments in ours, where manifest
  types have 0x3F and the manifest's number in front. Type arguments inside either are read as the whole is.
* Nothing is named by row number: rows move between builds, names do not.

What cannot be named, and so excludes the method: array methods and initial data. Catch clauses become filters.

3.1 does not read names from the manifest. There :class:`RowCells` names types and methods by rows that our own metadata
happens to have, and instance fields by their position, private ones too; so what is compiled depends on which rows
there are (:func:`names_by_rows`), and on the order of fields (:meth:`ForeignCode.use_field`).

Example (``List<MyS>.Contains``)::

    80D0 <manifest> 15 12 <TypeRef List`1> 01 3f 00 11 <MyS> <MemberRef Contains>
"""

from __future__ import annotations

from typing import Final, NoReturn

from nativegen.compiler import manifest_names
from nativegen.compiler.cells import CellFactory, Parts, RefMap
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.metadata.elements import ET
from nativegen.metadata.opcodes import decode
from nativegen.metadata.ops import Op
from nativegen.readytorun.enums import MODULE_OVERRIDE, FieldSigFlags, FixupKind, MethodSigFlags
from nativegen.readytorun.il_body import encode_il_body
from nativegen.readytorun.manifest_rows import MANIFEST_MODULE, manifest_string
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, CellKind, Symbol
from nativegen.typesystem import FieldDesc, MethodDesc, Module, NotNameable, TypeDesc
from nativegen.typesystem.canonical import method_version_hash
from nativegen.typesystem.constructed import ArrayType, ByRefType, PointerType
from nativegen.typesystem.symbols import SymbolTable
from nativegen.typesystem.types import DefType

MODULE_ZAPSIG: Final = 0x3F  # ELEMENT_TYPE_MODULE_ZAPSIG: a module's number, then a type whose token is of that module
_OWN_MODULE: Final = 0


class ForeignNames:
    """Type signatures that mix manifest types and types of the image's own module.

    Args:
        symbols: of the image's own module.
        in_manifest: whether the signatures are read in the manifest's module; else in ours.
    """

    def __init__(self, symbols: SymbolTable, in_manifest: bool) -> None:
        self._symbols = symbols
        self._in_manifest = in_manifest

    def type_parts(self, type_: TypeDesc, is_argument: bool = False) -> Parts:
        """A type.

        Args:
            is_argument: it is a type argument, which always says whose it is.

        Raises:
            Excluded, NotNameable: it has no name.
        """
        if isinstance(type_, DefType):
            definition = type_.definition
            is_own = definition.module is self._symbols.module
            if is_own:
                named = self._symbols.type_parts(definition)
            else:
                named = manifest_names.type_parts(definition, in_manifest=True)
            if len(named) == 1:  # a primitive
                return named
            prefix: Parts = ()
            if is_argument or is_own is self._in_manifest:
                prefix = (MODULE_ZAPSIG, _OWN_MODULE if is_own else MANIFEST_MODULE)
            if not type_.type_args:
                return (*prefix, *named)
            parts: list[int | bytes | Symbol] = [*prefix, ET.GENERICINST, *named, len(type_.type_args)]
            for argument in type_.type_args:
                parts += self.type_parts(argument, is_argument=True)
            return tuple(parts)
        if isinstance(type_, ArrayType):
            if type_.is_szarray:
                return (ET.SZARRAY, *self.type_parts(type_.element, is_argument))
            return (ET.ARRAY, *self.type_parts(type_.element, is_argument), type_.rank, 0, 0)
        if isinstance(type_, ByRefType):
            return (ET.BYREF, *self.type_parts(type_.element, is_argument))
        if isinstance(type_, PointerType):
            return (ET.PTR, *self.type_parts(type_.element, is_argument))
        return manifest_names.type_parts(type_, in_manifest=True)


def foreign_instance_entry(symbols: SymbolTable, method: MethodDesc) -> tuple[int, Parts]:
    """(hash, signature) of an instance of another module's generic method, in canonical form.

    Args:
        symbols: of the image's own module.

    Raises:
        Excluded, NotNameable: it has no name.
    """
    flags = MethodSigFlags.UpdateContext | MethodSigFlags.MemberRefToken
    owner: Parts = ()
    if method.type_args:
        flags |= MethodSigFlags.OwnerType
        owner = ForeignNames(symbols, in_manifest=True).type_parts(method.owner)
    arguments: list[int | bytes | Symbol] = []
    if method.method_args:
        flags |= MethodSigFlags.MethodInstantiation
        arguments.append(len(method.method_args))
        names = ForeignNames(symbols, in_manifest=False)
        for argument in method.method_args:
            arguments += names.type_parts(argument)
    symbol = manifest_names.method_symbol(method)
    return method_version_hash(method), (int(flags), MANIFEST_MODULE, *owner, symbol, *arguments)


class ForeignCells(CellFactory):
    """See the module docstring.

    Args:
        module: whose CIL is compiled.
        symbols: of the module whose image is made.
        target: as for any cells.
    """

    def __init__(self, module: Module, symbols: SymbolTable, target: Target) -> None:
        super().__init__(module, symbols, target)
        self._names = ForeignNames(symbols, in_manifest=True)

    def _cell(self, kind: CellKind, signature: Parts, ref_map: RefMap = ()) -> Cell:
        first = signature[0]
        assert isinstance(first, int)
        return Cell(kind, (bytes((first | MODULE_OVERRIDE,)), MANIFEST_MODULE, *signature[1:]), ref_map)

    def _make_type_parts(self, type_: TypeDesc) -> Parts:
        return self._names.type_parts(type_)

    def _entry(self, token: int, method: MethodDesc) -> Parts:
        flags, parts = self._method_signature(token, method)
        return (int(FixupKind.MethodEntry), flags, *parts)

    def virtual_call(self, token: int, method: MethodDesc, ref_map: RefMap) -> Cell:
        flags, parts = self._method_signature(token, method)
        return self._cell(CellKind.VIRTUAL_CALL, (int(FixupKind.VirtualEntry), flags, *parts), ref_map)

    def _method_signature(self, token: int, method: MethodDesc, shared: bool = False) -> tuple[int, Parts]:
        if method.is_array_method:
            raise Excluded(Reason.NOT_NAMEABLE, f"{method.display_name} in foreign code")
        type_parts = self.shared_type_parts if shared else self.type_parts
        flags = int(MethodSigFlags.MemberRefToken)
        parts: list[int | bytes | Symbol] = []
        if method.owner.type_args:
            flags |= MethodSigFlags.OwnerType
            parts += type_parts(method.owner)
        parts.append(manifest_names.method_symbol(method))
        if method.method_args:
            flags |= MethodSigFlags.MethodInstantiation
            parts.append(len(method.method_args))
            for argument in method.method_args:
                parts += type_parts(argument)
        if not shared and method.is_shared and flags != MethodSigFlags.MemberRefToken:
            flags |= MethodSigFlags.InstantiatingStub
        return flags, tuple(parts)

    def _field_signature(self, token: int, field: FieldDesc, shared: bool = False) -> Parts:
        symbol = manifest_names.field_symbol(field)
        if not field.owner.type_args:
            return (int(FieldSigFlags.MemberRefToken), symbol)
        owner = self.shared_type_parts(field.owner) if shared else self.type_parts(field.owner)
        return (int(FieldSigFlags.MemberRefToken | FieldSigFlags.OwnerType), *owner, symbol)

    def shared_instance_parts(self, method: MethodDesc) -> Parts:
        parts: list[int | bytes | Symbol] = [*self.shared_type_parts(method.owner)]
        parts += [manifest_names.method_symbol(method), len(method.method_args)]
        for argument in method.method_args:
            parts += self.shared_type_parts(argument)
        return tuple(parts)

    def type_symbol(self, type_: TypeDesc) -> NoReturn:
        raise Excluded(Reason.EXCEPTION_HANDLING, f"catch of {type_.display_name} in foreign code")

    def field_data(self, field: FieldDesc) -> NoReturn:
        raise Excluded(Reason.NOT_NAMEABLE, f"initial data of {field.display_name} in foreign code")

    def string_literal(self, token: int) -> Cell:
        text = self._module.assembly.user_string_bytes(token & 0xFFFFFF)
        return self._cell(CellKind.HANDLE, (int(FixupKind.StringHandle), manifest_string(text[: len(text) & ~1])))


class RowCells(CellFactory):
    """Names foreign code by rows of our own metadata; see the module docstring.

    Args: as for :class:`ForeignCells`.
    """

    def _method_signature(self, token: int, method: MethodDesc, shared: bool = False) -> tuple[int, Parts]:
        flags = int(MethodSigFlags.MemberRefToken)
        parts: list[int | bytes | Symbol] = []
        symbol = row_of_method(self._symbols, method)
        if symbol is None:
            raise Excluded(Reason.NOT_NAMEABLE, f"{method.display_name} in foreign code")
        if method.owner.type_args:
            flags |= MethodSigFlags.OwnerType
            parts += self.type_parts(method.owner)
        parts.append(symbol)
        if method.method_args:
            flags |= MethodSigFlags.MethodInstantiation
            parts.append(len(method.method_args))
            for argument in method.method_args:
                parts += self.type_parts(argument)
        if method.is_shared and flags != MethodSigFlags.MemberRefToken:
            flags |= MethodSigFlags.InstantiatingStub
        return flags, tuple(parts)

    def _field_signature(self, token: int, field: FieldDesc, shared: bool = False) -> Parts:
        if field.is_static:
            raise Excluded(Reason.NOT_NAMEABLE, f"{field.display_name} in foreign code")
        owner = self.type_parts(field.owner)
        return (int(FieldSigFlags.IndexInsteadOfToken | FieldSigFlags.OwnerType), *owner, field.index)

    def type_symbol(self, type_: TypeDesc) -> NoReturn:
        raise Excluded(Reason.EXCEPTION_HANDLING, f"catch of {type_.display_name} in foreign code")

    def field_data(self, field: FieldDesc) -> NoReturn:
        raise Excluded(Reason.NOT_NAMEABLE, f"initial data of {field.display_name} in foreign code")

    def string_literal(self, token: int) -> NoReturn:
        # Our own strings would do, but keys of methods that load none do not say which strings there are.
        raise Excluded(Reason.NOT_NAMEABLE, "string literal in foreign code")


def row_of_method(symbols: SymbolTable, method: MethodDesc) -> Symbol | None:
    """The row by which :class:`RowCells` names a method of another module, or None.

    Args:
        symbols: of the image's own module.
    """
    if method.is_array_method:
        return None
    return symbols.member_ref_for(method) if method.definition.owner.is_generic_definition else symbols.row_for(method)


def names_by_rows(symbols: SymbolTable, definition: MethodDesc) -> bytes:
    """Which of the types and methods that a body mentions :class:`RowCells` can name: all that its code depends on
    besides what they are.

    Args:
        symbols: of the image's own module.

    Raises:
        ValueError, TypeLoadError, NativegenError: the body is malformed, or mentions what cannot be found.
    """
    module = definition.module
    types = encode_il_body(module.assembly, definition.rid).types
    answers = [_has_name(symbols, module.type(token)) for token in types]
    for _, opcode, operand in decode(definition.body.code):
        if opcode in _CALLS:
            answers.append(row_of_method(symbols, module.method(operand)) is not None)
    return bytes(answers)


def _has_name(symbols: SymbolTable, type_: TypeDesc) -> bool:
    try:
        symbols.type_parts(type_.definition)
    except NotNameable:
        return False
    return True


_CALLS: Final = frozenset({Op.CALL, Op.CALLVIRT, Op.NEWOBJ})
