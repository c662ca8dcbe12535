"""What the tests of the pipeline share: compiling small programs, keys by method, comparing images."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.metadata import Assembly, Table
from nativegen.pipeline.compile import compile_file
from nativegen.pipeline.eligibility import methods_with_cil
from nativegen.pipeline.facts import Facts
from nativegen.pipeline.method_names import method_display_name
from nativegen.pipeline.request import CompileOptions, CompileReport, CompileRequest
from nativegen.pipeline.unit_key import UnitKeys
from nativegen.readytorun.targets import target_named
from nativegen.typesystem import TypeSystem
from tests.support.paths import find_inputs


def references(target: str, *assemblies: Path) -> dict[str, str]:
    """The framework of a target, and these."""
    found = {path.stem: str(path) for path in find_inputs().framework(target).glob("*.dll")}
    return found | {path.stem: str(path) for path in assemblies}


def keys_of(path: Path, *others: Path, target: str = "3.1", options: CompileOptions | None = None) -> dict[str, bytes]:
    """Unit keys by ``Type::Method`` and, where names are overloaded, ``Type::Method#2``."""
    system = TypeSystem(target_named(target), references(target, *others).get)
    module = system.open(path)
    rids = methods_with_cil(module.assembly)
    keys = UnitKeys(Facts(module), target, options or CompileOptions()).of(rids)
    named: dict[str, bytes] = {}
    for rid, key in zip(rids, keys, strict=True):
        name = unique = method_display_name(module.assembly, rid)
        number = 1
        while unique in named:
            number += 1
            unique = f"{name}#{number}"
        named[unique] = key
    return named


def compiled(
    path: Path,
    output: Path,
    *others: Path,
    target: str = "3.1",
    store: Path | None = None,
    jobs: int = 1,
    options: CompileOptions | None = None,
) -> tuple[bytes, CompileReport]:
    """The image of an assembly and the report."""
    request = CompileRequest(
        str(path), str(output), target, references(target, *others), options or CompileOptions()
    )
    report = compile_file(request, jobs=jobs, unit_store=None if store is None else str(store))
    return output.read_bytes(), report


def compiled_as_clean(path: Path, folder: Path, store: Path, options: CompileOptions, target: str) -> CompileReport:
    """Compiles with a store; the image and what the report says are those of a clean build."""
    image, report = compiled(path, folder / "out.dll", store=store, options=options, target=target)
    clean, other = compiled(path, folder / "clean.dll", options=options, target=target)
    assert image == clean
    for what in ("methods", "native", "excluded", "exclusions", "image_size", "foreign", "instances"):
        assert getattr(report, what) == getattr(other, what), what
    return report


def recorded(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[bool]:
    """A list that says of each call of a method, from now on, whether it gave something."""
    results: list[bool] = []
    original = getattr(owner, name)

    def method(self, *arguments, **named):  # type: ignore[no-untyped-def]
        result = original(self, *arguments, **named)
        results.append(result is not None)
        return result

    monkeypatch.setattr(owner, name, method)
    return results


def with_new_mvid(path: Path, output: Path, *changes: tuple[int, int]) -> Path:
    """A copy of an assembly as a rebuild makes it: another MVID, and bytes changed at (file offset, exclusive or)."""
    assembly = Assembly.open(path, copy=True)
    data = bytearray(assembly.data)
    mvid = bytes.fromhex(assembly.mvid.replace("-", ""))
    raw = mvid[3::-1] + mvid[5:3:-1] + mvid[7:5:-1] + mvid[8:]
    data[data.index(raw)] ^= 0x5A
    for offset, mask in changes:
        data[offset] ^= mask
    output.write_bytes(data)
    return output


def rid_named(path: Path, name: str) -> int:
    """The first method with this name."""
    assembly = Assembly.open(path)
    return next(
        rid
        for rid in range(1, assembly.row_count(Table.MethodDef) + 1)
        if method_display_name(assembly, rid) == name or assembly.method_def(rid).name == name
    )
