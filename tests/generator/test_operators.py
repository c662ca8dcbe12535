"""Every arithmetic, comparison, branch and conversion opcode on edge values, in every mix of operand types.

Random programs rarely hit one operand pair of one opcode; this is the table. The first finding of the generator is in
it:
``cgt.un`` and ``clt.un`` of native int and int32 widen differently on the two runtimes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.generator.declarations import EXTERN
from tests.support.differential import run_differential
from tests.support.paths import TARGETS, TestInputs

_COMPARE = ("ceq", "cgt", "cgt.un", "clt", "clt.un")
_BRANCH = ("beq", "bne.un", "bge", "bgt", "ble", "blt", "bge.un", "bgt.un", "ble.un", "blt.un")
_FLOAT = ("add", "sub", "mul", "div", "rem")
_INTEGER = (*_FLOAT, "and", "or", "xor", "div.un", "rem.un", "add.ovf", "sub.ovf", "mul.ovf")
_INTEGER += ("add.ovf.un", "sub.ovf.un", "mul.ovf.un")
_FORMS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "i", "u")
_CONVERT = (
    *(f"conv.{form}" for form in _FORMS),
    *(f"conv.ovf.{form}{suffix}" for form in _FORMS for suffix in ("", ".un")),
    *("conv.r4", "conv.r8"),
)
_EDGES = {
    "int32": (0, 1, -1, -(2**31), 2**31 - 1, 128, 255, 65536),
    "int64": (0, 1, -1, -(2**31), 2**31, 2**32 - 1, -(2**63), 2**63 - 1, 2**53 + 1),
    "native int": (0, 1, -1, -(2**31), 2**31, 2**32 - 1, -(2**63), 2**63 - 1),
    "float32": (0.0, -0.0, 1.5, -1.5, 127.5, -129.0, 2147483648.0, 9.3e18, float("inf"), float("nan")),
    "float64": (0.0, -0.0, 1.5, -1.5, 255.9, 2147483647.5, -2147483649.0, 4294967296.0, 1.9e19, 1e300, float("nan")),
}
_PAIRS = (
    *((kind, kind) for kind in _EDGES),
    *(("native int", "int32"), ("int32", "native int"), ("float32", "float64"), ("float64", "float32")),
)
_WRITE = "call void [System.Console]System.Console::Write"


def _push(kind: str, value: float) -> str:
    if kind == "int32":
        return f"ldc.i4 {value}"
    if kind.startswith("float"):
        code, name = ("<f", "ldc.r4") if kind == "float32" else ("<d", "ldc.r8")
        return f"{name} ({struct.pack(code, value).hex(' ')})"
    return f"ldc.i8 {value}" + ("\nconv.i" if kind == "native int" else "")


def _method(name: str, operation: str, kinds: tuple[str, ...]) -> str:
    load = "\n".join(f"ldarg.{index}" for index in range(len(kinds)))
    if operation in _BRANCH:
        body = f"{load}\n{operation} X\nldc.i8 0\nret\nX: ldc.i8 1\nret"
    else:
        unsigned_float = "\nconv.r8" if operation == "conv.r.un" else ""
        is_float = operation.startswith("conv.r") or (operation in _FLOAT and kinds[0].startswith("float"))
        bits = "conv.r8\ncall int64 [System.Runtime.Extensions]System.BitConverter::DoubleToInt64Bits(float64)"
        # The bits of a NaN are not defined: it becomes 1.
        finish = f"conv.r8\ndup\ndup\nceq\nbrtrue N\npop\nldc.i8 1\nret\nN: {bits}" if is_float else "conv.i8"
        body = f"{load}\n{operation}{unsigned_float}\n{finish}\nret"
    parameters = ", ".join(kinds)
    return f".method public static int64 {name}({parameters}) cil managed noinlining {{\n.maxstack 8\n{body}\n}}\n"


def _calls(name: str, operation: str, kinds: tuple[str, ...], values: list[tuple[float, ...]]) -> Iterator[str]:
    for number, arguments in enumerate(values):
        pushes = "\n".join(_push(kind, value) for kind, value in zip(kinds, arguments, strict=True))
        yield (
            f'ldstr "{operation} {kinds} {arguments} "\n{_WRITE}(string)\n.try {{\n{pushes}\n'
            f"call int64 T::{name}({', '.join(kinds)})\n{_WRITE}Line(int64)\nleave {name}_{number}\n}}\n"
            f"catch [System.Runtime]System.ArithmeticException {{\n"
            f"callvirt instance class [System.Runtime]System.Type [System.Runtime]System.Exception::GetType()\n"
            f"{_WRITE}Line(object)\nleave {name}_{number}\n}}\n{name}_{number}: nop"
        )


def _program(step: int) -> str:
    """``step``: of the pairs of edge values every how many-th is taken."""
    methods: list[str] = []
    calls: list[str] = []

    def add(operation: str, kinds: tuple[str, ...], values: list[tuple[float, ...]]) -> None:
        name = f"M{len(methods)}"
        methods.append(_method(name, operation, kinds))
        calls.extend(_calls(name, operation, kinds, values))

    for left, right in _PAIRS:
        floats = left.startswith("float")
        values: list[tuple[float, ...]] = [(a, b) for a in _EDGES[left] for b in _EDGES[right]][::step]
        for operation in (*_COMPARE, *_BRANCH, *(_FLOAT if floats else _INTEGER)):
            add(operation, (left, right), values)
    for kind, edges in _EDGES.items():
        for operation in _CONVERT if kind.startswith("float") else (*_CONVERT, "conv.r.un"):
            add(operation, (kind,), [(edge,) for edge in edges])
    parts = [calls[start : start + 100] for start in range(0, len(calls), 100)]
    runs = [
        f".method public static void X{i}() cil managed {{\n.maxstack 8\n" + "\n".join(part) + "\nret\n}\n"
        for i, part in enumerate(parts)
    ]
    main = "\n".join(f"call void T::X{i}()" for i in range(len(parts)))
    return (
        f"{EXTERN}.assembly extern System.Console {{ .ver 4:1:2:0 .publickeytoken = (B0 3F 5F 7F 11 D5 0A 3A) }}\n"
        ".assembly program { }\n.module program.dll\n"
        ".class public abstract sealed T extends [System.Runtime]System.Object {\n" + "".join(methods) + "}\n"
        ".class public abstract sealed P extends [System.Runtime]System.Object {\n"
        + "".join(runs).replace("T::X", "P::X")
        + ".method public static int32 Main() cil managed {\n.entrypoint\n"
        + main.replace("T::X", "P::X")
        + "\nldc.i4.0\nret\n}\n}\n"
    )


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.sweep)])
def test_operators_on_edge_values(step: int, target: str, inputs: TestInputs, tmp_path: Path) -> None:
    run_differential(_program(step), tmp_path, compiler="il", native=["T::M*"], runtimes=[target], tiered=False)
