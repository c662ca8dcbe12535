"""Random expressions: for each stack kind the forms that push a value of it.

Invariants: every expression terminates; behaviour that CIL leaves undefined is never generated: shift counts are
masked, NaN bits are not looked at, pointers always point into a live variable, field or element.

>>> Expressions(...).expression(I4, 3)
Node(parts=[Node(...), Node(...), 'add'], type=I4)
"""

from __future__ import annotations

import random
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.generator import generics
from tests.generator import types as t
from tests.generator.tree import Node
from tests.generator.types import NARROWING, STACK_TYPES, CilType
from tests.generator.world import Callee, Field, World, is_library

EDGES_32 = (0, 1, -1, 2, 7, 31, 32, 127, 128, 255, 256, -128, -129, 32767, 32768, 65535, 65536, 2**31 - 1, -(2**31))
EDGES_64 = (*EDGES_32, 2**31, 2**32 - 1, 2**32, -(2**31) - 1, 2**63 - 1, -(2**63), 2**53 + 1, -(2**32))
EDGES_FLOAT = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, -1.5, 2.5, 127.5, 255.9, -128.7, 65535.5, 1e10, -1e10, 2147483647.0, 2147483648.0),
    *(-2147483649.0, 4294967295.0, 4294967296.0, 9.2e18, 9223372036854775808.0, -9223372036854775808.0, 1.8e19),
    *(
        18446744073709551616.0,
        1e300,
        -1e300,
        5e-324,
        3.4028235e38,
        16777217.0,
        float("inf"),
        float("-inf"),
        float("nan"),
    ),
)
_BINARY = ("add", "sub", "mul", "and", "or", "xor", "add", "sub", "and", "xor")
_OVERFLOW = ("add.ovf", "sub.ovf", "mul.ovf", "add.ovf.un", "sub.ovf.un", "mul.ovf.un")
_DIVIDE = ("div", "rem", "div.un", "rem.un")
_SHIFT = ("shl", "shr", "shr.un")
_CONVERT = {
    "i4": ("i1", "u1", "i2", "u2", "i4", "u4"),
    "i8": ("i8", "u8"),
    "ni": ("i", "u"),
}
#: What sets the sign, and the forms of conv.ovf.*.un whose results can hold such a number.
_SIGN_BIT = {
    "i4": ("ldc.i4 0x80000000",),
    "i8": ("ldc.i8 0x8000000000000000",),
    "ni": ("ldc.i8 0x8000000000000000", "conv.i"),
}
_HOLDS_UNSIGNED = {"i4": ("u4", "i8", "u8", "i", "u"), "i8": ("u8", "u"), "ni": ("u8", "u")}
_COMPARE = ("ceq", "cgt", "cgt.un", "clt", "clt.un")
_BRANCH = ("beq", "bne.un", "bge", "bgt", "ble", "blt", "bge.un", "bgt.un", "ble.un", "blt.un")
_NUMBERS = ("i4", "i8", "ni", "r4", "r8")


def _float(value: float, type_: CilType) -> Node:
    bits = struct.pack("<f" if type_.stack == "r4" else "<d", value)
    return Node([f"ldc.{type_.stack} ({bits.hex(' ')})"], type_)


@dataclass(slots=True, eq=False)
class Variable:
    """A local or argument. ``writable`` false: a loop counter; its address is not taken either."""

    kind: str
    index: int
    type: CilType
    writable: bool = True

    @property
    def load(self) -> str:
        return f"ld{self.kind} {self.index}"

    @property
    def address(self) -> str:
        return f"ld{self.kind}a {self.index}"

    @property
    def store(self) -> str:
        return f"st{self.kind} {self.index}"


