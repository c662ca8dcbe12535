"""Which places of fields the runtime checks before code that knows them runs.

Microsoft's images take for granted what their own module decides; of ours only the most ordinary of these are not
checked (:attr:`nativegen.typesystem.layout.TypeLayout.is_plain`), because each check makes the runtime load a class,
which the code may never need.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.readytorun.enums import FixupKind
from tests.compiler.importer import compile_module, import_function
from tests.support.paths import TestInputs

SOURCE = """
using System;
using System.Runtime.InteropServices;
enum Own : byte { A }
struct Pair { public int X; public string Y; }
[StructLayout(LayoutKind.Sequential, Pack = 1)] struct Packed { public byte A; public int B; }
class Plain { public int I; public Own E; public Pair P; public DayOfWeek[] A; }
class Derived : Plain { public short S; }
class Holder<T> { public byte B; public T Value; }
class Foreign { public int I; public DateTime D; }
class ForeignEnum { public int I; public DayOfWeek D; }
class BehindForeign : Foreign { public int J; }
class WithPacked { public Packed P; }
class Event : EventArgs { public int I; }
class C
{
    static int InPlain(Plain x) { return x.I; }
    static int InPlainsStruct(Plain x) { return x.P.X; }
    static int InDerived(Derived x) { return x.S + x.I; }
    static int InStruct(ref Pair x) { return x.X; }
    static int InInstance(Holder<int> x) { return x.Value; }
    static int InForeignInstance(Holder<DateTime> x) { return x.B; }
    static int InForeign(Foreign x) { return x.I; }
    static int InForeignEnum(ForeignEnum x) { return x.I; }
    static int InBehindForeign(BehindForeign x) { return x.J; }
    static int InPacked(ref Packed x) { return x.B; }
    static int InWithPacked(WithPacked x) { return x.P.B; }
    static int InEvent(Event x) { return x.I; }
}
"""


@pytest.mark.parametrize(
    ("method", "checks"),
    [
        ("InPlain", 0),
        ("InPlainsStruct", 0),
        ("InDerived", 0),
        ("InStruct", 0),
        ("InInstance", 0),
        ("InForeignInstance", 1),
        ("InForeign", 1),
        ("InForeignEnum", 1),
        ("InBehindForeign", 1),
        ("InPacked", 1),
        ("InWithPacked", 2),
        ("InEvent", 0),  # whose place the runtime fills in
    ],
)
def test_places_that_are_checked(inputs: TestInputs, tmp_path: Path, method: str, checks: int) -> None:
    module = compile_module(SOURCE, tmp_path)
    required = import_function(module, f"C::{method}").required
    assert len([cell for cell in required if cell.signature[0] == FixupKind.Check_FieldOffset]) == checks
