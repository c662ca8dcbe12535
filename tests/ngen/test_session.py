"""The session in the documentation is what really happens."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.ngen.session import PAGE, transcript
from tests.support.csharp import compile_csharp

pytestmark = pytest.mark.runtime

DOCS = Path(__file__).parents[2] / "docs"
VERSION = '[assembly: System.Reflection.AssemblyVersion("1.0.0.0")]\n'
LIBRARY = VERSION + "public class Lib { public static int Answer() { return 42; } }"
APP = (
    VERSION
    + """
public class App {
    public static void Main() {
        var answer = System.Reflection.Assembly.Load("MyLib").GetType("Lib").GetMethod("Answer");
        System.Console.WriteLine(answer.Invoke(null, null));
    }
}
"""
)


def test_the_examples_of_the_page(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "ClientApp"
    folder.mkdir()
    compile_csharp(LIBRARY, folder, "MyLib", library=True)
    compile_csharp(APP, folder, "ClientApp")
    options = {"tfm": "netcoreapp3.1", "framework": {"name": "Microsoft.NETCore.App", "version": "3.1.0"}}
    (folder / "ClientApp.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}))
    monkeypatch.chdir(folder)
    text = transcript(command, folder)
    if os.environ.get("NATIVEGEN_UPDATE_DOCS"):
        (DOCS / PAGE).write_text(text, "utf-8")
    assert text == (DOCS / PAGE).read_text("utf-8")
