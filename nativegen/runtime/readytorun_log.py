"""Which native images a run used: reads the files that ``ReadyToRunLogFile`` makes the runtime write.

Why here: this log is the only place where the runtime says that it *ignored* an image and why; release builds of 3.1
and 9.0 both write it, one file ``<prefix>.<process id>`` per process, one line per module::

    Ready to Run initialized successfully: "/app/Core.dll".
    Ready to Run disabled - unsupported header version: "/app/Old.dll".
    Ready to Run header not found: "/app/Plain.dll".

>>> [(load.path, load.accepted) for load in read_log("r2r.log.4711")]
[('/app/Core.dll', True), ('/app/Old.dll', False), ('/app/Plain.dll', False)]
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from nativegen.diagnostics import NativegenError

_LINE = re.compile(r'(Ready to Run .*?): "(.*)"\.?$')

_ACCEPTED = "Ready to Run initialized successfully"
# A module without any image: nothing was rejected. 3.1 says so in both ways.
_NO_IMAGE = frozenset({"Ready to Run header not found", "Ready to Run disabled - no loaded IL image"})


@dataclass(frozen=True, slots=True)
class ImageLoad:
    """What the runtime said of one module; ``message`` are its own words."""

    path: str
    message: str

    @property
    def accepted(self) -> bool:
        """The module's native code is in use."""
        return self.message == _ACCEPTED

    @property
    def rejected(self) -> bool:
        """The module has native code, and the runtime ignores it."""
        return not self.accepted and self.message not in _NO_IMAGE


def read_log(path: str | os.PathLike[str]) -> list[ImageLoad]:
    """Read one process's log. Lines of other kinds are skipped.

    Raises:
        NativegenError: NGEN6007 when there is no log: the runtime did not start, or predates the setting.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            matches = [_LINE.match(line.rstrip("\n")) for line in file]
    except FileNotFoundError:
        raise NativegenError("NGEN6007", path) from None
    return [ImageLoad(match[2], match[1]) for match in matches if match]
