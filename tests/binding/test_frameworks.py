"""Roll-forward: the documented cases, and the real host as the judge over made-up installations."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from nativegen.binding.frameworks import (
    ROLL_FORWARD,
    FrameworkReference,
    Range,
    RuntimeVersion,
    choose_version,
    installed_versions,
    resolve_frameworks,
)
from nativegen.binding.runtimeconfig import config_path, framework_references, read_runtime_config
from nativegen.diagnostics import NativegenError
from tests.binding.conftest import host, runtime_options, write_json
from tests.support.paths import TestInputs

NETCORE_APP = "Microsoft.NETCore.App"


def reference(version: str, policy: str = "Minor", apply_patches: bool = True) -> FrameworkReference:
    parsed = RuntimeVersion.parse(version)
    reach, highest = ROLL_FORWARD[policy.lower()]
    return FrameworkReference(NETCORE_APP, parsed, reach, highest, apply_patches, not parsed.prerelease)


def choose(installed: str, wanted: FrameworkReference) -> str | None:
    chosen = choose_version(map(RuntimeVersion.parse, installed.split()), wanted)
    return None if chosen is None else str(chosen)


def test_versions_order_as_semver_does() -> None:
    ascending = "8.0.0 9.0.0-alpha.1 9.0.0-preview.2.5 9.0.0-preview.10 9.0.0-rc.1 9.0.0 9.0.5 9.0.11 10.0.0"
    versions = [RuntimeVersion.parse(text) for text in ascending.split()]
    assert versions == sorted(versions)
    assert all(a < b for a, b in itertools.pairwise(versions))
    assert [str(v) for v in versions] == ascending.split()


@pytest.mark.parametrize("text", ["", "9", "9.0", "9.0.x", "v9.0.0", "9.0.0.0", "9.0.0 "])
def test_what_is_not_a_version(text: str) -> None:
    with pytest.raises(ValueError, match="not a framework version"):
        RuntimeVersion.parse(text)


# Microsoft's documentation, "Framework-dependent apps roll forward": policy, requested, installed -> chosen.
@pytest.mark.parametrize(
    ("policy", "requested", "installed", "chosen"),
    [
        ("Minor", "3.0.0", "3.0.1 3.0.5 3.1.1", "3.0.5"),
        ("Minor", "3.0.0", "3.1.1 3.1.3 3.2.0 4.0.0", "3.1.3"),
        ("Minor", "3.0.0", "4.0.0", None),
        ("LatestPatch", "3.0.0", "3.1.0", None),
        ("LatestPatch", "3.0.1", "3.0.0 3.0.9", "3.0.9"),
        ("Major", "3.0.0", "4.1.2 4.1.5 5.0.0", "4.1.5"),
        ("Major", "3.0.0", "3.1.4 4.0.0", "3.1.4"),
        ("LatestMinor", "3.0.0", "3.0.3 3.1.1 3.2.0 4.0.0", "3.2.0"),
        ("LatestMajor", "3.0.0", "3.0.3 4.0.0 5.1.0", "5.1.0"),
        ("Disable", "3.0.0", "3.0.0 3.0.1", "3.0.0"),
        ("Disable", "3.0.0", "3.0.1", None),
        ("Minor", "3.0.5", "3.0.4", None),
        ("Minor", "9.0.0", "9.0.1-rc.1 9.0.0", "9.0.0"),
        ("Minor", "9.0.0", "9.1.0-rc.1", "9.1.0-rc.1"),
        ("Minor", "9.0.0-rc.1", "9.0.0-rc.2 9.0.0", "9.0.0-rc.2"),
    ],
)
def test_documented_choices(policy: str, requested: str, installed: str, chosen: str | None) -> None:
    assert choose(installed, reference(requested, policy)) == chosen


def test_apply_patches_false_stays_on_the_patch() -> None:
    assert choose("3.0.0 3.0.4", reference("3.0.0", apply_patches=False)) == "3.0.0"
    assert choose("3.0.4", reference("3.0.0", "LatestPatch", apply_patches=False)) is None


@pytest.fixture(scope="module")
def made_up_root(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dotnet root with many versions, all of them links to the one real framework."""
    root = tmp_path_factory.mktemp("root")
    (root / "dotnet").write_bytes((inputs.net9 / "dotnet").read_bytes())
    (root / "dotnet").chmod(0o755)
    (root / "host").symlink_to(inputs.net9 / "host")
    folder = root / "shared" / NETCORE_APP
    folder.mkdir(parents=True)
    for version in ("9.0.5", "9.0.11", "9.2.1", "9.2.3", "9.4.0-rc.1", "10.0.0", "10.1.0", "11.0.0-preview.3"):
        (folder / version).symlink_to(inputs.framework("9.0"))
    return root


