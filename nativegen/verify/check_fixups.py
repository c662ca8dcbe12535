"""Check ``fixups``: every cell's signature decodes, is of a kind the target resolves, and its tokens exist.

A signature that the runtime cannot resolve rejects the method that needs it, or ends the process.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.diagnostics import NativegenError
from nativegen.readytorun.enums import FixupKind
from nativegen.verify.model import Check, Finding, Severity, Subject
from nativegen.verify.tokens import Tokens


def check_fixups(subject: Subject) -> Iterator[Finding]:
    """Findings about the signatures of cells.

    Raises:
        NativegenError: NGEN3104, a signature does not decode.
    """
    image, target = subject.image, subject.image_target
    tokens = Tokens(image.assembly)
    try:
        sections = image.import_sections
    except NativegenError:
        return  # the finding of another check
    for index, section in enumerate(sections):
        for slot in range(section.cell_count):
            if not 0 < image.signature_rva(index, slot) < len(image.memory):
                continue  # the finding of another check, or a section without signatures
            fixup = image.fixup(index, slot)
            if fixup is None:
                continue
            if target is not None and fixup.kind not in target.fixup_kinds:
                yield Finding(Severity.ABORT, f"cell {index}.{slot}: {target.name} cannot resolve {fixup.kind.name}")
            elif target is not None and fixup.kind is FixupKind.Helper and target.helper_name(fixup.numbers[0]) is None:
                yield Finding(Severity.ABORT, f"cell {index}.{slot}: {target.name} has no helper {fixup.numbers[0]:#x}")
            else:
                wrong = tokens.wrong(fixup)
                if wrong is not None:
                    yield Finding(Severity.ABORT, f"cell {index}.{slot}: {fixup.kind.name} names {wrong}")


CHECK = Check("fixups", "every fixup signature decodes, and the target resolves it", check_fixups)
