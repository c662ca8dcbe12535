"""``compile``: images without the cache, for build systems that keep their own.

References are files, folders or patterns; an earlier one wins where a simple name occurs twice, so that the
application's copies can stand before the framework's. Without any core library among them the framework of the target
is added.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nativegen.binding.trusted import CORE_LIBRARY
from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.operations.closure import MissingReference
from nativegen.operations.modes import effective_mode
from nativegen.operations.selection import select
from nativegen.operations.toolchain import CompileFailure, Progress, Toolchain
from nativegen.pipeline.eligibility import check_eligible
from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest
from nativegen.readytorun.targets import Target, require_tested, target_for_runtime_version, target_named
from nativegen.runtime.discover import find_runtimes

_ASSEMBLY_SUFFIXES = (".dll", ".exe")


@dataclass(frozen=True, slots=True)
class CompilePlan:
    """What will be compiled, the references that no file was found for, and what a profile names in vain."""

    requests: tuple[CompileRequest, ...]
    missing: tuple[MissingReference, ...]
    unresolved: tuple[str, ...] = ()


def plan_compile(
    inputs: Sequence[str],
    output: str,
    references: Sequence[str],
    target: str | None,
    runtime: str | None,
    options: CompileOptions,
    partial: str | None = None,
    untested_target: bool = False,
) -> CompilePlan:
    """Decide which file goes where.

    Args:
        output: a file when there is one input and it is not a folder; else a folder, made when it does not exist.
        options: guarded comes to resilient where the runtime cannot check.
        references: files, folders and glob patterns. target: name, or None for the preferred runtime's.
        untested_target: the target may be one that was never tested.
        partial: path of a profile; its names of other assemblies than the inputs are not looked at.

    Raises:
        NativegenError: NGEN3108 (the profile), NGEN1007 (an input or reference does not exist), NGEN7006 (an output
            would replace an input), NGEN7007 (two files of one simple name), NGEN3101, NGEN3111, NGEN6003,
            NGEN6004.
    """
    known = reference_map(references)
    inputs = [os.path.realpath(path) for path in inputs]
    for path in inputs:
        if not os.path.isfile(path):
            raise NativegenError("NGEN1007", path)
    wanted = require_tested(_target(target, runtime, known), untested_target).name
    if CORE_LIBRARY not in known:
        for name, path in _framework(wanted, runtime):
            known.setdefault(name, path)
    options = replace(options, mode=effective_mode(options.mode, wanted))
    outputs = _outputs(inputs, output)
    missing = []
    opened = {path: Assembly.open(path) for path in inputs}
    known |= {assembly.name: path for path, assembly in opened.items()}
    for assembly in opened.values():
        missing += [
            MissingReference(reference.name, assembly.identity.display_name)
            for reference in assembly.assembly_refs
            if reference.name not in known
        ]
    selection = None
    if partial is not None:
        selection = select(partial, {assembly.name: assembly for assembly in opened.values()}, whole=False)
    requests = [
        CompileRequest(
            path,
            outputs[path],
            wanted,
            known,
            options,
            partial=None if selection is None else selection.methods.get(assembly.name, ()),
        )
        for path, assembly in opened.items()
    ]
    return CompilePlan(tuple(requests), tuple(missing), selection.unresolved if selection is not None else ())


def compile_planned(
    plan: CompilePlan, toolchain: Toolchain, jobs: int, progress: Progress
) -> Iterator[CompileReport | CompileFailure]:
    """Compile; one outcome per input, in the order in which they finish.

    Raises:
        NativegenError: NGEN7004, the folder of an output cannot be made.
    """
    make_folders(plan)
    yield from toolchain.compile(plan.requests, jobs, progress)


def make_folders(plan: CompilePlan) -> None:
    """Make the folders of the outputs.

    Raises:
        NativegenError: NGEN7004, one cannot be made.
    """
    for request in plan.requests:
        folder = os.path.dirname(request.output)
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise NativegenError("NGEN7004", folder, detail=error.strerror or str(error)) from error


#: Files that lie among an application's assemblies without being IL assemblies with code of their own.
_OTHERS = frozenset({"NGEN1003", "NGEN3003", "NGEN3004", "NGEN3005", "NGEN3006", "NGEN3106"})


def without_others(inputs: Sequence[str], *, from_native: bool = False) -> tuple[list[str], list[str]]:
    """The inputs that can be compiled, and the others: native libraries, satellites, images and the like.

    What is damaged is among the former, so that it is reported.
    """
    kept: list[str] = []
    others: list[str] = []
    for path in inputs:
        try:
            check_eligible(Assembly.open(path), from_native=from_native)
            kept.append(path)
        except NativegenError as error:
            (others if error.code in _OTHERS else kept).append(path)
    return kept, others


def reference_map(references: Sequence[str]) -> dict[str, str]:
    """Simple name -> path of the files that reference arguments mean; earlier arguments win.

    Raises:
        NativegenError: NGEN1007 (a file does not exist), NGEN7007 (two different files named for one simple name).
    """
    found: dict[str, str] = {}
    named: dict[str, str] = {}
    for argument in references:
        for path in _expand(argument):
            name = os.path.splitext(os.path.basename(path))[0]
            if path == argument:
                if not os.path.isfile(path):
                    raise NativegenError("NGEN1007", path)
                other = named.setdefault(name, path)
                if os.path.realpath(other) != os.path.realpath(path):
                    raise NativegenError("NGEN7007", path, name=name, other=other)
            found.setdefault(name, os.path.realpath(path))
    return found


def _expand(argument: str) -> Iterator[str]:
    if os.path.isdir(argument):
        argument = os.path.join(glob.escape(argument), "*.dll")
    elif not glob.has_magic(argument) or os.path.isfile(argument):
        yield argument
        return
    for path in sorted(glob.glob(argument, recursive=True)):
        if path.lower().endswith(_ASSEMBLY_SUFFIXES) and os.path.isfile(path):
            yield path


def _target(target: str | None, runtime: str | None, known: dict[str, str]) -> Target:
    if target is not None:
        return target_named(target)
    core = known.get(CORE_LIBRARY)
    if core is not None:
        # A framework among the references says what it is. Until .NET 5 its assemblies said 4.0.0.0: its folder's name.
        version = Assembly.open(core).version
        folder = os.path.basename(os.path.dirname(core))
        return target_for_runtime_version(folder if version[0] < 5 else ".".join(map(str, version)))
    return target_for_runtime_version(_preferred(runtime))


def _preferred(runtime: str | None) -> str:
    runtimes = find_runtimes(Path(runtime) if runtime else None)
    if not runtimes:
        raise NativegenError("NGEN6004")
    return runtimes[0].version


def _framework(target: str, runtime: str | None) -> Iterator[tuple[str, str]]:
    """The assemblies of the first runtime found for a target."""
    prefix = target_named(target).runtime_version_prefix
    for found in find_runtimes(Path(runtime) if runtime else None):
        if found.version.startswith(prefix):
            for framework in found.frameworks:
                for path in sorted(framework.path.glob("*.dll")):
                    yield path.stem, str(path)
            return
    raise NativegenError("NGEN6009", runtime, target=target)


def _outputs(inputs: Sequence[str], output: str) -> dict[str, str]:
    to_folder = len(inputs) > 1 or os.path.isdir(output) or output.endswith(("/", os.sep))
    outputs: dict[str, str] = {}
    taken: dict[str, str] = {}
    for path in inputs:
        where = os.path.realpath(os.path.join(output, os.path.basename(path)) if to_folder else output)
        if where in inputs:
            raise NativegenError("NGEN7006", where)
        other = taken.setdefault(where, path)
        if other != path:
            raise NativegenError("NGEN7007", path, name=os.path.splitext(os.path.basename(path))[0], other=other)
        outputs[path] = where
    return outputs
