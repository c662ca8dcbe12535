"""What runs inside a worker process: from method rids to method units.

A worker keeps its assemblies and type systems open between batches, so that a batch costs only its methods. Everything that comes
in or goes out is plain picklable data.

Invariant: the result for a method depends on the request and the method alone, never on the batch or the worker.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nativegen.backend.batch import compile_batch
from nativegen.compiler.emit import lower
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.importer import MethodCompiler
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.metadata import Assembly
from nativegen.pipeline.request import CompileRequest, ExcludedMethod
from nativegen.readytorun.targets import Target, target_named
from nativegen.readytorun.unit import MethodUnit
from nativegen.typesystem import TypeSystem


@dataclass(frozen=True, slots=True)
class MethodOutcome:
    """One method's unit, or why there is none."""

    rid: int
    unit: MethodUnit | None
    excluded: ExcludedMethod | None


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One method to compile: index of its request and MethodDef rid."""

    request: int
    rid: int


class CompileWorker:
    """Per-process state: the open modules of the requests.

    Args:
        requests: all requests of the run; batches refer to them by index.
    """

    def __init__(self, requests: Sequence[CompileRequest]) -> None:
        self._requests = requests
        self._systems: dict[tuple[str, int], TypeSystem] = {}
        self._compilers: dict[int, tuple[MethodCompiler, Target, Assembly]] = {}
        self.seconds: dict[str, float] = {}

    def compile(self, items: Sequence[BatchItem]) -> list[MethodOutcome]:
        """Import, lower and compile the methods; as many outcomes as items, in their order."""
        outcomes: list[MethodOutcome | None] = [None] * len(items)
        lowered: list[LoweredMethod] = []
        positions: list[int] = []
        for position, item in enumerate(items):
            result = self._lower(item)
            if isinstance(result, LoweredMethod):
                lowered.append(result)
                positions.append(position)
            else:
                outcomes[position] = result
        if lowered:
            item = items[positions[0]]
            target = self._open(item.request)[1]
            started = time.process_time()
            results = compile_batch(lowered, target)
            self._spent("llvm", started)
            for position, result in zip(positions, results, strict=True):
                item = items[position]
                if isinstance(result, MethodUnit):
                    outcomes[position] = MethodOutcome(item.rid, result, None)
                else:
                    outcomes[position] = self._excluded(item, result)
        return [outcome for outcome in outcomes if outcome is not None]

    def excluded_by_crash(self, item: BatchItem, message: str) -> MethodOutcome:
        """The outcome of a method whose compilation killed a worker."""
        return self._excluded(item, Excluded(Reason.BACKEND, message))

    def take_seconds(self) -> dict[str, float]:
        """CPU seconds per stage since the last call."""
        seconds, self.seconds = self.seconds, {}
        return seconds

    def _lower(self, item: BatchItem) -> LoweredMethod | MethodOutcome:
        started = time.process_time()
        compiler, target, _ = self._open(item.request)
        self._spent("read", started)
        started = time.process_time()
        try:
            function = compiler.import_method(item.rid)
        except Excluded as reason:
            self._spent("import", started)
            return self._excluded(item, reason)
        self._spent("import", started)
        started = time.process_time()
        try:
            method = lower(function, target, f"m{item.rid}")
        except Excluded as reason:
            self._spent("lower", started)
            return self._excluded(item, reason)
        self._spent("lower", started)
        effort = self._requests[item.request].options.effort
        if effort == "full" and method.effort != Effort.FULL:
            return _with_effort(method, Effort.FULL)
        if effort == "none" and method.effort != Effort.CHEAP:
            return _with_effort(method, Effort.CHEAP)
        return method

    def _open(self, index: int) -> tuple[MethodCompiler, Target, Assembly]:
        found = self._compilers.get(index)
        if found is None:
            request = self._requests[index]
            target = target_named(request.target)
            system = self._system(request.references, target)
            module = system.open(request.input)
            found = self._compilers[index] = (MethodCompiler(module, target), target, module.assembly)
        return found

    def _system(self, references: Mapping[str, str], target: Target) -> TypeSystem:
        """One type system per target and reference set: assemblies of one application share it."""
        key = (target.name, id(references))
        system = self._systems.get(key)
        if system is None:
            system = self._systems[key] = TypeSystem(target, references.get)
        return system

    def _excluded(self, item: BatchItem, reason: Excluded) -> MethodOutcome:
        name = method_display_name(self._open(item.request)[2], item.rid)
        return MethodOutcome(item.rid, None, ExcludedMethod(name, item.rid, reason.reason.code, reason.detail))

    def _spent(self, stage: str, started: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - started


def method_display_name(assembly: Assembly, rid: int) -> str:
    """``Ns.Outer+Inner::Method`` from metadata alone."""
    owner = assembly.type_of_method(rid)
    parts = []
    namespace = ""
    while owner:
        row = assembly.type_def(owner)
        parts.append(row.name)
        namespace = row.namespace
        owner = assembly.enclosing_type(owner)
    name = "+".join(reversed(parts))
    return f"{namespace}.{name}::{assembly.method_def(rid).name}" if namespace else f"{name}::{assembly.method_def(rid).name}"


def _with_effort(method: LoweredMethod, effort: Effort) -> LoweredMethod:
    from dataclasses import replace

    return replace(method, effort=effort)
