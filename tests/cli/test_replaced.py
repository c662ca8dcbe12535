"""Rebuilt assemblies after publishing and installing: the program does what its IL does, or its image is refused.

The program has code of a library's generics and of the framework's in its own image. Then a dependency, or a file of
the framework itself, is replaced: a body changed, members removed, a method turned extern, a struct grown.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.metadata.opcodes import decode
from nativegen.metadata.ops import Op
from nativegen.runtime.discover import runtime_for
from nativegen.runtime.events import read_method_report
from nativegen.runtime.host import RunResult, TraceRequest, run_app
from tests.cli.conftest import Command
from tests.support.csharp import compile_csharp
from tests.support.images import copy_application
from tests.support.paths import TestInputs
from tests.support.runtimes import clean_environment

pytestmark = pytest.mark.runtime

LIBRARY = """
using System.Runtime.CompilerServices;
public struct Pair<T>
{
    GROWN
    public T First;
    public int Second;
    PAIR_STARTED
    public int Sum() { return Second + 1; }
}
public class Box<T>
{
    public Pair<T> Held;
    BOX_STARTED
    public void Put(T first, int second) { Held.First = first; Held.Second = second * FACTOR; }
    public Pair<T> Take() { return Held; }
    public int Twice() { return Held.Second * 2; }
    REMOVABLE
}
public static class Tools
{
    TOOLS_STARTED
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Size<T>(T[] items) { return items.Length + 1; }
    [MethodImpl(ATTRIBUTE)] public static EXTERN string Describe<T>(T item) BODY
}
"""
PROGRAM = """
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
public struct S { public int A; public string B; public override string ToString() { return A + B; } }
static class Program
{
    static void Try(string name, Func<string> what)
    {
        try { Console.WriteLine(name + " " + what()); }
        catch (Exception e) { Console.WriteLine(name + " " + e.GetType().Name); }
    }
    [MethodImpl(MethodImplOptions.NoInlining)] static string Held()
    {
        var box = new Box<S>();
        box.Put(new S { A = 3, B = "b" }, 5);
        Pair<S> pair = box.Take();
        return pair.First.ToString() + pair.Second + box.Twice() + pair.Sum() + Tools.Size(new S[4]);
    }
    [MethodImpl(MethodImplOptions.NoInlining)] static string Removed() { return "" + new Box<S>().Count(); }
    [MethodImpl(MethodImplOptions.NoInlining)] static string Described() { return Tools.Describe(new S { A = 4 }); }
    [MethodImpl(MethodImplOptions.NoInlining)] static string Capacity()
    {
        var stack = new Stack<S>();
        stack.Push(new S { A = 1 });
        return "" + stack.Capacity + stack.Peek();
    }
    [MethodImpl(MethodImplOptions.NoInlining)] static string Trimmed()
    {
        var stack = new Stack<S>(9);
        stack.Push(new S { A = 1 });
        stack.TrimExcess();
        return "" + stack.Capacity + stack.Pop();
    }
    static int Main()
    {
        Try("held", Held); Try("removed", Removed); Try("described", Described);
        Try("capacity", Capacity); Try("trimmed", Trimmed);
        return 0;
    }
}
"""
AS_BUILT = {
    "GROWN": "",
    "FACTOR": "1",
    "REMOVABLE": "public int Count() { return 1; }",
    "TOOLS_STARTED": "",
    "PAIR_STARTED": "",
    "BOX_STARTED": "",
    "ATTRIBUTE": "MethodImplOptions.NoInlining",
    "EXTERN": "",
    "BODY": '{ return "<" + item + ">"; }',
}
REBUILT = {
    "a body changed": {"FACTOR": "7"},
    "a member removed": {"REMOVABLE": ""},
    "a method turned extern": {"ATTRIBUTE": "MethodImplOptions.InternalCall", "EXTERN": "extern", "BODY": ";"},
    "static constructors added": {
        "TOOLS_STARTED": 'static Tools() { System.Console.WriteLine("tools"); }',
        "PAIR_STARTED": 'static Pair() { System.Console.WriteLine("pair"); }',
        "BOX_STARTED": 'static Box() { System.Console.WriteLine("box"); }',
    },
    "a struct grown": {"GROWN": "public long More; public object Other;"},
}
AS_PRINTED = ["held 3b51065", "removed 1", "described <4>", "capacity 41", "trimmed 11"]


def library(folder: Path, changes: dict[str, str]) -> Path:
    source = LIBRARY
    for word, text in sorted((AS_BUILT | changes).items(), reverse=True):
        source = source.replace(word, text)
    return compile_csharp(source, folder, "Lib", library=True, compiler="roslyn", target="9.0")


def application(folder: Path) -> Path:
    lib = library(folder, {})
    app = compile_csharp(PROGRAM, folder, "App", compiler="roslyn", target="9.0", references=[lib])
    options = {"tfm": "net9.0", "framework": {"name": "Microsoft.NETCore.App", "version": "9.0.0"}}
    (folder / "App.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}))
    return app


def start(app: Path, root: Path, home: Path, trace: TraceRequest | None = None) -> RunResult:
    """Without nativegen."""
    home.mkdir(exist_ok=True)
    return run_app(
        app, runtime=runtime_for(app, root), environment=clean_environment(home), tiering=False, trace=trace
    )


def natives(ran: RunResult) -> set[str]:
    """``Type::Method`` of what ran from our images, of the library and of the framework's stack."""
    assert ran.trace is not None
    report = read_method_report(ran.trace)
    report.require_reliable()
    return {
        f"{record.namespace.partition('`')[0].rpartition('.')[2]}::{record.name}"
        for record in report.methods
        if record.state == "native" and ("[S]" in record.namespace or record.namespace == "Tools")
    }


