"""From the event trace of a run to a profile: every method of the application's own assemblies that it used.

What another maker compiled already (the framework) is left out: there is nothing to compile. But instances of its
generics that were jitted nevertheless are noted in the section of the program itself. The runtime tells module
and token of a method only when it jits it; one that ran native code is looked for by name and signature in all the
application's assemblies, which at worst adds a method of the same name.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping
from typing import Final

from nativegen.diagnostics import NativegenError
from nativegen.files import replacing
from nativegen.metadata import Assembly
from nativegen.pipeline.instance_names import instance_line, parse_instance
from nativegen.pipeline.method_names import definition_name, find_type, method_line, normalized, resolve
from nativegen.pipeline.profile import Profile
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.runtime.events import MethodRecord, MethodReport

#: What the JIT optimises it inlines into, and what is inlined is never seen: everything begins at tier 0.
PROFILE_SETTINGS: Final = {
    "TieredCompilation": "1",
    "TC_QuickJit": "1",
    "TC_QuickJitForLoops": "1",
    "TieredPGO": "0",
}


#: Their code depends on the processor; images have none.
_HARDWARE: Final = ("System.Runtime.Intrinsics.", "System.Numerics.Vector")


def record_profile(report: MethodReport, path: str, *, merge: bool = False) -> Profile:
    """Write what a run used.

    Args:
        report: of its event trace.
        path: of the profile. merge: keep what it has already.

    Raises:
        NativegenError: NGEN3108 (the profile to merge with), NGEN7004 (it cannot be written).
    """
    profile = used_methods(report)
    if merge and os.path.exists(path):
        profile = Profile.read(path).merged(profile)
    try:
        with replacing(path, durable=True) as temporary, open(temporary, "wb") as stream:
            stream.write(profile.dump().encode())
    except OSError as error:
        raise NativegenError("NGEN7004", path, detail=error.strerror or str(error)) from error
    return profile


def used_methods(report: MethodReport) -> Profile:
    """The profile of one run."""
    assemblies = _own_assemblies(report)
    found: dict[str, set[str]] = {}
    for record in report.methods:
        if record.state == "not found":
            continue
        if record.module is None:
            line = _line(record)
            for assembly in assemblies.values():
                if any(assembly.method_def(rid).rva for rid in resolve(assembly, [line])[0]):
                    found.setdefault(assembly.name, set()).add(line)
        elif record.module in assemblies and record.token is not None:
            assembly, rid = assemblies[record.module], record.token & 0xFFFFFF
            if assembly.method_def(rid).rva:
                found.setdefault(assembly.name, set()).add(method_line(assembly, rid))
    program = next((each.name for each in assemblies.values() if each.entry_point_token), None)
    if program in found:
        found[program].update(_jitted_instances(report, assemblies))
    return Profile({name: tuple(sorted(lines)) for name, lines in sorted(found.items())})


def _jitted_instances(report: MethodReport, own: Mapping[str, Assembly]) -> Iterator[str]:
    """Lines of the instances of others' generic types that were jitted."""
    opened: dict[str, Assembly] = {}
    for module in report.modules:
        with contextlib.suppress(NativegenError):
            opened[module.path] = own.get(module.path) or Assembly.open(module.path)

    @functools.cache
    def assembly_of(name: str) -> str | None:
        return next((each.name for each in opened.values() if find_type(each, name)), None)

    for record in report.methods:
        if record.state == "jitted" and record.module in opened and record.module not in own and record.token:
            if record.namespace.startswith(_HARDWARE):
                continue
            tree = parse_instance(record.namespace)
            if tree is not None:
                line = instance_line(opened[record.module], record.token & 0xFFFFFF, tree, assembly_of)
                if line is not None:
                    yield line


def _own_assemblies(report: MethodReport) -> dict[str, Assembly]:
    """Path -> assembly of the loaded modules that are IL, or images of ours."""
    found = {}
    for module in report.modules:
        try:
            assembly = Assembly.open(module.path)
            if assembly.is_ready_to_run and not ReadyToRunImage(assembly).compiler_identifier.startswith("nativegen"):
                continue
        except NativegenError:
            continue  # made in memory, or gone
        found[module.path] = assembly
    return found


def _line(record: MethodRecord) -> str:
    return f"{definition_name(record.namespace)}::{record.name} {normalized(record.signature)}"
