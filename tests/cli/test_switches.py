"""The switch parser: research C1 to C8, A4, A5, C11."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.cli.switches import Parsed, Switch, Syntax, UsageError, parse

SYNTAX = Syntax(
    (
        Switch("Debug"),
        Switch("ExeConfig", "EXE"),
        Switch("queue", "1|2|3", optional=True, choices=("1", "2", "3")),
        Switch("reference", "FILE", short="r", repeat=True),
        Switch("jobs", "N", short="j"),
        Switch("O", short="O"),
        Switch("Od"),
    ),
    positionals=(1, 1),
    response_files=True,
)


def understand(*arguments: str) -> Parsed:
    return parse(list(arguments), SYNTAX)


@pytest.mark.parametrize("debug", ["/Debug", "/debug", "/DEBUG", "--debug", "-debug", "-Debug"])
def test_C2_switch_names_ignore_case_and_take_three_prefixes(debug: str) -> None:
    parsed = understand("app.dll", debug)
    assert parsed.flag("Debug") and parsed.positionals == ["app.dll"]


@pytest.mark.parametrize("path", ["/opt/app.dll", "/app.dll", "/opt/debug", "/r/x.dll", "/home/me/My App/a.exe", "-"])
def test_C2_a_path_is_never_mistaken_for_a_switch(path: str) -> None:
    parsed = understand(path)
    assert parsed.positionals == [path] and not parsed.flag("Debug")


def test_C3_options_may_follow_the_assembly() -> None:
    assert understand("MyApp.exe", "/debug").flag("Debug")
    assert understand("/debug", "MyApp.exe").flag("Debug")


def test_C4_a_second_assembly_is_named() -> None:
    with pytest.raises(UsageError, match=r"second\.dll"):
        understand("first.dll", "second.dll")


@pytest.mark.parametrize("argument", ["/Debgu", "--no-such", "-z", "/x:1"])
def test_C8_unknown_options_are_errors(argument: str) -> None:
    with pytest.raises(UsageError, match="unknown option"):
        understand("app.dll", argument)


def test_C11_queue_priorities() -> None:
    assert understand("a.dll", "/queue").value("queue") is None
    assert understand("a.dll", "/queue").flag("queue")
    assert understand("a.dll", "/queue:2").value("queue") == "2"
    assert understand("a.dll", "--queue=1").value("queue") == "1"
    for wrong in ("/queue:4", "/queue:", "--queue="):
        with pytest.raises(UsageError):
            understand("a.dll", wrong)


@pytest.mark.parametrize(
    "arguments",
    [
        ["/ExeConfig:/a/b.exe"],
        ["--exe-config", "/a/b.exe"],
        ["--ExeConfig=/a/b.exe"],
        ["/execonfig=/a/b.exe"],
        ["--execonfig:/a/b.exe"],
    ],
)
def test_values_follow_a_colon_an_equals_sign_or_stand_alone(arguments: list[str]) -> None:
    assert understand("a.dll", *arguments).value("ExeConfig") == "/a/b.exe"


def test_missing_and_superfluous_values_are_errors() -> None:
    for wrong in (["/ExeConfig"], ["--exe-config"], ["/Debug:1"], ["/ExeConfig:"], ["/ExeConfig:a", "/ExeConfig:b"]):
        with pytest.raises(UsageError):
            understand("a.dll", *wrong)


def test_short_switches_take_attached_values() -> None:
    parsed = understand("-j2", "-r", "x.dll", "-ry.dll", "/r:z.dll", "a.dll")
    assert parsed.value("jobs") == "2" and parsed.values("reference") == ["x.dll", "y.dll", "z.dll"]
    assert understand("a.dll", "-O").flag("O") and understand("a.dll", "-Od").flag("Od")


def test_a_double_dash_ends_the_switches() -> None:
    assert understand("--", "/Debug").positionals == ["/Debug"]


def test_arguments_of_the_program_are_not_touched() -> None:
    syntax = Syntax((Switch("Debug"),), positionals=(1, 1), passes_rest=True)
    parsed = parse(["/Debug", "app.dll", "--", "--json", "@x"], syntax)
    assert parsed.rest == ["--json", "@x"] and not parsed.flag("json")
    assert parse(["app.dll", "/Debug", "--unknown"], syntax).rest == ["/Debug", "--unknown"]


def test_response_files(tmp_path: Path) -> None:
    file = tmp_path / "args.rsp"
    file.write_text('# references\n-r "a b.dll" --reference c.dll\n/Debug\n')
    parsed = understand("app.dll", f"@{file}")
    assert parsed.values("reference") == ["a b.dll", "c.dll"] and parsed.flag("Debug")
    file.write_text(f"@{file}")
    with pytest.raises(UsageError, match="another"):
        understand("app.dll", f"@{file}")
    with pytest.raises(UsageError, match=r"missing\.rsp"):
        understand("app.dll", "@missing.rsp")


def test_a_folder_at_the_root_is_a_path_where_no_switch_has_its_name() -> None:
    assert Path("/tmp").is_dir() and understand("/tmp").positionals == ["/tmp"]
    with pytest.raises(UsageError, match="unknown option '/tpm'"):
        understand("/tpm")
