"""Methods of the core library that are expanded where they are called, as the JIT and crossgen do.

What: a table from (type, method, parameters) to the function that imports the call. All of them are
``[NonVersionable]`` or ``[Intrinsic]`` in the core libraries of every target: their meaning, and the layout they rely
on, may not change while images exist, so that Microsoft's own images contain them expanded too. The layouts of value
types are checked by the runtime all the same, like every layout.

Why here: a call costs a hundred times what these methods do, and keeps loops from being optimised.

Left to calls: what carries neither mark, like the accessors of ``Memory<T>`` (a servicing release may change them), and
what needs instructions beyond the baseline.

Exactly the method's behaviour, in the same order: a null ``this`` throws before a bad index does.

Also here: the methods whose CIL in the core library is only a placeholder (jitinterface.cpp:
getILIntrinsicImplementation). Compiling that would be wrong; calling them is right.

Example (``ldarg.0; ldarg.1; callvirt char String::get_Chars(int32)``)::

    bounds_check v0, v1
    v2: i64 = convert zext32 v1
    v3: byref = index v0 + v2 * 2 + 12
    v4: i32 = load v3+0 u16
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from nativegen.compiler import access, ir
from nativegen.compiler.access import Address
from nativegen.compiler.importer import MethodImporter, Prefixes
from nativegen.compiler.ir import Condition, ConvertKind, Memory, Type
from nativegen.compiler.numeric_intrinsics import NUMERIC
from nativegen.metadata.opcodes import decode
from nativegen.metadata.ops import Op
from nativegen.typesystem import TypeKind

if TYPE_CHECKING:
    from nativegen.compiler.resolved import Callee
    from nativegen.typesystem import MethodDesc, Module

#: Imports a call whose arguments are on the stack; False, with the stack untouched: call it after all.
Expander = Callable[[MethodImporter, "Callee"], bool]

_STRING_DATA: Final = 12  # MethodTable pointer, length
_SPAN_LENGTH: Final = 8
_SPAN_SIZE: Final = 16


# --- objects ----------------------------------------------------------------------------------------------------------


def _construct_object(importer: MethodImporter, callee: Callee) -> bool:
    """What every constructor calls at last does nothing."""
    importer.coerce(importer.pop(), Memory.REF)
    return True


# --- strings ----------------------------------------------------------------------------------------------------------


def _string_length(importer: MethodImporter, callee: Callee) -> bool:
    length = importer.value(Type.I64)
    importer.emit(ir.ArrayLength(length, importer.coerce(importer.pop(), Memory.REF)))
    importer.push(Type.I32, importer.convert(ConvertKind.TRUNC64, length, Type.I32))
    return True


def _string_character(importer: MethodImporter, callee: Callee) -> bool:
    index = importer.coerce(importer.pop(), Memory.I32)
    string = importer.coerce(importer.pop(), Memory.REF)
    importer.emit(ir.BoundsCheck(string, index))
    place = importer.value(Type.BYREF)
    wide = importer.convert(ConvertKind.ZEXT32, index, Type.I64)
    importer.emit(ir.Index(place, string, wide, 2, _STRING_DATA))
    access.load_memory(importer, Address(place, 0, True, True), Memory.U16)
    return True


# --- spans ------------------------------------------------------------------------------------------------------------


def _is_known_span(importer: MethodImporter, callee: Callee) -> bool:
    """The span is a pointer followed by its length; the function then relies on that."""
    owner = callee.method.owner
    storage = importer.compiler.storages.of(owner)
    known = (
        storage.shape is not None
        and storage.size == _SPAN_SIZE
        and storage.shape.gc == ((0, Memory.BYREF),)
        and any(field.name == "_length" and field.offset == _SPAN_LENGTH for field in owner.instance_fields)
    )
    if known:
        importer.require(storage)
    return known


def _length_of(importer: MethodImporter, span: Address) -> ir.Value:
    access.load_memory(importer, span._replace(offset=_SPAN_LENGTH), Memory.I32)
    return importer.pop_value()


def _span_length(importer: MethodImporter, callee: Callee) -> bool:
    if not _is_known_span(importer, callee):
        return False
    length = _length_of(importer, access.pointer_address(importer, importer.pop()))
    importer.push(Type.I32, length)
    return True


def _span_is_empty(importer: MethodImporter, callee: Callee) -> bool:
    if not _is_known_span(importer, callee):
        return False
    length = _length_of(importer, access.pointer_address(importer, importer.pop()))
    zero = importer.const(Type.I32, 0)
    importer.emit(ir.Compare(importer.push_result(Type.I32), Condition.EQ, length, zero))
    return True


def _span_item(importer: MethodImporter, callee: Callee) -> bool:
    if not _is_known_span(importer, callee):
        return False
    element = importer.compiler.storages.of(callee.method.owner.type_args[0])
    importer.require(element)
    index = importer.coerce(importer.pop(), Memory.I32)
    span = access.pointer_address(importer, importer.pop())
    importer.emit(ir.RangeCheck(index, _length_of(importer, span)))
    access.load_memory(importer, span._replace(nonnull=True), Memory.BYREF)
    first = importer.pop_value()
    wide = importer.convert(ConvertKind.ZEXT32, index, Type.I64)
    importer.emit(ir.Index(importer.push_result(Type.BYREF), first, wide, element.size, 0))
    return True


# --- Nullable ---------------------------------------------------------------------------------------------------------


def _nullable_field(name: str) -> Expander:
    def expand(importer: MethodImporter, callee: Callee) -> bool:
        owner = callee.method.owner
        field = next((field for field in owner.instance_fields if field.name == name), None)
        if field is None:
            return False
        importer.require(importer.compiler.storages.of(owner))
        place = access.pointer_address(importer, importer.pop())
        access.load(importer, place._replace(offset=field.offset), importer.compiler.storages.of(field.type))
        return True

    return expand


# --- ByReference ------------------------------------------------------------------------------------------------------
# What 3.1's core library has instead of ref fields. Its bodies throw: every JIT expands the calls.

_BY_REFERENCE: Final = "System.ByReference`1"


def _is_known_pointer(importer: MethodImporter, callee: Callee) -> bool:
    storage = importer.compiler.storages.of(callee.method.owner)
    known = storage.shape is not None and storage.size == 8 and storage.shape.gc == ((0, Memory.BYREF),)
    if known:
        importer.require(storage)
    return known


def _set_by_reference(importer: MethodImporter, callee: Callee) -> bool:
    if not _is_known_pointer(importer, callee):
        return False
    value = importer.pop()
    access.store_memory(importer, access.pointer_address(importer, importer.pop()), Memory.BYREF, value)
    return True


def _get_by_reference(importer: MethodImporter, callee: Callee) -> bool:
    if not _is_known_pointer(importer, callee):
        return False
    access.load_memory(importer, access.pointer_address(importer, importer.pop()), Memory.BYREF)
    return True


# --- Unsafe and RuntimeHelpers ----------------------------------------------------------------------------------------
# Unsafe is part of the core library since .NET 5; 3.1's is an assembly like any other, whose methods are called.


_SAME_WORD: Final = ((Memory.REF, Memory.REF), (Memory.BYREF, Memory.BYREF), (Memory.I64, Memory.BYREF))


def _reinterpret(importer: MethodImporter, callee: Callee) -> bool:
    """The argument is the result: ``As``, ``AsRef``."""
    given, wanted = callee.parameters[0].memory, callee.result.memory
    if (given, wanted) not in _SAME_WORD:
        return False
    entry = importer.pop()
    assert given is not None
    value = importer.coerce(entry, given)
    if given is not wanted:
        value = importer.convert(ConvertKind.I64_BYREF, value, Type.BYREF)
    importer.push(value.type, value, entry.nonnull)
    return True


def _size_of(importer: MethodImporter, callee: Callee) -> bool:
    storage = importer.compiler.storages.of(callee.method.method_args[0])
    importer.require(storage)
    importer.push(Type.I32, importer.const(Type.I32, storage.size))
    return True


def _add(importer: MethodImporter, callee: Callee) -> bool:
    """A pointer moved by a number of elements; of bytes in ``AddByteOffset``."""
    pointer = callee.parameters[0].memory
    if pointer is not Memory.BYREF or callee.parameters[1].memory not in (Memory.I32, Memory.I64):
        return False
    size = 1
    if callee.method.name == "Add":
        storage = importer.compiler.storages.of(callee.method.method_args[0])
        importer.require(storage)
        size = storage.size
    unsigned = callee.method.signature.parameters[1].kind is TypeKind.U
    distance = importer.as_native(importer.pop_value(), unsigned)
    base = importer.coerce(importer.pop(), Memory.BYREF)
    importer.emit(ir.Index(importer.push_result(Type.BYREF), base, distance, size, 0))
    return True


def _null_reference(importer: MethodImporter, callee: Callee) -> bool:
    zero = importer.const(Type.I64, 0)
    importer.push(Type.BYREF, importer.convert(ConvertKind.I64_BYREF, zero, Type.BYREF))
    return True


def _is_null_reference(importer: MethodImporter, callee: Callee) -> bool:
    if callee.parameters[0].memory is not Memory.BYREF:
        return False
    pointer = importer.coerce(importer.pop(), Memory.BYREF)
    zero = importer.convert(ConvertKind.I64_BYREF, importer.const(Type.I64, 0), Type.BYREF)
    importer.emit(ir.Compare(importer.push_result(Type.I32), Condition.EQ, pointer, zero))
    return True


def _same_reference(importer: MethodImporter, callee: Callee) -> bool:
    right = importer.coerce(importer.pop(), Memory.BYREF)
    left = importer.coerce(importer.pop(), Memory.BYREF)
    importer.emit(ir.Compare(importer.push_result(Type.I32), Condition.EQ, left, right))
    return True


def _has_references(importer: MethodImporter, callee: Callee) -> bool:
    storage = importer.compiler.storages.of(callee.method.method_args[0])
    pointers = [] if storage.shape is None else [memory for _, memory in storage.shape.gc]
    if Memory.BYREF in pointers:
        return False
    importer.require(storage)
    answer = storage.memory is Memory.REF or bool(pointers)
    importer.push(Type.I32, importer.const(Type.I32, int(answer)))
    return True


_ARRAY_DATA: Final = 16  # MethodTable pointer, length


def _array_data(importer: MethodImporter, callee: Callee) -> bool:
    """The place of a vector's first element, which need not exist."""
    if len(callee.method.method_args) != 1:  # the other overload takes arrays of any rank
        return False
    entry = importer.pop()
    array = importer.coerce(entry, Memory.REF)
    if not entry.nonnull:
        importer.emit(ir.NullCheck(array))
    importer.emit(ir.Offset(importer.push_result(Type.BYREF), array, _ARRAY_DATA))
    importer.stack[-1].nonnull = True
    return True


