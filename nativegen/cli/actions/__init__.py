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
    "run": ("run", "run an application with its valid native images"),
    "publish": ("publish", "write an application's folder with native images in place of IL"),
    "verify": ("verify", "check native images; --live lets the runtime itself confirm them"),
    "why": ("why", "say in words what changed since an assembly was compiled"),
    "trace": ("trace", "run an application and list the methods that ran native and those that were jitted"),
    "compile": ("compile", "make images without the cache: what build systems call"),
    "dump": ("dump", "a native image in readable form"),
    "cache": ("cache", "stats, path or rebuild"),
    "runtimes": ("runtimes", "the .NET runtimes that can be found"),
}
"""name -> (module, summary), in the order of the help."""
