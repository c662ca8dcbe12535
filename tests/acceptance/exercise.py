"""Uses the libraries of an application as far as that needs no outside world, and returns the record of what happened.

A differential test over tens of thousands of methods that the application itself would only run with a network: see
Exercise.cs. Some answers differ from run to run (new GUIDs, times, hash codes): the lines in which two runs of the same
IL disagree do not count, and the two folders that a process works in are replaced by names.

>>> exercise(folder, ["Azure.Core", "OpenAI"], tmp_path)["Azure.Core.dll"][:2]
['# Azure.AsyncPageable`1', ...]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nativegen.runtime.discover import runtime_for
from nativegen.runtime.host import RunResult, TraceRequest, run_app
from tests.acceptance.stress import GcStress
from tests.support.csharp import compile_csharp
from tests.support.runtimes import clean_environment

_TIMEOUT = 900.0


@dataclass(frozen=True, slots=True)
class Exercise:
    """What one process did: its result, and the lines of its record."""

    result: RunResult
    lines: list[str]


def exercise(
    app: Path,
    assemblies: Iterable[str],
    folder: Path,
    *,
    tiering: bool | None = None,
    stress: GcStress | None = None,
    trace: TraceRequest | None = None,
) -> Exercise:
    """Run the exercise in a process of ``app`` over assemblies of its folder.

    Args:
        assemblies: simple names.
        folder: an existing one to work in.
    """
    source = Path(__file__).with_name("Exercise.cs")
    hook = compile_csharp(source, folder, "exercise", library=True, references=["System.Private.Uri"])
    listing = folder / "assemblies"
    listing.write_text("".join(f"{app.parent / name}.dll\n" for name in assemblies))
    environment = clean_environment(folder) | {"AZURE_MCP_COLLECT_TELEMETRY": "false"}
    environment |= stress.environment if stress else {}
    environment |= {"NATIVEGEN_EXERCISE": str(listing)}
    hooks = [str(hook), *([environment["DOTNET_STARTUP_HOOKS"]] if stress else [])]
    environment["DOTNET_STARTUP_HOOKS"] = ":".join(reversed(hooks))  # the last one ends the process
    out = Path(f"{listing}.out")
    out.unlink(missing_ok=True)
    result = run_app(
        app,
        runtime=runtime_for(app),
        environment=environment,
        settings=stress.settings if stress else {},
        tiering=tiering,
        trace=trace,
        cwd=folder,
        timeout=_TIMEOUT,
    )
    text = out.read_text("utf-8", "replace") if out.is_file() else ""
    for own in (app.parent, app.parent.resolve()):
        text = text.replace(str(own), "APPLICATION")
    return Exercise(result, text.replace(str(folder), "WORK").split("\n"))


def unstable_lines(first: list[str], second: list[str]) -> set[int]:
    """Numbers of the lines in which two records disagree.

    Raises:
        AssertionError: they do not even have the same length.
    """
    assert len(first) == len(second)
    return {number for number, (one, two) in enumerate(zip(first, second, strict=True)) if one != two}