class Expressions:
    """What one method body is made with. ``budget`` bounds its size, in nodes."""

    def __init__(self, world: World, rng: random.Random, callees: Sequence[Callee], library: bool, budget: int) -> None:
        self.world = world
        self.rng = rng
        self.library = library
        self.callees = [c for c in callees if c.library or not library]
        self.statics = [f for f in world.statics if "[lib]" in f.owner or not library]
        self.budget = budget
        self.variables: list[Variable] = []
        self.locals: list[CilType] = []
        self.features: Counter[str] = Counter()
        self.inside = 0  # above 0: something may be on the evaluation stack
        self.labels = 0

    # --- helpers ------------------------------------------------------------------------------------------------------

    def label(self) -> str:
        """A new label."""
        self.labels += 1
        return f"L{self.labels}"

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def note(self, feature: str) -> None:
        """Counts a feature of this method."""
        self.features[feature] += 1

    def new_local(self, type_: CilType, writable: bool = True) -> Variable:
        """A further local."""
        variable = Variable("loc", len(self.locals), type_, writable)
        self.locals.append(type_)
        self.variables.append(variable)
        return variable

    def usable(self, type_: CilType) -> bool:
        """Whether this method's assembly can name the type."""
        return not self.library or is_library(type_)

    def places(self, accept: Callable[[CilType], bool]) -> tuple[list[Variable], list[Field]]:
        """Variables and statics whose type is accepted."""
        return [v for v in self.variables if accept(v.type)], [f for f in self.statics if accept(f.type)]

    def object(self, type_: CilType, depth: int) -> Node:
        """A reference that is nearly never null: with a test that replaces null by something new."""
        value = self.expression(type_, depth)
        if self.chance(0.04) or (len(value.parts) > 1 and any(isinstance(p, str) and "new" in p for p in value.parts)):
            return value
        present = self.label()
        return Node([value, "dup", f"brtrue {present}", "pop", self.fresh(type_, 0), f"{present}: nop"], type_)

    # --- entry points -------------------------------------------------------------------------------------------------

    def expression(self, type_: CilType, depth: int) -> Node:
        """Pushes a value of ``type_`` (of its stack kind, for numbers)."""
        self.budget -= 1
        self.inside += 1
        try:
            if type_.stack == "byref":
                assert type_.element is not None
                return self.byref(type_.element, depth)
            if depth <= 0 or self.budget <= 0:
                return self.leaf(type_)
            if type_.stack in STACK_TYPES:
                return self._number(STACK_TYPES[type_.stack], depth - 1)
            if type_.stack == "val":
                return self._struct(type_, depth - 1)
            return self._reference(type_, depth - 1)
        finally:
            self.inside -= 1

    def leaf(self, type_: CilType) -> Node:
        """A constant, variable or static."""
        if type_.stack in STACK_TYPES:
            stack = STACK_TYPES[type_.stack]
            variables, statics = self.places(lambda x: x.stack == type_.stack)
            if self.chance(0.4) or (not variables and not statics):
                return self.constant(stack)
            return Node([self._place(variables, statics)], stack)
        variables, statics = self.places(lambda x: self.world.converts(x, type_))
        if (variables or statics) and self.chance(0.93):
            return Node([self._place(variables, statics)], type_)
        if type_.stack == "ref" and self.chance(0.85):
            return self.fresh(type_, 0)
        return Node(list(type_.default), type_)

    def _place(self, variables: Sequence[Variable], statics: Sequence[Field]) -> str:
        if variables and (not statics or self.chance(0.7)):
            return self.rng.choice(variables).load
        prefix = "volatile. " if self.chance(0.04) else ""
        return f"{prefix}ldsfld {self.rng.choice(statics).reference}"

    def constant(self, type_: CilType) -> Node:
        """A number, often at an edge."""
        rng = self.rng
        stack = type_.stack
        self.note("edge values")
        if stack == "r4" or stack == "r8":
            value = rng.choice(EDGES_FLOAT) if self.chance(0.6) else rng.uniform(-1000, 1000)
            if stack == "r4" and abs(value) > 3.4028235e38:
                value = 3.4028235e38 if value != value or abs(value) != float("inf") else value
            return _float(value, type_)
        if stack == "i8":
            value_64 = rng.choice(EDGES_64) if self.chance(0.6) else rng.getrandbits(64) - 2**63
            return Node([f"ldc.i8 {value_64}"], type_)
        value_32 = rng.choice(EDGES_32) if self.chance(0.6) else rng.randint(-1000, 1000)
        return Node([f"ldc.i4 {value_32}", *(["conv.i"] if stack == "ni" else [])], type_)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def _number(self, type_: CilType, depth: int) -> Node:
        stack = type_.stack
        forms: list[tuple[int, Callable[[CilType, int], Node]]] = [
            (30, self._binary),
            (8, self._unary),
            (16, self._conversion),
            *self._common(),
        ]
        if stack in ("i4", "i8", "ni"):
            forms += [(7, self._divide), (8, self._shift), (5, self._overflow)]
        if stack == "i4":
            forms += [(12, self._comparison), (6, self._small_facts)]
        return self._choose(forms, type_, depth)

    def _common(self) -> list[tuple[int, Callable[[CilType, int], Node]]]:
        return [
            (8, self.leaf_form),
            (9, self._conditional),
            (10, self._field),
            (10, self._element),
            (10, self._indirect),
            (12, self._call),
            (4, self._assigned),
            (3, self._after_statement),
            (3, self._unboxed),
            (2, self._switch_value),
            (6, self._generic),
        ]

    def _choose(self, forms: Sequence[tuple[int, Callable[[CilType, int], Node]]], type_: CilType, depth: int) -> Node:
        return self.rng.choices([f for _, f in forms], [w for w, _ in forms])[0](type_, depth)

    def leaf_form(self, type_: CilType, depth: int) -> Node:
        return self.leaf(type_)

    def _binary(self, type_: CilType, depth: int) -> Node:
        if type_.stack in ("r4", "r8"):
            operation = self.rng.choice(("add", "sub", "mul", "div", "rem"))
            right = type_
            if type_ is t.R8 and self.chance(0.1):
                right = t.R4
        else:
            operation = self.rng.choice(_BINARY)
            right = t.I4 if type_ is t.NI and self.chance(0.3) else type_
        left = self.expression(type_, depth)
        if self.chance(0.05):
            return Node([left, "dup", operation], type_)
        return Node([left, self.expression(right, depth), operation], type_)

    def _overflow(self, type_: CilType, depth: int) -> Node:
        self.note("overflow checks")
        operation = self.rng.choice(_OVERFLOW)
        if self.chance(0.97):  # operands so small that it nearly always succeeds
            small = ["ldc.i4 127", *{"i4": [], "i8": ["conv.i8"], "ni": ["conv.i"]}[type_.stack], "and"]
            some = {"i4": "ldc.i4 127", "i8": "ldc.i8 255", "ni": "ldc.i4 150"}[type_.stack]
            if operation.startswith("sub"):
                return Node([some, self.expression(type_, depth), *small, operation], type_)
            return Node([self.expression(type_, depth), *small, some, operation], type_)
        return Node([self.expression(type_, depth), self.expression(type_, depth), operation], type_)

    def _divide(self, type_: CilType, depth: int) -> Node:
        self.note("divisions")
        divisor: list[str | Node] = [self.expression(type_, depth)]
        if self.chance(0.97):
            divisor += [{"i4": "ldc.i4 1", "i8": "ldc.i8 1", "ni": "ldc.i4 1"}[type_.stack], "or"]
        return Node([self.expression(type_, depth), *divisor, self.rng.choice(_DIVIDE)], type_)

    def _shift(self, type_: CilType, depth: int) -> Node:
        bits = 31 if type_.stack == "i4" else 63
        value = self.expression(type_, depth)
        operation = self.rng.choice(_SHIFT)
        if self.chance(0.5):
            return Node([value, f"ldc.i4 {self.rng.choice([0, 1, bits, self.rng.randint(0, bits)])}", operation], type_)
        return Node([value, self.expression(t.I4, depth), f"ldc.i4 {bits}", "and", operation], type_)

    def _unary(self, type_: CilType, depth: int) -> Node:
        operations = ("neg",) if type_.stack in ("r4", "r8") else ("neg", "not")
        if type_.stack in ("r4", "r8") and self.chance(0.02):
            operations = ("ckfinite",)
        return Node([self.expression(type_, depth), self.rng.choice(operations)], type_)

    def _conversion(self, type_: CilType, depth: int) -> Node:
        self.note("conversions")
        source = STACK_TYPES[self.rng.choice(_NUMBERS)]
        value = self.expression(source, depth)
        if type_.stack in ("r4", "r8"):
            if source.stack in ("i4", "i8", "ni") and self.chance(0.3):
                return Node([value, "conv.r.un", f"conv.{type_.stack}"], type_)
            return Node([value, f"conv.{type_.stack}"], type_)
        if source.stack in _SIGN_BIT and self.chance(0.1):
            return self._unsigned_conversion(type_, value)
        form = self.rng.choice(_CONVERT[type_.stack])
        if self.chance(0.15):
            self.note("overflow checks")
            if source.stack in ("i4", "i8", "ni") and self.chance(0.8):
                mask = {"i4": ["ldc.i4 127"], "i8": ["ldc.i8 127"], "ni": ["ldc.i4 127"]}[source.stack]
                value = Node([value, *mask, "and"], source)
            elif source.stack in ("r4", "r8") and self.chance(0.85):
                value = _float(self.rng.choice([0.0, 1.5, 100.9]), source)
            elif self.chance(0.5):
                value = self.constant(source)
            return Node([value, f"conv.ovf.{form}{self.rng.choice(('', '.un'))}"], type_)
        return Node([value, f"conv.{form}"], type_)

    def _unsigned_conversion(self, type_: CilType, value: Node) -> Node:
        """``conv.ovf.*.un`` of a number whose highest bit is set, to something that can hold it as unsigned."""
        assert value.type is not None
        self.note("overflow checks")
        self.note("unsigned overflow checks")
        forms = [form for form in _CONVERT[type_.stack] if form in _HOLDS_UNSIGNED[value.type.stack]]
        if not forms:  # a number of 64 bits, to 32
            forms = list(_CONVERT[type_.stack])
        high = _SIGN_BIT[value.type.stack]
        return Node([value, *high, "or", f"conv.ovf.{self.rng.choice(forms)}.un"], type_)

    def _comparison(self, type_: CilType, depth: int) -> Node:
        roll = self.rng.random()
        if roll < 0.1:
            return Node([self.expression(t.OBJECT, depth), self.expression(t.OBJECT, depth), "ceq"], t.I4)
        if roll < 0.15:
            return Node([self.expression(t.OBJECT, depth), "ldnull", self.rng.choice(("ceq", "cgt.un"))], t.I4)
        if roll < 0.22:
            element = self._some_byref_element()
            self.note("byrefs")
            return Node([self.byref(element, depth), self.byref(element, depth), "ceq"], t.I4)
        left, right = self._operands(depth)
        return Node([left, right, self.rng.choice(_COMPARE)], t.I4)

    def _operands(self, depth: int) -> tuple[Node, Node]:
        stack = self.rng.choice(_NUMBERS)
        other = stack
        if stack in ("r4", "r8") and self.chance(0.15):
            other = self.rng.choice(("r4", "r8"))
        elif stack in ("i4", "ni") and self.chance(0.15):
            other = self.rng.choice(("i4", "ni"))
        return self.expression(STACK_TYPES[stack], depth), self.expression(STACK_TYPES[other], depth)

    def _small_facts(self, type_: CilType, depth: int) -> Node:
        roll = self.rng.randrange(5)
        if roll == 0:
            return Node([self.object(self._array(), depth), "ldlen", "conv.i4"], t.I4)
        if roll == 1:
            text = self.object(t.STRING, depth)
            return Node([text, "callvirt instance int32 [System.Runtime]System.String::get_Length()"], t.I4)
        if roll == 2:
            candidates = [x for x in (*t.PRIMITIVES, *self.world.structs) if self.usable(x)]
            return Node([f"sizeof {self.rng.choice(candidates).token}"], t.I4)
        if roll == 3:
            target = self.rng.choice([x for x in self.world.values(False) if self.usable(x) and x.stack == "ref"])
            self.note("casts")
            return Node([self.expression(t.OBJECT, depth), f"isinst {target.token}", "ldnull", "cgt.un"], t.I4)
        text = self.expression(t.STRING, depth)
        index: list[str | Node] = ["ldc.i4 0"] if self.chance(0.97) else [self.expression(t.I4, depth)]
        if self.chance(0.95):
            text = Node(
                ['ldstr "!"', text, "call string [System.Runtime]System.String::Concat(string, string)"], t.STRING
            )
        return Node([text, *index, "callvirt instance char [System.Runtime]System.String::get_Chars(int32)"], t.I4)

    # --- forms for all types ------------------------------------------------------------------------------------------

    def branch(self, target: str, depth: int) -> Node:
        """Jumps to ``target`` or falls through."""
        roll = self.rng.random()
        if roll < 0.25:
            return Node([self.expression(t.I4, depth), f"{self.rng.choice(('brtrue', 'brfalse'))} {target}"])
        if roll < 0.35:
            return Node([self.expression(t.OBJECT, depth), f"{self.rng.choice(('brtrue', 'brfalse'))} {target}"])
        left, right = self._operands(depth)
        return Node([left, right, f"{self.rng.choice(_BRANCH)} {target}"])

    def _conditional(self, type_: CilType, depth: int) -> Node:
        self.note("values across branches")
        other, end = self.label(), self.label()
        then, otherwise = self.expression(type_, depth), self.expression(type_, depth)
        return Node([self.branch(other, depth), then, f"br {end}", f"{other}: nop", otherwise, f"{end}: nop"], type_)

    def _switch_value(self, type_: CilType, depth: int) -> Node:
        self.note("switches")
        count = self.rng.choice([1, 2, 3])
        labels = [self.label() for _ in range(count)]
        end = self.label()
        parts: list[str | Node] = [self.expression(t.I4, depth), "ldc.i4 3", "and", f"switch ({', '.join(labels)})"]
        parts += [self.expression(type_, depth - 1)]
        for label in labels:
            parts += [f"br {end}", f"{label}: nop", self.expression(type_, depth - 1)]
        return Node([*parts, f"{end}: nop"], type_)

    def _prefix(self) -> str:
        roll = self.rng.random()
        return "volatile. " if roll < 0.04 else "unaligned. 1 " if roll < 0.07 else ""

    def _matching(self, type_: CilType, candidates: Sequence[Field]) -> list[Field]:
        """Fields that can stand for a value of ``type_``."""
        if type_.stack in STACK_TYPES:
            return [f for f in candidates if f.type.stack == type_.stack]
        return [f for f in candidates if self.world.converts(f.type, type_)]

    def _field(self, type_: CilType, depth: int) -> Node:
        owners: list[tuple[CilType, Field]] = []
        for owner, fields in self.world.fields.items():
            if self.usable(owner):
                owners += [(owner, f) for f in self._matching(type_, fields)]
        if not owners:
            return self.leaf(type_)
        owner, field = self.rng.choice(owners)
        if owner.stack == "ref":
            return Node([self.object(owner, depth), f"{self._prefix()}ldfld {field.reference}"], type_)
        self.note("struct fields")
        if self.chance(0.5):
            return Node([self.expression(owner, depth), f"ldfld {field.reference}"], type_)
        return Node([self.byref(owner, depth), f"{self._prefix()}ldfld {field.reference}"], type_)

    def _array(self) -> CilType:
        return self.rng.choice([a for a in self.world.arrays if self.usable(a)])

    def index(self, depth: int) -> list[str | Node]:
        """An index that is nearly always within four elements."""
        if self.chance(0.3):
            return [f"ldc.i4 {self.rng.randrange(4)}"]
        if self.chance(0.99):
            parts: list[str | Node] = [self.expression(t.I4, depth), "ldc.i4 3", "and"]
            return [*parts, "conv.i"] if self.chance(0.1) else parts
        return [self.expression(t.I4, depth)]

    def _element(self, type_: CilType, depth: int) -> Node:
        def fits(element: CilType) -> bool:
            if type_.stack in STACK_TYPES:
                return element.stack == type_.stack
            return self.world.converts(element, type_)

        arrays = [a for a in self.world.arrays if self.usable(a) and a.element is not None and fits(a.element)]
        if not arrays:
            return self.leaf(type_)
        array = self.rng.choice(arrays)
        assert array.element is not None
        self.note("array elements")
        suffix = {"Object": "ref", "String": "ref"}.get(array.element.name) or array.element.indirect
        load = f"ldelem.{suffix}" if suffix and self.chance(0.7) else f"ldelem {array.element.token}"
        return Node([self.object(array, depth), *self.index(depth), load], type_)

    def _indirect(self, type_: CilType, depth: int) -> Node:
        """Through a managed pointer."""
        if type_.stack in STACK_TYPES:
            element = self.rng.choice([p for p in t.PRIMITIVES if p.stack == type_.stack])
        else:
            element = type_
        self.note("byrefs")
        return Node([self.byref(element, depth), self._prefix() + self._load_through(element)], type_)

    def _load_through(self, element: CilType) -> str:
        if element.indirect and self.chance(0.6):
            return f"ldind.{element.indirect}"
        return f"ldobj {element.token}"

    def store_through(self, element: CilType) -> str:
        """The instruction that stores a value through a pointer."""
        suffix = {"u1": "i1", "u2": "i2", "u4": "i4"}.get(element.indirect, element.indirect)
        if suffix and self.chance(0.6):
            return f"{self._prefix()}stind.{suffix}"
        return f"{self._prefix()}stobj {element.token}"

    def _call(self, type_: CilType, depth: int) -> Node:
        def fits(callee: Callee) -> bool:
            if callee.result is None:
                return False
            if type_.stack in STACK_TYPES:
                return callee.result.stack == type_.stack
            return self.world.converts(callee.result, type_)

        candidates = [c for c in self.callees if fits(c)]
        if not candidates:
            return self.leaf(type_)
        return Node([self.call(self.rng.choice(candidates), depth)], type_)

    def call(self, callee: Callee, depth: int) -> Node:
        """A call with random arguments; pushes its result."""
        parts: list[str | Node] = []
        if callee.this is not None:
            this = self.byref(callee.this, depth) if callee.this.stack == "val" else self.object(callee.this, depth)
            parts.append(this)
        parts += [self.expression(p, depth) for p in callee.parameters]
        if callee.library and not self.library:
            self.note("calls across modules")
        self.note("virtual calls" if callee.how == "callvirt" else "calls")
        if any(p.stack == "val" for p in callee.parameters):
            self.note("struct arguments")
        if callee.result is not None and callee.result.stack == "val":
            self.note("struct results")
        if callee.this is None and self.chance(0.08):
            self.note("calli")
            parts += [f"ldftn {callee.reference}", f"calli {callee.signature}"]
        else:
            parts.append(f"{callee.how} {callee.reference}")
        return Node(parts, callee.result)

    def _generic(self, type_: CilType, depth: int) -> Node:
        """Through generic code, and back."""
        if type_.stack in STACK_TYPES:
            first = self.rng.choice([p for p in t.PRIMITIVES if p.stack == type_.stack])
        else:
            first = type_
        second = self.rng.choice([v for v in self.world.values(self.library) if v.stack in ("ref", "val")])
        form = self.rng.choice(generics.FORMS)
        if type_ is t.STRING and self.chance(0.5):
            form, first = generics.TEXT, self.rng.choice([*t.PRIMITIVES, second])
        foreign = not self.library and {first.stack, second.stack} == {"ref"} and self.chance(0.4)
        self.note(form.feature)
        self.note(f"generic code over {'references' if first.stack == 'ref' else 'values'}")
        operands = {"T": first, "U": second, "i": t.I4}
        parts: list[str | Node] = []
        for letter in form.arguments:
            operand = operands[letter]
            parts += [self.expression(operand, depth - 1), *NARROWING.get(operand.name, "").split()]
        prefix = "[lib]Lib." if self.library or foreign else ""
        return Node([*parts, *form.text(prefix, first.signature, second.signature)], type_)

    def _assigned(self, type_: CilType, depth: int) -> Node:
        """``dup; st... ``: a value that stays on the stack while its variable changes."""
        variables = [v for v in self.variables if v.writable and v.type is type_]
        if not variables:
            return self.leaf(type_)
        self.note("dup")
        variable = self.rng.choice(variables)
        if self.chance(0.5):
            return Node([self.expression(type_, depth), "dup", variable.store], type_)
        # the old value stays, the variable gets a new one
        return Node([variable.load, self.expression(type_, depth), variable.store], type_)

    def _after_statement(self, type_: CilType, depth: int) -> Node:
        """A statement while values are on the stack."""
        first = self.expression(type_, depth)
        return Node([first, self.statement(max(0, depth - 1))], type_)

    def statement(self, depth: int) -> Node:
        """Overridden by Statements."""
        raise NotImplementedError

    def _unboxed(self, type_: CilType, depth: int) -> Node:
        if type_.stack == "ref":
            return self.leaf(type_)
        self.note("boxing")
        exact = type_
        if type_.stack in STACK_TYPES:
            exact = self.rng.choice([p for p in t.PRIMITIVES if p.stack == type_.stack])
        boxed: Node
        if self.chance(0.98):
            boxed = self._box(exact, depth)
        else:
            boxed = self.expression(t.OBJECT, depth)
        if self.chance(0.5):
            return Node([boxed, f"unbox.any {exact.token}"], type_)
        return Node([boxed, f"unbox {exact.token}", self._load_through(exact)], type_)

    # --- structs, references, byrefs ----------------------------------------------------------------------------------

    def _struct(self, type_: CilType, depth: int) -> Node:
        self.note("struct values")
        self.note(f"struct shape: {self.world.shapes[type_]}")
        return self._choose([*self._common(), (10, self._assigned), (12, self._kept)], type_, depth)

    def _kept(self, type_: CilType, depth: int) -> Node:
        """A struct that was loaded from a variable, which changes while the struct waits on the stack."""
        self.note("structs kept on the stack")
        variables = [v for v in self.variables if v.writable and v.type is type_]
        start: list[str | Node] = []
        if variables:
            variable = self.rng.choice(variables)
        else:
            variable = self.new_local(type_)
            start = [self.expression(type_, depth), variable.store]
        field = self.rng.choice(self.world.fields[type_])
        changes: list[list[str | Node]] = [
            [self.expression(type_, depth), variable.store],
            [variable.address, self.expression(field.type, depth), f"stfld {field.reference}"],
            [variable.address, f"initobj {type_.token}"],
            [variable.address, self.expression(type_, depth), f"stobj {type_.token}"],
        ]
        return Node([*start, variable.load, *self.rng.choice(changes)], type_)

    def _reference(self, type_: CilType, depth: int) -> Node:
        forms = [*self._common(), (14, self.fresh), (4, self._cast)]
        if type_ is t.OBJECT:
            forms.append((12, self._boxed))
        if type_ is t.STRING:
            forms.append((8, self._text))
        return self._choose(forms, type_, depth)

    def _boxed(self, type_: CilType, depth: int) -> Node:
        self.note("boxing")
        self.note("allocation")
        exact = self.rng.choice([x for x in (*t.PRIMITIVES, *self.world.structs) if self.usable(x)])
        return self._box(exact, depth)

    def _box(self, exact: CilType, depth: int) -> Node:
        # RyuJIT leaves out box and unbox.any without truncating, against III.4.1: no value out of range is boxed.
        narrow = [t.NARROWING[exact.name]] if exact.name in t.NARROWING else []
        return Node([self.expression(exact, depth), *narrow, f"box {exact.token}"], t.OBJECT)

    def _text(self, type_: CilType, depth: int) -> Node:
        if self.chance(0.5):
            concat = "call string [System.Runtime]System.String::Concat(string, string)"
            return Node([self.expression(t.STRING, 0), self.expression(t.STRING, 0), concat], t.STRING)
        element = self.rng.choice([t.I4, t.U1, t.I8, t.I2])
        self.note("constrained calls")
        call = f"constrained. {element.token} callvirt instance string [System.Runtime]System.Object::ToString()"
        return Node([self.byref(element, depth), call], t.STRING)

    def _cast(self, type_: CilType, depth: int) -> Node:
        self.note("casts")
        if self.chance(0.7):
            return Node([self.expression(type_, depth), f"castclass {type_.token}"], type_)
        return Node([self.expression(t.OBJECT, depth), f"isinst {type_.token}"], type_)

    def fresh(self, type_: CilType, depth: int) -> Node:
        """A new object of the type."""
        world = self.world
        if type_ is t.STRING or (type_ is t.OBJECT and self.chance(0.3)):
            return Node([f'ldstr "{self.rng.choice(["", "a", "text", "xyzzy", "0123456789"])}"'], type_)
        self.note("allocation")
        if type_.element is not None:
            return self._fresh_array(type_, depth)
        delegate = next((d for d in world.delegates if d.type is type_), None)
        if delegate is not None:
            self.note("delegates")
            name = f"{'[lib]Lib.' if delegate.library else ''}DT::M{type_.name}"
            result = delegate.result.signature if delegate.result else "void"
            target = f"{result} {name}({', '.join(p.signature for p in delegate.parameters)})"
            constructor = f"newobj instance void {type_.token}::.ctor(object, native int)"
            return Node(["ldnull", f"ldftn {target}", constructor], type_)
        classes = world.concrete(type_, self.library)
        if not classes:  # an exception
            return Node([f"newobj instance void {type_.token}::.ctor()"], type_)
        if type_ is t.OBJECT and self.chance(0.2):
            return Node(["newobj instance void [System.Runtime]System.Object::.ctor()"], type_)
        info = self.rng.choice(classes)
        arguments = [self.expression(f.type, depth - 1) if depth > 0 else self.simple(f.type) for f in info.own]
        signature = ", ".join(f.type.signature for f in info.own)
        return Node([*arguments, f"newobj instance void {info.type.token}::.ctor({signature})"], type_)

    def simple(self, type_: CilType) -> Node:
        """No new objects: a constant, a variable or the default."""
        if type_.stack in STACK_TYPES:
            return self.constant(STACK_TYPES[type_.stack])
        variables = [v for v in self.variables if self.world.converts(v.type, type_)]
        if variables and self.chance(0.7):
            return Node([self.rng.choice(variables).load], type_)
        return Node(list(type_.default), type_)

    def _fresh_array(self, type_: CilType, depth: int) -> Node:
        element = type_.element
        assert element is not None
        length = self.rng.choice([4, 4, 5, 7]) if self.chance(0.99) else self.rng.choice([0, 1, 2])
        parts: list[str | Node] = [f"ldc.i4 {length}", f"newarr {element.token}"]
        for index in range(min(2, length) if depth > 0 else 0):
            value = self.expression(element, depth - 1) if depth > 1 else self.simple(element)
            parts.append(Node(["dup", f"ldc.i4 {index}", value, f"stelem {element.token}"]))
        return Node(parts, type_)

    def _some_byref_element(self) -> CilType:
        if self.chance(0.5):
            return self.rng.choice(t.PRIMITIVES)
        return self.rng.choice([x for x in self.world.values(self.library) if self.usable(x)])

    def byref(self, element: CilType, depth: int) -> Node:
        """A managed pointer to an ``element``."""
        type_ = self.world.byref(element)
        choices: list[Callable[[], list[str | Node]]] = []
        for variable in self.variables:
            if variable.type is element and variable.writable:
                choices.append(lambda v=variable: [v.address])  # type: ignore[misc]
            elif variable.type.stack == "byref" and variable.type.element is element:
                choices += [lambda v=variable: [v.load]] * 2  # type: ignore[misc]
        for static in self.statics:
            if static.type is element:
                choices.append(lambda f=static: [f"ldsflda {f.reference}"])  # type: ignore[misc]
        if depth > 0 and self.budget > 0:
            choices += self._deep_places(element, depth - 1) * 2
        if not choices:
            return Node([self.new_local(element).address], type_)
        return Node(self.rng.choice(choices)(), type_)

    def _deep_places(self, element: CilType, depth: int) -> list[Callable[[], list[str | Node]]]:
        choices: list[Callable[[], list[str | Node]]] = []
        for owner, fields in self.world.fields.items():
            matching = [f for f in fields if f.type is element] if self.usable(owner) else []
            if not matching:
                continue

            def field(owner: CilType = owner, matching: list[Field] = matching) -> list[str | Node]:
                base = self.byref(owner, depth) if owner.stack == "val" else self.object(owner, depth)
                return [base, f"ldflda {self.rng.choice(matching).reference}"]

            choices.append(field)
        for array in self.world.arrays:
            if array.element is element and self.usable(array):

                def item(array: CilType = array) -> list[str | Node]:
                    # An array of references may hold another type: only sealed ones, or readonly
                    return [self.object(array, depth), *self.index(depth), f"ldelema {element.token}"]

                choices.append(item)
        self.note("byrefs")
        return choices
