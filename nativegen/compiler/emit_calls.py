"""LLVM text of calls, of the method's own signature, and of polls: the calling convention in one place.

What: System V x86-64 as CoreCLR uses it, on top of LLVM's x86_64_sysvcc (facts: joint-design.md 4, llvm-codegen.md
"Values"). Structs travel as the words that :class:`nativegen.compiler.ir.AbiParam` lists; LLVM sees scalars only and
assigns the registers.

Invariants:

* A struct in registers fits into the registers that are left, or the importer must have made it a stack parameter;
  LLVM would split it. :func:`signature_of` checks that and excludes the method.
* Small integers: parameters are i32 whose upper bits nobody trusts; a callee's result is declared i8/i16 and extended
  here; our own result is declared i32 and extended explicitly (LLVM's ``signext`` does nothing on this target).
* The return buffer comes after ``this``, may point into the heap, and is returned.
* Loads of a struct's words never reach beyond the struct.

Example (``static {object, int} F(ref int)``, called with a result slot ``s``)::

    %t1 = call cc 78 {ptr addrspace(1), i64} @s...(ptr addrspace(1) %v1)
    %t2 = extractvalue {ptr addrspace(1), i64} %t1, 0
    store ptr addrspace(1) %t2, ptr %s2, align 1
    ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nativegen.backend.module_text import INVARIANT_LOAD, LIKELY_FALSE
from nativegen.compiler import ir
from nativegen.compiler.emission import MANAGED, MEMORY_TEXT, SMALL, Emission, helper_cell
from nativegen.compiler.emit_memory import at, copy_struct, pieces, store_with_barrier
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.readytorun.enums import Helper
from nativegen.readytorun.unit import CLR_CALL, CLR_DISPATCH, Cell

_GENERAL_REGISTERS = 6
_FLOAT_REGISTERS = 8

#: Iterations between two polls where a poll costs a transition (facts: joint-design.md 3).
POLL_INTERVAL = 1000

#: Makes the prolog save every callee-saved register: a collection in a poll unwinds this frame from rsp, rip and rbp
#: alone.
_SAVE_REGISTERS = ' call void asm sideeffect "", "~{rbx},~{r12},~{r13},~{r14},~{r15}"()'


@dataclass(frozen=True, slots=True)
class Signature:
    """LLVM's view of a :class:`nativegen.compiler.ir.CallAbi`.

    Attributes:
        result: LLVM type of the result, as a caller declares it.
        parameters: LLVM types (with attributes), the return buffer included.
        text: ``parameters`` joined.
        buffer: position of the return buffer parameter, or -1.
    """

    result: str
    parameters: tuple[str, ...]
    text: str
    buffer: int


def signature_of(abi: ir.CallAbi) -> Signature:
    """The LLVM signature.

    Raises:
        Excluded: a struct does not fit into the registers that are left.
    """
    general, floats = _GENERAL_REGISTERS, _FLOAT_REGISTERS
    parameters: list[str] = []
    buffer = -1
    if abi.result.kind is ir.PassKind.BUFFER:
        buffer = 1 if abi.has_this else 0
        general -= 1
    for index, param in enumerate(abi.params):
        if index == buffer:
            parameters.append(MANAGED)
        if param.kind is ir.PassKind.SCALAR:
            assert param.memory is not None
            parameters.append("i32" if param.memory in SMALL else MEMORY_TEXT[param.memory])
            if param.memory in (ir.Memory.F32, ir.Memory.F64):
                floats -= 1
            else:
                general -= 1
        elif param.kind is ir.PassKind.REGISTERS:
            float_words = sum(word.memory in (ir.Memory.F32, ir.Memory.F64) for word in param.words)
            general -= len(param.words) - float_words
            floats -= float_words
            if general < 0 or floats < 0:
                raise Excluded(Reason.SIGNATURE, "struct parameter beyond the last register")
            parameters.extend(MEMORY_TEXT[word.memory] for word in param.words)
        elif param.kind is ir.PassKind.STACK:
            assert param.shape is not None
            parameters.append(_by_value(param.shape))
        else:
            raise Excluded(Reason.SIGNATURE, f"parameter kind {param.kind.name}")
        general, floats = max(general, 0), max(floats, 0)
    if buffer == len(parameters):
        parameters.append(MANAGED)
    return Signature(_result_type(abi.result), tuple(parameters), ", ".join(parameters), buffer)


def _by_value(shape: ir.StructShape) -> str:
    # The byte form keeps LLVM from reading beyond the struct.
    content = f"[{shape.size // 8} x i64]" if shape.size % 8 == 0 else f"[{shape.size} x i8]"
    return f"ptr byval({content}) align 8"


def _result_type(result: ir.AbiParam) -> str:
    if result.kind is ir.PassKind.VOID:
        return "void"
    if result.kind is ir.PassKind.SCALAR:
        assert result.memory is not None
        return MEMORY_TEXT[result.memory]
    if result.kind is ir.PassKind.BUFFER:
        return MANAGED
    if result.kind is ir.PassKind.REGISTERS:
        words = [MEMORY_TEXT[word.memory] for word in result.words]
        return words[0] if len(words) == 1 else f"{{{', '.join(words)}}}"
    raise Excluded(Reason.SIGNATURE, f"result kind {result.kind.name}")


# words of structs


def load_word(e: Emission, pointer: str, word: ir.Word) -> str:
    """One eightbyte of the struct behind a typed pointer, not reading beyond its ``size`` bytes; the rest is zero."""
    full = ir.MEMORY_INFO[word.memory][1]
    if word.size == full:
        return e.assign(f"load {MEMORY_TEXT[word.memory]}, {at(e, pointer, word.offset)}, align 1")
    total = ""
    for offset, size in pieces(0, word.size):
        part = e.assign(f"load i{size * 8}, {at(e, pointer, word.offset + offset)}, align 1")
        part = e.assign(f"zext i{size * 8} {part} to i64")
        if offset:
            part = e.assign(f"shl i64 {part}, {offset * 8}")
        total = e.assign(f"or i64 {total}, {part}") if total else part
    return total


def store_word(e: Emission, pointer: str, word: ir.Word, name: str) -> None:
    """Store one eightbyte into the struct behind a typed pointer, exactly ``size`` bytes."""
    full = ir.MEMORY_INFO[word.memory][1]
    if word.size == full:
        e.lines.append(f" store {MEMORY_TEXT[word.memory]} {name}, {at(e, pointer, word.offset)}, align 1")
        return
    for offset, size in pieces(0, word.size):
        part = e.assign(f"lshr i64 {name}, {offset * 8}") if offset else name
        part = e.assign(f"trunc i64 {part} to i{size * 8}")
        e.lines.append(f" store i{size * 8} {part}, {at(e, pointer, word.offset + offset)}, align 1")


# calls


def _call(e: Emission, call: ir.Call) -> None:
    abi = call.abi
    signature = signature_of(abi)
    arguments: list[str] = []
    for param, value in zip(abi.params, call.args, strict=True):
        if len(arguments) == signature.buffer:
            arguments.append(_buffer_argument(e, call))
        _push_argument(e, arguments, param, value)
    if len(arguments) == signature.buffer:
        arguments.append(_buffer_argument(e, call))
    if isinstance(call.target, Cell):
        target = f"@{e.stub(call.target, signature.result, signature.text)}"
    else:
        target = e.assign(f"inttoptr i64 {e.operand(call.target)} to ptr")
        must_show = e.target.returned_references == "caller" and MANAGED in signature.result
        if call.dispatch or must_show:
            # LLVM passes a nest parameter in r10, from where the image's routine takes it.
            arguments.insert(0, f"ptr nest {target}")
            routine = CLR_DISPATCH if call.dispatch else CLR_CALL
            target = f"@{e.routine(routine, signature.result, ', '.join(['ptr nest', *signature.parameters]))}"
    callee = f"{signature.result} {target}({', '.join(arguments)})"
    throws = not call.gc_free
    if call.noreturn:
        e.write_call("", callee, noreturn=True)
        return
    if not call.gc_free:
        e.safepoint()
    kind = abi.result.kind
    if kind is ir.PassKind.SCALAR and call.result is not None:
        assert abi.result.memory is not None
        extend = SMALL.get(abi.result.memory)
        if extend is None:
            name = e.names[call.result.id] = f"%v{call.result.id}"
            e.write_call(name, callee, throws=throws)
        else:
            name = e.temp()
            e.write_call(name, callee, throws=throws)
            e.define(call.result, f"{extend} {signature.result} {name} to i32")
    elif kind is ir.PassKind.REGISTERS and call.result_address is not None:
        name = e.temp()
        e.write_call(name, callee, throws=throws)
        _store_result(e, signature.result, name, abi.result, call.result_address)
    else:
        e.write_call("", callee, throws=throws)


def _push_argument(e: Emission, arguments: list[str], param: ir.AbiParam, value: ir.Value) -> None:
    if param.kind is ir.PassKind.SCALAR:
        assert param.memory is not None
        wanted = ir.MEMORY_INFO[param.memory][0]
        kind = "i32" if param.memory in SMALL else MEMORY_TEXT[param.memory]
        arguments.append(f"{kind} {e.coerce(value, wanted)}")
    elif param.kind is ir.PassKind.REGISTERS:
        pointer = e.pointer(value)
        for word in param.words:
            arguments.append(f"{MEMORY_TEXT[word.memory]} {load_word(e, pointer, word)}")
    else:
        assert param.shape is not None
        arguments.append(f"{_by_value(param.shape)} {e.coerce(value, ir.Type.ADDR)}")


def _buffer_argument(e: Emission, call: ir.Call) -> str:
    assert call.result_address is not None
    return f"{MANAGED} {e.coerce(call.result_address, ir.Type.BYREF)}"


def _store_result(e: Emission, kind: str, result: str, abi: ir.AbiParam, address: ir.Value) -> None:
    pointer = e.pointer(address)
    names = [result]
    if len(abi.words) > 1:
        names = [e.assign(f"extractvalue {kind} {result}, {index}") for index in range(len(abi.words))]
    for word, name in zip(abi.words, names, strict=True):
        if word.memory is ir.Memory.REF and address.type is not ir.Type.ADDR:
            store_with_barrier(e, at(e, pointer, word.offset), name, ir.Barrier.CHECKED)
        else:
            store_word(e, pointer, word, name)


# the method's own signature


def own_parameters(abi: ir.CallAbi, signature: Signature) -> tuple[str, list[list[str]]]:
    """The text of the method's parameter list, and the names of each parameter's words (``%rb``: the return buffer)."""
    names: list[list[str]] = []
    flat: list[str] = []
    for index, param in enumerate(abi.params):
        if len(flat) == signature.buffer:
            flat.append("%rb")
        if param.kind is ir.PassKind.REGISTERS:
            names.append([f"%a{index}.{word}" for word in range(len(param.words))])
        else:
            names.append([f"%a{index}"])
        flat.extend(names[-1])
    if len(flat) == signature.buffer:
        flat.append("%rb")
    return ", ".join(f"{kind} {name}" for kind, name in zip(signature.parameters, flat, strict=True)), names


def own_result_type(abi: ir.CallAbi, signature: Signature) -> str:
    if abi.result.kind is ir.PassKind.SCALAR and abi.result.memory in SMALL:
        return "i32"
    return signature.result


def _return(e: Emission, instruction: ir.Return) -> None:
    result = e.function.abi.result
    value = instruction.value
    if value is None:
        e.lines.append(" ret void")
        return
    if result.kind is ir.PassKind.SCALAR:
        assert result.memory is not None
        extend = SMALL.get(result.memory)
        if extend is not None:
            kind = MEMORY_TEXT[result.memory]
            small = e.assign(f"trunc i32 {e.operand(value)} to {kind}")
            e.lines.append(f" ret i32 {e.assign(f'{extend} {kind} {small} to i32')}")
        else:
            e.lines.append(f" ret {MEMORY_TEXT[result.memory]} {e.coerce(value, ir.MEMORY_INFO[result.memory][0])}")
    elif result.kind is ir.PassKind.BUFFER:
        assert result.shape is not None
        word = e.plan.return_buffer
        buffer = f"{MANAGED} {'%rb' if word is None else e.load_home(word)}"
        copy_struct(e, buffer, e.pointer(value), result.shape, ir.Barrier.CHECKED)
        e.lines.append(f" ret {buffer}")
    else:
        _return_words(e, e.pointer(value), result)


def _return_words(e: Emission, pointer: str, result: ir.AbiParam) -> None:
    kind = _result_type(result)
    names = [load_word(e, pointer, word) for word in result.words]
    total = names[0]
    if len(names) > 1:
        total = "poison"
        for index, (word, name) in enumerate(zip(result.words, names, strict=True)):
            total = e.assign(f"insertvalue {kind} {total}, {MEMORY_TEXT[word.memory]} {name}, {index}")
    e.lines.append(f" ret {kind} {total}")


# polls


def _poll(e: Emission, _: ir.Poll) -> None:
    if e.target.poll == "trap-flag":
        _poll_trap_flag(e)
    else:
        _poll_by_transition(e)
    e.safepoint()


def _poll_trap_flag(e: Emission) -> None:
    """Test the runtime's flag, whose address is in a cell, and call GCPoll when it is set."""
    cell = e.cell(helper_cell(e.target, Helper.IndirectTrapThreads))
    address = e.assign(f"load ptr, ptr @{cell}, {INVARIANT_LOAD}")
    flag = e.assign(f"load volatile i32, ptr {address}")
    pending = e.assign(f"icmp ne i32 {flag}, 0")
    cold, go_on = e.label(), e.label()
    e.lines.append(f" br i1 {pending}, label %{cold}, label %{go_on}, {LIKELY_FALSE}")
    e.lines.append(f"{go_on}:")
    e.cold.append(f"{cold}:")
    e.write_call("", e.helper(Helper.GCPoll, "void", "", ""), cold=True)
    e.cold.append(f" br label %{go_on}")


