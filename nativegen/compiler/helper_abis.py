"""Signatures of the runtime helpers that imported code calls (facts: readytorun-images.md 3; readytorunhelpers.h).

Data only. Helper arguments are never structs; addresses are byrefs because they may point into objects.

>>> BOX.params[0].memory
<Memory.I64: 5>
"""

from __future__ import annotations

from typing import Final

from nativegen.compiler.ir import AbiParam, CallAbi, Memory, PassKind


def _abi(result: Memory | None, *params: Memory) -> CallAbi:
    scalars = tuple(AbiParam(PassKind.SCALAR, memory) for memory in params)
    return CallAbi(scalars, AbiParam(PassKind.VOID) if result is None else AbiParam(PassKind.SCALAR, result), False)


NEW_OBJECT: Final = _abi(Memory.REF)
NEW_ARRAY: Final = _abi(Memory.REF, Memory.I64)
CAST: Final = _abi(Memory.REF, Memory.REF)
STATIC_FIELD_ADDRESS: Final = _abi(Memory.BYREF)
CLASS_CONSTRUCTOR_TRIGGER: Final = _abi(None)
DELEGATE_CONSTRUCTOR: Final = _abi(None, Memory.REF, Memory.REF)
VIRTUAL_FUNCTION_POINTER: Final = _abi(Memory.I64, Memory.REF)

BOX: Final = _abi(Memory.REF, Memory.I64, Memory.BYREF)  # type handle, address of the value
UNBOX: Final = _abi(Memory.BYREF, Memory.I64, Memory.REF)  # type handle, object
UNBOX_NULLABLE: Final = _abi(None, Memory.BYREF, Memory.I64, Memory.REF)  # destination, type handle, object
RUNTIME_HANDLE: Final = _abi(Memory.REF, Memory.I64)  # runtime's handle -> its managed object
STORE_ELEMENT: Final = _abi(None, Memory.REF, Memory.I64, Memory.REF)  # array, index, value
ELEMENT_ADDRESS: Final = _abi(Memory.BYREF, Memory.REF, Memory.I64, Memory.I64)  # array, index, type handle
NEW_GENERAL_ARRAY: Final = _abi(Memory.REF, Memory.I64, Memory.I32, Memory.I64)  # type handle, count, numbers
COPY_MEMORY: Final = _abi(None, Memory.BYREF, Memory.BYREF, Memory.I64)  # destination, source, bytes
FILL_MEMORY: Final = _abi(None, Memory.BYREF, Memory.I32, Memory.I64)  # destination, byte, bytes
DICTIONARY_LOOKUP: Final = _abi(Memory.I64, Memory.I64)  # generic context
NEW_OBJECT_OF: Final = _abi(Memory.REF, Memory.I64)  # type handle
NEW_ARRAY_OF: Final = _abi(Memory.REF, Memory.I64, Memory.I64)  # array type handle, length
CAST_TO: Final = _abi(Memory.REF, Memory.I64, Memory.REF)  # type handle, object
STATIC_BASE: Final = _abi(Memory.BYREF, Memory.I64)  # type handle
EXACT_VIRTUAL_FUNCTION: Final = _abi(Memory.I64, Memory.REF, Memory.I64, Memory.I64)  # this, type and method handle
THROW: Final = _abi(None, Memory.REF)
RETHROW: Final = _abi(None)
MONITOR: Final = _abi(None, Memory.REF, Memory.BYREF)  # object, whether it is held

DOUBLE_REMAINDER: Final = _abi(Memory.F64, Memory.F64, Memory.F64)
FLOAT_REMAINDER: Final = _abi(Memory.F32, Memory.F32, Memory.F32)
DOUBLE_TO_INT: Final = _abi(Memory.I32, Memory.F64)
DOUBLE_TO_LONG: Final = _abi(Memory.I64, Memory.F64)
