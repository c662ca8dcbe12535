"""The contract between the compiler's back end and the image writer: one compiled method, free of tokens and addresses.

A :class:`MethodUnit` is what the back end makes from one method and what the cache stores. It names everything outside
itself symbolically (:class:`Symbol`), so that its bytes depend neither on the batch it was compiled in nor on row
numbers of the assembly that it is linked into. The writer (:mod:`nativegen.readytorun.writer`) merges equal cells of
all units, assigns them slots in import sections, and applies the relocations.

Invariants: every relocation of a unit lies inside ``code`` (or ``rodata`` for ``rodata_relocations``) and writes 4
bytes; ``functions`` are ascending and do not overlap, the first one is the method's main body at offset 0; ``fixups``
only names CHECK and HANDLE cells; CHECK and HANDLE cells that the code touches are all in ``fixups``.

A method that returns 42 and one that calls ``N.Helper`` (MethodDef) through a lazily bound cell:

>>> leaf = Function(0, 6, bytes.fromhex("19000000"), False)
>>> MethodUnit(bytes.fromhex("b82a000000c3"), functions=(leaf,), gc_info=b"").cells
()
>>> callee = Cell(CellKind.METHOD_CALL, (0x14, Symbol(SymbolKind.METHOD_DEF, "N.T::Helper()")))
>>> Relocation(5, RelocationKind.STUB, 0).addend
0
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class CellKind(enum.IntEnum):
    """Which import section a cell lives in, and so when and how the runtime fills it.

    The numeric order is the order of the sections of a written image: CHECK comes before HANDLE because fixups are
    resolved in ascending order and stop at the first one that fails.
    """

    EAGER_HELPER = 0  # section flags EAGER, type 0; signature 1A id; the callable stub is `jmp [cell]`
    CHECK = 1  # flags 0/type 0: body, type and field checks; listed in the method's fixup list
    HANDLE = 2  # flags 0/type 0: type handles, string literals, offsets; fixup list; code loads the cell
    METHOD_CALL = 3  # flags PCODE(4)/type 2 with GCRefMap; stub `lea r11,[cell]; jmp [cell]`
    VIRTUAL_CALL = 4  # same, virtual stub dispatch: r11 must point to the cell
    LAZY_HELPER = 5  # flags 4/type 0, delay load helper thunk 0x10 (no object argument)
    LAZY_HELPER_OBJ = 6  # thunk 0x11 (rdi is an object: isinst, castclass, generic lookups from this)
    LAZY_HELPER_OBJ_OBJ = 7  # thunk 0x12 (rdi and rsi are objects: delegate constructors)

    __hash__ = int.__hash__  # Enum's own is written in Python, and linking hashes millions
    FIELD_DATA = 8  # no cell: the initial data of one of the image's own static fields, where the IL has it;
    # the signature is its FIELD_DEF symbol alone
    COUNTER = 9  # no cell: the unit's own entry counter (counters.py); the signature is a zero


class SymbolKind(enum.IntEnum):
    """What the name of a :class:`Symbol` means and which number the writer puts in its place."""

    TYPE = 0  # TypeDefOrRef coded index, compressed (ECMA-335 II.23.2.8)
    METHOD_DEF = 1  # rid, compressed
    MEMBER_REF = 2  # rid, compressed
    FIELD_DEF = 3  # rid, compressed
    STRING = 4  # offset in the user string heap (the token without its table byte), compressed
    METHOD = 5  # MethodDef or MemberRef: rid, compressed; whoever makes the signature chose the matching flags or kind
    # Rows that the writer adds to the manifest metadata (manifest_rows.py makes their names):
    MANIFEST_MODULE = 6  # the number of the manifest metadata as a module, compressed; the name is empty
    MANIFEST_TYPE = 7  # a TypeRef: TypeDefOrRef coded index, compressed
    MANIFEST_MEMBER = 8  # a MemberRef: rid, compressed
    MANIFEST_STRING = 9  # a string of its user string heap, as STRING names it: offset, compressed

    __hash__ = int.__hash__  # see CellKind


class Symbol(NamedTuple):
    """Something of the image's own metadata, by a canonical, token-independent name."""

    kind: SymbolKind
    name: str


class TokenResolver(Protocol):
    """Turns symbols into tokens of one image's metadata; given to the writer, which only calls it."""

    def token(self, symbol: Symbol) -> int:
        """The full metadata token (table number in the top byte, or 0x70 for a user string).

        Raises:
            KeyError: the image's metadata has no such row; the writer lets it through.
        """


MANIFEST_SYMBOLS = frozenset(kind for kind in SymbolKind if kind >= SymbolKind.MANIFEST_MODULE)


