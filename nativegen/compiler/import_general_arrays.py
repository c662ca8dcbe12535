"""Importing arrays with several dimensions: their constructors and Get, Set and Address (ECMA-335 II.14.2, III.4.20).

These are methods that the runtime makes for each array type; the JIT expands them, and so do we. Behind the MethodTable
pointer and the element count, such an array has its lengths, then its lower bounds (int32 each), then the elements,
last dimension first. Each index is checked against its own dimension.

What is not expanded: arrays of one dimension, which may turn out to be vectors, and stores of references, which the
runtime's own method has to check.

Example (``ldarg.0; ldarg.1; ldarg.2; call instance int32 int32[0...,0...]::Get(int32, int32)``)::

    v3: i32 = load v0+24 i32 faulting       ; lower bound
    v4: i32 = binary sub v1, v3
    v5: i32 = load v0+16 i32                ; length
    range_check v4, v5
    ...                                     ; the same for the second index
    v11: byref = index v0 + v10 * 4 + 32
    v12: i32 = load v11+0 i32
"""

from __future__ import annotations

from typing import Final

from nativegen.compiler import access, helper_abis, ir
from nativegen.compiler.access import Address
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.import_generics import type_handle
from nativegen.compiler.importer import Entry, MethodImporter, invalid
from nativegen.compiler.ir import BinaryOp, ConvertKind, Memory, SlotKind, StructShape, Type
from nativegen.compiler.resolved import Callee
from nativegen.compiler.storage import Storage
from nativegen.typesystem.constructed import ArrayType

_BOUNDS: Final = 16  # MethodTable pointer, element count


def _array_type(callee: Callee) -> ArrayType:
    owner = callee.method.owner
    assert isinstance(owner, ArrayType)
    return owner


def new_general_array(importer: MethodImporter, callee: Callee) -> None:
    """``newobj`` of an array type, one length per dimension."""
    owner = _array_type(callee)
    count = len(callee.parameters)
    if owner.rank == 1 or count != owner.rank:
        raise Excluded(Reason.OPCODE, "array with lower bounds")
    lengths = [importer.coerce(importer.pop(), Memory.I32) for _ in callee.parameters]
    importer.keep_borrowed()
    shape = StructShape(4 * count, 4, (), "lengths")
    slot = importer.function.new_slot(f"n{len(importer.function.slots)}", SlotKind.TEMP, shape=shape)
    for index, length in enumerate(reversed(lengths)):
        importer.emit(ir.Store(importer.slot_address(slot), 4 * index, Memory.I32, length))
    address = importer.convert(ConvertKind.ADDR_I64, importer.slot_address(slot), Type.I64)
    handle = type_handle(importer, owner, callee.open_owner)
    arguments = (handle, importer.const(Type.I32, count), address)
    result = importer.call_helper(importer.cells.new_general_array(), helper_abis.NEW_GENERAL_ARRAY, arguments)
    assert result is not None
    importer.push(Type.REF, result, nonnull=True)


def expand_array_method(importer: MethodImporter, callee: Callee) -> bool:
    """A call of Get, Set or Address; False: it has to be called like any other method."""
    owner = _array_type(callee)
    name = callee.method.name
    element = importer.compiler.storages.of(owner.element)
    is_reference = element.memory is Memory.REF
    if name == "Address":
        if owner.rank == 1 or (is_reference and not importer.prefixes.readonly):
            raise Excluded(Reason.OPCODE, "address in an array of references or of one dimension")
    elif name not in ("Get", "Set"):
        raise invalid(f"call of {callee.method.display_name}")
    if len(callee.parameters) != owner.rank + (name == "Set"):
        raise invalid(f"{callee.method.display_name} with {len(callee.parameters)} arguments")
    if owner.rank == 1 or (name == "Set" and is_reference):
        if importer.compiler.module.method(callee.token).owner.contains_generic_parameters:
            raise Excluded(Reason.NOT_NAMEABLE, callee.method.display_name)
        return False
    importer.require(element)
    value = importer.pop() if name == "Set" else None
    address = _element(importer, owner, element)
    if value is not None:
        access.store(importer, address, element, value)
    elif name == "Get":
        access.load(importer, address, element)
    else:
        importer.push(Type.BYREF, address.base, nonnull=True)
    return True


def _element(importer: MethodImporter, owner: ArrayType, element: Storage) -> Address:
    """Pops the indices and the array, checks them, and gives the element's address."""
    rank = owner.rank
    indices = [importer.coerce(importer.pop(), Memory.I32) for _ in range(rank)][::-1]
    entry: Entry = importer.pop()
    array = importer.coerce(entry, Memory.REF)
    place: ir.Value | None = None
    for dimension, index in enumerate(indices):
        bound = importer.value(Type.I32)
        faulting = not dimension and not entry.nonnull
        offset = _BOUNDS + 4 * (rank + dimension)
        importer.emit(ir.Load(bound, array, offset, Memory.I32, faulting=faulting))
        index = _binary(importer, BinaryOp.SUB, index, bound)
        length = importer.value(Type.I32)
        importer.emit(ir.Load(length, array, _BOUNDS + 4 * dimension, Memory.I32))
        importer.emit(ir.RangeCheck(index, length))
        if place is not None:
            index = _binary(importer, BinaryOp.ADD, _binary(importer, BinaryOp.MUL, place, length), index)
        place = index
    assert place is not None
    wide = importer.convert(ConvertKind.ZEXT32, place, Type.I64)
    result = importer.value(Type.BYREF)
    importer.emit(ir.Index(result, array, wide, element.size, _BOUNDS + 8 * rank))
    return Address(result, 0, True, True)


def _binary(importer: MethodImporter, op: BinaryOp, left: ir.Value, right: ir.Value) -> ir.Value:
    result = importer.value(Type.I32)
    importer.emit(ir.Binary(result, op, left, right))
    return result
