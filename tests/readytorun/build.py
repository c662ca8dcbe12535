"""Hand-made method units for the tests of the image writer.

The machine code is written out in hexadecimal with its assembly beside it; names are resolved by looking rows up.
"""

from __future__ import annotations

from nativegen.metadata import Assembly, Table
from nativegen.readytorun.enums import FixupKind, Helper, ReturnKind, SlotBase
from nativegen.readytorun.gcinfo import GcInfo, StackSlot, encode_gc_info
from nativegen.readytorun.hashing import method_hash, name_hash, type_hash
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import (
    Cell,
    CellKind,
    Function,
    MethodUnit,
    Relocation,
    RelocationKind,
    Symbol,
    SymbolKind,
)
from nativegen.readytorun.writer import ImageBuilder

LEAF_UNWIND = bytes.fromhex("19000000")
SUB_RSP_8_UNWIND = bytes.fromhex("1904010004020000")  # sub rsp,8 (4 bytes)

STUB, CELL, RODATA, SYMBOL = (
    RelocationKind.STUB,
    RelocationKind.CELL,
    RelocationKind.RODATA,
    RelocationKind.SYMBOL,
)


class Names:
    """A token resolver over one assembly: ``Type`` / ``Type::Member`` / user string text."""

    def __init__(self, assembly: Assembly) -> None:
        self.tokens: dict[Symbol, int] = {}
        types = assembly.rows(Table.TypeDef)
        method_count = assembly.row_count(Table.MethodDef)
        field_count = assembly.row_count(Table.Field)
        for rid, row in enumerate(types, 1):
            name = assembly.string(row[1])
            self.tokens[Symbol(SymbolKind.TYPE, name)] = 0x02000000 | rid
            following = types[rid] if rid < len(types) else None
            for member in range(row[5], following[5] if following else method_count + 1):
                label = f"{name}::{assembly.string(assembly.row(Table.MethodDef, member)[3])}"
                self.tokens[Symbol(SymbolKind.METHOD_DEF, label)] = 0x06000000 | member
            for member in range(row[4], following[4] if following else field_count + 1):
                label = f"{name}::{assembly.string(assembly.row(Table.Field, member)[1])}"
                self.tokens[Symbol(SymbolKind.FIELD_DEF, label)] = 0x04000000 | member
        self._assembly = assembly

    def token(self, symbol: Symbol) -> int:
        if symbol.kind is SymbolKind.STRING:
            offset = 1
            while True:
                text = self._assembly.user_string(offset)
                if text == symbol.name:
                    return 0x70000000 | offset
                size = len(self._assembly.user_string_bytes(offset))
                offset += size + (1 if size < 0x80 else 2)
        return self.tokens[symbol]

    def rid(self, name: str) -> int:
        """MethodDef rid of ``Type::Method``."""
        return self.tokens[Symbol(SymbolKind.METHOD_DEF, name)] & 0xFFFFFF


def leaf(code: str, *, return_kind: ReturnKind = ReturnKind.SCALAR, **parts: object) -> MethodUnit:
    """A method without frame."""
    data = bytes.fromhex(code)
    info = encode_gc_info(GcInfo(len(data), return_kind))
    return MethodUnit(data, (Function(0, len(data), LEAF_UNWIND),), info, **parts)  # type: ignore[arg-type]


def framed(code: str, *, return_kind: ReturnKind = ReturnKind.SCALAR, **parts: object) -> MethodUnit:
    """A method that begins with ``sub rsp,8``."""
    data = bytes.fromhex(code)
    info = encode_gc_info(GcInfo(len(data), return_kind))
    return MethodUnit(data, (Function(0, len(data), SUB_RSP_8_UNWIND),), info, **parts)  # type: ignore[arg-type]


def returns(value: int) -> str:
    """mov eax,value; ret"""
    return "b8" + value.to_bytes(4, "little").hex() + "c3"


