"""What an ``assemblyName | assemblyPath`` argument of ``display``, ``uninstall`` and ``why`` means (research A1 to A5).

An argument with a separator or an assembly's extension is a path and nothing else; everything else is a display name,
whole or partial, compared without regard to case. Light: used by ``display``.

>>> Query("myassembly, version=1.0.0.0").matches("/x/MyAssembly.dll", "MyAssembly, Version=1.0.0.0, Culture=neutral")
True
>>> Query("MyAssembly.exe").is_path
True
"""

from __future__ import annotations

import os

_EXTENSIONS = (".dll", ".exe", ".winmd")


class Query:
    """One argument, understood.

    Args:
        text: as the user gave it.
    """

    __slots__ = ("_wanted", "is_path", "name", "path", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_path = "/" in text or os.sep in text or text.lower().endswith(_EXTENSIONS)
        self.path = os.path.realpath(text) if self.is_path else ""
        name, *parts = (part.strip() for part in text.split(","))
        self.name = name.lower()
        # processorArchitecture is accepted and has no counterpart: ngen's help shows it.
        pairs = (_pair(part) for part in parts if part)
        self._wanted = {key: value for key, value in pairs if key != "processorarchitecture"}

    @property
    def exists(self) -> bool:
        """Whether a path names a file; True for names."""
        return not self.is_path or os.path.isfile(self.path)

    def matches(self, path: str, display_name: str) -> bool:
        """Whether an assembly of that file and display name is meant."""
        if self.is_path:
            return path == self.path
        name, *parts = (part.strip() for part in display_name.split(","))
        if name.lower() != self.name:
            return False
        given = dict(_pair(part) for part in parts)
        return all(given.get(key) == value for key, value in self._wanted.items())


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key.strip().lower(), value.strip().lower()
