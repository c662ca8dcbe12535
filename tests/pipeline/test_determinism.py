"""Equal inputs give equal bytes: whatever the folder, the number of processes, the hash seed and the order of files."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.images import azmcp_references, compiled_azmcp, copy_application, il_only_assemblies, image_mode
from tests.support.paths import find_inputs

pytestmark = pytest.mark.usefixtures("inputs")

ROOT = Path(__file__).resolve().parents[2]
#: Small ones with generics, async methods and structs.
FEW = ("Azure.Core.Amqp", "Microsoft.Extensions.Azure", "System.Windows.Extensions", "Azure.Storage.Common")

_COMPILE = """
import json, sys
from nativegen.pipeline.compile import CompileFailure, compile_many
from nativegen.pipeline.request import CompileOptions, CompileRequest
names, references, folder, jobs, mode = json.loads(sys.stdin.read())
options = CompileOptions(mode=mode)
requests = [CompileRequest(references[name], f"{folder}/{name}.dll", "9.0", references, options) for name in names]
for outcome in compile_many(requests, jobs=jobs):
    if isinstance(outcome, CompileFailure):
        raise outcome.error
"""


def _images(names: Sequence[str], application: Path, folder: Path, jobs: int, seed: int) -> dict[str, bytes]:
    """Images made by a process of its own, in an order that the seed decides."""
    folder.mkdir()
    files = {path.stem: str(path) for path in application.glob("*.dll")}
    source = random.Random(seed)
    order = source.sample(sorted(names), len(names))
    references = {name: files[name] for name in source.sample(sorted(files), len(files))}
    subprocess.run(
        [sys.executable, "-c", _COMPILE],
        input=json.dumps([order, references, str(folder), jobs, image_mode()]),
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)},
        text=True,
        check=True,
        cwd=folder,
    )
    return {path.stem: path.read_bytes() for path in folder.glob("*.dll")}


def test_a_few_real_assemblies(tmp_path: Path) -> None:
    elsewhere = copy_application(find_inputs().azmcp, tmp_path / "a longer path" / "application")
    first = _images(FEW, find_inputs().azmcp, tmp_path / "1", jobs=1, seed=1)
    second = _images(FEW, elsewhere, tmp_path / "2", jobs=3, seed=77)
    assert set(first) == set(FEW)
    assert [name for name in FEW if first[name] != second[name]] == []


@pytest.mark.sweep
def test_all_assemblies_of_a_real_application(tmp_path: Path) -> None:
    """All 192: facades give no image, the others the same bytes."""
    images = compiled_azmcp()
    names = [path.stem for path in il_only_assemblies(find_inputs().azmcp)]
    assert set(names) == set(azmcp_references()) & set(images.reports)
    elsewhere = copy_application(find_inputs().azmcp, tmp_path / "elsewhere")
    again = _images(names, elsewhere, tmp_path / "again", jobs=1 if images.jobs > 1 else 3, seed=4711)
    assert set(again) == set(images.images)
    assert [name for name, path in images.images.items() if path.read_bytes() != again[name]] == []
