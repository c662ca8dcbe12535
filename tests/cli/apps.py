"""Small applications for the tests of the command line: App -> Text -> Core, compiled once per content."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.csharp import compile_csharp

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
    make_core(folder, factor, extra)
    text = compile_csharp(TEXT, folder, "Text", references=[folder / "Core.dll"], library=True)
    app = compile_csharp(APP, folder, "App", references=[text])
    (folder / "data.txt").write_text("some data")
    version = {"3.1": "3.1.0", "9.0": "9.0.0"}[target]
    moniker = {"3.1": "netcoreapp3.1", "9.0": "net9.0"}[target]
    options = {"tfm": moniker, "framework": {"name": "Microsoft.NETCore.App", "version": version}}
    (folder / "App.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}))
    return app


def make_core(folder: Path, factor: int, extra: str = "") -> Path:
    """Core.dll alone."""
    source = CORE.replace("FACTOR", str(factor)).replace("EXTRA", extra)
    return compile_csharp(source, folder, "Core", library=True)
