"""Reused units give the same images as compiled ones, and as many methods as possible are reused."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest

from bench.edits import source
from nativegen.metadata import Assembly
from nativegen.pipeline import compile as pipeline
from nativegen.pipeline.compile import compile_file, compile_many
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.link_names import LinkNames
from nativegen.pipeline.module_facts import ModuleFacts
from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest, ExcludedMethod
from nativegen.pipeline.reuse import Reuse
from nativegen.pipeline.worker import MethodOutcome
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Symbol, SymbolKind
from nativegen.typesystem import TypeLoadError, TypeSystem
from nativegen.typesystem.errors import UnknownSymbol
from nativegen.typesystem.symbols import SymbolTable
from tests.pipeline.program import EDITS, Program, edit, new_program
from tests.pipeline.support import compiled, references, rid_named, with_new_mvid
from tests.support.csharp import CS, CompileError, compile_csharp
from tests.support.paths import TARGETS, find_inputs

pytestmark = pytest.mark.usefixtures("inputs")

PROGRAMS = Path(__file__).parents[1] / "programs"
HARNESS = (CS / "Harness.cs", CS / "GcStress.cs")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["Objects", "Generics", "Control", "Text"])
def test_images_are_the_same_with_and_without_a_store(name: str, target: str, tmp_path: Path) -> None:
    path = compile_csharp([*HARNESS, PROGRAMS / f"{name}.cs"], tmp_path, name)
    store = tmp_path / "store"
    clean, plain = compiled(path, tmp_path / "clean", target=target)
    first, cold = compiled(path, tmp_path / "cold", target=target, store=store)
    second, warm = compiled(path, tmp_path / "warm", target=target, store=store, jobs=2)
    assert clean == first == second
    assert plain.exclusions == cold.exclusions == warm.exclusions
    assert (cold.units_reused, cold.units_compiled) == (0, cold.methods)
    assert (plain.units_reused, plain.units_compiled) == (0, cold.methods)
    not_stored = sum(excluded.code == "internal" for excluded in warm.exclusions)
    assert (warm.units_reused, warm.units_compiled) == (warm.methods - not_stored, not_stored)


def test_one_patched_body(tmp_path: Path) -> None:
    """A real assembly with one byte of one property's CIL changed and a new MVID: few units are compiled."""
    inputs = find_inputs()
    path = inputs.azmcp / "Azure.Identity.dll"
    others = sorted(inputs.azmcp.glob("*.dll"))
    store = tmp_path / "store"
    assembly = Assembly.open(path)
    rid = rid_named(path, "get_TenantId")
    row = assembly.method_def(rid)
    start = assembly.rva_to_offset(row.rva)
    body = assembly.method_body(rid)
    assert body is not None and assembly.data[start] & 3 == 2 and body.code[0] == 0x02, "ldarg.0 of a tiny body"
    patched = with_new_mvid(path, tmp_path / "Azure.Identity.dll", (start + 1, 0x02 ^ 0x14))  # ldnull
    for options, most in ((CompileOptions(inline=False), 1), (CompileOptions(), 60)):
        _, cold = compiled(path, tmp_path / "1", *others, target="9.0", store=store, jobs=2, options=options)
        reused, warm = compiled(patched, tmp_path / "2", *others, target="9.0", store=store, options=options)
        clean, _ = compiled(patched, tmp_path / "3", *others, target="9.0", jobs=2, options=options)
        assert cold.units_compiled == cold.methods
        # The property, and the methods that it is inlined into.
        assert 1 <= warm.units_compiled <= most and warm.units_compiled + warm.units_reused == cold.methods
        assert reused == clean


@pytest.mark.parametrize("target", TARGETS)
def test_one_edited_method_of_many(target: str, tmp_path: Path) -> None:
    """mcs numbers every token anew after an edit that adds a literal, a member reference and a local: one unit."""
    before, after = (
        compile_csharp(source(edited, 6, 30), tmp_path / str(edited), "Many", library=True) for edited in (False, True)
    )
    store = tmp_path / "store"
    _, cold = compiled(before, tmp_path / "1", target=target, store=store)
    reused, warm = compiled(after, tmp_path / "2", target=target, store=store)
    clean, _ = compiled(after, tmp_path / "3", target=target)
    assert (warm.units_compiled, warm.units_reused) == (1, cold.methods - 1)
    assert reused == clean


def test_options_and_projects_share_a_store(tmp_path: Path) -> None:
    path = compile_csharp([*HARNESS, PROGRAMS / "Arithmetic.cs"], tmp_path, "Arithmetic")
    store = tmp_path / "store"
    full = CompileOptions(effort="full")
    _, first = compiled(path, tmp_path / "1", store=store)
    image, other = compiled(path, tmp_path / "2", store=store, options=full)
    assert first.units_reused == other.units_reused == 0, "another effort is another unit"
    assert image == compiled(path, tmp_path / "3", options=full)[0]
    copied = tmp_path / "elsewhere" / "Arithmetic.dll"
    copied.parent.mkdir()
    copied.write_bytes(path.read_bytes())
    _, again = compiled(copied, tmp_path / "4", store=store, options=CompileOptions(image_base=0x200000000))
    assert again.units_reused == first.methods, "another folder and image base are not"