CALL_AND_RETURN = "4883ec08 e800000000 4883c408 c3"  # sub rsp,8; call; add rsp,8; ret
CALL_AT = 5


def field_check(offset: int) -> Cell:
    """Check_FieldOffset of Shape.Number, counted from the object's start."""
    field = Symbol(SymbolKind.FIELD_DEF, "Shape::Number")
    return Cell(CellKind.CHECK, (FixupKind.Check_FieldOffset, offset, 0, field))


def program_units(target: Target, *, forget_slots: bool = False) -> dict[str, MethodUnit]:
    """Native bodies for program.cs by method name.

    Args:
        forget_slots: leave the reference that Keep holds out of its GcInfo: a negative control.
    """
    method = SymbolKind.METHOD_DEF
    helper = Cell(CellKind.METHOD_CALL, (FixupKind.MethodEntry_DefToken, Symbol(method, "Native::Helper")))
    literal = Cell(CellKind.HANDLE, (FixupKind.StringHandle, Symbol(SymbolKind.STRING, "native")))
    square = Cell(CellKind.LAZY_HELPER, (FixupKind.NewObject, b"\x12", Symbol(SymbolKind.TYPE, "Square")))
    area = Cell(
        CellKind.VIRTUAL_CALL, (FixupKind.VirtualEntry_DefToken, Symbol(method, "Shape::Area")), ref_map=((0, 1),)
    )
    range_check = Cell(CellKind.EAGER_HELPER, (FixupKind.Helper, target.helper_id(Helper.RngChkFail)))
    call = (Relocation(CALL_AT, STUB, 0),)
    virtual_code = bytes.fromhex(
        "4883ec08"  # sub rsp,8
        "48893c24"  # mov [rsp],rdi: the slot that GcInfo reports
        "8b07"  # mov eax,[rdi]: null check
        "e800000000"  # call stub
        "83c001"  # add eax,1
        "4883c408"  # add rsp,8
        "c3"
    )
    slot = StackSlot(SlotBase.SP, 0)
    big_frame = bytes.fromhex(
        "b808200000"  # mov eax,8200
        "e800000000"  # call clr_chkstk
        "4829c4"  # sub rsp,rax
        "c7042411030000"  # mov dword [rsp],785
        "8b0424"  # mov eax,[rsp]
        "4881c408200000"  # add rsp,8200
        "c3"
    )
    is_square = Cell(CellKind.LAZY_HELPER_OBJ, (FixupKind.IsInstanceOf, b"\x12", Symbol(SymbolKind.TYPE, "Square")))
    delegate_type = (b"\x12", Symbol(SymbolKind.TYPE, "IntSource"))
    new_delegate = Cell(CellKind.LAZY_HELPER, (FixupKind.NewObject, *delegate_type))
    constructor = Cell(
        CellKind.LAZY_HELPER_OBJ_OBJ,
        (FixupKind.DelegateCtor, 0, Symbol(method, "Shape::Seven"), *delegate_type),
    )
    make_delegate = bytes.fromhex(
        "4883ec18"  # sub rsp,24
        "48893c24"  # mov [rsp],rdi
        "48c744240800000000"  # mov qword [rsp+8],0
        "e800000000"  # call newobj
        "4889442408"  # mov [rsp+8],rax
        "4889c7"  # mov rdi,rax
        "488b3424"  # mov rsi,[rsp]
        "e800000000"  # call delegate constructor
        "488b442408"  # mov rax,[rsp+8]
        "4883c418"  # add rsp,24
        "c3"
    )
    churn = Cell(CellKind.METHOD_CALL, (FixupKind.MethodEntry_DefToken, Symbol(method, "Native::Churn")))
    keep = bytes.fromhex(
        "4883ec18"  # sub rsp,24
        "48893c24"  # mov [rsp],rdi
        "e800000000"  # call Churn
        "488b0424"  # mov rax,[rsp]
        "4883c418"  # add rsp,24
        "c3"
    )
    return {
        "Answer": leaf(returns(42)),
        "CallsHelper": framed(CALL_AND_RETURN, relocations=call, cells=(helper,)),
        "Literal": leaf(
            "488b0500000000 488b00 c3",  # mov rax,[rip+cell]; mov rax,[rax]; ret
            return_kind=ReturnKind.OBJECT,
            relocations=(Relocation(3, CELL, 0),),
            cells=(literal,),
            fixups=(0,),
        ),
        "Create": framed(CALL_AND_RETURN, return_kind=ReturnKind.OBJECT, relocations=call, cells=(square,)),
        "CallsVirtual": MethodUnit(
            virtual_code,
            (Function(0, len(virtual_code), SUB_RSP_8_UNWIND),),
            encode_gc_info(GcInfo(len(virtual_code), untracked=(slot,))),
            relocations=(Relocation(11, STUB, 0),),
            cells=(area,),
        ),
        "GoodCheck": leaf(returns(101), cells=(field_check(16),), fixups=(0,)),
        "BadCheck": leaf(returns(102), cells=(field_check(24),), fixups=(0,)),
        "Constant": leaf(
            "8b0500000000 c3",  # mov eax,[rip+rodata+4]
            relocations=(Relocation(2, RODATA, 0, 4),),
            rodata=bytes.fromhex("0100000039050000"),
            rodata_alignment=8,
        ),
        "BigFrame": MethodUnit(
            big_frame,
            (Function(0, len(big_frame), bytes.fromhex("190d02000d01") + (0x2008 // 8).to_bytes(2, "little")),),
            encode_gc_info(GcInfo(len(big_frame))),
            relocations=(Relocation(6, SYMBOL, 0),),
        ),
        "IsSquare": framed(
            "4883ec08 e800000000 4885c0 0f95c0 0fb6c0 4883c408 c3",  # call; test rax,rax; setne al; movzx eax,al
            relocations=call,
            cells=(is_square,),
        ),
        "MakeDelegate": MethodUnit(
            make_delegate,
            (Function(0, len(make_delegate), bytes.fromhex("1904010004220000")),),
            encode_gc_info(GcInfo(len(make_delegate), ReturnKind.OBJECT, untracked=(slot, StackSlot(SlotBase.SP, 8)))),
            relocations=(Relocation(18, STUB, 0), Relocation(35, STUB, 1)),
            cells=(new_delegate, constructor),
        ),
        "Keep": MethodUnit(
            keep,
            (Function(0, len(keep), bytes.fromhex("1904010004220000")),),
            encode_gc_info(GcInfo(len(keep), ReturnKind.OBJECT, untracked=() if forget_slots else (slot,))),
            relocations=(Relocation(9, STUB, 0),),
            cells=(churn,),
        ),
        "FarField": leaf("8b87" + (target.null_page_limit - 4).to_bytes(4, "little").hex() + "c3"),  # mov eax,[rdi+...]
        "Throws": framed("4883ec08 e800000000 cc", relocations=call, cells=(range_check,)),
    }


def program_image(
    assembly: Assembly, target: Target, *, image_base: int | None = None, forget_slots: bool = False
) -> bytes:
    """program.cs with its native bodies."""
    names = Names(assembly)
    builder = ImageBuilder(assembly, target, names, image_base=image_base, compiler_id="tests")
    for name, unit in program_units(target, forget_slots=forget_slots).items():
        builder.add_method(names.rid(f"Native::{name}"), unit)
    owner = type_hash("", "Native")
    integer, canon = type_hash("System", "Int32"), type_hash("System", "__Canon")
    generic = names.rid("Native::Generic")
    assert method_hash(owner, "Generic") == owner ^ name_hash("Generic")
    builder.add_instance_entry(method_hash(owner, "Generic", [integer]), (0x04, generic, 1, 0x08), leaf(returns(201)))
    builder.add_instance_entry(method_hash(owner, "Generic", [canon]), (0x04, generic, 1, 0x3E), leaf(returns(202)))
    return builder.build()
