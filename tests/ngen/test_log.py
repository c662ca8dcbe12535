"""T1, N9, N14, U7: the binding log in Fuslogvw's sentences, hard binding hints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.apps import TARGET, TEXT, compile_for_target, make_app, make_core
from tests.cli.conftest import Command

pytestmark = pytest.mark.runtime

CORE = "Core, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null"


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_T1_the_log_of_images_that_are_used(command: Command, tmp_path: Path, target: str) -> None:
    app = make_app(tmp_path / "app", target)
    command("install", app, target=target)
    static = command("log", app, target=target)
    assert static.code == 0 and static.out.count("LOG: Start binding of native image ") == 3
    assert f"LOG: [Level 1]Start validating native image dependency {CORE}.\n" in static.out
    assert static.out.count("LOG: Bind to native image succeeded.\n") == 3 and "WRN" not in static.out
    ran = command("log", app, "--run", "--", "an", "--argument", target=target)
    assert ran.code == 2 and ran.out.splitlines()[:4] == ["answer 42", "some data", "[an]", "[--argument]"]
    assert ran.out.count("Native image successfully used.\n") == 3


def test_T1_the_log_says_why_an_image_is_not_used(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    command("install", app)
    make_core(app.parent, factor=3)
    log = command("log", "Core").out
    assert log.startswith(f"LOG: Start binding of native image {CORE}.\nWRN: content changed (rebuilt: MVID ")
    assert log.endswith(
        "WRN: No matching native image found.\nLOG: Bind to native image assembly did not succeed. Use IL image.\n"
    )
    entries = json.loads(command("log", app, "--json").out)["assemblies"]
    assert {Path(entry["path"]).name: entry["bound"] for entry in entries} == {
        "App.dll": True, "Text.dll": True, "Core.dll": False
    }  # fmt: skip
    (app.parent / "App.dll").unlink()
    assert "ERR: " in command("log", "App").out


def test_the_log_of_what_is_not_installed(command: Command, tmp_path: Path) -> None:
    assert command("log", "Nothing").code == 3
    assert command("log", "App", "argument").code == 2


HINTS = """
using System.Runtime.CompilerServices;
[assembly: Dependency("Core", LoadHint.HINT)]
namespace System.Runtime.CompilerServices {
    public enum LoadHint { Default = 0, Always = 1, Sometimes = 2 }
    public class DependencyAttribute : System.Attribute { public DependencyAttribute(string d, LoadHint h) { } }
}
"""
DEFAULT = """
[assembly: System.Runtime.CompilerServices.DefaultDependency(System.Runtime.CompilerServices.LoadHint.HINT)]
namespace System.Runtime.CompilerServices {
    public enum LoadHint { Default = 0, Always = 1, Sometimes = 2 }
    class DefaultDependencyAttribute : System.Attribute { public DefaultDependencyAttribute(LoadHint h) { } }
}
public class Numbers { public static int Twice(int x) { return x * 2; } }
"""


@pytest.mark.parametrize(
    ("hint", "default", "wanted"),
    [
        ("Always", "Sometimes", True),
        ("Sometimes", "Always", False),
        ("Default", "Always", True),
        ("Default", "Sometimes", False),
    ],
)
def test_N9_N10_hints_are_obeyed(
    command: Command, tmp_path: Path, cache: Path, hint: str, default: str, wanted: bool
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    core = compile_for_target(DEFAULT.replace("HINT", default), folder, "Core", library=True)
    usings, attribute = HINTS.replace("HINT", hint).strip().split("\n", 1)
    text = compile_for_target(f"{usings}\n{attribute}\n{TEXT}", folder, "Text", references=[core], library=True)
    assert command("install", text, f"/target:{TARGET}").code == 0
    (manifest,) = cache.glob("NativeImages_*/Text/*/Text.json")
    assert json.loads(manifest.read_text())["hard_binding_hints"] == (["Core"] if wanted else [])
    shown = command("display", "Text", "/verbose").out
    assert ("hard binding hint: Core" in shown) == wanted and "    mode        pinned" in shown
    assert command("why", text).out == "2 native images are valid: nothing changed.\n"
    # A body edit of Core: what is bound hard to it is made anew with it, everything else stays.
    compile_for_target(DEFAULT.replace("HINT", default).replace("x * 2", "x + x"), folder, "Core", library=True)
    changed = command("why", text).out
    assert "content changed (rebuilt" in changed and ("Text.dll: Core.dll: content changed" in changed) == wanted
    updated = command("update", "/verbose").out
    assert command("why", text).out == "2 native images are valid: nothing changed.\n", updated


@pytest.mark.parametrize("hint", ["Always", "Sometimes"])
@pytest.mark.parametrize("mode", ["--resilient", "--guarded", "--pinned"])
def test_N10_what_is_bound_hard_is_one_bubble(
    command: Command, tmp_path: Path, cache: Path, hint: str, mode: str
) -> None:
    """Text has code of Core in it; nothing else does unless it is pinned, and so is not made anew with Core."""
    folder = tmp_path / "app"
    folder.mkdir()
    core = compile_for_target(DEFAULT.replace("HINT", "Default"), folder, "Core", library=True)
    usings, attribute = HINTS.replace("HINT", hint).strip().split("\n", 1)
    text = compile_for_target(f"{usings}\n{attribute}\n{TEXT}", folder, "Text", references=[core], library=True)
    assert command("install", text, mode, f"/target:{TARGET}").code == 0

    def taken_in() -> list[str]:
        newest = max(cache.glob("NativeImages_*/Text/*/Text.json"), key=lambda path: path.stat().st_mtime_ns)
        foreign = json.loads(newest.read_text())["foreign"]
        return [name for _, name, _ in foreign.get("Core", {"uses": []})["uses"]]

    expected = ["[Core]Numbers::Twice(int32)static int32"] if hint == "Always" or mode == "--pinned" else []
    assert taken_in() == expected
    compile_for_target(DEFAULT.replace("HINT", "Default").replace("x * 2", "x + x"), folder, "Core", library=True)
    changed = command("why", text).out
    assert ("Text.dll: Core.dll: content changed" in changed) == (hint == "Always")
    assert ("Text.dll: Core.dll: the body of Numbers::Twice" in changed) == (hint != "Always" and mode == "--pinned")
    updated = command("update", "/verbose").out
    assert command("why", text).out == "2 native images are valid: nothing changed.\n", updated
    assert taken_in() == expected
    images = len(list(cache.glob("NativeImages_*/Text/*/Text.ni.dll")))
    assert images == 1, "the stale image went"
