"""What all environments of one build share: the job budget, the table of assemblies, the helper processes, progress.

It lives on SCons' file system object, of which a build has exactly one, so that environments, their clones and variant
directories find the same session and nothing is global to a Python process.

>>> session_of(env) is session_of(env.Clone())                       # doctest: +SKIP
True
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from nativegen.scons.assemblies import AssemblyTable
from nativegen.scons.helpers import HelperPool
from nativegen.scons.jobs import JobBudget

_ATTRIBUTE = "nativegen_session"


class Session:
    """See the module docstring.

    Args:
        table: path of the file that remembers what assemblies refer to.
        jobs: asks for SCons' ``num_jobs``, which a SConstruct may still change while it is being read.
    """

    def __init__(self, table: str, jobs: Callable[[], int]) -> None:
        self.assemblies = AssemblyTable(table)
        self.budget = JobBudget(jobs)
        self.helpers = HelperPool()
        self.frameworks: dict[tuple[str, ...], Any] = {}  # folders -> node of their summary
        self.images = 0
        self._made = 0
        self._lock = threading.Lock()

    def finished(self, text: str) -> None:
        """Prints a line about an image that was made, with its number."""
        with self._lock:
            self._made += 1
            sys.stdout.write(f"nativegen: [{self._made}/{self.images}] {text}\n")
            sys.stdout.flush()


def session_of(env: Any) -> Session:
    """The build's session, made on first demand."""
    found: Session | None = getattr(env.fs, _ATTRIBUTE, None)
    if found is None:
        import SCons.Script

        found = Session(
            env.fs.File("#.sconsign.nativegen").get_abspath(), lambda: int(SCons.Script.GetOption("num_jobs"))
        )
        setattr(env.fs, _ATTRIBUTE, found)
    return found


def is_explaining() -> bool:
    """Whether ``--debug=explain`` was given."""
    import SCons.Script

    return bool(SCons.Script.GetOption("debug_explain"))
