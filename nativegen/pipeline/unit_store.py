"""The unit store: compiled methods on disk, found by their keys (:mod:`nativegen.pipeline.unit_key`).

``<root>/<target>/<assembly name>/<32 hex>.units``. A build reads all files of its assembly and, when it compiled
anything, adds one file with just that; files are never changed. Small ones are merged now and then, and a folder that
has grown to several times what the last build used is written anew with what it used. Scenarios and projects share
files: a key says everything. Beside them lies what the last build of each kind found out about the assembly
(``<32 hex>.keys``, :mod:`nativegen.pipeline.key_summary`) and what its image was linked from (``<32 hex>.linked``,
:mod:`nativegen.pipeline.relink`).

One file: magic, checksum, sizes, keys, ends and checksums of the records, tables of symbols and cells, records
(:mod:`nativegen.pipeline.unit_codec`). The first checksum covers everything up to the records; a damaged file, and a
damaged record, are as if they were not there.

Invariants: a file appears complete under its name (temporary file, then rename) and never changes, so any number of
processes may read and write at once; the worst that concurrent merging does is to lose results, which costs their
compilation. Files that another user could have written are not read. Nothing here fails a build: a store that cannot be
written to is not written to.

>>> units = UnitStore("/home/me/.cache/nativegen/methods").open("9.0", "App")     # doctest: +SKIP
>>> found = units.find([key])                                                    # doctest: +SKIP
>>> units.save({key: unit}, {key})                                               # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import struct
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import BinaryIO

import xxhash

from nativegen.files import replacing
from nativegen.pipeline.key_summary import Summary, decode_summary, encode_summary
from nativegen.pipeline.relink import Linked, decode_linked
from nativegen.pipeline.sealed import SEAL_SIZE, sealed, unsealed
from nativegen.pipeline.signature_facts import DIGEST_SIZE
from nativegen.pipeline.unit_codec import CorruptRecord, Exclusion, TableBuilder, Tables, decode, decode_tables, encode
from nativegen.readytorun.unit import MethodUnit

Result = MethodUnit | Exclusion

#: Bytes that the whole store may have; what was not used for the longest time goes first.
DEFAULT_MAX_BYTES = 2 << 30
#: Files of one assembly; one more and the small ones are merged.
MAX_FILES = 8
#: Files of what images were linked from: scenarios and modes have their own.
MAX_LINKED = 4
#: A folder may be this many times as large as what the last build used (scenarios and branches share it), and a bit.
_GROWTH = 4
_GROWTH_BYTES = 8 << 20

_SUFFIX = ".units"
_SUMMARY_SUFFIX = ".keys"
_LINKED_SUFFIX = ".linked"
_MAGIC = b"ngunits1"
# Magic; checksum of the rest up to the records; number of records; bytes of the tables, of the records.
_HEADER = struct.Struct("<8sQIIQ")
_PER_RECORD = DIGEST_SIZE + 4 + 8


class UnitStore:
    """All assemblies' units in one folder, which need not exist yet."""

    def __init__(self, root: str) -> None:
        self.root = root

    def open(self, target: str, name: str) -> AssemblyUnits:
        """The units of assemblies of this simple name."""
        return AssemblyUnits(os.path.join(self.root, target, name))

    def trim(self, max_bytes: int = DEFAULT_MAX_BYTES) -> int:
        """Remove files until the store has at most ``max_bytes``; those used last stay. Returns the bytes removed."""
        files = []
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError):
                    status = os.stat(path)
                    files.append((status.st_mtime_ns, status.st_size, path))
        excess = sum([size for _, size, _ in files]) - max_bytes
        removed = 0
        for _, size, path in sorted(files):
            if removed >= excess:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
                removed += size
        return removed


