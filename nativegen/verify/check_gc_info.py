"""Check ``gc-info``: the GC information of every method decodes and covers exactly its code.

Wrong GC information is heap corruption at some later time.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.gcinfo import decode_gc_info
from nativegen.readytorun.runtime_functions import decode_unwind_info
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_gc_info(subject: Subject) -> Iterator[Finding]:
    """The first finding about a GcInfo."""
    image = subject.image
    for size, pieces in subject.methods_of_code:
        main = pieces[0]
        try:
            at = main.unwind + decode_unwind_info(image.memory, main.unwind).size
        except (ValueError, IndexError):
            continue  # the finding of another check
        try:
            covered = decode_gc_info(image.memory, at, image.gcinfo_version).info.code_length
        except (ValueError, IndexError, OverflowError) as error:
            yield Finding(Severity.ABORT, f"GC information of the code at {main.begin:#x}: {error}")
            return
        if covered != size:
            yield Finding(
                Severity.ABORT, f"GC information of the code at {main.begin:#x} covers {covered} of {size} bytes"
            )
            return


CHECK = Check("gc-info", "GC information decodes and covers the code", check_gc_info)
