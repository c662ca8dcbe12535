"""Importing calls: call, callvirt, calli, constrained. (ECMA-335 III.3.19, III.3.20, III.4.2, III.2.1).

Which way a call goes:

* ``call``: the method's own entry. ``callvirt`` of a method that is not virtual, or of a sealed one of our own module:
  the same after a null check.
* likewise one of another module that is inlined.
* other virtual and interface methods: a null check (a null ``this`` would kill the process in the dispatch stub), then
  a cell that the runtime dispatches through.
* generic virtual methods: a helper that returns the code address, then a call through it.
* ``Invoke`` of a delegate: straight through the delegate's target and code address.
* intrinsics of the core library: expanded (:mod:`nativegen.compiler.intrinsics`).
* Every value type by value in the callee's signature is loaded before the caller runs, enums too: the callee may still
  be a stub, and a collection during its compilation reads the signature, where it must not have to load a type. In
  shared code that is its canonical form: what the signature of a shared callee means.
* ``constrained.`` call of a static interface method: the type argument's implementation, named by a constrained fixup
  or looked up in a dictionary.
* ``constrained.`` on a value type: its own implementation, named by a constrained fixup (directly when shared code does
  not know the interface exactly); the value is boxed only when the method is inherited from Object, ValueType or Enum.

Example (``ldarg.0; callvirt string Object::ToString()``)::

    null_check v0
    v1 = call virtual(Object::ToString)(v0)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from nativegen.compiler import access, helper_abis, ir
from nativegen.compiler.access import Address
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.import_general_arrays import expand_array_method
from nativegen.compiler.import_generics import (
    constrained_code,
    dispatch_cell,
    hidden_argument,
    virtual_code,
    with_context,
)
from nativegen.compiler.importer import Handler, MethodImporter, invalid
from nativegen.compiler.inlining import inlinee_of_call, splice
from nativegen.compiler.intrinsics import must_be_expanded
from nativegen.compiler.ir import MEMORY_INFO, Memory, Type
from nativegen.compiler.resolved import Callee
from nativegen.compiler.storage import Storage
from nativegen.metadata.ops import Op
from nativegen.readytorun.unit import Cell
from nativegen.typesystem.canonical import canonical_type, contains_canon

if TYPE_CHECKING:
    from nativegen.typesystem import MethodDesc, TypeDesc

_DELEGATE_TARGET: Final = 8
_DELEGATE_CODE: Final = 24
_HARDWARE_NAMESPACE: Final = "System.Runtime.Intrinsics."


def emit_class_constructor_trigger(importer: MethodImporter, type_: TypeDesc) -> None:
    """Runs the type's static constructor unless it has run."""
    importer.call_helper(importer.cells.class_constructor_trigger(type_), helper_abis.CLASS_CONSTRUCTOR_TRIGGER, ())


def pop_arguments(importer: MethodImporter, parameters: Sequence[Storage]) -> tuple[ir.Value, ...]:
    """Pops the arguments (without ``this``) in the form a call instruction takes them."""
    args: list[ir.Value] = []
    for storage in reversed(parameters):
        entry = importer.pop()
        _require_loaded(importer, storage)
        if storage.memory is not None:
            args.append(importer.coerce(entry, storage.memory))
            continue
        args.append(importer.struct_of(entry, storage))
    args.reverse()
    return tuple(args)


def _require_loaded(importer: MethodImporter, storage: Storage) -> None:
    """A value type of a callee's signature: see the module's docstring (source: 3.1's importer.cpp, impPopList)."""
    importer.require(storage)
    if storage.desc.is_enum:
        importer.require_cell(importer.cells.shared_type_handle(storage.desc))


def call_direct(importer: MethodImporter, callee: Callee, args: tuple[ir.Value, ...]) -> None:
    """Calls exactly this method, or puts its code here, and pushes what it returns."""
    if must_be_expanded(callee):
        raise Excluded(Reason.OPCODE, f"call of {callee.method.display_name}")
    inlinee = inlinee_of_call(importer, callee)
    if inlinee is not None:
        splice(importer, inlinee, callee, args)
        return
    if callee.open is not None and callee.method.requires_context:
        args = with_context(callee, args, hidden_argument(importer, callee))
        abi, _ = importer.compiler.shared_abi(callee)
        emit_call(importer, importer.compiler.direct_cell(callee), abi, args, callee.result)
        return
    emit_call(importer, importer.compiler.direct_cell(callee), callee.abi, args, callee.result)


