"""Digests of what the compiler may know about types, fields and methods: the resolved meaning of a token, in 16 bytes.

A unit key (:mod:`nativegen.pipeline.unit_key`) replaces each token by such a digest. Two entities may have the same
digest only when no code compiled against one could differ from code compiled against the other; so a digest covers
more than the compiler asks for today, and nothing that shifts with an edit elsewhere (row numbers, RVAs, heap offsets).
:mod:`nativegen.pipeline.module_facts` says what is in the digests of definitions; here are those of references. A
reference that cannot be resolved has the digest of the error.

>>> facts = Facts(module)                                            # doctest: +SKIP
>>> facts.token(0x0A000012).hex()                                    # doctest: +SKIP
'5d1c...'
"""

from __future__ import annotations

from nativegen.metadata import Table
from nativegen.metadata.elements import ET
from nativegen.metadata.signatures import parse_local_sig, parse_method_sig, parse_method_spec
from nativegen.metadata.tables import USER_STRING, CodedIndex
from nativegen.pipeline.module_facts import ModuleFacts
from nativegen.pipeline.signature_facts import FAILURES, digest, failed, text
from nativegen.typesystem import DefType, Module, TypeLoadError

_TYPE_REF = int(Table.TypeRef)
_TYPE_DEF = int(Table.TypeDef)
_FIELD = int(Table.Field)
_METHOD_DEF = int(Table.MethodDef)
_MEMBER_REF = int(Table.MemberRef)
_STAND_ALONE_SIG = int(Table.StandAloneSig)
_TYPE_SPEC = int(Table.TypeSpec)
_METHOD_SPEC = int(Table.MethodSpec)


class Facts:
    """What the tokens of one module mean; the digests of all modules that these reach are kept.

    Args:
        module: whose code gets keyed. What it may access of other modules is part of their digests.
        by_assembly: it counts which assembly defines a type. Symbols of units say so; images do not, because they name
            types by rows of the module's own metadata, and a forwarder takes the runtime to wherever a type is now.
    """

    def __init__(self, module: Module, *, by_assembly: bool = True) -> None:
        self.module = module
        self._by_assembly = by_assembly
        self._assembly = module.assembly
        self._modules: dict[Module, ModuleFacts] = {}
        self.own = self._of(module)
        self._instantiations: dict[int, bytes] = {}
        self._resolved: dict[tuple[object, int, int], bytes] = {}
        self._member_refs = self._assembly.rows(Table.MemberRef)
        self._method_specs = self._assembly.rows(Table.MethodSpec)

    def _of(self, module: Module) -> ModuleFacts:
        found = self._modules.get(module)
        if found is None:
            found = self._modules[module] = ModuleFacts(module, self.module, self._definition, self._by_assembly)
        return found

    def _definition(self, module: Module, token: int, want_layout: bool) -> bytes:
        """The digest of the type (or its layout) that a TypeDef or TypeRef token of any module means."""
        try:
            type_ = module.type(token)
        except TypeLoadError as error:
            return failed(error)
        if not isinstance(type_, DefType):
            return digest(text("type", type_.canonical_name))
        facts = self._of(type_.module)
        return facts.layout(type_.rid) if want_layout else facts.definition(type_.rid)

    def token(self, token: int) -> bytes:
        """The digest of a token of the module, whatever it names. Never raises for malformed metadata."""
        table, rid = token >> 24, token & 0xFFFFFF
        try:
            if table == _METHOD_DEF:
                return self.own.method(rid)
            if table == _FIELD:
                return self.own.field(rid)
            if table == USER_STRING:
                return digest(b"string" + self._assembly.user_string_bytes(rid))
            if table == _MEMBER_REF:
                return self._member_ref(token)
            if table == _METHOD_SPEC:
                return self._method_spec(rid)
            if table == _STAND_ALONE_SIG:
                blob = self._assembly.stand_alone_sig(rid)
                return digest(b"call" + self.own.method_types(parse_method_sig(blob, self._assembly.path)))
            return digest(bytes((table,)) + self.own.type(token))
        except FAILURES as error:
            return failed(error)

    def method(self, rid: int) -> bytes:
        """The digest of a method of the module."""
        try:
            return self.own.method(rid)
        except FAILURES as error:
            return failed(error)

    def locals(self, token: int) -> bytes:
        """The digest of a local variable signature; empty for token 0."""
        if not token:
            return b""
        try:
            blob = self._assembly.stand_alone_sig(token & 0xFFFFFF)
            return self.own.types(parse_local_sig(blob, self._assembly.path))
        except FAILURES as error:
            return failed(error)

    def _method_spec(self, rid: int) -> bytes:
        if not 1 <= rid <= len(self._method_specs):
            raise self._assembly.malformed(f"there is no method instantiation {rid}")
        coded_method, instantiation = self._method_specs[rid - 1]
        arguments = self._instantiations.get(instantiation)
        if arguments is None:
            parsed = parse_method_spec(self._assembly.blob(instantiation), self._assembly.path)
            arguments = self._instantiations[instantiation] = self.own.types(parsed)
        method = self._assembly.coded_token(CodedIndex.MethodDefOrRef, coded_method)
        return digest(b"spec" + self.token(method) + arguments)

    def _member_ref(self, token: int) -> bytes:
        assembly = self._assembly
        rid = token & 0xFFFFFF
        if not 1 <= rid <= len(self._member_refs):
            raise assembly.malformed(f"there is no member reference {rid}")
        coded_parent, name, signature = self._member_refs[rid - 1]
        parent = assembly.coded_token(CodedIndex.MemberRefParent, coded_parent)
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
        key = (definition, name, signature)
        resolved = self._resolved.get(key)
        if resolved is None:
            try:
                resolved = self._resolved[key] = self._resolve(token, assembly.blob(signature))
            except FAILURES as error:
                resolved = failed(error)  # not kept: the message may name the instance
        types = self.own.types_at(signature)
        return digest(b"".join((b"ref", parent_digest, text(assembly.string(name)), types, resolved)))

    def _resolve(self, token: int, signature: bytes) -> bytes:
        if signature[:1] == b"\x06":
            field = self.module.field(token)
            return self._of(field.module).field(field.rid)
        method = self.module.method(token)
        return b"array" if method.is_array_method else self._of(method.module).method(method.rid)
