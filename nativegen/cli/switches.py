"""The switch parser: ngen's ``/Debug`` and POSIX ``--debug`` are the same switch.

An argument that begins with a slash is a switch only if it looks like one: letters, digits and dashes up to an optional
``:value``. So ``/opt/app.dll`` and ``/app.dll`` are paths, ``/tmp`` is one where it exists and no switch has the name,
and ``/Debgu`` is a mistake that gets reported. A value follows ``:`` or ``=``, or, for ``--name`` and ``-n``, is the
next argument. Only plain Python here: light commands start with it.

>>> syntax = Syntax((Switch("debug"), Switch("AppBase", "DIR"), Switch("jobs", "N", short="j")), positionals=(1, 1))
>>> parsed = parse(["/opt/app.dll", "/Debug", "--app-base", "/opt", "-j2"], syntax)
>>> parsed.positionals, parsed.flag("debug"), parsed.value("AppBase"), parsed.value("jobs")
(['/opt/app.dll'], True, '/opt', '2')
"""

from __future__ import annotations

import os
from collections.abc import Sequence

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class UsageError(Exception):
    """The command line cannot be understood; the message says why in one line."""


class Switch:
    """One option of an action.

    Args:
        name: as ngen writes it: ``ExeConfig``; users may write ``/execonfig``, ``--execonfig`` and ``--exe-config``.
        value: what its value is called in the help, or None for a plain flag.
        help: one line.
        short: one-letter form, written with one dash.
        repeat: may be given several times.
        optional: the value may be absent (``/queue`` and ``/queue:1``); it then never is the next argument.
        choices: the only values allowed.
    """

    __slots__ = ("choices", "help", "name", "optional", "repeat", "short", "value")

    def __init__(
        self,
        name: str,
        value: str | None = None,
        help: str = "",
        short: str = "",
        repeat: bool = False,
        optional: bool = False,
        choices: Sequence[str] = (),
    ) -> None:
        self.name, self.value, self.help, self.short = name, value, help, short
        self.repeat, self.optional, self.choices = repeat, optional, tuple(choices)


class Syntax:
    """What an action accepts.

    Args:
        switches: besides the global ones, which are added.
        positionals: least and greatest number of arguments that are not switches (None: any number).
        passes_rest: everything behind the last positional belongs to a program that gets run.
        arguments: the positionals in the help text.
        response_files: ``@file`` stands for the arguments in the file.
    """

    __slots__ = ("arguments", "passes_rest", "positionals", "response_files", "switches")

    def __init__(
        self,
        switches: Sequence[Switch] = (),
        positionals: tuple[int, int | None] = (0, 0),
        passes_rest: bool = False,
        arguments: str = "",
        response_files: bool = False,
    ) -> None:
        self.switches, self.positionals = (*switches, *GLOBAL_SWITCHES), positionals
        self.passes_rest, self.arguments, self.response_files = passes_rest, arguments, response_files


GLOBAL_SWITCHES = (
    Switch("cache", "DIR", "the native image cache (default: $NATIVEGEN_CACHE or the user's cache folder)"),
    Switch("nologo", help="no banner"),
    Switch("silent", help="no messages of success"),
    Switch("verbose", help="detailed information", short="v"),
    Switch("json", help="machine-readable output"),
    Switch("help", help="this text", short="h"),
)


class Parsed:
    """A command line, understood. Values are by switch name; ``rest`` belongs to the program that gets run."""

    __slots__ = ("_values", "positionals", "rest")

    def __init__(self) -> None:
        self.positionals: list[str] = []
        self.rest: list[str] = []
        self._values: dict[str, list[str | None]] = {}

    def flag(self, name: str) -> bool:
        """Whether the switch was given."""
        return name in self._values

    def value(self, name: str) -> str | None:
        """The value of a switch, or None when it was not given (or given without its optional value)."""
        values = self._values.get(name)
        return values[-1] if values else None

    def values(self, name: str) -> list[str]:
        """All values of a switch that may be repeated."""
        return [value for value in self._values.get(name, ()) if value is not None]

    def add(self, switch: Switch, value: str | None) -> None:
        if switch.name in self._values and not switch.repeat and switch.value is not None:
            raise UsageError(f"the option {switch.name} is given twice")
        if switch.choices and value is not None and value not in switch.choices:
            raise UsageError(f"the option {switch.name} takes one of {', '.join(switch.choices)}, not {value!r}")
        self._values.setdefault(switch.name, []).append(value)


