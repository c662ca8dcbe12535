"""``service status|task``: the background worker."""

from __future__ import annotations

from nativegen.cli import options
from nativegen.cli.output import Output
from nativegen.cli.sentences import SERVICE
from nativegen.cli.switches import Parsed, Syntax, UsageError

SYNTAX = Syntax((options.JOBS,), positionals=(1, 1), arguments="status|task [options]")


def run(parsed: Parsed, output: Output) -> int:
    from nativegen.cache.location import cache_root

    root = cache_root(explicit=parsed.value("cache"))
    action = parsed.positionals[0].lower()
    if action == "status":
        return _status(root, output)
    if action == "task":
        return _task(root, options.jobs(parsed), output)
    raise UsageError(f"service takes status or task, not {parsed.positionals[0]!r}")


def _status(root: str, output: Output) -> int:
    from nativegen.service.status import status

    now = status(root)
    output.document(now.as_json())
    output.answer(SERVICE.format(now.word))
    if now.process is not None:
        output.answer(f"process   {now.process}")
    if now.current is not None:
        output.answer(f"working   {now.current.words}" + (f": {now.progress}" if now.progress else ""))
    output.answer(f"queued    {len(now.items)}")
    for item in now.items:
        output.answer(f"    {item.words} /queue:{item.priority}")
    return 0


def _task(root: str, jobs: int, output: Output) -> int:
    import os

    from nativegen.service.idle import system_probe
    from nativegen.service.sharing import worker_toolchain
    from nativegen.service.worker import work

    with worker_toolchain(root, os.environ) as toolchain:
        done = work(root, toolchain, jobs, system_probe(os.environ), as_task=True)
    output.say(f"{done} queued items done.")
    output.document({"done": done})
    return 0
