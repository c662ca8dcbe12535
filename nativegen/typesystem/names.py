"""Canonical names of types and members: the same however rows are numbered and whichever facade a reference names.

A type is named by its defining assembly: ``[System.Private.CoreLib]System.Collections.Generic.List`1<...>``, nested
types with ``/`` (:attr:`TypeDesc.canonical_name`). Members append ``::name`` and their signature, in terms of the
open definition (``!0``, ``!!0``), custom modifiers included because they distinguish overloads. A type that cannot be
resolved is named by the assembly that the reference mentions, so that naming never fails on a missing file.

>>> method_signature_name(name_of, raw_signature)                    # doctest: +SKIP
'(int32,!0)void'
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from nativegen.metadata.elements import ET
from nativegen.metadata.signatures import MethodSig, SigType
from nativegen.metadata.tables import Table
from nativegen.typesystem.errors import TypeLoadError

if TYPE_CHECKING:
    from nativegen.typesystem.module import Module

#: The canonical name of a type token of one module.
NameOf = Callable[[int], str]

_ASSEMBLY_REF = int(Table.AssemblyRef)
_TYPE_REF = int(Table.TypeRef)
_TYPE_SPEC = int(Table.TypeSpec)

#: Shorthands of ILAsm for the types that signatures spell with one byte.
_KEYWORDS = {
    ET.VOID: "void",
    ET.BOOLEAN: "bool",
    ET.CHAR: "char",
    ET.I1: "int8",
    ET.U1: "uint8",
    ET.I2: "int16",
    ET.U2: "uint16",
    ET.I4: "int32",
    ET.U4: "uint32",
    ET.I8: "int64",
    ET.U8: "uint64",
    ET.R4: "float32",
    ET.R8: "float64",
    ET.STRING: "string",
    ET.TYPEDBYREF: "typedref",
    ET.I: "native int",
    ET.U: "native uint",
    ET.OBJECT: "object",
}


def token_name(module: Module, token: int) -> str:
    """Canonical name of a TypeDef, TypeRef or TypeSpec token of a module."""
    if token >> 24 == _TYPE_SPEC:
        return signature_name(partial(token_name, module), module.assembly.type_spec_signature(token & 0xFFFFFF))
    try:
        return module.type(token).canonical_name
    except TypeLoadError:
        if token >> 24 != _TYPE_REF:
            raise
    names: list[str] = []
    while True:
        row = module.assembly.type_ref(token & 0xFFFFFF)
        names.insert(0, row.name)
        token = row.resolution_scope_token
        if token >> 24 != _TYPE_REF:
            break
    scope = module.assembly.assembly_ref(token & 0xFFFFFF).name if token >> 24 == _ASSEMBLY_REF else module.name
    return f"[{scope}]{row.namespace}{'.' if row.namespace else ''}{'/'.join(names)}"


def signature_name(name_of: NameOf, signature: SigType) -> str:
    """Canonical name of a type in a signature, custom modifiers included.

    Args:
        name_of: names the type tokens in it: :func:`token_name` of its module, or something that knows less.
    """
    element = signature[0]
    keyword = _KEYWORDS.get(element)
    if keyword is not None:
        return keyword
    if element == ET.CLASS or element == ET.VALUETYPE:
        return name_of(signature[1])
    if element == ET.VAR:
        return f"!{signature[1]}"
    if element == ET.MVAR:
        return f"!!{signature[1]}"
    if element == ET.SZARRAY:
        return signature_name(name_of, signature[1]) + "[]"
    if element == ET.BYREF:
        return signature_name(name_of, signature[1]) + "&"
    if element == ET.PTR:
        return signature_name(name_of, signature[1]) + "*"
    if element == ET.PINNED:
        return signature_name(name_of, signature[1]) + " pinned"
    if element == ET.GENERICINST:
        arguments = ",".join([signature_name(name_of, item) for item in signature[2]])
        return f"{name_of(signature[1][1])}<{arguments}>"
    if element == ET.ARRAY:
        rank = signature[2]
        return signature_name(name_of, signature[1]) + ("[*]" if rank == 1 else f"[{',' * (rank - 1)}]")
    if element == ET.CMOD_REQD or element == ET.CMOD_OPT:
        kind = "modreq" if element == ET.CMOD_REQD else "modopt"
        return f"{signature_name(name_of, signature[2])} {kind}({name_of(signature[1])})"
    return "method " + method_signature_name(name_of, signature[1])  # a function pointer


def method_signature_name(name_of: NameOf, raw: MethodSig) -> str:
    """``(parameters)result``, with the number of type parameters and the calling convention where there is any."""
    parameters = [signature_name(name_of, parameter) for parameter in raw.params]
    if raw.sentinel >= 0:
        parameters.insert(raw.sentinel, "...")
    arity = f"`{raw.generic_count}" if raw.generic_count else ""
    static = "" if raw.has_this else "static "
    convention = f" callconv({raw.calling_convention})" if raw.calling_convention else ""
    return f"{arity}({','.join(parameters)}){static}{signature_name(name_of, raw.return_type)}{convention}"
