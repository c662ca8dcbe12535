"""Method bodies: both header formats, both clause formats, bounds."""

from __future__ import annotations

import struct

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly, ClauseKind, ExceptionClause, MethodBody, Table, parse_body
from tests.support.paths import TestInputs


def fat(code: bytes, sections: bytes = b"", *, flags: int = 0x3, max_stack: int = 9, local_sig: int = 0) -> bytes:
    """A fat body with its sections aligned behind the code."""
    if sections:
        flags |= 0x8
    body = struct.pack("<HHII", flags | 3 << 12, max_stack, len(code), local_sig) + code
    return body + bytes(-len(body) % 4 if sections else 0) + sections


def small(*clauses: tuple[int, int, int, int, int, int], size: int | None = None) -> bytes:
    """A small exception section."""
    data = b"".join(struct.pack("<HHBHBI", *clause) for clause in clauses)
    return struct.pack("<BBH", 0x01, len(data) + 4 if size is None else size, 0) + data


def large(*clauses: tuple[int, int, int, int, int, int]) -> bytes:
    """A fat exception section."""
    data = b"".join(struct.pack("<6I", *clause) for clause in clauses)
    return struct.pack("<I", 0x41 | len(data) + 4 << 8) + data


CLAUSE = (0, 0, 2, 2, 3, 0x01000001)
CODE = bytes(5) + b"\x2a"


def test_tiny() -> None:
    assert parse_body(b"\x0a\x16\x2a") == MethodBody(8, False, 0, b"\x16\x2a", ())


def test_fat() -> None:
    body = parse_body(fat(CODE, flags=0x13, local_sig=0x11000002) + b"something else")
    assert body == MethodBody(9, True, 0x11000002, CODE, ())


@pytest.mark.parametrize("section", [small(CLAUSE, CLAUSE), large(CLAUSE, CLAUSE), small(CLAUSE, CLAUSE, size=24)])
def test_sections(section: bytes) -> None:
    assert parse_body(fat(CODE, section)).exception_clauses == (ExceptionClause(*CLAUSE),) * 2


def test_position_in_a_file() -> None:
    data = b"####" + fat(CODE, small(CLAUSE)) + b"####"
    assert parse_body(data, 4, len(data) - 4).exception_clauses == (ExceptionClause(*CLAUSE),)
    with pytest.raises(NativegenError, match="NGEN1004"):
        parse_body(data, 4, len(data) - 5)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "truncated"),
        (b"\x0a\x16", "runs over the end"),
        (b"\x01", "unknown method header"),
        (fat(CODE)[:-1], "runs over the end"),
        (fat(CODE)[:8], "truncated"),
        (b"\x03\x20" + fat(CODE)[2:], "too short"),
        (fat(CODE, local_sig=0x06000001), "not a local signature"),
        (fat(CODE, b"\x01"), "truncated"),
        (fat(CODE, small(CLAUSE)[:-1]), "runs over the end"),
        (fat(CODE, small((0, 0, 7, 2, 3, 0))), "outside the code"),
        (fat(CODE, small((0, 0, 1, 2, 5, 0))), "outside the code"),
        (fat(CODE, small((1, 0, 1, 2, 3, 6))), "outside the code"),
        (fat(CODE, small((3, 0, 1, 2, 3, 0))), "unknown exception clause"),
        (fat(CODE, b"\x81" + small(CLAUSE)[1:] + small(CLAUSE)), "more than one data section"),
    ],
)
def test_malformed(data: bytes, reason: str) -> None:
    with pytest.raises(NativegenError, match=f"x.dll: error NGEN1004: .*: here: .*{reason}"):
        parse_body(data, path="x.dll", where="here")


def test_a_fat_header_must_be_aligned() -> None:
    # CoreCLR on 64 bits does not accept it either (corhlpr.cpp: DecoderInit).
    with pytest.raises(NativegenError, match="not aligned"):
        parse_body(b"##" + fat(CODE), 2)


def test_a_section_of_another_kind_has_no_clauses() -> None:
    assert parse_body(fat(CODE, struct.pack("<BBH", 0x02, 4, 0))).exception_clauses == ()


def test_bodies_of_the_kitchen_sink(kitchen: Assembly) -> None:
    methods = {kitchen.method_def(rid).name: rid for rid in range(1, kitchen.row_count(Table.MethodDef) + 1)}
    assert kitchen.method_body(methods["M"]) is None
    assert kitchen.method_body(methods["GetPid"]) is None
    handlers = kitchen.method_body(methods["Handlers"])
    assert handlers is not None and handlers.max_stack == 17
    kinds = [clause.kind for clause in handlers.exception_clauses]
    assert kinds == [ClauseKind.FINALLY, ClauseKind.FILTER, ClauseKind.EXCEPTION, ClauseKind.FAULT]
    filtered = handlers.exception_clauses[1]
    code = handlers.code[filtered.class_token_or_filter_offset : filtered.handler_offset]
    assert code == bytes.fromhex("26 17 fe11")  # pop, ldc.i4.1, endfilter
    caught = handlers.exception_clauses[2].class_token_or_filter_offset
    assert kitchen.type_ref_full_name(caught & 0xFFFFFF) == "System.ArgumentException"
    long_try = kitchen.method_body(methods["LongTry"])
    assert long_try is not None and long_try.exception_clauses[0].try_length > 255  # a fat section


def test_methods_the_runtime_implements_have_no_body(inputs: TestInputs) -> None:
    core = Assembly.open(inputs.framework("3.1") / "System.Private.CoreLib.dll")
    invoke = core.type_def(core.find_type("System", "Action")).method_rids
    assert [core.method_body(rid) for rid in invoke] == [None] * len(invoke)
