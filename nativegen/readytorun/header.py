"""The READYTORUN_HEADER: signature, version, flags and the table of sections sorted by type.

>>> header = Header(3, 1, HeaderFlags(3), (Section(100, 0x9000, 12),))
>>> decode_header(encode_header(header), 0) == header
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from nativegen.readytorun.enums import HeaderFlags
from nativegen.readytorun.structs import HEADER, READYTORUN_SIGNATURE, SECTION

_MAX_SECTIONS = 1000  # more than any version of the format has: only garbage exceeds it


class Section(NamedTuple):
    """One entry of the section table; ``type`` is a SectionType, or a number unknown to us."""

    type: int
    rva: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an image.

    Args:
        major, minor: format version; the runtime ignores images of another major than its own.
        flags: what the runtime may assume.
        sections: sorted by type.
    """

    major: int
    minor: int
    flags: HeaderFlags
    sections: tuple[Section, ...]

    def section(self, type: int) -> Section | None:
        """The section of that type, or None."""
        return next((section for section in self.sections if section.type == type), None)


def header_size(section_count: int) -> int:
    """Bytes that a header with so many sections takes."""
    return HEADER.size + SECTION.size * section_count


def encode_header(header: Header) -> bytes:
    """The header's bytes, sections sorted by type."""
    sections = sorted(header.sections)
    start = HEADER.pack(READYTORUN_SIGNATURE, header.major, header.minor, header.flags, len(sections))
    return start + b"".join(SECTION.pack(*section) for section in sections)


def decode_header(data: bytes | memoryview, offset: int) -> Header:
    """The header at ``offset``.

    Raises:
        ValueError: wrong signature or an absurd number of sections.
    """
    signature, major, minor, flags, count = HEADER.unpack_from(data, offset)
    if signature != READYTORUN_SIGNATURE or count > _MAX_SECTIONS:
        raise ValueError("no READYTORUN_HEADER")
    at = offset + HEADER.size
    sections = tuple(Section(*SECTION.unpack_from(data, at + SECTION.size * index)) for index in range(count))
    return Header(major, minor, HeaderFlags(flags), sections)
