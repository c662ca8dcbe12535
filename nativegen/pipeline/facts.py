"""Digests of what the compiler may know about types, fields and methods: the resolved meaning of a token, in 16 bytes.

A unit key (:mod:`nativegen.pipeline.unit_key`) replaces each token by such a digest. Two entities may have the same
digest only when no code compiled against one could differ from code compiled against the other; so a digest covers
more than the compiler asks for today, and nothing that shifts with an edit elsewhere (row numbers, RVAs, heap offsets).

What is in it:

* *type*: canonical name, flags of it and of the types around it, base class (its digest), interfaces, type parameters,
  attribute names, whether it has a static constructor; value types also their layout; value types and sealed classes
  their virtual methods and overrides, because those may be called directly;
* *layout*: kind and order of all instance fields, packing, the layouts of structs in them and of base classes. As
  declared, not as computed: so it composes with type arguments;
* *method*: owner, name, signature with the digests of its types, flags, attribute names, type parameters, P/Invoke
  target; never its body;
* *field*: owner with layout, position, name, type, flags, attribute names, initial data.

Types of the core library are named only: its content is part of every key. A reference that cannot be resolved has the
digest of the error. Members that an image cannot name, because another one of the module has the same name and
signature, are marked.

>>> facts = Facts(module)                                            # doctest: +SKIP
>>> facts.token(0x0A000012).hex()                                    # doctest: +SKIP
'5d1c...'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import xxhash

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Table
from nativegen.metadata.attributes import decode_attribute
from nativegen.metadata.elements import ET
from nativegen.metadata.rows import TypeDefRow
from nativegen.metadata.signatures import (
    MethodSig,
    SigType,
    parse_field_sig,
    parse_local_sig,
    parse_method_sig,
    parse_method_spec,
)
from nativegen.metadata.tables import CodedIndex
from nativegen.typesystem import DefType, Module, TypeLoadError
from nativegen.typesystem.names import method_signature_name, signature_name, token_name

DIGEST_SIZE = 16

digest: Callable[[bytes], bytes] = xxhash.xxh3_128_digest

_TYPE_REF = 0x01
_TYPE_DEF = 0x02
_FIELD = 0x04
_METHOD_DEF = 0x06
_MEMBER_REF = 0x0A
_MODULE_REF = 0x1A
_TYPE_SPEC = 0x1B
_METHOD_SPEC = 0x2B
_STRING = 0x70
_STAND_ALONE_SIG = 0x11

_STATIC = 0x0010
_VIRTUAL = 0x0040
_PINVOKE = 0x2000
_HAS_RVA = 0x0100
_SEALED = 0x0100
_GENERIC = b"\x10"  # and more: the calling conventions of generic methods are 0x10 and 0x30, others are rarely so high
_VALUE_TYPE_BASES = ("]System.ValueType", "]System.Enum")
_INLINE_ARRAY = "System.Runtime.CompilerServices.InlineArrayAttribute"
_FAILURES = (NativegenError, TypeLoadError)
# Signature elements that are a reference, or a pointer, whatever they refer or point to.
_REFERENCES = frozenset({ET.CLASS, ET.STRING, ET.OBJECT, ET.SZARRAY, ET.ARRAY})
_POINTERS = frozenset({ET.PTR, ET.FNPTR})


def text(*parts: str) -> bytes:
    """Names as bytes, separated by a byte that no metadata name contains."""
    return "\0".join(parts).encode("utf-8", "surrogatepass") + b"\0"


class Facts:
    """What the tokens of one module mean; the digests of all modules that these reach are kept.

    Args:
        module: whose code gets keyed. What it may access of other modules is part of their digests.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self._modules: dict[Module, ModuleFacts] = {}
        self.own = self.of(module)
        self._string = module.assembly.user_string_bytes
        self._specs: dict[tuple[int, int], bytes] = {}
        self._resolved: dict[tuple[object, str, bytes], bytes] = {}

    def of(self, module: Module) -> ModuleFacts:
        """The digests of one module's definitions."""
        found = self._modules.get(module)
        if found is None:
            found = self._modules[module] = ModuleFacts(module, self)
        return found

    def token(self, token: int) -> bytes:
        """The digest of a token of the module, whatever it names. Never raises for malformed metadata."""
        table, rid = token >> 24, token & 0xFFFFFF
        try:
            if table == _METHOD_DEF:
                return self.own.method(rid)
            if table == _FIELD:
                return self.own.field(rid)
            if table == _STRING:
                return digest(b"string" + self._string(rid))
            if table == _MEMBER_REF:
                return self._member_ref(token)
            if table == _METHOD_SPEC:
                return self._method_spec(rid)
            if table == _STAND_ALONE_SIG:
                blob = self.module.assembly.stand_alone_sig(rid)
                return digest(b"call" + self.own.method_types(parse_method_sig(blob, self.module.assembly.path)))
            return digest(bytes((table,)) + self.own.type(token))
        except _FAILURES as error:
            return _failed(error)

    def locals(self, token: int) -> bytes:
        """The digest of a local variable signature; empty for token 0."""
        if not token:
            return b""
        try:
            blob = self.module.assembly.stand_alone_sig(token & 0xFFFFFF)
            return self.own.types(parse_local_sig(blob, self.module.assembly.path))
        except _FAILURES as error:
            return _failed(error)

    def _method_spec(self, rid: int) -> bytes:
        assembly = self.module.assembly
        row = assembly.method_spec(rid)
        arguments = self.own.types(parse_method_spec(row.instantiation, assembly.path))
        return digest(b"spec" + self.token(row.method_token) + arguments)

    def _member_ref(self, token: int) -> bytes:
        assembly = self.module.assembly
        row = assembly.member_ref(token & 0xFFFFFF)
        parent = row.parent_token
        # What the reference means depends on the open type, name and signature only: one search serves all instances.
        definition: object = parent
        table = parent >> 24
        if table == _TYPE_SPEC:
            written = self.own.type_spec(parent)
            if written[0] == ET.GENERICINST:
                definition = written[1]
            parent_digest = self.own.type(parent)
        elif table == _METHOD_DEF:
            parent_digest = self.own.method(parent & 0xFFFFFF)
        elif table in (_TYPE_DEF, _TYPE_REF):
            parent_digest = self.own.type(parent)
        else:
            parent_digest = digest(text("module", assembly.module_ref(parent & 0xFFFFFF)))
        key = (definition, row.name, row.signature)
        resolved = self._resolved.get(key)
        if resolved is None:
            try:
                resolved = self._resolved[key] = self._resolve(token, row.signature)
            except _FAILURES as error:
                resolved = _failed(error)  # not kept: the message may name the instance
        return digest(b"ref" + parent_digest + text(row.name) + self.own.blob_types(row.signature) + resolved)

    def _resolve(self, token: int, signature: bytes) -> bytes:
        if signature[:1] == b"\x06":
            field = self.module.field(token)
            return self.of(field.module).field(field.rid)
        method = self.module.method(token)
        return b"array" if method.is_array_method else self.of(method.module).method(method.rid)


