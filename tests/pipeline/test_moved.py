"""Images linked again after edits that move rows and heaps are those of clean builds, whatever was edited."""

from __future__ import annotations

import contextlib
import copy
import random
from pathlib import Path

import pytest

from bench.edits import source as many_methods
from nativegen.pipeline.moved import Moving, _Instances
from nativegen.pipeline.request import CompileOptions, CompileReport
from tests.pipeline.program import Program, edit, new_program
from tests.pipeline.support import compiled_as_clean, recorded
from tests.support.csharp import CompileError, compile_csharp
from tests.support.paths import TARGETS

pytestmark = pytest.mark.usefixtures("inputs")


class Builds:
    """Builds of one assembly as it changes, with one store. ``moved``: of each, whether kept units were moved."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._number = 0
        self.store = folder / "store"
        self.options = CompileOptions()
        self.target = "3.1"
        self.moved = recorded(monkeypatch, Moving, "finish")

    def build(self, source: str, compiler: str = "mcs") -> CompileReport:
        """Builds this source; the image and what the report says are those of a clean build."""
        self._number += 1
        path = compile_csharp(source, self._folder / str(self._number), "Edited", library=True, compiler=compiler)
        return compiled_as_clean(path, self._folder, self.store, self.options, self.target)


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builds:
    return Builds(tmp_path, monkeypatch)


def _edit_at_random(builds: Builds, seed: int, edits: int) -> None:
    chance = random.Random(seed)
    program = new_program(seed)
    mode = {1: "guarded", 4: "pinned"}.get(seed % 5, "resilient")
    builds.target = "9.0" if mode == "guarded" else TARGETS[seed // 5 % 2]
    builds.options = CompileOptions(debug=seed % 5 == 2, profile=seed % 5 == 3, mode=mode)
    builds.build(program.source())
    for _ in range(edits):
        edited = copy.deepcopy(program)
        for _ in range(chance.choice([1, 1, 1, 3])):
            edit(edited, chance)
        with contextlib.suppress(CompileError):  # a sealed class with new virtual methods
            builds.build(edited.source())
            program = edited


@pytest.mark.parametrize("seed", range(5))
def test_random_edits(builds: Builds, seed: int) -> None:
    _edit_at_random(builds, seed, 8)
    assert builds.moved.count(True) >= 2


@pytest.mark.sweep
def test_random_edits_at_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = 0
    for seed in range(100, 120):
        builds = Builds(tmp_path / str(seed), monkeypatch)
        _edit_at_random(builds, seed, 25)
        moved += builds.moved.count(True)
        monkeypatch.undo()
    assert moved >= 250


@pytest.mark.parametrize("compiler", ["mcs", "roslyn"])
def test_a_literal_a_member_reference_and_a_local(builds: Builds, compiler: str) -> None:
    before, after = (many_methods(edited, 4, 20) for edited in (False, True))
    builds.build(before, compiler)
    assert builds.build(after, compiler).units_compiled == 1
    assert builds.build(before, compiler).units_compiled == 0  # the metadata that the kept image is about
    assert builds.build(after, compiler).units_compiled == 0
    assert builds.moved == [True, True]


_SOURCE = """
using System;
public class A {{
    public virtual int First(int x) {{ return Math.Abs(x) + "first".Length; }}
    public T Shared<T>(T x) where T : class {{ return x ?? (T)(object)"shared"; }}
    public int Last(string s) {{
        try {{ return int.Parse(s); }} catch (FormatException e) {{ return e.Message.Length; }}
    }}
    {more}
}}
{types}
public class Z {{ public static string Name = "z"; public string Call(A a) {{ return a.Shared(Name) + a.First(3); }} }}
"""


def _source(more: str = "", types: str = "") -> str:
    return _SOURCE.format(more=more, types=types)


def test_methods_and_types_that_come_and_go(builds: Builds) -> None:
    builds.build(_source())
    steps = [
        ('public int New() { return "new".Length; }', ""),
        ("public T Other<T>(T x, string y) where T : class { return y == null ? x : null; }", ""),
        ("", "class M { int F(Exception e) { return e.HResult; } } interface I { void G(); }"),
        ('int G() { try { return 1; } catch (OverflowException) { return 2; } }', "struct S { int F() { return 3; } }"),
        ("", "class M { int F(Exception e) { return e.HResult; } }"),
        ("", ""),
    ]
    for more, types in steps:
        builds.build(_source(more, types))
    assert builds.moved == [True] * (len(steps) - 1)  # the last one is what the kept image is about


def test_a_method_that_the_compiler_refuses(builds: Builds) -> None:
    """Before and after; it comes, stays while others change, and goes."""
    refused = "public static int Refused(__arglist) { return 3; }"
    builds.build(_source())
    report = builds.build(_source(refused))
    assert len(report.exclusions) == 1
    report = builds.build(_source('public int New() { return "new".Length; }' + refused))
    assert len(report.exclusions) == 1 and report.units_compiled == 1
    assert not builds.build(_source()).exclusions
    assert builds.moved == [True] * 2


_INTERFACE = """
public interface I {{ T Same<T>(T x); }}
public static class P {{ public static int Call(I i) {{ return i.Same(5) + 3; }} }}
{more}
"""
_IMPLEMENTATION = "public class A : I { public T Same<T>(T x) { return x; } }"


def test_types_that_ask_for_instances(builds: Builds) -> None:
    """A new type, and code that is as it was now runs an instance: no key says that."""
    assert not builds.build(_INTERFACE.format(more="class B { }")).instances
    assert builds.build(_INTERFACE.format(more=_IMPLEMENTATION)).instances
    assert builds.moved == [False]
    assert not builds.build(_INTERFACE.format(more="class B { } class C { }")).instances


_INSTANCES = """
public struct S {{ public int A; }}
public class G<T> {{
    public T Value;
    public int Both(int x) {{ return x + Other(x); }}
    int Other(int x) {{ return x * 3; }}
    public virtual int Virtual(T x) {{ return "virtual".Length; }}
}}
public static class P {{
    {first}
    public static int Ints() {{ return new G<int>().Both(3) + new G<int>().Virtual(7); }}
    public static int Structs(S s) {{ return new G<S>().Virtual(s) + Free(s.A) + Free("text") + Free(2.5); }}
    static int Free<T>(T x) {{ return new G<T>().Both(5); }}
    static void Never<T>(T x) where T : struct {{ System.Console.WriteLine("never"); }}
    static int ForStructs<T>(T x) where T : struct {{ return x.GetHashCode() + "structs".Length; }}
    public static int Sized() {{ return ForStructs(3); }}
    {last}
}}
{types}
"""


def test_instances_stay(builds: Builds) -> None:
    """An edit that asks for what there is, and edits that ask for more, for less, or change what is instantiated."""
    builds.options = CompileOptions(inline=False)
    plain = {"first": "", "last": "", "types": ""}
    report = builds.build(_INSTANCES.format(**plain))
    assert len(report.instances) >= 8
    builds.build(_INSTANCES.format(**plain | {"first": 'static string F() { return "first"; }'}))
    builds.build(_INSTANCES.format(**plain | {"last": 'static object F() { return new G<int>().Both("x".Length); }'}))
    builds.build(_INSTANCES.format(**plain | {"types": "class C { static int F(S s) { return new G<S>().Both(2); } }"}))
    assert builds.moved == [True, True, False], "the last one asks for another instance"
    builds.build(_INSTANCES.format(**plain | {"last": 'static string F() { return "last"; }'}))
    fewer = _INSTANCES.format(**plain | {"types": "class C { }"}).replace(" + Free(2.5)", "")
    assert len(builds.build(fewer).instances) < len(report.instances)
    assert builds.moved[3:] == [True, True]
    other = _INSTANCES.format(**plain | {"types": "class C { int x; }"}).replace("x * 3", 'x * "three".Length')
    builds.build(other)
    builds.build(other.replace("int A;", "int A; string B;"))
    assert builds.moved[5:] == [False, False]


def test_without_asking_for_instances_again_images_are_wrong(builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(Moving, "_instances", lambda *_: _Instances([], (), []))
    builds.build(_INTERFACE.format(more="class B { }"))
    with pytest.raises(AssertionError):
        builds.build(_INTERFACE.format(more=_IMPLEMENTATION))


def test_cells_keep_their_old_tokens_gives_wrong_images(builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: what is linked is what the symbols mean now."""
    original = Moving._name_cells

    def name_cells(moving: Moving) -> None:
        original(moving)
        moving._signatures = list(moving._linked.units.cells.signatures)

    monkeypatch.setattr(Moving, "_name_cells", name_cells)
    builds.build(_source())
    with pytest.raises(AssertionError):
        builds.build(_source('public int New() { return "new".Length + Math.Sign(3); }'))


