"""Which methods ran native code, which were jitted: the runtime's own word, from an event trace.

What: decodes the method and loader events of the runtime provider into one :class:`MethodRecord` per method. Why here:
an entry in an image proves nothing, since a failing fixup rejects a method silently; only the runtime's lookup
(``R2RGetEntryPoint``) says that it used the code.

Invariants: a method is *native* only if a lookup returned an entry point and it was not jitted since; a method that
was native and later jitted is *rejitted* (tiering), one jitted without native code *jitted*. A report whose trace
lost events refuses to answer (:meth:`MethodReport.require_reliable`).

Events (ClrEtwAll.man): 145 MethodJittingStarted_V1, 143 MethodLoadVerbose_V1/V2, 159 R2RGetEntryPoint,
152 ModuleLoad, 154 AssemblyLoad. Flags of 143: 1 dynamic, 2 generic, 4 shared generic, 8 jitted, bits 7-9
tier.

>>> report = read_method_report("app.nettrace")
>>> report.state("Program::Main")
'native'
>>> report.summary()
Summary(native=199, rejitted=0, jitted_ordinary=8, jitted_generic=15, jitted_stubs=3, not_found=4)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from nativegen.diagnostics import NativegenError
from nativegen.runtime.nettrace import TraceEvent, TraceReader, read_utf16

PROVIDER = "Microsoft-Windows-DotNETRuntime"
_RUNDOWN = "Microsoft-Windows-DotNETRuntimeRundown"

# ClrEtwAll.man keywords: LoaderKeyword 0x8, JitKeyword 0x10, NGenKeyword 0x20, CompilationDiagnosticKeyword.
METHOD_KEYWORDS = 0x20_0000_0000 | 0x8 | 0x10 | 0x20
VERBOSE = 5

_METHOD_LOAD_VERBOSE, _METHOD_JITTING_STARTED, _R2R_GET_ENTRY_POINT = 143, 145, 159
_METHOD_EVENTS = frozenset({_METHOD_LOAD_VERBOSE, _METHOD_JITTING_STARTED, _R2R_GET_ENTRY_POINT})

# What was loaded before the trace began is told at its end by the rundown provider, in the same layout but with other
# numbers (ModuleDCEnd, AssemblyDCEnd).
_MODULE_EVENTS = frozenset({(PROVIDER, 152), (_RUNDOWN, 154)})
_ASSEMBLY_EVENTS = frozenset({(PROVIDER, 154), (_RUNDOWN, 156)})
_IDS = _METHOD_EVENTS | {152, 154, 156}

_DYNAMIC, _GENERIC, _SHARED_GENERIC, _JITTED = 1, 2, 4, 8

State = Literal["native", "rejitted", "jitted", "not found"]
JitKind = Literal["ordinary", "generic", "stub"]

# MethodFlagsJitOptimizationTier, bits 7-9 of the flags.
TIERS = (
    "unknown",
    "minopts",
    "optimized",
    "tier0",
    "tier1",
    "tier1-osr",
    "tier0-instrumented",
    "tier1-instrumented",
)


@dataclass(frozen=True, slots=True)
class JitLoad:
    """One compilation of a method by the JIT: ``size`` is in bytes of machine code, ``tier`` a name of ``TIERS``."""

    kind: JitKind
    tier: str
    size: int


@dataclass(frozen=True, slots=True)
class MethodRecord:
    """One method (one instantiation) the runtime looked up or jitted.

    ``namespace`` is the runtime's: namespace and type, nested types after a plus. ``entry_point`` is the address of
    native code, 0 when the lookup found none or rejected it, None when the runtime never looked (its module has no
    image). ``module`` is the path of the IL file and ``token`` the MethodDef token (of the definition, when generic),
    both known for jitted methods only.
    """

    namespace: str
    name: str
    signature: str
    method_id: int
    entry_point: int | None
    jitted: tuple[JitLoad, ...]
    module: str | None
    token: int | None

    @property
    def full_name(self) -> str:
        """``Namespace.Outer+Inner::Method``, as the compiler names methods too."""
        return f"{self.namespace}::{self.name}"

    @property
    def filter_names(self) -> tuple[str, ...]:
        """What filters may call it: with the whole type, with the type alone, with the namespace alone."""
        definition, bracket, arguments = self.namespace.partition("[")
        namespace, dot, type_name = definition.rpartition(".")
        short = f"{type_name}{bracket}{arguments}::{self.name}"
        return (self.full_name, short, f"{namespace}::{self.name}") if dot else (self.full_name,)

    @property
    def state(self) -> State:
        """What became of the method; see the module's invariants."""
        if self.entry_point:
            return "rejitted" if self.jitted else "native"
        if self.entry_point is None and self.jitted and self.jitted[0].tier.startswith("tier1"):
            # Re-jitted before any other code of it was seen: its native code was looked up before the trace began.
            return "rejitted"
        return "jitted" if self.jitted else "not found"


