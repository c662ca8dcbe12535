"""A library is rebuilt whose small methods are in the pinned image of a program: the image is refused, by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nativegen.runtime.discover import runtime_for
from nativegen.runtime.host import run_app
from tests.cli.apps import write_runtime_config
from tests.cli.conftest import Command
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS, TestInputs
from tests.support.runtimes import clean_environment

pytestmark = pytest.mark.runtime

LIBRARY = """
public struct Pair { GROWN public int First; public int Second; public int Sum() { return First + Second; } }
public class Item
{
    MOVED int count = 3;
    public int Count { get { return count FACTOR; } }
    public Pair Both() { return new Pair { First = count, Second = 9 }; }
    REMOVABLE
    ATTRIBUTE public static EXTERN int Plain() BODY
    STARTED
    public static int Fixed() { return 8; }
    public static int Unused(int x) { return x OTHER; }
}
"""
PROGRAM = """
using System;
using System.Runtime.CompilerServices;
static class Program
{
    static void Try(string name, Func<int> what)
    {
        try { Console.WriteLine(name + " " + what()); }
        catch (Exception e) { Console.WriteLine(name + " " + e.GetType().Name); }
    }
    [MethodImpl(MethodImplOptions.NoInlining)] static int Count() { return new Item().Count; }
    [MethodImpl(MethodImplOptions.NoInlining)] static int Sum() { return new Item().Both().Sum(); }
    [MethodImpl(MethodImplOptions.NoInlining)] static int Old() { return new Item().Old; }
    [MethodImpl(MethodImplOptions.NoInlining)] static int Plain() { return Item.Plain(); }
    [MethodImpl(MethodImplOptions.NoInlining)] static int Fixed() { return Item.Fixed(); }
    static int Main()
    {
        Try("count", Count); Try("sum", Sum); Try("old", Old); Try("plain", Plain); Try("fixed", Fixed);
        return 0;
    }
}
"""
AS_BUILT = {
    "GROWN": "", "MOVED": "", "FACTOR": "* 2", "REMOVABLE": "public int Old { get { return 5; } }", "STARTED": "",
    "ATTRIBUTE": "", "EXTERN": "", "BODY": "{ return 7; }", "OTHER": "+ 1",
}  # fmt: skip
EXTERN = "[System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.InternalCall)]"
#: What is changed -> how, and the reason that is given for it; None: nothing that the image has.
REBUILT = {
    "a body": ({"FACTOR": "* 3"}, "the body of Item::get_Count()int32 changed"),
    "another body": ({"OTHER": "+ 2"}, None),
    "a member removed": ({"REMOVABLE": ""}, "contract changed"),
    "a method turned extern": ({"ATTRIBUTE": EXTERN, "EXTERN": "extern", "BODY": ";"}, "contract changed"),
    "a struct grown": ({"GROWN": "public long More; public object Other;"}, "contract changed"),
    "a private field": ({"MOVED": "string name;"}, None),
    "a static constructor": ({"STARTED": 'static Item() { System.Console.WriteLine("item"); }'}, "contract changed"),
}


def library(folder: Path, changes: dict[str, str]) -> Path:
    source = LIBRARY
    for word, text in (AS_BUILT | changes).items():
        source = source.replace(word, text)
    return compile_csharp(source, folder, "Lib", library=True)


@pytest.mark.parametrize("target", TARGETS)
def test_each_rebuilt_library(
    command: Command, target: str, tmp_path: Path, cache: Path, inputs: TestInputs
) -> None:
    folder, home = tmp_path / "app", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    built = library(folder, {})
    app = compile_csharp(PROGRAM, folder, "App", references=[built])
    write_runtime_config(app, target)
    assert command("install", app, "/nologo", "-j1", target=target).code == 0
    (manifest,) = cache.glob("NativeImages_*/App/*/App.json")
    taken_in = {name.partition("]")[2] for kind, name, _ in json.loads(manifest.read_text())["foreign"]["Lib"]["uses"]}
    members = {"get_Count()int32", "get_Old()int32", "Plain()static int32", "Fixed()static int32"}
    assert taken_in >= {f"Item::{name}" for name in members}
    assert not any("Unused" in name for name in taken_in)

    def as_il() -> str:
        return run_app(
            app, runtime=runtime_for(app, inputs.root(target)), environment=clean_environment(home)
        ).stdout.decode()

    printed = as_il()
    assert printed.splitlines() == ["count 6", "sum 12", "old 5", "plain 7", "fixed 8"]
    assert command("run", app, target=target).out == printed
    for what, (changes, reason) in REBUILT.items():
        shutil.copyfile(library(tmp_path / what, changes), built)
        why = command("why", app, target=target).out
        told = [line for line in why.splitlines() if f"{app}: " in line]
        positions = what == "a private field" and target == "3.1"
        if positions:
            reason = "the fields of Item changed"
        assert (len(told) == 1 and f"Lib.dll: {reason}" in told[0]) if reason else not told, (what, why)
        expected = as_il()
        assert expected != printed or reason is None or what == "a struct grown" or positions
        assert command("run", app, "/silent", target=target).out == expected, what
    updated = command("update", "/nologo", "-j1", target=target)
    assert command("run", app, target=target).out == expected, updated
