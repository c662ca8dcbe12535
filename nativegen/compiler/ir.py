"""The typed intermediate representation between CIL and LLVM text.

What: plain data. The importer (CIL -> IR) builds a :class:`Function`; the passes in ``passes/`` rewrite it;
``verifier`` checks it; ``printer`` shows it; ``emit`` turns it into LLVM text.

Why here: CIL is a stack machine with implicit checks; LLVM knows neither collections nor null checks. Everything
implicit is an explicit instruction here and the GC kind of every value is part of its type, so that each pass and the
emitter can be checked.

Invariants (``verifier`` enforces them):

* A :class:`Value` is defined once and used only in the block that defines it, after its definition. What lives across
  blocks lives in a :class:`Slot`. (The importer spills its evaluation stack to temporary slots at block ends.)
* Value types never are values: a struct is handled through the address of a slot or through a byref, by ``CopyStruct``,
  ``ZeroStruct``, field loads and stores, and by-address call arguments.
* Every instruction for which :func:`is_safepoint` holds may run a collection: after it no earlier ``REF``/``BYREF``
  value may sit in a register. The emitter gives such values a home (facts: joint-design.md 1); nobody else has to
  think of it.
* ``Load``/``Store``/``Offset``... never check for null: a ``NullCheck`` (or ``BoundsCheck``) precedes them where CIL
  demands it.
* Exception handling is in the blocks' scopes (:mod:`nativegen.compiler.regions`); what throws is not a terminator.
* Small integers exist only in memory and in signatures (:class:`Memory`); a value is at least ``I32`` wide, already
  extended.

Example (``static int Len(int[] a) => a.Length``)::

    function Len(a: ref) -> i32
    b0:
      v0: ref = load_slot a
      v1: i64 = array_length v0          ; faults when v0 is null
      v2: i32 = convert trunc64 v1
      return v2
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from nativegen.compiler.regions import Scope, TryRegion
from nativegen.readytorun.unit import Cell, ForeignUse


class Type(enum.IntEnum):
    """Type of a value. ``ADDR`` is the address of a slot of this frame: never null, never moved, not reported."""

    VOID = 0
    I32 = 1
    I64 = 2  # also native int and unmanaged pointers
    F32 = 3
    F64 = 4
    REF = 5  # object reference
    BYREF = 6  # managed pointer: may point into an object, to a frame or to unmanaged memory
    ADDR = 7


class Memory(enum.IntEnum):
    """How a scalar is stored in memory, in a slot or in a signature (ECMA-335 I.12.1)."""

    I8 = 0
    U8 = 1
    I16 = 2
    U16 = 3
    I32 = 4
    I64 = 5
    F32 = 6
    F64 = 7
    REF = 8
    BYREF = 9


#: Memory form -> (type of the loaded value, size in bytes)
MEMORY_INFO: dict[Memory, tuple[Type, int]] = {
    Memory.I8: (Type.I32, 1),
    Memory.U8: (Type.I32, 1),
    Memory.I16: (Type.I32, 2),
    Memory.U16: (Type.I32, 2),
    Memory.I32: (Type.I32, 4),
    Memory.I64: (Type.I64, 8),
    Memory.F32: (Type.F32, 4),
    Memory.F64: (Type.F64, 8),
    Memory.REF: (Type.REF, 8),
    Memory.BYREF: (Type.BYREF, 8),
}


@dataclass(frozen=True, slots=True)
class StructShape:
    """What copying and reporting a value type needs.

    Attributes:
        size: bytes, as the runtime lays it out (at least 1).
        alignment: bytes.
        gc: (offset, ``Memory.REF`` or ``Memory.BYREF``) of every pointer the collector must see, ascending.
        name: for printing only.
    """

    size: int
    alignment: int
    gc: tuple[tuple[int, Memory], ...]
    name: str = ""


class SlotKind(enum.IntEnum):
    ARGUMENT = 0
    LOCAL = 1
    TEMP = 2


@dataclass(slots=True, eq=False)
class Slot:
    """A variable of the frame: exactly one of ``memory`` (scalar) and ``shape`` (struct) is set.

    ``address_taken`` must be true when a ``SlotAddress`` of a *scalar* slot exists (set by whoever creates it).
    ``pinned``: reported as pinned (a ``fixed`` local). ``zeroed``: must read as zero before the first store (init
    locals); slots with GC pointers are always zeroed by the emitter.
    """

    index: int
    name: str
    kind: SlotKind
    memory: Memory | None = None
    shape: StructShape | None = None
    address_taken: bool = False
    pinned: bool = False
    zeroed: bool = False


@dataclass(slots=True, eq=False)
class Value:
    """A virtual register; ``id`` is unique in its function."""

    id: int
    type: Type


# --- calling convention ---


class PassKind(enum.IntEnum):
    """How one parameter or result travels (System V x86-64 as CoreCLR uses it; facts: llvm-codegen.md 1, clr-abi)."""

    VOID = 0
    SCALAR = 1  # `memory` says which; callee must not trust the upper bits of small integers
    REGISTERS = 2  # struct in one or two eightbytes, `words`
    STACK = 3  # parameter: struct copied onto the stack (`ptr byval`), `shape`
    BUFFER = 4  # result: hidden pointer to the caller's buffer, passed after `this`, returned in rax


@dataclass(frozen=True, slots=True)
class Word:
    """One eightbyte of a struct in a register: memory form at ``offset`` (I64/REF/BYREF in a general register;
    F64/F32 in xmm).

    Two floats share an xmm register as one F64 word. ``size`` is the number of bytes of the struct in this word (the
    last word of a 12-byte struct has 4): loads must not read beyond it.
    """

    offset: int
    memory: Memory
    size: int


@dataclass(frozen=True, slots=True)
class AbiParam:
    kind: PassKind
    memory: Memory | None = None  # SCALAR
    words: tuple[Word, ...] = ()  # REGISTERS
    shape: StructShape | None = None  # REGISTERS, STACK, BUFFER


@dataclass(frozen=True, slots=True)
class CallAbi:
    """A signature as the calling convention sees it. ``params`` excludes the hidden return buffer, includes ``this``
    first.

    ``has_this`` matters for the place of the return buffer: this, buffer, then the others.
    """

    params: tuple[AbiParam, ...]
    result: AbiParam
    has_this: bool


class ReturnKind(enum.IntEnum):
    """GcInfo ReturnKind (gcinfotypes.h): what rax (low digit) and rdx hold on return."""

    SCALAR = 0
    OBJECT = 1
    BYREF = 2
    SCALAR_OBJECT = 4  # rax scalar, rdx object
    OBJECT_OBJECT = 5
    BYREF_OBJECT = 6
    SCALAR_BYREF = 8
    OBJECT_BYREF = 9
    BYREF_BYREF = 10


# --- instructions ---


class BinaryOp(enum.IntEnum):
    ADD = 0
    SUB = 1
    MUL = 2
    DIV = 3  # signed, or floating; integer division is preceded by its checks (DivideCheck)
    DIV_UN = 4
    REM = 5  # integer only; floating remainder is a helper call
    REM_UN = 6
    AND = 7
    OR = 8
    XOR = 9
    SHL = 10  # the shift count is masked by the emitter (31 or 63), as RyuJIT's code does
    SHR = 11
    SHR_UN = 12


class UnaryOp(enum.IntEnum):
    NEG = 0
    NOT = 1
    ABS = 2  # floating: without its sign, NaN too
    SQRT = 3  # floating
    LEADING_ZEROS = 4  # integer; of zero: the width
    TRAILING_ZEROS = 5  # likewise
    POPULATION = 6  # bits that are one


class Condition(enum.IntEnum):
    """Integer: signed unless ``_UN``. Floating: ordered, except ``_UN`` forms and NE which are true when unordered."""

    EQ = 0
    NE = 1
    LT = 2
    LE = 3
    GT = 4
    GE = 5
    LT_UN = 6
    LE_UN = 7
    GT_UN = 8
    GE_UN = 9


class ConvertKind(enum.IntEnum):
    """Conversions without overflow checks. From floating to integer the result outside the range is the target's
    JIT's."""

    SEXT8 = 0  # I32 -> I32, from the low 8 bits
    ZEXT8 = 1
    SEXT16 = 2
    ZEXT16 = 3
    SEXT32 = 4  # I32 -> I64
    ZEXT32 = 5  # I32 -> I64
    TRUNC64 = 6  # I64 -> I32
    I32_F32 = 7
    I32_F64 = 8
    I64_F32 = 9
    I64_F64 = 10
    U32_F64 = 11
    U64_F64 = 12
    F32_F64 = 13
    F64_F32 = 14
    F64_I32 = 15
    F64_I64 = 16
    F64_U32 = 17
    F64_U64 = 18
    REF_I64 = 19  # reinterpretations of pointers; the value must not outlive the next safepoint unless pinned
    BYREF_I64 = 20
    ADDR_I64 = 21
    I64_BYREF = 22
    ADDR_BYREF = 23
    U32_F32 = 24
    U64_F32 = 25
    REF_BYREF = 26  # ref -> pointer to its start
    BITS_F32_I32 = 27  # the same bits
    BITS_F64_I64 = 28
    BITS_I32_F32 = 29
    BITS_I64_F64 = 30


