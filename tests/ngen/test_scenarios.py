"""S1 to S5, A10, I3, N11, P4: scenarios, configurations and bases, from the command line to running programs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.apps import RUNTIME_VERSION, TARGET, compile_for_target, make_app, make_core, write_runtime_config
from tests.cli.conftest import Command

pytestmark = pytest.mark.runtime


def scenarios(command: Command) -> list[str]:
    return sorted(image["scenario"] for image in json.loads(command("display", "--json").out)["images"])


def test_S1_S2_S4_S5_four_image_sets_coexist_and_run_chooses(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    for switches in ([], ["/debug"], ["/Profile"], ["/debug", "/profile"]):
        assert command("install", app, "/NoDependencies", *switches, "/silent").code == 0
    assert scenarios(command) == ["debug", "debug+profile", "normal", "profile"]
    lines = command("display", "/nologo").lines
    for tag in ("", " <debug>", " <profile>", " <debug> <profile>"):
        assert f"{app}{tag}" in lines
    for switches in ([], ["--debug"], ["--profile"], ["--debug", "--profile"]):
        ran = command("run", *switches, app)
        assert ran.out.startswith("answer 42") and ran.err == ""
    maps = list(cache.glob("NativeImages_*/*/*/*.r2rmap"))
    assert len(maps) == 2  # the two /Profile images
    assert re.search(r"^[0-9A-F]{8} [0-9A-F]{4} .*Main", maps[0].read_text(), re.MULTILINE)

    assert command("uninstall", app, "/debug").code == 0
    assert scenarios(command) == ["debug+profile", "normal", "profile"]
    fallback = command("run", "--debug", app)
    assert fallback.out.startswith("answer 42") and "not installed" in fallback.err and "/Debug" in fallback.err
    assert command("uninstall", app).code == 0 and scenarios(command) == []


COUNTED = """
using System;
using System.Collections.Generic;
using System.Threading;
class Counted {
    int value;
    static int Small(int x) { return x + 1; }
    int Field() { return value; }
    static T Same<T>(T x) { return x; }
    static int Thrower(int x) {
        try { if (x % 2 == 0) throw new Exception(); return 1; } catch (Exception) { return 2; }
    }
    static void Work() { for (int i = 0; i < 1000; i++) Small(i); }
    static int Main() {
        var threads = new List<Thread>();
        for (int i = 0; i < 4; i++) { threads.Add(new Thread(Work)); threads[i].Start(); }
        foreach (Thread thread in threads) thread.Join();
        int sum = 0;
        for (int i = 0; i < 10; i++) sum += Thrower(i) + new Counted().Field() + Same("x").Length;
        return sum + Same(2);
    }
    static void Never() { }
}
"""


def test_S2_profile_images_count_their_entries(command: Command, tmp_path: Path) -> None:
    app = compile_for_target(COUNTED, tmp_path / "app", "Counted")
    write_runtime_config(app)
    assert command("install", app, "/Profile", "/silent").code == 0
    assert command("run", "--profile", app).code == 27
    trace = tmp_path / "trace.json"
    traced = command("trace", "--profile", "--json", "--output", trace, app)
    assert traced.code == 27 and traced.err == ""
    document = json.loads(trace.read_text())
    counts = {entry["method"]: entry["count"] for entry in document["entries"]}
    expected = {"Small": 4000, "Work": 4, "Main": 1, "Thrower": 10, "Field": 10, ".ctor": 10, "Never": 0}
    assert {name: counts[f"Counted::{name}"] for name in expected} == expected
    assert sum(count for name, count in counts.items() if "Same" in name) == 11
    assert 'entered 4000 times method name="Counted!Counted::Small"' in command("trace", "--profile", app).out
    assert "entered" not in command("trace", app).out  # the other sets do not count
    # What a program that ends by itself in another way still tells, and what one that is ended does not.
    for end, code in (("Environment.Exit(9)", 9), ("Environment.FailFast(null)", 125)):
        compile_for_target(COUNTED.replace("return sum + Same(2);", f"{end}; return 0;"), app.parent, "Counted")
        assert command("update", "/silent").code == 0
        traced = command("trace", "--profile", app)
        assert traced.code == code and ("entered 4000 times" in traced.out) == (code == 9)


def test_S3_no_dependencies_means_one_image(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    assert command("install", app, "/NoDependencies").code == 0
    assert [path.parent.name for path in cache.glob("NativeImages_*/*/*")] == ["App"]
    assert command("run", app, "/silent").out.startswith("answer 42")


def test_A10_a_component_under_two_configurations_has_two_image_sets(command: Command, tmp_path: Path) -> None:
    for name, extra in (("one", ""), ("two", "public int Other;")):
        make_app(tmp_path / name, extra=extra)
        (tmp_path / name / "Text.dll").rename(tmp_path / "Text.dll")
    text = tmp_path / "Text.dll"
    configurations = [tmp_path / name / "App.dll" for name in ("one", "two")]
    for app in configurations:
        assert command("install", text, f"/ExeConfig:{app}", "/silent").code == 0
    images = json.loads(command("display", "Text", "--json").out)["images"]
    assert len({image["key"] for image in images if image["source"] == str(text)}) == 2
    refused = command("uninstall", text, "/nologo")
    assert refused.code == 3 and f"/ExeConfig:{configurations[0]}" in refused.err
    assert command("uninstall", text, f"/ExeConfig:{configurations[0]}").code == 0
    assert len([i for i in json.loads(command("display", "--json").out)["images"] if i["source"] == str(text)]) == 1


LIBRARY = """
[assembly: System.Reflection.AssemblyVersion("VERSION.0.0.0")]
public class Lib {
    EXTRA
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    public static int Number() { return VERSION; }
}
"""
CONFIGURED = """
using System;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;
public class App {
    [MethodImpl(MethodImplOptions.NoInlining)] static int Use() { return Lib.Number(); }
    public static int Main() {
        string place = Path.Combine(AppContext.BaseDirectory, "libs", "VERSION", "Lib.dll");
        AppDomain.CurrentDomain.AssemblyResolve += (sender, wanted) => Assembly.LoadFrom(place);
        return Use();
    }
}
"""
CODE_BASE = """
<configuration><runtime><assemblyBinding xmlns="urn:schemas-microsoft-com:asm.v1"><dependentAssembly>
<assemblyIdentity name="Lib" /><bindingRedirect oldVersion="0.0.0.0-9.0.0.0" newVersion="VERSION.0.0.0" />
<codeBase version="1.0.0.0" href="libs/1/Lib.dll" /><codeBase version="2.0.0.0" href="libs\\2\\Lib.dll" />
</dependentAssembly></assemblyBinding></runtime></configuration>
"""


def test_A9_A10_redirects_and_code_bases_of_two_configurations(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    for version, extra in (("1", ""), ("2", "public int More;")):
        source = LIBRARY.replace("VERSION", version).replace("EXTRA", extra)
        compile_for_target(source, folder / "libs" / version, "Lib", library=True)
    lib = folder / "libs" / "1" / "Lib.dll"
    user = "public class User { public static int Use() { return Lib.Number(); } }"
    component = compile_for_target(user, folder, "User", references=[lib], library=True)
    apps = []
    for version in ("1", "2"):
        app = compile_for_target(CONFIGURED.replace("VERSION", version), folder, f"App{version}", references=[lib])
        write_runtime_config(app)
        app.with_name(f"App{version}.exe.config").write_text(CODE_BASE.replace("VERSION", version))
        apps.append(app)
        for one in ([app], [component, f"/ExeConfig:{app}"]):
            outcome = command("install", *one, "/nologo")
            assert outcome.code == 0 and outcome.err == "", outcome
    images = json.loads(command("display", "--json").out)["images"]
    assert len({image["key"] for image in images if image["source"] == str(component)}) == 2
    assert {Path(i["source"]).parent.name for i in images if i["display_name"].startswith("Lib,")} == {"1", "2"}
    for number, app in enumerate(apps, 1):
        trace = tmp_path / "trace.json"
        assert command("trace", "--json", "--output", trace, app).code == number
        states = {method["name"]: method["state"] for method in json.loads(trace.read_text())["methods"]}
        assert states["Lib::Number"] == "native"
    app.with_name("App2.exe.config").write_text("<configuration>")
    refused = command("install", apps[1], "/nologo")
    assert refused.code == 1 and "NGEN2014" in refused.err and "App2.exe.config" in refused.err
    # What changes is the configuration: the images of the other version are made, and nothing else.
    app.with_name("App2.exe.config").write_text(CODE_BASE.replace("VERSION", "1"))
    assert "Lib" in command("why", apps[1]).out and command("update").code == 0
    assert command("why", apps[1]).out.endswith("native images are valid: nothing changed.\n")


UNIFIED = """
using System;
using System.Globalization;
using System.Reflection;
public class App {
    public static int Main() {
        Console.WriteLine(typeof(App).Assembly.GetSatelliteAssembly(new CultureInfo("fr")).GetName().CultureName);
        Console.WriteLine(typeof(Lib).Assembly.GetName().Version);
        return Lib.Number() + Middle.Number();
    }
}
"""


def test_A8_cultures_roll_forward_and_one_version_for_all(command: Command, tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "app"
    sources = {v: LIBRARY.replace("VERSION", v).replace("EXTRA", "") for v in ("1", "2")}
    old = compile_for_target(sources["1"], tmp_path / "old", "Lib", library=True)
    middle = "public class Middle { public static int Number() { return 10 * Lib.Number(); } }"
    new = compile_for_target(sources["2"], folder, "Lib", library=True)
    compile_for_target(middle, folder, "Middle", references=[new], library=True)
    app = compile_for_target(UNIFIED, folder, "App", references=[old, folder / "Middle.dll"])
    culture = '[assembly: System.Reflection.AssemblyCulture("fr")]'
    compile_for_target(culture, folder / "fr", "App.resources", library=True)
    config = write_runtime_config(app)
    older, policy = {"3.1": ("3.0.0", "Minor"), "9.0": ("8.0.0", "Major")}[TARGET]
    options = json.loads(config.read_text())["runtimeOptions"]
    options["framework"]["version"] = older
    config.write_text(json.dumps({"runtimeOptions": options | {"rollForward": policy}}))
    outcome = command("install", app, "/nologo")
    assert outcome.code == 0 and outcome.err == "" and f"(CLR v{RUNTIME_VERSION})" in outcome.out
    assert {path.parent.name for path in cache.glob("NativeImages_*/*/*")} == {"App", "Lib", "Middle"}
    cultures = {"DOTNET_SYSTEM_GLOBALIZATION_PREDEFINED_CULTURES_ONLY": "0"}
    assert command("publish", app, tmp_path / "out").code == 0
    for started in (app, tmp_path / "out" / "App.dll"):
        ran = command("run", "/silent", started, **cultures)
        assert (ran.code, ran.out) == (22, "fr\n2.0.0.0\n"), ran


def test_A8_AppBase_says_where_dependencies_are(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.copy(app.parent / "Text.dll", tmp_path / "elsewhere" / "Text.dll"))
    without = command("install", moved, f"/target:{TARGET}", "/nologo")
    assert without.code == 0 and "Failed to load dependency Core of assembly Text" in without.err
    assert command("install", moved, f"/target:{TARGET}", "/nologo", "/warnaserror").code == 1
    found = command("install", moved, f"/AppBase:{app.parent}", "/nologo")
    assert found.code == 0 and found.err == "" and f"{app.parent}/Core.dll" in found.out


def test_A11_missing_configuration_is_named(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    for switch in ("/ExeConfig", "/AppBase"):
        outcome = command("install", app, f"{switch}:vsn.exe", "/nologo")
        assert outcome.code == 3
        assert outcome.out == 'Error: The specified file or directory "vsn.exe" is invalid.\n'


PLUGIN = "public class Plugin { public static int Work(int x) { return Numbers.Twice(x) + 1; } }"
HOST = """
using System;
using System.Reflection;
public class App {
    public static void Main() {
        MethodInfo work = Assembly.Load("Plugin").GetType("Plugin").GetMethod("Work");
        Console.WriteLine(work.Invoke(null, new object[] { 20 }));
    }
}
"""


def test_I3_I4_what_is_loaded_by_name_is_its_own_root_and_run_uses_it(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    app = make_app(folder)
    plugin = compile_for_target(PLUGIN, folder, "Plugin", references=[folder / "Core.dll"], library=True)
    compile_for_target(HOST, folder, "App")
    command("install", app)
    assert "Plugin" not in command("display", "/nologo").out
    assert command("install", plugin, f"/ExeConfig:{app}").code == 0
    trace = tmp_path / "trace.json"
    ran = command("trace", "--json", "--output", trace, app)
    assert ran.out == "41\n"
    states = {method["name"]: method["state"] for method in json.loads(trace.read_text())["methods"]}
    assert states["Plugin::Work"] == "native"
    command("uninstall", app)
    assert command("display", "Plugin", "/nologo").code == 0


def test_N11_the_preferred_base_is_chosen_and_shown(command: Command, tmp_path: Path) -> None:
    core = make_core(tmp_path / "app", 2)
    outcome = command("install", core, "/base:0x7fa000000000", f"/target:{TARGET}")
    assert outcome.code == 0, outcome
    assert "    base        0x7fa000000000\n" in command("display", "Core", "/verbose", "/nologo").out
    assert command("install", core, "/base:1", f"/target:{TARGET}").code == 2
    app = make_app(tmp_path / "several")
    overlap = command("install", app, "/base:0x7fa000000000", "/nologo")
    assert overlap.code == 0 and overlap.err.count("overlap: one of them will be moved") == 3
    assert command("run", app, "/silent").out.startswith("answer 42")
    # A set of bases, one by one: the third one collides with the second.
    for name, base, said in (("App", 0x11000000, 0), ("Text", 0x12000000, 0), ("Core", 0x12000000, 1)):
        path = app.with_name(f"{name}.dll")
        shown = command("install", path, "/NoDependencies", f"/base:{base:#x}", "/profile", "/nologo")
        assert shown.code == 0 and shown.err.count("overlap: ") == said, shown
        assert ("Text.ni.dll (0x12000000 to 0x12" in shown.err) == bool(said)
    image = tmp_path / "Core.ni.dll"
    assert command("compile", core, "-o", image, "--base", "0x7fb000000000", "--target", TARGET).code == 0
    assert "preferred base 0x7fb000000000" in command("dump", image).out
    # What the author of an assembly chose is kept, and the program runs.
    app = make_app(tmp_path / "own")
    own = app.with_name("Core.dll")
    data = bytearray(own.read_bytes())
    place = int.from_bytes(data[0x3C:0x40], "little") + 24 + 28  # PE32: ImageBase in the optional header
    data[place : place + 4] = (0x13000000).to_bytes(4, "little")
    own.write_bytes(data)
    assert command("install", app, "/nologo").code == 0
    assert "    base        0x13000000\n" in command("display", own, "/verbose").out
    assert command("run", app, "/silent").out.startswith("answer 42")


@pytest.mark.parametrize("mode", ["--resilient", "--guarded", "--pinned", "--strict"])
def test_modes_of_what_uses_nothing_foreign(command: Command, tmp_path: Path, mode: str) -> None:
    core = make_core(tmp_path / "app", 2)
    image, plain = tmp_path / "a" / "Core.dll", tmp_path / "b" / "Core.dll"
    outcome = command("compile", core, "-o", image, "--target", TARGET, mode)
    assert outcome.code == 0 and not outcome.err
    command("compile", core, "-o", plain, "--target", TARGET)
    assert image.read_bytes() == plain.read_bytes()
    assert command("compile", core, "-o", image, "--pinned", "--guarded").code == 2


def test_compile_for_profiling_writes_a_map_beside_the_image(command: Command, tmp_path: Path) -> None:
    core = make_core(tmp_path / "app", 2)
    assert command("compile", core, "-o", tmp_path / "Core.ni.dll", "--target", TARGET, "--profile").code == 0
    assert "Twice" in (tmp_path / "Core.ni.r2rmap").read_text()


def test_trim_keeps_images_and_gives_back_the_rest(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    command("install", app)
    command("run", app)
    assert list(cache.glob("methods/*/*/*")) and list(cache.glob("views/*/*"))
    assert command("cache", "trim", "--older-than", "1d").code == 0
    assert list(cache.glob("methods/*/*/*")) and not list(cache.glob("views/*/*"))
    trimmed = json.loads(command("cache", "trim", "--max-size", "0", "--json").out)
    assert trimmed["after"] < trimmed["before"] and not list(cache.glob("methods/*/*/*"))
    assert command("why", app).out == "3 native images are valid: nothing changed.\n"
    assert command("cache", "trim", "--max-size", "lots").code == 2
    assert command("cache", "stats", "--max-size", "1G").code == 2


def test_methods_that_did_not_change_are_not_compiled_again(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    command("install", app)
    files = {path: path.read_bytes() for path in cache.glob("methods/*/*/*")}
    assert command("update", "/force").code == 0
    assert {path: path.read_bytes() for path in cache.glob("methods/*/*/*")} == files