@pytest.mark.runtime
@pytest.mark.parametrize("requested", ["9.0.0", "9.1.0", "9.4.0", "10.0.1", "9.4.0-preview.1"])
@pytest.mark.parametrize("policy", ["Disable", "LatestPatch", "Minor", "LatestMinor", "Major", "LatestMajor"])
def test_the_host_chooses_the_same(made_up_root: Path, tmp_path: Path, requested: str, policy: str) -> None:
    """The host resolves frameworks before it looks at the application, so a text file will do as one."""
    app = tmp_path / "app.dll"
    app.write_text("not an assembly")
    write_json(tmp_path / "app.runtimeconfig.json", runtime_options(requested, rollForward=policy))
    trace = tmp_path / "host.log"
    host(made_up_root, app, tmp_path, {"COREHOST_TRACE": "1", "COREHOST_TRACEFILE": str(trace)})
    lines = [line for line in trace.read_text().splitlines() if line.startswith("Chose FX version")]
    by_host = Path(lines[-1].partition("[")[2].rstrip("]")).name if lines else None
    config = read_runtime_config(config_path(app), {})
    assert config is not None
    try:
        ours = resolve_frameworks(config.frameworks, made_up_root, framework_references)[-1].version
    except NativegenError as error:
        assert error.code == "NGEN2004"
        ours = None
    assert ours == by_host


def test_dependents_come_first(inputs: TestInputs) -> None:
    aspnetcore = FrameworkReference("Microsoft.AspNetCore.App", RuntimeVersion.parse("9.0.0"))
    base = FrameworkReference(NETCORE_APP, RuntimeVersion.parse("9.0.0"))
    for order in ([aspnetcore], [base, aspnetcore], [aspnetcore, base]):
        frameworks = resolve_frameworks(order, inputs.net9, framework_references)
        assert [framework.name for framework in frameworks] == ["Microsoft.AspNetCore.App", NETCORE_APP]


def test_references_that_do_not_go_together(made_up_root: Path) -> None:
    exact = FrameworkReference(NETCORE_APP, RuntimeVersion.parse("9.0.5"), Range.EXACT)
    other = FrameworkReference(NETCORE_APP, RuntimeVersion.parse("9.2.1"))
    with pytest.raises(NativegenError, match=r"wanted as 9\.0\.5 and as 9\.2\.1") as raised:
        resolve_frameworks([other, exact], made_up_root, framework_references, "app.runtimeconfig.json")
    assert raised.value.code == "NGEN2005"


def test_a_later_reference_raises_an_earlier_choice(made_up_root: Path, tmp_path: Path) -> None:
    """The second framework wants more of the first: the host starts again, and so do we."""
    upper = made_up_root / "shared" / "Upper" / "1.0.0"
    write_json(upper / "Upper.runtimeconfig.json", runtime_options("9.2.0"))
    references = [
        FrameworkReference(NETCORE_APP, RuntimeVersion.parse("9.0.0")),
        FrameworkReference("Upper", RuntimeVersion.parse("1.0.0")),
    ]
    frameworks = resolve_frameworks(references, made_up_root, framework_references)
    assert [(f.name, f.version) for f in frameworks] == [("Upper", "1.0.0"), (NETCORE_APP, "9.2.3")]


def test_a_missing_framework_names_what_is_there(inputs: TestInputs) -> None:
    wanted = [FrameworkReference(NETCORE_APP, RuntimeVersion.parse("8.0.0"))]
    with pytest.raises(NativegenError) as raised:
        resolve_frameworks(wanted, inputs.net9, framework_references, "app.runtimeconfig.json")
    assert raised.value.code == "NGEN2004"
    assert raised.value.exit_code == 3
    assert str(raised.value).startswith("app.runtimeconfig.json: error NGEN2004: framework Microsoft.NETCore.App 8.0.0")
    assert "(there: 9.0.5)" in str(raised.value)


def test_installed_versions_ignore_other_folders(tmp_path: Path) -> None:
    for name in ("3.1.23", "9.0.5", "latest", "9.0"):
        (tmp_path / "shared" / "X" / name).mkdir(parents=True)
    (tmp_path / "shared" / "X" / "9.9.9").write_text("a file")
    assert [str(v) for v in installed_versions(tmp_path, "X")] == ["3.1.23", "9.0.5"]
    assert installed_versions(tmp_path, "Y") == []
