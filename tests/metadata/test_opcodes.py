"""The opcode table against CoreLib's (the initialiser of System.Reflection.Emit.OpCodes), and the decoder."""

from __future__ import annotations

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import OPCODES, Assembly, Op, decode
from tests.support.paths import TestInputs

# Numbers of the enums OperandType, StackBehaviour and FlowControl of System.Reflection.Emit.
OPERANDS = (
    "br4", "field", "i4", "i8", "method", "none", "phi", "r8", "-", "sig", "string", "switch", "tok", "type", "var2",
    "br1", "i1", "r4", "var1",
)  # fmt: skip
STACK = (
    "-", "1", "1+1", "i", "i+1", "i+i", "i+i8", "i+i+i", "i+r4", "i+r8", "ref", "ref+1", "ref+i", "ref+i+i",
    "ref+i+i8", "ref+i+r4", "ref+i+r8", "ref+i+ref", "-", "1", "1+1", "i", "i8", "r4", "r8", "ref", "var", "var",
    "ref+i+1",
)  # fmt: skip
FLOWS = ("branch", "break", "call", "cond", "meta", "next", "phi", "return", "throw")

#: Known to reflection only as the first byte of two-byte opcodes and reserved ones.
RESERVED = {0xF8, 0xF9, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF}


def reflection_table(core: Assembly) -> dict[int, tuple[str, str, str, str]]:
    """Opcode value -> (operand, pop, push, flow), from the ``new OpCode(value, flags)`` of ``OpCodes``' initialiser.

    The flags word (OpCode.cs): operand in bits 0-4, flow from 5, pop from 12, push from 17.
    """
    row = core.type_def(core.find_type("System.Reflection.Emit", "OpCodes"))
    (rid,) = [rid for rid in row.method_rids if core.method_def(rid).name == ".cctor"]
    body = core.method_body(rid)
    assert body is not None
    pushed: list[int] = []
    table = {}
    for _, opcode, operand in decode(body.code):
        if Op.LDC_I4_M1 <= opcode <= Op.LDC_I4_8:
            pushed.append(opcode - Op.LDC_I4_0)
        elif opcode in (Op.LDC_I4, Op.LDC_I4_S):
            pushed.append(operand)
        elif opcode == Op.NEWOBJ:
            flags, value = pushed.pop(), pushed.pop()
            table[value & 0xFFFF] = (
                OPERANDS[flags & 0x1F],
                STACK[flags >> 12 & 0x1F],
                STACK[flags >> 17 & 0x1F],
                FLOWS[flags >> 5 & 0xF],
            )
    return table


def words(stack: tuple[str, ...] | None) -> str:
    """A stack behaviour in the form of :data:`STACK`."""
    return "var" if stack is None else "+".join(stack) or "-"


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_the_table_equals_reflections(inputs: TestInputs, target: str) -> None:
    expected = reflection_table(Assembly.open(inputs.framework(target) / "System.Private.CoreLib.dll"))
    for reserved in RESERVED:
        del expected[reserved]
    found = {op.value: (op.operand, words(op.pop), words(op.push), op.flow) for op in OPCODES.values()}
    # `no.` is in ECMA-335 III.2.2 only; no runtime implements it.
    assert found.pop(Op.NO) == ("i1", "-", "-", "meta")
    # reflection says isinst pushes an int; III.4.6 says an object reference.
    assert expected.pop(Op.ISINST) == ("type", "ref", "i", "next")
    assert found.pop(Op.ISINST) == ("type", "ref", "ref", "next")
    assert found == expected


def test_names_equal_corelibs(inputs: TestInputs) -> None:
    core = Assembly.open(inputs.framework("9.0") / "System.Private.CoreLib.dll")
    names = {}
    for rid in core.type_def(core.find_type("System.Reflection.Emit", "OpCodeValues")).field_rids:
        constant = core.constant(0x04000000 | rid)
        if constant is not None:
            names[int.from_bytes(constant[1], "little")] = core.field_def(rid).name.lower()
    for opcode in OPCODES.values():
        if opcode.value != Op.NO:
            assert names[opcode.value] == opcode.name.replace(".", "_")


def test_operands() -> None:
    code = bytes.fromhex(
        "1ffe 20feffffff 21feffffffffffffff 22 000020c1 23 0100000000 00f07f 0eff fe0c ff01 2803000006 7201000070"
    )
    assert [(opcode, operand) for _, opcode, operand in decode(code)] == [
        (Op.LDC_I4_S, -2),
        (Op.LDC_I4, -2),
        (Op.LDC_I8, -2),
        (Op.LDC_R4, 0xC1200000),
        (Op.LDC_R8, 0x7FF0000000000001),  # a signalling NaN stays one
        (Op.LDARG_S, 255),
        (Op.LDLOC, 0x1FF),
        (Op.CALL, 0x06000003),
        (Op.LDSTR, 0x70000001),
    ]


def test_branches_are_absolute() -> None:
    code = bytes.fromhex("00 2bfd 38f8ffffff 45 02000000 edffffff 00000000 2a")
    assert decode(code) == [
        (0, Op.NOP, None),
        (1, Op.BR_S, 0),
        (3, Op.BR, 0),
        (8, Op.SWITCH, (2, 21)),
        (21, Op.RET, None),
    ]
    assert decode(bytes.fromhex("4500000000 2a"))[0] == (0, Op.SWITCH, ())
    assert decode(b"") == []


@pytest.mark.parametrize(
    "code, reason",
    [
        ("24", "unknown opcode 0x24"),
        ("fe", "truncated"),
        ("fe08", "unknown opcode 0xfe08"),
        ("ff", "unknown opcode 0xff"),
        ("20000000", "truncated"),
        ("2b", "truncated"),
        ("2b00", "branch out of the code"),
        ("002bfc", "branch out of the code"),
        ("3800000080", "branch out of the code"),
        ("45ffffffff", "truncated"),
        ("450100000000", "truncated"),
        ("450100000001000000", "branch out of the code"),
    ],
)
def test_malformed(code: str, reason: str) -> None:
    with pytest.raises(NativegenError, match=f"x.dll: error NGEN1004: .*: here: .*{reason}"):
        decode(bytes.fromhex(code), "x.dll", "here")
