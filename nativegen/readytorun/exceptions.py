"""ExceptionInfo (104): the native exception clauses of methods that have any.

A table of {method start RVA, clauses RVA} sorted by method, closed by a sentinel {0xFFFFFFFF, end of clauses}; the
clauses of a method reach to those of the next entry. Offsets in a clause count from the method's start.

>>> clause = Clause(ClauseFlags.FINALLY, 4, 9, 16, 24, 0)
>>> table, clauses = encode_exception_info([(0x5000, [clause])], 0x9000, 0x9010)
>>> decode_exception_info(bytes(0x9000) + table + clauses, 0x9000, len(table))[0x5000] == (clause,)
True
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from nativegen.readytorun.enums import ClauseFlags
from nativegen.readytorun.structs import EXCEPTION_CLAUSE, EXCEPTION_LOOKUP

_SENTINEL = 0xFFFF_FFFF


class Clause(NamedTuple):
    """READYTORUN_EXCEPTION_CLAUSE: offsets from the method's start; a type token or the filter's offset."""

    flags: ClauseFlags
    try_begin: int
    try_end: int
    handler_begin: int
    handler_end: int
    token_or_filter: int


def lookup_table_size(method_count: int) -> int:
    """Bytes of the lookup table for so many methods with clauses."""
    return EXCEPTION_LOOKUP.size * (method_count + 1)


def encode_exception_info(
    methods: Sequence[tuple[int, Sequence[Clause]]], table_rva: int, clauses_rva: int
) -> tuple[bytes, bytes]:
    """(section 104, the clauses that it points to) for (method start RVA, clauses) in ascending order.

    Args:
        table_rva: where the table will be; only checked for alignment.
        clauses_rva: where the clauses will be.
    """
    assert table_rva % 4 == 0 and clauses_rva % 4 == 0
    encoded = [b"".join([EXCEPTION_CLAUSE.pack(*clause) for clause in clauses]) for _, clauses in methods]
    sizes = [(rva, len(clauses)) for (rva, _), clauses in zip(methods, encoded, strict=True)]
    return encode_lookup_table(sizes, clauses_rva), b"".join(encoded)


def encode_lookup_table(methods: Sequence[tuple[int, int]], clauses_rva: int) -> bytes:
    """Section 104 for (method start RVA, bytes of its clauses) in ascending order."""
    table = bytearray()
    for method_rva, size in methods:
        table += EXCEPTION_LOOKUP.pack(method_rva, clauses_rva)
        clauses_rva += size
    return bytes(table + EXCEPTION_LOOKUP.pack(_SENTINEL, clauses_rva))


def decode_exception_info(data: bytes | memoryview, offset: int, size: int) -> dict[int, tuple[Clause, ...]]:
    """Clauses by method start RVA; ``data`` is the mapped image, so that RVAs are offsets.

    Raises:
        ValueError: no sentinel, or unsorted.
    """
    rows = list(EXCEPTION_LOOKUP.iter_unpack(memoryview(data)[offset : offset + size]))
    if not rows or rows[-1][0] != _SENTINEL:
        raise ValueError("the exception lookup table has no sentinel")
    result: dict[int, tuple[Clause, ...]] = {}
    for (method, begin), (following, end) in itertools.pairwise(rows):
        if method >= following or (end - begin) % EXCEPTION_CLAUSE.size:
            raise ValueError(f"bad exception lookup entry for method {method:#x}")
        result[method] = tuple(
            Clause(ClauseFlags(fields[0]), *fields[1:])
            for fields in EXCEPTION_CLAUSE.iter_unpack(memoryview(data)[begin:end])
        )
    return result