# --- types ------------------------------------------------------------------------------------------------------------


def _compare_types(condition: Condition) -> Expander:
    """Comparison with the result of a ``typeof``: the runtime has one object for each of its types, and no other kind
    of Type is equal to one of these (RuntimeType, Type.cs)."""

    def expand(importer: MethodImporter, callee: Callee) -> bool:
        if len(importer.stack) < 2:
            return False
        left, right = importer.stack[-2:]
        if left.type is not Type.REF or right.type is not Type.REF:
            return False
        if left.value not in importer.runtime_types and right.value not in importer.runtime_types:
            return False
        right_value, left_value = importer.pop_value(), importer.pop_value()
        importer.emit(ir.Compare(importer.push_result(Type.I32), condition, left_value, right_value))
        return True

    return expand


# --- memory model -----------------------------------------------------------------------------------------------------


def _memory_barrier(importer: MethodImporter, callee: Callee) -> bool:
    importer.emit(ir.MemoryBarrier())
    return True


def _volatile(importer: MethodImporter) -> None:
    importer.prefixes = Prefixes()  # the importer forgets them after the call
    importer.prefixes.volatile = True


def _volatile_read(importer: MethodImporter, callee: Callee) -> bool:
    if callee.result.memory is None:
        return False
    _volatile(importer)
    access.load(importer, access.pointer_address(importer, importer.pop()), callee.result)
    return True