def test_without_a_core_library_nothing_is_kept(tmp_path: Path) -> None:
    path = compile_csharp("class A { int M() { return 1; } }", tmp_path, "Alone", library=True)
    for step in range(2):
        request = CompileRequest(str(path), str(tmp_path / f"{step}"), "3.1", {})
        report = compile_file(request, unit_store=str(tmp_path / "store"))
        assert report.units_reused == 0 and report.excluded == {"unresolved": report.methods}
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()


def test_several_assemblies_at_once(tmp_path: Path) -> None:
    """Complete, partly reused and new assemblies in one run, over two workers."""
    store = str(tmp_path / "store")
    names = ["Objects", "Control", "Delegates"]
    paths = [compile_csharp([*HARNESS, PROGRAMS / f"{name}.cs"], tmp_path, name) for name in names]
    compiled(paths[0], tmp_path / "0", store=tmp_path / "store")
    known = references("3.1", *paths)
    requests = [CompileRequest(str(path), str(tmp_path / f"{path.stem}.ni"), "3.1", known) for path in paths]
    progress: list[int] = []
    reports = list(compile_many(requests, jobs=2, unit_store=store, progress=lambda now: progress.append(now.done)))
    assert {report.name: report.units_reused > 0 for report in reports if isinstance(report, CompileReport)} == {
        "Objects": True,
        "Control": False,
        "Delegates": False,
    }
    assert progress[-1] == sum(report.methods for report in reports if isinstance(report, CompileReport))
    again = list(compile_many(requests, jobs=2, unit_store=store))
    assert [report.units_compiled for report in again if isinstance(report, CompileReport)] == [0, 0, 0]
    for path in paths:
        assert (tmp_path / f"{path.stem}.ni").read_bytes() == compiled(path, tmp_path / "clean")[0]


