"""LLVM text of run-time checks and of control flow.

What: every check either branches to a cold block that calls a throwing helper, or (null checks in cheaply compiled
methods) reads the first byte behind the pointer and lets the hardware fault: the runtime turns that into
NullReferenceException.

Invariants: a length is read only behind the array's null check; nothing here is marked invariant, because a load that
LLVM may move across a safepoint would read through a stale register.

Example (explicit form)::

    bounds_check v0, v1
    ->
     %t1 = icmp eq ptr addrspace(1) %v0, null
     br i1 %t1, label %k2, label %k3, !prof ...
    k3:
     %t4 = getelementptr i8, ptr addrspace(1) %v0, i64 8
     %t5 = load i32, ptr addrspace(1) %t4, align 4, ...
     %t6 = icmp uge i32 %v1, %t5
     ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nativegen.backend.module_text import RANGE_LENGTH
from nativegen.compiler import ir
from nativegen.compiler.emission import MANAGED, TYPE_TEXT, Emission
from nativegen.compiler.emit_arithmetic import condition
from nativegen.readytorun.enums import Helper

#: Where an array's (and a string's) element count is: an i32 after the MethodTable pointer.
LENGTH_OFFSET = 8


def _null_check(e: Emission, check: ir.NullCheck) -> None:
    if e.explicit_null_checks:
        e.null_check(check.value)
    else:
        e.assign(f"load volatile i8, {e.pointer(check.value)}{e.site()}")


def _length(e: Emission, array: ir.Value, nonnull: bool) -> str:
    keyword = site = ""
    if not nonnull:
        if e.explicit_null_checks:
            e.null_check(array)
        else:
            keyword, site = " volatile", e.site()
    pointer = e.pointer(array, LENGTH_OFFSET)
    return e.assign(f"load{keyword} i32, {pointer}, align 4{e.heap_tag(array)}, {RANGE_LENGTH}{site}")


def _bounds_check(e: Emission, check: ir.BoundsCheck) -> None:
    length = _length(e, check.array, check.nonnull)
    index = e.operand(check.index)
    kind = TYPE_TEXT[check.index.type]
    if check.index.type is ir.Type.I64:
        length = e.assign(f"zext i32 {length} to i64")
    e.fail_if(e.assign(f"icmp uge {kind} {index}, {length}"), Helper.RngChkFail)


def _range_check(e: Emission, check: ir.RangeCheck) -> None:
    outside = e.assign(f"icmp uge i32 {e.operand(check.index)}, {e.operand(check.length)}")
    e.fail_if(outside, Helper.RngChkFail)


def _array_length(e: Emission, length: ir.ArrayLength) -> None:
    e.define(length.result, f"zext i32 {_length(e, length.array, length.nonnull)} to i64")


def _divide_check(e: Emission, check: ir.DivideCheck) -> None:
    kind = TYPE_TEXT[check.right.type]
    left, right = e.operand(check.left), e.operand(check.right)
    known = right.lstrip("-").isdigit()
    if not known or right == "0":
        e.fail_if(e.assign(f"icmp eq {kind} {right}, 0"), Helper.ThrowDivZero)
    if check.signed and (not known or right == "-1"):
        lowest = -(1 << 31) if check.right.type is ir.Type.I32 else -(1 << 63)
        smallest = e.assign(f"icmp eq {kind} {left}, {lowest}")
        minus_one = e.assign(f"icmp eq {kind} {right}, -1")
        e.fail_if(e.assign(f"and i1 {smallest}, {minus_one}"), Helper.Overflow)


def _finite_check(e: Emission, check: ir.FiniteCheck) -> None:
    single = check.value.type is ir.Type.F32
    kind, width, exponent = ("float", 32, 0x7F800000) if single else ("double", 64, 0x7FF << 52)
    bits = e.assign(f"bitcast {kind} {e.operand(check.value)} to i{width}")
    masked = e.assign(f"and i{width} {bits}, {exponent}")
    e.fail_if(e.assign(f"icmp eq i{width} {masked}, {exponent}"), Helper.Overflow)


def _memory_barrier(e: Emission, _: ir.MemoryBarrier) -> None:
    e.lines.append(" fence seq_cst")


def _sequence_point(e: Emission, _: ir.SequencePoint) -> None:
    """An instruction of its own, so that a breakpoint there stops before the statement and nowhere else."""
    e.sequence_points.add(e.il_offset)
    e.lines.append(f' call void asm sideeffect "nop", ""(){e.bundle}')


# control flow


def _jump(e: Emission, jump: ir.Jump) -> None:
    e.lines.append(f" br label %b{jump.target.index}")


def _branch(e: Emission, branch: ir.Branch) -> None:
    kind = TYPE_TEXT[branch.condition.type]
    zero = "null" if kind == MANAGED else "0"
    flag = e.assign(f"icmp ne {kind} {e.operand(branch.condition)}, {zero}")
    e.lines.append(f" br i1 {flag}, label %b{branch.if_true.index}, label %b{branch.if_false.index}")


def _compare_branch(e: Emission, branch: ir.CompareBranch) -> None:
    flag = condition(e, branch.condition, branch.left, branch.right)
    e.lines.append(f" br i1 {flag}, label %b{branch.if_true.index}, label %b{branch.if_false.index}")


def _switch(e: Emission, switch: ir.Switch) -> None:
    cases = " ".join(f"i32 {number}, label %b{target.index}" for number, target in enumerate(switch.targets))
    e.lines.append(f" switch i32 {e.operand(switch.value)}, label %b{switch.default.index} [{cases}]")


def _unreachable(e: Emission, _: ir.Unreachable) -> None:
    e.lines.append(" unreachable")


HANDLERS: dict[type[ir.Instruction], Callable[[Emission, Any], None]] = {
    ir.NullCheck: _null_check,
    ir.BoundsCheck: _bounds_check,
    ir.RangeCheck: _range_check,
    ir.ArrayLength: _array_length,
    ir.DivideCheck: _divide_check,
    ir.FiniteCheck: _finite_check,
    ir.MemoryBarrier: _memory_barrier,
    ir.SequencePoint: _sequence_point,
    ir.Jump: _jump,
    ir.Branch: _branch,
    ir.CompareBranch: _compare_branch,
    ir.Switch: _switch,
    ir.Unreachable: _unreachable,
}
