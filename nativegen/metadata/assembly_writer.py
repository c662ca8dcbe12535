"""A small writer of IL assemblies (ECMA-335 II.22 to II.25): as much as our startup hooks need.

Why here: ``verify --live`` needs a program inside the runtime that loads images and prepares methods, and ``trace
--profile`` one that waits at the end. They cannot be shipped as binaries, and users have no C# compiler, so their few
instructions are written down as data and assembled on the spot.

Invariants: equal calls give equal bytes (the module version id is the hash of the rest); heaps stay below 64 KiB.

>>> writer = AssemblyWriter("Hello")
>>> runtime = writer.core_library()
>>> len(writer.build()) > 512
True
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from nativegen.metadata import COLUMNS, CodedIndex, Table, encode_coded
from nativegen.metadata.bodies import (
    FAT_FORMAT,
    FAT_HEADER,
    INIT_LOCALS,
    MORE_SECTIONS,
    SECTION_EH_TABLE,
    SECTION_FAT,
)
from nativegen.metadata.tables import TABLE_COUNT, compute_layout

_CORE_TOKEN = bytes.fromhex("7cec85d7bea7798e")
_VALUETYPE, _CLASS = 0x11, 0x12  # II.23.1.16
_PAGE = 0x2000
_FILE_ALIGNMENT = 0x200
_HEADERS_SIZE = 0x200
_CLI_HEADER_SIZE = 72
_VERSION = b"v4.0.30319\0\0"
_SHA1_ALGORITHM = 0x8004
_FAT_LOCALS = FAT_FORMAT | INIT_LOCALS | 3 << 12  # three words
_FAT_SECTION = SECTION_EH_TABLE | SECTION_FAT


class Label:
    """A place in a body, to branch to or to delimit a try block."""

    __slots__ = ("offset",)

    def __init__(self) -> None:
        self.offset = -1


class Body:
    """The instructions of one method: opcodes as bytes, operands as tokens, indexes or labels (II.25.4, III)."""

    def __init__(self, max_stack: int) -> None:
        self.max_stack = max_stack
        self.code = bytearray()
        self.clauses: list[tuple[Label, Label, Label, Label, int]] = []
        self._branches: list[tuple[int, Label]] = []

    def op(self, opcode: int, operand: int | None = None, size: int = 4) -> None:
        """One instruction; ``operand`` takes ``size`` bytes."""
        self.code += opcode.to_bytes(2 if opcode > 0xFF else 1, "big")
        if operand is not None:
            self.code += operand.to_bytes(size, "little")

    def branch(self, opcode: int, target: Label) -> None:
        """A branch instruction in its long form."""
        self.op(opcode, 0)
        self._branches.append((len(self.code), target))

    def mark(self, label: Label) -> None:
        """The label is here."""
        label.offset = len(self.code)

    def catch(self, start: Label, end: Label, handler: Label, handler_end: Label, type_token: int) -> None:
        """A typed exception clause."""
        self.clauses.append((start, end, handler, handler_end, type_token))

    def encode(self, locals_token: int) -> bytes:
        """Header, code and exception table, always in the fat form."""
        for position, target in self._branches:
            struct.pack_into("<i", self.code, position - 4, target.offset - position)
        flags = _FAT_LOCALS | MORE_SECTIONS if self.clauses else _FAT_LOCALS
        data = FAT_HEADER.pack(flags, self.max_stack, len(self.code), locals_token) + self.code
        if self.clauses:
            data += bytes(-len(data) % 4)
            data += struct.pack("<I", _FAT_SECTION | (4 + 24 * len(self.clauses)) << 8)
            for start, end, handler, handler_end, token in self.clauses:
                spans = start.offset, end.offset - start.offset, handler.offset, handler_end.offset - handler.offset
                data += struct.pack("<IIIIII", 0, *spans, token)
        return bytes(data)


@dataclass(frozen=True, slots=True)
class _Method:
    flags: int
    name: int
    signature: int
    body: bytes


class AssemblyWriter:
    """One assembly under construction; tokens of what is added are returned.

    Args:
        name: simple name of the assembly; its module is ``<name>.dll``.
    """

    def __init__(self, name: str) -> None:
        self._strings = bytearray(1)
        self._blobs = bytearray(1)
        self._user_strings = bytearray(1)
        self._rows: dict[Table, list[tuple[int, ...]]] = {}
        self._methods: list[_Method] = []
        self._known: dict[tuple[object, ...], int] = {}
        self.entry_point = 0
        self._add(Table.Module, 0, self._string(f"{name}.dll"), 1, 0, 0)
        self._add(Table.TypeDef, 0, self._string("<Module>"), 0, 0, 1, 1)
        self._add(Table.Assembly, _SHA1_ALGORITHM, 0, 0, 0, 0, 0, 0, self._string(name), 0)

    def core_library(self) -> int:
        """A reference to System.Private.CoreLib, which every runtime has, trimmed or not."""
        return self.assembly_ref("System.Private.CoreLib", _CORE_TOKEN)

    def assembly_ref(self, name: str, public_key_token: bytes) -> int:
        """A reference to an assembly of any version."""
        return self._add(Table.AssemblyRef, 0, 0, 0, 0, 0, self.blob(public_key_token), self._string(name), 0, 0)

    def type_ref(self, scope: int, namespace: str, name: str) -> int:
        """A reference to a type; equal ones share a row."""
        key = (scope, namespace, name)
        if key not in self._known:
            coded = encode_coded(CodedIndex.ResolutionScope, scope)
            self._known[key] = self._add(Table.TypeRef, coded, self._string(name), self._string(namespace))
        return self._known[key]

    def member_ref(self, parent: int, name: str, signature: bytes) -> int:
        """A reference to a method; equal ones share a row."""
        key = (parent, name, signature)
        if key not in self._known:
            coded = encode_coded(CodedIndex.MemberRefParent, parent)
            self._known[key] = self._add(Table.MemberRef, coded, self._string(name), self.blob(signature))
        return self._known[key]

    def local_signature(self, signature: bytes) -> int:
        """A StandAloneSig row."""
        return self._add(Table.StandAloneSig, self.blob(signature))

    def type_def(self, flags: int, namespace: str, name: str, extends: int) -> int:
        """A type; the methods added from now on are its."""
        coded = encode_coded(CodedIndex.TypeDefOrRef, extends)
        first = len(self._methods) + 1
        return self._add(Table.TypeDef, flags, self._string(name), self._string(namespace), coded, 1, first)

    def method(self, flags: int, name: str, signature: bytes, body: bytes) -> int:
        """A method of the last type."""
        self._methods.append(_Method(flags, self._string(name), self.blob(signature), body))
        return Table.MethodDef << 24 | len(self._methods)

    def user_string(self, text: str) -> int:
        """The token of a string literal (II.24.2.4)."""
        index = len(self._user_strings)
        data = text.encode("utf-16-le")
        self._user_strings += compressed(len(data) + 1) + data + b"\0"
        return 0x70 << 24 | index

    def blob(self, data: bytes) -> int:
        """Index of a blob."""
        index = len(self._blobs)
        self._blobs += compressed(len(data)) + data
        return index

    def _string(self, text: str) -> int:
        if not text:
            return 0
        index = len(self._strings)
        self._strings += text.encode() + b"\0"
        return index

    def _add(self, table: Table, *row: int) -> int:
        rows = self._rows.setdefault(table, [])
        rows.append(row)
        return table << 24 | len(rows)

    def build(self) -> bytes:
        """The file: a 64-bit PE with one section of CLI header, bodies and metadata."""
        content = bytearray(_CLI_HEADER_SIZE)
        rows = []
        for method in self._methods:
            content += bytes(-len(content) % 4)
            rows.append((_PAGE + len(content), 0, method.flags, method.name, method.signature, 1))
            content += method.body
        content += bytes(-len(content) % 4)
        metadata = self._metadata(rows, bytes(16))
        metadata = self._metadata(rows, hashlib.sha256(bytes(content) + metadata).digest()[:16])
        cli = struct.pack("<IHHIIII", _CLI_HEADER_SIZE, 2, 5, _PAGE + len(content), len(metadata), 1, self.entry_point)
        content[: len(cli)] = cli
        return _portable_executable(bytes(content + metadata))

    def _metadata(self, methods: Sequence[tuple[int, ...]], mvid: bytes) -> bytes:
        rows = {**self._rows, Table.MethodDef: list(methods)}
        counts = [len(rows.get(Table(number), ())) for number in range(TABLE_COUNT)]
        layout = compute_layout(counts, 0, 0)
        tables = bytearray()
        for table in Table:
            row_struct = layout.structs[table]
            for row in rows.get(table, ()):
                assert row_struct is not None and len(row) == len(COLUMNS[table])
                tables += row_struct.pack(*row)
        present = [table for table in Table if counts[table]]
        head = struct.pack("<IBBBBQQ", 0, 2, 0, 0, 1, sum(1 << table for table in present), 0)
        head += b"".join(struct.pack("<I", counts[table]) for table in present)
        streams = [
            (b"#~\0\0", head + tables),
            (b"#Strings\0\0\0\0", bytes(self._strings)),
            (b"#US\0", bytes(self._user_strings)),
            (b"#GUID\0\0\0", mvid),
            (b"#Blob\0\0\0", bytes(self._blobs)),
        ]
        root = (
            struct.pack("<IHHII", 0x424A5342, 1, 1, 0, len(_VERSION)) + _VERSION + struct.pack("<HH", 0, len(streams))
        )
        offset = len(root) + sum(8 + len(name) for name, _ in streams)
        directory, data = b"", b""
        for name, content in streams:
            padded = content + bytes(-len(content) % 4)
            directory += struct.pack("<II", offset + len(data), len(padded)) + name
            data += padded
        return root + directory + data


def class_of(type_ref: int) -> bytes:
    """II.23.2.12: a class in a signature, by one of the first few TypeRefs."""
    return bytes([_CLASS, (type_ref & 0xFFFFFF) << 2 | 1])


def value_type_of(type_ref: int) -> bytes:
    """Likewise, a value type."""
    return bytes([_VALUETYPE, (type_ref & 0xFFFFFF) << 2 | 1])


def compressed(value: int) -> bytes:
    """A compressed unsigned integer (II.23.2)."""
    if value < 0x80:
        return bytes([value])
    if value < 0x4000:
        return (value | 0x8000).to_bytes(2, "big")
    return (value | 0xC000_0000).to_bytes(4, "big")


def _portable_executable(content: bytes) -> bytes:
    raw_size = -(-len(content) // _FILE_ALIGNMENT) * _FILE_ALIGNMENT
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    file_header = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 0xF0, 0x2022)
    optional = struct.pack("<HBBIIIII", 0x20B, 48, 0, raw_size, 0, 0, 0, _PAGE)
    optional += struct.pack("<QIIHHHHHHI", 0x1_8000_0000, _PAGE, _FILE_ALIGNMENT, 4, 0, 0, 0, 4, 0, 0)
    image_size = _PAGE + -(-len(content) // _PAGE) * _PAGE
    optional += struct.pack("<IIIHH", image_size, _HEADERS_SIZE, 0, 3, 0x8540)
    optional += struct.pack("<QQQQII", 0x400000, 0x4000, 0x100000, 0x2000, 0, 16)
    directories = [(0, 0)] * 16
    directories[14] = (_PAGE, _CLI_HEADER_SIZE)
    optional += b"".join(struct.pack("<II", *directory) for directory in directories)
    section = struct.pack(
        "<8sIIIIIIHHI", b".text", len(content), _PAGE, raw_size, _HEADERS_SIZE, 0, 0, 0, 0, 0x6000_0020
    )
    headers = dos + b"PE\0\0" + file_header + optional + section
    return headers.ljust(_HEADERS_SIZE, b"\0") + content.ljust(raw_size, b"\0")