class Barrier(enum.IntEnum):
    """Write barrier of a reference store."""

    NONE = 0  # the destination is this frame
    UNCHECKED = 1  # the destination is inside a heap object
    CHECKED = 2  # the destination may be anywhere


@dataclass(slots=True, eq=False)
class Instruction:
    """Base of all instructions; ``il_offset`` maps back to CIL (debug information, messages)."""

    il_offset: int = field(default=-1, kw_only=True)


@dataclass(slots=True, eq=False)
class Const(Instruction):
    """Integer constant (two's complement Python int), or floating constant given by its IEEE ``bits``; REF/BYREF: 0
    is null."""

    result: Value
    bits: int


@dataclass(slots=True, eq=False)
class LoadSlot(Instruction):
    result: Value
    slot: Slot


@dataclass(slots=True, eq=False)
class StoreSlot(Instruction):
    """Small integer slots keep the low bits."""

    slot: Slot
    value: Value


@dataclass(slots=True, eq=False)
class SlotAddress(Instruction):
    """``result``: ADDR of byte ``offset`` in the slot."""

    result: Value
    slot: Slot
    offset: int = 0


@dataclass(slots=True, eq=False)
class Binary(Instruction):
    result: Value
    op: BinaryOp
    left: Value
    right: Value  # shifts: I32; otherwise the type of left


