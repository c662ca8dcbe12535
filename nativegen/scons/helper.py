"""A helper process: ``python -m nativegen.scons.helper`` does the work of the build's actions, one after the other.

One line of JSON in per request, ``{"operation": ..., arguments}``; one out per answer, ``{"result": ...}`` or
``{"error": "NGEN1002 ..."}``, with lines ``{"progress": "..."}`` before it when the work is long. It ends with its
input.

Operations: ``contract`` (:func:`contract_of`), ``code`` (:func:`code_of`), ``image`` (:func:`make_image`).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nativegen.diagnostics import NativegenError

if TYPE_CHECKING:
    from nativegen.cli.switches import Parsed
    from nativegen.pipeline.request import CompileRequest

#: Seconds between two reports about one image.
_REPORT_EVERY = 10.0

Say = Callable[[str], None]


def main() -> int:
    """Serve requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints must not mix with the answers
    inherited = sys.stdin

    def send(document: Mapping[str, object]) -> None:
        answers.write(json.dumps(document) + "\n")
        answers.flush()

    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        for line in inherited:
            request = json.loads(line)
            operation = _OPERATIONS[request.pop("operation")]
            try:
                send({"result": operation(lambda text: send({"progress": text}), **request)})
            except NativegenError as error:
                send({"error": str(error)})
            except Exception as error:
                send({"error": str(NativegenError("NGEN7009", detail=f"{type(error).__name__}: {error}"))})
    return 0


def contract_of(say: Say, path: str) -> dict[str, object]:
    """The contract of an assembly: signature and entries."""
    from nativegen.metadata import Assembly
    from nativegen.typesystem.contract import contract

    del say
    found = contract(Assembly.open(path))
    return {"signature": found.signature, "entries": found.entries}


def code_of(say: Say, **request: Any) -> str:
    """What the code of an image would be made from; see :mod:`nativegen.pipeline.code_signature`."""
    from nativegen.pipeline.code_signature import code_signature

    del say
    return code_signature(_request(output="", **request))


def make_image(say: Say, jobs: int, units: str | None, **request: Any) -> dict[str, object]:
    """Compile an assembly; what its report says, in short."""
    from nativegen.cli.output import Output
    from nativegen.cli.shared import sharing
    from nativegen.operations.toolchain import CompileFailure, NativeToolchain

    last = time.monotonic()

    def report(done: int, total: int, assembly: str) -> None:
        nonlocal last
        if time.monotonic() - last > _REPORT_EVERY:
            last = time.monotonic()
            say(f"{assembly}: {done} of {total} methods")

    parsed = _parsed(request["flags"], request["path"])
    with sharing(NativeToolchain(units), parsed, Output.of(parsed)) as toolchain:
        outcomes = list(toolchain.compile([_request(**request)], jobs, report))
    for outcome in outcomes:
        if isinstance(outcome, CompileFailure):
            raise outcome.error
        return {
            "name": outcome.name,
            "kind": outcome.kind,
            "methods": outcome.methods,
            "native": outcome.native,
            "compiled": outcome.units_compiled,
            "downloaded": outcome.downloaded,
        }
    raise AssertionError("one outcome per request")


def _request(
    path: str,
    output: str,
    target: str,
    references: Mapping[str, str],
    folders: Sequence[str],
    flags: Sequence[str],
    partial: str | None,
    contents: Mapping[str, str],
) -> CompileRequest:
    """A compile request.

    Args:
        references: simple name -> path, of the assemblies that the build knows.
        folders: where all others are; an earlier one wins.
        flags: options of ``nativegen compile``.
        partial: path of a profile.
        contents: path -> content signature, of the assemblies that the build knows.
    """
    from nativegen.cli.actions.compile import compile_options_of
    from nativegen.metadata import Assembly
    from nativegen.operations.compile import reference_map
    from nativegen.operations.selection import select
    from nativegen.pipeline.request import CompileRequest

    parsed = _parsed(flags, path)
    known = {**reference_map(folders), **reference_map(parsed.values("reference")), **references}
    methods = None
    profile = parsed.value("partial") or partial
    if profile is not None:
        assembly = Assembly.open(path)
        methods = select(profile, {assembly.name: assembly}, whole=False).methods.get(assembly.name, ())
    return CompileRequest(path, output, target, known, compile_options_of(parsed), methods, contents)


def _parsed(flags: Sequence[str], path: str) -> Parsed:
    from nativegen.cli.actions.compile import SYNTAX
    from nativegen.cli.switches import UsageError, parse

    try:
        return parse([*flags, "--", path], SYNTAX)
    except UsageError as error:
        raise NativegenError("NGEN7002", detail=str(error), action="compile") from None


_OPERATIONS: dict[str, Callable[..., object]] = {"contract": contract_of, "code": code_of, "image": make_image}


if __name__ == "__main__":
    sys.exit(main())
