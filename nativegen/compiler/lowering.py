"""The compiler's second half in one call: passes, then LLVM text.

Example (``static int Len(int[] a) => a.Length``, see :mod:`nativegen.compiler.ir`)::

    lower(function, target_named("9.0"), "m1").llvm
    ->
    define cc 78 i32 @m1(ptr addrspace(1) %a0) #0 comdat {
    entry:
     br label %b0
    b0:
     %t1 = getelementptr i8, ptr addrspace(1) %a0, i64 8
     %t2 = load volatile i32, ptr addrspace(1) %t1, align 4, !tbaa !104, !range !107
     %v1 = zext i32 %t2 to i64
     %v2 = trunc i64 %v1 to i32
     ret i32 %v2
    }
"""

from __future__ import annotations

from nativegen.compiler import ir, verifier
from nativegen.compiler.emit import emit
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.compiler.passes.pipeline import run_passes
from nativegen.readytorun.targets import Target


def lower(
    function: ir.Function, target: Target, symbol: str, *, effort: Effort | None = None, verify: bool = False
) -> LoweredMethod:
    """Optimise ``function`` in place and emit it.

    Args:
        function: as the importer made it.
        target: the runtime it is for.
        symbol: LLVM name, unique in its batch.
        effort: compile with this effort instead of what the method is worth. (The text depends on it: null checks that
            are right for one are not for the other, so it must not be changed afterwards.)
        verify: check the IR before and after the passes.

    Raises:
        Excluded: the method has to be left to the JIT.
        IrError: ``verify`` found a mistake of the importer or of a pass.
    """
    if verify:
        verifier.verify(function)
    effort = run_passes(function, target, effort)
    if verify:
        verifier.verify(function)
    return emit(function, target, symbol, effort)