class ModuleFacts:
    """Digests of one module's definitions; see the module docstring. Made by :class:`Facts`."""

    def __init__(self, module: Module, facts: Facts) -> None:
        self._facts = facts
        self._module = module
        self.assembly = self._assembly = module.assembly
        self._is_own = module is facts.module
        self._is_core = module.is_core
        is_friend = self._is_own or _befriends(module, facts.module.name)
        self._head = digest(text(module.name, f"{module.is_core}{module.runs_as_image}{is_friend}{self._is_own}"))
        self.name_of = partial(_cached_name, module, {})
        self._methods: dict[int, bytes] = {}
        self._fields: dict[int, bytes] = {}
        self._types: dict[int, bytes] = {}
        self._definitions: dict[int, bytes] = {}
        self._layouts: dict[int, bytes] = {}
        self._blobs: dict[bytes, bytes] = {}
        self._blob_offsets: dict[int, bytes] = {}
        self._signature_texts: dict[int, str] = {}
        self._type_specs: dict[int, SigType] = {}
        self._attributed: dict[int, list[int]] | None = None
        self._attribute_texts: dict[tuple[int, ...], bytes] = {}
        self._in_progress: set[tuple[str, int]] = set()
        self._second_names = _second_names(module) if self._is_own else frozenset[int]()

    # ---- types ---------------------------------------------------------------------------------------------------

    def type(self, token: int) -> bytes:
        """The digest of a TypeDef, TypeRef or TypeSpec token of this module."""
        found = self._types.get(token)
        if found is None:
            table = token >> 24
            if table == _TYPE_DEF:
                found = self.definition(token & 0xFFFFFF)
            elif table == _TYPE_SPEC:
                found = digest(self.of_type(self.type_spec(token)))
            else:
                found = self._reference(token)
            self._types[token] = found
        return found

    def _reference(self, token: int) -> bytes:
        try:
            type_ = self._module.type(token)
        except TypeLoadError as error:
            return _failed(error)
        if not isinstance(type_, DefType):
            return digest(text("type", type_.canonical_name))
        return self._facts.of(type_.module).definition(type_.rid)

    def type_spec(self, token: int) -> SigType:
        """The parsed signature of a TypeSpec."""
        found = self._type_specs.get(token)
        if found is None:
            found = self._type_specs[token] = self._assembly.type_spec_signature(token & 0xFFFFFF)
        return found

    def definition(self, rid: int) -> bytes:
        """The digest of a type that this module defines."""
        found = self._definitions.get(rid)
        if found is None:
            if self._is_core:
                found = digest(self._head + b"type" + rid.to_bytes(4, "little"))
            elif ("type", rid) in self._in_progress:
                return digest(self._head + b"derives from itself")
            else:
                self._in_progress.add(("type", rid))
                try:
                    found = digest(b"".join(self._describe(rid)))
                finally:
                    self._in_progress.discard(("type", rid))
            self._definitions[rid] = found
        return found

    def _describe(self, rid: int) -> Iterable[bytes]:
        assembly = self._assembly
        row = assembly.type_def(rid)
        token = _TYPE_DEF << 24 | rid
        yield self._head
        yield text(self.name_of(token), "second" if rid in self._second_names else "")
        yield row.flags.to_bytes(4, "little")
        outer = assembly.enclosing_type(rid)
        while outer:
            yield assembly.type_def(outer).flags.to_bytes(4, "little")
            outer = assembly.enclosing_type(outer)
        base = ""
        if row.extends_token:
            base = self.name_of(row.extends_token)
            yield self._base(row.extends_token)
        yield text(base, *[self.name_of(interface) for interface in assembly.interface_impls(rid)])
        yield self._type_parameters(token)
        yield self._attributes(token)
        is_value_type = base.endswith(_VALUE_TYPE_BASES)
        if is_value_type:
            yield self.layout(rid)
        yield from self._methods_of_type(rid, row, is_value_type or row.flags & _SEALED != 0)

    def _base(self, token: int) -> bytes:
        """A base class: for an instance the definition's digest, because its arguments may mention the type itself."""
        if token >> 24 == _TYPE_SPEC:
            written = self.type_spec(token)
            return self.type(written[1][1]) if written[0] == ET.GENERICINST else b"?"
        return self.type(token)

    def _methods_of_type(self, rid: int, row: TypeDefRow, with_overrides: bool) -> Iterable[bytes]:
        assembly = self._assembly
        for method_rid in row.method_rids:
            method = assembly.method_def(method_rid)
            if method.name == ".cctor":
                yield b"static constructor"
            elif with_overrides and method.flags & _VIRTUAL:
                yield text("virtual", method.name, self.signature_text(method.signature_offset), str(method.flags))
        if with_overrides:
            for item in assembly.method_impls(rid):
                yield text("override", self.member_text(item.body_token), self.member_text(item.declaration_token))

    def _type_parameters(self, owner_token: int) -> bytes:
        assembly = self._assembly
        return b"".join(
            [
                text(
                    "parameter",
                    str(parameter.flags),
                    *[self.name_of(token) for token in assembly.generic_param_constraints(parameter.rid)],
                )
                for parameter in assembly.generic_params(owner_token)
            ]
        )

    # ---- layouts -------------------------------------------------------------------------------------------------

    def layout(self, rid: int) -> bytes:
        """The digest of everything that decides where the instance fields of a type of this module are."""
        found = self._layouts.get(rid)
        if found is None:
            if self._is_core:
                return self.definition(rid)
            if ("layout", rid) in self._in_progress:
                return b"contains itself"
            self._in_progress.add(("layout", rid))
            try:
                found = digest(b"".join(self._describe_layout(rid)))
            finally:
                self._in_progress.discard(("layout", rid))
            self._layouts[rid] = found
        return found

    def _describe_layout(self, rid: int) -> Iterable[bytes]:
        assembly = self._assembly
        row = assembly.type_def(rid)
        token = _TYPE_DEF << 24 | rid
        yield self._head
        yield text(self.name_of(token), str(row.flags), str(assembly.class_layout(rid)))
        yield self._attributes(token)
        if row.extends_token:
            if row.extends_token >> 24 == _TYPE_SPEC:
                yield self._inner_layout(self.type_spec(row.extends_token), is_base=True)
            else:
                yield self._inner_layout((ET.VALUETYPE, row.extends_token))
        for field_rid in row.field_rids:
            field = assembly.field_def(field_rid)
            if not field.flags & _STATIC:
                blob = assembly.blob(field.signature_offset)
                yield self._inner_layout(parse_field_sig(blob, assembly.path))
                offset = assembly.field_layout(field_rid)
                if offset is not None:
                    yield b"at" + offset.to_bytes(4, "little")

    def _inner_layout(self, signature: SigType, is_base: bool = False) -> bytes:
        """What a field of this type, a type argument or a base class adds to a layout."""
        element = signature[0]
        if element in _REFERENCES:
            return b"R"
        if element in _POINTERS:
            return b"P"
        if element == ET.VALUETYPE:
            return b"V" + self._layout_of(signature[1])
        if element == ET.GENERICINST:
            if signature[1][0] == ET.CLASS and not is_base:
                return b"R"
            inner = [self._inner_layout(argument) for argument in signature[2]]
            return b"".join([b"G", self._layout_of(signature[1][1]), bytes((len(inner) & 0xFF,)), *inner])
        if element == ET.VAR or element == ET.MVAR:
            return b"%c%d;" % (element, signature[1])
        if element == ET.CMOD_OPT or element == ET.CMOD_REQD:
            return self._inner_layout(signature[2])
        if element == ET.BYREF or element == ET.PINNED:
            return bytes((element,)) + self._inner_layout(signature[1])
        return bytes((element,))

    def _layout_of(self, token: int) -> bytes:
        try:
            type_ = self._module.type(token)
        except TypeLoadError as error:
            return _failed(error)
        if not isinstance(type_, DefType):
            return b"?"
        return self._facts.of(type_.module).layout(type_.rid)

    # ---- members -------------------------------------------------------------------------------------------------

    def method(self, rid: int) -> bytes:
        """The digest of a method of this module, without its body."""
        found = self._methods.get(rid)
        if found is None:
            if self._is_core:
                found = self._methods[rid] = digest(self._head + b"method" + rid.to_bytes(4, "little"))
            elif self._is_own:
                self._make_methods(self._assembly.type_of_method(rid))
                found = self._methods[rid]
            else:
                owner = self.definition(self._assembly.type_of_method(rid))
                found = self._methods[rid] = digest(b"".join(self._describe_method(rid, owner)))
        return found

    def _make_methods(self, type_rid: int) -> None:
        """All methods of a type at once, because which of two equal ones can be named depends on their order."""
        owner = self.definition(type_rid)
        seen: set[tuple[bytes, ...]] = set()
        for rid in self._assembly.type_def(type_rid).method_rids:
            description = tuple(self._describe_method(rid, owner))
            identity = description[:3]
            self._methods[rid] = digest(b"".join(description) + (b"second" if identity in seen else b""))
            seen.add(identity)

    def _describe_method(self, rid: int, owner: bytes) -> Iterable[bytes]:
        assembly = self._assembly
        row = assembly.method_def(rid)
        token = _METHOD_DEF << 24 | rid
        yield owner
        yield text("method", row.name)
        yield self._types_at(row.signature_offset)
        yield b"%d %d %d" % (row.flags, row.impl_flags, row.rva != 0)
        yield self._attributes(token)
        if assembly.blob(row.signature_offset)[:1] >= _GENERIC:
            yield self._type_parameters(token)
        if row.flags & _PINVOKE:
            yield text("native", str(assembly.impl_map(rid)))
            for parameter in range(row.first_param, row.last_param):
                yield b"%d " % assembly.param(parameter).flags + (
                    assembly.field_marshal(Table.Param << 24 | parameter) or b""
                )

    def field(self, rid: int) -> bytes:
        """The digest of a field of this module."""
        found = self._fields.get(rid)
        if found is None:
            if self._is_core:
                found = self._fields[rid] = digest(self._head + b"field" + rid.to_bytes(4, "little"))
            else:
                self._make_fields(self._assembly.type_of_field(rid))
                found = self._fields[rid]
        return found

    def _make_fields(self, type_rid: int) -> None:
        assembly = self._assembly
        owner = self.definition(type_rid)
        instance_owner = b""
        position = 0
        seen: set[tuple[str, bytes]] = set()
        for rid in assembly.type_def(type_rid).field_rids:
            row = assembly.field_def(rid)
            parts = [owner, text("field", row.name), b"%d" % row.flags]
            type_ = self._types_at(row.signature_offset)
            parts += [type_, self._attributes(_FIELD << 24 | rid)]
            if row.flags & _STATIC:
                if row.flags & _HAS_RVA:
                    parts.append(self._initial_data(rid))
            else:
                instance_owner = instance_owner or self.layout(type_rid)
                parts += [instance_owner, b"%d" % position]
                position += 1
            if (row.name, type_) in seen:
                parts.append(b"second")
            seen.add((row.name, type_))
            self._fields[rid] = digest(b"".join(parts))

    def _initial_data(self, rid: int) -> bytes:
        """Size and content of a field's initial data; its place shifts with every edit."""
        assembly = self._assembly
        rva = assembly.field_rva(rid) or 0
        try:
            size = self._module.field(_FIELD << 24 | rid).type.size
            return b"data" + digest(assembly.read_rva(rva, size))
        except _FAILURES as error:
            return _failed(error)

    # ---- signatures ----------------------------------------------------------------------------------------------

    def of_type(self, signature: SigType) -> bytes:
        """A type in a signature: its element types, and digests in place of tokens."""
        element = signature[0]
        if element == ET.CLASS or element == ET.VALUETYPE:
            return bytes((element,)) + self.type(signature[1])
        if len(signature) == 1:
            return bytes((element,))
        if element == ET.VAR or element == ET.MVAR:
            return b"%c%d;" % (element, signature[1])
        if element == ET.GENERICINST:
            inner = [self.of_type(argument) for argument in signature[2]]
            return b"".join([bytes((element,)), self.of_type(signature[1]), b"%d:" % len(inner), *inner])
        if element in (ET.SZARRAY, ET.BYREF, ET.PTR, ET.PINNED):
            return bytes((element,)) + self.of_type(signature[1])
        if element == ET.ARRAY:
            return bytes((element,)) + self.of_type(signature[1]) + b"%d;" % signature[2]
        if element == ET.CMOD_OPT or element == ET.CMOD_REQD:
            return bytes((element,)) + text(self.name_of(signature[1])) + self.of_type(signature[2])
        return bytes((element,)) + self.method_types(signature[1])  # a function pointer

    def types(self, signatures: Iterable[SigType]) -> bytes:
        """The digest of several types in order."""
        return digest(b"".join([self.of_type(signature) for signature in signatures]))

    def method_types(self, signature: MethodSig) -> bytes:
        """The digest of a parsed method signature."""
        head = b"%d %d %d %d %d:" % (
            signature.calling_convention,
            signature.has_this,
            signature.explicit_this,
            signature.generic_count,
            signature.sentinel,
        )
        return digest(head + self.types((signature.return_type, *signature.params)))

    def blob_types(self, blob: bytes) -> bytes:
        """The digest of a field's or method's signature blob."""
        found = self._blobs.get(blob)
        if found is None:
            path = self._assembly.path
            if blob[:1] == b"\x06":
                found = digest(b"\x06" + self.of_type(parse_field_sig(blob, path)))
            else:
                found = self.method_types(parse_method_sig(blob, path))
            self._blobs[blob] = found
        return found

    def _types_at(self, offset: int) -> bytes:
        found = self._blob_offsets.get(offset)
        if found is None:
            try:
                found = self.blob_types(self._assembly.blob(offset))
            except _FAILURES as error:
                found = _failed(error)
            self._blob_offsets[offset] = found
        return found

    # ---- names ---------------------------------------------------------------------------------------------------

    def signature_text(self, offset: int) -> str:
        """The canonical text of the field or method signature at a blob offset."""
        found = self._signature_texts.get(offset)
        if found is None:
            found = self._signature_texts[offset] = self.blob_text(self._assembly.blob(offset))
        return found

    def blob_text(self, blob: bytes) -> str:
        """The canonical text of a signature: ``(parameters)result`` of a method, ``:type`` of a field."""
        path = self._assembly.path
        if blob[:1] == b"\x06":
            return ":" + signature_name(self.name_of, parse_field_sig(blob, path))
        return method_signature_name(self.name_of, parse_method_sig(blob, path))

    def member_text(self, token: int) -> str:
        """``parent::name(signature)`` of a MethodDef or MemberRef token."""
        assembly = self._assembly
        if token >> 24 == _METHOD_DEF:
            row = assembly.method_def(token & 0xFFFFFF)
            parent = self.name_of(_TYPE_DEF << 24 | assembly.type_of_method(token & 0xFFFFFF))
            return f"{parent}::{row.name}{self.signature_text(row.signature_offset)}"
        # By raw columns: decoding the row would read the signature blob again, and most of them are shared.
        coded_parent, name, signature_offset = assembly.row(Table.MemberRef, token & 0xFFFFFF)
        token = assembly.coded_token(CodedIndex.MemberRefParent, coded_parent)
        table = token >> 24
        if table == _METHOD_DEF:
            parent = f"({self.member_text(token)})"
        elif table == _MODULE_REF:
            parent = f"[.module {assembly.module_ref(token & 0xFFFFFF)}]"
        else:
            parent = self.name_of(token)
        return f"{parent}::{assembly.string(name)}{self.signature_text(signature_offset)}"

    # ---- attributes ----------------------------------------------------------------------------------------------

    def _attributes(self, token: int) -> bytes:
        """Names of the custom attributes of a token, sorted; the value only where it decides a layout."""
        if self._attributed is None:
            attributed: dict[int, list[int]] = {}
            for parent, constructor, _ in self._assembly.rows(Table.CustomAttribute):
                attributed.setdefault(parent, []).append(constructor)
            self._attributed = attributed
        constructors = self._attributed.get(self._assembly.coded_key(CodedIndex.HasCustomAttribute, token))
        if constructors is None:
            return b""
        key = tuple(constructors)
        found = self._attribute_texts.get(key)
        if found is None:
            attributes = self._assembly.custom_attributes(token)
            names = sorted([attribute.type_full_name for attribute in attributes])
            found = text("attributes", *names)
            if _INLINE_ARRAY in names:
                values = [decode_attribute(self._assembly, item) for item in attributes
                          if item.type_full_name == _INLINE_ARRAY]  # fmt: skip
                return found + text(str([value.fixed for value in values]))
            self._attribute_texts[key] = found
        return found


