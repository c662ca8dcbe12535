"""Generic instances as entries of an image: how the runtime finds the code of ``G<__Canon>.M`` or ``M<int>``.

What: :func:`instance_entry` gives hash and signature of an entry of section 109 (InstanceMethodEntryPoints). Methods of
types that are not generic, and not generic themselves, have entries by row number instead.

Why here: the linker knows a method by its row and its type arguments; how that is written is the compiler's business,
like all signatures.

Example: ``G<__Canon>.Make<int>`` -> ``44 <15 12 G 01 3e> rid 01 08``.
"""

from __future__ import annotations

from nativegen.readytorun.enums import MethodSigFlags
from nativegen.readytorun.unit import Symbol
from nativegen.typesystem import MethodDesc, Module
from nativegen.typesystem.canonical import canonical_instance, method_version_hash
from nativegen.typesystem.symbols import SymbolTable


def instance_entry(symbols: SymbolTable, method: MethodDesc) -> tuple[int, tuple[int | bytes | Symbol, ...]]:
    """(hash, signature) of a generic instance of the module's own.

    Args:
        symbols: of the image's metadata.
        method: in canonical form.

    Raises:
        NotNameable: the metadata has no row for a type argument.
    """
    flags = MethodSigFlags(0)
    parts: list[int | bytes | Symbol] = []
    if method.owner.type_args:
        flags |= MethodSigFlags.OwnerType
        parts += symbols.type_parts(method.owner)
    parts.append(symbols.method_symbol(method.token))
    if method.method_args:
        flags |= MethodSigFlags.MethodInstantiation
        parts.append(len(method.method_args))
        for argument in method.method_args:
            parts += symbols.type_parts(argument)
    return method_version_hash(method), (int(flags), *parts)


def shared_instance(module: Module, rid: int) -> MethodDesc | None:
    """The instance of a generic method that serves all reference types; None: the method is not generic."""
    method = module.method(0x06000000 | rid)
    return canonical_instance(method) if method.contains_generic_parameters else None
