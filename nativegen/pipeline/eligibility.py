"""Which assemblies can become native images at all; cheap, so that planning can ask without loading the compiler."""

from __future__ import annotations

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly


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
