"""Modes on the command line: recorded, shown, published, verified; what is replaced afterwards does no harm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nativegen.operations.integrity import FILE
from nativegen.runtime.discover import runtime_for
from nativegen.runtime.host import run_app
from tests.cli.apps import make_app, make_core
from tests.cli.conftest import Command
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment

pytestmark = pytest.mark.runtime

WARNING = "warning: do not service these files"


def test_pinned_images_are_shown_published_with_a_warning_and_verified(
    command: Command, tmp_path: Path, cache: Path
) -> None:
    app = make_app(tmp_path / "app", "9.0")
    assert command("install", app, "/nologo", "-j1", target="9.0").code == 0
    (manifest,) = cache.glob("NativeImages_9.0/App/*/App.json")
    document = json.loads(manifest.read_text())
    assert document["manifest"]["options"]["mode"] == "pinned"
    assert "    mode        pinned" in command("display", "App", "/verbose", target="9.0").out
    out = tmp_path / "out"
    published = command("publish", app, out, "--pinned", target="9.0")
    assert published.code == 0 and WARNING in published.err and FILE in published.err
    assert command("verify", out, target="9.0").code == 0
    shutil.copyfile(make_core(tmp_path / "other", 3), out / "Core.dll")
    verified = command("verify", out, target="9.0")
    assert verified.code == 5 and "pinned images, but Core.dll was changed" in verified.out
    published = command("publish", app, out, "-j1", target="9.0")
    assert published.code == 0 and WARNING not in published.err and not (out / FILE).exists()
    assert command("verify", out, target="9.0").code == 0


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_a_dependency_that_is_replaced_after_publishing_does_no_harm(
    command: Command, tmp_path: Path, target: str, inputs: TestInputs
) -> None:
    """Bodies changed, members removed, a method turned extern, a struct grown: as with IL, started by the runtime."""
    extra = "public struct S { public int A; } public static S Make() { return new S(); } public static void Old() { }"
    app = make_app(tmp_path / "app", target, extra=extra)
    assert command("install", app, "/nologo", "-j1", target=target).code == 0
    out, plain = tmp_path / "out", tmp_path / "plain"
    assert command("publish", app, out, target=target).code == 0
    shutil.copytree(app.parent, plain)
    grown = extra.replace("int A;", "int A; public long B; public object C;").replace(
        "public static void Old() { }", ""
    )
    gone = "public static int Two(int x) { return x; } }  public class Numbers2 {"
    for number, core in enumerate((
        make_core(tmp_path / "body", 5, extra),
        make_core(tmp_path / "grown", 7, grown),
        make_core(tmp_path / "gone", 9, gone),
    )):  # fmt: skip
        results = []
        for folder in (plain, out):
            shutil.copyfile(core, folder / "Core.dll")
            ran = run_app(
                folder / "App.dll",
                ["x"],
                runtime=runtime_for(folder / "App.dll", inputs.root(target)),
                environment=clean_environment(tmp_path),
            )
            results.append((ran.exit_code, ran.stdout, ran.stderr))
        assert results[0] == results[1]
        assert b"answer %d" % (21 * (5, 7, 9)[number]) in results[0][1]
    shutil.copyfile(make_core(tmp_path / "last", 11, extra), app.parent / "Core.dll")
    ran = command("run", app, target=target)
    assert "answer 231" in ran.out and "1 native images are not valid" in ran.err
