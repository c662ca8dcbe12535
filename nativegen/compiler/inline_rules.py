"""Which methods may be inlined at all, decided from the method alone, before its code is imported.

What: two questions. :func:`is_small` looks at size and flags only; unit keys ask it too, so that the key of a caller
contains the bodies that it may have inlined. :func:`refusal` gives the first reason against inlining a method that
passed; :func:`foreign_refusal` those that matter when it is another assembly's.

Why here: the rules are the runtime's JIT's (inline.def, jitinterface.cpp: canInline), made stricter. What that JIT
always inlines when it optimises may be missing from stack traces anyway; nothing else may be missing because of us. So:
bodies of at most 16 bytes, or those marked AggressiveInlining; never a method that throws or has try blocks, one that
is marked NoInlining, one that asks who called it, or one of an assembly that was built not to be optimised.

Across assemblies more is visible than the stack: a method that asks which *assembly* called it would see the caller's
in place of the callee's. So the calls that remain in an inlined foreign body must be of methods that do not ask:
the framework's own, where those that do are marked, or such as could be inlined themselves (:func:`called_by`).

Example: ``int get_Count() => count`` (7 bytes) is inlined; ``Assembly Here() => Assembly.GetExecutingAssembly()`` is
not: its callee looks for the frame above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nativegen.compiler.intrinsics import has_plain_body
from nativegen.diagnostics import NativegenError
from nativegen.metadata import ASSEMBLY_TOKEN
from nativegen.metadata.attributes import decode_attribute
from nativegen.metadata.flags import MethodAttributes, MethodImplAttributes
from nativegen.metadata.opcodes import decode
from nativegen.metadata.ops import Op
from nativegen.typesystem import MethodDesc, Module, TypeLoadError

#: Bytes of CIL that RyuJIT inlines whatever its cost model says (jitconfig: DEFAULT_MAX_INLINE_SIZE's "always" class).
ALWAYS_SIZE: Final = 16
#: Bytes of a body marked AggressiveInlining.
AGGRESSIVE_SIZE: Final = 64

_NEVER: Final = (
    MethodImplAttributes.NO_INLINING
    | MethodImplAttributes.SYNCHRONIZED
    | MethodImplAttributes.NO_OPTIMIZATION
    | MethodImplAttributes.AGGRESSIVE_OPTIMIZATION
)
#: What DynamicSecurityMethodAttribute turns into.
_LOOKS_FOR_CALLER: Final = MethodAttributes.REQUIRE_SEC_OBJECT
_DEBUGGABLE: Final = "System.Diagnostics.DebuggableAttribute"
_DISABLE_OPTIMIZATIONS: Final = 0x100

_CALLS: Final = frozenset({Op.CALL, Op.CALLVIRT, Op.NEWOBJ, Op.LDFTN, Op.LDVIRTFTN})
_REFUSED: Final = frozenset({Op.THROW, Op.RETHROW, Op.JMP, Op.CALLI, Op.LOCALLOC, Op.ARGLIST, Op.TAIL, Op.SWITCH})
#: What may run any method: in a foreign body it is not known whether that asks for its caller.
_UNKNOWN_TARGETS: Final = frozenset({Op.LDFTN, Op.LDVIRTFTN, Op.CONSTRAINED})
#: Types whose members describe the stack.
_STACK_TYPES: Final = frozenset(
    {
        "System.Diagnostics.StackTrace",
        "System.Diagnostics.StackFrame",
        "System.Diagnostics.Debugger",
        "System.Diagnostics.DebuggerHelper",
        "System.Reflection.MethodBase",
        "System.Reflection.Assembly",
        "System.Environment",
    }
)


def is_small(code_size: int, impl_flags: int) -> bool:
    """Whether a body of this size may be inlined.

    Args:
        code_size: bytes of CIL. impl_flags: MethodImplAttributes (II.23.1.11).
    """
    if impl_flags & _NEVER:
        return False
    return code_size <= (AGGRESSIVE_SIZE if impl_flags & MethodImplAttributes.AGGRESSIVE_INLINING else ALWAYS_SIZE)


def refusal(method: MethodDesc) -> str | None:
    """Why a method is not inlined, or None. It has CIL."""
    body = method.body
    if not is_small(len(body.code), method.impl_flags):
        return "size or attributes"
    if body.exception_clauses:
        return "try blocks"
    if method.flags & _LOOKS_FOR_CALLER:
        return "looks for its caller"
    if method.is_static_constructor or method.owner.rid == 1:
        return "run by the runtime"
    owner = method.owner
    if owner.has_static_constructor and not owner.is_before_field_init:
        return "runs a static constructor"
    if method.is_unmanaged_callers_only or method.signature.is_vararg or method.signature.explicit_this:
        return "calling convention"
    return _refused_code(method)


def foreign_refusal(method: MethodDesc) -> str | None:
    """Why a method is not inlined into code of other assemblies, or None; it has passed :func:`refusal`."""
    core = method.module.type_system.core
    if method.is_intrinsic or not has_plain_body(method, core):
        return "the JIT may know it better"
    if method.owner.rid == 1:
        return "a global method"
    for _, opcode, operand in decode(method.body.code):
        if opcode in _UNKNOWN_TARGETS:
            return "what it calls is not known"
        if opcode == Op.CALLVIRT:
            callee = method.module.method(operand, method.type_args, method.method_args)
            can_be_overridden = callee.is_virtual and not callee.is_final and not callee.owner.is_sealed
            if can_be_overridden or callee.owner.is_interface or callee.owner.is_delegate:
                return "what it calls is not known"
    return None


def called_by(method: MethodDesc) -> Iterator[MethodDesc]:
    """The methods that a body which passed :func:`foreign_refusal` calls."""
    for _, opcode, operand in decode(method.body.code):
        if opcode in _CALLS:
            yield method.module.method(operand, method.type_args, method.method_args)


def _refused_code(method: MethodDesc) -> str | None:
    module = method.module
    for _, opcode, operand in decode(method.body.code):
        if opcode in _REFUSED:
            return "opcode"
        if opcode in _CALLS:
            callee = module.method(operand, method.owner.type_args, method.method_args)
            if callee.flags & _LOOKS_FOR_CALLER or callee.owner.full_name in _STACK_TYPES:
                return f"calls {callee.display_name}"
    return None


def is_optimised(module: Module) -> bool:
    """Whether the JIT would optimise the module's code: not built with DisableOptimizations."""
    try:
        for attribute in module.assembly.custom_attributes(ASSEMBLY_TOKEN):
            if attribute.type_full_name == _DEBUGGABLE:
                fixed = decode_attribute(module.assembly, attribute).fixed
                if len(fixed) == 2:  # the older form: (tracking, optimizer disabled)
                    return not fixed[1]
                return not (isinstance(fixed[0], int) and fixed[0] & _DISABLE_OPTIMIZATIONS)
    except (NativegenError, TypeLoadError, ValueError):
        return False
    return True
