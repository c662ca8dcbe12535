"""Check ``debug-info``: the table of native-to-IL maps is not longer than the table of code that it describes."""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.diagnostics import NativegenError
from nativegen.verify.model import Check, Finding, Severity, Subject


def check_debug_info(subject: Subject) -> Iterator[Finding]:
    """A finding about section 105.

    Raises:
        NativegenError: NGEN3104, it does not decode.
    """
    image = subject.image
    length = image.debug_info_length
    try:
        functions = len(image.runtime_functions)
    except NativegenError:
        return  # the finding of another check
    if length > functions:
        yield Finding(Severity.ABORT, f"debug information for {length} pieces of code, there are {functions}")


CHECK = Check("debug-info", "debug information is about code that exists", check_debug_info)
