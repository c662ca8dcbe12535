"""Read ``.nettrace`` files: the event stream that CoreCLR's EventPipe writes (format version 4, "Nettrace").

What: an iterator over events with their provider, number and raw payload. Which payload means what is
:mod:`nativegen.runtime.events`' business. Why here: which methods ran native is known only to the runtime, and this
stream is how an unmodified runtime tells it.

Invariants: the file is read block by block, never as a whole; an event the caller did not ask for costs no object; a
missing tail (the process was killed) ends the iteration with ``complete`` false instead of raising; events the runtime
had to drop are counted, because a trace with gaps proves nothing (ACCEPTANCE.md).

Layout (public description: microsoft/perfview, NetTraceFormat.md; .NET Core 3.0 and newer)::

    "Nettrace" "!FastSerialization.1"
    object*   = 05 05 01 <version u32> <min version u32> <name length u32> <name> 06  <body> 06
    body      = "Trace": 48 bytes; every other: <size u32> <padding to 4> <block>
    block     = <header size u16> <flags u16> ... events; flag 1: compressed event headers
    01        = end of stream

>>> reader = TraceReader("app.nettrace")
>>> sum(1 for event in reader if event.id == 159), reader.dropped, reader.complete
(805, 0, True)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Container, Iterator
from typing import BinaryIO, NamedTuple

from nativegen.diagnostics import NativegenError

_MAGIC = b"Nettrace"
_SERIALIZATION = b"!FastSerialization.1"
_NULL_REFERENCE, _BEGIN_PRIVATE_OBJECT, _END_OBJECT = 1, 5, 6
_TRACE_BODY_SIZE = 16 + 8 + 8 + 4 * 4  # SYSTEMTIME, counter, frequency; pointer size, process, processors, sampling

_LONGEST_NAME = 100

# Flags of a compressed event header: which fields differ from the previous event's.
_METADATA_ID, _THREAD_AND_SEQUENCE, _THREAD, _STACK = 1, 2, 4, 8
_ACTIVITY, _RELATED_ACTIVITY, _DATA_LENGTH = 16, 32, 128


class TraceEvent(NamedTuple):
    """One event. ``time`` is in ticks of the trace's clock; ``payload`` is undecoded."""

    provider: str
    id: int
    version: int
    time: int
    thread: int
    payload: bytes


