"""Switches that several actions share, and what they mean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nativegen.cli.switches import Parsed, Switch, UsageError

if TYPE_CHECKING:
    from nativegen.cli.output import Output
    from nativegen.operations.request import InstallRequest

SCENARIO = (
    Switch("Debug", help="images for use under a debugger: unoptimised"),
    Switch("Profile", help="images for use under a profiler"),
    Switch("NoDependencies", help="only the named assembly"),
)
CONFIGURATION = (
    Switch("ExeConfig", "EXE", "bind as this application does"),
    Switch("AppBase", "DIR", "bind in this folder instead of the application's own"),
)
RUNTIME = Switch("runtime", "DIR", "the .NET runtime to use: a folder with dotnet, or of a self-contained application")
TARGET = Switch("target", "3.1|9.0|10.0", "the runtime profile to compile for")
UNTESTED_TARGET = Switch("untested-target", help="compile for a target that was never tested with its runtime (8.0)")
QUEUE = Switch(
    "queue",
    "1|2|3",
    "leave it to the background worker: 1 now, 2 after those, 3 (default) when the machine is idle",
    optional=True,
    choices=("1", "2", "3"),
)
JOBS = Switch("jobs", "N", "worker processes (default: one per processor)", short="j")
CODE = (
    Switch("strict", help="any change of a dependency makes an image stale: ngen's own rule"),
    Switch("instruction-set", "S", "processor features beyond plain x86-64, separated by commas"),
    Switch("base", "ADDR", "preferred load address of the image, a multiple of 0x10000"),
    Switch("from-native", help="compile assemblies that carry native code already: their IL, and the instances"),
    Switch("O", help="optimise every method fully", short="O"),
    Switch("Od", help="do not optimise"),
)


REMOTE = (
    Switch("remote-cache", "URL", "shared cache to ask before compiling (default: $NATIVEGEN_REMOTE_CACHE)"),
    Switch(
        "remote-cache-mode",
        "MODE",
        "read-only (default), or read-write: store there what was compiled here",
        choices=("read-only", "read-write"),
    ),
)
PARTIAL = Switch("partial", "PROFILE", "compile only the methods that a profile names; trace -o makes one")
STARTUP = Switch(
    "startup", "RECORDING", "a second thread makes ready ahead what this recording of a start used; trace -o makes one"
)

MODE = (
    Switch("resilient", help="images assume nothing about the bodies of other assemblies' methods"),
    Switch("guarded", help="the runtime checks each foreign body that an image uses; where it cannot: resilient"),
    Switch("pinned", help="images record each foreign body that they use; who starts the program compares them"),
)


def mode(parsed: Parsed, default: str) -> str:
    """The wanted mode of images; two at once are a mistake."""
    given = [switch.name for switch in MODE if parsed.flag(switch.name)]
    if len(given) > 1:
        raise UsageError(f"--{given[0]} and --{given[1]} exclude each other")
    return given[0] if given else default


def jobs(parsed: Parsed) -> int:
    """Number of workers."""
    text = parsed.value("jobs")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"the number of jobs is not a positive number: {text!r}")
    return int(text)


def effort(parsed: Parsed) -> str:
    """``auto``, ``full`` or ``none``, from -O and --Od."""
    if parsed.flag("O") and parsed.flag("Od"):
        raise UsageError("-O and --Od exclude each other")
    return "full" if parsed.flag("O") else "none" if parsed.flag("Od") else "auto"


def image_base(parsed: Parsed) -> int | None:
    """Value of --base: decimal, or hexadecimal with 0x."""
    text = parsed.value("base")
    if text is None:
        return None
    try:
        base = int(text, 0)
    except ValueError:
        raise UsageError(f"not an address: {text!r}") from None
    if base <= 0 or base % 0x10000:
        raise UsageError(f"{text} cannot be an image base: it must be a multiple of 0x10000")
    return base


def say_overlapping_bases(images: Iterable[str], others: Iterable[str], output: Output) -> None:
    """Of images that want overlapping addresses only one can be there in a process.

    Args:
        images: files that this command made. others: that may run in the same process.
    """
    from nativegen.operations.bases import overlaps

    for first, second in overlaps(images, others):
        names = " and ".join(f"{os.path.basename(s.image)} ({s.base:#x} to {s.end:#x})" for s in (first, second))
        output.warn(f"warning: {names} overlap: one of them will be moved; give them other addresses with --base")


def instruction_set(parsed: Parsed) -> tuple[str, ...]:
    """Value of --instruction-set, sorted. LLVM passes over names that it does not know, so they are refused here."""
    names = sorted({name.strip() for name in (parsed.value("instruction-set") or "").split(",") if name.strip()})
    if names:
        try:
            from llvmlite.binding import get_host_cpu_features
        except ImportError:  # compiling says so better
            return tuple(names)
        known = get_host_cpu_features()
        for name in names:
            if name not in known:
                import difflib

                near = difflib.get_close_matches(name, known, 1)
                meant = f"did you mean {near[0]}?" if near else "features have LLVM's names, such as avx2, bmi, lzcnt"
                raise UsageError(f"no processor feature is called {name!r}; {meant}")
    return tuple(names)


def install_request(parsed: Parsed, path: str) -> InstallRequest:
    """The request that an action's switches make of an assembly's path; paths become absolute."""
    from nativegen.operations.request import InstallRequest

    return InstallRequest(
        path=os.path.realpath(path),
        target=parsed.value("target"),
        untested_target=parsed.flag("untested-target"),
        runtime=_absolute(parsed.value("runtime")),
        exe_config=_absolute(parsed.value("ExeConfig")),
        app_base=_absolute(parsed.value("AppBase")),
        no_dependencies=parsed.flag("NoDependencies"),
        debug=parsed.flag("Debug"),
        profile=parsed.flag("Profile"),
        strict=parsed.flag("strict"),
        effort=effort(parsed),
        from_native=parsed.flag("from-native"),
        image_base=image_base(parsed),
        instruction_set=instruction_set(parsed),
        partial=_absolute(parsed.value("partial")),
        mode=mode(parsed, "pinned"),
    )


def say_unresolved(profile: str | None, unresolved: Sequence[str], output: Output) -> None:
    """A profile grows old: names that mean nothing any more are reported, not an error."""
    if unresolved:
        from nativegen.diagnostics import NativegenError

        error = NativegenError("NGEN3109", profile, count=len(unresolved), first=unresolved[0])
        output.warning(error)
        for line in unresolved if output.verbose else ():
            output.warn(f"  {line}")


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.realpath(path)