def _volatile_write(importer: MethodImporter, callee: Callee) -> bool:
    if callee.parameters[1].memory is None:
        return False
    _volatile(importer)
    value = importer.pop()
    access.store(importer, access.pointer_address(importer, importer.pop()), callee.parameters[1], value)
    return True


#: (full name of the open type, method, number of parameters) -> how a call is imported.
INTRINSICS: Final[Mapping[tuple[str, str, int], Expander]] = {
    ("System.Object", ".ctor", 0): _construct_object,
    ("System.String", "get_Length", 0): _string_length,
    ("System.String", "get_Chars", 1): _string_character,
    ("System.Span`1", "get_Length", 0): _span_length,
    ("System.Span`1", "get_IsEmpty", 0): _span_is_empty,
    ("System.Span`1", "get_Item", 1): _span_item,
    ("System.ReadOnlySpan`1", "get_Length", 0): _span_length,
    ("System.ReadOnlySpan`1", "get_IsEmpty", 0): _span_is_empty,
    ("System.ReadOnlySpan`1", "get_Item", 1): _span_item,
    (_BY_REFERENCE, ".ctor", 1): _set_by_reference,
    (_BY_REFERENCE, "get_Value", 0): _get_by_reference,
    ("System.Nullable`1", "get_HasValue", 0): _nullable_field("hasValue"),
    ("System.Nullable`1", "GetValueOrDefault", 0): _nullable_field("value"),
    ("System.Runtime.CompilerServices.Unsafe", "As", 1): _reinterpret,
    ("System.Runtime.CompilerServices.Unsafe", "AsRef", 1): _reinterpret,
    ("System.Runtime.CompilerServices.Unsafe", "SizeOf", 0): _size_of,
    ("System.Runtime.CompilerServices.Unsafe", "Add", 2): _add,
    ("System.Runtime.CompilerServices.Unsafe", "AddByteOffset", 2): _add,
    ("System.Runtime.CompilerServices.Unsafe", "AreSame", 2): _same_reference,
    ("System.Runtime.CompilerServices.Unsafe", "NullRef", 0): _null_reference,
    ("System.Runtime.CompilerServices.Unsafe", "IsNullRef", 1): _is_null_reference,
    ("System.Runtime.CompilerServices.RuntimeHelpers", "IsReferenceOrContainsReferences", 0): _has_references,
    ("System.Runtime.InteropServices.MemoryMarshal", "GetArrayDataReference", 1): _array_data,
    ("System.Type", "op_Equality", 2): _compare_types(Condition.EQ),
    ("System.Type", "op_Inequality", 2): _compare_types(Condition.NE),
    ("System.Threading.Interlocked", "MemoryBarrier", 0): _memory_barrier,
    ("System.Threading.Thread", "MemoryBarrier", 0): _memory_barrier,
    ("System.Threading.Volatile", "Read", 1): _volatile_read,
    ("System.Threading.Volatile", "Write", 2): _volatile_write,
    **NUMERIC,
}

