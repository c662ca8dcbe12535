"""Which files of a folder the runtime takes in place of assemblies."""

from __future__ import annotations

from pathlib import Path

from nativegen.binding.beside import images_beside


def test_images_beside_assemblies_count_unless_a_deps_json_says_what_does(tmp_path: Path) -> None:
    for name in ("App.dll", "App.ni.dll", "Tool.exe", "Tool.ni.dll", "Lone.ni.dll", "Core.dll", ".ni.dll", "Core.ni.x"):
        (tmp_path / name).touch()
    app = str(tmp_path / "App.dll")
    assert images_beside(app) == {
        str(tmp_path / "App.ni.dll"): app,
        str(tmp_path / "Tool.ni.dll"): str(tmp_path / "Tool.exe"),
    }
    (tmp_path / "App.deps.json").write_text("{}")
    assert images_beside(app) == {}
    assert images_beside(str(tmp_path / "none" / "App.dll")) == {}
