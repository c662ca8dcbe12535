"""Method bodies: tiny and fat headers, exception handling sections (ECMA-335 II.25.4).

Invariant: the code and every exception clause's ranges lie inside the body; :func:`parse_body` checks them once so
that the compiler needs no bounds checks of its own.

>>> parse_body(bytes([0x06, 0x2A])).code     # tiny header, one byte of code: ret
b'*'
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from nativegen.diagnostics import NativegenError
from nativegen.metadata.pe import Buffer, Section
from nativegen.metadata.tables import Table

#: Flags and size, deepest stack, bytes of code, signature of the locals (II.25.4.3).
FAT_HEADER: Final = struct.Struct("<HHII")
_SMALL_CLAUSE: Final = struct.Struct("<HHBHBI")
_FAT_CLAUSE: Final = struct.Struct("<IIIIII")

# Flags of a method header (II.25.4.1, II.25.4.4). The two low bits say tiny, three of them fat.
TINY_FORMAT: Final = 0x2
FAT_FORMAT: Final = 0x3
MORE_SECTIONS: Final = 0x8
INIT_LOCALS: Final = 0x10

# Flags of a data section behind the code (II.25.4.5).
_SECTION_KIND_MASK: Final = 0x3F
SECTION_EH_TABLE: Final = 0x01
SECTION_FAT: Final = 0x40
_SECTION_MORE: Final = 0x80


class ClauseKind:
    """Kinds of exception clause (II.25.4.6)."""

    EXCEPTION: Final = 0
    FILTER: Final = 1
    FINALLY: Final = 2
    FAULT: Final = 4


class ExceptionClause(NamedTuple):
    """One clause; offsets and lengths in bytes of code.

    ``class_token_or_filter_offset`` is the caught type's token for ``EXCEPTION``, the filter's offset for ``FILTER``.
    """

    kind: int
    try_offset: int
    try_length: int
    handler_offset: int
    handler_length: int
    class_token_or_filter_offset: int


class MethodBody(NamedTuple):
    """A decoded body. ``local_sig_token`` is 0 without locals; a tiny header means ``max_stack`` 8."""

    max_stack: int
    init_locals: bool
    local_sig_token: int
    code: bytes
    exception_clauses: tuple[ExceptionClause, ...]


def parse_body(
    data: Buffer, offset: int = 0, limit: int | None = None, path: str | None = None, where: str = "method body"
) -> MethodBody:
    """Decodes the body at ``offset``.

    Args:
        data: the file, or any bytes in which positions are aligned like RVAs (exception sections are 4-aligned).
        offset: position of the header.
        limit: position that the body must not cross: the end of its section; default the end of ``data``.
        path: file to name in an error.
        where: what to call the body in an error.

    Raises:
        NativegenError: NGEN1004.
    """
    try:
        return _parse(data, offset, len(data) if limit is None else limit)
    except (ValueError, IndexError, struct.error) as error:
        reason = str(error) if isinstance(error, ValueError) else "truncated"
        raise NativegenError("NGEN1004", path, detail=f"{where}: {reason}") from None


def measure_body(data: Buffer, offset: int, limit: int) -> tuple[int, int]:
    """(position behind the last byte that :func:`parse_body` reads, bytes of code), without decoding anything.

    Both are 0 for what it refuses; not everything that it refuses is noticed.
    """
    if offset >= limit:
        return 0, 0
    first = data[offset]
    if first & 3 == TINY_FORMAT:
        size, end = first >> 2, offset + 1 + (first >> 2)
    elif first & 7 == FAT_FORMAT and offset + FAT_HEADER.size <= limit:
        flags, _, size, _ = FAT_HEADER.unpack_from(data, offset)
        end = offset + 4 * (flags >> 12) + size
        if flags & MORE_SECTIONS:
            end = (end + 3 & ~3) + 4
            if end > limit:
                return 0, 0
            (header,) = struct.unpack_from("<I", data, end - 4)
            # Some compilers leave the four bytes of the section's header out of its size.
            end += header >> 8 if header & SECTION_FAT else header >> 8 & 0xFF
            end = min(end, limit)
    else:
        return 0, 0
    return (end, size) if end <= limit else (0, 0)


class BodyFinder:
    """RVA -> file offsets of a body's start and of its section's end; nearly all bodies are in one section.

    Args:
        sections: of the file.
    """

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = sections
        self._first = self._last = self._delta = self._end = 0

    def range(self, rva: int) -> tuple[int, int]:
        """(start, limit); equal ones outside of every section."""
        if not self._first <= rva < self._last:
            for section in self._sections:
                if 0 <= rva - section.virtual_address < section.raw_size:
                    self._first = section.virtual_address
                    self._last = self._first + section.raw_size
                    self._delta = section.raw_offset - self._first
                    self._end = section.raw_offset + section.raw_size
                    break
            else:
                return 0, 0
        return rva + self._delta, self._end


def _parse(data: Buffer, offset: int, limit: int) -> MethodBody:
    first = data[offset]
    if first & 3 == TINY_FORMAT:
        end = offset + 1 + (first >> 2)
        code = data[offset + 1 : end]
        if end > limit:
            raise ValueError("the code runs over the end of the section")
        return MethodBody(8, False, 0, code, ())
    if first & 7 != FAT_FORMAT:
        raise ValueError(f"unknown method header 0x{first:02x}")
    if offset & 3:
        raise ValueError("the fat method header is not aligned")
    flags, max_stack, code_size, local_sig_token = FAT_HEADER.unpack_from(data, offset)
    header_size = 4 * (flags >> 12)
    if header_size < 12:
        raise ValueError("the fat method header is too short")
    start = offset + header_size
    end = start + code_size
    if end > limit:
        raise ValueError("the code runs over the end of the section")
    if local_sig_token and local_sig_token >> 24 != Table.StandAloneSig:
        raise ValueError(f"0x{local_sig_token:08x} is not a local signature token")
    clauses: tuple[ExceptionClause, ...] = ()
    if flags & MORE_SECTIONS:
        clauses = _exception_clauses(data, end + 3 & ~3, limit, code_size)
    return MethodBody(max_stack, bool(flags & INIT_LOCALS), local_sig_token, data[start:end], clauses)


def _exception_clauses(data: Buffer, position: int, limit: int, code_size: int) -> tuple[ExceptionClause, ...]:
    """Clauses of the data section at ``position``.

    CoreCLR (corhlpr.cpp: DecoderInit) looks at the first section only. A body with several would have clauses that the
    runtime ignores, so it is refused; no compiler writes one.
    """
    (header,) = struct.unpack_from("<I", data, position)
    kind = header & 0xFF
    fat = bool(kind & SECTION_FAT)
    size = header >> 8 if fat else header >> 8 & 0xFF
    if position + size > limit:
        raise ValueError("the exception section runs over the end of the PE section")
    if kind & _SECTION_MORE:
        raise ValueError("more than one data section")
    if kind & _SECTION_KIND_MASK != SECTION_EH_TABLE:
        return ()
    clause = _FAT_CLAUSE if fat else _SMALL_CLAUSE
    # Old compilers wrote the size without the section's own four header bytes; the division copes with both.
    count = size // clause.size
    if position + 4 + count * clause.size > limit:
        raise ValueError("the exception section runs over the end of the PE section")
    clauses = []
    for index in range(count):
        row = ExceptionClause(*clause.unpack_from(data, position + 4 + index * clause.size))
        _check_clause(row, code_size)
        clauses.append(row)
    return tuple(clauses)


def _check_clause(clause: ExceptionClause, code_size: int) -> None:
    if clause.kind not in (ClauseKind.EXCEPTION, ClauseKind.FILTER, ClauseKind.FINALLY, ClauseKind.FAULT):
        raise ValueError(f"unknown exception clause kind {clause.kind}")
    if (
        clause.try_offset + clause.try_length > code_size
        or clause.handler_offset + clause.handler_length > code_size
        or (clause.kind == ClauseKind.FILTER and clause.class_token_or_filter_offset >= code_size)
    ):
        raise ValueError("an exception clause lies outside the code")
