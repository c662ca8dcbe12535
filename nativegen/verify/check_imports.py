"""Check ``imports``: indirection cells, their signatures and their argument maps are parallel and inside the image."""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.imports import CELL_SIZE
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_imports(subject: Subject) -> Iterator[Finding]:
    """Findings about section 101.

    Raises:
        NativegenError: NGEN3104, the section or an argument map does not decode.
    """
    image = subject.image
    for index, section in enumerate(image.import_sections):
        if section.entry_size not in (0, CELL_SIZE):
            yield Finding(Severity.ABORT, f"import section {index} has cells of {section.entry_size} bytes")
            continue
        image.gc_ref_maps(index)
        if section.signatures_rva and section.signatures_rva + 4 * section.cell_count > len(image.memory):
            yield Finding(Severity.ABORT, f"signatures of import section {index} lie outside the image")
            continue
        for slot in range(section.cell_count):
            rva = image.signature_rva(index, slot)
            if section.signatures_rva and not 0 < rva < len(image.memory):
                yield Finding(Severity.ABORT, f"cell {index}.{slot} has its signature at {rva:#x}, outside the image")


CHECK = Check("imports", "cells, signatures and argument maps are parallel", check_imports)
