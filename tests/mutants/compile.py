"""Compiles lib and program with one seeded bug: ``python -m tests.mutants.compile BUG TARGET IL_FOLDER IMAGE_FOLDER``.

A process of its own, so that a patch never leaves it. ``none`` is the compiler as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileRequest
from tests.generator.runner import COMPILED
from tests.mutants.catalogue import MUTANTS
from tests.support.runtimes import framework_references


def main(bug: str, target: str, source: Path, output: Path) -> None:
    """Writes the images; the exclusions, one a line, to standard output."""
    if bug != "none":
        MUTANTS[bug]()
    references = framework_references(target) | {path.stem: str(path) for path in source.glob("*.dll")}
    for name in COMPILED:
        request = CompileRequest(str(source / f"{name}.dll"), str(output / f"{name}.dll"), target, references)
        for excluded in compile_file(request).exclusions:
            print(excluded.name, excluded.code, excluded.detail)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
