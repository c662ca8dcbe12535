"""Random statements, and the frame of a method body around them.

Invariants: loops count down a local that nothing else writes; every method first spends one unit of the global fuel and
returns the default when none is left, so that any call graph, recursion included, ends.

>>> Statements(...).statement(3)
Node(parts=[Node(...), 'stloc 1'])
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.generator import types as t
from tests.generator.expressions import Expressions, Variable
from tests.generator.tree import Node
from tests.generator.types import CilType
from tests.generator.world import Callee, World

FUEL = "int32 [lib]Lib.Fuel::left"


@dataclass(frozen=True, slots=True)
class Body:
    """A finished body. ``node`` ends with a return."""

    node: Node
    locals: list[CilType]
    features: Counter[str]


class Statements(Expressions):
    """Adds statements to the expressions of a body."""

    def __init__(
        self,
        world: World,
        rng: random.Random,
        callees: Sequence[Callee],
        library: bool,
        budget: int,
        result: CilType | None,
    ) -> None:
        super().__init__(world, rng, callees, library, budget)
        self.result = result
        self.loops: list[tuple[str, str, int]] = []  # labels of continue and break, number of regions around
        self.regions: list[str] = []  # try, catch, finally, fault or filter around, outermost first
        self.return_label = ""  # where code inside regions leaves to, and the variable with the result
        self.return_variable: Variable | None = None
        self.loop_depth = 0

    def block(self, count: int, depth: int) -> list[str | Node]:
        """Several statements."""
        return [self.statement(depth) for _ in range(count)]

    def statement(self, depth: int) -> Node:
        self.budget -= 1
        forms = self.forms(depth)
        return self.rng.choices([f for _, f in forms], [w for w, _ in forms])[0](depth)

    def forms(self, depth: int) -> list[tuple[int, Callable[[int], Node]]]:
        """What a statement here may be, with weights."""
        forms: list[tuple[int, Callable[[int], Node]]] = [
            (20, self._assign),
            (8, self._store_static),
            (10, self._store_field),
            (9, self._store_element),
            (14, self._store_through),
            (8, self._point),
            (6, self._call_statement),
            (5, self._initialise),
            (5, self._copy_object),
            (3, self._increment),
        ]
        if depth > 0 and self.budget > 0:
            forms += [(12, self._if), (3, self._switch)]
            if self.loop_depth < 2 and not self.inside:
                forms.append((8, self._loop))
            elif self.loop_depth < 1:
                forms.append((1, self._loop))
            if self.loops and not self.inside:
                forms.append((3, self._leave_loop))
        if not self.inside and not self._closed_around(0):
            forms.append((2 if self.regions else 1, self._return_early))
        return forms

    def _closed_around(self, outside: int) -> bool:
        """Whether nothing may leave to a place that has only ``outside`` of the regions around."""
        return any(kind in ("finally", "fault", "filter") for kind in self.regions[outside:])

    # --- stores -------------------------------------------------------------------------------------------------------

    def _assign(self, depth: int) -> Node:
        variables = [v for v in self.variables if v.writable and v.type.stack != "byref"]
        if not variables:
            return self._store_static(depth)
        variable = self.rng.choice(variables)
        return Node([self.expression(variable.type, depth + 1), variable.store])

    def _store_static(self, depth: int) -> Node:
        static = self.rng.choice(self.statics)
        prefix = "volatile. " if self.chance(0.05) else ""
        return Node([self.expression(static.type, depth + 1), f"{prefix}stsfld {static.reference}"])

    def _store_field(self, depth: int) -> Node:
        owner = self.rng.choice([o for o in self.world.fields if self.usable(o)])
        field = self.rng.choice(self.world.fields[owner])
        base = self.byref(owner, depth) if owner.stack == "val" else self.object(owner, depth)
        return Node([base, self.expression(field.type, depth + 1), f"{self._prefix()}stfld {field.reference}"])

    def _store_element(self, depth: int) -> Node:
        array = self._array()
        element = array.element
        assert element is not None
        self.note("array elements")
        suffix = element.indirect.replace("u", "i")
        store = f"stelem.{suffix}" if suffix and self.chance(0.6) else f"stelem {element.token}"
        return Node([self.object(array, depth), *self.index(depth), self.expression(element, depth + 1), store])

    def _element_for_byref(self) -> CilType:
        pointed = [v.type.element for v in self.variables if v.type.stack == "byref" and v.type.element is not None]
        if pointed and self.chance(0.7):
            return self.rng.choice(pointed)
        return self._some_byref_element()

    def _store_through(self, depth: int) -> Node:
        element = self._element_for_byref()
        self.note("byrefs")
        return Node([self.byref(element, depth + 1), self.expression(element, depth + 1), self.store_through(element)])

    def _point(self, depth: int) -> Node:
        """A byref local or argument gets another target; the old and the new one may be the same place."""
        variables = [v for v in self.variables if v.type.stack == "byref"]
        if not variables:
            return self._store_through(depth)
        variable = self.rng.choice(variables)
        assert variable.type.element is not None
        self.note("byref aliasing")
        return Node([self.byref(variable.type.element, depth + 1), variable.store])

    def _initialise(self, depth: int) -> Node:
        type_ = self._a_struct()
        return Node([self.byref(type_, depth), f"initobj {type_.token}"])

    def _copy_object(self, depth: int) -> Node:
        type_ = self._a_struct()
        self.note("struct copies")
        first, second = self.byref(type_, depth), self.byref(type_, depth)
        if self.chance(0.5):
            return Node([first, second, f"cpobj {type_.token}"])
        return Node([first, second, f"ldobj {type_.token}", f"stobj {type_.token}"])

    def _a_struct(self) -> CilType:
        return self.rng.choice([s for s in self.world.structs if self.usable(s)])

    def _increment(self, depth: int) -> Node:
        """``place op= value`` through one pointer."""
        element = self.rng.choice([p for p in t.PRIMITIVES if p.stack in ("i4", "i8", "r8")])
        load = self._load_through(element)
        value = self.expression(element, depth)
        self.note("byrefs")
        return Node([self.byref(element, depth), "dup", load, value, "add", self.store_through(element)])

    def _call_statement(self, depth: int) -> Node:
        if not self.callees:
            return self._assign(depth)
        callee = self.rng.choice(self.callees)
        return Node([self.call(callee, depth), *(["pop"] if callee.result is not None else [])])

    # --- control ------------------------------------------------------------------------------------------------------

    def _if(self, depth: int) -> Node:
        other, end = self.label(), self.label()
        then = self.block(self.rng.choice([1, 1, 2]), depth - 1)
        if self.chance(0.5):
            return Node([self.branch(end, depth), *then, f"{end}: nop"])
        otherwise = self.block(1, depth - 1)
        return Node([self.branch(other, depth), *then, f"br {end}", f"{other}: nop", *otherwise, f"{end}: nop"])

    def _switch(self, depth: int) -> Node:
        self.note("switches")
        count = self.rng.choice([1, 2, 4])
        labels = [self.label() for _ in range(count)]
        end = self.label()
        parts: list[str | Node] = [self.expression(t.I4, depth), f"switch ({', '.join(labels)})"]
        parts += self.block(1, depth - 1)
        for label in labels:
            if self.chance(0.8):  # else fall through
                parts.append(f"br {end}")
            parts += [f"{label}: nop", *self.block(1, depth - 1)]
        return Node([*parts, f"{end}: nop"])

    def _loop(self, depth: int) -> Node:
        """Tests first, or last."""
        self.note("loops")
        counter = self.new_local(self.rng.choice([t.I4, t.I8]) if self.chance(0.3) else t.I4, writable=False)
        top, test, end = self.label(), self.label(), self.label()
        rounds = self.rng.choice([1, 2, 3, 5, 8])
        zero, one = ("ldc.i4 0", "ldc.i4 1") if counter.type is t.I4 else ("ldc.i8 0", "ldc.i8 1")
        self.loop_depth += 1
        self.loops.append((test, end, len(self.regions)))
        body = self.block(self.rng.choice([1, 2, 3]), depth - 1)
        self.loops.pop()
        self.loop_depth -= 1
        start = [*counter.type.default, counter.store, *([f"br {test}"] if self.chance(0.5) else [])]
        step: list[str | Node] = [counter.load, one, "add", "dup", counter.store]
        limit = f"{zero[:-1]}{rounds}"
        again: list[str | Node] = [f"{test}: nop", *step, limit, f"blt {top}", f"{end}: nop"]
        return Node([*start, f"{top}: nop", *body, *again])

    def _leave_loop(self, depth: int) -> Node:
        again, end, outside = self.loops[-1]
        target = self.rng.choice((again, end))
        if outside == len(self.regions):
            return Node([self.branch(target, depth)])
        if self._closed_around(outside):
            return self._assign(depth)
        self.note("EH leave")
        skip = self.label()
        return Node([self.branch(skip, depth), f"leave {target}", f"{skip}: nop"])

    def _return_early(self, depth: int) -> Node:
        skip = self.label()
        if not self.regions:
            return Node([self.branch(skip, depth), *self.return_value(depth), f"{skip}: nop"])
        self.note("EH return")
        if not self.return_label:
            self.return_label = self.label()
            if self.result is not None:
                self.return_variable = self.new_local(self.result)
        store: list[str | Node] = []
        if self.result is not None and self.return_variable is not None:
            store = [self.expression(self.result, depth), self.return_variable.store]
        return Node([self.branch(skip, depth), *store, f"leave {self.return_label}", f"{skip}: nop"])

    def return_value(self, depth: int) -> list[str | Node]:
        """Lines that end the method."""
        if self.result is None:
            return ["ret"]
        return [self.expression(self.result, depth + 1), "ret"]

    # --- bodies -------------------------------------------------------------------------------------------------------

    def small_body(self, parameters: Sequence[CilType], this: CilType | None) -> Node:
        """A body of one expression or, behind a branch, two, for methods that are inlined; without calls it needs no
        fuel.
        """
        every = [*([this] if this is not None else []), *parameters]
        for index, type_ in enumerate(every):
            self.variables.append(Variable("arg", index, type_, this is None or index > 0))
        self.note("small callees")
        start: list[str | Node] = []
        if self.chance(0.4):
            self.note("small callees with branches")
            skip = self.label()
            start = [self.branch(skip, 1), *self.return_value(0), f"{skip}: nop"]
        value = [] if self.result is None else [self.expression(self.result, 1 if start else 2)]
        return Node([*start, *value, "ret"])

    def body(self, parameters: Sequence[CilType], this: CilType | None, statements: int, depth: int) -> Node:
        """A whole body over its parameters."""
        world, rng = self.world, self.rng
        every = [*([this] if this is not None else []), *parameters]
        for index, type_ in enumerate(every):
            writable = not (this is not None and index == 0)
            self.variables.append(Variable("arg", index, type_, writable))
        start: list[str | Node] = []
        for _ in range(rng.choice([2, 4, 6])):
            type_ = world.pick(self.library)
            variable = self.new_local(type_)
            if type_.stack == "ref" or self.chance(0.5):
                start.append(Node([self.expression(type_, 1), variable.store]))
        for _ in range(rng.choice([0, 0, 1, 2])):
            element = self._some_byref_element()
            target = self.byref(element, 1)
            variable = self.new_local(world.byref(element))
            start.append(Node([target, variable.store], fixed=True))
        main = self.block(statements, depth)
        end = Node(self.return_value(2))
        if self.return_label:
            load = [self.return_variable.load] if self.return_variable is not None else []
            end = Node([*end.parts, f"{self.return_label}: nop", *load, "ret"])
        skip = self.label()
        fuel: list[str | Node] = [
            f"ldsfld {FUEL}",
            "ldc.i4 1",
            "sub",
            "dup",
            f"stsfld {FUEL}",
            "ldc.i4 0",
            f"bgt {skip}",
        ]
        default = [*self.result.default, "ret"] if self.result is not None else ["ret"]
        return Node([Node([*fuel, *default, f"{skip}: nop"]), *start, *main, end])
