"""Profiles: text, names against the metadata, and images of what they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.operations.selection import select
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.eligibility import methods_with_cil
from nativegen.pipeline.instance_names import find_instance, instance_line, is_instance, parse_instance
from nativegen.pipeline.method_names import method_line, resolve
from nativegen.pipeline.profile import Profile
from nativegen.pipeline.request import CompileRequest
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.targets import target_named
from nativegen.typesystem import TypeSystem
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import framework_references

SOURCE = """
namespace N {
    public class Outer<T> { public class Inner<U> { public T[,] Both(U[] u, ref int x) { return null; } } }
    public class Plain {
        public static int Over(int x) { return x; }
        public static int Over(string x) { return x.Length; }
        public unsafe void* Pointer(System.Collections.Generic.List<System.DateTime> list, object o) { return null; }
    }
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_csharp(SOURCE, tmp_path_factory.mktemp("library"), "Library", library=True)


def test_the_text_is_sorted_and_reads_back() -> None:
    profile = Profile.parse(
        "# nativegen profile 1\n[B]\nX::b void ()\nX::a void ()\n\n# why\n[A]\nY::c void ()\n[B]\nX::a void ()\n"
    )
    assert profile.methods == {"A": ("Y::c void ()",), "B": ("X::a void ()", "X::b void ()")}
    assert Profile.parse(profile.dump()) == profile and profile.count == 3
    assert profile.dump().splitlines() == [
        "# nativegen profile 1", "[A]", "Y::c void ()", "[B]", "X::a void ()", "X::b void ()",
    ]  # fmt: skip


def test_names_of_instances(inputs: TestInputs) -> None:
    system = TypeSystem(target_named("9.0"), framework_references("9.0").get)
    core = system.core.assembly
    owner = core.find_type("System.Collections.Generic", "Dictionary`2")
    enumerator = core.find_nested(owner, "Enumerator")
    (rid,) = [rid for rid in core.type_def(enumerator).method_rids if core.method_def(rid).name == "MoveNext"]
    pair = "System.Collections.Generic.KeyValuePair`2[System.__Canon,System.DateTime]"
    name = f"System.Collections.Generic.Dictionary`2+Enumerator[System.Int32,{pair}]"
    tree = parse_instance(name)
    assert tree is not None
    line = instance_line(core, rid, tree, lambda name: "System.Private.CoreLib")
    assert line is not None and is_instance(line) and Profile.parse(f"# nativegen profile 1\n[A]\n{line}\n").count == 1
    method = find_instance(system, line)
    assert method is not None and method.rid == rid and method.owner.rid == enumerator
    assert [each.display_name for each in method.type_args] == [
        "System.Int32", "System.Collections.Generic.KeyValuePair`2<System.__Canon,System.DateTime>"
    ]  # fmt: skip
    assert instance_line(core, rid, tree, lambda name: None) is None
    for gone in ("Gone", "DateTime>>::MoveNext", "CoreLib]System.Int32"):
        changed = line.replace({"Gone": "KeyValuePair`2"}.get(gone, gone), "Other", 1)
        assert changed != line and find_instance(system, changed) is None
    assert find_instance(system, "[nonsense") is None
    for strange in ("System.String", "G`1[", "G`1[A", "G`1[A[]]", "G`1[A&]", "G`1[,]", "G`1[A]]"):
        assert parse_instance(strange) is None


@pytest.mark.parametrize(
    "text", ["", "[A]\n", "# nativegen profile 1\nA::b void ()\n", "# nativegen profile 1\n[A]\nnonsense\n"]
)
def test_what_is_no_profile_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "app.profile"
    path.write_text(text)
    with pytest.raises(NativegenError, match="NGEN3108"):
        Profile.read(path)
    with pytest.raises(NativegenError, match="NGEN3108"):
        Profile.read(tmp_path / "none.profile")


def test_lines_name_methods_and_nothing_else(library: Path) -> None:
    assembly = Assembly.open(library)
    lines = {method_line(assembly, rid): rid for rid in methods_with_cil(assembly)}
    assert "N.Outer`1+Inner`1::Both instance !0[,] (!1[],int32&)" in lines
    assert "N.Plain::Over int32 (class System.String)" in lines
    pointer = (
        "instance void* (class System.Collections.Generic.List`1<value class System.DateTime>,class System.Object)"
    )
    assert f"N.Plain::Pointer {pointer}" in lines
    assert len(lines) == len(methods_with_cil(assembly))
    for line, rid in lines.items():
        assert resolve(assembly, [line]) == (frozenset({rid}), ())
    gone = ["N.Plain::Over int32 (class System.Object)", "N.Gone::M void ()", "N.Plain+Gone::M void ()"]
    assert resolve(assembly, gone) == (frozenset(), tuple(gone))


@pytest.mark.parametrize("name", ["System.Linq", "System.Text.Json"])
def test_every_method_of_real_assemblies_is_found_again(inputs: TestInputs, name: str) -> None:
    assembly = Assembly.open(inputs.framework("9.0") / f"{name}.dll")
    for rid in range(1, 3000):
        if rid > len(assembly.column(6, "RVA")):
            break
        assert rid in resolve(assembly, [method_line(assembly, rid)])[0]


def test_the_image_has_what_the_profile_names(library: Path, tmp_path: Path) -> None:
    line = "N.Plain::Over int32 (int32)"
    request = CompileRequest(
        str(library), str(tmp_path / "Library.dll"), "3.1", framework_references("3.1"), partial=(line,)
    )
    report = compile_file(request)
    assembly = Assembly.open(library)
    (rid,) = resolve(assembly, [line])[0]
    assert list(ReadyToRunImage.open(request.output).method_entries) == [rid]
    total = len(methods_with_cil(assembly))
    assert (report.native, report.methods) == (1, total)
    assert report.excluded == {"not-in-profile": total - 1} and report.exclusions == ()


def test_names_that_have_gone_do_not_change_what_is_wanted(library: Path, tmp_path: Path) -> None:
    path = tmp_path / "app.profile"
    line = "N.Plain::Over int32 (int32)"
    path.write_text(f"# nativegen profile 1\n[Library]\n{line}\n")
    opened = {"Library": Assembly.open(library)}
    before = select(str(path), opened)
    path.write_text(f"# nativegen profile 1\n# again\n[Library]\nN.Gone::M void ()\n{line}\n[Other]\nA::b void ()\n")
    after = select(str(path), opened)
    assert after.digests == before.digests and after.methods == {"Library": (line,)}
    assert after.unresolved == ("Library!N.Gone::M void ()", "Other!A::b void ()")
    path.write_text("# nativegen profile 1\n[Library]\nN.Plain::Over int32 (class System.String)\n")
    assert select(str(path), opened).digests != before.digests
    path.write_text("# nativegen profile 1\n[Other]\nA::b void ()\n")
    with pytest.raises(NativegenError, match="names no method of the application"):
        select(str(path), opened)


INSTANCES = """
using System.Runtime.CompilerServices;
public struct Pair<T> { public T A, B; [MethodImpl(MethodImplOptions.NoInlining)] public T Second() { return B; } }
public static class Maths {
    public static int Use(int x) { Pair<int> p = new Pair<int>(); p.B = x; return p.Second(); }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static T Twice<T>(T x, System.Func<T, T> f) { return f(f(x)); }
    public static long Call(long x) { return Twice<long>(x, y => y + 1); }
}
"""


def test_instances_that_the_named_methods_need_are_there(tmp_path: Path) -> None:
    """Their definitions are not named; with a store of compiled methods and without, and a second time."""
    source = compile_csharp(INSTANCES, tmp_path, "Maths", library=True)
    lines = ("Maths::Use int32 (int32)", "Maths::Call int64 (int64)")
    images = []
    for number, store in enumerate([None, str(tmp_path / "units"), str(tmp_path / "units")]):
        output = str(tmp_path / f"{number}.dll")
        request = CompileRequest(str(source), output, "3.1", framework_references("3.1"), partial=lines)
        report = compile_file(request, unit_store=store)
        assert report.native == 2 and {instance.code for instance in report.instances} == {""}
        assert len(report.instances) == 2
        images.append(Path(output).read_bytes())
    assert images[0] == images[1] == images[2]
    image = ReadyToRunImage.from_bytes(images[0])
    assert len(image.method_entries) == 2 and len(image.instance_entries) == 2
