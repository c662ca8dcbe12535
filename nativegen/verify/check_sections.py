"""Check ``sections``: the PE sections can be mapped from the file as CoreCLR's own loader does (map.cpp)."""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.container import PAGE
from nativegen.verify.model import Check, Finding, Severity, Subject

_EXECUTE_AND_WRITE = 0x2000_0000 | 0x8000_0000


def check_sections(subject: Subject) -> Iterator[Finding]:
    """Findings about the section table."""
    assembly = subject.image.assembly
    end = 0
    for section in assembly.sections:
        if section.virtual_address < end:
            yield Finding(Severity.ABORT, f"section {section.name} overlaps the one before it, or is out of order")
        if section.raw_offset % PAGE != section.virtual_address % PAGE:
            message = f"section {section.name} cannot be mapped: offset and address differ in a page"
            yield Finding(Severity.ABORT, message)
        if section.raw_offset + section.raw_size > len(assembly.data):
            yield Finding(Severity.ABORT, f"section {section.name} runs over the end of the file")
        if section.characteristics & _EXECUTE_AND_WRITE == _EXECUTE_AND_WRITE:
            yield Finding(Severity.ABORT, f"section {section.name} is writable and executable")
        end = section.virtual_address + max(section.virtual_size, section.raw_size)


CHECK = Check("sections", "its sections can be mapped", check_sections)
