"""LLVM text of slots, loads, stores and struct copies.

Why struct copies are word by word: LLVM turns ``memcpy`` and ``memset`` of unknown or large size into calls of C
library routines in another calling convention, and its own passes make such intrinsics from the ``.inline`` ones;
plain loads and stores (and a loop above :data:`INLINE_BYTES`) never do. A word copy also never tears a reference.

Invariants: no access claims an alignment (packed structs may put a field anywhere, and x86 does not care). What
volatile accesses order (ECMA-335 I.12.6.7: acquire, release) x86 orders by itself; a fence for the compiler keeps
LLVM from undoing it. (LLVM's atomic accesses would need an alignment, which taking an aggregate apart loses: then they
become calls of a library.) A reference reaches the heap only through a write barrier.

Example (store of a reference field)::

    store_ref v0, 8, v1 unchecked
    ->
     %t1 = getelementptr i8, ptr addrspace(1) %v0, i64 8
     call cc 78 void @s...(ptr addrspace(1) %t1, ptr addrspace(1) %v1)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nativegen.backend.module_text import INVARIANT_LOAD
from nativegen.compiler import ir
from nativegen.compiler.emission import MANAGED, MEMORY_TEXT, SMALL, Emission
from nativegen.readytorun.enums import Helper

#: Structs up to this size are copied and cleared by straight-line code.
INLINE_BYTES = 128

#: Words loaded before they are stored: lets LLVM merge them into vector moves without needing many registers.
_CHUNK_WORDS = 4

#: Probing as much ends in a stack overflow; much more would wrap the stack pointer around.
_MORE_THAN_ANY_STACK = 1 << 40

_COMPILER_FENCE = ' fence syncscope("singlethread") acq_rel'


def _load_slot(e: Emission, load: ir.LoadSlot) -> None:
    slot = load.slot
    value = e.slot_values[slot.index]
    if value:
        e.names[load.result.id] = value
        return
    assert slot.memory is not None
    text = f"load{e.volatile} {MEMORY_TEXT[slot.memory]}, {e.slot_access(slot)}"
    extend = SMALL.get(slot.memory)
    if extend is None:
        e.define(load.result, text)
    else:
        e.define(load.result, f"{extend} {MEMORY_TEXT[slot.memory]} {e.assign(text)} to i32")


def _store_slot(e: Emission, store: ir.StoreSlot) -> None:
    slot = store.slot
    assert slot.memory is not None
    name = narrowed(e, store.value, slot.memory)
    e.lines.append(f" store{e.volatile} {MEMORY_TEXT[slot.memory]} {name}, {e.slot_access(slot)}")


def narrowed(e: Emission, value: ir.Value, memory: ir.Memory) -> str:
    """The value in its memory form: small integers cut off, pointers of the right kind."""
    if memory in SMALL:
        return e.assign(f"trunc i32 {e.operand(value)} to {MEMORY_TEXT[memory]}")
    return e.coerce(value, ir.MEMORY_INFO[memory][0])


def _slot_address(e: Emission, address: ir.SlotAddress) -> None:
    e.names[address.result.id] = e.slot_pointer(address.slot, address.offset)


def _checked_pointer(e: Emission, access: ir.Load | ir.Store) -> tuple[str, str]:
    """The pointer of an access and " volatile" when the access is the null check itself."""
    keyword = ""
    if access.faulting:
        if e.explicit_null_checks or access.offset >= e.target.null_page_limit:
            e.null_check(access.address)
        else:
            keyword = " volatile"
    return e.pointer(access.address, access.offset), keyword


def _load(e: Emission, load: ir.Load) -> None:
    pointer, keyword = _checked_pointer(e, load)
    kind = MEMORY_TEXT[load.memory]
    tag = e.heap_tag(load.address)
    if keyword:
        tag += e.site()
    if load.volatile:
        keyword = " volatile"
    text = f"load{keyword} {kind}, {pointer}, align 1{tag}"
    extend = SMALL.get(load.memory)
    if extend is None:
        e.define(load.result, text)
    else:
        e.define(load.result, f"{extend} {kind} {e.assign(text)} to i32")
    if load.volatile:
        e.lines.append(_COMPILER_FENCE)


def _store(e: Emission, store: ir.Store) -> None:
    pointer, keyword = _checked_pointer(e, store)
    _store_scalar(e, store.memory, narrowed(e, store.value, store.memory), pointer, keyword, store)


def _store_scalar(
    e: Emission, memory: ir.Memory, name: str, pointer: str, keyword: str, store: ir.Store | ir.StoreRef
) -> None:
    kind = MEMORY_TEXT[memory]
    tag = e.heap_tag(store.address)
    if keyword:
        tag += e.site()
    if store.volatile:
        e.lines.append(_COMPILER_FENCE)
        keyword = " volatile"
    e.lines.append(f" store{keyword} {kind} {name}, {pointer}, align 1{tag}")


def _store_ref(e: Emission, store: ir.StoreRef) -> None:
    name = e.operand(store.value)
    pointer = e.pointer(store.address, store.offset)
    if store.barrier is ir.Barrier.NONE or name == "null":
        _store_scalar(e, ir.Memory.REF, name, pointer, "", store)
    else:
        store_with_barrier(e, pointer, name, store.barrier)


def store_with_barrier(e: Emission, pointer: str, name: str, barrier: ir.Barrier) -> None:
    """Store a reference that is (or may be) going into the heap: rdi = place, rsi = reference; never collects."""
    helper = Helper.WriteBarrier if barrier is ir.Barrier.UNCHECKED else Helper.CheckedWriteBarrier
    kind, _, place = pointer.rpartition(" ")
    if kind != MANAGED:
        place = e.assign(f"addrspacecast ptr {place} to {MANAGED}")
    callee = e.helper(helper, "void", f"{MANAGED}, {MANAGED}", f"{MANAGED} {place}, {MANAGED} {name}")
    e.write_call("", callee, throws=False)


def _offset(e: Emission, offset: ir.Offset) -> None:
    e.derive(offset.result, offset.base)
    if not offset.offset:
        e.names[offset.result.id] = e.operand(offset.base)
    elif offset.base.type is ir.Type.I64:
        e.define(offset.result, f"add i64 {e.operand(offset.base)}, {offset.offset}")
    else:
        e.define(offset.result, f"getelementptr i8, {e.typed(offset.base)}, i64 {offset.offset}")


def _index(e: Emission, index: ir.Index) -> None:
    e.derive(index.result, index.base)
    distance = e.operand(index.index)
    if index.scale != 1:
        distance = e.assign(f"mul i64 {distance}, {index.scale}")
    if index.offset:
        distance = e.assign(f"add i64 {distance}, {index.offset}")
    if index.base.type is ir.Type.I64:
        e.define(index.result, f"add i64 {e.operand(index.base)}, {distance}")
    else:
        e.define(index.result, f"getelementptr i8, {e.typed(index.base)}, i64 {distance}")


def _load_cell(e: Emission, load: ir.LoadCell) -> None:
    if load.dereference:
        e.define(load.result, e.literal(load.cell))
    else:
        e.define(load.result, f"load i64, ptr @{e.cell(load.cell)}, {INVARIANT_LOAD}")


def _cell_address(e: Emission, address: ir.CellAddress) -> None:
    e.define(address.result, f"ptrtoint ptr @{e.cell(address.cell)} to i64")


# structs


def pieces(start: int, end: int) -> list[tuple[int, int]]:
    """(offset, size) of the words of 8, 4, 2 and 1 bytes that cover ``start`` .. ``end``."""
    found = []
    while start < end:
        size = 8 if end - start >= 8 else 4 if end - start >= 4 else 2 if end - start >= 2 else 1
        found.append((start, size))
        start += size
    return found


def at(e: Emission, pointer: str, offset: int) -> str:
    """A typed pointer moved by a constant."""
    if not offset:
        return pointer
    return f"{pointer.rpartition(' ')[0]} {e.assign(f'getelementptr i8, {pointer}, i64 {offset}')}"


def copy_bytes(e: Emission, destination: str, source: str, start: int, end: int) -> None:
    """Copy bytes that hold no reference needing a barrier, between typed pointers."""
    if end - start > INLINE_BYTES:
        words_end = start + (end - start) // 8 * 8
        _word_loop(e, destination, source, start, words_end)
        start = words_end
    words = pieces(start, end)
    for first in range(0, len(words), _CHUNK_WORDS):
        chunk = words[first : first + _CHUNK_WORDS]
        loaded = [e.assign(f"load i{size * 8}, {at(e, source, offset)}, align 1") for offset, size in chunk]
        for (offset, size), name in zip(chunk, loaded, strict=True):
            e.lines.append(f" store i{size * 8} {name}, {at(e, destination, offset)}, align 1")


def zero_bytes(e: Emission, destination: str, start: int, end: int) -> None:
    """Clear bytes behind a typed pointer."""
    if end - start > INLINE_BYTES:
        words_end = start + (end - start) // 8 * 8
        _word_loop(e, destination, None, start, words_end)
        start = words_end
    for offset, size in pieces(start, end):
        e.lines.append(f" store i{size * 8} 0, {at(e, destination, offset)}, align 1")


def _word_loop(e: Emission, destination: str, source: str | None, start: int, end: int | str) -> None:
    # The counter lives in memory so that no block needs to know its predecessors; LLVM promotes it.
    counter = "%loop"
    head, done = e.label(), e.label()
    e.uses_word_loop = True
    e.lines.append(f" store i64 {start}, ptr {counter}")
    e.lines.append(f" br label %{head}")
    e.lines.append(f"{head}:")
    index = e.assign(f"load i64, ptr {counter}")
    word = "0"
    if source is not None:
        kind = source.rpartition(" ")[0]
        word = e.assign(f"load i64, {kind} {e.assign(f'getelementptr i8, {source}, i64 {index}')}, align 1")
    kind = destination.rpartition(" ")[0]
    place = e.assign(f"getelementptr i8, {destination}, i64 {index}")
    e.lines.append(f" store i64 {word}, {kind} {place}, align 1")
    following = e.assign(f"add i64 {index}, 8")
    e.lines.append(f" store i64 {following}, ptr {counter}")
    more = e.assign(f"icmp ult i64 {following}, {end}")
    e.lines.append(f" br i1 {more}, label %{head}, label %{done}")
    e.lines.append(f"{done}:")


def _stack_allocate(e: Emission, allocate: ir.StackAllocate) -> None:
    size = e.operand(allocate.size)
    some = e.assign(f"icmp ne i64 {size}, 0")
    fits = e.assign(f"icmp ult i64 {size}, {_MORE_THAN_ANY_STACK}")
    size = e.assign(f"select i1 {fits}, i64 {size}, i64 {_MORE_THAN_ANY_STACK}")
    size = e.assign(f"and i64 {e.assign(f'add i64 {size}, 15')}, -16")
    place = e.assign(f"alloca i8, i64 {size}, align 16")
    if allocate.zeroed:
        go, done = e.label(), e.label()
        e.lines.append(f" br i1 {some}, label %{go}, label %{done}")
        e.lines.append(f"{go}:")
        _word_loop(e, f"ptr {place}", None, 0, size)
        e.lines.append(f" br label %{done}")
        e.lines.append(f"{done}:")
    address = e.assign(f"ptrtoint ptr {place} to i64")
    e.define(allocate.result, f"select i1 {some}, i64 {address}, i64 0")


def copy_struct(e: Emission, destination: str, source: str, shape: ir.StructShape, barrier: ir.Barrier) -> None:
    """Copy a value type between typed pointers; nothing in it collects."""
    start = 0
    if barrier is not ir.Barrier.NONE:
        for offset, memory in shape.gc:
            if memory is ir.Memory.REF:
                copy_bytes(e, destination, source, start, offset)
                reference = e.assign(f"load {MANAGED}, {at(e, source, offset)}, align 1")
                store_with_barrier(e, at(e, destination, offset), reference, barrier)
                start = offset + 8
    copy_bytes(e, destination, source, start, shape.size)


def _copy_struct(e: Emission, copy: ir.CopyStruct) -> None:
    destination, source = e.pointer(copy.destination), e.pointer(copy.source)
    if copy.volatile:
        e.lines.append(_COMPILER_FENCE)
    copy_struct(e, destination, source, copy.shape, copy.barrier)
    if copy.volatile:
        e.lines.append(_COMPILER_FENCE)


def _zero_struct(e: Emission, zero: ir.ZeroStruct) -> None:
    zero_bytes(e, e.pointer(zero.destination), 0, zero.shape.size)


HANDLERS: dict[type[ir.Instruction], Callable[[Emission, Any], None]] = {
    ir.LoadSlot: _load_slot,
    ir.StoreSlot: _store_slot,
    ir.SlotAddress: _slot_address,
    ir.Load: _load,
    ir.Store: _store,
    ir.StoreRef: _store_ref,
    ir.Offset: _offset,
    ir.Index: _index,
    ir.LoadCell: _load_cell,
    ir.CellAddress: _cell_address,
    ir.CopyStruct: _copy_struct,
    ir.ZeroStruct: _zero_struct,
    ir.StackAllocate: _stack_allocate,
}
