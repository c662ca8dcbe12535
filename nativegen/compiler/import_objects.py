"""Importing objects: newobj, delegates, box, unbox, casts, ldtoken, ldstr, throw (ECMA-335 III.4).

Delegates: ``ldftn`` and ``ldvirtftn`` look at the next instruction. When it constructs a delegate, both are imported
together, because the runtime makes delegates from a method, not from a code address; otherwise the code address is
pushed.

Example (``ldarg.0; ldftn void C::M(); newobj Action::.ctor``)::

    v1 = call new_object(Action)()
    call delegate_constructor(C::M, Action)(v1, v0)
"""

from __future__ import annotations

from typing import Final

from nativegen.compiler import access, helper_abis, import_generics, ir
from nativegen.compiler.access import Address
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.import_calls import call_direct, pop_arguments
from nativegen.compiler.import_general_arrays import new_general_array
from nativegen.compiler.importer import Entry, Handler, MethodImporter, invalid
from nativegen.compiler.ir import Barrier, Memory, Type
from nativegen.compiler.resolved import Callee
from nativegen.compiler.storage import Storage
from nativegen.metadata.ops import Op
from nativegen.readytorun.enums import Helper
from nativegen.readytorun.unit import Cell
from nativegen.typesystem import MethodDesc, TypeDesc

_REFERENCE_AT_0: Final = ((0, Memory.REF),)


# --- newobj -----------------------------------------------------------------------------------------------------------


def _new_object(importer: MethodImporter, token: int) -> None:
    callee = importer.compiler.callee(token)
    method = callee.method
    owner = method.owner
    if not method.is_constructor:
        raise invalid(f"newobj of {method.display_name}")
    if method.is_array_method:
        new_general_array(importer, callee)
        return
    if owner.is_string:
        _new_string(importer, callee)
        return
    if owner.is_abstract:
        raise invalid(f"newobj of the abstract {owner.display_name}")
    args = pop_arguments(importer, callee.parameters)
    importer.keep_borrowed()
    if owner.is_value_type:
        _new_struct(importer, callee, args)
        return
    this = _allocate(importer, callee)
    importer.push(Type.REF, this, nonnull=True)  # at once: an inlined constructor may end the block
    call_direct(importer, callee, (this, *args))


def _allocate(importer: MethodImporter, constructor: Callee) -> ir.Value:
    if constructor.open_owner is not None:
        return import_generics.new_object(importer, constructor.open_owner)
    cell = importer.cells.new_object(constructor.method.owner)
    result = importer.call_helper(cell, helper_abis.NEW_OBJECT, ())
    assert result is not None
    return result


def _new_struct(importer: MethodImporter, callee: Callee, args: tuple[ir.Value, ...]) -> None:
    """The constructor is given the address of a zeroed temporary."""
    storage = importer.compiler.storages.of(callee.method.owner)
    # A struct argument may be in the very local that is stored to next; zeroing that first would destroy it.
    at_once = storage.shape is not None and all(parameter.shape is None for parameter in callee.parameters)
    slot = access.stored_next(importer, storage) if at_once else None
    destination = slot or importer.temporary(storage)
    if storage.memory is not None:
        importer.emit(ir.StoreSlot(destination, importer.const(storage.type, 0)))
    else:
        assert storage.shape is not None
        importer.emit(ir.ZeroStruct(importer.slot_address(destination), storage.shape))
    this = importer.as_byref(importer.slot_address(destination))
    if callee.expand is not None and all(parameter.memory is not None for parameter in callee.parameters):
        for value in (this, *args):
            importer.push(value.type, value, nonnull=value is this)
        if not callee.expand(importer, callee):
            del importer.stack[-1 - len(args) :]
            call_direct(importer, callee, (this, *args))
    else:
        call_direct(importer, callee, (this, *args))
    if storage.memory is not None:
        importer.push_loaded(destination)
    elif slot is None:
        importer.push_struct(destination, storage)