def emit_call(
    importer: MethodImporter,
    target: Cell | ir.Value,
    abi: ir.CallAbi,
    args: tuple[ir.Value, ...],
    result: Storage,
    dispatch: bool = False,
) -> None:
    """Emits a call and pushes its result; a struct goes to a temporary, or to the local it is stored to next."""
    _require_loaded(importer, result)
    if result.memory is not None:
        pushed = importer.push_result(MEMORY_INFO[result.memory][0])
        importer.emit(ir.Call(pushed, target, abi, args, dispatch=dispatch))
    elif result.shape is None:
        importer.emit(ir.Call(None, target, abi, args, dispatch=dispatch))
    else:
        slot = access.stored_next(importer, result)
        destination = slot or importer.temporary(result)
        importer.emit(ir.Call(None, target, abi, args, importer.slot_address(destination), dispatch=dispatch))
        if slot is None:
            importer.push_struct(destination, result)


def _refuse(callee: Callee) -> None:
    if callee.method.owner.full_name.startswith(_HARDWARE_NAMESPACE):
        raise Excluded(Reason.HARDWARE_INTRINSIC, callee.method.display_name)


def _call(importer: MethodImporter, token: int) -> None:
    callee = importer.compiler.callee(token)
    method = callee.method
    _refuse(callee)
    if importer.prefixes.constrained:
        _constrained_static_call(importer, callee)
        return
    if method.is_abstract:
        raise invalid(f"call of the abstract {method.display_name}")
    if method.is_array_method and expand_array_method(importer, callee):
        return
    if callee.expand is not None and callee.expand(importer, callee):
        return
    args = pop_arguments(importer, callee.parameters)
    if callee.this is not None:
        args = (importer.coerce(importer.pop(), callee.this), *args)
    importer.keep_borrowed()
    call_direct(importer, callee, args)


def _call_virtual(importer: MethodImporter, token: int) -> None:
    callee = importer.compiler.callee(token)
    method = callee.method
    _refuse(callee)
    if callee.this is None:
        raise invalid(f"callvirt of the static {method.display_name}")
    if method.is_array_method:
        raise Excluded(Reason.OPCODE, f"callvirt of {method.display_name}")
    if callee.expand is not None and not importer.prefixes.constrained and callee.expand(importer, callee):
        return
    args = pop_arguments(importer, callee.parameters)
    if importer.prefixes.constrained:
        _constrained_call(importer, callee, args)
        return
    entry = importer.pop()
    this = importer.coerce(entry, callee.this)
    importer.keep_borrowed()
    if method.owner.is_delegate and method.name == "Invoke" and method.is_runtime_implemented:
        _invoke(importer, callee, this, args)
        return
    if not entry.nonnull:
        importer.emit(ir.NullCheck(this))
    _dispatch(importer, callee, (this, *args))


def _dispatch(importer: MethodImporter, callee: Callee, args: tuple[ir.Value, ...]) -> None:
    """A callvirt whose ``this`` has been checked."""
    method = callee.method
    if not method.is_virtual or callee.this is Memory.BYREF or _is_exact(importer, callee):
        call_direct(importer, callee, args)
        return
    if method.module is not importer.compiler.home and _has_no_override(method):
        # The record of an inlined body says that it is sealed (compiler/foreign.py: body_signature).
        inlinee = inlinee_of_call(importer, callee)
        if inlinee is not None:
            splice(importer, inlinee, callee, args)
            return
    if callee.open is not None:
        if method.method_args:
            emit_call(importer, virtual_code(importer, callee, args[0]), callee.abi, args, callee.result)
        else:
            cell = dispatch_cell(importer, callee)
            emit_call(importer, cell, callee.abi, args, callee.result, dispatch=True)
        return
    if method.method_args:
        # No slot serves all instantiations: the runtime looks the code up, which then takes no hidden argument.
        finder = importer.cells.virtual_function_pointer(callee.token, method)
        code = importer.call_helper(finder, helper_abis.VIRTUAL_FUNCTION_POINTER, args[:1])
        assert code is not None
        emit_call(importer, code, callee.abi, args, callee.result)
        return
    emit_call(importer, importer.compiler.virtual_cell(callee), callee.abi, args, callee.result)


