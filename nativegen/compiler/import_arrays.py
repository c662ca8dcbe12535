"""Importing vectors: newarr, ldlen, ldelem, stelem, ldelema (ECMA-335 III.4.7 to III.4.27).

An element is at ``array + 16 + index * size``. The bounds check also is the null check. Stores of references go through
the runtime's helper, which checks the element type; so does ``ldelema`` of references unless it is ``readonly.``.

Example (``ldarg.0; ldarg.1; ldelem.i4``)::

    bounds_check v0, v1
    v2: i64 = convert zext32 v1
    v3: byref = index v0 + v2 * 4 + 16
    v4: i32 = load v3+0 i32
"""

from __future__ import annotations

from typing import Final

from nativegen.compiler import access, helper_abis, import_generics, ir
from nativegen.compiler.access import Address
from nativegen.compiler.import_memory import SCALAR_FORMS
from nativegen.compiler.importer import Entry, Handler, MethodImporter, invalid
from nativegen.compiler.ir import MEMORY_INFO, ConvertKind, Memory, Type
from nativegen.metadata.ops import Op
from nativegen.readytorun.enums import Helper

_DATA_OFFSET: Final = 16  # MethodTable pointer, length


def _new_array(importer: MethodImporter, token: int) -> None:
    element = importer.compiler.storage(token)
    if element.is_void or element.desc.is_byref_like or element.memory is Memory.BYREF:
        raise invalid(f"array of {element.desc.display_name}")
    length = importer.as_native(importer.pop_value())
    importer.keep_borrowed()
    open_type = importer.compiler.open_type(token)
    if open_type is not None:
        importer.push(Type.REF, import_generics.new_array(importer, open_type, length), nonnull=True)
        return
    cell = importer.compiler.cells.new_array(element.desc)
    result = importer.call_helper(cell, helper_abis.NEW_ARRAY, (length,))
    assert result is not None
    importer.push(Type.REF, result, nonnull=True)


def _length(importer: MethodImporter, operand: None) -> None:
    array = _array(importer, importer.pop())
    importer.emit(ir.ArrayLength(importer.push_result(Type.I64), array))


def _array(importer: MethodImporter, entry: Entry) -> ir.Value:
    value = importer.scalar(entry)
    if value.type is not Type.REF:
        raise invalid(f"{value.type.name} where an array is needed")
    return value


def _element(importer: MethodImporter, array: ir.Value, index: ir.Value, size: int) -> Address:
    """Checks the index; gives the element's address."""
    if index.type not in (Type.I32, Type.I64):
        raise invalid(f"array index of type {index.type.name}")
    importer.emit(ir.BoundsCheck(array, index))
    if index.type is Type.I32:
        index = importer.convert(ConvertKind.ZEXT32, index, Type.I64)
    result = importer.value(Type.BYREF)
    importer.emit(ir.Index(result, array, index, size, _DATA_OFFSET))
    return Address(result, 0, True, True)


def _load(memory: Memory) -> Handler:
    size = MEMORY_INFO[memory][1]

    def handler(importer: MethodImporter, operand: None) -> None:
        index = importer.pop_value()
        array = _array(importer, importer.pop())
        access.load_memory(importer, _element(importer, array, index, size), memory)

    return handler


def _load_typed(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    importer.require(storage)
    index = importer.pop_value()
    array = _array(importer, importer.pop())
    access.load(importer, _element(importer, array, index, storage.size), storage)


def _store(memory: Memory) -> Handler:
    size = MEMORY_INFO[memory][1]

    def handler(importer: MethodImporter, operand: None) -> None:
        value = importer.pop()
        index = importer.pop_value()
        array = _array(importer, importer.pop())
        access.store_memory(importer, _element(importer, array, index, size), memory, value)

    return handler


def _store_reference(importer: MethodImporter, operand: None) -> None:
    value = importer.coerce(importer.pop(), Memory.REF)
    index = importer.pop_value()
    array = _array(importer, importer.pop())
    index = importer.as_native(index)  # 3.1's helper looks at 32 bits only; so it does for jitted code
    importer.call_helper(importer.cells.helper(Helper.Stelem_Ref), helper_abis.STORE_ELEMENT, (array, index, value))


def _store_typed(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    if storage.memory is Memory.REF:
        _store_reference(importer, None)
        return
    importer.require(storage)
    value = importer.pop()
    index = importer.pop_value()
    array = _array(importer, importer.pop())
    access.store(importer, _element(importer, array, index, storage.size), storage, value)


def _element_address(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    importer.require(storage)
    index = importer.pop_value()
    array = _array(importer, importer.pop())
    if storage.memory is Memory.REF and not importer.prefixes.readonly:
        index = importer.as_native(index)
        handle = import_generics.type_handle(importer, storage.desc, importer.compiler.open_type(token))
        cell = importer.cells.helper(Helper.Ldelema_Ref)
        result = importer.call_helper(cell, helper_abis.ELEMENT_ADDRESS, (array, index, handle))
        assert result is not None
    else:
        result = _element(importer, array, index, storage.size).base
    importer.push(Type.BYREF, result, nonnull=True)


HANDLERS: dict[int, Handler] = {
    Op.NEWARR: _new_array,
    Op.LDLEN: _length,
    **{getattr(Op, f"LDELEM_{name}"): _load(memory) for name, memory in SCALAR_FORMS.items()},
    **{getattr(Op, f"STELEM_{name}"): _store(memory) for name, memory in SCALAR_FORMS.items()},
    Op.LDELEM_U1: _load(Memory.U8),
    Op.LDELEM_U2: _load(Memory.U16),
    Op.LDELEM_U4: _load(Memory.I32),
    Op.LDELEM_REF: _load(Memory.REF),
    Op.STELEM_REF: _store_reference,
    Op.LDELEM: _load_typed,
    Op.STELEM: _store_typed,
    Op.LDELEMA: _element_address,
}
