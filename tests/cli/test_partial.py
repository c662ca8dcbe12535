"""Partial images, from the trace of a run to the published folder, on a real application."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nativegen.readytorun.reader import ReadyToRunImage
from tests.cli.apps import make_app, make_core
from tests.cli.conftest import Command
from tests.support.csharp import compile_csharp

pytestmark = pytest.mark.runtime

MORE = "public static int Unused(int x) { return x + 1; } public class Never { public int Called() { return 1; } }"


def test_a_profile_that_cannot_be_written_is_named(command: Command, tmp_path: Path) -> None:
    app, profile = make_app(tmp_path / "app"), tmp_path / "none" / "app.profile"
    for wrong in ([], ["-o", tmp_path / "list.txt"]):
        merged = command("trace", "--merge", *wrong, app)
        assert merged.code == 2 and "NGEN7002: --merge adds to a profile: name it with -o FILE.profile" in merged.err
    traced = command("trace", "-o", profile, app)
    assert traced.code == 125 and traced.err.startswith(f"{profile}: error NGEN7004: cannot write: "), traced


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_what_a_run_used_is_compiled_and_nothing_else(command: Command, tmp_path: Path, target: str) -> None:
    app = make_app(tmp_path / "app", target, extra=MORE)
    profile = tmp_path / "app.profile"
    traced = command("trace", "-o", profile, app, "x", target=target)
    assert traced.code == 1 and traced.out.splitlines() == ["answer 42", "some data", "[x]"]
    text = profile.read_text()
    assert _own(text) == [
        "# nativegen profile 1",
        "[App]",
        "App::Jitted int32 (int32)",
        "App::Main int32 (class System.String[])",
        "[Core]",
        "Numbers::Twice int32 (int32)",
        "[Text]",
        "Words::Say class System.String (int32)",
    ]
    installed = command("install", app, "--partial", profile, "--json", target=target)
    (root,) = json.loads(installed.out)["roots"]
    native = {Path(one["path"]).stem: (one["native"], one["excluded"]) for one in root["compiled"]}
    assert native["Core"] == (1, {"not-in-profile": 5}) and native["Text"][0] == 1 and native["App"][0] == 1

    # Traced from images, where the runtime names no modules, the run gives the same profile.
    assert command("publish", app, tmp_path / "out", target=target).code == 0
    traced = command("trace", "-o", tmp_path / "again.profile", tmp_path / "out" / "App.dll", "x", target=target)
    assert _own((tmp_path / "again.profile").read_text()) == _own(text)
    assert traced.err.endswith(" methods of 3 assemblies\n"), traced
    states = command("trace", "--json", "--output", tmp_path / "trace.json", app, target=target)
    assert states.code == 0
    methods = {m["name"]: m["state"] for m in json.loads((tmp_path / "trace.json").read_text())["methods"]}
    assert {methods[name] for name in ("App::Main", "Words::Say", "Numbers::Twice")} == {"native"}

    assert command("update", "/nologo", target=target).out == "All compilation targets are up to date.\n"
    profile.write_text(text + "Words::Gone void ()\n[Gone]\nA::b void ()\n")
    update = command("update", "/nologo", target=target)
    assert update.out == "All compilation targets are up to date.\n"
    assert f"{profile}: warning NGEN3109: 2 names mean nothing any more; the first: " in update.err
    profile.write_text(text.replace("Numbers::Twice", "Numbers::Unused"))
    why = command("why", app, target=target).out
    assert why == f"{app.parent}/Core.dll: the profile names other methods\n"
    assert command("update", "/nologo", target=target).out.count("Compiling assembly") == 1
    trace = command("trace", "--state", "jitted", app, target=target).out
    assert 'jitted method name="Core!Numbers::Twice" reason=not-in-profile' in trace

    profile.unlink()
    ran = command("run", app, target=target)
    assert ran.code == 0 and ran.out.startswith("answer 42\n")
    update = command("update", "/nologo", target=target)
    assert update.code == 1 and "NGEN3108" in update.err


def _own(text: str) -> list[str]:
    """The lines without instances of the framework's generics, which are jitted only where no image has them."""
    return [line for line in text.splitlines() if not line.startswith("[System")]


