"""Check ``metadata-tables``: the tables that repeat the metadata's facts say what the metadata says.

The runtime believes them: a type that is missing in the table of types is not found by its name, an attribute that is
missing in the filter does not exist, and a class of which the maps say something else is loaded wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.metadata_tables import MAPS, available_types, known_attributes, may_have_attribute
from nativegen.readytorun.native_format import hashtable_bucket_count
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.verify.check_metadata import check_metadata
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_metadata_tables(subject: Subject) -> Iterator[Finding]:
    """Findings about sections 108, 113 and 121 to 123; an image need not have them.

    Raises:
        NativegenError: NGEN3104, a table does not decode.
    """
    image = subject.image
    if any(check_metadata(subject)):
        return  # other metadata than the assembly's: its own check says so
    if image.section(SectionType.AvailableTypes) is not None and not _has_types(image):
        yield Finding(Severity.ABORT, "the table of types does not have the types of the metadata")
    section = image.section(SectionType.AttributePresence)
    if section is not None:
        table = image.section_bytes(SectionType.AttributePresence)
        if section.rva % 16 or len(table) & len(table) - 1:
            yield Finding(Severity.ABORT, "the filter of attributes is misaligned or of a wrong size")
        elif not all(may_have_attribute(table, name, token) for name, token in known_attributes(image.assembly)):
            yield Finding(Severity.ABORT, "the filter of attributes denies attributes of the metadata")
    for type, encode in MAPS.items():
        if image.section(type) is not None and image.section_bytes(type) != encode(image.assembly):
            yield Finding(Severity.ABORT, f"{type.name} is not the metadata's")


def _has_types(image: ReadyToRunImage) -> bool:
    section = image.section(SectionType.AvailableTypes)
    assert section is not None
    mask = hashtable_bucket_count(image.memory, section.rva) - 1
    found = image.available_types
    expected = ((hash >> 8 & mask, hash & 0xFF, payload) for hash, payload in available_types(image.assembly))
    places = [(entry.bucket, entry.low_hash) for entry in found]
    return places == sorted(places) and sorted(found) == sorted(expected)


CHECK = Check("metadata-tables", "the tables made of the metadata say what it says", check_metadata_tables)