class Cell(NamedTuple):
    """One indirection cell: a pointer-sized word that the runtime fills as its signature says.

    Args:
        kind: the import section.
        signature: the fixup signature in order. ``int`` is written ECMA-compressed, ``bytes`` verbatim, a symbol as
            its compressed number. The first element is the fixup kind; with a module override (kind | 0x80) it must be
            given as one byte, because 0x80 and above do not compress to one.
        ref_map: for METHOD_CALL and VIRTUAL_CALL: which argument slots hold references while the call is being bound,
            as (position, 1 reference | 2 interior pointer), ascending. Positions: rdi 0, rsi 1, rdx 2, rcx 3, r8 4,
            r9 5, stack slot n at 13 + n.
    """

    kind: CellKind
    signature: tuple[int | bytes | Symbol, ...]
    ref_map: tuple[tuple[int, int], ...] = ()


class ForeignUse(NamedTuple):
    """Something inside another assembly that a method's code was shaped by.

    Args:
        kind: ``body``: a method's CIL; ``statics``: which static fields a class has; ``fields``: which instance fields
            a type has, in which order.
        assembly: simple name. name: canonical name of the thing, see :mod:`nativegen.typesystem.symbols`.
        signature: 32 hex digits; whoever compares makes them anew (:mod:`nativegen.compiler.foreign`).
    """

    kind: str
    assembly: str
    name: str
    signature: str


class RelocationKind(enum.IntEnum):
    """What a relocation points to; ``index`` selects which one."""

    STUB = 0  # the callable stub of unit.cells[index]
    CELL = 1  # the cell itself: unit.cells[index]
    RODATA = 2  # start of the unit's own read-only data; index is 0
    SYMBOL = 3  # a routine that the image provides: RUNTIME_SYMBOLS[index]
    CODE = 4  # start of the unit's own code (jump tables in rodata); index is 0


CLR_DISPATCH = "clr_dispatch"
CLR_CALL = "clr_call"
#: Routines of the image. LLVM names may add a dot and more: one routine then has several LLVM types.
RUNTIME_SYMBOLS: tuple[str, ...] = ("clr_chkstk", CLR_DISPATCH, CLR_CALL)


class Relocation(NamedTuple):
    """A REL32: the 4 bytes at ``offset`` become ``target + addend - (address of the field + 4)``.

    This is IMAGE_REL_AMD64_REL32; ``addend`` is the value that the object file had in the field.
    """

    offset: int
    kind: RelocationKind
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    addend: int = 0


class Function(NamedTuple):
    """One runtime function of the unit: the main body, a funclet or a filter.

    Args:
        begin: first byte, offset from the start of the unit's code.
        end: one past the last byte.
        unwind: UNWIND_INFO header and codes: byte 0 is 0x19 (version 1, exception and termination handler), padded to a
            multiple of 4, without the personality RVA that the writer appends.
        is_filter: gets the second personality stub, by which the runtime tells filters from other funclets.
    """

    begin: int
    end: int
    unwind: bytes
    is_filter: bool = False


class ExceptionClause(NamedTuple):
    """One clause of the method's native exception table; offsets count from the start of the unit's code.

    Args:
        flags: 0 typed catch, 1 filter, 2 finally, 4 fault, + 8 duplicated (CorExceptionFlag).
        token_or_filter: the caught type (a TYPE symbol or a full token), or the filter's offset, or 0.
    """

    flags: int
    try_begin: int
    try_end: int
    handler_begin: int
    handler_end: int
    token_or_filter: int | Symbol = 0


class FrameVariable(NamedTuple):
    """An argument or local variable at ``[register + offset]`` while code from ``begin`` to ``end`` runs.

    Args:
        number: CIL's: arguments first (``this`` is 0), then locals.
        register: hardware number: 4 rsp, 5 rbp.
    """

    begin: int
    end: int
    number: int
    register: int
    offset: int


@dataclass(frozen=True, slots=True)
class MethodUnit:
    """One compiled method body.

    Args:
        code: machine code of main body, funclets and filters, contiguous.
        functions: in address order; the first is the main body.
        gc_info: encoded for the target's GcInfo version; its code length covers all functions.
        alignment: of the code, in bytes, a power of two.
        relocations: inside ``code``.
        rodata: constants and jump tables of this method only.
        rodata_alignment: in bytes, a power of two.
        rodata_relocations: inside ``rodata``; usually of kind CODE.
        clauses: inner before outer, as the runtime searches them.
        cells: every cell that the code touches, each once.
        fixups: indices into ``cells`` that must be resolved before the method may run: its CHECK and HANDLE cells.
        foreign: what of other assemblies shaped the code, sorted.
        bounds: (code offset, CIL offset, source), ascending: code from there on comes from that instruction; source is
            a :class:`nativegen.readytorun.debug_info.BoundSource`.
        variables: where arguments and locals are, for debuggers.
    """

    code: bytes
    functions: tuple[Function, ...]
    gc_info: bytes
    alignment: int = 16
    relocations: tuple[Relocation, ...] = ()
    rodata: bytes = b""
    rodata_alignment: int = 16
    rodata_relocations: tuple[Relocation, ...] = ()
    clauses: tuple[ExceptionClause, ...] = ()
    cells: tuple[Cell, ...] = ()
    fixups: tuple[int, ...] = ()
    foreign: tuple[ForeignUse, ...] = ()
    bounds: tuple[tuple[int, int, int], ...] = ()
    variables: tuple[FrameVariable, ...] = ()
