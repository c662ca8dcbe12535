"""A longer session of azmcp: the help of every command group, and a protocol session from a request file.

The file is tests/data/mcp-session.jsonl: handshake, list of tools, a call that fails (its option is missing).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.azmcp import Application, Command, command_groups, read_session
from tests.acceptance.stress import GcStress
from tests.support.images import ImageSet
from tests.support.paths import TestInputs

pytestmark = [pytest.mark.sweep, pytest.mark.runtime]

SESSION = Path(__file__).parents[1] / "data" / "mcp-session.jsonl"


def test_the_help_of_every_command_group_is_the_same(azmcp_native: Path, inputs: TestInputs, tmp_path: Path) -> None:
    shipped, native = (Application(folder, tmp_path) for folder in (inputs.azmcp, azmcp_native))
    groups = command_groups(shipped.run(["--help"]).stdout.decode())
    assert len(groups) >= 26 and {"storage", "sql", "server", "loadtesting"} <= set(groups)
    for group in groups:
        command = Command((group, "--help"), False, 1)  # it prints the help and wants a subcommand nevertheless
        expected = shipped.outcome(command)
        assert isinstance(expected[1], bytes) and expected[1].startswith(b"Description:"), group
        assert native.outcome(command) == expected, group


@pytest.mark.parametrize("stressed", [False, True], ids=["plain", "GC stress"])
def test_the_protocol_session_is_the_same(
    stressed: bool, azmcp_native: Path, azmcp_images: ImageSet, inputs: TestInputs, tmp_path: Path
) -> None:
    messages = read_session(SESSION)
    stress = GcStress.create(tmp_path) if stressed else None
    expected = Application(inputs.azmcp, tmp_path).converse(messages)
    assert sorted(expected) == [1, 2, 3]
    failed = expected[3]
    assert isinstance(failed, dict) and "Missing" in str(failed)
    assert Application(azmcp_native, tmp_path, None if stress is None else False, stress).converse(messages) == expected
    assert stress is None or stress.collections() >= 10
