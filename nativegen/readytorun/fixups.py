"""Fixup signatures: what a cell stands for, decoded from bytes into a tree.

A signature is one kind byte (with bit 0x80: followed by the number of the module whose metadata its tokens mean), then
what that kind needs: types as ECMA-335 signatures extended by the runtime's own element types, methods and fields as
flags and numbers (zapsig.cpp, jitinterface.cpp: LoadDynamicInfoEntry). Signatures carry no length; decoding finds it.

Trees keep tokens as numbers; :mod:`nativegen.readytorun.describe_fixups` puts them into words.

>>> fixup = decode_fixup(bytes.fromhex("2b100006"), 0)
>>> fixup.kind.name, fixup.numbers, fixup.field
('Check_FieldOffset', (16,), FieldSignature(flags=<FieldSigFlags: 0>, number=6, owner=None))
"""

from __future__ import annotations

from dataclasses import dataclass

from nativegen.metadata.tables import Table
from nativegen.readytorun.enums import (
    MODULE_OVERRIDE,
    ElementType,
    FieldSigFlags,
    FixupKind,
    MethodSigFlags,
    TypeLayoutFlags,
)
from nativegen.readytorun.structs import decompress

#: By TypeDefOrRef tag (ECMA-335 II.23.2.8).
_TOKEN_TABLES = (Table.TypeDef << 24, Table.TypeRef << 24, Table.TypeSpec << 24)


@dataclass(frozen=True, slots=True)
class TypeSignature:
    """One node of a type.

    Args:
        element: what it is.
        token: TypeDef, TypeRef or TypeSpec of CLASS, VALUETYPE, GENERICINST and modifiers.
        number: of a type variable, an array's rank, or the module of MODULE_ZAPSIG.
        types: element type, instance arguments, or return and parameter types of FNPTR.
        value_type: of GENERICINST: the definition is a value type.
    """

    element: ElementType
    token: int = 0
    number: int = 0
    types: tuple[TypeSignature, ...] = ()
    value_type: bool = False


@dataclass(frozen=True, slots=True)
class MethodSignature:
    """A method: flags say which of the parts are there.

    Args:
        flags: kind of entry point and of ``number``.
        number: MethodDef or MemberRef rid, or vtable slot.
        owner: exact owner type.
        arguments: of the method's own type parameters.
        constrained: type of a constrained call.
        module: whose tokens owner and number are.
    """

    flags: MethodSigFlags
    number: int
    owner: TypeSignature | None = None
    arguments: tuple[TypeSignature, ...] = ()
    constrained: TypeSignature | None = None
    module: int | None = None


@dataclass(frozen=True, slots=True)
class FieldSignature:
    """A field: FieldDef or MemberRef rid, or an index inside its owner."""

    flags: FieldSigFlags
    number: int
    owner: TypeSignature | None = None


@dataclass(frozen=True, slots=True)
class TypeLayout:
    """What a layout check compares: bytes, and a bit per 8 bytes that holds a reference."""

    flags: TypeLayoutFlags
    size: int
    hfa_type: int | None = None
    alignment: int | None = None
    references: bytes | None = None


@dataclass(frozen=True, slots=True)
class Fixup:
    """A decoded fixup signature.

    Args:
        kind: what to resolve.
        module: whose metadata the tokens belong to; None for the image's own.
        types, methods, field: operands in order.
        numbers: plain numbers in order: rid, helper, string offset, expected offsets, instruction sets, flags.
        nested: what a dictionary lookup looks up.
        layout: of a layout check.
        body: the encoded IL body of a body check.
        size: bytes that the signature takes.
    """

    kind: FixupKind
    module: int | None = None
    types: tuple[TypeSignature, ...] = ()
    methods: tuple[MethodSignature, ...] = ()
    field: FieldSignature | None = None
    numbers: tuple[int, ...] = ()
    nested: Fixup | None = None
    layout: TypeLayout | None = None
    body: bytes = b""
    size: int = 0