@dataclass(slots=True, eq=False)
class CheckedBinary(Instruction):
    """ADD, SUB or MUL that throws OverflowException."""

    result: Value
    op: BinaryOp
    unsigned: bool
    left: Value
    right: Value


@dataclass(slots=True, eq=False)
class Unary(Instruction):
    result: Value
    op: UnaryOp
    value: Value


@dataclass(slots=True, eq=False)
class Convert(Instruction):
    result: Value
    kind: ConvertKind
    value: Value


@dataclass(slots=True, eq=False)
class CheckedConvert(Instruction):
    """conv.ovf.*: integer ``value`` (I32/I64, read as unsigned when ``from_unsigned``) to ``to`` or OverflowException.

    ``to``: 'i8' 'u8' 'i16' 'u16' 'i32' 'u32' 'i64' 'u64'. Floating sources go through runtime helpers instead.
    """

    result: Value
    to: str
    from_unsigned: bool
    value: Value


@dataclass(slots=True, eq=False)
class Compare(Instruction):
    """``result``: I32, 1 or 0. Pointers compare unsigned; REF/BYREF/ADDR may be mixed."""

    result: Value
    condition: Condition
    left: Value
    right: Value


@dataclass(slots=True, eq=False)
class NullCheck(Instruction):
    """NullReferenceException when ``value`` (REF, BYREF, or I64 pointer) is null."""

    value: Value


@dataclass(slots=True, eq=False)
class BoundsCheck(Instruction):
    """NullReferenceException when ``array`` is null, IndexOutOfRangeException unless 0 <= index < length.

    ``index``: I32 or I64 (native int), compared as the JIT does. ``nonnull``: the array is known not to be null.
    """

    array: Value
    index: Value
    nonnull: bool = False


@dataclass(slots=True, eq=False)
class RangeCheck(Instruction):
    """IndexOutOfRangeException unless ``index`` < ``length``, both I32 and unsigned."""

    index: Value
    length: Value


