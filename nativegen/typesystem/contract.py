"""The contract signature of an assembly: a hash over everything that code compiled against it may have baked in.

Two builds with equal contracts can replace each other under images of their dependents; a body edit does not change it.
It is computed from one assembly alone, whatever the target. In it are, of every type that another assembly can see:

* kind, flags, base type, interfaces, type parameters and their constraints, packing and size, static constructor;
* accessible fields and methods with their signatures and flags, constants with their values;
* the virtual methods in vtable order, private ones too; explicit overrides of types that nothing derives from;
* of structs and enums all instance fields in order, private ones too, and those of the structs they contain;

and the forwarders. Internal members count when the assembly has friends (InternalsVisibleTo), and who these are: one
that is none any more may not use what its image uses. Not in it: bodies (an image that has some of another assembly's
records them: compiler/foreign.py), the private fields of classes (their offsets are read through fixups, or the whole
assembly counts: hard binding), everything private, names of parameters, attributes that only compilers read.

The entries behind the hash are kept, so that a change can be told in words.

>>> first_difference({"struct Span2\\tfield 'a'": "int32"}, {"struct Span2\\tfield 'a'": "int64"})
"struct Span2: field 'a' changed from 'int32' to 'int64'"
>>> first_difference({"struct S": ""}, {"struct S": "", "struct S\\tfield 'len'": "int32"})
"struct S gained field 'len'"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import xxhash

from nativegen.diagnostics import NativegenError
from nativegen.metadata.assembly import ASSEMBLY_TOKEN, Assembly
from nativegen.metadata.attributes import decode_attribute
from nativegen.metadata.elements import ET
from nativegen.metadata.flags import (
    FieldAttributes,
    MemberAccess,
    MethodAttributes,
    MethodImplAttributes,
    TypeAttributes,
)
from nativegen.metadata.rows import FieldDefRow, TypeDefRow
from nativegen.metadata.signatures import SigType, parse_field_sig, parse_method_sig
from nativegen.metadata.tables import Table
from nativegen.typesystem.names import method_signature_name, signature_name

#: Part of every signature; changes whenever what is in a contract changes.
CONTRACT_VERSION = "2"

_SEPARATOR = "\t"

_TYPE_DEF = Table.TypeDef << 24
_FIELD = Table.Field << 24
_METHOD_DEF = Table.MethodDef << 24

_PUBLIC_TYPES = frozenset(
    {
        TypeAttributes.PUBLIC,
        TypeAttributes.NESTED_PUBLIC,
        TypeAttributes.NESTED_FAMILY,
        TypeAttributes.NESTED_FAM_OR_ASSEM,
    }
)
_FRIEND_TYPES = frozenset(
    {TypeAttributes.NOT_PUBLIC, TypeAttributes.NESTED_ASSEMBLY, TypeAttributes.NESTED_FAM_AND_ASSEM}
)
#: What an assembly may bake in of the flags of another one's types.
TYPE_FLAGS = (
    TypeAttributes.VISIBILITY_MASK
    | TypeAttributes.LAYOUT_MASK
    | TypeAttributes.INTERFACE
    | TypeAttributes.ABSTRACT
    | TypeAttributes.SEALED
    | TypeAttributes.BEFORE_FIELD_INIT
)
_PUBLIC_MEMBERS = frozenset({MemberAccess.FAMILY, MemberAccess.FAM_OR_ASSEM, MemberAccess.PUBLIC})
_FRIEND_MEMBERS = frozenset({MemberAccess.FAM_AND_ASSEM, MemberAccess.ASSEM})
_NO_CIL = MethodImplAttributes.INTERNAL_CALL | MethodImplAttributes.CODE_TYPE_MASK

_FIELD_FLAGS = (
    (FieldAttributes.STATIC, "static"),
    (FieldAttributes.INIT_ONLY, "initonly"),
    (FieldAttributes.LITERAL, "literal"),
    (FieldAttributes.HAS_FIELD_RVA, "rva"),
)
_METHOD_FLAGS = (
    (MethodAttributes.STATIC, "static"),
    (MethodAttributes.FINAL, "final"),
    (MethodAttributes.VIRTUAL, "virtual"),
    (MethodAttributes.NEW_SLOT, "newslot"),
    (MethodAttributes.STRICT, "strict"),
    (MethodAttributes.ABSTRACT, "abstract"),
    (MethodAttributes.PINVOKE_IMPL, "pinvoke"),
)
_ACCESS_WORDS = (
    "compilercontrolled",
    "private",
    "family and assembly",
    "internal",
    "family",
    "family or assembly",
    "public",
    "?",
)
_NUMBERS = {ET.I1, ET.U1, ET.I2, ET.U2, ET.I4, ET.U4, ET.I8, ET.U8, ET.BOOLEAN, ET.CHAR}
_SIGNED = {ET.I1, ET.I2, ET.I4, ET.I8}
_BYREF_LIKE = "System.Runtime.CompilerServices.IsByRefLikeAttribute"
_INLINE_ARRAY = "System.Runtime.CompilerServices.InlineArrayAttribute"
_FRIENDS = "System.Runtime.CompilerServices.InternalsVisibleToAttribute"
_THREAD_STATIC = "System.ThreadStaticAttribute"
_UNMANAGED_ENTRY = "System.Runtime.InteropServices.UnmanagedCallersOnlyAttribute"


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract.

    Args:
        signature: 32 hex digits.
        entries: what the signature was made of: ``kind Type`` or ``kind Type<tab>item`` -> value.
    """

    signature: str
    entries: dict[str, str]


