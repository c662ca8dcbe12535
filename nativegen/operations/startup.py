"""A published folder that makes its start ready on a second thread, from a start-up recording (``publish --startup``).

The folder gets three things: the recording, without what does not belong to the application; a startup hook that gives
it to the runtime's player (:mod:`nativegen.operations.start_hook`); and in ``runtimeconfig.json`` and ``deps.json`` the
names of both. The player only does sooner what the runtime would do anyway: load assemblies and types, resolve what
native code needs before it is entered, jit the rest. What a module's version id does not match it leaves alone.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nativegen.binding.runtimeconfig import config_path, read_json_object
from nativegen.diagnostics import NativegenError
from nativegen.files import replacing
from nativegen.metadata import Assembly, Table
from nativegen.operations.closure import Closure
from nativegen.operations.start_hook import NAME, PROPERTY, start_hook
from nativegen.readytorun.targets import target_named
from nativegen.runtime.recording import Recording

SUFFIX = ".startup"
_HOOKS = "STARTUP_HOOKS"  # hostpolicy joins it with the environment's DOTNET_STARTUP_HOOKS
_SWITCH = "System.StartupHookProvider.IsSupported"
# Of AssemblyLoadContext and of System.Runtime.ProfileOptimization: a process has one player.
_OWN_USE = frozenset(("StartProfileOptimization", "StartProfile"))
_CALL = b"StartProfile"  # both begin so: most assemblies need no closer look


def usable_recording(path: str, closure: Closure) -> tuple[Recording, tuple[str, ...]]:
    """The part of a recording that belongs to an application, and the names of modules recorded in another build.

    Args:
        path: of the recording. closure: of the application.

    Raises:
        NativegenError: NGEN3112 (malformed), NGEN7010 (not for this target, or the application does not allow it).
    """
    recording = Recording.read(path)
    _require_application(closure)
    own = {name: candidate.path for name, candidate in closure.candidates.items() if not candidate.is_framework}
    loaded = {m.name: closure.paths[m.name] for m in recording.modules if m.name in closure.paths}
    ids = {}
    for name, file in sorted({**loaded, **own}.items()):
        assembly = _opened(file)
        if assembly is not None:
            objection = _objection(assembly)
            if objection is not None:
                raise NativegenError("NGEN7010", closure.root_candidate.path, detail=objection)
            ids[name] = assembly.mvid
    other = tuple(sorted({m.name for m in recording.modules if m.name in loaded and ids.get(m.name) != m.mvid}))
    return recording.only(lambda module: ids.get(module.name) == module.mvid).loads_first(), other


def add_startup(folder: str, app: str, recording: Recording) -> None:
    """Put a recording, the hook and their names into a published folder.

    Args:
        app: file name of the application's assembly.

    Raises:
        NativegenError: NGEN7004 (a file cannot be written), NGEN2001, NGEN2003 (a malformed file).
    """
    name = Path(app).stem
    _write(os.path.join(folder, f"{NAME}.dll"), start_hook())
    _write(os.path.join(folder, name + SUFFIX), recording.dump())
    _edit(Path(folder, f"{name}.deps.json"), "NGEN2003", _list_hook)
    _edit(config_path(Path(folder, app)), "NGEN2001", lambda document: _name_both(document, name + SUFFIX))


def remove_startup(folder: str, app: str) -> None:
    """The folder was published anew, without a recording."""
    for name in (f"{NAME}.dll", Path(app).stem + SUFFIX):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))


def outdated_modules(recording: Recording, paths: Iterable[str]) -> list[str]:
    """Names of recorded modules that are another build in these assemblies."""
    by_name = {module.name.lower(): module for module in recording.modules}
    found = []
    for path in paths:
        module = by_name.get(Path(path).stem.lower())
        if module is not None and module.methods:
            assembly = _opened(path)
            if assembly is None or assembly.mvid != module.mvid:
                found.append(module.name)
    return sorted(found)


def _opened(path: str) -> Assembly | None:
    """None: it is no assembly; whoever loads it finds out."""
    try:
        return Assembly.open(path)
    except NativegenError:
        return None


def _require_application(closure: Closure) -> None:
    app = closure.root_candidate.path
    if not target_named(closure.target).start_recordings:
        raise NativegenError("NGEN7010", app, detail=f"not on .NET {closure.target}")
    document = read_json_object(config_path(Path(app)), "NGEN2001")
    if document is None:
        raise NativegenError("NGEN7010", app, detail="it has no runtimeconfig.json: it is not an application")
    if _properties(document).get(_SWITCH) is False:
        raise NativegenError("NGEN7010", app, detail=f"its runtimeconfig.json switches startup hooks off ({_SWITCH})")


def _objection(assembly: Assembly) -> str | None:
    """What would behave differently: class initializers run when they would anyway, module initializers do not."""
    try:
        if _has_module_initializer(assembly):
            return f"the module initializer of {assembly.name} would run sooner, and on another thread"
        if _CALL in Path(assembly.path).read_bytes() and _uses_player(assembly):
            return f"{assembly.name} uses profile optimization itself"
    except NativegenError:
        pass  # it is malformed; whoever loads it finds out
    return None


def _has_module_initializer(assembly: Assembly) -> bool:
    module = assembly.type_def(1)
    return any(assembly.method_def(rid).name == ".cctor" for rid in module.method_rids)


def _uses_player(assembly: Assembly) -> bool:
    rows = range(1, assembly.row_count(Table.MemberRef) + 1)
    return any(assembly.string(assembly.row(Table.MemberRef, rid)[1]) in _OWN_USE for rid in rows)


def _properties(document: dict[str, Any]) -> dict[str, Any]:
    options = document.setdefault("runtimeOptions", {})
    found: dict[str, Any] = options.setdefault("configProperties", {})
    return found


def _name_both(document: dict[str, Any], file: str) -> None:
    properties = _properties(document)
    hooks = [hook for hook in str(properties.get(_HOOKS, "")).split(os.pathsep) if hook and hook != NAME]
    properties[_HOOKS] = os.pathsep.join([NAME, *hooks])
    properties[PROPERTY] = file


def _list_hook(document: dict[str, Any]) -> None:
    """With a deps.json, the host finds only what is in it."""
    library = f"{NAME}/1.0.0"
    target = document.get("targets", {}).get(document.get("runtimeTarget", {}).get("name"))
    if isinstance(target, dict):
        target[library] = {"runtime": {f"{NAME}.dll": {}}}
        document.setdefault("libraries", {})[library] = {"type": "reference", "serviceable": False, "sha512": ""}


def _edit(path: Path, code: str, change: Callable[[dict[str, Any]], None]) -> None:
    document = read_json_object(path, code)
    if document is not None:
        change(document)
        _write(str(path), (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def _write(path: str, data: bytes) -> None:
    try:
        with replacing(path) as temporary:
            Path(temporary).write_bytes(data)
    except OSError as error:
        raise NativegenError("NGEN7004", path, detail=error.strerror or str(error)) from error
