"""Arithmetic of the core library that is one or two instructions: Math, MathF, BitOperations, BitConverter.

What: the part of :mod:`nativegen.compiler.intrinsics` that touches no memory. Both runtimes' JITs expand these, or run
CIL that computes exactly the same bits.

Why not more: rounding functions and fused multiplication need SSE4.1 or FMA, which the baseline does not have, so they
stay calls; minimum and maximum of floating numbers changed between the runtimes; the rest of Math is the C library's.

Facts: ``Log2(0)`` is 0 (BitOperations.cs enforces it); zero has as many leading or trailing zeros as bits; rotation
counts are taken modulo the width, as C# masks the counts of the shifts that the methods are written with.

Example (``call int32 BitOperations::Log2(uint32)``)::

    v1 = const 1
    v2 = binary or v0, v1
    v3 = unary leading_zeros v2
    v4 = const 31
    v5 = binary xor v3, v4
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from nativegen.compiler import ir
from nativegen.compiler.importer import MethodImporter
from nativegen.compiler.ir import MEMORY_INFO, BinaryOp, ConvertKind, Memory, Type, UnaryOp

if TYPE_CHECKING:
    from nativegen.compiler.resolved import Callee

#: See :mod:`nativegen.compiler.intrinsics`.
Expander = Callable[[MethodImporter, "Callee"], bool]

_FLOATS: Final = (Memory.F32, Memory.F64)
_INTEGERS: Final = (Memory.I32, Memory.I64)
_BITS: Final[Mapping[tuple[Memory, Memory], ConvertKind]] = {
    (Memory.F32, Memory.I32): ConvertKind.BITS_F32_I32,
    (Memory.F64, Memory.I64): ConvertKind.BITS_F64_I64,
    (Memory.I32, Memory.F32): ConvertKind.BITS_I32_F32,
    (Memory.I64, Memory.F64): ConvertKind.BITS_I64_F64,
}


def _apply(importer: MethodImporter, op: UnaryOp, value: ir.Value) -> ir.Value:
    result = importer.value(value.type)
    importer.emit(ir.Unary(result, op, value))
    return result


def _combine(importer: MethodImporter, op: BinaryOp, left: ir.Value, right: ir.Value) -> ir.Value:
    result = importer.value(left.type)
    importer.emit(ir.Binary(result, op, left, right))
    return result


def _float(op: UnaryOp) -> Expander:
    def expand(importer: MethodImporter, callee: Callee) -> bool:
        memory = callee.parameters[0].memory
        if memory not in _FLOATS or callee.result.memory is not memory:
            return False
        assert memory is not None
        result = _apply(importer, op, importer.coerce(importer.pop(), memory))
        importer.push(result.type, result)
        return True

    return expand


def _push_count(importer: MethodImporter, count: ir.Value) -> None:
    """A number of bits, which is an int32 whatever they were counted in."""
    if count.type is Type.I64:
        count = importer.convert(ConvertKind.TRUNC64, count, Type.I32)
    importer.push(Type.I32, count)


def _count(op: UnaryOp) -> Expander:
    def expand(importer: MethodImporter, callee: Callee) -> bool:
        memory = callee.parameters[0].memory
        if memory not in _INTEGERS or callee.result.memory is not Memory.I32:
            return False
        assert memory is not None
        _push_count(importer, _apply(importer, op, importer.coerce(importer.pop(), memory)))
        return True

    return expand


def _logarithm(importer: MethodImporter, callee: Callee) -> bool:
    memory = callee.parameters[0].memory
    if memory not in _INTEGERS or callee.result.memory is not Memory.I32:
        return False
    assert memory is not None
    type_, size = MEMORY_INFO[memory]
    value = importer.coerce(importer.pop(), memory)
    value = _combine(importer, BinaryOp.OR, value, importer.const(type_, 1))
    zeros = _apply(importer, UnaryOp.LEADING_ZEROS, value)
    _push_count(importer, _combine(importer, BinaryOp.XOR, zeros, importer.const(type_, 8 * size - 1)))
    return True


def _rotate(first: BinaryOp, second: BinaryOp) -> Expander:
    def expand(importer: MethodImporter, callee: Callee) -> bool:
        memory = callee.parameters[0].memory
        if memory not in _INTEGERS or callee.result.memory is not memory:
            return False
        assert memory is not None
        count = importer.coerce(importer.pop(), Memory.I32)
        value = importer.coerce(importer.pop(), memory)
        there = _combine(importer, first, value, count)
        back = _combine(importer, second, value, _apply(importer, UnaryOp.NEG, count))
        result = _combine(importer, BinaryOp.OR, there, back)
        importer.push(result.type, result)
        return True

    return expand


def _same_bits(importer: MethodImporter, callee: Callee) -> bool:
    given, wanted = callee.parameters[0].memory, callee.result.memory
    if given is None or wanted is None or (given, wanted) not in _BITS:
        return False
    type_ = MEMORY_INFO[wanted][0]
    value = importer.convert(_BITS[given, wanted], importer.coerce(importer.pop(), given), type_)
    importer.push(type_, value)
    return True


_BIT_OPERATIONS: Final = "System.Numerics.BitOperations"
_CONVERSIONS: Final = (
    "DoubleToInt64Bits",
    "DoubleToUInt64Bits",
    "SingleToInt32Bits",
    "SingleToUInt32Bits",
    "Int64BitsToDouble",
    "UInt64BitsToDouble",
    "Int32BitsToSingle",
    "UInt32BitsToSingle",
)

#: (full name of the type, method, number of parameters) -> how a call is imported.
NUMERIC: Final[Mapping[tuple[str, str, int], Expander]] = {
    ("System.Math", "Abs", 1): _float(UnaryOp.ABS),
    ("System.Math", "Sqrt", 1): _float(UnaryOp.SQRT),
    ("System.MathF", "Abs", 1): _float(UnaryOp.ABS),
    ("System.MathF", "Sqrt", 1): _float(UnaryOp.SQRT),
    (_BIT_OPERATIONS, "LeadingZeroCount", 1): _count(UnaryOp.LEADING_ZEROS),
    (_BIT_OPERATIONS, "TrailingZeroCount", 1): _count(UnaryOp.TRAILING_ZEROS),
    (_BIT_OPERATIONS, "PopCount", 1): _count(UnaryOp.POPULATION),
    (_BIT_OPERATIONS, "Log2", 1): _logarithm,
    (_BIT_OPERATIONS, "RotateLeft", 2): _rotate(BinaryOp.SHL, BinaryOp.SHR_UN),
    (_BIT_OPERATIONS, "RotateRight", 2): _rotate(BinaryOp.SHR_UN, BinaryOp.SHL),
    **{("System.BitConverter", name, 1): _same_bits for name in _CONVERSIONS},
}
