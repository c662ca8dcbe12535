"""``update``: regenerate every image that is no longer valid, for all roots."""

from __future__ import annotations

from nativegen.cli import options
from nativegen.cli.actions.install import SOME_FAILED, report
from nativegen.cli.output import Output
from nativegen.cli.sentences import UP_TO_DATE
from nativegen.cli.switches import Parsed, Switch, Syntax, UsageError

SYNTAX = Syntax(
    (
        Switch("force", help="regenerate everything"),
        Switch("queue", help="leave it to the background worker, with priority 3"),
        options.JOBS,
        *options.REMOTE,
    ),
    arguments="[options]",
)


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.index import open_for_reading
    from nativegen.cache.location import cache_root

    output.banner()
    if parsed.flag("queue") and parsed.flag("force"):
        raise UsageError("/queue and /force exclude each other: the queue regenerates what is invalid")
    root = cache_root(explicit=parsed.value("cache"))
    index = open_for_reading(root)
    if index is None:
        output.document({"roots": []})
        output.say(UP_TO_DATE)
        return 0
    index.close()
    if parsed.flag("queue"):
        return _enqueue(root, output)
    from nativegen.cache.store import Cache
    from nativegen.cli.progress import ConsoleEvents, ProgressBar
    from nativegen.cli.shared import sharing
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.operations.update import update
    from nativegen.service.locks import MANUAL, held

    with (
        Cache(root) as cache,
        held(root, MANUAL, shared=True),
        sharing(NativeToolchain(cache.units), parsed, output) as toolchain,
        ProgressBar(output) as bar,
    ):
        updated = update(
            cache,
            toolchain,
            options.jobs(parsed),
            ConsoleEvents(output, bar),
            force=parsed.flag("force"),
        )
    for _, error in updated.unusable:
        output.warn(str(error))
    report(list(updated.roots), output)
    failed = bool(updated.unusable) or any(one.failures for one in updated.roots)
    return SOME_FAILED if failed else 0


def _enqueue(root: str, output: Output) -> int:
    from nativegen.cli.queueing import enqueue
    from nativegen.service.queue import IDLE, UPDATE

    enqueue(root, IDLE, UPDATE, output)
    return 0
