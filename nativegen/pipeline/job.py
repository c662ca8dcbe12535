"""One image on its way: its methods, what became of them, and what is known of the assembly.

The parent process has one :class:`Job` per request. It begins with :func:`open_job`, collects outcomes from the unit
store and from the workers, and is complete when nothing that is known to be needed is still with the workers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from nativegen.compiler.exclusions import Reason
from nativegen.compiler.instances import Signature
from nativegen.metadata import Assembly
from nativegen.pipeline.eligibility import check_eligible, chosen_methods, methods_with_cil
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.instances import InstanceClosure, NeededInstance
from nativegen.pipeline.link_names import LinkNames
from nativegen.pipeline.method_names import method_display_name
from nativegen.pipeline.moved import Moved, Moving
from nativegen.pipeline.relink import Linked
from nativegen.pipeline.request import CompileReport, CompileRequest, ExcludedMethod
from nativegen.pipeline.reuse import Reuse
from nativegen.pipeline.stages import spend
from nativegen.pipeline.symbol_check import SymbolCheck
from nativegen.pipeline.unit_codec import Exclusion
from nativegen.pipeline.unit_store import Result
from nativegen.pipeline.worker import BatchItem, MethodOutcome
from nativegen.readytorun.targets import Target, target_named
from nativegen.typesystem import Module


class Opened(NamedTuple):
    """An assembly in the type system of its references.

    ``facts``, ``names``: of its module; ``check``: whether they can name what units name.
    """

    facts: Facts
    names: LinkNames
    check: SymbolCheck

    @property
    def module(self) -> Module:
        """The assembly's module."""
        return self.facts.module


@dataclass(slots=True)
class Job:
    """See the module docstring.

    Attributes:
        rids: the methods that the image is to have.
        left_out: number of methods that a partial image does without.
        wanted: methods whose outcomes are needed: all, or those that are to be exchanged in ``linked``.
        outcomes: by method. reused: those that the unit store had. accidents: those that a worker died of.
        seconds: CPU seconds by stage.
        opened, reuse, closure: once they are needed; ``reuse`` only with a unit store.
        linked: what the last image was linked from, when its other units are taken over; moving: that on its way into
            other metadata; again: with the new units in place.
        needed: the generic instances that the code needs; latest: those of the last round.
        instances: their outcomes. instances_reused: those that are not to be stored, because the store had them or a
            worker died of them.
        is_lasting: no worker died of an instance.
    """

    request: CompileRequest
    assembly: Assembly
    rids: list[int]
    left_out: int
    wanted: list[int]
    seconds: dict[str, float]
    outcomes: dict[int, MethodOutcome] = field(default_factory=dict)
    reused: set[int] = field(default_factory=set)
    accidents: set[int] = field(default_factory=set)
    opened: Opened | None = None
    reuse: Reuse | None = None
    closure: InstanceClosure | None = None
    linked: Linked | None = None
    moving: Moving | None = None
    again: Moved | None = None
    needed: list[NeededInstance] = field(default_factory=list)
    latest: list[NeededInstance] = field(default_factory=list)
    instances: dict[Signature, MethodOutcome] = field(default_factory=dict)
    instances_reused: set[Signature] = field(default_factory=set)
    is_lasting: bool = True

    @property
    def target(self) -> Target:
        """Of the request."""
        return target_named(self.request.target)

    @property
    def is_facade(self) -> bool:
        """No method has CIL."""
        return not self.rids and not self.left_out

    @property
    def compiled(self) -> int:
        """Number of methods that the unit store did not have, so far."""
        return len(self.outcomes) - len(self.reused)

    @property
    def is_complete(self) -> bool:
        """Nothing that is known to be needed is still with the workers."""
        return len(self.outcomes) == len(self.wanted) and len(self.instances) == len(self.needed)

    def add(self, outcome: MethodOutcome) -> None:
        """Notes what a worker made of a method or an instance."""
        if outcome.instance is None:
            self.outcomes[outcome.rid] = outcome
        else:
            self.instances[outcome.instance] = outcome
        for stage, spent in (outcome.seconds or {}).items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

    def lost(self, item: BatchItem, message: str) -> MethodOutcome:
        """The outcome of a method or an instance that a worker died of."""
        if item.instance is None:
            self.accidents.add(item.rid)
        else:
            self.instances_reused.add(item.instance)
            self.is_lasting = False
        name = method_display_name(self.assembly, item.rid) if item.instance is None else ""
        excluded = ExcludedMethod(name, item.rid, Reason.BACKEND.code, message)
        return MethodOutcome(item.rid, None, excluded, instance=item.instance)

    def new_results(self) -> dict[int, Result]:
        """What the unit store is to get: of each wanted method that it did not have."""
        known = self.reused | self.accidents
        return {rid: result_of(self.outcomes[rid]) for rid in self.wanted if rid not in known}

    def new_instances(self) -> dict[Signature, Result]:
        """Likewise of the generic instances."""
        known = self.instances_reused
        return {signature: result_of(each) for signature, each in self.instances.items() if signature not in known}


def open_job(request: CompileRequest) -> Job:
    """The beginning of an image.

    Raises:
        NativegenError: the input is not eligible or cannot be read.
    """
    start = time.process_time()
    assembly = Assembly.open(request.input, copy=True)
    check_eligible(assembly, from_native=request.options.from_native)
    every = methods_with_cil(assembly)
    rids = chosen_methods(assembly, every, request.partial)
    job = Job(request, assembly, rids, len(every) - len(rids), rids, {})
    spend(job.seconds, "read", start)
    return job


def facade_report(job: Job) -> CompileReport:
    """The outcome of a job without methods; nothing is written."""
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


def result_of(outcome: MethodOutcome) -> Result:
    """An outcome as the unit store keeps it."""
    if outcome.excluded is not None:
        return Exclusion(outcome.excluded.code, outcome.excluded.detail)
    assert outcome.unit is not None
    return outcome.unit


def outcome_of(name: str, rid: int, result: Result) -> MethodOutcome:
    """What the unit store kept, as an outcome; ``name``: of the method or instance."""
    if isinstance(result, Exclusion):
        return MethodOutcome(rid, None, ExcludedMethod(name, rid, result.code, result.detail))
    return MethodOutcome(rid, result, None)
