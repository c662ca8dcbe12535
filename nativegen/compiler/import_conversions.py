"""Importing conv.* (ECMA-335 III.3.27 to III.3.29), as tables from target form to IR conversions.

Why here: conversions take four source types to ten target forms, with and without overflow checks, signed and unsigned;
as tables each combination can be seen and checked.

Rules that are RyuJIT's rather than ECMA's: a floating-point value becomes a small integer by way of int32; checked
conversions from floating point are runtime helpers, small ones followed by a check of the int32; ``conv.r.un`` gives a
float64.

Example (``conv.ovf.u1`` of a float64)::

    v1: i32 = call helper(Dbl2IntOvf)(v0)
    v2: i32 = checked_convert u8 v1
"""

from __future__ import annotations

from typing import Final

from nativegen.compiler import helper_abis, ir
from nativegen.compiler.importer import Entry, Handler, MethodImporter, invalid
from nativegen.compiler.ir import ConvertKind, Type
from nativegen.metadata.ops import Op
from nativegen.readytorun.enums import Helper

_Steps = tuple[tuple[ConvertKind, Type], ...]

_NARROW: Final[_Steps] = ((ConvertKind.TRUNC64, Type.I32),)
_TO_INT: Final[_Steps] = ((ConvertKind.F64_I32, Type.I32),)
_SMALL: Final = {
    "i8": ((ConvertKind.SEXT8, Type.I32),),
    "u8": ((ConvertKind.ZEXT8, Type.I32),),
    "i16": ((ConvertKind.SEXT16, Type.I32),),
    "u16": ((ConvertKind.ZEXT16, Type.I32),),
}

#: target form -> source type -> conversions to apply in order. A float32 source was widened before.
_STEPS: Final[dict[str, dict[Type, _Steps]]] = {
    **{form: {Type.I32: step, Type.I64: _NARROW + step, Type.F64: _TO_INT + step} for form, step in _SMALL.items()},
    "i32": {Type.I32: (), Type.I64: _NARROW, Type.F64: _TO_INT},
    "u32": {Type.I32: (), Type.I64: _NARROW, Type.F64: ((ConvertKind.F64_U32, Type.I32),)},
    "i64": {Type.I32: ((ConvertKind.SEXT32, Type.I64),), Type.I64: (), Type.F64: ((ConvertKind.F64_I64, Type.I64),)},
    "u64": {Type.I32: ((ConvertKind.ZEXT32, Type.I64),), Type.I64: (), Type.F64: ((ConvertKind.F64_U64, Type.I64),)},
}


def _apply(importer: MethodImporter, value: ir.Value, steps: _Steps) -> ir.Value:
    for kind, type_ in steps:
        value = importer.convert(kind, value, type_)
    return value


def _pop_number(importer: MethodImporter) -> ir.Value:
    """An integer or a float64; pointers become native ints."""
    entry = importer.pop()
    value = importer.scalar(entry)
    if value.type is Type.F32:
        return importer.convert(ConvertKind.F32_F64, value, Type.F64)
    if value.type is Type.BYREF:
        return importer.convert(ConvertKind.BYREF_I64, value, Type.I64)
    if value.type is Type.ADDR:
        return importer.convert(ConvertKind.ADDR_I64, value, Type.I64)
    if value.type is Type.REF:
        return importer.convert(ConvertKind.REF_I64, value, Type.I64)
    return value


def _to_integer(form: str) -> Handler:
    table = _STEPS[form]

    def handler(importer: MethodImporter, operand: None) -> None:
        value = _pop_number(importer)
        value = _apply(importer, value, table[value.type])
        importer.push(value.type, value)

    return handler