def test_accidents_are_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that a worker died of is tried again next time."""
    path = compile_csharp([*HARNESS, PROGRAMS / "Control.cs"], tmp_path, "Control")
    clean, report = compiled(path, tmp_path / "clean")
    victim = next(rid for rid in range(1, report.methods + 1) if rid not in {e.rid for e in report.exclusions})
    monkeypatch.setattr(pipeline, "CompileWorker", _FatalWorker)
    monkeypatch.setattr(_FatalWorker, "victim", victim)
    hurt, with_accident = compiled(path, tmp_path / "hurt", store=tmp_path / "store")
    assert [e.code for e in with_accident.exclusions if e.rid == victim] == ["backend"] and hurt != clean
    monkeypatch.undo()
    healed, after = compiled(path, tmp_path / "healed", store=tmp_path / "store")
    assert healed == clean and after.units_compiled == 1


class _FatalWorker(pipeline.CompileWorker):
    victim = 0

    def compile(self, items):  # type: ignore[no-untyped-def]
        if any(item.rid == self.victim for item in items):
            import os

            os.abort()
        return super().compile(items)


def test_bugs_of_ours_are_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = compile_csharp([*HARNESS, PROGRAMS / "Control.cs"], tmp_path, "Control")
    clean, _ = compiled(path, tmp_path / "clean")
    monkeypatch.setattr(pipeline, "CompileWorker", _BuggyWorker)
    compiled(path, tmp_path / "hurt", store=tmp_path / "store")
    monkeypatch.undo()
    healed, after = compiled(path, tmp_path / "healed", store=tmp_path / "store")
    assert healed == clean and after.units_compiled == after.methods


class _BuggyWorker(pipeline.CompileWorker):
    def compile(self, items):  # type: ignore[no-untyped-def]
        return [MethodOutcome(item.rid, None, ExcludedMethod("x", item.rid, "internal", "oops")) for item in items]


def test_what_metadata_no_longer_names_is_compiled_again(tmp_path: Path) -> None:
    """A stored unit that names a row which the edit removed is not linked, whatever its key says."""
    apart = "[System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]"
    called = f"{apart} static int N() {{ return System.Math.Abs(1); }}"
    source = f"public class A {{ public static int M() {{ return N(); }} {called} }}"
    path = compile_csharp(source, tmp_path, "Rows", library=True)
    store = tmp_path / "store"
    clean, _ = compiled(path, tmp_path / "clean", store=store)
    for summary in [*store.rglob("*.keys"), *store.rglob("*.linked")]:
        summary.unlink()  # they would say that this very metadata names everything
    original = LinkNames.token
    lost = "Math::Abs"

    def without_abs(self: LinkNames, symbol: Symbol) -> int:
        if lost in symbol.name and not compiled_again:
            raise UnknownSymbol(symbol)
        return original(self, symbol)

    compiled_again: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinkNames, "token", without_abs)
        original_save = Reuse.save

        def save(self: Reuse, *results, **named) -> None:  # type: ignore[no-untyped-def]
            compiled_again.append(True)
            original_save(self, *results, **named)

        patch.setattr(Reuse, "save", save)
        image, report = compiled(path, tmp_path / "again", store=store)
    assert image == clean and report.units_compiled == 1


@pytest.mark.parametrize("name", ["azmcp", "Azure.Core", "Npgsql", "Azure.Identity"])
def test_link_names_agree_with_the_symbol_table(name: str) -> None:
    folder = find_inputs().azmcp
    files = {path.stem: str(path) for path in folder.glob("*.dll")}
    system = TypeSystem(target_named("9.0"), files.get)
    module = system.open(files[name])
    table = SymbolTable(module)
    names = LinkNames(Facts(module).own, SymbolTable(module))
    source = random.Random(name)
    for kind, make in ((0x06, table.method_symbol), (0x0A, table.method_symbol), (0x04, table.field_symbol)):
        count = module.assembly.row_count(kind)
        for rid in source.sample(range(1, count + 1), min(600, count)):
            try:
                symbol = make(kind << 24 | rid)
            except TypeLoadError:
                continue
            assert names.token(symbol) == table.token(symbol)
            if symbol.kind is not SymbolKind.FIELD_DEF:
                either = symbol._replace(kind=SymbolKind.METHOD)
                assert names.token(either) == table.token(either)
    for kind in (0x01, 0x02):
        for rid in range(1, min(500, module.assembly.row_count(kind)) + 1):
            symbol = table.type_symbol(module.type(kind << 24 | rid))
            assert names.token(symbol) == table.token(symbol)
    for _, text in list(module.assembly.user_strings())[:200]:
        assert names.token(Symbol(SymbolKind.STRING, text)) == table.token(Symbol(SymbolKind.STRING, text))
    for kind in SymbolKind:
        with pytest.raises(UnknownSymbol):
            names.token(Symbol(kind, "[no]such::thing()void"))


def _lambdas(program: Program) -> list[bool]:
    return ["=>" in body for body in program.bodies]


def _edited(seed: int, edits: int, tmp_path: Path) -> tuple[set[str], int, int]:
    """Edits a program again and again with one store; each image must be that of a clean build."""
    source = random.Random(seed)
    program = new_program(seed)
    target = TARGETS[seed % 2]
    done = set()
    reused = total = 0
    for step in range(edits + 1):
        edited = copy.deepcopy(program)
        name = edit(edited, source) if step else "nothing"
        try:
            path = compile_csharp(edited.source(), tmp_path / f"{seed}-{step}", "Edited", library=True)
        except CompileError:
            continue  # a sealed class with new virtual methods
        has_other_lambdas = _lambdas(edited) != _lambdas(program)
        program = edited
        image, report = compiled(path, tmp_path / "image", target=target, store=tmp_path / f"store{seed}")
        clean, plain = compiled(path, tmp_path / "clean", target=target)
        assert image == clean, f"seed {seed}, step {step}: after the edit '{name}'"
        assert report.exclusions == plain.exclusions
        done.add(name)
        if step:
            reused += report.units_reused
            total += report.methods
        if name in ("literal", "reference", "type") and not has_other_lambdas:
            # Edits of one body, however tokens shift. (mcs numbers the methods of all lambdas anew.)
            assert report.units_compiled <= 4, f"seed {seed}, step {step}: after the edit '{name}'"
    return done, reused, total


@pytest.mark.parametrize("seed", range(3))
def test_random_edits(seed: int, tmp_path: Path) -> None:
    _, reused, total = _edited(seed, 8, tmp_path)
    assert reused > total // 2


@pytest.mark.sweep
def test_random_edits_at_length(tmp_path: Path) -> None:
    done: set[str] = set()
    for seed in range(100, 110):
        names, _, _ = _edited(seed, 40, tmp_path)
        done |= names
    assert done >= set(EDITS)


def test_a_weak_key_gives_wrong_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with layouts left out of the keys, comparing with a clean build finds the difference."""
    monkeypatch.setattr(ModuleFacts, "layout", lambda self, rid: b"")
    images = []
    for field in ("int a;", "long b; public int a;"):
        source = f"public struct S {{ public {field} }} public class A {{ public S M(S s) {{ return s; }} }}"
        path = compile_csharp(source, tmp_path, "Weak", library=True)
        images.append(compiled(path, tmp_path / "image", store=tmp_path / "store")[0])
    assert images[1] != compiled(path, tmp_path / "clean")[0]
