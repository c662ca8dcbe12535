"""Every kind of indirection cell that compiled code asks for: the one place where fixup signatures are put together.

What: :class:`CellFactory` has one named constructor per use ("call this method", "type handle", "is this layout as
predicted?") and returns :class:`~nativegen.readytorun.unit.Cell` values with symbols in place of tokens.

Why here: the encodings are the sharpest edge of the whole format. A wrong flag does not fail, it calls another method.
So they are written once, next to the rules that choose between them, and the importer never sees a number.

Rules (facts: readytorun-images.md 2.4, generics-and-bubbles.md 1; runtime: zapsig.cpp DecodeMethod, DecodeField):

* A member of a generic instance is named by its owner's exact type plus a MemberRef of which only name and signature
  count; a MethodDef or FieldDef token together with an owner would mean the open type's member.
* A method that runs shared code is named with ``InstantiatingStub``, so that it takes no hidden argument.
* Equal uses give equal cells (they are values), which is how the image writer merges them.

Example (``string.IsNullOrEmpty`` through its MemberRef)::

    Cell(METHOD_CALL, (0x15, Symbol(MEMBER_REF, ...)), ref_map=((0, 1),))
"""

from __future__ import annotations

import copy
from typing import Final

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.ir import Memory, StructShape
from nativegen.readytorun.enums import FieldSigFlags, FixupKind, Helper, MethodSigFlags, TypeLayoutFlags
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, CellKind, Symbol
from nativegen.typesystem import FieldDesc, MethodDesc, Module, TypeDesc
from nativegen.typesystem.canonical import canonical_type, contains_canon
from nativegen.typesystem.symbols import SymbolTable

Parts = tuple[int | bytes | Symbol, ...]
RefMap = tuple[tuple[int, int], ...]

_TABLE_SHIFT: Final = 24
_MEMBER_REF: Final = 0x0A
_METHOD_SPEC: Final = 0x2B
_TYPE_SPEC: Final = 0x1B
_HEADER_SIZE: Final = 8  # of an object: its MethodTable
_SZARRAY: Final = b"\x1d"  # ELEMENT_TYPE_SZARRAY in a type signature


