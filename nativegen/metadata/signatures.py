"""Signature blobs to nested plain tuples (ECMA-335 II.23.2).

A type is a tuple whose first item is its :class:`~nativegen.metadata.elements.ET`; tokens in it are module-relative
(TypeDef, TypeRef or TypeSpec), so a signature means something only beside its assembly. Plain tuples hash and compare
at C speed, which is why they are not classes.

=====================================================  ==================================================
``(ET.I4,)``                                           int; likewise every primitive, string, object
``(ET.CLASS, token)`` ``(ET.VALUETYPE, token)``        a named type
``(ET.SZARRAY, t)`` ``(ET.PTR, t)`` ``(ET.BYREF, t)``  vector, unmanaged pointer, managed pointer
``(ET.ARRAY, t, rank, sizes, lower_bounds)``           general array; the last two are tuples of ints
``(ET.VAR, n)`` ``(ET.MVAR, n)``                       parameter of the generic type, of the generic method
``(ET.GENERICINST, (ET.CLASS, token), (t, ...))``      instantiation; or ``ET.VALUETYPE``
``(ET.FNPTR, MethodSig)``                              function pointer
``(ET.CMOD_REQD, token, t)`` ``(ET.CMOD_OPT, ...)``    modified type; modifiers stay where they were written
``(ET.PINNED, t)``                                     only outermost in a local
=====================================================  ==================================================

Invariant: every function either returns or raises NGEN1004; time is linear in the blob, recursion at most
:data:`MAX_DEPTH`.

>>> parse_method_sig(bytes.fromhex("2001010e")).params
((14,),)
>>> parse_type_spec(bytes.fromhex("151245010e"))
(21, (18, 16777233), ((14,),))
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from nativegen.diagnostics import NativegenError
from nativegen.metadata.elements import ET, PRIMITIVE_ELEMENTS, CallingConvention
from nativegen.metadata.tables import Table

#: A type of a signature, as described above.
SigType = tuple[Any, ...]

#: Deepest nesting accepted; the deepest type in real assemblies nests about twenty times.
MAX_DEPTH: Final = 128

_PRIMITIVES: Final[tuple[SigType | None, ...]] = tuple(
    (element,) if element in PRIMITIVE_ELEMENTS else None for element in range(256)
)
_TYPE_TOKEN_TABLES: Final = (Table.TypeDef << 24, Table.TypeRef << 24, Table.TypeSpec << 24)


class MethodSig(NamedTuple):
    """A method, call-site or property signature.

    Attributes:
        calling_convention: low four bits of the first byte, a ``CallingConvention``.
        generic_count: number of generic parameters of the method, 0 when it is not generic.
        sentinel: index of the first vararg parameter, -1 without a sentinel.
    """

    calling_convention: int
    has_this: bool
    explicit_this: bool
    generic_count: int
    return_type: SigType
    params: tuple[SigType, ...]
    sentinel: int = -1


class _Malformed(ValueError):
    """Why a blob cannot be parsed; becomes an NGEN1004 at the public functions."""


def parse_method_sig(blob: bytes, path: str | None = None) -> MethodSig:
    """Parses a MethodDefSig, MethodRefSig or StandAloneMethodSig (II.23.2.1 to II.23.2.3).

    Args:
        blob: the signature.
        path: file to name in an error.

    Raises:
        NativegenError: NGEN1004.
    """
    try:
        signature, _ = _method(blob, 0, 0)
    except (_Malformed, IndexError) as error:
        raise _error("method", blob, path, error) from None
    return signature


def parse_property_sig(blob: bytes, path: str | None = None) -> MethodSig:
    """Parses a PropertySig (II.23.2.5): the return type is the property's, the params are its indexes."""
    try:
        first = blob[0]
        if first & 0xF != CallingConvention.PROPERTY:
            raise _Malformed("not a property signature")
        count, position = compressed_unsigned(blob, 1)
        result, position = _type(blob, position, 0)
        params, _ = _types(blob, position, count, 0)
    except (_Malformed, IndexError) as error:
        raise _error("property", blob, path, error) from None
    return MethodSig(CallingConvention.PROPERTY, bool(first & CallingConvention.HAS_THIS), False, 0, result, params)


def parse_field_sig(blob: bytes, path: str | None = None) -> SigType:
    """Parses a FieldSig (II.23.2.4) to the field's type, custom modifiers included."""
    try:
        if blob[0] & 0xF != CallingConvention.FIELD:
            raise _Malformed("not a field signature")
        return _type(blob, 1, 0)[0]
    except (_Malformed, IndexError) as error:
        raise _error("field", blob, path, error) from None


def parse_local_sig(blob: bytes, path: str | None = None) -> tuple[SigType, ...]:
    """Parses a LocalVarSig (II.23.2.6) to the types of the locals; a pinned one is ``(ET.PINNED, t)``."""
    try:
        if blob[0] != CallingConvention.LOCAL_SIG:
            raise _Malformed("not a local variable signature")
        count, position = compressed_unsigned(blob, 1)
        return _types(blob, position, count, 0)[0]
    except (_Malformed, IndexError) as error:
        raise _error("local variable", blob, path, error) from None


def parse_type_spec(blob: bytes, path: str | None = None) -> SigType:
    """Parses a TypeSpec blob (II.23.2.14)."""
    try:
        return _type(blob, 0, 0)[0]
    except (_Malformed, IndexError) as error:
        raise _error("type", blob, path, error) from None


