"""Which function imports which opcode.

Opcodes without a function are excluded by name (``opcode: jmp``): break, jmp, mkrefany, refanyval, refanytype, arglist
and no.

>>> Op.ADD in opcode_handlers()
True
"""

from __future__ import annotations

from nativegen.compiler import (
    import_arithmetic,
    import_arrays,
    import_blocks,
    import_branches,
    import_calls,
    import_conversions,
    import_fields,
    import_memory,
    import_objects,
    import_regions,
    import_variables,
)
from nativegen.compiler.importer import Handler

_SUBJECTS = (
    import_variables,
    import_arithmetic,
    import_conversions,
    import_branches,
    import_memory,
    import_fields,
    import_arrays,
    import_blocks,
    import_objects,
    import_calls,
    import_regions,
)


def opcode_handlers() -> dict[int, Handler]:
    """Opcode value -> function, a new dictionary."""
    handlers: dict[int, Handler] = {}
    for subject in _SUBJECTS:
        handlers.update(subject.HANDLERS)
    return handlers
