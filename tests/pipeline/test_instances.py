"""The closure of generic instances over value types: what is in it, why, what ends it, and that it is reproducible."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.compiler.exclusions import Reason
from nativegen.compiler.instances import Signature
from nativegen.pipeline import instances
from nativegen.pipeline.compile import CompileFailure, compile_file, compile_many
from nativegen.pipeline.request import CompileOptions, CompileRequest, GenericInstance
from nativegen.pipeline.shared_units import SharedUnits
from nativegen.readytorun.enums import ElementType
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.unit import MethodUnit
from tests.pipeline.support import compiled, references
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS, TestInputs
from tests.support.runtimes import framework_references

pytestmark = pytest.mark.usefixtures("inputs")

SOURCE = """
using System.Collections.Generic;
using System.Runtime.CompilerServices;
public struct S { public int a; public object o; }
public class Box<T>
{
    public T t;
    public virtual T Get() { return t; }
    [MethodImpl(MethodImplOptions.NoInlining)] public int Size() { return Inner<T>.Depth(t); }
}
public class Inner<T>
{
    static readonly int One = 1;
    [MethodImpl(MethodImplOptions.NoInlining)] public static int Depth(T t) { return One; }
}
public interface IVisitor { R Visit<R>(R r); }
public class Visitor : IVisitor { R IVisitor.Visit<R>(R r) { return r; } }
public class Unused<T> { public T Never(T t) { return t; } }
public struct Wrap<T>
{
    public T t;
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Deep(int n, T t) { return n == 0 ? 0 : Wrap<Wrap<T>>.Deep(n - 1, new Wrap<T> { t = t }); }
}
public class P
{
    public static int M(int x) { var box = new Box<int> { t = x }; return box.Get() + box.Size(); }
    public static object N(S s) { return new Box<S> { t = s }.Get().o; }
    public static long V(IVisitor v) { return v.Visit(7L); }
    public static int Deep() { return Wrap<byte>.Deep(20, 1); }
    [MethodImpl(MethodImplOptions.NoInlining)] static T Id<T>(T t) { return t; }
    public static double D() { return Id(1.5) + Id(2) + Id("x").Length + Id((long?)3).Value; }
}
"""


def _instances(path: Path, output: Path, target: str, jobs: int = 1) -> tuple[bytes, dict[str, GenericInstance]]:
    image, report = compiled(path, output, target=target, jobs=jobs)
    assert len({instance.name for instance in report.instances}) == len(report.instances)
    return image, {instance.name: instance for instance in report.instances}


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_csharp(SOURCE, tmp_path_factory.mktemp("instances"), "Instances", library=True)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_needed_and_by_whom(assembly: Path, target: str, tmp_path: Path) -> None:
    image, found = _instances(assembly, tmp_path / "image", target)
    needed_by = {name: instance.needed_by for name, instance in found.items() if not instance.code}
    assert needed_by["Box`1<System.Int32>::Get"] == "P::M"
    assert needed_by["Box`1<System.Int32>::Size"] == "P::M"
    assert needed_by["Inner`1<System.Int32>::Depth"] == "Box`1<System.Int32>::Size"
    assert needed_by["Inner`1<System.Int32>::.cctor"] == "Box`1<System.Int32>::Size"
    assert needed_by["Box`1<S>::Get"] == "P::N"
    assert needed_by["P::Id<System.Nullable`1<System.Int64>>"] == "P::D"
    assert needed_by["Visitor::IVisitor.Visit<System.Int64>"] == "P::V"
    assert not [name for name in found if name.startswith(("Unused", "Inner`1<S>"))], "nobody asks for them"
    native = [name for name, instance in found.items() if not instance.code]
    shared = 11  # of Box, Inner, Unused, Wrap, Visit and Id, with constructors
    assert len(ReadyToRunImage.from_bytes(image).instance_entries) == len(native) + shared


@pytest.mark.parametrize("target", TARGETS)
def test_recursion_without_end_is_cut_off_and_said(assembly: Path, target: str, tmp_path: Path) -> None:
    _, found = _instances(assembly, tmp_path / "image", target)
    cut = [instance for instance in found.values() if instance.code == Reason.INSTANCE_BUDGET.code]
    # Of byte, and of references.
    assert [(each.name.count("Wrap"), each.detail) for each in cut] == [(7, "type arguments 7 deep")] * 2


def test_the_budget_is_kept_and_said(assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, all_of_them = _instances(assembly, tmp_path / "all", "9.0")
    monkeypatch.setattr(instances, "INSTANCE_BUDGET", 4)
    _, found = _instances(assembly, tmp_path / "some", "9.0")
    assert sum(not instance.code for instance in found.values()) == 4
    beyond = {instance.name for instance in found.values() if instance.detail == "too many"}
    assert beyond and beyond < all_of_them.keys()


@pytest.mark.parametrize("target", TARGETS)
def test_the_number_of_workers_does_not_matter(assembly: Path, target: str, tmp_path: Path) -> None:
    assert _instances(assembly, tmp_path / "1", target) == _instances(assembly, tmp_path / "2", target, jobs=2)


def test_foreign_instances_come_from_the_store_too(tmp_path: Path) -> None:
    """Instances of the framework's generics: the same image, and nothing of it compiled a second time."""
    source = """
        using System.Collections.Generic;
        public struct S { public int a; public string b; }
        public class P
        {
            public static int M() { var q = new Queue<S>(); q.Enqueue(new S { a = 3 }); return q.Dequeue().a; }
        }
    """
    path = compile_csharp(source, tmp_path, "Foreign", library=True)
    store, guarded = tmp_path / "store", CompileOptions(mode="guarded")
    clean, plain = compiled(path, tmp_path / "clean", target="9.0", options=guarded)
    cold, _ = compiled(path, tmp_path / "cold", target="9.0", store=store, options=guarded)
    warm, report = compiled(path, tmp_path / "warm", target="9.0", store=store, options=guarded, jobs=2)
    assert clean == cold == warm
    assert "llvm" not in report.seconds and plain.instances == report.instances
    native = [instance for instance in report.instances if instance.assembly and not instance.code]
    assert len(native) > 5 and {use.name.split("::")[1].split("(")[0] for use in report.foreign} >= {
        "Enqueue",
        "Dequeue",
    }
    compiled(path, tmp_path / "resilient", target="9.0", store=store)
    assert compiled(path, tmp_path / "again", target="9.0", store=store, options=guarded)[0] == clean


