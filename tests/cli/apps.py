"""Small applications for the tests of the command line: App -> Text -> Core, compiled once per content."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from tests.support.csharp import compile_csharp
from tests.support.paths import TRIMMED_TARGET

CORE = """
public class Numbers {
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


def make_app(folder: Path, target: str = "3.1", factor: int = 2, extra: str = "") -> Path:
    """The application in ``folder``; ``factor`` changes a body of Core, ``extra`` its members."""
    folder.mkdir(parents=True, exist_ok=True)
    core = make_core(folder, factor, extra, target)
    compile_ = partial(compile_csharp, **_compiler(target))
    text = compile_(TEXT, folder, "Text", references=[core], library=True)
    app = compile_(APP, folder, "App", references=[core, text])
    (folder / "data.txt").write_text("some data")
    moniker = "netcoreapp3.1" if target == "3.1" else f"net{target}"
    options = {"tfm": moniker, "framework": {"name": "Microsoft.NETCore.App", "version": f"{target}.0"}}
    (folder / "App.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}))
    return app


def make_core(folder: Path, factor: int, extra: str = "", target: str = "3.1") -> Path:
    """Core.dll alone."""
    source = CORE.replace("FACTOR", str(factor)).replace("EXTRA", extra)
    return compile_csharp(source, folder, "Core", library=True, **_compiler(target))


def _compiler(target: str) -> dict[str, str]:
    # The trimmed framework has no facades: only Roslyn compiles against the assemblies that it has.
    return {"compiler": "roslyn", "target": target} if target == TRIMMED_TARGET else {}
