"""Where the real inputs of the tests are.

The tests run real programs on real runtimes. None of those binaries is part of the repository: ``python -m
tests.support.provision`` fetches them once into a folder (``$NATIVEGEN_TEST_INPUTS``, default
``~/.cache/nativegen-tests``), and this module finds them there. Nothing here downloads.

========  =====================================================================================================
entry     meaning
========  =====================================================================================================
net31     root of .NET Core 3.1.23 (``dotnet``, ``shared/Microsoft.NETCore.App/3.1.23``): the wheel dotnetcore2
net9      root of a framework-dependent .NET 9.0.5 made from the azmcp package (provision.py builds it)
net10     root of a .NET 10.0.11 with the trimmed framework of azmcp 3.0; its ``dotnet`` is a single-file host
azmcp10   the single-file application azmcp 3.0 (.NET 10) taken apart: its files, and the host program without them
azmcp     the unpacked self-contained application azmcp: 192 IL-only assemblies and its own .NET 9.0.5
roslyn    folder of Microsoft.CodeAnalysis.CSharp.dll 4.8 and its neighbours
openssl   folder with OpenSSL 1.1, the newest that .NET Core 3.1 can use: even its XML reader needs random numbers
========  =====================================================================================================

>>> inputs = find_inputs()
>>> inputs.missing()
[]
>>> inputs.framework("9.0") / "System.Private.CoreLib.dll"
PosixPath('/home/me/.cache/nativegen-tests/net9/shared/Microsoft.NETCore.App/9.0.5/System.Private.CoreLib.dll')
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

NET31_VERSION = "3.1.23"
NET9_VERSION = "9.0.5"
NET10_VERSION = "10.0.11"
NETCORE_APP = "Microsoft.NETCore.App"
ASPNETCORE_APP = "Microsoft.AspNetCore.App"
LIBSSL = "libssl.so.1.1"

# Runtimes with their whole framework; that of 10.0's host is trimmed.
TARGETS = ("3.1", "9.0")
TRIMMED_TARGET = "10.0"
ALL_TARGETS = (*TARGETS, TRIMMED_TARGET)

_VERSIONS = {"3.1": NET31_VERSION, "9.0": NET9_VERSION, "10.0": NET10_VERSION}


@dataclass(frozen=True, slots=True)
class TestInputs:
    """Paths of everything real that tests use. An entry that does not exist is listed by :meth:`missing`."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    home: Path
    net31: Path
    net9: Path
    net10: Path
    azmcp: Path
    azmcp10: Path
    roslyn: Path
    openssl: Path
    mcs: str | None
    ilasm: str | None

    def root(self, target: str) -> Path:
        """The dotnet root (folder of the ``dotnet`` program) for one of ALL_TARGETS."""
        return {"3.1": self.net31, "9.0": self.net9, "10.0": self.net10}[target]

    def framework(self, target: str) -> Path:
        """The folder of the base framework's assemblies for one of ALL_TARGETS."""
        return self.root(target) / "shared" / NETCORE_APP / _VERSIONS[target]

    def aspnetcore(self) -> Path:
        """The folder of the ASP.NET Core 9.0.5 assemblies."""
        return self.net9 / "shared" / ASPNETCORE_APP / NET9_VERSION

    def missing(self) -> list[str]:
        """What is not there, as short names: the targets, the names of the fields."""
        absent = [t for t in ALL_TARGETS if not (self.framework(t) / "System.Private.CoreLib.dll").is_file()]
        absent += [] if (self.azmcp / "azmcp.dll").is_file() else ["azmcp"]
        absent += [] if (self.azmcp10 / "azmcp.dll").is_file() else ["azmcp10"]
        absent += [] if (self.roslyn / "Microsoft.CodeAnalysis.CSharp.dll").is_file() else ["roslyn"]
        absent += [] if (self.openssl / LIBSSL).exists() else ["openssl"]
        absent += [name for name, found in (("mcs", self.mcs), ("ilasm", self.ilasm)) if not found]
        return absent


def inputs_home() -> Path:
    """The folder that holds the inputs: ``$NATIVEGEN_TEST_INPUTS`` or ``~/.cache/nativegen-tests``."""
    configured = os.environ.get("NATIVEGEN_TEST_INPUTS")
    return Path(configured).absolute() if configured else Path.home() / ".cache" / "nativegen-tests"


def find_inputs() -> TestInputs:
    """Locate the inputs; entries that are missing point to where provisioning would put them."""
    home = inputs_home()
    return TestInputs(
        home=home,
        net31=_wheel_root() or home / "net31",
        net9=home / "net9",
        net10=home / "net10",
        azmcp=home / "azmcp",
        azmcp10=home / "azmcp10",
        roslyn=home / "roslyn",
        openssl=home / "openssl",
        mcs=shutil.which("mcs"),
        ilasm=shutil.which("ilasm"),
    )


def _wheel_root() -> Path | None:
    """The ``bin`` folder of the installed wheel dotnetcore2, without importing it (its import has side effects)."""
    spec = importlib.util.find_spec("dotnetcore2")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent / "bin"
    return root if root.is_dir() else None
