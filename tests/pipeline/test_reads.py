"""Files that another program replaces while they are read: no image, and no compiled method that a later run would
take. And what a run compiles besides decides nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.pipeline.code_signature import units_signature
from nativegen.pipeline.compile import CompileFailure, compile_many
from nativegen.pipeline.linker import Linker
from nativegen.pipeline.request import CompileReport, CompileRequest
from tests.pipeline.support import references
from tests.support.csharp import compile_csharp

pytestmark = pytest.mark.usefixtures("inputs")

_SUM = "public static int {}(int x) {{ int sum = 0; for (int i = 0; i < x; i++) sum += i * {}; return sum; }} "
_BEFORE = "public class Swapped { " + _SUM.format("F", 3) + _SUM.format("G", 5) + "}"
_AFTER = "public class Swapped { " + _SUM.format("New", 7) + _SUM.format("F", 3) + _SUM.format("G", 5) + "}"
#: What the worker is started with, so that it has not opened the others yet.
_FIRST = "public class First { " + "".join(_SUM.format(f"F{number}", number) for number in range(20)) + "}"


class Folder:
    """Assemblies of one application and a unit store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.paths = [self.compile(_FIRST, "First")]

    def compile(self, source: str, name: str, *others: Path) -> Path:
        folder = self.path / str(len(os.listdir(self.path)))
        return compile_csharp(source, folder, name, library=True, compiler="roslyn", references=others)

    def request(self, path: Path, output: str) -> CompileRequest:
        return CompileRequest(str(path), str(self.path / output), "9.0", self.references)

    @property
    def references(self) -> dict[str, str]:
        return references("9.0", *self.paths)

    def build(self, *paths: Path, store: bool = True) -> dict[str, CompileReport | CompileFailure]:
        shared = self.references
        requests = [CompileRequest(str(each), str(self.path / f"{each.stem}.ni.dll"), "9.0", shared) for each in paths]
        unit_store = str(self.path / "store") if store else None
        outcomes = compile_many(requests, jobs=1, unit_store=unit_store)
        return {Path((o.request if isinstance(o, CompileFailure) else o).input).stem: o for o in outcomes}

    def image(self, path: Path) -> bytes:
        return (self.path / f"{path.stem}.ni.dll").read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def _swap_when_keyed(monkeypatch: pytest.MonkeyPatch, name: str, path: Path, other: Path) -> None:
    """Replaces a file when the keys of an assembly's methods are known, and before a worker reads it."""
    original = Linker.reuse

    def reuse(self, job):  # type: ignore[no-untyped-def]
        missing = original(self, job)
        if job.assembly.name == name:
            shutil.copy(other, f"{path}.new")
            os.replace(f"{path}.new", path)
        return missing

    monkeypatch.setattr(Linker, "reuse", reuse)


def _failure(outcome: CompileReport | CompileFailure) -> NativegenError:
    assert isinstance(outcome, CompileFailure)
    return outcome.error


def test_an_input_is_replaced(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    path, after = folder.compile(_BEFORE, "Swapped"), folder.compile(_AFTER, "Swapped")
    folder.paths.append(path)
    with monkeypatch.context() as patch:
        _swap_when_keyed(patch, "Swapped", path, after)
        error = _failure(folder.build(folder.paths[0], path)["Swapped"])
    assert error.code == "NGEN3002" and "Swapped.dll" in str(error)
    folder.build(path)
    image = folder.image(path)
    folder.build(path, store=False)
    assert image == folder.image(path)


def test_a_reference_is_replaced(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    library = folder.compile("public struct S { public int A, B; }", "Library")
    other = folder.compile("public struct S { public long More; public int A, B; }", "Library")
    user = folder.compile(
        "public class User { public static int F(S[] s) { return s[1].A + s[2].B; } }", "User", library
    )
    kept = library.read_bytes()
    folder.paths += [library, user]
    with monkeypatch.context() as patch:
        _swap_when_keyed(patch, "User", library, other)
        outcomes = folder.build(folder.paths[0], user)
    error = _failure(outcomes["User"])
    assert error.code == "NGEN3002" and "Library.dll" in str(error)
    assert isinstance(outcomes["First"], CompileReport)  # which does not refer to it
    library.write_bytes(kept)
    folder.build(user)
    image = folder.image(user)
    folder.build(user, store=False)
    assert image == folder.image(user)


@pytest.mark.parametrize("which", ["Library", "User"])
def test_other_contents_than_planned(folder: Folder, which: str) -> None:
    library = folder.compile("public struct S { public int A; }", "Library")
    user = folder.compile("public class User { public int F(S s) { return s.A; } }", "User", library)
    folder.paths += [library, user]
    planned = CompileRequest(
        str(user), str(folder.path / "out.dll"), "9.0", folder.references, contents={folder.references[which]: "other"}
    )
    (outcome,) = compile_many([planned], jobs=1, unit_store=str(folder.path / "store"))
    assert _failure(outcome).code == "NGEN3002" and f"{which}.dll" in str(_failure(outcome))
    assert not (folder.path / "out.dll").exists() and not list((folder.path / "store").rglob("*.units"))
    with pytest.raises(NativegenError, match="NGEN3002"):
        units_signature(planned)


def test_what_else_is_compiled_does_not_matter(folder: Folder) -> None:
    base = folder.compile("public class Base { protected int a; byte b; }", "Base")
    methods = "".join(f"public int F{number}(int x) {{ return x + {number}; }} " for number in range(9))
    library = folder.compile(f"public class Middle : Base {{ public byte c; {methods} }}", "Library", base)
    source = "public class Leaf : Middle { int d; public int Get() { return a + c + d; } }"
    user = folder.compile(source, "User", base, library)
    folder.paths += [base, library, user]
    together = folder.build(library, user)["User"]
    image = folder.image(user)
    alone = folder.build(user)["User"]
    assert isinstance(together, CompileReport) and isinstance(alone, CompileReport)
    assert together.code == alone.code == units_signature(folder.request(user, "out.dll")) and together.code
    assert alone.units_compiled == 0 and image == folder.image(user)
