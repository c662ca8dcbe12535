"""The LLVM text of one method while it is being written: lines, names, temporaries, externals, homes.

What: the state and the vocabulary shared by the ``emit_*`` modules, which hold one function per IR instruction.

Why here: three rules must hold for every line written, so they live in one place: a reference that a safepoint may
have moved is read again from its home before its next use (:meth:`Emission.operand`); every external is named by what
it is (:meth:`Emission.stub`); every failing check has a cold block of its own (:meth:`Emission.fail_if`; a shared one
would make LLVM merge unrelated conditions).

Invariants: text only grows at the end; names are made from value ids and counters, so equal IR gives equal text. LLVM
types: references and managed pointers are ``ptr addrspace(1)`` (null is an ordinary address there), addresses of the
frame are ``ptr``.

Worked example: see :mod:`nativegen.compiler.emit`.
"""

from __future__ import annotations

import xxhash

from nativegen.backend.module_text import (
    CALLING_CONVENTION,
    INVARIANT_LOAD,
    LIKELY_FALSE,
    NORETURN_ATTRIBUTES,
    TBAA_HEAP,
    TBAA_HOME,
    location,
)
from nativegen.compiler import ir
from nativegen.compiler.homes import HomePlan
from nativegen.compiler.lowered import External, ExternalKind
from nativegen.compiler.regions import Scope
from nativegen.readytorun.enums import FixupKind, Helper
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import Cell, CellKind, Symbol

MANAGED = "ptr addrspace(1)"

TYPE_TEXT: dict[ir.Type, str] = {
    ir.Type.I32: "i32",
    ir.Type.I64: "i64",
    ir.Type.F32: "float",
    ir.Type.F64: "double",
    ir.Type.REF: MANAGED,
    ir.Type.BYREF: MANAGED,
    ir.Type.ADDR: "ptr",
}

MEMORY_TEXT: dict[ir.Memory, str] = {
    ir.Memory.I8: "i8",
    ir.Memory.U8: "i8",
    ir.Memory.I16: "i16",
    ir.Memory.U16: "i16",
    ir.Memory.I32: "i32",
    ir.Memory.I64: "i64",
    ir.Memory.F32: "float",
    ir.Memory.F64: "double",
    ir.Memory.REF: MANAGED,
    ir.Memory.BYREF: MANAGED,
}

SMALL = {ir.Memory.I8: "sext", ir.Memory.U8: "zext", ir.Memory.I16: "sext", ir.Memory.U16: "zext"}

_HEAP = f", {TBAA_HEAP}"
_HOME = f", {TBAA_HOME}"


def helper_cell(target: Target, helper: Helper) -> Cell:
    """The eagerly bound cell of a runtime helper (readytorun.h: READYTORUN_FIXUP_Helper).

    Raises:
        KeyError: the target's runtime does not have the helper.
    """
    return Cell(CellKind.EAGER_HELPER, (int(FixupKind.Helper), target.helper_id(helper)))


def external_name(prefix: str, cell: Cell, type_text: str) -> str:
    """A name that only equal cells of equal LLVM type share, in every batch and process."""
    parts = [str(int(cell.kind)), type_text]
    for part in cell.signature:
        if isinstance(part, Symbol):
            parts.append(f"s{int(part.kind)} {part.name}")
        elif isinstance(part, bytes):
            parts.append(f"b{part.hex()}")
        else:
            parts.append(str(int(part)))
    parts.append(str(cell.ref_map))
    return prefix + xxhash.xxh3_128_hexdigest("\0".join(parts).encode())


