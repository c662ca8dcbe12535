"""The assembly's own face: identity, what kind of file it is, opening, and every way a file can be none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import xxhash

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly, AssemblyIdentity, Table, public_key_token
from nativegen.metadata.assembly import MAP_THRESHOLD
from tests.metadata.conftest import folder
from tests.metadata.patch import Patcher
from tests.support.csharp import assemble_il
from tests.support.paths import TestInputs


def code_of(path: Path) -> str:
    """The diagnostic code that opening the file ends with; checks that the message is one line and names the file."""
    with pytest.raises(NativegenError) as caught:
        Assembly.open(path)
    assert str(caught.value).startswith(f"{path}: error {caught.value.code}: ")
    assert "\n" not in str(caught.value)
    return caught.value.code


def test_identity_of_corelib(inputs: TestInputs) -> None:
    for target, version in (("3.1", "4.0.0.0"), ("9.0", "9.0.0.0")):
        core = Assembly.open(inputs.framework(target) / "System.Private.CoreLib.dll")
        expected = f"System.Private.CoreLib, Version={version}, Culture=neutral, PublicKeyToken=7cec85d7bea7798e"
        assert core.identity.display_name == expected
        assert core.module_name == "System.Private.CoreLib.dll"
        assert core.metadata_version == "v4.0.30319"
        assert core.assembly_refs == []


def test_identity_and_references(kitchen: Assembly) -> None:
    assert kitchen.identity == AssemblyIdentity("kitchen", (3, 1, 4, 1), "", "null")
    assert (kitchen.name, kitchen.version, kitchen.culture) == ("kitchen", (3, 1, 4, 1), "")
    names = {ref.identity.display_name for ref in kitchen.assembly_refs}
    # A reference with a full public key (here ECMA's) is reduced to its token.
    assert names == {
        "mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
        "other\\, lib, Version=1.2.3.4, Culture=de, PublicKeyToken=b77a5c561934e089",
    }
    assert [kitchen.assembly_ref(rid + 1) for rid in range(2)] == kitchen.assembly_refs
    assert kitchen.entry_point_token == 0


def test_public_key_token() -> None:
    # ECMA's standard key (II.6.2.1.3) and its well-known token.
    assert public_key_token(bytes.fromhex("00000000000000000400000000000000")) == "b77a5c561934e089"
    assert public_key_token(b"") == "null"


def test_mvid_is_the_modules(kitchen: Assembly, kitchen_path: Path) -> None:
    raw = kitchen_path.read_bytes()
    parts = kitchen.mvid.split("-")
    packed = b"".join(bytes.fromhex(part)[::-1] for part in parts[:3]) + bytes.fromhex("".join(parts[3:]))
    assert raw.count(packed) == 1


def test_content_signature(kitchen: Assembly, kitchen_path: Path) -> None:
    assert kitchen.content_signature == xxhash.xxh3_128_hexdigest(kitchen_path.read_bytes())


@pytest.mark.parametrize(
    "where, name, ready_to_run, facade",
    [
        ("3.1", "System.Console.dll", True, False),
        ("9.0", "System.Private.CoreLib.dll", True, False),
        ("3.1", "netstandard.dll", True, True),
        ("9.0", "netstandard.dll", False, True),
        ("azmcp", "Azure.Core.dll", False, False),
    ],
)
def test_kinds_of_file(inputs: TestInputs, where: str, name: str, ready_to_run: bool, facade: bool) -> None:
    assembly = Assembly.open(folder(inputs, where) / name)
    assert assembly.is_ready_to_run == ready_to_run
    assert assembly.is_facade == facade
    assert not assembly.is_cpp_cli and not assembly.is_reference_assembly and not assembly.is_winmd
    if ready_to_run:
        assert assembly.ready_to_run_header is not None
        rva, size = assembly.ready_to_run_header
        assert assembly.read_rva(rva, 4) == b"RTR\0" and size > 16
        assert (assembly.pe.machine_name, assembly.pe.machine_os) == ("AMD64", "linux")
        assert assembly.is_pe32_plus and not assembly.is_il_only
    else:
        assert assembly.ready_to_run_header is None and assembly.is_il_only


def test_facades_forward(inputs: TestInputs) -> None:
    facade = Assembly.open(inputs.framework("3.1") / "System.Runtime.dll")
    forwarded = {f"{row.namespace}.{row.name}": row for row in facade.exported_types}
    row = forwarded["System.Object"]
    assert row.is_forwarder and row.implementation_token >> 24 == Table.AssemblyRef
    assert facade.assembly_ref(row.implementation_token & 0xFFFFFF).name == "System.Private.CoreLib"


def test_a_reference_assembly(inputs: TestInputs, tmp_path: Path) -> None:
    source = """
    .assembly extern System.Private.CoreLib { }
    .assembly 'ref'
    {
      .custom instance void [System.Private.CoreLib]System.Runtime.CompilerServices.ReferenceAssemblyAttribute::.ctor()
        = ( 01 00 00 00 )
    }
    .module ref.dll
    """
    assert Assembly.open(assemble_il(source, tmp_path, "ref", library=True)).is_reference_assembly


def test_resources(inputs: TestInputs) -> None:
    assembly = Assembly.open(inputs.framework("3.1") / "System.Console.dll")
    (resource,) = [row for row in assembly.resources if row.name.endswith(".resources")]
    assert assembly.resource_data(resource)[:4] == bytes.fromhex("cecaefbe")  # ResourceManager.MagicNumber


def test_small_files_are_copied_and_huge_ones_mapped(inputs: TestInputs, kitchen_path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.dll"
    copy.write_bytes(kitchen_path.read_bytes())
    assembly = Assembly.open(copy)
    signature = xxhash.xxh3_128_hexdigest(copy.read_bytes())
    copy.write_bytes(b"overwritten")  # as a compiler does: in place
    assert assembly.content_signature == signature
    assert assembly.type_full_name(2) == "N.Outer"
    core = inputs.framework("9.0") / "System.Private.CoreLib.dll"
    assert core.stat().st_size > MAP_THRESHOLD
    assert not isinstance(Assembly.open(core).data, bytes)
    assert isinstance(Assembly.open(core, copy=True).data, bytes)


def test_not_a_pe_file(tmp_path: Path) -> None:
    for index, content in enumerate((b"", b"M", b"\x7fELF" + bytes(100), b"#!/bin/sh\n" * 20, b"MZ" + bytes(200))):
        path = tmp_path / f"{index}.dll"
        path.write_bytes(content)
        assert code_of(path) == "NGEN1001"


def test_missing_unreadable_and_directory(tmp_path: Path) -> None:
    assert code_of(tmp_path / "missing.dll") == "NGEN1007"
    assert code_of(tmp_path) == "NGEN1008"
    os.mkfifo(tmp_path / "pipe.dll")  # must not block
    assert code_of(tmp_path / "pipe.dll") == "NGEN1008"
    with pytest.raises(NativegenError, match="NGEN1008"):
        Assembly.open("nul\0byte.dll")


def test_truncated(kitchen_path: Path, tmp_path: Path) -> None:
    raw = kitchen_path.read_bytes()
    codes = set()
    for size in range(64, len(raw) - 1, 37):
        path = tmp_path / "cut.dll"
        path.write_bytes(raw[:size])
        codes.add(code_of(path))
    assert codes == {"NGEN1002"}


def test_native_pe(patcher: Patcher, tmp_path: Path) -> None:
    patcher.set_directory(14, 0, 0)
    assert code_of(patcher.save(tmp_path)) == "NGEN1003"


def test_netmodule(inputs: TestInputs, tmp_path: Path) -> None:
    (tmp_path / "m.cs").write_text("public class C { public static int F() { return 1; } }")
    path = tmp_path / "m.netmodule"
    subprocess.run([str(inputs.mcs), "-target:module", f"-out:{path}", str(tmp_path / "m.cs")], check=True)
    assert code_of(path) == "NGEN1005"


def test_uncompressed_tables(patcher: Patcher, tmp_path: Path) -> None:
    patcher.replace(b"#~\0\0", b"#-\0\0")
    assert code_of(patcher.save(tmp_path)) == "NGEN1006"


def test_mixed_mode(patcher: Patcher, tmp_path: Path) -> None:
    patcher.set_cli_u4(16, 0)  # Flags: neither ILONLY nor IL_LIBRARY
    assembly = Assembly.open(patcher.save(tmp_path))
    assert assembly.is_cpp_cli and not assembly.is_il_only


def test_winmd(patcher: Patcher, tmp_path: Path) -> None:
    patcher.set_metadata_version(b"WindowsRuntime 1.4;CLR v4.0.30319")
    assembly = Assembly.open(patcher.save(tmp_path))
    assert assembly.is_winmd and assembly.metadata_version == "WindowsRuntime 1.4;CLR v4.0.30319"
    assert assembly.type_full_name(2) == "N.Outer"


def test_metadata_outside(patcher: Patcher, tmp_path: Path) -> None:
    patcher.set_cli_u4(8, 0x7FFFFFFF)  # MetaData.VirtualAddress
    assert code_of(patcher.save(tmp_path)) == "NGEN1002"


def test_wrong_metadata_signature(patcher: Patcher, tmp_path: Path) -> None:
    patcher.replace(b"BSJB", b"BSJA")
    assert code_of(patcher.save(tmp_path)) == "NGEN1004"


def test_errors_stay_on_one_line(patcher: Patcher, tmp_path: Path) -> None:
    name = patcher.data.index(b"#US\0")
    patcher.data[name : name + 3] = b"#\nS"
    patcher.data[name - 4 : name] = b"\xff\xff\xff\x7f"  # its size
    assert code_of(patcher.save(tmp_path)) == "NGEN1004"


def test_permission(kitchen_path: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # Root reads everything; a link to itself is unreadable for anybody.
        path = tmp_path / "loop.dll"
        path.symlink_to(path)
    else:
        path = tmp_path / "secret.dll"
        path.write_bytes(kitchen_path.read_bytes())
        path.chmod(0)
    assert code_of(path) == "NGEN1008"


def test_display_name_escapes() -> None:
    identity = AssemblyIdentity('a=b, "c" \\d', (0, 0, 0, 0), "de-CH")
    assert str(identity) == 'a\\=b\\, \\"c\\" \\\\d, Version=0.0.0.0, Culture=de-CH, PublicKeyToken=null'
