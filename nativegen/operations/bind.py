"""From a request to the closure that is planned and compiled: which application, which runtime, which files.

Joins ``runtime`` (where the application would run) and ``binding`` (what its references mean then), and reads from each
assembly what planning needs. A dependency that cannot be compiled (C++/CLI, a reference assembly) is left to the JIT
with a warning; a root that cannot be compiled is an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import xxhash

from nativegen.binding.closure import BoundAssembly, application_of
from nativegen.binding.closure import Closure as BoundClosure
from nativegen.binding.closure import bind_closure as bind_references
from nativegen.binding.hints import hard_binding_hints
from nativegen.binding.runtimeconfig import config_path
from nativegen.binding.trusted import CORE_LIBRARY, TrustedAssemblies
from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.operations.closure import Closure, MissingReference, RefusedAssembly
from nativegen.operations.deploy import il_sources
from nativegen.operations.request import InstallRequest
from nativegen.operations.selection import select
from nativegen.pipeline.eligibility import check_eligible
from nativegen.plan.decide import Candidate
from nativegen.plan.manifest import FrameworkEntry, framework_signature
from nativegen.readytorun.container import MACHINE_LINUX_X64
from nativegen.readytorun.targets import require_tested, target_for_runtime_version, target_named
from nativegen.runtime.discover import Runtime, find_runtimes, runtime_for

_MISSING = "NGEN2010"


def bind_closure(request: InstallRequest) -> Closure:
    """The closure of a root.

    Raises:
        NativegenError: the root cannot be read, bound, run or compiled.
    """
    path = Path(request.path)
    if not path.is_file():
        raise NativegenError("NGEN1007", path)
    application = application_of(path, _path(request.app_base), _path(request.exe_config))
    runtime = _runtime(application, request)
    target = require_tested(target_for_runtime_version(runtime.version), request.untested_target)
    _check_platform(runtime)
    bound = bind_references(
        path,
        runtime.frameworks,
        self_contained=runtime.kind == "self-contained",
        application=application,
        app_base=_path(request.app_base),
        expand_frameworks=request.from_native,
    )
    contents = _framework_contents(bound.trusted)
    backups = il_sources(bound.app_base)
    if os.path.dirname(path) != bound.app_base:
        backups |= il_sources(os.path.dirname(path))
    names = {assembly.path: assembly.identity.name for assembly in bound.assemblies}
    candidates: dict[str, Candidate] = {}
    refused: list[RefusedAssembly] = []
    opened = {
        assembly.identity.name: Assembly.open(backups.get(assembly.path, assembly.path))
        for assembly in bound.assemblies
        if assembly.kind == "app" or request.from_native or assembly.path == str(path)
    }
    for found in bound.assemblies:
        references = tuple(
            reference.identity.name if reference.path is None else names.get(reference.path, reference.identity.name)
            for reference in found.references
        )
        name = found.identity.name
        if found.kind == "framework" and not request.from_native and found.path != str(path):
            candidates[name] = Candidate(
                name, found.identity.display_name, found.path, contents.get(name, ""), "", references, is_framework=True
            )
            continue
        refusal = _refusal(opened[name], request.from_native)
        if refusal is not None:
            if found.path == str(path):
                raise refusal
            refused.append(RefusedAssembly(found.path, str(refusal)))
        candidates[name] = replace(
            _candidate(found, references, opened),
            is_refused=refusal is not None,
            backup=backups.get(found.path, ""),
        )
    refused += [RefusedAssembly(p.assembly, str(p.error)) for p in bound.problems if p.code != _MISSING]
    return Closure(
        root=names[str(path)],
        target=target.name,
        runtime_version=runtime.version,
        candidates=candidates,
        paths={name: backups.get(file, file) for name, file in bound.trusted.reference_map().items()},
        framework=_framework(runtime, contents),
        missing=_missing(bound),
        refused=tuple(refused),
        selection=None if request.partial is None else select(request.partial, opened),
        configured=bound.configured,
    )


def _candidate(found: BoundAssembly, references: tuple[str, ...], opened: Mapping[str, Assembly]) -> Candidate:
    """An assembly that may be compiled.

    Args:
        references: simple names of what it refers to.
        opened: simple name -> assembly, of all that may be compiled.
    """
    name = found.identity.name
    assembly = opened[name]
    return Candidate(
        name,
        found.identity.display_name,
        found.path,
        assembly.content_signature,
        assembly.mvid,
        references,
        is_framework=found.kind == "framework",
        is_native=assembly.is_ready_to_run,
        is_facade=assembly.is_facade,
        hints=hard_binding_hints(assembly, opened.get),
    )


def _missing(bound: BoundClosure) -> tuple[MissingReference, ...]:
    """The references that no file was found for."""
    return tuple(
        MissingReference(reference.identity.name, found.identity.display_name)
        for found in bound.assemblies
        for reference in found.references
        if reference.path is None and bound.trusted.find(reference.identity.name) is None
    )


def framework_of(path: str, runtime: str | None = None) -> FrameworkEntry:
    """The framework that an application would run on now; its assembly may be an image.

    Raises:
        NativegenError: it cannot be bound.
    """
    application = application_of(Path(path), None, None)
    found = _runtime(application, InstallRequest(path, runtime=runtime))
    bound = bind_references(
        Path(path), found.frameworks, self_contained=found.kind == "self-contained", application=application
    )
    return _framework(found, _framework_contents(bound.trusted))


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _runtime(application: Path, request: InstallRequest) -> Runtime:
    """Where the application would run; a library may ask for another target than the preferred runtime has."""
    explicit = _path(request.runtime)
    runtime = runtime_for(application, explicit)
    if request.target is None or target_for_runtime_version(runtime.version).name == request.target:
        return runtime
    wanted = target_named(request.target)
    if not config_path(application).is_file() and runtime.kind == "shared":
        for other in find_runtimes(explicit):
            if other.version.startswith(wanted.runtime_version_prefix):
                return other
    raise NativegenError("NGEN7005", application, actual=runtime.version, wanted=wanted.name)


def _check_platform(runtime: Runtime) -> None:
    """Refuse a runtime of another operating system or processor: its core library, which is native code, tells."""
    path = runtime.framework_dir / f"{CORE_LIBRARY}.dll"
    core = Assembly.open(path)
    if core.is_ready_to_run and core.machine != MACHINE_LINUX_X64:
        raise NativegenError("NGEN6010", path, platform=f"{core.pe.machine_name} on {core.pe.machine_os}")


def _refusal(assembly: Assembly, from_native: bool) -> NativegenError | None:
    try:
        check_eligible(assembly, from_native=from_native)
    except NativegenError as error:
        return error
    return None


def _framework_contents(trusted: TrustedAssemblies) -> dict[str, str]:
    """Simple name -> content signature of the framework's assemblies."""
    return {
        entry.name: _content_signature(entry.path)
        for entry in sorted(trusted.by_name.values(), key=lambda entry: entry.name)
        if entry.kind == "framework"
    }


def _content_signature(path: str) -> str:
    """What ``Assembly.content_signature`` says, without decoding anything: a framework has hundreds of files."""
    try:
        with open(path, "rb") as file:
            return xxhash.xxh3_128_hexdigest(file.read())
    except OSError as error:
        raise NativegenError("NGEN1008", path, detail=error.strerror or str(error)) from error


def _framework(runtime: Runtime, contents: Mapping[str, str]) -> FrameworkEntry:
    names = " + ".join(framework.name for framework in runtime.frameworks)
    return FrameworkEntry(names, runtime.version, framework_signature(contents))
