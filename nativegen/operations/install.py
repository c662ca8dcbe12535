"""``install`` and ``update``: bind, plan, compile what is stale, publish, record.

Several roots are handled at once, so that everything stale compiles over one pool of workers. Stale images whose code
would be the same get their new key without being compiled (:mod:`nativegen.operations.keep`). What has been published
when something goes wrong is removed again; the index changes in one transaction at the end. Another process may remove
an image between planning and that transaction: then the files are missing inside it, and the operation plans again.

Worked example: ``install App.dll`` with App -> Core. The first time both are compiled and App becomes a root with two
edges; the second time both keys are found and only the root's row is written.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nativegen.cache import statistics
from nativegen.cache.manifests import file_checksum, image_manifest, row_of_manifest
from nativegen.cache.records import Dependency, Image, ImageKey, RootKey
from nativegen.cache.store import Cache
from nativegen.diagnostics import NativegenError
from nativegen.operations.closure import MissingReference, RefusedAssembly
from nativegen.operations.keep import code_of, dependencies_of, keep
from nativegen.operations.modes import recorded_foreign
from nativegen.operations.prepare import Prepared, compile_request, image_key, prepare
from nativegen.operations.request import InstallRequest
from nativegen.operations.selection import Selection
from nativegen.operations.toolchain import CompileFailure, Toolchain
from nativegen.operations.uninstall import remove_unreferenced
from nativegen.pipeline.request import CompileReport
from nativegen.plan.decide import Skipped, Step
from nativegen.plan.explanations import NO_EXPLANATIONS, Explanations

ATTEMPTS = 3


class InstallEvents:
    """What the caller may want to show while it waits. The base class shows nothing."""

    def kept(self, step: Step) -> None:
        """Before that: the key of an image has changed, but nothing that its code was made from."""

    def planned(self, stale: Sequence[Step]) -> None:
        """Before compiling: every image that will be made."""

    def progress(self, done: int, total: int, assembly: str) -> None:
        """Methods done, methods in all, and the assembly that the last ones belong to."""

    def compiled(self, step: Step, report: CompileReport, runtime_version: str) -> None:
        """An image is in the cache."""

    def failed(self, step: Step, error: NativegenError) -> None:
        """An assembly gave no image."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of one root.

    Args:
        compiled: with their reports. current: needed nothing. facades: without code. failures: gave no image.
        selection: of partial images; says which names of the profile mean nothing any more.
    """

    request: InstallRequest
    display_name: str
    target: str
    compiled: tuple[tuple[Step, CompileReport], ...]
    current: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    failures: tuple[tuple[Step, NativegenError], ...]
    missing: tuple[MissingReference, ...]
    refused: tuple[RefusedAssembly, ...]
    selection: Selection | None


@dataclass(slots=True)
class _Made:
    """Outcomes by image."""

    reports: dict[ImageKey, CompileReport] = field(default_factory=dict)
    failures: dict[ImageKey, NativegenError] = field(default_factory=dict)
    rows: dict[ImageKey, tuple[Image, list[Dependency]]] = field(default_factory=dict)
    kept: set[ImageKey] = field(default_factory=set)  # of the rows, those that were not compiled


def install(
    cache: Cache,
    requests: Sequence[InstallRequest],
    toolchain: Toolchain,
    jobs: int,
    events: InstallEvents | None = None,
    explanations: Explanations = NO_EXPLANATIONS,
    force: bool = False,
) -> list[Installed]:
    """Bring the images of every requested root up to date.

    Args:
        jobs: number of worker processes.
        force: compile everything, current or not.

    Raises:
        NativegenError: a root itself cannot be bound or compiled, or the cache cannot be used; nothing was changed
        then.
    """
    events = events or InstallEvents()
    cache.clean_staging()
    with cache.publishing():
        for _ in range(ATTEMPTS):
            prepared = [prepare(cache, request, toolchain, explanations) for request in requests]
            made = _compile(cache, prepared, toolchain, jobs, events, force)
            try:
                recorded = _record(cache, prepared, made)
            except BaseException:
                _withdraw(cache, made)
                raise
            if recorded:
                return [_result(one, made) for one in prepared]
    raise NativegenError("NGEN4006", cache.root)


def _compile(
    cache: Cache, prepared: Sequence[Prepared], toolchain: Toolchain, jobs: int, events: InstallEvents, force: bool
) -> _Made:
    made = _Made()
    work: dict[ImageKey, tuple[Step, Prepared]] = {}
    for one in prepared:
        for step in one.plan.steps if force else one.plan.stale:
            work.setdefault(image_key(step), (step, one))
    if not work:
        events.planned([])
        return made
    try:
        with cache.staging() as staging:
            outputs: dict[str, tuple[Step, Prepared]] = {}
            requests = []
            for number, (key, (step, one)) in enumerate(work.items()):
                folder = os.path.join(staging, str(number))
                os.mkdir(folder)
                output = os.path.join(folder, f"{key.name}.ni.dll")
                request = compile_request(step, one, output)
                row = None if force else keep(cache, step, one.closure, request, toolchain)
                if row is None:
                    outputs[output] = step, one
                    requests.append(request)
                else:
                    made.rows[key] = row
                    made.kept.add(key)
                    events.kept(step)
            events.planned([step for step, _ in outputs.values()])
            for outcome in toolchain.compile(requests, jobs, events.progress):
                done = outcome.request if isinstance(outcome, CompileFailure) else outcome
                step, one = outputs[done.output]
                _finish(cache, step, one, outcome, made, events)
    except BaseException:
        _withdraw(cache, made)
        raise
    return made


def _finish(
    cache: Cache,
    step: Step,
    one: Prepared,
    outcome: CompileReport | CompileFailure,
    made: _Made,
    events: InstallEvents,
) -> None:
    key = image_key(step)
    if isinstance(outcome, CompileFailure):
        error = outcome.error
        _raise_if_disk_is_full(error, cache.root)
    elif outcome.kind == "facade":
        made.reports[key] = outcome
        return
    elif outcome.content_signature != step.candidate.content:
        error = NativegenError("NGEN3002", step.candidate.path)
    else:
        row, dependencies = _row(step, one, outcome)
        hints = step.candidate.hints
        exclusions = ((e.name, e.rid, e.code, e.detail) for e in outcome.exclusions)
        instances = ((i.name, i.rid, i.needed_by, i.code, i.detail) for i in outcome.instances)
        document = image_manifest(
            row,
            step.manifest.as_json(),
            outcome.excluded,
            exclusions,
            dependencies,
            hints,
            instances,
            recorded_foreign(outcome.foreign, one.closure.contents),
            code_of(step, one.closure, compile_request(step, one, outcome.output), outcome),
        )
        cache.publish(key, outcome.output, document)
        made.reports[key], made.rows[key] = outcome, (row, dependencies)
        events.compiled(step, outcome, one.closure.runtime_version)
        return
    made.failures[key] = error
    events.failed(step, error)


def _raise_if_disk_is_full(error: NativegenError, root: str) -> None:
    """The images are written into the cache: failing to write one is the cache's failure, not the assembly's."""
    cause = error.__cause__
    if isinstance(cause, OSError) and error.code == "NGEN3001":
        if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NativegenError("NGEN4007", root) from error
        raise NativegenError("NGEN4001", root, detail=cause.strerror or str(cause)) from error


def _row(step: Step, one: Prepared, report: CompileReport) -> tuple[Image, list[Dependency]]:
    candidate, manifest = step.candidate, step.manifest
    image = Image(
        target=manifest.target,
        name=candidate.name,
        key=manifest.key,
        display_name=candidate.identity,
        scenario=manifest.scenario,
        source=candidate.path,
        content=candidate.content,
        mvid=candidate.mvid,
        sha256=manifest.sha256,
        checksum=file_checksum(report.output),
        size=report.image_size,
        methods=report.methods,
        native=report.native,
    )
    return image, dependencies_of(step, one.closure)


def _record(cache: Cache, prepared: Sequence[Prepared], made: _Made) -> bool:
    """Write the index; False when an image that was counted on has vanished meanwhile."""
    with cache.index.transaction():
        if not all(cache.has_files(key) for one in prepared for key in _needed(one, made)):
            return False
        for row, dependencies in made.rows.values():
            cache.index.put_image(row, dependencies)
        for one in prepared:
            _record_root(cache, one, made)
        unneeded = remove_unreferenced(cache)
        for name, amount in _counts(prepared, made):
            cache.index.count(name, amount)
    cache.discard([image.image_key for image in unneeded])
    return True


def _needed(one: Prepared, made: _Made) -> Iterator[ImageKey]:
    """Keys of the images that a root has: all but those that failed and the facades."""
    for step in one.plan.steps:
        key = image_key(step)
        report = made.reports.get(key)
        if key not in made.failures and (report is None or report.kind == "image"):
            yield key


def _record_root(cache: Cache, one: Prepared, made: _Made) -> None:
    root = one.closure.root_candidate
    key = RootKey(root.path, one.closure.target, one.request.scenario, one.request.configuration)
    needed = set(_needed(one, made))
    for image in needed:
        if cache.index.image(image) is None:  # on disk already: a killed process published it
            cache.index.put_image(*row_of_manifest(cache.read_manifest(image), image))
    number = cache.index.put_root(key, root.identity, one.request.as_json())
    edges = [(image_key(s), s.candidate.path, s.reason) for s in one.plan.steps if image_key(s) in needed]
    cache.index.set_edges(number, edges)


def _counts(prepared: Iterable[Prepared], made: _Made) -> Iterator[tuple[str, int]]:
    current = {image_key(step) for one in prepared for step in one.plan.steps} - set(made.reports) - set(made.failures)
    facades = {skipped.candidate.path for one in prepared for skipped in one.plan.skipped if skipped.reason == "facade"}
    compiled = made.rows.keys() - made.kept
    downloaded = sum(made.reports[key].downloaded for key in compiled)
    amounts = {
        statistics.COMPILED: len(compiled) - downloaded,
        statistics.DOWNLOADED: downloaded,
        statistics.REUSED: len(current),
        statistics.FAILED: len(made.failures),
        statistics.FACADE: len(facades) + len(made.reports) - len(compiled),
    }
    return ((name, amount) for name, amount in amounts.items() if amount)


def _withdraw(cache: Cache, made: _Made) -> None:
    """Remove what was published by an operation that failed, unless somebody else's root needs it meanwhile."""
    cache.discard(made.rows)


def _result(one: Prepared, made: _Made) -> Installed:
    keyed = [(image_key(step), step) for step in one.plan.steps]
    return Installed(
        request=one.request,
        display_name=one.closure.root_candidate.identity,
        target=one.closure.target,
        compiled=tuple((step, made.reports[key]) for key, step in keyed if key in made.reports),
        current=tuple(step for key, step in keyed if key not in made.reports and key not in made.failures),
        skipped=one.plan.skipped,
        failures=tuple((step, made.failures[key]) for key, step in keyed if key in made.failures),
        missing=one.closure.missing,
        refused=one.closure.refused,
        selection=one.closure.selection,
    )
