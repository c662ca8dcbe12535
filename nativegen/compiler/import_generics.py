"""Shared generic code: exact types and methods are looked up in dictionaries at run time.

What: code over ``System.__Canon`` serves all reference types, so whatever depends on a type argument comes from the
runtime: through the object's MethodTable in instance methods of generic classes, through a hidden argument (a
MethodTable or MethodDesc) in all others. :class:`GenericContext` is where a method finds its context; the functions
here emit lookups and what is made of them.

Why here: the opcode modules ask for "this type's handle" or "call this method" and do not know whether the answer is a
cell or a lookup. Exact code never comes here.

Rules (facts: generics-and-bubbles.md 1 and 2; runtime: genericdict.cpp, Dictionary::PopulateEntry):

* What is looked up is named in open form, in the context's own ``!0`` and ``!!0``.
* A lookup is an ordinary call: it may collect and throw.
* Instance methods of generic classes are called without context; struct, static and default interface methods get the
  owner's MethodTable, generic methods their MethodDesc.
* Virtual and interface methods of types that are not exactly known: the dictionary has the dispatch cell.

Example (``typeof(T)`` in an instance method of ``G<T>``)::

    v0: ref = load_slot this
    v1: i64 = load v0+0 i64 faulting
    v2: i64 = call this_lookup(G<__Canon>, type !0)(v1)
    v3: ref = call get_runtime_type_handle(v2)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nativegen.compiler import helper_abis, ir
from nativegen.compiler.cells import CellFactory, Parts
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.ir import Memory, Type
from nativegen.metadata.ops import Op
from nativegen.readytorun.enums import FixupKind, Helper
from nativegen.readytorun.unit import Cell
from nativegen.typesystem import DefType, FieldDesc, MethodDesc, TypeDesc, TypeKind

if TYPE_CHECKING:
    from nativegen.compiler.access import Address
    from nativegen.compiler.importer import MethodImporter
    from nativegen.compiler.resolved import Callee
    from nativegen.compiler.storage import Storage

_SMALL_SIZES: Final = (8, 4, 2, 1)
_METHOD_TABLE: Final = 8
_ARGUMENT_0: Final = frozenset({Op.STARG, Op.STARG_S, Op.LDARGA, Op.LDARGA_S})


@dataclass(frozen=True, slots=True)
class GenericContext:
    """Where a method's code finds its exact type arguments.

    Attributes:
        slot: of the hidden argument; None: ``this`` has them.
        lookup: start of every lookup's signature.
        scope: names the dictionary, unless ``lookup`` does.
    """

    slot: ir.Slot | None
    lookup: Parts
    scope: Parts = ()


def generic_context(method: MethodDesc, slot: ir.Slot | None, cells: CellFactory) -> GenericContext:
    """The context of shared code.

    Args:
        slot: of the hidden argument, if it has one.
    """
    if slot is None:
        return GenericContext(None, (int(FixupKind.ThisObjDictionaryLookup), *cells.shared_type_parts(method.owner)))
    if method.method_args:
        return GenericContext(slot, (int(FixupKind.MethodDictionaryLookup),), cells.shared_instance_parts(method))
    return GenericContext(slot, (int(FixupKind.TypeDictionaryLookup),), cells.shared_type_parts(method.owner))


def open_owner(method: MethodDesc) -> TypeDesc:
    """The method's class in its own type parameters: ``G<!0>``."""
    owner = method.owner
    if not owner.type_args or not isinstance(owner.definition, DefType):
        return owner
    system = owner.type_system
    parameters = [system.generic_parameter(index, False) for index in range(len(owner.type_args))]
    return owner.definition.instantiate(tuple(parameters))


# --- lookups ----------------------------------------------------------------------------------------------------------


