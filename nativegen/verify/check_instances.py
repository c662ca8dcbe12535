"""Check ``instances``: the table of generic instances decodes, in order, and names methods that exist.

A look-up goes to the bucket of the instance's hash and stops at the first entry with a greater low byte, so an entry
out of order is never found; a signature with a wrong token means another method.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.verify.model import Check, Finding, Severity, Subject
from nativegen.verify.tokens import Tokens


def check_instances(subject: Subject) -> Iterator[Finding]:
    """Findings about section 109.

    Raises:
        NativegenError: NGEN3104, an entry does not decode.
    """
    image = subject.image
    tokens = Tokens(image.assembly)
    last = (-1, -1)
    for entry in image.instance_entries:
        if (entry.bucket, entry.low_hash) < last:
            yield Finding(Severity.SILENT, f"instances of bucket {entry.bucket} are out of order")
        last = entry.bucket, entry.low_hash
        wrong = tokens.wrong_in_method(entry.method)
        if wrong is not None:
            yield Finding(Severity.ABORT, f"an instance names {wrong}")


CHECK = Check("instances", "the table of generic instances is in order and names what exists", check_instances)
