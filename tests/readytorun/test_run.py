"""Hand-made images run on both real runtimes: each native body returns something else than the IL it replaces."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.readytorun.enums import FixupKind
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Cell, CellKind, Relocation, RelocationKind, Symbol, SymbolKind
from nativegen.readytorun.writer import ImageBuilder
from tests.readytorun.build import Names, framed, leaf, program_image, returns
from tests.support.csharp import compile_csharp
from tests.support.paths import NET9_VERSION, NET31_VERSION, TARGETS, TestInputs

SOURCE = Path(__file__).with_name("program.cs")
VERSIONS = {"3.1": NET31_VERSION, "9.0": NET9_VERSION}

NATIVE = ["42", "6", "7", "native interned", "True", "17", "2", "101", "3", "1337", "785", "thrown"]
NATIVE += ["1", "7", "null", "5", "201", "202"]
JITTED = ["1", "-1", "-1", "IL", "False", "-1", "-1", "-1", "3", "-1", "-1", "no"]
JITTED += ["-3", "-1", "-1", "5", "-1", "-1"]


def run(inputs: TestInputs, target: str, image: bytes, folder: Path, **environment: str) -> list[str]:
    """Run the image; checks the exit code and returns the lines it prints."""
    (folder / "program.dll").write_bytes(image)
    return run_program(inputs.root(target), target, folder, **environment)


def run_program(root: Path, target: str, folder: Path, **environment: str) -> list[str]:
    """Run ``folder/program.dll`` on the runtime in ``root``; checks the exit code and returns the lines it prints."""
    framework = {"name": "Microsoft.NETCore.App", "version": VERSIONS[target]}
    options = {"runtimeOptions": {"tfm": f"netcoreapp{target}", "framework": framework}}
    (folder / "program.runtimeconfig.json").write_text(json.dumps(options))
    prefix = target_named(target).environment_prefix
    settings = {prefix + name: value for name, value in environment.items()}
    result = subprocess.run(
        [root / "dotnet", folder / "program.dll"],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 7, (result.returncode, result.stdout, result.stderr)
    return result.stdout.splitlines()


@pytest.fixture(scope="module")
def assembly(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return Assembly.open(compile_csharp(SOURCE, tmp_path_factory.mktemp("il"), "program"))


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_native_bodies_run(inputs: TestInputs, assembly: Assembly, target: str, tmp_path: Path) -> None:
    image = program_image(assembly, target_named(target))
    assert run(inputs, target, image, tmp_path, TieredCompilation="0") == NATIVE


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_the_same_image_is_jitted_when_ready_to_run_is_off(
    inputs: TestInputs, assembly: Assembly, target: str, tmp_path: Path
) -> None:
    image = program_image(assembly, target_named(target))
    assert run(inputs, target, image, tmp_path, ReadyToRun="0") == JITTED


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_control_forgotten_slot_loses_the_object(
    inputs: TestInputs, assembly: Assembly, target: str, tmp_path: Path
) -> None:
    """Negative control: with one slot missing from GcInfo, a collection takes the object away."""
    image = program_image(assembly, target_named(target), forget_slots=True)
    lines = run(inputs, target, image, tmp_path, TieredCompilation="0")
    assert lines[: len(NATIVE) - 3] == NATIVE[:-3]
    assert lines[-3] == str(0x5A5A5A5A)


MANY = 9000


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_more_than_64_kib_of_cells(inputs: TestInputs, target: str, tmp_path: Path) -> None:
    """Each of 9,000 methods calls the next one through a cell of its own; all cells get bound."""
    methods = "\n".join(f"[M(O.NoInlining)] public static int M{n}() {{ return -1; }}" for n in range(MANY))
    source = f"""
        using M = System.Runtime.CompilerServices.MethodImplAttribute;
        using O = System.Runtime.CompilerServices.MethodImplOptions;
        public static class Native {{ {methods} }}
        static class Program {{ static int Main() {{ System.Console.WriteLine(Native.M{MANY - 1}()); return 7; }} }}
        """
    assembly = Assembly.open(compile_csharp(source, tmp_path / "il", "program"))
    names = Names(assembly)
    builder = ImageBuilder(assembly, target_named(target), names, compiler_id="tests")
    builder.add_method(names.rid("Native::M0"), leaf(returns(0)))
    for number in range(1, MANY):
        callee = Symbol(SymbolKind.METHOD_DEF, f"Native::M{number - 1}")
        code = "4883ec08 e800000000 4883c408 83c001 c3"  # sub rsp,8; call; add rsp,8; add eax,1; ret
        cell = Cell(CellKind.METHOD_CALL, (FixupKind.MethodEntry_DefToken, callee))
        unit = framed(code, relocations=(Relocation(5, RelocationKind.STUB, 0),), cells=(cell,))
        builder.add_method(names.rid(f"Native::M{number}"), unit)
    image = builder.build()
    calls = [section for section in ReadyToRunImage.from_bytes(image).import_sections if section.auxiliary_rva]
    assert calls[0].size > 0x10000
    assert run(inputs, target, image, tmp_path, TieredCompilation="0") == [str(MANY - 1)]


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_native_code_of_an_image_is_replaced(
    inputs: TestInputs, assembly: Assembly, target: str, tmp_path: Path
) -> None:
    """An image as input: its IL stays, its native code and cells go."""
    old = Assembly.from_bytes(program_image(assembly, target_named(target)), "old.dll")
    names = Names(old)
    builder = ImageBuilder(old, target_named(target), names, compiler_id="tests")
    builder.add_method(names.rid("Native::Answer"), leaf(returns(1234)))
    image = builder.build()
    assert [s.name for s in Assembly.from_bytes(image, "new.dll").sections] == [s.name for s in old.sections]
    assert run(inputs, target, image, tmp_path, TieredCompilation="0") == ["1234", *JITTED[1:]]


def root_with(inputs: TestInputs, target: str, replaced: dict[str, bytes], folder: Path) -> Path:
    """A dotnet root like the real one, some framework assemblies replaced."""
    real = inputs.root(target)
    framework = inputs.framework(target)
    place = folder / framework.relative_to(real)
    place.mkdir(parents=True)
    shutil.copy(real / "dotnet", folder / "dotnet")
    (folder / "host").symlink_to(real / "host")
    for entry in framework.iterdir():
        if entry.name in replaced:
            (place / entry.name).write_bytes(replaced[entry.name])
        else:
            (place / entry.name).symlink_to(entry.resolve())
    return folder


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_framework_image_is_replaced(inputs: TestInputs, target: str, tmp_path: Path) -> None:
    """Microsoft's System.Linq with one native method of ours, which throws another exception, instead of all theirs."""
    program = compile_csharp(
        """
        using System;
        using System.Collections.Generic;
        using System.Linq;
        static class Program
        {
            static int Main()
            {
                var numbers = new List<int> { 3, 1, 2 };
                Console.WriteLine(string.Join(",", numbers.OrderBy(n => n).Select(n => n * 2)));
                try { numbers.Where((Func<int, bool>)null); }
                catch (Exception e) { Console.WriteLine(e.GetType().Name); }
                return 7;
            }
        }
        """,
        tmp_path / "il",
        "program",
    )
    linq = Assembly.open(inputs.framework(target) / "System.Linq.dll")
    names = Names(linq)
    builder = ImageBuilder(linq, target_named(target), names, compiler_id="tests")
    trap = leaf("31c0 8b00")  # xor eax,eax; mov eax,[rax]: NullReferenceException
    builder.add_method(names.rid("ThrowHelper::ThrowArgumentNullException"), trap)
    image = builder.build()
    assert len(image) < len(linq.data)
    root = root_with(inputs, target, {"System.Linq.dll": image}, tmp_path / "root")
    app = tmp_path / "app"
    app.mkdir()
    shutil.copy(program, app)
    assert run_program(root, target, app, TieredCompilation="0") == ["2,4,6", "NullReferenceException"]
    assert run_program(root, target, app, ReadyToRun="0") == ["2,4,6", "ArgumentNullException"]
