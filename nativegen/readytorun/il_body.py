"""What Check_IL_Body compares: a method body rewritten so that two builds of it give equal bytes.

.NET 9 can check, before a native method runs, that some other method still has the body it had at compile time. The
runtime computes this form of the body it finds and compares. Rows move between builds, so every token is replaced by an
*alternate token*, numbered by first use, and what the token meant is copied behind the code: names and signatures of
members, strings, type signatures. Types are not copied but listed; the runtime compares them as loaded types.

What: :func:`encode_il_body` makes the bytes and the list of types. Which fixup they go into is the caller's business
(:mod:`nativegen.compiler.foreign`).

Not in it, so not checked by it: the method's own signature, attributes, whether types are sealed, and what callees do.

Source: readytorunstandalonemethodmetadata.cpp; proved over 7,000 bodies of the core library (facts: foreign-bodies.md).

Example (``static int Same(B b) => b.f``; code ``02 7b <field> 2a``, one type)::

    00 02 | 02 7b 0200000a 2a | 06 08, 01 'f', 09
    no clauses, no locals | code | field signature, name, parent: type 1 as TypeRef
"""

from __future__ import annotations

from typing import Final, NamedTuple

from nativegen.metadata import Assembly
from nativegen.metadata.bodies import ClauseKind
from nativegen.metadata.elements import ET, PRIMITIVE_ELEMENTS, CallingConvention
from nativegen.metadata.opcodes import TOKEN_OPCODES, TWO_BYTES, decode
from nativegen.metadata.tables import USER_STRING, Table
from nativegen.readytorun.structs import compress, decompress

_TYPE_REF: Final = int(Table.TypeRef)
_TYPE_DEF: Final = int(Table.TypeDef)
_FIELD: Final = int(Table.Field)
_METHOD_DEF: Final = int(Table.MethodDef)
_MEMBER_REF: Final = int(Table.MemberRef)
_STAND_ALONE_SIG: Final = int(Table.StandAloneSig)
_TYPE_SPEC: Final = int(Table.TypeSpec)
_METHOD_SPEC: Final = int(Table.MethodSpec)


_TYPE_TABLES: Final = (_TYPE_DEF, _TYPE_REF, _TYPE_SPEC)  # by TypeDefOrRef tag (II.24.2.6)
_PARENT_TAGS: Final = {_TYPE_REF: 1, _TYPE_SPEC: 4}  # MemberRefParent (II.24.2.6)
_NO_LOCALS: Final = b"\x02"
_MODIFIERS: Final = (ET.CMOD_REQD, ET.CMOD_OPT)
_ONE_INNER_TYPE: Final = (ET.PINNED, ET.SENTINEL, ET.SZARRAY, ET.BYREF, ET.PTR)
_MAX_DEPTH: Final = 128


class ILBody(NamedTuple):
    """A method body as Check_IL_Body compares it.

    Attributes:
        data: see the module docstring.
        types: TypeDef and TypeRef tokens of the body's module, in the order of their alternate tokens.
    """

    data: bytes
    types: tuple[int, ...]


def encode_il_body(assembly: Assembly, rid: int) -> ILBody:
    """The comparable form of a method's body.

    Args:
        assembly: defines the method. rid: MethodDef row.

    Raises:
        ValueError: the method has no CIL, for which a check would kill the process; or it mentions what only damaged
            bodies mention.
        NativegenError: the metadata is malformed.
    """
    return _Encoder(assembly).encode(rid)


