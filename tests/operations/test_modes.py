"""Modes: what they come to on a target, and whether what an image recorded of other assemblies is still so."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.compiler import ir
from nativegen.compiler.exclusions import Excluded
from nativegen.compiler.foreign import ForeignCode, Mode, body_use, statics_use
from nativegen.metadata import Assembly
from nativegen.operations.integrity import integrity_changes, read_integrity, write_integrity
from nativegen.operations.modes import effective_mode, foreign_change, recorded_foreign
from nativegen.plan.manifest import FrameworkEntry
from nativegen.readytorun.targets import target_named
from nativegen.typesystem import MethodDesc, TypeSystem
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS
from tests.support.runtimes import framework_references

LIBRARY = """
public class L {
    public static int Used(string s) { return s.Length + FACTOR; }
    public static int Other() { return OTHER; }
    public int Overloaded(int x) { return x; } public int Overloaded(long x) { return 1; }
    MORE
}
"""


def library(folder: Path, factor: str = "1", other: str = "1", more: str = "", type_: str = "") -> Path:
    source = type_ + LIBRARY.replace("FACTOR", factor).replace("OTHER", other).replace("MORE", more).lstrip()
    return compile_csharp(source, folder, "L", library=True)


def method(path: Path, name: str, target: str = "9.0") -> MethodDesc:
    system = TypeSystem(target_named(target), framework_references(target).get)
    owner = system.open(path).find_type("", "L")
    assert owner is not None
    found = owner.find_method(name)
    assert found is not None
    return found


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"other": "2"}, None),
        ({"more": "public static void New(object o) { } class Inner { int f; }"}, None),
        ({"type_": "[System.Serializable] "}, None),
        ({"type_": "sealed "}, "L.dll: the body of L::Used(string)static int32 changed"),
        ({"factor": "2"}, "L.dll: the body of L::Used(string)static int32 changed"),
        ({"factor": "(int) s[0]"}, "L.dll: the body of L::Used(string)static int32 changed"),
    ],
)
def test_exactly_the_recorded_body_counts(after: dict[str, str], words: str | None, tmp_path: Path) -> None:
    before = library(tmp_path / "1")
    recorded = recorded_foreign([body_use(method(before, "Used"))], {"L": Assembly.open(before).content_signature})
    rebuilt = library(tmp_path / "2", **after)
    paths = framework_references("9.0") | {"L": str(rebuilt)}
    contents = {"L": Assembly.open(rebuilt).content_signature}
    assert contents["L"] != recorded["L"]["content"]
    assert foreign_change(recorded, contents, paths, "9.0") == words


@pytest.mark.usefixtures("inputs")
def test_what_is_gone_or_has_another_signature_is_told(tmp_path: Path) -> None:
    before = library(tmp_path / "1")
    recorded = recorded_foreign([body_use(method(before, "Used"))], {"L": "old"})
    other = "public class L { public static int Used(object s) { return 1; } }"
    gone = compile_csharp(other, tmp_path / "2", "L", library=True)
    paths = framework_references("9.0") | {"L": str(gone)}
    change = foreign_change(recorded, {"L": "new"}, paths, "9.0")
    assert change == "L.dll: the body of L::Used(string)static int32 is gone"
    attribute = '[System.Runtime.InteropServices.DllImport("c")]'
    extern = f"public class L {{ {attribute} public static extern int Used(string s); }}"
    paths["L"] = str(compile_csharp(extern, tmp_path / "3", "L", library=True))
    assert foreign_change(recorded, {"L": "new"}, paths, "9.0") == change
    assert foreign_change(recorded, {"L": "old"}, {}, "9.0") is None, "an equal content is not looked into"


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize(
    ("after", "words"),
    [
        ("static T one; static object two; void M() { } object three;", None),
        ("static T one; static object two; static long three;", "changed"),
        ("static object two; static T one;", "changed"),
        ("static T one; [System.ThreadStatic] static object two;", "changed"),
        ("static T one; static object two; static P() { }", "changed"),
    ],
)
def test_exactly_the_recorded_static_fields_count(after: str, words: str | None, tmp_path: Path) -> None:
    before = "public class P<T> { public class Inner { static T one; static object two; } }"
    first = compile_csharp(before, tmp_path / "1", "L", library=True)
    system = TypeSystem(target_named("9.0"), framework_references("9.0").get)
    use = statics_use(system.open(first).type_def(3))
    assert use.name == "[L]P`1/Inner"
    source = f"public class P<T> {{ public class Inner {{ {after.replace('static P()', 'static Inner()')} }} }}"
    rebuilt = compile_csharp(source, tmp_path / "2", "L", library=True)
    paths = framework_references("9.0") | {"L": str(rebuilt)}
    change = foreign_change(recorded_foreign([use], {"L": "old"}), {"L": "new"}, paths, "9.0")
    assert change == (f"L.dll: the static fields of P`1/Inner {words}" if words else None)
    gone = compile_csharp("public class P<T> { }", tmp_path / "3", "L", library=True)
    change = foreign_change(recorded_foreign([use], {"L": "old"}), {"L": "new"}, paths | {"L": str(gone)}, "9.0")
    assert change == "L.dll: the static fields of P`1/Inner are gone"


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("target", TARGETS)
def test_the_mode_decides_who_may_use_a_foreign_body(target: str, tmp_path: Path) -> None:
    used = method(library(tmp_path / "1"), "Used", target)
    app = compile_csharp("class A { int M() { return 1; } }", tmp_path, "A", library=True)
    module = used.module.type_system.open(app)
    for mode in Mode:
        foreign = ForeignCode(module, target_named(target), mode)
        function = ir.Function("f", ir.CallAbi((), ir.AbiParam(ir.PassKind.VOID), False), ir.ReturnKind.SCALAR)
        refused = mode is Mode.RESILIENT or (mode is Mode.GUARDED and target == "3.1")
        assert foreign.allows(used) != refused
        if refused:
            with pytest.raises(Excluded):
                foreign.use_body(function, used)
            continue
        for _ in range(2):
            foreign.use_body(function, used)
        assert function.foreign == [body_use(used)]
        assert len(function.required) == (mode is Mode.GUARDED)


def test_guarded_is_resilient_where_nobody_guards() -> None:
    assert [effective_mode(mode, "3.1") for mode in ("resilient", "guarded", "pinned")] == [
        "resilient", "resilient", "pinned"
    ]  # fmt: skip
    assert effective_mode("guarded", "9.0") == "guarded"


def test_integrity_lists_name_what_was_changed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("App.dll", "Core.dll", "sub/Deep.dll"):
        (tmp_path / name).write_text(name)
    (tmp_path / "data.txt").write_text("not an assembly")
    framework = FrameworkEntry("F", "9.0.5", "ff")
    write_integrity(str(tmp_path), "App.dll", "9.0", framework)
    document = read_integrity(str(tmp_path))
    assert document is not None
    assert list(integrity_changes(str(tmp_path), document, framework)) == []
    (tmp_path / "data.txt").write_text("edited")
    (tmp_path / "Core.dll").write_text("serviced")
    (tmp_path / "sub/Deep.dll").unlink()
    changes = list(integrity_changes(str(tmp_path), document, FrameworkEntry("F", "9.0.6", "00")))
    assert changes == [
        "Core.dll was changed",
        "sub/Deep.dll is missing",
        "the framework is not the F 9.0.5 that the images were made with",
    ]
