"""What the operations need from the rest of nativegen, as one replaceable object: tests install with a fake compiler.

The real one, :class:`NativeToolchain`, imports binding, type system and pipeline only when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nativegen.cache.index import Index
from nativegen.diagnostics import NativegenError
from nativegen.operations.closure import Closure
from nativegen.operations.contracts import StoredContracts
from nativegen.operations.request import InstallRequest
from nativegen.pipeline.request import CompileReport, CompileRequest
from nativegen.plan.decide import Contracts

Progress = Callable[[int, int, str], None]
"""(methods done, methods in all, assembly)."""


@dataclass(frozen=True, slots=True)
class CompileFailure:
    """A request that gave no image."""

    request: CompileRequest
    error: NativegenError


class Toolchain(Protocol):
    """Everything between a request and an image."""

    def fingerprint(self) -> str:
        """Identity of the compiler."""
        ...

    def bind(self, request: InstallRequest) -> Closure:
        """The closure of a root.

        Raises:
            NativegenError: the root itself cannot be read, bound or compiled.
        """
        ...

    def contracts(self, index: Index) -> Contracts:
        """Contract signatures, remembered in the index."""
        ...

    def code(self, request: CompileRequest) -> str:
        """What a report would say of the code of an image (:attr:`CompileReport.code`).

        Raises:
            NativegenError: the input cannot be read.
        """
        ...

    def compile(
        self, requests: Sequence[CompileRequest], jobs: int, progress: Progress
    ) -> Iterator[CompileReport | CompileFailure]:
        """Compile; one outcome per request, in the order in which they finish."""
        ...


class NativeToolchain:
    """The real one.

    Args:
        units: folder of compiled methods to reuse and to add to; None: every method is compiled anew.
    """

    def __init__(self, units: str | None = None) -> None:
        self._units = units

    def fingerprint(self) -> str:
        from nativegen.pipeline.fingerprint import compiler_fingerprint

        return compiler_fingerprint()

    def bind(self, request: InstallRequest) -> Closure:
        from nativegen.operations.bind import bind_closure

        return bind_closure(request)

    def contracts(self, index: Index) -> Contracts:
        from nativegen.typesystem.contract import CONTRACT_VERSION

        return StoredContracts(index, CONTRACT_VERSION, _TypeSystemContracts)

    def code(self, request: CompileRequest) -> str:
        from nativegen.pipeline.code_signature import units_signature

        return units_signature(request)

    def compile(
        self, requests: Sequence[CompileRequest], jobs: int, progress: Progress
    ) -> Iterator[CompileReport | CompileFailure]:
        from nativegen.operations.perfmap import write_perf_map
        from nativegen.pipeline import compile as pipeline

        def forward(event: pipeline.Progress) -> None:
            progress(event.done, event.total, event.assembly)

        profiled = {request.output for request in requests if request.options.profile}
        for outcome in pipeline.compile_many(requests, jobs=jobs, progress=forward, unit_store=self._units):
            if isinstance(outcome, pipeline.CompileFailure):
                yield CompileFailure(outcome.request, outcome.error)
            else:
                if outcome.kind == "image" and outcome.output in profiled:
                    write_perf_map(outcome.output)
                yield outcome


class _TypeSystemContracts:
    """The ``ContractSource`` over the type system."""

    def entries(self, path: str) -> tuple[str, str, Mapping[str, str]]:
        from nativegen.metadata import Assembly
        from nativegen.typesystem.contract import contract

        assembly = Assembly.open(path)
        result = contract(assembly)
        return assembly.content_signature, result.signature, result.entries

    def difference(self, old: Mapping[str, str], new: Mapping[str, str]) -> str | None:
        from nativegen.typesystem.contract import first_difference

        return first_difference(old, new)
