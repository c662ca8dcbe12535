"""Corrupt input: whatever the bytes, reading ends soon and only ever raises NativegenError (ACCEPTANCE.md, bad input).

Every mutation is seeded, so a failure is repeated by its test id. ``walk`` catches nothing but NativegenError.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from tests.metadata.walk import walk
from tests.support.paths import TestInputs

#: Far above what a walk takes (milliseconds), far below a hang.
SECONDS_PER_WALK = 20.0

INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0xBF, 0xC0, 0xE0, 0xFF)


def survives(data: bytes, limit: int = 1 << 30) -> str:
    """Walks the assembly in ``data``: the code it was refused with, ``errors`` in parts of it, or ``clean``."""
    started = time.monotonic()
    try:
        result = walk(Assembly.from_bytes(data, "mutated.dll"), limit)
    except NativegenError as error:
        assert str(error).startswith("mutated.dll: ") and "\n" not in str(error)
        return error.code
    assert time.monotonic() - started < SECONDS_PER_WALK
    assert [found for found in result.errors if found.path != "mutated.dll" or "\n" in str(found)] == []
    return "errors" if result.errors else "clean"


def mutate(data: bytes, source: random.Random, ranges: list[tuple[int, int]]) -> bytes:
    """Changes one to eight bytes somewhere in ``ranges``."""
    changed = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 8))):
        start, end = source.choice(ranges)
        position = source.randrange(start, end)
        changed[position] = source.choice((*INTERESTING, source.randrange(256)))
    return bytes(changed)


def regions(assembly: Assembly) -> list[tuple[int, int]]:
    """Headers, CLI header, metadata root and tables, heaps, the whole file: each as likely to be hit."""
    directory = assembly.pe.cli.metadata
    metadata = assembly.rva_to_offset(directory.rva)
    cli = assembly.rva_to_offset(assembly.data_directories[14].rva)
    size = len(assembly.data)
    return [
        (0, 0x200),
        (cli, cli + 72),
        (metadata, metadata + 120),
        (metadata, min(metadata + 400, size)),
        (metadata, metadata + directory.size),
        (0, size),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_mutated_small_assembly(kitchen_path: Path, seed: int) -> None:
    data = kitchen_path.read_bytes()
    ranges = regions(Assembly.from_bytes(data, "original.dll"))
    source = random.Random(seed)
    outcomes = {survives(mutate(data, source, ranges)) for _ in range(100)}
    # The mutations reach what they are meant to: some are refused at opening, some spoil a part, some hit nothing.
    assert {"clean", "errors", "NGEN1002", "NGEN1004"} <= outcomes


@pytest.mark.parametrize("target", ["3.1", "9.0"])
def test_mutated_framework_assembly(inputs: TestInputs, target: str) -> None:
    data = (inputs.framework(target) / "System.Console.dll").read_bytes()
    ranges = regions(Assembly.from_bytes(data, "original.dll"))
    source = random.Random(target)
    outcomes = {survives(mutate(data, source, ranges), 150) for _ in range(60)}
    assert {"clean", "errors"} <= outcomes


def test_truncated_anywhere(kitchen_path: Path) -> None:
    data = kitchen_path.read_bytes()
    outcomes = {survives(data[:size]) for size in range(0, len(data), 7)}
    assert "errors" not in outcomes  # a truncated section is refused at once, not met later


def test_random_bytes_behind_a_valid_start(kitchen_path: Path) -> None:
    data = kitchen_path.read_bytes()
    source = random.Random(1)
    for start in range(0x80, len(data), 61):
        survives(data[:start] + source.randbytes(len(data) - start))


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(100, 400))
def test_mutations_at_length(kitchen_path: Path, seed: int) -> None:
    data = kitchen_path.read_bytes()
    ranges = regions(Assembly.from_bytes(data, "original.dll"))
    source = random.Random(seed)
    for _ in range(200):
        survives(mutate(data, source, ranges))
