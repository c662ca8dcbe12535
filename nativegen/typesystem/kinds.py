"""What a type is, reduced to what code generation and layout ask about it.

>>> ELEMENT_KINDS[ET.I4], PRIMITIVE_SIZES[TypeKind.I4]
(<TypeKind.I4: 8>, 4)
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nativegen.metadata.elements import ET


class TypeKind(enum.IntEnum):
    """Kind of a type. Those up to ``U`` are the primitives; an enum is ENUM, its primitive is ``underlying``."""

    VOID = 0
    BOOLEAN = 1
    CHAR = 2
    I1 = 4
    U1 = 5
    I2 = 6
    U2 = 7
    I4 = 8
    U4 = 9
    I8 = 10
    U8 = 11
    R4 = 12
    R8 = 13
    I = 14  # noqa: E741 the element type's own name: native int
    U = 15
    CLASS = 16  # every reference type: classes, interfaces, delegates, strings, arrays
    VALUETYPE = 17  # structs that are neither primitive nor enum
    ENUM = 18
    BYREF = 19
    POINTER = 20  # unmanaged pointers and function pointers
    TYPEDBYREF = 21
    GENERIC_PARAMETER = 22


#: Sizes and alignments in bytes of the primitives on x64.
PRIMITIVE_SIZES: Final[Mapping[TypeKind, int]] = MappingProxyType(
    {
        TypeKind.BOOLEAN: 1,
        TypeKind.CHAR: 2,
        TypeKind.I1: 1,
        TypeKind.U1: 1,
        TypeKind.I2: 2,
        TypeKind.U2: 2,
        TypeKind.I4: 4,
        TypeKind.U4: 4,
        TypeKind.I8: 8,
        TypeKind.U8: 8,
        TypeKind.R4: 4,
        TypeKind.R8: 8,
        TypeKind.I: 8,
        TypeKind.U: 8,
    }
)

#: Primitives by element type.
ELEMENT_KINDS: Final[Mapping[int, TypeKind]] = MappingProxyType(
    {
        ET.VOID: TypeKind.VOID,
        ET.BOOLEAN: TypeKind.BOOLEAN,
        ET.CHAR: TypeKind.CHAR,
        ET.I1: TypeKind.I1,
        ET.U1: TypeKind.U1,
        ET.I2: TypeKind.I2,
        ET.U2: TypeKind.U2,
        ET.I4: TypeKind.I4,
        ET.U4: TypeKind.U4,
        ET.I8: TypeKind.I8,
        ET.U8: TypeKind.U8,
        ET.R4: TypeKind.R4,
        ET.R8: TypeKind.R8,
        ET.I: TypeKind.I,
        ET.U: TypeKind.U,
    }
)

#: Element types that stand for one type of the core library, and its name in namespace System (ECMA-335 II.23.1.16).
ELEMENT_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        ET.VOID: "Void",
        ET.BOOLEAN: "Boolean",
        ET.CHAR: "Char",
        ET.I1: "SByte",
        ET.U1: "Byte",
        ET.I2: "Int16",
        ET.U2: "UInt16",
        ET.I4: "Int32",
        ET.U4: "UInt32",
        ET.I8: "Int64",
        ET.U8: "UInt64",
        ET.R4: "Single",
        ET.R8: "Double",
        ET.I: "IntPtr",
        ET.U: "UIntPtr",
        ET.STRING: "String",
        ET.OBJECT: "Object",
        ET.TYPEDBYREF: "TypedReference",
    }
)

#: The same, from the core library's names to element types.
NAME_ELEMENTS: Final[Mapping[str, int]] = MappingProxyType({name: element for element, name in ELEMENT_NAMES.items()})
