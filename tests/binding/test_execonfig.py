"""Configurations that came from .NET Framework: what they say, and what the closure makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nativegen.binding.closure import Closure, bind_closure
from nativegen.binding.execonfig import parse_exe_config, read_exe_config
from nativegen.diagnostics import NativegenError
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs
from tests.support.runtimes import get_runtime

HEAD = '<configuration><runtime><assemblyBinding xmlns="urn:schemas-microsoft-com:asm.v1">'
TAIL = "</assemblyBinding></runtime></configuration>"
IDENTITY = '<assemblyIdentity name="Base" publicKeyToken="null" culture="neutral" />'
BASE = '[assembly: System.Reflection.AssemblyVersion("%s")] public class Base { public static int B() { return 1; } }'
APP = "class App { static int Main() { return Base.B(); } }"


def configuration(*elements: str, probing: str = "") -> str:
    return f"{HEAD}<dependentAssembly>{IDENTITY}{''.join(elements)}</dependentAssembly>{probing}{TAIL}"


def redirect(old: str, new: str) -> str:
    return f'<bindingRedirect oldVersion="{old}" newVersion="{new}" />'


def code_base(version: str, href: str) -> str:
    return f'<codeBase version="{version}" href="{href}" />'


@pytest.fixture
def app(inputs: TestInputs, tmp_path: Path) -> Path:
    """App -> Base 2.0.0.0, with Base in libs/2 and, as 3.0.0.0, in libs/3."""
    folder = tmp_path / "app"
    for version in ("2", "3"):
        base = compile_csharp(BASE % f"{version}.0.0.0", folder / "libs" / version, "Base", library=True)
    base = folder / "libs" / "2" / "Base.dll"
    return compile_csharp(APP, folder, "App", references=[base])


def bind(app: Path, text: str | None, name: str = "App.exe.config") -> Closure:
    if text is not None:
        app.with_name(name).write_text(text)
    return bind_closure(app, get_runtime("3.1").frameworks, self_contained=False)


def place(closure: Closure) -> str | None:
    """Where Base was found, from the application's folder."""
    root = closure.assemblies[0]
    path = next(reference.path for reference in root.references if reference.identity.name == "Base")
    return None if path is None else str(Path(path).relative_to(Path(closure.app_base)))


def test_what_a_configuration_says() -> None:
    config = parse_exe_config(
        configuration(redirect("1.0.0.0-1.9", "2.0.0.0"), redirect("3.0", "2.0.0.0"), code_base("2.0.0.0", r"a\b.dll"))
        .replace(TAIL, '<probing privatePath="bin;..\\up; sub\\x "/>' + TAIL),
        Path("x.config"),
    )
    assert config.redirected("BASE", (1, 5, 0, 0)) == config.redirected("base", (3, 0, 0, 0)) == (2, 0, 0, 0)
    assert config.redirected("Base", (1, 9, 0, 1)) == (1, 9, 0, 1) and config.redirected("B", (1, 5, 0, 0))[0] == 1
    assert [(base.version, base.href) for base in config.code_bases] == [((2, 0, 0, 0), r"a\b.dll")]
    assert config.probing == ("bin", "sub/x")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None),
        ("<configuration/>", None),
        (configuration(code_base("2.0.0.0", "libs/2/Base.dll")), "libs/2/Base.dll"),
        (
            configuration(code_base("3.0.0.0", "libs\\3\\Base.dll"), code_base("2.0.0.0", "libs/2/Base.dll")),
            "libs/3/Base.dll",
        ),
        (
            configuration(
                redirect("0.0.0.0-9.0.0.0", "2.0.0.0"),
                code_base("3.0.0.0", "libs/3/Base.dll"),
                code_base("2.0.0.0", "libs/2/Base.dll"),
            ),
            "libs/2/Base.dll",
        ),
        (configuration(code_base("2.0.0.0", "http://example.org/Base.dll")), None),
        (configuration(probing='<probing privatePath="no;libs/3" />'), "libs/3/Base.dll"),
        (configuration(probing='<probing privatePath="../app/libs/3" />'), None),
    ],
)  # fmt: skip
def test_where_a_name_is_found(app: Path, text: str | None, wanted: str | None) -> None:
    closure = bind(app, text)
    assert place(closure) == wanted
    assert closure.configured == (frozenset() if wanted is None else {str(app.parent / wanted)})
    assert [problem.code for problem in closure.problems] == ([] if wanted else ["NGEN2010"])


def test_a_file_url_is_a_path(app: Path) -> None:
    closure = bind(app, configuration(code_base("2.0.0.0", f"file://{app.parent}/libs/2/Base.dll")), "App.dll.config")
    assert place(closure) == "libs/2/Base.dll"


def test_what_the_host_knows_is_what_runs(app: Path) -> None:
    shutil.copy(app.parent / "libs" / "2" / "Base.dll", app.parent)
    closure = bind(app, configuration(code_base("3.0.0.0", "libs/3/Base.dll")))
    assert place(closure) == "Base.dll" and closure.configured == frozenset()


@pytest.mark.parametrize(("old", "accepted"), [("2.0.0.0", True), ("0.0.0.0-1.9.0.0", False)])
def test_a_redirect_makes_a_lower_version_acceptable(app: Path, tmp_path: Path, old: str, accepted: bool) -> None:
    compile_csharp(BASE % "1.5.0.0", app.parent, "Base", library=True)
    closure = bind(app, configuration(redirect(old, "1.5.0.0")))
    assert (place(closure) == "Base.dll") == accepted
    assert [problem.code for problem in closure.problems] == ([] if accepted else ["NGEN2006"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<configuration>",
        "\0",
        configuration(redirect("1.0-x", "2.0.0.0")),
        configuration(redirect("1.0", "")),
        configuration('<codeBase version="1.0.0.0" />'),
        configuration(probing="<probing />"),
        configuration().replace('name="Base"', ""),
    ],
)
def test_malformed_ones_are_named(app: Path, text: str) -> None:
    with pytest.raises(NativegenError) as caught:
        bind(app, text)
    assert caught.value.code == "NGEN2014" and str(app.with_name("App.exe.config")) in str(caught.value)


def test_the_assemblys_own_name_comes_first(tmp_path: Path) -> None:
    assert read_exe_config(tmp_path / "App.dll") is None
    for name in ("App.exe.config", "App.dll.config"):
        (tmp_path / name).write_text("<configuration/>")
        config = read_exe_config(tmp_path / "App.dll")
        assert config is not None and config.path.name == name
