"""Types: what all have in common, and those with a TypeDef row. Interned per type system: they compare with ``is``.

Every class answers the same questions (:class:`TypeDesc` gives the defaults), because the importer asks them of
whatever comes off the evaluation stack. Answers that cost a metadata read are cached properties.

>>> system.well_known("System.Int32").kind                          # doctest: +SKIP
<TypeKind.I4: 8>
>>> system.array_of(system.well_known("System.Int32")).full_name    # doctest: +SKIP
'System.Int32[]'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nativegen.diagnostics import NativegenError
from nativegen.metadata.attributes import decode_attribute
from nativegen.metadata.flags import FieldAttributes, GenericParamAttributes, TypeAttributes
from nativegen.metadata.tables import Table
from nativegen.typesystem import classification, hierarchy, layout
from nativegen.typesystem.classification import Eightbyte
from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.kinds import ELEMENT_KINDS, NAME_ELEMENTS, TypeKind
from nativegen.typesystem.layout import TypeLayout
from nativegen.typesystem.lazy import lazy
from nativegen.typesystem.members import FieldDesc, MethodDesc, MethodSignature

if TYPE_CHECKING:
    from nativegen.typesystem.module import Module
    from nativegen.typesystem.system import TypeSystem

_TYPE_DEF = Table.TypeDef << 24


_INTRINSICS = "System.Runtime.Intrinsics"
_HARDWARE_VECTORS = frozenset({"Vector64`1", "Vector128`1", "Vector256`1", "Vector512`1"})
MAX_DEPTH = 32  # of type arguments and elements; deeper ones only come from recursion without end


class TypeDesc:
    """Any type. ``module`` is where its definition is; constructed types are in the core library's module."""

    kind: TypeKind
    module: Module
    type_system: TypeSystem
    rid: int = 0
    flags: int = 0
    namespace: str = ""
    name: str = ""
    type_args: tuple[TypeDesc, ...] = ()
    is_value_type: bool = False
    is_reference_type: bool = False
    is_interface: bool = False
    is_enum: bool = False
    is_primitive: bool = False
    is_array: bool = False
    is_generic_definition: bool = False
    contains_generic_parameters: bool = False
    is_shared_generic: bool = False
    shares_code: bool = False  # as a type argument, makes its generic share code with other reference types
    depth: int = 1  # nesting of type arguments and elements

    # Overridden below where the answer depends on metadata.

    @property
    def is_delegate(self) -> bool:
        return False

    @property
    def is_sealed(self) -> bool:
        """No other class can derive from it."""
        return False

    @property
    def is_abstract(self) -> bool:
        return False

    @property
    def is_string(self) -> bool:
        return False

    @property
    def is_object(self) -> bool:
        return False

    @property
    def is_nullable(self) -> bool:
        return False

    @property
    def is_byref_like(self) -> bool:
        """May only live on the stack."""
        return False

    @property
    def is_hardware_vector(self) -> bool:
        return False

    @property
    def is_abi_special(self) -> bool:
        """Passed and aligned in ways of its own: hardware vectors, Int128, UInt128."""
        return False

    @property
    def is_intrinsic(self) -> bool:
        return False

    @property
    def has_variance(self) -> bool:
        return False

    @property
    def has_static_constructor(self) -> bool:
        return False

    @property
    def is_before_field_init(self) -> bool:
        return False

    @property
    def definition(self) -> TypeDesc:
        """The open definition of a generic instance; every other type is its own."""
        return self

    @property
    def enclosing(self) -> TypeDesc | None:
        return None

    @property
    def base_type(self) -> TypeDesc | None:
        return None

    @property
    def interfaces(self) -> tuple[TypeDesc, ...]:
        """All interfaces, inherited ones included, type arguments substituted."""
        return ()

    @property
    def instance_fields(self) -> tuple[FieldDesc, ...]:
        """Declared here, in declaration order."""
        return ()

    @property
    def static_fields(self) -> tuple[FieldDesc, ...]:
        return ()

    @property
    def methods(self) -> tuple[MethodDesc, ...]:
        """Declared here, in declaration order."""
        return ()

    @property
    def element(self) -> TypeDesc:
        """Of an array, byref or pointer.

        Raises:
            TypeLoadError: it is none of these.
        """
        raise TypeLoadError(f"{self.display_name} has no element type")

    @property
    def underlying(self) -> TypeDesc:
        """The primitive of an enum; every other type is its own."""
        return self

    @property
    def full_name(self) -> str:
        """``Ns.Outer+Inner``, without type arguments and assembly."""
        return self.name

    @property
    def display_name(self) -> str:
        """As ``full_name``, with type arguments: for messages and listings."""
        return self.full_name

    @property
    def canonical_name(self) -> str:
        """``[Assembly]Ns.Outer/Inner<...>`` by defining assembly: independent of tokens and facades."""
        return self.name

    @property
    def layout(self) -> TypeLayout:
        """Size, alignment, GC references and field offsets.

        Raises:
            TypeLoadError: there is no layout, or it cannot be predicted.
        """
        raise TypeLoadError(f"layout: {self.display_name} has none")

    @property
    def classification(self) -> tuple[Eightbyte, ...] | None:
        """Registers that carry a value type under System V, or None: by value on the stack, returned in a buffer.

        Raises:
            TypeLoadError: not a value type, or not certain.
        """
        raise TypeLoadError(f"classification: {self.display_name} is not a value type")

    @property
    def size(self) -> int:
        """Bytes that a field, local or array element of this type occupies.

        Raises:
            TypeLoadError: the layout cannot be predicted, or the type is void or open.
        """
        return layout.field_size_alignment(self)[0]

    def method_at(self, rid: int, method_args: tuple[TypeDesc, ...] = ()) -> MethodDesc:
        """The method with this MethodDef row, which must be declared by this type."""
        raise TypeLoadError(f"{self.display_name} declares no methods")

    def field_at(self, rid: int) -> FieldDesc:
        """The field with this Field row, which must be declared by this type."""
        raise TypeLoadError(f"{self.display_name} declares no fields")

    def find_method(
        self, name: str, signature: MethodSignature | None = None, declared_only: bool = True
    ) -> MethodDesc | None:
        """The first method of this name (and signature), here or, if asked for, in a base class."""
        return hierarchy.find_method(self, name, signature, declared_only)

    def implements(self, interface: TypeDesc) -> bool:
        """Lists exactly this interface instance; variance is not considered."""
        return interface in self.interfaces

    def resolve_override(self, method: MethodDesc) -> MethodDesc | None:
        """The method that a call of a virtual or interface method hits when the object is exactly of this type.

        Returns:
            None: this type does not implement it, a default interface method would be called, or a class implements
            several instances of a variant interface, between which the runtime chooses by rules of its own.
        """
        return hierarchy.resolve_override(self, method)

    def __repr__(self) -> str:
        return f"<type {self.display_name}>"


