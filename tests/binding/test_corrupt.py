"""Configuration files with any part replaced by nonsense: read, or refused in one line that names the file."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nativegen.binding.closure import bind_closure
from nativegen.binding.depsjson import read_deps
from nativegen.binding.runtimeconfig import read_runtime_config
from nativegen.binding.trusted import trusted_assemblies
from nativegen.diagnostics import NativegenError
from tests.binding.conftest import runtime_options, write_json
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

NONSENSE: tuple[Any, ...] = (None, True, -1, 1.5, "", "x", [], [[]], {}, {"": {}}, {"name": 3}, "\ud800")

CONFIG = runtime_options(
    "9.0.0",
    tfm="net9.0",
    rollForward="Minor",
    applyPatches=True,
    rollForwardOnNoCandidateFx=1,
    frameworks=[{"name": "Microsoft.AspNetCore.App", "version": "9.0.0"}],
    additionalProbingPaths=["packages"],
    configProperties={"A": 1},
)
DEPS = {
    "runtimeTarget": {"name": "t"},
    "targets": {
        "t": {
            "P/1.0.0": {
                "runtime": {"lib/P.dll": {"assemblyVersion": "1.0.0.0"}},
                "resources": {"lib/de/P.resources.dll": {"locale": "de"}},
                "runtimeTargets": {"runtimes/unix/lib/P.dll": {"rid": "unix", "assetType": "runtime"}},
            }
        }
    },
    "libraries": {"P/1.0.0": {"type": "package", "path": "p/1.0.0"}},
}


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) below a JSON value."""
    if isinstance(node, dict | list):
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            yield node, key
            yield from places(node[key])


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [("app.runtimeconfig.json", CONFIG, read_runtime_config), ("app.deps.json", DEPS, read_deps)],
)
def test_any_value_replaced(
    tmp_path: Path, name: str, content: dict[str, Any], read: Callable[[Path], object]
) -> None:
    refused = 0
    for position in range(sum(1 for _ in places(content))):
        for nonsense in NONSENSE:
            changed = copy.deepcopy(content)
            container, key = list(places(changed))[position]
            container[key] = nonsense
            path = write_json(tmp_path / name, changed)
            try:
                read(path)
                trusted_assemblies(tmp_path / "app.dll", (), self_contained=True)
            except NativegenError as error:
                refused += 1
                assert error.code in ("NGEN2001", "NGEN2003")
                assert str(error).startswith(f"{path}: error NGEN200")
                assert "\n" not in str(error)
    assert refused > 50


@pytest.mark.parametrize("content", [CONFIG, DEPS])
def test_damaged_text(tmp_path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content).encode()
    generator = random.Random(7)
    for _ in range(300):
        damaged = bytearray(text)
        for _ in range(generator.randrange(1, 4)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        for read, name in ((read_runtime_config, "x.runtimeconfig.json"), (read_deps, "x.deps.json")):
            path = tmp_path / name
            path.write_bytes(damaged)
            try:
                read(path)
            except NativegenError as error:
                assert error.code in ("NGEN2001", "NGEN2003")


def test_a_closure_over_damaged_dependencies(inputs: TestInputs, tmp_path: Path) -> None:
    """The root is good, what it refers to is damaged in every way: a problem per reference, never an exception."""
    folder = tmp_path / "app"
    library = compile_csharp("public class L { public static void F() {} }", folder, "Library", library=True)
    app = compile_csharp("class P { static void Main() { L.F(); } }", folder, "app", references=[library])
    content = library.read_bytes()
    generator = random.Random(3)
    problems = 0
    for _ in range(300):
        damaged = bytearray(content[: generator.choice([len(content), generator.randrange(len(content))])])
        for _ in range(generator.randrange(8)):
            if damaged:
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        library.write_bytes(damaged)
        closure = bind_closure(app, (), self_contained=True)
        assert closure.assemblies[0].path == str(app)
        problems += any(problem.error.path == str(library) for problem in closure.problems)
    assert problems > 50
