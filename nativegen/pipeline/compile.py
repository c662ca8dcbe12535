"""Whole assemblies: schedule method batches over the workers, link what comes back, write the images.

:func:`compile_many` is the entry point. The parent process reads inputs, links and writes; workers import, lower and
run LLVM (:mod:`nativegen.pipeline.worker`). Batches of all assemblies go through one pool, so that small assemblies
fill the gaps.

Invariants: an image appears at its final path complete or not at all; equal requests give equal bytes whatever the
number of workers; an input that changed while it was being compiled fails (NGEN3002) instead of giving an image of two
halves.
"""

from __future__ import annotations

import functools
import gc
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from nativegen.backend.workers import WorkerPool
from nativegen.compiler.exclusions import Reason
from nativegen.compiler.foreign_instances import ForeignInstances, PresentInstances
from nativegen.compiler.instances import InstanceReader, Signature, instance_entry, may_need_instances, shared_instance
from nativegen.diagnostics import NativegenError
from nativegen.files import replacing
from nativegen.metadata import Assembly, Table
from nativegen.pipeline.carried_instances import carried_instances
from nativegen.pipeline.eligibility import check_eligible
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.fingerprint import compiler_fingerprint
from nativegen.pipeline.instance_names import find_instance, is_instance
from nativegen.pipeline.instances import InstanceClosure, NeededInstance
from nativegen.pipeline.link_names import LinkNames, same_types
from nativegen.pipeline.method_names import resolve
from nativegen.pipeline.moved import Metadata, Moved, Moving
from nativegen.pipeline.relink import Linked, LinkReport, takes_in, will_be_kept
from nativegen.pipeline.request import CompileReport, CompileRequest, ExcludedMethod, GenericInstance
from nativegen.pipeline.reuse import Reuse, SymbolCheck
from nativegen.pipeline.shared_units import SharedUnits
from nativegen.pipeline.signature_facts import FAILURES, digest
from nativegen.pipeline.unit_codec import Exclusion
from nativegen.pipeline.unit_store import Result, UnitStore
from nativegen.pipeline.worker import (
    BatchItem,
    CompileWorker,
    MethodOutcome,
    TypeSystems,
    foreign_code,
    method_display_name,
)
from nativegen.readytorun.link import Linking
from nativegen.readytorun.manifest import ManifestAssembly
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Cell, ForeignUse
from nativegen.readytorun.writer import ImageBuilder
from nativegen.typesystem import TypeSystem
from nativegen.typesystem.symbols import SymbolTable

_Arguments = ParamSpec("_Arguments")
_Value = TypeVar("_Value")

#: Methods per batch: enough to amortise an LLVM module, few enough to balance the load and to bisect a crash quickly.
BATCH_METHODS = 60


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


