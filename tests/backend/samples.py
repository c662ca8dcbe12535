"""Hand-written methods for the back end: LLVM text in the form that the compiler emits, without the compiler.

`sample(name)` are single methods, each with something of its own (homes, jump table, lookup table, big frame, ...);
`many(count)` generates varied ordinary ones. Calls go to `@mk`, `@use`, `@gc` and the throw helpers below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from nativegen.backend.module_text import (
    INVARIANT_LOAD,
    LIKELY_FALSE,
    METHOD_ATTRIBUTES,
    NORETURN_ATTRIBUTES,
    RANGE_LENGTH,
    STACKMAP_HOMES,
    TBAA_HEAP,
    TBAA_HOME,
)
from nativegen.compiler.lowered import Effort, External, ExternalKind, LoweredMethod
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Cell, CellKind, Symbol, SymbolKind

REF = "ptr addrspace(1)"


def _stub(name: str, result: str, parameters: str, kind: CellKind = CellKind.METHOD_CALL, tail: str = "") -> External:
    cell = Cell(kind, (0x14, Symbol(SymbolKind.METHOD_DEF, name)))
    return External(name, ExternalKind.STUB, cell, f"declare cc 78 {result} @{name}({parameters}){tail}")


def _cell(name: str, kind: CellKind = CellKind.HANDLE) -> External:
    cell = Cell(kind, (0x1B, Symbol(SymbolKind.STRING, name)))
    return External(name, ExternalKind.CELL, cell, f"@{name} = external global i64")


EXTERNALS: dict[str, External] = {
    external.name: external
    for external in (
        _stub("mk", REF, "i32"),
        _stub("gc", "void", ""),
        _stub("use", "i32", f"{REF}, {REF}"),
        _stub("add3", "i32", "i32, i32, i32"),
        _stub("many", "i64", "i64, i64, i64, i64, i64, i64, i64, i64, i32"),
        _stub("pair", "{i64, i64}", "i64"),
        _stub("bigsum", "i64", "ptr byval([3 x i64]) align 8"),
        _stub("throw_null", "void", "", CellKind.LAZY_HELPER, f" {NORETURN_ATTRIBUTES}"),
        _stub("throw_range", "void", "", CellKind.LAZY_HELPER, f" {NORETURN_ATTRIBUTES}"),
        _cell("text_cell"),
        _cell("other_cell"),
        External("undeclared_elsewhere", ExternalKind.RUNTIME, None, "declare cc 78 void @undeclared_elsewhere()"),
    )
}
CHECK = Cell(CellKind.CHECK, (0x2B, 24, Symbol(SymbolKind.FIELD_DEF, "C.x")))


def method(
    symbol: str,
    result: str,
    parameters: str,
    body: str,
    homes: Sequence[tuple[str, str, int | None]] = (),
    return_kind: int = 0,
    checks: tuple[Cell, ...] = (),
    effort: Effort = Effort.CHEAP,
) -> LoweredMethod:
    """A method whose homes are (name, initial value with its type, GC flags or None for a plain word).

    In the body ``LD x`` and ``ST v x`` access homes, ``REF`` is the reference type, ``HEAP`` the heap's alias tag.
    """
    lines = [f"define cc 78 {result} @{symbol}({parameters}) {METHOD_ATTRIBUTES} {{", "entry:"]
    if homes:
        lines.append(f"  %homes = alloca [{len(homes)} x REF], align 8")
        for number, (name, initial, flags) in enumerate(homes):
            lines.append(f"  %h.{name} = getelementptr i8, ptr %homes, i64 {8 * number}")
            lines.append(f"  store {initial}, ptr %h.{name}{', ' + TBAA_HOME if flags is not None else ''}")
        stackmap = "call void (i64, i32, ...) @llvm.experimental.stackmap"
        lines.append(f"  {stackmap}(i64 {STACKMAP_HOMES}, i32 0, ptr %homes)")
    text = "\n".join([*lines, body, "}"])
    text = re.sub(r"(%[\w.]+) = LD (\w+)", rf"\1 = load REF, ptr %h.\2, {TBAA_HOME}", text)
    text = re.sub(r"ST (%[\w.]+) (\w+)", rf"store REF \1, ptr %h.\2, {TBAA_HOME}", text)
    text = re.sub(r"\bREF\b", REF, text).replace("HEAP", TBAA_HEAP)
    names = dict.fromkeys(re.findall(r"@([\w.]+)", text))
    return LoweredMethod(
        symbol,
        text,
        tuple(EXTERNALS[name] for name in names if name in EXTERNALS),
        tuple(flags for _, _, flags in homes),
        return_kind,
        checks,
        effort,
        target_named("9.0"),
    )


def leaf(symbol: str, effort: Effort) -> LoweredMethod:
    return method(symbol, "i32", "i32 %a, i32 %b", "  %r = add i32 %a, %b\n  ret i32 %r", effort=effort)


def call(symbol: str, effort: Effort) -> LoweredMethod:
    return method(
        symbol,
        "i32",
        "i32 %k",
        "  %r = call cc 78 i32 @add3(i32 %k, i32 20, i32 300)\n  %s = add i32 %r, %k\n  ret i32 %s",
        effort=effort,
        checks=(CHECK,),
    )


def tail_position(symbol: str, effort: Effort) -> LoweredMethod:
    return method(
        symbol,
        "i32",
        "i32 %k",
        "  %r = call cc 78 i32 @add3(i32 %k, i32 1, i32 2)\n  ret i32 %r",
        effort=effort,
    )


def live_references(symbol: str, effort: Effort) -> LoweredMethod:
    """Three references live across calls, an interior pointer and a plain word."""
    return method(
        symbol,
        REF,
        "REF %x, i32 %k",
        """
  %a = call cc 78 REF @mk(i32 1)
  ST %a a
  %f = getelementptr i8, REF %a, i64 24
  ST %f r
  %b = call cc 78 REF @mk(i32 2)
  ST %b b
  call cc 78 void @gc()
  %a1 = LD a
  %b1 = LD b
  %s = call cc 78 i32 @use(REF %a1, REF %b1)
  %r1 = LD r
  store i32 %s, REF %r1, HEAP
  %x1 = LD x
  ret REF %x1
