"""Check ``machine``: the headers are those of an image for the machine and system that it is meant for.

The machine field of a ReadyToRun image is the processor's number XOR a number for the operating system (pedecoder.h),
so that another system refuses it; CoreCLR answers a mistake here with ``BadImageFormatException``.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.container import MACHINE_LINUX_X64
from nativegen.verify.model import Check, Finding, Severity, Subject

_COMIMAGE_ILONLY = 0x1
_COMIMAGE_IL_LIBRARY = 0x4


def check_machine(subject: Subject) -> Iterator[Finding]:
    """Findings about the COFF, optional and CLI headers."""
    assembly = subject.image.assembly
    if assembly.machine != MACHINE_LINUX_X64:
        machine = f"{assembly.pe.machine_name} for {assembly.pe.machine_os}"
        yield Finding(Severity.ABORT, f"machine is {machine}, not AMD64 for linux")
    if not assembly.is_pe32_plus:
        yield Finding(Severity.ABORT, "32-bit optional header")
    if assembly.cli_flags & _COMIMAGE_ILONLY or not assembly.cli_flags & _COMIMAGE_IL_LIBRARY:
        yield Finding(Severity.ABORT, f"CLI header flags {assembly.cli_flags:#x} are not those of an image")


CHECK = Check("machine", "its headers are those of an image for this machine", check_machine)
