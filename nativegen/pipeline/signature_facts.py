"""Signatures of one module as digests and as canonical texts; each blob is read once.

A digest has the digests of the types that a signature mentions, so it changes when one of these changes; a text has
their names only. Keys need digests, linking needs texts.

>>> text("A", "B")
b'A\\x00B\\x00'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import xxhash

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Table
from nativegen.metadata.elements import ET
from nativegen.metadata.signatures import MethodSig, SigType, parse_field_sig, parse_method_sig
from nativegen.metadata.tables import CodedIndex
from nativegen.typesystem import Module, TypeLoadError
from nativegen.typesystem.names import method_signature_name, signature_name, token_name

#: Bytes of a digest.
DIGEST_SIZE = 16

#: xxh3-128.
digest: Callable[[bytes], bytes] = xxhash.xxh3_128_digest

#: What reading metadata raises when it is malformed or something is missing.
FAILURES = (NativegenError, TypeLoadError)

_TYPE_DEF = int(Table.TypeDef)
_METHOD_DEF = int(Table.MethodDef)
_MODULE_REF = int(Table.ModuleRef)
_TYPE_SPEC = int(Table.TypeSpec)


def text(*parts: str) -> bytes:
    """Names as bytes, each closed by a byte that no metadata name contains."""
    return "\0".join(parts).encode("utf-8", "surrogatepass") + b"\0"


def failed(error: Exception) -> bytes:
    """The digest of something that cannot be read or found."""
    return digest(b"failed" + str(error).encode("utf-8", "backslashreplace"))


class SignatureFacts:
    """Signatures and names of one module.

    Args:
        module: the module.
        type_digest: digest of a TypeDef or TypeRef token of it.

    Attributes:
        assembly: the module's.
    """

    def __init__(self, module: Module, type_digest: Callable[[int], bytes]) -> None:
        self.assembly = module.assembly
        self._module = module
        self._type_digest = type_digest
        self._types: dict[int, bytes] = {}
        self._signature_types: dict[SigType, bytes] = {}
        self._type_specs: dict[int, SigType] = {}
        self._types_at: dict[int, bytes] = {}
        self._signature_texts: dict[int, str] = {}
        self._names: dict[int, str] = {}

    # ---- digests -------------------------------------------------------------------------------------------------

    def type(self, token: int) -> bytes:
        """The digest of a TypeDef, TypeRef or TypeSpec token."""
        found = self._types.get(token)
        if found is None:
            if token >> 24 == _TYPE_SPEC:
                found = digest(self.of_type(self.type_spec(token)))
            else:
                found = self._type_digest(token)
            self._types[token] = found
        return found

    def type_spec(self, token: int) -> SigType:
        """The parsed signature of a TypeSpec."""
        found = self._type_specs.get(token)
        if found is None:
            found = self._type_specs[token] = self.assembly.type_spec_signature(token & 0xFFFFFF)
        return found

    def of_type(self, signature: SigType) -> bytes:
        """A type in a signature: its element types, and digests in place of tokens."""
        found = self._signature_types.get(signature)
        if found is None:
            found = self._signature_types[signature] = self._make(signature)
        return found

    def _make(self, signature: SigType) -> bytes:
        element = signature[0]
        if len(signature) == 1:
            return b"%c" % element
        if element == ET.CLASS or element == ET.VALUETYPE:
            return b"%c%b" % (element, self.type(signature[1]))
        if element == ET.VAR or element == ET.MVAR:
            return b"%c%d;" % (element, signature[1])
        if element == ET.GENERICINST:
            inner = b"".join([self.of_type(argument) for argument in signature[2]])
            return b"%c%b%d:%b" % (element, self.of_type(signature[1]), len(signature[2]), inner)
        if element in (ET.SZARRAY, ET.BYREF, ET.PTR, ET.PINNED):
            return b"%c%b" % (element, self.of_type(signature[1]))
        if element == ET.ARRAY:
            return b"%c%b%d;" % (element, self.of_type(signature[1]), signature[2])
        if element == ET.CMOD_OPT or element == ET.CMOD_REQD:
            return b"%c%b%b" % (element, text(self.name_of(signature[1])), self.of_type(signature[2]))
        return b"%c%b" % (element, self.method_types(signature[1]))  # a function pointer

    def types(self, signatures: Iterable[SigType]) -> bytes:
        """The digest of several types in order."""
        return digest(b"".join([self.of_type(signature) for signature in signatures]))

    def method_types(self, signature: MethodSig) -> bytes:
        """The digest of a parsed method signature."""
        convention, has_this, explicit_this, generic_count, result, parameters, sentinel = signature
        parts = [b"%d %d %d %d %d:" % (convention, has_this, explicit_this, generic_count, sentinel)]
        parts.append(self.of_type(result))
        parts += [self.of_type(parameter) for parameter in parameters]
        return digest(b"".join(parts))

    def types_at(self, offset: int) -> bytes:
        """The digest of the field or method signature at a blob offset."""
        found = self._types_at.get(offset)
        if found is None:
            try:
                blob, path = self.assembly.blob(offset), self.assembly.path
                if blob[:1] == b"\x06":
                    found = digest(b"\x06" + self.of_type(parse_field_sig(blob, path)))
                else:
                    found = self.method_types(parse_method_sig(blob, path))
            except FAILURES as error:
                found = failed(error)
            self._types_at[offset] = found
        return found

    # ---- texts ---------------------------------------------------------------------------------------------------

    def name_of(self, token: int) -> str:
        """The canonical name of a type token."""
        found = self._names.get(token)
        if found is None:
            table = token >> 24
            if table == _TYPE_DEF:
                name = self.assembly.type_full_name(token & 0xFFFFFF).replace("+", "/")
                found = f"[{self._label(self._module)}]{name}"
            elif table == _TYPE_SPEC:
                found = signature_name(self.name_of, self.type_spec(token))
            else:
                found = token_name(self._module, token)
            self._names[token] = found
        return found

    def _label(self, module: Module) -> str:
        """What names say of the module that defines a type."""
        return module.name

    def signature_text(self, offset: int) -> str:
        """The canonical text of the signature at a blob offset: ``(parameters)result``, or ``:type`` of a field."""
        found = self._signature_texts.get(offset)
        if found is None:
            blob, path = self.assembly.blob(offset), self.assembly.path
            if blob[:1] == b"\x06":
                found = ":" + signature_name(self.name_of, parse_field_sig(blob, path))
            else:
                found = method_signature_name(self.name_of, parse_method_sig(blob, path))
            self._signature_texts[offset] = found
        return found

    def member_text(self, token: int) -> str:
        """``parent::name(signature)`` of a MethodDef or MemberRef token."""
        assembly = self.assembly
        rid = token & 0xFFFFFF
        if token >> 24 == _METHOD_DEF:
            row = assembly.method_def(rid)
            parent = self.name_of(_TYPE_DEF << 24 | assembly.type_of_method(rid))
            return f"{parent}::{row.name}{self.signature_text(row.signature_offset)}"
        coded_parent, name, signature = assembly.row(Table.MemberRef, rid)
        owner = assembly.coded_token(CodedIndex.MemberRefParent, coded_parent)
        if owner >> 24 == _METHOD_DEF:
            parent = f"({self.member_text(owner)})"
        elif owner >> 24 == _MODULE_REF:
            parent = f"[.module {assembly.module_ref(owner & 0xFFFFFF)}]"
        else:
            parent = self.name_of(owner)
        return f"{parent}::{assembly.string(name)}{self.signature_text(signature)}"
