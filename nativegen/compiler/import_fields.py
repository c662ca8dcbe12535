"""Importing instance and static fields (ECMA-335 III.4.10 to III.4.30).

Where a field is: structs and classes that our module lays out alone use the predicted offset, with a check cell; a
field of a class whose layout other assemblies decide takes its offset from a cell that the runtime fills, so nothing is
assumed. Static fields are reached through a helper that returns their address and has run the static constructor;
those with initial data, unless a static constructor has to run, are where the IL's own section has them.

Example (``ldarg.0; ldfld int32 C::x``)::

    v1 = load v0+8 i32 faulting         ; required: check field offset C::x 8
"""

from __future__ import annotations

from nativegen.compiler import access, helper_abis, import_generics, ir
from nativegen.compiler.access import Address
from nativegen.compiler.importer import Entry, Handler, MethodImporter, invalid
from nativegen.compiler.ir import ConvertKind, Type
from nativegen.compiler.resolved import FieldAccess, StaticField
from nativegen.metadata.ops import Op
from nativegen.readytorun.unit import CellKind

_FIXED_BUFFER = "FixedElementField"  # of the struct that C# makes of ``fixed T name[n]``


def _field_address(importer: MethodImporter, field: FieldAccess, entry: Entry) -> Address:
    """The address of the field in the object or struct that a popped entry designates."""
    _use(importer, field)
    if field.check is not None:
        importer.require_cell(field.check)
    if not field.owner_is_class:
        base = access.pointer_address(importer, entry)
        return base._replace(offset=field.offset)
    value = importer.scalar(entry)
    if value.type is not Type.REF:
        raise invalid(f"field of a class through {value.type.name}")
    if field.offset_cell is None:
        return Address(value, field.offset, entry.nonnull)
    if not entry.nonnull:
        importer.emit(ir.NullCheck(value))
    result = importer.value(Type.BYREF)
    importer.emit(ir.Index(result, value, importer.load_cell(field.offset_cell), 1, 0))
    return Address(result, 0, True, True)


def _use(importer: MethodImporter, field: FieldAccess) -> None:
    compiler = importer.compiler
    if compiler.module is not compiler.home:
        compiler.foreign.use_field(importer.function, field.field)


def _load_field(importer: MethodImporter, token: int) -> None:
    field = importer.compiler.field(token)
    entry = importer.pop()
    if entry.type is Type.VOID:
        _load_from_struct(importer, field, entry)
        return
    access.load(importer, _field_address(importer, field, entry), field.storage)


def _load_from_struct(importer: MethodImporter, field: FieldAccess, entry: Entry) -> None:
    """A field of a struct on the stack: a scalar is loaded, a struct stays where it is."""
    if entry.slot is None or entry.storage is None or entry.storage.desc is not field.field.owner:
        raise invalid("field of another type")
    _use(importer, field)
    if field.check is not None:
        importer.require_cell(field.check)
    offset = entry.offset + field.offset
    if field.storage.memory is None:
        importer.require(field.storage)
        importer.push_struct(entry.slot, field.storage, offset)
        return
    address = importer.slot_address(entry.slot, offset)
    access.load(importer, Address(address, 0, True), field.storage)


def _load_field_address(importer: MethodImporter, token: int) -> None:
    field = importer.compiler.field(token)
    entry = importer.pop()
    if entry.type is Type.VOID:
        raise invalid("address of a field of a value")
    address = _field_address(importer, field, entry)
    if address.base.type is Type.REF:
        access.check_null(importer, address)
        address = address._replace(nonnull=True)
    elif address.base.type is Type.BYREF and field.field.name == _FIXED_BUFFER:
        _touch(importer, address)
    importer.push(Type.BYREF, access.effective(importer, address), address.nonnull)
    top = importer.stack[-1]
    assert top.value is not None
    top.type = top.value.type


def _touch(importer: MethodImporter, address: Address) -> None:
    """Reads the first byte of a fixed buffer, whose elements are then reached by arithmetic with any offset.

    ``this`` of a struct is null when a method is called through a null pointer. The fault of an element far away would
    not be taken for a NullReferenceException; the JIT checks at this place too.
    """
    result = importer.value(Type.I32)
    importer.emit(ir.Load(result, address.base, address.offset, ir.Memory.U8, True, True))


def _store_field(importer: MethodImporter, token: int) -> None:
    field = importer.compiler.field(token)
    value = importer.pop()
    entry = importer.pop()
    if entry.type is Type.VOID:
        raise invalid("store to a field of a value")
    access.store(importer, _field_address(importer, field, entry), field.storage, value)


def _static_address(importer: MethodImporter, field: StaticField) -> Address:
    if field.open_owner is not None:
        importer.require(field.storage)
        if field.check is not None:
            importer.require_cell(field.check)
            importer.compiler.foreign.use_static_fields(importer.function, field.field.owner)
        return import_generics.static_field_address(importer, field.field, field.storage, field.open_owner)
    assert field.cell is not None
    if field.cell.kind is CellKind.FIELD_DATA:
        place = importer.value(Type.I64)
        importer.emit(ir.CellAddress(place, field.cell))
        return Address(importer.convert(ConvertKind.I64_BYREF, place, Type.BYREF), 0, True)
    importer.require(field.storage)
    result = importer.call_helper(field.cell, helper_abis.STATIC_FIELD_ADDRESS, ())
    assert result is not None
    return Address(result, 0, True)


def _load_static(importer: MethodImporter, token: int) -> None:
    field = importer.compiler.static_field(token)
    importer.keep_borrowed()  # a static constructor may run
    access.load(importer, _static_address(importer, field), field.storage)


def _load_static_address(importer: MethodImporter, token: int) -> None:
    importer.keep_borrowed()
    address = _static_address(importer, importer.compiler.static_field(token))
    importer.push(Type.BYREF, access.effective(importer, address), True)


def _store_static(importer: MethodImporter, token: int) -> None:
    field = importer.compiler.static_field(token)
    value = importer.pop()
    importer.keep_borrowed()
    address = _static_address(importer, field)
    access.store(importer, address, field.storage, value)


HANDLERS: dict[int, Handler] = {
    Op.LDFLD: _load_field,
    Op.LDFLDA: _load_field_address,
    Op.STFLD: _store_field,
    Op.LDSFLD: _load_static,
    Op.LDSFLDA: _load_static_address,
    Op.STSFLD: _store_static,
}
