"""Everything real: every assembly of both runtimes and both applications is read to the last row without an error."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from tests.metadata.walk import walk
from tests.support.paths import TestInputs


def assemblies_below(folder: Path) -> list[Path]:
    """All files that may be assemblies, satellites included."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".dll", ".exe"))


def test_sample_reads_completely(sample: list[Path]) -> None:
    kinds: Counter[str] = Counter()
    for path in sample:
        result = walk(Assembly.open(path))
        assert result.errors == []
        kinds.update(result.counts)
    for kind in ("method body", "code", "local signature", "attribute", "method instantiation", "resource", "event"):
        assert kinds[kind] > 0, kind


def test_every_assembly_opens(inputs: TestInputs) -> None:
    opened = 0
    for folder in (inputs.framework("3.1"), inputs.framework("9.0"), inputs.azmcp):
        for path in assemblies_below(folder):
            assembly = Assembly.open(path)
            # Satellites are Name.resources.dll; everything else in these folders is named after its file.
            assert assembly.name.lower() == path.stem.lower()
            assert all(ref.name for ref in assembly.assembly_refs)
            assert len(assembly.mvid) == 36
            opened += 1
    assert opened > 500


@pytest.mark.sweep
@pytest.mark.parametrize("where", ["3.1", "9.0", "azmcp", "roslyn"])
def test_everything_reads_completely(inputs: TestInputs, where: str) -> None:
    folder = inputs.root(where) / "shared" if where in ("3.1", "9.0") else getattr(inputs, where)
    paths = assemblies_below(folder)
    assert len(paths) > 50
    for path in paths:
        assert walk(Assembly.open(path)).errors == [], path
