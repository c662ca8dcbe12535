"""``log/ngen.log`` in the cache, in ngen.log's form: ``MM/DD/YYYY hh:mm:ss.mmm [pid]: message``."""

from __future__ import annotations

import contextlib
import datetime
import os

LIMIT_BYTES = 4 << 20


class Log:
    """Appends lines; several processes may. A file over the limit is kept once, as ``ngen.log.old``.

    A log that cannot be written stops no work: its lines are lost.

    Args:
        root: the cache folder.
    """

    def __init__(self, root: str) -> None:
        self.path = os.path.join(root, "log", "ngen.log")
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            if os.path.exists(self.path) and os.path.getsize(self.path) > LIMIT_BYTES:
                os.replace(self.path, self.path + ".old")

    def write(self, message: str) -> None:
        """One line: a single write to a file in append mode, so lines of different processes do not mix."""
        now = datetime.datetime.now()
        stamp = f"{now:%m/%d/%Y %H:%M:%S}.{now.microsecond // 1000:03}"
        line = f"{stamp} [{os.getpid()}]: {message.replace(chr(10), ' ')}\n"
        with contextlib.suppress(OSError), open(self.path, "ab", buffering=0) as file:
            file.write(line.encode("utf-8", "replace"))
