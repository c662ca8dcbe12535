"""Code sharing: which instantiations run the same code, and the numbers by which the runtime looks them up.

What: reference types as type arguments share code; ``System.__Canon`` stands for all of them
(:func:`canonical_type`, :func:`canonical_method`). :func:`contains_canon` tells types that shared code only knows up
to sharing. :func:`version_hash` and :func:`method_version_hash` are the version-resilient hash codes of section 109.

Why here: the rules are the runtime's (clr-abi.md: generics; canonicaltypes: ClassLoader::CanonicalizeGenericArg), and
importer, linker and closure must agree on them.

Invariants: a canonical type or method is its own canonical form. ``!0`` is none: open types are not canonical.

>>> canonical_type(list_of(string))                                  # doctest: +SKIP
<type System.Collections.Generic.List`1<System.__Canon>>
>>> canonical_type(nullable_of(int32))                               # doctest: +SKIP
<type System.Nullable`1<System.Int32>>
"""

from __future__ import annotations

from nativegen.metadata.flags import GenericParamAttributes
from nativegen.readytorun import hashing
from nativegen.typesystem.constructed import ArrayType, ByRefType, PointerType
from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.members import MethodDesc
from nativegen.typesystem.types import DefType, TypeDesc

_CANON = "System.__Canon"


def canon(type_desc: TypeDesc) -> DefType:
    """``System.__Canon`` of the type's world."""
    return type_desc.type_system.well_known(_CANON)


def _canonical_argument(argument: TypeDesc) -> TypeDesc:
    return canon(argument) if argument.is_reference_type else canonical_type(argument)


def canonical_type(type_desc: TypeDesc) -> TypeDesc:
    """The instantiation whose code this type's methods run."""
    if not isinstance(type_desc, DefType) or not type_desc.is_shared_generic:
        return type_desc
    return type_desc.definition.instantiate(tuple([_canonical_argument(item) for item in type_desc.type_args]))


def canonical_method(method: MethodDesc) -> MethodDesc:
    """The method whose code this one runs."""
    if not method.is_shared:
        return method
    owner = canonical_type(method.owner)
    return owner.method_at(method.rid, tuple([_canonical_argument(item) for item in method.method_args]))


def contains_canon(type_desc: TypeDesc) -> bool:
    """``System.__Canon``, or made from it: not exactly known to the code that mentions it."""
    if isinstance(type_desc, DefType):
        if not type_desc.type_args:
            return type_desc is canon(type_desc)
        return type_desc.is_shared_generic and any(contains_canon(item) for item in type_desc.type_args)
    if isinstance(type_desc, ArrayType | ByRefType | PointerType):
        return contains_canon(type_desc.element)
    return False


def method_contains_canon(method: MethodDesc) -> bool:
    """Its owner or one of its own type arguments does."""
    return contains_canon(method.owner) or any(contains_canon(item) for item in method.method_args)


# ---- version-resilient hash codes (versionresilienthashcode.cpp) ----------------------------------------------------


def version_hash(type_desc: TypeDesc) -> int:
    """The hash code of a type.

    Raises:
        TypeLoadError: a kind of type that is no type argument.
    """
    if isinstance(type_desc, DefType):
        own = hashing.type_hash(type_desc.namespace, type_desc.name)
        enclosing = type_desc.definition.enclosing
        if enclosing is not None:
            own = hashing.nested_type_hash(version_hash(enclosing), own)
        if type_desc.type_args:
            return hashing.instance_hash(own, [version_hash(argument) for argument in type_desc.type_args])
        return own
    if isinstance(type_desc, ArrayType):
        return hashing.array_hash(version_hash(type_desc.element), type_desc.rank)
    if isinstance(type_desc, PointerType):
        return hashing.pointer_hash(version_hash(type_desc.element))
    raise TypeLoadError(f"{type_desc.display_name} is no type argument")


def method_version_hash(method: MethodDesc) -> int:
    """The hash code under which section 109 lists a method."""
    return hashing.method_hash(
        version_hash(method.owner), method.name, [version_hash(argument) for argument in method.method_args]
    )


def canonical_instance(method: MethodDesc) -> MethodDesc | None:
    """The instance of a generic definition that serves all reference types.

    Returns:
        None: a type parameter takes value types only.
    """
    owner = method.owner.definition
    parameters = list(method.module.assembly.generic_params(method.token))
    if isinstance(owner, DefType) and owner.is_generic_definition:
        parameters += method.module.assembly.generic_params(owner.token)
        owner = owner.instantiate((canon(owner),) * owner.generic_count)
    if any(parameter.flags & GenericParamAttributes.VALUE_TYPE_CONSTRAINT for parameter in parameters):
        return None
    return owner.method_at(method.rid, (canon(owner),) * method.generic_count)
