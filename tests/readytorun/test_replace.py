"""Microsoft's images as input (``--from-native``): the IL side must survive the removal of their native code."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from nativegen.metadata import Assembly, Table
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Symbol
from nativegen.readytorun.writer import ImageBuilder
from tests.readytorun.test_oracle import SAMPLE_IDS, SAMPLES, framework_images
from tests.support.paths import TARGETS, TestInputs


class NoSymbols:
    """A resolver for images without methods."""

    def token(self, symbol: Symbol) -> int:
        raise KeyError(symbol)


def replaced(path: Path, target: str) -> tuple[Assembly, Assembly]:
    """An image as it was, and with its native code taken out."""
    old = Assembly.open(path)
    image = ImageBuilder(old, target_named(target), NoSymbols(), compiler_id="tests").build()
    return old, ReadyToRunImage.from_bytes(image, path.name).assembly


def check_same_il(old: Assembly, new: Assembly) -> None:
    """Identity, metadata, bodies, resources, field data and debug data are equal."""
    assert (new.identity, new.mvid, new.entry_point_token) == (old.identity, old.mvid, old.entry_point_token)
    metadata = old.pe.cli.metadata
    assert new.read_rva(metadata.rva, metadata.size) == old.read_rva(metadata.rva, metadata.size)
    for rid in range(1, old.row_count(Table.MethodDef) + 1):
        assert new.method_body(rid) == old.method_body(rid)
    for rva, _ in old.rows(Table.FieldRVA):
        size = min(8, old.pe.bytes_available(rva))  # at least a primitive; arrays are checked by their bodies' sizes
        assert new.read_rva(rva, size) == old.read_rva(rva, size)
    for rid in range(1, old.row_count(Table.ClassLayout) + 1):
        _, size, parent = old.row(Table.ClassLayout, rid)
        for rva in _data_of_type(old, parent) if size else ():
            assert new.read_rva(rva, size) == old.read_rva(rva, size)
    for directory in (old.pe.cli.resources, old.pe.cli.strong_name_signature, old.pe.directories[2]):
        if directory.rva:
            assert new.read_rva(directory.rva, directory.size) == old.read_rva(directory.rva, directory.size)
    check_debug_directory(old, new)


def _data_of_type(assembly: Assembly, type_rid: int) -> list[int]:
    """RVAs of the fields whose type is that value type."""
    token = 0x02000000 | type_rid
    return [rva for rva, field in assembly.rows(Table.FieldRVA) if assembly.field_signature(field)[1:] == (token,)]


def check_debug_directory(old: Assembly, new: Assembly) -> None:
    """Entries keep everything but the file offset, which must be where the data is now."""
    directory = old.pe.directories[6]
    assert new.pe.directories[6] == directory
    for at in range(directory.rva, directory.rva + directory.size - 27, 28):
        *fields, size, rva, _ = struct.unpack("<IIHHIIII", old.read_rva(at, 28))
        *new_fields, new_size, new_rva, pointer = struct.unpack("<IIHHIIII", new.read_rva(at, 28))
        assert (new_fields, new_size, new_rva) == (fields, size, rva)
        if rva:
            assert new.data[pointer : pointer + size] == old.read_rva(rva, size)


@pytest.mark.parametrize(("target", "path"), SAMPLES, ids=SAMPLE_IDS)
def test_sample(inputs: TestInputs, target: str, path: Path) -> None:
    old, new = replaced(path, target)
    check_same_il(old, new)
    assert len(new.data) < 0.6 * len(old.data)


@pytest.mark.sweep
@pytest.mark.parametrize("target", TARGETS)
def test_all_images(inputs: TestInputs, target: str) -> None:
    sizes = [0, 0]
    for path in framework_images(target):
        old, new = replaced(path, target)
        check_same_il(old, new)
        sizes[0] += len(old.data)
        sizes[1] += len(new.data)
    print(target, sizes)
    assert sizes[1] < 0.5 * sizes[0]
