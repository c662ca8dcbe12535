"""Names for what a module's own metadata does not name: types and members as rows of the image's manifest metadata.

What: turns types, methods and fields of any assembly into :data:`MANIFEST_TYPE` and :data:`MANIFEST_MEMBER` symbols and
fixup signature parts. Private and nested ones too: the runtime makes no access checks on them.

Why here: guards of foreign bodies, and code that was made from foreign bodies, mention what no TypeRef or MemberRef of
the compiled assembly mentions. The writer makes the rows (:mod:`nativegen.readytorun.manifest_rows`).

Example (``List<int>.Contains`` as a MemberRef of the manifest)::

    member(List`1, "Contains", (20 01 02 13 00))
"""

from __future__ import annotations

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.metadata.elements import ET, CallingConvention
from nativegen.metadata.signatures import MethodSig, SigType
from nativegen.readytorun.manifest_rows import (
    MANIFEST_MODULE,
    manifest_member,
    manifest_type,
    member_parent,
    type_path,
)
from nativegen.readytorun.structs import compress
from nativegen.readytorun.unit import Symbol
from nativegen.typesystem import FieldDesc, MethodDesc, Module, TypeDesc, TypeLoadError, TypeSystem
from nativegen.typesystem.constructed import ArrayType, ByRefType, GenericParameterType, PointerType
from nativegen.typesystem.symbols import element_type
from nativegen.typesystem.types import DefType

Parts = tuple[int | bytes | Symbol, ...]

_MODULE_ZAPSIG = 0x3F  # ELEMENT_TYPE_MODULE_ZAPSIG: the next type's token belongs to the module whose number follows


def type_symbol(type_: TypeDesc) -> Symbol:
    """The TypeRef of a type; of an instance, that of its definition.

    Raises:
        Excluded: NOT_NAMEABLE.
    """
    definition = type_.definition
    if not isinstance(definition, DefType):
        raise Excluded(Reason.NOT_NAMEABLE, type_.display_name)
    path: list[tuple[str, str]] = []
    walked: TypeDesc | None = definition
    while walked is not None:
        path.insert(0, (walked.namespace, walked.name))
        walked = walked.enclosing
    try:
        return manifest_type(definition.module.name, path)
    except ValueError as error:
        raise Excluded(Reason.NOT_NAMEABLE, str(error)) from error


def type_parts(type_: TypeDesc, in_manifest: bool) -> Parts:
    """A type as it stands in a fixup signature.

    Args:
        in_manifest: the signature is read in the manifest's module; else each token says that it is the manifest's.

    Raises:
        Excluded: NOT_NAMEABLE.
    """
    if isinstance(type_, DefType):
        element = element_type(type_)
        if element is not None:
            return (element,)
        kind = ET.VALUETYPE if type_.is_value_type else ET.CLASS
        named: Parts = (kind, type_symbol(type_))
        if not in_manifest:
            named = (_MODULE_ZAPSIG, MANIFEST_MODULE, *named)
        if not type_.type_args:
            return named
        parts: list[int | bytes | Symbol] = [ET.GENERICINST, *named, len(type_.type_args)]
        for argument in type_.type_args:
            parts += type_parts(argument, in_manifest)
        return tuple(parts)
    if isinstance(type_, ArrayType):
        if type_.is_szarray:
            return (ET.SZARRAY, *type_parts(type_.element, in_manifest))
        return (ET.ARRAY, *type_parts(type_.element, in_manifest), type_.rank, 0, 0)
    if isinstance(type_, ByRefType):
        return (ET.BYREF, *type_parts(type_.element, in_manifest))
    if isinstance(type_, PointerType):
        return (ET.PTR, *type_parts(type_.element, in_manifest))
    if isinstance(type_, GenericParameterType):
        return (ET.MVAR if type_.is_method else ET.VAR, type_.index)
    raise Excluded(Reason.NOT_NAMEABLE, type_.display_name)


def method_symbol(method: MethodDesc) -> Symbol:
    """The MemberRef of a method's definition; its parent is the open type.

    Raises:
        Excluded: NOT_NAMEABLE. TypeLoadError: a type of its signature cannot be found.
    """
    definition = method.definition
    raw = definition.module.method_signature(definition.rid)
    return _member(definition.owner, definition.name, _method(definition.module, raw))


