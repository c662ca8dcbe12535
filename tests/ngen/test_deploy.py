"""S0: ``deploy`` makes the runtime pick images up automatically; ``deploy --undo`` takes them out again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nativegen.operations.deploy import content_of, deploy, undo
from nativegen.operations.substitution import Substitution
from tests.cli.apps import TARGET, compile_for_target, make_app, make_core
from tests.cli.conftest import Command, snapshot
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment

pytestmark = pytest.mark.runtime

CURIOUS = """
using System;
using System.IO;
using System.Reflection;
public class App {
    public static void Main() {
        Console.WriteLine(AppContext.BaseDirectory);
        Console.WriteLine(Assembly.GetExecutingAssembly().Location);
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "written.txt"), "by the app");
        Console.Out.Flush();
        Console.ReadLine();
        Console.WriteLine(Words.Say(21));
    }
}
"""


def is_image(path: Path) -> bool:
    """Whether the file is a ReadyToRun image: its managed native header's signature is in it."""
    return b"RTR\0" in path.read_bytes()


@pytest.fixture
def app(command: Command, tmp_path: Path) -> Path:
    """An installed application."""
    app = make_app(tmp_path / "app")
    assert command("install", app, "/silent").code == 0
    return app


def without_nativegen(app: Path, inputs: TestInputs, tmp_path: Path, text: str = "") -> list[str]:
    """What the program prints when it is started as if nativegen did not exist."""
    environment = clean_environment(tmp_path) | {"DOTNET_ROOT": str(inputs.root(TARGET))}
    command = [str(inputs.root(TARGET) / "dotnet"), str(app)]
    done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_S0_deployed_images_are_used_without_nativegen(
    command: Command, app: Path, tmp_path: Path, inputs: TestInputs
) -> None:
    before = snapshot(app.parent)
    outcome = command("deploy", app, "/nologo")
    assert outcome.code == 0 and outcome.out == "3 native images deployed, 0 unchanged.\n"
    assert all(is_image(app.parent / f"{name}.dll") for name in ("App", "Core", "Text"))
    assert without_nativegen(app, inputs, tmp_path)[:2] == ["answer 42", "some data"]
    verified = command("verify", app.parent, "-r", app.parent / ".nativegen" / "il", "--live")
    assert verified.code == 0 and "3 native images verified, 0 failed" in verified.out, verified
    assert command("deploy", app, "/nologo").out == "0 native images deployed, 3 unchanged.\n"
    undone = command("deploy", app, "--undo", "/nologo")
    assert undone.code == 0 and undone.out == "3 assemblies restored, 0 unchanged.\n"
    assert snapshot(app.parent) == before
    assert command("deploy", app, "--undo", "/nologo").out == "0 assemblies restored, 0 unchanged.\n"


def test_a_deployed_application_is_planned_from_its_il(command: Command, app: Path) -> None:
    command("deploy", app)
    assert command("install", app, "/nologo").out == "All compilation targets are up to date.\n"
    assert command("update", "/nologo").out == "All compilation targets are up to date.\n"
    assert command("why", app).out == "3 native images are valid: nothing changed.\n"
    assert command("verify").code == 0
    assert command("run", app).out.startswith("answer 42") and command("run", app).err == ""
    assert command("update", "/force").code == 0
    assert command("deploy", app, "/nologo").out == "0 native images deployed, 3 unchanged.\n"


def test_a_rebuilt_assembly_is_shown_as_stale_and_deployed_anew(command: Command, app: Path) -> None:
    command("deploy", app)
    assert f"NGEN Roots:\n\n{app} (deployed)\n" in command("display", "/nologo").out
    make_core(app.parent, factor=3)
    assert f"NGEN Roots:\n\n{app} (deployed, stale)\n" in command("display", "/nologo").out
    roots = json.loads(command("display", "--json").out)["roots"]
    assert roots[0]["deployed"] is True and roots[0]["deployed_stale"] is True
    assert "Core.dll: content changed" in command("why", app).out
    assert "Core.dll" in command("update", "/nologo").out
    assert command("deploy", app, "/nologo").out == "1 native images deployed, 2 unchanged.\n"
    assert f"{app} (deployed)\n" in command("display", "/nologo").out
    new = (app.parent / ".nativegen" / "il" / "Core.dll").read_bytes()
    assert command("deploy", app, "--undo").code == 0
    assert (app.parent / "Core.dll").read_bytes() == new and command("run", app).out.startswith("answer 63")


