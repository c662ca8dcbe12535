"""How a value of a type is kept: as a scalar of some memory form, or as a struct of some shape.

What: :class:`Storage`, one per type, made by :class:`StorageTable`. It is what the importer knows about the type of a
stack entry, slot, field, element or parameter; everything it decides ("load or copy?", "which barrier?") it reads off
here.

Why here: the type system speaks of types, the IR of memory forms; the translation is needed everywhere, so it is made
once per type and cached.

Invariant: exactly one of ``memory`` and ``shape`` is set, except for ``void`` where both are None. A storage with a
shape also has ``check``: the cell that makes the runtime verify the shape, which every function that uses the shape
must require.

Example: ``System.Char`` -> ``memory=U16, type=I32``; ``System.DateTime`` -> ``shape=StructShape(8, 8, ())`` and a check
cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from nativegen.compiler.cells import CellFactory
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.ir import MEMORY_INFO, Memory, StructShape, Type
from nativegen.readytorun.unit import Cell
from nativegen.typesystem import TypeDesc, TypeKind, TypeLoadError

_SCALARS: Final[Mapping[TypeKind, Memory]] = {
    TypeKind.BOOLEAN: Memory.U8,
    TypeKind.CHAR: Memory.U16,
    TypeKind.I1: Memory.I8,
    TypeKind.U1: Memory.U8,
    TypeKind.I2: Memory.I16,
    TypeKind.U2: Memory.U16,
    TypeKind.I4: Memory.I32,
    TypeKind.U4: Memory.I32,
    TypeKind.I8: Memory.I64,
    TypeKind.U8: Memory.I64,
    TypeKind.R4: Memory.F32,
    TypeKind.R8: Memory.F64,
    TypeKind.I: Memory.I64,
    TypeKind.U: Memory.I64,
    TypeKind.CLASS: Memory.REF,
    TypeKind.BYREF: Memory.BYREF,
    TypeKind.POINTER: Memory.I64,
}


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """See the module's docstring. Compared by identity: one per type.

    Attributes:
        desc: the type; enums keep theirs, though they are stored as their primitive.
        type: type of a loaded value; ``VOID`` for structs and for ``void``.
        size: bytes.
    """

    desc: TypeDesc
    memory: Memory | None
    shape: StructShape | None
    type: Type
    size: int
    check: Cell | None = None

    @property
    def is_void(self) -> bool:
        return self.memory is None and self.shape is None


class StorageTable:
    """The storages of the types that one module's methods use."""

    def __init__(self, cells: CellFactory) -> None:
        self._cells = cells
        self._known: dict[TypeDesc, Storage] = {}

    def of(self, type_: TypeDesc) -> Storage:
        """The storage of ``type_``.

        Raises:
            Excluded: generic parameters, hardware vectors, layouts that cannot be predicted or named.
        """
        storage = self._known.get(type_)
        if storage is None:
            storage = self._known[type_] = self._make(type_)
        return storage

    def _make(self, type_: TypeDesc) -> Storage:
        kind = type_.underlying.kind if type_.is_enum else type_.kind
        memory = _SCALARS.get(kind)
        if memory is not None:
            value_type, size = MEMORY_INFO[memory]
            return Storage(type_, memory, None, value_type, size)
        if kind is TypeKind.VOID:
            return Storage(type_, None, None, Type.VOID, 0)
        if kind is TypeKind.VALUETYPE:
            return self._struct(type_)
        if kind is TypeKind.GENERIC_PARAMETER:
            raise Excluded(Reason.GENERIC, type_.display_name)
        raise Excluded(Reason.SIGNATURE, type_.display_name)  # TypedReference

    def _struct(self, type_: TypeDesc) -> Storage:
        if type_.contains_generic_parameters:
            raise Excluded(Reason.GENERIC, type_.display_name)
        if type_.is_hardware_vector or type_.is_abi_special:
            raise Excluded(Reason.HARDWARE_INTRINSIC, type_.display_name)
        try:
            layout = type_.layout
        except TypeLoadError as error:
            raise Excluded(Reason.LAYOUT, str(error)) from None
        gc = tuple((offset, Memory.BYREF if is_byref else Memory.REF) for offset, is_byref in layout.gc)
        if any(offset % 8 for offset, _ in gc):
            raise Excluded(Reason.LAYOUT, f"unaligned reference in {type_.display_name}")
        shape = StructShape(layout.size, layout.alignment, gc, type_.display_name)
        check = self._cells.check_type_layout(type_, shape)
        return Storage(type_, None, shape, Type.VOID, layout.size, check)
