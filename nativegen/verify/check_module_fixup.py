"""Check ``module-fixup``: an import section that is filled at load has the cell for the image's own module.

Every lazy helper call passes that cell's address (readytorun.h: READYTORUN_HELPER_Module); with code and without the
cell the first such call crashes, so runtimes are entitled to rely on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.readytorun.enums import FixupKind, Helper, ImportSectionFlags
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_module_fixup(subject: Subject) -> Iterator[Finding]:
    """A finding when there is code but no such cell."""
    image, target = subject.image, subject.image_target
    if target is None or not image.method_starts:
        return
    wanted = target.helper_id(Helper.Module)
    for index, section in enumerate(image.import_sections):
        if section.flags & ImportSectionFlags.EAGER:
            for slot in range(section.cell_count):
                fixup = image.fixup(index, slot)
                if fixup is not None and fixup.kind is FixupKind.Helper and fixup.numbers == (wanted,):
                    return
    yield Finding(Severity.ABORT, "no eager import section has the fixup of the module itself")


CHECK = Check("module-fixup", "the cell for the image's own module is filled at load", check_module_fixup)