class CellFactory:
    """Makes the cells of one module's image.

    Args:
        module: whose metadata the signatures refer to.
        symbols: its canonical names.
        target: for helper numbers and for the fixups it knows.
    """

    def __init__(self, module: Module, symbols: SymbolTable, target: Target) -> None:
        self._module = module
        self.symbols = self._symbols = symbols
        self._target = target
        self._type_args: tuple[TypeDesc, ...] = ()
        self._method_args: tuple[TypeDesc, ...] = ()
        self._helpers: dict[Helper, Cell] = {}
        self._type_parts: dict[TypeDesc, Parts] = {}

    def within(self, type_args: tuple[TypeDesc, ...], method_args: tuple[TypeDesc, ...]) -> CellFactory:
        """The same, for the code of a generic instance: what ``!0`` and ``!!0`` in tokens mean."""
        factory = copy.copy(self)
        factory._type_args, factory._method_args = type_args, method_args
        return factory

    def _cell(self, kind: CellKind, signature: Parts, ref_map: RefMap = ()) -> Cell:
        return Cell(kind, signature, ref_map)

    # --- helpers ------------------------------------------------------------------------------------------------------

    def helper(self, helper: Helper) -> Cell:
        """A runtime helper that is called directly.

        Raises:
            Excluded: this target does not have it.
        """
        cell = self._helpers.get(helper)
        if cell is None:
            try:
                number = self._target.helper_id(helper)
            except KeyError:
                raise Excluded(Reason.OPCODE, f"needs helper {helper.value}") from None
            cell = self._helpers[helper] = Cell(CellKind.EAGER_HELPER, (int(FixupKind.Helper), number))
        return cell

    def new_general_array(self) -> Cell:
        """Allocates an array of several dimensions; arguments: type handle, count of numbers, their address."""
        known = self._target.helpers
        in_memory = Helper.NewMultiDimArr_NonVarArg  # 3.1 has another one that is variadic
        return self.helper(in_memory if in_memory in known else Helper.NewMultiDimArr)

    # --- methods ------------------------------------------------------------------------------------------------------

    def method_call(self, token: int, method: MethodDesc, ref_map: RefMap) -> Cell:
        """A call of exactly this method, bound at the first call. ``token``: MethodDef, MemberRef or MethodSpec."""
        return self._cell(CellKind.METHOD_CALL, self._entry(token, method), ref_map)

    def method_entry(self, token: int, method: MethodDesc) -> Cell:
        """The method's code address, for ``ldftn``."""
        return self._cell(CellKind.HANDLE, self._entry(token, method))

    def virtual_call(self, token: int, method: MethodDesc, ref_map: RefMap) -> Cell:
        """A call of the override that the object has; the code must have checked ``this`` for null."""
        flags, parts = self._method_signature(token, method)
        if flags == 0:
            signature: Parts = (int(FixupKind.VirtualEntry_DefToken), *parts)
        elif flags == MethodSigFlags.MemberRefToken:
            signature = (int(FixupKind.VirtualEntry_RefToken), *parts)
        else:
            signature = (int(FixupKind.VirtualEntry), flags, *parts)
        return self._cell(CellKind.VIRTUAL_CALL, signature, ref_map)

    def constrained_call(self, token: int, method: MethodDesc, constrained: TypeDesc, ref_map: RefMap) -> Cell:
        """A call of the value type's own implementation of ``method``, whose ``this`` is a byref to the value."""
        flags, parts = self._method_signature(token, method)
        flags |= MethodSigFlags.Constrained
        if constrained.is_shared_generic:
            flags |= MethodSigFlags.InstantiatingStub
        signature = (int(FixupKind.MethodEntry), flags, *parts, *self.type_parts(constrained))
        return self._cell(CellKind.METHOD_CALL, signature, ref_map)

    def virtual_function_pointer(self, token: int, method: MethodDesc) -> Cell:
        """``ldvirtftn``: called with the object, returns the code address of its override."""
        flags, parts = self._method_signature(token, method)
        return self._cell(CellKind.LAZY_HELPER_OBJ, (int(FixupKind.VirtualEntry), flags, *parts))

    def delegate_constructor(self, token: int, method: MethodDesc, delegate: TypeDesc) -> Cell:
        """Called with the new delegate and its target object, makes the delegate call ``method``."""
        flags, parts = self._method_signature(token, method)
        signature = (int(FixupKind.DelegateCtor), flags, *parts, *self.shared_type_parts(delegate))
        return self._cell(CellKind.LAZY_HELPER_OBJ_OBJ, signature)

    def method_handle(self, token: int, method: MethodDesc) -> Cell:
        """The runtime's MethodDesc, for ``ldtoken``."""
        flags, parts = self._method_signature(token, method)
        return self._cell(CellKind.HANDLE, (int(FixupKind.MethodHandle), flags, *parts))

    def _entry(self, token: int, method: MethodDesc) -> Parts:
        flags, parts = self._method_signature(token, method)
        if flags == 0:
            return (int(FixupKind.MethodEntry_DefToken), *parts)
        if flags == MethodSigFlags.MemberRefToken:
            return (int(FixupKind.MethodEntry_RefToken), *parts)
        return (int(FixupKind.MethodEntry), flags, *parts)

    def shared_call(self, token: int, method: MethodDesc, ref_map: RefMap) -> Cell:
        """A call of the code that a method shares; it takes the hidden argument, if there is one."""
        flags, parts = self._method_signature(token, method, shared=True)
        return self._cell(CellKind.METHOD_CALL, (int(FixupKind.MethodEntry), flags, *parts), ref_map)

    def shared_delegate_constructor(self, token: int, method: MethodDesc, delegate: TypeDesc) -> Cell:
        """As :meth:`delegate_constructor`, for an instance method of a generic class in shared code."""
        flags, parts = self._method_signature(token, method, shared=True)
        signature = (int(FixupKind.DelegateCtor), flags, *parts, *self.shared_type_parts(delegate))
        return self._cell(CellKind.LAZY_HELPER_OBJ_OBJ, signature)

    def _method_signature(self, token: int, method: MethodDesc, shared: bool = False) -> tuple[int, Parts]:
        """(flags, what follows them) of a method signature.

        Args:
            shared: means the shared code itself, not the method that runs it.
        """
        if token >> _TABLE_SHIFT == _METHOD_SPEC:
            token = self._module.assembly.method_spec(token & 0xFFFFFF).method_token
        if method.is_array_method:  # the MemberRef's parent says it all
            return int(MethodSigFlags.MemberRefToken), (self._symbols.method_symbol(token),)
        flags = 0
        type_parts = self.shared_type_parts if shared else self.type_parts
        parts: list[int | bytes | Symbol] = []
        owner = method.owner
        if token >> _TABLE_SHIFT == _MEMBER_REF:
            flags |= MethodSigFlags.MemberRefToken
            parent = self._generic_parent(token)
            if parent is not None:
                if parent.definition is not owner.definition:
                    raise Excluded(Reason.NOT_NAMEABLE, f"{method.display_name} inherited by {parent.display_name}")
                flags |= MethodSigFlags.OwnerType
                parts += type_parts(parent)
            elif method.requires_context and not method.method_args:
                raise Excluded(Reason.NOT_NAMEABLE, f"{method.display_name} through a class that is not generic")
        elif owner.type_args:
            raise Excluded(Reason.NOT_NAMEABLE, f"{method.display_name} without a MemberRef")
        parts.append(self._symbols.method_symbol(token))
        if method.method_args:
            flags |= MethodSigFlags.MethodInstantiation
            parts.append(len(method.method_args))
            for argument in method.method_args:
                parts += type_parts(argument)
        if not shared and method.is_shared and flags & (MethodSigFlags.OwnerType | MethodSigFlags.MethodInstantiation):
            flags |= MethodSigFlags.InstantiatingStub
        return int(flags), tuple(parts)

    def _generic_parent(self, member_ref: int) -> TypeDesc | None:
        """The generic instance that a MemberRef's parent is, or None."""
        parent = self._module.assembly.member_ref(member_ref & 0xFFFFFF).parent_token
        if parent >> _TABLE_SHIFT != _TYPE_SPEC:
            return None
        type_ = self._module.type(parent, self._type_args, self._method_args)
        return type_ if type_.type_args else None

    # --- types --------------------------------------------------------------------------------------------------------

    def type_parts(self, type_: TypeDesc) -> Parts:
        """The type as it stands in fixup signatures.

        Raises:
            NotNameable: the module's metadata has no row for it or for one of its arguments.
            Excluded: GENERIC, shared code does not know it exactly.
        """
        parts = self._type_parts.get(type_)
        if parts is None:
            if contains_canon(type_):
                raise Excluded(Reason.GENERIC, f"{type_.display_name} in shared code")
            parts = self._type_parts[type_] = self._make_type_parts(type_)
        return parts

    def _make_type_parts(self, type_: TypeDesc) -> Parts:
        return tuple(self._symbols.type_parts(type_))

    def type_symbol(self, type_: TypeDesc) -> Symbol:
        """The name of a class itself, where a token is written instead of a signature."""
        return self._symbols.type_symbol(type_)

    def shared_type_parts(self, type_: TypeDesc) -> Parts:
        """As :meth:`type_parts`; a type that shared code does not know exactly is named by its canonical form."""
        if not contains_canon(type_):
            return self.type_parts(type_)
        return self._make_type_parts(canonical_type(type_))

    def type_handle(self, type_: TypeDesc) -> Cell:
        """The runtime's MethodTable (or TypeDesc)."""
        return self._cell(CellKind.HANDLE, (int(FixupKind.TypeHandle), *self.type_parts(type_)))

    def shared_type_handle(self, type_: TypeDesc) -> Cell:
        """As :meth:`type_handle`; of a type that shared code does not know exactly, its canonical form."""
        return self._cell(CellKind.HANDLE, (int(FixupKind.TypeHandle), *self.shared_type_parts(type_)))

    def new_object(self, type_: TypeDesc) -> Cell:
        """Allocates an object; no arguments."""
        return self._cell(CellKind.LAZY_HELPER, (int(FixupKind.NewObject), *self.type_parts(type_)))

    def new_array(self, element: TypeDesc) -> Cell:
        """Allocates a vector; argument: the length as a native int."""
        return self._cell(CellKind.LAZY_HELPER, (int(FixupKind.NewArray), _SZARRAY, *self.type_parts(element)))

    def is_instance(self, type_: TypeDesc) -> Cell:
        """``isinst``: the object or null."""
        return self._cell(CellKind.LAZY_HELPER_OBJ, (int(FixupKind.IsInstanceOf), *self.type_parts(type_)))

    def cast_class(self, type_: TypeDesc) -> Cell:
        """``castclass``: the object, or InvalidCastException."""
        return self._cell(CellKind.LAZY_HELPER_OBJ, (int(FixupKind.ChkCast), *self.type_parts(type_)))

    def class_constructor_trigger(self, type_: TypeDesc) -> Cell:
        """Runs the static constructor unless it has run; no arguments, no result."""
        return self._cell(CellKind.LAZY_HELPER, (int(FixupKind.CctorTrigger), *self.type_parts(type_)))

    def check_type_layout(self, type_: TypeDesc, shape: StructShape) -> Cell:
        """The value type has this size and these references (jitinterface.cpp: TypeLayoutCheck).

        The alignment is not compared: code does not depend on it, and what the runtime would compare is not the
        layout's but the JIT's notion of it. Interior pointers are not part of what the runtime compares.
        """
        references = [offset for offset, memory in shape.gc if memory is Memory.REF]
        prefix = (int(FixupKind.Check_TypeLayout), *self.shared_type_parts(type_))
        if not references:
            flags = int(TypeLayoutFlags.GCLayout | TypeLayoutFlags.GCLayout_Empty)
            return self._cell(CellKind.CHECK, (*prefix, flags, shape.size))
        bits = bytearray((shape.size // 8 + 7) // 8)
        for offset in references:
            bits[offset // 64] |= 1 << (offset // 8 % 8)
        return self._cell(CellKind.CHECK, (*prefix, int(TypeLayoutFlags.GCLayout), shape.size, bytes(bits)))

    # --- fields -------------------------------------------------------------------------------------------------------

    def static_field_address(self, token: int, field: FieldDesc) -> Cell:
        """Returns the address of a static field after running its class's static constructor if need be."""
        return self._cell(CellKind.LAZY_HELPER, (int(FixupKind.FieldAddress), *self._field_signature(token, field)))

    def field_data(self, field: FieldDesc) -> Cell:
        """The initial data of a static field of the module itself: an address, not a cell."""
        return Cell(CellKind.FIELD_DATA, (self._symbols.field_symbol(field.token),))

    def check_field_offset(self, token: int, field: FieldDesc) -> Cell:
        """The instance field is where we predicted (classes: MethodTable pointer included)."""
        signature = (int(FixupKind.Check_FieldOffset), field.offset, *self._field_signature(token, field, True))
        return self._cell(CellKind.CHECK, signature)

    def check_static_offset(self, token: int, field: FieldDesc, offset: int) -> Cell:
        """A static field of a generic class is at this offset from the base that its kind of fields has.

        The runtime's check was made for instance fields, but compares what it knows as the field's offset; of classes
        it adds the size of a header (jitinterface.cpp: LoadDynamicInfoEntry).
        """
        expected = offset if field.owner.is_value_type else offset + _HEADER_SIZE
        signature = (int(FixupKind.Check_FieldOffset), expected, *self._field_signature(token, field, True))
        return self._cell(CellKind.CHECK, signature)

    def field_offset(self, token: int, field: FieldDesc) -> Cell:
        """A word that contains the offset of a class's instance field, MethodTable pointer included.

        For classes whose layout other assemblies decide; the runtime refuses the method when the offset is so big that
        a null reference would not fault (jitinterface.cpp: MAX_UNCHECKED_OFFSET_FOR_NULL_OBJECT).
        """
        return self._cell(CellKind.HANDLE, (int(FixupKind.FieldOffset), *self._field_signature(token, field, True)))

    def field_handle(self, token: int, field: FieldDesc) -> Cell:
        """The runtime's FieldDesc, for ``ldtoken``."""
        return self._cell(CellKind.HANDLE, (int(FixupKind.FieldHandle), *self._field_signature(token, field)))

    def _field_signature(self, token: int, field: FieldDesc, shared: bool = False) -> Parts:
        symbol = self._symbols.field_symbol(token)
        if token >> _TABLE_SHIFT != _MEMBER_REF:
            if field.owner.type_args:
                raise Excluded(Reason.NOT_NAMEABLE, f"{field.display_name} without a MemberRef")
            return (0, symbol)
        parent = self._generic_parent(token)
        if parent is None:
            return (int(FieldSigFlags.MemberRefToken), symbol)
        if parent.definition is not field.owner.definition:
            raise Excluded(Reason.NOT_NAMEABLE, f"{field.display_name} inherited by {parent.display_name}")
        owner = self.shared_type_parts(parent) if shared else self.type_parts(parent)
        return (int(FieldSigFlags.MemberRefToken | FieldSigFlags.OwnerType), *owner, symbol)

    # --- dictionary lookups -------------------------------------------------------------------------------------------

    # Asked of the factory without type arguments, because what is looked up is named in open form. All take the
    # generic context (MethodTable or MethodDesc) and return a pointer. ``scope``: the runtime binds a cell to a slot of
    # the dictionary it is first used with, so code with another dictionary must have another cell; the runtime does not
    # read on behind a complete signature.

    def lookup_type(self, context: Parts, scope: Parts, type_: TypeDesc) -> Cell:
        """The exact type's handle."""
        return self._cell(CellKind.LAZY_HELPER, (*context, int(FixupKind.TypeHandle), *self.type_parts(type_), *scope))

    def lookup_entry(self, context: Parts, scope: Parts, token: int, method: MethodDesc) -> Cell:
        """Code of the exact method, without hidden argument."""
        flags, parts = self._method_signature(token, method)
        return self._cell(CellKind.LAZY_HELPER, (*context, int(FixupKind.MethodEntry), flags, *parts, *scope))

    def lookup_method(self, context: Parts, scope: Parts, token: int, method: MethodDesc) -> Cell:
        """The exact MethodDesc."""
        flags, parts = self._method_signature(token, method)
        flags |= MethodSigFlags.InstantiatingStub
        return self._cell(CellKind.LAZY_HELPER, (*context, int(FixupKind.MethodHandle), int(flags), *parts, *scope))

    def lookup_dispatch(self, context: Parts, scope: Parts, token: int, method: MethodDesc) -> Cell:
        """The dispatch cell of a virtual method of the exact type."""
        flags, parts = self._method_signature(token, method)
        flags &= ~MethodSigFlags.InstantiatingStub
        return self._cell(CellKind.LAZY_HELPER, (*context, int(FixupKind.VirtualEntry), int(flags), *parts, *scope))

    def lookup_constrained(
        self, context: Parts, scope: Parts, token: int, method: MethodDesc, constrained: TypeDesc
    ) -> Cell:
        """Code of a struct's implementation of ``method``, without hidden argument; ``this`` is a byref."""
        flags, parts = self._method_signature(token, method)
        flags |= MethodSigFlags.Constrained
        signature = (*context, int(FixupKind.MethodEntry), int(flags), *parts, *self.type_parts(constrained), *scope)
        return self._cell(CellKind.LAZY_HELPER, signature)

    def shared_instance_parts(self, method: MethodDesc) -> Parts:
        """An instance of one of our generic methods as a signature names it."""
        parts: list[int | bytes | Symbol] = [*self.shared_type_parts(method.owner)]
        parts += [self._symbols.method_symbol(method.token), len(method.method_args)]
        for argument in method.method_args:
            parts += self.shared_type_parts(argument)
        return tuple(parts)

    # --- strings ------------------------------------------------------------------------------------------------------

    def string_literal(self, token: int) -> Cell:
        """A word that points to the handle of the interned string."""
        return self._cell(CellKind.HANDLE, (int(FixupKind.StringHandle), self._symbols.string_symbol(token)))