def _poll_by_transition(e: Emission) -> None:
    """Every now and then, leave cooperative mode and come back: a collection may run in between.

    Raises:
        Excluded: in a handler. The transition's frame is in the method's own, above the runtime's frames that call the
            handler; the stack walk, which expects ascending addresses, then never ends.
    """
    if e.bundle:
        raise Excluded(Reason.EXCEPTION_HANDLING, "loop in a handler")
    e.uses_poll_counter = True
    count = e.assign("load i32, ptr %polls")
    left = e.assign(f"add i32 {count}, -1")
    e.lines.append(f" store i32 {left}, ptr %polls")
    due = e.assign(f"icmp eq i32 {left}, 0")
    cold, go_on = e.label(), e.label()
    e.lines.append(f" br i1 {due}, label %{cold}, label %{go_on}, {LIKELY_FALSE}")
    e.lines.append(f"{go_on}:")
    e.cold.append(f"{cold}:")
    e.cold.append(f" store i32 {POLL_INTERVAL}, ptr %polls")
    e.cold.append(_SAVE_REGISTERS + e.bundle)
    for helper in (Helper.PInvokeBegin, Helper.PInvokeEnd):
        e.write_call("", e.helper(helper, "void", "ptr", "ptr %transition"), throws=False, cold=True)
    e.cold.append(f" br label %{go_on}")


HANDLERS: dict[type[ir.Instruction], Callable[[Emission, Any], None]] = {
    ir.Call: _call,
    ir.Return: _return,
    ir.Poll: _poll,
}
