"""Variables of the environment that make a runtime ignore native code: a build server may have one without knowing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from nativegen.verify.model import Finding, Severity

#: Name without prefix -> (predicate of its value, effect). clrconfignames.h of both runtimes.
_SETTINGS: Final[dict[str, tuple[Callable[[str], object], str]]] = {
    "ReadyToRun": (lambda value: value.strip("0") == "", "the runtime ignores all native images"),
    "ReadyToRun_DisableR2R": (lambda value: value.strip("0") != "", "the runtime ignores all native images"),
    "ReadyToRunExcludeList": (bool, "the runtime ignores the native images named there"),
    "ZapDisable": (lambda value: value.strip("0") != "", "the runtime ignores all native images"),
}
_PREFIXES: Final = ("DOTNET_", "COMPlus_")
_PROFILERS: Final = ("CORECLR_ENABLE_PROFILING", "COR_ENABLE_PROFILING")


def environment_findings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """One finding per variable."""
    for name in sorted(environment):
        for prefix in _PREFIXES:
            if name.startswith(prefix) and name.removeprefix(prefix) in _SETTINGS:
                applies, effect = _SETTINGS[name.removeprefix(prefix)]
                if applies(environment[name]):
                    yield Finding(Severity.SILENT, f"{name}={environment[name]}: {effect}", f"unset {name}")
    for name in _PROFILERS:
        if environment.get(name) == "1":
            message = f"{name}=1: a profiler may ask the runtime to ignore native images"
            yield Finding(Severity.INFO, message, f"unset {name}")
