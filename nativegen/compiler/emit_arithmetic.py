"""LLVM text of constants, arithmetic, comparisons and conversions.

What: CIL arithmetic wraps, so nothing here carries ``nsw``, ``nuw`` or fast-math flags; shift counts are masked as
x86 does; a division has been checked before (``DivideCheck``), so that LLVM's undefined cases cannot occur.

Why conversions from floating point differ by target: the JIT's result for NaN and out-of-range values changed in .NET
9, and LLVM's own ``fptosi`` is undefined there. ``Target.float_to_int`` and ``Target.uint64_to_double`` say which is
wanted.

Example::

    v2: i32 = binary shl v0, v1
    ->
     %t1 = and i32 %v1, 31
     %v2 = shl i32 %v0, %t1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nativegen.compiler import ir
from nativegen.compiler.emission import MANAGED, TYPE_TEXT, Emission
from nativegen.readytorun.enums import Helper

_INTEGER: dict[ir.BinaryOp, str] = {
    ir.BinaryOp.ADD: "add",
    ir.BinaryOp.SUB: "sub",
    ir.BinaryOp.MUL: "mul",
    ir.BinaryOp.DIV: "sdiv",
    ir.BinaryOp.DIV_UN: "udiv",
    ir.BinaryOp.REM: "srem",
    ir.BinaryOp.REM_UN: "urem",
    ir.BinaryOp.AND: "and",
    ir.BinaryOp.OR: "or",
    ir.BinaryOp.XOR: "xor",
    ir.BinaryOp.SHL: "shl",
    ir.BinaryOp.SHR: "ashr",
    ir.BinaryOp.SHR_UN: "lshr",
}

_FLOAT: dict[ir.BinaryOp, str] = {
    ir.BinaryOp.ADD: "fadd",
    ir.BinaryOp.SUB: "fsub",
    ir.BinaryOp.MUL: "fmul",
    ir.BinaryOp.DIV: "fdiv",
}

_SHIFTS = (ir.BinaryOp.SHL, ir.BinaryOp.SHR, ir.BinaryOp.SHR_UN)

_INTEGER_CONDITION: dict[ir.Condition, str] = {
    ir.Condition.EQ: "eq",
    ir.Condition.NE: "ne",
    ir.Condition.LT: "slt",
    ir.Condition.LE: "sle",
    ir.Condition.GT: "sgt",
    ir.Condition.GE: "sge",
    ir.Condition.LT_UN: "ult",
    ir.Condition.LE_UN: "ule",
    ir.Condition.GT_UN: "ugt",
    ir.Condition.GE_UN: "uge",
}

_FLOAT_CONDITION: dict[ir.Condition, str] = {
    ir.Condition.EQ: "oeq",
    ir.Condition.NE: "une",
    ir.Condition.LT: "olt",
    ir.Condition.LE: "ole",
    ir.Condition.GT: "ogt",
    ir.Condition.GE: "oge",
    ir.Condition.LT_UN: "ult",
    ir.Condition.LE_UN: "ule",
    ir.Condition.GT_UN: "ugt",
    ir.Condition.GE_UN: "uge",
}

_POINTERS = (ir.Type.REF, ir.Type.BYREF, ir.Type.ADDR)


def constant(type_: ir.Type, bits: int) -> str:
    """The LLVM spelling of a constant; floating ones by their bits, which keeps every NaN."""
    if type_ is ir.Type.I32:
        return str(_signed(bits, 32))
    if type_ is ir.Type.I64:
        return str(_signed(bits, 64))
    if type_ is ir.Type.F64:
        return f"0x{bits & 0xFFFFFFFFFFFFFFFF:016X}"
    if type_ is ir.Type.F32:
        return f"bitcast (i32 {_signed(bits, 32)} to float)"
    return "null"


def _signed(bits: int, width: int) -> int:
    bits &= (1 << width) - 1
    return bits - (1 << width) if bits >> (width - 1) else bits


def _const(e: Emission, const: ir.Const) -> None:
    e.names[const.result.id] = constant(const.result.type, const.bits)


def _binary(e: Emission, binary: ir.Binary) -> None:
    kind = binary.left.type
    if kind in (ir.Type.F32, ir.Type.F64):
        operation = _FLOAT[binary.op]
    else:
        operation = _INTEGER[binary.op]
    left, right = e.operand(binary.left), e.operand(binary.right)
    if binary.op in _SHIFTS:
        right = e.assign(f"and i32 {right}, {31 if kind is ir.Type.I32 else 63}")
        if kind is ir.Type.I64:
            right = e.assign(f"zext i32 {right} to i64")
    e.define(binary.result, f"{operation} {TYPE_TEXT[kind]} {left}, {right}")


def _checked_binary(e: Emission, binary: ir.CheckedBinary) -> None:
    kind = TYPE_TEXT[binary.left.type]
    name = f"llvm.{'u' if binary.unsigned else 's'}{_INTEGER[binary.op]}.with.overflow.{kind}"
    left, right = e.operand(binary.left), e.operand(binary.right)
    pair = e.assign(f"call {{{kind}, i1}} @{name}({kind} {left}, {kind} {right})")
    e.fail_if(e.assign(f"extractvalue {{{kind}, i1}} {pair}, 1"), Helper.Overflow)
    e.define(binary.result, f"extractvalue {{{kind}, i1}} {pair}, 0")


#: LLVM's functions without the suffix of their type, and what follows the operand.
_FUNCTIONS: dict[ir.UnaryOp, tuple[str, str]] = {
    ir.UnaryOp.ABS: ("fabs", ""),
    ir.UnaryOp.SQRT: ("sqrt", ""),
    ir.UnaryOp.LEADING_ZEROS: ("ctlz", ", i1 false"),
    ir.UnaryOp.TRAILING_ZEROS: ("cttz", ", i1 false"),
    ir.UnaryOp.POPULATION: ("ctpop", ""),
}
_SUFFIX: dict[ir.Type, str] = {ir.Type.I32: "i32", ir.Type.I64: "i64", ir.Type.F32: "f32", ir.Type.F64: "f64"}


def _unary(e: Emission, unary: ir.Unary) -> None:
    kind = TYPE_TEXT[unary.value.type]
    name = e.operand(unary.value)
    function = _FUNCTIONS.get(unary.op)
    if function is not None:
        called, rest = function
        e.define(unary.result, f"call {kind} @llvm.{called}.{_SUFFIX[unary.value.type]}({kind} {name}{rest})")
    elif unary.op is ir.UnaryOp.NOT:
        e.define(unary.result, f"xor {kind} {name}, -1")
    elif unary.value.type in (ir.Type.F32, ir.Type.F64):
        e.define(unary.result, f"fneg {kind} {name}")
    else:
        e.define(unary.result, f"sub {kind} 0, {name}")


# comparisons


def condition(e: Emission, which: ir.Condition, left: ir.Value, right: ir.Value) -> str:
    """An i1 that holds the comparison."""
    if left.type in (ir.Type.F32, ir.Type.F64):
        a, b = e.operand(left), e.operand(right)
        return e.assign(f"fcmp {_FLOAT_CONDITION[which]} {TYPE_TEXT[left.type]} {a}, {b}")
    text = _INTEGER_CONDITION[which]
    if left.type in _POINTERS or right.type in _POINTERS:
        common = ir.Type.I64 if ir.Type.I64 in (left.type, right.type) else ir.Type.BYREF
        if which >= ir.Condition.LT:
            text = "u" + text[1:]
    else:
        common = left.type
    a, b = e.coerce(left, common), e.coerce(right, common)
    return e.assign(f"icmp {text} {TYPE_TEXT[common]} {a}, {b}")


def _compare(e: Emission, compare: ir.Compare) -> None:
    flag = condition(e, compare.condition, compare.left, compare.right)
    e.define(compare.result, f"zext i1 {flag} to i32")


# conversions

_SIMPLE: dict[ir.ConvertKind, str] = {
    ir.ConvertKind.SEXT32: "sext i32 {} to i64",
    ir.ConvertKind.ZEXT32: "zext i32 {} to i64",
    ir.ConvertKind.TRUNC64: "trunc i64 {} to i32",
    ir.ConvertKind.I32_F32: "sitofp i32 {} to float",
    ir.ConvertKind.I32_F64: "sitofp i32 {} to double",
    ir.ConvertKind.I64_F32: "sitofp i64 {} to float",
    ir.ConvertKind.I64_F64: "sitofp i64 {} to double",
    ir.ConvertKind.U32_F32: "uitofp i32 {} to float",
    ir.ConvertKind.U32_F64: "uitofp i32 {} to double",
    ir.ConvertKind.F32_F64: "fpext float {} to double",
    ir.ConvertKind.F64_F32: "fptrunc double {} to float",
    ir.ConvertKind.REF_I64: f"ptrtoint {MANAGED} {{}} to i64",
    ir.ConvertKind.BYREF_I64: f"ptrtoint {MANAGED} {{}} to i64",
    ir.ConvertKind.ADDR_I64: "ptrtoint ptr {} to i64",
    ir.ConvertKind.I64_BYREF: f"inttoptr i64 {{}} to {MANAGED}",
    ir.ConvertKind.ADDR_BYREF: f"addrspacecast ptr {{}} to {MANAGED}",
    ir.ConvertKind.BITS_F32_I32: "bitcast float {} to i32",
    ir.ConvertKind.BITS_F64_I64: "bitcast double {} to i64",
    ir.ConvertKind.BITS_I32_F32: "bitcast i32 {} to float",
    ir.ConvertKind.BITS_I64_F64: "bitcast i64 {} to double",
}

_NARROW: dict[ir.ConvertKind, tuple[str, str]] = {
    ir.ConvertKind.SEXT8: ("i8", "sext"),
    ir.ConvertKind.ZEXT8: ("i8", "zext"),
    ir.ConvertKind.SEXT16: ("i16", "sext"),
    ir.ConvertKind.ZEXT16: ("i16", "zext"),
}

_SATURATING: dict[ir.ConvertKind, str] = {
    ir.ConvertKind.F64_I32: "call i32 @llvm.fptosi.sat.i32.f64(double {})",
    ir.ConvertKind.F64_I64: "call i64 @llvm.fptosi.sat.i64.f64(double {})",
    ir.ConvertKind.F64_U32: "call i32 @llvm.fptoui.sat.i32.f64(double {})",
    ir.ConvertKind.F64_U64: "call i64 @llvm.fptoui.sat.i64.f64(double {})",
}

_TWO_TO_63 = "0x43E0000000000000"
_TWO_TO_64 = "0x43F0000000000000"


def _convert(e: Emission, convert: ir.Convert) -> None:
    kind = convert.kind
    name = e.operand(convert.value)
    simple = _SIMPLE.get(kind)
    if simple is not None:
        e.define(convert.result, simple.format(name))
    elif kind in _NARROW:
        narrow, extend = _NARROW[kind]
        e.define(convert.result, f"{extend} {narrow} {e.assign(f'trunc i32 {name} to {narrow}')} to i32")
    elif kind is ir.ConvertKind.REF_BYREF:
        e.derive(convert.result, convert.value)
        e.names[convert.result.id] = name
    elif kind is ir.ConvertKind.U64_F64:
        e.define(convert.result, _uint64_to_double(e, name))
    elif kind is ir.ConvertKind.U64_F32:
        e.define(convert.result, f"uitofp i64 {name} to float")
    elif e.target.float_to_int == "saturating":
        e.define(convert.result, _SATURATING[kind].format(name))
    else:
        _float_to_int_x86(e, convert, name)


def _uint64_to_double(e: Emission, name: str) -> str:
    if e.target.uint64_to_double == "exact":
        return f"uitofp i64 {name} to double"
    signed = e.assign(f"sitofp i64 {name} to double")
    shifted = e.assign(f"fadd double {signed}, {_TWO_TO_64}")
    negative = e.assign(f"icmp slt i64 {name}, 0")
    return f"select i1 {negative}, double {shifted}, double {signed}"


def _truncate_x86(e: Emission, name: str, width: int) -> str:
    vector = e.assign(f"insertelement <2 x double> poison, double {name}, i32 0")
    suffix = "64" if width == 64 else ""
    return f"call i{width} @llvm.x86.sse2.cvttsd2si{suffix}(<2 x double> {vector})"


def _float_to_int_x86(e: Emission, convert: ir.Convert, name: str) -> None:
    if convert.kind is ir.ConvertKind.F64_I32:
        e.define(convert.result, _truncate_x86(e, name, 32))
    elif convert.kind is ir.ConvertKind.F64_I64:
        e.define(convert.result, _truncate_x86(e, name, 64))
    elif convert.kind is ir.ConvertKind.F64_U32:
        e.define(convert.result, f"trunc i64 {e.assign(_truncate_x86(e, name, 64))} to i32")
    else:
        # As the runtime's helper: 2**63 and more (and NaN) are converted in two halves.
        small = e.assign(f"fcmp olt double {name}, {_TWO_TO_63}")
        rest = e.assign(f"fsub double {name}, {_TWO_TO_63}")
        part = e.assign(f"select i1 {small}, double {name}, double {rest}")
        whole = e.assign(_truncate_x86(e, part, 64))
        bias = e.assign(f"select i1 {small}, i64 0, i64 {-(1 << 63)}")
        e.define(convert.result, f"add i64 {whole}, {bias}")


_RANGES: dict[str, tuple[int, int]] = {
    f"{sign}{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) if sign == "i" else (0, (1 << bits) - 1)
    for sign in "iu"
    for bits in (8, 16, 32, 64)
}


def _checked_convert(e: Emission, convert: ir.CheckedConvert) -> None:
    width = 32 if convert.value.type is ir.Type.I32 else 64
    kind = f"i{width}"
    name = e.operand(convert.value)
    low, high = _RANGES[convert.to]
    source_low, source_high = _RANGES[f"{'u' if convert.from_unsigned else 'i'}{width}"]
    if low > source_low or high < source_high:
        if low == 0 or convert.from_unsigned:
            # A negative source is above every limit when read as unsigned.
            failed = e.assign(f"icmp ugt {kind} {name}, {min(high, source_high)}")
        else:
            shifted = e.assign(f"sub {kind} {name}, {low}")
            failed = e.assign(f"icmp ugt {kind} {shifted}, {high - low}")
        e.fail_if(failed, Helper.Overflow)
    if convert.result.type is ir.Type.I64 and width == 32:
        e.define(convert.result, f"{'zext' if convert.from_unsigned else 'sext'} i32 {name} to i64")
    elif convert.result.type is ir.Type.I32 and width == 64:
        e.define(convert.result, f"trunc i64 {name} to i32")
    else:
        e.names[convert.result.id] = name


HANDLERS: dict[type[ir.Instruction], Callable[[Emission, Any], None]] = {
    ir.Const: _const,
    ir.Binary: _binary,
    ir.CheckedBinary: _checked_binary,
    ir.Unary: _unary,
    ir.Compare: _compare,
    ir.Convert: _convert,
    ir.CheckedConvert: _checked_convert,
}
