"""Which instruction sets the machines have that an image goes to.

Names are LLVM's, as ``--instruction-set`` takes them; Linux has names of its own for some.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_OTHER_NAMES: Final = {
    "abm": "lzcnt",
    "bmi1": "bmi",
    "cx16": "cx16",
    "pclmulqdq": "pclmul",
    "pni": "sse3",
    "sse4_1": "sse4.1",
    "sse4_2": "sse4.2",
    "rdrand": "rdrnd",
    "lahf_lm": "sahf",
}


def features(named: str | None) -> frozenset[str]:
    """The features of the processors that count.

    Args:
        named: value of ``--cpu``: names separated by commas, 'x86-64' for none; None: those of this machine.
    """
    if named is not None:
        return frozenset(name.strip() for name in named.split(",") if name.strip() not in ("", "x86-64"))
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            lines = [line for line in stream if line.startswith("flags")]
    except OSError:
        return frozenset()
    return translated(lines[0].partition(":")[2].split() if lines else ())


def translated(flags: Iterable[str]) -> frozenset[str]:
    """Linux' names as LLVM's.

    >>> sorted(translated(["avx2", "abm", "sse4_2"]))
    ['avx2', 'lzcnt', 'sse4.2']
    """
    return frozenset(_OTHER_NAMES.get(flag, flag) for flag in flags)
