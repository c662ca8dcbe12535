"""Random exception handling: try blocks with catches, filters, finally and fault handlers, leave, rethrow, throw.

Invariants: a protected block starts with an empty evaluation stack; what is inside a finally, fault or filter never
leaves
it; a filter contains no protected block.

>>> Protected(...).statement(3)   # one of its forms
Node(parts=['L1: nop', ..., 'leave L3', 'L2: nop', ..., 'L3: nop', '.try L1 to L2 finally handler L2 to L4'])
"""

from __future__ import annotations

from collections.abc import Callable

from tests.generator import types as t
from tests.generator.statements import Statements
from tests.generator.tree import Node
from tests.generator.types import CilType

EXCEPTION = CilType(
    "class [System.Runtime]System.Exception", "[System.Runtime]System.Exception", "ref", "Exception", bases=(t.OBJECT,)
)
_THROWN = ("InvalidOperationException", "NotSupportedException", "ArgumentException", "OverflowException")
_CAUGHT = (
    "Exception",
    "NullReferenceException",
    "IndexOutOfRangeException",
    "OverflowException",
    "ArithmeticException",
    "DivideByZeroException",
    "InvalidCastException",
    "InvalidOperationException",
    "ArgumentException",
    "Object",
)


class Protected(Statements):
    """Adds exception handling to the statements of a body."""

    def forms(self, depth: int) -> list[tuple[int, Callable[[int], Node]]]:
        forms = super().forms(depth)
        if not self.inside and depth > 0 and self.budget > 0:
            forms += [(14, self._try), (3 if self.regions else 1, self._throw)]
            if depth > 1:
                forms.append((4, self._throwing_handler))
            if any(kind == "catch" for kind in self.regions[-1:]):
                forms.append((4, self._rethrow))
        return forms

    def _throw(self, depth: int) -> Node:
        skip = self.label()
        return Node([self.branch(skip, depth), *self._thrown(), f"{skip}: nop"])

    def _thrown(self) -> list[str | Node]:
        """Throws something."""
        self.note("EH throw")
        name = f"[System.Runtime]System.{self.rng.choice(_THROWN)}"
        if self.chance(0.2):
            return [Node([self.expression(t.OBJECT, 1), f"isinst {EXCEPTION.token}"]), "throw"]
        if self.chance(0.5):
            return ['ldstr "thrown"', f"newobj instance void {name}::.ctor(string)", "throw"]
        return [f"newobj instance void {name}::.ctor()", "throw"]

    def _rethrow(self, depth: int) -> Node:
        self.note("EH rethrow")
        skip = self.label()
        return Node([self.branch(skip, depth), "rethrow", f"{skip}: nop"])

    def _region(self, kind: str, count: int, depth: int) -> list[str | Node]:
        self.regions.append(kind)
        body = self.block(count, depth)
        self.regions.pop()
        return body

    def _try(self, depth: int) -> Node:
        self.note("EH")
        if "try" in self.regions:
            self.note("EH nesting")
        if any(kind != "try" for kind in self.regions):
            self.note("EH in a handler")
        if self.loops:
            self.note("EH in a loop")
        begin, end, after = self.label(), self.label(), self.label()
        body = self._region("try", self.rng.choice([1, 2, 2, 3]), depth - 1)
        parts: list[str | Node] = [f"{begin}: nop", *body, f"leave {after}"]
        # ilasm writes clauses in the order of its .try lines: inner ones have to come first.
        clauses: list[str | Node] = []
        roll = self.rng.random()
        if roll < 0.38:
            parts += self._closed("finally" if roll < 0.3 else "fault", f".try {begin} to {end}", end, depth, clauses)
        else:
            start = end
            for _ in range(self.rng.choice([1, 1, 2, 3])):
                following = self.label()
                parts += self._catch(f".try {begin} to {end}", start, following, after, depth, clauses)
                start = following
            parts.append(f"{start}: nop")
            if self.chance(0.2):
                self.note("EH nesting")
                finish, handler = self.label(), self.label()
                parts += [f"{after}: nop", f"leave {finish}"]
                parts += self._closed("finally", f".try {begin} to {handler}", handler, depth, clauses)
                after = finish
        return Node([*parts, f"{after}: nop", *clauses])

    def _throwing_handler(self, depth: int) -> Node:
        """A try block in a handler in a try block; both handlers run, however rarely other statements throw."""
        for feature in ("EH", "EH nesting", "EH catch", "EH in a handler", "EH throwing handler"):
            self.note(feature)
        begin, first, inner, second, after, end = (self.label() for _ in range(6))
        parts: list[str | Node] = [f"{begin}: nop", *self._thrown(), f"{first}: nop", "pop"]
        self.regions += ["try", "catch"]
        parts += [*self.block(1, depth - 2), f"{inner}: nop", *self._thrown(), f"{second}: nop", "pop"]
        parts += [*self._region("catch", 1, depth - 2), f"leave {after}", f"{after}: nop"]
        parts += [*self.block(self.rng.choice([0, 1]), depth - 2), f"leave {end}", f"{end}: nop"]
        del self.regions[-2:]
        finish, handler = self.label(), self.label()
        clauses: list[str | Node] = [f".try {inner} to {second} catch {EXCEPTION.token} handler {second} to {after}"]
        clauses.append(f".try {begin} to {first} catch {t.OBJECT.token} handler {first} to {end}")
        parts.append(f"leave {finish}")
        parts += self._closed("finally", f".try {begin} to {handler}", handler, depth - 1, clauses)
        return Node([*parts, f"{finish}: nop", *clauses])

    def _closed(self, kind: str, protects: str, start: str, depth: int, clauses: list[str | Node]) -> list[str | Node]:
        """A finally or fault handler that begins with label ``start``."""
        self.note(f"EH {kind}")
        following = self.label()
        clauses.append(f"{protects} {kind} handler {start} to {following}")
        body = self._region(kind, self.rng.choice([1, 1, 2]), depth - 1)
        return [f"{start}: nop", *body, "endfinally", f"{following}: nop"]

    def _catch(
        self, protects: str, start: str, following: str, after: str, depth: int, clauses: list[str | Node]
    ) -> list[str | Node]:
        """A catch, or a filter and its handler, that begins with label ``start`` and ends before ``following``."""
        head: list[str | Node] = [f"{start}: nop"]
        if self.chance(0.3):
            self.note("EH filter")
            handler = self.label()
            # A filter works on its own: nothing leaves it, nothing is protected in it.
            self.regions.append("filter")
            self.inside += 1
            head += [*self._caught(0), *self.block(self.rng.choice([0, 1]), 0)]
            head += [self.expression(t.I4, 2), "ldc.i4 1", "and", "endfilter", f"{handler}: nop"]
            self.inside -= 1
            self.regions.pop()
            clauses.append(f"{protects} filter {start} handler {handler} to {following}")
        else:
            self.note("EH catch")
            kind = f"[System.Runtime]System.{self.rng.choice(_CAUGHT)}"
            clauses.append(f"{protects} catch {kind} handler {start} to {following}")
        body = self._region("catch", self.rng.choice([0, 1, 2]), depth - 1)
        return [*head, *self._caught(depth), *body, f"leave {after}"]

    def _caught(self, depth: int) -> list[str | Node]:
        """What becomes of the exception on the stack."""
        roll = self.rng.random()
        if roll < 0.3:
            return ["pop"]
        if roll < 0.5:
            self.inside += 1
            statement = self.statement(0)
            self.inside -= 1
            return [statement, "pop"]
        known = [v for v in self.variables if v.type is EXCEPTION]
        variable = self.rng.choice(known) if known and self.chance(0.5) else self.new_local(EXCEPTION)
        if roll < 0.7:
            return [f"isinst {EXCEPTION.token}", variable.store]
        places = [v for v in self.variables if v.type is t.I4 and v.writable]
        place = self.rng.choice(places) if places else self.new_local(t.I4)
        result = f"callvirt instance int32 {EXCEPTION.token}::get_HResult()"
        return [f"castclass {EXCEPTION.token}", "dup", variable.store, result, place.store]
