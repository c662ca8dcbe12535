"""Which virtual methods of another assembly's generic type may run, given the virtual calls that are made.

What: once there are objects of ``List<MyStruct>``, any of its virtual methods may run, in principle: ``IList.Insert``,
``ICollection.get_SyncRoot``, ``Equals`` of its boxed enumerator. :class:`VirtualUse` says for a virtual method through
which *slots* (methods of interfaces, or of the class where the method was new) it can be reached, so that the closure
compiles it when one of these is called, and not before.

Why here: two thirds of the instances that images would otherwise carry are never called. What is left out costs
nothing but time: the JIT compiles it.

Invariants: slots are open definitions: a call through ``IList<int>`` counts for every ``IList<T>``. A method whose
slots are not known counts as reached. Only types of other modules are looked at in this way: the caller asks for
nothing else.

Calls that compiled code does not show are those that the framework itself makes. It calls exact types only from exact
code, which is compiled beside its types; what its ordinary code calls on objects of any type is in a table.

>>> VirtualUse().slots(insert_of_list, list_of_points)                 # doctest: +SKIP
frozenset({<method System.Collections.IList::Insert>, ...})
"""

from __future__ import annotations

from typing import Final

from nativegen.typesystem import DefType, MethodDesc, TypeDesc
from nativegen.typesystem.hierarchy import same_signature

#: None: in any case.
Slots = frozenset[MethodDesc] | None

#: Interface -> its methods that the framework's own code calls on objects of types it does not know; empty: all.
_CALLED_BY_THE_FRAMEWORK: Final[dict[str, frozenset[str]]] = {
    "System.IDisposable": frozenset(),
    "System.IAsyncDisposable": frozenset(),
    "System.IEquatable`1": frozenset(),
    "System.IComparable`1": frozenset(),
    "System.Collections.IEnumerable": frozenset(),
    "System.Collections.IEnumerator": frozenset({"MoveNext", "get_Current"}),
    "System.Collections.Generic.IEnumerable`1": frozenset(),
    "System.Collections.Generic.IEnumerator`1": frozenset(),
    "System.Collections.Generic.IAsyncEnumerable`1": frozenset(),
    "System.Collections.Generic.IAsyncEnumerator`1": frozenset(),
    "System.Collections.Generic.IEqualityComparer`1": frozenset(),
    "System.Collections.Generic.IComparer`1": frozenset(),
    "System.Collections.Generic.ICollection`1": frozenset({"get_Count", "Add", "Contains", "CopyTo"}),
    "System.Collections.Generic.IReadOnlyCollection`1": frozenset(),
    "System.Collections.Generic.IList`1": frozenset({"get_Item"}),
    "System.Collections.Generic.IReadOnlyList`1": frozenset(),
    "System.Collections.Generic.IDictionary`2": frozenset(
        {"get_Item", "set_Item", "Add", "ContainsKey", "TryGetValue"}
    ),
    "System.Collections.Generic.IReadOnlyDictionary`2": frozenset({"get_Item", "ContainsKey", "TryGetValue"}),
    "System.Runtime.CompilerServices.INotifyCompletion": frozenset(),
    "System.Runtime.CompilerServices.ICriticalNotifyCompletion": frozenset(),
    "System.Runtime.CompilerServices.IAsyncStateMachine": frozenset({"MoveNext"}),
    "System.Runtime.CompilerServices.IAsyncStateMachineBox": frozenset({"MoveNext", "get_MoveNextAction"}),
    "System.Threading.Tasks.ITaskCompletionAction": frozenset(),
    "System.Threading.IThreadPoolWorkItem": frozenset(),
    "System.Threading.Tasks.Sources.IValueTaskSource": frozenset(),
    "System.Threading.Tasks.Sources.IValueTaskSource`1": frozenset(),
}

_NEVER: Final[frozenset[MethodDesc]] = frozenset()


class VirtualUse:
    """See the module docstring; keeps what it finds out about each type definition."""

    def __init__(self) -> None:
        self._interface_slots: dict[TypeDesc, dict[MethodDesc, set[MethodDesc]]] = {}
        self._class_slots: dict[MethodDesc, MethodDesc | None] = {}
        self._hidden: dict[TypeDesc, frozenset[int]] = {}

    def slots(self, method: MethodDesc, type_: TypeDesc) -> Slots:
        """Through which slots a virtual method can be reached.

        Args:
            method: of ``type_`` or of a base class.
            type_: whose objects there are.

        Raises:
            TypeLoadError: a base class or interface cannot be found.
        """
        definition = method.definition
        if definition.rid in self._class_overrides(definition.owner):
            return None
        found = set(self._interfaces_of(type_.definition).get(definition, ()))
        if any(_is_called_by_the_framework(slot) for slot in found):
            return None
        origin = self.class_slot(definition)
        if origin is None:
            return None
        if origin.owner.is_object:
            # What a box of a struct does with them the framework seldom asks; exact code calls them directly.
            return None if not type_.is_value_type else frozenset(found) or _NEVER
        if not origin.owner.contains_generic_parameters:
            return None  # its own module calls it on objects of any derived type
        found.add(origin)
        return frozenset(found)

    def class_slot(self, method: MethodDesc) -> MethodDesc | None:
        """The definition that a virtual method of a class or interface overrides in the end; None: not found."""
        definition = method.definition
        if definition not in self._class_slots:
            self._class_slots[definition] = _class_slot(definition)
        return self._class_slots[definition]

    def _interfaces_of(self, definition: TypeDesc) -> dict[MethodDesc, set[MethodDesc]]:
        """Method definition -> the interface methods that it implements in a type."""
        known = self._interface_slots.get(definition)
        if known is None:
            known = self._interface_slots[definition] = {}
            for interface in definition.interfaces:
                for slot in interface.methods:
                    if slot.is_virtual and not slot.is_static and not slot.is_generic:
                        target = definition.resolve_override(slot)
                        if target is not None:
                            known.setdefault(target.definition, set()).add(slot.definition)
        return known

    def _class_overrides(self, owner: TypeDesc) -> frozenset[int]:
        """Methods that a MethodImpl of their class makes overrides of a class's method: known by no name."""
        known = self._hidden.get(owner)
        if known is None:
            rows = owner.module.assembly.method_impls(owner.rid) if owner.rid else []
            known = self._hidden[owner] = frozenset(
                [
                    row.body_token & 0xFFFFFF
                    for row in rows
                    if not owner.module.method(row.declaration_token).owner.is_interface
                ]
            )
        return known


def _is_called_by_the_framework(slot: MethodDesc) -> bool:
    names = _CALLED_BY_THE_FRAMEWORK.get(slot.owner.full_name)
    return names is not None and (not names or slot.name in names)


def _class_slot(method: MethodDesc) -> MethodDesc | None:
    if method.is_new_slot or method.owner.is_interface:
        return method
    base = method.owner.base_type
    while base is not None:
        if isinstance(base, DefType):
            for candidate in base.methods_named(method.name):
                if candidate.is_virtual and candidate.is_new_slot and same_signature(candidate, method):
                    return candidate.definition
        base = base.base_type
    return None
