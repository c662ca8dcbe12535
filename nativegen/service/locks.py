"""Who does what right now, told by file locks: the kernel frees them when a process dies, however it dies.

* ``service.lock``: held by the background worker for its life; the file contains its process id, which after a crash or
  a reboot is stale and is never believed without the lock.
* ``queue.lock``: held while one queued item is worked on, by the worker or by ``executeQueuedItems``.
* ``manual.lock``: held, shared, by ``install`` and ``update`` that a user waits for; the worker gives way.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator

SERVICE, QUEUE, MANUAL = "service.lock", "queue.lock", "manual.lock"
_POLL_SECONDS = 0.05


@contextlib.contextmanager
def held(root: str, name: str, shared: bool = False, seconds: float | None = None) -> Iterator[bool]:
    """Hold a lock of the cache; yields whether it was got.

    Args:
        seconds: how long to wait for it; None: until it is free.

    Raises:
        NativegenError: NGEN4001, NGEN4007: the lock's file cannot be made.
    """
    try:
        descriptor = os.open(os.path.join(root, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        from nativegen.diagnostics import NativegenError  # not for `queue status`, which must start at once

        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NativegenError("NGEN4007", root) from error
        raise NativegenError("NGEN4001", root, detail=error.strerror or str(error)) from error
    try:
        yield _lock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, seconds)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, seconds: float | None) -> bool:
    if seconds is None:
        fcntl.flock(descriptor, kind)
        return True
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)


def is_held(root: str, name: str) -> bool:
    """Whether some process holds a lock now."""
    if not os.path.exists(os.path.join(root, name)):
        return False
    # Shared suffices to find an exclusive holder, and two that ask at once do not see each other.
    with held(root, name, shared=name != MANUAL, seconds=0) as got:
        return not got


def write_owner(root: str) -> None:
    """Write this process's id into the service's lock file; call while holding it."""
    with open(os.path.join(root, SERVICE), "w", encoding="ascii") as file:
        file.write(str(os.getpid()))


def owner(root: str) -> int | None:
    """Process id of the background worker, or None when there is none."""
    if not is_held(root, SERVICE):
        return None
    with open(os.path.join(root, SERVICE), encoding="ascii") as file:
        text = file.read()
    return int(text) if text.isdigit() else None