""",
        homes=[
            ("x", f"{REF} %x", 0),
            ("a", f"{REF} null", 0),
            ("n", "i64 7", None),
            ("b", f"{REF} null", 0),
            ("r", f"{REF} null", 1),
        ],
        return_kind=1,
        effort=effort,
    )


def jump_table(symbol: str, effort: Effort) -> LoweredMethod:
    cases = "\n".join(f"    i32 {value}, label %c{value}" for value in range(8))
    blocks = "\n".join(
        f"c{value}:\n  %v{value} = call cc 78 i32 @add3(i32 %k, i32 {value}, i32 {7 * value})\n  ret i32 %v{value}"
        for value in range(8)
    )
    return method(
        symbol,
        "i32",
        "i32 %k",
        f"  switch i32 %k, label %default [\n{cases}\n  ]\n{blocks}\ndefault:\n  ret i32 -1",
        effort=effort,
    )


def lookup_table(symbol: str, effort: Effort) -> LoweredMethod:
    """O2 makes a private table of it, which is equal in all such methods and so merged across them."""
    values = (1.5, 2.25, 7.125, 8.5, 9.75)
    cases = "\n".join(f"    i32 {number}, label %c{number}" for number in range(len(values)))
    blocks = "\n".join(f"c{number}:\n  br label %end" for number in range(len(values)))
    phis = ", ".join(f"[{value}, %c{number}]" for number, value in enumerate(values))
    return method(
        symbol,
        "double",
        "i32 %k, double %d",
        f"""  switch i32 %k, label %default [
{cases}
  ]
{blocks}
default:
  br label %end
