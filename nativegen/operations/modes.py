"""Modes of images: which one is meant, and whether what a pinned image recorded is still so.

``install`` makes pinned images by default: planning, which every start with ``run`` does, compares what they recorded.
What leaves the cache (``publish``, ``deploy``) is guarded where the runtime can check foreign bodies itself, else
resilient: nobody compares there. ``compile`` makes resilient ones. :mod:`nativegen.compiler.foreign` says what the
modes are.

>>> effective_mode("guarded", "3.1"), effective_mode("pinned", "3.1")
('resilient', 'pinned')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import ForeignUse

RESILIENT, GUARDED, PINNED = MODES = ("resilient", "guarded", "pinned")

#: Assembly -> its content signature when the image was made, and what of it shaped the code: (kind, name, signature).
Recorded = Mapping[str, Mapping[str, Any]]


def effective_mode(mode: str, target: str) -> str:
    """What a wanted mode comes to on a target: without the runtime's help a guarded image can use nothing foreign."""
    return RESILIENT if mode == GUARDED and not target_named(target).guards_bodies else mode


def recorded_foreign(uses: Sequence[ForeignUse], contents: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What the manifest of an image keeps of its foreign uses.

    Args:
        contents: content signatures of assemblies by simple name.
    """
    found: dict[str, dict[str, Any]] = {}
    for use in uses:
        entry = found.setdefault(use.assembly, {"content": contents.get(use.assembly, ""), "uses": []})
        entry["uses"].append([use.kind, use.name, use.signature])
    return found


def foreign_change(
    recorded: Recorded, contents: Mapping[str, str], paths: Mapping[str, str], target: str
) -> str | None:
    """The first recorded thing that is not as it was, in words; None: all is.

    Args:
        recorded: as :func:`recorded_foreign` made it.
        contents: today's content signatures; what has the old one is not looked into.
        paths: simple name -> file, of everything that the image's assembly may refer to.
    """
    changed = {name: entry for name, entry in recorded.items() if entry["content"] != contents.get(name, "?")}
    if not changed:
        return None
    from nativegen.compiler.foreign import BODY, STATICS, current_signature
    from nativegen.typesystem import TypeSystem
    from nativegen.typesystem.symbols import SymbolTable

    system = TypeSystem(target_named(target), paths.get)
    for name, entry in sorted(changed.items()):
        module = system.module_named(name)
        if module is None:
            return f"{name}.dll, whose code is in the image, was not found"
        symbols = SymbolTable(module)
        for kind, symbol, signature in entry["uses"]:
            now = current_signature(module, ForeignUse(kind, name, symbol, signature), symbols)
            if now != signature:
                what = symbol.partition("]")[2]
                if kind != BODY:
                    static = "static " if kind == STATICS else ""
                    return f"{name}.dll: the {static}fields of {what} {'are gone' if now is None else 'changed'}"
                return f"{name}.dll: the body of {what} {'is gone' if now is None else 'changed'}"
    return None
