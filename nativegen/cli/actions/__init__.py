"""The actions of the command line, one module each.

A module has ``SYNTAX`` (a :class:`~nativegen.cli.switches.Syntax`) and ``run(parsed, output) -> int`` (the exit code).
It parses, calls one function of the library and prints; logic lives in the library. Modules import the library inside
``run``, so that ``help`` and ``cache path`` start at once.
"""

from __future__ import annotations

ACTIONS: dict[str, tuple[str, str]] = {
    "install": ("install", "compile an assembly and its dependencies into the native image cache"),
    "uninstall": ("uninstall", "remove an assembly's native images, and dependencies nobody else needs"),
    "update": ("update", "regenerate every native image that is no longer valid"),
    "display": ("display", "show roots and native images"),
    "executeQueuedItems": ("execute", "work on everything queued, now, and wait for it"),
    "eqi": ("execute", "short for executeQueuedItems"),
    "queue": ("queue", "pause or continue the background worker, or show what it does"),
    "service": ("service", "the background worker: its state, or its work as a scheduled task"),
    "run": ("run", "run an application with its valid native images"),
    "publish": ("publish", "write an application's folder with native images in place of IL"),
    "deploy": ("deploy", "put native images in place of the IL in the application's own folder, or the IL back"),
    "verify": ("verify", "check native images; --live lets the runtime itself confirm them"),
    "why": ("why", "say in words what changed since an assembly was compiled"),
    "trace": ("trace", "run an application and list the methods that ran native and those that were jitted"),
    "log": ("log", "how native images are bound, and why one is not used"),
    "compile": ("compile", "make images without the cache: what build systems call"),
    "dump": ("dump", "a native image in readable form"),
    "cache": ("cache", "path, stats, rebuild or trim"),
    "runtimes": ("runtimes", "the .NET runtimes that can be found"),
}
"""name -> (module, summary), in the order of the help."""


def find_action(name: str) -> str | None:
    """The name of an action as the table has it, whatever its case.

    >>> find_action("EQI"), find_action("nonsense")
    ('eqi', None)
    """
    wanted = name.lower()
    return next((known for known in ACTIONS if known.lower() == wanted), None)
