"""LLVM text of exception handling: pads, ways out of funclets, and filters as functions of their own.

What: LLVM's funclet instructions with CoreCLR's personality (facts: joint-design.md 2). A try region becomes a dispatch
block ``d<region>`` that invokes in it unwind to; a handler a pad, whose token every call in the handler carries.

Why filters are functions: LLVM has no filter funclets for CoreCLR. The runtime calls a filter with the establisher
frame and the exception, so an ordinary function with these parameters can be one. It finds the method's variables in
the homes, through two constants of the method's frame that only the back end knows (``.psp``: where a frame keeps the
method's stack pointer; ``.homes``: where the homes are from there). Since .NET 10 the only parameter is the exception
and ``rbp`` is the method's: code in front of the function's prolog makes it the second parameter, and ``.homes`` counts
from it.

Invariants: the exception arrives in a register that LLVM does not know (``rsi``, since .NET 10 ``rdi``): storing it is
the first instruction of a pad (the back end checks that) and declares the register overwritten, so that nothing is
loaded into it before. What follows a
catch begins with a barrier, because the handler may have moved every reference. Catch pads are numbered; the number
stands for the caught type or the filter until the back end replaces it. The ``cleanupret`` of a pad is the last of
its uses in the text and so the first in LLVM's list of them: LLVM 22 asserts when it finds certain child pads there
first (WinEHPrepare.cpp, calculateClrEHStateNumbers).

Example (``catch (E)`` around a call)::

    %v1 = invoke cc 78 i32 @s...(i32 %a0) to label %k1 unwind label %d0
    d0:
     %c0 = catchswitch within none [label %h0] unwind to caller
    h0:
     %p0 = catchpad within %c0 [i32 1]
     %t1 = getelementptr i8, ptr %homes, i64 8
     call void asm sideeffect "movq %rsi, $0", "=*m,~{rsi}"(ptr elementtype(...) %t1) [ "funclet"(token %p0) ]
     br label %b2
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nativegen.backend.module_text import (
    CALLING_CONVENTION,
    FRAME_REGISTER_PARAMETER,
    METHOD_ATTRIBUTES,
    entry_code,
)
from nativegen.compiler import ir
from nativegen.compiler.emission import MANAGED, Emission
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.lowered import External, ExternalKind
from nativegen.compiler.regions import (
    Filter,
    Handler,
    HandlerKind,
    Scope,
    TryRegion,
    enclosing_try,
    funclet_of,
    tries_around,
)
from nativegen.readytorun.unit import Symbol

_STORE_EXCEPTION = 'call void asm sideeffect "movq %{0}, $0", "=*m,~{{{0}}}"'
_BARRIER = 'call void asm sideeffect "", "~{memory}"()'


def _onward(region: TryRegion) -> str:
    outer = enclosing_try(region.parent)
    return "to caller" if outer is None else f"label %d{outer.index}"


def reachable_regions(blocks: Iterable[ir.Block]) -> list[TryRegion]:
    """The try regions that an exception in one of the blocks may meet, by index."""
    found = {region.index: region for block in blocks for region in tries_around(block.scope)}
    return [found[index] for index in sorted(found)]


def filter_name(each: Filter, symbol: str) -> str:
    """The name of a filter's function; ``symbol``: of its method."""
    return f"{symbol}.f{each.handler.index}"


def emit_pads(e: Emission, region: TryRegion, catches: list[Symbol | str], symbol: str) -> None:
    """Write the dispatch block and the pads of a region.

    Args:
        catches: what the numbers of the catch pads stand for; those of this region are added.
        symbol: of the method.
    """
    parent = funclet_of(region.parent)
    within = "none" if parent is None else f"%p{_handler(parent).index}"
    e.lines.append(f"d{region.index}:")
    first = region.handlers[0]
    if first.kind in (HandlerKind.FINALLY, HandlerKind.FAULT):
        mark = "i32 1" if first.kind is HandlerKind.FAULT else ""
        e.lines.append(f" %p{first.index} = cleanuppad within {within} [{mark}]")
        e.lines.append(f" br label %b{first.entry.index}")
        return
    pads = ", ".join(f"label %h{handler.index}" for handler in region.handlers)
    e.lines.append(f" %c{region.index} = catchswitch within {within} [{pads}] unwind {_onward(region)}")
    for handler in region.handlers:
        caught = handler.caught if handler.filter is None else filter_name(handler.filter, symbol)
        assert caught is not None and handler.exception is not None
        catches.append(caught)
        e.lines.append(f"h{handler.index}:")
        e.lines.append(f" %p{handler.index} = catchpad within %c{region.index} [i32 {len(catches)}]")
        home = e.home(e.plan.slots[handler.exception.index])
        bundle = funclet_bundle(handler)
        store = _STORE_EXCEPTION.format(e.target.exception_register)
        e.lines.append(f" {store}(ptr elementtype({MANAGED}) {home}){bundle}")
        e.lines.append(f" br label %b{handler.entry.index}")


