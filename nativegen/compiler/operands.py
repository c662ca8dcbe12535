"""Which values an instruction reads and which blocks a terminator leads to, for passes, verifier and emitter.

One table instead of a method on every instruction: the instructions stay plain data (see
:mod:`nativegen.compiler.ir`), and a new one that is missing here fails at once with a KeyError.

Invariants: values are listed in evaluation order; ``BUFFER`` and ``REGISTERS`` result addresses come last.

>>> a, b = ir.Value(0, ir.Type.REF), ir.Value(1, ir.Type.I32)
>>> uses(ir.Store(a, 8, ir.Memory.I32, b)) == (a, b)
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nativegen.compiler import ir


def _nothing(_: Any) -> tuple[ir.Value, ...]:
    return ()


def _value(instruction: Any) -> tuple[ir.Value, ...]:
    return (instruction.value,)


def _pair(instruction: Any) -> tuple[ir.Value, ...]:
    return (instruction.left, instruction.right)


def _call(call: ir.Call) -> tuple[ir.Value, ...]:
    values = (call.target, *call.args) if isinstance(call.target, ir.Value) else call.args
    return values if call.result_address is None else (*values, call.result_address)


def _return(instruction: ir.Return) -> tuple[ir.Value, ...]:
    return () if instruction.value is None else (instruction.value,)


USES: dict[type[ir.Instruction], Callable[[Any], tuple[ir.Value, ...]]] = {
    ir.Const: _nothing,
    ir.LoadSlot: _nothing,
    ir.StoreSlot: _value,
    ir.SlotAddress: _nothing,
    ir.Binary: _pair,
    ir.CheckedBinary: _pair,
    ir.Unary: _value,
    ir.Convert: _value,
    ir.CheckedConvert: _value,
    ir.Compare: _pair,
    ir.NullCheck: _value,
    ir.BoundsCheck: lambda check: (check.array, check.index),
    ir.RangeCheck: lambda check: (check.index, check.length),
    ir.DivideCheck: _pair,
    ir.FiniteCheck: _value,
    ir.ArrayLength: lambda length: (length.array,),
    ir.Offset: lambda offset: (offset.base,),
    ir.Index: lambda index: (index.base, index.index),
    ir.Load: lambda load: (load.address,),
    ir.Store: lambda store: (store.address, store.value),
    ir.StoreRef: lambda store: (store.address, store.value),
    ir.CopyStruct: lambda copy: (copy.destination, copy.source),
    ir.ZeroStruct: lambda zero: (zero.destination,),
    ir.StackAllocate: lambda allocate: (allocate.size,),
    ir.LoadCell: _nothing,
    ir.CellAddress: _nothing,
    ir.Call: _call,
    ir.MemoryBarrier: _nothing,
    ir.SequencePoint: _nothing,
    ir.Poll: _nothing,
    ir.Jump: _nothing,
    ir.Branch: lambda branch: (branch.condition,),
    ir.CompareBranch: _pair,
    ir.Switch: _value,
    ir.Return: _return,
    ir.Unreachable: _nothing,
    ir.CatchReturn: _nothing,
    ir.EndFinally: _nothing,
    ir.EndFilter: _value,
}


def uses(instruction: ir.Instruction) -> tuple[ir.Value, ...]:
    """The values that the instruction reads."""
    return USES[type(instruction)](instruction)


def successors(block: ir.Block) -> tuple[ir.Block, ...]:
    """Where control may go from the end of the block, in textual order; exceptions are not counted (``flow`` does)."""
    last = block.instructions[-1]
    if isinstance(last, (ir.Jump, ir.CatchReturn)):
        return (last.target,)
    if isinstance(last, (ir.Branch, ir.CompareBranch)):
        return (last.if_true, last.if_false)
    if isinstance(last, ir.Switch):
        return (*last.targets, last.default)
    return ()
