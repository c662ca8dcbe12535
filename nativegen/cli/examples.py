"""Examples of every action, for ``help ACTION`` and docs/commands.md; a test parses each of them.

>>> of("eqi")[0]
('nativegen eqi', 'everything that is queued, now')
"""

from __future__ import annotations

Example = tuple[str, str]
"""A command line, and what it does."""

_EXECUTE: tuple[Example, ...] = (
    ("nativegen executeQueuedItems", "everything that is queued, now"),
    ("nativegen executeQueuedItems 2", "only priorities 1 and 2"),
)
EXAMPLES: dict[str, tuple[Example, ...]] = {
    "install": (
        ("nativegen install App.dll", "the application and everything that it refers to"),
        ("nativegen install MyLib.dll /ExeConfig:App.dll", "a component that App loads by name, bound as App binds"),
        ("nativegen install App.dll /Debug", "a set of its own: unoptimised, with variables, for a debugger"),
        ("nativegen install App.dll /Profile", "a set of its own: with a map and entry counts, for profiling"),
        ("nativegen install App.dll /queue:1", "by the background worker; the command returns at once"),
        ('nativegen install "MyLib, Version=2.0.0.0"', "by name, from the cache or the shared framework"),
    ),
    "uninstall": (
        ("nativegen uninstall App.dll", "all scenarios; dependencies go when nobody needs them any more"),
        ("nativegen uninstall App /Debug", "only the set for debuggers"),
        ('nativegen uninstall "App, Version=1.0.0.0"', "only that version"),
        ("nativegen uninstall MyLib /ExeConfig:App.dll", "what was installed with /ExeConfig, with the same option"),
    ),
    "update": (
        ("nativegen update", "after servicing: everything that is invalid, for all roots"),
        ("nativegen update /queue", "the same when the machine is idle: what an installer ends with"),
        ("nativegen update /force", "everything, valid or not"),
    ),
    "display": (
        ("nativegen display", "all roots, then all images"),
        ("nativegen display MyLib", "what depends on MyLib: what an update will reach"),
        ("nativegen display App.dll /verbose", "with sizes, bases, modes, and whether each image is valid"),
    ),
    "executeQueuedItems": _EXECUTE,
    "eqi": tuple((line.replace("executeQueuedItems", "eqi"), text) for line, text in _EXECUTE),
    "queue": (
        ("nativegen queue pause", "before copying files: the worker takes nothing new"),
        ("nativegen queue continue", "afterwards: it goes on"),
        ("nativegen queue status", "whether it runs"),
    ),
    "service": (
        ("nativegen service status --json", "what runs now, how far it is, and what is queued"),
        ("nativegen service task /silent", "from cron or a timer: queued work and updates while the machine is idle"),
    ),
    "run": (
        ("nativegen run App.dll --port 80", "with its valid images; everything behind App.dll is the program's"),
        ("nativegen run --debug App.dll", "with the set for debuggers; without one: jitted, and it says so"),
    ),
    "publish": (
        ("nativegen publish App.dll out", "a folder that needs neither the cache nor nativegen"),
        ("nativegen publish --partial app.profile App.dll out", "only the methods that a profile names have code"),
        ("nativegen publish --startup app.startup App.dll out", "a second thread makes ready what a start uses"),
    ),
    "deploy": (
        ("nativegen deploy App.dll", "from now on the runtime picks the images up by itself"),
        ("nativegen deploy App.dll --undo", "the IL back"),
    ),
    "verify": (
        ("nativegen verify", "every image of the cache"),
        ("nativegen verify out --live", "the images of a folder, and the runtime's own word on each method"),
        ("nativegen verify out --format junit", "for a build server"),
    ),
    "why": (("nativegen why App.dll", "which images are not valid, and what changed, in words"),),
    "trace": (
        ("nativegen trace App.dll", "what ran native, what was jitted, and why"),
        ("nativegen trace --filter ns2.C0::* --state jitted App.dll", "jitted methods of one class"),
        ("nativegen trace -o app.profile App.dll --help", "a profile for --partial"),
        ("nativegen trace -o app.startup App.dll --help", "a recording of the start for publish --startup"),
        ("nativegen trace --profile App.dll", "with how often each method of the /Profile images was entered"),
    ),
    "log": (
        ("nativegen log App.dll", "how each assembly is bound to its image, or why not"),
        ("nativegen log App.dll --run -- argument", "and what the runtime said when the program ran"),
    ),
    "compile": (
        ("nativegen compile App.dll -o native/App.dll -r libs", "one image, for the runtime that App asks for"),
        ("nativegen compile App.dll Core.dll -o out --target 9.0 --guarded", "several, into a folder"),
    ),
    "dump": (("nativegen dump native/App.dll", "header, sections, methods and fixups"),),
    "cache": (
        ("nativegen cache stats", "how much there is, and how often it was used again"),
        ("nativegen cache trim --max-size 2G --older-than 30d", "give space back; every root stays valid"),
        ("nativegen cache rebuild", "a new index from the images, when the old one is damaged"),
    ),
    "runtimes": (("nativegen runtimes", "the runtimes that can be found, and the target of each"),),
}


def of(action: str) -> tuple[Example, ...]:
    """The examples of an action, the simplest first."""
    return EXAMPLES[action]
