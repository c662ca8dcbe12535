"""The beginning of the unit store's files: eight bytes that name the kind, a checksum of what follows.

>>> data = b"".join(sealed(b"ngsample", [b"some ", b"content"]))
>>> bytes(unsealed(data, b"ngsample"))
b'some content'
"""

from __future__ import annotations

from collections.abc import Sequence

import xxhash

#: Bytes of the name and the checksum.
SEAL_SIZE = 16


def sealed(magic: bytes, parts: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """The parts behind their name, of eight bytes, and their checksum."""
    checksum = xxhash.xxh3_64()
    for part in parts:
        checksum.update(part)
    return [magic, checksum.intdigest().to_bytes(8, "little"), *parts]


def unsealed(data: bytes | memoryview, magic: bytes) -> memoryview:
    """What follows the checksum.

    Raises:
        ValueError: another kind of file, or a damaged one.
    """
    view = memoryview(data)
    if len(view) < SEAL_SIZE or view[:8] != magic:
        raise ValueError("another kind of file")
    content = view[SEAL_SIZE:]
    if xxhash.xxh3_64_intdigest(content) != int.from_bytes(view[8:SEAL_SIZE], "little"):
        raise ValueError("wrong checksum")
    return content
