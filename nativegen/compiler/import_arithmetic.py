"""Importing arithmetic, comparisons and conversions (ECMA-335 III.1.5 tables, III.3).

Why here: these are the rules by which operand types decide the result; everything else about arithmetic is one IR
instruction. Where ECMA leaves room (int32 mixed with native int, float32 mixed with float64, byref arithmetic) RyuJIT's
importer is followed: an int32 operand is widened, zero-extended by the unsigned forms of comparisons and never by
arithmetic; float32 operands stay float32 as long as no float64 is involved.

Example (``ldarg.0 (int); ldarg.1 (native int); add``)::

    v2: i64 = convert sext32 v0
    v3: i64 = add v2, v1
"""

from __future__ import annotations

from typing import Final

from nativegen.compiler import helper_abis, ir
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.importer import Entry, Handler, MethodImporter, invalid
from nativegen.compiler.ir import BinaryOp, Condition, ConvertKind, Type, UnaryOp
from nativegen.metadata.ops import Op
from nativegen.readytorun.enums import Helper

_POINTERS: Final = (Type.BYREF, Type.ADDR)
_FLOATS: Final = (Type.F32, Type.F64)
_INTEGERS: Final = (Type.I32, Type.I64)
_MANAGED: Final = (Type.REF, Type.BYREF, Type.ADDR)
_FLOAT_OPS: Final = (BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL, BinaryOp.DIV)


def _same_floats(importer: MethodImporter, left: ir.Value, right: ir.Value) -> tuple[ir.Value, ir.Value]:
    if left.type is not right.type:
        if left.type is Type.F32:
            left = importer.convert(ConvertKind.F32_F64, left, Type.F64)
        elif right.type is Type.F32:
            right = importer.convert(ConvertKind.F32_F64, right, Type.F64)
    return left, right


def _same_integers(
    importer: MethodImporter, left: ir.Value, right: ir.Value, unsigned: bool = False
) -> tuple[ir.Value, ir.Value]:
    if left.type is not right.type:
        return importer.as_native(left, unsigned), importer.as_native(right, unsigned)
    return left, right


def _binary(op: BinaryOp) -> Handler:
    def handler(importer: MethodImporter, operand: None) -> None:
        right_entry = importer.pop()
        left_entry = importer.pop()
        left, right = importer.scalar(left_entry), importer.scalar(right_entry)
        if left.type in _INTEGERS and right.type in _INTEGERS:
            left, right = _same_integers(importer, left, right)
            if op in (BinaryOp.DIV, BinaryOp.REM, BinaryOp.DIV_UN, BinaryOp.REM_UN):
                importer.emit(ir.DivideCheck(left, right, op in (BinaryOp.DIV, BinaryOp.REM)))
            importer.emit(ir.Binary(importer.push_result(left.type), op, left, right))
        elif left.type in _FLOATS and right.type in _FLOATS:
            left, right = _same_floats(importer, left, right)
            if op in _FLOAT_OPS:
                importer.emit(ir.Binary(importer.push_result(left.type), op, left, right))
            elif op is BinaryOp.REM:
                _float_remainder(importer, left, right)
            else:
                raise invalid(f"{op.name} of floating-point numbers")
        elif op in (BinaryOp.ADD, BinaryOp.SUB):
            _pointer_arithmetic(importer, op, left_entry, right_entry)
        else:
            raise invalid(f"{op.name} of {left.type.name} and {right.type.name}")

    return handler


def _float_remainder(importer: MethodImporter, left: ir.Value, right: ir.Value) -> None:
    if left.type is Type.F32:
        helper, abi = Helper.FltRem, helper_abis.FLOAT_REMAINDER
    else:
        helper, abi = Helper.DblRem, helper_abis.DOUBLE_REMAINDER
    result = importer.call_helper(importer.cells.helper(helper), abi, (left, right))
    assert result is not None
    importer.push(left.type, result)


def _pointer_arithmetic(importer: MethodImporter, op: BinaryOp, left_entry: Entry, right_entry: Entry) -> None:
    """byref +- integer -> byref; integer + byref -> byref; byref - byref -> native int (ECMA-335 III.1.5, table 2)."""
    left, right = importer.scalar(left_entry), importer.scalar(right_entry)
    if left.type in _POINTERS and right.type in _POINTERS and op is BinaryOp.SUB:
        left, right = _as_integer(importer, left), _as_integer(importer, right)
        importer.emit(ir.Binary(importer.push_result(Type.I64), BinaryOp.SUB, left, right))
        return
    if left.type in _INTEGERS and op is BinaryOp.ADD:
        left_entry, left, right = right_entry, right, left
    if left.type not in _POINTERS or right.type not in _INTEGERS:
        raise invalid(f"{op.name} of {left.type.name} and {right.type.name}")
    index = importer.as_native(right)
    if op is BinaryOp.SUB:
        negated = importer.value(Type.I64)
        importer.emit(ir.Unary(negated, UnaryOp.NEG, index))
        index = negated
    result = importer.value(left.type)
    importer.emit(ir.Index(result, left, index, 1, 0))
    importer.push(left.type, result, left_entry.nonnull)


