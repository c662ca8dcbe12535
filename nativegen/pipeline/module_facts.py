"""Digests of the types, methods and fields that one module defines.

What is in them:

* *type*: canonical name, flags of it and of the types around it, base class and interfaces (their digests, and so those
  that these inherit), type parameters, attribute names, whether it has a static constructor; value types also their
  layout; value types and sealed classes their virtual methods and overrides, because those may be called directly;
* *layout*: kind and order of all instance fields, packing, the layouts of structs in them and of base classes. As
  declared, not as computed: so it composes with type arguments. Whether another module runs as an image moves fields of
  classes whose places no code has; besides, it would depend on what else a run compiles;
* *method*: owner, name, signature with the digests of its types, flags, attribute names, type parameters, P/Invoke
  target; never its body;
* *field*: owner with layout, position, name, type, flags, attribute names, initial data.

Types of the core library are only named (by row, because its content is part of every key). Members that an image
cannot name, because an earlier one of the module has the same name and signature, are marked.

>>> own.definition(2).hex()                                          # doctest: +SKIP
'81f0...'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from nativegen.metadata import Table
from nativegen.metadata.attributes import decode_attribute
from nativegen.metadata.elements import ET
from nativegen.metadata.flags import FieldAttributes, MethodAttributes, TypeAttributes
from nativegen.metadata.rows import TypeDefRow
from nativegen.metadata.signatures import SigType, parse_field_sig
from nativegen.metadata.tables import CodedIndex
from nativegen.pipeline.signature_facts import FAILURES, SignatureFacts, digest, failed, text
from nativegen.typesystem import Module

#: (module, TypeDef or TypeRef token, whether its layout is wanted) -> digest.
Definition = Callable[[Module, int, bool], bytes]

_TYPE_DEF = Table.TypeDef << 24
_FIELD = Table.Field << 24
_METHOD_DEF = Table.MethodDef << 24
_TYPE_REF = int(Table.TypeRef)
_TYPE_SPEC = int(Table.TypeSpec)

# Tags of HasCustomAttribute and TypeOrMethodDef (ECMA-335 II.24.2.6), and their widths.
_ATTRIBUTES_OF_METHOD, _ATTRIBUTES_OF_FIELD, _ATTRIBUTES_OF_TYPE, _ATTRIBUTE_TAG_BITS = 0, 1, 3, 5
_PARAMETERS_OF_TYPE, _PARAMETERS_OF_METHOD, _PARAMETER_TAG_BITS = 0, 1, 1

_VALUE_TYPE_BASES = ("]System.ValueType", "]System.Enum")
_THREAD_STATIC = "System.ThreadStaticAttribute"
_INLINE_ARRAY = "System.Runtime.CompilerServices.InlineArrayAttribute"
#: Attributes that C# compilers add for each other; no code depends on them, and many edits add or remove some.
_FOR_COMPILERS = frozenset(
    f"System.Runtime.CompilerServices.{name}Attribute"
    for name in (
        "Dynamic",
        "Extension",
        "NativeInteger",
        "Nullable",
        "NullableContext",
        "NullablePublicOnly",
        "RefSafetyRules",
        "ScopedRef",
        "TupleElementNames",
    )
)
# Signature elements that are a reference, or a pointer, whatever they refer or point to.
_REFERENCES = frozenset({ET.CLASS, ET.STRING, ET.OBJECT, ET.SZARRAY, ET.ARRAY})
_POINTERS = frozenset({ET.PTR, ET.FNPTR})


class ModuleFacts(SignatureFacts):
    """See the module docstring.

    Args:
        module: the module.
        user: the module whose code gets keyed; ``module`` may be it.
        definition: finds the digests of types in other modules.
        by_assembly: see :class:`nativegen.pipeline.facts.Facts`.
    """

    def __init__(self, module: Module, user: Module, definition: Definition, by_assembly: bool) -> None:
        super().__init__(module, self._named_type)
        self._user = user
        self._by_assembly = by_assembly
        self._definition = definition
        self._is_own = module is user
        self._is_core = module.is_core
        is_friend = "own" if self._is_own else _befriends(module, user.name)
        self._head = digest(text(self._label(module), f"{module.is_core} {is_friend}"))
        self._methods: dict[int, bytes] = {}
        self._fields: dict[int, bytes] = {}
        self._definitions: dict[int, bytes] = {}
        self._layouts: dict[int, bytes] = {}
        self._attribute_texts: dict[tuple[int, ...], bytes] = {}
        self._in_progress: set[tuple[str, int]] = set()

    def _named_type(self, token: int) -> bytes:
        if token & 0xFF000000 == _TYPE_DEF:
            return self.definition(token & 0xFFFFFF)
        return self._definition(self._module, token, False)

    def name_of(self, token: int) -> str:
        """The canonical name of a type token; without assemblies when these do not count."""
        name = super().name_of(token)
        if self._by_assembly or token >> 24 != _TYPE_REF:
            return name
        try:
            module = self._module.type(token).module
        except FAILURES:
            return name
        return f"[{self._label(module)}]{name.partition(']')[2]}"

    def _label(self, module: Module) -> str:
        if self._by_assembly or module.is_core or module is self._user:
            return module.name
        return "." if module is self._module else ""

    # ---- tables, grouped by what their rows belong to --------------------------------------------------------------

    @cached_property
    def _method_rows(self) -> list[tuple[int, ...]]:
        return self.assembly.rows(Table.MethodDef)

    @cached_property
    def _field_rows(self) -> list[tuple[int, ...]]:
        return self.assembly.rows(Table.Field)

    @cached_property
    def _outer(self) -> dict[int, int]:
        return dict(reversed(self.assembly.rows(Table.NestedClass)))  # type: ignore[arg-type]

    @cached_property
    def _interfaces(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for rid, interface in self.assembly.rows(Table.InterfaceImpl):
            found.setdefault(rid, []).append(self.assembly.coded_token(CodedIndex.TypeDefOrRef, interface))
        return found

    @cached_property
    def _parameterised(self) -> frozenset[int]:
        """Coded owners of type parameters."""
        return frozenset(self.assembly.column(Table.GenericParam, "Owner"))

    @cached_property
    def _packings(self) -> dict[int, tuple[int, ...]]:
        return {row[2]: row for row in reversed(self.assembly.rows(Table.ClassLayout))}

    @cached_property
    def _attributed(self) -> dict[int, list[int]]:
        """Coded constructors of the attributes of a coded parent."""
        found: dict[int, list[int]] = {}
        for parent, constructor, _ in self.assembly.rows(Table.CustomAttribute):
            found.setdefault(parent, []).append(constructor)
        return found

    @cached_property
    def _second_names(self) -> frozenset[int]:
        """Types of the keyed module that have the name of an earlier one."""
        if not self._is_own:
            return frozenset()
        seen: set[tuple[int, str, str]] = set()
        second = set()
        for rid in range(1, self.assembly.row_count(Table.TypeDef) + 1):
            row = self.assembly.type_def(rid)
            identity = (self._outer.get(rid, 0), row.namespace, row.name)
            if identity in seen:
                second.add(rid)
            seen.add(identity)
        return frozenset(second)

    # ---- types ---------------------------------------------------------------------------------------------------

    def definition(self, rid: int) -> bytes:
        """The digest of a type that this module defines."""
        found = self._definitions.get(rid)
        if found is None:
            if self._is_core:
                found = digest(self._head + b"type%d" % rid)
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

    def _describe(self, rid: int) -> Iterator[bytes]:
        row = self.assembly.type_def(rid)
        yield self._head
        yield text(self.name_of(_TYPE_DEF | rid), "second" if rid in self._second_names else "")
        yield b"%d;" % row.flags
        outer = self._outer.get(rid, 0)
        while outer:  # ends: making the name has checked it
            yield b"%d;" % self.assembly.type_def(outer).flags
            outer = self._outer.get(outer, 0)
        base = ""
        if row.extends_token:
            base = self.name_of(row.extends_token)
            yield self._base(row.extends_token)
        interfaces = self._interfaces.get(rid, ())
        yield text(base, *[self.name_of(interface) for interface in interfaces])
        for interface in interfaces:
            # Metadata need not list the interfaces that these inherit; what they are is in their digests.
            yield self._base(interface)
        yield self._type_parameters(rid << _PARAMETER_TAG_BITS | _PARAMETERS_OF_TYPE, _TYPE_DEF | rid)
        yield self._attributes(rid << _ATTRIBUTE_TAG_BITS | _ATTRIBUTES_OF_TYPE, _TYPE_DEF | rid)
        is_value_type = base.endswith(_VALUE_TYPE_BASES)
        if is_value_type:
            yield self.layout(rid)
        yield from self._methods_of_type(rid, row, is_value_type or row.flags & TypeAttributes.SEALED != 0)

    def _base(self, token: int) -> bytes:
        """A base type: for an instance the definition's digest, because its arguments may mention the type itself."""
        if token >> 24 == _TYPE_SPEC:
            written = self.type_spec(token)
            return self.type(written[1][1]) if written[0] == ET.GENERICINST else b"?"
        return self.type(token)

    def _methods_of_type(self, rid: int, row: TypeDefRow, with_overrides: bool) -> Iterator[bytes]:
        string = self.assembly.string
        rows = self._method_rows
        for method_rid in row.method_rids:
            _, _, flags, name, signature, _ = rows[method_rid - 1]
            if string(name) == ".cctor":
                yield b"static constructor"
            elif with_overrides and flags & MethodAttributes.VIRTUAL:
                yield text("virtual", string(name), self.signature_text(signature), str(flags))
        if with_overrides:
            for item in self.assembly.method_impls(rid):
                yield text("override", self.member_text(item.body_token), self.member_text(item.declaration_token))

    def _type_parameters(self, coded_owner: int, owner: int) -> bytes:
        if coded_owner not in self._parameterised:
            return b""
        return b"".join(
            [
                text(
                    "parameter",
                    str(parameter.flags),
                    *[self.name_of(token) for token in self.assembly.generic_param_constraints(parameter.rid)],
                )
                for parameter in self.assembly.generic_params(owner)
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
                found = self._layouts[rid] = digest(b"".join(self._describe_layout(rid)))
            finally:
                self._in_progress.discard(("layout", rid))
        return found

    def _describe_layout(self, rid: int) -> Iterator[bytes]:
        assembly = self.assembly
        row = assembly.type_def(rid)
        pack, size, _ = self._packings.get(rid, (0, 0, 0))
        yield self._head
        yield text(self.name_of(_TYPE_DEF | rid))
        yield b"%d %d %d;" % (row.flags, pack, size)
        yield self._attributes(rid << _ATTRIBUTE_TAG_BITS | _ATTRIBUTES_OF_TYPE, _TYPE_DEF | rid)
        if row.extends_token:
            if row.extends_token >> 24 == _TYPE_SPEC:
                yield self._inner_layout(self.type_spec(row.extends_token), is_base=True)
            else:
                yield self._inner_layout((ET.VALUETYPE, row.extends_token))
        for field_rid in row.field_rids:
            flags, _, signature = self._field_rows[field_rid - 1]
            if not flags & FieldAttributes.STATIC:
                yield self._inner_layout(parse_field_sig(assembly.blob(signature), assembly.path))
                offset = assembly.field_layout(field_rid)
                if offset is not None:
                    yield b"at %d;" % offset

    def _inner_layout(self, signature: SigType, is_base: bool = False) -> bytes:
        """What a field of this type, a type argument or a base class adds to a layout."""
        element = signature[0]
        if element in _REFERENCES:
            return b"R"
        if element in _POINTERS:
            return b"P"
        if len(signature) == 1:
            return b"%c" % element
        if element == ET.VALUETYPE:
            return b"V%b%b" % (self._place(signature[1]), self._definition(self._module, signature[1], True))
        if element == ET.GENERICINST:
            if signature[1][0] == ET.CLASS and not is_base:
                return b"R"
            inner = [self._inner_layout(argument) for argument in signature[2]]
            definition = self._place(signature[1][1]) + self._definition(self._module, signature[1][1], True)
            return b"G%b%d:%b" % (definition, len(inner), b"".join(inner))
        if element == ET.VAR or element == ET.MVAR:
            return b"%c%d;" % (element, signature[1])
        if element == ET.CMOD_OPT or element == ET.CMOD_REQD:
            return self._inner_layout(signature[2])
        return b"%c%b" % (element, self._inner_layout(signature[1]))  # an interior pointer

    def _place(self, token: int) -> bytes:
        """Whether a type is of this module: what comes from other modules makes the layout of a class a guarded one."""
        try:
            return b"." if self._module.type(token).module is self._module else b"/"
        except FAILURES:
            return b"?"

    # ---- members -------------------------------------------------------------------------------------------------

    def method(self, rid: int) -> bytes:
        """The digest of a method of this module, without its body."""
        found = self._methods.get(rid)
        if found is None:
            if self._is_core:
                found = self._methods[rid] = digest(self._head + b"method%d" % rid)
            else:
                owner = self.assembly.type_of_method(rid)
                if self._is_own:
                    # All of the type at once, because which of two equal ones can be named depends on their order.
                    self._make_methods(owner, self.assembly.type_def(owner).method_rids)
                else:
                    self._make_methods(owner, range(rid, rid + 1))
                found = self._methods[rid]
        return found

    def _make_methods(self, type_rid: int, rids: range) -> None:
        owner = self.definition(type_rid)
        string, rows = self.assembly.string, self._method_rows
        seen: set[bytes] = set()
        for rid in rids:
            rva, impl_flags, flags, name, signature, _ = rows[rid - 1]
            identity = text("method", string(name)) + self.types_at(signature)
            parts = [owner, identity, b"%d %d %d" % (flags, impl_flags, rva != 0)]
            parts.append(self._attributes(rid << _ATTRIBUTE_TAG_BITS | _ATTRIBUTES_OF_METHOD, _METHOD_DEF | rid))
            parts.append(self._type_parameters(rid << _PARAMETER_TAG_BITS | _PARAMETERS_OF_METHOD, _METHOD_DEF | rid))
            if flags & MethodAttributes.PINVOKE_IMPL:
                parts += self._native_entry(rid)
            if identity in seen:
                parts.append(b"second")
            seen.add(identity)
            self._methods[rid] = digest(b"".join(parts))

    def generic_methods(self) -> frozenset[int]:
        """Rows of the methods that have type parameters or whose type has."""
        found = set()
        for owner in self._parameterised:
            rid = owner >> _PARAMETER_TAG_BITS
            if owner & 1 == _PARAMETERS_OF_METHOD:
                found.add(rid)
            else:
                found.update(self.assembly.type_def(rid).method_rids)
        return frozenset(found)

    def _native_entry(self, rid: int) -> Iterator[bytes]:
        assembly = self.assembly
        row = assembly.method_def(rid)
        yield text("native", str(assembly.impl_map(rid)))
        for parameter in range(row.first_param, row.last_param):
            yield b"%d " % assembly.param(parameter).flags
            yield assembly.field_marshal(Table.Param << 24 | parameter) or b""

    def field(self, rid: int) -> bytes:
        """The digest of a field of this module."""
        found = self._fields.get(rid)
        if found is None:
            if self._is_core:
                found = self._fields[rid] = digest(self._head + b"field%d" % rid)
            else:
                self._make_fields(self.assembly.type_of_field(rid))
                found = self._fields[rid]
        return found

    def _make_fields(self, type_rid: int) -> None:
        owner = self.definition(type_rid)
        string, rows = self.assembly.string, self._field_rows
        layout = b""
        statics = self._statics(type_rid)
        position = 0
        seen: set[bytes] = set()
        for rid in self.assembly.type_def(type_rid).field_rids:
            flags, name, signature = rows[rid - 1]
            identity = text("field", string(name)) + self.types_at(signature)
            parts = [owner, identity, b"%d " % flags]
            parts.append(self._attributes(rid << _ATTRIBUTE_TAG_BITS | _ATTRIBUTES_OF_FIELD, _FIELD | rid))
            if flags & FieldAttributes.STATIC:
                parts.append(statics)
                if flags & FieldAttributes.HAS_FIELD_RVA:
                    parts.append(self._initial_data(rid))
            else:
                layout = layout or self.layout(type_rid)
                parts += [layout, b"%d" % position]
                position += 1
            if identity in seen:
                parts.append(b"second")
            seen.add(identity)
            self._fields[rid] = digest(b"".join(parts))

    def _statics(self, type_rid: int) -> bytes:
        """What places the static fields of a generic class: shared code knows where they are."""
        if type_rid << _PARAMETER_TAG_BITS | _PARAMETERS_OF_TYPE not in self._parameterised:
            return b""
        parts = []
        for rid in self.assembly.type_def(type_rid).field_rids:
            flags, _, signature = self._field_rows[rid - 1]
            if flags & FieldAttributes.STATIC:
                is_elsewhere = self.assembly.has_attribute(_FIELD | rid, _THREAD_STATIC)
                parts.append(b"%d%d" % (is_elsewhere, flags) + self.types_at(signature))
        return digest(b"".join(parts))

    def initial_data(self) -> bytes:
        """A digest of the initial data of all fields that have some."""
        rids = self.assembly.column(Table.FieldRVA, "Field")
        return digest(b"".join([b"%d" % rid + self._initial_data(rid) for rid in rids]))

    def _initial_data(self, rid: int) -> bytes:
        """Size and content of a field's initial data; its place shifts with every edit."""
        try:
            size = self._module.field(_FIELD | rid).type.size
            return b"data" + digest(self.assembly.read_rva(self.assembly.field_rva(rid) or 0, size))
        except FAILURES as error:
            return failed(error)

    # ---- attributes ----------------------------------------------------------------------------------------------

    def _attributes(self, coded_parent: int, parent: int) -> bytes:
        """Names of the custom attributes of a token, sorted; the value only where it decides a layout."""
        constructors = self._attributed.get(coded_parent)
        if constructors is None:
            return b""
        key = tuple(constructors)
        found = self._attribute_texts.get(key)
        if found is None:
            attributes = self.assembly.custom_attributes(parent)
            names = sorted([attribute.type_full_name for attribute in attributes])
            names = [name for name in names if name not in _FOR_COMPILERS]
            found = text("attributes", *names) if names else b""
            lengths = [item for item in attributes if item.type_full_name == _INLINE_ARRAY]
            if lengths:
                return found + text(str([decode_attribute(self.assembly, item).fixed for item in lengths]))
            self._attribute_texts[key] = found
        return found


def _befriends(module: Module, name: str) -> str:
    """Whether a module shows its internal members to the assembly of this name."""
    try:
        return str(name.lower() in module.friends)
    except (*FAILURES, ValueError):
        return "?"
