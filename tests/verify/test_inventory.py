"""The bill of materials of a folder: complete, repeatable, and every difference from the folder is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.verify.inventory import inventory_findings, write_inventory
from nativegen.verify.model import Severity, Subject
from tests.support.paths import TestInputs
from tests.verify.support import subject


def images(folder: Path) -> list[Subject]:
    return [subject(path) for path in sorted(folder.rglob("*.dll"))]


def messages(path: Path, folder: Path) -> list[str]:
    findings = list(inventory_findings(str(path), str(folder), images(folder)))
    assert all(finding.severity is Severity.ABORT for finding in findings)
    return [finding.message for finding in findings]


def test_every_difference_is_found(inputs: TestInputs, tmp_path: Path) -> None:
    folder, path, again = tmp_path / "out", tmp_path / "images.json", tmp_path / "again.json"
    (folder / "sub").mkdir(parents=True)
    framework = inputs.framework("3.1")
    shutil.copy(framework / "System.Linq.dll", folder)
    shutil.copy(framework / "System.Collections.dll", folder / "sub")
    write_inventory(str(path), str(folder), images(folder))
    write_inventory(str(again), str(folder), images(folder)[::-1])
    assert path.read_bytes() == again.read_bytes() and messages(path, folder) == []
    components = json.loads(path.read_text())["components"]
    assert [one["bom-ref"] for one in components] == ["System.Linq.dll", "sub/System.Collections.dll"]

    with (folder / "System.Linq.dll").open("ab") as stream:
        stream.write(b"\0")
    (folder / "sub" / "System.Collections.dll").unlink()
    shutil.copy(framework / "System.Console.dll", folder)
    changed, missing, unlisted = messages(path, folder)
    assert changed.startswith("System.Linq.dll: not the file in the inventory: SHA-256 ")
    assert missing == "sub/System.Collections.dll: in the inventory, but not in the folder"
    assert unlisted == "System.Console.dll: a native image that is not in the inventory"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"bomFormat": "SPDX"}',
        '{"bomFormat": "CycloneDX", "components": [{"hashes": [], "properties": []}]}',
        '{"bomFormat": "CycloneDX", "components": [{"hashes": [{"alg": "SHA-256", "content": "x"}],'
        ' "properties": [{"name": "nativegen:path", "value": "../x"}]}]}',
    ],
)
def test_what_is_no_inventory_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "images.json"
    path.write_text(text)
    with pytest.raises(NativegenError, match="NGEN5004"):
        list(inventory_findings(str(path), str(tmp_path), []))
