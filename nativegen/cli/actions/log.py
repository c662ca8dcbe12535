"""``log A``: how native images are bound; ``log --run APP.dll [args]``: and what the runtime did with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import INVALID_FILE, NOT_FOUND, NOT_INSTALLED
from nativegen.cli.switches import Parsed, Switch, Syntax, UsageError

if TYPE_CHECKING:
    from nativegen.operations.bindinglog import Entry

SYNTAX = Syntax(
    (
        *options.SCENARIO[:2],
        Switch("run", help="run the application and add what the runtime itself says"),
        options.RUNTIME,
    ),
    positionals=(1, None),
    arguments="assemblyName | assemblyPath [options] [-- arguments of the program]",
)


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.index import open_for_reading
    from nativegen.cache.location import cache_root
    from nativegen.cache.records import scenario
    from nativegen.cache.store import Cache
    from nativegen.operations.bindinglog import binding_log
    from nativegen.operations.query import Query
    from nativegen.operations.toolchain import NativeToolchain

    target = parsed.positionals[0]
    if len(parsed.positionals) > 1 and not parsed.flag("run"):
        raise UsageError(f"unexpected argument {parsed.positionals[1]!r}: only 1 allowed without /run")
    query = Query(target)
    root = cache_root(explicit=parsed.value("cache"))
    index = open_for_reading(root)
    entries: list[Entry] = []
    if index is not None:
        index.close()
        chosen = parsed.flag("Debug") or parsed.flag("Profile") or parsed.flag("run")
        wanted = scenario(parsed.flag("Debug"), parsed.flag("Profile")) if chosen else None
        with Cache(root) as cache:
            entries = binding_log(cache, query, wanted, NativeToolchain())
    if not entries:
        output.sentence(NOT_INSTALLED if query.exists else INVALID_FILE.format(target))
        return NOT_FOUND
    exit_code = 0
    if parsed.flag("run"):
        entries, exit_code = _run(parsed, output, entries)
    output.document({"assemblies": [_as_json(entry) for entry in entries]})
    for number, entry in enumerate(entries):
        output.answer(("\n" if number else "") + "\n".join(entry.lines))
    return exit_code


def _run(parsed: Parsed, output: Output, entries: list[Entry]) -> tuple[list[Entry], int]:
    import os
    import tempfile
    from pathlib import Path

    from nativegen.cli.running import valid_images
    from nativegen.operations.bindinglog import with_runtime
    from nativegen.operations.tree import place_of
    from nativegen.operations.view import make_view, needs_view
    from nativegen.runtime.discover import runtime_for
    from nativegen.runtime.host import run_app
    from nativegen.runtime.readytorun_log import read_log

    found, cache = valid_images(parsed, output)
    view = make_view(cache, found) if needs_view(found) else None
    app = Path(found.app if view is None else view.app)
    explicit = parsed.value("runtime")
    runtime = runtime_for(app, Path(explicit) if explicit else None)
    with tempfile.TemporaryDirectory(prefix="nativegen-log-") as folder:
        ran = run_app(app, parsed.positionals[1:], runtime=runtime, log_directory=Path(folder), capture=False)
        loads = read_log(ran.log or os.path.join(folder, "r2r.log"))
    places = {}
    if view is not None:
        places = {path: os.path.join(view.folder, place_of(path, os.path.dirname(found.app))) for path in found.images}
    return with_runtime(entries, places, loads), ran.exit_code


def _as_json(entry: Entry) -> dict[str, object]:
    return {
        "path": entry.path,
        "display_name": entry.display_name,
        "bound": entry.bound,
        "log": list(entry.lines),
    }
