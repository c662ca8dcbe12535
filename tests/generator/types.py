"""The types of generated programs: names in ilasm's signatures, tokens, evaluation-stack kinds, defaults.

>>> I4.signature, I4.token, I4.stack
('int32', '[System.Runtime]System.Int32', 'i4')
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class CilType:
    """Compared by identity: each world makes its own structs and classes.

    Attributes:
        signature: as written in signatures and field types.
        token: as written behind ldobj, box, newarr.
        stack: i4, i8, ni, r4, r8, ref, val or byref.
        name: letters and digits only, for derived names.
        element: of an array or byref.
        indirect: suffix of ldind/stind, where there is one.
        bases: classes and interfaces that it converts to.
    """

    signature: str
    token: str
    stack: str
    name: str
    element: CilType | None = None
    indirect: str = ""
    bases: tuple[CilType, ...] = field(default=())

    @property
    def default(self) -> list[str]:
        """Lines that push the default value; a byref has none."""
        return {
            "i4": ["ldc.i4.0"],
            "i8": ["ldc.i8 0"],
            "ni": ["ldc.i4.0", "conv.i"],
            "r4": ["ldc.r4 (00 00 00 00)"],
            "r8": ["ldc.r8 (00 00 00 00 00 00 00 00)"],
            "ref": ["ldnull"],
            "val": [f"ldsfld {self.signature} {'[lib]Lib.' if '[lib]' in self.token else ''}Zero::{self.name}"],
        }[self.stack]


def _primitive(signature: str, clr: str, stack: str, indirect: str) -> CilType:
    return CilType(signature, f"[System.Runtime]System.{clr}", stack, clr, indirect=indirect)


I1 = _primitive("int8", "SByte", "i4", "i1")
U1 = _primitive("unsigned int8", "Byte", "i4", "u1")
I2 = _primitive("int16", "Int16", "i4", "i2")
U2 = _primitive("unsigned int16", "UInt16", "i4", "u2")
BOOL = _primitive("bool", "Boolean", "i4", "u1")
CHAR = _primitive("char", "Char", "i4", "u2")
I4 = _primitive("int32", "Int32", "i4", "i4")
U4 = _primitive("unsigned int32", "UInt32", "i4", "u4")
I8 = _primitive("int64", "Int64", "i8", "i8")
U8 = _primitive("unsigned int64", "UInt64", "i8", "i8")
NI = _primitive("native int", "IntPtr", "ni", "i")
NU = _primitive("native unsigned int", "UIntPtr", "ni", "i")
R4 = _primitive("float32", "Single", "r4", "r4")
R8 = _primitive("float64", "Double", "r8", "r8")
OBJECT = CilType("object", "[System.Runtime]System.Object", "ref", "Object", indirect="ref")
STRING = CilType("string", "[System.Runtime]System.String", "ref", "String", indirect="ref", bases=(OBJECT,))

PRIMITIVES = (I1, U1, I2, U2, BOOL, CHAR, I4, U4, I8, U8, NI, NU, R4, R8)

#: What brings an int32 into the range of a small type.
NARROWING = {
    "SByte": "conv.i1",
    "Byte": "conv.u1",
    "Boolean": "conv.u1",
    "Int16": "conv.i2",
    "UInt16": "conv.u2",
    "Char": "conv.u2",
}

#: What stands on the evaluation stack for each kind, as a type of its own.
STACK_TYPES = {"i4": I4, "i8": I8, "ni": NI, "r4": R4, "r8": R8}


def array_of(element: CilType) -> CilType:
    """A new single-dimensional array type."""
    signature = f"{element.signature}[]"
    return CilType(signature, signature, "ref", f"{element.name}Array", element, "ref", (OBJECT,))


def byref_to(element: CilType) -> CilType:
    """A new managed pointer type."""
    return CilType(f"{element.signature}&", "", "byref", f"{element.name}Ref", element)