def test_undo_leaves_the_users_newer_files_alone(command: Command, app: Path) -> None:
    command("deploy", app)
    core = make_core(app.parent, factor=3)
    mine = core.read_bytes()
    undone = command("deploy", app, "--undo", "/nologo")
    assert undone.code == 0 and f"{core}: warning: changed since it was deployed" in undone.err
    assert core.read_bytes() == mine and not is_image(app) and not (app.parent / ".nativegen").exists()


def test_uninstall_refuses_while_deployed(command: Command, app: Path, cache: Path) -> None:
    command("deploy", app)
    refused = command("uninstall", app, "/nologo")
    assert refused.code == 1 and "NGEN4009" in refused.err and "--undo" in refused.err
    assert len(list(cache.glob("NativeImages_*/*/*"))) == 3
    command("deploy", app, "--undo")
    assert command("uninstall", app).code == 0


def test_a_damaged_record_is_one_line_and_changes_nothing(command: Command, app: Path) -> None:
    command("deploy", app)
    record = app.parent / ".nativegen" / "deployed.json"
    for content in ("", "{}", "[1]", '{"app": 1, "scenario": "normal", "files": [{}]}'):
        record.write_text(content)
        before = snapshot(app.parent)
        for arguments in (("deploy", app, "--undo"), ("deploy", app), ("uninstall", app), ("display",), ("run", app)):
            outcome = command(*arguments, "/nologo")
            assert "NGEN7008" in outcome.err and outcome.err.count("\n") == 1, (content, arguments, outcome)
            assert str(record) in outcome.err and outcome.code == (125 if arguments[0] == "run" else 1)
        assert snapshot(app.parent) == before