_OF_ANY_TYPE: Final = frozenset({_reinterpret, _null_reference, _is_null_reference, _same_reference})


def intrinsic_for(callee: Callee, core: Module) -> Expander | None:
    """How to import a call of this method, or None."""
    method = callee.method
    if method.module is not core:
        return None
    owner = method.owner.definition.full_name
    expand = INTRINSICS.get((owner, method.name, len(callee.parameters)))
    if callee.open is not None and owner != _BY_REFERENCE and expand not in _OF_ANY_TYPE:
        return None  # shared code does not know the exact type
    return expand


def must_be_expanded(callee: Callee) -> bool:
    """Whether a call of the method would run a body that only throws."""
    return callee.expand in (_set_by_reference, _get_by_reference)


#: Types of the core library whose methods have placeholders for bodies; the value lists them, None: all.
_PLACEHOLDERS: Final[Mapping[str, frozenset[str] | None]] = {
    "Internal.Runtime.CompilerServices.Unsafe": None,
    "System.Runtime.CompilerServices.Unsafe": None,
    "System.Threading.Volatile": None,
    "System.ByReference`1": None,
    "System.Runtime.CompilerServices.JitHelpers": None,
    "System.Threading.Interlocked": frozenset({"CompareExchange", "Exchange"}),
    "System.Activator": frozenset({"CreateInstance"}),
    "System.Runtime.CompilerServices.RuntimeHelpers": frozenset(
        {"IsReferenceOrContainsReferences", "IsBitwiseEquatable", "EnumEquals", "EnumCompareTo", "GetMethodTable"}
    ),
    "System.Runtime.InteropServices.MemoryMarshal": frozenset({"GetArrayDataReference"}),
}


def has_placeholder_body(method: MethodDesc, core: Module) -> bool:
    """Whether the runtime runs something else than the method's CIL."""
    if method.module is not core:
        return False
    name = method.owner.definition.full_name
    if name in _PLACEHOLDERS:
        names = _PLACEHOLDERS[name]
        if names is None or method.name in names:
            return True
    return method.is_intrinsic and _calls_itself(method)


def _calls_itself(method: MethodDesc) -> bool:
    """The JIT expands such a call, in the method's own body too: what looks like a recursion is an instruction."""
    module, definition = method.module, method.definition
    return any(
        opcode in (Op.CALL, Op.CALLVIRT) and module.method(operand).definition is definition
        for _, opcode, operand in decode(method.body.code)
    )


def has_plain_body(method: MethodDesc, core: Module) -> bool:
    """Whether a method means what its CIL says, although the JIT may know it better.

    Hardware-dependent types say so themselves.
    """
    if has_placeholder_body(method, core):
        return False
    owner = method.owner
    return not owner.definition.is_intrinsic and not owner.namespace.startswith("System.Runtime.Intrinsics")
