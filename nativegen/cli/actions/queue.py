"""``queue pause|continue|status``."""

from __future__ import annotations

from nativegen.cli.output import Output
from nativegen.cli.sentences import SERVICE
from nativegen.cli.switches import Parsed, Syntax, UsageError

SYNTAX = Syntax(positionals=(1, 1), arguments="pause|continue|status")


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.location import cache_root

    output.banner()
    action = parsed.positionals[0].lower()
    if action not in ("pause", "continue", "status"):
        raise UsageError(f"queue takes pause, continue or status, not {parsed.positionals[0]!r}")
    root = cache_root(explicit=parsed.value("cache"))
    started = None if action == "status" else _change(root, action)
    from nativegen.service.status import status

    now = status(root)
    if started is not None and now.process is None:  # it has not said so itself yet
        now = now._replace(process=started)
    output.document(now.as_json())
    sentence = SERVICE.format(now.word)
    output.answer(sentence) if action == "status" else output.say(sentence)
    for item in now.items:
        output.detail(f"    {item.words} /queue:{item.priority}")
    return 0


def _change(root: str, action: str) -> int | None:
    """Pause or resume; the process id of a worker that was started for what is queued."""
    from nativegen.cache.store import Cache
    from nativegen.service import queue
    from nativegen.service.worker import start_worker

    with Cache(root) as cache:
        if action == "pause":
            queue.pause(cache.index)
            return None
        queue.resume(cache.index)
        return start_worker(root, cache.index) if queue.items(cache.index) else None
