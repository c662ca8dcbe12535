"""Check ``exceptions``: exception clauses belong to methods that exist and stay inside their code."""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.metadata import Table
from nativegen.readytorun.enums import ClauseFlags
from nativegen.verify.model import Check, Finding, Severity, Subject
from nativegen.verify.tokens import Tokens

_TYPES = (Table.TypeDef, Table.TypeRef, Table.TypeSpec)
_CATCH_ONLY = ClauseFlags.FILTER | ClauseFlags.FINALLY | ClauseFlags.FAULT


def check_exceptions(subject: Subject) -> Iterator[Finding]:
    """Findings about section 104.

    Raises:
        NativegenError: NGEN3104, it does not decode.
    """
    image = subject.image
    clauses = image.exception_clauses
    sizes = {pieces[0].begin: size for size, pieces in subject.methods_of_code}
    if not sizes:
        return
    tokens = Tokens(image.assembly)
    for method, found in clauses.items():
        size = sizes.get(method)
        if size is None:
            yield Finding(Severity.ABORT, f"exception clauses for code at {method:#x}, where no method begins")
            continue
        duplicated = [bool(clause.flags & ClauseFlags.DUPLICATED) for clause in found]
        if duplicated != sorted(duplicated):
            yield Finding(
                Severity.ABORT,
                f"an exception clause of the method at {method:#x} is behind a duplicated one, where nobody looks",
            )
        for clause in found:
            if max(clause.try_end, clause.handler_end) > size or clause.try_begin > clause.try_end:
                yield Finding(Severity.ABORT, f"an exception clause of the method at {method:#x} leaves its code")
            elif not clause.flags & _CATCH_ONLY and clause.token_or_filter >> 24 in _TYPES:
                table = Table(clause.token_or_filter >> 24)
                wrong = tokens.row(table, clause.token_or_filter & 0xFFFFFF)
                if wrong is not None:
                    yield Finding(Severity.ABORT, f"an exception clause of the method at {method:#x} names {wrong}")


CHECK = Check("exceptions", "exception clauses stay inside their methods", check_exceptions)
