"""Read LLVM's stack map section (version 3): where ``llvm.experimental.stackmap`` operands live.

The compiler announces a method's homes with one such call; LLVM answers with a record "frame register + offset".
Records are grouped by function, whose address is a relocation of the section.

Invariant: either every byte of the section is understood or :class:`StackMapError` is raised.

>>> Location(LocationKind.DIRECT, 8, 6, -8)        # the address rbp-8; register numbers are DWARF's
Location(kind=<LocationKind.DIRECT: 2>, size=8, register=6, value=-8)

Source: LLVM documentation, "Stack maps and patch points in LLVM", Stack Map Format.
"""

from __future__ import annotations

import enum
import struct
from typing import NamedTuple

from nativegen.backend.coff import IMAGE_REL_AMD64_ADDR64, ObjectFile, ObjectSection

_FILE_HEADER = struct.Struct("<BBHIII")
_FUNCTION = struct.Struct("<QQQ")
_RECORD = struct.Struct("<QIHH")
_LOCATION = struct.Struct("<BBHHHi")
_VERSION = 3

SECTION_NAME = ".llvm_stackmaps"
DWARF_RBP = 6
DWARF_RSP = 7


class StackMapError(ValueError):
    """The section is not a stack map of the known version."""


class LocationKind(enum.IntEnum):
    REGISTER = 1  # the value is in `register`
    DIRECT = 2  # the value is the address `register` + `value`
    INDIRECT = 3  # the value is in memory at `register` + `value`
    CONSTANT = 4
    CONSTANT_INDEX = 5


class Location(NamedTuple):
    """Where one operand is; ``register`` is a DWARF number, ``value`` an offset in bytes or the constant."""

    kind: LocationKind
    size: int
    register: int
    value: int


class StackMapRecord(NamedTuple):
    """One call of the intrinsic; ``offset`` in bytes from the function's start."""

    id: int
    offset: int
    locations: tuple[Location, ...]


def read_stack_maps(obj: ObjectFile) -> dict[str, tuple[StackMapRecord, ...]]:
    """Records by function name; empty when the object has no stack map section.

    Raises:
        StackMapError: malformed, another version, or not exactly one section.
    """
    sections = [section for section in obj.sections if section.name == SECTION_NAME]
    if not sections:
        return {}
    if len(sections) > 1:
        raise StackMapError("more than one stack map section")
    try:
        return _read(obj, sections[0])
    except (struct.error, ValueError) as error:
        if isinstance(error, StackMapError):
            raise
        raise StackMapError(f"malformed stack map: {error}") from error


def _read(obj: ObjectFile, section: ObjectSection) -> dict[str, tuple[StackMapRecord, ...]]:
    data = section.data
    version, _, _, function_count, constant_count, record_count = _FILE_HEADER.unpack_from(data, 0)
    if version != _VERSION:
        raise StackMapError(f"stack map version {version}")
    names = {
        relocation.offset: obj.symbols[relocation.symbol]
        for relocation in section.relocations
        if relocation.kind == IMAGE_REL_AMD64_ADDR64
    }
    position = _FILE_HEADER.size
    functions: list[tuple[str, int]] = []
    for _ in range(function_count):
        address, _, count = _FUNCTION.unpack_from(data, position)
        symbol = names.get(position)
        if symbol is None or address or not symbol.is_function or symbol.value:
            raise StackMapError("stack map function without a symbol")
        functions.append((symbol.name, count))
        position += _FUNCTION.size
    position += 8 * constant_count  # large constants: no operand of ours is one
    if sum(count for _, count in functions) != record_count:
        raise StackMapError("stack map record counts disagree")
    result: dict[str, tuple[StackMapRecord, ...]] = {}
    for name, count in functions:
        if name in result:
            raise StackMapError(f"two stack map entries for {name}")
        records = []
        for _ in range(count):
            record, position = _read_record(data, position)
            records.append(record)
        result[name] = tuple(records)
    return result


def _read_record(data: bytes, position: int) -> tuple[StackMapRecord, int]:
    number, offset, _, location_count = _RECORD.unpack_from(data, position)
    position += _RECORD.size
    locations = []
    for _ in range(location_count):
        kind, _, size, register, _, value = _LOCATION.unpack_from(data, position)
        locations.append(Location(LocationKind(kind), size, register, value))
        position += _LOCATION.size
    position = -(-position // 8) * 8
    live_out_count = struct.unpack_from("<HH", data, position)[1]
    position += 4 + 4 * live_out_count
    position = -(-position // 8) * 8
    if position > len(data):
        raise StackMapError("stack map record ends behind the section")
    return StackMapRecord(number, offset, tuple(locations)), position