class AssemblyUnits:
    """The files of one assembly; see the module docstring. Made by :meth:`UnitStore.open`."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: list[_UnitFile] = []
        self._written: dict[str, Tables] = {}
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(folder)):
                if name.endswith(_SUFFIX):
                    with contextlib.suppress(OSError, CorruptRecord):
                        self._files.append(_UnitFile(os.path.join(folder, name)))

    def summary(self, name: bytes) -> Summary | None:
        """What the last build of this kind found out, if that can be read."""
        try:
            with open(self._summary_path(name), "rb") as stream:
                _require_own(stream)
                return decode_summary(stream.read())
        except (OSError, ValueError):
            return None

    def save_summary(self, name: bytes, summary: Summary) -> None:
        """Keep a summary instead of the one that there may be of this name."""
        self._save(self._summary_path(name), [encode_summary(summary)])

    def _summary_path(self, name: bytes) -> str:
        return os.path.join(self._folder, name.hex() + _SUMMARY_SUFFIX)

    def linked(self, name: bytes, basis: bytes) -> Linked | None:
        """What the last image of this kind was linked from, if that can be read and is about the same."""
        try:
            with open(self._linked_path(name), "rb") as stream:
                if not _require_own(stream):
                    return None
                os.utime(stream.fileno())
                return decode_linked(memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)), basis)
        except (OSError, ValueError):
            return None

    def save_linked(self, name: bytes, parts: Sequence[bytes | memoryview]) -> None:
        """Keep what an image was linked from instead of what there may be of this name."""
        self._save(self._linked_path(name), parts)
        # They are large, and those of other compilers or of options that nobody uses any more will not be read again.
        with contextlib.suppress(OSError):
            paths = [entry.path for entry in os.scandir(self._folder) if entry.name.endswith(_LINKED_SUFFIX)]
            for path in sorted(paths, key=os.path.getmtime)[:-MAX_LINKED]:
                os.unlink(path)

    def _linked_path(self, name: bytes) -> str:
        return os.path.join(self._folder, name.hex() + _LINKED_SUFFIX)

    def _save(self, path: str, parts: Sequence[bytes | memoryview]) -> None:
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            with replacing(path) as temporary:
                with open(temporary, "wb") as stream:
                    stream.writelines(parts)
                os.chmod(temporary, 0o600)

    def names(self) -> set[str]:
        """Of the files that there are."""
        return {os.path.basename(file.path) for file in self._files} | self._written.keys()

    def tables(self) -> dict[str, Tables]:
        """What the records of a file refer to; of files that :meth:`find` has read or :meth:`save` written."""
        read = {os.path.basename(file.path): file.tables for file in self._files if file.tables is not None}
        return read | self._written

    def keys_outside(self, names: Set[str]) -> set[bytes]:
        """Keys of records in other files than these."""
        return {key for file in self._files if os.path.basename(file.path) not in names for key in file.keys}

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Result]:
        """The results that the store has, by key."""
        missing = set(keys)
        found: dict[bytes, Result] = {}
        for file in self._files:
            hits = file.find(missing)
            missing.difference_update(hits)
            found.update(hits)
        return found

    def save(self, results: Mapping[bytes, Result], new: set[bytes], *, is_all: bool = True) -> None:
        """Add what a build compiled.

        Args:
            results: what the build used. new: the keys in it that the store did not have.
            is_all: everything that the build used is in ``results``; otherwise any file may have more of it.
        """
        with contextlib.suppress(OSError):
            used = [file for file in self._files if file.used_bytes or not is_all]
            for file in used:
                os.utime(file.path)
            if not new:
                return
            written = self._write({key: results[key] for key in sorted(new)})
            sizes = {file.path: file.size for file in self._files}
            useful = written + sum([file.used_bytes for file in used])
            if is_all and sum(sizes.values()) > _GROWTH * useful + _GROWTH_BYTES:
                self._replace(self._files, results)
            elif len(self._files) >= MAX_FILES:
                largest = max(self._files, key=lambda file: file.size)
                small = [file for file in self._files if file is not largest]
                merged: dict[bytes, Result] = {}
                for file in small:
                    merged.update(file.find(file.keys))
                self._replace(small, merged)

    def _replace(self, files: Sequence[_UnitFile], results: Mapping[bytes, Result]) -> None:
        self._files = [file for file in self._files if file not in files]
        self._write({key: results[key] for key in sorted(results)})
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file.path)

    def _write(self, results: Mapping[bytes, Result]) -> int:
        """One more file; its size."""
        data, tables = encode_file(results)
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        name = xxhash.xxh3_128_hexdigest(data) + _SUFFIX
        path = os.path.join(self._folder, name)
        with replacing(path) as temporary:
            with open(temporary, "wb") as stream:
                stream.write(data)
            os.chmod(temporary, 0o600)
        self._written[name] = tables
        return len(data)


def encode_file(results: Mapping[bytes, Result]) -> tuple[bytes, Tables]:
    """The bytes of one file, and what its records refer to; they depend on the order of ``results``."""
    tables = TableBuilder()
    records = [encode(result, tables) for result in results.values()]
    ends = array("I")
    checks = array("Q")
    end = 0
    for key, record in zip(results, records, strict=True):
        end += len(record)
        ends.append(end)
        checks.append(_check(record, key))
    encoded = tables.encode()
    index = b"".join([*results, _little(ends).tobytes(), _little(checks).tobytes(), encoded])
    sizes = _HEADER.pack(_MAGIC, 0, len(records), len(encoded), end)[SEAL_SIZE:]
    return b"".join([*sealed(_MAGIC, [sizes, index]), *records]), tables.tables


def _check(record: bytes, key: bytes) -> int:
    """Bound to the key, so that a record cannot be taken for another's."""
    return xxhash.xxh3_64_intdigest(record, int.from_bytes(key[:8], "little"))


