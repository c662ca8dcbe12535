"""Images linked again with only the edited methods' code exchanged are those of clean builds, whatever was edited."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.metadata.opcodes import decode
from nativegen.pipeline import compile as pipeline
from nativegen.pipeline import reuse
from nativegen.pipeline.eligibility import methods_with_cil
from nativegen.pipeline.method_names import method_display_name
from nativegen.pipeline.moved import Moving
from nativegen.pipeline.relink import Linked
from nativegen.pipeline.request import CompileOptions, CompileReport, ExcludedMethod
from nativegen.pipeline.worker import MethodOutcome
from tests.pipeline.support import compiled, compiled_as_clean, recorded, rid_named, with_new_mvid
from tests.support.csharp import compile_csharp

pytestmark = pytest.mark.usefixtures("inputs")

_LDC_I4_S, _CALL = 0x1F, 0x28
_METHODS = 30
_BODIES = (
    "return x * 77 + M{a}(x);",
    "int sum = 55; for (int i = 0; i < x; i++) sum += i * M{a}(i); return sum;",
    'try {{ return M{a}(x) / 33; }} catch (System.DivideByZeroException) {{ return "text {a}".Length + 44; }}',
    "object o = x + 99; return o is string ? 22 : (int)o + M{a}(x);",
    "switch (x) {{ case 0: return M{a}(1); case 1: return 44; case 2: return M{b}(66); case 3: return 88; }} return x;",
    "if (x < 17) throw new System.ArgumentException(\"x\"); return M{b}(x) - 19;",
    "Shape s = x > 21 ? new Round() : new Shape(); return s.Area(x) + M{a}(31);",
    "try {{ return M{a}(x); }} catch (System.Exception e) when (e.Message.Length > 25) {{ return M{b}(41); }}",
    "Counter += 61; return Counter + M{b}(x);",
)
_SOURCE = f"""
using System.Runtime.CompilerServices;
public class Shape {{
    public virtual int Area(int x) {{ return x * 23; }}
    public virtual T Same<T>(T x) {{ return x; }}
}}
public struct Pair {{ public int A; public override int GetHashCode() {{ return A * 67; }} }}
public class Round : Shape {{ public override int Area(int x) {{ return x * 53; }} }}
public class Box<T> {{ public T Value; public T Get(int n) {{ return n > 71 ? Value : default(T); }} }}
public static class Program {{
    public static int Counter;
    public static int Boxed(int x) {{ return new Box<int>().Get(x + 37) + 29; }}
    public static T Generic<T>(T x, int n) {{ return n > 47 ? x : default(T); }}
    public static int Uses(int x) {{ return Generic(x, 83) + Generic("a", 91).Length; }}
    public static bool Listed(Pair pair) {{ return new System.Collections.Generic.List<Pair>(87).Contains(pair); }}
    public static int Date(int x) {{ return System.DateTime.MinValue.AddDays(x % 97).Day; }}
    {" ".join(
        f"[MethodImpl(MethodImplOptions.NoInlining)] public static int M{number}(int x) "
        f"{{ {_BODIES[number % len(_BODIES)].format(a=(number * 7 + 1) % _METHODS, b=(number * 11 + 5) % _METHODS)} }}"
        for number in range(_METHODS)
    )}
}}
"""


class Edits:
    """A program that has been built once, and edits of its file: in place, so that the metadata stays as it is."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, source: str = _SOURCE) -> None:
        self._folder = folder
        self.exchanged = recorded(monkeypatch, Linked, "exchange")
        self.moved = recorded(monkeypatch, Moving, "finish")  # what was not exchanged
        self.path = compile_csharp(source, folder, "Program", library=True, compiler="roslyn")
        self.assembly = Assembly.open(self.path, copy=True)
        self.store = folder / "store"
        self.options = CompileOptions()
        self.target = "3.1"
        self.constants: list[tuple[int, int]] = []  # method, file offset
        self.calls: list[tuple[int, int]] = []
        self.rids = methods_with_cil(self.assembly)
        for rid in self.rids:
            body = self.assembly.method_body(rid)
            assert body is not None
            start = self.assembly.rva_to_offset(self.assembly.method_def(rid).rva)
            start += 1 if self.assembly.data[start] & 3 == 2 else 12
            for offset, opcode, operand in decode(body.code):
                if opcode == _LDC_I4_S:
                    self.constants.append((rid, start + offset + 1))
                if opcode == _CALL and isinstance(operand, int) and self.name(operand & 0xFFFFFF).startswith("M"):
                    self.calls.append((rid, start + offset + 1))

    def name(self, rid: int) -> str:
        return method_display_name(self.assembly, rid).partition("::")[2]

    def build(self, *changes: tuple[int, int]) -> CompileReport:
        """Builds the edited file; the image and what the report says are those of a clean build."""
        folder = self._folder / "edited"
        folder.mkdir(exist_ok=True)
        path = with_new_mvid(self.path, folder / "Program.dll", *changes)
        return compiled_as_clean(path, self._folder, self.store, self.options, self.target)

    def constant(self, name: str, value: int) -> tuple[int, int]:
        """A change of the first constant of a method."""
        rid = rid_named(self.path, name)
        at = next(at for method, at in self.constants if method == rid)
        return at, self.assembly.data[at] ^ value


