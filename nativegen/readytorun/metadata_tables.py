"""Sections that repeat facts of the metadata in a form that is quick to ask: they make loading types cheaper.

Without them the runtime hashes the names of all types of an assembly when the first one is looked up, and searches the
CustomAttribute and GenericParam tables once or more for each type, method and field that it loads.

====  ==================  ============================================================================================
108   AvailableTypes      hash table of the types' names; payload ``row << 1 | is_exported_type``. **The runtime looks
                          nowhere else**: a type that is missing does not exist for other assemblies.
113   AttributePresence   cuckoo filter of (attribute, token) for the attributes that the runtime itself knows; what is
                          not in it does not exist. 16-byte buckets of fingerprints, a power of two of them.
121   MethodIsGenericMap  count, then one bit per MethodDef, highest bit first
122   EnclosingTypeMap    u16 count, then the u16 row of each TypeDef's enclosing type, or 0
123   TypeGenericInfoMap  count, then four bits per TypeDef, high half first
====  ==================  ============================================================================================

Sources: readytoruninfo.cpp, nativeformatreader.h, versionresilienthashcode.cpp, wellknownattributes.h of the runtimes;
Microsoft's own images have all of them (113 only System.Private.CoreLib), which the tests compare ours with.

>>> encode_bits([True, False, False], 1).hex()
'80'
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from nativegen.metadata import Assembly, Table
from nativegen.metadata.flags import GenericParamAttributes
from nativegen.metadata.tables import CodedIndex
from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.hashing import bytes_hash, name_hash, pair_hash
from nativegen.readytorun.native_format import encode_hashtable, encode_unsigned
from nativegen.readytorun.structs import U16, U32

_MAX_ENCLOSING_ROWS: Final = 0xFFFE  # the map's rows are 16 bits wide
_CONSTRAINTS: Final = GenericParamAttributes.SPECIAL_CONSTRAINT_MASK | GenericParamAttributes.ALLOW_BYREF_LIKE
_MORE_THAN_TWO: Final = 3
_HAS_CONSTRAINTS: Final = 0x4
_HAS_VARIANCE: Final = 0x8

_OTHER_KNOWN: Final = (
    "System.ParamArrayAttribute",
    "System.ThreadStaticAttribute",
    "System.Reflection.DefaultMemberAttribute",
)
_BUCKET: Final = 8  # fingerprints per bucket
_MAX_KICKS: Final = 256
_MAX_DOUBLINGS: Final = 4


def metadata_sections(assembly: Assembly, has_maps: bool) -> dict[SectionType, tuple[bytes, int]]:
    """The sections for an assembly: content and alignment of each.

    Args:
        has_maps: the runtime knows sections 121 to 123.
    """
    sections = {SectionType.AvailableTypes: (encode_available_types(assembly), 4)}
    attributes = encode_attribute_filter(known_attributes(assembly))
    if attributes is not None:
        sections[SectionType.AttributePresence] = (attributes, 16)
    for type, encode in MAPS.items() if has_maps else ():
        if type is not SectionType.EnclosingTypeMap or assembly.row_count(Table.TypeDef) <= _MAX_ENCLOSING_ROWS:
            sections[type] = (encode(assembly), 4)
    return sections


# ---- types -------------------------------------------------------------------------------------------------------


def encode_available_types(assembly: Assembly) -> bytes:
    """Section 108: all types that the assembly defines or exports."""
    return encode_hashtable((hash, encode_unsigned(payload)) for hash, payload in available_types(assembly))


def available_types(assembly: Assembly) -> Iterator[tuple[int, int]]:
    """(hash, payload) of each type; the hash is the exclusive or of its own and its enclosing types' names' hashes."""

    @functools.cache
    def hash_of(string: int) -> int:
        return bytes_hash(assembly.string_bytes(string))

    for rid in range(1, assembly.row_count(Table.TypeDef) + 1):
        hash, current = 0, rid
        while current:
            _, name, namespace, *_ = assembly.row(Table.TypeDef, current)
            hash ^= hash_of(namespace) ^ hash_of(name)
            current = assembly.enclosing_type(current)
        yield hash, rid << 1
    for rid in range(1, assembly.row_count(Table.ExportedType) + 1):
        hash, token = 0, Table.ExportedType << 24 | rid
        while token >> 24 == Table.ExportedType:
            _, _, name, namespace, implementation = assembly.row(Table.ExportedType, token & 0xFFFFFF)
            hash ^= hash_of(namespace) ^ hash_of(name)
            token = assembly.coded_token(CodedIndex.Implementation, implementation)
        yield hash, rid << 1 | 1


def encode_enclosing_type_map(assembly: Assembly) -> bytes:
    """Section 122; for at most 0xFFFE types."""
    count = assembly.row_count(Table.TypeDef)
    return U16.pack(count) + b"".join(U16.pack(assembly.enclosing_type(rid)) for rid in range(1, count + 1))


def encode_type_generic_info_map(assembly: Assembly) -> bytes:
    """Section 123: per type the number of its type parameters (at most 3), whether one is constrained, or variant."""
    count = assembly.row_count(Table.TypeDef)
    infos = (_generic_info(assembly, Table.TypeDef << 24 | rid) for rid in range(1, count + 1))
    return U32.pack(count) + encode_bits(infos, 4)


def _generic_info(assembly: Assembly, token: int) -> int:
    parameters = assembly.generic_params(token)
    info = min(len(parameters), _MORE_THAN_TWO)
    for parameter in parameters:
        if parameter.flags & GenericParamAttributes.VARIANCE_MASK:
            info |= _HAS_VARIANCE
        if parameter.flags & _CONSTRAINTS or assembly.generic_param_constraints(parameter.rid):
            info |= _HAS_CONSTRAINTS
    return info


def encode_method_is_generic_map(assembly: Assembly) -> bytes:
    """Section 121."""
    count = assembly.row_count(Table.MethodDef)
    generic = (bool(assembly.generic_params(Table.MethodDef << 24 | rid)) for rid in range(1, count + 1))
    return U32.pack(count) + encode_bits(generic, 1)


def encode_bits(values: Iterable[int], width: int) -> bytes:
    """Numbers of ``width`` bits each (1 or 4) in bytes, the first in the highest bits."""
    per_byte = 8 // width
    result = bytearray()
    for index, value in enumerate(values):
        place = index % per_byte
        if not place:
            result.append(0)
        result[-1] |= int(value) << 8 - width * (place + 1)
    return bytes(result)


#: The sections that only some runtimes know, and what makes them.
MAPS: Final[Mapping[SectionType, Callable[[Assembly], bytes]]] = MappingProxyType(
    {
        SectionType.MethodIsGenericMap: encode_method_is_generic_map,
        SectionType.EnclosingTypeMap: encode_enclosing_type_map,
        SectionType.TypeGenericInfoMap: encode_type_generic_info_map,
    }
)

# ---- attributes ----------------------------------------------------------------------------------------------------


def known_attributes(assembly: Assembly) -> Iterator[tuple[str, int]]:
    """(attribute's full name, token of what carries it) of the attributes that a runtime may ask the filter for.

    All below System.Runtime and three others: that the runtime never asks for another one, its debug build asserts.
    """

    @functools.cache
    def name_of(constructor: int) -> str | None:
        return _known_name(assembly, assembly.coded_token(CodedIndex.CustomAttributeType, constructor))

    for rid in range(1, assembly.row_count(Table.CustomAttribute) + 1):
        parent, constructor, _ = assembly.row(Table.CustomAttribute, rid)
        name = name_of(constructor)
        if name is not None:
            yield name, assembly.coded_token(CodedIndex.HasCustomAttribute, parent)


def _known_name(assembly: Assembly, constructor: int) -> str | None:
    token = constructor
    if token >> 24 == Table.MethodDef:
        token = Table.TypeDef << 24 | assembly.type_of_method(token & 0xFFFFFF)
    elif token >> 24 == Table.MemberRef:
        token = assembly.member_ref(token & 0xFFFFFF).parent_token
    if token >> 24 not in (Table.TypeDef, Table.TypeRef):
        return None  # of a generic class: the runtime knows none
    row = (assembly.type_def if token >> 24 == Table.TypeDef else assembly.type_ref)(token & 0xFFFFFF)
    # The runtime compares ``Namespace.Name`` and ignores enclosing classes.
    name = f"{row.namespace}.{row.name}" if row.namespace else row.name
    if name == "System.Runtime.CompilerServices.NullableAttribute":
        return None  # most of all attributes, and of no use to the runtime
    return name if name in _OTHER_KNOWN or name.startswith(("System.Runtime.", "Windows.Foundation.")) else None


def encode_attribute_filter(attributes: Iterable[tuple[str, int]]) -> bytes | None:
    """Section 113; None when the entries do not fit into a table of reasonable size."""
    hashes = sorted({pair_hash(name_hash(name), token) for name, token in attributes})
    buckets = 1
    while buckets * _BUCKET <= len(hashes):
        buckets *= 2
    for _ in range(_MAX_DOUBLINGS):
        table = _fill(hashes, buckets)
        if table is not None:
            return b"".join(U16.pack(fingerprint) for bucket in table for fingerprint in bucket)
        buckets *= 2
    return None


def _fill(hashes: Sequence[int], count: int) -> list[list[int]] | None:
    """Cuckoo hashing: each fingerprint in one of its two buckets; None when the table is too full for that."""
    buckets: list[list[int]] = [[] for _ in range(count)]
    turn = 0
    for hash in hashes:
        fingerprint = hash >> 16 or 1
        first = hash & count - 1
        second = first ^ (fingerprint & count - 1)
        if fingerprint in buckets[first] or fingerprint in buckets[second]:
            continue
        place = min(first, second, key=lambda bucket: len(buckets[bucket]))
        for _ in range(_MAX_KICKS):
            if len(buckets[place]) < _BUCKET:
                buckets[place].append(fingerprint)
                break
            turn = (turn + 1) % _BUCKET
            buckets[place][turn], fingerprint = fingerprint, buckets[place][turn]
            place ^= fingerprint & count - 1
        else:
            return None
    return [bucket + [0] * (_BUCKET - len(bucket)) for bucket in buckets]


def may_have_attribute(table: bytes | memoryview, name: str, token: int) -> bool:
    """The runtime's question to section 113: False is certain."""
    if not table:
        return False
    hash = pair_hash(name_hash(name), token)
    fingerprint = hash >> 16 or 1
    mask = len(table) // (2 * _BUCKET) - 1
    for bucket in (hash & mask, (hash & mask) ^ (fingerprint & mask)):
        at = bucket * 2 * _BUCKET
        if any(U16.unpack_from(table, at + 2 * entry)[0] == fingerprint for entry in range(_BUCKET)):
            return True
    return False