def contract(assembly: Assembly) -> Contract:
    """The contract of an assembly.

    Raises:
        NativegenError: NGEN1004, its metadata is malformed.
    """
    entries = _Collector(assembly).collect()
    digest = xxhash.xxh3_128(f"nativegen contract {CONTRACT_VERSION}\n".encode())
    for key in sorted(entries):
        digest.update(f"{key}\n{entries[key]}\n".encode("utf-8", "surrogatepass"))
    return Contract(digest.hexdigest(), entries)


def first_difference(old: Contract | Mapping[str, str], new: Contract | Mapping[str, str]) -> str | None:
    """The most telling difference in words, or None: whole types before members, members before their order."""
    before = old.entries if isinstance(old, Contract) else old
    after = new.entries if isinstance(new, Contract) else new
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    if not changed:
        return None
    key = min(changed, key=_telling)
    subject, _, item = key.partition(_SEPARATOR)
    if not item and key in before and key in after:
        return f"{subject} changed from {_shown(before[key])} to {_shown(after[key])}"
    if not item:
        return f"gained {subject}" if key in after else f"lost {subject}"
    if key not in before:
        return f"{subject} gained {item}"
    if key not in after:
        return f"{subject} lost {item}"
    return f"{subject}: {item} changed from {_shown(before[key])} to {_shown(after[key])}"


def _telling(key: str) -> tuple[int, str]:
    _, separator, item = key.partition(_SEPARATOR)
    if not separator:
        return 0, key
    return (1 if item.startswith(("field '", "method '", "constant '")) else 2), key


def _shown(value: str, width: int = 80) -> str:
    return f"'{value}'" if len(value) <= width else f"'{value[: width - 3]}...'"


def _friends(assembly: Assembly) -> list[str]:
    """What the InternalsVisibleToAttributes of an assembly name, sorted."""
    found = set()
    for attribute in assembly.custom_attributes(ASSEMBLY_TOKEN):
        if attribute.type_full_name == _FRIENDS:
            try:
                found.add(str(decode_attribute(assembly, attribute).fixed[0]))
            except (NativegenError, ValueError, IndexError):
                found.add(attribute.value.hex())
    return sorted(found)


