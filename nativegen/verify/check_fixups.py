"""Check ``fixups``: every cell's signature decodes, is of a kind the target resolves, and its tokens exist.

A signature that the runtime cannot resolve rejects the method that needs it, or ends the process.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.verify.model import Check, Finding, Severity, Subject


def check_fixups(subject: Subject) -> Iterator[Finding]:
    """Findings about import sections and the fixups of methods.

    Raises:
        NativegenError: NGEN3104, a signature does not decode.
    """
    image, target = subject.image, subject.image_target
    for index, section in enumerate(image.import_sections):
        image.gc_ref_maps(index)
        for slot in range(section.cell_count):
            fixup = image.fixup(index, slot)
            if fixup is not None and target is not None and fixup.kind not in target.fixup_kinds:
                yield Finding(Severity.ABORT, f"cell {index}.{slot}: {target.name} cannot resolve {fixup.kind.name}")
    for rid, entry in image.method_entries.items():
        for index, slot in entry.fixups:
            if index >= len(image.import_sections) or slot >= image.import_sections[index].cell_count:
                yield Finding(Severity.ABORT, f"method {rid} needs cell {index}.{slot}, there is none")


CHECK = Check("fixups", "every fixup signature decodes and is one the target resolves", check_fixups)
