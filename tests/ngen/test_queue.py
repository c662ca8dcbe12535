"""C11 to C15, E1, E2, Q1, Q2, V1 to V5: the queue and its worker from the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.apps import RUNTIME_VERSION, TARGET, make_app
from tests.cli.conftest import Command
from tests.cli.support import Outcome

pytestmark = pytest.mark.runtime

SERVICE = re.compile(r"The .NET Runtime Optimization Service is ([a-z]+)")


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "still waiting"
        time.sleep(0.2)


def service(command: Command) -> dict[str, object]:
    document: dict[str, object] = json.loads(command("service", "status", "--json").out)
    return document


def queue_status(command: Command) -> str:
    found = SERVICE.match(command("queue", "status", "/nologo").out)
    assert found is not None
    return found[1]


def usage_error(outcome: Outcome) -> bool:
    return outcome.code == 2 and outcome.out == "" and outcome.err.count("\n") == 1 and "NGEN7002" in outcome.err


def test_C9_eqi_is_an_alias(command: Command) -> None:
    full, short = command("executeQueuedItems", "/nologo"), command("eqi", "/nologo")
    assert full == short == command("EXECUTEQUEUEDITEMS", "/nologo")
    assert full.code == 0 and full.out == "All compilation targets are up to date.\n"


@pytest.mark.parametrize("switch", ["/queue:4", "/queue:", "/queue:x", "/queue:0"])
def test_C11_queue_takes_1_to_3(command: Command, tmp_path: Path, switch: str) -> None:
    (tmp_path / "A.dll").write_bytes(b"")
    outcome = command("install", tmp_path / "A.dll", switch, "/nologo")
    assert outcome.code == 2 and "NGEN7002" in outcome.err


def test_C11_I7_queue_records_and_returns(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    for switch, priority in (("/queue", 3), ("/queue:2", 2), ("/queue:1", 1)):
        outcome = command("install", app, switch, "/nologo")
        assert outcome.code == 0 and f"/queue:{priority}" in outcome.out
        wanted = {"priority": priority, "command": f'install "{app}"', "path": str(app)}
        assert service(command)["queue"] == [wanted]
    assert not list(cache.glob("NativeImages_*"))


def test_C12_P3_update_queues_with_priority_3_and_takes_no_assembly(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    assert usage_error(command("update", app, "/nologo"))
    assert usage_error(command("update", "/queue:1", "/nologo"))
    command("install", app, "/queue:1")
    assert command("update", "/queue", "/nologo").code == 0
    assert [i["command"] for i in service(command)["queue"]] == [f'install "{app}"', "update"]  # type: ignore[attr-defined]
    assert service(command)["queue"][1]["priority"] == 3  # type: ignore[index]


@pytest.mark.parametrize("arguments", [["queue"], ["queue", "stop"], ["queue", "pause", "status"]])
def test_C14_queue_takes_exactly_one_of_three(command: Command, arguments: list[str]) -> None:
    assert command(*arguments, "/nologo").code == 2


@pytest.mark.parametrize("number", ["0", "4", "x"])
def test_C15_other_priorities_are_errors(command: Command, number: str) -> None:
    assert command("executeQueuedItems", number, "/nologo").code == 2


def test_E1_E2_D4_I5_the_queue_is_worked_in_the_caller(command: Command, tmp_path: Path) -> None:
    first, second = make_app(tmp_path / "first"), make_app(tmp_path / "second")
    command("install", first, "/queue:3")
    command("install", second, "/queue:2")
    shown = command("display", "/nologo").out
    assert f"{first} (pending)\n" in shown and f"{second} (pending)\n" in shown
    done = command("eqi", "2", "/nologo")
    assert done.code == 0 and f"1>    Compiling assembly {second} (CLR v{RUNTIME_VERSION}) ..." in done.out
    shown = command("display", "/nologo").out
    assert f"{first} (pending)\n" in shown and f"NGEN Roots:\n\n{second}\n" in shown
    assert command("eqi", "/nologo").code == 0
    assert "pending" not in command("display").out
    assert command("run", first, "/silent").out.startswith("answer 42")
    assert command("install", first, "/nologo").out == "All compilation targets are up to date.\n"


def test_Q1_Q2_the_installers_recipe(command: Command, tmp_path: Path) -> None:
    assert queue_status(command) == "stopped"
    assert command("queue", "pause", "/nologo").out == "The .NET Runtime Optimization Service is started and paused.\n"
    app = make_app(tmp_path / "app")
    assert command("install", app, "/queue:1", NATIVEGEN_SERVICE="").code == 0
    assert queue_status(command) == "started" and service(command)["running"] is False
    resumed = command("queue", "continue", NATIVEGEN_SERVICE="")
    assert resumed.code == 0 and resumed.out.endswith("The .NET Runtime Optimization Service is running.\n")
    wait_until(lambda: service(command)["queue"] == [] and not service(command)["running"])
    assert f"NGEN Roots:\n\n{app}\n" in command("display", "/nologo").out


def test_V1_V2_the_worker_starts_survives_being_killed_and_ends(command: Command, tmp_path: Path, cache: Path) -> None:
    app = make_app(tmp_path / "app")
    assert command("install", app, "/queue", NATIVEGEN_SERVICE="", NATIVEGEN_IDLE="never").code == 0
    wait_until(lambda: service(command)["process"] is not None)
    process = service(command)["process"]
    assert queue_status(command) == "running"
    os.kill(process, signal.SIGKILL)  # type: ignore[arg-type]
    wait_until(lambda: not service(command)["running"])
    assert len(service(command)["queue"]) == 1 and queue_status(command) == "stopped"  # type: ignore[arg-type]
    assert command("install", app, "/queue", NATIVEGEN_SERVICE="", NATIVEGEN_IDLE="always").code == 0
    wait_until(lambda: service(command)["queue"] == [])
    wait_until(lambda: not service(command)["running"])
    log = (cache / "log" / "ngen.log").read_text()
    assert f'Executing command from offline queue: install "{app}" /queue:3' in log
    assert "Compiling assembly" in log and queue_status(command) == "stopped"


def test_V4_the_task_does_deferred_work_and_pending_updates(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    command("install", app, "/queue")
    assert command("service", "task", NATIVEGEN_IDLE="never").out == "0 queued items done.\n"
    assert command("service", "task", NATIVEGEN_IDLE="always").out == "2 queued items done.\n"
    assert command("why", app).out == "3 native images are valid: nothing changed.\n"


def test_A6_install_by_name_looks_into_the_cache_never_here(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    unknown = command("install", "App", "/nologo")
    assert unknown.code == 3 and unknown.out == 'Error: The specified file or directory "App" is invalid.\n'
    command("install", app)
    queued = command("install", "core", "/queue:1", "/nologo")
    assert queued.code == 0 and queued.out.startswith(f'install "{app.parent}/Core.dll": queued')


def test_A7_the_shared_framework_is_installed_by_display_name(command: Command) -> None:
    version = {"3.1": "4.2.2.0", "9.0": "9.0.0.0"}[TARGET]
    name = f"System.Linq, Version={version}, Culture=neutral, PublicKeyToken=b03f5f7f11d50a3a"
    outcome = command("install", name, "/queue", "/nologo")
    assert outcome.code == 0 and f"Microsoft.NETCore.App/{RUNTIME_VERSION}/System.Linq.dll" in outcome.out
    assert command("install", name.replace(version, "9.9.9.9"), "/nologo").code == 3


def test_a_failing_item_makes_eqi_fail(command: Command, tmp_path: Path) -> None:
    broken = tmp_path / "Broken.dll"
    broken.write_bytes(b"MZ")
    command("install", broken, "/queue")
    outcome = command("eqi", "/nologo")
    assert outcome.code == 1 and "NGEN1001" in outcome.err and outcome.out == "" and service(command)["queue"] == []