def _new_string(importer: MethodImporter, callee: Callee) -> None:
    """String's constructors are redirected by the runtime to ``Ctor`` methods that allocate: they return the string.

    In 3.1 those are instance methods, called with a null ``this``; in later runtimes they are static (String.cs).
    """
    owner = callee.method.owner
    parameters = callee.method.signature.parameters
    target = _string_allocator(owner, parameters)
    if target is None:
        raise Excluded(Reason.UNRESOLVED, "String::Ctor")
    args = pop_arguments(importer, callee.parameters)
    importer.keep_borrowed()
    this = None if target.is_static else Memory.REF
    abi, ref_map = importer.compiler.abi_of(this, callee.parameters, importer.compiler.storages.of(owner))
    if this is not None:
        args = (importer.const(Type.REF, 0), *args)
    cell = importer.cells.method_call(callee.token, callee.method, ref_map)
    result = importer.call_helper(cell, abi, args)
    assert result is not None
    importer.push(Type.REF, result, nonnull=True)


def _string_allocator(string: TypeDesc, parameters: tuple[TypeDesc, ...]) -> MethodDesc | None:
    for method in string.methods:
        if method.name == "Ctor" and method.signature.parameters == parameters:
            return method
    return None


# --- delegates and function pointers ----------------------------------------------------------------------------------


def _following_delegate(importer: MethodImporter) -> Callee | None:
    """The delegate constructor that the next instruction calls."""
    following = importer.peek()
    if following is None or following[1] != Op.NEWOBJ:
        return None
    callee = importer.compiler.callee(following[2])
    return callee if callee.method.owner.is_delegate and callee.method.is_constructor else None


def _function_pointer(importer: MethodImporter, token: int) -> None:
    callee = importer.compiler.callee(token)
    method = callee.method
    if method.is_array_method:
        raise Excluded(Reason.OPCODE, f"ldftn of {method.display_name}")
    if method.is_abstract:
        raise invalid(f"ldftn of the abstract {method.display_name}")
    if method.is_static and method.owner.is_interface and method.is_virtual:
        raise Excluded(Reason.OPCODE, "static abstract method")
    delegate = _following_delegate(importer)
    if delegate is None:
        importer.push(Type.I64, _entry(importer, callee), nonnull=True)
        return
    if callee.this is Memory.BYREF and (method.requires_context or callee.open is not None):
        raise Excluded(Reason.GENERIC, f"delegate to the struct's method {method.display_name}")
    importer.position += 1
    target = importer.coerce(importer.pop(), Memory.REF)
    importer.keep_borrowed()
    owner = delegate.method.owner
    this = _allocate(importer, delegate)
    if callee.open is None:
        cell = importer.cells.delegate_constructor(token, method, owner)
    elif not method.requires_context:
        cell = importer.cells.shared_delegate_constructor(token, method, owner)
    else:
        # The runtime's constructor helper only knows methods that need no lookup: the ordinary one takes the address.
        call_direct(importer, delegate, (this, target, import_generics.exact_entry(importer, callee)))
        importer.push(Type.REF, this, nonnull=True)
        return
    importer.call_helper(cell, helper_abis.DELEGATE_CONSTRUCTOR, (this, target))
    importer.push(Type.REF, this, nonnull=True)


def _entry(importer: MethodImporter, callee: Callee) -> ir.Value:
    """The code address of a method, to be called without hidden argument."""
    if callee.open is not None:
        return import_generics.exact_entry(importer, callee)
    return importer.load_cell(importer.cells.method_entry(callee.token, callee.method))


def _virtual_function_pointer(importer: MethodImporter, token: int) -> None:
    callee = importer.compiler.callee(token)
    method = callee.method
    if method.is_static or method.is_array_method or callee.this is not Memory.REF:
        raise invalid(f"ldvirtftn of {method.display_name}")
    instance = importer.coerce(importer.pop(), Memory.REF)
    importer.emit(ir.NullCheck(instance))
    importer.keep_borrowed()
    if callee.open is not None:
        importer.push(Type.I64, import_generics.virtual_code(importer, callee, instance), nonnull=True)
        return
    cell = importer.cells.virtual_function_pointer(token, method)
    result = importer.call_helper(cell, helper_abis.VIRTUAL_FUNCTION_POINTER, (instance,))
    assert result is not None
    importer.push(Type.I64, result, nonnull=True)


# --- box, unbox, casts ------------------------------------------------------------------------------------------------


def value_address(importer: MethodImporter, entry: Entry, storage: Storage) -> ir.Value:
    """The address of a popped value as a byref; a scalar is put into a temporary."""
    if storage.memory is None:
        return importer.as_byref(importer.struct_of(entry, storage))
    value = importer.coerce(entry, storage.memory)
    slot = importer.temporary(storage)
    importer.emit(ir.StoreSlot(slot, value))
    return importer.as_byref(importer.slot_address(slot))


