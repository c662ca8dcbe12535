"""A C# library in pieces, a program that uses most of them, and the ten kinds of edits of the library.

The library is text in lists, so that an edit is a change of one item; the program (the *dependent*) is written once,
for the library as it was, and never compiled from source again: exactly what happens to an assembly whose reference is
updated. About two thirds of the members are used.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

_numbers = count(1)


@dataclass(slots=True)
class Member:
    """A method, field or property: ``attributes flags type name(parameters) body``.

    ``type`` empty: a constructor or something that is not retyped. ``use``: a statement of the dependent.
    """

    name: str
    flags: str
    type: str = ""
    parameters: list[str] | None = None  # "int x"; None: a field
    body: str = ""
    use: str = ""
    attributes: str = ""
    is_small: bool = False  # something that a compiler would inline

    def __str__(self) -> str:
        text = f"{self.attributes} {self.flags} {self.type} {self.name}"
        if self.parameters is not None:
            text += f"({', '.join(self.parameters)})"
        return f"    {text}{self.body}"


@dataclass(slots=True)
class Type:
    """A class or struct."""

    head: str
    members: list[Member]
    attributes: str = ""
    is_struct: bool = False
    can_move: bool = False

    def __str__(self) -> str:
        return "\n".join([f"{self.attributes} {self.head} {{", *map(str, self.members), "}"])

    @property
    def name(self) -> str:
        return self.head.split(":")[0].split()[-1].split("<")[0]


@dataclass(slots=True)
class Library:
    """``moved``: types that another assembly, Base, defines by now; the library forwards to them."""

    types: list[Type]
    constants: dict[str, int] = field(default_factory=dict)
    assembly_attributes: list[str] = field(default_factory=list)
    moved: list[Type] = field(default_factory=list)

    def source(self) -> str:
        """C# of the library."""
        forwarded = "[assembly: System.Runtime.CompilerServices.TypeForwardedTo(typeof({}))]"
        forwarders = [forwarded.format(each.name) for each in self.moved]
        late = sum(self.constants.values())
        constants = "\n".join(f"    public const int {name} = {value};" for name, value in self.constants.items())
        enum = ", ".join(f"{name} = {value}" for name, value in self.constants.items())
        return "\n".join(
            [
                "using System;",
                *forwarders,
                *self.assembly_attributes,
                *map(str, self.types),
                f"public static class Constants {{\n{constants}\n    public static readonly int Late = {late}; }}",
                f"public enum Choice {{ {enum} }}",
                _FIXED,
            ]
        )

    def base_source(self) -> str:
        """C# of Base."""
        return "\n".join(["public class Anchor { }", *map(str, self.moved)])

    def dependent_source(self) -> str:
        """C# of the program that uses the library."""
        uses = [member.use for each in self.types for member in each.members if member.use]
        methods = "\n".join(f"    public static object U{number}(int x) {{ {use} }}" for number, use in enumerate(uses))
        return _DEPENDENT.replace("/*uses*/", methods)

    def methods(self) -> list[Member]:
        return [member for each in self.types for member in each.members if member.parameters is not None]


# Types that edits leave alone, for shapes that lists do not cover.
_FIXED = """
public interface IShape { int Area(int x); }
public delegate int Change(int x);
public class Marker : Attribute { public Marker() { } public Marker(int number) { } public string Text; }
"""

