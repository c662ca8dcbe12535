"""Profiles: which methods a run of a program used, as a text file that belongs in version control.

One section per assembly, one line per method (:mod:`nativegen.pipeline.method_names`), everything sorted, so that equal
sets give equal files and a difference reads well. ``#`` begins a comment line.

>>> text = "# nativegen profile 1\\n[App]\\nProgram::Main void ()\\n"
>>> Profile.parse(text).dump() == text
True
>>> Profile.parse(text).merged(Profile({"Core": ("N.C::M void ()",)})).count
2
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from nativegen.diagnostics import NativegenError

_HEADER = "# nativegen profile 1"


@dataclass(frozen=True, slots=True)
class Profile:
    """``methods``: simple name of an assembly -> lines, sorted, no line twice."""

    methods: Mapping[str, tuple[str, ...]]

    @property
    def count(self) -> int:
        """Number of methods."""
        return sum(len(lines) for lines in self.methods.values())

    def merged(self, other: Profile) -> Profile:
        """What either of the two names."""
        names = sorted({*self.methods, *other.methods})
        both = {name: {*self.methods.get(name, ()), *other.methods.get(name, ())} for name in names}
        return Profile({name: tuple(sorted(lines)) for name, lines in both.items()})

    def dump(self) -> str:
        """The text of the file."""
        lines = [_HEADER]
        for name in sorted(self.methods):
            lines += [f"[{name}]", *sorted(self.methods[name])]
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str, path: str | None = None) -> Profile:
        """A profile from its text; order and repetition do not matter.

        Raises:
            NativegenError: NGEN3108.
        """
        if text.partition("\n")[0].rstrip() != _HEADER:
            raise NativegenError("NGEN3108", path, detail=f"its first line is not '{_HEADER}'")
        sections: dict[str, set[str]] = {}
        section: set[str] | None = None
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("[") and line.endswith("]"):
                section = sections.setdefault(line[1:-1], set())
            elif section is None or "::" not in line:
                raise NativegenError("NGEN3108", path, detail=f"line {number} is neither [Assembly] nor a method")
            else:
                section.add(line)
        return cls({name: tuple(sorted(lines)) for name, lines in sorted(sections.items())})

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Profile:
        """A profile from its file.

        Raises:
            NativegenError: NGEN3108, it cannot be read or is malformed.
        """
        try:
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise NativegenError("NGEN3108", path, detail=reason) from error
        return cls.parse(text, os.fspath(path))
