"""Builds by SCons: everything, nothing, a body edit, a contract edit, another runtime; textstats and all of azmcp.

For each: images made, keys made, CPU seconds of all processes, wall time. The azmcp graph has nodes for the images,
keys and contracts of all IL-only assemblies of the application (192, of which 111 have code). The table tells what
SCons, contracts and keys cost and which images an edit reaches; so images are stand-ins (copies of their assemblies),
but for the edited assembly's, which is really compiled. ``bench throughput`` has the time of compiling all. The body
edit changes a constant in a method body of Azure.Core, to which some 80 others refer; the contract edit makes its
public struct ETag automatically laid out. "Another runtime" replaces one file of the framework.
"""

from __future__ import annotations

import os
import pathlib
import re
import resource
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.common import ROOT, Row
from nativegen.metadata import Assembly, Table
from nativegen.metadata.opcodes import decode
from tests.pipeline.support import with_new_mvid
from tests.support.images import il_only_assemblies
from tests.support.paths import find_inputs

EDITED = "Azure.Core"
STRUCT = "Azure.ETag"
_LDC_I4_S = 0x1F
_MINIMUM_CODE = 60  # bytes of CIL; nobody inlines it
_SEQUENTIAL = 0x08

# The action stays the same throughout, or SCons would see a changed one.
_SCONSTRUCT = """
import os, shutil
from SCons.Action import Action
from nativegen.scons import actions

def compile_image(target, source, env):
    if source[0].name == {edited!r} and os.path.exists("really"):
        return actions.compile_image(target, source, env)
    shutil.copy(source[0].get_abspath(), target[0].get_abspath())

env = Environment(tools=["nativegen"], NATIVEGEN_TARGET="9.0", NATIVEGEN_FRAMEWORK={framework!r},
                  NATIVEGEN_REFPATH=[{aspnetcore!r}])
env["BUILDERS"]["NativegenImage"].action = Action(compile_image, "$NATIVEGENCOMSTR")
for path in {paths!r}:
    env.NativeImage(path)
"""


@dataclass(frozen=True, slots=True)
class _Built:
    images: int
    keys: int
    cpu: float
    wall: float


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: images and keys made, CPU and wall time of each kind of build."""
    yield from _textstats(work / "textstats")
    yield from _azmcp(work / "azmcp-graph")


def _textstats(folder: pathlib.Path) -> Iterator[Row]:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "textstats", folder / "examples" / "textstats")
    shutil.copy(ROOT / "SConstruct", folder)
    inputs = find_inputs()
    core = folder / "examples" / "textstats" / "core"
    runtimes = _two_frameworks(folder, inputs.framework("3.1"))

    def build() -> _Built:
        return _scons(
            folder,
            f"--runtime={inputs.net31}",
            f"--native-framework={folder / 'framework' / inputs.framework('3.1').name}",
        )

    def edit(name: str, old: str, new: str) -> None:
        source = core / name
        text = source.read_text()
        if text.count(old) != 1:
            raise RuntimeError(f"{source}: {old!r} is not there once")
        source.write_text(text.replace(old, new))

    yield from _builds(
        "textstats",
        build,
        lambda: edit("WordTable.cs", "uint hash = 2166136261;", "uint hash = 2166136262;"),
        lambda: (
            edit("Tokenizer.cs", "public int Line;", "public int Line; public int Column;"),
            edit("Tokenizer.cs", "Line = line;", "Line = line; Column = 0;"),
        ),
        runtimes,
    )


def _azmcp(folder: pathlib.Path) -> Iterator[Row]:
    inputs = find_inputs()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    code = []
    for path in il_only_assemblies(inputs.azmcp):
        shutil.copy(path, folder / "bin")
        if not Assembly.open(path).is_facade:
            code.append(f"bin/{path.name}")
    runtimes = _two_frameworks(folder, inputs.framework("9.0"))
    (folder / "SConstruct").write_text(
        _SCONSTRUCT.format(
            edited=f"{EDITED}.dll",
            framework=str(folder / "framework" / inputs.framework("9.0").name),
            aspnetcore=str(inputs.aspnetcore()),
            paths=code,
        )
    )
    edited = folder / "bin" / f"{EDITED}.dll"

    def edit_body() -> None:
        (folder / "really").touch()
        edit_constant(edited)

    yield from _builds(
        f"azmcp, {len(code)} images", lambda: _scons(folder), edit_body, lambda: edit_layout(edited), runtimes
    )


def _two_frameworks(folder: pathlib.Path, framework: pathlib.Path) -> Callable[[], None]:
    """A framework's files as links in ``framework/<version>``; the function replaces one by another build of it."""
    links = folder / "framework" / framework.name
    links.mkdir(parents=True)
    for path in framework.glob("*.dll"):
        os.symlink(path.resolve(), links / path.name)

    def update() -> None:
        changed = links / "System.Linq.dll"
        original = changed.resolve()
        changed.unlink()
        with_new_mvid(original, changed)

    return update


def _builds(
    name: str,
    build: Callable[[], _Built],
    edit_body: Callable[[], object],
    edit_contract: Callable[[], object],
    update_runtime: Callable[[], None],
) -> Iterator[Row]:
    yield _row(f"{name}: full build", build())
    yield _row(f"{name}: null build", min((build() for _ in range(3)), key=lambda built: built.cpu))
    for what, change in (
        ("body edit", edit_body),
        ("contract edit", edit_contract),
        ("another runtime", update_runtime),
    ):
        change()
        yield _row(f"{name}: {what}", build())


def _row(what: str, built: _Built) -> Row:
    made = f"{built.images} images and {built.keys} keys made"
    return Row(what, f"{built.cpu:.2f} s CPU, {built.wall:.2f} s", made)


def _scons(folder: pathlib.Path, *options: str) -> _Built:
    """Run the build.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", "SCons", "-Q", f"--site-dir={ROOT / 'site_scons'}", "-j2", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NATIVEGEN_CACHE": str(folder / "cache")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    images, keys = (len(re.findall(f"^nativegen {what} ", done.stdout, re.MULTILINE)) for what in ("compile", "key"))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Built(images, keys, cpu, wall)


def edit_layout(path: pathlib.Path) -> None:
    """Let the runtime choose the order of a struct's fields: another layout flag of its TypeDef row."""
    assembly = Assembly.open(path, copy=True)
    rid = next(rid for rid in range(1, assembly.row_count(Table.TypeDef) + 1) if assembly.type_full_name(rid) == STRUCT)
    rows = assembly.rows(Table.TypeDef)
    decoder = assembly._structs[Table.TypeDef]
    assert decoder is not None
    data = bytearray(assembly.data)
    start = assembly._starts[Table.TypeDef] + (rid - 1) * decoder.size
    flags, *others = rows[rid - 1]
    decoder.pack_into(data, start, flags ^ _SEQUENTIAL, *others)
    path.write_bytes(data)


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
