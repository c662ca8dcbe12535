"""runtimeconfig.json: settings in the host's order, and every way it can be malformed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nativegen.binding.frameworks import Range
from nativegen.binding.runtimeconfig import RuntimeConfig, read_runtime_config
from nativegen.diagnostics import NativegenError
from tests.binding.conftest import runtime_options, write_json


def read(tmp_path: Path, content: Any, environment: dict[str, str] | None = None) -> RuntimeConfig:
    config = read_runtime_config(write_json(tmp_path / "app.runtimeconfig.json", content), environment or {})
    assert config is not None
    return config


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert read_runtime_config(tmp_path / "app.runtimeconfig.json") is None


def test_framework_dependent(tmp_path: Path) -> None:
    config = read(tmp_path, runtime_options("9.0.0", tfm="net9.0", configProperties={"System.GC.Server": True}))
    (reference,) = config.frameworks
    assert (reference.name, str(reference.version)) == ("Microsoft.NETCore.App", "9.0.0")
    assert (reference.range, reference.highest, reference.apply_patches) == (Range.MINOR, False, True)
    assert not config.self_contained
    assert config.properties == {"System.GC.Server": True}


def test_self_contained(tmp_path: Path) -> None:
    included = [{"name": "Microsoft.NETCore.App", "version": "9.0.5"}]
    config = read(tmp_path, {"runtimeOptions": {"includedFrameworks": included}})
    assert config.self_contained
    assert config.included == (("Microsoft.NETCore.App", "9.0.5"),)


@pytest.mark.parametrize(
    ("options", "reference", "environment", "expected"),
    [
        ({}, {}, {}, (Range.MINOR, False)),
        ({"rollForward": "major"}, {}, {}, (Range.MAJOR, False)),
        ({"rollForward": "Major"}, {"rollForward": "LatestPatch"}, {}, (Range.PATCH, False)),
        ({"rollForward": "Major"}, {}, {"DOTNET_ROLL_FORWARD": "LatestMinor"}, (Range.MINOR, True)),
        ({"rollForwardOnNoCandidateFx": 2}, {}, {}, (Range.MAJOR, False)),
        ({"rollForwardOnNoCandidateFx": 0}, {}, {}, (Range.PATCH, False)),
        ({}, {}, {"DOTNET_ROLL_FORWARD_ON_NO_CANDIDATE_FX": "2"}, (Range.MAJOR, False)),
        ({"rollForward": "Disable"}, {}, {"DOTNET_ROLL_FORWARD_ON_NO_CANDIDATE_FX": "2"}, (Range.EXACT, False)),
    ],
)
def test_the_last_setting_wins(
    tmp_path: Path,
    options: dict[str, Any],
    reference: dict[str, Any],
    environment: dict[str, str],
    expected: tuple[Range, bool],
) -> None:
    content = runtime_options(**options)
    content["runtimeOptions"]["framework"] |= reference
    found = read(tmp_path, content, environment).frameworks[0]
    assert (found.range, found.highest) == expected


def test_comments_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = '\ufeff{ // why\n "runtimeOptions": { /* "x" */ "framework": {"name": "A//B", "version": "1.0.0"} } }'
    assert read(tmp_path, text).frameworks[0].name == "A//B"


def test_probing_paths_of_both_files(tmp_path: Path) -> None:
    dev = {"runtimeOptions": {"additionalProbingPaths": ["/cache/|arch|/|tfm|"]}}
    write_json(tmp_path / "app.runtimeconfig.dev.json", dev)
    config = read(tmp_path, runtime_options(tfm="net9.0", additionalProbingPaths="packages"))
    assert config.probing_paths == (Path("packages"), Path("/cache/x64/net9.0"))


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("", "Expecting value"),
        ("{", "Expecting"),
        ("[]", "not a JSON object"),
        ({}, "no object 'runtimeOptions'"),
        ({"runtimeOptions": 5}, "no object 'runtimeOptions'"),
        ({"runtimeOptions": {"framework": {"version": "9.0.0"}}}, "a framework without 'name'"),
        ({"runtimeOptions": {"framework": {"name": "X"}}}, "a framework without 'version'"),
        ({"runtimeOptions": {"framework": {"name": "X", "version": "9"}}}, "bad version '9' of X"),
        ({"runtimeOptions": {"frameworks": {}}}, "'frameworks' is not a list"),
        ({"runtimeOptions": {"frameworks": [{"name": "X", "version": "1.0.0"}] * 2}}, "a framework is named twice"),
        (runtime_options(rollForward="sideways"), "bad 'rollForward' 'sideways'"),
        (runtime_options(rollForward=1), "bad 'rollForward' 1"),
        (runtime_options(rollForwardOnNoCandidateFx=7), "bad 'rollForwardOnNoCandidateFx' 7"),
        (runtime_options(applyPatches="yes"), "bad 'applyPatches' 'yes'"),
        (runtime_options(additionalProbingPaths=[1]), "'additionalProbingPaths' is not a list of strings"),
        (runtime_options(includedFrameworks=[{"name": "X", "version": "1.0.0"}]), "both 'framework(s)' and"),
        ("[" * 100000, "recursion"),
    ],
)
def test_malformed(tmp_path: Path, content: Any, detail: str) -> None:
    with pytest.raises(NativegenError) as raised:
        read(tmp_path, content)
    assert raised.value.code == "NGEN2001"
    assert str(raised.value).startswith(f"{tmp_path / 'app.runtimeconfig.json'}: error NGEN2001: ")
    assert detail in str(raised.value)
    assert "\n" not in str(raised.value)
