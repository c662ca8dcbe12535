"""``executeQueuedItems [1|2|3]``, ``eqi``: work on the queue in this process and wait for it."""

from __future__ import annotations

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import UP_TO_DATE
from nativegen.cli.switches import Parsed, Syntax, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nativegen.service.execute import Executed

SYNTAX = Syntax((options.JOBS,), positionals=(0, 1), arguments="[1|2|3] [options]")
SOME_FAILED = 1


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.index import open_for_reading
    from nativegen.cache.location import cache_root

    output.banner()
    text = parsed.positionals[0] if parsed.positionals else "3"
    if text not in ("1", "2", "3"):
        raise UsageError(f"the priority is 1, 2 or 3, not {text!r}")
    root = cache_root(explicit=parsed.value("cache"))
    index = open_for_reading(root)
    done = []
    if index is not None:
        index.close()
        done = _execute(root, int(text), parsed, output)
    if not any(e.errors or any(one.compiled for one in e.installed) for e in done):
        output.say(UP_TO_DATE)
    output.document({"items": [{"command": e.item.words, "errors": [str(error) for error in e.errors]} for e in done]})
    return SOME_FAILED if any(executed.errors for executed in done) else 0


def _execute(root: str, greatest: int, parsed: Parsed, output: Output) -> list[Executed]:
    from nativegen.cache.store import Cache
    from nativegen.cli.progress import ConsoleEvents, ProgressBar
    from nativegen.cli.shared import sharing
    from nativegen.operations.toolchain import NativeToolchain
    from nativegen.service.execute import execute_next
    from nativegen.service.log import Log

    done = []
    with (
        Cache(root) as cache,
        sharing(NativeToolchain(cache.units), parsed, output) as toolchain,
        ProgressBar(output) as bar,
    ):
        jobs, log, events = options.jobs(parsed), Log(root), ConsoleEvents(output, bar)
        while (executed := execute_next(cache, toolchain, jobs, log, events, greatest)) is not None:
            done.append(executed)
            failed = {id(error) for one in executed.installed for _, error in one.failures}
            for error in executed.errors:
                if id(error) not in failed:  # those were printed when they happened
                    output.warn(str(error))
    return done
