"""Read ``App.exe.config`` (or ``App.dll.config``): binding redirects, ``codeBase`` and ``probing`` of .NET Framework.

Why here: applications that came from .NET Framework bring this file, their plug-in hosts obey it, and ngen's
``/ExeConfig`` names it. CoreCLR itself does not read it. So it only *adds* to what the host decides and never takes
anything away:

* a name that the host's list of trusted assemblies has means that file, whatever the configuration says;
* any other name is looked up here, as an application's own ``AssemblyResolve`` handler would: ``codeBase`` of the
  version that the redirects lead to, else of the highest version; else the folders of ``probing``;
* a reference is satisfied by a file that has at least the referenced version, or the version that the redirects make
  of it.

Form (configuration/runtime/assemblyBinding, namespace ``urn:schemas-microsoft-com:asm.v1``)::

    <dependentAssembly>
      <assemblyIdentity name="Lib" publicKeyToken="32ab4ba45e0a69a1" culture="neutral" />
      <bindingRedirect oldVersion="1.0.0.0-1.9.0.0" newVersion="2.0.0.0" />
      <codeBase version="2.0.0.0" href="libs/2/Lib.dll" />
    </dependentAssembly>
    <probing privatePath="bin;plugins" />

>>> config = parse_exe_config('<configuration/>', Path("/app/App.exe.config"))
>>> config.redirected("Lib", (1, 0, 0, 0))
(1, 0, 0, 0)
"""

from __future__ import annotations

import os
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nativegen.binding.depsjson import Version4
from nativegen.diagnostics import NativegenError

_NAMESPACE = "{urn:schemas-microsoft-com:asm.v1}"


@dataclass(frozen=True, slots=True)
class Redirect:
    """References to ``name`` in a version from ``lowest`` to ``highest`` become ``version``."""

    name: str
    lowest: Version4
    highest: Version4
    version: Version4


@dataclass(frozen=True, slots=True)
class CodeBase:
    """``version`` of ``name`` is at ``href``, relative to the application; None: whatever version is there."""

    name: str
    version: Version4 | None
    href: str


@dataclass(frozen=True, slots=True)
class ExeConfig:
    """What a file says; names are in lower case. ``probing``: folders below the application's, in order."""

    path: Path
    redirects: tuple[Redirect, ...] = ()
    code_bases: tuple[CodeBase, ...] = ()
    probing: tuple[str, ...] = ()

    def redirected(self, name: str, version: Version4) -> Version4:
        """The version that a reference asks for in the end."""
        for redirect in self.redirects:
            if redirect.name == name.lower() and redirect.lowest <= version <= redirect.highest:
                return redirect.version
        return version

    def find(self, name: str, folder: Path) -> str | None:
        """The file for a simple name that the host does not know.

        Args:
            folder: of the application.
        """
        name = name.lower()
        wanted = {redirect.version for redirect in self.redirects if redirect.name == name}
        known = [base for base in self.code_bases if base.name == name]
        known.sort(key=lambda base: (base.version in wanted, base.version or ()), reverse=True)
        places = [_place(base.href, folder) for base in known]
        for below in self.probing:
            places += [folder / below, folder / below / name]
        for place in places:
            found = _file(place, name)
            if found is not None:
                return found
        return None


def read_exe_config(application: Path) -> ExeConfig | None:
    """The configuration of an application, by its assembly: ``App.dll.config``, ``App.exe.config``; None without one.

    Raises:
        NativegenError: NGEN2014, it is malformed.
    """
    for name in (f"{application.name}.config", f"{application.stem}.exe.config"):
        path = application.with_name(name)
        try:
            return parse_exe_config(path.read_bytes(), path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise NativegenError("NGEN2014", path, detail=error.strerror or str(error)) from error
    return None


def parse_exe_config(text: str | bytes, path: Path) -> ExeConfig:
    """The same from the file's content; ``path`` is for messages.

    Raises:
        NativegenError: NGEN2014.
    """
    try:
        root = ElementTree.fromstring(text)
        redirects: list[Redirect] = []
        code_bases: list[CodeBase] = []
        probing: list[str] = []
        for binding in root.iterfind(f"runtime/{_NAMESPACE}assemblyBinding"):
            for assembly in binding.iterfind(f"{_NAMESPACE}dependentAssembly"):
                identity = assembly.find(f"{_NAMESPACE}assemblyIdentity")
                if identity is None or identity.get("culture", "neutral").lower() not in ("neutral", ""):
                    continue  # satellites have no code
                name = _required(identity, "name").lower()
                redirects += _redirects(assembly, name)
                code_bases += _code_bases(assembly, name)
            for element in binding.iterfind(f"{_NAMESPACE}probing"):
                probing += _folders(_required(element, "privatePath"))
    except (ElementTree.ParseError, ValueError) as error:
        raise NativegenError("NGEN2014", path, detail=str(error)) from None
    return ExeConfig(path, tuple(redirects), tuple(code_bases), tuple(probing))


def _redirects(assembly: ElementTree.Element, name: str) -> Iterator[Redirect]:
    for element in assembly.iterfind(f"{_NAMESPACE}bindingRedirect"):
        lowest, _, highest = _required(element, "oldVersion").partition("-")
        yield Redirect(name, _version(lowest), _version(highest or lowest), _version(_required(element, "newVersion")))


def _code_bases(assembly: ElementTree.Element, name: str) -> Iterator[CodeBase]:
    for element in assembly.iterfind(f"{_NAMESPACE}codeBase"):
        version = element.get("version")
        yield CodeBase(name, None if version is None else _version(version), _required(element, "href"))


def _folders(text: str) -> Iterator[str]:
    """As in .NET Framework: only folders below the application's."""
    for folder in (part.strip() for part in text.replace("\\", "/").split(";")):
        if folder and not folder.startswith("/") and ".." not in folder.split("/"):
            yield folder


def _required(element: ElementTree.Element, attribute: str) -> str:
    value = element.get(attribute)
    if not value:
        raise ValueError(f"<{element.tag.rpartition('}')[2]}> without {attribute}")
    return value


def _version(text: str) -> Version4:
    parts = text.strip().split(".")
    if not 1 <= len(parts) <= 4 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{text!r} is not a version")
    a, b, c, d = (*map(int, parts), *(0,) * (4 - len(parts)))
    return a, b, c, d


def _place(href: str, folder: Path) -> Path | None:
    """Where a ``codeBase`` points to; None: to another machine."""
    url = urllib.parse.urlsplit(href.replace("\\", "/"))
    if url.scheme == "file":
        return None if url.netloc not in ("", "localhost") else Path(urllib.parse.unquote(url.path))
    return None if url.scheme or url.netloc else folder / url.path


def _file(place: Path | None, name: str) -> str | None:
    """A ``codeBase`` names the file, ``probing`` a folder."""
    if place is None:
        return None
    if place.is_dir():
        with os.scandir(place) as entries:
            files = {entry.name.lower(): entry.path for entry in entries if entry.is_file()}
        return files.get(f"{name}.dll") or files.get(f"{name}.exe")
    return str(place) if place.is_file() else None
