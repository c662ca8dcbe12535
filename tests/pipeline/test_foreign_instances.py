"""Instances of other assemblies' generics over an assembly's own types, after edits of that assembly's bodies."""

from __future__ import annotations

from pathlib import Path

import pytest

from nativegen.metadata import Assembly
from nativegen.metadata.opcodes import decode
from nativegen.pipeline import reuse
from nativegen.pipeline.request import CompileOptions
from tests.pipeline.support import compiled, with_new_mvid
from tests.support.csharp import compile_csharp

pytestmark = pytest.mark.usefixtures("inputs")

_LDC_I4_S = 0x1F
_SOURCE = """
using System;
using System.Collections.Generic;
public struct Key : IEquatable<Key>, IComparable<Key> {
    public int A;
    public bool Equals(Key other) { return A + 71 == other.A; }
    public override int GetHashCode() { return A ^ 73; }
    public int CompareTo(Key other) { return A - other.A + 79; }
    public override bool Equals(object o) { return o is Key; }
}
public static class Program {
    public static bool Has(List<Key> keys, Key key) { return keys.Contains(key) | keys.IndexOf(key) > 0; }
    public static int Look(Dictionary<Key, Key> map, Key key) { return map.TryGetValue(key, out key) ? key.A : 0; }
    public static void Sort(Key[] keys) { Array.Sort(keys); }
    public static bool Equal(Key a, Key b) { return EqualityComparer<Key>.Default.Equals(a, b); }
    public static int Alone(int x) { int sum = 41; for (int i = 0; i < x; i++) sum += i * sum; return sum; }
}
"""


@pytest.mark.parametrize("mode", ["guarded", "pinned"])
def test_edited_bodies_of_the_assembly_recompile_no_instance_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """They take no body of it in; the image is that of a clean build."""
    path = compile_csharp(_SOURCE, tmp_path, "Program", library=True, compiler="roslyn", target="9.0")
    assembly = Assembly.open(path, copy=True)
    again: list[int] = []
    original = reuse.Reuse.save

    def save(self, compiled_, instances, **more):  # type: ignore[no-untyped-def]
        again.append(len(instances))
        original(self, compiled_, instances, **more)

    def build(edited: Path) -> int:
        again.clear()
        options = CompileOptions(mode=mode)
        store = tmp_path / "store"
        image, report = compiled(edited, tmp_path / "1.dll", target="9.0", store=store, options=options)
        count = again[0]
        clean, _ = compiled(edited, tmp_path / "2.dll", target="9.0", options=options)
        assert image == clean
        assert any(instance.assembly and not instance.code for instance in report.instances)
        return count

    def constant(name: str) -> int:
        rid = next(
            rid
            for rid in range(1, assembly.row_count(6) + 1)
            if assembly.method_def(rid).name == name and assembly.method_body(rid) is not None
        )
        body = assembly.method_body(rid)
        assert body is not None
        start = assembly.rva_to_offset(assembly.method_def(rid).rva)
        start += 1 if assembly.data[start] & 3 == 2 else 12
        return next(start + offset + 1 for offset, opcode, _ in decode(body.code) if opcode == _LDC_I4_S)

    monkeypatch.setattr(reuse.Reuse, "save", save)
    assert build(path) > 20
    assert build(path) == 0
    edited = tmp_path / "edited"
    edited.mkdir()
    for name in ("Alone", "Equals", "GetHashCode", "CompareTo"):
        assert build(with_new_mvid(path, edited / "Program.dll", (constant(name), 3))) == 0
