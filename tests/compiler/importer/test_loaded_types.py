"""Value types of a callee's signature are loaded before its caller runs.

The callee may still be a stub. A collection that starts while it is compiled reads its signature to find the references
among the arguments, and needs the size of each value type, an enum's too. If that type is not loaded, the collector
loads it, with every other thread stopped: when one of those holds the loader's lock, the process hangs for ever (seen
in System.Text.Json under GC stress).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.compiler import ir
from nativegen.readytorun.enums import FixupKind
from nativegen.readytorun.unit import Cell, CellKind, Symbol
from tests.compiler.importer import compile_module, import_function
from tests.support.paths import TestInputs

SOURCE = """
using System;
enum Own : byte { A }
struct Pair { public int X; public string Y; }
interface I { void Take(Own x); }
delegate DayOfWeek Day(Own x);
class C
{
    static void Take(Own x) { }
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    static Own Give() { return Own.A; }
    static void TakePair(Pair x) { }
    static void ByReference(ref Own x, Own[] y) { }
    C(ConsoleColor x) { }
    static void CallsTake() { Take(Own.A); }
    static int CallsGive() { return (int)Give(); }
    static void CallsPair(Pair[] x) { TakePair(x[0]); }
    static void CallsInterface(I x) { x.Take(Own.A); }
    static DayOfWeek CallsDelegate(Day x) { return x(Own.A); }
    static object New() { return new C(ConsoleColor.Red); }
    static void CallsByReference(Own x, Own[] y) { ByReference(ref x, y); }
}
"""


def _loaded(function: ir.Function) -> set[str]:
    """Types that the fixups of ``required`` load, by their last name."""
    return {_name(cell) for cell in function.required if cell.signature[0] in _LOADING}


_LOADING = (FixupKind.TypeHandle, FixupKind.Check_TypeLayout)


def _name(cell: Cell) -> str:
    assert cell.kind in (CellKind.HANDLE, CellKind.CHECK)
    (symbol,) = [part for part in cell.signature if isinstance(part, Symbol)]
    return symbol.name.rpartition("]")[2].rpartition(".")[2]


@pytest.mark.parametrize(
    ("method", "types"),
    [
        ("CallsTake", {"Own"}),
        ("CallsGive", {"Own"}),
        ("CallsPair", {"Pair"}),
        ("CallsInterface", {"Own"}),
        ("CallsDelegate", {"Own", "DayOfWeek"}),
        ("New", {"ConsoleColor"}),
        ("CallsByReference", set()),
    ],
)
def test_types_by_value_are_loaded(inputs: TestInputs, tmp_path: Path, method: str, types: set[str]) -> None:
    module = compile_module(SOURCE, tmp_path)
    assert _loaded(import_function(module, f"C::{method}")) == types
