"""Builds by SCons: everything, a null build, an edit of one method; for textstats and for all of azmcp's assemblies.

The azmcp graph has a node for each image and each contract of its 192 IL-only assemblies; it is kept in the working
folder, so that only a changed compiler builds it again. Its one-method edit changes a constant in a method body of
Azure.Core: one image is compiled again, 80 others refer to that assembly.
"""

from __future__ import annotations

import pathlib
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterator

from bench.common import ROOT, Row, process
from nativegen.metadata import Assembly, Table
from nativegen.metadata.opcodes import decode
from tests.support.images import copy_application, il_only_assemblies
from tests.support.paths import find_inputs

EDITED = "Azure.Core"
_LDC_I4_S = 0x1F
_MINIMUM_CODE = 60  # bytes of CIL; nobody inlines it

_SCONSTRUCT = """
env = Environment(tools=["nativegen"], NATIVEGEN_TARGET="9.0", NATIVEGEN_FRAMEWORK={framework!r},
                  NATIVEGEN_REFPATH=[{aspnetcore!r}])
for path in {paths!r}:
    env.NativeImage(path)
"""


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: seconds of each kind of build, as multiples of the null build and of starting SCons."""
    yield from _textstats(work / "textstats")
    yield from _azmcp(work / "azmcp-graph")


def _textstats(folder: pathlib.Path) -> Iterator[Row]:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "textstats", folder / "examples" / "textstats")
    shutil.copy(ROOT / "SConstruct", folder)

    def build() -> None:
        runtime = f"--runtime={find_inputs().net31}"
        process([sys.executable, "-m", "SCons", "-Q", _site(), "-j2", runtime], cwd=folder)

    def edit() -> None:
        source = folder / "examples" / "textstats" / "core" / "WordTable.cs"
        old = source.read_text()
        new = old.replace("uint hash = 2166136261;", "uint hash = 2166136262;")
        if new == old:
            raise RuntimeError(f"{source}: the line to edit is not there")
        source.write_text(new)

    yield from _builds("textstats", build, edit)


def _azmcp(folder: pathlib.Path) -> Iterator[Row]:
    inputs = find_inputs()
    bin_folder = folder / "bin"
    if not bin_folder.is_dir():
        whole = copy_application(inputs.azmcp, folder / "whole")
        bin_folder.mkdir()
        for path in il_only_assemblies(whole):
            shutil.copy(path, bin_folder)
        shutil.rmtree(whole)
    assemblies = sorted(bin_folder.glob("*.dll"))
    paths = [f"bin/{path.name}" for path in assemblies if not path.name.endswith(".ni.dll") and _has_code(path)]
    (folder / "SConstruct").write_text(
        _SCONSTRUCT.format(framework=str(inputs.framework("9.0")), aspnetcore=str(inputs.aspnetcore()), paths=paths)
    )

    def build() -> None:
        process([sys.executable, "-m", "SCons", "-Q", _site(), "-j2"], cwd=folder)

    yield from _builds(f"azmcp, {len(paths)} images", build, lambda: edit_constant(bin_folder / f"{EDITED}.dll"))


def _builds(name: str, build: Callable[[], None], edit: Callable[[], None]) -> Iterator[Row]:
    everything = _timed(build)
    null = min(_timed(build) for _ in range(3))
    edit()
    edited = _timed(build)
    yield Row(f"{name}: null build", f"{null:.2f} s")
    yield Row(f"{name}: one method edited", f"{edited / null:.1f} x the null build", f"{edited:.2f} s")
    # Near 1 x when the working folder was up to date.
    yield Row(f"{name}: first build", f"{everything / null:.1f} x the null build", f"{everything:.1f} s")


def _timed(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _site() -> str:
    return f"--site-dir={ROOT / 'site_scons'}"


def _has_code(path: pathlib.Path) -> bool:
    return not Assembly.open(path).is_facade


def edit_constant(path: pathlib.Path) -> None:
    """Change the operand of the first ``ldc.i4.s`` in a method body of some size, in place.

    Raises:
        RuntimeError: the assembly has no such method.
    """
    assembly = Assembly.open(path, copy=True)
    for rid in range(1, assembly.row_count(Table.MethodDef) + 1):
        body = assembly.method_body(rid)
        if body is None or len(body.code) < _MINIMUM_CODE:
            continue
        for offset, opcode, _ in decode(body.code):
            if opcode == _LDC_I4_S:
                data = bytearray(assembly.data)
                header = assembly.rva_to_offset(assembly.method_def(rid).rva)
                (flags,) = struct.unpack_from("<H", data, header)
                start = header + (4 * (flags >> 12) if flags & 3 == 3 else 1)  # fat or tiny header (II.25.4)
                data[start + offset + 1] ^= 1
                path.write_bytes(data)
                return
    raise RuntimeError(f"{path}: no method with ldc.i4.s")