@dataclass(frozen=True, slots=True)
class LoadedModule:
    """A module the runtime loaded; ``path`` is empty for modules made in memory."""

    module_id: int
    path: str
    native_path: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts by state; jitted methods apart by kind. Re-jits of jitted methods are not counted twice."""

    native: int
    rejitted: int
    jitted_ordinary: int
    jitted_generic: int
    jitted_stubs: int
    not_found: int


@dataclass(frozen=True, slots=True)
class MethodReport:
    """What one run of a program did. ``dropped`` counts lost events; ``complete`` is false for a cut-off trace."""

    path: str
    methods: tuple[MethodRecord, ...]
    modules: tuple[LoadedModule, ...]
    assemblies: tuple[str, ...]
    dropped: int
    complete: bool

    def require_reliable(self) -> None:
        """Raises NativegenError NGEN6002 when events were dropped or the trace is cut off."""
        if self.dropped or not self.complete:
            detail = f"{self.dropped} events dropped" if self.dropped else "the end is missing"
            raise NativegenError("NGEN6002", self.path, detail=detail)

    def find(self, pattern: str) -> list[MethodRecord]:
        """Records that a filter of the jitCompilationStart assistant means.

        Args:
            pattern: shell-style (``*``, ``?``; no brackets), for one of ``ns2.C0+N0::m``, ``C0+N0::m``, ``ns2::m``.
        """
        pattern = pattern.replace("[", "[[]")
        return [record for record in self.methods if any(fnmatchcase(name, pattern) for name in record.filter_names)]

    def state(self, full_name: str) -> State | None:
        """The state of the method of that name; of several overloads or instances the worst; None: never seen.

        Worst first: jitted, not found, rejitted, native.
        """
        states = {record.state for record in self.methods if record.full_name == full_name}
        order: tuple[State, ...] = ("jitted", "not found", "rejitted", "native")
        return next((state for state in order if state in states), None)

    def summary(self) -> Summary:
        """Counts over all methods."""
        states = [record.state for record in self.methods]
        kinds = [record.jitted[0].kind for record in self.methods if record.state == "jitted"]
        return Summary(
            native=states.count("native"),
            rejitted=states.count("rejitted"),
            jitted_ordinary=kinds.count("ordinary"),
            jitted_generic=kinds.count("generic"),
            jitted_stubs=kinds.count("stub"),
            not_found=states.count("not found"),
        )


def read_method_report(path: str | os.PathLike[str]) -> MethodReport:
    """Read a trace taken with :data:`METHOD_KEYWORDS` at level :data:`VERBOSE`.

    Raises:
        NativegenError: NGEN6001 when the file is missing or malformed.
    """
    reader = TraceReader(path, ids=_IDS)
    methods = _Methods()
    modules: dict[int, LoadedModule] = {}
    assemblies: dict[str, None] = {}
    try:
        for event in reader:
            source = (event.provider, event.id)
            if source in _MODULE_EVENTS:
                module = _module(event)
                modules.setdefault(module.module_id, module)
            elif source in _ASSEMBLY_EVENTS:
                name, _ = read_utf16(event.payload, 28)  # after assembly, domain and binding ids and flags
                assemblies[name] = None
            elif event.provider == PROVIDER and event.id in _METHOD_EVENTS:
                methods.add(event)
    except (ValueError, IndexError, struct.error) as error:
        raise NativegenError("NGEN6001", path, detail=f"malformed event ({error})") from None
    records = tuple(methods.records(modules))
    return MethodReport(
        os.fspath(path), records, tuple(modules.values()), tuple(assemblies), reader.dropped, reader.complete
    )


def _module(event: TraceEvent) -> LoadedModule:
    (module_id,) = struct.unpack_from("<Q", event.payload)
    path, offset = read_utf16(event.payload, 24)  # after assembly id, flags and a reserved word
    native_path, _ = read_utf16(event.payload, offset)
    return LoadedModule(module_id, path, native_path)


@dataclass(slots=True)
class _Method:
    """A record under construction."""

    names: tuple[str, str, str]
    method_id: int
    entry_point: int | None = None
    module_id: int | None = None
    token: int | None = None
    started: bool = False
    loads: tuple[JitLoad, ...] = ()


class _Methods:
    """Joins the events of one method by the runtime's method id."""

    def __init__(self) -> None:
        self._by_id: dict[int, _Method] = {}
        self._dynamic: list[_Method] = []

    def add(self, event: TraceEvent) -> None:
        payload = event.payload
        if event.id == _R2R_GET_ENTRY_POINT:
            (method_id,) = struct.unpack_from("<Q", payload)
            names, offset = _names(payload, 8)
            if _is_dynamic_class(names):
                return
            (entry_point,) = struct.unpack_from("<Q", payload, offset)
            method = self._method(method_id, names)
            method.entry_point = entry_point or method.entry_point or 0
        elif event.id == _METHOD_JITTING_STARTED:
            method_id, module_id, token = struct.unpack_from("<QQI", payload)
            names, _ = _names(payload, 24)
            # Ids of dynamic methods are reused; their load event says that they are dynamic, this one does not.
            if not _is_dynamic_class(names):
                method = self._method(method_id, names)
                method.started, method.module_id, method.token = True, module_id, token or None
        else:
            method_id, module_id, _, size, token, flags = struct.unpack_from("<QQQIII", payload)
            if not flags & _JITTED:
                return
            names, _ = _names(payload, 36)
            load = JitLoad(_kind(flags), TIERS[flags >> 7 & 7], size)
            if flags & _DYNAMIC:
                self._dynamic.append(_Method(names, method_id, None, module_id, None, True, (load,)))
            else:
                method = self._method(method_id, names)
                method.module_id, method.token = module_id, token or None
                method.loads += (load,)

    def records(self, modules: dict[int, LoadedModule]) -> Iterator[MethodRecord]:
        candidates: Iterable[_Method] = (*self._by_id.values(), *self._dynamic)
        for method in candidates:
            loads = method.loads
            if method.started and not loads:  # still compiling when the trace ended
                loads = (JitLoad("ordinary", "unknown", 0),)
            module = modules.get(method.module_id) if method.module_id is not None else None
            path = module.path if module else None
            yield MethodRecord(*method.names, method.method_id, method.entry_point, loads, path, method.token)

    def _method(self, method_id: int, names: tuple[str, str, str]) -> _Method:
        method = self._by_id.get(method_id)
        if method is None:
            method = self._by_id[method_id] = _Method(names, method_id)
        return method


def _names(payload: bytes, offset: int) -> tuple[tuple[str, str, str], int]:
    namespace, offset = read_utf16(payload, offset)
    name, offset = read_utf16(payload, offset)
    signature, offset = read_utf16(payload, offset)
    return (namespace, name, signature), offset


def _is_dynamic_class(names: tuple[str, str, str]) -> bool:
    return names[0] == "dynamicClass"


def _kind(flags: int) -> JitKind:
    if flags & _DYNAMIC:
        return "stub"
    return "generic" if flags & (_GENERIC | _SHARED_GENERIC) else "ordinary"