def _is_exact(importer: MethodImporter, callee: Callee) -> bool:
    """A virtual method that no object can override; other modules may drop ``sealed`` without being incompatible."""
    return callee.method.module is importer.compiler.home and _has_no_override(callee.method)


def _has_no_override(method: MethodDesc) -> bool:
    if method.is_abstract or method.owner.is_interface:
        return False
    return method.is_final or method.owner.is_sealed


def _invoke(importer: MethodImporter, callee: Callee, this: ir.Value, args: tuple[ir.Value, ...]) -> None:
    target = importer.value(Type.REF)
    importer.emit(ir.Load(target, this, _DELEGATE_TARGET, Memory.REF, faulting=True))
    code = importer.value(Type.I64)
    importer.emit(ir.Load(code, this, _DELEGATE_CODE, Memory.I64))
    emit_call(importer, code, callee.abi, (target, *args), callee.result)


# --- constrained. -----------------------------------------------------------------------------------------------------


def _constrained_call(importer: MethodImporter, callee: Callee, args: tuple[ir.Value, ...]) -> None:
    storage = importer.compiler.storage(importer.prefixes.constrained)
    entry = importer.pop()
    if entry.type not in (Type.BYREF, Type.ADDR, Type.I64):
        raise invalid("constrained. call without a managed pointer")
    pointer = access.pointer_address(importer, entry)
    importer.prefixes.volatile = False
    if storage.memory is Memory.REF:
        access.load(importer, pointer, storage)
        this = importer.pop_value()
        importer.keep_borrowed()
        importer.emit(ir.NullCheck(this))
        _dispatch(importer, callee, (this, *args))
        return
    if not storage.desc.is_value_type:
        raise invalid(f"constrained. to {storage.desc.display_name}")
    importer.require(storage)
    importer.keep_borrowed()
    target = storage.desc.resolve_override(callee.method) if callee.method.is_virtual else None
    if target is None or not target.owner.is_value_type:
        if callee.method.owner.is_interface:
            found = _implementation_in_shared_code(importer, callee, storage.desc)
            if found is None:
                raise Excluded(Reason.OPCODE, "constrained. call of a default interface method")
            cell = importer.compiler.direct_cell(found)
            abi, _ = importer.compiler.abi_of(Memory.BYREF, callee.parameters, callee.result)
            emit_call(importer, cell, abi, (importer.as_byref(pointer.base), *args), callee.result)
            return
        _boxed_call(importer, callee, storage, pointer, args)
        return
    if callee.method.method_args:
        raise Excluded(Reason.VIRTUAL_GENERIC, f"constrained. call of {callee.method.display_name}")
    open_type = importer.compiler.open_type(importer.prefixes.constrained)
    if open_type is not None:
        code = constrained_code(importer, callee, open_type)
        abi, _ = importer.compiler.abi_of(Memory.BYREF, callee.parameters, callee.result)
        emit_call(importer, code, abi, (importer.as_byref(pointer.base), *args), callee.result)
        return
    abi, ref_map = importer.compiler.abi_of(Memory.BYREF, callee.parameters, callee.result)
    cell = importer.cells.constrained_call(callee.token, callee.method, storage.desc, ref_map)
    this = importer.as_byref(pointer.base)
    emit_call(importer, cell, abi, (this, *args), callee.result)