def _as_integer(importer: MethodImporter, value: ir.Value) -> ir.Value:
    if value.type is Type.ADDR:
        return importer.convert(ConvertKind.ADDR_I64, value, Type.I64)
    if value.type is Type.BYREF:
        return importer.convert(ConvertKind.BYREF_I64, value, Type.I64)
    return importer.as_native(value)


def _checked(op: BinaryOp, unsigned: bool) -> Handler:
    def handler(importer: MethodImporter, operand: None) -> None:
        right, left = importer.pop_value(), importer.pop_value()
        if left.type not in _INTEGERS or right.type not in _INTEGERS:
            raise Excluded(Reason.OPCODE, f"checked {op.name} of {left.type.name} and {right.type.name}")
        left, right = _same_integers(importer, left, right, unsigned)
        importer.emit(ir.CheckedBinary(importer.push_result(left.type), op, unsigned, left, right))

    return handler


def _shift(op: BinaryOp) -> Handler:
    def handler(importer: MethodImporter, operand: None) -> None:
        count, value = importer.pop_value(), importer.pop_value()
        if count.type is Type.I64:
            count = importer.convert(ConvertKind.TRUNC64, count, Type.I32)
        if value.type not in _INTEGERS or count.type is not Type.I32:
            raise invalid(f"{op.name} of {value.type.name} by {count.type.name}")
        importer.emit(ir.Binary(importer.push_result(value.type), op, value, count))

    return handler


def _unary(op: UnaryOp) -> Handler:
    def handler(importer: MethodImporter, operand: None) -> None:
        value = importer.pop_value()
        if value.type not in _INTEGERS and (op is UnaryOp.NOT or value.type not in _FLOATS):
            raise invalid(f"{op.name} of {value.type.name}")
        importer.emit(ir.Unary(importer.push_result(value.type), op, value))

    return handler


# --- comparisons ------------------------------------------------------------------------------------------------------

#: Conditions of unsigned opcodes; bne.un is one of them.
UNSIGNED: Final = (Condition.LT_UN, Condition.LE_UN, Condition.GT_UN, Condition.GE_UN, Condition.NE)


def comparable(importer: MethodImporter, zero_extends: bool) -> tuple[ir.Value, ir.Value]:
    """Pops two operands and brings them to one type; an int32 beside a native int is widened by zeros or its sign."""
    right, left = importer.pop_value(), importer.pop_value()
    if left.type in _INTEGERS and right.type in _INTEGERS:
        return _same_integers(importer, left, right, zero_extends)
    if left.type in _FLOATS and right.type in _FLOATS:
        return _same_floats(importer, left, right)
    if left.type in _MANAGED and right.type in _MANAGED:
        return left, right
    if Type.REF not in (left.type, right.type) and left.type not in _FLOATS and right.type not in _FLOATS:
        return _as_integer(importer, left), _as_integer(importer, right)  # byref and native int
    raise invalid(f"comparison of {left.type.name} and {right.type.name}")


def _compare(condition: Condition) -> Handler:
    def handler(importer: MethodImporter, operand: None) -> None:
        zero_extends = condition in UNSIGNED and importer.compiler.target.unsigned_compare_zero_extends
        left, right = comparable(importer, zero_extends)
        importer.emit(ir.Compare(importer.push_result(Type.I32), condition, left, right))

    return handler


HANDLERS: dict[int, Handler] = {
    Op.ADD: _binary(BinaryOp.ADD),
    Op.SUB: _binary(BinaryOp.SUB),
    Op.MUL: _binary(BinaryOp.MUL),
    Op.DIV: _binary(BinaryOp.DIV),
    Op.DIV_UN: _binary(BinaryOp.DIV_UN),
    Op.REM: _binary(BinaryOp.REM),
    Op.REM_UN: _binary(BinaryOp.REM_UN),
    Op.AND: _binary(BinaryOp.AND),
    Op.OR: _binary(BinaryOp.OR),
    Op.XOR: _binary(BinaryOp.XOR),
    Op.SHL: _shift(BinaryOp.SHL),
    Op.SHR: _shift(BinaryOp.SHR),
    Op.SHR_UN: _shift(BinaryOp.SHR_UN),
    Op.NEG: _unary(UnaryOp.NEG),
    Op.NOT: _unary(UnaryOp.NOT),
    Op.ADD_OVF: _checked(BinaryOp.ADD, False),
    Op.ADD_OVF_UN: _checked(BinaryOp.ADD, True),
    Op.SUB_OVF: _checked(BinaryOp.SUB, False),
    Op.SUB_OVF_UN: _checked(BinaryOp.SUB, True),
    Op.MUL_OVF: _checked(BinaryOp.MUL, False),
    Op.MUL_OVF_UN: _checked(BinaryOp.MUL, True),
    Op.CEQ: _compare(Condition.EQ),
    Op.CGT: _compare(Condition.GT),
    Op.CGT_UN: _compare(Condition.GT_UN),
    Op.CLT: _compare(Condition.LT),
    Op.CLT_UN: _compare(Condition.LT_UN),
}
