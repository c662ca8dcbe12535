"""CPU seconds by stage of a compilation: what :attr:`CompileReport.seconds` is summed up from."""

from __future__ import annotations

import time


def spend(seconds: dict[str, float], stage: str, started: float) -> None:
    """Counts the CPU time since ``started`` (of :func:`time.process_time`) for a stage."""
    seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - started
