"""``run APP.dll [args]``: the application with its valid images; this process becomes the program."""

from __future__ import annotations

import os
import sys

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.switches import Parsed, Syntax

SYNTAX = Syntax(
    (*options.SCENARIO[:2], options.RUNTIME),
    positionals=(1, 1),
    passes_rest=True,
    arguments="[options] APP.dll [arguments of the program]",
)


def run(parsed: Parsed, output: Output) -> int:
    from pathlib import Path

    from nativegen.cli.running import valid_images
    from nativegen.diagnostics import NativegenError
    from nativegen.operations.view import make_view, needs_view
    from nativegen.runtime.discover import runtime_for
    from nativegen.runtime.host import host_command

    found, cache = valid_images(parsed, output, tolerant=True)
    explicit = parsed.value("runtime")
    app = found.app
    if needs_view(found):
        try:
            app = make_view(cache, found).app
        except OSError as error:
            output.warn(
                f"{cache}: warning: no view of the application: {error.strerror or error}; it runs without images"
            )
    runtime = runtime_for(Path(app), Path(explicit) if explicit else None)
    with host_command(Path(app), runtime) as command:
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            os.execve(command[0], [*command, *parsed.rest], os.environ)
        except OSError as error:
            raise NativegenError("NGEN6008", command[0], detail=error.strerror or str(error)) from error
