"""Inputs of the metadata tests: a few real assemblies of each kind, and an IL library for what those lack."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from tests.metadata.patch import Patcher
from tests.support.csharp import assemble_il
from tests.support.paths import TestInputs

#: Folder (an attribute of TestInputs or a target) and name: facades, plain IL, Microsoft's native images.
SAMPLE = (
    ("3.1", "System.Console.dll"),
    ("3.1", "System.Collections.dll"),
    ("3.1", "System.Runtime.dll"),
    ("3.1", "Microsoft.VisualBasic.Core.dll"),
    ("3.1", "netstandard.dll"),
    ("9.0", "System.Console.dll"),
    ("9.0", "System.Collections.Immutable.dll"),
    ("9.0", "System.Runtime.dll"),
    ("azmcp", "Azure.Core.dll"),
    ("azmcp", "Npgsql.dll"),
    ("roslyn", "Newtonsoft.Json.dll"),
)

KITCHEN_SINK = Path(__file__).with_name("kitchen.il")


@pytest.fixture(scope="session")
def sample(inputs: TestInputs) -> list[Path]:
    """Paths of a few real assemblies."""
    return [folder(inputs, where) / name for where, name in SAMPLE]


def folder(inputs: TestInputs, where: str) -> Path:
    """The folder that a row of :data:`SAMPLE` names."""
    return inputs.framework(where) if where[0].isdigit() else getattr(inputs, where)


@pytest.fixture(scope="session")
def kitchen_path(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with what C# compilers do not write: varargs, filters, faults, shaped arrays, explicit layouts, ..."""
    body = "      ldarg.0\n      pop\n" * 200  # long enough for a fat exception section
    source = KITCHEN_SINK.read_text("utf-8").replace("      // BODY\n", body)
    return assemble_il(source, tmp_path_factory.mktemp("kitchen"), "kitchen", library=True)


@pytest.fixture(scope="session")
def kitchen(kitchen_path: Path) -> Assembly:
    """The kitchen sink, opened."""
    return Assembly.open(kitchen_path)


@pytest.fixture
def patcher(kitchen_path: Path) -> Patcher:
    """A patchable copy of the kitchen sink."""
    return Patcher(kitchen_path)
