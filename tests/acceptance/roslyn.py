"""Driving Roslyn: a small compiler program with Microsoft.CodeAnalysis as IL in one folder, with images in the other.

Sources: one of ten lines; every C# program of the tests; a large one that is generated (thousands of lines of types,
generics, queries, async, iterators, patterns), so that most of the compiler runs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nativegen.runtime.host import RunResult, TraceRequest, run_app, runtime_config_for
from tests.acceptance.stress import GcStress
from tests.support.csharp import CS, compile_csharp
from tests.support.images import ROSLYN_ASSEMBLIES, ImageSet
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment, get_runtime

_HERE = Path(__file__).parent
_TIMEOUT = 600.0

TEN_LINES = """using System;
public static class Program
{
    public static int Main(string[] args)
    {
        int sum = 0;
        foreach (string text in args) sum += text.Length;
        Console.WriteLine("Hello, " + sum);
        return sum;
    }
}
"""


@dataclass(frozen=True, slots=True)
class Compiler:
    """``jit`` and ``native``: folders of the same program; ``home``: an empty one."""

    jit: Path
    native: Path
    home: Path

    @staticmethod
    def create(folder: Path, inputs: TestInputs, images: ImageSet) -> Compiler:
        """Build the program and both folders."""
        jit = compile_program(folder / "jit", inputs).parent
        native = shutil.copytree(jit, folder / "native")
        images.install_over(native)
        home = folder / "home"
        home.mkdir()
        return Compiler(jit, native, home)

    def run(
        self,
        folder: Path,
        out: Path,
        files: Sequence[Path],
        *,
        repeat: int = 1,
        tiering: bool | None = None,
        stress: GcStress | None = None,
        trace: TraceRequest | None = None,
    ) -> RunResult:
        """Compile ``files`` into ``out`` by the program in ``folder`` (:attr:`jit` or :attr:`native`)."""
        out.mkdir(exist_ok=True)
        runtime = get_runtime("9.0")
        return run_app(
            folder / "compile.dll",
            [str(repeat), str(out), str(runtime.framework_dir), *map(str, files)],
            runtime=runtime,
            environment=clean_environment(self.home) | (stress.environment if stress else {}),
            settings=stress.settings if stress else {},
            tiering=tiering,
            trace=trace,
            timeout=_TIMEOUT,
        )


def compile_program(folder: Path, inputs: TestInputs) -> Path:
    """The small compiler program, beside Roslyn's assemblies as they are shipped; returns its assembly's path."""
    roslyn = [inputs.roslyn / f"{name}.dll" for name in ROSLYN_ASSEMBLIES]
    source = _HERE / "Compile.cs"
    app = compile_csharp(source, folder, "compile", compiler="roslyn", target="9.0", references=roslyn)
    app.with_suffix(".runtimeconfig.json").write_text(json.dumps(runtime_config_for(get_runtime("9.0"))))
    for path in roslyn:
        shutil.copyfile(path, folder / path.name)
    return app


def sources(folder: Path, *, blocks: int = 60) -> list[Path]:
    """Write the generated sources to ``folder``; returns them and the tests' own programs."""
    folder.mkdir()
    ten = folder / "ten.cs"
    ten.write_text(TEN_LINES)
    large = folder / "large.cs"
    large.write_text("".join(_large(blocks)))
    programs = sorted((_HERE.parent / "programs").glob("*.cs"))
    harness = [CS / "Harness.cs", CS / "GcStress.cs"]
    return [ten, *[_joined(folder, path, harness) for path in programs], large]


def _joined(folder: Path, program: Path, parts: Sequence[Path]) -> Path:
    """The program in one file with what it needs; using directives must come first."""
    lines = [line for path in (program, *parts) for line in path.read_text("utf-8").splitlines()]
    usings = dict.fromkeys(line for line in lines if line.startswith("using ") and line.endswith(";"))
    joined = folder / program.name
    joined.write_text("\n".join([*usings, *(line for line in lines if line not in usings)]) + "\n", "utf-8")
    return joined


def _large(blocks: int) -> Iterator[str]:
    """C# text; names and constants differ from block to block, so that nothing is cached between them."""
    namespaces = ("System", "System.Collections.Generic", "System.Linq", "System.Threading.Tasks")
    yield "#nullable enable\n" + "".join(f"using {namespace};\n" for namespace in namespaces)
    block = (_HERE / "Large.cs.txt").read_text("utf-8")
    for number in range(blocks):
        table = ", ".join(str(number * k % 251) for k in range(24))
        yield block.replace("@N", str(number)).replace("@TABLE", table)
