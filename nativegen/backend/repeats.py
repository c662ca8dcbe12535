"""Methods whose LLVM text was compiled before, but for the names of what they touch: LLVM is not asked again.

What: :class:`Repeats` compiles batches like :func:`~nativegen.backend.batch.compile_batch`, and keeps the units of
methods that are not long. A method with the same text, except that other cells stand in the places of its cells, gets a
copy of that unit with its own cells.

Why: generated code repeats itself (half of an SDK's methods are accessors and thin wrappers), and so do generic
instances: most methods of a state machine's box are the same for every state machine. LLVM takes half of the time.

Invariants: the unit is the one that compiling the method would give. LLVM sees cells as externals without meaning, and
what :mod:`nativegen.backend.extract` makes of one depends on its declaration and kind, and on which others are the same
cell. All these are in the key. Methods with try blocks are not kept: their clauses name types.

``call cc 78 void @s_1f()`` and ``call cc 78 void @s_2e()`` are both kept as ``call cc 78 void @0()``.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import xxhash

from nativegen.backend.batch import Result, compile_batch
from nativegen.backend.llvm import CodeGenerator
from nativegen.compiler.lowered import LoweredMethod
from nativegen.readytorun.unit import Cell, CellKind, MethodUnit

_LONGEST_TEXT: Final = 16 * 1024  # longer ones seldom repeat themselves
_KEPT: Final = 10_000  # units; some 2 KiB each

#: What else there is to a method counts as it is; its foreign uses are its own.
_NAMED_APART: Final = frozenset({"symbol", "llvm", "externals", "checks", "target", "foreign"})
_OTHER_FIELDS: Final = [field.name for field in fields(LoweredMethod) if field.name not in _NAMED_APART]

_NAME: Final = re.compile(r"@([\w.$-]+)")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A unit, and for each of its cells the place among those of its method (:func:`_cells`)."""

    unit: MethodUnit
    places: tuple[int, ...]


class Repeats:
    """See the module docstring.

    Args:
        generator: all methods are compiled by it.
    """

    def __init__(self, generator: CodeGenerator) -> None:
        self._generator = generator
        self._kept: dict[Hashable, _Kept] = {}

    def compile(self, methods: Sequence[LoweredMethod]) -> list[Result]:
        """One result per method, in order; arguments as those of ``compile_batch``."""
        keys = [_key(method) for method in methods]
        firsts: dict[Hashable, int] = {}
        new = []
        for number, key in enumerate(keys):
            if key is None or (key not in self._kept and firsts.setdefault(key, number) == number):
                new.append(number)
        results: dict[int, Result] = {}
        compiled = compile_batch([methods[number] for number in new], self._generator)
        for number, result in zip(new, compiled, strict=True):
            results[number] = result
            if keys[number] is not None and isinstance(result, MethodUnit):
                self._keep(keys[number], methods[number], result)
        again = []
        for number, key in enumerate(keys):
            if number not in results:
                kept = self._kept.get(key)
                if kept is None:  # LLVM refused the first one, or it was kept so long ago that it has gone
                    again.append(number)
                else:
                    results[number] = _with_cells(kept, methods[number])
        for number, result in zip(
            again, compile_batch([methods[each] for each in again], self._generator), strict=True
        ):
            results[number] = result
        return [results[number] for number in range(len(methods))]

    def _keep(self, key: Hashable, method: LoweredMethod, unit: MethodUnit) -> None:
        places = {cell: place for place, cell in reversed(list(enumerate(_cells(method))))}
        self._kept[key] = _Kept(unit, tuple([places[cell] for cell in unit.cells]))
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]


def _cells(method: LoweredMethod) -> list[Cell | None]:
    """The cells of the externals, then the checks."""
    return [*[external.cell for external in method.externals], *method.checks]


def _key(method: LoweredMethod) -> Hashable | None:
    """Equal for methods that get the same code; None: do not keep."""
    if method.has_regions or method.catches or len(method.llvm) > _LONGEST_TEXT:
        return None
    # Routines of the image are meant by their names.
    numbers = {each.name: number for number, each in enumerate(method.externals) if each.cell is not None}

    def numbered(name: re.Match[str]) -> str:
        if name[1] == method.symbol:
            return "@"
        number = numbers.get(name[1])
        return name[0] if number is None else f"@{number}"

    first: dict[Cell | None, int] = {}
    return (
        xxhash.xxh3_128_digest(_NAME.sub(numbered, method.llvm).encode()),
        tuple([(external.kind, _NAME.sub("@", external.declaration)) for external in method.externals]),
        tuple([first.setdefault(cell, place) for place, cell in enumerate(_cells(method))]),
        method.target.name,
        *[getattr(method, name) for name in _OTHER_FIELDS],
    )


def _with_cells(kept: _Kept, method: LoweredMethod) -> MethodUnit:
    every = _cells(method)
    cells = []
    for place in kept.places:
        cell = every[place]
        assert cell is not None
        cells.append(cell)
    fixups = [number for number, cell in enumerate(cells) if cell.kind in (CellKind.CHECK, CellKind.HANDLE)]
    return replace(kept.unit, cells=tuple(cells), fixups=tuple(fixups), foreign=tuple(sorted(method.foreign)))
