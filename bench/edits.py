"""One edited method of a big assembly: what is compiled again, and what finding that out and relinking costs.

Two inputs: Azure.ResourceManager.Sql with one instruction of one body patched and a new MVID; and 20,000 methods of
generated C#, no two alike, rebuilt by mcs after an edit that adds a string literal, a member reference and a local, so
that tokens, RVAs and heaps shift. Each build is a process of its own, with our modules compiled to bytecode as pip
leaves them; the image must be that of a clean build.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
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

# Prints a report and the seconds of all processes of the build, Python's start included; ends as our commands do.
_BUILD = """
import atexit, gc, json, resource, sys, time
atexit.register(gc.freeze)
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
    """A C# library of many methods, no two alike; ``edited``: one of them does something more."""
    classes = []
    for number in range(class_count):
        methods = []
        for index in range(method_count):
            more = ""
            if edited and (number, index) == (class_count // 2, method_count // 2):
                more = 'long more = System.Math.BigMul(x, 3); v0 += (int)more + "a new literal".Length; '
            body = _body(random.Random(f"{number} {index}"), class_count, method_count)
            methods.append(f"    public int M{index}(int x) {{ {body[0]} {more}{' '.join(body[1:])} return v0; }}")
        members = f"int a; string s; C{(number + 1) % class_count} other; static long t;"
        classes.append("\n".join([f"public class C{number} {{", f"    {members}", *methods, "}"]))
    return "\n".join(classes)


def _body(chance: random.Random, class_count: int, method_count: int) -> list[str]:
    """Statements as real code has them, with constants, operands and callees of their own."""
    lines = [f"int v0 = x, v1 = {chance.randrange(1, 9999)}, v2 = a;"]
    for number in range(chance.randrange(4, 11)):
        template = chance.choice(_STATEMENTS)
        lines.append(
            template.format(
                n=number,
                k=chance.randrange(2, 9999),
                m=chance.randrange(2, 9999),
                u=f"v{chance.randrange(3)}",
                w=f"v{chance.randrange(3)}",
                o=chance.choice("+-*^|&"),
                c=chance.randrange(class_count),
                i=chance.randrange(method_count),
            )
        )
    return lines


_STATEMENTS = (
    "{u} = {w} {o} {k};",
    "{u} {o}= {w} * {k} + {m};",
    "if ({u} > {k}) {w} -= {m}; else {w} ^= {k};",
    "while ({u} > {k}) {{ {u} -= {m}; v0 {o}= {u}; }}",
    "for (int i{n} = 0; i{n} < {u} % {k}; i{n}++) {w} += i{n} {o} {m};",
    "switch ({u} % 5) {{ case 0: {w} += {k}; break; case 1: {w} ^= {m}; break; case 3: {u}--; break; }}",
    "a = {u} {o} {k};",
    "t += {u}; {w} = (int)(t >> {n});",
    's = "text {k}"; {u} += s.Length;',
    "{u} += other == null ? {k} : M{i}({w});",
    "{u} = new C{c}().M{i}({w} {o} {k});",
    "var list{n} = new System.Collections.Generic.List<int>({k}); list{n}.Add({u}); {w} += list{n}.Count;",
    "if ({u} == {k}) throw new System.ArgumentException(s);",
    "object o{n} = {u}; {w} += o{n} is string ? {k} : (int)o{n};",
    "try {{ {u} /= {w} - {k}; }} catch (System.DivideByZeroException) {{ {u} = {m}; }}",
    "try {{ {u} = M{i}({k}); }} finally {{ a {o}= {m}; }}",
    "int[] items{n} = new int[{u} & 31]; for (int i = 0; i < items{n}.Length; i++) {w} += items{n}[i] {o} {k};",
    "double d{n} = {u} / {k}.5; {w} = (int)System.Math.Sqrt(d{n} + {m});",
    "{u} = System.Math.Max({w}, {k}) {o} System.Math.Abs({w});",
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
    edit = _build(after, output, target, references, jobs, store, prepare=_before_others)
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
    prepare: Callable[[], None] | None = None,
) -> _Built:
    request = json.dumps([str(path), str(output), target, dict(references), jobs, str(store) if store else None])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(output.parent / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, request],
        env=environment,
        preexec_fn=prepare,
        capture_output=True,
        text=True,
    )
    wall = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout)
    return _Built(found["cpu"], wall, found["methods"], found["native"], found["compiled"], found["stages"])


def _before_others() -> None:
    """Other work on the machine is not to count, where that is allowed."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
