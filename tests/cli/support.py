"""Run the command line in this process and look at what it printed."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

from nativegen.cli.main import main


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def nativegen(*arguments: object) -> Outcome:
    """``nativegen ARGUMENTS``."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Outcome(code, out.getvalue(), err.getvalue())
