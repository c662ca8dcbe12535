"""Driving azmcp: what is run, how its output is compared, an exchange in its protocol.

Normalisation, all of it: replies are JSON and compared after parsing, with every key ``duration`` removed (a number of
milliseconds); text inside a protocol reply that is JSON itself is treated likewise; protocol replies are compared by
id, since the server answers in any order. ``--version``, ``--help`` and refusals are compared byte for byte.

Environment: empty HOME, telemetry off, no credentials. None of the commands needs the network.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nativegen.runtime.discover import Runtime, runtime_for
from nativegen.runtime.host import RunResult, TraceRequest, run_app
from tests.acceptance.stress import GcStress
from tests.support.runtimes import clean_environment


class Command(NamedTuple):
    """Arguments, whether the output is JSON, the exit code."""

    arguments: tuple[str, ...]
    is_json: bool
    exit_code: int


COMMANDS = (
    Command(("--version",), False, 0),
    Command(("--help",), False, 0),
    Command(("storage",), False, 1),  # refused: a command is missing
    Command(("storage", "account", "list"), False, 1),  # refused: an option is missing
    Command(("tools", "list"), True, 0),
    Command(("azureterraformbestpractices", "get"), True, 0),
    Command(("bicepschema", "get", "--resource-type", "Microsoft.KeyVault/vaults"), True, 0),
)
_TIMEOUT = 300.0

_CLIENT = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "acceptance", "version": "1"}}
_VAULTS = {"resource-type": "Microsoft.KeyVault/vaults"}
REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("initialize", _CLIENT),
    ("tools/list", {}),
    ("ping", {}),
    ("tools/call", {"name": "azmcp_bestpractices_general_get", "arguments": {}}),
    ("tools/call", {"name": "azmcp_bicepschema_get", "arguments": _VAULTS}),
    ("tools/call", {"name": "azmcp_storage_account_list", "arguments": {}}),  # refused: an option is missing
    ("tools/call", {"name": "no_such_tool", "arguments": {}}),
    ("no/such/method", {}),
)


@dataclass(frozen=True, slots=True)
class Application:
    """One copy of the application; ``tiering`` (see run_app) and ``stress`` hold for every run."""

    folder: Path
    home: Path
    tiering: bool | None = None
    stress: GcStress | None = None

    @property
    def path(self) -> Path:
        return self.folder / "azmcp.dll"

    @property
    def runtime(self) -> Runtime:
        return runtime_for(self.path)

    @property
    def environment(self) -> dict[str, str]:
        stress = self.stress.environment if self.stress else {}
        return clean_environment(self.home) | {"AZURE_MCP_COLLECT_TELEMETRY": "false"} | stress

    @property
    def settings(self) -> Mapping[str, str]:
        """Runtime settings by name, without those of tiering."""
        return self.stress.settings if self.stress else {}

    def run(self, arguments: Sequence[str], trace: TraceRequest | None = None) -> RunResult:
        """One command, to its end."""
        return run_app(
            self.path,
            arguments,
            runtime=self.runtime,
            environment=self.environment,
            settings=self.settings,
            tiering=self.tiering,
            trace=trace,
            timeout=_TIMEOUT,
        )

    def outcome(self, command: Command) -> tuple[int, object, bytes]:
        """Exit code, output in comparable form, error output."""
        ran = self.run(command.arguments)
        output: object = ran.stdout
        if command.is_json and ran.exit_code == 0:
            output = without_durations(json.loads(ran.stdout))
        return ran.exit_code, output, ran.stderr

    def exchange(self, rounds: int = 1) -> dict[int, object]:
        """``azmcp server start``: the requests in turn (``rounds`` times, the handshake once), replies by id.

        Each request waits for its reply, as clients do.

        Raises:
            AssertionError: the server ended early, or not cleanly after its input was closed.
        """
        pending = [*REQUESTS, *(request for _ in range(rounds - 1) for request in REQUESTS[1:])]
        messages: list[dict[str, Any]] = []
        for number, (method, parameters) in enumerate(pending, 1):
            messages.append({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters})
            if method == "initialize":
                messages.append({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self.converse(messages)

    def converse(self, messages: Iterable[Mapping[str, Any]]) -> dict[int, object]:
        """``azmcp server start``: the messages in turn, each request followed by its reply; replies by id.

        Raises:
            AssertionError: see :meth:`exchange`.
        """
        knobs = dict(self.settings)
        if self.tiering is not None:
            knobs["TieredCompilation"] = "1" if self.tiering else "0"
        environment = self.environment | {self.runtime.environment_prefix + k: v for k, v in knobs.items()}
        replies: dict[int, object] = {}
        with subprocess.Popen(
            [self.path.with_suffix(""), "server", "start"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdin is not None and server.stdout is not None and server.stderr is not None
            for message in messages:
                server.stdin.write(json.dumps(message) + "\n")
                server.stdin.flush()
                while "id" in message and message["id"] not in replies:
                    line = server.stdout.readline()
                    assert line, f"the server ended after {message['method']}: {server.stderr.read()[-2000:]}"
                    reply = json.loads(line)
                    if "id" in reply:
                        replies[reply["id"]] = without_durations(reply)
            server.stdin.close()
            assert server.wait(_TIMEOUT) == 0, server.stderr.read()[-2000:]
        return replies


def read_session(path: Path) -> list[dict[str, Any]]:
    """The messages of a request file: one JSON object a line."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def command_groups(help_text: str) -> list[str]:
    """The commands that the application's own help lists."""
    _, _, commands = help_text.partition("\nCommands:\n")
    return [line.split()[0] for line in commands.splitlines() if line.startswith("  ") and line[2] != " "]


def without_durations(value: object) -> object:
    """The parsed JSON without any key ``duration``, in texts that are JSON themselves too."""
    if isinstance(value, dict):
        return {key: without_durations(each) for key, each in value.items() if key != "duration"}
    if isinstance(value, list):
        return [without_durations(each) for each in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return without_durations(json.loads(value))
        except ValueError:
            return value
    return value
