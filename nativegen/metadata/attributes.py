"""Custom attributes: the attribute class behind a constructor token, and the values in the blob (ECMA-335 II.23.3).

The blob does not say how wide an enum argument is; only the enum's definition does. For enums of the same assembly
that is looked up, for others the caller may pass ``enum_type``. Without an answer the widths are inferred: an enum is
taken for an ``int``, and only when the value then does not decode to its very end for another integer
(``EventKeywords`` is a ``long``, ``SecurityRuleSet`` a ``byte``).

Invariant: a value either decodes completely or raises NGEN1004.

>>> decode_attribute(assembly, attribute).fixed       # doctest: +SKIP
('netcoreapp3.1',)
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from nativegen.diagnostics import NativegenError
from nativegen.metadata.elements import ET
from nativegen.metadata.flags import FieldAttributes
from nativegen.metadata.rows import CustomAttribute
from nativegen.metadata.signatures import (
    MethodSig,
    SigType,
    compressed_unsigned,
    parse_field_sig,
    parse_method_sig,
    parse_type_spec,
)
from nativegen.metadata.tables import Table
from nativegen.metadata.typed import TypedTables

#: Full name of an enum of another assembly (``Name`` or ``Name, Assembly, ...``) -> ET of its underlying integer.
EnumType = Callable[[str], int | None]

_NUMBERS: Final = {
    ET.BOOLEAN: struct.Struct("<?"),
    ET.CHAR: struct.Struct("<H"),
    ET.I1: struct.Struct("<b"),
    ET.U1: struct.Struct("<B"),
    ET.I2: struct.Struct("<h"),
    ET.U2: struct.Struct("<H"),
    ET.I4: struct.Struct("<i"),
    ET.U4: struct.Struct("<I"),
    ET.I8: struct.Struct("<q"),
    ET.U8: struct.Struct("<Q"),
    ET.R4: struct.Struct("<f"),
    ET.R8: struct.Struct("<d"),
}

_MAX_DEPTH: Final = 32  # nesting of arrays and boxed values

#: Widths tried for an enum of unknown width after ``int``, and the number of combinations tried before giving up.
_OTHER_ENUM_TYPES: Final = (ET.I8, ET.U1, ET.I2)
_MAX_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """Decoded arguments. Values are int, bool, float, str, None, tuple (an array), or str for a ``System.Type``.

    Attributes:
        fixed: constructor arguments, in order.
        fields: named arguments that set a field.
        properties: named arguments that set a property.
    """

    fixed: tuple[Any, ...]
    fields: dict[str, Any]
    properties: dict[str, Any]


def attribute_type_name(tables: TypedTables, constructor_token: int) -> str:
    """Full name of the class whose constructor the token names; '' when the metadata does not say."""
    table, rid = constructor_token >> 24, constructor_token & 0xFFFFFF
    try:
        if table == Table.MethodDef:
            return tables.type_full_name(tables.type_of_method(rid))
        if table == Table.MemberRef:
            return _type_name(tables, tables.member_ref(rid).parent_token)
    except NativegenError:
        return ""
    return ""


def _type_name(tables: TypedTables, token: int) -> str:
    table, rid = token >> 24, token & 0xFFFFFF
    if table == Table.TypeSpec:
        signature = parse_type_spec(tables.type_spec(rid), tables.path)
        if signature[0] != ET.GENERICINST:
            return ""
        table, rid = signature[1][1] >> 24, signature[1][1] & 0xFFFFFF
    if table == Table.TypeRef:
        return tables.type_ref_full_name(rid)
    if table == Table.TypeDef:
        return tables.type_full_name(rid)
    return ""


def decode_attribute(
    tables: TypedTables, attribute: CustomAttribute, enum_type: EnumType | None = None
) -> AttributeValue:
    """Decodes the arguments of an attribute.

    Args:
        tables: the assembly that carries the attribute.
        attribute: one of its attributes.
        enum_type: underlying type of an enum defined elsewhere; None or a None answer means to infer it.

    Raises:
        NativegenError: NGEN1004.
    """
    signature = _constructor_signature(tables, attribute.constructor_token)
    first_error: NativegenError | None = None
    candidates: list[dict[str, int]] = [{}]
    for _ in range(_MAX_ATTEMPTS):
        if not candidates:
            break
        widths = candidates.pop()
        reader = _ValueReader(tables, attribute, enum_type, widths)
        try:
            return reader.read(signature)
        except NativegenError as error:
            first_error = first_error or error
        except (struct.error, IndexError, ValueError):
            first_error = first_error or reader.malformed("truncated or malformed")
        # The enum met last is the likeliest culprit, so it is varied first (the stack is popped from its end).
        candidates += [{**widths, name: width} for name in reader.assumed for width in reversed(_OTHER_ENUM_TYPES)]
    assert first_error is not None
    raise first_error


def _constructor_signature(tables: TypedTables, token: int) -> MethodSig:
    table, rid = token >> 24, token & 0xFFFFFF
    if table == Table.MethodDef:
        return tables.method_signature(rid)
    row = tables.member_ref(rid)
    signature = parse_method_sig(row.signature, tables.path)
    if row.parent_token >> 24 != Table.TypeSpec:
        return signature
    # A generic attribute: its constructor's parameters may be type parameters.
    parent = tables.type_spec_signature(row.parent_token & 0xFFFFFF)
    arguments = parent[2] if parent[0] == ET.GENERICINST else ()
    return signature._replace(params=tuple(_substitute(param, arguments) for param in signature.params))


def _substitute(param: SigType, arguments: tuple[SigType, ...]) -> SigType:
    if param[0] == ET.VAR and param[1] < len(arguments):
        return arguments[param[1]]
    if param[0] == ET.SZARRAY:
        return (ET.SZARRAY, _substitute(param[1], arguments))
    return param


class _ValueReader:
    """A cursor over one attribute blob."""

    def __init__(
        self, tables: TypedTables, attribute: CustomAttribute, enum_type: EnumType | None, widths: dict[str, int]
    ) -> None:
        self.tables = tables
        self.name = attribute.type_full_name
        self.blob = attribute.value
        self.enum_type = enum_type
        self.widths = widths
        #: Enums taken for an int because neither ``enum_type`` nor ``widths`` knew them, in order of appearance.
        self.assumed: list[str] = []
        self.position = 0

    def malformed(self, detail: str) -> NativegenError:
        return self.tables.malformed(f"value of attribute {self.name!r}: {detail}")

    def read(self, signature: MethodSig) -> AttributeValue:
        if not self.blob and not signature.params:
            return AttributeValue((), {}, {})
        if self.blob[:2] != b"\1\0":
            raise self.malformed("wrong prolog")
        self.position = 2
        fixed = tuple([self.value(self.element_of(param), 0) for param in signature.params])
        fields: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        for _ in range(self.number(ET.U2)):
            kind = self.byte()
            if kind not in (ET.ATTRIBUTE_FIELD, ET.ATTRIBUTE_PROPERTY):
                raise self.malformed(f"unknown named argument kind 0x{kind:02x}")
            element = self.element(0)
            name = self.string()
            if name is None:
                raise self.malformed("a named argument has no name")
            (fields if kind == ET.ATTRIBUTE_FIELD else properties)[name] = self.value(element, 0)
        if self.position != len(self.blob):
            raise self.malformed("bytes are left over")
        return AttributeValue(fixed, fields, properties)

    def byte(self) -> int:
        value = self.blob[self.position]
        self.position += 1
        return value

    def number(self, element: int) -> Any:
        decoder = _NUMBERS[element]
        (value,) = decoder.unpack_from(self.blob, self.position)
        self.position += decoder.size
        return value

    def string(self) -> str | None:
        if self.blob[self.position] == 0xFF:
            self.position += 1
            return None
        length, self.position = compressed_unsigned(self.blob, self.position)
        raw = self.blob[self.position : self.position + length]
        if len(raw) != length:
            raise self.malformed("truncated")
        self.position += length
        return raw.decode("utf-8", "backslashreplace")

    # An element is (ET, detail): detail is the item element of a vector, otherwise None. Enums are already their
    # integer.

    def element(self, depth: int) -> tuple[int, Any]:
        """Reads a FieldOrPropType."""
        code = self.byte()
        if code == ET.SZARRAY:
            if depth > _MAX_DEPTH:
                raise self.malformed("nested too deeply")
            return ET.SZARRAY, self.element(depth + 1)
        if code == ET.ATTRIBUTE_ENUM:
            return self.enum_by_name(self.string() or ""), None
        if code in _NUMBERS or code in (ET.STRING, ET.ATTRIBUTE_TYPE, ET.ATTRIBUTE_BOXED):
            return code, None
        raise self.malformed(f"unknown argument type 0x{code:02x}")

    def element_of(self, param: SigType) -> tuple[int, Any]:
        """Element of a constructor parameter."""
        kind = param[0]
        if kind in _NUMBERS or kind == ET.STRING:
            return kind, None
        if kind == ET.OBJECT:
            return ET.ATTRIBUTE_BOXED, None
        if kind == ET.SZARRAY:
            return ET.SZARRAY, self.element_of(param[1])
        if kind == ET.CLASS:
            # The only class allowed here is System.Type (II.23.3).
            return ET.ATTRIBUTE_TYPE, None
        if kind == ET.VALUETYPE:
            return self.enum_by_token(param[1]), None
        if kind in (ET.CMOD_OPT, ET.CMOD_REQD):
            return self.element_of(param[2])
        raise self.malformed(f"a parameter of element type 0x{kind:02x}")

    def value(self, element: tuple[int, Any], depth: int) -> Any:
        kind, item = element
        if kind in _NUMBERS:
            return self.number(kind)
        if kind in (ET.STRING, ET.ATTRIBUTE_TYPE):
            return self.string()
        if depth > _MAX_DEPTH:
            raise self.malformed("nested too deeply")
        if kind == ET.ATTRIBUTE_BOXED:
            return self.value(self.element(0), depth + 1)
        count = self.number(ET.U4)
        if count == 0xFFFFFFFF:
            return None
        if count > len(self.blob) - self.position:
            raise self.malformed("an array is longer than the value")
        return tuple([self.value(item, depth + 1) for _ in range(count)])

    def enum_by_token(self, token: int) -> int:
        table, rid = token >> 24, token & 0xFFFFFF
        if table == Table.TypeDef:
            return self.underlying(rid)
        if table == Table.TypeRef:
            return self.foreign_enum(self.tables.type_ref_full_name(rid))
        raise self.malformed("an enum that is a type specification")

    def enum_by_name(self, name: str) -> int:
        full, _, assembly = name.partition(",")
        if not assembly:
            outer, *inner = full.split("+")
            namespace, _, simple = outer.rpartition(".")
            rid = self.tables.find_type(namespace, simple)
            for part in inner:
                rid = rid and self.tables.find_nested(rid, part)
            if rid:
                return self.underlying(rid)
        return self.foreign_enum(name)

    def foreign_enum(self, name: str) -> int:
        found = self.enum_type(name) if self.enum_type else None
        if found is None:
            found = self.widths.get(name)
        if found is None:
            if name not in self.assumed:
                self.assumed.append(name)
            return ET.I4
        if found not in _NUMBERS:
            raise self.malformed(f"0x{found:02x} is not the underlying type of an enum")
        return found

    def underlying(self, rid: int) -> int:
        for field in self.tables.type_def(rid).field_rids:
            row = self.tables.field_def(field)
            if not row.flags & FieldAttributes.STATIC:  # the one instance field, value__ (II.14.3)
                kind = parse_field_sig(self.tables.blob(row.signature_offset), self.tables.path)[0]
                if kind in _NUMBERS:
                    return int(kind)
        raise self.malformed(f"type {rid} is not an enum")
