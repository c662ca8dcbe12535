"""Version-resilient hash codes: how InstanceMethodEntryPoints (109) finds an instantiated method by name.

The runtime computes the same numbers from loaded types (versionresilienthashcode.cpp), so they must not change by a
bit. Strings hash as UTF-8 bytes, sign-extended; a type's namespace and name hash separately; nested types mix in their
enclosing type; instances mix in their arguments; ``System.__Canon`` stands for every reference type argument.

>>> hex(type_hash("System", "__Canon"))
'0x499353f3'
>>> method_hash(type_hash("", "G`1"), "Make") == type_hash("", "G`1") ^ name_hash("Make")
True
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

_MASK = 0xFFFF_FFFF


def _rotate_left(value: int, count: int) -> int:
    return (value << count | value >> (32 - count)) & _MASK


@functools.cache
def name_hash(name: str) -> int:
    """Of an identifier; 0 for the empty one."""
    return bytes_hash(name.encode("utf-8", "surrogatepass"))


def bytes_hash(data: bytes) -> int:
    """Of an identifier as it stands in the metadata, which need not be valid UTF-8."""
    if not data:
        return 0
    even, odd = 0x6DA3B944, 0
    for index in range(0, len(data), 2):
        even = even + _rotate_left(even, 5) & _MASK ^ _sign_extended(data[index])
        if index + 1 < len(data):
            odd = odd + _rotate_left(odd, 5) & _MASK ^ _sign_extended(data[index + 1])
    even = even + _rotate_left(even, 8) & _MASK
    odd = odd + _rotate_left(odd, 8) & _MASK
    return even ^ odd


def _sign_extended(byte: int) -> int:
    return byte if byte < 0x80 else byte | 0xFFFF_FF00


def type_hash(namespace: str, name: str) -> int:
    """Of a type definition that is not nested."""
    return name_hash(namespace) ^ name_hash(name)


def nested_type_hash(enclosing: int, own: int) -> int:
    """Of a nested definition, from its enclosing definition's hash and its own namespace and name hash."""
    return (enclosing + _rotate_left(enclosing, 11) & _MASK) ^ own


def instance_hash(definition: int, arguments: Iterable[int]) -> int:
    """Of a generic instance, from the definition's hash (or a method's name hash) and the arguments' hashes."""
    value = definition
    for argument in arguments:
        value = value + _rotate_left(value, 13) & _MASK ^ argument
    return value + _rotate_left(value, 15) & _MASK


def array_hash(element: int, rank: int = 1) -> int:
    """Of an array type, from its element's hash."""
    value = 0xD5313556 + rank & _MASK
    return instance_hash(value, (element,))


def pointer_hash(element: int) -> int:
    """Of an unmanaged pointer type."""
    return (element + _rotate_left(element, 5) & _MASK) ^ 0x12D0


def byref_hash(element: int) -> int:
    """Of a managed pointer type."""
    return (element + _rotate_left(element, 7) & _MASK) ^ 0x4C85


def method_hash(owner: int, name: str, arguments: Sequence[int] = ()) -> int:
    """Of a method, from its owner's hash (instantiated, when generic) and its own type arguments' hashes."""
    own = name_hash(name)
    return owner ^ (instance_hash(own, arguments) if arguments else own)


def pair_hash(first: int, second: int) -> int:
    """Of two 32-bit numbers: System.HashCode.Combine with seed 0, under which AttributePresence (113) files entries."""
    value = 374761393 + 8
    for number in (first, second):
        value = _rotate_left(value + number * 3266489917 & _MASK, 17) * 668265263 & _MASK
    value = (value ^ value >> 15) * 2246822519 & _MASK
    value = (value ^ value >> 13) * 3266489917 & _MASK
    return value ^ value >> 16
