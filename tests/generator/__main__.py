"""The hunt: ``python -m tests.generator --seed 1 --count 10 --methods 150``."""

from __future__ import annotations

import argparse
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.generator.program import make_program
from tests.generator.reduce import Reducer
from tests.generator.runner import Modes, check
from tests.support.csharp import CompileError


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--methods", type=int, default=150)
    parser.add_argument("--targets", default="3.1,9.0")
    parser.add_argument("--efforts", default="auto")
    parser.add_argument("--stress", action="store_true")
    parser.add_argument("--tiered", action="store_true")
    parser.add_argument("--reduce", action="store_true", help="shrink what fails in the first mode given")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/generator"))
    options = parser.parse_args()
    modes = Modes(options.targets.split(","), options.efforts.split(","), options.stress, options.tiered)
    failures = 0
    for seed in range(options.seed, options.seed + options.count):
        start = time.monotonic()
        program = make_program(seed, options.methods)
        folder = options.folder / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        texts = program.texts()
        for name, text in zip(("lib.il", "program.il"), texts, strict=True):
            (folder / name).write_text(text)
        try:
            verdict = check(texts, folder, modes)
        except CompileError as error:
            print(seed, str(error)[:2000])
            return 1
        lines = verdict.outputs[modes.targets[0]].splitlines()
        thrown = Counter(line.split()[1] for line in lines if "Exception" in line)
        problems = Counter((p.kind, p.mode, p.text.partition(": ")[2].split(" 0x")[0]) if p.kind == "excluded" else (p.kind, p.mode, p.text[:1500]) for p in verdict.problems)
        print(f"seed {seed}: {time.monotonic() - start:.1f} s, {len(lines)} lines, {sum(thrown.values())} throw "
              f"{dict(thrown.most_common(6))}, native { {k: len(v) for k, v in verdict.native.items()} }, JIT differs {verdict.jit_differs}", flush=True)
        for problem, number in problems.most_common(40):
            print("   ", number, *problem)
        if options.reduce and verdict.problems:
            cases = next((p.cases for p in verdict.problems if p.cases), ())
            kinds = {p.kind for p in verdict.problems}
            reducer = Reducer(program, replace(modes, trace="jitted" in kinds), folder / "reduce", sorted(kinds), print)
            texts = reducer.run(cases)
            for name, text in zip(("lib.il", "program.il"), texts, strict=True):
                (folder / f"small-{name}").write_text(text)
            for body in reducer._bodies():
                print("---", *body.locals and [x.signature for x in body.locals])
                print("\n".join(body.node.lines()))
        failures += bool(verdict.problems)
        if not verdict.problems:
            shutil.rmtree(folder)
    return failures


if __name__ == "__main__":
    raise SystemExit(main())
