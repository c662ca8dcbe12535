"""What the parent process does for each image: reuse what is kept, find the instances it needs, link and write it.

The ways to an image, the shortest first:

1. what the last image was linked from, with the edited methods' units in their places
   (:mod:`nativegen.pipeline.relink`);
2. the same, moved into other metadata (:mod:`nativegen.pipeline.moved`);
3. the units of all methods, from the unit store or from workers (:mod:`nativegen.pipeline.link_units`).

A job begins with the shortest way that its edit allows and changes to a longer one when its outcomes ask for it; all
lead to the same bytes.
"""

from __future__ import annotations

import functools
import gc
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ParamSpec, TypeVar

from nativegen.compiler.exclusions import Reason
from nativegen.compiler.foreign_instances import ForeignInstances, PresentInstances
from nativegen.compiler.instances import InstanceReader
from nativegen.diagnostics import NativegenError
from nativegen.files import write_atomically
from nativegen.metadata import Assembly
from nativegen.pipeline.carried_instances import carried_instances
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.instance_names import find_instance, is_instance
from nativegen.pipeline.instances import InstanceClosure, NeededInstance
from nativegen.pipeline.job import Job, Opened, outcome_of
from nativegen.pipeline.link_names import LinkNames, same_types
from nativegen.pipeline.link_units import LinkedImage, assembly_identity, compiler_id, link_units
from nativegen.pipeline.method_names import method_display_name
from nativegen.pipeline.moved import Metadata, Moved, Moving
from nativegen.pipeline.reads import Reads, contents_of
from nativegen.pipeline.relink import Contents, will_be_kept
from nativegen.pipeline.request import CompileReport, CompileRequest
from nativegen.pipeline.reuse import Reuse
from nativegen.pipeline.shared_units import SharedUnits
from nativegen.pipeline.signature_facts import FAILURES, digest
from nativegen.pipeline.stages import spend
from nativegen.pipeline.symbol_check import SymbolCheck
from nativegen.pipeline.unit_store import Result, UnitStore
from nativegen.pipeline.worker import MethodOutcome, TypeSystems, foreign_code, open_for
from nativegen.readytorun.link import Linking
from nativegen.readytorun.unit import Cell
from nativegen.typesystem.symbols import SymbolTable

_Arguments = ParamSpec("_Arguments")
_Value = TypeVar("_Value")


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


