"""Generic types and methods of generated programs, and the forms in which expressions go through them.

What: :func:`generics_text` is the ilasm text of one set of declarations: a class with a static field, virtual and
generic virtual methods and a derived class, a generic interface, a struct of two, a delegate, and static generic
methods over all of them. :data:`FORMS` are the ways to send a value of any type through one and get it back.

Why apart: the code does not depend on chance; what it is instantiated over does, and so where its code comes from:
shared by reference types, or compiled for exactly these value types.

The library and the program each have a set. The program uses the library's over reference types only: resilient images
have no instances of other assemblies' generics, and the JIT would compile them.

>>> PICK.text("", I8.signature, I4.signature)
['call !!0 GM::Pick<int64>(!!0, !!0, int32)']
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.generator.declarations import method

_OBJECT = "[System.Runtime]System.Object"
_NEW = "public hidebysig specialname rtspecialname instance void .ctor"


@dataclass(frozen=True, slots=True)
class Form:
    """``arguments``: T for a value of the type, U for one of another, i for an int32; ``lines``: what follows them."""

    feature: str
    arguments: str
    lines: tuple[str, ...]

    def text(self, prefix: str, first: str, second: str) -> list[str]:
        """The lines, over these type arguments; ``prefix``: of the set's names."""
        return [line.replace("@", prefix).replace("%T", first).replace("%U", second) for line in self.lines]


_CELL = "class @Cell`1<%T>"
PICK = Form("generic methods", "TTi", ("call !!0 @GM::Pick<%T>(!!0, !!0, int32)",))
FORMS = (
    PICK,
    Form("generic methods", "T", ("call !!0 @GM::Through<%T>(!!0)",)),
    Form("generic methods", "Ti", ("call !!0 @GM::InArray<%T>(!!0, int32)",)),
    Form("generic methods", "Ti", ("call !!0 @GM::ByAddress<%T>(!!0, int32)",)),
    Form("generic methods", "Ti", ("call !!0 @GM::Guarded<%T>(!!0, int32)",)),
    Form("generic methods", "Ti", ("call !!0 @GM::OrDefault<%T>(!!0, int32)",)),
    Form("generic methods", "T", ("call !!0 @GM::Called<%T>(!!0)",)),
    Form("generic structs", "TU", ("call !!0 @GM::Turned<%T, %U>(!!0, !!1)",)),
    Form("generic classes", "T", (f"newobj instance void {_CELL}::.ctor(!0)", f"callvirt instance !0 {_CELL}::Get()")),
    Form("generic classes", "T", (f"call !0 {_CELL}::Keep(!0)",)),
    Form("generic classes", "T", (f"newobj instance void {_CELL}::.ctor(!0)", f"ldfld !0 {_CELL}::v")),
    Form(
        "generic virtual calls",
        "T",
        ("newobj instance void class @More`1<%T>::.ctor(!0)", f"callvirt instance !0 {_CELL}::Get()"),
    ),
    Form(
        "generic virtual calls",
        "T",
        (f"newobj instance void {_CELL}::.ctor(!0)", "callvirt instance !0 class @IGet`1<%T>::Get()"),
    ),
    Form("generic virtual calls", "UT", ("call !!1 @GM::Mapped<%U, %T>(!!0, !!1)",)),
)
#: Of any value, a string.
TEXT = Form("generic methods", "T", ("call string @GM::Text<%T>(!!0)",))


def is_generic(full_name: str) -> bool:
    """Whether ``Type::Method`` is one of these: its instances come into an image when compiled code needs them."""
    owner = full_name.partition("::")[0].removeprefix("Lib.")
    return owner == "GM" or "`" in owner


def generics_text(prefix: str) -> str:
    """The declarations of one assembly."""
    return "".join((_interface(), _delegate(), _cell(), _more(), _duo(), _methods())).replace("@", prefix)


def _interface() -> str:
    return """.class public interface abstract @IGet`1<T> {
.method public hidebysig newslot abstract virtual instance !0 Get() cil managed { }
}
"""


