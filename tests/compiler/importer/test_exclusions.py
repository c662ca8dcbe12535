"""Every reason the importer has for leaving a method to the JIT, from a method that gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.compiler.exclusions import Reason
from nativegen.typesystem import Module
from tests.compiler.importer import compile_module, compiler_for, exclusion, methods, open_module
from tests.support.csharp import assemble_il
from tests.support.paths import TestInputs

SOURCE = """
using System;
using System.Collections.Generic;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

struct Lockless { [MethodImpl(MethodImplOptions.Synchronized)] int Synchronized() { return 1; } }
abstract class Virtual { public abstract T Get<T>(T x); }
class Wrapped<T> : Exception { }
static class C
{
    static T OfValueTypes<T>(T x) where T : struct { return x; }
    static int CatchesParameter<T>(Action a) where T : Exception { try { a(); return 1; } catch (T) { return 2; } }
    static int Catches() { try { return 1; } catch (Wrapped<int>) { return 2; } }
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] static int Hot() { return 1; }
    [MethodImpl(MethodImplOptions.NoOptimization)] static int Unoptimized() { return 1; }
    static int CallsVirtualGeneric(Virtual v) { return v.Get(1); }
    static Vector128<int> Vectors(Vector128<int> v) { return v; }
    static uint CallsIntrinsic(uint x) { return Popcnt.PopCount(x); }
    static ref string Rank(string[,] a) { return ref a[0, 1]; }
    static int Arglist(__arglist) { return 1; }
    static int Refanytype(int x) { var r = __makeref(x); return __refvalue(r, int); }
    static ReadOnlySpan<byte> Data() => new byte[] { 1, 2, 3, 4, 5 };
}
"""

EXPECTED = [
    ("C::OfValueTypes", Reason.GENERIC, "value types only"),
    ("Lockless::Synchronized", Reason.SYNCHRONIZED, "value type"),
    ("C::Hot", Reason.AGGRESSIVE_OPTIMIZATION, ""),
    ("C::Unoptimized", Reason.BYPASS_ATTRIBUTE, "NoOptimization"),
    ("C::Vectors", Reason.HARDWARE_INTRINSIC, "Vector128"),
    ("C::CallsIntrinsic", Reason.HARDWARE_INTRINSIC, "PopCount"),
    ("C::Rank", Reason.OPCODE, "array of references"),
    ("C::Arglist", Reason.VARARGS, ""),
    ("C::Refanytype", Reason.OPCODE, "mkrefany"),
]


@pytest.fixture(scope="module")
def sample(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Module:
    return compile_module(SOURCE, tmp_path_factory.mktemp("exclusions"), compiler="roslyn")


@pytest.mark.parametrize(("name", "reason", "detail"), EXPECTED, ids=[name for name, _, _ in EXPECTED])
def test_reason(sample: Module, name: str, reason: Reason, detail: str) -> None:
    found = exclusion(sample, name)
    assert (found.reason, detail in found.detail) == (reason, True), str(found)


def test_everything_in_the_sample_is_expected_or_imported(sample: Module) -> None:
    """The list above misses none of the sample's methods, constructors apart."""
    expected = {name for name, _, _ in EXPECTED} | {"C::Data"}
    compiler = compiler_for(sample)
    rest = [method for method in methods(sample) if method.display_name not in expected]
    for method in rest:
        if method.owner.type_args or method.owner.is_generic_definition:
            continue
        compiler.import_method(method.rid)


IL = """
.assembly extern System.Private.CoreLib { .ver 4:0:0:0 .publickeytoken = (7C EC 85 D7 BE A7 79 8E) }
.assembly extern Missing { .ver 1:0:0:0 }
.assembly odd { .ver 1:0:0:0 }
.class interface abstract I { .method public newslot abstract virtual instance !!T Id<T>(!!T x) cil managed { } }
.class sealed value sequential G extends [System.Private.CoreLib]System.ValueType implements I
{
  .field int32 n
  .method public final virtual instance !!T Id<T>(!!T x) cil managed { .maxstack 8 ldarg.1 ret }
}
.class abstract sealed beforefieldinit O extends [System.Private.CoreLib]System.Object
{
  .method static int32 ConstrainedGeneric(valuetype G g) cil managed
  { .maxstack 8 ldarga.s g ldc.i4.1 constrained. G callvirt instance !!0 I::Id<int32>(!!0) ret }
  .method static string Internal(uint32 x) cil managed
  { .maxstack 8 ldarg.0 ldc.i4.1 call string [System.Private.CoreLib]System.Number::UInt32ToDecStr(uint32, int32) ret }
  .method static void Private() cil managed
  { .maxstack 8 ldnull call instance object [System.Private.CoreLib]System.Object::MemberwiseClone() pop
    ldnull ldfld int32 [System.Private.CoreLib]System.Version::_Major pop ret }
  .method static int32 Tail(int32 x) cil managed { .maxstack 8 ldarg.0 tail. call int32 O::Tail(int32) ret }
  .method static int32 Jump(int32 x) cil managed { .maxstack 8 jmp int32 O::Tail(int32) }
  .method static void MissingType() cil managed { .maxstack 8 newobj instance void [Missing]M::.ctor() pop ret }
  .method static void MissingMethod() cil managed
  { .maxstack 8 ldnull call instance void [System.Private.CoreLib]System.Object::Nope() ret }
  .method static int32 Unmanaged(native int p) cil managed { .maxstack 8 ldarg.0 calli unmanaged cdecl int32() ret }
  .method static vararg void Variable() cil managed { .maxstack 8 ret }
  .method static void CallsVariable() cil managed
  { .maxstack 8 ldc.i4.1 call vararg void O::Variable(..., int32) ret }
  .method static int32 Merge(bool b) cil managed
  { .maxstack 8 ldarg.0 brtrue L ldc.i4.0 br M L: ldc.r8 1.0 M: pop ldc.i4.0 ret }
  .method static void Breaks() cil managed { .maxstack 8 break ret }
  .method static object Boxes(string s) cil managed { .maxstack 8 ldarg.0 box [System.Private.CoreLib]System.Int32 ret }
}
"""


@pytest.mark.parametrize(
    ("name", "reason", "detail"),
    [
        ("O::ConstrainedGeneric", Reason.VIRTUAL_GENERIC, "I::Id"),
        ("O::Internal", Reason.UNRESOLVED, "System.Number is not accessible"),
        ("O::Private", Reason.UNRESOLVED, "_Major is not accessible"),
        ("O::Tail", Reason.TAIL_CALL, ""),
        ("O::Jump", Reason.OPCODE, "jmp"),
        ("O::MissingType", Reason.UNRESOLVED, "Missing"),
        ("O::MissingMethod", Reason.UNRESOLVED, "Nope"),
        ("O::Unmanaged", Reason.OPCODE, "calli"),
        ("O::Variable", Reason.VARARGS, ""),
        ("O::CallsVariable", Reason.VARARGS, ""),
        ("O::Merge", Reason.INVALID_CIL, "merge of"),
        ("O::Breaks", Reason.OPCODE, "break"),
        ("O::Boxes", Reason.INVALID_CIL, "REF where I32"),
    ],
)
def test_il_reason(inputs: TestInputs, tmp_path: Path, name: str, reason: Reason, detail: str) -> None:
    found = exclusion(open_module(assemble_il(IL, tmp_path, "odd", library=True)), name)
    assert (found.reason, detail in found.detail) == (reason, True), str(found)
