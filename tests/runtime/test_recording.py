"""Start-up recordings: real ones, cut off, damaged, and without some of their modules."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.operations.record_start import record_start
from nativegen.runtime.recording import Recording
from tests.support.csharp import compile_csharp
from tests.support.runtimes import get_runtime

pytestmark = pytest.mark.runtime

SOURCE = """
using System.Collections.Generic;
public struct Point { public int X; }
public class App {
    public static int Main() { var points = new List<Point> { new Point() }; return Own<Point>(points); }
    static int Own<T>(List<T> list) { return list.Count; }
}
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_csharp(SOURCE, tmp_path_factory.mktemp("app"), "App")


@pytest.fixture(scope="module")
def recorded(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recording") / "app.startup"
    exit_code, recording = record_start(app, (), get_runtime("9.0"), str(file))
    assert exit_code == 1 and recording == Recording.read(file)
    return file


def test_what_the_runtime_wrote_is_read_and_written_the_same(recorded: Path, app: Path) -> None:
    recording = Recording.read(recorded)
    modules = {module.name: module for module in recording.modules}
    assert modules["App"].mvid == Assembly.open(app).mvid and modules["App"].methods >= 2
    assert modules["System.Private.CoreLib"].methods > 5
    assert 5 < recording.method_count < 1000
    assert recording.dump() == recorded.read_bytes()


def test_without_a_module_nothing_names_it(recorded: Path) -> None:
    recording = Recording.read(recorded)
    index = next(i for i, module in enumerate(recording.modules) if module.name == "App")
    rest = recording.only(lambda module: module.name != "App")
    assert [module.name for module in rest.modules] == [module.name for module in recording.modules]
    assert rest.modules[index].methods == 0 and rest.modules[index].mvid == "0" * 8 + "-0000-0000-0000-" + "0" * 12
    # Main and Own are gone, and so are the instances of List over Point, which name the module inside.
    assert rest.method_count <= recording.method_count - 4
    assert Recording.parse(rest.dump()) == rest
    assert recording.only(lambda module: True) == recording


def test_modules_before_methods(recorded: Path) -> None:
    recording = Recording.read(recorded)
    first = recording.loads_first()
    assert first.loads_first() == first and first.method_count == recording.method_count
    assert sorted(first.dump()) == sorted(recording.dump())


def test_wanted_methods_before_others(recorded: Path, app: Path) -> None:
    recording = Recording.read(recorded)
    own = recording.methods_first(lambda module, method: module == "App")
    rows, rest = [], []
    own.methods_first(lambda module, method: bool((rows if module == "App" else rest).append(method)))
    assert {method for method in rows if isinstance(method, int)} <= {1, 2} and len(rows) >= 2
    assert any(isinstance(method, bytes) for method in rest)
    assert own.dump() != recording.dump() and sorted(own.dump()) == sorted(recording.dump())


def test_what_images_leave_to_the_jit_comes_first(recorded: Path, app: Path) -> None:
    """The program is IL, and so jitted as a whole: that is no exception, and what the framework's images lack is."""
    first: list[tuple[str, int | bytes]] = []
    Recording.read(recorded).methods_first(lambda module, method: bool(first.append((module, method))))
    modules = [module for module, _ in first]
    assert modules[0] == "System.Private.CoreLib" and "App" in modules


@pytest.mark.parametrize("size", [0, 40, 64, 100, -5, -1])
def test_a_cut_off_recording_is_one_error_that_names_the_file(recorded: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "cut.startup"
    path.write_bytes(recorded.read_bytes()[:size])
    with pytest.raises(NativegenError) as error:
        Recording.read(path)
    assert error.value.code == "NGEN3112" and str(path) in str(error.value)


def test_damage_is_refused_or_read(recorded: Path) -> None:
    content = recorded.read_bytes()
    generator = random.Random(5)
    refused = 0
    for _ in range(300):
        data = bytearray(content)
        data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            assert Recording.parse(bytes(data)).dump() == data
        except NativegenError as error:
            assert error.code == "NGEN3112"
            refused += 1
    assert refused > 20


def test_a_runtime_without_it_is_refused(app: Path, tmp_path: Path) -> None:
    with pytest.raises(NativegenError) as error:
        record_start(app, (), get_runtime("3.1"), str(tmp_path / "app.startup"))
    assert error.value.code == "NGEN7010"


def test_a_program_that_is_killed_writes_none(tmp_path: Path) -> None:
    source = "class App { static void Main() { System.Environment.FailFast(\"the end\"); } }"
    app = compile_csharp(source, tmp_path / "app", "App")
    with pytest.raises(NativegenError) as error:
        record_start(app, (), get_runtime("9.0"), str(tmp_path / "app.startup"))
    assert error.value.code == "NGEN3112" and not (tmp_path / "app.startup").exists()