_FLOAT_STEPS: Final[dict[tuple[Type, Type], _Steps]] = {
    (Type.I32, Type.F32): ((ConvertKind.I32_F32, Type.F32),),
    (Type.I64, Type.F32): ((ConvertKind.I64_F32, Type.F32),),
    (Type.F32, Type.F32): (),
    (Type.F64, Type.F32): ((ConvertKind.F64_F32, Type.F32),),
    (Type.I32, Type.F64): ((ConvertKind.I32_F64, Type.F64),),
    (Type.I64, Type.F64): ((ConvertKind.I64_F64, Type.F64),),
    (Type.F32, Type.F64): ((ConvertKind.F32_F64, Type.F64),),
    (Type.F64, Type.F64): (),
}
_UNSIGNED_FLOAT_STEPS: Final[dict[Type, _Steps]] = {
    Type.I32: ((ConvertKind.U32_F64, Type.F64),),
    Type.I64: ((ConvertKind.U64_F64, Type.F64),),
    Type.F32: ((ConvertKind.F32_F64, Type.F64),),
    Type.F64: (),
}


def _to_float(type_: Type) -> Handler:
    def handler(importer: MethodImporter, operand: None) -> None:
        value = importer.pop_value()
        steps = _FLOAT_STEPS.get((value.type, type_))
        if steps is None:
            raise invalid(f"conversion of {value.type.name} to floating point")
        importer.push(type_, _apply(importer, value, steps))

    return handler


def _to_float_unsigned(importer: MethodImporter, operand: None) -> None:
    value = importer.pop_value()
    steps = _UNSIGNED_FLOAT_STEPS.get(value.type)
    if steps is None:
        raise invalid(f"conversion of {value.type.name} to floating point")
    following = importer.peek()
    is_pair = following is not None and following[1] == Op.CONV_R4  # CIL's only uint64 -> float32
    if is_pair and value.type is Type.I64 and importer.compiler.target.ulong_to_float_rounds_once:
        importer.push(Type.F32, importer.convert(ConvertKind.U64_F32, value, Type.F32))
        return
    importer.push(Type.F64, _apply(importer, value, steps))


_FROM_FLOAT: Final = {
    "i32": (Helper.Dbl2IntOvf, helper_abis.DOUBLE_TO_INT),
    "u32": (Helper.Dbl2UIntOvf, helper_abis.DOUBLE_TO_INT),
    "i64": (Helper.Dbl2LngOvf, helper_abis.DOUBLE_TO_LONG),
    "u64": (Helper.Dbl2ULngOvf, helper_abis.DOUBLE_TO_LONG),
}


def _checked(form: str, unsigned: bool) -> Handler:
    result_type = Type.I64 if form in ("i64", "u64") else Type.I32
    helper, abi = _FROM_FLOAT.get(form, _FROM_FLOAT["i32"])

    def handler(importer: MethodImporter, operand: None) -> None:
        value = _pop_number(importer)
        from_unsigned = unsigned
        if value.type is Type.F64:
            called = importer.call_helper(importer.cells.helper(helper), abi, (value,))
            assert called is not None
            if form in _FROM_FLOAT:
                importer.push(result_type, called)
                return
            value, from_unsigned = called, False
        importer.emit(ir.CheckedConvert(importer.push_result(result_type), form, from_unsigned, value))

    return handler


def _check_finite(importer: MethodImporter, operand: None) -> None:
    entry: Entry = importer.pop()
    value = importer.scalar(entry)
    if value.type not in (Type.F32, Type.F64):
        raise invalid(f"ckfinite of {value.type.name}")
    importer.emit(ir.FiniteCheck(value))
    importer.stack.append(entry)


_FORMS: Final = {
    "I1": "i8",
    "U1": "u8",
    "I2": "i16",
    "U2": "u16",
    "I4": "i32",
    "U4": "u32",
    "I8": "i64",
    "U8": "u64",
    "I": "i64",
    "U": "u64",
}

HANDLERS: dict[int, Handler] = {
    Op.CONV_R4: _to_float(Type.F32),
    Op.CONV_R8: _to_float(Type.F64),
    Op.CONV_R_UN: _to_float_unsigned,
    Op.CKFINITE: _check_finite,
    **{getattr(Op, f"CONV_{name}"): _to_integer(form) for name, form in _FORMS.items()},
    **{getattr(Op, f"CONV_OVF_{name}"): _checked(form, False) for name, form in _FORMS.items()},
    **{getattr(Op, f"CONV_OVF_{name}_UN"): _checked(form, True) for name, form in _FORMS.items()},
}