class TraceReader:
    """Iterate once over a trace file; :attr:`dropped` and :attr:`complete` are final when the iteration ended.

    Args:
        path: the file.
        provider: only events of this provider are returned; None: all.
        ids: only events with these numbers are returned; None: all.
    Raises:
        NativegenError: NGEN6001, while iterating, when the file is not a readable trace.
    """

    def __init__(
        self, path: str | os.PathLike[str], provider: str | None = None, ids: Container[int] | None = None
    ) -> None:
        self._path = path
        self._provider = provider
        self._ids = ids
        self._metadata: dict[int, tuple[str, int, int] | None] = {}
        self._raised: dict[int, int] = {}  # thread -> number of events it has raised, kept or dropped
        self.dropped = 0
        self.complete = False

    def __iter__(self) -> Iterator[TraceEvent]:
        try:
            with open(self._path, "rb") as file:
                yield from self._objects(file)
        except FileNotFoundError:
            raise NativegenError("NGEN6001", self._path, detail="the runtime wrote no trace") from None
        except (IndexError, struct.error, ValueError) as error:
            raise NativegenError("NGEN6001", self._path, detail=f"malformed block ({error})") from None

    def _objects(self, file: BinaryIO) -> Iterator[TraceEvent]:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise NativegenError("NGEN6001", self._path, detail="no Nettrace signature")
        file_size = os.fstat(file.fileno()).st_size
        length = _u32(file.read(4))
        if length != len(_SERIALIZATION) or file.read(length) != _SERIALIZATION:
            raise NativegenError("NGEN6001", self._path, detail="unknown serialization")
        while True:
            tag = file.read(1)
            if not tag:
                return  # cut off: complete stays false
            if tag[0] == _NULL_REFERENCE:
                self.complete = True
                return
            prologue = file.read(2 + 12)
            if len(prologue) < 14:
                return
            if (tag[0], prologue[0], prologue[1]) != (_BEGIN_PRIVATE_OBJECT, _BEGIN_PRIVATE_OBJECT, _NULL_REFERENCE):
                raise NativegenError("NGEN6001", self._path, detail=f"unexpected tag {tag[0]} at {file.tell():#x}")
            length = _u32(prologue[10:])
            if length > _LONGEST_NAME:
                raise NativegenError("NGEN6001", self._path, detail=f"type name of {length} bytes")
            name = file.read(length + 1)[:-1].decode("ascii")  # + the type's own end tag
            if name == "Trace":
                file.read(_TRACE_BODY_SIZE)
            else:
                header = file.read(4)
                if len(header) < 4:
                    return
                size = _u32(header)
                file.read(-file.tell() % 4)
                if size > file_size - file.tell():
                    return
                block = file.read(size)
                if name == "MetadataBlock":
                    self._read_metadata(block)
                elif name == "EventBlock":
                    yield from self._read_events(block)
                elif name == "SPBlock":
                    self._read_sequence_point(block)
            end = file.read(1)
            if end and end[0] != _END_OBJECT:
                raise NativegenError("NGEN6001", self._path, detail=f"object without end at {file.tell():#x}")

    def _read_metadata(self, block: bytes) -> None:
        for _, _, _, _, start, end in self._headers(block):
            payload = block[start:end]
            metadata_id = _u32(payload)
            provider, offset = read_utf16(payload, 4)
            event_id = _u32(payload, offset)
            _, offset = read_utf16(payload, offset + 4)
            version = _u32(payload, offset + 8)  # after the keywords
            wanted = self._provider in (None, provider) and (self._ids is None or event_id in self._ids)
            self._metadata[metadata_id] = (provider, event_id, version) if wanted else None

    def _read_events(self, block: bytes) -> Iterator[TraceEvent]:
        metadata, raised = self._metadata, self._raised
        for metadata_id, thread, number, time, start, end in self._headers(block):
            self._expect(thread, number - 1)
            raised[thread] = number
            kind = metadata.get(metadata_id)
            if kind is not None:
                yield TraceEvent(*kind, time, thread, block[start:end])

    def _read_sequence_point(self, block: bytes) -> None:
        """A sequence point states how many events each thread has raised so far."""
        for i in range(_u32(block, 8)):
            thread, number = struct.unpack_from("<QI", block, 12 + 12 * i)
            self._expect(thread, number)
            self._raised[thread] = number

    def _expect(self, thread: int, number: int) -> None:
        """Events are numbered from 1 on each thread, dropped ones included."""
        self.dropped += max(number - self._raised.get(thread, 0), 0)

    def _headers(self, block: bytes) -> Iterator[tuple[int, int, int, int, int, int]]:
        """(metadata id, capture thread, sequence number, time, payload start, payload end) of each event in a block."""
        position, flags = struct.unpack_from("<HH", block)
        if not flags & 1:
            raise NativegenError("NGEN6001", self._path, detail="uncompressed event headers")
        metadata_id = thread = number = time = length = 0
        size = len(block)
        while position < size:
            fields = block[position]
            position += 1
            if fields & _METADATA_ID:
                metadata_id, position = _varint(block, position)
            if fields & _THREAD_AND_SEQUENCE:
                step, position = _varint(block, position)
                number += step
                thread, position = _varint(block, position)
                _, position = _varint(block, position)  # processor
            if metadata_id:
                number += 1
            if fields & _THREAD:
                _, position = _varint(block, position)
            if fields & _STACK:
                _, position = _varint(block, position)
            step, position = _varint(block, position)
            time += step
            position += 16 * (bool(fields & _ACTIVITY) + bool(fields & _RELATED_ACTIVITY))
            if fields & _DATA_LENGTH:
                length, position = _varint(block, position)
            yield metadata_id, thread, number & 0xFFFFFFFF, time, position, position + length
            position += length


def read_utf16(data: bytes, offset: int) -> tuple[str, int]:
    """The zero-terminated UTF-16 string at ``offset`` and the offset behind it."""
    end = data.index(b"\0\0", offset) if data[offset : offset + 2] != b"\0\0" else offset
    while (end - offset) & 1:
        end = data.index(b"\0\0", end + 1)
    return data[offset:end].decode("utf-16-le", "replace"), end + 2


def _u32(data: bytes, offset: int = 0) -> int:
    value: int = struct.unpack_from("<I", data, offset)[0]
    return value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A base-128 number, low groups first, and the position behind it."""
    byte = data[position]
    if byte < 128:
        return byte, position + 1
    value, shift = byte & 127, 7
    while True:
        position += 1
        byte = data[position]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position + 1
        shift += 7
