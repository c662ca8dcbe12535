"""Programs about what the importer decides: they must behave the same natively on both runtimes.

Each names in its first lines the methods that must have run native. ``Modern.cs`` needs C# 12 and .NET 9.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.differential import run_differential
from tests.support.paths import TestInputs

PROGRAMS = Path(__file__).parent / "programs"


@pytest.mark.runtime
@pytest.mark.parametrize(
    ("program", "compiler", "target", "runtime"),
    [
        ("Foreign", "mcs", "3.1", "3.1"),
        ("Foreign", "mcs", "3.1", "9.0"),
        ("SharedStructs", "roslyn", "3.1", "3.1"),
        ("SharedStructs", "mcs", "3.1", "9.0"),
        ("GenericVirtual", "mcs", "3.1", "3.1"),
        ("GenericVirtual", "mcs", "3.1", "9.0"),
        ("Values", "roslyn", "3.1", "3.1"),
        ("Values", "roslyn", "3.1", "9.0"),
        ("Modern", "roslyn", "9.0", "9.0"),
        ("UnsafeCode", "roslyn", "9.0", "9.0"),
        ("Covariant", "roslyn", "9.0", "9.0"),
    ],
)
def test_same_behaviour_native(
    program: str, compiler: str, target: str, runtime: str, inputs: TestInputs, tmp_path: Path
) -> None:
    text = (PROGRAMS / f"{program}.cs").read_text("utf-8")

    def header(key: str) -> list[str]:
        return " ".join(re.findall(rf"^// {key}: (.*)$", text, re.MULTILINE)).split()

    excluded = header("excluded")
    run_differential(
        text,
        tmp_path,
        native=header("native"),
        excluded=dict(zip(excluded[::2], excluded[1::2], strict=True)),
        compiler=compiler,
        target=target,
        runtimes=[runtime],
    )
