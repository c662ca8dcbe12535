"""CIL that no C# compiler writes, and names that no C# compiler gives: same output as under the JIT, native.

``shapes.il`` has the cases: small integers where wider ones are expected, values on the stack across branches and
loops, overloads that differ only in custom modifiers or results, enums of every underlying type, unions of references,
thrown objects that are no exceptions, handlers before their try blocks. Obfuscators and compilers of other languages
write such CIL.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.differential import run_differential
from tests.support.paths import TARGETS, TestInputs

_CASE = re.compile(r"\.method public static (\w+) (\w+)\(\) cil managed")
_CONCAT = "call string [System.Runtime]System.String::Concat(object,object)"
#: What the compiler leaves to the JIT.
_REFUSED = {
    "T::static_via_ldfld": "invalid-cil",
    "T::cpblk0": "invalid-cil",
    "T::localloc0": "invalid-cil",
    "T::md_bounds": "opcode",
    "T::Jmp": "opcode",
}
#: More than one byte counts; all of them are used at once.
_ARGUMENTS = 300
_LOCALS = 400


def _many_arguments() -> str:
    types = ["int32" if i % 3 else "int64" if i % 2 else "float64" for i in range(_ARGUMENTS)]
    constants = {"int32": "ldc.i4 {}", "int64": "ldc.i8 {}", "float64": "ldc.r8 {}.0"}
    sum_up = " ".join(f"ldarg {i} conv.i8 ldc.i8 {i + 1} mul add\n" for i in range(_ARGUMENTS))
    push = "\n".join(constants[kind].format(i) for i, kind in enumerate(types))
    return f"""
  .method public static int64 ManyArgs({", ".join(types)}) cil managed noinlining {{ .maxstack 8
    ldc.i8 0 {sum_up} ldc.i4 77 starg {_ARGUMENTS - 1} ldarg {_ARGUMENTS - 1} conv.i8 add
    ldarga {_ARGUMENTS - 2} ldind.i4 conv.i8 add ret }}
  .method public static int64 many_args() cil managed noinlining {{ .maxstack {_ARGUMENTS}
    {push} call int64 T::ManyArgs({", ".join(types)}) ret }}"""


def _many_locals() -> str:
    types = ", ".join("int32" if i % 2 else "object" for i in range(_LOCALS))
    fill = "\n".join(f"ldc.i4 {i} {'' if i % 2 else 'box int32'} stloc {i}" for i in range(_LOCALS))
    sum_up = "\n".join(
        f"ldloc {i} {'' if i % 2 else 'unbox.any int32'} conv.i8 ldc.i8 {i + 1} mul add" for i in range(_LOCALS)
    )
    return f"""
  .method public static int64 many_locals() cil managed noinlining {{ .maxstack 8
    .locals init ({types})
    {fill} ldc.i4 5000 newarr object pop ldc.i8 0 {sum_up}
    ldloca {_LOCALS - 1} ldc.i4 3 stind.i4 ldloc {_LOCALS - 1} conv.i8 add ret }}"""


def _program() -> str:
    """The cases, and a Main that runs them all fifty times and prints what they returned."""
    text = Path(__file__).with_name("shapes.il").read_text("utf-8") + _many_arguments() + _many_locals()
    calls = ""
    for kind, name in _CASE.findall(text):
        boxed = "" if kind == "string" else f"box {kind}"
        calls += f"""
    ldstr "{name}=" call {kind} T::{name}() {boxed} {_CONCAT} call void T::Add(string)"""
    return f"""{text}
  .field static string log
  .method static void Add(string s) cil managed {{
    ldsfld string T::log ldarg.0 ldstr "\\n" call string [System.Runtime]System.String::Concat(string,string,string)
    stsfld string T::log ret }}
  .method public static string Body() cil managed noinlining {{ .maxstack 8
    ldstr "" stsfld string T::log {calls}
    ldsfld string T::log ret }}
  .method public static int32 Main() cil managed {{ .entrypoint .maxstack 8
    .locals init (string first, int32 i)
    call string T::Body() stloc first
    again: call string T::Body() ldloc first call bool [System.Runtime]System.String::op_Equality(string,string)
    brtrue same
    call string T::Body() call void [System.Console]System.Console::Write(string) ldc.i4.1 ret
    same: ldloc i ldc.i4.1 add dup stloc i ldc.i4 50 blt again
    ldloc first call void [System.Console]System.Console::Write(string) ldc.i4.0 ret }}
}}"""


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_shapes(target: str, inputs: TestInputs, tmp_path: Path) -> None:
    runs = run_differential(
        _program(),
        tmp_path,
        native=["T::*", "Base::*", "Derived::*"],
        excluded=_REFUSED,
        compiler="il",
        runtimes=[target],
        gc_stress=True,
    )
    assert runs[target].jit.stdout.count(b"\n") > 70


#: Each could be taken for a constructed type, a nested one, a member's symbol or a primitive type.
_NAMES = (
    *("Outer:Inner", "L`1<System.Int32>", "L`1[System.Int32]", "[program]Q", "program!Q", "Q::M()int32", "Q::M"),
    *("a", "A", "\u00e9", "e\u0301", "\u202eabc", "a b", "a,b", "x&", "x*", "x[]", "x[,]", "int32", "!0", "!!0"),
    *("System.__Canon", "System.Int32", "M(int32)", "$", "%s", "\\'q", "\u4e00", "modopt(a)", "Box<a>", "Box`2<a,b>"),
)


def _names_program() -> str:
    def members(type_: str, number: int) -> str:
        return f"""
  .field public static int32 F
  .field public int32 I
  .method public static int32 M() cil managed noinlining {{ ldc.i4 {number} ldsfld int32 {type_}::F add ret }}
  .method public static int32 N() cil managed {{ ldc.i4 {number}00 ret }}
  .method public newslot virtual instance int32 V() cil managed noinlining {{
    ldc.i4 {number} ldarg.0 ldfld int32 {type_}::I add ret }}
  .method public static int32 G<T>(!!T x) cil managed noinlining {{ sizeof !!T ldc.i4 {number} add ret }}
  .method public specialname rtspecialname instance void .ctor() cil managed {{
    ldarg.0 call instance void [System.Runtime]System.Object::.ctor() ldarg.0 ldc.i4 {number}0
    stfld int32 {type_}::I ret }}"""

    base = "extends [System.Runtime]System.Object"
    classes = f"""