@pytest.fixture
def edits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edits:
    return Edits(tmp_path, monkeypatch)


@pytest.mark.parametrize("mode", ["guarded", "pinned"])
def test_with_code_of_other_assemblies_in_the_image(edits: Edits, mode: str) -> None:
    """Their instances stay; a method that takes something of them in, or asks for instances, is not exchanged."""
    edits.target, edits.options = "9.0", CompileOptions(mode=mode)
    report = edits.build()
    assert any(instance.assembly and not instance.code for instance in report.instances)
    edits.build(edits.constant("M0", 3))
    edits.build(edits.constant("M0", 3), edits.constant("GetHashCode", 5), edits.constant("M3", 4))
    assert edits.exchanged == [True, True]
    report = edits.build(edits.constant("Listed", 3))
    assert report.units_compiled == 1 and edits.exchanged[2:] == [False]
    assert edits.moved == [True]
    edits.build(edits.constant("Date", 3))
    edits.build(edits.constant("M0", 7))
    assert edits.exchanged[-1]


@pytest.mark.parametrize("seed", range(6))
def test_random_edits(edits: Edits, seed: int) -> None:
    """Constants, and calls of other methods: code gets longer and shorter, cells come, go and change their order."""
    chance = random.Random(seed)
    edits.target = "9.0" if seed > 3 else chance.choice(["3.1", "9.0"])
    mode = {4: "guarded", 5: "pinned"}.get(seed, "resilient")
    edits.options = CompileOptions(debug=seed == 2, profile=seed == 3, mode=mode)
    edits.build()
    places = [rid for rid in edits.rids if edits.name(rid)[:1] == "M"]
    done: dict[int, int] = {}
    for _ in range(8):
        for _ in range(chance.randrange(1, 4)):
            if chance.random() < 0.5:
                _, at = chance.choice([each for each in edits.constants if each[0] in places])
                done[at] = chance.randrange(1, 256)
            else:
                _, at = chance.choice(edits.calls)
                done[at] = edits.assembly.data[at] ^ chance.choice(places) & 0xFF
        edits.build(*done.items())
    assert edits.exchanged.count(True) >= 7 or mode != "resilient"
    assert edits.exchanged.count(True) + edits.moved.count(True) >= 7


def test_only_the_edited_method_is_compiled(edits: Edits) -> None:
    assert edits.build().units_compiled == len(edits.rids)
    assert edits.build().units_compiled == 0
    report = edits.build(edits.constant("M0", 3))
    assert (report.units_compiled, report.units_reused) == (1, len(edits.rids) - 1)
    assert edits.build().units_compiled == 0
    assert edits.exchanged == [True] * 3


@pytest.mark.parametrize("name", ["Generic", "Get", "Boxed", "Uses"])
def test_what_generic_instances_depend_on_is_not_exchanged(edits: Edits, name: str) -> None:
    """Code that asks for instances is moved; other generic code is not kept, and the image is linked anew."""
    asks = name in ("Boxed", "Uses")
    edits.build()
    edits.build(edits.constant(name, 3))
    assert True not in edits.exchanged and edits.moved == [asks]
    edits.build(edits.constant(name, 3), edits.constant("M0", 4))
    assert edits.moved == [True, True] if asks else edits.exchanged[-1:] == [True]


