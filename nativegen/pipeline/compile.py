"""Whole assemblies: methods go to the workers, what comes back is linked, the images are written.

:func:`compile_many` is the entry point. The parent process reads inputs, links and writes
(:mod:`nativegen.pipeline.linker`); workers import, lower and run LLVM (:mod:`nativegen.pipeline.worker`). Batches of
all assemblies go through one pool, so that small assemblies fill the gaps (:mod:`nativegen.pipeline.schedule`).

Invariants: an image appears at its final path complete or not at all; equal requests give equal bytes whatever the
number of workers; an input that changed while it was being compiled, or a file that it refers to, fails (NGEN3002)
instead of giving an image of two halves, or compiled methods under keys of others (:mod:`nativegen.pipeline.reads`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nativegen.backend.workers import WorkerPool
from nativegen.diagnostics import NativegenError
from nativegen.pipeline.job import Job, facade_report, open_job
from nativegen.pipeline.linker import Linker
from nativegen.pipeline.request import CompileReport, CompileRequest
from nativegen.pipeline.schedule import BATCH_METHODS, Schedule
from nativegen.pipeline.unit_store import UnitStore
from nativegen.pipeline.worker import BatchItem, CompileWorker, MethodOutcome


@dataclass(frozen=True, slots=True)
class Progress:
    """Told to the caller after each batch: methods done and in total, and the assembly the batch belonged to."""

    done: int
    total: int
    assembly: str


@dataclass(frozen=True, slots=True)
class CompileFailure:
    """A request that gave no image: the error names the file and the remedy."""

    request: CompileRequest
    error: NativegenError


def compile_file(request: CompileRequest, *, jobs: int = 1, unit_store: str | None = None) -> CompileReport:
    """Compile one assembly; the arguments are those of :func:`compile_many`.

    Raises:
        NativegenError: the input is not eligible (see :func:`check_eligible`) or cannot be read, or the output not
        written.
    """
    for outcome in compile_many([request], jobs=jobs, unit_store=unit_store):
        if isinstance(outcome, CompileFailure):
            raise outcome.error
        return outcome
    raise AssertionError("compile_many yields one outcome per request")


def compile_many(
    requests: Sequence[CompileRequest],
    *,
    jobs: int,
    progress: Callable[[Progress], None] | None = None,
    unit_store: str | None = None,
) -> Iterator[CompileReport | CompileFailure]:
    """Compile several assemblies over one pool of workers; yields one outcome per request, as they finish.

    Args:
        jobs: number of workers.
        progress: called after each batch.
        unit_store: folder of compiled methods to reuse and to add to (:mod:`nativegen.pipeline.unit_store`); the images
            are the same with and without.
    """
    store = UnitStore(unit_store) if unit_store is not None else None
    opened: dict[int, Job] = {}
    for index, request in enumerate(requests):
        try:
            job = open_job(request)
        except NativegenError as error:
            yield CompileFailure(request, error)
            continue
        if job.is_facade:
            yield facade_report(job)
        else:
            opened[index] = job
    yield from _compile(list(requests), opened, jobs, progress, Linker(store, requests))
    if store is not None:
        store.trim()


def _compile(
    requests: list[CompileRequest],
    unfinished: dict[int, Job],
    jobs: int,
    progress: Callable[[Progress], None] | None,
    linker: Linker,
) -> Iterator[CompileReport | CompileFailure]:
    """The outcomes of jobs, by index of their request; each is taken out when it is done."""
    done, total = 0, sum(len(job.rids) for job in unfinished.values())
    schedule = Schedule(unfinished, linker, jobs)

    def crashed(item: BatchItem, message: str) -> MethodOutcome:
        return unfinished[item.request].lost(item, message)

    def subject(item: BatchItem) -> int:
        return item.request

    workers = max(1, min(jobs, total // BATCH_METHODS + 1))
    with WorkerPool(workers, CompileWorker, (requests, linker.systems)) as pool:
        for batch, outcomes in pool.map_batches(CompileWorker.compile, schedule.batches(), crashed, subject):
            index = schedule.owner(batch)
            job = unfinished[index]
            for outcome in outcomes:
                job.add(outcome)
                linker.reads.note(outcome.read or {})
                linker.share(job, outcome)
            done += len(outcomes)
            if job.is_complete and job.linked is not None and not linker.exchange(job):
                schedule.follow(index, [BatchItem(index, rid) for rid in linker.reuse_all(job)])
                continue
            if job.is_complete:
                if not job.needed:
                    done += len(job.rids) - job.compiled
                needed = linker.next_instances(job)
                total += len(needed)
                if needed:
                    schedule.follow(index, [BatchItem(index, each.rid, each.signature) for each in needed])
            if progress is not None:
                progress(Progress(done, total, job.assembly.name))
            if job.is_complete:
                del unfinished[index]
                try:
                    yield linker.link(job)
                except NativegenError as error:
                    yield CompileFailure(job.request, error)
