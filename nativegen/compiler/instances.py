"""Generic instances as entries of an image, and which ones compiled code needs.

What: :func:`instance_entry` gives hash and signature of an entry of section 109 (InstanceMethodEntryPoints): how the
runtime finds the code of ``G<__Canon>.M`` or ``M<int>``. :class:`InstanceReader` reads such signatures back, and reads
off the cells of a compiled unit which instances of the module's own generics it calls or makes objects of.

Why here: how a method is written in a signature is the compiler's business. Needs are read from units rather than
recorded by the importer, so that units from the unit store have them too.

Invariants: an instance is identified by its entry's signature, which names everything by symbols and so means the same
in every process. Needs do not depend on the order in which units are read.

Example: ``G<__Canon>.Make<int>`` -> ``44 <15 12 G 01 3e> rid 01 08``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from nativegen.compiler import manifest_names
from nativegen.compiler.foreign_cells import MODULE_ZAPSIG, foreign_instance_entry
from nativegen.compiler.foreign_instances import ForeignInstances
from nativegen.compiler.virtual_use import Slots, VirtualUse
from nativegen.metadata import Table
from nativegen.metadata.elements import ET
from nativegen.metadata.flags import MethodAttributes
from nativegen.readytorun.enums import MODULE_OVERRIDE, FieldSigFlags, FixupKind, MethodSigFlags
from nativegen.readytorun.unit import Cell, Symbol, SymbolKind, TokenResolver
from nativegen.typesystem import DefType, MethodDesc, Module, TypeDesc, TypeLoadError, UnknownSymbol
from nativegen.typesystem.canonical import (
    canon,
    canonical_instance,
    canonical_method,
    canonical_type,
    method_version_hash,
)
from nativegen.typesystem.symbols import CANON, SymbolTable

Signature = tuple[int | bytes | Symbol, ...]

_VIRTUAL_CALLS: Final = frozenset(
    {FixupKind.VirtualEntry, FixupKind.VirtualEntry_DefToken, FixupKind.VirtualEntry_RefToken}
)
_METHODS: Final = frozenset({FixupKind.MethodEntry, FixupKind.MethodHandle, FixupKind.DelegateCtor})
_TYPES: Final = frozenset({FixupKind.NewObject, FixupKind.TypeHandle, FixupKind.CctorTrigger})
_LOOKUPS: Final = frozenset(
    {FixupKind.ThisObjDictionaryLookup, FixupKind.TypeDictionaryLookup, FixupKind.MethodDictionaryLookup}
)
_MAX_PARAMETERS: Final = 64


class _OpenType(Exception):
    """A signature in terms of type parameters."""


@dataclass(frozen=True, slots=True)
class Need:
    """An instance that code may run: in any case (``slots`` None), or once one of the slots is called virtually."""

    method: MethodDesc
    slots: Slots = None


def instance_entry(symbols: SymbolTable, method: MethodDesc) -> tuple[int, Signature]:
    """(hash, signature) of a generic instance, of the module's own or of another one.

    Args:
        symbols: of the image's metadata.
        method: in canonical form.

    Raises:
        NotNameable: the metadata has no row for a type argument.
    """
    if method.module is not symbols.module:
        return foreign_instance_entry(symbols, method)
    flags = MethodSigFlags(0)
    parts: list[int | bytes | Symbol] = []
    if method.owner.type_args:
        flags |= MethodSigFlags.OwnerType
        parts += symbols.type_parts(method.owner)
    parts.append(symbols.method_symbol(method.token))
    if method.method_args:
        flags |= MethodSigFlags.MethodInstantiation
        parts.append(len(method.method_args))
        for argument in method.method_args:
            parts += symbols.type_parts(argument)
    return method_version_hash(method), (int(flags), *parts)


def shared_instance(module: Module, rid: int) -> MethodDesc | None:
    """The instance of a generic method that serves all reference types; None: the method is not generic."""
    method = module.method(Table.MethodDef << 24 | rid)
    return canonical_instance(method) if method.contains_generic_parameters else None


def signature_order(signature: Signature) -> tuple[tuple[int, str], ...]:
    """A key that sorts signatures the same way everywhere."""
    return tuple([(0, f"{part:08x}") if isinstance(part, int) else (1, str(part)) for part in signature])


def may_need_instances(cell: Cell) -> bool:
    """Whether :meth:`InstanceReader.needs` has to look at a cell: most name nothing generic."""
    signature = _without_override(cell.signature)
    kind = signature[0]
    if kind in _LOOKUPS or kind in _VIRTUAL_CALLS:
        return True
    if kind in _METHODS:
        return signature[1] not in (0, int(MethodSigFlags.MemberRefToken))
    if kind in _TYPES:
        return signature[1] in (ET.GENERICINST, MODULE_ZAPSIG)
    return kind == FixupKind.FieldAddress and signature[1] != 0


def _without_override(signature: Signature) -> Signature:
    """A fixup signature that is read in the manifest's module like any other: symbols say where they belong."""
    first = signature[0]
    if isinstance(first, bytes) and len(first) == 1 and first[0] & MODULE_OVERRIDE:
        return (first[0] & ~MODULE_OVERRIDE, *signature[2:])
    return signature


