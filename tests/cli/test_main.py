"""Help, exit codes and the actions that need no compiler."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from nativegen.cli.actions import ACTIONS
from nativegen.cli.examples import of
from nativegen.cli.switches import parse
from nativegen.diagnostics import DIAGNOSTICS
from tests.cli.support import nativegen

HELP_FORMS = [[], ["/?"], ["/help"], ["help"], ["--help"], ["-h"], ["-?"]]


@pytest.mark.parametrize("form", HELP_FORMS, ids=[" ".join(form) or "none" for form in HELP_FORMS])
def test_C1_help_names_every_action(form: list[str]) -> None:
    outcome = nativegen(*form)
    assert outcome.code == 0
    for action in ACTIONS:
        assert re.search(rf"^  {action} ", outcome.out, re.MULTILINE)
    assert "/nologo" in outcome.out and "/verbose" in outcome.out


def test_H1_to_H3_the_help_gives_ngens_advice() -> None:
    text = " ".join(nativegen("help").out.split())
    assert "Large applications generally benefit" in text and "small ones generally do not" in text
    assert "only measurement" in text and "more disk space than IL" in text and "regenerated" in text
    assert "dominated by the disk" in text and "One assembly may need several images" in text
    # Our own measurements: those that docs/acceptance.md has.
    acceptance = (Path(__file__).parents[2] / "docs" / "acceptance.md").read_text("utf-8")
    for figure in ("0.47", "0.64", "0.95", "0.96", "1.06"):
        assert figure in acceptance and figure in text
    partial = (Path(__file__).parents[2] / "docs" / "partial.md").read_text("utf-8")
    assert "| 1,776 | 44 |" in partial and "of 1,776 methods that the tool jitted, 44 are left" in text


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_help(action: str) -> None:
    for form in ([action, "/?"], [action, "--help"], ["help", action]):
        outcome = nativegen(*form)
        assert outcome.code == 0 and outcome.out.startswith(f"Usage: nativegen {action}")


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_examples_that_parse(action: str) -> None:
    shown = nativegen("help", action).out
    examples = of(action)
    assert examples and all(f"  {line}\n      {text}\n" in shown for line, text in examples)
    syntax = importlib.import_module(f"nativegen.cli.actions.{ACTIONS[action][0]}").SYNTAX
    for line, _ in examples:
        program, name, *arguments = shlex.split(line)
        assert (program, name) == ("nativegen", action)
        parse(arguments, syntax)


def test_C8_unknown_actions_and_options_have_the_usage_exit_code() -> None:
    for arguments in (["nonsense"], ["display", "/nonsense"], ["help", "nonsense"], ["uninstall"]):
        outcome = nativegen(*arguments)
        assert outcome.code == 2 and outcome.out == "" and outcome.err.count("\n") == 1


def test_C10_uninstalling_everything_is_no_longer_supported(tmp_path: Path) -> None:
    outcome = nativegen("uninstall", "*", "--cache", tmp_path / "c")
    assert outcome.code == 2 and "no longer supported" in outcome.err


def test_C13_queue_is_not_part_of_uninstall() -> None:
    assert nativegen("uninstall", "App", "/queue").code == 2


def test_cache_path_is_one_line_that_scripts_can_use(tmp_path: Path) -> None:
    outcome = nativegen("cache", "path", "--cache", tmp_path)
    assert outcome.out == f"{tmp_path}\n"
    assert json.loads(nativegen("cache", "path", "--cache", tmp_path, "--json").out) == {"path": str(tmp_path)}


def test_looking_at_a_cache_that_does_not_exist_makes_none(tmp_path: Path) -> None:
    root = tmp_path / "none"
    assert nativegen("cache", "stats", "--cache", root).code == 0
    assert nativegen("display", "--cache", root).code == 0
    assert nativegen("display", "App", "--cache", root).code == 3
    assert not root.exists()


def test_display_of_nothing_has_ngens_headings(tmp_path: Path) -> None:
    assert nativegen("display", "/nologo", "--cache", tmp_path / "c").out == "NGEN Roots:\n\n\nNative Images:\n\n"


def test_U8_the_sentence_for_what_is_not_installed(tmp_path: Path) -> None:
    for action in ("display", "uninstall"):
        outcome = nativegen(action, "Nothing", "/nologo", "--cache", tmp_path / "c")
        assert outcome.out == "Error: The specified assembly is not installed.\n" and outcome.code == 3


def test_A4_A5_a_file_name_must_exist_in_the_current_directory(tmp_path: Path) -> None:
    for action in ("display", "uninstall"):
        outcome = nativegen(action, "vsn.exe", "/nologo", "--cache", tmp_path / "c")
        assert outcome.out == 'Error: The specified file or directory "vsn.exe" is invalid.\n' and outcome.code == 3


def test_C5_C6_the_banner_can_be_suppressed(tmp_path: Path) -> None:
    banner = nativegen("display", "--cache", tmp_path / "c").lines
    assert re.fullmatch(r"nativegen Native Image Generator - Version \d+\.\d+\.\d+", banner[0])
    assert banner[2] == ""
    assert nativegen("display", "/nologo", "--cache", tmp_path / "c").lines == banner[3:]
    assert nativegen("/nologo", "display", "--cache", tmp_path / "c").lines == banner[3:]


@pytest.mark.parametrize(
    ("damage", "code"), [(b"garbage " * 500, "NGEN4005"), ("schema", "NGEN4004")], ids=["damaged", "newer schema"]
)
@pytest.mark.parametrize("action", [["display"], ["cache", "stats"], ["uninstall", "App"], ["update"]])
def test_an_unusable_index_is_exit_code_4(tmp_path: Path, damage: bytes | str, code: str, action: list[str]) -> None:
    root = tmp_path / "c"
    assert nativegen("uninstall", "App", "--cache", root).code == 3
    root.mkdir(mode=0o700)
    index = root / "index.sqlite3"
    if isinstance(damage, bytes):
        index.write_bytes(damage)
    else:
        import sqlite3

        connection = sqlite3.connect(index)
        connection.execute("PRAGMA user_version = 999")
        connection.close()
    before = index.read_bytes()
    outcome = nativegen(*action, "--cache", root)
    assert outcome.code == 4 and code in outcome.err and str(index) in outcome.err and "remedy" in outcome.err
    assert index.read_bytes() == before


def test_light_commands_import_nothing_heavy(tmp_path: Path) -> None:
    """The guard behind the limit of ACCEPTANCE.md; the times themselves are measured by bench/."""
    code = (
        "import sys; from nativegen.cli.main import main; main(sys.argv[1:]);"
        "heavy = {'typing', 'dataclasses', 'json', 'pathlib', 'argparse', 'rich', 'xxhash', 'shutil', 'subprocess'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    for arguments in (["help"], ["display"], ["cache", "path"], ["cache", "stats"]):
        done = subprocess.run(
            [sys.executable, "-S", "-c", code, *arguments],
            cwd=Path(__file__).parents[2],
            env={"NATIVEGEN_CACHE": str(tmp_path / "c")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stderr)


def test_diagnostics_are_sorted_and_complete() -> None:
    assert list(DIAGNOSTICS) == sorted(DIAGNOSTICS)
    for row in DIAGNOSTICS.values():
        assert re.fullmatch(r"NGEN\d{4}", row.code) and row.remedy and "\n" not in row.message


def process(*arguments: object, stdout: int | IO[bytes] = subprocess.PIPE, **environment: str) -> tuple[int, str, str]:
    """``nativegen ARGUMENTS`` in a process of its own: exit code, output, errors."""
    ran = subprocess.run(
        [sys.executable, "-m", "nativegen", *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    return ran.returncode, (ran.stdout or b"").decode("ascii", "replace"), ran.stderr.decode()


@pytest.mark.parametrize(
    ("given", "meant"), [("instal", "install"), ("Verfy", "verify"), ("executequeueditem", "executeQueuedItems")]
)
def test_a_mistyped_action_is_told_which_one_was_meant(given: str, meant: str) -> None:
    for outcome in (nativegen(given), nativegen("help", given)):
        assert outcome.code == 2 and outcome.out == ""
        said = f"error NGEN7001: unknown action {given.lower()!r} (did you mean {meant}?); remedy: run: nativegen help"
        assert outcome.err.replace(given, given.lower()) == said + "\n"


@pytest.mark.parametrize("form", [["--cache", "{}"], ["--cache={}"], ["/cache:{}"], ["-v", "/nologo", "--cache", "{}"]])
def test_global_options_may_stand_before_the_action(tmp_path: Path, form: list[str]) -> None:
    outcome = nativegen(*(word.format(tmp_path) for word in form), "cache", "path")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path}\n"), outcome
    assert nativegen("--cache").code == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["help"], ["help", "install"], ["--version"], ["cache", "stats", "--json"]])
def test_output_that_cannot_be_written_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        code, _, err = process(*arguments, stdout=full, NATIVEGEN_CACHE=str(tmp_path))
    assert code == 1 and re.fullmatch(r"standard output: error NGEN7004: cannot write: .*; remedy: .*\n", err), err


def test_a_reader_that_went_away_is_no_error_to_complain_about(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        assert process("help", stdout=write)[2] == ""
    finally:
        os.close(write)


def test_names_that_the_terminals_encoding_does_not_have_are_printed_escaped(tmp_path: Path) -> None:
    path = tmp_path / "Größe"
    code, out, err = process("cache", "path", "--cache", path, PYTHONIOENCODING="ascii")
    assert (code, out, err) == (0, f"{tmp_path}/Gr\\xf6\\xdfe\n", "")
    code, out, err = process("cache", "path", "--cache", os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    assert (code, out, err) == (0, f"{tmp_path}/\\udcff\n", "")