class DefType(TypeDesc):
    """A type with a TypeDef row: a non-generic type, an open generic definition, or an instance of one."""

    def __init__(
        self, module: Module, rid: int, definition: DefType | None = None, type_args: tuple[TypeDesc, ...] = ()
    ) -> None:
        self.module = module
        self.type_system = module.type_system
        self.rid = rid
        self.type_args = type_args
        self._definition = definition or self
        self._methods: dict[tuple[int, tuple[TypeDesc, ...]], MethodDesc] = {}
        self._instances: dict[tuple[TypeDesc, ...], DefType] = {}
        if definition is None:
            row = module.assembly.type_def(rid)
            self.row = row
            self.flags = row.flags
            self.namespace = row.namespace
            self.name = row.name
            self.is_interface = bool(row.flags & TypeAttributes.INTERFACE)
            self.kind = self._kind()
            self.generic_count = len(module.assembly.generic_params(_TYPE_DEF | rid))
            self.is_generic_definition = self.generic_count != 0
            self.contains_generic_parameters = self.is_generic_definition
        else:
            self.row = definition.row
            self.flags = definition.flags
            self.namespace = definition.namespace
            self.name = definition.name
            self.is_interface = definition.is_interface
            self.kind = definition.kind
            self.generic_count = definition.generic_count
            self.contains_generic_parameters = any(argument.contains_generic_parameters for argument in type_args)
            self.is_shared_generic = any(argument.shares_code for argument in type_args)
            self.depth = 1 + max([argument.depth for argument in type_args])
            if self.depth > MAX_DEPTH:
                raise TypeLoadError(f"type arguments of {self.full_name} are nested too deeply")
        kind = self.kind
        self.is_reference_type = kind is TypeKind.CLASS
        self.is_enum = kind is TypeKind.ENUM
        self.is_primitive = TypeKind.VOID < kind <= TypeKind.U
        self.is_value_type = not self.is_reference_type and kind is not TypeKind.VOID
        self.shares_code = self.is_reference_type or self.is_shared_generic

    def _kind(self) -> TypeKind:
        """From the base type's name alone, so that no other type needs to be loaded."""
        if self.is_interface or not self.row.extends_token:
            return TypeKind.CLASS
        namespace, name, may_be_core = self.module.name_of_type_token(self.row.extends_token)
        if namespace != "System" or not may_be_core or name not in ("ValueType", "Enum"):
            return TypeKind.CLASS
        in_core = self.module.is_core and self.namespace == "System"
        if in_core and self.name == "Enum":
            return TypeKind.CLASS
        if name == "Enum":
            return TypeKind.ENUM
        if in_core:
            element = NAME_ELEMENTS.get(self.name)
            if element is not None and not self.module.assembly.enclosing_type(self.rid):
                return ELEMENT_KINDS.get(element, TypeKind.TYPEDBYREF)
        return TypeKind.VALUETYPE

    # ---- names ------------------------------------------------------------------------------------------------------

    @property
    def token(self) -> int:
        """TypeDef token in ``module``."""
        return _TYPE_DEF | self.rid

    @lazy
    def full_name(self) -> str:
        return self.module.assembly.type_full_name(self.rid)

    @lazy
    def display_name(self) -> str:
        if not self.type_args:
            return self.full_name
        return f"{self.full_name}<{','.join(argument.display_name for argument in self.type_args)}>"

    @lazy
    def canonical_name(self) -> str:
        name = f"[{self.module.name}]{self.full_name.replace('+', '/')}"
        if not self.type_args:
            return name
        return f"{name}<{','.join([argument.canonical_name for argument in self.type_args])}>"

    @lazy
    def enclosing(self) -> TypeDesc | None:
        outer = self.module.assembly.enclosing_type(self.rid)
        return self.module.type_def(outer) if outer else None

    # ---- what it is -------------------------------------------------------------------------------------------------

    @property
    def definition(self) -> DefType:
        return self._definition

    @property
    def is_sealed(self) -> bool:
        return self.flags & TypeAttributes.SEALED != 0

    @property
    def is_abstract(self) -> bool:
        return self.flags & TypeAttributes.ABSTRACT != 0

    @property
    def is_before_field_init(self) -> bool:
        return self.flags & TypeAttributes.BEFORE_FIELD_INIT != 0

    @property
    def is_sequential_layout(self) -> bool:
        return self.flags & TypeAttributes.LAYOUT_MASK == TypeAttributes.SEQUENTIAL_LAYOUT

    @property
    def is_explicit_layout(self) -> bool:
        return self.flags & TypeAttributes.LAYOUT_MASK == TypeAttributes.EXPLICIT_LAYOUT

    @lazy
    def is_delegate(self) -> bool:
        if self.kind is not TypeKind.CLASS or not self.row.extends_token:
            return False
        namespace, name, _ = self.module.name_of_type_token(self.row.extends_token)
        return namespace == "System" and name == "MulticastDelegate"

    @lazy
    def is_string(self) -> bool:
        return self._is_core("System", "String")

    @lazy
    def is_object(self) -> bool:
        return self._is_core("System", "Object")

    @lazy
    def is_nullable(self) -> bool:
        return self._is_core("System", "Nullable`1")

    @lazy
    def is_byref_like(self) -> bool:
        if self.kind is TypeKind.TYPEDBYREF:
            return True
        return self.kind is TypeKind.VALUETYPE and self.has_attribute(
            "System.Runtime.CompilerServices.IsByRefLikeAttribute"
        )

    @lazy
    def inline_array_length(self) -> int:
        """How often the runtime repeats the one field of this struct (InlineArrayAttribute); 0 for other types."""
        if self.kind is not TypeKind.VALUETYPE:
            return 0
        assembly = self.module.assembly
        for attribute in assembly.custom_attributes(self.token):
            if attribute.type_full_name == "System.Runtime.CompilerServices.InlineArrayAttribute":
                return int(decode_attribute(assembly, attribute).fixed[0])
        return 0

    @lazy
    def is_hardware_vector(self) -> bool:
        if not self.module.is_core:
            return False
        if self.namespace == _INTRINSICS:
            return self.name in _HARDWARE_VECTORS
        return self.namespace == "System.Numerics" and self.name == "Vector`1"

    @lazy
    def is_abi_special(self) -> bool:
        return self.is_hardware_vector or self._is_core("System", "Int128") or self._is_core("System", "UInt128")

    @lazy
    def is_intrinsic(self) -> bool:
        """The JIT knows its methods: hardware instructions and vectors."""
        return self.module.is_core and (
            self.namespace.startswith(_INTRINSICS)
            or (self.namespace == "System.Numerics" and self.has_attribute(
                "System.Runtime.CompilerServices.IntrinsicAttribute"
            ))
        )  # fmt: skip

    def _is_core(self, namespace: str, name: str) -> bool:
        return self.name == name and self.namespace == namespace and self.module.is_core and self.enclosing is None

    def has_attribute(self, full_name: str) -> bool:
        """Carries a custom attribute of that type."""
        return self.module.assembly.has_attribute(self.token, full_name)

    # ---- hierarchy --------------------------------------------------------------------------------------------------

    @lazy
    def base_type(self) -> TypeDesc | None:
        token = self.row.extends_token
        return self.module.type(token, self.type_args) if token else None

    @lazy
    def interfaces(self) -> tuple[TypeDesc, ...]:
        return hierarchy.all_interfaces(self)

    @lazy
    def declared_interfaces(self) -> tuple[TypeDesc, ...]:
        """Those the type itself lists, in row order."""
        tokens = self.module.assembly.interface_impls(self.rid)
        return tuple([self.module.type(token, self.type_args) for token in tokens])

    @lazy
    def has_variance(self) -> bool:
        """A type parameter is covariant or contravariant, so that other instances may convert to this one."""
        parameters = self.module.assembly.generic_params(self.token) if self.generic_count else ()
        return any(parameter.flags & GenericParamAttributes.VARIANCE_MASK for parameter in parameters)

    # ---- members ----------------------------------------------------------------------------------------------------

    @lazy
    def methods(self) -> tuple[MethodDesc, ...]:
        return tuple([self.method_at(rid) for rid in self.row.method_rids])

    def method_at(self, rid: int, method_args: tuple[TypeDesc, ...] = ()) -> MethodDesc:
        key = (rid, method_args)
        method = self._methods.get(key)
        if method is None:
            if not self.row.first_method <= rid < self.row.last_method:
                raise TypeLoadError(f"method row {rid} does not belong to {self.display_name}")
            try:
                method = self._methods[key] = MethodDesc(self, self.module, rid, method_args)
            except NativegenError as error:
                raise TypeLoadError(str(error)) from error
        return method

    def methods_named(self, name: str) -> tuple[MethodDesc, ...]:
        """Declared methods of this name, in declaration order."""
        return tuple([self.method_at(rid) for rid in self._definition._method_names.get(name, ())])

    @lazy
    def _method_names(self) -> dict[str, list[int]]:
        names: dict[str, list[int]] = {}
        assembly = self.module.assembly
        for rid in self.row.method_rids:
            # The raw row: most methods of a type are never asked for.
            names.setdefault(assembly.string(assembly.row(Table.MethodDef, rid)[3]), []).append(rid)
        return names

    @lazy
    def _fields(self) -> dict[int, FieldDesc]:
        assembly = self.module.assembly
        is_static = {rid: bool(assembly.field_def(rid).flags & FieldAttributes.STATIC) for rid in self.row.field_rids}
        ordered = sorted(self.row.field_rids, key=is_static.__getitem__)
        return {rid: FieldDesc(self, self.module, rid, index) for index, rid in enumerate(ordered)}

    @lazy
    def instance_fields(self) -> tuple[FieldDesc, ...]:
        return tuple([field for field in self._fields.values() if not field.is_static])

    @lazy
    def static_fields(self) -> tuple[FieldDesc, ...]:
        return tuple([field for field in self._fields.values() if field.is_static])

    def field_at(self, rid: int) -> FieldDesc:
        field = self._fields.get(rid)
        if field is None:
            raise TypeLoadError(f"field row {rid} does not belong to {self.display_name}")
        return field

    @lazy
    def static_constructor(self) -> MethodDesc | None:
        """The type initialiser."""
        found = [method for method in self.methods_named(".cctor") if method.is_static_constructor]
        return found[0] if found else None

    @property
    def has_static_constructor(self) -> bool:
        return self.static_constructor is not None

    # ---- representation ---------------------------------------------------------------------------------------------

    @lazy
    def underlying(self) -> TypeDesc:
        if self.kind is not TypeKind.ENUM:
            return self
        fields = self.instance_fields
        if len(fields) != 1 or not fields[0].type.is_primitive:
            raise TypeLoadError(f"enum {self.full_name} has no single primitive instance field")
        return fields[0].type

    @lazy
    def layout(self) -> TypeLayout:
        return layout.compute_layout(self)

    @lazy
    def classification(self) -> tuple[Eightbyte, ...] | None:
        return classification.classify(self)

    # ---- instantiation ----------------------------------------------------------------------------------------------

    def instantiate(self, type_args: tuple[TypeDesc, ...]) -> DefType:
        """This generic definition with type arguments.

        Raises:
            TypeLoadError: wrong number of arguments, or nested too deeply.
        """
        instance = self._instances.get(type_args)
        if instance is None:
            if self._definition is not self or len(type_args) != self.generic_count or not type_args:
                raise TypeLoadError(f"{self.display_name} cannot be given {len(type_args)} type arguments")
            instance = self._instances[type_args] = DefType(self.module, self.rid, self, type_args)
        return instance
