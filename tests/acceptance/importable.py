"""Which non-generic methods the front end takes, no code generated: ``python -m tests.acceptance.importable SET``.

A part of the time of a compilation, for whole frameworks: what becomes LLVM text becomes native, except the few
methods whose code the back end's checks refuse (reason ``backend``; those need a compilation to be seen). SET is
``azmcp``, or ``3.1`` or ``9.0``: every assembly of that base framework, beside Microsoft's images by the same count.

>>> count_importable(target_named("3.1"), references, [Path(references["System.Linq"])]).plain
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nativegen.compiler.context import MethodCompiler
from nativegen.compiler.exclusions import Excluded
from nativegen.compiler.lowering import lower
from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.pipeline.eligibility import methods_with_cil
from nativegen.readytorun.targets import Target, target_named
from nativegen.typesystem import TypeSystem
from tests.acceptance.coverage import count_image, generic_methods, set_apart, total
from tests.support.images import azmcp_references, il_only_assemblies
from tests.support.paths import find_inputs
from tests.support.runtimes import framework_references


@dataclass(slots=True)
class Importable:
    """Counts over some assemblies. ``reasons``: of what is left out, with the details."""

    plain: int = 0
    apart: int = 0
    excluded: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        return 1 - self.excluded / self.plain if self.plain else 1.0


def count_importable(target: Target, references: Mapping[str, str], paths: Sequence[Path]) -> Importable:
    """The counts of the assemblies at ``paths``; files that are no assemblies are passed over."""
    system = TypeSystem(target, references.get)
    counts = Importable()
    for path in paths:
        try:
            assembly = Assembly.open(path)
        except NativegenError:
            continue
        generic, apart = generic_methods(assembly), set_apart(assembly)
        compiler = MethodCompiler(system.open(path), target)
        for rid in methods_with_cil(assembly):
            if rid in generic:
                continue
            if rid in apart:
                counts.apart += 1
                continue
            counts.plain += 1
            try:
                lower(compiler.import_method(rid), target, "m")
            except Excluded as reason:
                counts.excluded += 1
                counts.reasons[reason.reason.code, reason.detail] += 1
    return counts


def _lines(name: str) -> Iterator[str]:
    if name == "azmcp":
        target, references = target_named("9.0"), azmcp_references()
        paths = il_only_assemblies(find_inputs().azmcp)
    else:
        target, references = target_named(name), framework_references(name)
        paths = [Path(path) for path in references.values()]
    ours = count_importable(target, references, paths)
    yield f"{name}: {ours.plain} non-generic methods with CIL ({ours.apart} more set apart)"
    yield f"  ours: {100 * ours.share:.2f} %, {ours.excluded} left out"
    for (code, detail), count in ours.reasons.most_common():
        yield f"    {count:6} {code}: {detail[:150]}"
    if name != "azmcp":
        theirs = total("all", [count_image(path) for path in paths if Assembly.open(path).is_ready_to_run])
        yield f"  Microsoft's images: {theirs.plain_native} of {theirs.plain}, {100 * theirs.plain_share:.2f} %"


def main() -> int:
    """Prints the lines of each set that is named."""
    for name in sys.argv[1:]:
        for line in _lines(name):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