class Linker:
    """See the module docstring.

    Args:
        store: of compiled methods; None: everything is compiled.
        requests: all of the run.

    Attributes:
        systems: type systems, shared between jobs of one reference set, and with workers that are forked later.
        reads: what all processes of the run have read.
    """

    def __init__(self, store: UnitStore | None, requests: Sequence[CompileRequest]) -> None:
        self.systems = TypeSystems()
        self.reads = Reads()
        for request in requests:
            self.reads.note(request.contents)
        self._inputs = frozenset([request.input for request in requests])
        self._store = store
        self._assemblies: dict[str, Assembly] = {}  # of jobs, until their type system has them
        self._present = PresentInstances()
        self._shared = SharedUnits()

    # -----------------------------------------------------------------------------------------------------------
    # before the workers: what need not be compiled

    @_without_collector
    def reuse(self, job: Job) -> list[int]:
        """Fills in the outcomes that the store has; the methods that remain to be compiled.

        Those that the image needs can be few: when the rest of it is as it was linked before.
        """
        if self._store is None:
            return job.rids
        facts, names, check = self._open(job)
        units = self._store.open(job.request.target, job.assembly.name)
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

    @_without_collector
    def prepare(self, job: Job) -> None:
        """Does what exchanging units does not need the units for."""
        if job.linked is None:
            return
        start = time.process_time()
        if job.moving is None:
            _ = job.linked.units
        else:
            job.moving.prepare()
        spend(job.seconds, "link", start)

    # -----------------------------------------------------------------------------------------------------------
    # with the outcomes: what else has to be compiled

    def share(self, job: Job, outcome: MethodOutcome) -> None:
        """Other assemblies may need the same instance."""
        if outcome.unit is not None and outcome.instance is not None:
            self._shared.add(job.request, job.assembly.name, outcome.instance, outcome.unit)

    @_without_collector
    def exchange(self, job: Job) -> bool:
        """Puts the outcomes in place of those that the last image was linked from, if no more has to be done."""
        linked = job.linked
        assert linked is not None
        start = time.process_time()
        units = {rid: unit for rid in job.wanted if (unit := job.outcomes[rid].unit) is not None}
        if job.moving is None:
            if len(units) == len(job.wanted):
                symbols = self._open(job).names.symbols
                table = linked.exchange(units, symbols, packed=job.target.packed_debug_bounds)
                job.again = None if table is None else Moved(linked.units, table, linked.report)
            if job.again is None and linked.encoded_cells:
                job.moving = self._moving(job)
        if job.moving is not None:
            excluded = [each for rid in job.wanted if (each := job.outcomes[rid].excluded) is not None]
            job.again = job.moving.finish(units, excluded)
        spend(job.seconds, "link", start)
        return job.again is not None

    @_without_collector
    def reuse_all(self, job: Job) -> list[int]:
        """Like :meth:`reuse`, when more has to be done than to exchange the units of some methods."""
        assert job.reuse is not None
        job.linked, job.moving, job.wanted = None, None, job.rids
        return self._take_over(job, job.reuse.find())

    @_without_collector
    def next_instances(self, job: Job) -> list[NeededInstance]:
        """The generic instances that the code known since the last call needs, and that nobody has compiled yet."""
        if job.linked is not None:
            return []
        start = time.process_time()
        closure = job.closure
        if closure is None:
            closure = job.closure = self._closure_of_methods(job)
        missing: list[NeededInstance] = []
        while not missing:
            for instance in job.latest:
                unit = job.instances[instance.signature].unit
                if unit is not None:
                    closure.add(unit, functools.partial(str, instance.name))
            job.latest = closure.next_round()
            if not job.latest:
                break
            job.needed += job.latest
            missing = self._missing(job, job.latest)
        spend(job.seconds, "instances", start)
        return missing

    # -----------------------------------------------------------------------------------------------------------
    # the image

    @_without_collector
    def link(self, job: Job) -> CompileReport:
        """Writes the image of a complete job.

        Raises:
            NativegenError: NGEN3002, the input, or a file that it refers to, has changed meanwhile: nothing of it was
                kept; NGEN3001, the image cannot be written.
        """
        module = self._open(job).module
        self.reads.note(contents_of(module.type_system.modules))
        self.reads.require_unchanged(module)
        linked = self._link_again(job) if job.linked is not None else link_units(job, self._open(job))
        if job.reuse is not None:
            job.seconds.update(job.reuse.seconds)
        return _write(job, linked)

    def _link_again(self, job: Job) -> LinkedImage:
        """From what the last image was linked from, with new units in their places."""
        assert job.again is not None and job.reuse is not None
        request = job.request
        units, table, report = job.again
        job.reuse.save(job.new_results(), {}, is_all=False)
        job.reuse.save_summary(None)
        start = time.process_time()
        linking = Linking(
            job.assembly,
            job.target,
            image_base=request.options.image_base,
            compiler_id=compiler_id(),
            from_metadata=report.from_metadata if job.moving is None else None,
        )
        if job.moving is not None:
            types = digest(same_types(self._open(job).module))
            report = replace(report, from_metadata=linking.from_metadata, same_types=types)
        image = linking.link(units, table, report.manifest, has_unrelated_code=report.has_unrelated_code)
        spend(job.seconds, "link", start)
        if will_be_kept(len(job.wanted)):
            job.reuse.save_linked(report, units, table)
        return LinkedImage(image, report.contents, job.reuse.units_signature(report.same_types))

    # -----------------------------------------------------------------------------------------------------------

    def _open(self, job: Job) -> Opened:
        """Opens the job's assembly in the type system of its references; once."""
        if job.opened is None:
            path = job.request.input
            system = self.systems.of(job.request, self._open_assembly, self._inputs)
            self._assemblies[path] = job.assembly
            facts = Facts(system.open(path))
            names = LinkNames(facts.own, SymbolTable(facts.module))
            job.opened = Opened(facts, names, SymbolCheck(names, lambda name: system.module_named(name) is not None))
        return job.opened

    def _open_assembly(self, path: str) -> Assembly:
        """A job's assembly is open already, and much of it decoded."""
        return self._assemblies.pop(path, None) or open_for(self._inputs, path)

    def _take_over(self, job: Job, found: Mapping[int, Result]) -> list[int]:
        """Makes outcomes of what the store has; the wanted methods that are left."""
        for rid, result in found.items():
            if rid not in job.outcomes:
                job.reused.add(rid)
                job.outcomes[rid] = outcome_of(method_display_name(job.assembly, rid), rid, result)
        return [rid for rid in job.wanted if rid not in job.outcomes]

    def _moving(self, job: Job) -> Moving:
        """What was kept on its way into the metadata of a job, be it the same."""
        assert job.linked is not None and job.reuse is not None
        facts, names, _ = self._open(job)
        about = Metadata(
            module=facts.module,
            target=job.target,
            names=names,
            generic=facts.own.generic_methods(),
            display_name=functools.partial(method_display_name, job.assembly),
            closure=functools.partial(self._closure, job),
            instance_keys=job.reuse.instance_keys,
            identity=functools.partial(assembly_identity, facts.module.type_system),
        )
        return Moving(job.linked, about, job.reuse.keys, has_moved=job.reuse.has_moved(job.linked))

    def _closure(self, job: Job, needless: Sequence[Cell] = ()) -> InstanceClosure:
        """An empty one, for the instances of an image; ``needless``: cells that are known to need nothing."""
        facts, names, _ = self._open(job)
        module = facts.module
        foreign = ForeignInstances(module, foreign_code(module, job.target, job.request), self._present)
        closure = InstanceClosure(InstanceReader(module, names, foreign), names.symbols, needless)
        if job.request.options.carried_instances and job.request.partial is None:
            for method in carried_instances(module):
                closure.seed(method, "the native code that the assembly came with")
        return closure

    def _closure_of_methods(self, job: Job) -> InstanceClosure:
        """The closure of an image with all its methods in it, and the instances that its profile names."""
        closure = self._closure(job, () if job.reuse is None else job.reuse.needless_cells())
        for line in filter(is_instance, job.request.partial or ()):
            found = find_instance(self._open(job).module.type_system, line)
            if found is not None:
                closure.seed(found, "the profile")
        for rid in job.rids:
            unit = job.outcomes[rid].unit
            if unit is not None:
                closure.add(unit, functools.partial(method_display_name, job.assembly, rid))
        return closure

    def _missing(self, job: Job, needed: Sequence[NeededInstance]) -> list[NeededInstance]:
        """Notes the outcomes of instances that are there already; the others."""
        found = {} if job.reuse is None else job.reuse.find_instances(needed)
        missing = []
        for instance in needed:
            signature = instance.signature
            if signature in found:
                job.instances_reused.add(signature)
                job.instances[signature] = outcome_of(instance.name, instance.rid, found[signature])
                continue
            shared = self._shared.find(job.request, job.assembly.name, signature)
            if shared is None:
                missing.append(instance)
            else:
                job.instances[signature] = MethodOutcome(instance.rid, shared, None)
        return missing