def test_many_edits_are_kept_for_the_next_build(builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nativegen.pipeline.relink.MAX_CHANGED", 7)
    program: Program = new_program(3)

    def change(numbers: range) -> None:
        for number in numbers:
            program.bodies[number] = f'return "text {program.number}".Length + x + {number};'
        program.number += 1

    builds.build(program.source())
    (path,) = builds.store.rglob("*.linked")
    for first, last in ((0, 3), (0, 5), (5, 10), (10, 18)):
        before = path.read_bytes()
        change(range(first, last))
        builds.build(program.source())
        assert (path.read_bytes() != before) == (last - first > 3)
    assert builds.moved == [True] * 3


_FOREIGN = """
using System;
using System.Collections.Generic;
public class A {{
    {first}
    public bool Any(List<DateTime> x) {{ return x.Contains(DateTime.MinValue.AddDays(3)); }}
    public int Count(HashSet<Guid> x) {{ return x.Count + new Dictionary<Guid, DateTime>(4).Count; }}
    public int Caught(string s) {{
        try {{ return int.Parse(s); }} catch (KeyNotFoundException e) {{ return e.HResult; }}
    }}
    {last}
}}
{types}
"""


@pytest.mark.parametrize("mode", ["guarded", "pinned"])
def test_code_of_other_assemblies(builds: Builds, mode: str) -> None:
    """What the manifest metadata has rows for is named by them in the order in which the image comes by it."""
    builds.target, builds.options = "9.0", CompileOptions(mode=mode)
    plain = {"first": "", "last": "", "types": ""}
    report = builds.build(_FOREIGN.format(**plain))
    assert any(instance.assembly and not instance.code for instance in report.instances)
    assert report.foreign
    call = "public int {0}(List<Guid> x, TimeSpan y) {{ x.Add(Guid.Empty); return y.Days + x.Count; }}"
    text = 'public string {0}() {{ return "{0}".Trim(); }}'
    for change in (
        {"first": text.format("F")},
        {"first": "public int F(List<DateTime> x, DateTime y) { return x.IndexOf(y) + y.Day; }"},
        {"last": text.format("G"), "types": "class B { public int H(TimeSpan y) { return y.Hours; } }"},
        {"first": call.format("I")},
        {"first": "public bool K(Queue<TimeSpan> x, TimeSpan y) { return x.Contains(y); }"},
        {"last": "public int J(DateTime y) { try { return y.Day; } catch (KeyNotFoundException) { return 1; } }"},
    ):
        builds.build(_FOREIGN.format(**plain | change))
    assert builds.moved == [True, True, True, True, False, True], "the fifth asks for another instance"


def test_a_damaged_file_is_as_none(builds: Builds) -> None:
    builds.build(_source())
    (path,) = builds.store.rglob("*.linked")
    good = path.read_bytes()
    chance = random.Random(1)
    flips = [chance.randrange(len(good)) for _ in range(6)]
    damaged = [good[:at] + bytes((good[at] ^ 4,)) + good[at + 1 :] for at in flips]
    for number, wrong in enumerate((b"", good[:100], good[:-9], *damaged)):
        path.write_bytes(wrong)
        builds.build(_source(f'public int New() {{ return "{number}".Length; }}'))
    assert not builds.moved


def test_a_file_about_other_references_is_as_none(builds: Builds) -> None:
    """Of the same assembly for another runtime, under the name that this one's has."""
    builds.target = "9.0"
    builds.build(_source())
    (other,) = builds.store.rglob("*.linked")
    builds.target = "3.1"
    builds.build(_source())
    (path,) = set(builds.store.rglob("*.linked")) - {other}
    path.write_bytes(other.read_bytes())
    builds.build(_source('public int New() { return "new".Length; }'))
    assert not builds.moved