class _Collector:
    """Gathers the entries of one assembly."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.entries: dict[str, str] = {}
        self.friends = _friends(assembly)
        self.types = _PUBLIC_TYPES | _FRIEND_TYPES if self.friends else _PUBLIC_TYPES
        self.members = _PUBLIC_MEMBERS | _FRIEND_MEMBERS if self.friends else _PUBLIC_MEMBERS
        #: Raw rows: decoding all at once is three times as fast as one by one, and nearly all are needed.
        self.method_rows = assembly.rows(Table.MethodDef)
        self._names: dict[int, str] = {}
        self._field_types: dict[int, tuple[str, SigType]] = {}
        self._signatures: dict[int, str] = {}
        self._flag_words: dict[tuple[int, int], str] = {}
        self._pending: list[int] = []  # structs whose layout others contain
        self._laid_out: set[int] = set()

    def collect(self) -> dict[str, str]:
        """All entries."""
        if self.friends:
            self.entries["friends"] = ", ".join(self.friends)
        visible: dict[int, bool] = {}
        for rid in range(1, self.assembly.row_count(Table.TypeDef) + 1):
            if self._is_visible(rid, visible):
                self._type(rid)
        while self._pending:
            self._layout(self._pending.pop())
        for row in self.assembly.exported_types:
            if row.implementation_token >> 24 == Table.AssemblyRef:
                name = f"{row.namespace}.{row.name}" if row.namespace else row.name
                self.entries[f"forwarder {name}"] = self.assembly.assembly_ref(row.implementation_token & 0xFFFFFF).name
        return self.entries

    def _is_visible(self, rid: int, known: dict[int, bool]) -> bool:
        found = known.get(rid)
        if found is None:
            found = self.assembly.type_def(rid).flags & TypeAttributes.VISIBILITY_MASK in self.types
            if found:
                enclosing = self.assembly.enclosing_type(rid)
                found = not enclosing or (enclosing < rid and self._is_visible(enclosing, known))
            known[rid] = found
        return found

    # ---- names ------------------------------------------------------------------------------------------------------

    def _name(self, token: int) -> str:
        name = self._names.get(token)
        if name is None:
            name = self._names[token] = self._make_name(token)
        return name

    def _make_name(self, token: int) -> str:
        assembly = self.assembly
        rid = token & 0xFFFFFF
        if token >> 24 == Table.TypeDef:
            return assembly.type_full_name(rid)
        if token >> 24 == Table.TypeSpec:
            return signature_name(self._name, assembly.type_spec_signature(rid))
        name = assembly.type_ref_full_name(rid)
        scope = assembly.type_ref(rid).resolution_scope_token
        while scope >> 24 == Table.TypeRef:
            scope = assembly.type_ref(scope & 0xFFFFFF).resolution_scope_token
        return f"[{assembly.assembly_ref(scope & 0xFFFFFF).name}]{name}" if scope >> 24 == Table.AssemblyRef else name

    def _kind(self, row: TypeDefRow) -> str:
        if row.flags & TypeAttributes.INTERFACE:
            return "interface"
        base = self._name(row.extends_token).rpartition("]")[2] if row.extends_token else ""
        if base == "System.ValueType":
            return "struct"
        if base == "System.Enum":
            # System.Enum itself derives from ValueType, and is caught here as a struct: harmless, it has no fields.
            return "enum"
        return "delegate" if base == "System.MulticastDelegate" else "class"

    # ---- types ------------------------------------------------------------------------------------------------------

    def _type(self, rid: int) -> None:
        assembly = self.assembly
        row = assembly.type_def(rid)
        kind = self._kind(row)
        subject = f"{kind} {assembly.type_full_name(rid)}"
        self._shape(rid, row, subject)
        if kind in ("struct", "enum"):
            self._layout(rid)
        for field_rid in row.field_rids:
            field = assembly.field_def(field_rid)
            if field.flags & MemberAccess.MASK in self.members:
                self._field(subject, field_rid, field)
        virtual: list[str] = []
        for method_rid in row.method_rids:
            _, impl_flags, flags, name_index, signature_offset, _ = self.method_rows[method_rid - 1]
            is_accessible = flags & MemberAccess.MASK in self.members
            name = assembly.string(name_index)
            if name == ".cctor":
                self.entries[f"{subject}{_SEPARATOR}static constructor"] = "yes"
            elif is_accessible or flags & MethodAttributes.VIRTUAL:
                signature = self._signature(signature_offset)
                if is_accessible:
                    key = f"{subject}{_SEPARATOR}method '{name}{signature}'"
                    self.entries[key] = self._method_words(flags, impl_flags)
                    is_static = flags & MethodAttributes.STATIC
                    if is_static and assembly.has_attribute(_METHOD_DEF | method_rid, _UNMANAGED_ENTRY):
                        self.entries[key] += " unmanaged callers only"
                    if signature[0] == "`":
                        key = f"{subject}{_SEPARATOR}type parameters of '{name}{signature}'"
                        self._constraints(key, _METHOD_DEF | method_rid)
                if flags & MethodAttributes.VIRTUAL:
                    virtual.append(name + signature)
        if virtual:
            self.entries[f"{subject}{_SEPARATOR}virtual methods"] = "; ".join(virtual)
        if kind == "struct" or row.flags & TypeAttributes.SEALED:
            overrides = [
                f"{self._member(item.body_token)} for {self._member(item.declaration_token)}"
                for item in assembly.method_impls(rid)
            ]
            if overrides:
                self.entries[f"{subject}{_SEPARATOR}overrides"] = "; ".join(overrides)

    def _shape(self, rid: int, row: TypeDefRow, subject: str) -> None:
        assembly = self.assembly
        entries = self.entries
        entries[subject] = ""
        entries[f"{subject}{_SEPARATOR}flags"] = f"0x{row.flags & TYPE_FLAGS:x}"
        if row.extends_token:
            entries[f"{subject}{_SEPARATOR}base type"] = self._name(row.extends_token)
        interfaces = assembly.interface_impls(rid)
        if interfaces:
            entries[f"{subject}{_SEPARATOR}interfaces"] = ", ".join([self._name(token) for token in interfaces])
        self._constraints(f"{subject}{_SEPARATOR}type parameters", _TYPE_DEF | rid)

    def _constraints(self, key: str, owner_token: int) -> None:
        parameters = self.assembly.generic_params(owner_token)
        if parameters:
            self.entries[key] = "; ".join(
                [
                    f"0x{parameter.flags:x} "
                    + ", ".join([self._name(token) for token in self.assembly.generic_param_constraints(parameter.rid)])
                    for parameter in parameters
                ]
            )

    # ---- fields -----------------------------------------------------------------------------------------------------

    def _layout(self, rid: int) -> None:
        """All instance fields of a struct or enum, and the structs of this assembly in them."""
        if rid in self._laid_out:
            return
        self._laid_out.add(rid)
        assembly = self.assembly
        row = assembly.type_def(rid)
        subject = f"{self._kind(row)} {assembly.type_full_name(rid)}"
        self.entries.setdefault(subject, "")
        order: list[str] = []
        for field_rid in row.field_rids:
            field = assembly.field_def(field_rid)
            if not field.flags & FieldAttributes.STATIC:
                self._field(subject, field_rid, field, assembly.field_layout(field_rid))
                self._need_layouts(self._field_type(field)[1])
                order.append(field.name)
        token = _TYPE_DEF | rid
        layout = [f"0x{row.flags & (TYPE_FLAGS | TypeAttributes.STRING_FORMAT_MASK):x}", *order]
        size = assembly.class_layout(rid)
        if size:
            layout.append(f"pack {size[0]} size {size[1]}")
        for attribute in assembly.custom_attributes(token):
            if attribute.type_full_name == _BYREF_LIKE:
                layout.append("ref")
            elif attribute.type_full_name == _INLINE_ARRAY:
                layout.append(f"repeated {decode_attribute(assembly, attribute).fixed}")
        self.entries[f"{subject}{_SEPARATOR}layout"] = ", ".join(layout)

    def _need_layouts(self, signature: SigType) -> None:
        """Structs of this assembly that a field's type contains by value, type arguments included."""
        element = signature[0]
        if element == ET.VALUETYPE:
            if signature[1] >> 24 == Table.TypeDef:
                self._pending.append(signature[1] & 0xFFFFFF)
        elif element == ET.GENERICINST and signature[1][0] == ET.VALUETYPE:
            self._need_layouts(signature[1])
            for argument in signature[2]:
                self._need_layouts(argument)
        elif element in (ET.CMOD_OPT, ET.CMOD_REQD):
            self._need_layouts(signature[2])

    def _field(self, subject: str, rid: int, field: FieldDefRow, offset: int | None = None) -> None:
        words = [self._field_type(field)[0], _ACCESS_WORDS[field.flags & MemberAccess.MASK]]
        words += [word for bit, word in _FIELD_FLAGS if field.flags & bit]
        token = _FIELD | rid
        kind = "field"
        if field.flags & FieldAttributes.LITERAL:
            kind = "constant"
            words.append(_constant(self.assembly.constant(token)))
        elif field.flags & FieldAttributes.STATIC:
            if self.assembly.has_attribute(token, _THREAD_STATIC):
                words.append("threadstatic")
        elif field.flags & FieldAttributes.HAS_FIELD_MARSHAL:
            words.append(f"marshal {(self.assembly.field_marshal(token) or b'').hex()}")
        if offset is not None:
            words.append(f"at {offset}")
        key = f"{subject}{_SEPARATOR}{kind} '{field.name}'"
        if offset is not None or key not in self.entries:
            self.entries[key] = " ".join(words)

    def _field_type(self, field: FieldDefRow) -> tuple[str, SigType]:
        found = self._field_types.get(field.signature_offset)
        if found is None:
            signature = parse_field_sig(self.assembly.blob(field.signature_offset), self.assembly.path)
            found = (signature_name(self._name, signature), signature)
            self._field_types[field.signature_offset] = found
        return found

    # ---- methods ----------------------------------------------------------------------------------------------------

    def _signature(self, offset: int) -> str:
        text = self._signatures.get(offset)
        if text is None:
            raw = parse_method_sig(self.assembly.blob(offset), self.assembly.path)
            text = self._signatures[offset] = method_signature_name(self._name, raw)
        return text

    def _method_words(self, flags: int, impl_flags: int) -> str:
        words = self._flag_words.get((flags, impl_flags))
        if words is None:
            chosen = [_ACCESS_WORDS[flags & MemberAccess.MASK]]
            chosen += [word for bit, word in _METHOD_FLAGS if flags & bit]
            if impl_flags & _NO_CIL:
                chosen.append("no CIL")
            words = self._flag_words[(flags, impl_flags)] = " ".join(chosen)
        return words

    def _member(self, token: int) -> str:
        assembly = self.assembly
        rid = token & 0xFFFFFF
        if token >> 24 == Table.MethodDef:
            method = assembly.method_def(rid)
            owner = assembly.type_full_name(assembly.type_of_method(rid))
            return f"{owner}::{method.name}{self._signature(method.signature_offset)}"
        row = assembly.member_ref(rid)
        signature = method_signature_name(self._name, parse_method_sig(row.signature, assembly.path))
        return f"{self._name(row.parent_token)}::{row.name}{signature}"


def _constant(value: tuple[int, bytes] | None) -> str:
    if value is None:
        return "= ?"
    element, blob = value
    if element in _NUMBERS:
        return f"= {int.from_bytes(blob, 'little', signed=element in _SIGNED)}"
    if element == ET.STRING:
        return f"= {blob.decode('utf-16-le', 'surrogatepass')!r}"
    return f"= 0x{blob.hex()}"