.class public Outer {base} {{
  .class nested public Inner {base} {{ {members("Outer/Inner", 3)} }} {members("Outer", 4)} }}
.class public Q {base} {{ {members("Q", 5)} }}
.class public 'L`1'<T> {base} {{ {members("class 'L`1'<!T>", 6)} }}"""
    types = ["Outer/Inner", "Outer", "Q", "class 'L`1'<int32>", "class 'L`1'<string>", "class 'L`1'<object>"]
    for number, name in enumerate(_NAMES, 10):
        types.append(f"'{name}'")
        classes += f"\n.class public {types[-1]} {base} {{ {members(types[-1], number)} }}"
    calls = ""
    for number, type_ in enumerate(types):
        calls += f" ldc.i4 {number}000 stsfld int32 {type_}::F\n"
    for type_ in types:
        for value in (
            f"call int32 {type_}::M()",
            f"call int32 {type_}::N()",
            f"newobj instance void {type_}::.ctor() callvirt instance int32 {type_}::V()",
            f"ldc.i4.1 call int32 {type_}::G<int32>(!!0)",
            f'ldstr "" call int32 {type_}::G<string>(!!0)',
            f"newobj instance void {type_}::.ctor() castclass {type_} ldfld int32 {type_}::I",
        ):
            calls += f' {value} box int32 ldstr "," {_CONCAT} {_CONCAT}\n'
    return f"""
.assembly extern System.Runtime {{ .ver 4:2:2:0 .publickeytoken = (B0 3F 5F 7F 11 D5 0A 3A) }}
.assembly extern System.Console {{ .ver 4:1:2:0 .publickeytoken = (B0 3F 5F 7F 11 D5 0A 3A) }}
.assembly program {{ }} {classes}
.class public abstract sealed T {base} {{
  .method public static object Body() cil managed noinlining {{ .maxstack 8 ldstr "" {calls} ret }}
  .method public static int32 Main() cil managed {{ .entrypoint
    call object T::Body() call void [System.Console]System.Console::Write(object) ldc.i4.0 ret }}
}}"""


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_names(target: str, inputs: TestInputs, tmp_path: Path) -> None:
    """A symbol of one type must never be taken for another's."""
    runs = run_differential(_names_program(), tmp_path, native="*", compiler="il", runtimes=[target], tiered=False)
    assert runs[target].jit.stdout.count(b",") == 6 * (6 + len(_NAMES))