@dataclass(slots=True, eq=False)
class DivideCheck(Instruction):
    """DivideByZeroException for a zero divisor; OverflowException for MIN / -1 when ``signed``."""

    left: Value
    right: Value
    signed: bool


@dataclass(slots=True, eq=False)
class FiniteCheck(Instruction):
    """ckfinite: throws ArithmeticException (via Overflow helper class of the target) for NaN and infinities."""

    value: Value


@dataclass(slots=True, eq=False)
class ArrayLength(Instruction):
    """``result``: I64 (never negative). NullReferenceException when the array is null, unless known to be
    ``nonnull``."""

    result: Value
    array: Value
    nonnull: bool = False


@dataclass(slots=True, eq=False)
class Offset(Instruction):
    """``result`` = base + constant. Base REF/BYREF -> BYREF, ADDR -> ADDR, I64 -> I64."""

    result: Value
    base: Value
    offset: int


@dataclass(slots=True, eq=False)
class Index(Instruction):
    """``result`` = base + index * scale + offset; ``index`` is I64 (zero- or sign-extended by the importer)."""

    result: Value
    base: Value
    index: Value
    scale: int
    offset: int


@dataclass(slots=True, eq=False)
class Load(Instruction):
    """Scalar load from ``address + offset``; address is REF, BYREF, ADDR or I64. ``faulting``: is also its null
    check."""

    result: Value
    address: Value
    offset: int
    memory: Memory
    volatile: bool = False
    faulting: bool = False


@dataclass(slots=True, eq=False)
class Store(Instruction):
    """Scalar store; REF values only with ``StoreRef``. BYREF values may be stored only to this frame."""

    address: Value
    offset: int
    memory: Memory
    value: Value
    volatile: bool = False
    faulting: bool = False


@dataclass(slots=True, eq=False)
class StoreRef(Instruction):
    """Reference store with its write barrier."""

    address: Value
    offset: int
    value: Value
    barrier: Barrier
    volatile: bool = False


@dataclass(slots=True, eq=False)
class CopyStruct(Instruction):
    """Copy a value type; ``barrier`` applies to each reference in it. The areas are equal or do not overlap."""

    destination: Value
    source: Value
    shape: StructShape
    barrier: Barrier
    volatile: bool = False


@dataclass(slots=True, eq=False)
class ZeroStruct(Instruction):
    """Zero ``shape.size`` bytes (no barrier is needed for null)."""

    destination: Value
    shape: StructShape


@dataclass(slots=True, eq=False)
class StackAllocate(Instruction):
    """``result``: I64, the address of ``size`` (I64, unsigned) bytes that live as long as the frame; 0 for no bytes.

    Aligned to 16. Not in a handler or filter.
    """

    result: Value
    size: Value
    zeroed: bool = False


@dataclass(slots=True, eq=False)
class LoadCell(Instruction):
    """``result``: I64 content of a HANDLE cell (type handle, field offset...), or REF of a string literal
    (``dereference``)."""

    result: Value
    cell: Cell
    dereference: bool = False


@dataclass(slots=True, eq=False)
class CellAddress(Instruction):
    """``result``: I64, the address of the cell itself."""

    result: Value
    cell: Cell


@dataclass(slots=True, eq=False)
class Call(Instruction):
    """Call through a cell's stub, or through a code pointer (``target`` a Value of type I64).

    ``args`` parallel ``abi.params``: scalars by value; REGISTERS and STACK structs by the address of the struct
    (ADDR, BYREF). Result: SCALAR in ``result``; REGISTERS and BUFFER structs are written to ``result_address`` (ADDR
    of a slot of this frame, or a BYREF). ``noreturn``: the callee throws; the block ends with Unreachable.
    ``gc_free``: a helper that never collects nor throws (write barriers); not a safepoint. ``result_nonnull``: the
    result is never null (allocations). ``dispatch``: ``target`` is a value that points to the cell of a dispatch stub,
    not to code.
    """

    result: Value | None
    target: Cell | Value
    abi: CallAbi
    args: tuple[Value, ...]
    result_address: Value | None = None
    noreturn: bool = False
    gc_free: bool = False
    result_nonnull: bool = False
    dispatch: bool = False


@dataclass(slots=True, eq=False)
class MemoryBarrier(Instruction):
    """Full fence."""


