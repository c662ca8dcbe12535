"""Fixup signatures in words, for readers of dumps.

Names come from a :class:`NameSource`, so that this module knows neither files nor metadata tables.

>>> from nativegen.readytorun.fixups import decode_fixup
>>> class Numbers:
...     def token_name(self, token, module): return f"{token:#x}"
...     def helper_name(self, number): return f"helper {number:#x}"
>>> describe_fixup(decode_fixup(bytes.fromhex("1d1d0e"), 0), Numbers())
'NewArray string[]'
"""

from __future__ import annotations

from typing import Protocol

from nativegen.metadata.tables import Table
from nativegen.readytorun.enums import ElementType, FieldSigFlags, FixupKind, MethodSigFlags
from nativegen.readytorun.fixups import FieldSignature, Fixup, MethodSignature, TypeSignature

_FIELD = Table.Field << 24
_METHOD_DEF = Table.MethodDef << 24
_MEMBER_REF = Table.MemberRef << 24

_NAMES = {
    ElementType.VOID: "void",
    ElementType.BOOLEAN: "bool",
    ElementType.CHAR: "char",
    ElementType.I1: "int8",
    ElementType.U1: "uint8",
    ElementType.I2: "int16",
    ElementType.U2: "uint16",
    ElementType.I4: "int32",
    ElementType.U4: "uint32",
    ElementType.I8: "int64",
    ElementType.U8: "uint64",
    ElementType.R4: "float32",
    ElementType.R8: "float64",
    ElementType.STRING: "string",
    ElementType.TYPEDBYREF: "typedref",
    ElementType.I: "native int",
    ElementType.U: "native uint",
    ElementType.OBJECT: "object",
    ElementType.CANON_ZAPSIG: "__Canon",
}


class TokenNames(Protocol):
    """Names of metadata rows; ``module`` is a fixup's module number, None for the image's own metadata."""

    def token_name(self, token: int, module: int | None) -> str:
        """The name of a type, method, field or member reference, or the text of a user string."""


class NameSource(TokenNames, Protocol):
    """All names that a fixup can need."""

    def helper_name(self, number: int) -> str:
        """The name of a runtime helper."""


def describe_type(type: TypeSignature, names: TokenNames, module: int | None = None) -> str:
    """A type in IL-like words."""

    def inner(index: int = 0) -> str:
        return describe_type(type.types[index], names, module)

    match type.element:
        case ElementType.CLASS | ElementType.VALUETYPE:
            return names.token_name(type.token, module)
        case ElementType.VAR:
            return f"!{type.number}"
        case ElementType.MVAR:
            return f"!!{type.number}"
        case ElementType.GENERICINST:
            arguments = ", ".join(describe_type(argument, names, module) for argument in type.types)
            return f"{names.token_name(type.token, module)}<{arguments}>"
        case ElementType.PTR:
            return inner() + "*"
        case ElementType.BYREF:
            return inner() + "&"
        case ElementType.SZARRAY:
            return inner() + "[]"
        case ElementType.ARRAY:
            return f"{inner()}[{',' * (type.number - 1)}]"
        case ElementType.MODULE_ZAPSIG:
            return describe_type(type.types[0], names, type.number)
        case ElementType.NATIVE_VALUETYPE_ZAPSIG:
            return f"native {inner()}"
        case ElementType.CMOD_REQD | ElementType.CMOD_OPT:
            return f"{inner()} mod({names.token_name(type.token, module)})"
        case ElementType.FNPTR:
            result, *parameters = (describe_type(part, names, module) for part in type.types)
            return f"method {result} *({', '.join(parameters)})"
        case _:
            return _NAMES.get(type.element, type.element.name)


_METHOD_FLAG_WORDS = {
    MethodSigFlags.UnboxingStub: "unboxing stub",
    MethodSigFlags.InstantiatingStub: "instantiating stub",
}


def describe_method(method: MethodSignature, names: TokenNames, module: int | None = None) -> str:
    """A method in words: owner, name, type arguments, kind of entry."""
    module = method.module if method.module is not None else module
    if method.flags & MethodSigFlags.SlotInsteadOfToken:
        text = f"slot {method.number}"
    else:
        table = _MEMBER_REF if method.flags & MethodSigFlags.MemberRefToken else _METHOD_DEF
        text = names.token_name(table | method.number, module)
    if method.owner is not None:
        text = f"{describe_type(method.owner, names, module)}::{text.rpartition('::')[2]}"
    if method.arguments:
        text += f"<{', '.join(describe_type(argument, names, module) for argument in method.arguments)}>"
    if method.constrained is not None:
        text += f" constrained to {describe_type(method.constrained, names, module)}"
    return text + "".join(f" ({word})" for flag, word in _METHOD_FLAG_WORDS.items() if method.flags & flag)


def _describe_field(field: FieldSignature, names: TokenNames, module: int | None) -> str:
    if field.flags & FieldSigFlags.IndexInsteadOfToken:
        text = f"field {field.number}"
    else:
        table = _MEMBER_REF if field.flags & FieldSigFlags.MemberRefToken else _FIELD
        text = names.token_name(table | field.number, module)
    if field.owner is not None:
        text = f"{describe_type(field.owner, names, module)}::{text.rpartition('::')[2]}"
    return text


def describe_fixup(fixup: Fixup, names: NameSource) -> str:
    """A fixup in words, e.g. ``Check_FieldOffset 16 Shape::Number``."""
    module = fixup.module
    parts = [fixup.kind.name]
    match fixup.kind:
        case FixupKind.Helper:
            parts.append(names.helper_name(fixup.numbers[0]))
        case FixupKind.StringHandle:
            parts.append(names.token_name(0x70000000 | fixup.numbers[0], module))
        case FixupKind.MethodEntry_DefToken | FixupKind.VirtualEntry_DefToken:
            parts.append(names.token_name(_METHOD_DEF | fixup.numbers[0], module))
        case FixupKind.MethodEntry_RefToken | FixupKind.VirtualEntry_RefToken:
            parts.append(names.token_name(_MEMBER_REF | fixup.numbers[0], module))
        case _:
            parts.extend(map(str, fixup.numbers))
    parts.extend(describe_method(method, names, module) for method in fixup.methods)
    if fixup.field is not None:
        parts.append(_describe_field(fixup.field, names, module))
    parts.extend(describe_type(type, names, module) for type in fixup.types)
    if fixup.layout is not None:
        layout = fixup.layout
        parts.append(f"size {layout.size}")
        if layout.alignment is not None:
            parts.append(f"alignment {layout.alignment}")
        if layout.references is not None:
            parts.append(f"references {layout.references.hex()}")
    if fixup.body:
        parts.append(f"({len(fixup.body)} bytes)")
    if fixup.nested is not None:
        parts.append(f"-> {describe_fixup(fixup.nested, names)}")
    return " ".join(parts)
