"""The closure: what references lead to, and what is said of those that lead nowhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from nativegen.binding.closure import Closure, application_of, bind_closure, require_assembly_path
from nativegen.diagnostics import NativegenError
from nativegen.runtime.discover import runtime_for
from tests.binding.conftest import runtime_options, write_json
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import get_runtime

APP = "class App { static void Main() { Middle.M(); } }"
MIDDLE = "public class Middle { public static void M() { Base.B(); } }"
BASE = '[assembly: System.Reflection.AssemblyVersion("%s")] public class Base { public static void B() {} }'


@pytest.fixture
def app(inputs: TestInputs, tmp_path: Path) -> Path:
    """App -> Middle -> Base 2.0.0.0, without configuration."""
    folder = tmp_path / "app"
    base = compile_csharp(BASE % "2.0.0.0", folder, "Base", library=True)
    middle = compile_csharp(MIDDLE, folder, "Middle", library=True, references=[base])
    return compile_csharp(APP, folder, "App", references=[middle, base])


def bind(assembly: Path, target: str = "3.1") -> Closure:
    return bind_closure(assembly, get_runtime(target).frameworks, self_contained=False)


def names(closure: Closure) -> list[str]:
    return [assembly.identity.name for assembly in closure.assemblies]


def test_breadth_first_from_the_root(app: Path) -> None:
    closure = bind(app)
    assert names(closure)[0] == "App"
    assert sorted(names(closure)[1:3]) == ["Middle", "System.Private.CoreLib"]
    assert names(closure)[3:] == ["Base"]
    assert closure.problems == ()
    assert [assembly.kind for assembly in closure.app_assemblies] == ["app"] * 3
    middle = next(assembly for assembly in closure.assemblies if assembly.identity.name == "Middle")
    bound = {reference.identity.name: reference.path for reference in middle.references}
    assert bound["Base"] == str(app.parent / "Base.dll")


def test_probing_does_not_depend_on_the_current_directory(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert set(names(bind(app))) >= {"App", "Middle", "Base"}


@pytest.mark.parametrize(
    ("present", "code"), [("3.5.0.0", None), ("2.0.0.0", None), ("1.9.9.9", "NGEN2006")]
)
def test_a_higher_version_satisfies_a_lower_one_does_not(app: Path, present: str, code: str | None) -> None:
    compile_csharp(BASE % present, app.parent, "Base", library=True)
    closure = bind(app)
    assert [problem.code for problem in closure.problems] == ([code] if code else [])
    assert ("Base" in names(closure)) == (code is None)
    if code:
        text = str(closure.problems[0].error)
        assert "Base, Version=2.0.0.0" in text
        assert "has the lower version 1.9.9.9" in text


def test_a_missing_dependency_is_a_problem_not_an_error(app: Path) -> None:
    (app.parent / "Middle.dll").unlink()
    closure = bind(app)
    (problem,) = closure.problems
    assert problem.code == "NGEN2010"
    assert str(problem.error).startswith(f"{app}: error NGEN2010: dependency Middle, Version=0.0.0.0")
    assert "Middle" not in names(closure)


def test_a_file_that_holds_another_assembly(app: Path) -> None:
    os.replace(app.parent / "Base.dll", app.parent / "Middle.dll")
    (problem,) = bind(app).problems
    assert problem.code == "NGEN2011"
    assert "contains assembly Base instead of Middle" in str(problem.error)


def test_a_dependency_that_is_no_assembly(app: Path) -> None:
    (app.parent / "Middle.dll").write_bytes(b"MZ nothing")
    (problem,) = bind(app).problems
    assert problem.error.path == str(app.parent / "Middle.dll")
    assert problem.code.startswith("NGEN10")


def test_what_no_reference_leads_to_is_listed(app: Path) -> None:
    plugin = compile_csharp("public class Plugin {}", app.parent, "Plugin", library=True)
    assert bind(app).unreferenced == (str(plugin),)


def test_two_files_of_one_simple_name(app: Path) -> None:
    shutil.copyfile(app.parent / "Middle.dll", app.parent / "Middle.exe")
    (app.parent / "Base.exe").write_bytes(b"MZ a native host")
    (problem,) = bind(app).problems
    assert problem.code == "NGEN2013"
    assert str(problem.error).startswith(f"{app.parent / 'Middle.exe'}: error NGEN2013: never loaded: ")
    assert str(app.parent / "Middle.dll") in str(problem.error)


def test_azmcp(inputs: TestInputs) -> None:
    app = inputs.azmcp / "azmcp.dll"
    runtime = runtime_for(app)
    closure = bind_closure(app, runtime.frameworks, self_contained=True, expand_frameworks=True)
    assert closure.problems == ()
    assert closure.assemblies[0].identity.name == "azmcp"
    assert len(closure.app_assemblies) + len(closure.unreferenced) == 112
    paths = [assembly.path for assembly in closure.assemblies]
    assert len(set(paths)) == len(paths)


def test_a_library_gets_the_configuration_of_its_application(app: Path, tmp_path: Path) -> None:
    middle = app.parent / "Middle.dll"
    assert application_of(middle) == middle
    write_json(app.with_suffix(".runtimeconfig.json"), runtime_options("3.1.0"))
    assert application_of(app) == app
    assert application_of(middle) == app
    other = compile_csharp(APP.replace("Middle.M();", ""), tmp_path / "other", "Other")
    assert application_of(middle, exe_config=other) == other
    host = other.with_suffix(".exe")
    host.write_bytes(b"a host")
    assert application_of(middle, exe_config=host) == other
    write_json(app.parent / "Base.runtimeconfig.json", runtime_options("3.1.0"))
    assert application_of(middle) == middle  # two applications: none of them is *the* application


def test_switches_that_name_nothing(app: Path) -> None:
    for keyword in ("app_base", "exe_config"):
        with pytest.raises(NativegenError) as raised:
            application_of(app, **{keyword: app.parent / "vsn.exe"})
        assert raised.value.code == "NGEN2009"
        assert raised.value.exit_code == 3
        assert "vsn.exe" in str(raised.value)


def test_app_base_replaces_the_folder(app: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("Middle.dll", "Base.dll"):
        os.replace(app.parent / name, moved / name)
    frameworks = get_runtime("3.1").frameworks
    assert {p.code for p in bind_closure(app, frameworks, self_contained=False).problems} == {"NGEN2010"}
    closure = bind_closure(app, frameworks, self_contained=False, app_base=moved)
    assert closure.problems == ()
    assert str(moved / "Base.dll") in [assembly.path for assembly in closure.assemblies]


def test_an_application_host_is_refused_with_the_name_of_the_assembly(inputs: TestInputs) -> None:
    with pytest.raises(NativegenError) as raised:
        require_assembly_path(inputs.azmcp / "azmcp")
    assert raised.value.code == "NGEN2007"
    assert str(raised.value).endswith(f"remedy: pass {inputs.azmcp / 'azmcp.dll'}")
    require_assembly_path(inputs.azmcp / "azmcp.dll")


def test_a_single_file_bundle_is_refused(inputs: TestInputs, tmp_path: Path) -> None:
    """The host of azmcp with its bundle offset set, as the SDK's bundler sets it."""
    content = bytearray((inputs.azmcp / "azmcp").read_bytes())
    signature = bytes.fromhex("8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae")
    offset = content.index(signature) - 8
    assert content[offset : offset + 8] == bytes(8)
    content[offset : offset + 8] = (123456).to_bytes(8, "little")
    bundle = tmp_path / "bundle"
    bundle.write_bytes(content)
    with pytest.raises(NativegenError) as raised:
        require_assembly_path(bundle)
    assert raised.value.code == "NGEN2008"