def box_at(
    importer: MethodImporter, address: ir.Value, storage: Storage, open_type: TypeDesc | None = None
) -> None:
    """Pushes a boxed copy of the value at ``address`` (a byref); ``open_type``: see ``MethodCompiler.open_type``."""
    desc = storage.desc
    if desc.is_byref_like:
        raise invalid(f"box of {desc.display_name}")
    helper = Helper.Box_Nullable if desc.is_nullable else Helper.Box
    importer.require(storage)
    importer.keep_borrowed()
    handle = import_generics.type_handle(importer, desc, open_type)
    result = importer.call_helper(importer.cells.helper(helper), helper_abis.BOX, (handle, address))
    assert result is not None
    importer.push(Type.REF, result, nonnull=not desc.is_nullable)


def _box(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    if storage.memory is Memory.REF:
        return
    if not storage.desc.is_value_type:
        raise invalid(f"box of {storage.desc.display_name}")
    address = value_address(importer, importer.pop(), storage)
    box_at(importer, address, storage, importer.compiler.open_type(token))


def _unbox_address(importer: MethodImporter, storage: Storage, token: int) -> Address:
    instance = importer.coerce(importer.pop(), Memory.REF)
    importer.keep_borrowed()
    handle = import_generics.type_handle(importer, storage.desc, importer.compiler.open_type(token))
    result = importer.call_helper(importer.cells.helper(Helper.Unbox), helper_abis.UNBOX, (handle, instance))
    assert result is not None
    return Address(result, 0, True, True)


def _unbox(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    if not storage.desc.is_value_type:
        raise invalid(f"unbox of {storage.desc.display_name}")
    if storage.desc.is_nullable:
        raise Excluded(Reason.OPCODE, "unbox of a Nullable")
    importer.push(Type.BYREF, _unbox_address(importer, storage, token).base, nonnull=True)


def _unbox_any(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    if storage.memory is Memory.REF:
        _cast_to(importer, token, storage.desc)
    elif not storage.desc.is_value_type:
        raise invalid(f"unbox.any of {storage.desc.display_name}")
    elif storage.desc.is_nullable:
        _unbox_nullable(importer, storage, token)
    else:
        access.load(importer, _unbox_address(importer, storage, token), storage)


def _unbox_nullable(importer: MethodImporter, storage: Storage, token: int) -> None:
    instance = importer.coerce(importer.pop(), Memory.REF)
    importer.keep_borrowed()
    slot = importer.temporary(storage)
    address = importer.as_byref(importer.slot_address(slot))
    handle = import_generics.type_handle(importer, storage.desc, importer.compiler.open_type(token))
    cell = importer.cells.helper(Helper.Unbox_Nullable)
    importer.call_helper(cell, helper_abis.UNBOX_NULLABLE, (address, handle, instance))
    importer.push_struct(slot, storage)


def _cast(importer: MethodImporter, cell: Cell) -> None:
    value = importer.coerce(importer.pop(), Memory.REF)
    importer.keep_borrowed()
    result = importer.call_helper(cell, helper_abis.CAST, (value,))
    assert result is not None
    importer.push(Type.REF, result)


def _castable(importer: MethodImporter, token: int) -> tuple[TypeDesc, TypeDesc | None]:
    """The type to cast to; what must be looked up for it, if anything."""
    desc = importer.compiler.storage(token).desc
    open_type = importer.compiler.open_type(token)
    if desc.is_nullable:  # a boxed Nullable is a boxed value or null
        if open_type is not None and not open_type.type_args:
            return desc, open_type  # a type parameter: the helper knows that its Nullable is cast to like the value
        return desc.type_args[0], None if open_type is None else open_type.type_args[0]
    if not desc.is_value_type and not desc.is_reference_type:
        raise invalid(f"cast to {desc.display_name}")
    return desc, open_type


def _cast_to(importer: MethodImporter, token: int, desc: TypeDesc) -> None:
    open_type = importer.compiler.open_type(token)
    if open_type is not None:
        import_generics.cast(importer, open_type, Helper.CheckCastAny)
    else:
        _cast(importer, importer.cells.cast_class(desc))


def _cast_class(importer: MethodImporter, token: int) -> None:
    desc, open_type = _castable(importer, token)
    if open_type is not None:
        import_generics.cast(importer, open_type, Helper.CheckCastAny)
    else:
        _cast(importer, importer.cells.cast_class(desc))


def is_instance(importer: MethodImporter, token: int) -> None:
    """``isinst``."""
    desc, open_type = _castable(importer, token)
    if open_type is not None:
        import_generics.cast(importer, open_type, Helper.CheckInstanceAny)
    else:
        _cast(importer, importer.cells.is_instance(desc))


# --- handles, strings, throw ------------------------------------------------------------------------------------------


def _load_token(importer: MethodImporter, token: int) -> None:
    compiler = importer.compiler
    table = token >> 24
    if table in (0x01, 0x02, 0x1B):
        type_ = compiler.type(token)
        if not type_.is_generic_definition:  # typeof(List<>) is a type like any other
            compiler.concrete(type_)
        importer.keep_borrowed()
        handle = import_generics.type_handle(importer, type_, compiler.open_type(token))
        _push_runtime_handle(importer, handle, Helper.GetRuntimeTypeHandle, "System.RuntimeTypeHandle", "System.Type")
        return
    member = compiler.member(token)
    importer.keep_borrowed()
    if isinstance(member, MethodDesc):
        callee = compiler.callee(token)
        if callee.method.is_array_method:
            raise Excluded(Reason.OPCODE, f"ldtoken of {callee.method.display_name}")
        if callee.open is not None:
            handle = import_generics.exact_method(importer, callee)
        else:
            handle = importer.load_cell(importer.cells.method_handle(token, callee.method))
        _push_runtime_handle(importer, handle, Helper.GetRuntimeMethodHandle, "System.RuntimeMethodHandle", "")
        return
    if member.owner.contains_generic_parameters:
        raise Excluded(Reason.GENERIC, member.display_name)
    handle = importer.load_cell(importer.cells.field_handle(token, member))
    _push_runtime_handle(importer, handle, Helper.GetRuntimeFieldHandle, "System.RuntimeFieldHandle", "")


def _push_runtime_handle(importer: MethodImporter, handle: ir.Value, helper: Helper, struct: str, direct: str) -> None:
    """The handle struct around the managed object of a runtime handle.

    Args:
        direct: class whose ``GetTypeFromHandle`` takes the object out again; both calls are left out then.
    """
    result = importer.call_helper(importer.cells.helper(helper), helper_abis.RUNTIME_HANDLE, (handle,))
    assert result is not None
    following = importer.peek()
    if direct and following is not None and following[1] == Op.CALL:
        method = importer.compiler.callee(following[2]).method
        if method.name == "GetTypeFromHandle" and method.owner.full_name == direct:
            importer.position += 1
            importer.push(Type.REF, result, nonnull=True)
            importer.runtime_types.add(result)
            return
    storage = importer.compiler.storages.of(importer.compiler.module.type_system.well_known(struct))
    if storage.shape is None or storage.shape.gc != _REFERENCE_AT_0 or storage.size != 8:
        raise Excluded(Reason.LAYOUT, struct)
    slot = importer.temporary(storage)
    importer.emit(ir.StoreRef(importer.slot_address(slot), 0, result, Barrier.NONE))
    importer.push_struct(slot, storage)


def _load_string(importer: MethodImporter, token: int) -> None:
    result = importer.value(Type.REF)
    importer.emit(ir.LoadCell(result, importer.compiler.string(token), dereference=True))
    importer.push(Type.REF, result, nonnull=True)


def _throw(importer: MethodImporter, operand: None) -> None:
    value = importer.coerce(importer.pop(), Memory.REF)
    importer.call_helper(importer.cells.helper(Helper.Throw), helper_abis.THROW, (value,), noreturn=True)
    importer.end(ir.Unreachable())


HANDLERS: dict[int, Handler] = {
    Op.NEWOBJ: _new_object,
    Op.LDFTN: _function_pointer,
    Op.LDVIRTFTN: _virtual_function_pointer,
    Op.BOX: _box,
    Op.UNBOX: _unbox,
    Op.UNBOX_ANY: _unbox_any,
    Op.CASTCLASS: _cast_class,
    Op.ISINST: is_instance,
    Op.LDTOKEN: _load_token,
    Op.LDSTR: _load_string,
    Op.THROW: _throw,
}