def test_what_is_not_installed_is_not_deployed(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    before = snapshot(app.parent)
    outcome = command("deploy", app, "/nologo")
    assert outcome.code == 3 and "Error: The specified assembly is not installed." in outcome.out
    assert command("deploy", tmp_path / "no.dll", "/nologo").code == 3 and snapshot(app.parent) == before


def test_an_app_that_looks_at_its_own_place_and_writes_there(
    command: Command, tmp_path: Path, inputs: TestInputs
) -> None:
    folder = tmp_path / "app"
    app = make_app(folder)
    compile_for_target(CURIOUS, folder, "App", references=[folder / "Text.dll", folder / "Core.dll"])
    plain = without_nativegen(app, inputs, tmp_path)
    command("install", app)
    command("deploy", app)
    assert is_image(app) and without_nativegen(app, inputs, tmp_path) == plain
    assert plain[:2] == [f"{folder}/", str(app)] and (folder / "written.txt").read_text() == "by the app"


def test_files_change_while_the_app_runs(command: Command, tmp_path: Path, inputs: TestInputs) -> None:
    folder = tmp_path / "app"
    app = make_app(folder)
    compile_for_target(CURIOUS, folder, "App", references=[folder / "Text.dll", folder / "Core.dll"])
    command("install", app)
    for arguments in ((), ("--undo",)):
        environment = clean_environment(tmp_path) | {"DOTNET_ROOT": str(inputs.root(TARGET))}
        running = subprocess.Popen(
            [inputs.root(TARGET) / "dotnet", app],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert running.stdout is not None and running.stdout.readline() == f"{folder}/\n"
        assert command("deploy", app, *arguments).code == 0
        out, _ = running.communicate("\n")
        assert running.returncode == 0 and out.splitlines()[-1] == "answer 42"


@pytest.mark.parametrize("deployed", [False, True], ids=["run", "deployed"])
def test_an_input_is_rewritten_in_place_while_the_app_runs(
    command: Command, tmp_path: Path, inputs: TestInputs, cache: Path, deployed: bool
) -> None:
    """The bytes of the very file change, as ``cp`` and many build tools do it, before the program loads it."""
    folder = tmp_path / "app"
    app = make_app(folder)
    compile_for_target(CURIOUS, folder, "App", references=[folder / "Text.dll", folder / "Core.dll"])
    newer = make_core(tmp_path / "newer", factor=3).read_bytes()
    command("install", app)
    environment = clean_environment(tmp_path) | {"DOTNET_ROOT": str(inputs.root(TARGET))}
    started = [str(inputs.root(TARGET) / "dotnet"), str(app)]
    if deployed:
        command("deploy", app)
    else:
        started = [sys.executable, "-m", "nativegen", "run", str(app)]
        environment |= {"NATIVEGEN_CACHE": str(cache), "PYTHONPATH": str(Path(__file__).parents[2])}
    running = subprocess.Popen(started, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None and running.stdout.readline() != ""
    with open(folder / "Core.dll", "r+b") as stream:
        stream.write(newer)
        stream.truncate()
    out, _ = running.communicate("\n")
    # A view has its own copy of everything with an image; in the deployed folder the file is the one that runs.
    assert running.returncode == 0 and out.splitlines()[-1] == ("answer 63" if deployed else "answer 42")
    assert command("verify").out.count("content changed") == 1  # stale, but the image in the cache is untouched
    assert "(deployed, stale)" in command("display").out if deployed else True
    assert command("run", app, "/silent").code == 0 and command("update").code == 0
    assert command("verify").code == 0
    if deployed:
        assert command("deploy", app, "--undo").code == 0
    assert (folder / "Core.dll").read_bytes() == newer


@pytest.fixture
def other_file_system() -> Iterator[Path]:
    folder = Path("/dev/shm") / f"nativegen-test-{os.getpid()}"
    folder.mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder)


def test_the_cache_may_be_on_another_file_system(command: Command, tmp_path: Path, other_file_system: Path) -> None:
    if os.stat(other_file_system).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("one file system only")
    app = make_app(tmp_path / "app")
    for arguments in (("install", app), ("deploy", app)):
        assert command(*arguments, "--cache", other_file_system / "c").code == 0
    shutil.rmtree(other_file_system / "c")
    assert is_image(app) and command("deploy", app, "--undo").code == 0 and not is_image(app)


_KILLED = """
import os, sys
stop, writes = int(sys.argv[1]), 0
def counting(original):
    def call(*arguments, **names):
        global writes
        writes += 1
        if writes == stop:
            os.kill(os.getpid(), 9)
        return original(*arguments, **names)
    return call
for name in ("replace", "unlink", "rmdir", "fsync", "chmod"):
    setattr(os, name, counting(getattr(os, name)))
from nativegen.operations import deploy
from nativegen.operations.substitution import Substitution
folder, images = sys.argv[2], sys.argv[3]
names = ("App.dll", "Core.dll")
if sys.argv[4] == "deploy":
    substitution = Substitution(f"{folder}/App.dll", None, {f"{folder}/{n}": f"{images}/{n}" for n in names}, (),
                                {f"{folder}/{n}": deploy.content_of(f"{images}/{n}.il") for n in names})
    deploy.deploy(substitution, "normal")
else:
    deploy.undo(f"{folder}/App.dll")
"""


def test_killed_at_every_write_deploy_and_undo_can_be_repeated(tmp_path: Path) -> None:
    """Without a compiler: what happens to files does not depend on what is in them."""
    images, folder = tmp_path / "images", tmp_path / "app"
    images.mkdir()

    def restore() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ("App.dll", "Core.dll"):
            (folder / name).write_text(f"IL of {name}")
            (images / f"{name}.il").write_text(f"IL of {name}")
            (images / name).write_text(f"image of {name}")

    def run(action: str, stop: int) -> int:
        arguments = [sys.executable, "-c", _KILLED, str(stop), str(folder), str(images), action]
        return subprocess.run(arguments, cwd=Path(__file__).parents[2], check=False).returncode

    def contents() -> set[str]:
        return {path.read_text().split()[0] for path in folder.glob("*.dll")}

    deaths = 0
    for first, prepared in (("deploy", False), ("undo", True)):
        for stop in range(1, 60):
            restore()
            if prepared:
                assert run("deploy", 0) == 0 and contents() == {"image"}
            code = run(first, stop)
            if code == 0:
                break
            assert code == -signal.SIGKILL
            deaths += 1
            assert run("deploy", 0) == 0 and contents() == {"image"}
            assert (
                run("undo", 0) == 0 and contents() == {"IL"} and sorted(os.listdir(folder)) == ["App.dll", "Core.dll"]
            )
        else:
            raise AssertionError("it never came to its end")
    assert deaths > 15


def test_deployments_at_once_lose_no_assembly(tmp_path: Path) -> None:
    """Each process deploys other images; whoever comes second must know what the first one replaced."""
    folder = tmp_path / "app"
    folder.mkdir()
    names = [f"Part{number}.dll" for number in range(6)]
    for name in names:
        (folder / name).write_text(f"IL of {name}")
    contents = {str(folder / name): content_of(str(folder / name)) for name in names}
    children = []
    for number in range(6):
        mine = {name: tmp_path / f"{number}-{name}" for name in names[number:] + names[: number // 2]}
        for name, image in mine.items():
            image.write_text(f"image {number} of {name}")
        child = os.fork()
        if child == 0:
            try:
                images = {str(folder / name): str(image) for name, image in mine.items()}
                deploy(Substitution(str(folder / "Part0.dll"), None, images, (), contents), "normal")
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 6
    assert all((folder / name).read_text().startswith("image") for name in names)
    undo(str(folder / "Part0.dll"))
    assert {name: (folder / name).read_text() for name in os.listdir(folder)} == {n: f"IL of {n}" for n in names}
