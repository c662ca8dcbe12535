"""The commands on a real application, compiler and runtimes: what ngen's users would do in a day."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.apps import compiler_for, make_app, make_core, write_runtime_config
from tests.cli.conftest import Command
from tests.cli.support import Outcome
from tests.support.paths import ALL_TARGETS, TRIMMED_TARGET

pytestmark = pytest.mark.runtime

def live_check(target: str) -> tuple[str, ...]:
    """The switch that asks the runtime about every method; the trimmed one cannot be asked (docs/targets.md)."""
    return () if target == TRIMMED_TARGET else ("--live",)


def installed(command: Command, folder: Path, target: str = "3.1") -> Path:
    app = make_app(folder, target)
    outcome = command("install", app, "/nologo", "-j1", target=target)
    assert outcome.code == 0, outcome
    return app


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_install_run_trace_verify_and_uninstall(command: Command, tmp_path: Path, cache: Path, target: str) -> None:
    app = installed(command, tmp_path / "app", target)
    ran = command("run", app, "one", "/two", "--three", target=target)
    assert ran.out.splitlines() == ["answer 42", "some data", "[one]", "[/two]", "[--three]"]
    assert ran.code == 3 and ran.err == ""

    trace = command("trace", "--json", "--output", tmp_path / "trace.json", app, "x", target=target)
    assert trace.code == 1 and trace.out.splitlines() == ["answer 42", "some data", "[x]"]
    methods = {m["name"]: m for m in json.loads((tmp_path / "trace.json").read_text())["methods"]}
    states = {name: method["state"] for name, method in methods.items()}
    assert states["App::Jitted"] == "jitted" and methods["App::Jitted"]["reason"] == "bypass-attribute"
    assert {states[name] for name in ("App::Main", "Words::Say", "Numbers::Twice")} == {"native"}

    verified = command("verify", *live_check(target), "--json", target=target)
    assert verified.code == 0, verified
    live = [
        finding["message"]
        for image in json.loads(verified.out)["images"]
        for check in image["checks"]
        if check["name"] == "live"
        for finding in check["findings"]
    ]
    assert len(live) == 3 * len(live_check(target))
    assert all(message.endswith("methods taken by the runtime") for message in live)

    assert command("uninstall", app, target=target).code == 0
    assert not list(cache.glob("NativeImages_*/*")) and not list(cache.glob("views/*"))


def test_what_install_prints(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    lines = command("install", app, "/nologo").out.splitlines()
    compiled = {
        f"1>    Compiling assembly {tmp_path / 'app' / name}.dll (CLR v3.1.23) ..." for name in ("App", "Core", "Text")
    }
    assert set(lines[:3]) == compiled and "nativegen run" in lines[3]
    assert command("install", app, "/nologo").out == "All compilation targets are up to date.\n"
    assert command("install", app, "/silent").out == ""


def test_a_body_edit_recompiles_one_assembly_and_a_public_change_its_dependents(
    command: Command, tmp_path: Path
) -> None:
    app = installed(command, tmp_path / "app")
    make_core(tmp_path / "app", factor=3)
    why = command("why", app)
    assert why.out.startswith(f"{tmp_path}/app/Core.dll: content changed (rebuilt: MVID ") and why.out.count("\n") == 1
    stale = command("run", app)
    assert stale.out.splitlines()[0] == "answer 63" and "1 native images are not valid" in stale.err
    verify = command("verify")
    assert verify.code == 5 and "stale: Core" in verify.out
    update = command("update", "/nologo")
    assert update.out.splitlines() == [f"1>    Compiling assembly {tmp_path}/app/Core.dll (CLR v3.1.23) ..."]
    assert command("run", app).err == ""

    make_core(tmp_path / "app", factor=3, extra="public static int Added;")
    why = command("why", app).out
    assert f"{tmp_path}/app/App.dll: Core.dll: contract changed: class Numbers gained " in why and why.count("\n") == 3
    update = command("update", "/verbose")  # nobody uses what is new
    assert update.out.count("Compiling assembly") == 1 and update.out.count("the image stays") == 2
    assert command("update", "/nologo").out == "All compilation targets are up to date.\n"
    assert command("why", app).out == "3 native images are valid: nothing changed.\n"


_SHAPES = """
public struct Pair { public int A; PADDING public int B; }
public class Shapes {
    ADDED
    public int First; PRIVATE
    public virtual int Area(Pair pair) { return pair.A * pair.B + First; }
    public static Pair Make(int a, int b) { Pair p = new Pair(); p.A = a; p.B = b; return p; }
}
"""
_USER = """
using System;
public class App {
    public static int Main() {
        Console.WriteLine(new Shapes().Area(Shapes.Make(6, 7)).ToString());
        return Shapes.Make(1, 2).B;
    }
}
"""


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_what_a_dependent_uses_decides(command: Command, tmp_path: Path, cache: Path, target: str) -> None:
    """Members added, moved and private: the image stays as it is. A struct that it uses: it is made anew."""
    folder, compile_ = tmp_path / "app", compiler_for(target)

    def library(padding: str = "", added: str = "", private: str = "") -> Path:
        source = _SHAPES.replace("PADDING", padding).replace("ADDED", added).replace("PRIVATE", private)
        return compile_(source, folder, "Shapes", library=True)

    def image(root: Path) -> Path:
        (found,) = root.glob(f"NativeImages_{target}/App/*/App.ni.dll")
        return found

    def ran() -> tuple[int, str, str]:
        outcome = command("run", app, target=target)
        return outcome.code, outcome.out, outcome.err

    folder.mkdir()
    app = compile_(_USER, folder, "App", references=[library()])
    write_runtime_config(app, target)
    assert command("install", app, "/nologo", "-j1", target=target).code == 0
    first = image(cache)
    inode = first.stat().st_ino
    for edit in (
        {"added": "public static string New(Pair pair) { return null; } public int Second;"},
        {"added": "public int Second; public static Pair New() { return Make(1, 2); }", "private": "string hidden;"},
        {"added": "public enum Colour { Red } public int Last<T>(T x) { return 5; }"},
    ):
        library(**edit)
        update = command("update", "/nologo", "-j1", target=target)
        assert update.out.count("Compiling") == 1 and "Shapes.dll" in update.out
        assert image(cache) != first and image(cache).stat().st_ino == inode
        assert ran() == (2, "42\n", "")
    other = tmp_path / "other"
    assert command("install", app, "/nologo", "-j1", target=target, NATIVEGEN_CACHE=str(other)).code == 0
    assert image(cache).read_bytes() == image(other).read_bytes()
    assert image(cache).parent.name == image(other).parent.name
    trace = command("trace", "--filter", "App::*", app, target=target)
    assert 'native method name="App::Main"' in trace.out.splitlines()
    assert command("verify", app, target=target).code == 0
    library(padding="public long P;")
    assert command("update", "/nologo", "-j1", target=target).out.count("Compiling") == 2
    assert image(cache).stat().st_ino != inode
    assert ran() == (2, "42\n", "")


def test_time_stamps_decide_nothing(command: Command, tmp_path: Path) -> None:
    app = installed(command, tmp_path / "app")
    core = app.parent / "Core.dll"
    before = core.stat()
    os.utime(core)
    assert command("update", "/nologo").out == "All compilation targets are up to date.\n"
    make_core(app.parent, factor=3)
    os.utime(core, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert core.stat().st_mtime_ns == before.st_mtime_ns and core.stat().st_size == before.st_size
    assert command("run", app).out.splitlines()[0] == "answer 63"
    assert "Core.dll" in command("update", "/nologo").out


def test_display_after_install(command: Command, tmp_path: Path) -> None:
    app = installed(command, tmp_path / "app")
    assert command("display", "/nologo").out == (
        f"NGEN Roots:\n\n{app}\n\nNative Images:\n\n"
        "App, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null\n"
        "Core, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null\n"
        "Text, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null\n"
    )
    assert command("display", "Core", "/nologo").out == (
        f'NGEN Roots:\n\n\nNGEN Roots that depend on "Core":\n\n{app}\n\nNative Images:\n\n'
        "Core, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null\n"
    )
    stats = json.loads(command("cache", "stats", "--json").out)
    assert stats["images"] == 3 and stats["counters"]["compiled"] == 3


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_publish_gives_a_folder_that_runs_on_its_own(
    command: Command, tmp_path: Path, cache: Path, target: str
) -> None:
    app = installed(command, tmp_path / "app", target)
    out = tmp_path / "out"
    assert command("publish", app, out, target=target).code == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in app.parent.iterdir())
    import shutil

    shutil.rmtree(cache)
    for path in out.iterdir():
        assert path.stat().st_nlink == 1 and not path.is_symlink() and os.access(path, os.W_OK)
    ran = command("run", out / "App.dll", target=target)
    assert ran.out.splitlines()[:2] == ["answer 42", "some data"] and "install" not in ran.err
    verified = command("verify", out, "-r", app.parent, *live_check(target), target=target)
    assert verified.code == 0 and verified.out == "3 native images verified, 0 failed.\n", verified


def test_publish_into_an_existing_folder_and_inside_the_application(command: Command, tmp_path: Path) -> None:
    app = installed(command, tmp_path / "app")
    out = app.parent / "publish"
    out.mkdir()
    (out / "mine.txt").write_text("stays")
    for _ in range(2):
        assert command("publish", app, out).code == 0
    assert (out / "mine.txt").read_text() == "stays" and not (out / "publish").exists()
    assert command("publish", app, app.parent).code == 2


def test_publishing_what_is_not_installed_is_refused(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "my app")
    refused = command("publish", app, tmp_path / "out")
    assert (refused.code, refused.out) == (3, "Error: The specified assembly is not installed.\n")
    assert refused.err == f"{app}: not installed; run: nativegen install '{app}'\n"
    assert not (tmp_path / "out").exists()


def test_publishing_leaves_out_what_the_builders_put_beside_assemblies(command: Command, tmp_path: Path) -> None:
    app = installed(command, tmp_path / "app")
    of_builders = {
        "App.ni.dll": "an image",
        "App.ni.key": '{\n"assembly": "xxh3:0",\n"code": "0"\n}',
        "Core.contract": '{\n"entries": {},\n"signature": "0"\n}',
    }
    of_the_application = {"Text.contract": "we agree", "Text.ni.key": "a key", "Other.ni.dll": "no Other.dll here"}
    for name, text in {**of_builders, **of_the_application}.items():
        (app.parent / name).write_text(text)
    assert command("publish", app, tmp_path / "out").code == 0
    published = {path.name for path in (tmp_path / "out").iterdir()}
    assert published == {path.name for path in app.parent.iterdir()} - of_builders.keys()


def test_display_by_path_knows_an_image_that_the_same_file_elsewhere_made(command: Command, tmp_path: Path) -> None:
    import shutil

    app = installed(command, tmp_path / "app")
    copy = Path(shutil.copytree(app.parent, tmp_path / "copy")) / "App.dll"
    assert "up to date" in command("install", copy, "/nologo").out
    for path in (app, copy):
        shown = command("display", path, "/nologo").out
        assert f"\nNGEN Roots that depend on \"{path}\":\n\n{app}\n{copy}\n" in shown, shown
        assert "\nApp, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null" in shown


def test_N6_deleting_the_cache_changes_nothing_but_speed(command: Command, tmp_path: Path, cache: Path) -> None:
    app = installed(command, tmp_path / "app")
    before = command("run", app, "x")
    import shutil

    shutil.rmtree(cache)
    after = command("run", app, "x")
    assert (after.code, after.out) == (before.code, before.out) and "nativegen install" in after.err


def test_the_view_follows_the_users_files(command: Command, tmp_path: Path, cache: Path) -> None:
    app = installed(command, tmp_path / "app")
    command("run", app)
    (app.parent / "data.txt").write_text("edited")
    assert "edited" in command("run", app).out
    (app.parent / "new.txt").write_text("new")
    command("run", app)
    views = [path for path in cache.glob("views/*/*") if path.is_dir()]
    assert len(views) == 1 and (views[0] / "new.txt").read_text() == "new"


def test_the_users_files_are_never_hard_linked(command: Command, tmp_path: Path) -> None:
    app = installed(command, tmp_path / "app")
    command("run", app)
    assert {path.stat().st_nlink for path in app.parent.iterdir()} == {1}


def test_compile_without_the_cache(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    out = tmp_path / "out"
    outcome = command("compile", *app.parent.glob("*.dll"), "-o", out, "--target", "3.1", "--json")
    document = json.loads(outcome.out)
    assert outcome.code == 0 and sorted(report["name"] for report in document["reports"]) == ["App", "Core", "Text"]
    assert sorted(path.name for path in out.iterdir()) == ["App.dll", "Core.dll", "Text.dll"]
    assert not cache.exists()
    verified = command("verify", out, "-r", app.parent)
    assert verified.code == 0, verified
    dumped = command("dump", out / "App.dll")
    assert dumped.out.startswith("ReadyToRun 3.1 image of App, Version=0.0.0.0") and "App::Main" in dumped.out
    assert json.loads(command("dump", out / "App.dll", "--json").out)["version"] == "3.1"


def test_compile_reads_response_files_and_chooses_the_framework_by_target(command: Command, tmp_path: Path) -> None:
    core = make_core(tmp_path / "app", 2)
    response = tmp_path / "args.rsp"
    response.write_text(f"-o {tmp_path}/Core.ni.dll\n--target 9.0 # the newer one\n")
    assert command("compile", core, f"@{response}", target="9.0").code == 0
    assert "ReadyToRun 10.1" in command("dump", tmp_path / "Core.ni.dll").out


def test_reports_of_every_format(command: Command, tmp_path: Path) -> None:
    app = installed(command, tmp_path / "app")
    make_core(app.parent, factor=5)
    outcomes: dict[str, Outcome] = {
        name: command("verify", "--format", name) for name in ("text", "json", "junit", "sarif", "github", "msbuild")
    }
    assert {outcome.code for outcome in outcomes.values()} == {5}
    suites = ElementTree.fromstring(outcomes["junit"].out)
    failures = suites.findall(".//failure")
    assert len(failures) == 2 and {failure.get("type") for failure in failures} == {"stale"}
    assert len(suites.findall("testsuite/testcase[@name='unwind']")) == 3
    results = json.loads(outcomes["sarif"].out)["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {"metadata", "inputs"}
    assert outcomes["github"].out.startswith("::error file=") and outcomes["github"].out.count("\n") == 1
    assert all(" : error NGEN5000: " in line for line in outcomes["msbuild"].out.splitlines())


def test_runtimes_lists_what_DOTNET_ROOT_names(command: Command) -> None:
    runtimes = json.loads(command("runtimes", "--json", target="9.0").out)["runtimes"]
    assert (runtimes[0]["version"], runtimes[0]["target"], runtimes[0]["origin"]) == ("9.0.5", "9.0", "DOTNET_ROOT")


def test_trace_lists_chosen_methods_behind_the_programs_output(command: Command, tmp_path: Path) -> None:
    app = installed(command, tmp_path / "app")
    lines = command("trace", "--filter", "App::*", app).out.splitlines()
    assert lines[:2] == ["answer 42", "some data"]
    assert lines[2:4] == [
        'jitted method name="App!App::Jitted" reason=bypass-attribute',
        'native method name="App::Main"',
    ]
    assert lines[4].endswith(" stubs") and len(lines) == 6
    assert lines[5].startswith("jitted because: ") and "1 bypass-attribute" in lines[5]


def test_installers_that_run_at_once_agree(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(lambda _: command("install", app, "-j1"), range(3)))
    assert [outcome.code for outcome in outcomes] == [0, 0, 0], outcomes
    assert len(list(cache.glob("NativeImages_3.1/*/*"))) == 3 and os.listdir(cache / "staging") == []
    assert command("verify").code == 0


def test_an_interrupted_install_leaves_nothing_behind(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    started = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, "install", str(app), "-j1"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _, errors = started.communicate(timeout=120)
    assert started.returncode == 130 and errors == b""
    assert not list(cache.glob("NativeImages_*/*/*")) and os.listdir(cache / "staging") == []
    assert command("install", app, "/nologo").code == 0


# Ctrl-C arrives when the first image is in the cache.
INTERRUPTED = """
import signal, sys
from nativegen.cli.main import main
from nativegen.cli.progress import ConsoleEvents
ConsoleEvents.compiled = lambda *_: signal.raise_signal(signal.SIGINT)
sys.exit(main(sys.argv[1:]))
"""


def test_uninstalling_needs_the_configuration_but_not_its_file(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    library = app.parent / "Core.dll"
    assert command("install", library, f"/ExeConfig:{app}").code == 0
    refused = command("uninstall", library, "/nologo")
    assert refused.code == 3 and f"/ExeConfig:{app}" in refused.err
    app.unlink()
    done = command("uninstall", library, f"/ExeConfig:{app}", "/nologo")
    assert done.out == f"Uninstalling assembly {library}\n"
