"""ManifestMetadata (112): a small ECMA-335 metadata blob naming assemblies that the IL metadata does not.

.NET 9 reads it from every image and dies without one, so an image that names nothing extra still carries the minimum:
one Module, the ``<Module>`` type and one Assembly row. AssemblyRef row r of it is module index n + 1 + r in fixup
signatures, n being the number of the IL metadata's own AssemblyRefs; n + 1 is the manifest metadata itself, whose
TypeRefs and MemberRefs name what the IL metadata has no rows for (:mod:`nativegen.readytorun.manifest_rows`).

>>> blob = encode_manifest_metadata([ManifestAssembly("Core", (1, 2, 3, 4))])
>>> decode_manifest_metadata(blob)
(ManifestAssembly(name='Core', version=(1, 2, 3, 4), culture='', public_key_token=b''),)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct

from nativegen.metadata import Table
from nativegen.metadata.reader import MetadataReader
from nativegen.metadata.tables import CodedIndex, encode_coded
from nativegen.readytorun.container import align
from nativegen.readytorun.structs import U16, U32, compress

_METADATA_ROOT = Struct("<IHHII")
_STREAM = Struct("<II")
_TABLES = Struct("<IBBBBQQ")
_WIDE_STRINGS = 0x01
_WIDE_BLOBS = 0x04
_TYPE_REF = Table.TypeRef << 24
_SIGNATURE = 0x424A5342
_VERSION = b"v4.0.30319\0\0"
_SHA1 = 0x8004


@dataclass(frozen=True, slots=True)
class ManifestAssembly:
    """One AssemblyRef of the manifest metadata.

    Args:
        name: simple name.
        version: major, minor, build, revision.
        culture: empty for neutral.
        public_key_token: 8 bytes, or none.
    """

    name: str
    version: tuple[int, int, int, int] = (0, 0, 0, 0)
    culture: str = ""
    public_key_token: bytes = b""


@dataclass(frozen=True, slots=True)
class ManifestType:
    """One TypeRef of the manifest metadata.

    Args:
        scope: token of the ModuleRef, or of the TypeRef of the enclosing type, that it is looked up in.
    """

    scope: int
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ManifestMember:
    """One MemberRef: a method or field of TypeRef row ``parent``; ``signature`` names types by the manifest's rows."""

    parent: int
    name: str
    signature: bytes


class _Heap:
    """A #Strings or #Blob heap; equal items share one entry."""

    def __init__(self) -> None:
        self.data = bytearray(1)
        self._known: dict[bytes, int] = {b"": 0}

    def add(self, item: bytes) -> int:
        """The heap index of ``item``, which includes its terminator or length."""
        index = self._known.get(item)
        if index is None:
            index = self._known[item] = len(self.data)
            self.data += item
        return index

    @property
    def is_wide(self) -> bool:
        """Indices take four bytes (II.24.2.6)."""
        return len(self.data) > 0xFFFF

    def padded(self) -> bytes:
        """The heap as stored."""
        return bytes(self.data).ljust(align(len(self.data), 4), b"\0")


