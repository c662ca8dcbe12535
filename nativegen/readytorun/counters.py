"""Entry counters of /Profile images: a table in the image's writable data that compiled code counts in.

Each method adds one to a number of its own when it is entered. The runtime knows nothing of this; whoever can read the
memory of a process that runs the image can read the table there (:mod:`nativegen.operations.entry_counts`).

Form: 16 bytes that mark the table, the number of counters and a word of zeros; per counter its value (64 bits) and the
RVA of the method's code.

>>> table = encode_counters([0x3000])
>>> decode_counters(bytes(64) + table)
(64, [Counter(value=0, code=12288)])
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

COUNTER_SIZE = 16
_MARK = b"nativegen counts"
_HEADER = struct.Struct("<16sQQ")
_COUNTER = struct.Struct("<QQ")
HEADER_SIZE = _HEADER.size


class Counter(NamedTuple):
    """``code``: RVA of the method that it belongs to."""

    value: int
    code: int


def encode_counters(codes: Sequence[int]) -> bytes:
    """The table as it is in the image file."""
    return _HEADER.pack(_MARK, len(codes), 0) + b"".join([_COUNTER.pack(0, code) for code in codes])


def decode_counters(data: bytes) -> tuple[int, list[Counter]] | None:
    """Where the table is in ``data``, and what it says; None: there is none.

    Raises:
        ValueError: it does not end where it should.
    """
    at = data.find(_MARK)
    if at < 0:
        return None
    if at + HEADER_SIZE > len(data):
        raise ValueError("truncated table of counters")
    _, count, _ = _HEADER.unpack_from(data, at)
    first = at + HEADER_SIZE
    if count * COUNTER_SIZE > len(data) - first:
        raise ValueError("truncated table of counters")
    return at, [Counter(*_COUNTER.unpack_from(data, first + COUNTER_SIZE * number)) for number in range(count)]