def _little(values: array[int]) -> array[int]:
    if sys.byteorder != "little":
        values.byteswap()
    return values


def _require_own(stream: BinaryIO) -> int:
    """The size of a file that nobody else could have written.

    Raises:
        PermissionError: others could have.
    """
    status = os.fstat(stream.fileno())
    if status.st_mode & stat.S_IWOTH or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
        raise PermissionError(stream.name)
    return status.st_size


def check_file(path: str) -> None:
    """Look at one file as a build would.

    Raises:
        OSError, CorruptRecord: it would not be used.
    """
    if path.endswith(_SUFFIX):
        file = _UnitFile(path)
        lost = len(file.keys) - len(file.find(file.keys))
        if lost:
            raise CorruptRecord(f"{lost} of {len(file.keys)} records are damaged")


class _UnitFile:
    """One file, mapped.

    Raises:
        OSError: it cannot be read, or others could have written it.
        CorruptRecord: it is damaged.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.used_bytes = 0
        with open(path, "rb") as stream:
            self.size = _require_own(stream)
            if self.size < _HEADER.size:
                raise CorruptRecord("truncated")
            self._data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        _, _, count, tables_size, records_size = _HEADER.unpack_from(self._data)
        keys_end = _HEADER.size + DIGEST_SIZE * count
        tables_at = _HEADER.size + _PER_RECORD * count
        self._records = tables_at + tables_size
        if self._records + records_size != self.size:
            raise CorruptRecord("wrong size")
        try:
            unsealed(memoryview(self._data)[: self._records], _MAGIC)
        except ValueError as error:
            raise CorruptRecord(str(error)) from None
        keys = self._data[_HEADER.size : keys_end]
        self.keys = {keys[at : at + DIGEST_SIZE]: at // DIGEST_SIZE for at in range(0, len(keys), DIGEST_SIZE)}
        self._ends = _little(array("I", self._data[keys_end : keys_end + 4 * count]))
        self._checks = _little(array("Q", self._data[keys_end + 4 * count : tables_at]))
        self._tables_range = (tables_at, self._records)
        self.tables: Tables | None = None

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Result]:
        """Those of the keys that the file has, with sound records."""
        wanted = self.keys.keys() & keys
        if not wanted:
            return {}
        if self.tables is None:
            first, last = self._tables_range
            try:
                self.tables = decode_tables(self._data[first:last])
            except CorruptRecord:
                return {}
        data, ends, checks, tables, records = self._data, self._ends, self._checks, self.tables, self._records
        found: dict[bytes, Result] = {}
        for key in wanted:
            number = self.keys[key]
            record = data[records + (ends[number - 1] if number else 0) : records + ends[number]]
            if _check(record, key) == checks[number]:
                with contextlib.suppress(CorruptRecord):
                    found[key] = decode(record, tables)
                    self.used_bytes += len(record)
        return found