end:
  %v = phi double {phis}, [0.0, %default]
  %w = fadd double %v, %d
  ret double %w""",
        effort=effort,
    )


def float_constants(symbol: str, effort: Effort) -> LoweredMethod:
    return method(
        symbol,
        "double",
        "double %d, float %f",
        """  %a = fmul double %d, 3.25
  %b = fadd double %a, 11.5
  %c = fneg float %f
  %e = fmul float %c, 2.5
  %g = fpext float %e to double
  %h = fadd double %b, %g
  ret double %h""",
        effort=effort,
    )


def array_sum(symbol: str, effort: Effort) -> LoweredMethod:
    """Sum of an int[]: length at 8, elements from 16; with a bounds check and throw helpers."""
    return method(
        symbol,
        "i32",
        "REF %a, i32 %n",
        f"""  %z = icmp eq REF %a, null
  br i1 %z, label %null, label %ok, {LIKELY_FALSE}
ok:
  %lp = getelementptr i8, REF %a, i64 8
  %len = load i32, REF %lp, {RANGE_LENGTH}, {INVARIANT_LOAD}
  %e = getelementptr i8, REF %a, i64 16
  br label %head
head:
  %i = phi i32 [0, %ok], [%i1, %next]
  %s = phi i32 [0, %ok], [%s1, %next]
  %more = icmp slt i32 %i, %n
  br i1 %more, label %body, label %end
body:
  %in = icmp ult i32 %i, %len
  br i1 %in, label %next, label %range
next:
  %w = zext i32 %i to i64
  %p = getelementptr i32, REF %e, i64 %w
  %v = load i32, REF %p, HEAP
  %s1 = add i32 %s, %v
  %i1 = add i32 %i, 1
  br label %head
end:
  ret i32 %s
null:
  call cc 78 void @throw_null()
  unreachable
range:
  call cc 78 void @throw_range()
  unreachable""",
        effort=effort,
    )


def big_frame(symbol: str, effort: Effort) -> LoweredMethod:
    """20 KB of locals: probed by clr_chkstk."""
    return method(
        symbol,
        "i64",
        "i64 %i",
        """  %big = alloca [2560 x i64], align 8
  %p = getelementptr i64, ptr %big, i64 %i
  store volatile i64 %i, ptr %p
  %x1 = LD x
  %s = call cc 78 i32 @use(REF %x1, REF null)
  %v = load volatile i64, ptr %p
  ret i64 %v""",
        homes=[("x", f"{REF} null", 0)],
        effort=effort,
    )


def dynamic_frame(symbol: str, effort: Effort) -> LoweredMethod:
    """localloc, with a home and a call."""
    return method(
        symbol,
        "i64",
        "i64 %n, REF %x",
        """  %block = alloca i8, i64 %n, align 16
  store volatile i8 7, ptr %block
  %x1 = LD x
  %s = call cc 78 i32 @use(REF %x1, REF %x1)
  %v = load volatile i8, ptr %block
  %w = zext i8 %v to i64
  ret i64 %w""",
        homes=[("x", f"{REF} %x", 0)],
        effort=effort,
    )


def stack_arguments(symbol: str, effort: Effort) -> LoweredMethod:
    """Arguments on the stack, a struct by value, a two-register result."""
    return method(
        symbol,
        "i64",
        "i64 %a, ptr byval([3 x i64]) align 8 %b",
        """  %r = call cc 78 i64 @many(i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 %a, i32 9)
  %p = call cc 78 {i64, i64} @pair(i64 %r)
  %p0 = extractvalue {i64, i64} %p, 0
  %p1 = extractvalue {i64, i64} %p, 1
  %q = call cc 78 i64 @bigsum(ptr byval([3 x i64]) align 8 %b)
  %s = add i64 %p0, %p1
  %t = add i64 %s, %q
  ret i64 %t""",
        effort=effort,
    )


def cell_loads(symbol: str, effort: Effort) -> LoweredMethod:
    """Cells as data; the field of a store of an immediate is not at the instruction's end, so its addend is not 0."""
    return method(
        symbol,
        "i64",
        "i64 %a",
        """  %t = load i64, ptr @text_cell
  %o = load volatile i32, ptr @other_cell
  store volatile i32 305419897, ptr @other_cell
  %z = icmp eq i32 %o, 305419896
  br i1 %z, label %yes, label %no
yes:
  %s = add i64 %t, %a
  ret i64 %s
no:
  ret i64 %t""",
        effort=effort,
    )


