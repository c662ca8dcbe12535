"""Damaged exception clauses: only an exclusion comes out, or IR that the verifier accepts."""

from __future__ import annotations

import random
from pathlib import Path

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.compiler.lowering import lower
from nativegen.compiler.verifier import verify
from tests.compiler.importer import compiler_for_content, methods, open_module
from tests.support.csharp import compile_csharp
from tests.support.paths import TestInputs

PROGRAM = Path(__file__).parents[2] / "programs" / "Exceptions.cs"
ROUNDS = 25


def _damaged(data: bytes, spans: list[tuple[int, int]], source: random.Random) -> bytes:
    result = bytearray(data)
    for start, size in spans:
        for _ in range(source.choice((0, 1, 2))):
            position = start + source.randrange(size)
            how = source.randrange(3)
            if how == 0:
                result[position] = data[start + source.randrange(size)]
            elif how == 1:
                result[position] = (result[position] + source.choice((-2, -1, 1, 2))) & 0xFF
            else:
                # leave, leave.s, endfinally, the prefix of endfilter and rethrow, throw, br.s, ret
                result[position] = source.choice((0xDD, 0xDE, 0xDC, 0xFE, 0x7A, 0x2B, 0x2A))
    return bytes(result)


def test_damaged_clauses_are_excluded(inputs: TestInputs, tmp_path: Path) -> None:
    source = PROGRAM.read_text("utf-8").replace("Harness.Run(Body)", "0")
    path = compile_csharp(source, tmp_path, "Damaged", compiler="roslyn")
    data = path.read_bytes()
    module = open_module(path)
    spans = []
    for method in methods(module):
        body = method.body
        if body.exception_clauses:
            start = data.index(body.code, module.assembly.rva_to_offset(method.rva))
            table = (start + len(body.code) + 3) & ~3
            spans += [(start, len(body.code)), (table, 12 * len(body.exception_clauses))]
    assert len(spans) > 50
    imported = excluded = invalid = 0
    for seed in range(ROUNDS):
        compiler = compiler_for_content(module, _damaged(data, spans, random.Random(seed)))
        for method in methods(compiler.module):
            try:
                function = compiler.import_method(method.rid)
                verify(function)
                lower(function, compiler.module.type_system.target, "m1", verify=True)
            except Excluded as error:
                assert error.reason is not Reason.INTERNAL, f"seed {seed}: {method.display_name}: {error}"
                excluded += 1
                invalid += error.reason is Reason.INVALID_CIL
            else:
                imported += 1
    assert imported > 100 and invalid > 100
