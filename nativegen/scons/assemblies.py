"""What assemblies refer to, found by content signature, so that a null build opens none of them.

What: simple name, references and kind of every assembly that a build met, in one small JSON file beside SCons' own
database. An entry is found by the content's xxh3-128, so it can be missing but never stale.

Why here: which contracts an image depends on follows from reference tables. Opening hundreds of assemblies takes longer
than all the rest of a null build.

>>> table = AssemblyTable(".sconsign.nativegen")                      # doctest: +SKIP
>>> table.look("xxh3:5d1c...", "bin/App.dll").references             # doctest: +SKIP
('Core', 'System.Runtime')
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import threading
from typing import NamedTuple

from nativegen.diagnostics import NativegenError

_VERSION = 1


class Known(NamedTuple):
    """Simple name; simple names of the references, in order; ``image``, ``facade``, ``native`` or ``other``."""

    name: str
    references: tuple[str, ...]
    kind: str


#: What cannot be read has no references; compiling it will say why.
UNREADABLE = Known("", (), "other")


class AssemblyTable:
    """See the module docstring.

    Args:
        path: the file; it need not exist, and a damaged one counts as missing.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self._is_changed = False
        self._known: dict[str, Known] = {}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            with open(path, encoding="utf-8") as stream:
                document = json.load(stream)
            if document["version"] == _VERSION:
                self._known = {key: Known(each[0], tuple(each[1]), each[2]) for key, each in document["known"].items()}
        atexit.register(self._save)

    def look(self, signature: str, path: str) -> Known:
        """What is known about the assembly with this content, which is at ``path``."""
        found = self._known.get(signature)
        if found is None:
            found = _read(path)
            with self._lock:
                self._known[signature] = found
                self._is_changed = True
        self._used.add(signature)
        return found

    def _save(self) -> None:
        """Written when something is new; what this build did not meet is dropped then."""
        import SCons.Script

        if not self._is_changed or SCons.Script.GetOption("no_exec"):
            return
        document = {"version": _VERSION, "known": {key: self._known[key] for key in sorted(self._used)}}
        temporary = f"{self._path}.{os.getpid()}.tmp"
        with contextlib.suppress(OSError):
            with open(temporary, "w", encoding="utf-8") as stream:
                json.dump(document, stream, separators=(",", ":"))
            os.replace(temporary, self._path)


def _read(path: str) -> Known:
    from nativegen.metadata import Assembly

    try:
        assembly = Assembly.open(path)
        names = tuple(reference.name for reference in assembly.assembly_refs)
        if assembly.is_ready_to_run or not assembly.is_il_only:
            kind = "native"
        else:
            kind = "facade" if assembly.is_facade else "image"
        return Known(assembly.name, names, kind)
    except NativegenError:
        return UNREADABLE
