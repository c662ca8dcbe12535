"""One edited method of a big assembly: what is compiled again, and what finding that out and relinking costs.

Two inputs: Azure.ResourceManager.Sql with one instruction of one body patched and a new MVID; and 20,000 methods of
generated C#, rebuilt by mcs after an edit that adds a string literal, a member reference and a local, so that tokens,
RVAs and heaps shift. Each build is a process of its own; the image must be that of a clean build.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.common import ROOT, Row
from nativegen.metadata import Assembly, Table
from nativegen.metadata.opcodes import decode
from tests.support.csharp import compile_csharp
from tests.support.paths import find_inputs

PATCHED = "Azure.ResourceManager.Sql"
CLASSES, METHODS = 200, 100
STAGES = ("read", "key", "units", "import", "lower", "llvm", "link", "write")

_LDC_I4_0, _LDC_I4_1 = 0x16, 0x17

# Prints a report and the seconds of all processes of the build, Python's start included.
_BUILD = """
import json, resource, sys, time
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.request import CompileRequest
path, output, target, references, jobs, store = json.loads(sys.argv[1])
report = compile_file(CompileRequest(path, output, target, references), jobs=jobs, unit_store=store)
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "cpu": sum(each.ru_utime + each.ru_stime for each in used), "methods": report.methods, "native": report.native,
    "compiled": report.units_compiled, "stages": report.seconds,
}))
"""


@dataclass(frozen=True, slots=True)
class _Built:
    cpu: float
    wall: float
    methods: int
    native: int
    compiled: int
    stages: Mapping[str, float]


def measure(work: pathlib.Path) -> Iterator[Row]:
    """Rows: the full build, the build after the edit, its share and its stages, for each input."""
    folder = work / "edits"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    application = {path.stem: str(path) for path in find_inputs().azmcp.glob("*.dll")}
    yield from _edited(
        "one body patched", pathlib.Path(application[PATCHED]), _patched(folder, application[PATCHED]), "9.0",
        application, folder,
    )  # fmt: skip
    framework = {path.stem: str(path) for path in find_inputs().framework("3.1").glob("*.dll")}
    before, after = (
        compile_csharp(source(edited), folder / name, "Generated", library=True)
        for name, edited in (("before", False), ("after", True))
    )
    yield from _edited("generated C#, one body edited", before, after, "3.1", framework, folder)


def source(edited: bool, class_count: int = CLASSES, method_count: int = METHODS) -> str:
    """A C# library of many methods; ``edited``: one of them has another body."""
    classes = []
    for number in range(class_count):
        other = (number + 1) % class_count
        methods = []
        for index in range(method_count):
            body = _BODIES[index % len(_BODIES)].format(other=other, index=index, next=(index + 1) % method_count)
            if edited and (number, index) == (class_count // 2, method_count // 2):
                body = 'long more = System.Math.BigMul(x, 3); return (int)more + "a new literal".Length;'
            methods.append(f"    public int M{index}(int x) {{ {body} }}")
        classes.append(
            f"public class C{number} {{\n    int a; string s; C{other} other; static long t;\n"
            + "\n".join(methods)
            + "\n}"
        )
    return "\n".join(classes)


_BODIES = (
    "return a + x * {index};",
    "a = x; return M{next}(x - 1);",
    's = "text {index}"; return s.Length;',
    "return other == null ? 0 : other.M{index}(x);",
    "int sum = 0; for (int i = 0; i < x; i++) sum += i * a; return sum;",
    "t += x; return (int)(t >> 3);",
    "var list = new System.Collections.Generic.List<int>(); list.Add(x); return list.Count;",
    "if (x < 0) throw new System.ArgumentException(s); return x;",
    "object o = x; return o is string ? 1 : (int)o;",
    "other = new C{other}(); return other.M{index}(a);",
)


def _patched(folder: pathlib.Path, path: str) -> pathlib.Path:
    """A copy with a constant of one straight-line method changed, and another MVID."""
    assembly = Assembly.open(path, copy=True)
    data = bytearray(assembly.data)
    mvid = bytes.fromhex(assembly.mvid.replace("-", ""))
    data[data.index(mvid[3::-1] + mvid[5:3:-1] + mvid[7:5:-1] + mvid[8:])] ^= 0xFF
    for rid in range(assembly.row_count(Table.MethodDef) // 2, assembly.row_count(Table.MethodDef)):
        body = assembly.method_body(rid)
        if body is None or body.exception_clauses:
            continue
        for offset, opcode, _ in decode(body.code):
            if opcode in (_LDC_I4_0, _LDC_I4_1):
                start = assembly.rva_to_offset(assembly.method_def(rid).rva)
                data[start + (1 if data[start] & 3 == 2 else 12) + offset] ^= _LDC_I4_0 ^ _LDC_I4_1
                output = folder / "patched" / f"{assembly.name}.dll"
                output.parent.mkdir()
                output.write_bytes(data)
                return output
    raise RuntimeError("no constant to change")


def _edited(
    what: str,
    before: pathlib.Path,
    after: pathlib.Path,
    target: str,
    references: Mapping[str, str],
    folder: pathlib.Path,
) -> Iterator[Row]:
    store = folder / f"store-{before.stem}"
    output = folder / f"{before.stem}.ni.dll"
    jobs = os.cpu_count() or 1
    full = _build(before, output, target, references, jobs, store)
    edit = _build(after, output, target, references, jobs, store)
    reused = output.read_bytes()
    clean = _build(after, output, target, references, jobs, None)
    same = "the image of a clean build" if output.read_bytes() == reused else "NOT THE IMAGE OF A CLEAN BUILD"
    yield Row(f"{before.stem}: full build", f"{full.cpu:.1f} s CPU", f"{full.methods} methods, {full.native} native")
    yield Row("  the same without a unit store", f"{clean.cpu:.1f} s CPU")
    yield Row(f"  {what}", f"{edit.cpu:.2f} s CPU, {edit.wall:.2f} s", f"{edit.compiled} compiled, {same}")
    yield Row("  of the full build's CPU time", f"{100 * edit.cpu / clean.cpu:.1f} %")
    stages = {stage: edit.stages.get(stage, 0.0) for stage in STAGES}
    stages["start and rest"] = edit.cpu - sum(stages.values())
    for stage, spent in stages.items():
        yield Row(f"    {stage}", f"{spent:.2f} s", f"{1e6 * spent / edit.methods:.0f} us a method")


def _build(
    path: pathlib.Path,
    output: pathlib.Path,
    target: str,
    references: Mapping[str, str],
    jobs: int,
    store: pathlib.Path | None,
) -> _Built:
    request = json.dumps([str(path), str(output), target, dict(references), jobs, str(store) if store else None])
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, request],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    wall = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout)
    return _Built(found["cpu"], wall, found["methods"], found["native"], found["compiled"], found["stages"])
