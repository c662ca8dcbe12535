"""Synchronized methods: a monitor is held while the body runs (ECMA-335 II.15.4.3.3, MethodImplOptions.Synchronized).

What: :class:`Monitor` puts the whole body into a try region with a fault handler, as the runtime's JIT does
(flowgraph.cpp: fgAddSyncMethodEnterExit): enter is the first thing in the region, the handler gives the monitor up when
an exception leaves the method, and every ``ret`` goes through one block outside that does the same.

Why here: CIL has no instructions for it, so neither the opcode modules nor the clause table know the region.

Invariants: the object is what ``this`` was at entry, or the type's managed object, whatever the body stores to the
argument. ``taken`` is the helpers' own: enter sets it when the monitor is held, exit does nothing unless it is set. The
static constructor runs before, as under the JIT. The result is computed before the monitor is given up.

Example (``[Synchronized] int Get() => x``)::

    b0: store_slot lock, this; store_slot taken, 0; jump b1
    b1 in t0: call MonitorEnter(lock, &taken); jump b2
    b2 in t0: v1 = load v0+8 i32 faulting; store_slot result, v1; jump b4
    b3 in h0: call MonitorExit(lock, &taken); end_finally
    b4: call MonitorExit(lock, &taken); v2 = load_slot result; return v2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nativegen.compiler import helper_abis, ir
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.import_generics import exact_type, open_owner
from nativegen.compiler.ir import MEMORY_INFO, Barrier, Memory, SlotKind, Type
from nativegen.compiler.regions import Handler, HandlerKind, TryRegion
from nativegen.readytorun.enums import Helper
from nativegen.typesystem.canonical import contains_canon

if TYPE_CHECKING:
    from nativegen.compiler.importer import MethodImporter


class Monitor:
    """The monitor of one method while it is imported; made before any other region.

    Args:
        importer: the method.

    Raises:
        Excluded: SYNCHRONIZED, an instance method of a value type, which has no object to lock.
    """

    def __init__(self, importer: MethodImporter) -> None:
        method = importer.method
        if method.signature.has_this and method.owner.is_value_type:
            raise Excluded(Reason.SYNCHRONIZED, "instance method of a value type")
        self._importer = importer
        function = importer.function
        self.region = TryRegion(len(function.regions), None)
        function.regions.append(self.region)
        self._object = function.new_slot("lock", SlotKind.TEMP, memory=Memory.REF)
        self._taken = function.new_slot("taken", SlotKind.TEMP, memory=Memory.U8)
        self._taken.address_taken = True
        self._result: ir.Slot | None = None
        result = importer.result
        if not result.is_void:
            self._result = function.new_slot("result", SlotKind.TEMP, memory=result.memory, shape=result.shape)
        self._exit: ir.Block | None = None

    def enter(self, body: ir.Block) -> None:
        """Ends the entry block: takes the monitor and goes on to ``body``, which is in the region."""
        importer = self._importer
        importer.emit(ir.StoreSlot(self._object, self._find_object()))
        importer.emit(ir.StoreSlot(self._taken, importer.const(Type.I32, 0)))
        first = importer.function.new_block(0, self.region)
        importer.end(ir.Jump(first))
        importer.begin(first)
        self._call(Helper.MonitorEnter)
        importer.end(ir.Jump(body))
        self._make_handler()

    def _find_object(self) -> ir.Value:
        importer = self._importer
        method = importer.method
        if method.signature.has_this:
            result = importer.value(Type.REF)
            importer.emit(ir.LoadSlot(result, importer.argument(0)))
            return result
        if contains_canon(method.owner):
            handle = exact_type(importer, open_owner(method))
        else:
            handle = importer.load_cell(importer.cells.type_handle(method.owner))
        found = importer.call_helper(
            importer.cells.helper(Helper.GetRuntimeTypeHandle), helper_abis.RUNTIME_HANDLE, (handle,)
        )
        assert found is not None
        return found

    def _call(self, helper: Helper) -> None:
        importer = self._importer
        held = importer.value(Type.REF)
        importer.emit(ir.LoadSlot(held, self._object))
        taken = importer.as_byref(importer.slot_address(self._taken))
        importer.call_helper(importer.cells.helper(helper), helper_abis.MONITOR, (held, taken))

    def _make_handler(self) -> None:
        importer = self._importer
        entry = importer.function.new_block(len(importer.method.body.code))
        handler = Handler(0, HandlerKind.FAULT, self.region, entry)
        entry.scope = handler
        self.region.handlers.append(handler)
        importer.begin(entry)
        self._call(Helper.MonitorExit)
        importer.end(ir.EndFinally())

    def leave(self, value: ir.Value | None) -> None:
        """Ends a block of the body: a return.

        Args:
            value: as ``ir.Return`` takes it.
        """
        importer = self._importer
        slot = self._result
        if slot is not None:
            assert value is not None
            if slot.memory is not None:
                importer.emit(ir.StoreSlot(slot, value))
            else:
                assert slot.shape is not None
                importer.emit(ir.CopyStruct(importer.slot_address(slot), value, slot.shape, Barrier.NONE))
        if self._exit is None:
            self._exit = importer.function.new_block(len(importer.method.body.code))
        importer.end(ir.Jump(self._exit))

    def finish(self) -> None:
        """Writes the way out, when the whole body is imported."""
        if self._exit is None:  # it never returns
            return
        importer = self._importer
        importer.begin(self._exit)
        self._call(Helper.MonitorExit)
        slot = self._result
        value: ir.Value | None = None
        if slot is not None and slot.memory is not None:
            value = importer.value(MEMORY_INFO[slot.memory][0])
            importer.emit(ir.LoadSlot(value, slot))
        elif slot is not None:
            value = importer.slot_address(slot)
        importer.end(ir.Return(value))
