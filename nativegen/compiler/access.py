"""Loads and stores through an address: what fields, elements, indirections and statics have in common.

Why here: the rules for null checks, write barriers and struct copies are the same for all of them and must not be
written twice.

Rules:

* A reference may be null: a scalar access at a small offset checks it by faulting, everything else by an explicit check
  first. The same holds for byrefs and unmanaged pointers, except those known to point somewhere (``nonnull``) and slot
  addresses.
* Barrier of a reference store: none into this frame, unchecked into an object, checked through anything else.
* A store through a pointer may change an exposed variable, so structs borrowed from those are copied first; a store
  into an object or static field cannot.

Example (``stind.ref``)::

    null_check v0                       ; v0: byref of unknown origin
    store_ref v0+0, v1 checked
"""

from __future__ import annotations

from typing import NamedTuple

from nativegen.compiler import ir
from nativegen.compiler.importer import Entry, MethodImporter, invalid
from nativegen.compiler.ir import MEMORY_INFO, Barrier, Memory, Type
from nativegen.compiler.storage import Storage
from nativegen.metadata.ops import Op


class Address(NamedTuple):
    """Where to load or store: ``base`` + ``offset``.

    Attributes:
        nonnull: ``base`` needs no null check.
        in_object: ``base`` is a byref that is known to point into a heap object.
    """

    base: ir.Value
    offset: int = 0
    nonnull: bool = False
    in_object: bool = False


def pointer_address(importer: MethodImporter, entry: Entry) -> Address:
    """The address that a popped byref or native int is."""
    value = importer.as_pointer(entry)
    return Address(value, 0, entry.nonnull or value.type is Type.ADDR)


def barrier_for(address: Address) -> Barrier:
    """The write barrier of a reference store to ``address``."""
    type_ = address.base.type
    if type_ is Type.ADDR:
        return Barrier.NONE
    if type_ is Type.REF or address.in_object:
        return Barrier.UNCHECKED
    return Barrier.CHECKED


def check_null(importer: MethodImporter, address: Address) -> None:
    """An explicit null check, unless the address needs none."""
    if not address.nonnull and address.base.type is not Type.ADDR:
        importer.emit(ir.NullCheck(address.base))


def effective(importer: MethodImporter, address: Address) -> ir.Value:
    """The address as one value; the null check must have been emitted."""
    base, offset = address.base, address.offset
    if offset == 0 and base.type is not Type.REF:
        return base
    result = importer.value(Type.BYREF if base.type is Type.REF else base.type)
    importer.emit(ir.Offset(result, base, offset))
    return result


def load(importer: MethodImporter, address: Address, storage: Storage) -> None:
    """Pushes the value at ``address``; the volatile. prefix applies."""
    memory = storage.memory
    if memory is None:
        _load_struct(importer, address, storage)
        return
    prefixes = importer.prefixes
    faulting = _faults(importer, address)
    result = importer.push_result(MEMORY_INFO[memory][0])
    importer.emit(ir.Load(result, address.base, address.offset, memory, prefixes.volatile, faulting))


def load_memory(importer: MethodImporter, address: Address, memory: Memory) -> None:
    """As :func:`load`, for a scalar form."""
    prefixes = importer.prefixes
    faulting = _faults(importer, address)
    result = importer.push_result(MEMORY_INFO[memory][0])
    importer.emit(ir.Load(result, address.base, address.offset, memory, prefixes.volatile, faulting))


def _faults(importer: MethodImporter, address: Address) -> bool:
    """Whether the access itself is the null check; emits one when it cannot be."""
    if address.nonnull or address.base.type is Type.ADDR:
        return False
    if address.offset < importer.compiler.target.null_page_limit:
        return True
    importer.emit(ir.NullCheck(address.base))
    return False


def _load_struct(importer: MethodImporter, address: Address, storage: Storage) -> None:
    shape = storage.shape
    if shape is None:
        raise invalid("load of void")
    importer.require(storage)
    check_null(importer, address)
    source = effective(importer, address)
    slot = stored_next(importer, storage)
    destination = slot or importer.temporary(storage)
    target = importer.slot_address(destination)
    importer.emit(ir.CopyStruct(target, source, shape, Barrier.NONE, importer.prefixes.volatile))
    if slot is None:
        importer.push_struct(destination, storage)


def stored_next(importer: MethodImporter, storage: Storage) -> ir.Slot | None:
    """The local that the next instruction stores this struct to, if it may be written at once; skips that instruction.

    Only a local whose address is never taken, and not in a try block: nobody can observe that it changes before the
    instruction is complete.
    """
    following = importer.peek()
    if following is None or importer.is_protected:
        return None
    _, opcode, operand = following
    if opcode == Op.STLOC_S or opcode == Op.STLOC:
        index = operand
    elif Op.STLOC_0 <= opcode <= Op.STLOC_3:
        index = opcode - Op.STLOC_0
    else:
        return None
    slot = importer.local(index)
    if importer.local_storages[index] is not storage or importer.is_exposed(slot):
        return None
    importer.keep_borrowed(slot)
    importer.position += 1
    return slot


def store(importer: MethodImporter, address: Address, storage: Storage, entry: Entry) -> None:
    """Stores a popped entry; the volatile. prefix applies."""
    memory = storage.memory
    if memory is not None:
        store_memory(importer, address, memory, entry)
        return
    shape = storage.shape
    if shape is None:
        raise invalid("store of void")
    importer.require(storage)
    _may_change_variables(importer, address)
    check_null(importer, address)
    source = importer.struct_of(entry, storage)
    target = effective(importer, address)
    importer.emit(ir.CopyStruct(target, source, shape, barrier_for(address), importer.prefixes.volatile))


def store_memory(importer: MethodImporter, address: Address, memory: Memory, entry: Entry) -> None:
    """As :func:`store`, for a scalar form."""
    prefixes = importer.prefixes
    value = importer.coerce(entry, memory)
    _may_change_variables(importer, address)
    base, offset = address.base, address.offset
    if memory is Memory.REF:
        check_null(importer, address)
        importer.emit(ir.StoreRef(base, offset, value, barrier_for(address), prefixes.volatile))
        return
    faulting = _faults(importer, address)
    importer.emit(ir.Store(base, offset, memory, value, prefixes.volatile, faulting))


def clear(importer: MethodImporter, address: Address, storage: Storage) -> None:
    """``initobj``: zeros or nulls the value at ``address``."""
    if storage.shape is not None:
        importer.require(storage)
        _may_change_variables(importer, address)
        check_null(importer, address)
        importer.emit(ir.ZeroStruct(effective(importer, address), storage.shape))
        return
    if storage.memory is None:
        raise invalid("initobj of void")
    type_ = MEMORY_INFO[storage.memory][0]
    store_memory(importer, address, storage.memory, Entry(type_, importer.const(type_, 0)))


def _may_change_variables(importer: MethodImporter, address: Address) -> None:
    if address.base.type is not Type.REF and not address.in_object:
        importer.keep_borrowed()
