"""The CIL opcode table (ECMA-335 III and VI.C) and the decoder of method code.

The table is data: one line per opcode with its operand, what it pops and pushes, and where control goes. The decoder
turns code into ``(offset, opcode, operand)`` tuples.

================  =======================================================================================
operand kind      operand of the decoded instruction
================  =======================================================================================
none              None
i1 i4 i8          signed int
r4 r8             **the IEEE bits as an int**, so that every NaN survives
br1 br4           absolute offset of the target
switch            tuple of absolute offsets
var1 var2         index of the argument or local
method field ...  token (``string``: 0x70000000 | offset in #US)
================  =======================================================================================

Invariant: :func:`decode` accepts exactly whole instructions; branch targets lie inside the code (whether they hit the
start of an instruction is for the builder of basic blocks to see).

>>> decode(bytes.fromhex("1f0a 2b00 2a"))
[(0, 31, 10), (2, 43, 4), (4, 42, None)]
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from nativegen.diagnostics import NativegenError
from nativegen.metadata.ops import Op

#: (offset, opcode value, operand).
Instruction = tuple[int, int, Any]


class OpCode(NamedTuple):
    """One line of the table.

    Attributes:
        operand: operand kind, see above.
        pop: what it takes from the stack, in push order: ``1`` (anything), ``i i8 r4 r8 ref``; None: the operand says.
        push: what it pushes, likewise.
        flow: ``next``, ``branch``, ``cond``, ``call``, ``return``, ``throw``, ``break`` or ``meta`` (a prefix).
    """

    value: int
    name: str
    operand: str
    pop: tuple[str, ...] | None
    push: tuple[str, ...] | None
    flow: str


# name, operand, pop, push, flow. Values are in Op. Differs from VI.C.2 in one place: isinst pushes "ref", as III.4.6
# says.
_TABLE: Final = """\
nop            none   -         -   next
break          none   -         -   break
ldarg.0        none   -         1   next
ldarg.1        none   -         1   next
ldarg.2        none   -         1   next
ldarg.3        none   -         1   next
ldloc.0        none   -         1   next
ldloc.1        none   -         1   next
ldloc.2        none   -         1   next
ldloc.3        none   -         1   next
stloc.0        none   1         -   next
stloc.1        none   1         -   next
stloc.2        none   1         -   next
stloc.3        none   1         -   next
ldarg.s        var1   -         1   next
ldarga.s       var1   -         i   next
starg.s        var1   1         -   next
ldloc.s        var1   -         1   next
ldloca.s       var1   -         i   next
stloc.s        var1   1         -   next
ldnull         none   -         ref next
ldc.i4.m1      none   -         i   next
ldc.i4.0       none   -         i   next
ldc.i4.1       none   -         i   next
ldc.i4.2       none   -         i   next
ldc.i4.3       none   -         i   next
ldc.i4.4       none   -         i   next
ldc.i4.5       none   -         i   next
ldc.i4.6       none   -         i   next
ldc.i4.7       none   -         i   next
ldc.i4.8       none   -         i   next
ldc.i4.s       i1     -         i   next
ldc.i4         i4     -         i   next
ldc.i8         i8     -         i8  next
ldc.r4         r4     -         r4  next
ldc.r8         r8     -         r8  next
dup            none   1         1+1 next
pop            none   1         -   next
jmp            method -         -   call
call           method var       var call
calli          sig    var       var call
ret            none   var       -   return
br.s           br1    -         -   branch
brfalse.s      br1    i         -   cond
brtrue.s       br1    i         -   cond
beq.s          br1    1+1       -   cond
bge.s          br1    1+1       -   cond
bgt.s          br1    1+1       -   cond
ble.s          br1    1+1       -   cond
blt.s          br1    1+1       -   cond
bne.un.s       br1    1+1       -   cond
bge.un.s       br1    1+1       -   cond
bgt.un.s       br1    1+1       -   cond
ble.un.s       br1    1+1       -   cond
blt.un.s       br1    1+1       -   cond
br             br4    -         -   branch
brfalse        br4    i         -   cond
brtrue         br4    i         -   cond
beq            br4    1+1       -   cond
bge            br4    1+1       -   cond
bgt            br4    1+1       -   cond
ble            br4    1+1       -   cond
blt            br4    1+1       -   cond
bne.un         br4    1+1       -   cond
bge.un         br4    1+1       -   cond
bgt.un         br4    1+1       -   cond
ble.un         br4    1+1       -   cond
blt.un         br4    1+1       -   cond
switch         switch i         -   cond
ldind.i1       none   i         i   next
ldind.u1       none   i         i   next
ldind.i2       none   i         i   next
ldind.u2       none   i         i   next
ldind.i4       none   i         i   next
ldind.u4       none   i         i   next
ldind.i8       none   i         i8  next
ldind.i        none   i         i   next
ldind.r4       none   i         r4  next
ldind.r8       none   i         r8  next
ldind.ref      none   i         ref next
stind.ref      none   i+i       -   next
stind.i1       none   i+i       -   next
stind.i2       none   i+i       -   next
stind.i4       none   i+i       -   next
stind.i8       none   i+i8      -   next
stind.r4       none   i+r4      -   next
stind.r8       none   i+r8      -   next
add            none   1+1       1   next
sub            none   1+1       1   next
mul            none   1+1       1   next
div            none   1+1       1   next
div.un         none   1+1       1   next
rem            none   1+1       1   next
rem.un         none   1+1       1   next
and            none   1+1       1   next
or             none   1+1       1   next
xor            none   1+1       1   next
shl            none   1+1       1   next
shr            none   1+1       1   next
shr.un         none   1+1       1   next
neg            none   1         1   next
not            none   1         1   next
conv.i1        none   1         i   next
conv.i2        none   1         i   next
conv.i4        none   1         i   next
conv.i8        none   1         i8  next
conv.r4        none   1         r4  next
conv.r8        none   1         r8  next
conv.u4        none   1         i   next
conv.u8        none   1         i8  next
callvirt       method var       var call
cpobj          type   i+i       -   next
ldobj          type   i         1   next
ldstr          string -         ref next
newobj         method var       ref call
castclass      type   ref       ref next
isinst         type   ref       ref next
conv.r.un      none   1         r8  next
unbox          type   ref       i   next
throw          none   ref       -   throw
ldfld          field  ref       1   next
ldflda         field  ref       i   next
stfld          field  ref+1     -   next
ldsfld         field  -         1   next
ldsflda        field  -         i   next
stsfld         field  1         -   next
stobj          type   i+1       -   next
conv.ovf.i1.un none   1         i   next
conv.ovf.i2.un none   1         i   next
conv.ovf.i4.un none   1         i   next
conv.ovf.i8.un none   1         i8  next
conv.ovf.u1.un none   1         i   next
conv.ovf.u2.un none   1         i   next
conv.ovf.u4.un none   1         i   next
conv.ovf.u8.un none   1         i8  next
conv.ovf.i.un  none   1         i   next
conv.ovf.u.un  none   1         i   next
box            type   1         ref next
newarr         type   i         ref next
ldlen          none   ref       i   next
ldelema        type   ref+i     i   next
ldelem.i1      none   ref+i     i   next
ldelem.u1      none   ref+i     i   next
ldelem.i2      none   ref+i     i   next
ldelem.u2      none   ref+i     i   next
ldelem.i4      none   ref+i     i   next
ldelem.u4      none   ref+i     i   next
ldelem.i8      none   ref+i     i8  next
ldelem.i       none   ref+i     i   next
ldelem.r4      none   ref+i     r4  next
ldelem.r8      none   ref+i     r8  next
ldelem.ref     none   ref+i     ref next
stelem.i       none   ref+i+i   -   next
stelem.i1      none   ref+i+i   -   next
stelem.i2      none   ref+i+i   -   next
stelem.i4      none   ref+i+i   -   next
stelem.i8      none   ref+i+i8  -   next
stelem.r4      none   ref+i+r4  -   next
stelem.r8      none   ref+i+r8  -   next
stelem.ref     none   ref+i+ref -   next
ldelem         type   ref+i     1   next
stelem         type   ref+i+1   -   next
unbox.any      type   ref       1   next
conv.ovf.i1    none   1         i   next
conv.ovf.u1    none   1         i   next
conv.ovf.i2    none   1         i   next
conv.ovf.u2    none   1         i   next
conv.ovf.i4    none   1         i   next
conv.ovf.u4    none   1         i   next
conv.ovf.i8    none   1         i8  next
conv.ovf.u8    none   1         i8  next
refanyval      type   1         i   next
ckfinite       none   1         r8  next
mkrefany       type   i         1   next
ldtoken        tok    -         i   next
conv.u2        none   1         i   next
conv.u1        none   1         i   next
conv.i         none   1         i   next
conv.ovf.i     none   1         i   next
conv.ovf.u     none   1         i   next
add.ovf        none   1+1       1   next
add.ovf.un     none   1+1       1   next
mul.ovf        none   1+1       1   next
mul.ovf.un     none   1+1       1   next
sub.ovf        none   1+1       1   next
sub.ovf.un     none   1+1       1   next
endfinally     none   -         -   return
leave          br4    -         -   branch
leave.s        br1    -         -   branch
stind.i        none   i+i       -   next
conv.u         none   1         i   next
arglist        none   -         i   next
ceq            none   1+1       i   next
cgt            none   1+1       i   next
cgt.un         none   1+1       i   next
clt            none   1+1       i   next
clt.un         none   1+1       i   next
ldftn          method -         i   next
ldvirtftn      method ref       i   next
ldarg          var2   -         1   next
ldarga         var2   -         i   next
starg          var2   1         -   next
ldloc          var2   -         1   next
ldloca         var2   -         i   next
stloc          var2   1         -   next
localloc       none   i         i   next
endfilter      none   i         -   return
unaligned.     i1     -         -   meta
volatile.      none   -         -   meta
tail.          none   -         -   meta
initobj        type   i         -   next
constrained.   type   -         -   meta
cpblk          none   i+i+i     -   next
initblk        none   i+i+i     -   next
no.            i1     -         -   meta
rethrow        none   -         -   throw
sizeof         type   -         i   next
refanytype     none   1         i   next
readonly.      none   -         -   meta
"""


def _stack(text: str) -> tuple[str, ...] | None:
    if text == "var":
        return None
    return () if text == "-" else tuple(text.split("+"))


def _parse_table() -> dict[int, OpCode]:
    result = {}
    for line in _TABLE.splitlines():
        name, operand, pop, push, flow = line.split()
        value: int = getattr(Op, name.rstrip(".").upper().replace(".", "_"))
        result[value] = OpCode(value, name, operand, _stack(pop), _stack(push), flow)
    return result


#: Every opcode by value.
OPCODES: Final[dict[int, OpCode]] = _parse_table()

_U4: Final = struct.Struct("<I")
_OPERANDS: Final = {
    "i1": struct.Struct("<b"),
    "i4": struct.Struct("<i"),
    "i8": struct.Struct("<q"),
    "r4": _U4,
    "r8": struct.Struct("<Q"),
    "br1": struct.Struct("<b"),
    "br4": struct.Struct("<i"),
    "switch": _U4,
    "var1": struct.Struct("<B"),
    "var2": struct.Struct("<H"),
    "method": _U4,
    "field": _U4,
    "type": _U4,
    "tok": _U4,
    "string": _U4,
    "sig": _U4,
}

#: Opcodes whose operand is a token.
TOKEN_OPCODES: Final = frozenset(
    value for value, opcode in OPCODES.items() if opcode.operand in ("method", "field", "type", "tok", "string", "sig")
)

#: Opcodes from here on have two bytes, the first of which is :data:`_PREFIX`.
TWO_BYTES: Final = 0xFE00
_PREFIX: Final = TWO_BYTES >> 8

#: How the decoder reads an operand: (unpack function, size, 0 plain / 1 branch / 2 switch); None: no operand.
_Reader = tuple[Callable[[bytes, int], tuple[Any, ...]], int, int] | None


def _readers(base: int) -> tuple[_Reader | bool, ...]:
    """For each byte its reader, or False where no opcode has that value."""
    result: list[_Reader | bool] = []
    for byte in range(256):
        opcode = OPCODES.get(base | byte)
        if opcode is None:
            result.append(False)
        elif opcode.operand == "none":
            result.append(None)
        else:
            decoder = _OPERANDS[opcode.operand]
            how = 2 if opcode.operand == "switch" else 1 if opcode.operand in ("br1", "br4") else 0
            result.append((decoder.unpack_from, decoder.size, how))
    return tuple(result)


_ONE_BYTE: Final = _readers(0)
_TWO_BYTE: Final = _readers(TWO_BYTES)


def decode(code: bytes, path: str | None = None, where: str = "code") -> list[Instruction]:
    """Decodes the code of one method.

    Args:
        code: all of it.
        path: file to name in an error.
        where: what to call the code in an error.

    Raises:
        NativegenError: NGEN1004, an unknown opcode, a truncated instruction, or a branch out of the code.
    """
    result: list[Instruction] = []
    append = result.append
    one_byte = _ONE_BYTE
    size = len(code)
    position = 0
    start = 0
    try:
        while position < size:
            start = position
            opcode = code[position]
            position += 1
            reader = one_byte[opcode]
            if reader is None:
                append((start, opcode, None))
                continue
            if reader is False:
                if opcode == _PREFIX:
                    opcode = TWO_BYTES | code[position]
                    reader = _TWO_BYTE[code[position]]
                    position += 1
                if reader is None:
                    append((start, opcode, None))
                    continue
            if isinstance(reader, bool):
                raise _malformed(path, where, start, f"unknown opcode 0x{opcode:02x}")
            unpack, length, how = reader
            (operand,) = unpack(code, position)
            position += length
            if how == 0:
                append((start, opcode, operand))
            elif how == 1:
                operand += position
                if not 0 <= operand < size:
                    raise _malformed(path, where, start, "branch out of the code")
                append((start, opcode, operand))
            else:
                if position + 4 * operand > size:
                    raise _malformed(path, where, start, "truncated")
                deltas = struct.unpack_from(f"<{operand}i", code, position)
                position += 4 * operand
                targets = tuple([position + delta for delta in deltas])
                if targets and not (min(targets) >= 0 and max(targets) < size):
                    raise _malformed(path, where, start, "branch out of the code")
                append((start, opcode, targets))
    except (IndexError, struct.error):
        raise _malformed(path, where, start, "truncated") from None
    return result


def _malformed(path: str | None, where: str, offset: int, reason: str) -> NativegenError:
    return NativegenError("NGEN1004", path, detail=f"{where}: instruction at 0x{offset:x}: {reason}")
