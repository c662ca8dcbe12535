"""An old ``Core.ni.dll`` beside ``Core.dll``, which the runtime takes in its place: what the commands do about it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.apps import make_app, make_core
from tests.cli.conftest import Command
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment

pytestmark = pytest.mark.runtime
TARGETS = ("3.1", "9.0")
NOW, THEN = "answer 63\n", "answer 42\n"


def edited(command: Command, folder: Path, target: str) -> Path:
    """The application, built again after an image of Core was put beside it."""
    app = make_app(folder, target)
    core = folder / "Core.dll"
    arguments = ("compile", core, "-o", folder / "Core.ni.dll", "--target", target, "-j1")
    assert command(*arguments, target=target).code == 0
    make_core(folder, 3, target=target)
    return app


@pytest.mark.parametrize("target", TARGETS)
def test_programs_start_with_the_code_of_today(
    command: Command, tmp_path: Path, inputs: TestInputs, target: str
) -> None:
    app = edited(command, tmp_path / "app", target)
    # What there is to guard against: if this fails, the runtime has changed for the better.
    dotnet = [str(inputs.root(target) / "dotnet"), str(app)]
    ran = subprocess.run(dotnet, env=clean_environment(tmp_path), capture_output=True, text=True, check=False)
    assert ran.stdout.startswith(THEN)

    warned = command("run", app, target=target)
    assert warned.out.startswith(THEN)
    assert f"{app.parent / 'Core.ni.dll'}: warning NGEN2015: the runtime loads it in place of Core.dll;" in warned.err

    profile = tmp_path / "app.profile"
    recorded = command("trace", "-o", profile, app, target=target)
    assert recorded.out.startswith(NOW) and "install" not in recorded.err
    assert "[Core]\nNumbers::Twice" in profile.read_text()

    assert command("install", app, "-j1", target=target).code == 0
    assert command("run", app, target=target).out.startswith(NOW)
    traced = command("trace", app, "--filter", "Numbers::*", target=target)
    assert traced.out.startswith(NOW) and 'native method name="Numbers::Twice"' in traced.out
    assert command("verify", app, "--live", target=target).code == 0
    logged = command("log", app, "--run", target=target)
    assert NOW in logged.out and logged.out.rstrip().endswith("Native image successfully used.")


@pytest.mark.parametrize("target", TARGETS)
def test_they_are_not_published(command: Command, tmp_path: Path, target: str) -> None:
    app = edited(command, tmp_path / "app", target)
    assert command("install", app, "-j1", target=target).code == 0
    out = tmp_path / "out"
    assert command("publish", app, out, "-j1", target=target).code == 0
    assert not (out / "Core.ni.dll").exists()
    assert command("run", out / "App.dll", target=target).out.startswith(NOW)

    (out / "Core.ni.dll").write_bytes((app.parent / "Core.ni.dll").read_bytes())  # of an earlier release
    refused = command("publish", app, out, target=target)
    assert refused.code == 1 and f"{out / 'Core.ni.dll'}: error NGEN2015" in refused.err


def test_images_that_would_be_passed_over_are_not_deployed(command: Command, tmp_path: Path) -> None:
    app = edited(command, tmp_path / "app", "3.1")
    assert command("install", app, "-j1", target="3.1").code == 0
    before = {path.name: path.read_bytes() for path in app.parent.iterdir()}
    refused = command("deploy", app, "/nologo", target="3.1")
    assert refused.code == 1 and f"{app.parent / 'Core.ni.dll'}: error NGEN2015" in refused.err
    assert {path.name: path.read_bytes() for path in app.parent.iterdir()} == before
    (app.parent / "Core.ni.dll").unlink()
    assert command("deploy", app, target="3.1").code == 0


def test_a_cache_inside_the_applications_folder_is_no_part_of_it(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    cache = str(app.parent / "cache")
    assert command("install", app, "-j1", NATIVEGEN_CACHE=cache).code == 0
    for _ in range(2):
        assert command("run", app, NATIVEGEN_CACHE=cache).out.startswith(THEN)
    assert command("publish", app, tmp_path / "out", NATIVEGEN_CACHE=cache).code == 0
    names = {path.name for path in app.parent.iterdir()}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names - {"cache"}
