"""Partial images and the shared cache, from a SConstruct."""

from __future__ import annotations

import pytest

from nativegen.readytorun.reader import ReadyToRunImage
from tests.scons.conftest import SOURCES, Project
from tests.support.csharp import compile_csharp
from tests.support.http_cache import HttpCache

PROFILE = """# nativegen profile 1
[App]
App::Main int32 ()
[Middle]
Middle::Twice int32 (int32)
"""


def native(project: Project, path: str) -> int:
    return len(ReadyToRunImage.open(project.folder / path).method_entries)


def test_a_profile_chooses_images_and_methods(project: Project) -> None:
    profile = project.folder / "start.profile"
    profile.write_text(PROFILE)
    project.edit("SConstruct", "core = env", "env['NATIVEGEN_PARTIAL'] = 'start.profile'\ncore = env")
    assert project.scons(".", "publish").compiled == {"App", "Middle"}
    assert native(project, "out/App.dll") == native(project, "out/Middle.dll") == 1
    assert (project.folder / "out" / "Core.dll").read_bytes() == (project.folder / "bin" / "Core.dll").read_bytes()
    assert project.run("out/App.dll") == "area 84\n"

    # Comments and names that mean nothing change nothing that is built.
    profile.write_text(PROFILE + "# more\n")
    assert project.scons(".", "publish").compiled == frozenset()
    profile.write_text(PROFILE.replace("[Middle]", "[Core]\nBox::Grow instance int32 (value class Size)\n[Middle]"))
    assert project.scons(".", "publish").compiled == {"Core"}
    assert native(project, "out/Core.dll") == 1 and project.run("out/App.dll") == "area 84\n"


def test_images_come_from_the_shared_cache(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpCache() as server:
        monkeypatch.setenv("NATIVEGEN_REMOTE_CACHE", server.url)
        monkeypatch.setenv("NATIVEGEN_REMOTE_CACHE_MODE", "read-write")
        project.scons()
        images = {path: path.read_bytes() for path in project.folder.glob("bin/*.ni.dll")}
        assert len(images) == 3 and sum(path.startswith("/ac/") for path in server.blobs) == 3
        for path in images:
            path.unlink()
        server.requests.clear()
        monkeypatch.setenv("NATIVEGEN_REMOTE_CACHE_MODE", "read-only")
        project.scons()
        assert {path: path.read_bytes() for path in project.folder.glob("bin/*.ni.dll")} == images
        assert sum(path.startswith("/cas/") for _, path in server.requests) == 6 and server.count("PUT") == 0


def test_files_that_flags_name(project: Project) -> None:
    """``--reference`` and ``--partial`` among the options: what they name counts like what variables name."""
    core = SOURCES["Core.cs"]
    (project.folder / "ext").mkdir()
    built = compile_csharp(core, project.folder / "ext", "Core", library=True)
    compile_csharp(SOURCES["Middle.cs"], project.folder / "bin", "Middle", library=True, references=[built])
    profile = project.folder / "start.profile"
    profile.write_text(PROFILE)
    head = (project.folder / "SConstruct").read_text().partition("core = env")[0]
    flags = "['--reference=ext/Core.dll', '--partial=start.profile']"
    image = project.folder / "bin" / "Middle.ni.dll"
    (project.folder / "SConstruct").write_text(
        f"{head}env['NATIVEGENFLAGS'] = {flags}\nDefault(env.NativeImage('bin/Middle.dll'))\n"
    )
    assert project.scons().compiled == {"Middle"} and native(project, "bin/Middle.ni.dll") == 1
    assert project.scons().compiled == frozenset()
    core = core.replace("int h;", "int h; long more;").replace("h = 2;", "h = 2; more = w;")
    compile_csharp(core, project.folder / "ext", "Core", library=True)
    assert project.scons().compiled == {"Middle"}
    again = image.read_bytes()
    image.unlink()
    assert project.scons("--native-units=").compiled == {"Middle"} and image.read_bytes() == again
    profile.write_text("# nativegen profile 1\n")
    assert project.scons().compiled == {"Middle"} and native(project, "bin/Middle.ni.dll") == 0


def test_a_file_that_changes_during_the_build(project: Project) -> None:
    """SCons remembers what it decided by; an image that was made from something else must not pass for that."""
    built = compile_csharp(SOURCES["Core.cs"], project.folder / "bin", "Core", library=True)
    path = compile_csharp(SOURCES["Middle.cs"], project.folder / "bin", "Middle", library=True, references=[built])
    other = SOURCES["Middle.cs"].replace("* 2", "* 3")
    later = compile_csharp(other, project.folder / "later", "Middle", library=True, references=[built])
    kept = path.read_bytes()
    head = (project.folder / "SConstruct").read_text().partition("core = env")[0]
    swap = "lambda target, source, env: os.path.exists(later) and os.replace(later, 'bin/Middle.dll') or 0"
    build = f"image = env.NativeImage('bin/Middle.dll')\nAddPreAction(image, {swap})\nDefault(image)\n"
    (project.folder / "SConstruct").write_text(f"{head}later = 'later/Middle.dll'\n{build}")
    image = project.folder / "bin" / "Middle.ni.dll"
    assert "NGEN3002" in project.scons(fails=True).output and not later.exists() and not image.exists()
    path.write_bytes(kept)
    assert project.scons().compiled == {"Middle"}
    again = image.read_bytes()
    image.unlink()
    assert project.scons("--native-units=").compiled == {"Middle"} and image.read_bytes() == again