_DEPENDENT = """
using System;
using System.Collections.Generic;
public class Derived : Open { int own; string text; public Derived(int x) { own = x; }
    public override int Virtual(int x) { return base.Virtual(x) + own; } public int Sum() { return own + Inherited; } }
public class Shape : IShape { public int Area(int x) { return x * 2; } }
public struct Wrapper { public Pair pair; public int more; public Mixed mixed; }
public class Holder { public Pair pair; public object o; public Tiny tiny; public Pair[] pairs; }
public static class Uses {
/*uses*/
    public static int Enum(Choice c)
    { switch (c) { case Choice.A: return 1; case Choice.B: return Constants.A; default: return Constants.Late; } }
    public static int Wrap(Wrapper w) { return w.more + w.pair.Left; }
    public static Wrapper Make(Holder h) { var w = new Wrapper(); w.pair = h.pair; w.more = h.tiny.Value; return w; }
    public static int Generic(int x) { var list = new List<string>(); list.Add("a"); return list.Count + x; }
    public static int Array(Holder h, int x) { return h.pairs[x].Left; }
    public static bool Cast(object o) { return o is Closed || o is IShape || o is Pair; }
    public static int Shaped(IShape s) { return s.Area(2); }
    public static object Box(Pair p) { return p; }
    public static Pair Unbox(object o) { return (Pair)o; }
    public static int Delegated(Change c) { return c(3); }
    public static int Try(Open o) { try { return o.Virtual(1); } catch (Failure f) { return f.Code; } }
    public static Mixed Pass(Mixed m, Pair p, ref Tiny t) { t.Value += p.Left; return m; }
    public static int Sum(Pair[] all) { int sum = 0; foreach (var p in all) sum += p.Left; return sum; }
}
"""

_ATTRIBUTES = (
    "[Obsolete]", "[Marker]", "[Marker(3)]", '[Marker(Text = "a")]', "[System.Diagnostics.DebuggerHidden]",
    "[System.ComponentModel.EditorBrowsable(System.ComponentModel.EditorBrowsableState.Never)]",
)  # fmt: skip


def _method(name: str, flags: str, use: str, result: str = "int", body: str = "", **kw: object) -> Member:
    long_body = " { int sum = x; for (int i = 0; i < x; i++) sum += i * 3; return sum; }"
    return Member(name, flags, result, ["int x"], body or long_body, use, **kw)  # type: ignore[arg-type]