@dataclass(slots=True, eq=False)
class SequencePoint(Instruction):
    """A place where a debugger may stop, because the evaluation stack is empty; in code for debuggers only."""


@dataclass(slots=True, eq=False)
class Poll(Instruction):
    """Lets a pending collection run (inserted at loop back edges by ``passes/polls``)."""


# terminators


@dataclass(slots=True, eq=False)
class Jump(Instruction):
    target: Block


@dataclass(slots=True, eq=False)
class Branch(Instruction):
    """``condition`` I32, I64, REF or BYREF: taken when not zero."""

    condition: Value
    if_true: Block
    if_false: Block


@dataclass(slots=True, eq=False)
class CompareBranch(Instruction):
    condition: Condition
    left: Value
    right: Value
    if_true: Block
    if_false: Block


@dataclass(slots=True, eq=False)
class Switch(Instruction):
    """``value`` I32, unsigned; outside 0..len-1 goes to ``default``."""

    value: Value
    targets: tuple[Block, ...]
    default: Block


@dataclass(slots=True, eq=False)
class Return(Instruction):
    """SCALAR: ``value``; structs: ``value`` is the address of the struct to return; VOID: None."""

    value: Value | None = None


@dataclass(slots=True, eq=False)
class Unreachable(Instruction):
    """After a noreturn call."""


@dataclass(slots=True, eq=False)
class CatchReturn(Instruction):
    """Ends the innermost catch handler and goes on at ``target``, in the funclet around it: ``leave``."""

    target: Block


@dataclass(slots=True, eq=False)
class EndFinally(Instruction):
    """Ends the innermost finally or fault handler; the exception goes on."""


@dataclass(slots=True, eq=False)
class EndFilter(Instruction):
    """Ends a filter; ``value`` I32: 1 the handler runs, 0 it does not."""

    value: Value


TERMINATORS = (Jump, Branch, CompareBranch, Switch, Return, Unreachable, CatchReturn, EndFinally, EndFilter)


@dataclass(slots=True, eq=False)
class Block:
    """``il_offset``: where it starts in CIL; -1 for blocks made by passes. ``scope``: what protects it."""

    index: int
    il_offset: int = -1
    instructions: list[Instruction] = field(default_factory=list)
    scope: Scope = None


@dataclass(slots=True, eq=False)
class Function:
    """One method being compiled. ``blocks[0]`` is the entry and has no predecessors.

    Attributes:
        name: display name for messages and dumps ("Ns.Type::Method").
        arguments: one slot per ``abi.params`` entry, in that order.
        slots: all slots (arguments included), index == position.
        required: CHECK cells that must hold for the code to be valid (layout guards); HANDLE cells are found in
            LoadCell.
        foreign: what of other assemblies shaped the code (:mod:`nativegen.compiler.foreign`).
        return_kind: for GcInfo.
        regions: all try regions, index == position, a parent before its children.
        debug: code for a debugger: each argument and local has a place in the frame, where it is all the time.
        variables: with ``debug``: the arguments and locals in CIL's order.
        counted: the code counts how often it is entered.
    """

    name: str
    abi: CallAbi
    return_kind: ReturnKind
    arguments: list[Slot] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    required: list[Cell] = field(default_factory=list)
    foreign: list[ForeignUse] = field(default_factory=list)
    value_count: int = 0
    regions: list[TryRegion] = field(default_factory=list)
    debug: bool = False
    variables: list[Slot] = field(default_factory=list)
    counted: bool = False

    def new_value(self, type_: Type) -> Value:
        value = Value(self.value_count, type_)
        self.value_count += 1
        return value

    def new_slot(
        self, name: str, kind: SlotKind, *, memory: Memory | None = None, shape: StructShape | None = None
    ) -> Slot:
        slot = Slot(len(self.slots), name, kind, memory, shape)
        self.slots.append(slot)
        return slot

    def new_block(self, il_offset: int = -1, scope: Scope = None) -> Block:
        block = Block(len(self.blocks), il_offset, scope=scope)
        self.blocks.append(block)
        return block


def is_safepoint(instruction: Instruction) -> bool:
    """Whether a collection may happen while the instruction runs and the frame goes on afterwards."""
    if isinstance(instruction, Call):
        return not (instruction.gc_free or instruction.noreturn)
    return isinstance(instruction, Poll)