def parse(arguments: Sequence[str], syntax: Syntax) -> Parsed:
    """Understand the arguments behind the action's name.

    Raises:
        UsageError: unknown or ambiguous switch, missing value, too few or too many arguments.
    """
    parsed = Parsed()
    names = {_folded(switch.name): switch for switch in syntax.switches}
    shorts = {switch.short: switch for switch in syntax.switches if switch.short}
    pending = list(reversed(arguments))
    least, most = syntax.positionals
    while pending:
        argument = pending.pop()
        if argument == "--":
            if syntax.passes_rest and len(parsed.positionals) >= least:
                parsed.rest = pending[::-1]
                break
            parsed.positionals.extend(reversed(pending))
            break
        if argument.startswith("@") and len(argument) > 1 and syntax.response_files:
            pending.extend(reversed(read_response_file(argument[1:])))
            continue
        found = _match(argument, names, shorts)
        if found is None:
            parsed.positionals.append(argument)
            if syntax.passes_rest and len(parsed.positionals) == most:
                if pending and pending[-1] == "--":
                    pending.pop()
                parsed.rest = pending[::-1]
                break
            continue
        switch, value = found
        if switch.value is None and value is not None:
            raise UsageError(f"the option {argument!r} takes no value")
        if switch.value is not None and value is None and not switch.optional:
            if argument.startswith("/") or not pending:
                raise UsageError(f"the option {argument!r} needs a value: {argument}{_joiner(argument)}{switch.value}")
            value = pending.pop()
        if value == "" and switch.value is not None:
            raise UsageError(f"the option {argument!r} needs a value behind the colon")
        parsed.add(switch, value)
    _check_count(parsed, least, most)
    return parsed


def _check_count(parsed: Parsed, least: int, most: int | None) -> None:
    if parsed.flag("help"):
        return
    if len(parsed.positionals) < least:
        raise UsageError("an argument is missing")
    if most is not None and len(parsed.positionals) > most:
        raise UsageError(f"unexpected argument {parsed.positionals[most]!r}: only {most or 'none'} allowed")


def _joiner(argument: str) -> str:
    return ":" if argument.startswith("/") else " "


def _folded(name: str) -> str:
    """Spelling in which switches are compared: lower case, without dashes."""
    return name.replace("-", "").replace("_", "").lower()


def _match(argument: str, names: dict[str, Switch], shorts: dict[str, Switch]) -> tuple[Switch, str | None] | None:
    """The switch and its inline value, or None when the argument is not a switch."""
    if argument in ("/?", "-?"):
        return names["help"], None
    prefix = 2 if argument.startswith("--") else 1
    if len(argument) <= prefix or argument[0] not in "/-":
        return None
    body = argument[prefix:]
    cut = min((position for position in map(body.find, ":=") if position >= 0), default=len(body))
    name, value = body[:cut], body[cut + 1 :] if cut < len(body) else None
    if argument[0] == "/":
        if not name or not _NAME_CHARACTERS.issuperset(name):
            return None
        if len(name) == 1 and name in shorts:
            return shorts[name], value
    elif prefix == 1:
        if argument[1:] in shorts:
            return shorts[argument[1:]], None
        if argument[1] in shorts and _folded(name) not in names:
            return shorts[argument[1]], body[1:].lstrip(":=")
    switch = names.get(_folded(name))
    if switch is None:
        if argument[0] == "/" and os.path.exists(argument):
            return None
        raise UsageError(f"unknown option {argument!r}")
    return switch, value


def read_response_file(path: str) -> list[str]:
    """The arguments in a response file: one or more a line, quotes as in a shell, ``#`` comments. Files do not nest.

    Raises:
        UsageError: the file cannot be read.
    """
    import shlex

    try:
        with open(path, encoding="utf-8") as file:
            words = shlex.split(file.read(), comments=True)
    except (OSError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read the response file {path!r}: {reason}") from error
    nested = next((word for word in words if word.startswith("@")), None)
    if nested is not None:
        raise UsageError(f"the response file {path!r} contains another one, {nested!r}")
    return words
