"""The entry point of ``nativegen`` (and ``ngen``): find the action, parse, run, turn failures into exit codes.

Exit codes (DESIGN.md 7): 0 ok, 1 some assemblies failed, 2 usage, 3 not installed or not found, 4 cache unusable or
locked, 5 verification failed, 130 interrupted; ``run`` and ``trace`` return the program's code, 125 when nativegen
itself fails.

This module and what it imports stay free of everything heavy: the light commands must start at once.
"""

from __future__ import annotations

import atexit
import gc
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
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Global switches that stand before the action are moved behind it: `nativegen /nologo install app.dll`.
    leading: list[str] = []
    while given and given[0].lower() in _LEADING_FLAGS:
        leading.append(given.pop(0))
    if not given or given[0].lower() in _HELP_WORDS:
        from nativegen.cli.help import print_help

        return print_help(given[1:])
    if given[0] in ("--version", "/version"):
        from nativegen import __version__

        print(f"nativegen {__version__}")
        return 0
    name = given[0].lower()
    try:
        return _run(name, leading + given[1:])
    except UsageError as error:
        return _fail("NGEN7002", USAGE, name, detail=str(error), action=name)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`); nothing more can be said. Keep Python from flushing into the closed pipe.
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERNAL
    except Exception as error:
        return _failed(
            name, error, verbose="/verbose" in map(str.lower, given) or "--verbose" in given or "-v" in given
        )


_LEADING_FLAGS = tuple(prefix + name for name in ("nologo", "silent", "verbose", "json") for prefix in ("/", "--", "-"))


def _run(name: str, arguments: list[str]) -> int:
    action = find_action(name)
    if action is None:
        return _fail("NGEN7001", USAGE, None, name=repr(name))
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
        print(NativegenError("NGEN7009", detail=f"{type(error).__name__}: {error}"), file=sys.stderr)
        exit_code = INTERNAL
    return NATIVEGEN_FAILED if name in _RUNS_PROGRAMS else exit_code


if __name__ == "__main__":
    sys.exit(main())