def siblings(regions: Iterable[TryRegion]) -> Iterator[int]:
    """Numbers of the catch pads that are not the first of their region."""
    number = 0
    for region in regions:
        for position, handler in enumerate(region.handlers):
            if handler.exception is not None:
                number += 1
                if position:
                    yield number


def _handler(funclet: Handler | Filter) -> Handler:
    assert isinstance(funclet, Handler)  # filters contain no try regions
    return funclet


def funclet_bundle(scope: Scope) -> str:
    """The operand bundle of a call in this scope."""
    funclet = funclet_of(scope)
    return f' [ "funclet"(token %p{funclet.index}) ]' if isinstance(funclet, Handler) else ""


def enter_scope(e: Emission, scope: Scope) -> None:
    """From here on, calls are in this scope."""
    region = enclosing_try(scope)
    e.set_scope(scope, funclet_bundle(scope), "" if region is None else f"%d{region.index}")


# filters


def filter_head(e: Emission, each: Filter, symbol: str, scope: str) -> list[str]:
    """The first lines of a filter function.

    Args:
        e: of the filter; its externals are extended.
        symbol: of the method.
        scope: what the definition is to carry behind its attributes.
    """
    exception = e.plan.slots[each.exception.index]
    name = filter_name(each, symbol)
    if e.target.funclet_frame == "frame-register":
        head = f"({MANAGED} %exception, ptr %frame) {METHOD_ATTRIBUTES} {entry_code(FRAME_REGISTER_PARAMETER)}"
        origin = "%frame"
        find = []
    else:
        head = f"(ptr %frame, {MANAGED} %exception) {METHOD_ATTRIBUTES}"
        origin = "%sp"
        find = [
            f" %psp = load i64, ptr @{_frame_constant(e, f'{symbol}.psp')}",
            " %saved = getelementptr i8, ptr %frame, i64 %psp",
            " %sp = load ptr, ptr %saved",
        ]
    return [
        f"define {CALLING_CONVENTION} i64 @{name}{head} {scope}{{",
        "entry:",
        *find,
        f" %distance = load i64, ptr @{_frame_constant(e, f'{symbol}.homes')}",
        f" %homes = getelementptr i8, ptr {origin}, i64 %distance",
        f" %place = getelementptr i8, ptr %homes, i64 {exception * 8}",
        f" store {MANAGED} %exception, ptr %place",
    ]


def _frame_constant(e: Emission, name: str) -> str:
    e.externals[name] = External(name, ExternalKind.FRAME, None, f"@{name} = external constant i64")
    return name


def refuse_transition(e: Emission) -> None:
    """A filter must not leave cooperative mode: not proved.

    Raises:
        Excluded: it would.
    """
    if e.uses_poll_counter:
        raise Excluded(Reason.EXCEPTION_HANDLING, "loop in a filter")


# terminators


def _catch_return(e: Emission, terminator: ir.CatchReturn) -> None:
    handler = funclet_of(e.scope)
    assert isinstance(handler, Handler)
    landing = e.label()
    e.lines.append(f" catchret from %p{handler.index} to label %{landing}")
    e.lines.append(f"{landing}:")
    e.lines.append(f" {_BARRIER}{funclet_bundle(handler.region.parent)}")
    e.lines.append(f" br label %b{terminator.target.index}")


def _end_finally(e: Emission, _: ir.EndFinally) -> None:
    handler = funclet_of(e.scope)
    assert isinstance(handler, Handler)
    e.lines.append(f" br label %r{handler.index}")
    if f"r{handler.index}:" not in e.ends:
        e.ends += [f"r{handler.index}:", f" cleanupret from %p{handler.index} unwind {_onward(handler.region)}"]


def _end_filter(e: Emission, end: ir.EndFilter) -> None:
    e.lines.append(f" ret i64 {e.assign(f'zext i32 {e.operand(end.value)} to i64')}")


HANDLERS: dict[type[ir.Instruction], Callable[[Emission, Any], None]] = {
    ir.CatchReturn: _catch_return,
    ir.EndFinally: _end_finally,
    ir.EndFilter: _end_filter,
}
