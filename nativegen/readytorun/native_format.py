"""NativeFormat: the variable-length integers, sparse arrays and hash tables of the method entry point sections.

An array maps indices to blobs of any length: a table of blocks of 16, each block a binary tree of depth 4 whose missing
branches cost nothing. A hash table keeps, per bucket, the low byte of each hash and a relative offset to its payload
(runtime: nativeformatreader.h; compiler: NativeFormatWriter).

>>> encode_unsigned(1000).hex(), decode_unsigned(bytes.fromhex("a10f"), 0)
('a10f', (1000, 2))
>>> array = encode_array([b"one", None, b"three"])
>>> [(index, array[at:at + 3]) for index, at in iterate_array(array, 0)]
[(0, b'one'), (2, b'thr')]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from nativegen.readytorun.structs import I32, U32

_BLOCK = 16  # elements per array block
_ENTRIES_PER_BUCKET = 2


def encode_unsigned(value: int) -> bytes:
    """1 to 5 bytes; the low bits of the first tell how many."""
    if value < 1 << 7:
        return bytes((value << 1,))
    if value < 1 << 14:
        return (value << 2 | 1).to_bytes(2, "little")
    if value < 1 << 21:
        return (value << 3 | 3).to_bytes(3, "little")
    if value < 1 << 28:
        return (value << 4 | 7).to_bytes(4, "little")
    return b"\x0f" + value.to_bytes(4, "little")


def decode_unsigned(data: bytes | memoryview, offset: int) -> tuple[int, int]:
    """The number at ``offset`` and the offset behind it."""
    first = data[offset]
    if not first & 1:
        return first >> 1, offset + 1
    if not first & 2:
        return (first | data[offset + 1] << 8) >> 2, offset + 2
    if not first & 4:
        return (first | data[offset + 1] << 8 | data[offset + 2] << 16) >> 3, offset + 3
    if not first & 8:
        return U32.unpack_from(data, offset)[0] >> 4, offset + 4
    value: int = U32.unpack_from(data, offset + 1)[0]
    return value, offset + 5


def decode_signed(data: bytes | memoryview, offset: int) -> tuple[int, int]:
    """The signed number at ``offset`` and the offset behind it."""
    first = data[offset]
    if not first & 1:
        return (first - (first >> 7 << 8)) >> 1, offset + 1
    if not first & 2:
        return int.from_bytes(data[offset : offset + 2], "little", signed=True) >> 2, offset + 2
    if not first & 4:
        return int.from_bytes(data[offset : offset + 3], "little", signed=True) >> 3, offset + 3
    if not first & 8:
        return I32.unpack_from(data, offset)[0] >> 4, offset + 4
    value: int = I32.unpack_from(data, offset + 1)[0]
    return value, offset + 5


def encode_array(elements: Sequence[bytes | None]) -> bytes:
    """A sparse array; ``None`` elements are absent."""
    blocks = [_encode_block(elements[begin : begin + _BLOCK]) for begin in range(0, len(elements), _BLOCK)]
    empty = encode_unsigned(_BLOCK << 2)  # a leaf for an element number that no lookup asks for
    bodies = [empty if block is None else block for block in blocks]
    index_size = 4
    total = sum(map(len, bodies))
    for candidate_log2 in range(3):
        index_size = 1 << candidate_log2
        if index_size * len(bodies) + total <= 1 << 8 * index_size:
            break
    offset = index_size * len(bodies)
    index = bytearray()
    for body in bodies:
        index += offset.to_bytes(index_size, "little")
        offset += len(body)
    return b"".join((encode_unsigned(len(elements) << 2 | index_size >> 1), index, *bodies))


#: What stands before the only element of a tree, by its number in the block.
_LEAVES: Final = tuple(encode_unsigned(number << 2) for number in range(_BLOCK))
_MANY: Final = -1


def _encode_block(elements: Sequence[bytes | None]) -> bytes | None:
    """The tree of a block, or None when all elements are absent; the last block may be shorter.

    From the leaves up, as pairs: the encoding of a subtree and _MANY, or its only element and that one's number.
    """
    level: list[tuple[bytes | None, int]] = []
    for number, element in enumerate(elements):
        level.append((element, number))
    level += [(None, _MANY)] * (_BLOCK - len(level))
    size = 1
    while len(level) > 1:
        size *= 2
        pairs = iter(level)
        level = []
        for (first, first_number), (second, second_number) in zip(pairs, pairs, strict=True):
            if second is None and (first is None or first_number >= 0):
                level.append((first, first_number))
                continue
            if first is None and second_number >= 0:
                level.append((second, second_number))
                continue
            if size > 2:  # an element alone in a subtree has its number before it
                if first is not None and first_number >= 0:
                    first = _LEAVES[first_number] + first
                if second is not None and second_number >= 0:
                    second = _LEAVES[second_number] + second
            if second is None:
                assert first is not None
                level.append((_ONLY_FIRST + first, _MANY))
            elif first is None:
                level.append((_distance(0, 2) + second, _MANY))
            else:
                level.append((_distance(len(first), 3) + first + second, _MANY))
    ((tree, number),) = level
    return tree if tree is None or number < 0 else _LEAVES[number] + tree


_ONLY_FIRST: Final = encode_unsigned(1)


@lru_cache(4096)
def _distance(size: int, flags: int) -> bytes:
    """What stands before a first child of ``size`` bytes: the distance to the second, and which of them there are.

    The distance counts from the node itself and so depends on the size of its own encoding.
    """
    node = encode_unsigned(1 + size << 2 | flags)
    while len(node) != len(longer := encode_unsigned(len(node) + size << 2 | flags)):
        node = longer
    return longer


def iterate_array(data: bytes | memoryview, offset: int) -> Iterator[tuple[int, int]]:
    """(index, offset of the element's bytes) of all present elements, ascending; ``array_length`` gives the length.

    Raises:
        ValueError: the table of blocks does not fit into the data.
    """
    header, base = decode_unsigned(data, offset)
    count, index_log2 = header >> 2, header & 3
    size = 1 << index_log2
    blocks = (count + _BLOCK - 1) // _BLOCK
    if base + blocks * size > len(data):
        raise ValueError(f"an array of {count} elements does not fit")
    for block in range(blocks):
        node = base + int.from_bytes(data[base + block * size : base + (block + 1) * size], "little")
        for index, at in _iterate_node(data, node, block * _BLOCK, _BLOCK):
            if index < count:
                yield index, at


def array_length(data: bytes | memoryview, offset: int) -> int:
    """Number of elements, absent ones included."""
    return decode_unsigned(data, offset)[0] >> 2


def _iterate_node(data: bytes | memoryview, offset: int, begin: int, size: int) -> Iterator[tuple[int, int]]:
    if size == 1:
        yield begin, offset
        return
    value, following = decode_unsigned(data, offset)
    if not value & 3:
        element = value >> 2
        if element < _BLOCK:
            yield begin & ~(_BLOCK - 1) | element, following
        return
    half = size // 2
    if value & 1:
        yield from _iterate_node(data, following, begin, half)
    if value & 2:
        yield from _iterate_node(data, offset + (value >> 2), begin + half, half)


class HashEntry(NamedTuple):
    """One entry of a hash table: what remains of its hash, and where its payload begins."""

    bucket: int
    low_hash: int
    offset: int


def encode_hashtable(entries: Iterable[tuple[int, bytes]]) -> bytes:
    """A hash table of (32-bit hash, payload); equal hashes keep their order.

    The bucket is chosen by the hash bits from 8 upwards, the entry inside it by the low byte.
    """
    all_entries = list(entries)
    log2 = 0
    while _ENTRIES_PER_BUCKET << log2 < len(all_entries):
        log2 += 1
    buckets: list[list[tuple[int, bytes]]] = [[] for _ in range(1 << log2)]
    for value, payload in all_entries:
        buckets[value >> 8 & (len(buckets) - 1)].append((value & 0xFF, payload))
    index = bytearray()
    offset = 4 * (len(buckets) + 1)  # everything counts from behind the first byte
    payload_offset = offset + 6 * len(all_entries)
    table = bytearray()
    payloads: list[bytes] = []
    for bucket in buckets:
        index += U32.pack(offset)
        for low, payload in sorted(bucket, key=lambda entry: entry[0]):
            table.append(low)
            table += b"\x0f" + I32.pack(payload_offset - (offset + 1))  # relative to itself, five bytes
            payloads.append(payload)
            payload_offset += len(payload)
            offset += 6
    index += U32.pack(offset)
    return b"".join((bytes((log2 << 2 | 2,)), index, table, *payloads))


def iterate_hashtable(data: bytes | memoryview, offset: int) -> Iterator[HashEntry]:
    """All entries, bucket by bucket.

    Raises:
        ValueError: the table of buckets does not fit into the data.
    """
    for bucket in range(hashtable_bucket_count(data, offset)):
        yield from _iterate_bucket(data, offset, bucket)


def find_in_hashtable(data: bytes | memoryview, offset: int, value: int) -> Iterator[HashEntry]:
    """The entries that may be of a hash: of it, a table keeps the bucket and the low byte.

    Raises:
        ValueError: the table of buckets does not fit into the data.
    """
    for entry in _iterate_bucket(data, offset, value >> 8 & hashtable_bucket_count(data, offset) - 1):
        if entry.low_hash == value & 0xFF:
            yield entry


def _iterate_bucket(data: bytes | memoryview, offset: int, bucket: int) -> Iterator[HashEntry]:
    base = offset + 1
    bucket_count = hashtable_bucket_count(data, offset)
    size = 1 << (data[offset] & 3)
    if base + (bucket_count + 1) * size > len(data):
        raise ValueError(f"a hash table of {bucket_count} buckets does not fit")
    at, end = (
        base + int.from_bytes(data[base + number * size : base + (number + 1) * size], "little")
        for number in (bucket, bucket + 1)
    )
    while at < end:
        relative, following = decode_signed(data, at + 1)
        yield HashEntry(bucket, data[at], at + 1 + relative)
        at = following


def hashtable_bucket_count(data: bytes | memoryview, offset: int) -> int:
    """Number of buckets; an entry of hash h belongs to bucket ``h >> 8 & (count - 1)``."""
    return 1 << (data[offset] >> 2)
