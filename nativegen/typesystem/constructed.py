"""Types made from other types: arrays, pointers, function pointers, and unsubstituted type parameters.

Made and interned by :class:`~nativegen.typesystem.system.TypeSystem`.

>>> system.array_of(system.well_known("System.Int32")).canonical_name     # doctest: +SKIP
'[System.Private.CoreLib]System.Int32[]'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nativegen.typesystem import hierarchy
from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.kinds import TypeKind
from nativegen.typesystem.lazy import lazy
from nativegen.typesystem.members import MethodDesc, MethodSignature
from nativegen.typesystem.types import MAX_DEPTH, TypeDesc

if TYPE_CHECKING:
    from nativegen.typesystem.module import Module
    from nativegen.typesystem.system import TypeSystem


class ConstructedType(TypeDesc):
    """A type made from an element type."""

    suffix = ""

    def __init__(self, type_system: TypeSystem, element: TypeDesc) -> None:
        self.type_system = type_system
        self._element = element
        self.contains_generic_parameters = element.contains_generic_parameters
        self.depth = element.depth + 1
        if self.depth > MAX_DEPTH:
            raise TypeLoadError(f"{element.display_name} is nested too deeply")

    @property
    def module(self) -> Module:  # type: ignore[override]
        """The core library's: constructed types have no module of their own."""
        return self.type_system.core

    @property
    def element(self) -> TypeDesc:
        return self._element

    @lazy
    def full_name(self) -> str:
        return self._element.full_name + self.suffix

    @lazy
    def display_name(self) -> str:
        return self._element.display_name + self.suffix

    @lazy
    def canonical_name(self) -> str:
        return self._element.canonical_name + self.suffix


class ArrayType(ConstructedType):
    """A vector (``is_szarray``) or a general array of ``rank`` dimensions; the two differ even at rank 1."""

    kind = TypeKind.CLASS
    is_reference_type = True
    shares_code = True
    is_array = True

    def __init__(self, type_system: TypeSystem, element: TypeDesc, rank: int, is_szarray: bool) -> None:
        super().__init__(type_system, element)
        self.rank = rank
        self.is_szarray = is_szarray
        self.suffix = "[]" if is_szarray else "[*]" if rank == 1 else f"[{',' * (rank - 1)}]"
        self._array_methods: dict[tuple[str, MethodSignature], MethodDesc] = {}

    @property
    def is_sealed(self) -> bool:
        """No other array type converts to it: arrays are covariant, and those of integers of one size are
        interchangeable."""
        if self._element.is_value_type:
            return self._element.kind is TypeKind.VALUETYPE
        return self._element.is_sealed

    @property
    def base_type(self) -> TypeDesc | None:
        return self.type_system.well_known("System.Array")

    @lazy
    def interfaces(self) -> tuple[TypeDesc, ...]:
        return hierarchy.array_interfaces(self)

    def array_method(self, module: Module, name: str, signature: MethodSignature) -> MethodDesc:
        """Get, Set, Address or a constructor; the runtime provides the code."""
        key = (name, signature)
        method = self._array_methods.get(key)
        if method is None:
            method = MethodDesc(self, module, 0, (), name, signature)
            self._array_methods[key] = method
        return method


class ByRefType(ConstructedType):
    """A managed pointer."""

    kind = TypeKind.BYREF
    suffix = "&"


class PointerType(ConstructedType):
    """An unmanaged pointer."""

    kind = TypeKind.POINTER
    suffix = "*"


class FunctionPointerType(TypeDesc):
    """A function pointer; ``signature`` is the target's."""

    kind = TypeKind.POINTER

    def __init__(self, type_system: TypeSystem, signature: MethodSignature) -> None:
        self.type_system = type_system
        self.signature = signature
        types = (signature.return_type, *signature.parameters)
        self.contains_generic_parameters = any(item.contains_generic_parameters for item in types)
        self.depth = 1 + max([item.depth for item in types])
        if self.depth > MAX_DEPTH:
            raise TypeLoadError("a function pointer type is nested too deeply")

    @property
    def module(self) -> Module:  # type: ignore[override]
        return self.type_system.core

    @lazy
    def full_name(self) -> str:
        return f"method {self.signature}"

    @lazy
    def canonical_name(self) -> str:
        signature = self.signature
        parameters = ",".join([parameter.canonical_name for parameter in signature.parameters])
        return f"method {signature.calling_convention}({parameters}){signature.return_type.canonical_name}"


class GenericParameterType(TypeDesc):
    """``!index`` of a type or ``!!index`` of a method, when nothing was substituted for it."""

    kind = TypeKind.GENERIC_PARAMETER
    contains_generic_parameters = True

    def __init__(self, type_system: TypeSystem, index: int, is_method: bool) -> None:
        self.type_system = type_system
        self.index = index
        self.is_method = is_method
        self.name = f"{'!!' if is_method else '!'}{index}"

    @property
    def module(self) -> Module:  # type: ignore[override]
        return self.type_system.core
