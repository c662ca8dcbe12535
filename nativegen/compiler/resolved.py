"""Tokens after resolution: what a call site's method and a field access mean for code generation.

Plain data, made and cached by :class:`~nativegen.compiler.context.MethodCompiler`, read by the opcode modules.
"""

from __future__ import annotations

from dataclasses import dataclass

from nativegen.compiler.intrinsics import Expander
from nativegen.compiler.ir import CallAbi, Memory
from nativegen.compiler.storage import Storage
from nativegen.readytorun.unit import Cell
from nativegen.typesystem import FieldDesc, MethodDesc, TypeDesc


@dataclass(slots=True, eq=False)
class Callee:
    """A method as call sites see it. Cells are made when first asked for, because not every one can be named.

    Attributes:
        token: as the call site names it.
        this: REF or BYREF, None for static methods.
        parameters, result: storages, without ``this``; abi: how they are passed.
        ref_map: references among the arguments, for call cells.
        direct, virtual: the cells to call it through.
        open: in shared code, the method in terms of the type parameters, when it depends on them; else None.
        open_owner: likewise its class.
        expand: imports a call in place, when the method is an intrinsic.
    """

    token: int
    method: MethodDesc
    this: Memory | None
    parameters: tuple[Storage, ...]
    result: Storage
    abi: CallAbi
    ref_map: tuple[tuple[int, int], ...]
    direct: Cell | None = None
    virtual: Cell | None = None
    open: MethodDesc | None = None
    open_owner: TypeDesc | None = None
    expand: Expander | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FieldAccess:
    """An instance field as code accesses it.

    Attributes:
        owner_is_class: the object is designated by a reference; else by a pointer to the struct.
        offset: from the object's start, or the struct's; meaningless with ``offset_cell``.
        check: must hold for ``offset``.
        offset_cell: contains the offset, for classes whose layout other assemblies decide.
    """

    field: FieldDesc
    storage: Storage
    owner_is_class: bool
    offset: int
    check: Cell | None
    offset_cell: Cell | None


@dataclass(frozen=True, slots=True, eq=False)
class StaticField:
    """A static field as code accesses it.

    Attributes:
        cell: returns its address, or is FIELD_DATA; None in shared code, when the class has to be looked up.
        open_owner: that class.
        check: required then, when another assembly decides where its fields are.
    """

    field: FieldDesc
    storage: Storage
    cell: Cell | None
    open_owner: TypeDesc | None = None
    check: Cell | None = None
