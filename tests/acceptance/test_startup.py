"""Real applications published with a profile and a start-up recording: the same behaviour, start after start."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from bench.common import nativegen
from tests.acceptance.azmcp import COMMANDS, REQUESTS, Application, Command
from tests.acceptance.roslyn import TEN_LINES, Compiler, compile_program
from tests.acceptance.stress import GcStress
from tests.acceptance.test_azmcp import MODES
from tests.support.paths import TestInputs
from tests.support.runtimes import get_runtime

pytestmark = [pytest.mark.sweep, pytest.mark.runtime]

STARTS = 200
PROCESSES = 4


@pytest.fixture(scope="module")
def published(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """azmcp, partial pinned images, profile and recording of ``tools list``."""
    work = tmp_path_factory.mktemp("startup")
    app, profile, recording = inputs.azmcp / "azmcp.dll", work / "tools.profile", work / "tools.startup"
    cache = work / "cache"
    nativegen("trace", "-o", str(profile), str(app), "tools", "list", cache=cache)
    nativegen("install", "--partial", str(profile), str(app), "/silent", cache=cache)
    nativegen("trace", "-o", str(recording), str(app), "tools", "list", cache=cache)
    nativegen("publish", "--pinned", "--startup", str(recording), str(app), str(work / "out"), cache=cache)
    return work / "out"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.arguments))
def test_commands_behave_the_same(
    command: Command, mode: str, published: Path, inputs: TestInputs, tmp_path: Path
) -> None:
    tiering, stressed = MODES[mode]
    stress = GcStress.create(tmp_path) if stressed else None
    shipped = Application(inputs.azmcp, _home(tmp_path, "shipped"), tiering)
    native = Application(published, _home(tmp_path, "native"), tiering, stress)
    assert native.outcome(command) == shipped.outcome(command)
    assert stress is None or stress.collections() >= 10


def test_the_protocol_exchange_is_the_same(published: Path, inputs: TestInputs, tmp_path: Path) -> None:
    shipped = Application(inputs.azmcp, _home(tmp_path, "shipped")).exchange()
    assert Application(published, _home(tmp_path, "native")).exchange() == shipped
    assert len(shipped) == len(REQUESTS)


def test_start_after_start(published: Path, inputs: TestInputs, tmp_path: Path) -> None:
    """What two threads do in an order that nobody decides, many times, several processes at once."""
    home = _home(tmp_path, "home")
    before = {path: path.read_bytes() for path in published.glob("*.startup")}
    for command in (COMMANDS[0], COMMANDS[4]):
        expected = Application(inputs.azmcp, home).outcome(command)
        with ThreadPoolExecutor(PROCESSES) as pool:
            outcomes = pool.map(lambda _, command=command: Application(published, home).outcome(command), range(STARTS))
            assert all(outcome == expected for outcome in outcomes)
    assert {path: path.read_bytes() for path in published.glob("*.startup")} == before and before


def test_roslyn_makes_the_same_bytes(inputs: TestInputs, tmp_path: Path) -> None:
    """Start after start, two at once."""
    app = compile_program(tmp_path / "jit", inputs)
    compiler = Compiler(app.parent, tmp_path / "out", _home(tmp_path, "home"))
    source = tmp_path / "ten.cs"
    source.write_text(TEN_LINES)
    work, runtime = tmp_path / "work", get_runtime("9.0")
    work.mkdir()
    arguments = ("1", str(work), str(runtime.framework_dir), str(source))
    profile, recording, cache = tmp_path / "start.profile", tmp_path / "start.startup", tmp_path / "cache"
    nativegen("trace", "-o", str(profile), f"/runtime:{runtime.root}", str(app), *arguments, cache=cache)
    nativegen("install", str(app), f"/runtime:{runtime.root}", "--partial", str(profile), "/silent", cache=cache)
    nativegen("trace", "-o", str(recording), f"/runtime:{runtime.root}", str(app), *arguments, cache=cache)
    nativegen("publish", "--pinned", "--startup", str(recording), str(app), str(compiler.native), cache=cache)
    expected = _compiled(compiler, compiler.jit, source, tmp_path / "expected")
    with ThreadPoolExecutor(2) as pool:
        run = partial(_compiled, compiler, compiler.native, source)
        assert set(pool.map(run, [tmp_path / f"made-{number}" for number in range(30)])) == {expected}


def _compiled(compiler: Compiler, folder: Path, source: Path, out: Path) -> bytes:
    ran = compiler.run(folder, out, [source])
    assert ran.exit_code == 0, ran.stderr
    (made,) = (path.read_bytes() for path in out.iterdir())
    shutil.rmtree(out)
    return made


def _home(folder: Path, name: str) -> Path:
    home = folder / name
    home.mkdir(exist_ok=True)
    return home
