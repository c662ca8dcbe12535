"""Helper processes that do the work of actions: each opens what it needs once and serves many actions.

What: :class:`HelperPool` runs :mod:`nativegen.scons.helper` and talks to it in lines of JSON. An action takes an idle
helper or starts one, so there are never more than actions at a time, which is SCons' ``-j``.

Why here: starting Python and importing the compiler for every image costs half a second; with hundreds of images that
would be a quarter of a clean build. SCons' own process stays free of the compiler.

Invariants: a helper that dies fails the action it was working for and no other; helpers end with SCons, also when SCons
is killed, because their input ends.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any


class HelperError(RuntimeError):
    """The action failed; the message is for the user."""


class HelperPool:
    """Helper processes of one build; none until the first action needs one."""

    def __init__(self) -> None:
        self._idle: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()

    def call(self, operation: str, on_progress: Callable[[str], None] | None = None, **arguments: Any) -> Any:
        """Run one operation of :mod:`nativegen.scons.helper`.

        Args:
            on_progress: told lines about long work.

        Raises:
            HelperError: it failed, or the helper died.
        """
        helper = self._take()
        try:
            answer = _ask(helper, {"operation": operation, **arguments}, on_progress)
        except (OSError, ValueError):
            helper.kill()
            raise HelperError(f"nativegen: the helper process ended (exit code {helper.wait()})") from None
        except BaseException:
            helper.kill()
            raise
        with self._lock:
            self._idle.append(helper)
        if "error" in answer:
            raise HelperError(answer["error"])
        return answer["result"]

    def _take(self) -> subprocess.Popen[str]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if not hasattr(self, "_registered"):
                self._registered = True
                atexit.register(self.close)
        return subprocess.Popen(
            [sys.executable, "-m", "nativegen.scons.helper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=package_environment(),
            text=True,
        )

    def close(self) -> None:
        """End the idle helpers."""
        with self._lock:
            helpers, self._idle = self._idle, []
        for helper in helpers:
            with contextlib.suppress(OSError):
                assert helper.stdin is not None
                helper.stdin.close()
        for helper in helpers:
            helper.wait()


def _ask(helper: subprocess.Popen[str], request: Any, on_progress: Callable[[str], None] | None) -> Any:
    assert helper.stdin is not None and helper.stdout is not None
    helper.stdin.write(json.dumps(request) + "\n")
    helper.stdin.flush()
    while True:
        answer = json.loads(helper.stdout.readline())
        if "progress" not in answer:
            return answer
        if on_progress is not None:
            on_progress(answer["progress"])


def package_environment() -> dict[str, str]:
    """This process's environment with the package importable."""
    import nativegen

    root = os.path.dirname(os.path.dirname(os.path.abspath(nativegen.__file__)))
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": root if not path else root + os.pathsep + path}
