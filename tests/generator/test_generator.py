"""Random programs behave the same under the JIT and with images; the generator keeps its promises.

The default run has two fixed seeds; ``-m sweep`` makes 20,000 methods, prints how many of them have each feature and
were seen
native, and fails when a feature has fewer than 500. ``NATIVEGEN_SWEEP_METHODS`` changes the number (features are
counted
in proportion).
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.generator.features import GROUPS, groups_of
from tests.generator.program import Program, make_program
from tests.generator.runner import Modes, Problem, Verdict, check
from tests.support.paths import TARGETS, TRIMMED_TARGET, TestInputs

#: Of one hundred methods at most one may be refused by the compiler.
EXCLUDED_PERCENT = 1
#: Besides loops in handlers on 3.1, whose polls could not leave cooperative mode there: the generator makes many.
HANDLER_LOOP = "loop in a handler"
HANDLER_LOOP_PERCENT = 5
#: On at most so many per cent of the lines the JIT may disagree with itself.
JIT_DIFFERS_PERCENT = 5
SWEEP_METHODS = 20_000
METHODS_PER_PROGRAM = 200
FEATURE_MINIMUM = 500
#: A body that is inlined where it is called, and so never looked up, has at most so many bytes, hence instructions.
INLINED_INSTRUCTIONS = 16


def _assert_good(program: Program, verdict: Verdict, modes: Modes) -> None:
    excluded = [problem for problem in verdict.problems if problem.kind == "excluded"]
    wrong = [problem for problem in verdict.problems if problem.kind != "excluded"]
    handler_loops = _handler_loops(verdict)
    assert not wrong, f"seed {program.seed}: " + "\n".join(map(str, wrong))
    runs = len(modes.targets) * len(modes.efforts)
    compiled = len(program.methods) * runs
    assert len(excluded) - len(handler_loops) <= compiled * EXCLUDED_PERCENT / 100, verdict.excluded
    assert len(handler_loops) <= compiled * HANDLER_LOOP_PERCENT / 100, verdict.excluded
    lines = sum(len(output.splitlines()) for output in verdict.outputs.values())
    assert verdict.jit_differs <= lines * runs * 3 * JIT_DIFFERS_PERCENT / 100


def _handler_loops(verdict: Verdict) -> list[Problem]:
    """Methods left to the JIT for 3.1 only, per mode."""
    excluded = [problem for problem in verdict.problems if problem.kind == "excluded"]
    return [each for each in excluded if each.mode.startswith("3.1") and each.text.endswith(HANDLER_LOOP)]


def _seen_native(program: Program, verdict: Verdict) -> list[set[str]]:
    """For each method that every mode ran native: the groups of its features."""
    everywhere = set.intersection(*verdict.native.values())
    return [groups_of(m.body.features) for m in program.methods if m.full_name in everywhere]


def _perhaps_inlined(program: Program, verdict: Verdict) -> int:
    """How many methods some mode did not run native that may have been inlined everywhere."""
    everywhere = set.intersection(*verdict.native.values())
    unseen = [m for m in program.methods if m.full_name not in everywhere]
    return sum(len(list(m.body.node.lines())) <= INLINED_INSTRUCTIONS for m in unseen)


@pytest.mark.runtime
@pytest.mark.parametrize(
    ("seed", "methods", "modes"),
    [
        pytest.param(2024, 90, Modes(), id="all"),
        pytest.param(2025, 60, Modes(efforts=("full",), gc_stress=True, mixed=False), id="stress"),
        pytest.param(2028, 60, Modes(gc_stress=True, mixed=False, image="pinned"), id="pinned"),
        pytest.param(2029, 120, Modes(gc_stress=True, bound=True), id="bound", marks=pytest.mark.sweep),
        pytest.param(2026, 120, Modes((TRIMMED_TARGET,), tiered=True), id="10.0", marks=pytest.mark.sweep),
        pytest.param(
            2027,
            120,
            Modes((TRIMMED_TARGET,), ("full",), gc_stress=True, mixed=False),
            id="10.0-stress",
            marks=pytest.mark.sweep,
        ),
    ],
)
def test_random_program(seed: int, methods: int, modes: Modes, inputs: TestInputs, tmp_path: Path) -> None:
    program = make_program(seed, methods)
    verdict = check(program.texts(), tmp_path, modes)
    _assert_good(program, verdict, modes)
    inlined = _perhaps_inlined(program, verdict)
    assert bool(verdict.taken_in) == (modes.image == "pinned" or modes.bound), verdict.taken_in
    refused = len({problem.text for problem in _handler_loops(verdict)})
    assert len(_seen_native(program, verdict)) + inlined + refused >= methods * 0.95
    assert inlined <= methods * 0.3


def test_the_same_seed_gives_the_same_program() -> None:
    assert make_program(7, 60).texts() == make_program(7, 60).texts()
    assert make_program(7, 60).texts() != make_program(8, 60).texts()


def test_every_feature_occurs_often_enough() -> None:
    """What the sweep will count: each feature in at least 2.5 per cent of the methods."""
    features: Counter[str] = Counter()
    methods = 0
    for seed in range(3):
        program = make_program(seed, METHODS_PER_PROGRAM)
        methods += len(program.methods)
        for method in program.methods:
            features.update(groups_of(method.body.features))
    missing = {group: features[group] for group in GROUPS if features[group] < methods * 0.03}
    assert not missing


@pytest.mark.sweep
@pytest.mark.runtime
def test_sweep(inputs: TestInputs, tmp_path: Path) -> None:
    wanted = int(os.environ.get("NATIVEGEN_SWEEP_METHODS", SWEEP_METHODS))
    first = int(os.environ.get("NATIVEGEN_SWEEP_SEED", "100000"))
    seeds = range(first, first + -(-wanted // METHODS_PER_PROGRAM))

    def one(seed: int) -> tuple[Program, Verdict, list[Problem]]:
        program = make_program(seed, METHODS_PER_PROGRAM)
        rng = random.Random(seed)
        effort = rng.choice([("auto",), ("auto",), ("full",), ("none",)])
        image, bound = ("pinned" if seed % 3 == 0 else "resilient"), seed % 3 == 1
        modes = Modes(
            TARGETS, effort, seed % 5 == 0, tiered=seed % 5 == 1, timeout=900, image=image, bound=bound
        )
        verdict = check(program.texts(), tmp_path / str(seed), modes)
        shutil.rmtree(tmp_path / str(seed))
        return program, verdict, [p for p in verdict.problems if p.kind != "excluded"]

    features: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    native = inlined = refused = methods = differs = crashes = 0
    wrong: list[str] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for program, verdict, problems in pool.map(one, seeds):
            wrong += [f"seed {program.seed} {problem}" for problem in problems]
            print(f"seed {program.seed}: {[str(problem) for problem in problems] or 'same'}", flush=True)
            methods += len(program.methods)
            differs += verdict.jit_differs
            crashes += verdict.jit_crashes
            excluded += verdict.excluded
            if verdict.native:
                seen = _seen_native(program, verdict)
                native += len(seen)
                inlined += _perhaps_inlined(program, verdict)
                refused += len({problem.text for problem in _handler_loops(verdict)})
                for groups in seen:
                    features.update(groups)
    print(f"\n{methods} methods, {native} seen native in every mode, {inlined} small ones perhaps inlined everywhere")
    print(f"{refused} left to the JIT on 3.1 because of a {HANDLER_LOOP}")
    print(f"the JIT disagrees with itself on {differs} lines, and crashes in {crashes} runs")
    print(f"excluded (method and mode): {dict(excluded)}")
    for group in GROUPS:
        print(f"{features[group]:8} {group}")
    assert not wrong, "\n".join(wrong)
    assert crashes <= max(1, len(seeds) * len(TARGETS) * JIT_DIFFERS_PERCENT / 100)
    minimum = FEATURE_MINIMUM * wanted / SWEEP_METHODS
    assert not {group: features[group] for group in GROUPS if features[group] < minimum}
    assert native + inlined + refused >= methods * 0.97
