"""Assembly identity: name, version, culture, public key token, and their textual form (ECMA-335 II.6.2.1.3).

>>> AssemblyIdentity("Foo", (1, 0, 0, 0)).display_name
'Foo, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null'
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_SPECIAL: Final = re.compile(r"""[\\,="']""")


def public_key_token(public_key: bytes) -> str:
    """Token of a public key: the last eight bytes of its SHA-1, reversed, in hex (II.6.2.1.3); ``null`` if empty."""
    if not public_key:
        return "null"
    return hashlib.sha1(public_key, usedforsecurity=False).digest()[:-9:-1].hex()


@dataclass(frozen=True, slots=True)
class AssemblyIdentity:
    """What a reference names. ``culture`` is empty for neutral, ``public_key_token`` 16 hex digits or ``null``."""

    name: str
    version: tuple[int, int, int, int]
    culture: str = ""
    public_key_token: str = "null"

    @property
    def display_name(self) -> str:
        """The name .NET prints and parses; special characters of the name are escaped with a backslash."""
        name = _SPECIAL.sub(lambda match: "\\" + match[0], self.name)
        version = ".".join(map(str, self.version))
        culture = self.culture or "neutral"
        return f"{name}, Version={version}, Culture={culture}, PublicKeyToken={self.public_key_token}"

    def __str__(self) -> str:
        return self.display_name