def overflow(symbol: str, effort: Effort) -> LoweredMethod:
    return method(
        symbol,
        "i32",
        "i32 %a, i32 %b",
        f"""  %p = call {{i32, i1}} @llvm.sadd.with.overflow.i32(i32 %a, i32 %b)
  %v = extractvalue {{i32, i1}} %p, 0
  %o = extractvalue {{i32, i1}} %p, 1
  br i1 %o, label %bad, label %good, {LIKELY_FALSE}
good:
  ret i32 %v
bad:
  call cc 78 void @throw_range()
  unreachable""",
        effort=effort,
    )


def always_throws(symbol: str, effort: Effort) -> LoweredMethod:
    return method(symbol, "void", "", "  call cc 78 void @throw_null()\n  unreachable", effort=effort)


SAMPLES: dict[str, Callable[[str, Effort], LoweredMethod]] = {
    function.__name__: function
    for function in (
        leaf,
        call,
        tail_position,
        live_references,
        jump_table,
        lookup_table,
        float_constants,
        array_sum,
        big_frame,
        dynamic_frame,
        stack_arguments,
        cell_loads,
        overflow,
        always_throws,
    )
}


def fields_and_calls(number: int, symbol: str, effort: Effort) -> LoweredMethod:
    """An ordinary method: null checks, field loads, two to four calls, a loop; varied by ``number``."""
    loop_call = "  %lc = call cc 78 REF @mk(i32 %e)\n  ST %lc t" if number % 3 == 0 else ""
    return method(
        symbol,
        "i32",
        "REF %this, REF %arr, i32 %n",
        f"""  %t0 = LD this
  %z0 = icmp eq REF %t0, null
  br i1 %z0, label %null, label %n0, {LIKELY_FALSE}
n0:
  %fp = getelementptr i8, REF %t0, i64 {8 + 8 * (number % 5)}
  %f = load i32, REF %fp, HEAP
  %c0 = call cc 78 REF @mk(i32 %f)
  ST %c0 t
  %t1 = LD t
  %a1 = LD arr
  %u = call cc 78 i32 @use(REF %t1, REF %a1)
  br label %head
head:
  %i = phi i32 [0, %n0], [%i1, %latch]
  %s = phi i32 [%u, %n0], [%s1, %latch]
  %more = icmp slt i32 %i, %n
  br i1 %more, label %body, label %exit
body:
  %a2 = LD arr
  %z2 = icmp eq REF %a2, null
  br i1 %z2, label %null, label %n2, {LIKELY_FALSE}
n2:
  %lp = getelementptr i8, REF %a2, i64 8
  %len = load i32, REF %lp, {RANGE_LENGTH}, {INVARIANT_LOAD}
  %in = icmp ult i32 %i, %len
  br i1 %in, label %n3, label %range
n3:
  %w = zext i32 %i to i64
  %ep = getelementptr i8, REF %a2, i64 16
  %q = getelementptr i32, REF %ep, i64 %w
  %e = load i32, REF %q, HEAP
{loop_call}
  br label %latch
latch:
  %s1 = add i32 %s, %e
  %i1 = add i32 %i, {1 + number % 2}
  br label %head
exit:
  %fl = sitofp i32 %s to double
  %g = fmul double %fl, {number % 7}.5
  %r = call i32 @llvm.fptosi.sat.i32.f64(double %g)
  ret i32 %r
null:
  call cc 78 void @throw_null()
  unreachable
range:
  call cc 78 void @throw_range()
  unreachable""",
        homes=[("this", f"{REF} %this", 0), ("arr", f"{REF} %arr", 0), ("t", f"{REF} null", 0)],
        effort=effort,
    )


def many(count: int, effort: Effort | None = None) -> list[LoweredMethod]:
    """``count`` methods, symbols m0...; all samples in turn and ordinary methods; both efforts unless one is given."""
    makers = list(SAMPLES.values())
    result = []
    for number in range(count):
        turn, maker = divmod(number, 2 * len(makers))
        chosen = effort if effort is not None else Effort.CHEAP if (number + turn) % 2 else Effort.FULL
        symbol = f"m{number}"
        if maker < len(makers):
            result.append(makers[maker](symbol, chosen))
        else:
            result.append(fields_and_calls(number, symbol, chosen))
    return result
