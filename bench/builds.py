"""Builds by SCons: everything, a null build, an edit of one method; for textstats and for all of azmcp's assemblies.

The azmcp graph has a node for each image and each contract of its IL-only assemblies. Its first build takes the images
that other measurements compiled already, so that it measures SCons and the contracts, not the compiler; what is edited
is really compiled. The edit changes a constant in a method body of Azure.Core, to which some 80 others refer.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from bench.common import ROOT, Row
from nativegen.metadata import Assembly, Table
from nativegen.metadata.opcodes import decode
from tests.support.images import compiled_azmcp, il_only_assemblies
from tests.support.paths import find_inputs

EDITED = "Azure.Core"
_LDC_I4_S = 0x1F
_MINIMUM_CODE = 60  # bytes of CIL; nobody inlines it

# Assemblies whose content is still that of the prepared images are not compiled again. The action stays the same
# throughout, or SCons would see a changed one.
_SCONSTRUCT = """
import shutil
from SCons.Action import Action
from nativegen.metadata import Assembly
from nativegen.scons import images

PREPARED = {prepared!r}

def compile_image(target, source, env):
    prepared = PREPARED.get(Assembly.open(source[0].get_abspath()).content_signature)
    if prepared is None:
        return images._compile_image(target, source, env)
    shutil.copy(prepared, target[0].get_abspath())

env = Environment(tools=["nativegen"], NATIVEGEN_TARGET="9.0", NATIVEGEN_FRAMEWORK={framework!r},
                  NATIVEGEN_REFPATH=[{aspnetcore!r}])
env["BUILDERS"]["NativegenImage"].action = Action(compile_image, "$NATIVEGENCOMSTR")
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

    def build() -> int:
        return _scons(folder, f"--runtime={find_inputs().net31}")

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
    images = compiled_azmcp()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    for path in il_only_assemblies(inputs.azmcp):
        shutil.copy(path, folder / "bin")
    text = _SCONSTRUCT.format(
        prepared={images.reports[name].content_signature: str(path) for name, path in images.images.items()},
        framework=str(inputs.framework("9.0")),
        aspnetcore=str(inputs.aspnetcore()),
        paths=[f"bin/{name}.dll" for name in sorted(images.images)],
    )
    (folder / "SConstruct").write_text(text)

    edited = folder / "bin" / f"{EDITED}.dll"
    name = f"azmcp, {len(images.images)} images"
    yield from _builds(name, lambda: _scons(folder), lambda: edit_constant(edited))


def _builds(name: str, build: Callable[[], int], edit: Callable[[], None]) -> Iterator[Row]:
    everything, made = _timed(build)
    null, unchanged = min(_timed(build) for _ in range(3))
    edit()
    edited, again = _timed(build)
    yield Row(f"{name}: null build", f"{null:.2f} s", f"{unchanged} images made")
    yield Row(
        f"{name}: one method edited", f"{edited / null:.1f} x the null build", f"{again} images made, {edited:.2f} s"
    )
    yield Row(
        f"{name}: first build", f"{everything / null:.1f} x the null build", f"{made} images made, {everything:.1f} s"
    )


def _timed(build: Callable[[], int]) -> tuple[float, int]:
    start = time.perf_counter()
    made = build()
    return time.perf_counter() - start, made


def _scons(folder: pathlib.Path, *options: str) -> int:
    """Run the build; returns the number of images that it made.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", "SCons", "-Q", f"--site-dir={ROOT / 'site_scons'}", "-j2", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return sum(line.startswith("nativegen compile ") for line in done.stdout.splitlines())


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