def new_library(source: random.Random) -> Library:
    """The library; ``source`` decides which members the dependent uses."""

    def maybe(use: str) -> str:
        return use if source.random() < 0.67 else ""

    def field_(flags: str, type_: str, name: str, use: str = "") -> Member:
        return Member(name, flags, type_, None, ";", maybe(use) if use else "")

    def method(name: str, flags: str, use: str, **kw: object) -> Member:
        return _method(name, flags, maybe(use), **kw)  # type: ignore[arg-type]

    small = {"body": " { return x + 1; }", "is_small": True}
    open_class = Type(
        "public class Open",
        [
            field_("private", "int", "secret"),
            field_("private", "string", "hidden"),
            field_("public", "int", "Shown", "var o = new Open(); o.Shown = x; return o.Shown;"),
            field_("protected", "int", "Inherited"),
            field_("public", "Pair", "Both", "return new Open().Both.Left;"),
            field_("public static", "int", "Shared", "Open.Shared += x; return Open.Shared;"),
            field_("private static", "long", "quiet"),
            Member("Open", "public", "", [], " { }"),
            method("Instance", "public", "return new Open().Instance(x);"),
            _method("Virtual", "public virtual", ""),
            method("Other", "public virtual", "return new Open().Other(x);"),
            method("Small", "public", "return new Open().Small(x);", **small),
            method("Static", "public static", "return Open.Static(x);"),
            method("Fast", "public static", "return Open.Fast(x);", **small,
                   attributes="[System.Runtime.CompilerServices.MethodImpl("
                   "System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]"),
            method("Long", "public static", "return Open.Long(x);", result="long"),
            method("Private", "private", ""),
            method("Internal", "internal", ""),
        ],
    )  # fmt: skip
    closed = Type(
        "public sealed class Closed : Open",
        [
            field_("private", "byte", "flag"),
            field_("private", "Tiny", "tiny"),
            field_("public", "long", "Number", "return new Closed().Number;"),
            field_("public", "object", "Thing", "return new Closed().Thing;"),
            method("Virtual", "public override", "return new Closed().Virtual(x);"),
            method("Sealed", "public", "return new Closed().Sealed(x);"),
            method("Peek", "public", "return new Closed().Peek(x);", **small),
        ],
    )
    pair = Type(
        "public struct Pair : IShape",
        [
            field_("public", "int", "Left", "var p = new Pair(); p.Left = x; return p.Left;"),
            field_("private", "int", "right"),
            field_("private", "object", "tag"),
            field_("public static", "int", "Count", "return Pair.Count;"),
            method("Area", "public", "return new Pair().Area(x);"),
            method("Get", "public", "var p = new Pair(); return p.Get(x);", **small),
        ],
        is_struct=True,
    )
    tiny = Type(
        "public struct Tiny",
        [
            field_("public", "int", "Value", "var t = new Tiny(); t.Value = x; return t.Value;"),
            field_("private", "short", "rest"),
            method("Twice", "public", "return new Tiny().Twice(x);", **small),
        ],
        is_struct=True,
    )
    mixed = Type(
        "public struct Mixed",
        [
            field_("public", "double", "Real", "return new Mixed().Real;"),
            field_("private", "Tiny", "inner"),
            field_("private", "byte", "mark"),
            method("Measure", "public", "return new Mixed().Measure(x);"),
        ],
        is_struct=True,
    )
    box = Type(
        "public class Box<T>",
        [
            field_("public", "T", "Item", 'var b = new Box<string>(); b.Item = "a"; return b.Item;'),
            field_("private", "int", "count"),
            field_("private static", "T", "last"),
            method("Put", "public", "return new Box<string>().Put(x);"),
            method("Kept", "public static", "return Box<Pair>.Kept(x);"),
        ],
    )
    failure = Type(
        "public class Failure : Exception", [field_("public", "int", "Code"), field_("private", "int", "why")]
    )
    movable = [
        Type(
            f"public {kind} Moved{number}",
            [
                Member("Value", "public", "int", None, ";", maybe(f"var m = new Moved{number}(); return m.Value;")),
                _method("Step", "public", maybe(f"var m = new Moved{number}(); return m.Step(x);")),
            ],
            is_struct=kind == "struct",
            can_move=True,
        )
        for number, kind in enumerate(("class", "struct", "sealed class", "struct", "class"))
    ]
    types = [open_class, closed, pair, tiny, mixed, box, failure, *movable]
    return Library(types, {"A": 1, "B": 5, "C": 9})


# ---- edits ---------------------------------------------------------------------------------------------------------


def _body(library: Library, source: random.Random) -> None:
    method = source.choice([m for m in library.methods() if not m.is_small and "{ }" not in m.body])
    method.body = f" {{ int other = x * {next(_numbers)}; while (other > 100) other /= 3; return other; }}"


def _inlineable_body(library: Library, source: random.Random) -> None:
    method = source.choice([m for m in library.methods() if m.is_small])
    method.body = f" {{ return x + {1 + next(_numbers)}; }}"


def _fields(library: Library, source: random.Random, is_struct: bool) -> None:
    each = source.choice([t for t in library.types if t.is_struct == is_struct and not t.can_move])
    private = [m for m in each.members if m.parameters is None and m.flags == "private"]
    kind = source.choice(["int", "byte", "object", "double", "Choice", "long"])
    action = source.choice(["add", "retype", "remove"])
    if action == "add":
        at = source.randrange(len(each.members))
        each.members.insert(at, Member(f"added{next(_numbers)}", "private", kind, None, ";"))
    elif action == "retype":
        chosen = source.choice(private)
        chosen.type = source.choice([k for k in ("int", "byte", "object", "double", "long") if k != chosen.type])
    else:
        each.members.remove(source.choice(private))


def _class_field(library: Library, source: random.Random) -> None:
    _fields(library, source, False)


def _struct_field(library: Library, source: random.Random) -> None:
    _fields(library, source, True)


