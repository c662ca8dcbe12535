"""Calling conventions and GC reference maps of signatures, against what SysV and CoreCLR's ArgIterator do."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.compiler.abi import reference_map, return_kind
from nativegen.compiler.ir import AbiParam, CallAbi, Memory, PassKind, ReturnKind
from nativegen.typesystem import Module
from tests.compiler.importer import compile_module, import_function
from tests.support.paths import TestInputs

SOURCE = """
using System;
struct I1 { public byte a; }
struct I12 { public int a, b, c; }
struct RefInt { public object o; public int i; }
struct TwoRefs { public object a; public string b; }
struct Floats { public float a, b; }
struct Float3 { public float a, b, c; }
struct DoubleInt { public double d; public int i; }
struct IntRef { public int i; public object o; }
struct Big { public object a; public long b; public object c; }
class C
{
    static void Scalars(int a, string b, double c, ref int d, long e, object f, object g, object h) { }
    static RefInt Ref(RefInt x, object o) { return x; }
    static TwoRefs Two(TwoRefs x) { return x; }
    static Floats F2(Floats x) { return x; }
    static Float3 F3(Float3 x) { return x; }
    static DoubleInt Mixed(DoubleInt x) { return x; }
    static I12 Twelve(I12 x) { return x; }
    static I1 One(I1 x) { return x; }
    static Big Large(Big x, object o) { return x; }
    Big InstanceLarge(Big x, object o) { return x; }
    static void Spill(long a, long b, long c, long d, long e, RefInt s, object f, object g) { }
    static void FloatSpill(
        double a, double b, double c, double d, double e, double f, double g, double h,
        Floats x, double y, object o) { }
    static ref int ByRef(ref int x) { return ref x; }
}
"""


@pytest.fixture(scope="module")
def sample(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Module:
    return compile_module(SOURCE, tmp_path_factory.mktemp("abi"))


def _text(param: AbiParam) -> str:
    if param.kind is PassKind.SCALAR:
        assert param.memory is not None
        return param.memory.name
    if param.kind is PassKind.REGISTERS:
        return "+".join(f"{word.memory.name}@{word.offset}:{word.size}" for word in param.words)
    return param.kind.name


def _abi(sample: Module, name: str) -> CallAbi:
    return import_function(sample, f"C::{name}").abi


@pytest.mark.parametrize(
    ("name", "params", "result", "references", "kind"),
    [
        (
            "Scalars",
            "I32 REF F64 BYREF I64 REF REF REF",
            "VOID",
            ((1, 1), (2, 2), (4, 1), (5, 1), (13, 1)),
            ReturnKind.SCALAR,
        ),
        ("Ref", "REF@0:8+I64@8:8 REF", "REF@0:8+I64@8:8", ((0, 1), (2, 1)), ReturnKind.OBJECT),
        ("Two", "REF@0:8+REF@8:8", "REF@0:8+REF@8:8", ((0, 1), (1, 1)), ReturnKind.OBJECT_OBJECT),
        ("F2", "F64@0:8", "F64@0:8", (), ReturnKind.SCALAR),
        ("F3", "F64@0:8+F32@8:4", "F64@0:8+F32@8:4", (), ReturnKind.SCALAR),
        ("Mixed", "F64@0:8+I64@8:8", "F64@0:8+I64@8:8", (), ReturnKind.SCALAR),
        ("Twelve", "I64@0:8+I64@8:4", "I64@0:8+I64@8:4", (), ReturnKind.SCALAR),
        ("One", "I64@0:1", "I64@0:1", (), ReturnKind.SCALAR),
        # The buffer takes rdi, so the object is in rsi; the struct is on the stack, its references at slots 0 and 1.
        ("Large", "STACK REF", "BUFFER", ((0, 2), (1, 1), (13, 1), (14, 1)), ReturnKind.BYREF),
        ("InstanceLarge", "REF STACK REF", "BUFFER", ((0, 1), (1, 2), (2, 1), (13, 1), (14, 1)), ReturnKind.BYREF),
        # Two eightbytes do not fit into one register: the struct goes on the stack, the next object still gets r9.
        ("Spill", "I64 I64 I64 I64 I64 STACK REF REF", "VOID", ((5, 1), (13, 1), (15, 1)), ReturnKind.SCALAR),
        # Floating registers are used up: struct and double on the stack, which moves nothing of the integer registers.
        ("FloatSpill", "F64 F64 F64 F64 F64 F64 F64 F64 STACK F64 REF", "VOID", ((0, 1),), ReturnKind.SCALAR),
        ("ByRef", "BYREF", "BYREF", ((0, 2),), ReturnKind.BYREF),
    ],
)
def test_signature(
    sample: Module, name: str, params: str, result: str, references: tuple[tuple[int, int], ...], kind: ReturnKind
) -> None:
    abi = _abi(sample, name)
    assert " ".join(_text(param) for param in abi.params) == params
    assert _text(abi.result) == result
    assert reference_map(abi) == references
    assert return_kind(abi) is kind


def test_the_second_eightbyte_is_in_rax_when_the_first_is_floating(tmp_path: Path, inputs: TestInputs) -> None:
    source = "struct D { public double d; public object o; } class C { static D F(D x) { return x; } }"
    module = compile_module(source, tmp_path)
    abi = import_function(module, "C::F").abi
    # References come first in an auto layout struct, so build the other order from the words themselves.
    words = abi.result.words
    swapped = CallAbi((), AbiParam(PassKind.REGISTERS, words=words[::-1], shape=abi.result.shape), False)
    assert [word.memory for word in words] == [Memory.REF, Memory.F64]
    assert return_kind(abi) is return_kind(swapped) is ReturnKind.OBJECT