class _Encoder:
    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._alternates: dict[int, int] = {}
        self._types: list[int] = []
        self._copied = bytearray()

    def encode(self, rid: int) -> ILBody:
        body = self._assembly.method_body(rid)
        if body is None:
            raise ValueError(f"method {rid} of {self._assembly.name} has no CIL")
        head = bytearray(compress(len(body.exception_clauses)))
        for clause in body.exception_clauses:
            for number in clause[:5]:
                head += compress(number)
            if clause.kind == ClauseKind.EXCEPTION:
                head += _coded_type(self._token(clause.class_token_or_filter_offset))
            elif clause.kind == ClauseKind.FILTER:
                head += compress(clause.class_token_or_filter_offset)
        if body.local_sig_token:
            signature = self._assembly.stand_alone_sig(body.local_sig_token & 0xFFFFFF)
            head.append(body.init_locals)
            head += self._locals(signature)
        else:
            head += _NO_LOCALS
        code = bytearray(body.code)
        for offset, opcode, operand in decode(body.code):
            if opcode in TOKEN_OPCODES:
                at = offset + (2 if opcode >= TWO_BYTES else 1)
                code[at : at + 4] = self._token(operand).to_bytes(4, "little")
        return ILBody(bytes(head + code + self._copied), tuple(self._types))

    def _token(self, token: int, depth: int = 0) -> int:
        """The alternate token; what it needs is copied first."""
        found = self._alternates.get(token)
        if found is not None:
            return found
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        table = token >> 24
        if table in (_TYPE_DEF, _TYPE_REF):
            self._types.append(token)
            alternate = _TYPE_REF << 24 | len(self._types)
        else:
            kind, copied = self._copy(table, token & 0xFFFFFF, depth + 1)
            self._copied += copied
            alternate = kind << 24 | len(self._alternates) + 1
        self._alternates[token] = alternate
        return alternate

    def _copy(self, table: int, rid: int, depth: int) -> tuple[int, bytes]:
        """(table of the alternate token, its definition)."""
        assembly = self._assembly
        if table == USER_STRING:
            text = assembly.user_string_bytes(rid)
            text = text[: len(text) & ~1]  # without the flag byte behind the characters
            return USER_STRING, compress(len(text) // 2) + text
        if table == _TYPE_SPEC:
            return _TYPE_SPEC, self._type(assembly.type_spec(rid), 0, depth)[0]
        if table == _MEMBER_REF:
            row = assembly.member_ref(rid)
            return _MEMBER_REF, self._member(row.signature, row.name, row.parent_token, depth)
        if table == _METHOD_DEF:
            method = assembly.method_def(rid)
            parent = _TYPE_DEF << 24 | assembly.type_of_method(rid)
            return _MEMBER_REF, self._member(assembly.blob(method.signature_offset), method.name, parent, depth)
        if table == _FIELD:
            _, name, signature = assembly.row(Table.Field, rid)
            parent = _TYPE_DEF << 24 | assembly.type_of_field(rid)
            return _MEMBER_REF, self._member(assembly.blob(signature), assembly.string(name), parent, depth)
        if table == _METHOD_SPEC:
            return _METHOD_SPEC, self._method_instance(rid, depth)
        if table == _STAND_ALONE_SIG:
            return _STAND_ALONE_SIG, self._method(assembly.stand_alone_sig(rid), 0, depth)[0]
        raise ValueError(f"token 0x{table << 24 | rid:08x} in a body")

    def _member(self, signature: bytes, name: str, parent: int, depth: int) -> bytes:
        if signature[:1] == bytes((CallingConvention.FIELD,)):
            copied = signature[:1] + self._type(signature, 1, depth)[0]
        else:
            copied = self._method(signature, 0, depth)[0]
        encoded = name.encode()
        if parent >> 24 not in (_TYPE_DEF, _TYPE_REF, _TYPE_SPEC):
            raise ValueError(f"member of 0x{parent:08x}")  # global functions, sites of vararg calls
        alternate = self._token(parent, depth)
        tag = _PARENT_TAGS[alternate >> 24]
        return copied + compress(len(encoded)) + encoded + compress((alternate & 0xFFFFFF) << 3 | tag)

    def _method_instance(self, rid: int, depth: int) -> bytes:
        assembly = self._assembly
        method = self._token(assembly.method_spec(rid).method_token, depth)
        signature = assembly.blob(assembly.row(Table.MethodSpec, rid)[1])
        count, position = decompress(signature, 1)
        copied = bytearray(signature[:position])
        for _ in range(count):
            item, position = self._type(signature, position, depth)
            copied += item
        return compress(method & 0xFFFFFF) + copied

    # ---- signatures: copied byte by byte, with alternate tokens ----------------------------------------------------

    def _locals(self, signature: bytes) -> bytes:
        count, position = decompress(signature, 1)
        copied = bytearray(signature[:position])
        for _ in range(count):
            item, position = self._type(signature, position, 0)
            copied += item
        return bytes(copied)

    def _method(self, signature: bytes, position: int, depth: int) -> tuple[bytes, int]:
        copied = bytearray(signature[position : position + 1])
        generic = copied[0] & CallingConvention.GENERIC
        position += 1
        if generic:
            count, position = decompress(signature, position)
            copied += compress(count)
        count, position = decompress(signature, position)
        copied += compress(count)
        for _ in range(count + 1):
            item, position = self._type(signature, position, depth)
            copied += item
        return bytes(copied), position

    def _type(self, signature: bytes, position: int, depth: int) -> tuple[bytes, int]:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        element = signature[position]
        head = signature[position : position + 1]
        position += 1
        if element in _MODIFIERS:
            token, position = self._coded(signature, position, depth)
            inner, position = self._type(signature, position, depth + 1)
            return head + token + inner, position
        if element in _ONE_INNER_TYPE:
            inner, position = self._type(signature, position, depth + 1)
            return head + inner, position
        if element in (ET.CLASS, ET.VALUETYPE):
            token, position = self._coded(signature, position, depth)
            return head + token, position
        if element in (ET.VAR, ET.MVAR):
            number, position = decompress(signature, position)
            return head + compress(number), position
        if element == ET.GENERICINST:
            copied = bytearray(head)
            definition, position = self._type(signature, position, depth + 1)
            count, position = decompress(signature, position)
            copied += definition + compress(count)
            for _ in range(count):
                item, position = self._type(signature, position, depth + 1)
                copied += item
            return bytes(copied), position
        if element == ET.ARRAY:
            return self._array(signature, position, depth)
        if element == ET.FNPTR:
            inner, position = self._method(signature, position, depth + 1)
            return head + inner, position
        if element not in PRIMITIVE_ELEMENTS:
            raise ValueError(f"element type 0x{element:02x}")
        return head, position

    def _array(self, signature: bytes, position: int, depth: int) -> tuple[bytes, int]:
        copied = bytearray((ET.ARRAY,))
        inner, position = self._type(signature, position, depth + 1)
        rank, position = decompress(signature, position)
        copied += inner + compress(rank)
        for _ in range(2):  # sizes, lower bounds
            count, position = decompress(signature, position)
            copied += compress(count)
            for _ in range(count):
                number, position = decompress(signature, position)
                copied += compress(number)
        return bytes(copied), position

    def _coded(self, signature: bytes, position: int, depth: int) -> tuple[bytes, int]:
        coded, position = decompress(signature, position)
        return _coded_type(self._token(_TYPE_TABLES[coded & 3] << 24 | coded >> 2, depth)), position


def _coded_type(alternate: int) -> bytes:
    """An alternate type token as TypeDefOrRef; there are no TypeDefs among them."""
    return compress((alternate & 0xFFFFFF) << 2 | (1 if alternate >> 24 == _TYPE_REF else 2))
