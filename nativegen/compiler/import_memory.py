"""Importing indirections and prefixes: ldind, stind, ldobj, initobj, volatile. and the like (ECMA-335 III.2 to III.4).

Example (``ldarg.0; ldc.i4.5; volatile. stind.i4``)::

    store v0+0 i32 v1 volatile faulting
"""

from __future__ import annotations

from typing import Final

from nativegen.compiler import access
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.importer import NO_PREFIXES, Handler, MethodImporter, Prefixes, invalid
from nativegen.compiler.ir import Memory, Type
from nativegen.metadata.ops import Op


def _load_indirect(memory: Memory) -> Handler:
    def handler(importer: MethodImporter, operand: None) -> None:
        address = access.pointer_address(importer, importer.pop())
        access.load_memory(importer, address, memory)

    return handler


def _store_indirect(memory: Memory) -> Handler:
    def handler(importer: MethodImporter, operand: None) -> None:
        value = importer.pop()
        address = access.pointer_address(importer, importer.pop())
        access.store_memory(importer, address, memory, value)

    return handler


def _load_object(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    access.load(importer, access.pointer_address(importer, importer.pop()), storage)


def _store_object(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    value = importer.pop()
    access.store(importer, access.pointer_address(importer, importer.pop()), storage, value)


def _copy_object(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    source = access.pointer_address(importer, importer.pop())
    target = access.pointer_address(importer, importer.pop())
    access.load(importer, source, storage)
    access.store(importer, target, storage, importer.pop())


def _init_object(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    access.clear(importer, access.pointer_address(importer, importer.pop()), storage)


def _size_of(importer: MethodImporter, token: int) -> None:
    storage = importer.compiler.storage(token)
    if storage.is_void:
        raise invalid("sizeof void")
    importer.require(storage)
    importer.push(Type.I32, importer.const(Type.I32, storage.size))


# --- prefixes ---------------------------------------------------------------------------------------------------------


def _prefixes(importer: MethodImporter) -> Prefixes:
    if importer.prefixes is NO_PREFIXES:
        importer.prefixes = Prefixes()
    return importer.prefixes


def _volatile(importer: MethodImporter, operand: None) -> None:
    _prefixes(importer).volatile = True


def _unaligned(importer: MethodImporter, alignment: int) -> None:
    if alignment not in (1, 2, 4):
        raise invalid(f"unaligned. {alignment}")  # nothing else: no access claims an alignment


def _readonly(importer: MethodImporter, operand: None) -> None:
    _prefixes(importer).readonly = True


def _constrained(importer: MethodImporter, token: int) -> None:
    _prefixes(importer).constrained = token


def _tail(importer: MethodImporter, operand: None) -> None:
    raise Excluded(Reason.TAIL_CALL)


#: What ends the names of ``stind``, ``stelem`` and so on, but for references.
SCALAR_FORMS: Final = {
    "I1": Memory.I8,
    "I2": Memory.I16,
    "I4": Memory.I32,
    "I8": Memory.I64,
    "I": Memory.I64,
    "R4": Memory.F32,
    "R8": Memory.F64,
}
_FORMS: Final = {**SCALAR_FORMS, "REF": Memory.REF}

HANDLERS: dict[int, Handler] = {
    **{getattr(Op, f"LDIND_{name}"): _load_indirect(memory) for name, memory in _FORMS.items()},
    **{getattr(Op, f"STIND_{name}"): _store_indirect(memory) for name, memory in _FORMS.items()},
    Op.LDIND_U1: _load_indirect(Memory.U8),
    Op.LDIND_U2: _load_indirect(Memory.U16),
    Op.LDIND_U4: _load_indirect(Memory.I32),
    Op.LDOBJ: _load_object,
    Op.STOBJ: _store_object,
    Op.CPOBJ: _copy_object,
    Op.INITOBJ: _init_object,
    Op.SIZEOF: _size_of,
    Op.VOLATILE: _volatile,
    Op.UNALIGNED: _unaligned,
    Op.READONLY: _readonly,
    Op.CONSTRAINED: _constrained,
    Op.TAIL: _tail,
}
