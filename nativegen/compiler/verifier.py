"""Checks every invariant that :mod:`nativegen.compiler.ir` states; run on all IR in tests, and on demand
(``lower(verify=True)``).

Why here: a mistake of the importer or of a pass must show as a message about one instruction, not as a crash of LLVM
or as wrong code. So the rules are those that the emitter and the homes plan rely on without looking.

Invariants: the function is not changed; the first violation is reported.

Example: using a value in another block gives
``IrError: M: b1: return v0: v0 is not defined before its use in this block``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nativegen.compiler import ir
from nativegen.compiler.ir import Barrier, BinaryOp, ConvertKind, Memory, PassKind, Type
from nativegen.compiler.operands import USES, successors, uses
from nativegen.compiler.printer import print_instruction
from nativegen.compiler.verify_regions import verify_edges, verify_regions


class IrError(ValueError):
    """The IR breaks a rule; the message names function, block and instruction."""


_INTEGERS = (Type.I32, Type.I64)
_FLOATS = (Type.F32, Type.F64)
_POINTERS = (Type.REF, Type.BYREF, Type.ADDR)
_ADDRESSES = (Type.REF, Type.BYREF, Type.ADDR, Type.I64)
_STRUCT_ADDRESSES = (Type.BYREF, Type.ADDR, Type.I64, Type.REF)
_STRUCT_KINDS = (PassKind.REGISTERS, PassKind.STACK, PassKind.BUFFER)

#: Value types that may stand where a memory form asks for a type, besides that type itself: all are one pointer-sized
#: word.
_CONVERTIBLE: dict[Type, tuple[Type, ...]] = {
    Type.BYREF: (Type.BYREF, Type.ADDR, Type.I64, Type.REF),
    Type.I64: (Type.I64, Type.BYREF, Type.ADDR),
}

_CONVERSIONS: dict[ConvertKind, tuple[Type, Type]] = {
    ConvertKind.SEXT8: (Type.I32, Type.I32),
    ConvertKind.ZEXT8: (Type.I32, Type.I32),
    ConvertKind.SEXT16: (Type.I32, Type.I32),
    ConvertKind.ZEXT16: (Type.I32, Type.I32),
    ConvertKind.SEXT32: (Type.I32, Type.I64),
    ConvertKind.ZEXT32: (Type.I32, Type.I64),
    ConvertKind.TRUNC64: (Type.I64, Type.I32),
    ConvertKind.I32_F32: (Type.I32, Type.F32),
    ConvertKind.I32_F64: (Type.I32, Type.F64),
    ConvertKind.I64_F32: (Type.I64, Type.F32),
    ConvertKind.I64_F64: (Type.I64, Type.F64),
    ConvertKind.U32_F32: (Type.I32, Type.F32),
    ConvertKind.U32_F64: (Type.I32, Type.F64),
    ConvertKind.U64_F32: (Type.I64, Type.F32),
    ConvertKind.U64_F64: (Type.I64, Type.F64),
    ConvertKind.F32_F64: (Type.F32, Type.F64),
    ConvertKind.F64_F32: (Type.F64, Type.F32),
    ConvertKind.F64_I32: (Type.F64, Type.I32),
    ConvertKind.F64_I64: (Type.F64, Type.I64),
    ConvertKind.F64_U32: (Type.F64, Type.I32),
    ConvertKind.F64_U64: (Type.F64, Type.I64),
    ConvertKind.REF_I64: (Type.REF, Type.I64),
    ConvertKind.BYREF_I64: (Type.BYREF, Type.I64),
    ConvertKind.BITS_F32_I32: (Type.F32, Type.I32),
    ConvertKind.BITS_F64_I64: (Type.F64, Type.I64),
    ConvertKind.BITS_I32_F32: (Type.I32, Type.F32),
    ConvertKind.BITS_I64_F64: (Type.I64, Type.F64),
    ConvertKind.ADDR_I64: (Type.ADDR, Type.I64),
    ConvertKind.I64_BYREF: (Type.I64, Type.BYREF),
    ConvertKind.ADDR_BYREF: (Type.ADDR, Type.BYREF),
    ConvertKind.REF_BYREF: (Type.REF, Type.BYREF),
}


def verify(function: ir.Function) -> None:
    """Check a whole function.

    Raises:
        IrError: it breaks a rule.
    """
    _Verifier(function).run()


class _Verifier:
    def __init__(self, function: ir.Function) -> None:
        self.function = function
        self.place = function.name
        self.instruction: ir.Instruction | None = None
        self.defined: set[int] = set()  # in the whole function
        self.known: set[int] = set()  # in this block

    def require(self, condition: bool, message: str) -> None:
        if not condition:
            what = "" if self.instruction is None else f"{print_instruction(self.instruction)}: "
            raise IrError(f"{self.place}: {what}{message}")

    def run(self) -> None:
        self._slots()
        self._abi(self.function.abi)
        blocks = self.function.blocks
        self.require(bool(blocks), "no blocks")
        for index, block in enumerate(blocks):
            self.require(block.index == index, f"block {block.index} stands at position {index}")
        verify_regions(self.function, self.require)
        for block in blocks:
            self._block(block)

    def _slots(self) -> None:
        function = self.function
        self.require(
            [slot for slot in function.slots if slot.kind is ir.SlotKind.ARGUMENT] == function.arguments,
            "arguments are not the argument slots in order",
        )
        self.require(len(function.arguments) == len(function.abi.params), "not one argument slot per parameter")
        for index, slot in enumerate(function.slots):
            self.place = f"{function.name}: slot {slot.name}"
            self.require(slot.index == index, f"index {slot.index} at position {index}")
            self.require((slot.memory is None) != (slot.shape is None), "needs either a memory form or a shape")
            if slot.shape is not None:
                self._shape(slot.shape)
            self.require(not slot.pinned or slot.memory in (Memory.REF, Memory.BYREF), "only references can be pinned")
        for slot, param in zip(function.arguments, function.abi.params, strict=True):
            self.place = f"{function.name}: argument {slot.name}"
            self.require(
                slot.memory is param.memory if param.kind is PassKind.SCALAR else slot.shape == param.shape,
                "slot and parameter differ",
            )
        self.place = function.name

    def _shape(self, shape: ir.StructShape) -> None:
        self.require(shape.size > 0, "empty shape")
        self.require(shape.alignment in (1, 2, 4, 8, 16, 32), f"alignment {shape.alignment}")
        last = -8
        for offset, memory in shape.gc:
            self.require(memory in (Memory.REF, Memory.BYREF), "a shape's pointers are references")
            self.require(offset % 8 == 0 and last + 8 <= offset <= shape.size - 8, f"pointer at offset {offset}")
            last = offset

    def _abi(self, abi: ir.CallAbi) -> None:
        self.require(not abi.has_this or bool(abi.params), "no parameter for this")
        for param in abi.params:
            self.require(
                param.kind in (PassKind.SCALAR, PassKind.REGISTERS, PassKind.STACK), f"{param.kind.name} parameter"
            )
            self._param(param)
        self.require(
            abi.result.kind in (PassKind.VOID, PassKind.SCALAR, PassKind.REGISTERS, PassKind.BUFFER),
            f"{abi.result.kind.name} result",
        )
        self._param(abi.result)

    def _param(self, param: ir.AbiParam) -> None:
        self.require((param.memory is not None) == (param.kind is PassKind.SCALAR), "memory form of a parameter")
        self.require((param.shape is not None) == (param.kind in _STRUCT_KINDS), "shape of a parameter")
        if param.shape is not None:
            self._shape(param.shape)
        if param.kind is not PassKind.REGISTERS:
            self.require(not param.words, "words of a parameter that is not in registers")
            return
        assert param.shape is not None
        self.require(1 <= len(param.words) <= 2, "one or two words")
        for word, start in zip(param.words, (0, 8), strict=False):
            left = min(8, param.shape.size - start)
            self.require(word.offset == start and word.size == left, f"word at {word.offset} of size {word.size}")
            full = ir.MEMORY_INFO[word.memory][1]
            partial = word.memory is Memory.I64 and word.size < full
            self.require(word.size == full or partial, f"word of size {word.size} as {word.memory.name}")
        self.require(len(param.words) == (param.shape.size + 7) // 8, "words do not cover the struct")

    # blocks and instructions

    def _block(self, block: ir.Block) -> None:
        self.place = f"{self.function.name}: b{block.index}"
        self.require(bool(block.instructions), "empty block")
        self.known.clear()
        for instruction in block.instructions:
            self.require(type(instruction) in USES, f"unknown instruction {type(instruction).__name__}")
            self.instruction = instruction
            is_last = instruction is block.instructions[-1]
            self.require(isinstance(instruction, ir.TERMINATORS) == is_last, "terminators end blocks, and only they")
            self._instruction(instruction)
        verify_edges(block, self.require)
        self.instruction = None
        blocks = self.function.blocks
        for successor in successors(block):
            known = 0 < successor.index < len(blocks) and blocks[successor.index] is successor
            self.require(known, f"b{successor.index} is not a block that can be jumped to")
        self._after_noreturn(block)

    def _after_noreturn(self, block: ir.Block) -> None:
        for index, instruction in enumerate(block.instructions):
            if isinstance(instruction, ir.Call) and instruction.noreturn:
                following = block.instructions[index + 1]
                self.require(isinstance(following, ir.Unreachable), "code after a call that does not return")

    def _instruction(self, instruction: ir.Instruction) -> None:
        for value in uses(instruction):
            self.require(value.id in self.known, f"v{value.id} is not defined before its use in this block")
        rule = _RULES.get(type(instruction))
        if rule is not None:
            rule(self, instruction)
        result: ir.Value | None = getattr(instruction, "result", None)
        if result is not None:
            self.require(result.id not in self.defined, f"v{result.id} is defined twice")
            self.require(0 <= result.id < self.function.value_count, f"v{result.id} beyond value_count")
            self.require(result.type is not Type.VOID, "a value of type void")
            self.defined.add(result.id)
            self.known.add(result.id)

    def types(self, value: ir.Value, *allowed: Type) -> None:
        names = ", ".join(type_.name.lower() for type_ in allowed)
        self.require(value.type in allowed, f"v{value.id} is {value.type.name.lower()}, not {names}")

    def fits(self, value: ir.Value, memory: Memory) -> None:
        wanted = ir.MEMORY_INFO[memory][0]
        self.types(value, *_CONVERTIBLE.get(wanted, (wanted,)))

    def slot(self, slot: ir.Slot) -> None:
        slots = self.function.slots
        self.require(slot.index < len(slots) and slots[slot.index] is slot, f"slot {slot.name} of another function")

    def argument(self, param: ir.AbiParam, value: ir.Value) -> None:
        if param.kind is PassKind.SCALAR:
            assert param.memory is not None
            self.fits(value, param.memory)
        else:
            self.types(value, *_STRUCT_ADDRESSES)


# rules of single instructions


def _const(v: _Verifier, const: ir.Const) -> None:
    v.types(const.result, Type.I32, Type.I64, Type.F32, Type.F64, Type.REF, Type.BYREF)
    if const.result.type in _POINTERS:
        v.require(const.bits == 0, "the only constant reference is null")


def _load_slot(v: _Verifier, load: ir.LoadSlot) -> None:
    v.slot(load.slot)
    v.require(load.slot.memory is not None, "structs are not loaded as values")
    if load.slot.memory is not None:
        v.types(load.result, ir.MEMORY_INFO[load.slot.memory][0])


def _store_slot(v: _Verifier, store: ir.StoreSlot) -> None:
    v.slot(store.slot)
    v.require(store.slot.memory is not None, "structs are not stored as values")
    if store.slot.memory is not None:
        v.fits(store.value, store.slot.memory)


def _slot_address(v: _Verifier, address: ir.SlotAddress) -> None:
    v.slot(address.slot)
    v.types(address.result, Type.ADDR)
    slot = address.slot
    if slot.memory is not None:
        v.require(slot.address_taken, "the slot is not marked as address_taken")
        size = ir.MEMORY_INFO[slot.memory][1]
    else:
        assert slot.shape is not None
        size = slot.shape.size
    v.require(0 <= address.offset <= size, "offset outside the slot")


def _binary(v: _Verifier, binary: ir.Binary) -> None:
    shift = binary.op in (BinaryOp.SHL, BinaryOp.SHR, BinaryOp.SHR_UN)
    if binary.op in (BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL, BinaryOp.DIV):
        v.types(binary.left, *_INTEGERS, *_FLOATS)
    else:
        v.types(binary.left, *_INTEGERS)
    v.types(binary.right, Type.I32 if shift else binary.left.type)
    v.types(binary.result, binary.left.type)


def _checked_binary(v: _Verifier, binary: ir.CheckedBinary) -> None:
    v.require(binary.op in (BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL), "only add, sub and mul can be checked")
    v.types(binary.left, *_INTEGERS)
    v.types(binary.right, binary.left.type)
    v.types(binary.result, binary.left.type)


def _unary(v: _Verifier, unary: ir.Unary) -> None:
    if unary.op in (ir.UnaryOp.ABS, ir.UnaryOp.SQRT):
        v.types(unary.value, *_FLOATS)
    else:
        v.types(unary.value, *_INTEGERS, *(_FLOATS if unary.op is ir.UnaryOp.NEG else ()))
    v.types(unary.result, unary.value.type)


def _convert(v: _Verifier, convert: ir.Convert) -> None:
    source, result = _CONVERSIONS[convert.kind]
    v.types(convert.value, source)
    v.types(convert.result, result)


def _checked_convert(v: _Verifier, convert: ir.CheckedConvert) -> None:
    v.types(convert.value, *_INTEGERS)
    v.require(convert.to in ("i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"), f"to {convert.to}")
    v.types(convert.result, Type.I64 if convert.to.endswith("64") else Type.I32)


def _comparison(v: _Verifier, compare: ir.Compare | ir.CompareBranch) -> None:
    left, right = compare.left, compare.right
    if left.type in _POINTERS or right.type in _POINTERS:
        v.types(left, *_ADDRESSES)
        v.types(right, *_ADDRESSES)
    else:
        v.types(right, left.type)


def _compare(v: _Verifier, compare: ir.Compare) -> None:
    _comparison(v, compare)
    v.types(compare.result, Type.I32)


def _null_check(v: _Verifier, check: ir.NullCheck) -> None:
    v.types(check.value, Type.REF, Type.BYREF, Type.I64)


def _bounds_check(v: _Verifier, check: ir.BoundsCheck) -> None:
    v.types(check.array, Type.REF)
    v.types(check.index, *_INTEGERS)


def _range_check(v: _Verifier, check: ir.RangeCheck) -> None:
    v.types(check.index, Type.I32)
    v.types(check.length, Type.I32)


def _stack_allocate(v: _Verifier, allocate: ir.StackAllocate) -> None:
    v.types(allocate.size, Type.I64)
    v.types(allocate.result, Type.I64)


def _divide_check(v: _Verifier, check: ir.DivideCheck) -> None:
    v.types(check.left, *_INTEGERS)
    v.types(check.right, check.left.type)


def _finite_check(v: _Verifier, check: ir.FiniteCheck) -> None:
    v.types(check.value, *_FLOATS)


def _array_length(v: _Verifier, length: ir.ArrayLength) -> None:
    v.types(length.array, Type.REF)
    v.types(length.result, Type.I64)


def _moved(base: Type) -> Type:
    return Type.BYREF if base is Type.REF else base


def _offset(v: _Verifier, offset: ir.Offset) -> None:
    v.types(offset.base, *_ADDRESSES)
    v.types(offset.result, _moved(offset.base.type))


def _index(v: _Verifier, index: ir.Index) -> None:
    v.types(index.base, *_ADDRESSES)
    v.types(index.index, Type.I64)
    v.types(index.result, _moved(index.base.type))


def _load(v: _Verifier, load: ir.Load) -> None:
    v.types(load.address, *_ADDRESSES)
    v.types(load.result, ir.MEMORY_INFO[load.memory][0])
    v.require(not (load.faulting and load.address.type is Type.ADDR), "addresses of the frame are never null")


def _store(v: _Verifier, store: ir.Store) -> None:
    v.types(store.address, *_ADDRESSES)
    v.require(store.memory is not Memory.REF, "references are stored with store_ref")
    if store.memory is Memory.BYREF:
        v.types(store.address, Type.ADDR, Type.BYREF, Type.I64)
    v.fits(store.value, store.memory)
    v.require(not (store.faulting and store.address.type is Type.ADDR), "addresses of the frame are never null")


def _store_ref(v: _Verifier, store: ir.StoreRef) -> None:
    v.types(store.address, *_ADDRESSES)
    v.types(store.value, Type.REF)
    if store.address.type is Type.REF:
        v.require(store.barrier is not Barrier.NONE, "a store into an object needs a barrier")


def _copy_struct(v: _Verifier, copy: ir.CopyStruct) -> None:
    v.types(copy.destination, *_STRUCT_ADDRESSES)
    v.types(copy.source, *_STRUCT_ADDRESSES)
    v._shape(copy.shape)


def _zero_struct(v: _Verifier, zero: ir.ZeroStruct) -> None:
    v.types(zero.destination, *_STRUCT_ADDRESSES)
    v._shape(zero.shape)


def _load_cell(v: _Verifier, load: ir.LoadCell) -> None:
    v.types(load.result, Type.REF if load.dereference else Type.I64)


def _cell_address(v: _Verifier, address: ir.CellAddress) -> None:
    v.types(address.result, Type.I64)


def _call(v: _Verifier, call: ir.Call) -> None:
    v._abi(call.abi)
    if isinstance(call.target, ir.Value):
        v.types(call.target, Type.I64)
    v.require(len(call.args) == len(call.abi.params), "not one argument per parameter")
    for param, value in zip(call.abi.params, call.args, strict=True):
        v.argument(param, value)
    result = call.abi.result
    if call.result is not None:
        v.require(result.kind is PassKind.SCALAR, "only scalars are results")
        if result.memory is not None:
            v.types(call.result, ir.MEMORY_INFO[result.memory][0])
    v.require(call.result_address is not None if result.kind is PassKind.BUFFER else True, "a return buffer is missing")
    if call.result_address is not None:
        v.require(result.kind in (PassKind.BUFFER, PassKind.REGISTERS), "a result address without a struct result")
        v.types(call.result_address, Type.ADDR, Type.BYREF)
    v.require(not (call.noreturn and call.gc_free), "noreturn and gc_free exclude each other")
    v.require(isinstance(call.target, ir.Value) or not call.dispatch, "a dispatch needs a value")


def _branch(v: _Verifier, branch: ir.Branch) -> None:
    v.types(branch.condition, Type.I32, Type.I64, Type.REF, Type.BYREF)


def _switch(v: _Verifier, switch: ir.Switch) -> None:
    v.types(switch.value, Type.I32)


def _end_filter(v: _Verifier, end: ir.EndFilter) -> None:
    v.types(end.value, Type.I32)


def _return(v: _Verifier, instruction: ir.Return) -> None:
    result = v.function.abi.result
    value = instruction.value
    v.require((value is None) == (result.kind is PassKind.VOID), "a value exactly when the method has a result")
    if value is not None:
        v.argument(result, value)


_RULES: dict[type[ir.Instruction], Callable[[_Verifier, Any], None]] = {
    ir.Const: _const,
    ir.LoadSlot: _load_slot,
    ir.StoreSlot: _store_slot,
    ir.SlotAddress: _slot_address,
    ir.Binary: _binary,
    ir.CheckedBinary: _checked_binary,
    ir.Unary: _unary,
    ir.Convert: _convert,
    ir.CheckedConvert: _checked_convert,
    ir.Compare: _compare,
    ir.CompareBranch: _comparison,
    ir.NullCheck: _null_check,
    ir.BoundsCheck: _bounds_check,
    ir.RangeCheck: _range_check,
    ir.StackAllocate: _stack_allocate,
    ir.DivideCheck: _divide_check,
    ir.FiniteCheck: _finite_check,
    ir.ArrayLength: _array_length,
    ir.Offset: _offset,
    ir.Index: _index,
    ir.Load: _load,
    ir.Store: _store,
    ir.StoreRef: _store_ref,
    ir.CopyStruct: _copy_struct,
    ir.ZeroStruct: _zero_struct,
    ir.LoadCell: _load_cell,
    ir.CellAddress: _cell_address,
    ir.Call: _call,
    ir.Branch: _branch,
    ir.Switch: _switch,
    ir.Return: _return,
    ir.EndFilter: _end_filter,
}
