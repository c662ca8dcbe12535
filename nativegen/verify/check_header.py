"""Check ``header``: the CLI header leads to a ReadyToRun header whose section table is in order.

Whatever cannot be read at all is found here, once: no other check can say anything about such a file then.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nativegen.verify.model import Check, Finding, Severity, Subject


def check_header(subject: Subject) -> Iterator[Finding]:
    """Findings about ManagedNativeHeader and the table of sections.

    Raises:
        NativegenError: the file cannot be read, or is no image.
    """
    image = subject.image
    directory = image.assembly.pe.cli.managed_native_header
    if image.assembly.pe.bytes_available(directory.rva) < directory.size:
        yield Finding(Severity.ABORT, f"its ReadyToRun header at {directory.rva:#x} runs over the end of its section")
    for first, second in pairwise(image.header.sections):
        if first.type >= second.type:
            yield Finding(Severity.ABORT, f"its section table is not sorted: {second.type} after {first.type}")


CHECK = Check("header", "it is a ReadyToRun image with a sound table of sections", check_header)
"""An image that fails this one cannot be read: the other checks are left out."""
