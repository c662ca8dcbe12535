"""A folder of files by key that several builds and users share: every entry carries a checksum, bad ones are set aside.

``<root>/<first two hex digits>/<key>``: magic, checksum, permission bits, size, content. The checksum is bound to the
key, so an entry that was moved, truncated or changed is not taken for another; it goes to ``<root>/quarantine`` and
counts as missing. Whoever may write to the folder decides what those who read it run: the checksum protects from
accidents, not from attackers.

``<root>/log`` has a line of JSON for each hit, miss, new entry and bad entry. What was not used for the longest time is
trimmed first.

>>> entries = Entries("/srv/build-cache")                             # doctest: +SKIP
>>> entries.put("0f8e...", b"content", 0o644)                        # doctest: +SKIP
>>> entries.get("0f8e...").data                                      # doctest: +SKIP
b'content'
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import xxhash

from nativegen.files import replacing

HIT, MISS, ADDED, BAD = "hit", "miss", "added", "bad"
EVENTS = (HIT, MISS, ADDED, BAD)

_MAGIC = b"ngentry1"
_HEADER = struct.Struct("<8s16sIQ")  # magic, checksum of the rest, permission bits, size of the content
_QUARANTINE = "quarantine"
_LOG = "log"
_LOG_BYTES = 8 << 20  # then the log begins anew, and the old one is kept once


class Entry(NamedTuple):
    """Content and permission bits."""

    data: bytes
    mode: int


class Stats(NamedTuple):
    """``events``: of the log, by name; ``quarantined``: bad entries that were set aside."""

    entries: int
    size: int
    quarantined: int
    events: dict[str, int]


class Entries:
    """See the module docstring.

    Args:
        root: the folder; it need not exist.
        read_only: nothing is written, moved or logged.
    """

    def __init__(self, root: str, *, read_only: bool = False) -> None:
        self.root = root
        self._read_only = read_only

    def path(self, key: str) -> str:
        """Where the entry of a key is, or would be."""
        return os.path.join(self.root, key[:2], key)

    def get(self, key: str, what: str = "") -> Entry | None:
        """The entry of a key; None when there is none, or none that is sound.

        Args:
            what: said in the log.
        """
        path = self.path(key)
        try:
            with open(path, "rb") as stream:
                stored = stream.read()
        except OSError:
            self._log(MISS, key, what)
            return None
        entry = _decode(key, stored)
        if entry is None:
            self._set_aside(path, key)
            self._log(BAD, key, what)
            return None
        if not self._read_only:
            with contextlib.suppress(OSError):
                os.utime(path)  # for trimming only
        self._log(HIT, key, what)
        return entry

    def put(self, key: str, data: bytes, mode: int, what: str = "") -> None:
        """Add an entry, unless there is one.

        Raises:
            OSError: the folder cannot be written to, or is full; nothing is left behind.
        """
        path = self.path(key)
        if self._read_only or os.path.exists(path):
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with replacing(path, durable=True) as temporary, open(temporary, "wb") as stream:
            stream.write(_encode(key, data, mode))
        self._log(ADDED, key, what)

    def trim(self, max_bytes: int | None, older_than: float | None, now: float | None = None) -> int:
        """Remove what was not used for the longest time, and all that was set aside; returns the bytes removed.

        Args:
            max_bytes: what the entries may have together. older_than: seconds; what was not used for longer goes.
            now: seconds since the epoch, for tests.
        """
        limit = (time.time() if now is None else now) - older_than if older_than is not None else None
        files = sorted(self._files())
        left = sum([size for _, size, _ in files])
        removed = 0
        for used, size, path in files:
            is_bad = os.path.basename(os.path.dirname(path)) == _QUARANTINE
            if not is_bad and (limit is None or used >= limit) and (max_bytes is None or left <= max_bytes):
                continue
            with contextlib.suppress(OSError):
                os.unlink(path)
                left -= size
                removed += size
        return removed

    def stats(self) -> Stats:
        """Counts of what is there and of what the log tells."""
        files = list(self._files())
        bad = [path for _, _, path in files if os.path.basename(os.path.dirname(path)) == _QUARANTINE]
        events: Counter[str] = Counter()
        with contextlib.suppress(OSError), open(os.path.join(self.root, _LOG), encoding="utf-8") as stream:
            for line in stream:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    events[json.loads(line)["event"]] += 1
        counts = {event: events[event] for event in EVENTS}
        return Stats(len(files) - len(bad), sum([size for _, size, _ in files]), len(bad), counts)

    def _files(self) -> Iterator[tuple[float, int, str]]:
        """(last use, bytes, path) of all entries, good and bad."""
        with contextlib.suppress(OSError):
            for folder in os.scandir(self.root):
                if folder.is_dir() and (len(folder.name) == 2 or folder.name == _QUARANTINE):
                    for file in os.scandir(folder.path):
                        with contextlib.suppress(OSError):
                            status = file.stat(follow_symlinks=False)
                            yield status.st_mtime, status.st_size, file.path

    def _set_aside(self, path: str, key: str) -> None:
        if self._read_only:
            return
        with contextlib.suppress(OSError):
            os.makedirs(os.path.join(self.root, _QUARANTINE), exist_ok=True)
            os.replace(path, os.path.join(self.root, _QUARANTINE, f"{key}.{time.time_ns()}"))

    def _log(self, event: str, key: str, what: str) -> None:
        if self._read_only:
            return
        path = os.path.join(self.root, _LOG)
        line = json.dumps({"time": round(time.time(), 3), "event": event, "key": key, "what": what}) + "\n"
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                os.write(descriptor, line.encode())  # one write: lines of several builds do not mix
                if os.fstat(descriptor).st_size > _LOG_BYTES:
                    os.replace(path, path + ".old")
            finally:
                os.close(descriptor)


def _encode(key: str, data: bytes, mode: int) -> bytes:
    header = _HEADER.pack(_MAGIC, b"", mode, len(data))
    return header[:8] + _checksum(key, header[24:], data) + header[24:] + data


def _decode(key: str, stored: bytes) -> Entry | None:
    if len(stored) < _HEADER.size:
        return None
    magic, checksum, mode, size = _HEADER.unpack_from(stored)
    data = stored[_HEADER.size :]
    if magic != _MAGIC or size != len(data) or checksum != _checksum(key, stored[24 : _HEADER.size], data):
        return None
    return Entry(data, mode)


def _checksum(key: str, numbers: bytes, data: bytes) -> bytes:
    digest = xxhash.xxh3_128(key.encode() + b"\0" + numbers)
    digest.update(data)
    return digest.digest()
