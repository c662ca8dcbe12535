"""The closure of an assembly: every assembly its references mean, found as the runtime would find them.

Why here: ``install`` compiles an assembly with all its dependencies, keys name them, and verification asks whether
what was found then is what the runtime finds now. The walk reads assembly references only: what a program loads by
name at run time is not in it (ngen's rule too), but ``unreferenced`` lists the rest of the application.

Rules of the runtime's binder (assemblybindercommon): a reference means the trusted assembly of its simple name; a
version higher than referenced is fine, a lower one is an error when the reference is used. So several references to one
name in different versions mean one file, which must have the highest of them. What the trusted assemblies do not have
may be named by an ``.exe.config`` (:mod:`nativegen.binding.execonfig`). Forwarders are followed by the type system, not
here.

Invariants: the root comes first, then breadth first in the order of references, so equal inputs give equal lists;
each file is opened once; a reference that cannot be bound is a problem in the result, never an exception.

>>> closure = bind_closure(Path("app.dll"), runtime.frameworks, self_contained=False)
>>> [assembly.identity.name for assembly in closure.assemblies if assembly.kind == "app"]
['app', 'Newtonsoft.Json']
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nativegen.binding.depsjson import NO_VERSION
from nativegen.binding.execonfig import ExeConfig, read_exe_config
from nativegen.binding.frameworks import Framework
from nativegen.binding.runtimeconfig import config_path
from nativegen.binding.trusted import Kind, Satellite, TrustedAssemblies, TrustedAssembly, trusted_assemblies
from nativegen.diagnostics import NativegenError
from nativegen.metadata.assembly import Assembly
from nativegen.metadata.identity import AssemblyIdentity

_ELF = b"\x7fELF"
# In an application host, behind the 8 bytes that hold the bundle's offset (0: none): SHA-256 of ".net core bundle\n".
_BUNDLE_SIGNATURE = bytes.fromhex("8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae")


@dataclass(frozen=True, slots=True)
class BoundReference:
    """One assembly reference; ``path`` is None when it could not be bound."""

    identity: AssemblyIdentity
    path: str | None


@dataclass(frozen=True, slots=True)
class BoundAssembly:
    """One assembly of the closure. References of framework assemblies are only read when asked for."""

    path: str
    identity: AssemblyIdentity
    kind: Kind
    references: tuple[BoundReference, ...]


@dataclass(frozen=True, slots=True)
class BindingProblem:
    """Something that will not bind, in ``error``'s words, which name the file and the remedy.

    ``code``: NGEN2010 a dependency is missing, NGEN2006 its version is too low, NGEN2011 its file holds another
    assembly, NGEN10xx it is no assembly; NGEN2012 a listed file does not exist; NGEN2013 a file is shadowed by another
    one of its simple name.
    """

    code: str
    assembly: str
    error: NativegenError


@dataclass(frozen=True, slots=True)
class Closure:
    """What an assembly needs.

    Args:
        root: path of the assembly asked for; application: the one whose configuration decided.
        app_base: its folder; frameworks: which it runs on.
        assemblies: the root, then its dependencies, breadth first.
        unreferenced: paths of application assemblies that no reference leads to.
        satellites: resource assemblies; problems: what will not bind.
        trusted: everything that simple names may mean.
        configured: paths that only an ``.exe.config`` names: the runtime does not find them by itself.
    """

    root: str
    application: str
    app_base: str
    frameworks: tuple[Framework, ...]
    assemblies: tuple[BoundAssembly, ...]
    unreferenced: tuple[str, ...]
    satellites: tuple[Satellite, ...]
    problems: tuple[BindingProblem, ...]
    trusted: TrustedAssemblies
    configured: frozenset[str] = frozenset()

    @property
    def app_assemblies(self) -> tuple[BoundAssembly, ...]:
        """The assemblies that the application itself brings."""
        return tuple(assembly for assembly in self.assemblies if assembly.kind == "app")


def application_of(assembly: Path, app_base: Path | None = None, exe_config: Path | None = None) -> Path:
    """The application whose configuration decides what an assembly's references mean.

    That is ``/ExeConfig``; else the assembly itself when it has a runtimeconfig.json; else, for a library, the only
    application of its folder (or of ``/AppBase``); else the assembly itself.

    Raises:
        NativegenError: NGEN2009 when ``exe_config`` or ``app_base`` does not exist, NGEN2007 or NGEN2008 when an
            application host was given instead of an assembly.
    """
    for given in (app_base, exe_config):
        if given is not None and not given.exists():
            raise NativegenError("NGEN2009", given)
    if exe_config is not None:
        # ngen users write the .exe: on .NET that is the host beside the assembly.
        library = exe_config.with_suffix(".dll")
        return library if exe_config.suffix in ("", ".exe") and library.is_file() else exe_config
    require_assembly_path(assembly)
    if config_path(assembly).is_file():
        return assembly
    folder = assembly.parent if app_base is None else app_base
    suffix = ".runtimeconfig.json"
    names = [name.removesuffix(suffix) for name in os.listdir(folder) if name.endswith(suffix)]
    candidates = [folder / f"{name}.dll" for name in names if (folder / f"{name}.dll").is_file()]
    return candidates[0] if len(candidates) == 1 else assembly


def require_assembly_path(path: Path) -> None:
    """Refuse an application host (``app`` for ``app.dll``), the usual slip of the hand.

    Raises:
        NativegenError: NGEN2007 (naming the assembly to pass) or NGEN2008 (a single-file bundle).
    """
    try:
        with open(path, "rb") as file:
            if file.read(4) != _ELF:
                return
            content = file.read()
    except OSError:
        return  # whoever opens it as an assembly says what is wrong
    library = path.with_name(path.name + ".dll")
    found = content.find(_BUNDLE_SIGNATURE)
    if found >= 8 and any(content[found - 8 : found]):
        raise NativegenError("NGEN2008", path)
    if library.is_file():
        raise NativegenError("NGEN2007", path, assembly=library)


def bind_closure(
    assembly: Path,
    frameworks: Sequence[Framework],
    *,
    self_contained: bool,
    application: Path | None = None,
    app_base: Path | None = None,
    expand_frameworks: bool = False,
) -> Closure:
    """Find everything an assembly refers to.

    Args:
        assembly: the root.
        frameworks: what the application runs on, dependents first (``Runtime.frameworks``).
        self_contained: the frameworks lie in the application's folder and its deps.json.
        application: see :func:`application_of`; default: the root itself.
        app_base: folder to probe instead of the application's.
        expand_frameworks: follow the references of framework assemblies too.
    Raises:
        NativegenError: NGEN10xx when the root is not an assembly; NGEN2001, NGEN2003, NGEN2014 for malformed
            configuration.
    """
    application = assembly if application is None else application
    trusted = trusted_assemblies(application, frameworks, self_contained=self_contained, app_base=app_base)
    folder = application.parent if app_base is None else app_base
    walk = _Walk(trusted, expand_frameworks, read_exe_config(application), folder)
    walk.run(str(assembly))
    problems = list(walk.problems)
    for listed in trusted.missing:
        deps, _, detail = listed.partition(": ")
        problems.append(BindingProblem("NGEN2012", deps, NativegenError("NGEN2012", deps, detail=detail)))
    bound = {found.path for found in walk.assemblies}
    for ignored, loaded in trusted.shadowed:
        if walk.is_assembly(ignored):  # App.exe beside App.dll is mostly its host
            problems.append(BindingProblem("NGEN2013", ignored, NativegenError("NGEN2013", ignored, loaded=loaded)))
    unreferenced = [e.path for e in trusted.by_name.values() if e.kind == "app" and e.path not in bound]
    return Closure(
        root=str(assembly),
        application=str(application),
        app_base=str(folder),
        frameworks=tuple(frameworks),
        assemblies=tuple(walk.assemblies),
        unreferenced=tuple(sorted(unreferenced)),
        satellites=trusted.satellites,
        problems=tuple(problems),
        trusted=trusted,
        configured=frozenset(walk.configured),
    )


class _Walk:
    def __init__(
        self, trusted: TrustedAssemblies, expand_frameworks: bool, config: ExeConfig | None, folder: Path
    ) -> None:
        self._trusted = trusted
        self._config = config
        self._folder = folder
        self.configured: list[str] = []
        self._expand_frameworks = expand_frameworks
        self._opened: dict[str, Assembly | NativegenError] = {}
        self.assemblies: list[BoundAssembly] = []
        self.problems: list[BindingProblem] = []

    def run(self, root: str) -> None:
        opened = Assembly.open(root)
        self._opened[root] = opened
        entry = self._trusted.find(opened.name)
        kind: Kind = entry.kind if entry is not None and entry.path == root else "app"
        queue: deque[tuple[str, Kind]] = deque([(root, kind)])
        seen = {root}
        while queue:
            path, kind = queue.popleft()
            assembly = self._open(path)
            if isinstance(assembly, NativegenError):
                continue
            references: list[BoundReference] = []
            # The root's own references always count, be it a framework assembly.
            if kind == "app" or self._expand_frameworks or path == root:
                for row in assembly.assembly_refs:
                    target, target_kind = self._bind(path, row.identity, opened)
                    references.append(BoundReference(row.identity, target))
                    if target is not None and target not in seen:
                        seen.add(target)
                        queue.append((target, target_kind))
            self.assemblies.append(BoundAssembly(path, assembly.identity, kind, tuple(references)))

    def _bind(self, path: str, identity: AssemblyIdentity, root: Assembly) -> tuple[str | None, Kind]:
        entry = self._trusted.find(identity.name) or self._configured(identity.name)
        if entry is None:
            if identity.name.lower() == root.name.lower():
                return root.path, "app"
            return self._problem("NGEN2010", path, NativegenError("NGEN2010", path, reference=identity.display_name))
        found = self._open(entry.path)
        if isinstance(found, NativegenError):
            return self._problem(found.code, path, found)
        if found.name.lower() != identity.name.lower():
            error = NativegenError("NGEN2011", entry.path, name=found.name, reference=identity.name)
            return self._problem("NGEN2011", path, error)
        if found.version < self._required(identity):
            version = ".".join(map(str, found.version))
            error = NativegenError("NGEN2006", path, reference=identity.display_name, found=entry.path, version=version)
            return self._problem("NGEN2006", path, error)
        return entry.path, entry.kind

    def _configured(self, name: str) -> TrustedAssembly | None:
        """What the application's configuration means by a name that the host does not know; remembered as trusted."""
        path = self._config.find(name, self._folder) if self._config is not None else None
        if path is None:
            return None
        entry = TrustedAssembly(name, path, "app", NO_VERSION, NO_VERSION)
        self._trusted.by_name[name.lower()] = entry
        self.configured.append(path)
        return entry

    def _required(self, identity: AssemblyIdentity) -> tuple[int, int, int, int]:
        """The lowest version that satisfies a reference."""
        if self._config is None:
            return identity.version
        return min(identity.version, self._config.redirected(identity.name, identity.version))

    def _problem(self, code: str, path: str, error: NativegenError) -> tuple[None, Kind]:
        self.problems.append(BindingProblem(code, path, error))
        return None, "app"

    def is_assembly(self, path: str) -> bool:
        """Whether the file can be opened as an assembly."""
        return isinstance(self._open(path), Assembly)

    def _open(self, path: str) -> Assembly | NativegenError:
        known = self._opened.get(path)
        if known is None:
            try:
                known = Assembly.open(path)
            except NativegenError as error:
                known = error
            self._opened[path] = known
        return known
