"""The help texts: the list of actions, one action's options, and ngen's advice on when native images pay.

>>> print_help(["nonsense"])
2
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from nativegen.cli.actions import ACTIONS, find_action
from nativegen.cli.switches import GLOBAL_SWITCHES, Switch

_HEAD = """Usage: nativegen ACTION [options]      (also installed as ngen)

Switches are written as ngen has them (/Debug) or as POSIX has them (--debug).
"""
_TAIL = """
First steps:
  nativegen install App.dll      compile the application and its dependencies into the cache
  nativegen run App.dll          run it with its images
  nativegen trace App.dll        see which methods ran native, and why the others did not
  nativegen help install         each action has examples

Large applications generally benefit from native images, small ones generally do not; only measurement of your own
deployment, in the scenarios that matter to you, decides. Ours, start-up time with images against without: a C# compiler
0.47, a command line tool of 192 assemblies 0.64, a text tool of three 0.95 to 0.96, hello world 1.00 to 1.06. The
first start after a boot is dominated by the disk, and images are more to read.

Native images need more disk space than IL (ours: 2.3 to 4.4 times), take time to generate (about 500 methods a second
on two processors), and must be regenerated when the assembly or something it depends on is serviced: run nativegen
update. One assembly may need several images: one for each application that binds it differently, and each scenario.

They save the time of the JIT (of 1,776 methods that the tool jitted, 44 are left) and of type checks, and processes
that run the same image share their pages. For code that runs long the JIT does slightly better; the runtime replaces
hot native methods anyway.

To service a shared component: nativegen display Component shows what depends on it; install the new files, then run
nativegen update, or nativegen update /queue from an installer. Dependencies are looked up in the application's folder,
never the current directory, and are always installed along.

Exit codes: 0 ok, 1 some assemblies failed, 2 usage, 3 not installed or not found, 4 cache unusable or locked,
5 verification failed, 130 interrupted. run and trace return the program's own code, or 125 when nativegen fails.
"""


def print_help(topics: Sequence[str]) -> int:
    """Print the general help, or that of one action; returns the exit code."""
    if not topics:
        width = max(map(len, ACTIONS)) + 2
        print(_HEAD)
        for name, (_module, summary) in ACTIONS.items():
            print(f"  {name.ljust(width)}{summary}")
        print("\nGlobal options:")
        _print_switches(GLOBAL_SWITCHES)
        print(_TAIL, end="")
        return 0
    action = find_action(topics[0])
    if action is None:
        return unknown_action(topics[0])
    entry = ACTIONS[action]
    import importlib

    syntax = importlib.import_module(f"nativegen.cli.actions.{entry[0]}").SYNTAX
    print(f"Usage: nativegen {action} {syntax.arguments}".rstrip() + "\n")
    print(f"{entry[1][0].upper()}{entry[1][1:]}.\n")
    _print_switches(syntax.switches)
    from nativegen.cli.examples import of

    print("\nExamples:")
    for line, text in of(action):
        print(f"  {line}\n      {text}")
    return 0


def unknown_action(name: str) -> int:
    """Say that there is no such action, and which one was probably meant; returns the exit code."""
    import difflib

    from nativegen.diagnostics import NativegenError

    near = difflib.get_close_matches(name.lower(), [known.lower() for known in ACTIONS], 1)
    action = find_action(near[0]) if near else None
    meant = "" if action is None else f" (did you mean {action}?)"
    print(NativegenError("NGEN7001", name=repr(name) + meant), file=sys.stderr)
    return 2


def _print_switches(switches: Sequence[Switch]) -> None:
    for switch in switches:
        value = "" if switch.value is None else f"[:{switch.value}]" if switch.optional else f":{switch.value}"
        short = f"-{switch.short}, " if switch.short else ""
        form = f"{short}/{switch.name}{value}"
        print(f"  {form.ljust(26)} {switch.help}".rstrip())
