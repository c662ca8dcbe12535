"""Rows that need no file of their own: C7, A1 to A3, A9, V5, N1 to N16, T2, T3, H4 to H6."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from tests.cli.apps import RUNTIME_VERSION, TARGET, compile_for_target, make_app, make_core, write_runtime_config
from tests.cli.conftest import Command
from tests.cli.support import nativegen
from tests.support.paths import TestInputs

pytestmark = pytest.mark.runtime


@pytest.fixture
def app(command: Command, tmp_path: Path) -> Path:
    """An installed application."""
    app = make_app(tmp_path / "app")
    assert command("install", app, "/silent").code == 0
    return app


def manifest_of(cache: Path, name: str) -> dict[str, object]:
    (path,) = cache.glob(f"NativeImages_*/{name}/*/{name}.json")
    document: dict[str, object] = json.loads(path.read_text())
    return document


def test_C7_verbose_prints_details(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    lines = command("install", app, "/verbose", "/nologo").lines
    assert f"{app}: never compiled before" in lines
    assert any("methods native" in line and "1 bypass-attribute" in line for line in lines)


def test_A1_A2_A3_names_whole_and_partial_in_any_case(command: Command, app: Path) -> None:
    full = "app,\n Version=0.0.0.0,  CULTURE=neutral,PublicKeyToken=null, processorArchitecture=MSIL"
    for name in (full, "App", "aPP, version=0.0.0.0"):
        assert str(app) in command("display", name, "/nologo").out
    assert command("display", "App, Version=1.0.0.0").code == 3
    assert command("uninstall", full.replace("app", "APP")).code == 0


def test_A9_the_applications_own_configuration_is_used(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    config = app.with_name("App.runtimeconfig.json")
    config.write_text(config.read_text().replace(f"{TARGET}.0", "77.0.0"))
    outcome = command("install", app, "/nologo")
    assert outcome.code == 3 and "77.0.0" in outcome.err


def test_V5_the_worker_listens_to_nobody(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    command("install", app, "/queue", NATIVEGEN_SERVICE="", NATIVEGEN_IDLE="never")
    process = None
    while process is None:
        process = json.loads(command("service", "status", "--json").out)["process"]
    try:
        open_files = [os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir()]
    finally:
        os.kill(process, signal.SIGKILL)
    assert open_files and not any(name.startswith("socket:") for name in open_files)


def test_N1_N3_the_identity_of_an_image_and_what_changes_it(command: Command, app: Path, cache: Path) -> None:
    manifest = manifest_of(cache, "App")["manifest"]
    assert isinstance(manifest, dict)
    assert manifest["framework"]["version"] == RUNTIME_VERSION and manifest["target"] == TARGET
    assert manifest["assembly"]["mvid"] == Assembly.open(app).mvid
    assert set(manifest["references"]) == {"Core", "Text"} and "effort" in manifest["options"]
    assert command("display", "/verbose").out.count("    state       valid\n") == 3
    make_core(app.parent, factor=3)
    assert "Core.dll: content changed (rebuilt: MVID " in command("why", app).out
    assert "    state       invalid: content changed (rebuilt: MVID " in command("display", "Core", "/verbose").out
    verified = command("verify")
    assert verified.code == 5 and "content changed (rebuilt: MVID " in verified.out


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_N2b_the_framework_is_only_referred_to(
    command: Command, tmp_path: Path, cache: Path, inputs: TestInputs, target: str
) -> None:
    command("install", make_app(tmp_path / "app", target), target=target)
    assert {path.parent.name for path in cache.glob("NativeImages_*/*/*")} == {"App", "Core", "Text"}
    linq = next(inputs.root(target).glob("shared/Microsoft.NETCore.App/*/System.Linq.dll"))
    refused = command("install", linq, "/nologo", target=target)
    assert refused.code == 1 and "NGEN3106" in refused.err and "--from-native" in refused.err


def test_N4_strict_makes_every_dependent_stale(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    command("install", app, "/strict")
    make_core(app.parent, factor=3)
    assert command("why", app).out.count("Core.dll") == 3
    assert command("update", "/nologo").out.count("Compiling assembly") == 3


def test_N7_N8_T3_excluded_methods_are_listed_with_a_reason_and_run(command: Command, app: Path, cache: Path) -> None:
    exclusions = manifest_of(cache, "App")["exclusions"]
    assert isinstance(exclusions, list)
    by_name = {name: code for name, _rid, code, _detail in exclusions}
    assert [code for name, code in by_name.items() if "Jitted" in name] == ["bypass-attribute"]
    assert not any("Main" in name for name in by_name)
    assert command("run", app, "x", "y").code == 2


FILTERED = """
namespace System.Runtime { class BypassNGenAttribute : System.Attribute { } }
namespace ns2 {
    public class C0 {
        public class N0 { [System.Runtime.BypassNGen] public static int m() { return 1; } }
        [System.Runtime.BypassNGen] public static int m() { return 2; }
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        public static int native() { return 4; }
    }
}
public class App { static int Main() { return ns2.C0.N0.m() + ns2.C0.m() + ns2.C0.native(); } }
"""


def test_T2_jitted_methods_are_listed_by_wildcards(command: Command, tmp_path: Path) -> None:
    app = compile_for_target(FILTERED, tmp_path / "app", "App")
    write_runtime_config(app)
    assert command("install", app, "/silent").code == 0
    outer, nested = 'method name="App!ns2.C0::m"', 'method name="App!ns2.C0+N0::m"'
    for pattern, wanted in (
        ("ns2.C0+N0::m", {nested}),
        ("C0+N0::m", {nested}),
        ("C0::m", {outer}),
        ("ns2.C0::*", {outer}),
        ("ns2::*", {outer, nested}),
        ("*N?::m", {nested}),
        ("ns::*", set()),
        ("c0::m", set()),
    ):
        traced = command("trace", "--filter", pattern, "--state", "jitted", app, "/silent")
        assert traced.code == 7
        lines = [line for line in traced.lines if "method name" in line]
        assert set(lines) == {f"jitted {name} reason=bypass-attribute" for name in wanted}, pattern
    both = command("trace", "--filter", "App::*", "--filter", "C0::native", "--state", "native", app, "/silent").lines
    assert {'native method name="App::Main"', 'native method name="ns2.C0::native"'} <= set(both)


EXECUTES = """
using System.IO;
public class Eager {
    static readonly int x = Touch();
    static Eager() { Touch(); }
    static int Touch() { File.WriteAllText("TOUCHED", "x"); return 1; }
    public static int Value() { return x; }
}
"""


def test_N14_compiling_never_executes_the_input(command: Command, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    source = EXECUTES.replace("TOUCHED", str(touched))
    library = compile_for_target(source, tmp_path, "Eager", library=True)
    assert command("install", library, f"/target:{TARGET}").code == 0
    assert command("verify").code == 0 and not touched.exists()


def test_N15_no_administrator_is_needed(command: Command, app: Path, cache: Path) -> None:
    assert cache.stat().st_mode & 0o777 == 0o700 and cache.stat().st_uid == os.geteuid()


def test_N16_images_are_pe_files_whose_code_is_never_written_to(command: Command, app: Path, cache: Path) -> None:
    executable, writable = 0x20000000, 0x80000000
    for path in cache.glob("NativeImages_*/*/*/*.ni.dll"):
        sections = Assembly.open(path).sections
        assert path.read_bytes()[:2] == b"MZ" and any(s.characteristics & executable for s in sections)
        assert not any(s.characteristics & executable and s.characteristics & writable for s in sections)


MAPPED = """
using System;
using System.IO;
public class App {
    static void Main() {
        foreach (string line in File.ReadAllLines("/proc/self/maps"))
            if (line.Contains("r-xp") && line.EndsWith("/App.dll")) Console.WriteLine(line);
    }
}
"""


def test_N16_the_runtime_maps_code_from_the_image_file(command: Command, tmp_path: Path) -> None:
    """What is mapped from a file and never written to is one set of pages for all processes."""
    app = compile_for_target(MAPPED, tmp_path / "app", "App")
    write_runtime_config(app)
    command("install", app)
    mapped = command("run", app, "/silent")
    assert mapped.code == 0 and len(mapped.lines) >= 1, mapped
    inodes = {line.split()[4] for line in mapped.lines}
    second = {line.split()[4] for line in command("run", app, "/silent").lines}
    assert len(inodes) == 1 and inodes == second


def test_N6_an_image_that_vanishes_changes_nothing(command: Command, app: Path, cache: Path) -> None:
    before = command("run", app, "x")
    for folder in cache.glob("NativeImages_*"):
        shutil.rmtree(folder)
    after = command("run", app, "x")
    assert (after.code, after.out) == (before.code, before.out)


def test_H4_to_H6_the_rest_of_ngens_advice() -> None:
    text = " ".join(nativegen("help").out.split())
    assert "share their pages" in text and "display Component" in text and "nativegen update /queue" in text
    assert "never the current directory" in text
