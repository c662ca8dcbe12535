"""Damaged method bodies: whatever the bytes are, only an exclusion comes out, or IR that the verifier accepts."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.verifier import verify
from tests.compiler.importer import compiler_for_content, methods, open_module
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

PROGRAM = Path(__file__).parent / "programs" / "Foreign.cs"
ROUNDS = 100


def _damaged(data: bytes, spans: list[tuple[int, int]], source: random.Random) -> bytes:
    """The file with a few bytes changed in every method's code."""
    result = bytearray(data)
    for start, size in spans:
        for _ in range(source.choice((0, 1, 1, 2))):
            position = start + source.randrange(size)
            how = source.randrange(4)
            if how == 0:
                result[position] = source.randrange(256)
            elif how == 1:
                result[position] = data[start + source.randrange(size)]
            elif how == 2:
                result[position] ^= 1 << source.randrange(8)
            else:
                result[position] = source.choice((0x00, 0x25, 0x26, 0x28, 0x2A, 0x2B, 0x7B, 0x7D, 0x8C, 0xA5))
    return bytes(result)


def test_damaged_bodies_are_excluded(inputs: TestInputs, tmp_path: Path) -> None:
    source = PROGRAM.read_text("utf-8").replace("Harness.Run(Body)", "0")
    path = compile_csharp(source, tmp_path, "Damaged")
    data = path.read_bytes()
    module = open_module(path)
    spans = []
    for method in methods(module):
        code = method.body.code
        start = data.index(code, module.assembly.rva_to_offset(method.rva))
        spans.append((start, len(code)))
    imported = excluded = 0
    for seed in range(ROUNDS):
        compiler = compiler_for_content(module, _damaged(data, spans, random.Random(seed)))
        for method in methods(compiler.module):
            try:
                function = compiler.import_method(method.rid)
            except Excluded as error:
                assert error.reason is not Reason.INTERNAL, f"seed {seed}: {method.display_name}: {error}"
                excluded += 1
            else:
                verify(function)
                imported += 1
    assert excluded > ROUNDS * 10
    assert imported > ROUNDS * 10


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("", "empty body"),
        ("00", "runs over its end"),
        ("2a", "stack underflow"),
        ("1616 2a", "values left"),
        ("26 162a", "stack underflow"),
        ("06 2a", "no local 0"),
        ("0e09 2a", "no argument 9"),
        ("2b01 20 00000000 2a", "into an instruction"),
        ("fe13", "prefix at the end"),
        ("ff", "unknown opcode"),
        ("28 01000070 162a", ""),
        ("14 2a", "REF where I32"),
        ("14 16 58 2a", "ADD of REF and I32"),
        ("22 00000000 45 01000000 00000000 162a", "switch on F32"),
        ("16 2d01 17 16 2a", "stack heights differ"),
    ],
)
def test_invalid_code(inputs: TestInputs, tmp_path: Path, code: str, detail: str) -> None:
    """Tiny bodies in place of ``F``'s; the sample pads it with nops to 60 bytes."""
    text = "static class C { static int F(int x) { " + "x = x * 3 + 1;" * 8 + " return x; } }"
    path = compile_csharp(text, tmp_path, "Tiny", library=True)
    data = bytearray(path.read_bytes())
    module = open_module(path)
    (method,) = methods(module)
    offset = module.assembly.rva_to_offset(method.rva)
    body = bytes.fromhex(code)
    assert data[offset] & 3 == 2 and data[offset] >> 2 >= len(body)
    struct.pack_into("<B", data, offset, len(body) << 2 | 2)
    data[offset + 1 : offset + 1 + len(body)] = body
    compiler = compiler_for_content(module, bytes(data))
    with pytest.raises(Excluded) as caught:
        compiler.import_method(method.rid)
    assert caught.value.reason in (Reason.INVALID_CIL, Reason.UNRESOLVED)
    assert detail in caught.value.detail
