"""Interfaces of types, finding methods by name, and which method a call on an exactly known type hits.

The rules are those of ECMA-335 II.12.2 as the runtime applies them: explicit MethodImpls win, then public virtual
methods by name and signature of the class that lists the interface, then of its base classes; a class that does not
list the interface again inherits its base class's choice, but overrides the chosen virtual method as any other.

>>> int_type.resolve_override(object_to_string).display_name            # doctest: +SKIP
'System.Int32::ToString'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nativegen.diagnostics import NativegenError
from nativegen.typesystem.errors import TypeLoadError

if TYPE_CHECKING:
    from nativegen.typesystem.constructed import ArrayType
    from nativegen.typesystem.members import MethodDesc, MethodSignature
    from nativegen.typesystem.types import DefType, TypeDesc

_PUBLIC = 6
_ASSEMBLY_ACCESSES = (2, 3)  # family and assembly, assembly
#: Marks an override with a covariant return type: whoever overrides it overrides what it overrode, too.
_PRESERVE_BASE_OVERRIDES = "System.Runtime.CompilerServices.PreserveBaseOverridesAttribute"
_ARRAY_INTERFACES = (
    "System.Collections.Generic.IList`1",
    "System.Collections.Generic.ICollection`1",
    "System.Collections.Generic.IEnumerable`1",
    "System.Collections.Generic.IReadOnlyList`1",
    "System.Collections.Generic.IReadOnlyCollection`1",
)


def all_interfaces(type_desc: DefType) -> tuple[TypeDesc, ...]:
    """Interfaces of the base class first, then each listed one followed by those it extends; every one once."""
    found: dict[TypeDesc, None] = {}
    base = type_desc.base_type
    if base is not None:
        found.update(dict.fromkeys(base.interfaces))
    for interface in type_desc.declared_interfaces:
        found[interface] = None
        found.update(dict.fromkeys(interface.interfaces))
    return tuple(found)


def array_interfaces(array: ArrayType) -> tuple[TypeDesc, ...]:
    """Those of System.Array and, of vectors whose elements can be type arguments, the generic collection interfaces."""
    system = array.type_system
    base = system.well_known("System.Array").interfaces
    if not array.is_szarray or not (array.element.is_value_type or array.element.is_reference_type):
        return base
    return base + tuple([system.well_known(name).instantiate((array.element,)) for name in _ARRAY_INTERFACES])


def find_method(
    type_desc: TypeDesc, name: str, signature: MethodSignature | None, declared_only: bool
) -> MethodDesc | None:
    """See :meth:`TypeDesc.find_method`."""
    current: TypeDesc | None = type_desc
    while current is not None:
        for method in _named(current, name):
            if signature is None or method.signature == signature:
                return method
        current = None if declared_only else current.base_type
    return None


def resolve_override(type_desc: TypeDesc, method: MethodDesc) -> MethodDesc | None:
    """See :meth:`TypeDesc.resolve_override`."""
    chain = _chain(type_desc)
    wanted = method.owner.method_at(method.rid) if method.method_args else method
    if method.owner.is_interface:
        found = _implementation(chain, wanted)
    else:
        found = _most_derived(chain, wanted)
    if found is not None and method.method_args:
        return found.instantiate(method.method_args)
    return found


def _named(type_desc: TypeDesc, name: str) -> tuple[MethodDesc, ...]:
    lookup = getattr(type_desc, "methods_named", None)
    return lookup(name) if lookup is not None else ()


def _chain(type_desc: TypeDesc) -> list[TypeDesc]:
    """The type and its base classes, most derived first."""
    chain: list[TypeDesc] = []
    current: TypeDesc | None = type_desc
    while current is not None:
        if current in chain:
            raise TypeLoadError(f"{type_desc.display_name} derives from itself")
        chain.append(current)
        current = current.base_type
    return chain


def same_signature(candidate: MethodDesc, wanted: MethodDesc) -> bool:
    if candidate.generic_count != wanted.generic_count or candidate.is_static != wanted.is_static:
        return False
    left, right = candidate.signature, wanted.signature
    return left.parameters == right.parameters and left.return_type is right.return_type


def _method_impl(type_desc: TypeDesc, declarations: set[MethodDesc]) -> MethodDesc | None:
    """The body of an explicit override of one of these methods that this very class declares."""
    if not type_desc.rid:
        return None
    module = type_desc.module
    try:
        rows = module.assembly.method_impls(type_desc.rid)
    except NativegenError as error:
        raise TypeLoadError(str(error)) from error
    for row in rows:
        if module.method(row.declaration_token, type_desc.type_args) in declarations:
            body = module.method(row.body_token, type_desc.type_args)
            return type_desc.method_at(body.rid) if body.owner.definition is type_desc.definition else body
    return None


def _most_derived(chain: list[TypeDesc], method: MethodDesc) -> MethodDesc | None:
    """Follows the virtual slot of a class's method from its class down to ``chain[0]``."""
    if method.owner not in chain:
        return None
    if not method.is_virtual:
        return method
    current = method
    in_slot = {method}
    overridable = [method]  # with covariant returns, also the method that took the slot over
    hidden = False
    for type_desc in reversed(chain[: chain.index(method.owner)]):
        overriding = None
        for candidate in _named(type_desc, method.name):
            matched = [
                base for base in overridable if same_signature(candidate, base) and _may_override(candidate, base)
            ]
            if not candidate.is_virtual or not matched:
                continue
            if not candidate.is_new_slot:
                if not hidden or matched != [method]:
                    overriding = candidate
            elif method in matched:
                hidden = True
        explicit = _method_impl(type_desc, in_slot)
        if explicit is not None:
            overriding = explicit
            if explicit.has_attribute(_PRESERVE_BASE_OVERRIDES):
                overridable.append(explicit)
        if overriding is not None:
            current = overriding
            in_slot.add(current)
    return current