def _implementation_in_shared_code(importer: MethodImporter, callee: Callee, type_: TypeDesc) -> Callee | None:
    """A value type's own method for a method of an interface that shared code does not know exactly.

    The constraint that makes the call possible holds, so the type implements the exact instance; when only one of its
    interfaces has that canonical form, it is that one (jitinterface.cpp, TryResolveConstraintMethodApprox, does the
    same). Variant interfaces are left out: another instance could serve. It is called, never inlined: the unit's key
    has the type's methods, but no bodies of them.
    """
    compiler, method, interface = importer.compiler, callee.method, callee.method.owner
    is_own = type_.module is compiler.home and compiler.module is compiler.home and not type_.type_args
    if not is_own or method.method_args or not contains_canon(interface) or interface.definition.has_variance:
        return None
    matching = [item for item in type_.interfaces if canonical_type(item) is canonical_type(interface)]
    if len(matching) != 1:
        return None
    target = type_.resolve_override(matching[0].method_at(method.rid))
    if target is None or target.owner is not type_:
        return None
    found = compiler.callee(target.token)
    abi, _ = compiler.abi_of(Memory.BYREF, callee.parameters, callee.result)
    return found if _unnamed(found.abi) == _unnamed(abi) else None


def _unnamed(abi: ir.CallAbi) -> tuple[ir.AbiParam, ...]:
    """Where arguments and result are, whatever the structs among them are called."""
    return tuple(
        dataclasses.replace(each, shape=each.shape and dataclasses.replace(each.shape, name=""))
        for each in (*abi.params, abi.result)
    )


def _constrained_static_call(importer: MethodImporter, callee: Callee) -> None:
    """A static abstract or virtual method of an interface: the type argument's implementation (II.15.4.2.4)."""
    method = callee.method
    if not method.is_static or not method.is_virtual or not method.owner.is_interface:
        raise invalid(f"constrained. call of {method.display_name}")
    if method.method_args:
        raise Excluded(Reason.VIRTUAL_GENERIC, f"constrained. call of {method.display_name}")
    storage = importer.compiler.storage(importer.prefixes.constrained)
    open_type = importer.compiler.open_type(importer.prefixes.constrained)
    args = pop_arguments(importer, callee.parameters)
    importer.prefixes.constrained = 0
    importer.keep_borrowed()
    if open_type is not None or callee.open is not None:
        if open_type is None:
            open_type = storage.desc
        code = constrained_code(importer, callee, open_type)
        emit_call(importer, code, callee.abi, args, callee.result)
        return
    cell = importer.cells.constrained_call(callee.token, method, storage.desc, callee.ref_map)
    emit_call(importer, cell, callee.abi, args, callee.result)


def _boxed_call(
    importer: MethodImporter, callee: Callee, storage: Storage, pointer: Address, args: tuple[ir.Value, ...]
) -> None:
    """A method that the value type inherits from a class: called on a boxed copy."""
    from nativegen.compiler.import_objects import box_at

    access.check_null(importer, pointer)
    open_type = importer.compiler.open_type(importer.prefixes.constrained)
    box_at(importer, importer.as_byref(pointer.base), storage, open_type)
    this = importer.pop()
    assert this.value is not None
    if not this.nonnull:
        importer.emit(ir.NullCheck(this.value))
    _dispatch(importer, callee, (this.value, *args))


# --- calli ------------------------------------------------------------------------------------------------------------


def _call_indirect(importer: MethodImporter, token: int) -> None:
    compiler = importer.compiler
    signature = compiler.call_site(token)
    if signature.is_unmanaged or signature.is_vararg or signature.explicit_this or signature.generic_count:
        raise Excluded(Reason.OPCODE, "calli of this kind")
    target = importer.coerce(importer.pop(), Memory.I64)
    parameters = tuple([compiler.storages.of(type_) for type_ in signature.parameters])
    result = compiler.storages.of(signature.return_type)
    args = pop_arguments(importer, parameters)
    this = None
    if signature.has_this:
        entry = importer.pop()
        this = Memory.REF if entry.type is Type.REF else Memory.BYREF
        args = (importer.coerce(entry, this), *args)
    importer.keep_borrowed()
    abi, _ = compiler.abi_of(this, parameters, result)
    emit_call(importer, target, abi, args, result)


HANDLERS: dict[int, Handler] = {
    Op.CALL: _call,
    Op.CALLVIRT: _call_virtual,
    Op.CALLI: _call_indirect,
}
