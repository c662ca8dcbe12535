"""Instructions of an image that the x86-64 of the first processors does not have (Intel SDM volume 2, appendix A).

Every image that the differential harness makes goes through here: one instruction of a newer extension would be an
illegal instruction on somebody's machine, and no test that runs on ours would notice.

What is told apart by encoding: everything in the opcode maps 0F 38 and 0F 3A (SSSE3, SSE4, AES, MOVBE, ADX...), VEX,
EVEX and XOP prefixes, and the few instructions of the older maps in the table below. ``rep bsf`` is not among them:
LLVM writes it on purpose, because newer processors run it as TZCNT, with the same result where it is used.

>>> beyond_baseline(bytes.fromhex("f30fb8c1c3"))
['popcnt eax, ecx']
"""

from __future__ import annotations

from pathlib import Path

import capstone

from nativegen.readytorun.reader import ReadyToRunImage

_PREFIXES = frozenset((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3))
_REX = range(0x40, 0x50)
_VEX_EVEX = frozenset((0xC4, 0xC5, 0x62))
_LATER_MAPS = frozenset((0x38, 0x3A))
#: (mandatory prefix or 0, second opcode byte) in the map 0F: SSE3, POPCNT, LZCNT.
_LATER = frozenset(
    (
        *((prefix, opcode) for prefix in (0x66, 0xF2) for opcode in (0x7C, 0x7D, 0xD0)),
        (0xF2, 0xF0),
        (0xF2, 0x12),
        (0xF3, 0x12),
        (0xF3, 0x16),
        (0xF3, 0xB8),
        (0xF3, 0xBD),
    )
)
_LAHF_SAHF = frozenset((0x9E, 0x9F))


def _is_later(code: bytes) -> bool:
    """Whether one instruction needs more than the baseline."""
    position = 0
    mandatory = 0
    while code[position] in _PREFIXES:
        if code[position] in (0x66, 0xF2, 0xF3) and mandatory not in (0xF2, 0xF3):
            mandatory = code[position]
        position += 1
    if code[position] in _VEX_EVEX or code[position] in _LAHF_SAHF:
        return True
    if code[position] == 0x8F and code[position + 1] & 0x1F >= 8:  # XOP
        return True
    wide = False
    if code[position] in _REX:
        wide = bool(code[position] & 8)
        position += 1
    if code[position] != 0x0F:
        return False
    opcode = code[position + 1]
    if opcode in _LATER_MAPS or (mandatory, opcode) in _LATER:
        return True
    return opcode == 0xC7 and wide and code[position + 2] >> 3 & 7 == 1  # CMPXCHG16B


def beyond_baseline(code: bytes) -> list[str]:
    """The later instructions in some code, as text; an undecodable byte is one too."""
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    found = []
    end = 0
    for address, size, mnemonic, operands in engine.disasm_lite(code, 0):
        if _is_later(code[address : address + size]):
            found.append(f"{mnemonic} {operands}".strip())
        end = address + size
    if end != len(code):
        found.append(f"undecodable: {code[end : end + 8].hex()}")
    return found


def image_beyond_baseline(path: Path) -> list[str]:
    """The later instructions in the methods of an image, with the numbers of their runtime functions."""
    image = ReadyToRunImage.open(path)
    found = []
    for start in image.method_starts:
        code = image.code(image.compiled_method(start))
        found += [f"runtime function {start}: {text}" for text in beyond_baseline(code)]
    return found
