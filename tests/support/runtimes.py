"""The two test runtimes as the library sees them, and the environment in which test programs run.

>>> run_app(program, runtime=get_runtime("3.1"), environment=clean_environment(tmp_path))
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from nativegen.runtime.discover import Runtime, find_runtimes
from tests.support.paths import find_inputs


@functools.cache
def get_runtime(target: str) -> Runtime:
    """The runtime of the test inputs for target ``3.1`` or ``9.0``."""
    return find_runtimes(find_inputs().root(target))[0]


def framework_references(target: str) -> dict[str, str]:
    """Simple name -> path of every assembly of the base framework."""
    return {path.stem: str(path) for path in sorted(find_inputs().framework(target).glob("*.dll"))}


def clean_environment(home: Path) -> dict[str, str]:
    """An environment without .NET settings of the machine: empty home, invariant culture, no telemetry."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
        "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
        "DOTNET_gcServer": "0",
        "COMPlus_gcServer": "0",
    }