def _delegate() -> str:
    return f""".class public auto ansi sealed @Fn`1<T> extends [System.Runtime]System.MulticastDelegate {{
.method {_NEW}(object o, native int f) runtime managed {{ }}
.method public hidebysig newslot virtual instance !0 Invoke(!0 x) runtime managed {{ }}
}}
"""


def _cell() -> str:
    cell = "class @Cell`1<!0>"
    text = f".class public auto ansi beforefieldinit @Cell`1<T> extends {_OBJECT} implements class @IGet`1<!0> {{\n"
    text += ".field public !0 v\n.field public int32 n\n"
    text += ".field public static !0 last\n.field public static int64 count\n"
    text += method(
        f"{_NEW}(!0 v)",
        ["ldarg.0", f"call instance void {_OBJECT}::.ctor()", "ldarg.0", "ldarg.1", f"stfld !0 {cell}::v", "ret"],
    )
    text += method("public hidebysig newslot virtual instance !0 Get()", ["ldarg.0", f"ldfld !0 {cell}::v", "ret"])
    mapped = ["ldarg.1", "newobj instance void class @Cell`1<!!0>::.ctor(!0)"]
    mapped += ["callvirt instance !0 class @Cell`1<!!0>::Get()", "ret"]
    text += method("public hidebysig newslot virtual instance !!0 Map<U>(!!0 u)", mapped)
    keep = ["ldarg.0", f"stsfld !0 {cell}::last", f"ldsfld int64 {cell}::count", "ldc.i4.1", "conv.i8", "add"]
    keep += [f"stsfld int64 {cell}::count", f"ldsfld !0 {cell}::last", "ret"]
    return text + method("public hidebysig static !0 Keep(!0 x)", keep) + "}\n"


def _more() -> str:
    cell = "class @Cell`1<!0>"
    text = f".class public auto ansi beforefieldinit @More`1<T> extends {cell} {{\n.field public !0 w\n"
    more = "class @More`1<!0>"
    made = ["ldarg.0", "ldarg.1", f"call instance void {cell}::.ctor(!0)"]
    text += method(f"{_NEW}(!0 v)", [*made, "ldarg.0", "ldarg.1", f"stfld !0 {more}::w", "ret"])
    get = ["ldarg.0", f"ldflda !0 {more}::w", "ldarg.0", f"call instance !0 {cell}::Get()", "stobj !0"]
    get += ["ldarg.0", f"ldfld !0 {more}::w", "ret"]
    text += method("public hidebysig virtual instance !0 Get()", get)
    mapped = ["ldarg.0", "ldarg.1", f"call instance !!0 {cell}::Map<!!0>(!!0)", "box !!0", "unbox.any !!0", "ret"]
    return text + method("public hidebysig virtual instance !!0 Map<U>(!!0 u)", mapped) + "}\n"


def _duo() -> str:
    duo, turned = "valuetype @Duo`2<!0, !1>", "valuetype @Duo`2<!1, !0>"
    text = ".class public sequential ansi sealed beforefieldinit @Duo`2<A, B> "
    text += "extends [System.Runtime]System.ValueType {\n"
    text += ".field public !0 a\n.field public unsigned int8 n\n.field public !1 b\n"
    lines = ["ldloca 0", "ldarg.0", f"ldfld !1 {duo}::b", f"stfld !0 {turned}::a"]
    lines += ["ldloca 0", "ldarg.0", f"ldfld !0 {duo}::a", f"stfld !1 {turned}::b", "ldloc.0", "ret"]
    return text + method(f"public hidebysig instance {turned} Turn()", lines, f"{turned} r") + "}\n"


