"""The tables behind IR text: how each instruction is spelled, for ``printer.py`` and ``parser.py`` alike.

What: an instruction is its class name in lower case, the operands in field order, then the flags that are set. Only
calls, returns and the header are special. Because both sides read the dataclasses through this table, a new
instruction can be printed and parsed without a line of code here.

Grammar of one line::

    [v<id>: <type> =] <mnemonic> [<operand>{, <operand>}] {<flag> | <field>=<number>}

Example: ``ir.Load(result=v1, address=v0, offset=8, memory=Memory.I32, faulting=True)`` is ``v1: i32 = load v0, 8, i32
faulting``.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from dataclasses import dataclass

from nativegen.compiler import ir
from nativegen.compiler.operands import USES

#: Enumerations that may be operands, by the name of the field's type; a member is written in lower case.
ENUMS: dict[str, type[enum.IntEnum]] = {
    "Memory": ir.Memory,
    "BinaryOp": ir.BinaryOp,
    "UnaryOp": ir.UnaryOp,
    "Condition": ir.Condition,
    "ConvertKind": ir.ConvertKind,
    "Barrier": ir.Barrier,
}


@dataclass(frozen=True, slots=True)
class Operand:
    """A field of an instruction: its name and its type as written in :mod:`nativegen.compiler.ir`."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of instruction is written.

    Attributes:
        kind: the instruction's class.
        has_result: it defines a value.
        operands: the required fields, in order.
        flags: optional boolean fields.
        numbers: optional integer fields with their defaults.
    """

    kind: type[ir.Instruction]
    has_result: bool
    operands: tuple[Operand, ...]
    flags: tuple[str, ...]
    numbers: tuple[tuple[str, int], ...]


def mnemonic(kind: type[ir.Instruction]) -> str:
    """``CheckedBinary`` -> ``checked_binary``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _form(kind: type[ir.Instruction]) -> Form:
    operands: list[Operand] = []
    flags: list[str] = []
    numbers: list[tuple[str, int]] = []
    has_result = False
    for field in dataclasses.fields(kind):
        text = str(field.type)
        if field.name == "il_offset":
            continue
        if field.name == "result":
            has_result = True
        elif field.default is dataclasses.MISSING:
            operands.append(Operand(field.name, text))
        elif text == "bool":
            flags.append(field.name)
        elif text == "int":
            numbers.append((field.name, int(field.default)))
        else:
            operands.append(Operand(field.name, text))
    return Form(kind, has_result, tuple(operands), tuple(flags), tuple(numbers))


#: Mnemonic -> form, of every instruction.
FORMS: dict[str, Form] = {mnemonic(kind): _form(kind) for kind in USES}

#: Flags of ``call``; its other fields have a syntax of their own.
CALL_FLAGS: tuple[str, ...] = FORMS["call"].flags