def test_what_a_native_image_carries_is_made_again(inputs: TestInputs, tmp_path: Path) -> None:
    """Of System.Memory, whose own code asks for fewer instances than others count on."""
    source = inputs.framework("3.1") / "System.Memory.dll"
    output = tmp_path / "System.Memory.dll"
    references = framework_references("3.1")
    asked = compile_file(CompileRequest(str(source), str(output), "3.1", references, CompileOptions(from_native=True)))
    theirs, ours = (_over_value_types(path) for path in (source, output))
    assert len(theirs) > 100 and theirs <= ours
    assert {"the native code that the assembly came with"} < {instance.needed_by for instance in asked.instances}


def _over_value_types(image: Path) -> set[bytes]:
    found = set()
    for entry in ReadyToRunImage.open(image).instance_entries:
        owner = entry.method.owner.types if entry.method.owner is not None else ()
        if any(argument.element != ElementType.CANON_ZAPSIG for argument in (*owner, *entry.method.arguments)):
            found.add(bytes(entry.signature))
    return found


COMMON = """
using System;
using System.Collections.Generic;
public struct S { public int a; public string b; }
public class NAME
{
    public static int M() { var q = new Queue<DateTime>(); q.Enqueue(DateTime.MinValue); return q.Count; }
    public static int N() { var q = new Queue<S>(); q.Enqueue(new S { a = 3 }); return q.Dequeue().a; }
    MORE
}
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_images_have_in_common_is_compiled_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    """Instances over the framework's types; the images are those that each assembly gets alone.

    The assemblies have enough else to do for the first one's instances to be there when the second one asks.
    """
    given: list[tuple[str, Signature]] = []
    find = SharedUnits.find

    def spy(self: SharedUnits, request: CompileRequest, assembly: str, signature: Signature) -> MethodUnit | None:
        unit = find(self, request, assembly, signature)
        if unit is not None:
            given.append((assembly, signature))
        return unit

    monkeypatch.setattr(SharedUnits, "find", spy)
    guarded = CompileOptions(mode="guarded")
    paths = []
    for name, count in (("First", 500), ("Last", 499)):
        more = "".join(f"public static int F{number}() {{ return {number}; }}" for number in range(count))
        source = COMMON.replace("NAME", name).replace("MORE", more)
        paths.append(compile_csharp(source, tmp_path, name, library=True))
    alone = [compiled(path, tmp_path / "alone", target="9.0", options=guarded)[0] for path in paths]
    assert not given
    known = references("9.0")
    requests = [CompileRequest(str(path), f"{path}.image", "9.0", known, guarded) for path in paths]
    reports = list(compile_many(requests, jobs=jobs))
    assert not any(isinstance(report, CompileFailure) for report in reports)
    assert [Path(request.output).read_bytes() for request in requests] == alone
    if jobs == 1:  # with more, chance decides which assembly is ahead
        assert len(given) > 5 and len({assembly for assembly, _ in given}) == 1


def test_only_virtual_methods_that_are_called_are_needed(tmp_path: Path) -> None:
    """Of another assembly's types: a List has many more than anybody uses."""
    source = """
        using System.Collections;
        using System.Collections.Generic;
        public struct S { public int a; public string b; }
        public class P
        {
            public static int Few() { var l = new List<S>(); l.Add(new S()); return l.Count; }
            public static int Sum(IEnumerable<S> all) { int n = 0; foreach (var s in all) n += s.a; return n; }
            MORE
        }
    """
    found = {}
    for name, more in (("Few", ""), ("Many", "public static void Clear(IList list) { list.Clear(); list.Remove(1); }")):
        path = compile_csharp(source.replace("MORE", more), tmp_path, name, library=True)
        _, report = compiled(path, tmp_path / "image", target="9.0", options=CompileOptions(mode="guarded"))
        native = [each.name for each in report.instances if not each.code and "<S>" in each.name]
        found[name] = {each.rpartition("::")[2].rpartition(".")[2] for each in native if "List`1<S>::" in each}
    assert {"Add", "AddWithResize", "GetEnumerator"} <= found["Few"]
    assert not {"Insert", "Remove", "Clear", "get_SyncRoot"} & found["Few"]
    assert {"Clear", "Remove"} <= found["Many"] and "get_SyncRoot" not in found["Many"]
