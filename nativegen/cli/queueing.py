"""What ``/queue`` does in every action that has it: record the command, wake the worker, say so."""

from __future__ import annotations

from nativegen.cli.output import Output


def enqueue(root: str, priority: int, command: str, output: Output) -> None:
    """Put a command of :mod:`nativegen.service.queue` into the queue of a cache; returns at once."""
    from nativegen.cache.store import Cache
    from nativegen.service import queue
    from nativegen.service.worker import start_worker

    with Cache(root) as cache:
        happened = queue.enqueue(cache.index, priority, command)
        start_worker(root, cache.index)
    words = queue.Item(0, priority, command).words
    output.say(f"{words}: {happened} (/queue:{priority})")
    output.document({"command": words, "priority": priority, "result": happened})
