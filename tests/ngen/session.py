"""The examples of Microsoft's Ngen.exe page, typed as a user would, with .dll for .exe: ``docs/ngen-session.md``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from tests.cli.support import Outcome

PAGE = "ngen-session.md"

# (text before it, command lines); a line is typed in the folder of ClientApp.
SESSION: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Native images of an application and of everything it refers to:", ("ngen install ClientApp.dll",)),
    ("A second time there is nothing to do:", ("ngen install ClientApp.dll /nologo",)),
    (
        "A component that the application loads by name, with the application's configuration:",
        ("ngen install MyLib.dll /ExeConfig:ClientApp.dll /nologo",),
    ),
    ("Images for use under a debugger are a set of their own:", ("ngen install ClientApp.dll /debug /nologo",)),
    ("What there is:", ("ngen display /nologo",)),
    ("What depends on a component, before it is serviced:", ('ngen display "mylib, version=1.0.0.0" /nologo',)),
    ("After servicing:", ("ngen update /nologo",)),
    (
        "An installer stops the worker, queues its work and lets the worker go on:",
        (
            "ngen queue pause /nologo",
            "ngen install MyLib.dll /queue:1 /nologo",
            "ngen update /queue /nologo",
            "ngen queue status /nologo",
            "ngen queue continue /silent",
            "ngen service status",
        ),
    ),
    ("Queued work of priority 1, then all of it, now:", ("ngen eqi 1 /nologo", "ngen executequeueditems /nologo")),
    ("The application, with its images:", ("nativegen run ClientApp.dll",)),
    ("Only the debug scenarios, then the others:", ("ngen uninstall ClientApp /debug /nologo",)),
    (
        "By version, and with the configuration it was installed with:",
        (
            'ngen uninstall "ClientApp, Version=1.0.0.0" /nologo',
            "ngen uninstall MyLib /nologo",
            "ngen uninstall MyLib /ExeConfig:ClientApp.dll /nologo",
            "ngen display /nologo",
        ),
    ),
    ("Mistakes:", ("ngen uninstall *", "ngen install vsn.exe /nologo", "ngen install ClientApp.dll /queue:4")),
)


def transcript(command: Callable[..., Outcome], folder: Path) -> str:
    """The page: every command with what it printed. ``folder`` has ClientApp.dll, MyLib.dll and their runtimeconfig."""
    parts = ["# A session\n\n<!-- Written by `NATIVEGEN_UPDATE_DOCS=1 pytest tests/ngen/test_session.py`. -->\n"]
    parts.append("\nThe examples of Microsoft's Ngen.exe page, on .NET Core 3.1; `.dll` for `.exe`, paths shortened.\n")
    for text, lines in SESSION:
        parts.append(f"\n{text}\n\n```\n")
        for line in lines:
            _, *arguments = shlex.split(line)
            outcome = command(*arguments)
            shown = (outcome.out + outcome.err).replace(str(folder), "/apps/ClientApp")
            shown = re.sub(r"Version \d+\.\d+\.\d+$", "Version 0.1.0", shown, flags=re.MULTILINE)
            parts.append(f"$ {line}\n{shown}" + (f"(exit code {outcome.code})\n" if outcome.code else ""))
        parts.append("```\n")
    return "".join(parts)