class Emission:
    """One method's text under construction.

    Args:
        function: the method, after all passes.
        target: for its helpers and its JIT's arithmetic.
        plan: of its homes.
        explicit_null_checks: compare and branch (the optimiser understands that, and keeps stores in order with it)
            instead of a volatile access that faults; see :mod:`nativegen.compiler.emit`.
        definition: number of the function in the method's text: 0 the method, then its filters.
    """

    def __init__(
        self, function: ir.Function, target: Target, plan: HomePlan, explicit_null_checks: bool, definition: int = 0
    ) -> None:
        self.function = function
        self.target = target
        self.plan = plan
        self.explicit_null_checks = self._always_explicit = explicit_null_checks
        self.scope: Scope = None
        self.bundle = ""
        self._unwind = ""
        self._definition = definition
        self.il_offset = -1  # of the instruction being written
        self.lines: list[str] = []
        self.cold: list[str] = []
        self.ends: list[str] = []  # behind everything else
        self.names: list[str] = [""] * function.value_count
        self.slot_pointers: list[str] = [""] * len(function.slots)
        self.slot_values: list[str] = [""] * len(function.slots)
        self.home_tags: list[str] = [_HOME if private else "" for private in plan.private]
        self.in_heap: set[int] = set()  # managed pointers that were made from references
        self.reloaded: list[int] = []
        self.sequence_points: set[int] = set()
        self.volatile = " volatile" if function.debug else ""  # for accesses to slots
        self.uses_word_loop = False
        self.uses_poll_counter = False
        self.externals: dict[str, External] = {}
        self._stubs: dict[tuple[Cell, str], str] = {}
        self._helpers: dict[tuple[Helper, str], str] = {}
        self._counter = 0

    # names

    def temp(self) -> str:
        self._counter += 1
        return f"%t{self._counter}"

    def label(self) -> str:
        self._counter += 1
        return f"k{self._counter}"

    def define(self, value: ir.Value, text: str) -> None:
        """Write the instruction that makes the value."""
        name = self.names[value.id] = f"%v{value.id}"
        self.lines.append(f" {name} = {text}")

    def assign(self, text: str) -> str:
        """Write an instruction and return the temporary that holds its result."""
        name = self.temp()
        self.lines.append(f" {name} = {text}")
        return name

    # values

    def operand(self, value: ir.Value) -> str:
        """The current name of a value, which is read from its home if a collection may have moved what it points to."""
        return self.names[value.id] or self._reload(value)

    def _reload(self, value: ir.Value) -> str:
        literal = self.plan.literals.get(value.id)
        if literal is None:
            name = self.load_home(self.plan.values[value.id])
        else:
            name = self.assign(self.literal(literal))
        self.names[value.id] = name
        return name

    def literal(self, cell: Cell) -> str:
        """The text that loads the object behind a literal's cell."""
        # The runtime fills the cell before the method may run and never changes it; the object behind it moves.
        handle = self.assign(f"load ptr, ptr @{self.cell(cell)}, {INVARIANT_LOAD}")
        return f"load {MANAGED}, ptr {handle}"

    def typed(self, value: ir.Value) -> str:
        return f"{TYPE_TEXT[value.type]} {self.operand(value)}"

    def coerce(self, value: ir.Value, wanted: ir.Type) -> str:
        """The value as an LLVM value of another pointer type; the verifier knows which pairs may occur."""
        have = value.type
        name = self.operand(value)
        if have is wanted or TYPE_TEXT[have] == TYPE_TEXT[wanted]:
            return name
        if have is ir.Type.I64:
            return self.assign(f"inttoptr i64 {name} to {TYPE_TEXT[wanted]}")
        if wanted is ir.Type.I64:
            return self.assign(f"ptrtoint {TYPE_TEXT[have]} {name} to i64")
        return self.assign(f"addrspacecast {TYPE_TEXT[have]} {name} to {TYPE_TEXT[wanted]}")

    def pointer(self, value: ir.Value, offset: int = 0) -> str:
        """``value + offset`` as a typed LLVM pointer operand."""
        if value.type is ir.Type.ADDR:
            kind, name = "ptr", self.operand(value)
        else:
            kind, name = MANAGED, self.coerce(value, ir.Type.BYREF)
        if offset:
            name = self.assign(f"getelementptr i8, {kind} {name}, i64 {offset}")
        return f"{kind} {name}"

    def heap_tag(self, address: ir.Value) -> str:
        """The aliasing tag for an access through ``address``.

        Only a reference, or a pointer made from one in the same block, is certain to point into the heap; another
        managed pointer may point to this frame.
        """
        return _HEAP if address.type is ir.Type.REF or address.id in self.in_heap else ""

    def derive(self, result: ir.Value, base: ir.Value) -> None:
        """``result`` points into whatever ``base`` points to."""
        if base.type is ir.Type.REF or base.id in self.in_heap:
            self.in_heap.add(result.id)

    # homes and slots

    def home(self, word: int, offset: int = 0) -> str:
        """The address of a byte in the homes.

        Computed anew for every access: codegen level 0 would carry an address from the entry block in a stack slot,
        and folds one of the same block into the access.
        """
        offset += word * 8
        return self.assign(f"getelementptr i8, ptr %homes, i64 {offset}") if offset else "%homes"

    def load_home(self, word: int) -> str:
        return self.assign(f"load {MANAGED}, ptr {self.home(word)}{self.home_tags[word]}")

    def store_home(self, word: int, name: str) -> None:
        self.lines.append(f" store {MANAGED} {name}, ptr {self.home(word)}{self.home_tags[word]}")

    def slot_pointer(self, slot: ir.Slot, offset: int = 0) -> str:
        """The address of a byte of a slot."""
        word = self.plan.slots.get(slot.index)
        if word is not None:
            return self.home(word, offset)
        base = self.slot_pointers[slot.index]
        return self.assign(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base

    def slot_access(self, slot: ir.Slot) -> str:
        """Typed pointer and tag for an access to a scalar slot."""
        word = self.plan.slots.get(slot.index)
        if word is None:
            return f"ptr {self.slot_pointers[slot.index]}"
        return f"ptr {self.home(word)}{self.home_tags[word]}"

    def safepoint(self) -> None:
        """A collection may have happened: forget the registers that hold references."""
        names = self.names
        for value in self.reloaded:
            names[value] = ""

    # externals

    def stub(self, cell: Cell, result: str, parameters: str) -> str:
        """The callable name of a cell."""
        type_text = f"{result} ({parameters})"
        name = self._stubs.get((cell, type_text))
        if name is None:
            name = self._stubs[cell, type_text] = external_name("s", cell, type_text)
            declaration = f"declare {CALLING_CONVENTION} {result} @{name}({parameters})"
            self.externals[name] = External(name, ExternalKind.STUB, cell, declaration)
        return name

    def routine(self, routine: str, result: str, parameters: str) -> str:
        """One of the image's routines that call through r10, under a name of its own for each LLVM type."""
        name = f"{routine}.{xxhash.xxh3_128_hexdigest(f'{result} ({parameters})'.encode())}"
        if name not in self.externals:
            declaration = f"declare {CALLING_CONVENTION} {result} @{name}({parameters})"
            self.externals[name] = External(name, ExternalKind.RUNTIME, None, declaration)
        return name

    def cell(self, cell: Cell) -> str:
        """The name of the cell as data."""
        name = self._stubs.get((cell, ""))
        if name is None:
            name = self._stubs[cell, ""] = external_name("c", cell, "")
            # A field's data may lie at any address: LLVM takes what it knows about alignment from the type.
            kind = "i8" if cell.kind is CellKind.FIELD_DATA else "i64"
            self.externals[name] = External(name, ExternalKind.CELL, cell, f"@{name} = external global {kind}")
        return name

    # calls

    def site(self) -> str:
        """The attachment of whatever can be a frame's place in a stack trace: calls, and accesses that may fault."""
        return location(self.il_offset, self._definition)

    def set_scope(self, scope: Scope, bundle: str, unwind: str) -> None:
        """What surrounds the following lines.

        Args:
            bundle: funclet operand bundle of every call.
            unwind: label to which exceptions go, or empty.
        """
        self.scope, self.bundle, self._unwind = scope, bundle, unwind
        # The runtime finds a handler by the call that throws; an access that faults is not one.
        self.explicit_null_checks = self._always_explicit or bool(unwind)

    def write_call(
        self, name: str, callee: str, *, throws: bool = True, noreturn: bool = False, cold: bool = False
    ) -> None:
        """Write a call in our calling convention.

        Args:
            name: of the result, or empty.
            callee: result type, name and arguments.
            throws: an exception may come out of it.
            cold: among the cold blocks.
        """
        lines = self.cold if cold else self.lines
        result = f" {name} = " if name else " "
        attributes = f" {NORETURN_ATTRIBUTES}" if noreturn else ""
        text = f"{CALLING_CONVENTION} {callee}{attributes}{self.bundle}"
        if throws and self._unwind:
            go_on = self.label()
            lines.append(f"{result}invoke {text} to label %{go_on} unwind label {self._unwind}{self.site()}")
            lines.append(f"{go_on}:")
        else:
            lines.append(f"{result}call {text}{self.site()}")

    def helper(self, helper: Helper, result: str, parameters: str, arguments: str) -> str:
        """A runtime helper as the callee of :meth:`write_call`."""
        name = self._helpers.get((helper, parameters))
        if name is None:
            name = self.stub(helper_cell(self.target, helper), result, parameters)
            self._helpers[helper, parameters] = name
        return f"{result} @{name}({arguments})"

    # checks

    def fail_if(self, condition: str, helper: Helper) -> None:
        """Go on only if ``condition`` (an i1) is false; otherwise call a helper that throws."""
        cold, go_on = self.label(), self.label()
        self.lines.append(f" br i1 {condition}, label %{cold}, label %{go_on}, {LIKELY_FALSE}")
        self.lines.append(f"{go_on}:")
        self.cold.append(f"{cold}:")
        self.write_call("", self.helper(helper, "void", "", ""), noreturn=True, cold=True)
        self.cold.append(" unreachable")

    def null_check(self, value: ir.Value) -> None:
        """Compare with null and throw."""
        if value.type is ir.Type.I64:
            condition = self.assign(f"icmp eq i64 {self.operand(value)}, 0")
        else:
            condition = self.assign(f"icmp eq {MANAGED} {self.operand(value)}, null")
        self.fail_if(condition, Helper.ThrowNullRef)
