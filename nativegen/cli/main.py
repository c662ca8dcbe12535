"""The entry point of ``nativegen`` (and ``ngen``): find the action, parse, run, turn failures into exit codes.

Exit codes (DESIGN.md 7): 0 ok, 1 some assemblies failed, 2 usage, 3 not installed or not found, 4 cache unusable or
locked, 5 verification failed, 130 interrupted; ``run`` and ``trace`` return the program's code, 125 when nativegen
itself fails.

This module and what it imports stay free of everything heavy: the light commands must start at once.
"""

from __future__ import annotations

import atexit
import errno
import gc
import io
import sys
from collections.abc import Sequence

from nativegen.cli.actions import ACTIONS, find_action
from nativegen.cli.switches import Parsed, Syntax, UsageError, parse

USAGE = 2
INTERNAL = 1
NATIVEGEN_FAILED = 125
INTERRUPTED = 130
_HELP_WORDS = ("help", "/?", "-?", "/help", "--help", "-h", "/h")
_RUNS_PROGRAMS = ("run", "trace")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, by default that of this process; returns the exit code."""
    if arguments is None:
        atexit.register(gc.freeze)  # what is left goes with the process and need not be searched for cycles
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # file names that the terminal's encoding does not have
                stream.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    leading = _take_leading(given)
    name = given[0].lower() if given else "help"
    try:
        code = _run(name, leading + given[1:])
        if sys.stdout is not None:
            sys.stdout.flush()  # while a failure to write can still be said
        return code
    except UsageError as error:
        return _fail("NGEN7002", USAGE, name, detail=str(error), action=name)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`); nothing more can be said.
        _drop_output()
        return INTERNAL
    except Exception as error:
        words = {word.lower() for word in (*leading, *given)}
        return _failed(name, error, verbose=not words.isdisjoint(("/verbose", "--verbose", "-v")))


_LEADING_FLAGS = (
    *(prefix + name for name in ("nologo", "silent", "verbose", "json") for prefix in ("/", "--", "-")),
    "-v",
)


def _take_leading(given: list[str]) -> list[str]:
    """Global switches that stand before the action, which they are moved behind: ``nativegen /nologo install``."""
    leading: list[str] = []
    while given:
        switch = given[0].lower()
        if switch in _LEADING_FLAGS or switch.startswith(("/cache:", "--cache=", "--cache:")):
            leading.append(given.pop(0))
        elif switch == "--cache" and len(given) > 1:
            leading += given[:2]
            del given[:2]
        else:
            break
    return leading


def _run(name: str, arguments: list[str]) -> int:
    if name in _HELP_WORDS:
        from nativegen.cli.help import print_help

        return print_help(arguments)
    if name in ("--version", "/version"):
        from nativegen import __version__

        print(f"nativegen {__version__}")
        return 0
    action = find_action(name)
    if action is None:
        from nativegen.cli.help import unknown_action

        return unknown_action(name)
    entry = ACTIONS[action]
    import importlib

    module = importlib.import_module(f"nativegen.cli.actions.{entry[0]}")
    syntax: Syntax = module.SYNTAX
    parsed: Parsed = parse(arguments, syntax)
    if parsed.flag("help"):
        from nativegen.cli.help import print_help

        return print_help([action])
    from nativegen.cli.output import Output

    code: int = module.run(parsed, Output.of(parsed))
    return code


def _fail(code: str, exit_code: int, path: str | None, **fields: object) -> int:
    from nativegen.diagnostics import NativegenError

    print(NativegenError(code, path, **fields), file=sys.stderr)
    return exit_code


def _failed(name: str, error: Exception, verbose: bool) -> int:
    from nativegen.diagnostics import NativegenError

    if isinstance(error, NativegenError):
        print(error, file=sys.stderr)
        exit_code = error.exit_code
    else:
        if verbose:
            import traceback

            traceback.print_exception(error)
        if isinstance(error, OSError) and error.filename is None and error.errno in (errno.ENOSPC, errno.EIO):
            # No file of ours: those are named. What else is written to is standard output.
            _drop_output()
            found = NativegenError("NGEN7004", "standard output", detail=error.strerror or str(error))
        elif isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
            detail = f"{error.object!r} is not UTF-8, and .NET cannot open such paths"
            found = NativegenError("NGEN7002", name, detail=detail, action=name)
        else:
            found = NativegenError("NGEN7009", detail=f"{type(error).__name__}: {error}")
        print(found, file=sys.stderr)
        exit_code = found.exit_code
    return NATIVEGEN_FAILED if name in _RUNS_PROGRAMS else exit_code


def _drop_output() -> None:
    """Keep Python from writing, at its end, what could not be written."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
