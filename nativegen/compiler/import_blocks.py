"""Importing blocks of memory: localloc, cpblk, initblk (ECMA-335 III.3.30, III.3.36, III.3.47).

``localloc`` grows the frame. CIL allows it only with nothing else on the evaluation stack, and never in a handler or
filter, whose frame is not the method's. Block copies and fills go through the runtime's helpers, as the JIT's do when
it does not know the size: those know which of their accesses may fault.

Example (``ldc.i4.s 40; conv.u; localloc``)::

    v2: i64 = stack_allocate v1 zeroed
"""

from __future__ import annotations

from nativegen.compiler import helper_abis, ir
from nativegen.compiler.importer import Entry, Handler, MethodImporter, invalid
from nativegen.compiler.ir import Memory, Type
from nativegen.compiler.regions import Filter, funclet_of
from nativegen.metadata.ops import Op
from nativegen.readytorun.enums import Helper


def _allocate_on_stack(importer: MethodImporter, operand: None) -> None:
    size = importer.as_native(importer.pop_value(), unsigned=True)
    if importer.stack:
        raise invalid("localloc with something on the stack")
    assert importer.current is not None
    scope = importer.current.scope
    if importer.source.copy.root is not None or isinstance(scope, Filter) or funclet_of(scope) is not None:
        raise invalid("localloc in a handler")
    result = importer.value(Type.I64)
    importer.emit(ir.StackAllocate(result, size, importer.method.body.init_locals))
    importer.push(Type.I64, result)


def _pointer(importer: MethodImporter, entry: Entry) -> ir.Value:
    value = importer.scalar(entry)
    if value.type is Type.REF:
        raise invalid("a block of memory at an object reference")
    return importer.coerce(Entry(value.type, importer.as_pointer(entry)), Memory.BYREF)


def _copy_block(importer: MethodImporter, operand: None) -> None:
    size = importer.as_native(importer.pop_value(), unsigned=True)
    source, destination = importer.pop(), importer.pop()
    importer.keep_borrowed()
    args = (_pointer(importer, destination), _pointer(importer, source), size)
    importer.call_helper(importer.cells.helper(Helper.MemCpy), helper_abis.COPY_MEMORY, args)


def _fill_block(importer: MethodImporter, operand: None) -> None:
    size = importer.as_native(importer.pop_value(), unsigned=True)
    value = importer.coerce(importer.pop(), Memory.I32)
    destination = importer.pop()
    importer.keep_borrowed()
    args = (_pointer(importer, destination), value, size)
    importer.call_helper(importer.cells.helper(Helper.MemSet), helper_abis.FILL_MEMORY, args)


HANDLERS: dict[int, Handler] = {
    Op.LOCALLOC: _allocate_on_stack,
    Op.CPBLK: _copy_block,
    Op.INITBLK: _fill_block,
}
