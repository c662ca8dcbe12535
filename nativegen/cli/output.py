"""What a command prints, and where.

Answers, ngen's own sentences and messages of success go to standard output, as with ngen; nativegen's diagnostics
(``error NGEN...``) and warnings go to standard error. ``/silent`` drops messages of success, ``/nologo`` only the
banner, ``--json`` replaces everything on standard output by one JSON document.

>>> import io
>>> out = io.StringIO()
>>> Output(silent=True, stdout=out).say("done")
>>> out.getvalue()
''
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from nativegen.cli.switches import Parsed
    from nativegen.diagnostics import NativegenError


class Output:
    """The streams of one command.

    Args:
        silent, verbose, json, nologo: the global switches.
    """

    __slots__ = ("json", "nologo", "silent", "stderr", "stdout", "verbose")

    def __init__(
        self,
        silent: bool = False,
        verbose: bool = False,
        json: bool = False,
        nologo: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.silent, self.verbose, self.json, self.nologo = silent, verbose, json, nologo
        self.stdout = sys.stdout if stdout is None else stdout
        self.stderr = sys.stderr if stderr is None else stderr

    @classmethod
    def of(cls, parsed: Parsed) -> Output:
        """The output that the global switches ask for."""
        return cls(parsed.flag("silent"), parsed.flag("verbose"), parsed.flag("json"), parsed.flag("nologo"))

    def banner(self) -> None:
        """Two lines and an empty one, as ngen prints them; not with ``/nologo``, ``/silent`` or ``--json``."""
        if not (self.nologo or self.silent or self.json):
            from nativegen import __version__

            self._print(f"nativegen Native Image Generator - Version {__version__}")
            self._print("Native images for an unmodified CoreCLR. MIT License.")
            self._print("")

    def say(self, text: str) -> None:
        """A message of success."""
        if not (self.silent or self.json):
            self._print(text)

    def detail(self, text: str) -> None:
        """Printed with ``/verbose`` only."""
        if self.verbose and not self.json:
            self._print(text)

    def answer(self, text: str) -> None:
        """What the user asked for: ``/silent`` does not drop it."""
        if not self.json:
            self._print(text)

    def sentence(self, text: str) -> None:
        """An error in ngen's own words: on standard output, where scripts look for it, unless JSON goes there."""
        if self.json:
            self.warn(text)
        else:
            self._print(text)

    def warning(self, error: NativegenError) -> None:
        """A mistake that does not end the command."""
        self.warn(str(error).replace(": error ", ": warning ", 1))

    def warn(self, text: str) -> None:
        """An error or a warning."""
        print(text, file=self.stderr)

    def document(self, value: object) -> None:
        """The JSON document of a command with ``--json``."""
        if self.json:
            import json

            self._print(json.dumps(value, indent=1))

    def _print(self, text: str) -> None:
        print(text, file=self.stdout, flush=True)
