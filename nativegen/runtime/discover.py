"""Find .NET runtimes on this machine, and the one that an application will run on.

Why here: images are made for one runtime's profile, and the same list answers ``nativegen runtimes``. Searched, in
order (DESIGN.md 6): the folder given by ``--runtime``; the application's own folder when it is self-contained;
``DOTNET_ROOT``; ``dotnet`` on ``PATH``; the usual installation folders; the Python package ``dotnetcore2``.

Invariants: a runtime is found by its core library, not by a name; nothing is executed to find it; the same folder
reached in two ways is listed once, with the first origin.

>>> [(r.version, r.target, r.origin) for r in find_runtimes()]
[('3.1.23', '3.1', 'package dotnetcore2')]
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nativegen.binding.frameworks import (
    BASE_FRAMEWORK,
    Framework,
    RuntimeVersion,
    installed_versions,
    resolve_frameworks,
)
from nativegen.binding.runtimeconfig import config_path, framework_references, read_runtime_config
from nativegen.diagnostics import NativegenError

_CORE_LIBRARY = "System.Private.CoreLib.dll"


@dataclass(frozen=True, slots=True)
class Runtime:
    """One runtime that can host applications.

    Args:
        version: of its base framework: ``9.0.5``.
        root: dotnet root (the folder of the program ``dotnet``), or the folder of a self-contained application.
        kind: ``shared``: framework-dependent applications run on it; ``self-contained``: it belongs to one application.
        origin: how it was found, in words for the user.
        frameworks: what applications bind to, dependents first, the base framework last.
    """

    version: str
    root: Path
    kind: Literal["shared", "self-contained"]
    origin: str
    frameworks: tuple[Framework, ...]

    @property
    def target(self) -> str:
        """The name of the target profile, ``9.0``; also for versions that nativegen has no profile for."""
        return ".".join(self.version.split(".")[:2])

    @property
    def framework_dir(self) -> Path:
        """The folder of the base framework: core library, JIT, GC."""
        return self.frameworks[-1].path

    @property
    def environment_prefix(self) -> str:
        """Prefix of the runtime's configuration variables: ``COMPlus_`` until .NET 5, ``DOTNET_`` since .NET 6."""
        return "DOTNET_" if RuntimeVersion.parse(self.version).major >= 6 else "COMPlus_"


def find_runtimes(explicit: Path | None = None, environment: Mapping[str, str] | None = None) -> list[Runtime]:
    """All shared runtimes of this machine in the order of preference; of one root the newest first.

    Args:
        explicit: the folder given by ``--runtime``; then only what is there is listed.
        environment: for ``DOTNET_ROOT`` and ``PATH``; default: this process's.
    Raises:
        NativegenError: NGEN6003 when ``explicit`` holds no runtime.
    """
    found: list[Runtime] = []
    seen: set[str] = set()
    for root, origin in dotnet_roots(explicit, environment):
        for runtime in _runtimes_in(root, origin):
            identity = os.path.realpath(runtime.framework_dir / _CORE_LIBRARY)
            if identity not in seen:
                seen.add(identity)
                found.append(runtime)
    if explicit is not None and not found:
        raise NativegenError("NGEN6003", explicit)
    return found


def runtime_for(
    app: Path, explicit: Path | None = None, environment: Mapping[str, str] | None = None
) -> Runtime:
    """The runtime an application would run on.

    A self-contained application has its own. A framework-dependent one gets the first root in which all its references
    resolve. A file without a runtimeconfig.json (a library) gets the preferred runtime of the machine.

    Raises:
        NativegenError: NGEN2004 (with the first root's listing) when no root fits, NGEN6004 when there is no runtime.
    """
    config = read_runtime_config(config_path(app), environment)
    if explicit is None and config is not None and config.self_contained:
        return self_contained_runtime(app)
    if config is None and explicit is None and (app.parent / _CORE_LIBRARY).is_file():
        for runtime in _runtimes_of_folder(app.parent, "folder of the assembly"):
            return runtime
    if config is None or config.self_contained:
        runtimes = find_runtimes(explicit, environment)
        if not runtimes:
            raise NativegenError("NGEN6004", app)
        return runtimes[0]
    refused: NativegenError | None = None
    for root, origin in dotnet_roots(explicit, environment):
        if explicit is None and not (root / "shared").is_dir():
            continue
        try:
            frameworks = resolve_frameworks(config.frameworks, root, framework_references, config.path)
        except NativegenError as error:
            refused = refused or error
            continue
        base = next((framework for framework in frameworks if framework.name == BASE_FRAMEWORK), None)
        if base is not None:
            return Runtime(base.version, root, "shared", origin, tuple(frameworks))
    raise refused or NativegenError("NGEN6004", app)


