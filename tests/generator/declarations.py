"""ilasm text of a world's declarations: types, constructors, delegates, zeros and the hash functions.

Why apart: what there is (world.py) is decided before any text is written, since bodies refer to all of it.

The hash functions ``H::h(T, depth)`` live in the program and are generated code under test like all other.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.generator import types as t
from tests.generator.types import CilType
from tests.generator.world import ELEMENTS_HASHED, ClassInfo, World

EXTERN = """\
.assembly extern System.Runtime { .ver 4:2:2:0 .publickeytoken = (B0 3F 5F 7F 11 D5 0A 3A) }
.assembly extern System.Runtime.Extensions { .ver 4:2:2:0 .publickeytoken = (B0 3F 5F 7F 11 D5 0A 3A) }
"""


def method(header: str, lines: list[str] | Iterator[str], locals_: str = "", flags: str = "") -> str:
    """One method; ``maxstack`` is generous. ``flags``: of its implementation, each behind a space."""
    body = "\n".join(lines)
    init = f".locals init ({locals_})\n" if locals_ else ""
    return f".method {header} cil managed{flags} {{\n.maxstack 200\n{init}{body}\n}}\n"


def struct_text(world: World, type_: CilType, members: str) -> str:
    """A struct with its instance methods."""
    layout, name = world.layouts[type_], type_.token.removeprefix("valuetype ")
    text = [f".class public {layout} ansi sealed beforefieldinit {name} extends [System.Runtime]System.ValueType {{"]
    text.append(world.sizes[type_])
    for each in world.fields[type_]:
        place = "" if each.offset is None else f"[{each.offset}] "
        text.append(f".field {place}public {each.type.signature} {each.name}")
    return "\n".join(text) + f"\n{members}}}\n"


def class_text(world: World, info: ClassInfo, members: str) -> str:
    """A class with a constructor that takes its own fields, and ``members``."""
    base = "[System.Runtime]System.Object" if info.base is None else info.base.type.token
    interfaces = [b.token for b in info.type.bases if b in world.interfaces]
    implements = f" implements {', '.join(interfaces)}" if interfaces else ""
    text = [f".class public auto ansi beforefieldinit {info.type.token} extends {base}{implements} {{"]
    text += [f".field public {f.type.signature} {f.name}" for f in info.own]
    lines = ["ldarg.0"]
    for each in [] if info.base is None else info.base.own:
        lines += each.type.default
    inherited = "" if info.base is None else ", ".join(f.type.signature for f in info.base.own)
    lines.append(f"call instance void {base}::.ctor({inherited})")
    for index, each in enumerate(info.own):
        lines += ["ldarg.0", f"ldarg {index + 1}", f"stfld {each.reference}"]
    own = ", ".join(f.type.signature for f in info.own)
    head = f"public hidebysig specialname rtspecialname instance void .ctor({own})"
    return "\n".join(text) + "\n" + method(head, [*lines, "ret"]) + members + "}\n"


def interface_text(world: World, type_: CilType) -> str:
    """An interface."""
    text = f".class public interface abstract {type_.token} {{\n"
    for each in world.interfaces[type_]:
        parameters = ", ".join(p.signature for p in each.parameters)
        result = each.result.signature if each.result else "void"
        text += f".method public hidebysig newslot abstract virtual instance {result} {each.name}({parameters}) "
        text += "cil managed { }\n"
    return text + "}\n"


def delegate_texts(world: World, library: bool) -> str:
    """The delegate types of one assembly."""
    text = ""
    for each in world.delegates:
        if each.library == library:
            parameters = ", ".join(p.signature for p in each.parameters)
            result = each.result.signature if each.result else "void"
            base = "[System.Runtime]System.MulticastDelegate"
            text += f""".class public auto ansi sealed {each.type.token} extends {base} {{
.method public hidebysig specialname rtspecialname instance void .ctor(object o, native int f) runtime managed {{ }}
.method public hidebysig newslot virtual instance {result} Invoke({parameters}) runtime managed {{ }}
}}
"""
    return text


def statics_text(world: World, owner: str) -> str:
    """The static fields of one owner."""
    return "".join(f".field public static {f.type.signature} {f.name}\n" for f in world.statics if f.owner == owner)


def zeros_text(world: World, library: bool) -> str:
    """Static fields that nobody writes: the default values of structs."""
    fields = "".join(
        f".field public static {s.signature} {s.name}\n" for s in world.structs if ("[lib]" in s.token) == library
    )
    name = "[lib]Lib.Zero" if library else "Zero"
    return f".class public abstract sealed {name} extends [System.Runtime]System.Object {{\n{fields}}}\n"


# --- hashes -----------------------------------------------------------------------------------------------------------

MIX = method(
    "public static int64 Mix(int64 a, int64 b)",
    [
        "ldarg.0",
        "ldc.i8 31",
        "mul",
        "ldarg.1",
        "xor",
        "dup",
        "ldc.i4 29",
        "shr.un",
        "xor",
        "ldc.i8 -7046029254386353131",
        "mul",
        "ret",
    ],
)


def hash_call(type_: CilType) -> str:
    """The call that turns (value, depth) into an int64."""
    return f"call int64 H::h{type_.name}({type_.signature}, int32)"


def hash_texts(world: World) -> str:
    """Class ``H``: one hash function for each type of the program."""
    functions = [MIX, *(_hash(world, type_) for type_ in world.values(False))]
    return ".class public abstract sealed H extends [System.Runtime]System.Object {\n" + "".join(functions) + "}\n"


_MIX_CALL = "call int64 H::Mix(int64, int64)"


def _hash(world: World, type_: CilType) -> str:
    header = f"public static int64 h{type_.name}({type_.signature} v, int32 depth)"
    bits = "call int64 [System.Runtime.Extensions]System.BitConverter::DoubleToInt64Bits(float64)"
    if type_.stack in ("i4", "i8", "ni"):
        return method(header, ["ldarg.0", "conv.i8", "ret"])
    if type_.stack in ("r4", "r8"):
        # The bits of a NaN that an operation makes are not defined; of all others they are.
        nan = ["ldarg.0", "ldarg.0", "ceq", "brtrue N", "ldc.i8 77", "ret"]
        return method(header, [*nan, "N: ldarg.0", "conv.r8", bits, "ret"])
    if type_.stack == "val":
        lines = ["ldc.i8 11"]
        for index, each in enumerate(world.fields[type_]):
            load = "ldarga 0" if index % 2 else "ldarg.0"
            lines += [load, f"ldfld {each.reference}", "ldarg.1", hash_call(each.type), _MIX_CALL]
        return method(header, [*lines, "ret"])
    start = ["ldarg.0", "brtrue A", "ldc.i8 3", "ret", "A: ldarg.1", "ldc.i4.0", "bgt B", "ldc.i8 5", "ret", "B: nop"]
    deeper = ["ldarg.1", "ldc.i4.1", "sub"]
    if type_ is t.STRING:
        length = "callvirt instance int32 [System.Runtime]System.String::get_Length()"
        character = "callvirt instance char [System.Runtime]System.String::get_Chars(int32)"
        loop = ["ldarg.0", length, "conv.i8", "stloc.0", "br C"]
        loop += ["D: ldloc.0", "ldarg.0", "ldloc.1", character, "conv.u8", _MIX_CALL, "stloc.0"]
        loop += ["ldloc.1", "ldc.i4.1", "add", "stloc.1"]
        loop += ["C: ldloc.1", "ldarg.0", length, "blt D", "ldloc.0", "ret"]
        return method(header, start + loop, "int64, int32")
    if type_.element is not None:
        lines = ["ldarg.0", "ldlen", "conv.i8", "stloc.0"]
        for index in range(ELEMENTS_HASHED):
            lines += [f"ldc.i4 {index}", "ldarg.0", "ldlen", "conv.i4", "bge E"]
            lines += ["ldloc.0", "ldarg.0", f"ldc.i4 {index}", f"ldelem {type_.element.token}"]
            lines += [*deeper, hash_call(type_.element), _MIX_CALL, "stloc.0"]
        return method(header, [*start, *lines, "E: ldloc.0", "ret"], "int64")
    if type_ is t.OBJECT:
        return method(header, start + _hash_object(world, deeper))
    if type_ in world.interfaces:
        return method(header, [*start, "ldarg.0", *deeper, hash_call(t.OBJECT), "ret"])
    if any(d.type is type_ for d in world.delegates):
        return method(header, ["ldarg.0", "ldnull", "cgt.un", "conv.i8", "ret"])
    info = world.class_of(type_)
    lines = []
    for derived in world.classes:
        if derived.base is info:
            other = f"X{derived.type.name}"
            lines += ["ldarg.0", f"isinst {derived.type.token}", f"brfalse {other}"]
            lines += ["ldarg.0", f"castclass {derived.type.token}", "ldarg.1", hash_call(derived.type), "ret"]
            lines += [f"{other}: nop"]
    lines.append(f"ldc.i8 {len(info.fields) + 100}")
    for each in info.fields:
        lines += ["ldarg.0", f"ldfld {each.reference}", *deeper, hash_call(each.type), _MIX_CALL]
    return method(header, [*start, *lines, "ret"])


def _hash_object(world: World, deeper: list[str]) -> list[str]:
    lines: list[str] = []
    boxed = [*t.PRIMITIVES, *world.structs]
    for index, type_ in enumerate([t.STRING, world.classes[0].type, *world.arrays, *boxed]):
        lines += ["ldarg.0", f"isinst {type_.token}", f"brfalse Y{index}", "ldarg.0"]
        lines += [f"unbox.any {type_.token}" if type_.stack != "ref" else f"castclass {type_.token}"]
        lines += [*deeper, hash_call(type_), "ret", f"Y{index}: nop"]
    return [*lines, "ldc.i8 9", "ret"]
