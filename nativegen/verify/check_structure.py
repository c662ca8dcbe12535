"""Check ``structure``: code, unwind and GC information of every method decode and do not contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nativegen.metadata import Table
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_structure(subject: Subject) -> Iterator[Finding]:
    """Findings about runtime functions and entry points.

    Raises:
        NativegenError: NGEN3104, something does not decode.
    """
    image = subject.image
    functions = image.runtime_functions
    for first, second in pairwise(functions):
        if not first.begin < first.end <= second.begin:
            yield Finding(
                Severity.ABORT, f"runtime functions at {first.begin:#x} and {second.begin:#x} are out of order"
            )
            return
    methods = image.assembly.row_count(Table.MethodDef)
    for rid, entry in image.method_entries.items():
        if rid > methods:
            yield Finding(Severity.ABORT, f"entry point for method {rid} of {methods}")
        if entry.runtime_function >= len(functions):
            yield Finding(
                Severity.ABORT, f"method {rid} names runtime function {entry.runtime_function}, there is none"
            )
            return
    for start in image.method_starts:
        method = image.compiled_method(start)
        if method.gc_info.info.code_length != method.size:
            message = f"GC information of the code at {method.begin:#x} covers {method.gc_info.info.code_length} bytes"
            yield Finding(Severity.ABORT, f"{message} of {method.size}")


CHECK = Check("structure", "code, unwind and GC information of every method decode", check_structure)