def _cached_name(module: Module, names: dict[int, str], token: int) -> str:
    found = names.get(token)
    if found is None:
        if token >> 24 == _TYPE_DEF:
            found = f"[{module.name}]{module.assembly.type_full_name(token & 0xFFFFFF).replace('+', '/')}"
        elif token >> 24 == _TYPE_SPEC:
            found = signature_name(
                partial(_cached_name, module, names), module.assembly.type_spec_signature(token & 0xFFFFFF)
            )
        else:
            found = token_name(module, token)
        names[token] = found
    return found


def _befriends(module: Module, name: str) -> str:
    """Whether a module shows its internal members to the assembly of this name."""
    try:
        return str(name.lower() in module.friends)
    except (*_FAILURES, ValueError):
        return "?"


def _second_names(module: Module) -> frozenset[int]:
    """Types that have the name of an earlier one."""
    assembly = module.assembly
    seen: set[tuple[int, str, str]] = set()
    second = set()
    for rid in range(1, assembly.row_count(Table.TypeDef) + 1):
        row = assembly.type_def(rid)
        identity = (assembly.enclosing_type(rid), row.namespace, row.name)
        if identity in seen:
            second.add(rid)
        seen.add(identity)
    return frozenset(second)


def _failed(error: Exception) -> bytes:
    return digest(b"failed" + str(error).encode("utf-8", "backslashreplace"))
