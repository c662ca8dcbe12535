"""Corrupt images: every reader of a mutated image gives an answer or raises the one-line error that names the file.

The mutations are deterministic; they hit the headers, the section table and everything in the native part.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.readytorun.describe import describe_image, summary
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.targets import target_named
from tests.readytorun.build import program_image
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

SOURCE = Path(__file__).with_name("program.cs")
ROUNDS = 150


@pytest.fixture(scope="module")
def image(inputs: TestInputs, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    assembly = Assembly.open(compile_csharp(SOURCE, tmp_path_factory.mktemp("il"), "program"))
    return program_image(assembly, target_named("9.0"))


def read_everything(data: bytes) -> int:
    parsed = ReadyToRunImage.from_bytes(data, "broken.dll")
    lines = sum(1 for _ in describe_image(parsed, disassemble=True))
    json.dumps(summary(parsed))
    for index in range(len(parsed.import_sections)):
        parsed.gc_ref_maps(index)
    return lines


def test_the_image_itself_reads(image: bytes) -> None:
    assert read_everything(image) > 50


@pytest.mark.parametrize("seed", range(3))
def test_mutated_images(image: bytes, seed: int) -> None:
    random_source = random.Random(seed)
    parsed = ReadyToRunImage.from_bytes(image)
    section = next(s for s in parsed.assembly.sections if s.name == ".managed")
    hits = 0
    for _ in range(ROUNDS):
        data = bytearray(image)
        for _ in range(random_source.choice((1, 2, 8))):
            if random_source.random() < 0.8:
                at = section.raw_offset + random_source.randrange(section.virtual_size)
            else:
                at = random_source.randrange(0x400)
            data[at] = random_source.choice((0, 1, 0x7F, 0x80, 0xFF, random_source.randrange(256)))
        try:
            read_everything(bytes(data))
        except NativegenError as error:
            assert str(error).startswith("broken.dll: error NGEN")
            assert "\n" not in str(error)
            hits += 1
    assert hits > ROUNDS // 20  # the mutations do find something


@pytest.mark.parametrize("keep", [0, 1, 64, 200, 0x400, 0x1200, -0x200, -1])
def test_truncated_images(image: bytes, keep: int) -> None:
    with pytest.raises(NativegenError, match=r"^broken\.dll: error NGEN(1001|1002|1004|3103|3104): .*; remedy: "):
        read_everything(image[:keep] if keep >= 0 else image[: len(image) + keep])


def test_il_only_is_not_an_image(inputs: TestInputs, tmp_path: Path) -> None:
    with pytest.raises(NativegenError, match="NGEN3103"):
        ReadyToRunImage.open(compile_csharp(SOURCE, tmp_path, "program"))


def test_missing_file() -> None:
    with pytest.raises(NativegenError, match="NGEN1007"):
        ReadyToRunImage.open("/no/such/file.dll")
