"""What runs inside a worker process: from method rids to method units.

A worker keeps its assemblies and type systems open between batches, so that a batch costs only its methods. Everything
that comes in or goes out is plain picklable data.

Invariant: the result for a method depends on the request and the method alone, never on the batch or the worker.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import xxhash

from nativegen.backend.batch import Rejection
from nativegen.backend.llvm import CodeGenerator
from nativegen.backend.repeats import Repeats
from nativegen.compiler.context import MethodCompiler
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.foreign import ForeignCode, Mode
from nativegen.compiler.instances import InstanceReader, Signature
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.compiler.lowering import lower
from nativegen.metadata import Assembly
from nativegen.pipeline.method_names import method_display_name
from nativegen.pipeline.reads import contents_of
from nativegen.pipeline.request import CompileRequest, ExcludedMethod
from nativegen.pipeline.stages import spend
from nativegen.readytorun.targets import Target, target_named
from nativegen.readytorun.unit import MethodUnit
from nativegen.typesystem import Module, TypeSystem

_FORCED_EFFORT = {"full": Effort.FULL, "none": Effort.CHEAP}


@dataclass(frozen=True, slots=True)
class MethodOutcome:
    """One method's unit, or why there is none.

    ``seconds``: CPU seconds per stage of the whole batch, on its first outcome only; ``read``: likewise the files that
    were opened for it, see :mod:`nativegen.pipeline.reads`. ``instance``: as in the item.
    """

    rid: int
    unit: MethodUnit | None
    excluded: ExcludedMethod | None
    seconds: Mapping[str, float] | None = None
    instance: Signature | None = None
    read: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One method to compile: index of its request and MethodDef rid; of a generic one the instance.

    ``instance``: signature of its entry; None means the instance that serves all reference types.
    """

    request: int
    rid: int
    instance: Signature | None = None


class TypeSystems(dict[tuple[str, int], TypeSystem]):
    """Type systems by target and identity of the references: the assemblies of one application share one.

    A process that is no fork of ours begins without any.
    """

    def of(
        self, request: CompileRequest, open_assembly: Callable[[str], Assembly], inputs: Collection[str]
    ) -> TypeSystem:
        """The type system of a request.

        Args:
            open_assembly, inputs: of one that is made now; the inputs of all requests of the run, which become images.
        """
        key = (request.target, id(request.references))
        system = self.get(key)
        if system is None:
            system = self[key] = TypeSystem(
                target_named(request.target), request.references.get, open_assembly, inputs
            )
        return system

    def __reduce__(self) -> tuple[type[TypeSystems], tuple[()]]:
        return TypeSystems, ()


