"""The bad-input list of ACCEPTANCE.md: diagnostic code, exit code, file named, remedy given, cache unchanged."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.metadata.assembly_writer import AssemblyWriter, Body
from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.reader import ReadyToRunImage
from tests.cli.apps import make_app, make_core
from tests.cli.conftest import Command, snapshot
from tests.cli.support import Outcome
from tests.metadata.patch import Patcher
from tests.support.csharp import assemble_il, compile_csharp
from tests.support.paths import TestInputs

CORE_TOKEN = bytes.fromhex("7cec85d7bea7798e")
BUNDLE_SIGNATURE = bytes.fromhex("8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae")


def library(folder: Path, name: str = "Bad", with_method: bool = True) -> Path:
    """A valid small assembly, to be damaged."""
    writer = AssemblyWriter(name)
    core = writer.assembly_ref("System.Private.CoreLib", CORE_TOKEN)
    writer.type_def(1, "", "C", writer.type_ref(core, "System", "Object"))
    if with_method:
        body = Body(1)
        body.op(0x2A)
        writer.method(0x96, "M", bytes([0, 0, 1]), body.encode(0))
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.dll"
    path.write_bytes(writer.build())
    return path


def no_pe(folder: Path) -> Path:
    path = folder / "Bad.dll"
    path.write_bytes(b"this is a text file\n" * 50)
    return path


def empty(folder: Path) -> Path:
    path = folder / "Bad.dll"
    path.write_bytes(b"")
    return path


def truncated(folder: Path) -> Path:
    path = library(folder)
    path.write_bytes(path.read_bytes()[:700])
    return path


def native_pe(folder: Path) -> Path:
    patcher = Patcher(library(folder))
    patcher.set_directory(14, 0, 0)
    (folder / "Bad.dll").write_bytes(patcher.data)
    return folder / "Bad.dll"


def netmodule(folder: Path) -> Path:
    return compile_csharp("public class C { public static void M() { } }", folder, "Bad", extra=["-target:module"])


def uncompressed_tables(folder: Path) -> Path:
    path = library(folder)
    path.write_bytes(path.read_bytes().replace(b"#~\0\0", b"#-\0\0"))
    return path


def reference_assembly(folder: Path) -> Path:
    source = (
        "[assembly: System.Runtime.CompilerServices.ReferenceAssembly] public class C { public static void M() { } }"
    )
    return compile_csharp(source, folder, "Bad", library=True)


def mixed_mode(folder: Path) -> Path:
    patcher = Patcher(library(folder))
    patcher.set_cli_u4(16, 0)
    (folder / "Bad.dll").write_bytes(patcher.data)
    return folder / "Bad.dll"


def winmd(folder: Path) -> Path:
    patcher = Patcher(library(folder))
    patcher.set_metadata_version(b"WindowsRuntime 1.4")
    (folder / "Bad.dll").write_bytes(patcher.data)
    return folder / "Bad.dll"


def satellite(folder: Path) -> Path:
    source = '[assembly: System.Reflection.AssemblyCulture("de")] public class C { public static void M() { } }'
    return compile_csharp(source, folder, "Bad", library=True)


def already_native(folder: Path) -> Path:
    from tests.support.paths import find_inputs

    return Path(shutil.copy(find_inputs().framework("3.1") / "System.Linq.dll", folder / "System.Linq.dll"))


def composite_component(folder: Path) -> Path:
    """An image whose code is in another file: its identifier becomes the name of the composite image."""
    path = already_native(folder)
    image = ReadyToRunImage.open(path)
    section = image.section(SectionType.CompilerIdentifier)
    assert section is not None
    entry = struct.pack("<III", SectionType.CompilerIdentifier, section.rva, section.size)
    data = path.read_bytes()
    assert data.count(entry) == 1
    path.write_bytes(data.replace(entry, struct.pack("<I", SectionType.OwnerCompositeExecutable) + entry[4:]))
    assert ReadyToRunImage.open(path).owner_composite_executable
    return path


def apphost(folder: Path) -> Path:
    library(folder)
    path = folder / "Bad"
    path.write_bytes(b"\x7fELF" + bytes(200) + bytes(8) + BUNDLE_SIGNATURE + bytes(50))
    return path


def single_file_bundle(folder: Path) -> Path:
    path = folder / "Bad"
    path.write_bytes(b"\x7fELF" + bytes(200) + (4096).to_bytes(8, "little") + BUNDLE_SIGNATURE + bytes(50))
    return path


def facade(folder: Path) -> Path:
    return library(folder, with_method=False)


ROWS: list[tuple[Callable[[Path], Path], str, int]] = [
    (no_pe, "NGEN1001", 1),
    (empty, "NGEN1001", 1),
    (truncated, "NGEN1002", 1),
    (native_pe, "NGEN1003", 1),
    (netmodule, "NGEN1005", 1),
    (uncompressed_tables, "NGEN1006", 1),
    (reference_assembly, "NGEN3003", 1),
    (satellite, "NGEN3004", 1),
    (mixed_mode, "NGEN3005", 1),
    (winmd, "NGEN3006", 1),
    (facade, "NGEN3007", 1),
    (already_native, "NGEN3106", 1),
    (composite_component, "NGEN3106", 1),
    (apphost, "NGEN2007", 2),
    (single_file_bundle, "NGEN2008", 2),
]


def refused(outcome: Outcome, code: str, exit_code: int, path: Path) -> None:
    """One line that names code, file and remedy."""
    assert outcome.code == exit_code, outcome
    lines = [line for line in outcome.err.splitlines() if "error" in line]
    assert len(lines) == 1 and f": error {code}: " in lines[0] and "; remedy: " in lines[0], outcome
    assert lines[0].startswith(str(path)), outcome
    assert "Traceback" not in outcome.err


@pytest.fixture
def filled_cache(command: Command, tmp_path: Path, cache: Path) -> dict[str, bytes | str]:
    """A cache with an image in it, and what it looks like."""
    assert command("install", make_core(tmp_path / "good", 2)).code == 0
    return snapshot(cache)


@pytest.mark.parametrize(("make", "code", "exit_code"), ROWS, ids=[row[0].__name__ for row in ROWS])
def test_install_refuses(
    command: Command,
    tmp_path: Path,
    cache: Path,
    filled_cache: dict[str, bytes | str],
    make: Callable[[Path], Path],
    code: str,
    exit_code: int,
) -> None:
    (tmp_path / "bad").mkdir()
    path = make(tmp_path / "bad")
    refused(command("install", path), code, exit_code, path)
    assert snapshot(cache) == filled_cache


@pytest.mark.parametrize(
    ("make", "code"), [row[:2] for row in ROWS if row[1] not in ("NGEN3007", "NGEN2007", "NGEN2008")]
)
def test_compile_refuses_and_writes_nothing(
    command: Command, tmp_path: Path, make: Callable[[Path], Path], code: str
) -> None:
    (tmp_path / "bad").mkdir()
    path = make(tmp_path / "bad")
    refused(command("compile", path, "-o", tmp_path / "out.dll", "--target", "3.1"), code, 1, path)
    assert not (tmp_path / "out.dll").exists()


def test_compiling_a_facade_says_so_and_is_no_failure(command: Command, tmp_path: Path) -> None:
    outcome = command("compile", facade(tmp_path), "-o", tmp_path / "out.dll", "--target", "3.1")
    assert outcome.code == 0 and "Bad: a facade" in outcome.out and not (tmp_path / "out.dll").exists()


def test_a_damaged_dependency_stays_with_the_jit(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    core = app.parent / "Core.dll"
    core.write_bytes(core.read_bytes()[:600])
    outcome = command("install", app, "/nologo")
    assert outcome.code == 0 and "Core.dll: warning NGEN100" in outcome.err, outcome
    assert "App.dll" in outcome.out and "Text.dll" in outcome.out


def test_a_mixed_mode_dependency_stays_with_the_jit(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    patcher = Patcher(app.parent / "Core.dll")
    patcher.set_cli_u4(16, 0)
    (app.parent / "Core.dll").write_bytes(patcher.data)
    outcome = command("install", app, "/nologo")
    assert outcome.code == 0 and "warning NGEN3005" in outcome.err and "Core.dll" not in outcome.out, outcome


def test_I6_a_missing_dependency_is_a_warning_unless_asked_otherwise(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    (app.parent / "Core.dll").unlink()
    sentence = (
        "Failed to load dependency Core of assembly Text, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null "
        "because of the following error : The system cannot find the file specified. "
        "(Exception from HRESULT: 0x80070002)\n"
    )
    outcome = command("install", app)
    assert outcome.code == 0 and outcome.err == sentence
    assert command("install", app, "--warnaserror").code == 1
    text = app.parent / "Text.dll"
    outcome = command("compile", text, "-o", tmp_path / "Text.ni.dll", "--target", "3.1")
    assert outcome.code == 0 and outcome.err == sentence
    again = command("compile", text, "-o", tmp_path / "Text.ni.dll", "--target", "3.1", "/warnaserror")
    assert again.code == 1


@pytest.mark.parametrize("text", ["{", "[]", '{"runtimeOptions": {"framework": {"name": 1}}}', ""])
def test_a_malformed_runtimeconfig(command: Command, tmp_path: Path, cache: Path, text: str) -> None:
    app = make_app(tmp_path / "app")
    config = app.with_name("App.runtimeconfig.json")
    config.write_text(text)
    refused(command("install", app), "NGEN2001", 1, config)
    assert not list(cache.glob("NativeImages_*"))


def test_a_malformed_deps_json(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    deps = app.with_name("App.deps.json")
    deps.write_text('{"targets": 5}')
    refused(command("install", app), "NGEN2003", 1, deps)


@pytest.mark.parametrize("name", ["App.dll.config", "App.exe.config"])
def test_a_malformed_exe_config(command: Command, tmp_path: Path, cache: Path, name: str) -> None:
    app = make_app(tmp_path / "app")
    config = app.with_name(name)
    config.write_text('<configuration><runtime><assemblyBinding xmlns="urn:schemas-microsoft-com:asm.v1">')
    before = snapshot(cache)
    outcome = command("install", app, "/nologo")
    assert outcome.code == 1 and outcome.err.count("\n") == 1 and snapshot(cache)["CACHEDIR.TAG"]
    assert f"{config}: error NGEN2014: " in outcome.err and "remedy: " in outcome.err
    assert before == {} and not list(cache.glob("NativeImages_*"))


def test_a_framework_that_is_not_installed(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    config = app.with_name("App.runtimeconfig.json")
    options = {"framework": {"name": "Microsoft.NETCore.App", "version": "7.0.0"}}
    config.write_text(json.dumps({"runtimeOptions": options}))
    refused(command("install", app), "NGEN2004", 3, config)


@pytest.mark.parametrize("given", ["/ExeConfig", "/AppBase", "/runtime"])
def test_A11_a_missing_file_or_folder_is_named_in_ngens_words(command: Command, tmp_path: Path, given: str) -> None:
    outcome = command("install", make_core(tmp_path / "app", 2), f"{given}:vsn.exe", "/nologo")
    assert outcome.code == 3 and outcome.out == 'Error: The specified file or directory "vsn.exe" is invalid.\n'


def self_contained(inputs: TestInputs, folder: Path, version: str) -> Path:
    """An application that brings (the beginning of) a runtime of some version."""
    app = make_app(folder)
    shutil.copy(inputs.framework("3.1") / "System.Private.CoreLib.dll", folder)
    included = [{"name": "Microsoft.NETCore.App", "version": version}]
    app.with_name("App.runtimeconfig.json").write_text(json.dumps({"runtimeOptions": {"includedFrameworks": included}}))
    return app


def test_an_application_for_a_runtime_without_a_target(command: Command, inputs: TestInputs, tmp_path: Path) -> None:
    app = self_contained(inputs, tmp_path / "app", "7.0.11")
    outcome = command("install", app)
    assert (
        outcome.code == 1
        and "error NGEN3102: no target for runtime 7.0.11; remedy: use a runtime of: 3.1, 9.0, 10.0" in outcome.err
    )


def test_an_untested_target_needs_insistence(command: Command, inputs: TestInputs, tmp_path: Path) -> None:
    app = self_contained(inputs, tmp_path / "app", "8.0.11")
    outcome = command("install", app)
    assert outcome.code == 1 and "error NGEN3111: target 8.0 was never tested with its runtime" in outcome.err
    core = app.with_name("Core.dll")
    framework = inputs.framework("9.0") / "*.dll"
    compiling = ("compile", core, "-o", tmp_path / "Core.ni.dll", "-r", framework, "--target", "8.0")
    outcome = command(*compiling)
    assert outcome.code == 1 and "error NGEN3111: target 8.0" in outcome.err and "--untested-target" in outcome.err
    assert command(*compiling, "--untested-target").code == 0
    assert json.loads(command("dump", tmp_path / "Core.ni.dll", "--json").out)["version"] == "9.1"


def test_a_runtime_for_another_system(command: Command, inputs: TestInputs, tmp_path: Path) -> None:
    app = self_contained(inputs, tmp_path / "app", "3.1.23")
    core = app.parent / "System.Private.CoreLib.dll"
    data = bytearray(core.read_bytes())
    pe = int.from_bytes(data[0x3C:0x40], "little")
    data[pe + 4 : pe + 6] = (0x8664).to_bytes(2, "little")  # no mask: Windows
    core.write_bytes(data)
    assert Assembly.open(core).pe.machine_os == "windows"
    refused(command("install", app), "NGEN6010", 3, core)


def test_two_inputs_of_one_simple_name(command: Command, tmp_path: Path) -> None:
    first, second = make_core(tmp_path / "a", 2), make_core(tmp_path / "b", 3)
    refused(command("compile", first, second, "-o", tmp_path / "out", "--target", "3.1"), "NGEN7007", 2, second)
    assert not (tmp_path / "out").exists()


def test_two_references_of_one_simple_name(command: Command, tmp_path: Path) -> None:
    app = make_app(tmp_path / "app")
    other = make_core(tmp_path / "b", 3)
    core = app.parent / "Core.dll"
    outcome = command("compile", app, "-o", tmp_path / "o.dll", "-r", core, "-r", other, "--target", "3.1")
    refused(outcome, "NGEN7007", 2, other)
    outcome = command(
        "compile", app, "-o", tmp_path / "o.dll", "-r", app.parent / "*.dll", "-r", other, "--target", "3.1"
    )
    assert outcome.code == 0, outcome


def test_the_output_would_replace_the_input(command: Command, tmp_path: Path) -> None:
    core = make_core(tmp_path / "a", 2)
    before = core.read_bytes()
    refused(command("compile", core, "-o", tmp_path / "a", "--target", "3.1"), "NGEN7006", 2, core)
    assert core.read_bytes() == before


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """``mounted("size=1m")``: a file system of its own; skipped where mounting is not allowed."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"disk{len(places)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("mounting a tmpfs is not allowed here")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(
    ("given", "said"), [("avx2,bmi1", "mean bmi?"), ("native", "such as avx2"), ("sse4_2", "sse4.2?")]
)
def test_processor_features_that_do_not_exist_are_refused(
    command: Command, tmp_path: Path, cache: Path, given: str, said: str
) -> None:
    core = make_core(tmp_path / "a", 2)
    for arguments in (["install", core], ["compile", core, "-o", tmp_path / "out.dll", "--target", "3.1"]):
        outcome = command(*arguments, "--instruction-set", given, "/nologo")
        assert outcome.code == 2 and outcome.out == "" and outcome.err.count("\n") == 1, outcome
        assert "error NGEN7002: no processor feature is called" in outcome.err and said in outcome.err
    assert not (tmp_path / "out.dll").exists() and snapshot(cache) == {}


def test_a_read_only_target(command: Command, tmp_path: Path, mounted: Callable[[str], Path]) -> None:
    core = make_core(tmp_path / "a", 2)
    place = mounted("ro")
    refused(
        command("compile", core, "-o", place / "Core.ni.dll", "--target", "3.1"), "NGEN3001", 1, place / "Core.ni.dll"
    )
    refused(command("compile", core, "-o", f"{place}/sub/", "--target", "3.1"), "NGEN7004", 1, place / "sub")
    refused(command("install", core, "--cache", place / "cache"), "NGEN4001", 4, place / "cache")
    app = make_app(tmp_path / "app")
    assert command("install", app, "-j1").code == 0
    refused(command("publish", app, place / "out", "/silent"), "NGEN7004", 1, place / "out")


def test_a_full_disk_leaves_the_cache_as_it_was(
    command: Command, tmp_path: Path, mounted: Callable[[str], Path]
) -> None:
    place = mounted("size=300k")
    cache = place / "cache"
    assert command("install", make_core(tmp_path / "good", 2), "--cache", cache).code == 0
    before = {name: data for name, data in snapshot(cache).items() if "index" not in name}
    (place / "ballast").write_bytes(bytes(shutil.disk_usage(place).free - 20_000))
    app = make_app(tmp_path / "app")
    refused(command("install", app, "--cache", cache), "NGEN4007", 4, cache)
    assert {name: data for name, data in snapshot(cache).items() if "index" not in name} == before
    (place / "ballast").unlink()
    shown = command("display", "--cache", cache, "--json")
    assert [root["path"] for root in json.loads(shown.out)["roots"]] == [str(tmp_path / "good" / "Core.dll")]
    assert command("install", app, "--cache", cache).code == 0


# Somebody builds the input again while its methods are being compiled.
CHANGED = """
import sys
from nativegen.cli.main import main
from nativegen.pipeline.linker import Linker
link = Linker.link
def link_what_changed(linker, job):
    with open(job.request.input, "ab") as stream:
        stream.write(bytes(1))
    return link(linker, job)
Linker.link = link_what_changed
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("action", ["install", "compile"])
def test_a_file_that_changes_while_it_is_compiled(
    action: str, command: Command, tmp_path: Path, cache: Path, filled_cache: dict[str, bytes | str]
) -> None:
    core = make_core(tmp_path / "app", 3)
    image = tmp_path / "Core.ni.dll"
    options = ["-o", str(image), "--target", "3.1"] if action == "compile" else []
    ran = subprocess.run(
        [sys.executable, "-c", CHANGED, action, str(core), *options],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    refused(Outcome(ran.returncode, ran.stdout, ran.stderr), "NGEN3002", 1, core)
    assert not image.exists() and not list(tmp_path.glob("*.tmp"))
    # The failure is counted, and the remedy works for what is a root now; the images are as they were.
    kept = {name: content for name, content in snapshot(cache).items() if name.startswith("NativeImages_")}
    assert kept == {name: content for name, content in filled_cache.items() if name.startswith("NativeImages_")}
    updated = command("update")
    assert updated.code == 0 and (f"Compiling assembly {core} " in updated.out) == (action == "install")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_cache_of_somebody_else(command: Command, tmp_path: Path, cache: Path) -> None:
    core = make_core(tmp_path / "a", 2)
    cache.mkdir()
    os.chown(cache, 4711, -1)
    for arguments in (["install", core], ["display"], ["update"], ["verify"], ["publish", core, tmp_path / "out"]):
        outcome = command(*arguments)
        assert outcome.code == 4 and "error NGEN4002" in outcome.err, outcome
    app = make_app(tmp_path / "app")
    outcome = command("run", app, "x")
    assert outcome.code == 1 and outcome.out.startswith("answer 42\n") and "warning NGEN4002" in outcome.err, outcome
    assert snapshot(cache) == {}


def test_a_cache_that_everybody_can_write_to(command: Command, tmp_path: Path, cache: Path) -> None:
    core = make_core(tmp_path / "a", 2)
    cache.mkdir()
    cache.chmod(0o777)
    refused(command("install", core), "NGEN4003", 4, cache)
    assert snapshot(cache) == {}


def test_a_damaged_index_is_rebuilt_and_nothing_is_compiled_anew(command: Command, tmp_path: Path, cache: Path) -> None:
    core = make_core(tmp_path / "a", 2)
    assert command("install", core).code == 0
    for path in cache.glob("index.sqlite3*"):
        path.unlink()
    (cache / "index.sqlite3").write_bytes(b"not a database at all " * 300)
    refused(command("install", core), "NGEN4005", 4, cache / "index.sqlite3")
    rebuilt = command("cache", "rebuild")
    assert rebuilt.code == 0 and "1 native images recovered." in rebuilt.out and "install them again" in rebuilt.out
    assert command("install", core, "/nologo").out == "All compilation targets are up to date.\n"
    sound = command("cache", "rebuild").out
    assert sound == "1 native images recovered.\nThe index was sound: its 1 roots are kept.\n"


@pytest.mark.parametrize(("option", "code"), [("--baseline", "NGEN5003"), ("--inventory", "NGEN5004")])
def test_what_verify_compares_with_does_not_exist(command: Command, tmp_path: Path, option: str, code: str) -> None:
    core = make_core(tmp_path / "a", 2)
    (tmp_path / "out").mkdir()
    assert command("compile", core, "-o", tmp_path / "out" / "Core.dll", "--target", "3.1", "-j1").code == 0
    outcome = command("verify", tmp_path / "out", option, tmp_path / "none.json")
    assert outcome.code == 1 and outcome.err.count("\n") == 1 and "[Errno" not in outcome.err, outcome
    assert outcome.err.startswith(f"{tmp_path / 'none.json'}: error {code}: ") and "No such file" in outcome.err


def test_a_path_that_dotnet_cannot_open(command: Command, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    core = make_core(tmp_path / "a", 2).rename(folder / "Core.dll")
    outcome = command("install", core, "/nologo")
    assert outcome.code == 2 and outcome.out == "" and outcome.err.count("\n") == 1, outcome
    assert "is not UTF-8, and .NET cannot open such paths; remedy" in outcome.err


def test_run_fails_with_125_when_nativegen_fails(command: Command, tmp_path: Path) -> None:
    for action in ("run", "trace"):
        outcome = command(action, tmp_path / "nothing.dll")
        assert outcome.code == 125 and "NGEN1007" in outcome.err


def test_IL_without_an_assembly_manifest_from_ilasm(command: Command, tmp_path: Path) -> None:
    source = ".assembly extern mscorlib {}\n.module Bad.dll\n.class public C { }\n"
    path = assemble_il(source, tmp_path, "Bad", library=True)
    refused(command("install", path), "NGEN1005", 1, path)
