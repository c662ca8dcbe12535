"""``--recompile``: the same inputs give the same bytes. Compile every current image again and compare.

It happens in another process, with another hash seed, another folder and another number of workers than the first
time, and without the store of compiled methods, so a difference means that something else than the inputs went into the
image: a release that nobody can reproduce.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence

from nativegen.cache.records import Root
from nativegen.cache.store import Cache
from nativegen.operations.prepare import compile_request, image_key, prepare
from nativegen.operations.request import InstallRequest
from nativegen.operations.toolchain import CompileFailure, Toolchain
from nativegen.pipeline.request import CompileRequest
from nativegen.verify.model import Check, CheckResult, Finding, Severity, Subject, SubjectResult

CHECK = Check("determinism", "compiling it again gives the same bytes", lambda subject: ())


def verify_recompiled(
    results: Sequence[SubjectResult],
    cache: Cache,
    roots: Sequence[tuple[Root, list[Subject]]],
    toolchain: Toolchain,
    jobs: int,
) -> list[SubjectResult]:
    """Add the check to the results of images that today's inputs would give again."""
    with tempfile.TemporaryDirectory(prefix="nativegen-verify-") as folder:
        images: dict[str, str] = {}  # output -> image
        requests: list[CompileRequest] = []
        wanted = {subject.path for _, subjects in roots for subject in subjects}
        for root, _ in roots:
            prepared = prepare(cache, InstallRequest.from_json(root.key.path, root.options), toolchain)
            for step in prepared.plan.steps:
                image = cache.image_path(image_key(step))
                if step.current and image in wanted and image not in images.values():
                    output = os.path.join(folder, str(len(requests)), os.path.basename(image))
                    os.mkdir(os.path.dirname(output))
                    images[output] = image
                    requests.append(compile_request(step, prepared, output))
        found: dict[str, Finding | None] = {}
        for outcome in toolchain.compile(requests, jobs, lambda done, total, name: None):
            if isinstance(outcome, CompileFailure):
                found[images[outcome.request.output]] = Finding(Severity.SILENT, outcome.error.message)
            else:
                found[images[outcome.output]] = _compare(images[outcome.output], outcome.output)
    return [_with(result, found) for result in results]


def _compare(image: str, again: str) -> Finding | None:
    with open(image, "rb") as one, open(again, "rb") as other:
        first, second = one.read(), other.read()
    if first == second:
        return None
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    return Finding(Severity.SILENT, f"compiled again it differs, first at byte {at}", "report this; it is our mistake")


def _with(result: SubjectResult, found: dict[str, Finding | None]) -> SubjectResult:
    if result.subject.path not in found:
        return result
    finding = found[result.subject.path]
    check = CheckResult(CHECK, () if finding is None else (finding,))
    return dataclasses.replace(result, results=(*result.results, check))