class CompileWorker:
    """Per-process state: the open modules of the requests.

    Args:
        requests: all requests of the run; batches refer to them by index.
        systems: what is known already of the assemblies that they refer to.
    """

    def __init__(self, requests: Sequence[CompileRequest], systems: TypeSystems | None = None) -> None:
        self._requests = requests
        self._systems = TypeSystems() if systems is None else systems
        self._inputs = frozenset([request.input for request in requests])
        self._said: set[Module] = set()  # of which the parent knows what was read
        self._compilers: dict[int, tuple[MethodCompiler, Target, Assembly]] = {}
        self._readers: dict[int, InstanceReader] = {}
        self._generators: dict[tuple[str, tuple[str, ...]], Repeats] = {}

    def compile(self, items: Sequence[BatchItem]) -> list[MethodOutcome]:
        """Import, lower and compile the methods of one request; as many outcomes as items, in their order."""
        seconds: dict[str, float] = {}
        outcomes: list[MethodOutcome | None] = [None] * len(items)
        lowered: list[LoweredMethod] = []
        positions: list[int] = []
        for position, item in enumerate(items):
            result = self._lower(item, seconds)
            if isinstance(result, LoweredMethod):
                lowered.append(result)
                positions.append(position)
            else:
                outcomes[position] = result
        if lowered:
            request = self._requests[items[0].request]
            started = time.process_time()
            results = self._generator(target_named(request.target), request).compile(lowered)
            spend(seconds, "llvm", started)
            for position, unit in zip(positions, results, strict=True):
                item = items[position]
                if isinstance(unit, Rejection):
                    outcomes[position] = self._excluded(item, Excluded(Reason.BACKEND, unit.detail))
                else:
                    outcomes[position] = MethodOutcome(item.rid, unit, None, instance=item.instance)
        complete = [outcome for outcome in outcomes if outcome is not None]
        complete[0] = replace(complete[0], seconds=seconds, read=self._read(items[0].request))
        return complete

    def _read(self, index: int) -> dict[str, str]:
        opened = set(self._open(index)[0].module.type_system.modules) - self._said
        self._said |= opened
        return contents_of(opened)

    def _lower(self, item: BatchItem, seconds: dict[str, float]) -> LoweredMethod | MethodOutcome:
        started = time.process_time()
        compiler, target, _ = self._open(item.request)
        instance, symbol = item.instance, f"m{item.rid}"
        spend(seconds, "read", started)
        stage, started = "import", time.process_time()
        try:
            if instance is None:
                function = compiler.import_method(item.rid)
            else:
                reader = self._readers.get(item.request)
                if reader is None:
                    reader = self._readers[item.request] = InstanceReader(compiler.module, compiler.cells.symbols)
                function = compiler.import_instance(functools.partial(reader.method, instance))
                symbol += "_" + xxhash.xxh3_64_hexdigest(repr(instance).encode())
            spend(seconds, stage, started)
            stage, started = "lower", time.process_time()
            effort = _FORCED_EFFORT.get(self._requests[item.request].options.effort)
            return lower(function, target, symbol, effort=effort)
        except Excluded as reason:
            return self._excluded(item, reason)
        except Exception as error:
            # A bug of ours must not cost the user more than this one method; the tests want none of these.
            return self._excluded(item, Excluded(Reason.INTERNAL, f"{type(error).__name__}: {error}"))
        finally:
            spend(seconds, stage, started)

    def _open(self, index: int) -> tuple[MethodCompiler, Target, Assembly]:
        found = self._compilers.get(index)
        if found is None:
            request = self._requests[index]
            target = target_named(request.target)
            open_assembly = functools.partial(open_for, self._inputs)
            module = self._systems.of(request, open_assembly, self._inputs).open(request.input)
            found = self._compilers[index] = (
                MethodCompiler(
                    module,
                    target,
                    foreign=foreign_code(module, target, request),
                    inlining=request.options.inlines,
                    debug=request.options.debug,
                    counted=request.options.profile,
                ),
                target,
                module.assembly,
            )
        return found

    def _excluded(self, item: BatchItem, reason: Excluded) -> MethodOutcome:
        name = ""  # of an instance: its own, which the parent process knows
        if item.instance is None:
            name = method_display_name(self._open(item.request)[2], item.rid)
        excluded = ExcludedMethod(name, item.rid, reason.reason.code, reason.detail)
        return MethodOutcome(item.rid, None, excluded, instance=item.instance)

    def _generator(self, target: Target, request: CompileRequest) -> Repeats:
        key = (target.cpu_baseline, request.options.instruction_set)
        found = self._generators.get(key)
        if found is None:
            generator = CodeGenerator(target.cpu_baseline, request.options.instruction_set)
            found = self._generators[key] = Repeats(generator)
        return found


def open_for(inputs: Collection[str], path: str) -> Assembly:
    """Opens an assembly; what gets compiled is read as a whole, so that nobody can change it meanwhile."""
    return Assembly.open(path, copy=path in inputs)


def foreign_code(module: Module, target: Target, request: CompileRequest) -> ForeignCode:
    """What a request allows its image to use of other assemblies."""
    return ForeignCode(module, target, Mode(request.options.mode), request.options.hard_bound)