def _context(importer: MethodImporter) -> tuple[GenericContext, ir.Value]:
    context = importer.generic
    if context is None:
        raise Excluded(Reason.GENERIC, "lookup without a context")
    if context.slot is not None:
        result = importer.value(Type.I64)
        importer.emit(ir.LoadSlot(result, context.slot))
        return context, result
    if any(opcode in _ARGUMENT_0 and operand == 0 for _, opcode, operand in importer.instructions):
        raise Excluded(Reason.GENERIC, "generic context in a changed this")
    this = importer.value(Type.REF)
    importer.emit(ir.LoadSlot(this, importer.argument(0)))
    result = importer.value(Type.I64)
    importer.emit(ir.Load(result, this, 0, Memory.I64, faulting=True))
    return context, result


def _look_up(importer: MethodImporter, cell: Cell, context: ir.Value) -> ir.Value:
    result = importer.call_helper(cell, helper_abis.DICTIONARY_LOOKUP, (context,))
    assert result is not None
    return result


def exact_type(importer: MethodImporter, type_: TypeDesc) -> ir.Value:
    """The handle of an open type, as it is in this context."""
    context, value = _context(importer)
    return _look_up(importer, importer.compiler.open_cells.lookup_type(context.lookup, context.scope, type_), value)


def type_handle(importer: MethodImporter, type_: TypeDesc, open_type: TypeDesc | None) -> ir.Value:
    """The handle of a type; ``open_type`` if it has to be looked up."""
    if open_type is None:
        return importer.load_cell(importer.cells.type_handle(type_))
    return exact_type(importer, open_type)


def exact_entry(importer: MethodImporter, callee: Callee) -> ir.Value:
    """The code of a method, which takes no hidden argument."""
    assert callee.open is not None
    context, value = _context(importer)
    cell = importer.compiler.open_cells.lookup_entry(context.lookup, context.scope, callee.token, callee.open)
    return _look_up(importer, cell, value)


def exact_method(importer: MethodImporter, callee: Callee) -> ir.Value:
    """The MethodDesc of a method."""
    assert callee.open is not None
    context, value = _context(importer)
    cell = importer.compiler.open_cells.lookup_method(context.lookup, context.scope, callee.token, callee.open)
    return _look_up(importer, cell, value)


def dispatch_cell(importer: MethodImporter, callee: Callee) -> ir.Value:
    """The address of the dispatch cell of a virtual method."""
    assert callee.open is not None
    context, value = _context(importer)
    cell = importer.compiler.open_cells.lookup_dispatch(context.lookup, context.scope, callee.token, callee.open)
    return _look_up(importer, cell, value)


def constrained_code(importer: MethodImporter, callee: Callee, constrained: TypeDesc) -> ir.Value:
    """The code of a struct's implementation of a method, which takes no hidden argument."""
    context, value = _context(importer)
    method = importer.compiler.module.method(callee.token)
    cell = importer.compiler.open_cells.lookup_constrained(
        context.lookup, context.scope, callee.token, method, constrained
    )
    return _look_up(importer, cell, value)


def virtual_code(importer: MethodImporter, callee: Callee, this: ir.Value) -> ir.Value:
    """The code of the object's override of a virtual method."""
    type_ = type_handle(importer, callee.method.owner, callee.open_owner)
    method = exact_method(importer, callee)
    cell = importer.cells.helper(Helper.VirtualFuncPtr)
    result = importer.call_helper(cell, helper_abis.EXACT_VIRTUAL_FUNCTION, (this, type_, method))
    assert result is not None
    return result


# --- objects ----------------------------------------------------------------------------------------------------------


def new_object(importer: MethodImporter, open_type: TypeDesc) -> ir.Value:
    type_ = exact_type(importer, open_type)
    cell = importer.cells.helper(Helper.NewObject)
    result = importer.call_helper(cell, helper_abis.NEW_OBJECT_OF, (type_,))
    assert result is not None
    return result


def new_array(importer: MethodImporter, open_element: TypeDesc, length: ir.Value) -> ir.Value:
    type_ = exact_type(importer, importer.compiler.module.type_system.array_of(open_element))
    cell = importer.cells.helper(Helper.NewArray)
    result = importer.call_helper(cell, helper_abis.NEW_ARRAY_OF, (type_, length))
    assert result is not None
    return result