def _write(job: Job, linked: LinkedImage) -> CompileReport:
    """Writes the image, unless the input has changed meanwhile."""
    request, contents = job.request, linked.contents
    start = time.process_time()
    if Assembly.open(request.input).content_signature != job.assembly.content_signature:
        raise NativegenError("NGEN3002", request.input)
    write_atomically(request.output, linked.image)
    spend(job.seconds, "write", start)
    return CompileReport(
        input=request.input,
        output=request.output,
        name=job.assembly.name,
        content_signature=job.assembly.content_signature,
        kind="image",
        methods=len(job.rids) + job.left_out,
        native=contents.native,
        excluded=_counted(contents, job.left_out),
        exclusions=contents.exclusions,
        image_size=len(linked.image),
        input_size=len(job.assembly.data),
        seconds=job.seconds,
        foreign=contents.foreign,
        units_reused=len(job.rids) - job.compiled,
        units_compiled=job.compiled,
        instances=contents.instances,
        code=linked.code,
    )


def _counted(contents: Contents, left_out: int) -> dict[str, int]:
    """Reason code -> number of methods."""
    counts = Counter(excluded.code for excluded in contents.exclusions)
    if left_out:
        counts[Reason.NOT_IN_PROFILE.code] = left_out
    return dict(sorted(counts.items()))
