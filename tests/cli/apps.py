"""Small applications for the tests of the command line: App -> Text -> Core, compiled once per content."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.support.csharp import compile_csharp
from tests.support.paths import NET9_VERSION, NET10_VERSION, NET31_VERSION, TRIMMED_TARGET

# The runtime that tests of the command line use when they name none: NATIVEGEN_TEST_TARGET=9.0 pytest tests/ngen
TARGET = os.environ.get("NATIVEGEN_TEST_TARGET", "3.1")
RUNTIME_VERSION = {"3.1": NET31_VERSION, "9.0": NET9_VERSION, TRIMMED_TARGET: NET10_VERSION}[TARGET]

CORE = """
public class Numbers {
    // Or pinned images of others would have its code.
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    public static int Twice(int x) { return x * FACTOR; }
    static int hidden = 4;
    public int Field;
    EXTRA
}
"""
TEXT = """
public class Words {
    public static string Say(int x) { return "answer " + Numbers.Twice(x).ToString(); }
}
"""
APP = """
using System;
using System.IO;
namespace System.Runtime { class BypassNGenAttribute : Attribute { } }
public class App {
    public static int Main(string[] arguments) {
        Console.WriteLine(Words.Say(21));
        Console.WriteLine(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data.txt")));
        foreach (string argument in arguments) Console.WriteLine("[" + argument + "]");
        return Jitted(arguments.Length);
    }
    [System.Runtime.BypassNGen]
    static int Jitted(int x) { return x; }
}
"""


def make_app(folder: Path, target: str = TARGET, factor: int = 2, extra: str = "") -> Path:
    """The application in ``folder``; ``factor`` changes a body of Core, ``extra`` its members."""
    folder.mkdir(parents=True, exist_ok=True)
    core = make_core(folder, factor, extra, target)
    compile_ = compiler_for(target)
    text = compile_(TEXT, folder, "Text", references=[core], library=True)
    app = compile_(APP, folder, "App", references=[core, text])
    (folder / "data.txt").write_text("some data")
    write_runtime_config(app, target)
    return app


def write_runtime_config(app: Path, target: str = TARGET) -> Path:
    """The runtimeconfig.json of an application for one of the runtimes."""
    moniker = "netcoreapp3.1" if target == "3.1" else f"net{target}"
    options = {"tfm": moniker, "framework": {"name": "Microsoft.NETCore.App", "version": f"{target}.0"}}
    config = app.with_suffix(".runtimeconfig.json")
    config.write_text(json.dumps({"runtimeOptions": options}))
    return config


def make_core(folder: Path, factor: int, extra: str = "", target: str = TARGET) -> Path:
    """Core.dll alone."""
    source = CORE.replace("FACTOR", str(factor)).replace("EXTRA", extra)
    return compiler_for(target)(source, folder, "Core", library=True)


def compiler_for(target: str) -> Callable[..., Path]:
    """``compile_csharp`` for a target; the trimmed framework has no facades: only Roslyn compiles against the rest."""
    return partial(compile_csharp, compiler="roslyn", target=target) if target == TRIMMED_TARGET else compile_csharp


#: ``compile_csharp`` for the runtime that the tests of the command line use.
compile_for_target = compiler_for(TARGET)