def self_contained_runtime(app: Path) -> Runtime:
    """The runtime that lies in the application's own folder.

    Raises:
        NativegenError: NGEN6003 when there is none.
    """
    folder = app.parent
    if not (folder / _CORE_LIBRARY).is_file():
        raise NativegenError("NGEN6003", folder)
    config = read_runtime_config(config_path(app))
    included = dict(config.included) if config else {}
    version = included.get(BASE_FRAMEWORK) or _version_from_deps(app) or "0.0.0"
    names = [name for name in included if name != BASE_FRAMEWORK] + [BASE_FRAMEWORK]
    frameworks = tuple(Framework(name, included.get(name, version), folder) for name in names)
    return Runtime(version, folder, "self-contained", "application folder", frameworks)


def dotnet_roots(
    explicit: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Path, str]]:
    """Folders that may hold shared frameworks, with the words that say where they come from; best first."""
    environment = os.environ if environment is None else environment
    if explicit is not None:
        yield explicit, "--runtime"
        return
    for variable in ("DOTNET_ROOT_X64", "DOTNET_ROOT"):
        if environment.get(variable):
            yield Path(environment[variable]), variable
    program = shutil.which("dotnet", path=environment.get("PATH", ""))
    if program:
        yield Path(os.path.realpath(program)).parent, "PATH"
    for folder in _usual_folders(environment):
        yield folder, "usual folder"
    spec = importlib.util.find_spec("dotnetcore2")  # found, not imported: its import has side effects
    if spec is not None and spec.origin:
        yield Path(spec.origin).parent / "bin", "package dotnetcore2"


def _usual_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where installers put .NET on Linux, and the file in which they say so (hostfxr, install_location)."""
    for record in ("/etc/dotnet/install_location_x64", "/etc/dotnet/install_location"):
        try:
            line = Path(record).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if line:
            yield Path(line)
    yield from map(Path, ("/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/opt/dotnet"))
    home = environment.get("HOME")
    if home:
        yield Path(home) / ".dotnet"


def _runtimes_in(root: Path, origin: str) -> Iterator[Runtime]:
    if (root / _CORE_LIBRARY).is_file():
        yield from _runtimes_of_folder(root, origin)
    for version in reversed(installed_versions(root, BASE_FRAMEWORK)):
        folder = root / "shared" / BASE_FRAMEWORK / str(version)
        if not (folder / _CORE_LIBRARY).is_file():
            continue
        others = sorted(entry.name for entry in (root / "shared").iterdir() if entry.name != BASE_FRAMEWORK)
        frameworks = [
            Framework(name, str(version), root / "shared" / name / str(version))
            for name in others
            if version in installed_versions(root, name)
        ]
        frameworks.append(Framework(BASE_FRAMEWORK, str(version), folder))
        yield Runtime(str(version), root, "shared", origin, tuple(frameworks))


def _runtimes_of_folder(folder: Path, origin: str) -> Iterator[Runtime]:
    """``--runtime`` may name the framework's own folder, or that of a self-contained application."""
    parts = folder.resolve().parts
    if len(parts) > 3 and parts[-3:-1] == ("shared", BASE_FRAMEWORK):
        framework = Framework(BASE_FRAMEWORK, parts[-1], folder)
        yield Runtime(parts[-1], Path(*parts[:-3]), "shared", origin, (framework,))
        return
    for config in sorted(folder.glob("*.runtimeconfig.json")):
        app = folder / (config.name.removesuffix(".runtimeconfig.json") + ".dll")
        if app.is_file():
            runtime = self_contained_runtime(app)
            yield Runtime(runtime.version, folder, "self-contained", origin, runtime.frameworks)
            return


def _version_from_deps(app: Path) -> str | None:
    """Self-contained applications before .NET 5 name the runtime in their deps.json only."""
    try:
        libraries = json.loads(app.with_suffix(".deps.json").read_text("utf-8-sig"))["libraries"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    prefix = f"runtimepack.{BASE_FRAMEWORK}.Runtime."
    for library in libraries:
        if library.startswith((prefix, f"runtime.linux-x64.{BASE_FRAMEWORK}/")):
            version: str = library.partition("/")[2]
            return version
    return None