class InstanceReader:
    """Reads signatures that name types and methods by the symbols of one module, or by manifest rows.

    Args:
        module: whose generics count as its own.
        symbols: gives the tokens of its metadata.
        foreign: which instances of other modules' generics the image may have; None: none.

    Attributes:
        has_noted: what :meth:`needs` looked at last counts for other cells, too: there are objects of a type with
            virtual generic methods, or one is called.
    """

    def __init__(self, module: Module, symbols: TokenResolver, foreign: ForeignInstances | None = None) -> None:
        self.has_noted = False
        self._module = module
        self._symbols = symbols
        self._foreign = foreign if foreign is not None and foreign.is_possible else None
        self._virtual_use = VirtualUse()
        # Of generic types: which ones there are objects of, and which virtual generic methods are called.
        self._with_virtual_generics: dict[TypeDesc, None] = {}
        self._virtual_generic_calls: dict[MethodDesc, None] = {}
        self._manifest_types: dict[Symbol, TypeDesc] = {}
        self._manifest_methods: dict[Symbol, MethodDesc] = {}
        self._variables: tuple[tuple[TypeDesc, ...], tuple[TypeDesc, ...]] = ((), ())  # what !n and !!n mean

    def method(self, signature: Signature) -> MethodDesc:
        """The method of an entry's signature.

        Raises:
            TypeLoadError: it names nothing.
        """
        try:
            return self._method(signature, 0)[0]
        except _OpenType:
            raise TypeLoadError("an instance in terms of type parameters") from None

    def needs(self, cell: Cell) -> list[Need]:
        """The instances over value types that code with this cell may run.

        What cannot be found (a missing assembly, a signature of shared code that says nothing exact) ends the list:
        the JIT compiles what the image does not have.
        """
        found: dict[Need, None] = {}
        self.has_noted = False
        with contextlib.suppress(_OpenType, TypeLoadError):
            for need in self._used(_without_override(cell.signature)):
                instance = self.instance(need.method)
                if instance is not None:
                    found[Need(instance, need.slots)] = None
        return list(found)

    def called_slot(self, cell: Cell) -> MethodDesc | None:
        """The slot that code with this cell calls virtually; None: it does not, or no foreign instance can be meant."""
        if self._foreign is None:
            return None
        signature = _without_override(cell.signature)
        with contextlib.suppress(_OpenType, TypeLoadError):
            if signature[0] in _LOOKUPS:
                method = self._looked_up_slot(signature)
            elif signature[0] == FixupKind.VirtualEntry:
                method = self._method(signature, 1)[0]
            elif signature[0] in _VIRTUAL_CALLS and isinstance(signature[1], Symbol):
                method = self._definition(signature[1])
            else:
                return None
            return None if method is None else self._virtual_use.class_slot(method)
        return None

    def instance(self, method: MethodDesc) -> MethodDesc | None:
        """The canonical form of an instance; None: it needs no code of its own, or cannot have any in this image."""
        if not method.has_body or method.contains_generic_parameters:
            return None
        method = canonical_method(method)
        arguments = (*method.type_args, *method.method_args)
        if all(argument is canon(argument) for argument in arguments):
            return None
        if method.module is not self._module and (self._foreign is None or not self._foreign.wants(method)):
            return None
        return method

    def _used(self, signature: Signature) -> Iterator[Need]:
        kind = signature[0]
        if kind in _LOOKUPS:
            yield from self._looked_up(signature)
        elif kind in _METHODS:
            yield from self._called(*self._method(signature, 1))
        elif kind == FixupKind.VirtualEntry:
            method = self._method(signature, 1)[0]
            if method.method_args:
                yield Need(method)
                yield from self._overrides(method)
        elif kind == FixupKind.NewObject:
            yield from self._constructed(self._type(signature, 1)[0])
        elif kind == FixupKind.TypeHandle:
            type_ = self._type(signature, 1)[0]
            if type_.is_value_type:
                yield from self._constructed(type_)
        elif kind == FixupKind.FieldAddress and _number(signature, 1) & FieldSigFlags.OwnerType:
            yield from _static_constructor(self._type(signature, 2)[0])
        elif kind == FixupKind.CctorTrigger:
            yield from _static_constructor(self._type(signature, 1)[0])

    def _called(self, method: MethodDesc, constrained: TypeDesc | None) -> Iterator[Need]:
        """What a call of a method may run; ``constrained``: the type that a constrained call is made on."""
        if constrained is not None:
            target = constrained.resolve_override(method)
            if target is not None:
                yield Need(target)
            elif method.is_static:  # the interface's own
                yield Need(method)
            return
        yield Need(method)
        yield from self._overrides(method)
        if self._foreign is not None:
            for comparer in self._foreign.made_by(method):
                yield from map(Need, comparer.methods_named(".ctor"))
                yield from self._constructed(comparer)
        if self.instance(method) is None:
            # Code that is not seen makes use of a struct of ours as its interfaces say.
            for argument in (*method.type_args, *method.method_args):
                if argument.is_value_type:
                    yield from self._constructed(argument)
        if method.is_constructor:
            yield from self._constructed(method.owner)
        elif method.is_static:
            yield from _static_constructor(method.owner)

    def _overrides(self, method: MethodDesc) -> Iterator[Need]:
        """What a call of a virtual generic method may run: it has no slot that objects of a type would fill."""
        if not method.method_args or not method.is_virtual:
            return
        self.has_noted = True
        for type_ in self._types_with_virtual_generics:
            target = type_.resolve_override(method)
            if target is not None:
                yield Need(target)
        called = canonical_method(method)
        if called not in self._virtual_generic_calls:
            self._virtual_generic_calls[called] = None
            for type_ in self._with_virtual_generics:
                yield from _override(type_, called)

    def _constructed(self, type_: TypeDesc) -> Iterator[Need]:
        """What can run once there are objects of a type: its and its base classes' virtual methods."""
        shared = canonical_type(type_)
        if _has_virtual_generics(shared):
            self.has_noted = True
            if shared not in self._with_virtual_generics:
                self._with_virtual_generics[shared] = None
                for called in self._virtual_generic_calls:
                    yield from _override(shared, called)
        current: TypeDesc | None = type_
        while current is not None:
            if current.type_args:
                yield from _static_constructor(current)
                for method in current.methods:
                    if method.is_virtual and not method.is_static and not method.is_generic:
                        is_own = current.module is self._module
                        yield Need(method, None if is_own else self._virtual_use.slots(method, type_))
            current = current.base_type
        if type_.type_args:
            for interface in type_.interfaces:
                if interface.type_args:
                    yield from (Need(each) for each in interface.methods if each.is_virtual and not each.is_generic)

    @cached_property
    def _types_with_virtual_generics(self) -> tuple[TypeDesc, ...]:
        """Types of the module that are not generic and have virtual methods with type parameters."""
        assembly = self._module.assembly
        owners = set()
        for coded in assembly.column(Table.GenericParam, "Owner"):
            if coded & 1 and assembly.method_def(coded >> 1).flags & MethodAttributes.VIRTUAL:
                owners.add(assembly.type_of_method(coded >> 1))
        types = [self._module.type_def(rid) for rid in sorted(owners)]
        return tuple([type_ for type_ in types if not type_.is_generic_definition and not type_.is_interface])

    def _looked_up(self, signature: Signature) -> Iterator[Need]:
        """What a dictionary lookup names: its own type parameters are those of the code that it belongs to."""
        try:
            at = self._enter(signature)
            if signature[at] == FixupKind.TypeHandle:  # to make objects of it, or for its static fields
                yield from list(self._constructed(self._type(signature, at + 1)[0]))
            else:
                yield from list(self._used(signature[at:]))
        finally:
            self._variables = (), ()

    def _looked_up_slot(self, signature: Signature) -> MethodDesc | None:
        try:
            at = self._enter(signature)
            return self._method(signature, at + 1)[0] if signature[at] == FixupKind.VirtualEntry else None
        finally:
            self._variables = (), ()

    def _enter(self, signature: Signature) -> int:
        """Sets what type parameters in a lookup mean; where the thing that is looked up begins."""
        if signature[0] == FixupKind.ThisObjDictionaryLookup:
            context, at = self._type(signature, 1)
            self._variables = context.type_args, ()
            return at
        self._variables = self._scope(signature)
        return 1

    def _scope(self, signature: Signature) -> tuple[tuple[TypeDesc, ...], tuple[TypeDesc, ...]]:
        """The type arguments at the end of a lookup through a hidden argument (:meth:`CellFactory.lookup_type`)."""
        placeholder = (canon(self._module.type_def(1)),) * _MAX_PARAMETERS
        self._variables = placeholder, placeholder
        try:
            if signature[1] == FixupKind.TypeHandle:
                at = self._type(signature, 2)[1]
            else:
                at = self._skip_method(signature, 2)
        finally:
            self._variables = (), ()
        owner, at = self._type(signature, at)
        arguments: list[TypeDesc] = []
        if signature[0] == FixupKind.MethodDictionaryLookup:
            at += 2
            while at < len(signature):
                argument, at = self._type(signature, at)
                arguments.append(argument)
        return owner.type_args, tuple(arguments)

    def _skip_method(self, signature: Signature, at: int) -> int:
        flags = _number(signature, at)
        at += 2 if flags & MethodSigFlags.UpdateContext else 1
        if flags & MethodSigFlags.OwnerType:
            at = self._type(signature, at)[1]
        at += 1
        if flags & MethodSigFlags.MethodInstantiation:
            count = _number(signature, at)
            at += 1
            for _ in range(count):
                at = self._type(signature, at)[1]
        return self._type(signature, at)[1] if flags & MethodSigFlags.Constrained else at

    def _method(self, signature: Signature, at: int) -> tuple[MethodDesc, TypeDesc | None]:
        """(method, type of a constrained call)."""
        flags = _number(signature, at)
        at += 2 if flags & MethodSigFlags.UpdateContext else 1
        owner: TypeDesc | None = None
        if flags & MethodSigFlags.OwnerType:
            owner, at = self._type(signature, at)
        symbol = signature[at]
        at += 1
        if not isinstance(symbol, Symbol):
            raise TypeLoadError("a method signature without a symbol")
        definition = self._definition(symbol)
        arguments: list[TypeDesc] = []
        if flags & MethodSigFlags.MethodInstantiation:
            count = _number(signature, at)
            at += 1
            for _ in range(count):
                argument, at = self._type(signature, at)
                arguments.append(argument)
        constrained = self._type(signature, at)[0] if flags & MethodSigFlags.Constrained else None
        if owner is None:
            owner = definition.owner
        if owner.definition is not definition.owner.definition:
            raise TypeLoadError(f"{definition.display_name} is not of {owner.display_name}")
        return owner.method_at(definition.rid, tuple(arguments)), constrained

    def _type(self, signature: Signature, at: int) -> tuple[TypeDesc, int]:
        element = signature[at]
        at += 1
        system = self._module.type_system
        if element == MODULE_ZAPSIG:
            element = signature[at + 1]
            at += 2
        if element == CANON:
            return system.well_known("System.__Canon"), at
        if element == ET.CLASS or element == ET.VALUETYPE:
            return self._named(signature[at]), at + 1
        if element == ET.GENERICINST:
            definition = self._named(signature[at + 1])
            count = _number(signature, at + 2)
            at += 3
            arguments = []
            for _ in range(count):
                argument, at = self._type(signature, at)
                arguments.append(argument)
            if not isinstance(definition, DefType):
                raise TypeLoadError("an instance of what is no class")
            return definition.instantiate(tuple(arguments)), at
        if element == ET.SZARRAY or element == ET.SZARRAY.to_bytes(1, "little"):
            item, at = self._type(signature, at)
            return system.array_of(item), at
        if element == ET.PTR:
            item, at = self._type(signature, at)
            return system.pointer_to(item), at
        if element == ET.VAR or element == ET.MVAR:
            variables = self._variables[element == ET.MVAR]
            index = _number(signature, at)
            if index >= len(variables):
                raise _OpenType
            return variables[index], at + 1
        if not isinstance(element, int) or element in (ET.ARRAY, ET.BYREF, ET.FNPTR):
            raise TypeLoadError("a type that is no argument")
        return system.element_type(element), at

    def _token(self, symbol: Symbol) -> int:
        """Code may name what no row of this metadata says; the linker leaves its method to the JIT."""
        try:
            return self._symbols.token(symbol)
        except UnknownSymbol:
            raise TypeLoadError(f"{symbol.name} is not in this metadata") from None

    def _named(self, part: int | bytes | Symbol) -> TypeDesc:
        if not isinstance(part, Symbol):
            raise TypeLoadError("a type without a symbol")
        if part.kind is not SymbolKind.MANIFEST_TYPE:
            return self._module.type(self._token(part))
        found = self._manifest_types.get(part)
        if found is None:
            found = self._manifest_types[part] = manifest_names.find_type(self._module.type_system, part)
        return found

    def _definition(self, symbol: Symbol) -> MethodDesc:
        """The open method that a symbol names."""
        if symbol.kind is not SymbolKind.MANIFEST_MEMBER:
            return self._module.method(self._token(symbol)).definition
        found = self._manifest_methods.get(symbol)
        if found is None:
            found = manifest_names.find_method(self._module.type_system, symbol)
            self._manifest_methods[symbol] = found
        return found


def _number(signature: Signature, at: int) -> int:
    part = signature[at]
    if not isinstance(part, int):
        raise TypeLoadError("a signature of another form")
    return part


def _override(type_: TypeDesc, method: MethodDesc) -> Iterator[Need]:
    target = type_.resolve_override(method)
    if target is not None:
        yield Need(target)


def _has_virtual_generics(type_: TypeDesc) -> bool:
    """It is generic, and it or a base class has virtual methods with type parameters of their own."""
    current: TypeDesc | None = type_ if type_.type_args else None
    while current is not None:
        if any(method.is_virtual and method.is_generic for method in current.definition.methods):
            return True
        current = current.base_type
    return False


def _static_constructor(type_: TypeDesc) -> Iterator[Need]:
    if isinstance(type_, DefType) and type_.type_args and type_.static_constructor is not None:
        yield Need(type_.static_constructor)
