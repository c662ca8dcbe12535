"""Is the machine idle? The worker asks before each item of priority 3 (research R3).

Busy means: more than a quarter of the processors' time went somewhere in the last second, or the machine runs on
battery. On build servers (``CI`` is set) nobody waits, so the machine counts as idle; ``NATIVEGEN_IDLE`` set to
``always`` or ``never`` decides for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Probe = Callable[[], bool]
"""Returns whether the machine is idle; may take a second to find out."""

BUSY_SHARE = 0.25
_SAMPLE_SECONDS = 1.0


def system_probe(environment: Mapping[str, str]) -> Probe:
    """The probe that the environment asks for."""
    wanted = environment.get("NATIVEGEN_IDLE", "").lower()
    if wanted == "always" or (not wanted and environment.get("CI")):
        return lambda: True
    if wanted == "never":
        return lambda: False
    return lambda: not on_battery() and busy_share() < BUSY_SHARE


def on_battery(folder: Path = Path("/sys/class/power_supply")) -> bool:
    """Whether there is a mains adapter and none is plugged in."""
    plugged = [path.read_text().strip() for path in sorted(folder.glob("*/online"))]
    return bool(plugged) and "1" not in plugged


def busy_share(seconds: float = _SAMPLE_SECONDS, stat: Path = Path("/proc/stat")) -> float:
    """Share of all processors' time that was used during the next ``seconds``; the load average without /proc."""
    try:
        before = _times(stat)
        time.sleep(seconds)
        after = _times(stat)
    except OSError:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    total = after[1] - before[1]
    return (after[0] - before[0]) / total if total else 0.0


def _times(stat: Path) -> tuple[int, int]:
    """(used, all) clock ticks of all processors: proc(5); the fourth and fifth field are idle and waiting for disks."""
    fields = [int(field) for field in stat.read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)
