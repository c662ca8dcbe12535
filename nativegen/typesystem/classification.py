"""System V classification of structs, as CoreCLR does it: which registers carry a value of at most 16 bytes.

Differs from the C ABI in small ways that matter (methodtable.cpp: ClassifyEightBytesWithManagedLayout,
AssignClassifiedEightByteTypes): a struct with a field that is not at a multiple of its size goes on the stack, and so
do structs without fields on some runtimes; a struct that is one field repeated (fixed buffers, inline arrays) is
classified as if all repetitions were declared; vectors never go in registers as structs. The tests ask the runtimes.

>>> [eightbyte.register for eightbyte in pair_of_int_and_double.classification]      # doctest: +SKIP
['INTEGER', 'SSE']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.kinds import TypeKind

if TYPE_CHECKING:
    from nativegen.typesystem.types import DefType, TypeDesc

MAX_REGISTER_BYTES = 16
_FLOATS = (TypeKind.R4, TypeKind.R8)

GcKind = Literal["none", "reference", "interior"]


@dataclass(frozen=True, slots=True)
class Eightbyte:
    """One register's worth of a struct.

    Args:
        register: class of the register.
        gc: what it holds for the garbage collector.
        offset: in the struct, 0 or 8.
        size: bytes of the struct in this register, 1 to 8; padding included.
    """

    register: Literal["INTEGER", "SSE"]
    gc: GcKind
    offset: int
    size: int


def classify(type_desc: DefType) -> tuple[Eightbyte, ...] | None:
    """See :attr:`TypeDesc.classification`.

    Raises:
        TypeLoadError: not a struct, not certain, or its layout cannot be predicted.
    """
    if type_desc.kind not in (TypeKind.VALUETYPE, TypeKind.TYPEDBYREF):
        raise TypeLoadError(f"classification: {type_desc.display_name} is not a struct")
    if type_desc.is_abi_special:
        raise TypeLoadError(f"classification: {type_desc.display_name} is passed in a way of its own")
    size = type_desc.layout.size
    if type_desc.layout.alignment > 8:
        raise TypeLoadError(f"classification: {type_desc.display_name} needs more than pointer alignment")
    if size > MAX_REGISTER_BYTES:
        return None
    fields: dict[int, tuple[int, str, GcKind]] = {}
    if not _collect(type_desc, 0, size, fields):
        return None
    return _eightbytes(fields, size)


def _collect(type_desc: DefType, start: int, limit: int, fields: dict[int, tuple[int, str, GcKind]]) -> bool:
    """Flattens to offset -> (size, register, gc); empty structs have register NONE. False: must go on the stack."""
    if type_desc.is_abi_special:
        raise TypeLoadError(f"classification: {type_desc.display_name} is passed in a way of its own")
    layout = type_desc.layout
    if not type_desc.instance_fields:
        fields.setdefault(start, (1, "NONE", "none"))
        return not type_desc.type_system.target.empty_structs_in_memory
    if type_desc.kind is TypeKind.TYPEDBYREF:
        if start % 8:
            return False
        fields[start] = (8, "INTEGER", "interior")
        fields[start + 8] = (8, "INTEGER", "none")
        return True
    interior = dict(layout.gc) if layout.gc else {}
    for offset, field_type, size in _repeated(type_desc, layout.size):
        position = start + offset
        if position + size > limit:
            raise TypeLoadError(f"classification: fields of {type_desc.display_name} do not fit")
        kind = field_type.underlying.kind
        if kind in (TypeKind.VALUETYPE, TypeKind.TYPEDBYREF):
            nested: DefType = field_type  # type: ignore[assignment]  # every struct is a DefType
            if not _collect(nested, position, limit, fields):
                return False
            continue
        if position % size:
            return False
        gc: GcKind = "none"
        if offset in interior:
            gc = "interior" if interior[offset] else "reference"
        register = "SSE" if kind in _FLOATS else "INTEGER"
        if position in fields:  # a union: one integer field makes it INTEGER
            other_size, other_register, other_gc = fields[position]
            size = max(size, other_size)
            if other_register not in (register, "NONE"):
                register = "INTEGER"
            gc = gc if gc != "none" else other_gc
        fields[position] = (size, register, gc)
    return True


def _repeated(type_desc: DefType, struct_size: int) -> list[tuple[int, TypeDesc, int]]:
    """(offset, type, size) of the fields; a single field whose size divides the struct's counts as often as it fits."""
    offsets = type_desc.layout.offsets
    fields = [(offsets[field], field.type, field.type.size) for field in type_desc.instance_fields]
    if len(fields) == 1:
        start, field_type, size = fields[0]
        is_buffer = (
            start == 0 and struct_size % size == 0 and not type_desc.layout.is_auto and not field_type.is_reference_type
        )
        if type_desc.inline_array_length or is_buffer:
            return [(offset, field_type, size) for offset in range(0, struct_size, size)]
    return fields


def _eightbytes(fields: dict[int, tuple[int, str, GcKind]], size: int) -> tuple[Eightbyte, ...]:
    last = max(fields)
    result = []
    for offset in range(0, size, 8):
        inside = [field for at, field in fields.items() if at // 8 == offset // 8]
        registers = {register for _, register, _ in inside}
        if not inside and offset > last:
            registers = {fields[last][1]}  # padding behind the last field takes that field's class
        # One integer field makes the whole eightbyte INTEGER; so is one that holds nothing.
        is_sse = registers - {"NONE"} == {"SSE"}
        gc: GcKind = next((kind for _, _, kind in inside if kind != "none"), "none")
        result.append(Eightbyte("SSE" if is_sse else "INTEGER", gc, offset, min(8, size - offset)))
    return tuple(result)
