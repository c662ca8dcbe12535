"""Custom attributes: classes, values, and the inference of enum widths."""

from __future__ import annotations

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import ASSEMBLY_TOKEN, ET, Assembly, AttributeValue, CustomAttribute, Table, decode_attribute
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

SOURCE = """
using System;
using System.Diagnostics.Tracing;
enum Wide : long { A = 1L << 40 }
enum Narrow : byte { B = 200 }
class Everything : Attribute
{
    public object Field;
    public Type[] Types { get; set; }
    public Narrow Small;
    public Everything() {}
    public Everything(bool a, char b, sbyte c, short d, uint e, ulong f, float g, double h, string i, Type j) {}
    public Everything(Wide a, int[] b, object c, object d, object[] e) {}
    internal class Nested : Attribute {}
}
class Generic<T> : Attribute { public Generic(T value) {} }
class C
{
    [Everything(true, '\\u1234', -1, -2, 0xFFFFFFFF, ulong.MaxValue, 1.5f, -2.5, "d\\u00e9j\\u00e0", typeof(int))]
    void Fixed() {}
    [Everything(Wide.A, new[] { 1, 2 }, Narrow.B, typeof(C), new object[] { null, 1L, "x", new[] { 'c' } })]
    void Objects() {}
    [Everything(Field = 7, Types = new[] { typeof(C), null }, Small = Narrow.B)] void Named() {}
    [Everything(Wide.A, null, null, null, null)] void Nulls() {}
    [Everything, Everything.Nested] void Nested() {}
    [Event(3, Keywords = (EventKeywords)(1L<<32), Level = EventLevel.Warning, Opcode = EventOpcode.Start, Version = 2)]
    void Foreign() {}
    [Generic<Narrow>(Narrow.B)] void Instantiated() {}
}
"""


@pytest.fixture(scope="module")
def attributed(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """An assembly with every kind of attribute argument."""
    out = tmp_path_factory.mktemp("attributed")
    return Assembly.open(compile_csharp(SOURCE, out, "attributed", library=True, compiler="roslyn", target="9.0"))


def attributes(assembly: Assembly, method: str) -> list[CustomAttribute]:
    """Attributes of a method of ``C``."""
    (rid,) = [
        r for r in assembly.type_def(assembly.find_type("", "C")).method_rids if assembly.method_def(r).name == method
    ]
    return assembly.custom_attributes(Table.MethodDef << 24 | rid)


def value(assembly: Assembly, method: str) -> AttributeValue:
    """The decoded first attribute of a method of ``C``."""
    return decode_attribute(assembly, attributes(assembly, method)[0])


def test_fixed_arguments(attributed: Assembly) -> None:
    fixed = value(attributed, "Fixed").fixed
    assert fixed[:9] == (True, 0x1234, -1, -2, 0xFFFFFFFF, 2**64 - 1, 1.5, -2.5, "d\u00e9j\u00e0")
    assert fixed[9].startswith("System.Int32")


def test_objects_and_arrays(attributed: Assembly) -> None:
    assert value(attributed, "Objects").fixed == (1 << 40, (1, 2), 200, "C", (None, 1, "x", (ord("c"),)))
    assert value(attributed, "Nulls").fixed == (1 << 40, None, None, None, None)


def test_named_arguments(attributed: Assembly) -> None:
    found = value(attributed, "Named")
    assert found == AttributeValue((), {"Field": 7, "Small": 200}, {"Types": ("C", None)})


def test_names_of_attribute_classes(attributed: Assembly) -> None:
    names = [attribute.type_full_name for attribute in attributes(attributed, "Nested")]
    assert names == ["Everything", "Everything+Nested"]
    assert [attribute.type_full_name for attribute in attributes(attributed, "Instantiated")] == ["Generic`1"]
    assert [attribute.type_full_name for attribute in attributes(attributed, "Foreign")] == [
        "System.Diagnostics.Tracing.EventAttribute"
    ]
    assert attributed.has_attribute(ASSEMBLY_TOKEN, "System.Runtime.CompilerServices.RuntimeCompatibilityAttribute")
    assert not attributed.has_attribute(ASSEMBLY_TOKEN, "RuntimeCompatibilityAttribute")
    assert attributed.custom_attributes(Table.Param << 24 | 0xFFFF) == []


def test_a_generic_attribute(attributed: Assembly) -> None:
    assert value(attributed, "Instantiated").fixed == (200,)


def test_widths_of_foreign_enums_are_inferred(attributed: Assembly) -> None:
    found = value(attributed, "Foreign")
    assert found.fixed == (3,)
    assert found.properties == {"Keywords": 1 << 32, "Level": 3, "Opcode": 1, "Version": 2}


def test_widths_of_foreign_enums_may_be_given(attributed: Assembly) -> None:
    asked = []

    def enum_type(name: str) -> int | None:
        asked.append(name.split(",")[0])
        return ET.I8 if asked[-1].endswith("EventKeywords") else None

    found = decode_attribute(attributed, attributes(attributed, "Foreign")[0], enum_type)
    assert found.properties["Keywords"] == 1 << 32
    assert asked == [f"System.Diagnostics.Tracing.Event{name}" for name in ("Keywords", "Level", "Opcode")]


def test_malformed_values(attributed: Assembly) -> None:
    for method in ("Fixed", "Objects", "Named", "Foreign"):
        (attribute,) = attributes(attributed, method)
        for size in range(1, len(attribute.value)):
            with pytest.raises(NativegenError, match=f"NGEN1004.*{attribute.type_full_name}"):
                decode_attribute(attributed, attribute._replace(value=attribute.value[:size]))
        with pytest.raises(NativegenError, match="NGEN1004"):
            decode_attribute(attributed, attribute._replace(value=attribute.value + b"\0"))
        with pytest.raises(NativegenError, match="wrong prolog"):
            decode_attribute(attributed, attribute._replace(value=b"\2\0" + attribute.value[2:]))


def test_attributes_of_the_framework(inputs: TestInputs) -> None:
    core = Assembly.open(inputs.framework("9.0") / "System.Private.CoreLib.dll")
    vector = core.find_type("System.Runtime.Intrinsics", "Vector128`1")
    assert core.has_attribute(Table.TypeDef << 24 | vector, "System.Runtime.CompilerServices.IntrinsicAttribute")
    azure = Assembly.open(inputs.azmcp / "Azure.Core.dll")
    (framework,) = [
        attribute
        for attribute in azure.custom_attributes(ASSEMBLY_TOKEN)
        if attribute.type_full_name == "System.Runtime.Versioning.TargetFrameworkAttribute"
    ]
    assert decode_attribute(azure, framework).fixed == (".NETCoreApp,Version=v8.0",)