def _may_override(candidate: MethodDesc, method: MethodDesc) -> bool:
    """A strict method can only be overridden where it is accessible (ECMA-335 II.23.1.10: CheckAccessOnOverride)."""
    if not method.is_strict or candidate.module is method.module or method.access not in _ASSEMBLY_ACCESSES:
        return True
    return candidate.module.name.lower() in method.module.friends


def _implementation(chain: list[TypeDesc], method: MethodDesc) -> MethodDesc | None:
    interface = method.owner
    if _is_ambiguous(chain[0], interface):
        return None
    for position, type_desc in enumerate(chain):
        explicit = _method_impl(type_desc, {method})
        if explicit is not None:
            return _most_derived(chain, explicit) if not explicit.is_static else explicit
        if not _lists(type_desc, interface) or method.is_static:
            continue
        for candidate in _named(type_desc, method.name):
            if _implements_by_name(candidate, method):
                return _most_derived(chain, candidate)
        if any(interface in base.interfaces for base in chain[position + 1 : position + 2]):
            continue  # listed again without a method of its own: the base class's choice stays
        for base in chain[position + 1 :]:
            for candidate in _named(base, method.name):
                if _implements_by_name(candidate, method):
                    return _most_derived(chain, candidate)
        return None
    return None


def _is_ambiguous(type_desc: TypeDesc, interface: TypeDesc) -> bool:
    """Several instances of a variant interface in a class: one that a derived class lists can take another's calls.

    In a value type, which has no derived classes, the exact one always wins.
    """
    if type_desc.is_value_type or not interface.type_args or not interface.definition.has_variance:
        return False
    return sum(item.definition is interface.definition for item in type_desc.interfaces) > 1


def _lists(type_desc: TypeDesc, interface: TypeDesc) -> bool:
    """The class itself, not only a base class, lists the interface or one that extends it."""
    declared = getattr(type_desc, "declared_interfaces", ())
    return any(item is interface or interface in item.interfaces for item in declared)


def _implements_by_name(candidate: MethodDesc, method: MethodDesc) -> bool:
    return (
        candidate.is_virtual
        and candidate.access == _PUBLIC
        and not candidate.is_static
        and same_signature(candidate, method)
    )