def lines(ran: RunResult) -> list[str]:
    return ran.stdout.decode().split("\n")[:-1]


@pytest.mark.parametrize("rebuilt", REBUILT)
def test_a_dependency(command: Command, rebuilt: str, tmp_path: Path, inputs: TestInputs) -> None:
    app = application(tmp_path / "app")
    root = inputs.root("9.0")
    assert command("install", app, "/nologo", "-j1", target="9.0").code == 0
    assert command("publish", app, tmp_path / "out", "-j1", target="9.0").code == 0
    published = start(tmp_path / "out" / "App.dll", root, tmp_path / "home", TraceRequest(tmp_path / "t1"))
    assert lines(published) == AS_PRINTED and published.exit_code == 0
    used = natives(published)
    assert {"Box::.ctor", "Box::Put", "Box::Take", "Box::Count", "Pair::Sum", "Tools::Size", "Stack::Push"} <= used
    ran = command("run", app, target="9.0")
    assert ran.out.split("\n")[:-1] == AS_PRINTED and "not valid" not in ran.err

    other = library(tmp_path / "other", REBUILT[rebuilt])
    for folder in (app.parent, tmp_path / "out"):
        shutil.copyfile(other, folder / "Lib.dll")
    as_il = start(app, root, tmp_path / "home")
    assert lines(as_il) != AS_PRINTED or rebuilt == "a struct grown"
    published = start(tmp_path / "out" / "App.dll", root, tmp_path / "home", TraceRequest(tmp_path / "t2"))
    assert (published.exit_code, lines(published), published.stderr) == (0, lines(as_il), as_il.stderr)
    still_used = natives(published)
    if rebuilt == "a body changed":
        assert "Box::Put" not in still_used and {"Box::Take", "Box::Twice", "Box::Count"} <= still_used
    if rebuilt == "static constructors added":
        assert {"Box::.ctor", "Pair::Sum", "Tools::Size"} <= still_used
    assert "Stack::Push" in still_used
    pinned = command("run", "/verbose", app, target="9.0")
    assert pinned.code == 0 and pinned.out.split("\n")[:-1] == lines(as_il)
    assert f"{app}: " in pinned.err and "Lib.dll" in pinned.err, "the stale image and why"
    assert command("update", "/nologo", "-j1", target="9.0").code == 0
    again = command("run", app, target="9.0")
    assert again.out.split("\n")[:-1] == lines(as_il) and "not valid" not in again.err


def changed_framework(file: Path, removed: bool) -> bytes:
    """System.Collections with another first capacity of a Stack, or with one of Stack's methods under another name."""
    assembly = Assembly.open(file, copy=True)
    data = bytearray(file.read_bytes())
    if removed:
        at = data.index(b"\0TrimExcess\0")
        data[at + 1 : at + 11] = b"TrimExcezz"
        return bytes(data)
    stack = assembly.find_type("System.Collections.Generic", "Stack`1")
    (grow,) = [rid for rid in assembly.type_def(stack).method_rids if assembly.method_def(rid).name == "Grow"]
    body = assembly.method_body(grow)
    assert body is not None
    assert data.count(body.code) == 1
    (offset,) = [at for at, opcode, _ in decode(body.code) if opcode == Op.LDC_I4_4]
    data[data.index(body.code) + offset] += 1  # ldc.i4.5
    return bytes(data)


@pytest.mark.parametrize("removed", [False, True], ids=["body", "member"])
def test_a_file_of_the_framework(command: Command, removed: bool, tmp_path: Path, inputs: TestInputs) -> None:
    root = copy_application(inputs.root("9.0"), tmp_path / "dotnet")
    (file,) = root.glob("shared/Microsoft.NETCore.App/*/System.Collections.dll")
    other = changed_framework(file, removed)
    app = application(tmp_path / "app")
    given = {"target": "9.0", "DOTNET_ROOT": str(root)}
    assert command("install", app, "/nologo", "-j1", **given).code == 0
    assert command("publish", app, tmp_path / "out", "-j1", **given).code == 0
    out = tmp_path / "out" / "App.dll"
    published = start(out, root, tmp_path / "home", TraceRequest(tmp_path / "t1"))
    assert lines(published) == AS_PRINTED
    assert {"Stack::Push", "Stack::PushWithResize", "Stack::Grow", "Stack::TrimExcess"} <= natives(published)
    ran = command("run", app, **given)
    assert ran.out.split("\n")[:-1] == AS_PRINTED and "not valid" not in ran.err

    file.unlink()  # a link to the inputs' own
    file.write_bytes(other)
    as_il = start(app, root, tmp_path / "home")
    expected = "trimmed MissingMethodException" if removed else "capacity 51"
    assert expected in lines(as_il) and "held 3b51065" in lines(as_il)
    published = start(out, root, tmp_path / "home", TraceRequest(tmp_path / "t2"))
    assert (published.exit_code, lines(published), published.stderr) == (0, lines(as_il), as_il.stderr)
    still_used = natives(published)
    assert ("Stack::TrimExcess" if removed else "Stack::Grow") not in still_used and "Stack::Push" in still_used
    pinned = command("run", "/verbose", app, **given)
    assert pinned.code == 0 and pinned.out.split("\n")[:-1] == lines(as_il)
    assert f"{app}: the framework changed: other files" in pinned.err