def _methods() -> str:
    text = f".class public abstract sealed @GM extends {_OBJECT} {{\n"
    pick = ["ldarg.2", "brtrue A", "ldarg.0", "ret", "A: ldarg.1", "ret"]
    text += method("public static !!0 Pick<T>(!!0 a, !!0 b, int32 c)", pick)
    text += method("public static !!0 Same<T>(!!0 x)", ["ldarg.0", "ret"])
    text += method("public static !!0 Through<T>(!!0 x)", ["ldarg.0", "box !!0", "unbox.any !!0", "ret"])
    at = ["ldloc.0", "ldarg.1", "ldc.i4.3", "and"]
    made = ["ldc.i4.4", "newarr !!0", "stloc.0"]
    text += method(
        "public static !!0 InArray<T>(!!0 x, int32 i)",
        [*made, *at, "ldarg.0", "stelem !!0", *at, "ldelem !!0", "ret"],
        "!!0[] a",
    )
    text += method(
        "public static !!0 ByAddress<T>(!!0 x, int32 i)",
        [*made, *at, "ldelema !!0", "ldarg.0", "stobj !!0", *at, "ldelema !!0", "ldobj !!0", "ret"],
        "!!0[] a",
    )
    text += method(
        "public static !!0 OrDefault<T>(!!0 x, int32 c)",
        ["ldloca 0", "initobj !!0", "ldarg.1", "ldc.i4.7", "and", "brfalse A", "ldarg.0", "ret", "A: ldloc.0", "ret"],
        "!!0 d",
    )
    called = ["ldnull", "ldftn !!0 @GM::Same<!!0>(!!0)"]
    called += ["newobj instance void class @Fn`1<!!0>::.ctor(object, native int)"]
    called += ["ldarg.0", "callvirt instance !0 class @Fn`1<!!0>::Invoke(!0)", "ret"]
    text += method("public static !!0 Called<T>(!!0 x)", called)
    duo = "valuetype @Duo`2<!!0, !!1>"
    turned = ["ldloca 0", "ldarg.0", f"stfld !0 {duo}::a", "ldloca 0", "ldarg.1", f"stfld !1 {duo}::b", "ldloca 0"]
    turned += [f"call instance valuetype @Duo`2<!1, !0> {duo}::Turn()", "stloc.1", "ldloc.1"]
    turned += ["ldfld !1 valuetype @Duo`2<!!1, !!0>::b", "ret"]
    text += method(
        "public static !!0 Turned<T, U>(!!0 x, !!1 y)", turned, f"{duo} d, valuetype @Duo`2<!!1, !!0> e"
    )
    mapped = ["ldarg.0", "newobj instance void class @More`1<!!0>::.ctor(!0)", "ldarg.1"]
    mapped += ["callvirt instance !!0 class @Cell`1<!!0>::Map<!!1>(!!0)", "ret"]
    text += method("public static !!1 Mapped<T, U>(!!0 x, !!1 y)", mapped)
    guarded = [".try {", ".try {", "ldarg.1", "ldc.i4.3", "and", "brtrue A"]
    guarded += ["newobj instance void [System.Runtime]System.InvalidOperationException::.ctor()", "throw"]
    guarded += ["A: ldarg.0", "stloc.0", "leave B", "} catch [System.Runtime]System.InvalidOperationException {"]
    guarded += ["pop", "ldarg.0", "newobj instance void class @Cell`1<!!0>::.ctor(!0)"]
    guarded += ["callvirt instance !0 class @Cell`1<!!0>::Get()", "stloc.0", "leave B", "}", "B: leave C"]
    guarded += ["} finally {", "ldloc.0", "call !0 class @Cell`1<!!0>::Keep(!0)", "pop", "endfinally", "}"]
    text += method("public static !!0 Guarded<T>(!!0 x, int32 c)", [*guarded, "C: ldloc.0", "ret"], "!!0 r")
    shown = ["ldarg.0", "box !!0", "brtrue A", 'ldstr "none"', "ret", "A: ldarga 0", "constrained. !!0"]
    shown += ["callvirt instance string [System.Runtime]System.Object::ToString()", "ret"]
    return text + method("public static string Text<T>(!!0 x)", shown) + "}\n"
