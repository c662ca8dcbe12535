"""Check ``composite``: a component of a composite image has its code in another file, which must lie beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from nativegen.verify.model import Check, Finding, Severity, Subject


def check_composite(subject: Subject) -> Iterator[Finding]:
    """A finding when the owner is missing."""
    owner = subject.image.owner_composite_executable
    if owner and not os.path.isfile(os.path.join(os.path.dirname(subject.path), owner)):
        yield Finding(Severity.SILENT, f"its code is in {owner}, which is not beside it", "publish the whole folder")


CHECK = Check("composite", "the composite image that has its code is there", check_composite)
