"""What the compiler hands to the backend for one method: LLVM text plus everything LLVM does not know.

The contract of the two packages: the compiler writes ``define cc 78 ... @<symbol>(...)`` with its homes in one alloca
announced by ``llvm.experimental.stackmap(i64 777, i32 0, ptr %homes)``; every external name it uses is listed in
``externals``; the backend returns a :class:`nativegen.readytorun.unit.MethodUnit`.

Invariant: two methods of one batch may name the same external; equal names mean the equal cell (names are derived
from the cell's content, see ``emit``), so a batch's module declares each once, and a method's machine code does not
depend on its batch.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, ForeignUse, Symbol


class ExternalKind(enum.IntEnum):
    """What a symbol that a method's text declares stands for."""

    STUB = 0  # callable: `call cc 78 ... @name(...)`
    CELL = 1  # address of the cell: `@name = external global i64`
    RUNTIME = 2  # a symbol of the image itself, e.g. clr_chkstk; `cell` is None
    FRAME = 3  # `<method>.psp`, `<method>.homes`: an i64 that the back end knows (emit_regions); `cell` is None


@dataclass(frozen=True, slots=True)
class External:
    """A symbol that a method's text declares; ``cell``: what it leads to."""

    name: str
    kind: ExternalKind
    cell: Cell | None
    declaration: str  # the full LLVM declaration line


class Effort(enum.IntEnum):
    """How much optimisation pays for this method (facts: llvm-codegen.md 6)."""

    CHEAP = 0  # straight-line or cold code: short pass list, codegen level 0
    FULL = 2  # loops: O2 with vectorisation


class DebugVariable(NamedTuple):
    """An argument or local variable for debuggers.

    Attributes:
        number: CIL's: arguments first (``this`` is 0), then locals.
        word: its first one of the homes; None: its place is the next location of stackmap 778.
    """

    number: int
    word: int | None


@dataclass(frozen=True, slots=True)
class LoweredMethod:
    """One method ready for LLVM.

    Attributes:
        symbol: LLVM name of the function, unique in its batch ("m" + ordinal in the assembly).
        llvm: text of the function definition(s); module-level metadata and declarations are not in it.
        externals: every external name used.
        homes: one entry per 8-byte word of the homes alloca: GC slot flags (0 ref, 1 interior, 2 pinned, 3 both) or
            None for a plain word; empty when the method has no homes (then there is no stackmap).
        return_kind: GcInfo ReturnKind.
        checks: CHECK cells that are required although the code never touches them.
        effort: pass pipeline to use.
        target: the runtime, which decides how funclets find their frame and how GC info is written.
        has_regions: the method has try blocks, so it may have funclets.
        foreign: what of other assemblies shaped the code.
        same_try: numbers of catch pads whose clause must be marked as covering the try block of the one before.
        catches: what the numbers of catch pads (from 1) stand for: the caught type, or the name of a filter function
            in ``llvm``.
        debug: code for a debugger: bounds are exact. variables: in CIL's order.
        sequence_points: CIL offsets where the evaluation stack is empty, each with an instruction of its own.
    """

    symbol: str
    llvm: str
    externals: tuple[External, ...]
    homes: tuple[int | None, ...]
    return_kind: int
    checks: tuple[Cell, ...]
    effort: Effort
    target: Target
    has_regions: bool = False
    catches: tuple[Symbol | str, ...] = ()
    same_try: tuple[int, ...] = ()
    foreign: tuple[ForeignUse, ...] = ()
    debug: bool = False
    variables: tuple[DebugVariable, ...] = ()
    sequence_points: frozenset[int] = frozenset()
