"""A C# library made of parts that can be edited one by one, and the edits."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Program:
    """Source text in pieces; an edit changes one of them.

    ``number`` keeps what edits add distinct; ``choices``: the bodies that they choose from.
    """

    bodies: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    struct_fields: list[str] = field(default_factory=lambda: ["public int a;", "public object o;"])
    class_fields: list[str] = field(default_factory=lambda: ["protected int f;", "string s;", "static long g;"])
    flags: str = ""
    base: str = ""
    constant: int = 1
    number: int = 0
    choices: tuple[str, ...] = ()

    def source(self) -> str:
        methods = "\n".join(f"    public int M{index}(int x, S v) {{ {body} }}" for index, body in
                            enumerate(self.bodies))  # fmt: skip
        return _TEMPLATE.format(
            methods=methods,
            members="\n    ".join(self.members),
            types="\n".join(self.types),
            struct_fields=" ".join(self.struct_fields),
            class_fields=" ".join(self.class_fields),
            flags=self.flags,
            base=self.base,
            constant=self.constant,
        )


_TEMPLATE = """using System;
using System.Collections.Generic;
public enum E {{ X, Y }}
public interface I {{ int Get(int x); }}
public class Base {{ protected int b; public virtual int V(int x) {{ return x + b; }} }}
public class Other {{ public int p; public string q = "other"; }}
public struct S : I {{ {struct_fields} public int Get(int x) {{ return a + x; }} }}
public struct P<T> {{ public T t; public int n; public static P<T> Of(T t) {{ return new P<T> {{ t = t, n = 2 }}; }} }}
public {flags} class Main {base} {{
    {class_fields}
    const int C = {constant};
    {members}
{methods}
    public virtual int W(int x) {{ return x; }}
    static int Static(int x) {{ return x * 2; }}
    T Generic<T>(T t) {{ return t; }}
}}
{types}
"""

BODIES = (
    "return x + f;",
    "return v.Get(x) + v.a;",
    's = "text" + x; return s.Length;',
    "g += x; return (int)g;",
    "return W(x) + Static(x);",
    "var l = new List<int>(); l.Add(x); return l.Count;",
    "var p = P<int>.Of(x); return p.t + p.n;",
    "var p = P<S>.Of(v); return p.t.a;",
    "Func<int, int> d = Static; return d(x);",
    "try { return int.Parse(s); } catch (FormatException) { return C; }",
    "object o = v; return ((S)o).a + (o is Other ? 1 : 0);",
    "switch (x) { case 0: return 1; case 1: return f; case 2: return 3; case 3: return x; default: return C; }",
    "int sum = 0; for (int i = 0; i < x; i++) sum += i * f; return sum;",
    "return (E)x == E.Y ? 1 : Generic(x);",
    "var a = new int[] { 1, 2, 3, 4, 5, 6 }; return a[x];",
    "return new Other { p = x }.p + typeof(Other).Name.Length;",
    "Action a = () => f++; a(); return f;",
    "double q = x; return (int)Math.Sqrt(q);",
    "foreach (var c in s) x += c; return x;",
    "lock (this) { return x; }",
)


def _choose(source: random.Random, items: list[str]) -> int:
    return source.randrange(len(items))


def _body(program: Program, source: random.Random) -> None:
    program.bodies[_choose(source, program.bodies)] = source.choice(program.choices)


def _literal(program: Program, source: random.Random) -> None:
    program.bodies[_choose(source, program.bodies)] = f'return "literal {program.number}".Length + x;'


def _reference(program: Program, source: random.Random) -> None:
    call = source.choice(["Math.Max(x, 3)", "Math.Abs(x)", "Environment.TickCount", "new Random(x).Next()"])
    program.bodies[_choose(source, program.bodies)] = f"long z = {call}; return (int)z;"


def _member(program: Program, source: random.Random) -> None:
    text = source.choice(["void A{0}() {{ }}", "public virtual int A{0}(S v) {{ return v.a; }}", "static int A{0};",
                          "class A{0} {{ int x; }}", "int A{0} {{ get; set; }}",
                          "[Obsolete] void A{0}(Other o) {{ }}"])  # fmt: skip
    program.members.insert(source.randint(0, len(program.members)), text.format(program.number))


def _drop_member(program: Program, source: random.Random) -> None:
    if program.members:
        del program.members[_choose(source, program.members)]


def _type(program: Program, source: random.Random) -> None:
    program.types.append(f"class T{program.number} {{ int y; string z; public int Q() {{ return y; }} }}")


def _struct_field(program: Program, source: random.Random) -> None:
    if len(program.struct_fields) > 3:
        del program.struct_fields[-1]
    else:
        kind = source.choice(["int", "object", "byte", "double", "P<int>"])
        program.struct_fields.append(f"public {kind} k{program.number};")


def _class_field(program: Program, source: random.Random) -> None:
    kind = source.choice(["int", "string", "S", "byte"])
    program.class_fields.insert(source.randint(0, len(program.class_fields)), f"{kind} k{program.number};")


def _reorder(program: Program, source: random.Random) -> None:
    source.shuffle(program.class_fields)
    source.shuffle(program.members)


def _flags(program: Program, source: random.Random) -> None:
    program.flags = source.choice(["", "sealed", "partial"])


def _base(program: Program, source: random.Random) -> None:
    program.base = source.choice(["", ": Base", ": Base, IDisposable", ": IDisposable"])
    program.members = [member for member in program.members if "Dispose" not in member]
    if "IDisposable" in program.base:
        program.members.append("public void Dispose() { }")


def _constant(program: Program, source: random.Random) -> None:
    program.constant += 1


def _static_constructor(program: Program, source: random.Random) -> None:
    constructor = "static Main() { g = 3; }"
    if constructor in program.members:
        program.members.remove(constructor)
    else:
        program.members.append(constructor)


#: Name -> edit.
EDITS: dict[str, Callable[[Program, random.Random], None]] = {
    "body": _body,
    "literal": _literal,
    "reference": _reference,
    "member": _member,
    "drop_member": _drop_member,
    "type": _type,
    "struct_field": _struct_field,
    "class_field": _class_field,
    "reorder": _reorder,
    "flags": _flags,
    "base": _base,
    "constant": _constant,
    "static_constructor": _static_constructor,
}


def new_program(seed: int, methods: int = 30, choices: tuple[str, ...] = BODIES) -> Program:
    """A program with that many methods of random bodies."""
    source = random.Random(seed)
    return Program(bodies=[source.choice(choices) for _ in range(methods)], choices=choices)


def edit(program: Program, source: random.Random) -> str:
    """One random edit; its name."""
    program.number += 1
    name = source.choice(list(EDITS))
    EDITS[name](program, source)
    return name
