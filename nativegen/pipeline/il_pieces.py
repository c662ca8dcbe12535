"""A method's CIL cut at its tokens: what a unit key hashes, found at the speed of the regular expression engine.

A key must not see row numbers, so every token operand is replaced by a digest of what it means. Finding the tokens
means walking the opcodes; decoding 23,000 bodies in Python takes half a second, one regular expression that knows the
length of every instruction a fifth of that. ``switch`` has no fixed length and no token: bodies that may contain one
are walked by the ordinary decoder, to the same result.

Invariant: for well-formed code the result is the code with the four bytes of each token operand replaced, whichever way
was taken. Malformed code is returned as it is, behind a byte that no instruction begins with; it is never compiled.

>>> pieces(bytes.fromhex("02280100000a2a"), {b"\\x01\\0\\0\\x0a": b"<method>"}).hex(" ", 1)
'02 28 3c 6d 65 74 68 6f 64 3e 2a'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from nativegen.diagnostics import NativegenError
from nativegen.metadata.opcodes import OPCODES, TOKEN_OPCODES, TWO_BYTES, decode

_SWITCH = b"\x45"
_SIZES = {
    "none": 0, "i1": 1, "br1": 1, "var1": 1, "var2": 2, "i4": 4, "r4": 4, "br4": 4, "i8": 8, "r8": 8,
}  # fmt: skip
_MALFORMED = b"\xff"


def _one_of(values: list[int]) -> bytes:
    return b"[" + b"".join([b"\\x%02x" % value for value in sorted(values)]) + b"]"


@cache
def _pattern() -> re.Pattern[bytes]:
    """(instructions without tokens, then an opcode with one; the token), or the rest of the code and nothing."""
    plain: dict[tuple[bytes, int], list[int]] = {}
    tokens: dict[bytes, list[int]] = {}
    for value, opcode in OPCODES.items():
        lead = b"\\xfe" if value >= TWO_BYTES else b""
        if value in TOKEN_OPCODES:
            tokens.setdefault(lead, []).append(value & 0xFF)
        elif opcode.operand != "switch":
            plain.setdefault((lead, _SIZES[opcode.operand]), []).append(value & 0xFF)
    instructions = [lead + _one_of(values) + b"." * size for (lead, size), values in sorted(plain.items())]
    ends = [lead + _one_of(values) for lead, values in sorted(tokens.items())]
    # Possessive: the alternatives begin with different bytes, so that trying again never helps.
    text = b"((?:" + b"|".join(instructions) + b")*+(?:" + b"|".join(ends) + b"|\\Z))(.{4}|)"
    return re.compile(text, re.DOTALL)


def pieces(code: bytes, digests: Mapping[bytes, bytes]) -> bytes:
    """The code with every token operand replaced.

    Args:
        code: of one method.
        digests: by the token's four bytes, all of one length; ``b""`` need not be in it.
    """
    if _SWITCH not in code:
        found = _pattern().findall(code)
        result = b"".join([text + digests[token] if token else text for text, token in found])
        # The search skips what does not match; then bytes are missing. The last one or two matches have no token.
        count = len(found) - 1 if len(found) < 2 or found[-2][1] else len(found) - 2
        if count == 0:
            if len(result) == len(code):
                return result
        elif len(result) == len(code) + count * (len(digests[found[0][1]]) - 4):
            return result
    return _walked(code, digests)


def _walked(code: bytes, digests: Mapping[bytes, bytes]) -> bytes:
    try:
        instructions = decode(code)
    except NativegenError:
        return _MALFORMED + code
    parts = []
    start = 0
    for offset, opcode, _ in instructions:
        if opcode in TOKEN_OPCODES:
            operand = offset + (2 if opcode >= TWO_BYTES else 1)
            parts += [code[start:operand], digests[code[operand : operand + 4]]]
            start = operand + 4
    return b"".join([*parts, code[start:]])