class _Reader:
    __slots__ = ("data", "position")

    def __init__(self, data: bytes | memoryview, position: int) -> None:
        self.data = data
        self.position = position

    def byte(self) -> int:
        value = self.data[self.position]
        self.position += 1
        return value

    def number(self) -> int:
        value, self.position = decompress(self.data, self.position)
        return value

    def take(self, size: int) -> bytes:
        self.position += size
        return bytes(self.data[self.position - size : self.position])

    def token(self) -> int:
        coded = self.number()
        if coded & 3 == 3:
            raise ValueError(f"bad TypeDefOrRef {coded:#x}")
        return _TOKEN_TABLES[coded & 3] | coded >> 2

    def type(self) -> TypeSignature:
        element = ElementType(self.byte())
        match element:
            case ElementType.CLASS | ElementType.VALUETYPE:
                return TypeSignature(element, self.token())
            case ElementType.VAR | ElementType.MVAR:
                return TypeSignature(element, number=self.number())
            case ElementType.GENERICINST:
                value_type = self.byte() == ElementType.VALUETYPE
                token = self.token()
                arguments = tuple(self.type() for _ in range(self.number()))
                return TypeSignature(element, token, types=arguments, value_type=value_type)
            case ElementType.PTR | ElementType.BYREF | ElementType.SZARRAY | ElementType.NATIVE_VALUETYPE_ZAPSIG:
                return TypeSignature(element, types=(self.type(),))
            case ElementType.ARRAY:
                inner = self.type()
                rank = self.number()
                for _ in range(2):  # sizes, lower bounds
                    for _ in range(self.number()):
                        self.number()
                return TypeSignature(element, number=rank, types=(inner,))
            case ElementType.MODULE_ZAPSIG:
                module = self.number()
                return TypeSignature(element, number=module, types=(self.type(),))
            case ElementType.CMOD_REQD | ElementType.CMOD_OPT:
                token = self.token()
                return TypeSignature(element, token, types=(self.type(),))
            case ElementType.FNPTR:
                convention = self.byte()
                count = self.number()
                return TypeSignature(element, number=convention, types=tuple(self.type() for _ in range(count + 1)))
            case _:
                return TypeSignature(element)

    def method(self) -> MethodSignature:
        flags = MethodSigFlags(self.number())
        module = self.number() if flags & MethodSigFlags.UpdateContext else None
        owner = self.type() if flags & MethodSigFlags.OwnerType else None
        number = self.number()
        arguments: tuple[TypeSignature, ...] = ()
        if flags & MethodSigFlags.MethodInstantiation:
            arguments = tuple(self.type() for _ in range(self.number()))
        constrained = self.type() if flags & MethodSigFlags.Constrained else None
        return MethodSignature(flags, number, owner, arguments, constrained, module)

    def field(self) -> FieldSignature:
        flags = FieldSigFlags(self.number())
        owner = self.type() if flags & FieldSigFlags.OwnerType else None
        return FieldSignature(flags, self.number(), owner)

    def layout(self) -> TypeLayout:
        flags = TypeLayoutFlags(self.number())
        size = self.number()
        hfa = self.number() if flags & TypeLayoutFlags.HFA else None
        alignment = None
        if flags & TypeLayoutFlags.Alignment:
            alignment = 8 if flags & TypeLayoutFlags.Alignment_Native else self.number()
        references = None
        if flags & TypeLayoutFlags.GCLayout and not flags & TypeLayoutFlags.GCLayout_Empty:
            references = self.take((size // 8 + 7) // 8)
        return TypeLayout(flags, size, hfa, alignment, references)

    def fixup(self) -> Fixup:
        begin = self.position
        first = self.byte()
        kind = FixupKind(first & ~MODULE_OVERRIDE)
        module = self.number() if first & MODULE_OVERRIDE else None
        types: tuple[TypeSignature, ...] = ()
        methods: tuple[MethodSignature, ...] = ()
        field: FieldSignature | None = None
        numbers: tuple[int, ...] = ()
        nested: Fixup | None = None
        layout: TypeLayout | None = None
        body = b""
        match kind:
            case FixupKind.ThisObjDictionaryLookup:
                types = (self.type(),)
                nested = self.fixup()
            case FixupKind.TypeDictionaryLookup | FixupKind.MethodDictionaryLookup:
                nested = self.fixup()
            case k if k in _NUMBER_KINDS:
                numbers = (self.number(),)
            case k if k in _TYPE_KINDS:
                types = (self.type(),)
            case k if k in _METHOD_KINDS:
                methods = (self.method(),)
            case k if k in _FIELD_KINDS:
                field = self.field()
            case FixupKind.VirtualEntry_Slot:
                numbers = (self.number(),)
                types = (self.type(),)
            case FixupKind.DeclaringTypeHandle:
                types = (self.type(), self.type())
            case FixupKind.DelegateCtor:
                methods = (self.method(),)
                types = (self.type(),)
            case FixupKind.Check_TypeLayout | FixupKind.Verify_TypeLayout:
                types = (self.type(),)
                layout = self.layout()
            case FixupKind.Check_FieldOffset:
                numbers = (self.number(),)
                field = self.field()
            case FixupKind.Verify_FieldOffset:
                numbers = (self.number(), self.number())
                field = self.field()
            case FixupKind.Check_InstructionSetSupport:
                numbers = tuple(self.number() for _ in range(self.number()))
            case FixupKind.Check_VirtualFunctionOverride | FixupKind.Verify_VirtualFunctionOverride:
                numbers = (self.number(),)
                methods = (self.method(),)
                types = (self.type(),)
                if numbers[0] & 1:
                    methods += (self.method(),)
            case FixupKind.Check_IL_Body | FixupKind.Verify_IL_Body:
                body = self.take(self.number())
                types = tuple(self.type() for _ in range(self.number()))
                methods = (self.method(),)
            case _:
                raise ValueError(f"fixup kind {kind:#x} cannot be decoded")
        return Fixup(kind, module, types, methods, field, numbers, nested, layout, body, self.position - begin)


_NUMBER_KINDS = {
    FixupKind.MethodEntry_DefToken,
    FixupKind.MethodEntry_RefToken,
    FixupKind.VirtualEntry_DefToken,
    FixupKind.VirtualEntry_RefToken,
    FixupKind.Helper,
    FixupKind.StringHandle,
}
_TYPE_KINDS = {
    FixupKind.TypeHandle,
    FixupKind.NewObject,
    FixupKind.NewArray,
    FixupKind.IsInstanceOf,
    FixupKind.ChkCast,
    FixupKind.CctorTrigger,
    FixupKind.StaticBaseNonGC,
    FixupKind.StaticBaseGC,
    FixupKind.ThreadStaticBaseNonGC,
    FixupKind.ThreadStaticBaseGC,
    FixupKind.FieldBaseOffset,
    FixupKind.TypeDictionary,
}
_METHOD_KINDS = {
    FixupKind.MethodHandle,
    FixupKind.MethodEntry,
    FixupKind.VirtualEntry,
    FixupKind.MethodDictionary,
    FixupKind.IndirectPInvokeTarget,
    FixupKind.PInvokeTarget,
}
_FIELD_KINDS = {FixupKind.FieldHandle, FixupKind.FieldAddress, FixupKind.FieldOffset}


def decode_fixup(data: bytes | memoryview, offset: int) -> Fixup:
    """The fixup signature at ``offset``.

    Raises:
        ValueError: an unknown kind or element type.
        IndexError: the data ends inside.
    """
    return _Reader(data, offset).fixup()


def decode_type(data: bytes | memoryview, offset: int) -> TypeSignature:
    """The type at ``offset``; a TypeSpec's blob has the same form."""
    return _Reader(data, offset).type()


def decode_method_signature(data: bytes | memoryview, offset: int) -> tuple[MethodSignature, int]:
    """The method signature at ``offset`` (as in InstanceMethodEntryPoints) and the offset behind it."""
    reader = _Reader(data, offset)
    return reader.method(), reader.position