def test_code_that_goes_and_comes_back(edits: Edits) -> None:
    """A method that the compiler refuses after the edit."""
    edits.build()
    victim = rid_named(edits.path, "M5")
    at = edits.constant("M5", 0)[0] - 1
    change = (at, edits.assembly.data[at] ^ 0x24)  # no instruction
    report = edits.build(change)
    assert [each.rid for each in report.exclusions if each.rid == victim] == [victim]
    edits.build(change, edits.constant("M0", 9))
    assert not edits.exchanged and edits.moved == [True, True]
    edits.build(edits.constant("M0", 9))
    assert edits.exchanged == [True]


def test_many_edits_take_the_long_way(edits: Edits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nativegen.pipeline.relink.MAX_CHANGED", 3)
    edits.build()
    edits.build(*[edits.constant(f"M{number}", 3) for number in range(4)])
    assert not edits.exchanged
    edits.build(*[edits.constant(f"M{number}", 3) for number in range(6)])
    assert edits.exchanged == [True]


def test_other_options_and_targets_have_files_of_their_own(edits: Edits) -> None:
    edits.build()
    edits.options = CompileOptions(image_base=0x2000_0000)  # not in keys: the same file, about another image
    edits.build(edits.constant("M0", 3))
    edits.options = CompileOptions(debug=True)
    edits.build(edits.constant("M0", 3))
    edits.target = "9.0"
    edits.build(edits.constant("M0", 3))
    assert not edits.exchanged


def test_the_files_used_last_are_kept(edits: Edits) -> None:
    for mode, debug in (("resilient", False), ("guarded", False), ("pinned", False), ("resilient", True)):
        edits.options = CompileOptions(mode=mode, debug=debug)
        edits.target = "9.0"
        edits.build()
    edits.options = CompileOptions()
    edits.build(edits.constant("M0", 3))
    edits.options = CompileOptions(profile=True)
    edits.build()
    assert len(list(edits.store.rglob("*.linked"))) == 4
    edits.options = CompileOptions()
    edits.build(edits.constant("M0", 3))
    assert edits.exchanged == [True] * 2  # the one of guarded images has gone
    edits.options = CompileOptions(mode="guarded")
    edits.build(edits.constant("M0", 3))
    assert edits.exchanged == [True] * 2


def test_a_damaged_file_is_as_none(edits: Edits) -> None:
    edits.build()
    (path,) = edits.store.rglob("*.linked")
    good = path.read_bytes()
    chance = random.Random(1)
    for wrong in (b"", good[:50], good[:-1], *[_flipped(good, chance.randrange(len(good))) for _ in range(4)]):
        path.write_bytes(wrong)
        edits.build(edits.constant("M0", 3))
    assert not edits.exchanged
    path.write_bytes(good)
    edits.build(edits.constant("M0", 3))
    assert edits.exchanged == [True]


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def test_results_of_accidents_are_not_kept(edits: Edits, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "CompileWorker", _BuggyWorker)
        compiled(edits.path, edits.store.parent / "hurt.dll", store=edits.store)
    assert not list(edits.store.rglob("*.linked"))
    edits.build()


class _BuggyWorker(pipeline.CompileWorker):
    def compile(self, items):  # type: ignore[no-untyped-def]
        return [MethodOutcome(item.rid, None, ExcludedMethod("x", item.rid, "internal", "oops")) for item in items]


def test_exchanging_the_wrong_methods_gives_another_image(edits: Edits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: what decides is which methods have other keys."""
    edits.build()
    original = Linked.changed
    monkeypatch.setattr(Linked, "changed", lambda *arguments: (original(*arguments) or [])[1:])
    with pytest.raises(AssertionError):
        edits.build(edits.constant("M0", 3))


_VIRTUAL_GENERICS = """
public class Base { public virtual int Same<T>(T x) { return 11; } }
public class Derived<T> : Base { public override int Same<U>(U x) { return 22; } }
public static class Program {
    public static Base Make() { return new Derived<string>(); }
    public static int Call(Base b) { return b.Same(5) + 33; }
    public static int Other() { return 44; }
}
"""


@pytest.mark.parametrize("again", [True, False])
def test_what_only_counts_for_others_is_not_needless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """That there are objects of a type asks for nothing by itself, but for what another method calls."""
    if not again:
        monkeypatch.setattr(reuse, "is_kept", lambda *_: False)
    edits = Edits(tmp_path, monkeypatch, _VIRTUAL_GENERICS)
    report = edits.build()
    assert any("Derived" in instance.name for instance in report.instances)
    edits.build(edits.constant("Other", 3))
    edits.build(edits.constant("Call", 3))
    assert edits.exchanged == ([True, False] if again else [])
