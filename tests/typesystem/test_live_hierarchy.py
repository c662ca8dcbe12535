"""Interfaces, interface implementations and overrides against what both runtimes resolve for the same types."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.typesystem import MethodDesc, TypeSystem
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS, TestInputs
from tests.typesystem.live import HERE, Names, build_shapes, probe, probe_name, reflection_name, type_system

INSTANCES = (
    reflection_name("System.Collections.Generic.List`1", "System.Int32"),
    reflection_name("System.Collections.Generic.Dictionary`2", "System.String", "System.Guid"),
    reflection_name("System.Collections.Generic.Dictionary`2+KeyCollection", "System.String", "System.Guid"),
    reflection_name("System.ValueTuple`2", "System.Int32", "System.String"),
    reflection_name("System.Nullable`1", "System.Int32"),
    reflection_name("System.Collections.Concurrent.ConcurrentDictionary`2", "System.Int32", "System.String")
    + ", System.Collections.Concurrent",
)


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_overrides_of_shapes(target: str, tmp_path: Path) -> None:
    sources = [HERE / "Hierarchy.cs"]
    assembly = compile_csharp(sources, tmp_path, "Hierarchy", library=True)
    system = type_system(target, tmp_path)
    system.open(assembly)
    assert check_hierarchy(system, probe(target, "hierarchy", assembly, tmp_path)) >= 300


@pytest.mark.runtime
def test_overrides_of_new_csharp(tmp_path: Path) -> None:
    assembly = compile_csharp(
        HERE / "Hierarchy12.cs", tmp_path, "Hierarchy12", library=True, compiler="roslyn", target="9.0"
    )
    system = type_system("9.0", tmp_path)
    system.open(assembly)
    assert check_hierarchy(system, probe("9.0", "hierarchy", assembly, tmp_path)) >= 60


def test_covariant_returns(tmp_path: Path) -> None:
    # Reflection does not see that they share a slot; the C# rules say which body a call must reach.
    assembly = compile_csharp(
        HERE / "Hierarchy12.cs", tmp_path, "Hierarchy12", library=True, compiler="roslyn", target="9.0"
    )
    module = type_system("9.0", tmp_path).open(assembly)

    def reached(exact: str, declaring: str, name: str) -> str:
        declared = module.find_type("", declaring).find_method(name)  # type: ignore[union-attr]
        found = module.find_type("", exact).resolve_override(declared)  # type: ignore[union-attr, arg-type]
        assert found is not None
        return found.owner.name

    assert reached("Dog", "Animal", "Self") == "Dog"
    assert reached("Puppy", "Animal", "Self") == "Puppy"
    assert reached("Puppy", "Dog", "Self") == "Puppy"
    assert reached("Puppy", "Animal", "Other") == "Dog"
    assert reached("Puppy2", "Animal", "Self") == "Puppy2"
    assert reached("Puppy2", "Dog", "Self") == "Puppy2"
    assert reached("Puppy2", "Animal", "Other") == "Puppy2"


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_overrides_of_instances(target: str, tmp_path: Path) -> None:
    lines = probe(target, "hierarchy", build_shapes(tmp_path), tmp_path, INSTANCES)
    system = type_system(target, tmp_path)
    assert check_hierarchy(system, [line for line in lines if "Shapes" not in line[1]]) >= 150


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["System.Private.Uri", "System.Linq.Expressions"])
def test_overrides_of_the_framework(target: str, name: str, inputs: TestInputs, tmp_path: Path) -> None:
    lines = probe(target, "hierarchy", inputs.framework(target) / f"{name}.dll", tmp_path)
    assert check_hierarchy(type_system(target), lines) >= 100


@pytest.mark.sweep
@pytest.mark.parametrize("target", TARGETS)
def test_overrides_of_the_core_library(target: str, tmp_path: Path) -> None:
    assert check_hierarchy(type_system(target), probe(target, "hierarchy", "corelib", tmp_path)) >= 10000


def check_hierarchy(system: TypeSystem, lines: list[list[str]]) -> int:
    """Compares; returns how many resolutions were compared."""
    names = Names(system)
    compared = undecided = 0
    wrong: list[tuple[object, ...]] = []

    def method(name: str) -> MethodDesc:
        owner, token = name.split("::")
        return names.find(owner).method_at(int(token, 16) & 0xFFFFFF)

    for kind, name, *rest in lines:
        if kind == "X" or any(name.endswith("]") and "SZArrayHelper" in item for item in rest):
            continue
        type_desc = names.find(name)
        if kind == "I":
            predicted = sorted(map(probe_name, type_desc.interfaces))
            if predicted != sorted(rest[0].split()):
                wrong.append((type_desc.display_name, predicted, rest[0].split()))
        else:
            declared, implementation = map(method, rest)
            found = type_desc.resolve_override(declared)
            if implementation.owner.is_interface:
                if found is not None:
                    wrong.append((type_desc.display_name, declared, found, "a default method"))
            elif found is None and not type_desc.is_value_type and declared.owner.definition.has_variance:
                undecided += 1
            elif found is not implementation and not _is_covariant(found):
                wrong.append((type_desc.display_name, declared, found, implementation))
        compared += 1
    assert not wrong, f"{len(wrong)} of {compared}: {wrong[:5]}"
    assert undecided <= compared // 20
    return compared


def _is_covariant(method: MethodDesc | None) -> bool:
    """See :func:`test_covariant_returns`."""
    while method is not None:
        if method.has_attribute("System.Runtime.CompilerServices.PreserveBaseOverridesAttribute"):
            return True
        base = method.owner.base_type
        method = None if base is None else base.find_method(method.name, method.signature, declared_only=False)
    return False
