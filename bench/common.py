"""What all measurements share: rows, alternating pairs, medians, the working folder.

>>> median_pairs([lambda: None, lambda: None], pairs=3)[0] >= 0
True
"""

from __future__ import annotations

import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.support.runtimes import clean_environment

ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Row:
    """One printed line: what was measured, the figure, and what it is relative to."""

    what: str
    figure: str
    note: str = ""


def median_pairs(actions: Sequence[Callable[[], object]], *, pairs: int = 20) -> list[float]:
    """Median seconds of each action; the actions alternate, so that noise hits all of them alike."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(pairs):
        for taken, action in zip(times, actions, strict=True):
            start = time.perf_counter()
            action()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def process(command: Sequence[str], *, cwd: pathlib.Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run a program silently.

    Raises:
        RuntimeError: it failed; the message has the end of its output.
    """
    done = subprocess.run(
        list(command), cwd=cwd, env=dict(env or os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-2000:]}")


def nativegen(*arguments: str, cache: pathlib.Path) -> str:
    """Run our own command line with its own cache, as the programs that it starts run; returns what it printed."""
    env = {**os.environ, **clean_environment(cache.parent), "PYTHONPATH": str(ROOT), "NATIVEGEN_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-m", "nativegen", *arguments],
        env=env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"nativegen {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout
