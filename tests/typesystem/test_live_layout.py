"""Predicted layouts and calling conventions against what both runtimes made of the same types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nativegen.readytorun.targets import target_named
from nativegen.readytorun.writer import ImageBuilder
from nativegen.typesystem import Eightbyte, TypeDesc, TypeKind, TypeLoadError, TypeSystem
from nativegen.typesystem.symbols import SymbolTable
from tests.support.csharp import compile_csharp
from tests.support.paths import TARGETS, TestInputs
from tests.typesystem.live import HERE, Names, build_shapes, probe, reflection_name, type_system

LIST = "System.Collections.Generic.List`1"
STRUCTS = (
    "System.DateTime",
    "System.DateTimeOffset",
    "System.Decimal",
    "System.Guid",
    "System.TimeSpan",
    "System.RuntimeTypeHandle",
    "System.Threading.CancellationToken",
    "System.Threading.CancellationTokenRegistration",
    "System.Runtime.CompilerServices.TaskAwaiter",
    "System.Runtime.CompilerServices.AsyncTaskMethodBuilder",
    "System.Runtime.CompilerServices.AsyncVoidMethodBuilder",
    "System.Range",
    "System.Threading.Tasks.ValueTask",
    "System.Reflection.CustomAttributeTypedArgument",
)
INSTANCES = (
    reflection_name("System.Nullable`1", "System.Int32"),
    reflection_name("System.Nullable`1", "System.Guid"),
    reflection_name("System.Nullable`1", "System.Boolean"),
    reflection_name("System.ValueTuple`2", "System.Int32", "System.String"),
    reflection_name("System.ValueTuple`2", "System.Byte", "System.Byte"),
    reflection_name("System.ValueTuple`3", "System.Single", "System.Single", "System.Single"),
    reflection_name("System.ValueTuple`2", "System.Double", "System.Int64"),
    reflection_name("System.Collections.Generic.KeyValuePair`2", "System.String", "System.Int32"),
    reflection_name("System.Collections.Generic.KeyValuePair`2", "System.Int32", "System.DateTime"),
    reflection_name(LIST + "+Enumerator", "System.Int32"),
    reflection_name(LIST + "+Enumerator", "System.Guid"),
    reflection_name("System.Collections.Generic.Dictionary`2+Enumerator", "System.Int32", "System.String"),
    reflection_name("System.Memory`1", "System.Byte"),
    reflection_name("System.ArraySegment`1", "System.Byte"),
    reflection_name("System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1", "System.Int32"),
    reflection_name("System.Runtime.CompilerServices.ValueTaskAwaiter`1", "System.Guid"),
    reflection_name("System.Threading.Tasks.ValueTask`1", "System.Boolean"),
    reflection_name("System.Collections.Generic.Dictionary`2", "System.Guid", "System.DateTime"),
    reflection_name(LIST, "System.Double"),
    reflection_name("System.Lazy`1", "System.DateTime"),
    reflection_name("System.Tuple`3", "System.Byte", "System.Object", "System.Int64"),
)


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_layouts_of_shapes(target: str, tmp_path: Path) -> None:
    shapes = build_shapes(tmp_path)
    system = type_system(target, tmp_path)
    system.open(shapes, runs_as_image=False)
    lines = probe(target, "layout", shapes, tmp_path)
    assert check_layouts(system, lines) >= 140


@pytest.mark.runtime
def test_layouts_and_registers_of_new_csharp(tmp_path: Path) -> None:
    shapes = compile_csharp(HERE / "Shapes12.cs", tmp_path, "Shapes12", library=True, compiler="roslyn", target="9.0")
    system = type_system("9.0", tmp_path)
    system.open(shapes, runs_as_image=False)
    assert check_layouts(system, probe("9.0", "layout", shapes, tmp_path)) >= 22
    lines = probe("9.0", "registers", shapes, tmp_path)
    assert check_registers(system, lines) >= 12


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_layouts_of_the_framework(target: str, tmp_path: Path) -> None:
    # Every type of the core library, which is an image whose classes' bases are all its own.
    lines = probe(target, "layout", "corelib", tmp_path, INSTANCES)
    assert check_layouts(type_system(target), lines) >= 1500


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["System.Net.Http", "System.Linq.Expressions", "System.Private.Xml"])
def test_layouts_of_an_image_with_foreign_bases(target: str, name: str, inputs: TestInputs, tmp_path: Path) -> None:
    lines = probe(target, "layout", inputs.framework(target) / f"{name}.dll", tmp_path)
    assert check_layouts(type_system(target), lines) >= 20


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_registers(target: str, tmp_path: Path) -> None:
    shapes = build_shapes(tmp_path)
    system = type_system(target, tmp_path)
    system.open(shapes, runs_as_image=False)
    lines = probe(target, "registers", shapes, tmp_path, [*(name for name in STRUCTS), *INSTANCES])
    assert check_registers(system, lines) >= 100


@pytest.mark.runtime
@pytest.mark.parametrize("target", TARGETS)
def test_layouts_change_when_an_assembly_becomes_an_image(target: str, tmp_path: Path) -> None:
    shapes = build_shapes(tmp_path / "il")
    system = type_system(target, tmp_path / "il")
    module = system.open(shapes)
    image = tmp_path / "image" / "Shapes.dll"
    image.parent.mkdir()
    builder = ImageBuilder(module.assembly, target_named(target), SymbolTable(module), compiler_id="test")
    image.write_bytes(builder.build())
    # The probe's own folder must not contain an assembly of that name, or the runtime takes that one.
    lines = probe(target, "layout", image, tmp_path / "probe")
    assert check_layouts(system, lines) >= 140
    as_il = {line[1]: line for line in probe(target, "layout", shapes, tmp_path / "probe")}
    moved = {module.type(int(name[8:], 16)).name for _, name, *rest in lines if as_il[name][2:] != rest}
    assert moved >= {"C15", "C16", "C26"}  # derived from classes of the framework


def test_derived_fields_start_aligned_in_an_image(tmp_path: Path) -> None:
    # facts: turning an assembly into an image aligns the own fields of classes whose bases are foreign.
    shapes = build_shapes(tmp_path)
    starts = {}
    for as_image in (False, True):
        system = type_system("9.0", tmp_path)
        module = system.open(shapes, runs_as_image=as_image)
        layout = module.find_type("", "C14").layout  # type: ignore[union-attr]
        assert layout.base_is_foreign and layout.has_foreign_fields
        assert any(item.full_name == "System.IO.MemoryStream" for item in layout.depends_on)
        starts[as_image] = layout.own_fields_start
    base = type_system("9.0").well_known("System.IO.MemoryStream").layout.size
    assert starts == {False: base, True: (base + 7) // 8 * 8}
    assert starts[False] != starts[True] or base % 8 == 0


def check_layouts(system: TypeSystem, lines: list[list[str]]) -> int:
    """Compares; returns how many types were compared."""
    names = Names(system)
    compared = 0
    wrong = []
    for kind, name, *rest in lines:
        if kind == "X":
            continue
        type_desc = names.find(name)
        size, references, fields = rest
        try:
            layout = type_desc.layout
        except TypeLoadError as error:
            assert re.search("depends on the processor|more than pointer alignment", str(error)), name
            continue
        if not type_desc.rid:
            continue  # an array
        header = 0 if type_desc.is_value_type else 8
        actual = {int(field[:8], 16) & 0xFFFFFF: int(field[9:]) for field in fields.split()}
        predicted = {field.rid: offset - header for field, offset in layout.offsets.items()}
        gc = [int(offset) + header - 8 for offset in references.split(",") if offset]
        predicted_gc = [offset for offset, interior in layout.gc if not interior]
        sizes_agree = size == "-1" or int(size) == layout.size
        if actual != predicted or gc != predicted_gc or not sizes_agree:
            wrong.append((type_desc.display_name, size, layout.size, gc, predicted_gc, actual, predicted))
        compared += 1
    assert not wrong, f"{len(wrong)} of {compared}: {wrong[:5]}"
    return compared


def check_registers(system: TypeSystem, lines: list[list[str]]) -> int:
    """Compares; returns how many structs were compared."""
    names = Names(system)
    compared = 0
    wrong = []
    for kind, name, *rest in lines:
        if kind == "X":
            continue
        type_desc = names.find(name)
        size = int(rest[0])
        seen = [int(word, 16).to_bytes(8, "little") for word in rest[1].split()]
        assert size == type_desc.layout.size, name
        try:
            classes = type_desc.classification
        except TypeLoadError as error:
            assert re.search("in a way of its own|more than pointer alignment", str(error)), error
            continue
        arrived = _places(classes, seen, size)
        expected = {at: (0x11 + 7 * at) & 0xFF for at in _scalar_bytes(type_desc, 0)}
        if any(arrived[at] != value for at, value in expected.items() if at in arrived):
            wrong.append((type_desc.display_name, classes, rest))
        compared += 1
    assert not wrong, f"{len(wrong)} of {compared}: {wrong[:5]}"
    return compared


def _places(classes: tuple[Eightbyte, ...] | None, seen: list[bytes], size: int) -> dict[int, int]:
    """Byte of the struct -> the value that arrived where the classification says; Probe.cs: Receive."""
    if classes is None:
        return {at: seen[14 + at // 8][at % 8] for at in range(min(size, 24))}
    arrived = {}
    integer, floating = 0, 6
    for eightbyte in classes:
        if eightbyte.register == "INTEGER":
            word, integer = seen[integer], integer + 1
        else:
            word, floating = seen[floating], floating + 1
        arrived.update({eightbyte.offset + at: word[at] for at in range(eightbyte.size)})
    return arrived


def _scalar_bytes(type_desc: TypeDesc, start: int) -> set[int]:
    """Bytes that carry data other than references, which the probe leaves null, and than padding."""
    if not type_desc.instance_fields:
        return {start}
    found: set[int] = set()
    for field, offset in type_desc.layout.offsets.items():
        if field.type.kind in (TypeKind.VALUETYPE, TypeKind.TYPEDBYREF):
            found |= _scalar_bytes(field.type, start + offset)
        elif not field.type.is_reference_type:
            found |= set(range(start + offset, start + offset + field.type.size))
    return found
