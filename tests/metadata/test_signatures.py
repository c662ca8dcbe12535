"""Signature blobs: the forms of ECMA-335 II.23.2, a round trip through an independent encoder, and malformed blobs."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from nativegen.diagnostics import NativegenError
from nativegen.metadata import (
    ET,
    Assembly,
    MethodSig,
    Table,
    parse_field_sig,
    parse_local_sig,
    parse_method_sig,
    parse_method_spec,
    parse_property_sig,
    parse_type_spec,
)
from nativegen.metadata.elements import PRIMITIVE_ELEMENTS
from nativegen.metadata.signatures import MAX_DEPTH, compressed_unsigned
from tests.support.paths import TestInputs

PARSERS = (
    parse_method_sig, parse_field_sig, parse_local_sig, parse_type_spec, parse_method_spec, parse_property_sig,
)  # fmt: skip

I4, STRING, VOID = (ET.I4,), (ET.STRING,), (ET.VOID,)


def unsigned(value: int) -> bytes:
    """Compresses an unsigned integer (II.23.2)."""
    if value < 0x80:
        return bytes([value])
    if value < 0x4000:
        return (value | 0x8000).to_bytes(2, "big")
    return (value | 0xC0000000).to_bytes(4, "big")


def signed(value: int) -> bytes:
    """Compresses a signed integer (II.23.2)."""
    for bits, size, mark in ((7, 1, 0), (14, 2, 0x8000), (29, 4, 0xC0000000)):
        if -(1 << bits - 1) <= value < 1 << bits - 1:
            rotated = (value << 1 & (1 << bits) - 1) | (value < 0)
            return (rotated | mark).to_bytes(size, "big")
    raise AssertionError(value)


def encode(kind: Any) -> bytes:
    """Encodes a parsed type: an encoder written from the specification, not from the parser."""
    element = kind[0]
    head = bytes([element])
    if element in PRIMITIVE_ELEMENTS:
        return head
    if element in (ET.CLASS, ET.VALUETYPE):
        return head + token(kind[1])
    if element in (ET.VAR, ET.MVAR):
        return head + unsigned(kind[1])
    if element in (ET.SZARRAY, ET.PTR, ET.BYREF, ET.PINNED):
        return head + encode(kind[1])
    if element in (ET.CMOD_OPT, ET.CMOD_REQD):
        return head + token(kind[1]) + encode(kind[2])
    if element == ET.GENERICINST:
        return head + encode(kind[1]) + unsigned(len(kind[2])) + b"".join(map(encode, kind[2]))
    if element == ET.FNPTR:
        return head + encode_method(kind[1])
    assert element == ET.ARRAY
    _, inner, rank, sizes, bounds = kind
    shape = unsigned(rank) + unsigned(len(sizes)) + b"".join(map(unsigned, sizes))
    return head + encode(inner) + shape + unsigned(len(bounds)) + b"".join(map(signed, bounds))


def token(value: int) -> bytes:
    """Compresses a TypeDefOrRefOrSpecEncoded (II.23.2.8)."""
    return unsigned((value & 0xFFFFFF) << 2 | {0x02: 0, 0x01: 1, 0x1B: 2}[value >> 24])


def encode_method(signature: MethodSig) -> bytes:
    """Encodes a method signature."""
    first = signature.calling_convention | 0x20 * signature.has_this | 0x40 * signature.explicit_this
    generic = unsigned(signature.generic_count) if signature.generic_count else b""
    parts = [bytes([first | (0x10 if generic else 0)]), generic, unsigned(len(signature.params))]
    parts.append(encode(signature.return_type))
    for index, param in enumerate(signature.params):
        parts.append((b"\x41" if index == signature.sentinel else b"") + encode(param))
    return b"".join(parts)


def random_type(source: random.Random, depth: int) -> Any:
    """A random type, nested at most ``depth``."""
    primitives = sorted(PRIMITIVE_ELEMENTS)
    tokens = [source.choice((0x02, 0x01, 0x1B)) << 24 | source.choice((1, 31, 32, 4095, 70000)) for _ in range(2)]
    if depth == 0:
        return source.choice([(source.choice(primitives),), (ET.CLASS, tokens[0]), (ET.VAR, 3), (ET.MVAR, 200)])
    inner = random_type(source, depth - 1)
    bounds = tuple(source.choice((0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193)) for _ in range(2))
    return source.choice(
        [
            (ET.SZARRAY, inner),
            (ET.PTR, inner),
            (ET.BYREF, inner),
            (ET.ARRAY, inner, 2, (5, 300), bounds),
            (ET.ARRAY, inner, 3, (), ()),
            (ET.GENERICINST, (ET.VALUETYPE, tokens[0]), (inner, random_type(source, 0))),
            (ET.CMOD_REQD, tokens[0], (ET.CMOD_OPT, tokens[1], inner)),
            (ET.FNPTR, random_method(source, depth - 1)),
        ]
    )


def random_method(source: random.Random, depth: int) -> MethodSig:
    """A random method signature."""
    count = source.randrange(4)
    params = tuple(random_type(source, depth) for _ in range(count))
    convention = source.choice((0, 1, 2, 3, 4, 5, 9))
    sentinel = source.randrange(count) if convention == 5 and count else -1
    generic = source.choice((0, 0, 1, 130)) if convention == 0 else 0
    has_this = source.random() < 0.5
    return MethodSig(convention, has_this, has_this and source.random() < 0.3, generic, VOID, params, sentinel)


@pytest.mark.parametrize(
    "blob, value",
    # The examples of II.23.2.
    [("03", 3), ("7f", 0x7F), ("8080", 0x80), ("ae57", 0x2E57), ("bfff", 0x3FFF), ("c0004000", 0x4000),
     ("dfffffff", 0x1FFFFFFF)],
)  # fmt: skip
def test_compressed_unsigned(blob: str, value: int) -> None:
    raw = bytes.fromhex(blob)
    assert compressed_unsigned(raw, 0) == (value, len(raw))


@pytest.mark.parametrize(
    "blob, value",
    # The examples of II.23.2.
    [("06", 3), ("7b", -3), ("8080", 64), ("01", -64), ("c0004000", 8192), ("8001", -8192), ("dffffffe", 268435455),
     ("c0000001", -268435456)],
)  # fmt: skip
def test_compressed_signed(blob: str, value: int) -> None:
    assert parse_type_spec(bytes.fromhex("140801 00 01" + blob)) == (ET.ARRAY, I4, 1, (), (value,))
    assert signed(value) == bytes.fromhex(blob)


def test_forms() -> None:
    assert parse_method_sig(bytes.fromhex("200101 0e")) == MethodSig(0, True, False, 0, VOID, (STRING,), -1)
    assert parse_method_sig(bytes.fromhex("3001 0101 1e00")) == MethodSig(0, True, False, 1, VOID, ((ET.MVAR, 0),), -1)
    varargs = parse_method_sig(bytes.fromhex("0502 01 08 41 0e"))
    assert (varargs.params, varargs.sentinel) == ((I4, STRING), 1)
    assert parse_field_sig(bytes.fromhex("061d0e")) == (ET.SZARRAY, STRING)
    assert parse_field_sig(bytes.fromhex("061f0908")) == (ET.CMOD_REQD, 0x01000002, I4)
    assert parse_local_sig(bytes.fromhex("070345 1008 16 0e")) == (
        (ET.PINNED, (ET.BYREF, I4)),
        (ET.TYPEDBYREF,),
        STRING,
    )
    assert parse_method_spec(bytes.fromhex("0a02080e")) == (I4, STRING)
    assert parse_property_sig(bytes.fromhex("2801080e")) == MethodSig(8, True, False, 0, I4, (STRING,), -1)
    assert parse_type_spec(bytes.fromhex("1512450108")) == (ET.GENERICINST, (ET.CLASS, 0x01000011), (I4,))


@pytest.mark.parametrize("seed", range(50))
def test_round_trip(seed: int) -> None:
    source = random.Random(seed)
    for depth in (0, 1, 3, 8):
        kind = random_type(source, depth)
        assert parse_type_spec(encode(kind)) == kind
        assert parse_field_sig(b"\x06" + encode(kind)) == kind
        signature = random_method(source, min(depth, 4))
        assert parse_method_sig(encode_method(signature)) == signature
        assert hash(parse_type_spec(encode(kind))) == hash(kind)


@pytest.mark.parametrize(
    "parse, blob",
    [
        (parse_field_sig, ""),
        (parse_field_sig, "0708"),
        (parse_field_sig, "06"),
        (parse_field_sig, "0600"),
        (parse_field_sig, "0621"),  # ELEMENT_TYPE_INTERNAL: only in memory
        (parse_field_sig, "061203"),  # reserved tag
        (parse_field_sig, "0612e0"),  # malformed compressed integer
        (parse_field_sig, "06150801"),  # instantiation of a primitive
        (parse_field_sig, "061408000000"),  # rank 0
        (parse_field_sig, "061408010300010200"),  # more sizes than dimensions
        (parse_method_sig, "060001"),
        (parse_method_sig, "0502014108 410e"),  # two sentinels
        (parse_method_sig, "00dfffffff01"),  # a count that the blob cannot hold
        (parse_local_sig, "07bfff08"),
        (parse_method_spec, "0b0108"),
        (parse_property_sig, "0600"),
    ],
)
def test_malformed(parse: Any, blob: str) -> None:
    with pytest.raises(NativegenError, match=r"x\.dll: error NGEN1004"):
        parse(bytes.fromhex(blob), "x.dll")


def test_depth_is_limited() -> None:
    accepted = bytes([ET.SZARRAY]) * MAX_DEPTH + bytes([ET.I4])
    assert parse_type_spec(accepted)[0] == ET.SZARRAY
    for nest in (
        bytes([ET.PTR]),
        bytes([ET.GENERICINST, ET.CLASS, 5, 1]),
        bytes([ET.FNPTR, 0, 0]),
        bytes([ET.CMOD_OPT, 5]),
    ):
        with pytest.raises(NativegenError, match="nested too deeply"):
            parse_type_spec(nest * 5000 + bytes([ET.I4]))


def test_every_prefix_and_random_bytes_end_soon() -> None:
    source = random.Random(4)
    blobs = [encode_method(random_method(source, 4)) for _ in range(50)]
    cases = [blob[:size] for blob in blobs for size in range(len(blob))]
    likely = b"\x00\x01\x05\x06\x07\x08\x0a\x12\x14\x15\x1b\x1d\x1f\x20\x41\xdf\xff"
    cases += [bytes(source.choices(likely, k=40)) for _ in range(3000)]
    started = time.monotonic()
    parsed = failed = 0
    for blob in cases:
        for parse in PARSERS:
            try:
                parse(blob)
                parsed += 1
            except NativegenError as error:
                assert error.code == "NGEN1004"
                failed += 1
    assert failed > 5000 and parsed > 100
    assert time.monotonic() - started < 60


def test_signatures_of_the_kitchen_sink(kitchen: Assembly) -> None:
    methods = {kitchen.method_def(rid).name: rid for rid in range(1, kitchen.row_count(Table.MethodDef) + 1)}
    modified = kitchen.method_signature(methods["Modified"])
    assert modified.return_type[0] == ET.CMOD_OPT and modified.return_type[2] == I4
    shaped, pointer = modified.params
    assert shaped == (ET.ARRAY, I4, 2, (4,), (2, 0))
    assert pointer == (ET.FNPTR, MethodSig(0, False, False, 0, I4, (STRING,), -1))
    body = kitchen.method_body(methods["Modified"])
    assert body is not None
    assert kitchen.local_signature(body.local_sig_token) == ((ET.BYREF, I4), STRING, (ET.TYPEDBYREF,))
    assert kitchen.local_signature(0) == ()


def test_pinned_locals_are_kept(inputs: TestInputs) -> None:
    core = Assembly.open(inputs.framework("3.1") / "System.Private.CoreLib.dll")
    pinned = set()
    for rid in core.type_def(core.find_type("System", "String")).method_rids:
        body = core.method_body(rid)
        if body is not None:
            pinned |= {kind[1] for kind in core.local_signature(body.local_sig_token) if kind[0] == ET.PINNED}
    assert {(ET.SZARRAY, (ET.CHAR,)), (ET.BYREF, (ET.CHAR,))} <= pinned
