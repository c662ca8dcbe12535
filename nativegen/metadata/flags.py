"""Attribute flags of types, members and parameters (ECMA-335 II.23.1; corhdr.h), named as the specification names them.

Plain ints in a class for the reason given in :mod:`nativegen.metadata.elements`. What has a mask is a number, no bit.

>>> flags = 0x00100181                                               # public abstract sealed beforefieldinit
>>> flags & TypeAttributes.VISIBILITY_MASK == TypeAttributes.PUBLIC, bool(flags & TypeAttributes.SEALED)
(True, True)
"""

from __future__ import annotations

from typing import Final


class TypeAttributes:
    """II.23.1.15."""

    VISIBILITY_MASK: Final = 0x7
    NOT_PUBLIC: Final = 0
    PUBLIC: Final = 1
    NESTED_PUBLIC: Final = 2
    NESTED_PRIVATE: Final = 3
    NESTED_FAMILY: Final = 4
    NESTED_ASSEMBLY: Final = 5
    NESTED_FAM_AND_ASSEM: Final = 6
    NESTED_FAM_OR_ASSEM: Final = 7
    LAYOUT_MASK: Final = 0x18
    SEQUENTIAL_LAYOUT: Final = 0x08
    EXPLICIT_LAYOUT: Final = 0x10
    INTERFACE: Final = 0x20
    ABSTRACT: Final = 0x80
    SEALED: Final = 0x100
    STRING_FORMAT_MASK: Final = 0x30000
    UNICODE_CLASS: Final = 0x10000
    BEFORE_FIELD_INIT: Final = 0x100000
    IS_TYPE_FORWARDER: Final = 0x200000  # of an ExportedType


class MemberAccess:
    """The lowest three bits of the flags of fields and methods (II.23.1.5, II.23.1.10)."""

    MASK: Final = 0x7
    COMPILER_CONTROLLED: Final = 0
    PRIVATE: Final = 1
    FAM_AND_ASSEM: Final = 2
    ASSEM: Final = 3
    FAMILY: Final = 4
    FAM_OR_ASSEM: Final = 5
    PUBLIC: Final = 6


class FieldAttributes:
    """II.23.1.5."""

    STATIC: Final = 0x10
    INIT_ONLY: Final = 0x20
    LITERAL: Final = 0x40
    HAS_FIELD_RVA: Final = 0x100
    HAS_FIELD_MARSHAL: Final = 0x1000


class MethodAttributes:
    """II.23.1.10."""

    STATIC: Final = 0x10
    FINAL: Final = 0x20
    VIRTUAL: Final = 0x40
    NEW_SLOT: Final = 0x100
    STRICT: Final = 0x200
    ABSTRACT: Final = 0x400
    SPECIAL_NAME: Final = 0x800
    PINVOKE_IMPL: Final = 0x2000
    REQUIRE_SEC_OBJECT: Final = 0x8000


class MethodImplAttributes:
    """II.23.1.11, and what has come since (corhdr.h: CorMethodImpl)."""

    CODE_TYPE_MASK: Final = 0x3  # 0: CIL
    NATIVE: Final = 1
    RUNTIME: Final = 3
    NO_INLINING: Final = 0x8
    FORWARD_REF: Final = 0x10
    SYNCHRONIZED: Final = 0x20
    NO_OPTIMIZATION: Final = 0x40
    AGGRESSIVE_INLINING: Final = 0x100
    AGGRESSIVE_OPTIMIZATION: Final = 0x200
    INTERNAL_CALL: Final = 0x1000


class GenericParamAttributes:
    """II.23.1.7; corhdr.h: CorGenericParamAttr."""

    VARIANCE_MASK: Final = 0x3
    SPECIAL_CONSTRAINT_MASK: Final = 0x1C
    VALUE_TYPE_CONSTRAINT: Final = 0x8
    ALLOW_BYREF_LIKE: Final = 0x20