@dataclass(slots=True)
class _Job:
    request: CompileRequest
    assembly: Assembly
    rids: list[int]
    left_out: int = 0  # methods that a partial image does without
    wanted: list[int] = field(default_factory=list)  # methods whose outcomes the image needs
    linked: Linked | None = None  # whose other units the image takes over
    moving: Moving | None = None  # them into other metadata
    again: Moved | None = None  # once the new units are in place
    outcomes: dict[int, MethodOutcome] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    facts: Facts | None = None
    names: LinkNames | None = None
    check: SymbolCheck | None = None
    reuse: Reuse | None = None
    reused: set[int] = field(default_factory=set)
    accidents: set[int] = field(default_factory=set)  # methods that a worker died of
    is_lasting: bool = True  # no worker died of an instance either
    closure: InstanceClosure | None = None
    needed: list[NeededInstance] = field(default_factory=list)
    latest: list[NeededInstance] = field(default_factory=list)
    instances: dict[Signature, MethodOutcome] = field(default_factory=dict)
    instances_reused: set[Signature] = field(default_factory=set)  # or lost to an accident: not to be stored

    @property
    def compiled(self) -> int:
        """Methods that the unit store did not have, so far."""
        return len(self.outcomes) - len(self.reused)

    @property
    def is_complete(self) -> bool:
        """Nothing that is known to be needed is still with the workers."""
        return len(self.outcomes) == len(self.wanted) and len(self.instances) == len(self.needed)


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
    started: dict[int, _Job] = {}
    for index, request in enumerate(requests):
        try:
            job = _open(request)
        except NativegenError as error:
            yield CompileFailure(request, error)
            continue
        if not job.rids and not job.left_out:
            yield _facade(job)
        else:
            started[index] = job
    linker = _Linker()
    batch_owners: list[int] = []
    done, total = 0, sum(len(job.rids) for job in started.values())

    following: deque[tuple[int, list[BatchItem]]] = deque()

    def batches_of(index: int) -> Iterator[tuple[int, list[BatchItem]]]:
        job = started[index]
        yield from in_batches(index, linker.reuse(job, store) if store is not None else job.rids)
        if job.linked is not None:
            linker.prepare(job)  # while a worker compiles

    def in_batches(index: int, missing: list[int]) -> Iterator[tuple[int, list[BatchItem]]]:
        # What is complete already still needs a turn of the loop below.
        for first in range(0, max(1, len(missing)), BATCH_METHODS):
            yield index, [BatchItem(index, rid) for rid in missing[first : first + BATCH_METHODS]]

    def batches() -> Iterator[list[BatchItem] | None]:
        """Made as workers become idle, so that they are busy while the keys of the next assembly are computed.

        As many assemblies as there are workers take turns: each worker can then stay with one of them.
        """
        # Largest first: the long ones must not be left for the end.
        waiting = deque(sorted(started, key=lambda i: -len(started[i].rids)))
        active: deque[Iterator[tuple[int, list[BatchItem]]]] = deque()
        while waiting or active:
            while waiting and len(active) < jobs:
                active.append(batches_of(waiting.popleft()))
            while following:
                yield take_following()
            taken = next(active[0], None)
            if taken is None:
                active.popleft()
                continue
            active.rotate(-1)
            batch_owners.append(taken[0])
            yield taken[1]
        while started:
            if following:
                yield take_following()
            else:
                batch_owners.append(-1)
                yield None

    def take_following() -> list[BatchItem]:
        index, batch = following.popleft()
        batch_owners.append(index)
        return batch

    def crashed(item: BatchItem, message: str) -> MethodOutcome:
        job = started[item.request]
        if item.instance is None:
            job.accidents.add(item.rid)
        else:
            job.instances_reused.add(item.instance)
            job.is_lasting = False
        name = method_display_name(job.assembly, item.rid) if item.instance is None else ""
        excluded = ExcludedMethod(name, item.rid, Reason.BACKEND.code, message)
        return MethodOutcome(item.rid, None, excluded, instance=item.instance)

    workers = max(1, min(jobs, total // BATCH_METHODS + 1))
    with WorkerPool(workers, CompileWorker, (list(requests), linker.systems)) as pool:
        for batch, outcomes in pool.map_batches(CompileWorker.compile, batches(), crashed, lambda item: item.request):
            index = batch_owners[batch]
            job = started[index]
            for outcome in outcomes:
                if outcome.instance is None:
                    job.outcomes[outcome.rid] = outcome
                else:
                    job.instances[outcome.instance] = outcome
                    linker.share(job, outcome)
                for stage, spent in (outcome.seconds or {}).items():
                    job.seconds[stage] = job.seconds.get(stage, 0.0) + spent
            done += len(outcomes)
            if job.is_complete and job.linked is not None and not linker.exchange(job):
                following.extend(in_batches(index, linker.reuse_all(job)))
                continue
            if job.is_complete:
                if not job.needed:
                    done += len(job.rids) - job.compiled
                needed = linker.next_instances(job)
                total += len(needed)
                for first in range(0, len(needed), BATCH_METHODS):
                    some = needed[first : first + BATCH_METHODS]
                    following.append((index, [BatchItem(index, each.rid, each.signature) for each in some]))
            if progress is not None:
                progress(Progress(done, total, job.assembly.name))
            if job.is_complete:
                del started[index]
                try:
                    yield linker.link(job)
                except NativegenError as error:
                    yield CompileFailure(job.request, error)
    if store is not None:
        store.trim()


def _open(request: CompileRequest) -> _Job:
    start = time.process_time()
    assembly = Assembly.open(request.input)
    check_eligible(assembly, from_native=request.options.from_native)
    every = methods_with_cil(assembly)
    rids = chosen_methods(assembly, every, request.partial)
    seconds = {"read": time.process_time() - start}
    return _Job(request, assembly, rids, len(every) - len(rids), wanted=rids, seconds=seconds)


def methods_with_cil(assembly: Assembly) -> list[int]:
    """MethodDef rids that have a CIL body (II.22.26: RVA not zero, code type IL)."""
    rows = assembly.rows(Table.MethodDef)  # RVA and implementation flags are the first columns
    return [rid for rid, row in enumerate(rows, 1) if row[0] and not row[1] & 3]


def chosen_methods(assembly: Assembly, rids: list[int], partial: Sequence[str] | None) -> list[int]:
    """Those that the lines of a profile name; all, when there is none."""
    if partial is None:
        return rids
    wanted, _ = resolve(assembly, partial)
    return [rid for rid in rids if rid in wanted]


def _facade(job: _Job) -> CompileReport:
    return CompileReport(
        input=job.request.input,
        output=job.request.output,
        name=job.assembly.name,
        content_signature=job.assembly.content_signature,
        kind="facade",
        methods=0,
        native=0,
        excluded={},
        exclusions=(),
        image_size=0,
        input_size=len(job.assembly.data),
        seconds=job.seconds,
    )


def _without_collector(function: Callable[_Arguments, _Value]) -> Callable[_Arguments, _Value]:
    """With hundreds of thousands of new objects and no cycles, Python's cycle collector would double the time."""

    @functools.wraps(function)
    def wrapped(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Value:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return function(*arguments, **named)
        finally:
            if was_enabled:
                gc.enable()

    return wrapped


class _Linker:
    """What the parent process does for each job.

    Attributes:
        systems: type systems, shared between jobs of one reference set, and with workers that are forked later.
    """

    def __init__(self) -> None:
        self.systems = TypeSystems()
        self._opened: dict[str, Assembly] = {}
        self._present = PresentInstances()
        self._shared = SharedUnits()

    def _open(self, path: str) -> Assembly:
        """The job's assembly is open already, and much of it decoded."""
        return self._opened.pop(path, None) or Assembly.open(path)

    def _name(self, job: _Job) -> tuple[Facts, LinkNames, SymbolCheck]:
        """Opens the job's assembly in the type system of its references; once."""
        if job.facts is None or job.names is None or job.check is None:
            request = job.request
            target = target_named(request.target)
            key = (target.name, id(request.references))
            system = self.systems.get(key)
            if system is None:
                system = self.systems[key] = TypeSystem(target, request.references.get, self._open)
            self._opened[request.input] = job.assembly
            module = system.open(request.input)
            job.facts = Facts(module)
            job.names = LinkNames(job.facts.own, SymbolTable(module))
            job.check = SymbolCheck(job.names, lambda name: system.module_named(name) is not None)
        return job.facts, job.names, job.check

    @_without_collector
    def reuse(self, job: _Job, store: UnitStore) -> list[int]:
        """Fills in the outcomes that the store has; the methods that remain to be compiled.

        Those that the image needs can be few: when the rest of it is as it was linked before.
        """
        facts, names, check = self._name(job)
        units = store.open(job.request.target, job.assembly.name)
        reuse = Reuse(units, facts, names, check, job.request)
        try:
            reuse.identify(job.rids)
            kept = reuse.linked()
            found = reuse.find() if kept is None else kept[2]
        except (*FAILURES, RecursionError):
            return job.rids  # without a core library, for instance, there are no keys
        job.reuse = reuse
        if kept is not None:
            job.linked, job.wanted, _ = kept
            if not reuse.can_exchange(job.linked, job.wanted):
                job.moving = self._moving(job)
        return self._take_over(job, found)

    def _moving(self, job: _Job) -> Moving:
        """What was kept on its way into the metadata of a job, be it the same."""
        facts, names, _ = self._name(job)
        assert job.linked is not None and job.reuse is not None
        about = Metadata(
            facts.module,
            target_named(job.request.target),
            names,
            facts.own.generic_methods(),
            functools.partial(method_display_name, job.assembly),
            functools.partial(self._closure, job),
            job.reuse.instance_keys,
            functools.partial(_manifest_assembly, facts.module.type_system),
        )
        return Moving(job.linked, about, job.reuse.keys, has_moved=job.reuse.has_moved(job.linked))

    @_without_collector
    def prepare(self, job: _Job) -> None:
        """Does what exchanging units does not need the units for."""
        assert job.linked is not None
        start = time.process_time()
        if job.moving is None:
            _ = job.linked.units
        else:
            job.moving.prepare()
        job.seconds["exchange"] = time.process_time() - start

    @_without_collector
    def reuse_all(self, job: _Job) -> list[int]:
        """Likewise, when more has to be done than to exchange the units of some methods."""
        assert job.reuse is not None
        job.linked, job.moving, job.wanted = None, None, job.rids
        return self._take_over(job, job.reuse.find())

    def _take_over(self, job: _Job, found: Mapping[int, Result]) -> list[int]:
        for rid, result in found.items():
            if rid in job.outcomes:
                continue
            job.reused.add(rid)
            if isinstance(result, Exclusion):
                excluded = ExcludedMethod(method_display_name(job.assembly, rid), rid, result.code, result.detail)
                job.outcomes[rid] = MethodOutcome(rid, None, excluded)
            else:
                job.outcomes[rid] = MethodOutcome(rid, result, None)
        return [rid for rid in job.wanted if rid not in job.outcomes]

    @_without_collector
    def exchange(self, job: _Job) -> bool:
        """Puts the outcomes in place of those that the last image was linked from, if no more has to be done."""
        linked = job.linked
        assert linked is not None
        start = time.process_time()
        _, names, _ = self._name(job)
        packed = target_named(job.request.target).packed_debug_bounds
        units = {rid: unit for rid in job.wanted if (unit := job.outcomes[rid].unit) is not None}
        if job.moving is None:
            if len(units) == len(job.wanted):
                table = linked.exchange(units, names.symbols, packed=packed)
                job.again = None if table is None else Moved(linked.units, table, linked.report)
            if job.again is None and linked.encoded_cells:
                job.moving = self._moving(job)
        if job.moving is not None:
            excluded = [each for rid in job.wanted if (each := job.outcomes[rid].excluded) is not None]
            job.again = job.moving.finish(units, excluded)
        job.seconds["exchange"] = job.seconds.get("exchange", 0.0) + time.process_time() - start
        return job.again is not None

    def _closure(self, job: _Job, needless: Sequence[Cell] = ()) -> InstanceClosure:
        """An empty one, for the instances of an image; ``needless``: cells that are known to need nothing."""
        facts, names, _ = self._name(job)
        module = facts.module
        allowed = foreign_code(module, target_named(job.request.target), job.request)
        foreign = ForeignInstances(module, allowed, self._present)
        closure = InstanceClosure(InstanceReader(module, names, foreign), names.symbols, needless)
        if job.request.options.carried_instances and job.request.partial is None:
            for method in carried_instances(module):
                closure.seed(method, "the native code that the assembly came with")
        return closure

    @_without_collector
    def next_instances(self, job: _Job) -> list[NeededInstance]:
        """The generic instances that the code known since the last call needs, and that the store does not have."""
        if job.linked is not None:
            return []
        start = time.process_time()
        if job.closure is None:
            job.closure = self._closure(job, () if job.reuse is None else job.reuse.needless_cells())
            facts, _, _ = self._name(job)
            for line in filter(is_instance, job.request.partial or ()):
                found_again = find_instance(facts.module.type_system, line)
                if found_again is not None:
                    job.closure.seed(found_again, "the profile")
            for rid in job.rids:
                unit = job.outcomes[rid].unit
                if unit is not None:
                    job.closure.add(unit, functools.partial(method_display_name, job.assembly, rid))
        missing: list[NeededInstance] = []
        while not missing:
            for instance in job.latest:
                unit = job.instances[instance.signature].unit
                if unit is not None:
                    job.closure.add(unit, functools.partial(str, instance.name))
            job.latest = job.closure.next_round()
            if not job.latest:
                break
            job.needed += job.latest
            found = {} if job.reuse is None else job.reuse.find_instances(job.latest)
            for instance in job.latest:
                result = found.get(instance.signature)
                if result is None:
                    shared = self._shared.find(job.request, job.assembly.name, instance.signature)
                    if shared is None:
                        missing.append(instance)
                    else:
                        job.instances[instance.signature] = MethodOutcome(instance.rid, shared, None)
                    continue
                job.instances_reused.add(instance.signature)
                if isinstance(result, Exclusion):
                    excluded = ExcludedMethod(instance.name, instance.rid, result.code, result.detail)
                    job.instances[instance.signature] = MethodOutcome(instance.rid, None, excluded)
                else:
                    job.instances[instance.signature] = MethodOutcome(instance.rid, result, None)
        job.seconds["instances"] = job.seconds.get("instances", 0.0) + time.process_time() - start
        return missing

    def share(self, job: _Job, outcome: MethodOutcome) -> None:
        """Other assemblies may need the same instance."""
        if outcome.unit is not None and outcome.instance is not None:
            self._shared.add(job.request, job.assembly.name, outcome.instance, outcome.unit)

    @_without_collector
    def link(self, job: _Job) -> CompileReport:
        """Writes the image of a complete job."""
        return self._link_again(job) if job.linked is not None else self._link_units(job)

    def _link_again(self, job: _Job) -> CompileReport:
        """From what the last image was linked from, with new units in their places."""
        assert job.again is not None and job.reuse is not None
        request = job.request
        units, table, report = job.again
        compiled = {rid: _result(job.outcomes[rid]) for rid in job.wanted if _is_storable(job, rid)}
        job.reuse.save(compiled, {}, is_all=False)
        job.reuse.save_summary(None)
        start = time.process_time()
        target = target_named(request.target)
        linking = Linking(
            job.assembly,
            target,
            image_base=request.options.image_base,
            compiler_id=_compiler_id(),
            from_metadata=report.from_metadata if job.moving is None else None,
        )
        if job.moving is not None:
            facts, _, _ = self._name(job)
            report = replace(
                report,
                from_metadata=linking.from_metadata,
                same_types=digest(same_types(facts.module)),
            )
        image = linking.link(units, table, report.manifest, has_unrelated_code=report.has_unrelated_code)
        job.seconds["link"] = time.process_time() - start + job.seconds.pop("exchange")
        if will_be_kept(len(job.wanted)):
            job.reuse.save_linked(report, units, table)
        job.seconds.update(job.reuse.seconds)
        return self._write(job, image, report)

    def _link_units(self, job: _Job) -> CompileReport:
        if job.reuse is not None:
            job.reuse.save(
                {rid: _result(job.outcomes[rid]) for rid in job.rids if _is_storable(job, rid)},
                {
                    signature: _result(outcome)
                    for signature, outcome in job.instances.items()
                    if signature not in job.instances_reused
                },
            )
            if job.closure is not None:
                job.reuse.save_summary(job.closure.is_needless)
        start = time.process_time()
        request = job.request
        facts, names, check = self._name(job)
        builder = ImageBuilder(
            job.assembly,
            target_named(request.target),
            names,
            image_base=request.options.image_base,
            identity=functools.partial(_manifest_assembly, facts.module.type_system),
            compiler_id=_compiler_id(),
            encoded=None if job.reuse is None else job.reuse.encoded_cells(),
        )
        instances = _add_instances(job, builder, check)
        instantiated = {instance.rid for instance in instances if not instance.code and not instance.assembly}
        exclusions = []
        instantiated_only = []
        native = 0
        units = [outcome.unit for outcome in job.instances.values() if outcome.unit is not None]
        foreign = {use for unit in units for use in unit.foreign}
        generic = facts.own.generic_methods()
        shared: list[tuple[int, Signature, int]] = []
        for rid in job.rids:
            outcome = job.outcomes[rid]
            if outcome.excluded is not None:
                if rid in instantiated and shared_instance(facts.module, rid) is None:
                    instantiated_only.append(outcome.excluded)
                    native += 1
                else:
                    exclusions.append(outcome.excluded)
                continue
            assert outcome.unit is not None
            unknown = None if rid in job.reused else check.missing(outcome.unit)
            if unknown is not None:
                name = method_display_name(job.assembly, rid)
                exclusions.append(ExcludedMethod(name, rid, Reason.NOT_NAMEABLE.code, unknown.name))
                continue
            instance = shared_instance(facts.module, rid) if rid in generic else None
            if instance is None:
                builder.add_method(rid, outcome.unit, is_checked=rid in job.reused)
            else:
                entry = instance_entry(names.symbols, instance)
                builder.add_instance_entry(*entry, outcome.unit)
                shared.append((*entry, rid))
            foreign.update(outcome.unit.foreign)
            native += 1
        image = builder.build()
        job.seconds["link"] = time.process_time() - start + job.seconds.pop("exchange", 0.0)
        left_out = (tuple(exclusions), tuple(instantiated_only))
        report = _link_report(job, builder, left_out, native, instances, tuple(sorted(foreign)), shared)
        if job.reuse is not None:
            if job.closure is not None and job.is_lasting and not job.accidents:
                assert builder.prepared is not None
                job.reuse.save_linked(report, builder.prepared.units, builder.prepared.table)
            job.seconds.update(job.reuse.seconds)
        return self._write(job, image, report)

    def _write(self, job: _Job, image: bytes, report: LinkReport) -> CompileReport:
        request = job.request
        start = time.process_time()
        self._check_unchanged(job)
        write_atomically(request.output, image)
        job.seconds["write"] = time.process_time() - start
        return CompileReport(
            input=request.input,
            output=request.output,
            name=job.assembly.name,
            content_signature=job.assembly.content_signature,
            kind="image",
            methods=len(job.rids) + job.left_out,
            native=report.native,
            excluded=_counted(report.exclusions, job.left_out),
            exclusions=report.exclusions,
            image_size=len(image),
            input_size=len(job.assembly.data),
            seconds=job.seconds,
            foreign=report.foreign,
            units_reused=len(job.rids) - job.compiled,
            units_compiled=job.compiled,
            instances=report.instances,
            code="" if job.reuse is None else job.reuse.units_signature(report.same_types),
        )

    def _check_unchanged(self, job: _Job) -> None:
        if Assembly.open(job.request.input).content_signature != job.assembly.content_signature:
            raise NativegenError("NGEN3002", job.request.input)


def _link_report(
    job: _Job,
    builder: ImageBuilder,
    left_out: tuple[tuple[ExcludedMethod, ...], tuple[ExcludedMethod, ...]],
    native: int,
    instances: tuple[GenericInstance, ...],
    foreign: tuple[ForeignUse, ...],
    shared: Sequence[tuple[int, Signature, int]],
) -> LinkReport:
    """What is kept of an image.

    Args:
        left_out: methods without code, and those that have code for instances alone.
        shared: hash, signature and method of the entries whose code reference types share.
    """
    assert builder.prepared is not None
    table = builder.prepared.table
    needy = () if job.closure is None else map(table.number, job.closure.needy())
    fixed_cells = table.in_manifest.union(number for number in needy if number is not None)
    asking_cells = [
        number for number, cell in enumerate(table.cells) if cell is not None and may_need_instances(cell)
    ]
    entry_keys: dict[tuple[int, bytes], bytes | None] = {}
    excluded_instances = {}
    if job.reuse is not None:
        entry_keys = {(hash_, table.signature(parts)): job.reuse.keys[rid] for hash_, parts, rid in shared}
        for needed, instance in zip(job.needed, instances, strict=False):
            key = job.reuse.known_instance_key(needed.signature)
            if not instance.code:
                entry_keys[needed.hash, table.signature(needed.signature)] = key
            elif key is not None:
                excluded_instances[key] = (instance.code, instance.detail)
    keys = [entry_keys.get(entry) for entry in builder.prepared.units.instances]
    numbers = {use: number for number, use in enumerate(foreign)}
    foreign_of = {}
    if job.reuse is not None and foreign:
        outcomes = [(job.reuse.keys.get(rid), job.outcomes[rid]) for rid in job.rids]
        outcomes += [(job.reuse.known_instance_key(signature), each) for signature, each in job.instances.items()]
        for key, outcome in outcomes:
            if key is not None and outcome.unit is not None and outcome.unit.foreign:
                foreign_of[key] = tuple([numbers[use] for use in outcome.unit.foreign])
    fixed_rids = [rid for rid in job.rids if (unit := job.outcomes[rid].unit) is not None and takes_in(unit)]
    return LinkReport(
        left_out[0],
        native,
        instances,
        foreign,
        left_out[1],
        tuple(sorted(fixed_cells)),
        tuple(fixed_rids),
        tuple(asking_cells),
        tuple([key for key in keys if key is not None]) if None not in keys else (),
        excluded_instances,
        tuple(sorted(table.in_manifest)),
        foreign_of,
        builder.linking.from_metadata,
        builder.prepared.manifest,
        builder.prepared.has_unrelated_code,
        b"" if job.facts is None else digest(same_types(job.facts.module)),
    )


def _add_instances(job: _Job, builder: ImageBuilder, check: SymbolCheck) -> tuple[GenericInstance, ...]:
    """Puts the generic instances over value types into the image; what became of each."""
    result = []
    for needed in job.needed:
        outcome = job.instances[needed.signature]
        code = detail = ""
        if outcome.unit is None:
            assert outcome.excluded is not None
            code, detail = outcome.excluded.code, outcome.excluded.detail
        else:
            unknown = check.missing(outcome.unit)
            if unknown is not None:
                code, detail = Reason.NOT_NAMEABLE.code, unknown.name
            else:
                builder.add_instance_entry(needed.hash, needed.signature, outcome.unit)
        result.append(GenericInstance(needed.name, needed.rid, needed.needed_by, code, detail, needed.assembly))
    if job.closure is not None:
        result += job.closure.left_out
    return tuple(result)


def _compiler_id() -> str:
    return f"nativegen {compiler_fingerprint()}"


def _manifest_assembly(system: TypeSystem, name: str) -> ManifestAssembly:
    """What a reference to an assembly says.

    Raises:
        KeyError: there is no such assembly.
    """
    module = system.module_named(name)
    if module is None:
        raise KeyError(name)
    identity = module.assembly.identity
    token = "" if identity.public_key_token == "null" else identity.public_key_token
    return ManifestAssembly(identity.name, identity.version, identity.culture, bytes.fromhex(token))


def _counted(exclusions: Sequence[ExcludedMethod], left_out: int) -> dict[str, int]:
    """Reason code -> number of methods."""
    counts = Counter(excluded.code for excluded in exclusions)
    if left_out:
        counts[Reason.NOT_IN_PROFILE.code] = left_out
    return dict(sorted(counts.items()))


def _is_storable(job: _Job, rid: int) -> bool:
    return rid not in job.reused and rid not in job.accidents


def _result(outcome: MethodOutcome) -> Result:
    if outcome.excluded is not None:
        return Exclusion(outcome.excluded.code, outcome.excluded.detail)
    assert outcome.unit is not None
    return outcome.unit


def write_atomically(path: str, data: bytes) -> None:
    """Temporary file beside ``path``, fsync, rename.

    Raises:
        NativegenError: NGEN3001, the directory is missing, read-only or full; nothing is left behind.
    """
    try:
        with replacing(path, durable=True) as temporary, open(temporary, "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise NativegenError("NGEN3001", path, detail=error.strerror or str(error)) from error
