"""Signatures as the calling convention sees them: System V x86-64 as CoreCLR uses it.

What: :func:`call_abi` turns parameter and result types into an :class:`~nativegen.compiler.ir.CallAbi`;
:func:`reference_map` says which argument positions hold references while a lazy call is being bound;
:func:`return_kind` is what GcInfo must say.

Why here: how a struct travels depends on which registers are still free, so it is decided for the whole signature at
once, and the same decision must be seen by callers, callees, GC maps and the emitter.

Rules (clr-abi.md; facts: llvm-codegen.md 1, joint-design.md 4, readytorun-images.md 2.5):

* ``this``, then the hidden return buffer, then the parameters; six integer and eight floating registers.
* A struct of at most 16 bytes travels in registers if *all* its eightbytes still fit, else on the stack; larger ones
  always on the stack. It does not use up registers in the second case: later scalars may still get them.
* The return buffer may point into the heap, so it is an interior pointer for the collector.

Example (``static S F(S s, object o)``, ``struct S { object a; int b; }``)::

    params:  registers [ref@0, i64@8 (4 bytes)] -> rdi, rsi;  scalar ref -> rdx
    result:  registers [ref@0, i64@8] -> rax, rdx;  reference_map ((0, 1), (2, 1));  return_kind OBJECT
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.ir import AbiParam, CallAbi, Memory, PassKind, ReturnKind, Word
from nativegen.compiler.storage import Storage
from nativegen.typesystem import Eightbyte, TypeLoadError

_INTEGER_REGISTERS: Final = 6
_FLOAT_REGISTERS: Final = 8
_FLOATS: Final = (Memory.F32, Memory.F64)

#: Position of the first stack slot in a GC reference map: behind six argument registers, six callee-saved ones and the
#: return address.
_FIRST_STACK_POSITION: Final = 13
_REFERENCE: Final = 1
_INTERIOR: Final = 2

_GC_WORDS: Final = {"none": Memory.I64, "reference": Memory.REF, "interior": Memory.BYREF}
_VOID: Final = AbiParam(PassKind.VOID)
_SCALARS: Final = {memory: AbiParam(PassKind.SCALAR, memory) for memory in Memory}


def call_abi(this: Memory | None, parameters: Sequence[Storage], result: Storage) -> CallAbi:
    """The calling convention's view of a signature.

    Args:
        this: REF or BYREF for instance methods, None for static ones.
        parameters: without ``this``.
        result: storage of the return type.

    Raises:
        Excluded: SIGNATURE, a struct whose passing is not certain.
    """
    params: list[AbiParam] = []
    integers, floats = _INTEGER_REGISTERS, _FLOAT_REGISTERS
    if this is not None:
        params.append(_SCALARS[this])
        integers -= 1
    abi_result = _result(result)
    if abi_result.kind is PassKind.BUFFER:
        integers -= 1
    for storage in parameters:
        if storage.memory is not None:
            params.append(_SCALARS[storage.memory])
            if storage.memory in _FLOATS:
                floats -= 1
            else:
                integers -= 1
            continue
        words = _words(storage)
        if words is not None:
            needed_floats = sum(word.memory in _FLOATS for word in words)
            needed_integers = len(words) - needed_floats
            # max: once the registers are used up, the counters run negative, but a struct without that class still
            # fits.
            if needed_integers <= max(integers, 0) and needed_floats <= max(floats, 0):
                integers -= needed_integers
                floats -= needed_floats
                params.append(AbiParam(PassKind.REGISTERS, words=words, shape=storage.shape))
                continue
        params.append(AbiParam(PassKind.STACK, shape=storage.shape))
    return CallAbi(tuple(params), abi_result, this is not None)


def _result(storage: Storage) -> AbiParam:
    if storage.memory is not None:
        return _SCALARS[storage.memory]
    if storage.shape is None:
        return _VOID
    words = _words(storage)
    if words is None:
        return AbiParam(PassKind.BUFFER, shape=storage.shape)
    return AbiParam(PassKind.REGISTERS, words=words, shape=storage.shape)


def _words(storage: Storage) -> tuple[Word, ...] | None:
    """The registers of a struct, or None when it travels in memory."""
    shape = storage.shape
    if shape is None:
        raise Excluded(Reason.SIGNATURE, f"{storage.desc.display_name} by value")
    try:
        eightbytes = storage.desc.classification
    except TypeLoadError as error:
        raise Excluded(Reason.SIGNATURE, str(error)) from None
    if eightbytes is None:
        return None
    words = tuple([Word(item.offset, _word_memory(item), item.size) for item in eightbytes])
    if any(word.memory is Memory.F64 and word.size != 8 for word in words):
        raise Excluded(Reason.SIGNATURE, f"{storage.desc.display_name} by value")
    return words


def _word_memory(eightbyte: Eightbyte) -> Memory:
    if eightbyte.register == "SSE":
        return Memory.F32 if eightbyte.size == 4 else Memory.F64
    return _GC_WORDS[eightbyte.gc]


def reference_map(abi: CallAbi) -> tuple[tuple[int, int], ...]:
    """(position, 1 reference | 2 interior pointer) of the arguments that the collector must see, ascending."""
    result: list[tuple[int, int]] = []
    integers = floats = stack = 0

    def pointer(memory: Memory | None, position: int) -> None:
        if memory is Memory.REF:
            result.append((position, _REFERENCE))
        elif memory is Memory.BYREF:
            result.append((position, _INTERIOR))

    buffer = abi.result.kind is PassKind.BUFFER
    if buffer and not abi.has_this:
        result.append((0, _INTERIOR))
        integers = 1
    for index, param in enumerate(abi.params):
        if param.kind is PassKind.SCALAR:
            if param.memory in _FLOATS:
                stack += floats >= _FLOAT_REGISTERS
                floats += 1
            elif integers < _INTEGER_REGISTERS:
                pointer(param.memory, integers)
                integers += 1
            else:
                pointer(param.memory, _FIRST_STACK_POSITION + stack)
                stack += 1
        elif param.kind is PassKind.REGISTERS:
            for word in param.words:
                if word.memory in _FLOATS:
                    floats += 1
                else:
                    pointer(word.memory, integers)
                    integers += 1
        else:
            shape = param.shape
            assert shape is not None
            for offset, memory in shape.gc:
                pointer(memory, _FIRST_STACK_POSITION + stack + offset // 8)
            stack += (shape.size + 7) // 8
        if index == 0 and buffer and abi.has_this:
            result.append((1, _INTERIOR))
            integers = 2
    return tuple(sorted(result))


_KINDS: Final = {
    (0, 0): ReturnKind.SCALAR,
    (1, 0): ReturnKind.OBJECT,
    (2, 0): ReturnKind.BYREF,
    (0, 1): ReturnKind.SCALAR_OBJECT,
    (1, 1): ReturnKind.OBJECT_OBJECT,
    (2, 1): ReturnKind.BYREF_OBJECT,
    (0, 2): ReturnKind.SCALAR_BYREF,
    (1, 2): ReturnKind.OBJECT_BYREF,
    (2, 2): ReturnKind.BYREF_BYREF,
}
_DIGITS: Final = {Memory.REF: 1, Memory.BYREF: 2}


def return_kind(abi: CallAbi) -> ReturnKind:
    """What rax and rdx hold when the method returns (gcinfotypes.h: ReturnKind)."""
    result = abi.result
    if result.kind is PassKind.BUFFER:
        return ReturnKind.BYREF
    if result.kind is PassKind.SCALAR:
        assert result.memory is not None
        return _KINDS[_DIGITS.get(result.memory, 0), 0]
    # Words in floating registers leave rax to the first word that is not.
    digits = [_DIGITS.get(word.memory, 0) for word in result.words if word.memory not in _FLOATS]
    digits += [0, 0]
    return _KINDS[digits[0], digits[1]]