def _signature(library: Library, source: random.Random) -> None:
    methods = [m for m in library.methods() if m.type and "virtual" not in m.flags and "override" not in m.flags]
    chosen = source.choice([m for m in methods if m.name != "Area"])
    action = source.choice(["parameter", "more", "result", "access", "static"])
    if action == "parameter":
        chosen.parameters = ["long y"]
        chosen.body = " { int x = (int)y; " + chosen.body.lstrip(" {")
    elif action == "more":
        chosen.parameters = [*(chosen.parameters or ()), "byte more"]
    elif action == "result":
        chosen.type = "double" if chosen.type != "double" else "int"
    elif action == "access":
        chosen.flags = chosen.flags.replace("public", "internal") if "public" in chosen.flags else "public"
    elif "static" in chosen.flags:
        chosen.flags = chosen.flags.replace(" static", "")
    else:
        chosen.flags += " static"


def _constant(library: Library, source: random.Random) -> None:
    library.constants[source.choice(list(library.constants))] += 100 + next(_numbers)


def _attribute(library: Library, source: random.Random) -> None:
    attribute = source.choice(_ATTRIBUTES)
    where = source.choice(["type", "member", "parameter", "assembly"])
    if where == "type":
        chosen = source.choice(library.types)
        chosen.attributes += "[Serializable]" if "Debugger" in attribute else attribute
    elif where == "member":
        methods = library.methods()
        source.choice([m for m in methods if m.type] if "Debugger" in attribute else methods).attributes += attribute
    elif where == "parameter":
        method = source.choice([m for m in library.methods() if m.parameters])
        method.parameters = [f"[Marker({next(_numbers)})] {each}" for each in method.parameters or ()]
    else:
        library.assembly_attributes.append(f'[assembly: System.Reflection.AssemblyTitle("t{next(_numbers)}")]')


def _new_member(library: Library, source: random.Random) -> None:
    number = next(_numbers)
    text = source.choice(
        [
            f"public int New{number}(int x) {{ return x; }}",
            f"public static string New{number}() {{ return null; }}",
            f"internal int New{number}(int x) {{ return x; }}",
            f"public static int New{number};",
            f"public int New{number} {{ get {{ return 1; }} }}",
            f"public class New{number} {{ public int a; }}",
            f"public enum New{number} {{ A, B }}",
            f'public const string New{number} = "a";',
            f"public T New{number}<U>(U x) {{ return default(T); }}".replace("T", "int"),
        ]
    )
    each = source.choice(library.types)
    if source.random() < 0.15:
        library.types.append(Type(f"public class Extra{number}", [Member(text, "")]))
    elif source.random() < 0.15 and not each.is_struct and "sealed" not in each.head:
        each.members.insert(0, Member(f"public virtual int New{number}(int x) {{ return x; }}", ""))
    else:
        each.members.insert(source.randint(0, len(each.members)), Member(text, ""))


def _reorder(library: Library, source: random.Random) -> None:
    """Members of classes, methods and static fields of structs, and types."""
    each = source.choice(library.types)
    if each.is_struct:
        fields = [m for m in each.members if m.parameters is None and "static" not in m.flags]
        others = [m for m in each.members if m not in fields]
        source.shuffle(others)
        each.members = [*others, *fields]
    else:
        before = list(each.members)
        while each.members == before:
            source.shuffle(each.members)
    if source.random() < 0.3:
        source.shuffle(library.types)


def _forwarder(library: Library, source: random.Random) -> None:
    chosen = source.choice([each for each in library.types if each.can_move])
    library.types.remove(chosen)
    library.moved.append(chosen)


#: Name -> edit, in the issue's order.
EDITS: dict[str, Callable[[Library, random.Random], None]] = {
    "body": _body,
    "private field of a class": _class_field,
    "private field of a struct": _struct_field,
    "signature": _signature,
    "constant": _constant,
    "attribute": _attribute,
    "new member": _new_member,
    "reordered members": _reorder,
    "inlineable body": _inlineable_body,
    "forwarder": _forwarder,
}
