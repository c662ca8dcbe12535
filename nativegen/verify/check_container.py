"""Check ``container``: the PE file around the code is one that CoreCLR's loader maps.

A mistake here is not a slow start but ``BadImageFormatException``. Rules: pedecoder.cpp and map.cpp of both runtimes.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.container import MACHINE_LINUX_X64, PAGE
from nativegen.verify.model import Check, Finding, Severity, Subject

_COMIMAGE_IL_LIBRARY = 0x4
_COMIMAGE_ILONLY = 0x1
_EXECUTE_AND_WRITE = 0x2000_0000 | 0x8000_0000


def check_container(subject: Subject) -> Iterator[Finding]:
    """Findings about headers, flags and sections."""
    assembly = subject.image.assembly
    if assembly.machine != MACHINE_LINUX_X64:
        machine = f"{assembly.pe.machine_name} for {assembly.pe.machine_os}"
        yield Finding(Severity.ABORT, f"machine is {machine}, not AMD64 for linux")
    if not assembly.is_pe32_plus:
        yield Finding(Severity.ABORT, "32-bit optional header")
    if assembly.cli_flags & _COMIMAGE_ILONLY or not assembly.cli_flags & _COMIMAGE_IL_LIBRARY:
        yield Finding(Severity.ABORT, f"CLI header flags {assembly.cli_flags:#x} are not those of an image")
    end = 0
    for section in sorted(assembly.sections, key=lambda s: s.virtual_address):
        if section.virtual_address < end:
            yield Finding(Severity.ABORT, f"section {section.name} overlaps the one before it")
        if section.raw_offset % PAGE != section.virtual_address % PAGE:
            yield Finding(
                Severity.ABORT, f"section {section.name} cannot be mapped: offset and address differ in a page"
            )
        if section.raw_offset + section.raw_size > len(assembly.data):
            yield Finding(Severity.ABORT, f"section {section.name} runs over the end of the file")
        if section.characteristics & _EXECUTE_AND_WRITE == _EXECUTE_AND_WRITE:
            yield Finding(Severity.ABORT, f"section {section.name} is writable and executable")
        end = section.virtual_address + max(section.virtual_size, section.raw_size)


CHECK = Check("container", "the file is one that the runtime's loader maps", check_container)
