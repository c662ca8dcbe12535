"""A model of CoreCLR's unwinder, checked against what a function's instructions really do to the stack.

`check_unwinding` walks a runtime function instruction by instruction (capstone), keeping track of the stack pointer,
the frame register and where callee-saved registers were pushed, and at every instruction compares this with what the
unwinder would compute from the unwind info: prolog codes, or the machine code of an epilog (version 1 unwinding).

Sources: "x64 exception handling" of the Windows x64 ABI (epilog forms); facts/llvm-codegen.md 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import capstone
import capstone.x86

from nativegen.backend.unwind import UnwindInfo, decode_unwind_info
from nativegen.readytorun.enums import Register
from nativegen.readytorun.unit import MethodUnit, RelocationKind

_NAMES = {register.name: int(register) for register in Register if register < 16}
_SAVED = frozenset(("rbx", "rbp", "r12", "r13", "r14", "r15"))


@dataclass
class Counts:
    """Instructions checked, how many of them were in epilogs, and the descriptions of wrong ones."""

    checked: int = 0
    epilogs: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Frame:
    """Where the return address and saved registers are, from ``base`` ("sp" or "fp")."""

    base: str
    return_address: int
    saved: dict[int, int]
    in_epilog: bool


def _epilog_end(code: bytes, at: int, frame_register: int) -> bool:
    """Whether an epilog runs from ``at``: [add rsp | lea rsp,[fp+x]] pop* ret."""
    text = code[at : at + 64] + bytes(16)
    n = 0
    if text.startswith(b"\x48\x83\xc4"):
        n = 4
    elif text.startswith(b"\x48\x81\xc4"):
        n = 7
    elif text[0] & 0xFE == 0x48 and text[1] == 0x8D and ((text[0] & 1) << 3 | text[2] & 7) == frame_register != 0:
        n = {0x60: 4, 0xA0: 7}.get(text[2] & 0xF8, 0)
    while True:
        if text[n] & 0xF8 == 0x58:
            n += 1
        elif text[n] & 0xF0 == 0x40 and text[n + 1] & 0xF8 == 0x58:
            n += 2
        else:
            break
    return text[n] in (0xC3, 0xC2)


def unwind(code: bytes, at: int, info: UnwindInfo) -> _Frame:
    """What the runtime's unwinder makes of a stop at ``at``, before that instruction."""
    frame_register = 0 if info.frame_offset is None else int(Register.rbp)
    saved: dict[int, int] = {}
    base, offset = "sp", 0
    if _epilog_end(code, at, frame_register):
        text = code[at:] + bytes(16)
        n = 0
        if text.startswith(b"\x48\x83\xc4"):
            offset, n = int.from_bytes(text[3:4], "little", signed=True), 4
        elif text.startswith(b"\x48\x81\xc4"):
            offset, n = int.from_bytes(text[3:7], "little", signed=True), 7
        elif text[0] & 0xF8 == 0x48 and text[1] == 0x8D:
            base = "fp"
            size = 1 if text[2] & 0xF8 == 0x60 else 4
            offset, n = int.from_bytes(text[3 : 3 + size], "little", signed=True), 3 + size
        while True:
            if text[n] & 0xF8 == 0x58:
                saved[text[n] & 7] = offset
                n += 1
            elif text[n] & 0xF0 == 0x40 and text[n + 1] & 0xF8 == 0x58:
                saved[text[n + 1] & 7 | (text[n] & 1) << 3] = offset
                n += 2
            else:
                return _Frame(base, offset, saved, True)
            offset += 8
    for unwind_code in info.codes:
        if at < unwind_code.offset:
            continue
        if unwind_code.operation.value == "push":
            saved[unwind_code.value] = offset
            offset += 8
        elif unwind_code.operation.value == "alloc":
            offset += unwind_code.value
        else:
            base, offset = "fp", -unwind_code.value
    return _Frame(base, offset, saved, False)


def check_unwinding(unit: MethodUnit, counts: Counts) -> None:
    """Check every instruction of every runtime function of the unit."""
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    probes = {entry.offset for entry in unit.relocations if entry.kind is RelocationKind.SYMBOL}
    for function in unit.functions:
        code = unit.code[function.begin : function.end]
        info = decode_unwind_info(function.unwind)
        depth = 0  # bytes between the stack pointer and the return address's slot
        frame: int | None = None  # the same for rbp, once it is the frame register
        saved: dict[int, int] = {}
        body: tuple[int, dict[int, int]] | None = None
        known = True  # False while rsp depends on run-time values
        size = 0  # eax before clr_chkstk
        restart = False
        for instruction in decoder.disasm(code, 0):
            at, name, operands = instruction.address, instruction.mnemonic, instruction.op_str
            if restart and body is not None:
                depth, saved = body[0], dict(body[1])
                known = True
                restart = False
            if at >= info.prolog_size and body is None:
                body = depth, dict(saved)
            counts.checked += 1
            found = unwind(code, at, info)
            counts.epilogs += found.in_epilog
            reference = depth if found.base == "sp" else frame
            if found.base == "sp" and not known:
                right = found.in_epilog  # cannot be told here; only a frame register makes this legal
            else:
                right = reference == found.return_address and all(
                    found.saved.get(register) == reference - place for register, place in saved.items()
                )
            if not right:
                counts.wrong.append(f"{at:#x} {name} {operands}: {found}, really {depth}, rbp {frame}, {saved}")
            # --- what the instruction does
            if name == "push":
                depth += 8
                if operands in _SAVED and at < info.prolog_size:
                    saved[_NAMES[operands]] = depth
            elif name == "pop":
                depth -= 8
                saved.pop(_NAMES[operands], None)
            elif name == "mov" and operands.startswith("eax, 0x") and at < info.prolog_size:
                size = int(operands[5:], 16)
            elif name == "sub" and operands == "rsp, rax" and at < info.prolog_size:
                assert at - 4 in probes
                depth += size
            elif name in ("sub", "add") and operands.startswith("rsp, "):
                amount = operands[5:]
                if amount[0].isdigit() or amount[0] == "-":
                    depth += int(amount, 16) if name == "sub" else -int(amount, 16)
                else:
                    known = False
            elif name == "lea" and operands.startswith("rbp, [rsp") and at < info.prolog_size:
                frame = depth - int(operands[9:-1].replace("+", "").strip() or "0", 16)
            elif name == "mov" and operands == "rbp, rsp" and at < info.prolog_size:
                frame = depth
            elif name == "lea" and operands.startswith("rsp, [rbp"):
                assert frame is not None
                depth = frame - int(operands[9:-1].replace(" ", "") or "0", 16)
                known = True
            elif name == "mov" and operands == "rsp, rbp":
                assert frame is not None
                depth, known = frame, True
            elif name in ("mov", "and") and operands.startswith("rsp, "):
                known = False
            elif name in ("ret", "int3"):
                restart = True
