"""The closure of generic instances over value types: what compiled code needs, what those instances need, and so on.

What: :class:`InstanceClosure` is fed with compiled units of one assembly and says which instances have to be compiled
next. Code that reference types share is not its business: every generic method has that once.

Why here: an instance is only worth compiling when something asks for it, and only compiled code says what it asks for.
The parent process keeps the closure, because units come from workers and from the unit store alike.

Invariants: the set of instances depends on the assembly and the target alone: rounds are complete before the next one
begins, and are sorted. Every instance has the name of a method that needs it. What the budget cuts off is counted.

>>> closure = InstanceClosure(reader, symbols)                       # doctest: +SKIP
>>> closure.add(unit, lambda: "Program::Main")                            # doctest: +SKIP
>>> closure.next_round()                                             # doctest: +SKIP
[NeededInstance(name='List`1<System.Int32>::Add', ...)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.instances import InstanceReader, Signature, instance_entry, may_need_instances, signature_order
from nativegen.pipeline.request import GenericInstance
from nativegen.readytorun.unit import Cell, MethodUnit
from nativegen.typesystem import MethodDesc, TypeLoadError
from nativegen.typesystem.symbols import SymbolTable

#: Instances of one assembly's own generics, and as many of others'; more come from generics that multiply each other.
INSTANCE_BUDGET: Final = 20_000
#: Of type arguments in type arguments; deeper ones come from recursion without end.
MAX_DEPTH: Final = 6


@dataclass(frozen=True, slots=True)
class NeededInstance:
    """An instance to compile.

    Attributes:
        name: with type arguments.
        rid: of its definition.
        hash, signature: its entry.
        needed_by: a method or instance whose code may run it.
        assembly: that defines it, when another one does.
    """

    name: str
    rid: int
    hash: int
    signature: Signature
    needed_by: str
    assembly: str = ""


class InstanceClosure:
    """Of one assembly.

    Args:
        reader: of the assembly's signatures.
        symbols: its symbol table.
        needless: cells that are known to need nothing.

    Attributes:
        left_out: instances that were needed but will not be compiled, with the reason.
    """

    def __init__(self, reader: InstanceReader, symbols: SymbolTable, needless: Iterable[Cell] = ()) -> None:
        self._reader = reader
        self._symbols = symbols
        self._budgets = {"own": INSTANCE_BUDGET, "foreign": INSTANCE_BUDGET}
        # By identity, because units share cells and hashing one costs more than all else here; held, so that no id is
        # used twice. True: it needs nothing.
        self._looked_at: dict[int, tuple[Cell, bool]] = {id(cell): (cell, True) for cell in needless}
        self._needless: dict[Cell, bool] = {}
        self._known: set[MethodDesc] = set()
        self._called: set[MethodDesc] = set()
        self._waiting: dict[MethodDesc, list[tuple[MethodDesc, str]]] = {}  # slot -> what a call of it may run
        self._next: dict[Signature, NeededInstance] = {}
        self.left_out: list[GenericInstance] = []

    def add(self, unit: MethodUnit, name: Callable[[], str]) -> None:
        """Notes what a unit needs; ``name``: gives its method's name."""
        self.add_cells(unit.cells, name)

    def add_cells(self, cells: Iterable[Cell], name: Callable[[], str]) -> None:
        """Likewise, of a unit's cells."""
        looked_at = self._looked_at
        for cell in cells:
            if id(cell) not in looked_at:
                looked_at[id(cell)] = (cell, self._look(cell, name))

    def seed(self, method: MethodDesc, reason: str) -> None:
        """Notes an instance that is wanted for another reason than that compiled code asks for it.

        The budget does not count it: seeds are known beforehand and do not multiply.
        """
        instance = self._reader.instance(method)
        if instance is not None and instance not in self._known:
            self._budgets["own" if self._assembly(instance) == "" else "foreign"] += 1
            self._may_run(instance, reason)

    def is_needless(self, cell: Cell) -> bool:
        """Whether it is known that this very object needs nothing, and decides nothing about what others need."""
        found = self._looked_at.get(id(cell))
        return found is not None and found[1]

    def needy(self) -> list[Cell]:
        """The cells that were looked at and are not known to be needless."""
        return [cell for cell, is_needless in self._looked_at.values() if not is_needless]

    def _look(self, cell: Cell, name: Callable[[], str]) -> bool:
        """Notes what a cell needs and calls; True when that is nothing."""
        if not may_need_instances(cell):
            return True
        known = self._needless.get(cell)
        if known is None:
            slot = self._reader.called_slot(cell)
            if slot is not None and slot not in self._called:
                self._called.add(slot)
                for method, needed_by in self._waiting.pop(slot, ()):
                    self._may_run(method, needed_by)
            needs = self._reader.needs(cell)
            known = self._needless[cell] = slot is None and not needs and not self._reader.has_noted
            for need in needs:
                if need.method in self._known:
                    continue
                if need.slots is None or not need.slots.isdisjoint(self._called):
                    self._may_run(need.method, name())
                else:
                    for each in need.slots:
                        self._waiting.setdefault(each, []).append((need.method, name()))
        return known

    def _may_run(self, method: MethodDesc, needed_by: str) -> None:
        if method not in self._known:
            self._known.add(method)
            self._need(method, needed_by)

    def _need(self, method: MethodDesc, needed_by: str) -> None:
        depth = max(argument.depth for argument in (*method.type_args, *method.method_args))
        if depth > MAX_DEPTH:
            detail = f"type arguments {depth} deep"
            self.left_out.append(self._left_out(method, needed_by, Reason.INSTANCE_BUDGET, detail))
            return
        try:
            hash_, signature = instance_entry(self._symbols, method)
        except (TypeLoadError, Excluded) as error:
            self.left_out.append(self._left_out(method, needed_by, Reason.NOT_NAMEABLE, str(error)))
            return
        name, assembly = method.display_name, self._assembly(method)
        self._next[signature] = NeededInstance(name, method.rid, hash_, signature, needed_by, assembly)

    def _assembly(self, method: MethodDesc) -> str:
        return "" if method.module is self._symbols.module else method.module.name

    def next_round(self) -> list[NeededInstance]:
        """What the units added since the last round need for the first time."""
        needed = sorted(self._next.values(), key=lambda instance: signature_order(instance.signature))
        self._next.clear()
        granted = []
        for each in needed:
            budget = "foreign" if each.assembly else "own"
            if self._budgets[budget]:
                self._budgets[budget] -= 1
                granted.append(each)
            else:
                code = Reason.INSTANCE_BUDGET.code
                self.left_out.append(
                    GenericInstance(each.name, each.rid, each.needed_by, code, "too many", each.assembly)
                )
        return granted

    def _left_out(self, method: MethodDesc, needed_by: str, reason: Reason, detail: str) -> GenericInstance:
        name, assembly = method.display_name, self._assembly(method)
        return GenericInstance(name, method.rid, needed_by, reason.code, detail, assembly)