def test_what_the_frameworks_own_code_instantiates(command: Command, tmp_path: Path) -> None:
    """Its lists of rows are over structs of its own, which its own image has no code for."""
    source = """
        using System.Reflection.Metadata.Ecma335;
        public class App {
            public static int Main() {
                var builder = new MetadataBuilder();
                builder.AddTypeReference(default, builder.GetOrAddString("N"), builder.GetOrAddString("T"));
                return builder.GetRowCount(TableIndex.TypeRef);
            }
        }
    """
    app = compile_csharp(source, tmp_path / "app", "App", compiler="roslyn", target="9.0")
    options = {"tfm": "net9.0", "framework": {"name": "Microsoft.NETCore.App", "version": "9.0.0"}}
    app.with_suffix(".runtimeconfig.json").write_text(json.dumps({"runtimeOptions": options}))
    profile = tmp_path / "app.profile"
    row = "MetadataBuilder+TypeRefRow"
    assert command("trace", "-o", profile, app, target="9.0").code == 1
    lines = [line for line in profile.read_text().splitlines() if row in line]
    assert f"[System.Private.CoreLib]System.Collections.Generic.List`1<[System.Reflection.Metadata]System.Reflection.Metadata.Ecma335.{row}>::Add instance void (!0)" in lines  # noqa: E501  # fmt: skip
    assert lines == sorted(lines)
    for mode in ("--pinned", "--guarded"):
        images = tmp_path / mode
        compiled = command("compile", app, "-o", f"{images}/", "--partial", profile, mode, target="9.0")
        assert compiled.code == 0 and "NGEN3109" not in compiled.err
        (images / "App.runtimeconfig.json").write_bytes(app.with_suffix(".runtimeconfig.json").read_bytes())
        traced = command("trace", "--json", "--output", tmp_path / "trace.json", images / "App.dll", target="9.0")
        assert traced.code == 1
        methods = json.loads((tmp_path / "trace.json").read_text())["methods"]
        states = {method["name"].partition("::")[2]: method["state"] for method in methods if row in method["name"]}
        assert states["Add"] == "native" and set(states.values()) == {"native"}, states


def test_publish_and_compile_take_a_profile(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app", extra=MORE)
    profile = tmp_path / "app.profile"
    profile.write_text("# nativegen profile 1\n[Core]\nNumbers::Twice int32 (int32)\nNumbers::Old void ()\n")
    published = command("publish", app, tmp_path / "out", "--partial", profile)
    assert published.code == 0 and "1 of them native images" in published.out and "NGEN3109: 1 names" in published.err
    assert len(ReadyToRunImage.open(tmp_path / "out" / "Core.dll").method_entries) == 1
    assert (tmp_path / "out" / "Text.dll").read_bytes() == (app.parent / "Text.dll").read_bytes()
    assert command("verify", tmp_path / "out").code == 0

    compiled = command("compile", app.parent / "Core.dll", app, "-o", tmp_path / "images", "--partial", profile)
    assert (
        compiled.code == 0 and "NGEN3109: 1 names mean nothing any more; the first: Core!Numbers::Old" in compiled.err
    )
    assert not ReadyToRunImage.open(tmp_path / "images" / "App.dll").method_entries
    # An image without any code is still the assembly.
    (tmp_path / "images" / "Text.dll").write_bytes((app.parent / "Text.dll").read_bytes())
    for name in ("App.runtimeconfig.json", "data.txt"):
        (tmp_path / "images" / name).write_bytes((app.parent / name).read_bytes())
    assert command("run", tmp_path / "images" / "App.dll").out.startswith("answer 42\n")


def test_an_edited_assembly_keeps_its_selection(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app", extra=MORE)
    profile = tmp_path / "app.profile"
    profile.write_text(
        "# nativegen profile 1\n[Core]\nNumbers::Twice int32 (int32)\n[Text]\nWords::Say class System.String (int32)\n"
    )
    assert command("install", app, "--partial", profile).code == 0
    make_core(app.parent, 3, MORE)
    update = command("update", "/nologo")
    assert update.out.count("Compiling assembly") == 1 and "Core.dll" in update.out
    ran = command("run", app)
    assert ran.out.startswith("answer 63\n") and ran.err == ""
