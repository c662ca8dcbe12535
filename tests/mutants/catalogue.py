"""The seeded bugs, each a function that patches the compiler of this process.

Each is a mistake somebody could make in one line; together they touch arithmetic, memory, structs, the calling
convention, exception handling and what the garbage collector is told.

>>> MUTANTS["less becomes less or equal"]()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nativegen.backend import extract
from nativegen.compiler import (
    abi,
    cil_regions,
    emission,
    emit,
    emit_arithmetic,
    emit_checks,
    emit_memory,
    flow,
    homes,
    import_conversions,
    importer,
    inlining,
    ir,
)


def _less_or_equal() -> None:
    emit_arithmetic._INTEGER_CONDITION[ir.Condition.LT] = "sle"


def _signed_bytes() -> None:
    emission.SMALL[ir.Memory.U8] = "sext"


def _signed_widening() -> None:
    import_conversions._STEPS["u64"][ir.Type.I32] = ((ir.ConvertKind.SEXT32, ir.Type.I64),)


def _borrowed_structs() -> None:
    """A struct on the stack follows the variable that it was loaded from."""
    importer.MethodImporter.keep_borrowed = lambda self, changing=None: None  # type: ignore[method-assign]


def _short_copies() -> None:
    """The last piece of a struct is not copied."""
    complete = emit_memory.pieces

    def pieces(start: int, end: int) -> list[tuple[int, int]]:
        found = complete(start, end)
        return found[:-1] if len(found) > 1 else found

    emit_memory.pieces = pieces


def _division_unchecked() -> None:
    """The smallest integer divided by -1, or anything by 0, reaches the processor."""
    emit._HANDLERS[ir.DivideCheck] = lambda e, check: None


def _unsigned_sources() -> None:
    """conv.ovf.*.un reads its operand as signed."""
    handler = emit_arithmetic.HANDLERS[ir.CheckedConvert]

    def signed(e: emission.Emission, convert: Any) -> None:
        convert.from_unsigned = False
        handler(e, convert)

    emit._HANDLERS[ir.CheckedConvert] = signed


def _reversed_switch() -> None:
    handler = emit_checks.HANDLERS[ir.Switch]

    def reverse(e: emission.Emission, switch: Any) -> None:
        switch.targets = switch.targets[::-1]
        handler(e, switch)

    emit._HANDLERS[ir.Switch] = reverse


def _reversed_catches() -> None:
    """The runtime asks the last catch of a try block first."""
    nest = cil_regions.CilRegions._nest

    def reverse(self: cil_regions.CilRegions) -> None:
        nest(self)
        for node in self.nodes:
            if isinstance(node, cil_regions.TryNode):
                node.handlers.reverse()

    cil_regions.CilRegions._nest = reverse  # type: ignore[method-assign]


def _handlers_see_nothing() -> None:
    """What only a handler reads has no home: exceptions do not lead to the handlers, for what is live."""
    homes.handler_entries = flow.handler_entries = lambda block: []


def _floats_in_integer_registers() -> None:
    memory_of = abi._word_memory

    def word_memory(eightbyte: Any) -> ir.Memory:
        found = memory_of(eightbyte)
        return ir.Memory.I64 if found is ir.Memory.F64 else found

    abi._word_memory = word_memory


def _no_write_barrier() -> None:
    """The collector is not told of references that are stored into old objects."""

    def store(e: emission.Emission, pointer: str, name: str, barrier: ir.Barrier) -> None:
        e.lines.append(f" store {emission.MANAGED} {name}, {pointer}")

    emit_memory.store_with_barrier = store


def _stale_values() -> None:
    """Values are not read again from their homes after a collection may have moved objects."""
    homes._values_across = lambda block: []


def _unextended_arguments() -> None:
    """Small integers keep their upper bits when they are passed to an inlined callee."""
    inlining._EXTENSIONS.clear()  # type: ignore[attr-defined]


def _inlined_branches() -> None:
    """In an inlined callee every branch goes the other way."""
    retargeted = inlining._retargeted

    def swapped(*arguments: Any) -> ir.Instruction:
        result = retargeted(*arguments)
        if isinstance(result, (ir.Branch, ir.CompareBranch)):
            result.if_true, result.if_false = result.if_false, result.if_true
        return result

    inlining._retargeted = swapped


def _clauses_in_place() -> None:
    """Duplicated clauses stay before those of try blocks further down."""
    complete = extract._clauses

    def clauses(*arguments: Any) -> tuple[Any, ...]:
        return tuple(sorted(complete(*arguments), key=lambda clause: clause.try_begin))

    extract._clauses = clauses


MUTANTS: dict[str, Callable[[], None]] = {
    "less becomes less or equal": _less_or_equal,
    "bytes are read as signed": _signed_bytes,
    "conv.u8 extends the sign": _signed_widening,
    "structs on the stack are not copied": _borrowed_structs,
    "struct copies end early": _short_copies,
    "divisions are not checked": _division_unchecked,
    "conv.ovf.un reads a sign": _unsigned_sources,
    "switches are reversed": _reversed_switch,
    "catches are asked in reverse": _reversed_catches,
    "duplicated clauses are not last": _clauses_in_place,
    "handlers read stale variables": _handlers_see_nothing,
    "doubles in structs travel in integer registers": _floats_in_integer_registers,
    "no write barriers": _no_write_barrier,
    "references are stale after calls": _stale_values,
    "arguments of inlined callees are not extended": _unextended_arguments,
    "branches of inlined callees are swapped": _inlined_branches,
}
