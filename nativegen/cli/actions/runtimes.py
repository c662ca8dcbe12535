"""``runtimes``: the .NET runtimes of this machine, in the order in which they are preferred."""

from __future__ import annotations

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import NOT_FOUND
from nativegen.cli.switches import Parsed, Syntax

SYNTAX = Syntax((options.RUNTIME,), arguments="[options]")


def run(parsed: Parsed, output: Output) -> int:
    from pathlib import Path

    from nativegen.readytorun.targets import TARGETS, TESTED
    from nativegen.runtime.discover import find_runtimes

    explicit = parsed.value("runtime")
    runtimes = find_runtimes(Path(explicit) if explicit else None)
    output.document(
        {
            "runtimes": [
                {
                    "version": runtime.version,
                    "target": runtime.target if runtime.target in TARGETS else None,
                    "kind": runtime.kind,
                    "root": str(runtime.root),
                    "origin": runtime.origin,
                    "frameworks": {framework.name: framework.version for framework in runtime.frameworks},
                }
                for runtime in runtimes
            ]
        }
    )
    for runtime in runtimes:
        target = f"target {runtime.target}" if runtime.target in TARGETS else "no target"
        if runtime.target in TARGETS and runtime.target not in TESTED:
            target += " (untested)"
        output.answer(f"{runtime.version:12} {target:12} {runtime.root} ({runtime.origin})")
        for framework in runtime.frameworks:
            output.detail(f"    {framework.name} {framework.version} {framework.path}")
    if not runtimes:
        output.warn(f"no .NET runtime found; nativegen makes images for {', '.join(TESTED)}")
        return NOT_FOUND
    return 0
