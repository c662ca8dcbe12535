"""Element types and calling conventions of signature blobs (ECMA-335 II.23.1.16 and II.23.2.3).

They are plain ints in a class, not an ``IntEnum``: signatures are tuples whose first item is one of them, and
comparing and hashing those tuples is on every hot path of the type system.

>>> ELEMENT_NAMES[ET.SZARRAY]
'SZARRAY'
"""

from __future__ import annotations

from typing import Final


class ET:
    """``ELEMENT_TYPE_*`` without the prefix."""

    END: Final = 0x00
    VOID: Final = 0x01
    BOOLEAN: Final = 0x02
    CHAR: Final = 0x03
    I1: Final = 0x04
    U1: Final = 0x05
    I2: Final = 0x06
    U2: Final = 0x07
    I4: Final = 0x08
    U4: Final = 0x09
    I8: Final = 0x0A
    U8: Final = 0x0B
    R4: Final = 0x0C
    R8: Final = 0x0D
    STRING: Final = 0x0E
    PTR: Final = 0x0F
    BYREF: Final = 0x10
    VALUETYPE: Final = 0x11
    CLASS: Final = 0x12
    VAR: Final = 0x13
    ARRAY: Final = 0x14
    GENERICINST: Final = 0x15
    TYPEDBYREF: Final = 0x16
    I: Final = 0x18  # noqa: E741
    U: Final = 0x19
    FNPTR: Final = 0x1B
    OBJECT: Final = 0x1C
    SZARRAY: Final = 0x1D
    MVAR: Final = 0x1E
    CMOD_REQD: Final = 0x1F
    CMOD_OPT: Final = 0x20
    SENTINEL: Final = 0x41
    PINNED: Final = 0x45

    # Only in custom attribute blobs (II.23.3).
    ATTRIBUTE_TYPE: Final = 0x50
    ATTRIBUTE_BOXED: Final = 0x51
    ATTRIBUTE_FIELD: Final = 0x53
    ATTRIBUTE_PROPERTY: Final = 0x54
    ATTRIBUTE_ENUM: Final = 0x55


#: Value -> name, for messages.
ELEMENT_NAMES: Final = {value: name for name, value in vars(ET).items() if isinstance(value, int)}

#: Element types that are a whole type by themselves.
PRIMITIVE_ELEMENTS: Final = frozenset(
    {
        ET.VOID, ET.BOOLEAN, ET.CHAR, ET.I1, ET.U1, ET.I2, ET.U2, ET.I4, ET.U4, ET.I8, ET.U8, ET.R4, ET.R8,
        ET.STRING, ET.TYPEDBYREF, ET.I, ET.U, ET.OBJECT,
    }
)  # fmt: skip


class CallingConvention:
    """Low four bits and flags of a signature's first byte (II.23.2.1 to II.23.2.15)."""

    DEFAULT: Final = 0x0
    C: Final = 0x1
    STDCALL: Final = 0x2
    THISCALL: Final = 0x3
    FASTCALL: Final = 0x4
    VARARG: Final = 0x5
    FIELD: Final = 0x6
    LOCAL_SIG: Final = 0x7
    PROPERTY: Final = 0x8
    UNMANAGED: Final = 0x9
    GENERICINST: Final = 0xA
    MASK: Final = 0xF
    GENERIC: Final = 0x10
    HAS_THIS: Final = 0x20
    EXPLICIT_THIS: Final = 0x40
