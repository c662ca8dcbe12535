"""Images that are right pass every static check; the order and the grades of checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.verify.references import References
from nativegen.verify.static import CHECKS, verify_static
from tests.support.paths import TestInputs
from tests.verify.support import failed_checks, subject, verify


@pytest.mark.parametrize("target", ["3.1", "9.0"])
@pytest.mark.parametrize("name", ["System.Linq", "System.Collections", "System.Text.Json", "Microsoft.CSharp"])
def test_images_of_microsoft_pass(inputs: TestInputs, target: str, name: str) -> None:
    path = inputs.framework(target) / f"{name}.dll"
    result = verify(path, source=path, target=target)
    assert result.passed, result.failures
    assert [one.check for one in result.results] == list(CHECKS)


@pytest.mark.sweep
@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_all_images_of_microsoft_pass(inputs: TestInputs, target: str) -> None:
    """The oracle of the checks: what they ask for, crossgen's images have."""
    folder = inputs.framework(target)
    references = References({path.stem: str(path) for path in folder.glob("*.dll")})
    paths = [path for path in sorted(folder.glob("System.*.dll")) if Assembly.open(path).is_ready_to_run]
    assert len(paths) > 50
    for path in paths:
        (result,) = verify_static([subject(path, source=path, target=target, references=references)])
        assert result.passed, (path.name, result.failures)


@pytest.mark.parametrize("size", [0, 100, 5000, 60000])
def test_a_truncated_image_is_one_finding_or_a_few(inputs: TestInputs, tmp_path: Path, size: int) -> None:
    copy = tmp_path / "System.Collections.dll"
    copy.write_bytes((inputs.framework("3.1") / copy.name).read_bytes()[:size])
    result = verify(copy)
    assert not result.passed and {severity.name for severity in failed_checks(result).values()} == {"ABORT"}
    messages = [finding.message for _, finding in result.failures]
    assert len(set(messages)) == len(messages)


def test_names_and_titles_are_unique() -> None:
    assert len({check.name for check in CHECKS}) == len({check.title for check in CHECKS}) == len(CHECKS)