def cast(importer: MethodImporter, open_type: TypeDesc, helper: Helper) -> None:
    """``castclass`` and ``isinst``; ``helper``: CheckCastAny or CheckInstanceAny."""
    value = importer.coerce(importer.pop(), Memory.REF)
    importer.keep_borrowed()
    type_ = exact_type(importer, open_type)
    result = importer.call_helper(importer.cells.helper(helper), helper_abis.CAST_TO, (type_, value))
    assert result is not None
    importer.push(Type.REF, result)


# --- calls ------------------------------------------------------------------------------------------------------------


def hidden_argument(importer: MethodImporter, callee: Callee) -> ir.Value:
    """The context that a callee's shared code takes."""
    if callee.method.method_args:
        return exact_method(importer, callee)
    assert callee.open is not None
    return exact_type(importer, callee.open.owner)


def with_context(callee: Callee, args: tuple[ir.Value, ...], context: ir.Value) -> tuple[ir.Value, ...]:
    """The arguments with the hidden one: behind ``this``."""
    first = 0 if callee.this is None else 1
    return (*args[:first], context, *args[first:])


# --- static fields ----------------------------------------------------------------------------------------------------


def trigger_class_constructor(importer: MethodImporter, open_type: TypeDesc) -> None:
    """Runs the static constructor of a type that has to be looked up, unless it has run."""
    type_ = exact_type(importer, open_type)
    importer.call_helper(importer.cells.helper(Helper.GenericNonGcStaticBase), helper_abis.STATIC_BASE, (type_,))


def static_field_address(importer: MethodImporter, field: FieldDesc, storage: Storage, open_type: TypeDesc) -> Address:
    """Where a static field of one of our generic classes is, after its static constructor has run."""
    from nativegen.compiler.access import Address

    in_heap, offset = static_field_place(field, importer.compiler.target.statics_start_with_header)
    helper = Helper.GenericGcStaticBase if in_heap else Helper.GenericNonGcStaticBase
    type_ = exact_type(importer, open_type)
    base = importer.call_helper(importer.cells.helper(helper), helper_abis.STATIC_BASE, (type_,))
    assert base is not None
    if storage.memory is not None:
        return Address(base, offset, True)
    box = importer.value(Type.REF)
    importer.emit(ir.Load(box, base, offset, Memory.REF))
    value = importer.value(Type.BYREF)
    importer.emit(ir.Offset(value, box, _METHOD_TABLE))
    return Address(value, 0, True, True)


def static_field_place(field: FieldDesc, starts_with_header: bool) -> tuple[bool, int]:
    """(in the block of references, offset in its block) of a static field of a generic class.

    Plain fields: by descending size, in order of declaration. References: boxes of structs first, then the others
    (facts: generics-and-bubbles.md 2, statics; methodtablebuilder.cpp: PlaceRegularStaticFields,
    HandleNonGCDefaultStatics).

    Args:
        starts_with_header: 3.1 keeps 8 bytes of its own in front of the plain fields.
    """
    plain: dict[int, list[FieldDesc]] = {size: [] for size in _SMALL_SIZES}
    boxes: list[FieldDesc] = []
    references: list[FieldDesc] = []
    for other in field.owner.static_fields:
        if other.is_literal or other.rva or other.is_thread_static:
            continue
        type_ = other.type
        if type_.is_reference_type:
            references.append(other)
        elif type_.kind is TypeKind.VALUETYPE or type_.kind is TypeKind.TYPEDBYREF:
            boxes.append(other)
        else:
            plain[type_.size].append(other)
    if field in references or field in boxes:
        return True, (boxes + references).index(field) * 8
    offset = 8 if starts_with_header else 0
    for size in _SMALL_SIZES:
        for other in plain[size]:
            if other is field:
                return False, offset
            offset += size
    raise Excluded(Reason.GENERIC, f"place of {field.display_name}")
