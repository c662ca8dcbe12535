"""Why a method is left to the JIT: the table of stable reason codes, and the exception that carries one.

Codes appear in manifests, coverage tables and `nativegen display`; they are never renamed. A detail string may say
more.

>>> raise Excluded(Reason.GENERIC, "method has type parameters")
Traceback (most recent call last):
nativegen.compiler.exclusions.Excluded: generic-code: method has type parameters
"""

from __future__ import annotations

import enum


class Reason(enum.Enum):
    """Value: (code, description)."""

    GENERIC = ("generic-code", "method or its type has type parameters")
    EXCEPTION_HANDLING = ("exception-handling", "a filter with a loop or a try block")
    OPCODE = ("opcode", "CIL instruction not compiled")
    TAIL_CALL = ("tail-call", "explicit tail call")
    VARARGS = ("varargs", "variable argument list")
    SYNCHRONIZED = ("synchronized", "synchronized instance method of a value type")
    BYPASS_ATTRIBUTE = ("bypass-attribute", "marked BypassNGenAttribute or BypassReadyToRunAttribute")
    AGGRESSIVE_OPTIMIZATION = ("aggressive-optimization", "left to the optimising JIT on request")
    HARDWARE_INTRINSIC = ("hardware-intrinsic", "uses hardware vectors")
    UNMANAGED_ENTRY = ("unmanaged-entry", "called from unmanaged code (UnmanagedCallersOnly)")
    SIGNATURE = ("signature", "parameter or result that the calling convention does not cover yet")
    FOREIGN = ("foreign-code", "needs the body of a method of another assembly, which the image's mode does not allow")
    LAYOUT = ("layout", "type layout not predictable")
    UNRESOLVED = ("unresolved", "reference to something that cannot be found")
    NOT_NAMEABLE = ("not-nameable", "needs a type or member that the assembly's metadata does not name")
    INVALID_CIL = ("invalid-cil", "CIL that does not verify")
    VIRTUAL_GENERIC = ("virtual-generic", "generic virtual method call")
    INSTANCE_BUDGET = ("instance-budget", "generic instance over value types that is too deep, or one too many")
    LARGE = ("large", "method too large")
    BACKEND = ("backend", "LLVM failed or its output did not pass the checks")
    NOT_IN_PROFILE = ("not-in-profile", "not among the methods that the profile of a partial image names")
    INTERNAL = ("internal", "internal error of the compiler")

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def description(self) -> str:
        return self.value[1]


class Excluded(Exception):
    """Raised while compiling a method: leave it to the JIT."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.code}: {detail}" if detail else reason.code)
        self.reason = reason
        self.detail = detail
