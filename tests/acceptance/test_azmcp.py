"""azmcp: its 192 IL-only assemblies are compiled, the runtime takes the images, the application behaves the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.azmcp import COMMANDS, REQUESTS, Application, Command
from tests.acceptance.instances import audit_instances
from tests.acceptance.rejections import audit_images
from tests.acceptance.stress import GcStress
from tests.support.images import ImageSet
from tests.support.paths import TestInputs

pytestmark = [pytest.mark.sweep, pytest.mark.runtime]

TOLERANCE = 0.001  # ACCEPTANCE.md "Native"

# Name -> tiering, GC stress.
MODES = {
    "default tiering": (None, False),
    "no tiering": (False, False),
    "GC stress, no tiering": (False, True),
    "GC stress, tiering": (True, True),
}


def test_every_assembly_compiles(azmcp_images: ImageSet) -> None:
    assert len(azmcp_images.reports) == 192
    assert len(azmcp_images.images) == 111
    assert len(azmcp_images.facades) == 81
    assert sum(report.methods for report in azmcp_images.reports.values()) > 210_000
    for name in azmcp_images.facades:
        assert azmcp_images.reports[name].methods == 0, name
        assert not (azmcp_images.folder / f"{name}.dll").exists(), name


def test_the_runtime_takes_every_method(azmcp_images: ImageSet, azmcp_native: Path) -> None:
    images = {name: azmcp_native / path.name for name, path in azmcp_images.images.items()}
    audit = audit_images(azmcp_native / "azmcp.dll", images)
    instances = audit_instances(azmcp_native / "azmcp.dll", images)
    print(*audit.summary(), *instances.summary(), sep="\n")
    assert audit.refused_images == {}
    native = sum(report.native for report in azmcp_images.reports.values())
    assert audit.prepared + instances.shared <= native <= audit.prepared + instances.methods
    assert audit.rejected + len(instances.rejected) <= TOLERANCE * audit.prepared
    assert instances.prepared > 0.8 * instances.entries


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.arguments))
def test_commands_behave_the_same(
    command: Command, mode: str, azmcp_native: Path, inputs: TestInputs, tmp_path: Path
) -> None:
    tiering, stressed = MODES[mode]
    stress = GcStress.create(tmp_path) if stressed else None
    shipped = Application(inputs.azmcp, _home(tmp_path, "shipped"), tiering)
    native = Application(azmcp_native, _home(tmp_path, "native"), tiering, stress)
    expected = shipped.outcome(command)
    assert native.outcome(command) == expected
    assert expected[0] == command.exit_code
    assert stress is None or stress.collections() >= 10


@pytest.mark.parametrize("mode", MODES)
def test_protocol_exchange_is_the_same(mode: str, azmcp_native: Path, inputs: TestInputs, tmp_path: Path) -> None:
    """Forty rounds: long enough for the tiered JIT to take over from the images."""
    tiering, stressed = MODES[mode]
    stress = GcStress.create(tmp_path) if stressed else None
    rounds = 40 if tiering is None else 5
    shipped = Application(inputs.azmcp, _home(tmp_path, "shipped"), tiering).exchange()
    replies = Application(azmcp_native, _home(tmp_path, "native"), tiering, stress).exchange(rounds)
    assert stress is None or stress.collections() >= 10
    assert len(shipped) == len(REQUESTS)
    for number, reply in replies.items():
        same = number if number == 1 else 2 + (number - 2) % (len(REQUESTS) - 1)
        assert _without_id(reply) == _without_id(shipped[same]), REQUESTS[same - 1]


def _home(folder: Path, name: str) -> Path:
    home = folder / name
    home.mkdir()
    return home


def _without_id(reply: object) -> dict[str, object]:
    assert isinstance(reply, dict)
    return {key: value for key, value in reply.items() if key != "id"}