def encode_manifest_metadata(
    assemblies: Sequence[ManifestAssembly] = (),
    modules: Sequence[str] = (),
    types: Sequence[ManifestType] = (),
    members: Sequence[ManifestMember] = (),
    user_strings: bytes = b"\0",
) -> bytes:
    """The blob with these AssemblyRefs, ModuleRefs, TypeRefs and MemberRefs, rid = position + 1.

    Args:
        user_strings: the whole heap.
    """
    strings, blobs = _Heap(), _Heap()

    def text(value: str) -> int:
        return strings.add(value.encode() + b"\0" if value else b"")

    def blob(value: bytes) -> int:
        return blobs.add(compress(len(value)) + value if value else b"")

    rows: dict[Table, list[tuple[int, ...]]] = {
        Table.Module: [(0, text("<Module>"), 1, 0, 0)],
        Table.TypeRef: [
            (encode_coded(CodedIndex.ResolutionScope, row.scope), text(row.name), text(row.namespace)) for row in types
        ],
        Table.TypeDef: [(0, text("<Module>"), 0, 0, 1, 1)],
        Table.MemberRef: [
            (encode_coded(CodedIndex.MemberRefParent, _TYPE_REF | row.parent), text(row.name), blob(row.signature))
            for row in members
        ],
        Table.ModuleRef: [(text(name),) for name in modules],
        Table.Assembly: [(_SHA1, 0, 0, 0, 0, 0, 0, text("ManifestMetadata"), 0)],
        Table.AssemblyRef: [
            (*row.version, 0, blob(row.public_key_token), text(row.name), text(row.culture), 0) for row in assemblies
        ],
    }
    string, blob_index = ("I" if heap.is_wide else "H" for heap in (strings, blobs))
    parent = _width(3, types, modules)
    formats = {
        Table.Module: f"<H{string}HHH",
        Table.TypeRef: f"<{_width(2, types, modules, assemblies)}{string}{string}",
        Table.TypeDef: f"<I{string}{string}{_width(2, types)}HH",
        Table.MemberRef: f"<{parent}{string}{blob_index}",
        Table.ModuleRef: f"<{string}",
        Table.Assembly: f"<IHHHHI{blob_index}{string}{string}",
        Table.AssemblyRef: f"<HHHHI{blob_index}{string}{string}{blob_index}",
    }
    present = sorted(table for table, table_rows in rows.items() if table_rows)
    wide = _WIDE_STRINGS * strings.is_wide | _WIDE_BLOBS * blobs.is_wide
    tables = _TABLES.pack(0, 2, 0, wide, 1, sum(1 << table for table in present), 0)
    tables += b"".join(U32.pack(len(rows[table])) for table in present)
    for table in present:
        pack = Struct(formats[table]).pack
        tables += b"".join([pack(*row) for row in rows[table]])
    streams = [
        (b"#~", tables.ljust(align(len(tables), 4), b"\0")),
        (b"#Strings", strings.padded()),
        (b"#US", user_strings.ljust(align(len(user_strings), 4), b"\0")),
        (b"#GUID", bytes(16)),
        (b"#Blob", blobs.padded()),
    ]
    root = _METADATA_ROOT.pack(_SIGNATURE, 1, 1, 0, len(_VERSION)) + _VERSION + U16.pack(0) + U16.pack(len(streams))
    names = [name.ljust(align(len(name) + 1, 4), b"\0") for name, _ in streams]
    offset = len(root) + sum(_STREAM.size + len(name) for name in names)
    headers = bytearray()
    for name, (_, content) in zip(names, streams, strict=True):
        headers += _STREAM.pack(offset, len(content)) + name
        offset += len(content)
    return b"".join((root, headers, *(content for _, content in streams)))


def _width(tag_bits: int, *tables: Sequence[object]) -> str:
    """The format of a coded index into these tables (II.24.2.6)."""
    return "I" if max(map(len, tables)) >> (16 - tag_bits) else "H"


def decode_manifest_metadata(blob: bytes, path: str = "manifest metadata") -> tuple[ManifestAssembly, ...]:
    """The AssemblyRefs of a manifest metadata blob; ``path`` is only shown in errors.

    Raises:
        NativegenError: NGEN1002 or NGEN1004, it is malformed.
    """
    reader = manifest_reader(blob, path)
    result = []
    for row in reader.rows(Table.AssemblyRef):
        major, minor, build, revision, _, key, name, culture, _ = row
        version = (major, minor, build, revision)
        result.append(ManifestAssembly(reader.string(name), version, reader.string(culture), reader.blob(key)))
    return tuple(result)


def manifest_reader(blob: bytes, path: str) -> MetadataReader:
    """All tables of a manifest metadata blob of the image at ``path``.

    The metadata reader starts from a PE file, so the blob is put into the smallest one there is.
    """
    headers = bytearray(0x200)
    headers[:2] = b"MZ"
    U32.pack_into(headers, 0x3C, 0x40)
    headers[0x40:0x44] = b"PE\0\0"
    Struct("<HHIIIHH").pack_into(headers, 0x44, 0x14C, 1, 0, 0, 0, 224, 0)
    U16.pack_into(headers, 0x58, 0x10B)
    Struct("<II").pack_into(headers, 0x58 + 32, 0x200, 0x200)
    U32.pack_into(headers, 0x58 + 92, 16)
    cli_rva, metadata_rva = 0x200, 0x248
    Struct("<II").pack_into(headers, 0x58 + 96 + 14 * 8, cli_rva, 72)
    size = 72 + len(blob)
    Struct("<8sIIIIIIHHI").pack_into(headers, 0x58 + 224, b".text", size, 0x200, size, 0x200, 0, 0, 0, 0, 0)
    cli = Struct("<IHHIIII").pack(72, 2, 5, metadata_rva, len(blob), 1, 0).ljust(72, b"\0")
    data = bytes(headers) + cli + blob
    return MetadataReader(data, path)
