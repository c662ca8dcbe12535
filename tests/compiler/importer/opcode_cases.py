# ruff: noqa: E501 (a table: one case a line)
"""Every CIL opcode with a method that uses it and calls of that method: the data of ``test_opcode_table``.

A case is one static method of the class ``Ops``. Its calls are given as CIL that pushes the arguments; :func:`program`
makes them all, one after the other, and prints each result (floating ones as bits) or the exception's type.

>>> CASES[0].opcode
'nop'
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple


class Case(NamedTuple):
    """One method.

    Attributes:
        opcode: that it is a test of; its name in ECMA-335.
        name: of the method.
        result: CIL type.
        parameters: CIL types.
        body: CIL without the final ``ret``.
        calls: arguments as CIL.
        locals: of the method.
    """

    opcode: str
    name: str
    result: str
    parameters: tuple[str, ...]
    body: str
    calls: tuple[str, ...]
    locals: str = ""


#: Opcodes that stay with the JIT: reason codes. Each has a method of this name in ``Left``.
EXCLUDED = {
    "break": "opcode",
    "jmp": "opcode",
    "tail.": "tail-call",
    "arglist": "varargs",
    "mkrefany": "opcode",
    "refanyval": "signature",
    "refanytype": "signature",
    "no.": "opcode",
}

_INT32 = (0, 1, -1, 2, 7, -7, 33, 255, -129, 65536, 0x7FFFFFFF, -0x80000000)
_INT64 = (0, 1, -1, 5, -9, 64, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, -0x8000000000000000)
_FLOATS = (
    0.0, -0.0, 1.5, -2.5, 0.5, -0.9, 127.9, 255.0, 65535.5, 2147483647.5, -2147483648.9, 4294967295.5, 3e9, -3e9,
    9.3e18, 1.8e19, 1e20, -1e20, 5e-324, 1e308, float("inf"), float("-inf"), float("nan"), -float("nan"),
)
_FEW = (0.0, -0.0, 1.5, -2.5, 1e10, 5e-324, float("inf"), float("-inf"), float("nan"), -float("nan"), 3.0)


def _i4(value: int) -> str:
    return f"ldc.i4 {value}"


def _i8(value: int) -> str:
    return f"ldc.i8 {value - (1 << 64) if value >= 1 << 63 else value}"


def _r8(value: float) -> str:
    return f"ldc.r8 ({struct.pack('<d', value).hex(' ')})"


def _r4(value: float) -> str:
    try:
        packed = struct.pack("<f", value)
    except OverflowError:
        packed = struct.pack("<f", float("inf"))
    return f"ldc.r4 ({packed.hex(' ')})"


def _native(value: int) -> str:
    return f"{_i8(value)} conv.i"


_I4 = tuple(map(_i4, _INT32))
_I8 = tuple(map(_i8, _INT64))
_NATIVE = tuple(map(_native, _INT64))
_R8 = tuple(map(_r8, _FLOATS))
_R4 = tuple(map(_r4, _FLOATS))
_KINDS: dict[str, tuple[str, ...]] = {
    "int32": _I4,
    "int64": _I8,
    "native int": _NATIVE,
    "float32": tuple(map(_r4, _FEW)),
    "float64": tuple(map(_r8, _FEW)),
}
#: For comparisons, of which there are many.
_ORDERED: dict[str, tuple[str, ...]] = {
    type_: (*values[:3], *values[-3:]) if type_.startswith(("int", "native")) else (*values[:3], *values[-4:-1])
    for type_, values in _KINDS.items()
}
_INTEGERS = ("int32", "int64", "native int")


def _pairs(left: Iterable[str], right: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{one} {other}" for one, other in itertools.product(left, right))


def _identifier(opcode: str, type_: str = "") -> str:
    return f"{opcode}_{type_}".replace(".", "_").replace(" ", "_").rstrip("_")


def _constants() -> list[Case]:
    cases = [Case("nop", "nop", "int32", ("int32",), "nop ldarg.0 nop", (_i4(5),))]
    for number in range(-1, 9):
        name = "m1" if number < 0 else str(number)
        cases.append(Case(f"ldc.i4.{name}", f"ldc_i4_{name}", "int32", (), f"ldc.i4.{name}", ("",)))
    cases += [
        Case("ldc.i4.s", "ldc_i4_s", "int32", (), "ldc.i4.s -100", ("",)),
        Case("ldc.i4", "ldc_i4", "int32", (), "ldc.i4 -2147483648", ("",)),
        Case("ldc.i8", "ldc_i8", "int64", (), "ldc.i8 -9223372036854775807", ("",)),
        Case("ldc.r4", "ldc_r4", "float32", (), "ldc.r4 (01 00 a0 7f)", ("",)),
        Case("ldc.r8", "ldc_r8", "float64", (), "ldc.r8 (01 02 03 04 05 06 f4 ff)", ("",)),
        Case("ldnull", "ldnull", "object", (), "ldnull", ("",)),
        Case("ldstr", "ldstr", "object", (), 'ldstr "a string"', ("",)),
        Case("dup", "dup", "int32", ("int32",), "ldarg.0 dup mul", _I4),
        Case("pop", "pop", "int32", ("int32",), "ldarg.0 ldc.i4.5 pop", _I4),
        Case("sizeof", "sizeof", "int32", (), "sizeof Pack sizeof Data add sizeof int64 add sizeof object add", ("",)),
    ]
    return cases


def _variables() -> list[Case]:
    four = ("int32", "int64", "object", "float64")
    call = (f'{_i4(-3)} {_i8(1 << 40)} ldstr "arg" {_r8(2.5)}',)
    cases = []
    for index, type_ in enumerate(four):
        cases.append(Case(f"ldarg.{index}", f"ldarg_{index}", type_, four, f"ldarg.{index}", call))
        cases.append(
            Case(f"ldloc.{index}", f"ldloc_{index}", type_, four, f"ldarg.{index} stloc {index} ldloc.{index}", call,
                 ", ".join(four))
        )
        cases.append(
            Case(f"stloc.{index}", f"stloc_{index}", type_, four, f"ldarg.{index} stloc.{index} ldloc {index}", call,
                 ", ".join(four))
        )
    for suffix in (".s", ""):
        one, five = ("int32",), ("int32",) * 5
        args = ("ldc.i4.1 ldc.i4.2 ldc.i4.3 ldc.i4.4 ldc.i4 -77",)
        many = ", ".join(["int32"] * 5)
        cases += [
            Case(f"ldarg{suffix}", _identifier(f"ldarg{suffix}", "x"), "int32", five, f"ldarg{suffix} 4", args),
            Case(f"starg{suffix}", _identifier(f"starg{suffix}", "x"), "int32", one,
                 f"ldarg.0 ldc.i4.3 add starg{suffix} 0 ldarg.0", _I4),
            Case(f"ldarga{suffix}", _identifier(f"ldarga{suffix}", "x"), "int32", one,
                 f"ldarga{suffix} 0 dup ldind.i4 ldc.i4.1 add stind.i4 ldarg.0", _I4),
            Case(f"ldloc{suffix}", _identifier(f"ldloc{suffix}", "x"), "int32", one,
                 f"ldarg.0 stloc 4 ldloc{suffix} 4", _I4, many),
            Case(f"stloc{suffix}", _identifier(f"stloc{suffix}", "x"), "int32", one,
                 f"ldarg.0 stloc{suffix} 4 ldloc 4", _I4, many),
            Case(f"ldloca{suffix}", _identifier(f"ldloca{suffix}", "x"), "int32", one,
                 f"ldloca{suffix} 4 ldarg.0 stind.i4 ldloc 4", _I4, many),
        ]  # fmt: skip
    return cases


def _arithmetic() -> list[Case]:
    cases = []
    for opcode in ("add", "sub", "mul", "div", "rem"):
        for type_, values in _KINDS.items():
            cases.append(_binary(opcode, type_, values, values))
    for opcode in ("div.un", "rem.un", "and", "or", "xor", *(f"{op}.ovf{un}" for op in ("add", "sub", "mul")
                   for un in ("", ".un"))):  # fmt: skip
        for type_ in _INTEGERS:
            cases.append(_binary(opcode, type_, _KINDS[type_], _KINDS[type_]))
    for opcode in ("shl", "shr", "shr.un"):
        for type_ in _INTEGERS:
            width = 32 if type_ == "int32" else 64
            counts = [_i4(count) for count in (0, 1, 7, 31, 33, 63) if count < width]
            cases.append(_binary(opcode, type_, _KINDS[type_], counts, "int32"))
    for opcode in ("neg", "not"):
        for type_, values in _KINDS.items():
            if opcode == "neg" or type_ in _INTEGERS:
                cases.append(Case(opcode, _identifier(opcode, type_), type_, (type_,), f"ldarg.0 {opcode}", values))
    for type_, all_values in (("float32", _R4), ("float64", _R8)):
        body = "ldarg.0 ckfinite"
        cases.append(Case("ckfinite", _identifier("ckfinite", type_), type_, (type_,), body, all_values))
    for opcode in ("ceq", "cgt", "cgt.un", "clt", "clt.un"):
        for type_, values in _ORDERED.items():
            body = f"ldarg.0 ldarg.1 {opcode}"
            name = _identifier(opcode, type_)
            cases.append(Case(opcode, name, "int32", (type_, type_), body, _pairs(values, values)))
    return cases


def _binary(opcode: str, type_: str, left: Sequence[str], right: Sequence[str], second: str = "") -> Case:
    name = _identifier(opcode, type_)
    return Case(opcode, name, type_, (type_, second or type_), f"ldarg.0 ldarg.1 {opcode}", _pairs(left, right))


_CONVERSIONS = {
    "i1": "int32", "u1": "int32", "i2": "int32", "u2": "int32", "i4": "int32", "u4": "int32",
    "i8": "int64", "u8": "int64", "i": "native int", "u": "native int", "r4": "float32", "r8": "float64",
}  # fmt: skip


def _conversions() -> list[Case]:
    cases = []
    for to, result in _CONVERSIONS.items():
        opcodes = [f"conv.{to}"]
        if to not in ("r4", "r8"):
            opcodes += [f"conv.ovf.{to}", f"conv.ovf.{to}.un"]
        for opcode, source in itertools.product(opcodes, _KINDS):
            values = {"float32": _R4, "float64": _R8}.get(source, _KINDS[source])
            cases.append(
                Case(opcode, _identifier(opcode, source), result, (source,), f"ldarg.0 {opcode}", values)
            )
    for source in ("int32", "int64", "native int"):
        body = "ldarg.0 conv.r.un conv.r8"
        cases.append(Case("conv.r.un", _identifier("conv.r.un", source), "float64", (source,), body, _KINDS[source]))
        body = "ldarg.0 conv.r.un conv.r4"
        cases.append(
            Case("conv.r.un", _identifier("conv.r.un.r4", source), "float32", (source,), body, _KINDS[source])
        )
    return cases


def _branches() -> list[Case]:
    cases = []
    for suffix in (".s", ""):
        name = _identifier(f"br{suffix}", "x")
        cases.append(Case(f"br{suffix}", name, "int32", (), f"ldc.i4.1 br{suffix} L ldc.i4.2 add L:", ("",)))
        for opcode in ("brfalse", "brtrue"):
            for type_ in ("int32", "int64", "native int", "object"):
                values = ("ldnull", 'ldstr ""') if type_ == "object" else _KINDS[type_]
                body = f"ldarg.0 {opcode}{suffix} L ldc.i4.0 ret L: ldc.i4.1"
                name = _identifier(f"{opcode}{suffix or '.l'}", type_)
                cases.append(Case(opcode + suffix, name, "int32", (type_,), body, values))
        for opcode in ("beq", "bge", "bgt", "ble", "blt", "bne.un", "bge.un", "bgt.un", "ble.un", "blt.un"):
            for type_, values in _ORDERED.items():
                body = f"ldarg.0 ldarg.1 {opcode}{suffix} L ldc.i4.0 ret L: ldc.i4.1"
                name = _identifier(f"{opcode}{suffix or '.l'}", type_)
                cases.append(Case(opcode + suffix, name, "int32", (type_, type_), body, _pairs(values, values)))
        body = f".try {{ ldarg.0 stloc.0 leave{suffix} L }} finally {{ ldloc.0 ldc.i4.1 add stloc.0 endfinally }} L: ldloc.0"
        name = _identifier(f"leave{suffix}", "x")
        cases.append(Case(f"leave{suffix}", name, "int32", ("int32",), body, _I4, "int32"))
    body = "ldarg.0 switch (A, B, C) ldc.i4.m1 ret A: ldc.i4.5 ret B: ldc.i4.6 ret C: ldc.i4.7"
    cases.append(Case("switch", "switch_x", "int32", ("int32",), body, _I4))
    return cases


_MEMORY = {
    "i1": "int32", "u1": "int32", "i2": "int32", "u2": "int32", "i4": "int32", "u4": "int32", "i8": "int64",
    "i": "native int", "r4": "float32", "r8": "float64",
}  # fmt: skip
_NULL = "ldc.i4.0 conv.u"


def _cell(value: int) -> str:
    return f"{_i8(value)} stsfld int64 Store::cell ldsflda int64 Store::cell"


def _indirections() -> list[Case]:
    cases = []
    patterns = (0, -1, 0x8182838485868788, 0x7FF4000000000001, 0x7FA00001)
    loads = (*map(_cell, patterns), _NULL)
    for form, type_ in _MEMORY.items():
        opcode = f"ldind.{form}"
        for prefix in ("", "volatile. ", "unaligned. 1 ", "volatile. unaligned. 2 "):
            name = _identifier(opcode, prefix)
            covered = [opcode, *(word for word in prefix.split() if word.endswith("."))]
            for each in covered:
                cases.append(
                    Case(each, f"{name}_{_identifier(each)}", type_, ("int64&",), f"ldarg.0 {prefix}{opcode}", loads)
                )
    for form in ("i1", "i2", "i4", "i8", "i", "r4", "r8"):
        type_ = _MEMORY[form]
        values = (*_KINDS[type_][:6], _KINDS[type_][-1])
        for prefix in ("", "volatile. ", "unaligned. 1 "):
            body = f"ldarg.0 ldarg.1 {prefix}stind.{form} ldarg.0 ldind.i8"
            calls = _pairs((_cell(-1), _NULL), values)
            opcode = f"stind.{form}"
            cases.append(Case(opcode, _identifier(opcode, prefix), "int64", ("int64&", type_), body, calls))
    place = "ldstr \"old\" stsfld object Store::reference ldsflda object Store::reference"
    cases += [
        Case("ldind.ref", "ldind_ref", "object", ("object&",), "ldarg.0 ldind.ref", (place, _NULL)),
        Case("stind.ref", "stind_ref", "object", ("object&", "object"),
             "ldarg.0 ldarg.1 stind.ref ldsfld object Store::reference",
             _pairs((place, _NULL), ("ldnull", 'ldstr "new"'))),
        Case("stind.ref", "stind_ref_volatile", "object", ("object&", "object"),
             "ldarg.0 ldarg.1 volatile. stind.ref ldsfld object Store::reference", (f'{place} ldstr "v"',)),
        Case("cpblk", "cpblk_x", "int64", ("int64&", "int64&", "int32"),
             "ldarg.0 ldarg.1 ldarg.2 cpblk ldarg.0 ldind.i8",
             tuple(f"{_cell(-1)} ldc.i8 0x1122334455667788 stsfld int64 Store::other ldsflda int64 Store::other "
                   f"{_i4(size)}" for size in (0, 1, 3, 7, 8))),
        Case("cpblk", "cpblk_null", "int64", ("int64&", "int64&"), "ldarg.0 ldarg.1 ldc.i4.8 cpblk ldc.i8 1",
             (f"{_NULL} {_cell(1)}", f"{_cell(1)} {_NULL}")),
        Case("initblk", "initblk_x", "int64", ("int64&", "int32", "int32"),
             "ldarg.0 ldarg.1 ldarg.2 unaligned. 1 initblk ldarg.0 ldind.i8",
             tuple(f"{_cell(-1)} {_i4(value)} {_i4(size)}" for value in (0, 5, 0x1AB) for size in (0, 1, 5, 8))),
        Case("initblk", "initblk_null", "int64", ("int64&", "int32"), "ldarg.0 ldc.i4.0 ldarg.1 initblk ldc.i8 1",
             (f"{_NULL} {_i4(8)}",)),
        Case("localloc", "localloc_x", "int64", ("int32",),
             "ldarg.0 conv.u localloc stloc.0 ldloc.0 ldind.i8 ldloc.0 ldarg.0 ldc.i4.8 sub conv.i add dup ldc.i4.7 "
             "stind.i4 ldind.i8 add",
             tuple(map(_i4, (8, 16, 17, 100, 4096, 10000))), "native int"),
        Case("ldobj", "ldobj_x", "int32", ("valuetype Pack&",), "ldarg.0 ldobj Pack stloc.0 ldloca 0 ldfld int32 Pack::b",
             ("ldsflda valuetype Pack Store::pack", _NULL), "valuetype Pack"),
        Case("ldobj", "ldobj_unaligned", "int64", ("int64&",), "ldarg.0 volatile. unaligned. 1 ldobj int64",
             (_cell(7), _NULL)),
        Case("stobj", "stobj_x", "int32", ("valuetype Pack&", "int32"),
             "ldloca 0 ldarg.1 stfld int32 Pack::b ldarg.0 ldloc.0 stobj Pack ldarg.0 ldfld int32 Pack::b",
             _pairs(("ldsflda valuetype Pack Store::pack", _NULL), _I4), "valuetype Pack"),
        Case("cpobj", "cpobj_x", "int32", ("valuetype Pack&", "valuetype Pack&"),
             "ldarg.0 ldarg.1 cpobj Pack ldarg.0 ldfld int32 Pack::b",
             _pairs(("ldsflda valuetype Pack Store::pack", _NULL), ("ldsflda valuetype Pack Store::pack", _NULL))),
        Case("initobj", "initobj_x", "int32", ("valuetype Pack&",),
             "ldarg.0 ldc.i4.5 stfld int32 Pack::b ldarg.0 initobj Pack ldarg.0 ldfld int32 Pack::b",
             ("ldsflda valuetype Pack Store::pack", _NULL)),
        Case("initobj", "initobj_ref", "object", ("object&",), "ldarg.0 initobj object ldarg.0 ldind.ref", (place, _NULL)),
    ]  # fmt: skip
    return cases


def _elements() -> list[Case]:
    types = {
        "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32", "i8": "int64",
        "i": "native int", "r4": "float32", "r8": "float64",
    }  # fmt: skip
    cases = []
    for form, element in types.items():
        stored = form.replace("u", "i")
        loaded = _MEMORY[form]
        values = (*_KINDS[loaded][:5], _KINDS[loaded][-1])
        calls = tuple(f"{_i4(index)} {value}" for index in (0, 2, 3, -1) for value in values)
        head = f"ldc.i4.3 newarr {element} stloc.0 ldloc.0 ldarg.0 ldarg.1"
        for opcode, body in (
            (f"stelem.{stored}", f"{head} stelem.{stored} ldloc.0 ldarg.0 ldelem.{form}"),
            (f"ldelem.{form}", f"{head} stelem {element} ldloc.0 ldarg.0 conv.i ldelem.{form}"),
            ("ldelem", f"{head} stelem {element} ldloc.0 ldarg.0 ldelem {element}"),
            ("stelem", f"{head} stelem {element} ldloc.0 ldarg.0 ldelem {element}"),
            ("ldelema", f"{head} stelem.{stored} ldloc.0 ldarg.0 ldelema {element} ldind.{form}"),
        ):
            name = _identifier(opcode, f"of.{form}")
            cases.append(Case(opcode, name, loaded, ("int32", loaded), body, calls, f"{element}[]"))
    calls = _pairs(("ldc.i4.2 newarr object", "ldc.i4.2 newarr string", "ldnull"), _pairs(
        ("ldc.i4.0", "ldc.i4.2", "ldc.i4.m1"), ("ldnull", 'ldstr "x"', "ldc.i4.5 box int32")))
    three = ("object[]", "int32", "object")
    load_calls = _pairs(("ldc.i4.2 newarr object", "ldc.i4.2 newarr string", "ldnull"), ("ldc.i4.1", "ldc.i4.2"))
    cases += [
        Case("stelem.ref", "stelem_ref", "object", three, "ldarg.0 ldarg.1 ldarg.2 stelem.ref ldarg.0 ldarg.1 ldelem.ref", calls),
        Case("ldelem.ref", "ldelem_ref", "object", ("object[]", "int32"), "ldarg.0 ldarg.1 ldelem.ref", load_calls),
        Case("stelem", "stelem_object", "object", three, "ldarg.0 ldarg.1 ldarg.2 stelem object ldarg.0 ldarg.1 ldelem object", calls),
        Case("ldelema", "ldelema_ref", "object", ("object[]", "int32"), "ldarg.0 ldarg.1 ldelema object ldind.ref", load_calls),
        Case("readonly.", "readonly_x", "object", ("object[]", "int32"), "ldarg.0 ldarg.1 readonly. ldelema object ldind.ref", load_calls),
        Case("ldlen", "ldlen_x", "int32", ("object[]",), "ldarg.0 ldlen conv.i4", ("ldc.i4.5 newarr object", "ldnull")),
        Case("newarr", "newarr_x", "int32", ("int32",), "ldarg.0 newarr valuetype Pack ldlen conv.i4", tuple(map(_i4, (0, 3, -1, -0x80000000)))),
        Case("newarr", "newarr_native", "int32", ("int64",), "ldarg.0 conv.i newarr int8 ldlen conv.i4", tuple(map(_i8, (0, 3, -1, 1 << 33)))),
    ]  # fmt: skip
    return cases


_CORE = "[System.Private.CoreLib]System"


def _objects() -> list[Case]:
    things = ("ldnull", 'ldstr "s"', "ldc.i4.5 box int32", "ldc.i8 6 box int64", "newobj instance void Thing::.ctor()",
              "newobj instance void Other::.ctor()")
    one = ("object",)
    make = "newobj instance void Thing::.ctor()"
    return [
        Case("newobj", "newobj_x", "int32", (), f"{make} ldfld int32 Thing::n", ("",)),
        Case("newobj", "newobj_struct", "int32", ("int32",), "ldarg.0 newobj instance void Pack::.ctor(int32) stloc.0 ldloca 0 ldfld int32 Pack::b", _I4, "valuetype Pack"),
        Case("newobj", "newobj_string", "object", ("int32",), "ldc.i4.s 97 ldarg.0 newobj instance void string::.ctor(char, int32)", ("ldc.i4.3", "ldc.i4.m1")),
        Case("castclass", "castclass_x", "object", one, "ldarg.0 castclass Thing", things),
        Case("castclass", "castclass_interface", "object", one, "ldarg.0 castclass IThing", things),
        Case("isinst", "isinst_x", "object", one, "ldarg.0 isinst Thing", things),
        Case("isinst", "isinst_interface", "object", one, "ldarg.0 isinst IThing", things),
        Case("isinst", "isinst_value", "object", one, "ldarg.0 isinst int32", things),
        Case("box", "box_x", "object", ("int64",), "ldarg.0 box int64", _I8),
        Case("box", "box_reference", "object", one, "ldarg.0 box object", things),
        Case("unbox", "unbox_x", "int32", one, "ldarg.0 unbox int32 ldind.i4", things),
        Case("unbox.any", "unbox_any_x", "int32", one, "ldarg.0 unbox.any int32", things),
        Case("unbox.any", "unbox_any_class", "object", one, "ldarg.0 unbox.any Thing", things),
        Case("throw", "throw_x", "int32", one, f"ldarg.0 castclass {_CORE}.Exception throw", ("ldnull", f"newobj instance void {_CORE}.ArithmeticException::.ctor()")),
        Case("rethrow", "rethrow_x", "int32", one, f".try {{ ldarg.0 castclass {_CORE}.Exception throw }} catch {_CORE}.Exception {{ pop rethrow }}", ("ldnull", f"newobj instance void {_CORE}.ArithmeticException::.ctor()")),
        Case("endfilter", "endfilter_x", "int32", ("int32", "int32"),
             ".try { ldc.i4.s 100 ldarg.0 div stloc.0 leave E } filter { pop ldarg.1 ldc.i4.1 ceq endfilter } { pop ldc.i4.m1 stloc.0 leave E } E: ldloc.0",
             _pairs(("ldc.i4.0", "ldc.i4.7"), ("ldc.i4.0", "ldc.i4.1")), "int32"),
        Case("endfinally", "endfinally_x", "int32", ("int32",),
             ".try { ldc.i4.s 100 ldarg.0 div stloc.0 leave E } finally { ldsfld int32 Thing::total ldc.i4.1 add stsfld int32 Thing::total endfinally } E: ldloc.0 ldsfld int32 Thing::total add",
             ("ldc.i4.5", "ldc.i4.0", "ldc.i4.7"), "int32"),
        Case("ldfld", "ldfld_x", "int32", ("class Thing",), "ldarg.0 ldfld int32 Thing::n", (make, "ldnull")),
        Case("ldfld", "ldfld_volatile", "object", ("class Thing",), "ldarg.0 volatile. ldfld object Thing::o", (make, "ldnull")),
        Case("ldfld", "ldfld_unaligned", "int32", ("valuetype Pack&",), "ldarg.0 unaligned. 1 ldfld int32 Pack::b", ("ldsflda valuetype Pack Store::pack", _NULL)),
        Case("ldflda", "ldflda_x", "int32", ("class Thing",), "ldarg.0 ldflda int32 Thing::n dup ldind.i4 ldc.i4.2 mul stind.i4 ldarg.0 ldfld int32 Thing::n", (make, "ldnull")),
        Case("stfld", "stfld_x", "int32", ("class Thing", "int32"), "ldarg.0 ldarg.1 stfld int32 Thing::n ldarg.0 ldfld int32 Thing::n", _pairs((make, "ldnull"), _I4)),
        Case("stfld", "stfld_ref", "object", ("class Thing", "object"), "ldarg.0 ldarg.1 volatile. stfld object Thing::o ldarg.0 ldfld object Thing::o", _pairs((make, "ldnull"), things)),
        Case("ldsfld", "ldsfld_x", "int32", (), "ldsfld int32 Thing::total", ("",)),
        Case("ldsfld", "ldsfld_thread", "int32", (), "ldsfld int32 Thing::own ldc.i4.1 add dup stsfld int32 Thing::own", ("", "")),
        Case("ldsfld", "ldsfld_data", "int64", (), "ldsfld int64 Store::constant volatile. ldsfld int64 Store::constant add", ("",)),
        Case("ldsflda", "ldsflda_x", "int32", (), "ldsflda int32 Thing::total dup ldind.i4 ldc.i4.3 add stind.i4 ldsfld int32 Thing::total", ("",)),
        Case("ldsflda", "ldsflda_data", "int32", (), "ldsflda int64 Store::constant ldc.i4.2 add ldind.u2", ("",)),
        Case("stsfld", "stsfld_x", "int32", ("int32",), "ldarg.0 stsfld int32 Thing::total ldsfld int32 Thing::total", _I4),
        Case("stsfld", "stsfld_ref", "object", one, "ldarg.0 volatile. stsfld object Store::reference ldsfld object Store::reference", things),
        Case("ldtoken", "ldtoken_type", "object", (), f"ldtoken Thing call class {_CORE}.Type {_CORE}.Type::GetTypeFromHandle(valuetype {_CORE}.RuntimeTypeHandle)", ("",)),
        Case("ldtoken", "ldtoken_field", "object", (), f"ldtoken field int32 Thing::n call class {_CORE}.Reflection.FieldInfo {_CORE}.Reflection.FieldInfo::GetFieldFromHandle(valuetype {_CORE}.RuntimeFieldHandle)", ("",)),
        Case("ldtoken", "ldtoken_method", "object", (), f"ldtoken method instance int32 Thing::Get(int32) call class {_CORE}.Reflection.MethodBase {_CORE}.Reflection.MethodBase::GetMethodFromHandle(valuetype {_CORE}.RuntimeMethodHandle)", ("",)),
        Case("call", "call_x", "int32", ("class Thing", "int32"), "ldarg.0 ldarg.1 call instance int32 Thing::Get(int32)", _pairs((make, "ldnull", "newobj instance void Derived::.ctor()"), ("ldc.i4.5",))),
        Case("callvirt", "callvirt_x", "int32", ("class Thing", "int32"), "ldarg.0 ldarg.1 callvirt instance int32 Thing::Get(int32)", _pairs((make, "ldnull", "newobj instance void Derived::.ctor()"), ("ldc.i4.5",))),
        Case("callvirt", "callvirt_interface", "int32", ("class IThing",), "ldarg.0 ldc.i4.8 callvirt instance int32 IThing::Get(int32)", (make, "ldnull", "newobj instance void Derived::.ctor()")),
        Case("calli", "calli_x", "int32", ("int32",), "ldarg.0 ldftn int32 Ops::'dup'(int32) calli int32(int32)", _I4),
        Case("ldftn", "ldftn_x", "int32", ("int32",), f"ldnull ldftn int32 Ops::'dup'(int32) newobj instance void class {_CORE}.Func`2<int32, int32>::.ctor(object, native int) ldarg.0 callvirt instance !1 class {_CORE}.Func`2<int32, int32>::Invoke(!0)", _I4),
        Case("ldvirtftn", "ldvirtftn_x", "int32", ("class Thing",), f"ldarg.0 dup ldvirtftn instance int32 Thing::Get(int32) newobj instance void class {_CORE}.Func`2<int32, int32>::.ctor(object, native int) ldc.i4.4 callvirt instance !1 class {_CORE}.Func`2<int32, int32>::Invoke(!0)", (make, "ldnull", "newobj instance void Derived::.ctor()")),
        Case("ldvirtftn", "ldvirtftn_plain", "int32", ("class Thing",), "ldarg.0 ldc.i4.4 ldarg.0 ldvirtftn instance int32 Thing::Get(int32) calli instance int32(int32)", (make, "ldnull", "newobj instance void Derived::.ctor()")),
        Case("constrained.", "constrained_value", "object", ("int32",), "ldarga 0 constrained. int32 callvirt instance string object::ToString()", _I4),
        Case("constrained.", "constrained_own", "object", ("int32",), "ldarg.0 newobj instance void Pack::.ctor(int32) stloc.0 ldloca 0 constrained. Pack callvirt instance string object::ToString()", _I4, "valuetype Pack"),
        Case("constrained.", "constrained_reference", "object", ("object",), "ldarga 0 constrained. object callvirt instance string object::ToString()", things),
        Case("ret", "ret_x", "int32", ("int32",), "ldarg.0 brtrue L ldc.i4.7 ret L: ldarg.0", _I4),
    ]  # fmt: skip


CASES: tuple[Case, ...] = tuple(
    case
    for group in (_constants, _variables, _arithmetic, _conversions, _branches, _indirections, _elements, _objects)
    for case in group()
)

#: What calls the methods is left to the JIT: compiling that natively would take much longer than the methods.
_BYPASS = ".custom instance void System.Runtime.BypassNGenAttribute::.ctor() = ( 01 00 00 00 )"

_HEAD = f"""
.assembly extern System.Private.CoreLib {{ .ver 4:0:0:0 .publickeytoken = (7C EC 85 D7 BE A7 79 8E) }}
.assembly extern System.Console {{ .ver 4:0:0:0 .publickeytoken = (B0 3F 5F 7F 11 D5 0A 3A) }}
.assembly program {{ .ver 1:0:0:0 }}
.class sealed value explicit Pack extends {_CORE}.ValueType
{{
  .pack 1 .size 9
  .field [0] public uint8 a
  .field [1] public int32 b
  .field [3] public int16 c
  .method public specialname rtspecialname instance void .ctor(int32 n) cil managed
  {{ .maxstack 8 ldarg.0 ldarg.1 stfld int32 Pack::b ret }}
  .method public virtual instance string ToString() cil managed
  {{ .maxstack 8 ldarg.0 ldflda int16 Pack::c call instance string int16::ToString() ret }}
}}
.class sealed value sequential Data extends {_CORE}.ValueType
{{
  .pack 2
  .field public uint8 a .field public int64 b .field public uint8 c
}}
.class interface abstract IThing {{ .method public newslot abstract virtual instance int32 Get(int32 x) cil managed {{ }} }}
.class Thing extends {_CORE}.Object implements IThing
{{
  .field public int32 n .field public object o .field public static int32 total
  .field public static int32 own
  .custom instance void {_CORE}.ThreadStaticAttribute::.ctor() = ( 01 00 00 00 )
  .method public specialname rtspecialname instance void .ctor() cil managed
  {{ .maxstack 8 ldarg.0 call instance void object::.ctor() ldarg.0 ldc.i4.s 42 stfld int32 Thing::n ret }}
  .method public newslot virtual instance int32 Get(int32 x) cil managed {{ .maxstack 8 ldarg.1 ldc.i4.1 add ret }}
  .method public virtual instance string ToString() cil managed {{ .maxstack 8 ldstr "a thing" ret }}
}}
.class Derived extends Thing
{{
  .method public specialname rtspecialname instance void .ctor() cil managed
  {{ .maxstack 8 ldarg.0 call instance void Thing::.ctor() ret }}
  .method public virtual instance int32 Get(int32 x) cil managed {{ .maxstack 8 ldarg.1 ldc.i4.2 mul ret }}
}}
.class Other extends {_CORE}.Object
{{
  .method public specialname rtspecialname instance void .ctor() cil managed
  {{ .maxstack 8 ldarg.0 call instance void object::.ctor() ret }}
}}
.class abstract sealed beforefieldinit Store extends {_CORE}.Object
{{
  .field public static int64 cell .field public static int64 other .field public static object reference
  .field public static valuetype Pack pack .field public static int64 constant at Constant
}}
.data Constant = bytearray (01 02 03 04 05 06 07 08)
.class public System.Runtime.BypassNGenAttribute extends {_CORE}.Attribute
{{
  .method public specialname rtspecialname instance void .ctor() cil managed
  {{ .maxstack 8 ldarg.0 call instance void {_CORE}.Attribute::.ctor() ret }}
}}
.class abstract sealed Left extends {_CORE}.Object
{{
  .method public static void 'break'() cil managed {{ .maxstack 8 break ret }}
  .method public static void 'jmp'() cil managed {{ .maxstack 8 jmp void Left::'break'() }}
  .method public static void 'tail.'() cil managed {{ .maxstack 8 tail. call void Left::'break'() ret }}
  .method public static vararg void 'arglist'() cil managed {{ .maxstack 8 arglist pop ret }}
  .method public static void 'mkrefany'(int32 x) cil managed {{ .maxstack 8 ldarga 0 mkrefany int32 pop ret }}
  .method public static int32& 'refanyval'(typedref x) cil managed {{ .maxstack 8 ldarg.0 refanyval int32 ret }}
  .method public static void 'refanytype'(typedref x) cil managed {{ .maxstack 8 ldarg.0 refanytype pop ret }}
  .method public static int32 'no.'(int32[] x) cil managed
  {{ .maxstack 8 ldarg.0 ldc.i4.0 .emitbyte 0xfe .emitbyte 0x19 .emitbyte 0x04 ldelem.i4 ret }}
}}
.class abstract sealed Show extends {_CORE}.Object
{{
  .method static void Text(string s) cil managed noinlining
  {{ .maxstack 8 ldarg.0 call void [System.Console]System.Console::WriteLine(string) ret }}
  .method static void Failed(class {_CORE}.Exception e) cil managed noinlining
  {{ .maxstack 8 ldarg.0 callvirt instance class {_CORE}.Type {_CORE}.Exception::GetType() callvirt instance string object::ToString() call void Show::Text(string) ret }}
  .method static void Value(int64 x) cil managed noinlining
  {{ .maxstack 8 ldarga 0 call instance string int64::ToString() call void Show::Text(string) ret }}
  .method static void Value(int32 x) cil managed noinlining {{ .maxstack 8 ldarg.0 conv.i8 call void Show::Value(int64) ret }}
  .method static void Value(native int x) cil managed noinlining {{ .maxstack 8 ldarg.0 conv.i8 call void Show::Value(int64) ret }}
  .method static void Value(float64 x) cil managed noinlining
  {{ .maxstack 8 ldarga 0 ldind.i8 call void Show::Value(int64) ret }}
  .method static void Value(float32 x) cil managed noinlining
  {{ .maxstack 8 ldarga 0 ldind.i4 call void Show::Value(int32) ret }}
  .method static void Value(object x) cil managed noinlining
  {{ .maxstack 8 ldarg.0 brtrue L ldstr "null" call void Show::Text(string) ret
     L: ldarg.0 callvirt instance string object::ToString() call void Show::Text(string) ret }}
}}
"""


def program(without: Collection[str] = ()) -> str:
    """The whole program in CIL, without some cases."""
    methods = []
    runners = []
    names = []
    for case in (case for case in CASES if case.name not in without):
        parameters = ", ".join(case.parameters)
        init = f".locals init ({case.locals})" if case.locals else ""
        methods.append(
            f".method public static {case.result} '{case.name}'({parameters}) cil managed noinlining\n"
            f"{{ .maxstack 8\n{init}\n{case.body}\nret }}"
        )
        for number, part in enumerate(_parts(case.calls)):
            calls = "\n".join(_call(case, parameters, arguments, index) for index, arguments in enumerate(part))
            name = f"{case.name}_{number}"
            names.append(name)
            runners.append(
                f".method public static void {name}() cil managed noinlining\n{{ .maxstack 8\n{_BYPASS}\n"
                f'ldstr "{name}" call void Show::Text(string)\n{calls}\nret }}'
            )
    main = "\n".join(f"call void Run::{name}()" for name in names)
    return "\n".join([
        _HEAD,
        f".class abstract sealed Ops extends {_CORE}.Object\n{{", *methods, "}",
        f".class abstract sealed Run extends {_CORE}.Object\n{{", *runners,
        f".method public static int32 Main() cil managed {{ .entrypoint .maxstack 8\n{main}\nldc.i4.0 ret }}", "}",
    ])


def _parts(calls: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [calls[start : start + 40] for start in range(0, len(calls), 40)]


def _call(case: Case, parameters: str, arguments: str, index: int) -> str:
    return (
        f".try {{ {arguments} call {case.result} Ops::'{case.name}'({parameters}) call void Show::Value({case.result}) leave N{index} }}\n"
        f"catch {_CORE}.Exception {{ call void Show::Failed(class {_CORE}.Exception) leave N{index} }} N{index}:"
    )
