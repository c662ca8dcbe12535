"""Importing constants, locals, arguments and plain stack instructions (ECMA-335 III.3: ldc, ldloc, starg, dup ...).

Example (``ldloc.0; stloc.1`` with structs)::

    v0: addr = slot_address l1
    v1: addr = slot_address l0          ; the entry was borrowed from l0, nothing was copied in between
    copy_struct v0, v1
"""

from __future__ import annotations

from collections.abc import Callable

from nativegen.compiler import ir
from nativegen.compiler.importer import Entry, Handler, MethodImporter
from nativegen.compiler.ir import Barrier, Memory, Type
from nativegen.compiler.storage import Storage
from nativegen.metadata.ops import Op


def _push_variable(importer: MethodImporter, slot: ir.Slot, storage: Storage) -> None:
    if slot.memory is None:
        importer.push_struct(slot, storage)
    else:
        importer.push_loaded(slot)


def load_local(importer: MethodImporter, index: int) -> None:
    _push_variable(importer, importer.local(index), importer.local_storages[index])


def load_argument(importer: MethodImporter, index: int) -> None:
    slot = importer.argument(index)
    _push_variable(importer, slot, importer.argument_storages[index])
    # A struct's methods are entered with the address of an existing struct.
    if index == 0 and slot.memory is Memory.BYREF and importer.method.signature.has_this:
        importer.stack[-1].nonnull = True


def store_variable(importer: MethodImporter, slot: ir.Slot, storage: Storage) -> None:
    """``stloc`` and ``starg``."""
    entry = importer.pop()
    if slot.memory is not None:
        importer.emit(ir.StoreSlot(slot, importer.coerce(entry, slot.memory)))
        return
    assert slot.shape is not None
    importer.keep_borrowed(slot)
    source = importer.struct_of(entry, storage)
    if entry.slot is not slot:
        importer.emit(ir.CopyStruct(importer.slot_address(slot), source, slot.shape, Barrier.NONE))


def store_local(importer: MethodImporter, index: int) -> None:
    store_variable(importer, importer.local(index), importer.local_storages[index])


def store_argument(importer: MethodImporter, index: int) -> None:
    store_variable(importer, importer.argument(index), importer.argument_storages[index])


def local_address(importer: MethodImporter, index: int) -> None:
    importer.push(Type.ADDR, importer.slot_address(importer.local(index)), nonnull=True)


def argument_address(importer: MethodImporter, index: int) -> None:
    importer.push(Type.ADDR, importer.slot_address(importer.argument(index)), nonnull=True)


def _indexed(function: Callable[[MethodImporter, int], None], index: int) -> Handler:
    return lambda importer, operand: function(importer, index)


def _constant(bits: int) -> Handler:
    return lambda importer, operand: importer.push(Type.I32, importer.const(Type.I32, bits))


def _const_i4(importer: MethodImporter, operand: int) -> None:
    importer.push(Type.I32, importer.const(Type.I32, operand))


def _const_i8(importer: MethodImporter, operand: int) -> None:
    importer.push(Type.I64, importer.const(Type.I64, operand))


def _const_r4(importer: MethodImporter, operand: int) -> None:
    importer.push(Type.F32, importer.const(Type.F32, operand))


def _const_r8(importer: MethodImporter, operand: int) -> None:
    importer.push(Type.F64, importer.const(Type.F64, operand))


def _null(importer: MethodImporter, operand: None) -> None:
    importer.push(Type.REF, importer.const(Type.REF, 0))


def _dup(importer: MethodImporter, operand: None) -> None:
    entry = importer.pop()
    importer.stack += (entry, _clone(entry))


def _clone(entry: Entry) -> Entry:
    return Entry(entry.type, entry.value, entry.storage, entry.slot, entry.offset, entry.nonnull)


def _pop(importer: MethodImporter, operand: None) -> None:
    importer.pop()


def _nop(importer: MethodImporter, operand: None) -> None:
    """Nothing."""


HANDLERS: dict[int, Handler] = {
    Op.NOP: _nop,
    Op.DUP: _dup,
    Op.POP: _pop,
    Op.LDNULL: _null,
    Op.LDC_I4_S: _const_i4,
    Op.LDC_I4: _const_i4,
    Op.LDC_I8: _const_i8,
    Op.LDC_R4: _const_r4,
    Op.LDC_R8: _const_r8,
    Op.LDARG_S: load_argument,
    Op.LDARG: load_argument,
    Op.STARG_S: store_argument,
    Op.STARG: store_argument,
    Op.LDARGA_S: argument_address,
    Op.LDARGA: argument_address,
    Op.LDLOC_S: load_local,
    Op.LDLOC: load_local,
    Op.STLOC_S: store_local,
    Op.STLOC: store_local,
    Op.LDLOCA_S: local_address,
    Op.LDLOCA: local_address,
}
for _index in range(4):
    HANDLERS[Op.LDARG_0 + _index] = _indexed(load_argument, _index)
    HANDLERS[Op.LDLOC_0 + _index] = _indexed(load_local, _index)
    HANDLERS[Op.STLOC_0 + _index] = _indexed(store_local, _index)
for _index in range(-1, 9):
    HANDLERS[Op.LDC_I4_0 + _index] = _constant(_index)
