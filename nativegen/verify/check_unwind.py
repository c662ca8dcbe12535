"""Check ``unwind``: the unwind information of every piece of code decodes and fits its code.

Collections and exceptions walk the stack by it; a mistake crashes the process.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.diagnostics import NativegenError
from nativegen.readytorun.runtime_functions import UNWIND_VERSION_AND_FLAGS, decode_unwind_info
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_unwind(subject: Subject) -> Iterator[Finding]:
    """The first finding about an UNWIND_INFO."""
    image = subject.image
    try:
        functions = image.runtime_functions
    except NativegenError:
        return  # the finding of another check
    for function in functions:
        try:
            info = decode_unwind_info(image.memory, function.unwind)
        except (ValueError, IndexError) as error:
            yield Finding(Severity.ABORT, f"unwind information of the code at {function.begin:#x}: {error}")
            return
        if info.version | info.flags << 3 != UNWIND_VERSION_AND_FLAGS:
            message = f"unwind information of the code at {function.begin:#x} has version {info.version}"
            yield Finding(Severity.ABORT, f"{message} and flags {info.flags}")
            return
        offsets = [code.offset for code in info.codes]
        if info.prolog_size > function.end - function.begin or max(offsets, default=0) > info.prolog_size:
            yield Finding(Severity.ABORT, f"the prolog of the code at {function.begin:#x} is longer than it")
            return
        if info.personality_rva >= len(image.memory):
            yield Finding(Severity.ABORT, f"the personality of the code at {function.begin:#x} lies outside the image")
            return


CHECK = Check("unwind", "unwind information decodes and fits the code", check_unwind)