def parse_method_spec(blob: bytes, path: str | None = None) -> tuple[SigType, ...]:
    """Parses a MethodSpec blob (II.23.2.15) to the generic arguments."""
    try:
        if blob[0] != CallingConvention.GENERICINST:
            raise _Malformed("not a method instantiation")
        count, position = compressed_unsigned(blob, 1)
        return _types(blob, position, count, 0)[0]
    except (_Malformed, IndexError) as error:
        raise _error("method instantiation", blob, path, error) from None


def _error(what: str, blob: bytes, path: str | None, error: Exception) -> NativegenError:
    reason = str(error) if isinstance(error, _Malformed) else "truncated"
    shown = blob[:24].hex() + ("..." if len(blob) > 24 else "")
    return NativegenError("NGEN1004", path, detail=f"{what} signature {shown}: {reason}")


def compressed_unsigned(blob: bytes, position: int) -> tuple[int, int]:
    """(value, next position) of a compressed unsigned integer (II.23.2).

    Raises:
        ValueError: not a compressed integer.
        IndexError: it runs over the end of the blob.
    """
    first = blob[position]
    if first < 0x80:
        return first, position + 1
    if first < 0xC0:
        return (first & 0x3F) << 8 | blob[position + 1], position + 2
    if first < 0xE0:
        value = (first & 0x1F) << 24 | blob[position + 1] << 16 | blob[position + 2] << 8 | blob[position + 3]
        return value, position + 4
    raise _Malformed("malformed compressed integer")


def _compressed_signed(blob: bytes, position: int) -> tuple[int, int]:
    """Compressed signed integer (II.23.2): rotated left by one, so the sign is the lowest bit."""
    value, end = compressed_unsigned(blob, position)
    if not value & 1:
        return value >> 1, end
    return (value >> 1) - (0x40, 0x2000, 0, 0x10000000)[end - position - 1], end


def _type_token(blob: bytes, position: int) -> tuple[int, int]:
    value, position = compressed_unsigned(blob, position)
    tag = value & 3
    if tag == 3:
        raise _Malformed("reserved type token")
    return _TYPE_TOKEN_TABLES[tag] | value >> 2, position


def _types(blob: bytes, position: int, count: int, depth: int) -> tuple[tuple[SigType, ...], int]:
    # Each type takes at least one byte: a lying count ends with the blob.
    items: list[SigType] = []
    for _ in range(count):
        item, position = _type(blob, position, depth)
        items.append(item)
    return tuple(items), position


def _type(blob: bytes, position: int, depth: int) -> tuple[SigType, int]:
    element = blob[position]
    position += 1
    primitive = _PRIMITIVES[element]
    if primitive is not None:
        return primitive, position
    if element == ET.CLASS or element == ET.VALUETYPE:
        token, position = _type_token(blob, position)
        return (element, token), position
    if element == ET.VAR or element == ET.MVAR:
        number, position = compressed_unsigned(blob, position)
        return (element, number), position
    depth += 1
    if depth > MAX_DEPTH:
        raise _Malformed("nested too deeply")
    if element == ET.SZARRAY or element == ET.BYREF or element == ET.PTR or element == ET.PINNED:
        inner, position = _type(blob, position, depth)
        return (element, inner), position
    if element == ET.GENERICINST:
        kind = blob[position]
        if kind != ET.CLASS and kind != ET.VALUETYPE:
            raise _Malformed("instantiation of neither a class nor a value type")
        token, position = _type_token(blob, position + 1)
        count, position = compressed_unsigned(blob, position)
        arguments, position = _types(blob, position, count, depth)
        return (element, (kind, token), arguments), position
    if element == ET.CMOD_REQD or element == ET.CMOD_OPT:
        token, position = _type_token(blob, position)
        inner, position = _type(blob, position, depth)
        return (element, token, inner), position
    if element == ET.ARRAY:
        return _array(blob, position, depth)
    if element == ET.FNPTR:
        signature, position = _method(blob, position, depth)
        return (element, signature), position
    raise _Malformed(f"unknown element type 0x{element:02x}")


def _array(blob: bytes, position: int, depth: int) -> tuple[SigType, int]:
    inner, position = _type(blob, position, depth)
    rank, position = compressed_unsigned(blob, position)
    count, position = compressed_unsigned(blob, position)
    sizes: list[int] = []
    for _ in range(count):
        value, position = compressed_unsigned(blob, position)
        sizes.append(value)
    count, position = compressed_unsigned(blob, position)
    bounds: list[int] = []
    for _ in range(count):
        value, position = _compressed_signed(blob, position)
        bounds.append(value)
    if rank == 0 or len(sizes) > rank or len(bounds) > rank:
        raise _Malformed("array shape does not match its rank")
    return (ET.ARRAY, inner, rank, tuple(sizes), tuple(bounds)), position


def _method(blob: bytes, position: int, depth: int) -> tuple[MethodSig, int]:
    first = blob[position]
    convention = first & CallingConvention.MASK
    if convention > CallingConvention.VARARG and convention != CallingConvention.UNMANAGED:
        raise _Malformed(f"unknown calling convention {convention}")
    position += 1
    generic_count = 0
    if first & CallingConvention.GENERIC:
        generic_count, position = compressed_unsigned(blob, position)
    count, position = compressed_unsigned(blob, position)
    result, position = _type(blob, position, depth)
    params: list[SigType] = []
    sentinel = -1
    for index in range(count):
        if blob[position] == ET.SENTINEL:
            if sentinel >= 0:
                raise _Malformed("two sentinels")
            sentinel = index
            position += 1
        param, position = _type(blob, position, depth)
        params.append(param)
    signature = MethodSig(
        convention,
        bool(first & CallingConvention.HAS_THIS),
        bool(first & CallingConvention.EXPLICIT_THIS),
        generic_count,
        result,
        tuple(params),
        sentinel,
    )
    return signature, position
