"""Metadata root, heaps and raw table rows of one file (ECMA-335 II.24), read lazily from the file's bytes.

Construction locates the streams and computes table offsets; nothing else is decoded. Every later read is bounds
checked and raises NGEN1004 with the file's name, so corrupt input cannot surface as ``IndexError`` or read another
part of the file.

Invariant: table rows all lie inside the tables stream; heap reads never cross the end of their heap.

>>> reader.row(Table.Module, 1)      # doctest: +SKIP
(0, 4711, 1, 0, 0)
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from nativegen.diagnostics import NativegenError
from nativegen.metadata.pe import Buffer, PEImage
from nativegen.metadata.tables import (
    COLUMNS,
    POINTER_TABLES,
    TABLE_COUNT,
    CodedIndex,
    Table,
    compute_layout,
    decode_coded,
    encode_coded,
)

_METADATA_SIGNATURE: Final = 0x424A5342
_EXTRA_DATA: Final = 0x40  # CoreCLR's CMiniMdSchema::EXTRA_DATA: four more bytes follow the row counts

#: Pads of a column's width, to extract one column of a whole table at C speed.
_PAD: Final = {"B": "x", "H": "2x", "I": "4x"}


class KeyIndex:
    """Row numbers by the value of one column, for tables that II.22 wants sorted by it (and for those that are not).

    A sorted column is searched in place; an unsorted one is sorted once, keeping the row order within a key.
    """

    __slots__ = ("_keys", "_order")

    def __init__(self, column: Sequence[int]) -> None:
        self._order: list[int] | None = None
        keys = list(column)
        ordered = sorted(keys)
        if ordered != keys:
            self._order = sorted(range(len(keys)), key=keys.__getitem__)
        self._keys = ordered

    def rids(self, key: int) -> Sequence[int]:
        """Row numbers whose column equals ``key``, in row order."""
        keys = self._keys
        low = bisect_left(keys, key)
        if low == len(keys) or keys[low] != key:
            return ()
        high = bisect_right(keys, key, low)
        if self._order is None:
            return range(low + 1, high + 1)
        return [index + 1 for index in self._order[low:high]]

    def first(self, key: int) -> int:
        """First row number whose column equals ``key``, 0 when there is none."""
        keys = self._keys
        low = bisect_left(keys, key)
        if low == len(keys) or keys[low] != key:
            return 0
        return low + 1 if self._order is None else self._order[low] + 1


class MetadataReader:
    """Heaps and raw rows. See :class:`nativegen.metadata.assembly.Assembly` for the public face.

    Raises:
        NativegenError: NGEN1001 to NGEN1004 and NGEN1006, see the table of diagnostics.
    """

    def __init__(self, data: Buffer, path: str) -> None:
        self.path = path
        self.data = data
        self.pe = PEImage(data, path)
        self._strings: dict[int, str] = {}
        self._key_indexes: dict[tuple[int, str], KeyIndex] = {}
        directory = self.pe.cli.metadata
        base = self.pe.rva_to_offset(directory.rva, max(directory.size, 1))
        try:
            self._parse_root(base, directory.size)
        except struct.error:
            raise self.malformed("the metadata root is truncated") from None

    def malformed(self, detail: str) -> NativegenError:
        """An NGEN1004 that names this file."""
        return NativegenError("NGEN1004", self.path, detail=detail)

    # ---- streams -------------------------------------------------------------------------------------------------

    def _parse_root(self, base: int, size: int) -> None:
        data = self.data
        end = base + size
        signature, _, _, _, version_length = struct.unpack_from("<IHHII", data, base)
        if signature != _METADATA_SIGNATURE:
            raise self.malformed("wrong metadata signature")
        if version_length > 255 or base + 20 + version_length > end:
            raise self.malformed("the metadata version string is too long")
        text = bytes(data[base + 16 : base + 16 + version_length])
        self.metadata_version: str = text.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
        position = base + 16 + version_length
        (stream_count,) = struct.unpack_from("<H", data, position + 2)
        position += 4
        streams: dict[str, tuple[int, int]] = {}
        for _ in range(stream_count):
            offset, length = struct.unpack_from("<II", data, position)
            raw_name = bytes(data[position + 8 : min(position + 40, end)])
            terminator = raw_name.find(b"\0")
            if terminator < 0:
                raise self.malformed("a stream name is not terminated")
            name = raw_name[:terminator].decode("ascii", "backslashreplace")
            position += 8 + (terminator + 4 & ~3)
            if offset + length > size:
                raise self.malformed(f"stream {name!r} lies outside the metadata")
            # The last of several equal names wins in CoreCLR; real files have each once.
            streams[name] = (base + offset, base + offset + length)
        if "#-" in streams:
            raise NativegenError("NGEN1006", self.path)
        if "#~" not in streams:
            raise self.malformed("there is no tables stream")
        self._strings_start, self._strings_end = streams.get("#Strings", (0, 0))
        self._blob_start, self._blob_end = streams.get("#Blob", (0, 0))
        self._guid_start, self._guid_end = streams.get("#GUID", (0, 0))
        self._us_start, self._us_end = streams.get("#US", (0, 0))
        self._tables_start, self._tables_end = streams["#~"]
        self._parse_tables(*streams["#~"])

    def _parse_tables(self, start: int, end: int) -> None:
        data = self.data
        if start + 24 > end:
            raise self.malformed("the tables stream is truncated")
        _, _, _, heap_sizes, _, valid, _ = struct.unpack_from("<IBBBBQQ", data, start)
        if valid >> TABLE_COUNT:
            raise self.malformed("unknown metadata tables are present")
        present = [table for table in range(TABLE_COUNT) if valid >> table & 1]
        first_row = start + 24 + 4 * len(present) + (4 if heap_sizes & _EXTRA_DATA else 0)
        if first_row > end:
            raise self.malformed("the tables stream is truncated")
        counts = [0] * TABLE_COUNT
        for table, count in zip(present, struct.unpack_from(f"<{len(present)}I", data, start + 24), strict=True):
            counts[table] = count
        if any(counts[table] for table in POINTER_TABLES):
            raise NativegenError("NGEN1006", self.path)
        if max(counts) > 0xFFFFFF:
            raise self.malformed("a table has more rows than a token can number")
        layout = compute_layout(counts, heap_sizes, first_row)
        if layout.end > end:
            raise self.malformed("the tables are larger than their stream")
        self._counts = layout.counts
        self._starts = layout.starts
        self._sizes = layout.sizes
        self._structs = layout.structs

    def metadata_without_places(self) -> tuple[bytes, bytes]:
        """All metadata but for what changes with the bodies, and the user strings.

        The former is the tables, strings and blobs. Left out are GUIDs (the MVID) and, but for whether there is one,
        the RVAs of methods and of initial data.
        """
        data = self.data
        tables = bytearray(data[self._tables_start : self._tables_end])
        places = []
        for table, column in ((Table.MethodDef, 0), (Table.FieldRVA, 0)):
            count, size = self._counts[table], self._sizes[table]
            if not count:
                continue
            places += [b"\1" if row[column] else b"\0" for row in self.rows(table)]
            begin = self._starts[table] - self._tables_start  # the RVA is the first column of both
            for byte in range(begin, begin + 4):
                tables[byte : begin + size * count : size] = bytes(count)
        strings = data[self._strings_start : self._strings_end]
        blobs = data[self._blob_start : self._blob_end]
        sizes = b"%d %d;" % (len(tables), len(strings))
        return b"".join([sizes, *places, tables, strings, blobs]), data[self._us_start : self._us_end]

    # ---- rows ----------------------------------------------------------------------------------------------------

    def row_count(self, table: int) -> int:
        """Number of rows of a table."""
        return self._counts[table]

    def row(self, table: int, rid: int) -> tuple[int, ...]:
        """Raw columns of one row, in the order of :data:`~nativegen.metadata.tables.COLUMNS`; coded indexes stay coded.

        Raises:
            NativegenError: NGEN1004, there is no such row.
        """
        if not 1 <= rid <= self._counts[table]:
            raise self.malformed(f"there is no row {rid} in table {Table(table).name}")
        decoder = self._structs[table]
        assert decoder is not None
        return decoder.unpack_from(self.data, self._starts[table] + (rid - 1) * self._sizes[table])

    def rows(self, table: int) -> list[tuple[int, ...]]:
        """Raw columns of all rows of a table; row ``rid`` is item ``rid - 1``."""
        decoder = self._structs[table]
        if decoder is None:
            return []
        start = self._starts[table]
        return list(decoder.iter_unpack(self.data[start : start + self._sizes[table] * self._counts[table]]))

    def column(self, table: int, name: str) -> list[int]:
        """One raw column of all rows of a table; row ``rid`` is item ``rid - 1``."""
        decoder = self._structs[table]
        if decoder is None:
            return []
        codes = decoder.format[1:]
        kinds = [column for column, _ in COLUMNS[Table(table)]]
        wanted = kinds.index(name)
        only = "<" + "".join([code if index == wanted else _PAD[code] for index, code in enumerate(codes)])
        start = self._starts[table]
        size = self._sizes[table] * self._counts[table]
        return [value for (value,) in struct.iter_unpack(only, self.data[start : start + size])]

    def key_index(self, table: int, column: str) -> KeyIndex:
        """The (cached) index of a table by one column."""
        index = self._key_indexes.get((table, column))
        if index is None:
            index = self._key_indexes[(table, column)] = KeyIndex(self.column(table, column))
        return index

    def decode_coded(self, kind: CodedIndex, value: int) -> tuple[Table, int]:
        """(table, rid) of a raw coded index.

        Raises:
            NativegenError: NGEN1004, the tag is reserved.
        """
        table, rid = decode_coded(kind, value)
        if table is None:
            raise self.malformed(f"reserved tag in a {kind.name} index")
        return table, rid

    def coded_token(self, kind: CodedIndex, value: int) -> int:
        """Token of a raw coded index; 0 when it is null (row 0)."""
        table, rid = self.decode_coded(kind, value)
        return table << 24 | rid if rid else 0

    def coded_key(self, kind: CodedIndex, token: int) -> int:
        """Raw column value that stands for ``token``; -1 (which no row has) when this kind cannot name its table."""
        try:
            return encode_coded(kind, token)
        except ValueError:
            return -1

    # ---- heaps ---------------------------------------------------------------------------------------------------

    def string(self, index: int) -> str:
        """String at ``index`` of #Strings. Invalid UTF-8 is backslash-escaped, so that it can always be printed."""
        text = self._strings.get(index)
        if text is None:
            text = self._strings[index] = self.string_bytes(index).decode("utf-8", "backslashreplace")
        return text

    def string_bytes(self, index: int) -> bytes:
        """Raw bytes of the string at ``index`` of #Strings, without the terminator."""
        start = self._strings_start + index
        if index == 0 and start == self._strings_end:
            return b""
        end = self.data.find(b"\0", start, self._strings_end) if start < self._strings_end else -1
        if end < 0:
            raise self.malformed(f"string index {index} lies outside the heap")
        return self.data[start:end]

    def blob(self, index: int) -> bytes:
        """Blob at ``index`` of #Blob; index 0 is the empty blob even when the heap is missing."""
        if index == 0:
            return b""
        return self._heap_item(self._blob_start + index, self._blob_end, "blob", index)

    def guid(self, index: int) -> str:
        """GUID number ``index`` (from 1) in the usual lower-case form; all zeros for index 0."""
        if index == 0:
            raw = bytes(16)
        else:
            start = self._guid_start + 16 * (index - 1)
            if start + 16 > self._guid_end:
                raise self.malformed(f"GUID index {index} lies outside the heap")
            raw = self.data[start : start + 16]
        a, b, c = struct.unpack_from("<IHH", raw)
        return f"{a:08x}-{b:04x}-{c:04x}-{raw[8:10].hex()}-{raw[10:].hex()}"

    def user_string_bytes(self, offset: int) -> bytes:
        """UTF-16LE bytes of the user string at ``offset`` of #US (low 24 bits of an ``ldstr`` token), without flag."""
        raw = self._heap_item(self._us_start + offset, self._us_end, "user string", offset)
        # An odd length ends with the "has special characters" byte (II.24.2.4); an even one (seen from obfuscators)
        # has none.
        return raw[: len(raw) & ~1]

    def user_string(self, offset: int) -> str:
        """User string at ``offset`` of #US; lone surrogates survive as such."""
        return self.user_string_bytes(offset).decode("utf-16-le", "surrogatepass")

    def user_strings(self) -> Iterator[tuple[int, str]]:
        """(offset, string) of everything in #US, in heap order; padding at its end reads as empty strings.

        Raises:
            NativegenError: NGEN1004, at the first item that does not fit.
        """
        offset = 1  # item 0 is the empty blob
        size = self._us_end - self._us_start
        while offset < size:
            raw = self._heap_item(self._us_start + offset, self._us_end, "user string", offset)
            yield offset, raw[: len(raw) & ~1].decode("utf-16-le", "surrogatepass")
            offset += len(raw) + (1 if len(raw) < 0x80 else 2 if len(raw) < 0x4000 else 4)

    def _heap_item(self, position: int, end: int, what: str, index: int) -> bytes:
        data = self.data
        if position >= end:
            raise self.malformed(f"{what} index {index} lies outside the heap")
        first = data[position]
        if first < 0x80:
            length, start = first, position + 1
        elif first < 0xC0 and position + 2 <= end:
            length, start = (first & 0x3F) << 8 | data[position + 1], position + 2
        elif first < 0xE0 and position + 4 <= end:
            length = (first & 0x1F) << 24 | data[position + 1] << 16 | data[position + 2] << 8 | data[position + 3]
            start = position + 4
        else:
            raise self.malformed(f"{what} at index {index} has a malformed length")
        if start + length > end:
            raise self.malformed(f"{what} at index {index} runs over the end of the heap")
        return data[start : start + length]
