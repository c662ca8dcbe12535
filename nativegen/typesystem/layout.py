"""Field layout as CoreCLR computes it: sizes, offsets and GC references of classes and structs on x64.

Three algorithms, chosen per type:

* *sequential*: structs (and classes that ask for it) without references, in declaration order;
* *explicit*: offsets given in metadata;
* *auto*: everything else; references and 8-byte scalars first, then 4, 2, 1, then struct fields in declaration order; a
  derived class first fills the hole behind its base class with small fields.

The two rules that make images relocatable between versions of their references: a class whose base chain leaves its
module, or contains structs of another module, begins its own fields at a multiple of 8, but only when its module runs
as a ReadyToRun image (:attr:`Module.runs_as_image`); and every prediction carries a check fixup in the compiled
image, so that a wrong one costs a rejected method, never a corrupted object.

Sources: methodtablebuilder.cpp (PlaceInstanceFields, HandleExplicitLayout, NeedsAlignedBaseOffset,
CheckLayoutDependsOnOtherModules) and classlayoutinfo.cpp of the runtimes, and live objects on both (tests).

>>> holder.layout.offsets[holder.find_field("s")]                    # doctest: +SKIP
16
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nativegen.diagnostics import NativegenError
from nativegen.metadata.flags import TypeAttributes
from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.kinds import PRIMITIVE_SIZES, TypeKind

if TYPE_CHECKING:
    from nativegen.typesystem.members import FieldDesc
    from nativegen.typesystem.types import DefType, TypeDesc

POINTER_SIZE = 8
#: Fields of an object begin behind its MethodTable pointer.
OBJECT_HEADER = 8
_DEFAULT_PACKING = 32  # fieldmarshaler.h: DEFAULT_PACKING_SIZE
_MAX_SIZE = 0x7FFFFFF  # class.h: FIELD_OFFSET_LAST_REAL_OFFSET
_LOG2 = {1: 0, 2: 1, 4: 2, 8: 3}


@dataclass(frozen=True, slots=True)
class TypeLayout:
    """Where things are in a value or object of one type.

    Args:
        size: of a struct: bytes, padded. Of a class: end of its last field, MethodTable pointer included, not padded,
            because derived classes continue there.
        alignment: bytes; 8 for classes.
        gc: references in it, ascending: (offset, whether it is an interior pointer); class offsets count from the
            object's start, base classes' references included.
        offsets: of the fields that the type itself declares; struct offsets from 0, class offsets from the object's
            start.
        is_auto: laid out by the auto algorithm.
        has_foreign_fields: contains, by value or through a base class, struct fields or bases of other modules: the
            runtime's HasLayoutDependsOnOtherModules.
        depends_on: types of other modules whose layout went into this one.
        own_fields_start: object offset at which the class's own fields may begin (what a FieldBaseOffset fixup
            yields); 0 for structs.
        base_is_foreign: the base chain leaves the defining module other than to System.Object.
        is_managed_sequential: laid out sequentially, in the sense in which an outer struct may rely on it.
    """

    size: int
    alignment: int
    gc: tuple[tuple[int, bool], ...]
    offsets: Mapping[FieldDesc, int]
    is_auto: bool = False
    has_foreign_fields: bool = False
    depends_on: tuple[DefType, ...] = ()
    own_fields_start: int = 0
    base_is_foreign: bool = False
    is_managed_sequential: bool = False

    @property
    def has_references(self) -> bool:
        """Contains object references or interior pointers."""
        return bool(self.gc)


@dataclass(frozen=True, slots=True)
class _Field:
    """One instance field, with all that placing it takes."""

    desc: FieldDesc
    type: TypeDesc
    size: int
    alignment: int
    is_reference: bool
    nested: TypeLayout | None  # of a struct field

    @property
    def has_references(self) -> bool:
        """Object references; interior pointers do not count for the choice of the algorithm."""
        return self.is_reference or (self.nested is not None and any(not interior for _, interior in self.nested.gc))


def field_size_alignment(type_desc: TypeDesc) -> tuple[int, int]:
    """(size, alignment) of a field, local or element of this type in bytes.

    Raises:
        TypeLoadError: not predictable, or not a type that has values.
    """
    kind = type_desc.kind
    size = PRIMITIVE_SIZES.get(kind)
    if size is not None:
        return size, size
    if kind in (TypeKind.CLASS, TypeKind.POINTER, TypeKind.BYREF):
        return POINTER_SIZE, POINTER_SIZE
    if kind is TypeKind.ENUM:
        return field_size_alignment(type_desc.underlying)
    if kind in (TypeKind.VALUETYPE, TypeKind.TYPEDBYREF):
        layout = type_desc.layout
        return layout.size, layout.alignment
    raise TypeLoadError(f"layout: {type_desc.display_name} has no values")


def compute_layout(type_desc: DefType) -> TypeLayout:
    """The layout of a closed type; see :attr:`TypeDesc.layout` for the cached one.

    Raises:
        TypeLoadError: ``layout: ...``.
    """
    if type_desc.contains_generic_parameters or type_desc.is_interface or type_desc.kind is TypeKind.VOID:
        raise TypeLoadError(f"layout: {type_desc.display_name} has no instances")
    in_progress = type_desc.type_system.layouts_in_progress
    if type_desc in in_progress:
        raise TypeLoadError(f"layout: {type_desc.display_name} contains itself")
    in_progress.add(type_desc)
    try:
        if type_desc.is_primitive or type_desc.is_enum:
            size, alignment = field_size_alignment(type_desc)
            offsets = dict.fromkeys(type_desc.instance_fields, 0)
            return TypeLayout(size, alignment, (), offsets, is_managed_sequential=True)
        layout = _struct_layout(type_desc) if type_desc.is_value_type else _class_layout(type_desc)
    except NativegenError as error:
        raise TypeLoadError(f"layout: {error}") from error
    except RecursionError:
        raise TypeLoadError(f"layout: {type_desc.display_name} is nested too deeply") from None
    finally:
        in_progress.discard(type_desc)
    if layout.size > _MAX_SIZE:
        raise TypeLoadError(f"layout: {type_desc.display_name} is too large")
    return layout


def _fields(type_desc: DefType) -> list[_Field]:
    fields = []
    for desc in type_desc.instance_fields:
        field_type = desc.type
        size, alignment = field_size_alignment(field_type)
        nested = field_type.layout if field_type.kind in (TypeKind.VALUETYPE, TypeKind.TYPEDBYREF) else None
        fields.append(_Field(desc, field_type, size, alignment, field_type.is_reference_type, nested))
    return fields


def _gc(fields: Sequence[_Field], offsets: Mapping[FieldDesc, int]) -> tuple[tuple[int, bool], ...]:
    found: set[tuple[int, bool]] = set()
    for field in fields:
        offset = offsets[field.desc]
        if field.is_reference:
            found.add((offset, False))
        elif field.type.kind is TypeKind.BYREF:
            found.add((offset, True))
        elif field.nested is not None:
            found.update([(offset + inner, interior) for inner, interior in field.nested.gc])
    return tuple(sorted(found))


def _dependencies(type_desc: DefType, fields: Sequence[_Field], base: DefType | None) -> dict[TypeDesc, None]:
    """Types of other modules whose layout goes into this one. Primitives and enums never change."""
    found: dict[TypeDesc, None] = {}
    parts: list[TypeDesc] = [field.type for field in fields if field.nested is not None]
    if base is not None and not base.is_object:
        parts.append(base)
    for part in parts:
        if part.module is not type_desc.module:
            found[part] = None
        found.update(dict.fromkeys(part.layout.depends_on))
    return found


def _align(value: int, alignment: int) -> int:
    return (value + alignment - 1) // alignment * alignment


# ---- structs --------------------------------------------------------------------------------------------------------


def _struct_layout(type_desc: DefType) -> TypeLayout:
    if type_desc.is_hardware_vector and type_desc.namespace == "System.Numerics":
        raise TypeLoadError(f"layout: the size of {type_desc.display_name} depends on the processor")
    fields = _fields(type_desc)
    depends_on = _dependencies(type_desc, fields, None)
    pack, declared_size = type_desc.module.assembly.class_layout(type_desc.rid) or (0, 0)
    if type_desc.is_explicit_layout:
        offsets, size, alignment = _place_explicit(type_desc, fields, pack, declared_size)
        is_auto = is_sequential = False
    elif _is_sequential_struct(type_desc, fields) or _is_native_struct(type_desc, fields):
        offsets, end, alignment = _place_sequential(fields, 0, pack)
        size = max(declared_size, end) if declared_size else _align(end, alignment)
        is_auto, is_sequential = False, _is_sequential_struct(type_desc, fields)
    else:
        if declared_size and type_desc.is_sequential_layout and fields:
            raise TypeLoadError(f"layout: {type_desc.display_name} has a given size and references")
        offsets, size, alignment = _auto_struct(type_desc, fields)
        is_auto, is_sequential = True, False
    if type_desc.is_abi_special:
        alignment = size  # of the hardware register, or 16 for 128-bit integers
    gc = _gc(fields, offsets)
    length = type_desc.inline_array_length
    if length:
        if len(fields) != 1 or declared_size or type_desc.is_explicit_layout:
            raise TypeLoadError(f"layout: inline array {type_desc.display_name} does not have one field")
        stride = fields[0].size
        size = stride * length
        if size > _MAX_SIZE:
            raise TypeLoadError(f"layout: {type_desc.display_name} is too large")
        gc = tuple([(offset + stride * index, interior) for index in range(length) for offset, interior in gc])
    if type_desc.module.is_core and type_desc.namespace == "System":
        if type_desc.name == "ByReference`1":
            gc = ((0, True),)  # its IntPtr field is an interior pointer in disguise
        elif type_desc.kind is TypeKind.TYPEDBYREF:
            gc = ((0, True),)
    return TypeLayout(
        size=max(size, 1),
        alignment=alignment,
        gc=gc,
        offsets=offsets,
        is_auto=is_auto,
        has_foreign_fields=bool(depends_on),
        depends_on=tuple(depends_on),  # type: ignore[arg-type]  # only DefTypes have a layout
        is_managed_sequential=is_sequential,
    )


def _is_sequential_struct(type_desc: DefType, fields: Sequence[_Field]) -> bool:
    if not type_desc.is_sequential_layout:
        return False
    breaks = type_desc.type_system.target.auto_struct_breaks_sequential
    for field in fields:
        if field.has_references:
            return False
        if breaks and field.nested is not None and not field.nested.is_managed_sequential:
            return False
    return True


def _is_native_struct(type_desc: DefType, fields: Sequence[_Field]) -> bool:
    """Where nested structs can break the sequential layout, one that is the same in native code still keeps it."""
    breaks = type_desc.type_system.target.auto_struct_breaks_sequential
    return breaks and type_desc.is_sequential_layout and _is_blittable(type_desc, fields)


def _place_sequential(fields: Sequence[_Field], start: int, pack: int) -> tuple[dict[FieldDesc, int], int, int]:
    """(offsets, end, alignment)."""
    offsets = {}
    position = start
    largest = 1
    for field in fields:
        alignment = min(field.alignment, pack or _DEFAULT_PACKING)
        largest = max(largest, alignment)
        position = _align(position, alignment)
        offsets[field.desc] = position
        position += field.size
    return offsets, position, largest


def _auto_struct(type_desc: DefType, fields: Sequence[_Field]) -> tuple[dict[FieldDesc, int], int, int]:
    """(offsets, size, alignment)."""
    offsets, end = _place_auto(type_desc, fields, 0)
    size = max(end, 1)
    if size > POINTER_SIZE:
        return offsets, _align(size, POINTER_SIZE), POINTER_SIZE
    alignment = 1
    while alignment < size:
        alignment *= 2
    if any(field.has_references for field in fields):
        alignment = POINTER_SIZE
    return offsets, _align(size, alignment), alignment


def _place_explicit(
    type_desc: DefType, fields: Sequence[_Field], pack: int, declared_size: int
) -> tuple[dict[FieldDesc, int], int, int]:
    """(offsets, size, alignment)."""
    offsets = {}
    end = 0
    largest = 1
    has_references = False
    for field in fields:
        offset = type_desc.module.assembly.field_layout(field.desc.rid)
        if offset is None:
            raise TypeLoadError(f"layout: {field.desc.display_name} has no explicit offset")
        if (field.is_reference or (field.nested is not None and field.nested.gc)) and offset % POINTER_SIZE:
            raise TypeLoadError(f"layout: the reference {field.desc.display_name} is not aligned")
        offsets[field.desc] = offset
        end = max(end, offset + field.size)
        largest = max(largest, min(field.alignment, pack or _DEFAULT_PACKING))
        has_references = has_references or field.has_references
    if has_references:
        _check_overlaps(type_desc, fields, offsets)
        return offsets, _align(max(declared_size, end), POINTER_SIZE), POINTER_SIZE
    if declared_size:
        return offsets, max(declared_size, end), largest
    if type_desc.type_system.target.explicit_size_rounded_if_blittable and not _is_blittable(type_desc, fields):
        return offsets, end, largest
    return offsets, _align(end, largest), largest


def _check_overlaps(type_desc: DefType, fields: Sequence[_Field], offsets: Mapping[FieldDesc, int]) -> None:
    """The runtime refuses types in which a reference overlaps anything but references."""
    references = {offset for offset, _ in _gc(fields, offsets)}
    for field in fields:
        start = offsets[field.desc]
        inner = {start} if field.is_reference else {start + at for at, _ in field.nested.gc} if field.nested else set()
        for reference in references - inner:
            if reference < start + field.size and start < reference + POINTER_SIZE:
                raise TypeLoadError(f"layout: references overlap other fields in {type_desc.display_name}")


# ---- classes --------------------------------------------------------------------------------------------------------


def _class_layout(type_desc: DefType) -> TypeLayout:
    base = type_desc.base_type
    if base is None:
        return TypeLayout(OBJECT_HEADER, POINTER_SIZE, (), {}, own_fields_start=OBJECT_HEADER)
    base_layout = base.layout
    module = type_desc.module
    fields = _fields(type_desc)
    base_def: DefType = base  # type: ignore[assignment]  # arrays and the like cannot be extended: base.layout raised
    depends_on = _dependencies(type_desc, fields, base_def)
    is_foreign = not base_def.is_object and (base_def.module is not module or base_layout.base_is_foreign)
    # Placing counts from the first byte behind the MethodTable pointer, where alignment is the same modulo 8.
    start = base_layout.size - OBJECT_HEADER
    pack, declared_size = module.assembly.class_layout(type_desc.rid) or (0, 0)
    is_auto = is_sequential = False
    own_start = start
    if type_desc.is_explicit_layout:
        if start:
            raise TypeLoadError(f"layout: {type_desc.display_name} has explicit offsets behind a base class's fields")
        offsets, end, _ = _place_explicit(type_desc, fields, pack, declared_size)
    elif _is_sequential_class(type_desc, base_def, fields):
        offsets, end, alignment = _place_sequential(fields, start, pack)
        end = max(declared_size + start, end) if declared_size else _align(end, alignment)
        is_sequential = True
    else:
        aligned = not base_def.is_object and (base_def.module is not module or base_layout.has_foreign_fields)
        if aligned and module.runs_as_image:
            own_start = _align(start, POINTER_SIZE)
        offsets, end = _place_auto(type_desc, fields, own_start)
        is_auto = True
    shifted = {field: offset + OBJECT_HEADER for field, offset in offsets.items()}
    return TypeLayout(
        size=end + OBJECT_HEADER,
        alignment=POINTER_SIZE,
        gc=tuple(sorted({*base_layout.gc, *_gc(fields, shifted)})),
        offsets=shifted,
        is_auto=is_auto,
        has_foreign_fields=bool(depends_on),
        depends_on=tuple(depends_on),  # type: ignore[arg-type]
        own_fields_start=own_start + OBJECT_HEADER,
        base_is_foreign=is_foreign,
        is_managed_sequential=is_sequential,
    )


def _is_sequential_class(type_desc: DefType, base: DefType, fields: Sequence[_Field]) -> bool:
    if not type_desc.is_sequential_layout:
        return False
    if not (base.is_object or base.layout.is_managed_sequential) or any(field.has_references for field in fields):
        return False
    if type_desc.type_system.target.sequential_class_must_be_blittable:
        return _is_blittable(type_desc, fields)
    return True


def _is_blittable(type_desc: DefType, fields: Sequence[_Field]) -> bool:
    """Has the same form in native code (fieldmarshaler.cpp). Only asked where layout depends on it.

    Raises:
        TypeLoadError: marshalling attributes or character sets make it uncertain.
    """
    uncertain = ""
    for field in fields:
        kind = field.type.underlying.kind
        if kind is TypeKind.BOOLEAN or kind is TypeKind.BYREF or field.has_references:
            return False
        string_format = type_desc.flags & TypeAttributes.STRING_FORMAT_MASK
        if kind is TypeKind.CHAR and string_format != TypeAttributes.UNICODE_CLASS:
            if not string_format:
                return False
            uncertain = f"the character set of {type_desc.display_name} is automatic"
        if kind in (TypeKind.VALUETYPE, TypeKind.TYPEDBYREF):
            nested: DefType = field.type  # type: ignore[assignment]  # only DefTypes are value types
            if nested.type_args or not (nested.is_explicit_layout or nested.is_sequential_layout):
                return False
            if nested.module.is_core and nested.full_name in ("System.Decimal", "System.DateTime"):
                return False
            if not _is_blittable(nested, _fields(nested)):
                return False
        if type_desc.module.assembly.field_marshal(field.desc.token) is not None:
            uncertain = f"{field.desc.display_name} has a marshalling attribute"
    if uncertain:
        raise TypeLoadError(f"layout: {uncertain}")
    return True


# ---- auto -----------------------------------------------------------------------------------------------------------


def _place_auto(type_desc: DefType, fields: Sequence[_Field], start: int) -> tuple[dict[FieldDesc, int], int]:
    """(offsets, end); ``start`` is where the base class ended."""
    target = type_desc.type_system.target
    offsets: dict[FieldDesc, int] = {}
    references = [field for field in fields if field.is_reference]
    structs = [field for field in fields if field.nested is not None]
    scalars: list[list[_Field]] = [[], [], [], []]  # by log2 of the size
    for field in fields:
        if not field.is_reference and field.nested is None:
            scalars[_LOG2[field.size]].append(field)
    position = start
    if position % POINTER_SIZE:
        position = _fill_hole(scalars, len(references), position, offsets)
    for log2 in (3, 2, 1, 0):
        group = references + scalars[3] if log2 == 3 else scalars[log2]
        if not group:
            continue
        position = _align(position, 1 << log2)
        for field in group:
            offsets[field.desc] = position
            position += 1 << log2
    for field in structs:
        if field.alignment > POINTER_SIZE:
            raise TypeLoadError(f"layout: {field.desc.display_name} needs more than pointer alignment")
        alignment = POINTER_SIZE if target.struct_fields_aligned_to_8 or field.has_references else field.alignment
        position = _align(position, alignment)
        offsets[field.desc] = position
        position += _align(field.size, 4) if target.struct_field_size_rounded_to_4 else field.size
    return offsets, position


def _fill_hole(scalars: list[list[_Field]], reference_count: int, position: int, offsets: dict[FieldDesc, int]) -> int:
    """Places small fields behind a base class that does not end at a multiple of 8, while larger ones are still to
    come.

    At each size that the position is not yet a multiple of twice, the largest field that fits is taken; fields placed
    are removed from ``scalars``.
    """
    log2 = 0
    while log2 < 3:
        larger = any(scalars[log2 + 1 :]) or reference_count
        if position % (2 << log2) == 0:
            log2 += 1
            continue
        if not larger:
            break
        while log2 >= 0 and not scalars[log2]:
            log2 -= 1
        if log2 < 0:
            break
        field = scalars[log2].pop(0)
        position = _align(position, 1 << log2)
        offsets[field.desc] = position
        position += 1 << log2
        log2 += 1
    return position
