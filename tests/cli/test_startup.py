"""Published folders that make their start ready on a second thread, from the recording of a start."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from nativegen.runtime.host import RunResult, TraceRequest, run_app
from nativegen.runtime.nettrace import TraceReader
from nativegen.runtime.recording import Recording
from tests.cli.apps import make_app, make_core, write_runtime_config
from tests.cli.conftest import Command
from tests.support.csharp import compile_csharp
from tests.support.runtimes import get_runtime

pytestmark = pytest.mark.runtime

PRIVATE = "Microsoft-Windows-DotNETRuntimePrivate"
EVERYTHING = 0xFFFF_FFFF_FFFF_FFFF


@pytest.fixture
def app(command: Command, tmp_path: Path) -> Path:
    app = make_app(tmp_path / "app", "9.0")
    assert command("install", app, target="9.0").code == 0
    return app


@pytest.fixture
def recording(command: Command, app: Path, tmp_path: Path) -> Path:
    file = tmp_path / "app.startup"
    traced = command("trace", "-o", file, app, "x", target="9.0")
    assert traced.code == 1 and traced.out.splitlines() == ["answer 42", "some data", "[x]"]
    count = Recording.read(file).method_count
    assert f"{file}: {count} methods of " in traced.err and count > 50
    return file


@pytest.fixture
def waiting(command: Command, tmp_path: Path) -> tuple[Path, Path]:
    """A program that waits at its end, because the player is on a thread of its own; and its recording."""
    source = """
        class App {
            static int Main(string[] arguments) {
                System.Console.WriteLine("ready");
                System.Threading.Thread.Sleep(1500);
                return arguments.Length;
            }
        }
    """
    app, recording = compile_csharp(source, tmp_path / "waiting", "App"), tmp_path / "waiting.startup"
    write_runtime_config(app, "9.0")
    assert command("install", app, target="9.0").code == 0
    assert command("trace", "-o", recording, app, "x", target="9.0").code == 1
    return app, recording


def start(app: Path, **more: object) -> RunResult:
    return run_app(app, ["x"], runtime=get_runtime("9.0"), **more)  # type: ignore[arg-type]


def played(trace: Path) -> tuple[int, int]:
    """Methods that the player made ready, and those that the program had entered before; from its last summary."""
    marker = "PLAYERSUMMARY\0\0".encode("utf-16-le")
    found = [event.payload for event in TraceReader(trace, PRIVATE) if marker in event.payload]
    assert found, "nothing was played"
    tried, had = struct.unpack_from("<II", found[-1], found[-1].index(marker) + len(marker))
    return tried, had


def test_the_player_reads_the_recording_and_nobody_writes_it(
    command: Command, waiting: tuple[Path, Path], tmp_path: Path
) -> None:
    (app, recording), folder = waiting, tmp_path / "out"
    published = command("publish", app, folder, "--startup", recording, target="9.0")
    assert published.code == 0, published
    before = {path: path.read_bytes() for path in folder.iterdir()}
    ran = start(folder / "App.dll", trace=TraceRequest(tmp_path / "trace", PRIVATE, EVERYTHING))
    assert (ran.exit_code, ran.stdout) == (1, b"ready\n") and ran.trace is not None
    tried, had = played(ran.trace)
    count = Recording.read(recording).method_count
    assert count > 20 and 0.8 * count < tried + had <= count
    # Not even by root: the runtime would write its own recording of this run over it.
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_published_again_without_a_recording_it_has_none(
    command: Command, app: Path, recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    plain = command("publish", app, out, target="9.0")
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    assert command("publish", app, out, "--startup", recording, target="9.0").code == plain.code == 0
    assert {"nativegen.startup.dll", "App.startup"} <= {path.name for path in out.iterdir()}
    assert command("publish", app, out, target="9.0").code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == files


def test_settings_of_the_application_stay(command: Command, waiting: tuple[Path, Path], tmp_path: Path) -> None:
    """Its own startup hook, its deps.json and its properties."""
    app, recording = waiting
    hook = "internal class StartupHook { public static void Initialize() { System.Console.WriteLine(\"hook\"); } }"
    shutil.copy(compile_csharp(hook, tmp_path / "hook", "Own", library=True), app.parent)
    config = app.with_suffix(".runtimeconfig.json")
    document = json.loads(config.read_text())
    document["runtimeOptions"]["configProperties"] = {"STARTUP_HOOKS": "Own", "System.GC.Concurrent": False}
    config.write_text("// host allows comments\n" + json.dumps(document))
    name = ".NETCoreApp,Version=v9.0"
    libraries = {"App/1.0.0": {"type": "project", "serviceable": False, "sha512": ""}}
    target = {"App/1.0.0": {"runtime": {"App.dll": {}, "Own.dll": {}}}}
    deps = {"runtimeTarget": {"name": name}, "targets": {name: target}, "libraries": libraries}
    app.with_suffix(".deps.json").write_text(json.dumps(deps))
    assert command("publish", app, tmp_path / "out", "--startup", recording, target="9.0").code == 0
    written = json.loads((tmp_path / "out" / "App.runtimeconfig.json").read_text())
    assert written["runtimeOptions"]["configProperties"] == {
        "STARTUP_HOOKS": "nativegen.startup:Own",
        "System.GC.Concurrent": False,
        "nativegen.startup": "App.startup",
    }
    ran = start(tmp_path / "out" / "App.dll", trace=TraceRequest(tmp_path / "trace", PRIVATE, EVERYTHING))
    assert ran.stdout.decode().splitlines() == ["hook", "ready"]
    assert ran.trace is not None and sum(played(ran.trace)) > 20
    environment = {"DOTNET_STARTUP_HOOKS": str(app.parent / "Own.dll")}  # of whoever starts it: the host joins them
    ran = start(tmp_path / "out" / "App.dll", environment=environment)
    assert ran.stdout.decode().splitlines() == ["hook", "hook", "ready"]


def test_other_builds_are_named(command: Command, app: Path, recording: Path, tmp_path: Path) -> None:
    make_core(app.parent, 3, "", "9.0")
    published = command("publish", app, tmp_path / "out", "--startup", recording, target="9.0")
    assert published.code == 0
    warning = f"{recording}: warning NGEN3113: recorded with another build of Core: their methods are not made ready"
    assert warning in published.err
    ran = start(tmp_path / "out" / "App.dll")
    assert ran.stdout.decode().splitlines()[0] == "answer 63"
    kept = Recording.read(tmp_path / "out" / "App.startup")
    assert {module.name for module in kept.modules if module.methods} >= {"App", "System.Private.CoreLib"}
    assert not any(module.methods for module in kept.modules if module.name == "Core")


def test_verify_says_when_it_does_not_fit_any_more(
    command: Command, app: Path, recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert command("publish", app, out, "--startup", recording, target="9.0").code == 0
    assert command("verify", out, target="9.0").code == 0
    core = (out / "Core.dll").read_bytes()
    make_core(out, 3, "", "9.0")
    verified = command("verify", out, target="9.0")
    assert verified.code == 5 and "App.startup: recorded with another build of Core" in verified.out + verified.err
    (out / "Core.dll").write_bytes(core)
    (out / "App.startup").write_bytes(b"nonsense")
    verified = command("verify", out, target="9.0")
    assert verified.code == 5 and "NGEN3112" in verified.out + verified.err
    ran = start(out / "App.dll")  # the player leaves it alone
    assert ran.stdout.decode().splitlines() == ["answer 42", "some data", "[x]"]
    (out / "App.startup").unlink()
    assert start(out / "App.dll").stdout == ran.stdout


def test_what_cannot_have_one(command: Command, app: Path, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def installed(app: Path, target: str = "9.0") -> Path:
        assert command("install", app, target=target).code == 0
        return app

    config = app.with_suffix(".runtimeconfig.json")
    document = json.loads(config.read_text())
    document["runtimeOptions"]["configProperties"] = {"System.StartupHookProvider.IsSupported": False}
    config.write_text(json.dumps(document))
    refused = command("publish", app, out, "--startup", recording, target="9.0")
    assert refused.code == 2 and "switches startup hooks off" in refused.err and not out.exists()
    missing = command("publish", app, out, "--startup", tmp_path / "none.startup", target="9.0")
    assert missing.code == 1 and "NGEN3112" in missing.err and not out.exists()
    older = command("publish", installed(make_app(tmp_path / "older", "3.1"), "3.1"), out, "--startup", recording)
    assert older.code == 2 and "not on .NET 3.1" in older.err and not out.exists()
    source = """
        using System.Runtime.Loader;
        class App { static void Main() { AssemblyLoadContext.Default.StartProfileOptimization("x"); } }
    """
    own = compile_csharp(source, tmp_path / "own", "App")
    write_runtime_config(own, "9.0")
    refused = command("publish", installed(own), out, "--startup", recording, target="9.0")
    assert refused.code == 2 and "App uses profile optimization itself" in refused.err and not out.exists()
    source = """
        [module: System.Runtime.CompilerServices.SkipLocalsInit]
        class App {
            [System.Runtime.CompilerServices.ModuleInitializer] internal static void First() { }
            static void Main() { }
        }
    """
    initializing = compile_csharp(source, tmp_path / "first", "App", compiler="roslyn", target="9.0", unsafe=True)
    write_runtime_config(initializing, "9.0")
    refused = command("publish", installed(initializing), out, "--startup", recording, target="9.0")
    assert refused.code == 2 and "the module initializer of App would run sooner" in refused.err and not out.exists()
    merged = command("trace", "--merge", "-o", recording, app, target="9.0")
    assert merged.code == 2 and "cannot be merged" in merged.err


INITIALIZERS = """
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
namespace System.Runtime { class BypassNGenAttribute : Attribute { } }
public static class Log {
    public static List<string> Lines = new List<string>();
    public static int Add(string line) {
        bool expected = Thread.CurrentThread.ManagedThreadId == App.Thread_ && App.Late;
        lock (Lines) Lines.Add(line + (expected ? "" : " early"));
        return 1;
    }
}
public class Precise { static Precise() { Log.Add("precise"); } public static int F; public int I() { return F; } }
public class Lazy { public static int F = Log.Add("lazy"); public int I() { return F; } }
public class Generic<T> { public static int F = Log.Add(typeof(T).Name); public static int M() { return F; } }
public struct Value { public static int F = Log.Add("value"); public int X; public Value(int x) { X = x + F; } }
public class Jitted { public static int F = Log.Add("jitted"); public int I() { return F; } }
public class App {
    public static int Thread_;
    public static volatile bool Late;
    public static int Main() {
        Thread_ = Thread.CurrentThread.ManagedThreadId;
        Thread.Sleep(1500);
        Late = true;
        int used = Use() + UseJitted();
        foreach (string line in Log.Lines) Console.WriteLine(line);
        return used;
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Use() {
        int used = Precise.F + new Precise().I() + new Lazy().I() + Lazy.F;
        return used + Generic<int>.M() + Generic<string>.M() + new Value(3).X;
    }
    [System.Runtime.BypassNGen, MethodImpl(MethodImplOptions.NoInlining)]
    static int UseJitted() { return Generic<long>.M() + new Jitted().I() + Jitted.F + Generic<object>.F; }
}
"""


@pytest.mark.parametrize("tiering", [None, False])
@pytest.mark.parametrize("native", [True, False])
def test_class_initializers_run_when_they_would_anyway(
    command: Command, tmp_path: Path, native: bool, tiering: bool | None
) -> None:
    """The methods that set them off are made ready, natively or by the JIT, long before they run."""
    app, recording = compile_csharp(INITIALIZERS, tmp_path / "app", "App"), tmp_path / "app.startup"
    write_runtime_config(app, "9.0")
    traced = command("trace", "-o", recording, app, target="9.0")
    assert command("install", app, target="9.0").code == 0
    assert command("publish", app, tmp_path / "out", "--startup", recording, target="9.0").code == 0
    trace = TraceRequest(tmp_path / "trace", PRIVATE, EVERYTHING)
    ran = start(tmp_path / "out" / "App.dll", tiering=tiering, ready_to_run=native, trace=trace)
    assert ran.stdout.decode() == traced.out and ran.exit_code == traced.code
    assert traced.out.split() == ["precise", "lazy", "Int32", "String", "value", "Int64", "jitted", "Object"]
    assert ran.trace is not None and sum(played(ran.trace)) > 0.8 * Recording.read(recording).method_count
