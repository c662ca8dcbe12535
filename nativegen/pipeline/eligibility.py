"""Which assemblies can become native images at all, and which of their methods are in question.

Cheap, so that planning can ask without loading the compiler.
"""

from __future__ import annotations

from collections.abc import Sequence

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly, Table
from nativegen.metadata.flags import MethodImplAttributes
from nativegen.pipeline.method_names import resolve


def check_eligible(assembly: Assembly, *, from_native: bool) -> None:
    """Refuse what can't become an image.

    Args:
        assembly: the input.
        from_native: accept an assembly that carries ReadyToRun code already; it is compiled from its IL.

    Raises:
        NativegenError: NGEN3003, NGEN3004, NGEN3005, NGEN3006, NGEN3106, naming the remedy.
    """
    if assembly.is_winmd:
        raise NativegenError("NGEN3006", assembly.path)
    if assembly.culture:
        raise NativegenError("NGEN3004", assembly.path, culture=assembly.culture)
    if assembly.is_reference_assembly:
        raise NativegenError("NGEN3003", assembly.path)
    if assembly.is_ready_to_run:
        if not from_native:
            raise NativegenError("NGEN3106", assembly.path)
    elif not assembly.is_il_only:
        raise NativegenError("NGEN3005", assembly.path)


def methods_with_cil(assembly: Assembly) -> list[int]:
    """MethodDef rids that have a CIL body (II.22.26: RVA not zero, code type IL)."""
    rows = assembly.rows(Table.MethodDef)  # RVA and implementation flags are the first columns
    return [rid for rid, row in enumerate(rows, 1) if row[0] and not row[1] & MethodImplAttributes.CODE_TYPE_MASK]


def chosen_methods(assembly: Assembly, rids: list[int], partial: Sequence[str] | None) -> list[int]:
    """Those of the methods that the lines of a profile name; all, when there is none."""
    if partial is None:
        return rids
    wanted, _ = resolve(assembly, partial)
    return [rid for rid in rids if rid in wanted]
