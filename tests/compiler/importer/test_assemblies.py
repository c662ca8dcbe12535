"""Real assemblies: every method either imports to verified IR or is excluded; nothing else may come out."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.verifier import verify
from tests.compiler.importer import compiler_for, methods, open_module
from tests.support.paths import TestInputs

SAMPLE = 1500
ASSEMBLIES = [
    ("9.0", "azmcp.dll", 0.85),
    ("9.0", "Azure.Core.dll", 0.7),
    ("9.0", "Npgsql.dll", 0.7),
    ("9.0", "System.Text.Json.dll", 0.5),
    ("3.1", "System.Linq.dll", 0.02),
    ("3.1", "System.Private.Xml.dll", 0.8),
    ("3.1", "System.Private.CoreLib.dll", 0.5),
]


def _folder(inputs: TestInputs, target: str) -> Path:
    """azmcp is self-contained: its folder has the framework too."""
    return inputs.azmcp if target == "9.0" else inputs.framework(target)


@pytest.mark.parametrize(("target", "name", "share"), ASSEMBLIES)
def test_every_method_is_imported_or_excluded(inputs: TestInputs, target: str, name: str, share: float) -> None:
    folder = _folder(inputs, target)
    module = open_module(folder / name, target, folder)
    compiler = compiler_for(module)
    chosen = methods(module)
    random.Random(name).shuffle(chosen)
    reasons: Counter[Reason] = Counter()
    bugs = []
    for method in chosen[:SAMPLE]:
        try:
            function = compiler.import_method(method.rid)
        except Excluded as error:
            reasons[error.reason] += 1
            if error.reason in (Reason.INTERNAL, Reason.INVALID_CIL):
                bugs.append(f"{method.display_name}: {error}")
        else:
            verify(function)
    assert not bugs
    total = min(SAMPLE, len(chosen))
    assert 1 - reasons.total() / total >= share, reasons