def field_symbol(field: FieldDesc) -> Symbol:
    """The MemberRef of a field's definition; see :func:`method_symbol`."""
    definition = field.definition
    raw = definition.module.field_signature(definition.rid)
    parts = (bytes((CallingConvention.FIELD,)), *_type(definition.module, raw))
    return _member(definition.owner, definition.name, parts)


def _member(owner: TypeDesc, name: str, signature: tuple[bytes | Symbol, ...]) -> Symbol:
    try:
        return manifest_member(type_symbol(owner), name, signature)
    except ValueError as error:
        raise Excluded(Reason.NOT_NAMEABLE, str(error)) from error


def _method(module: Module, raw: MethodSig) -> tuple[bytes | Symbol, ...]:
    first = raw.calling_convention
    first |= CallingConvention.HAS_THIS if raw.has_this else 0
    first |= CallingConvention.EXPLICIT_THIS if raw.explicit_this else 0
    first |= CallingConvention.GENERIC if raw.generic_count else 0
    head = bytes((first,)) + (compress(raw.generic_count) if raw.generic_count else b"") + compress(len(raw.params))
    parts: list[bytes | Symbol] = [head, *_type(module, raw.return_type)]
    for index, parameter in enumerate(raw.params):
        if index == raw.sentinel:
            parts.append(bytes((ET.SENTINEL,)))
        parts += _type(module, parameter)
    return _joined(parts)


def _type(module: Module, signature: SigType) -> tuple[bytes | Symbol, ...]:
    """A type of a signature of ``module``, with manifest rows in place of its tokens."""
    element = signature[0]
    head = bytes((element,))
    if len(signature) == 1:
        return (head,)
    if element in (ET.CLASS, ET.VALUETYPE):
        return (head, type_symbol(module.type(signature[1])))
    if element in (ET.VAR, ET.MVAR):
        return (head + compress(signature[1]),)
    if element in (ET.CMOD_REQD, ET.CMOD_OPT):
        return (head, type_symbol(module.type(signature[1])), *_type(module, signature[2]))
    if element == ET.GENERICINST:
        parts = [head, *_type(module, signature[1]), compress(len(signature[2]))]
        for argument in signature[2]:
            parts += _type(module, argument)
        return tuple(parts)
    if element == ET.ARRAY:
        _, inner, rank, sizes, bounds = signature
        if any(bounds):
            raise Excluded(Reason.NOT_NAMEABLE, "array with lower bounds")
        shape = compress(rank) + b"".join(
            [compress(len(numbers)) + b"".join(map(compress, numbers)) for numbers in (sizes, bounds)]
        )
        return (head, *_type(module, inner), shape)
    if element == ET.FNPTR:
        return (head, *_method(module, signature[1]))
    return (head, *_type(module, signature[1]))


def _joined(parts: list[bytes | Symbol]) -> tuple[bytes | Symbol, ...]:
    """Neighbouring bytes as one part."""
    result: list[bytes | Symbol] = []
    for part in parts:
        last = result[-1] if result else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            result[-1] = last + part
        else:
            result.append(part)
    return tuple(result)


# ---- back to types and methods ---------------------------------------------------------------------------------------


def find_type(system: TypeSystem, symbol: Symbol) -> DefType:
    """The type that :func:`type_symbol` named.

    Raises:
        TypeLoadError: there is none.
    """
    assembly, path = type_path(symbol)
    module = system.module_named(assembly)
    found: TypeDesc | None = None
    if module is not None:
        for index, (namespace, name) in enumerate(path):
            if index == 0:
                found = module.find_type(namespace, name)
            elif isinstance(found, DefType):
                found = found.module.find_nested(found.rid, name, namespace)
    if not isinstance(found, DefType):
        raise TypeLoadError(f"type {path} of {assembly} was not found")
    return found


def find_method(system: TypeSystem, symbol: Symbol) -> MethodDesc:
    """The definition that :func:`method_symbol` named.

    Raises:
        TypeLoadError: there is none.
    """
    parent, name = member_parent(symbol)
    for method in find_type(system, parent).methods_named(name):
        try:
            if method_symbol(method) == symbol:
                return method
        except Excluded:
            continue
    raise TypeLoadError(f"method {name} was not found")
