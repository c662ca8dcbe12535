"""The hunt: ``python -m tests.generator --seed 1 --count 10 --methods 150 --reduce``.

Prints one line per seed and every problem; with ``--reduce`` the smallest case that still shows the first one.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.generator.program import Program, make_program
from tests.generator.reduce import Reducer
from tests.generator.runner import Modes, Verdict, check
from tests.support.paths import TARGETS


def main() -> int:
    """The number of seeds that failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--methods", type=int, default=150)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--efforts", default="auto")
    parser.add_argument("--stress", action="store_true")
    parser.add_argument("--tiered", action="store_true")
    parser.add_argument("--image", default="resilient", help="mode of the images")
    parser.add_argument("--bound", action="store_true", help="bind the program hard to the library")
    parser.add_argument("--reduce", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/generator"))
    options = parser.parse_args()
    modes = Modes(
        options.targets.split(","),
        options.efforts.split(","),
        options.stress,
        options.tiered,
        image=options.image,
        bound=options.bound,
    )
    failures = 0
    for seed in range(options.seed, options.seed + options.count):
        start = time.monotonic()
        program = make_program(seed, options.methods)
        folder = options.folder / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        verdict = check(program.texts(), folder, modes)
        lines = [line for output in verdict.outputs.values() for line in output.splitlines()]
        thrown = Counter(line.split()[1] for line in lines if "Exception" in line)
        native = {mode: len(methods) for mode, methods in verdict.native.items()}
        print(f"seed {seed}: {time.monotonic() - start:.1f} s, native {native}", flush=True)
        if verdict.taken_in:
            print(f"   the program has code of {len(verdict.taken_in)} methods of the library", flush=True)
        print(f"   {len(lines)} lines, {verdict.jit_differs} JIT's own differences, thrown {dict(thrown)}", flush=True)
        for problem in verdict.problems:
            print(f"   {str(problem)[:1500]}", flush=True)
        if any(problem.kind != "excluded" for problem in verdict.problems):
            failures += 1
            if options.reduce:
                _reduce(program, verdict, modes, folder)
        else:
            shutil.rmtree(folder)
    return failures


def _reduce(program: Program, verdict: Verdict, modes: Modes, folder: Path) -> None:
    problem = next(problem for problem in verdict.problems if problem.kind != "excluded")
    target, effort = problem.mode.split()[:2]
    narrow = replace(modes, targets=(target,), efforts=(effort,), trace=problem.kind == "jitted")
    texts = Reducer(program, narrow, folder / "reduce", (problem.kind,), print).run(problem.cases)
    for name, text in zip(("lib.il", "program.il"), texts, strict=True):
        (folder / name).write_text(text)
    print(f"   smallest case: {folder}")


if __name__ == "__main__":
    raise SystemExit(main())
