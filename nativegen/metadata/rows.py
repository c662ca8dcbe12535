"""Typed rows of the metadata tables: what :class:`~nativegen.metadata.typed.TypedTables` hands out.

They are ``NamedTuple`` rather than dataclasses because a 20,000-method assembly makes hundreds of thousands of them
and a tuple is made at C speed; they are as immutable. Tokens are full tokens (``table << 24 | rid``, 0 for none),
ranges are half open.

>>> TypeDefRow(1, "C", "N", 0, 1, 3, 1, 1).field_rids
range(1, 3)
"""

from __future__ import annotations

from typing import NamedTuple

from nativegen.metadata.flags import TypeAttributes
from nativegen.metadata.identity import AssemblyIdentity


class TypeDefRow(NamedTuple):
    """II.22.37. ``last_field`` and ``last_method`` are exclusive; ``extends_token`` TypeDef, TypeRef, TypeSpec or 0."""

    flags: int
    name: str
    namespace: str
    extends_token: int
    first_field: int
    last_field: int
    first_method: int
    last_method: int

    @property
    def field_rids(self) -> range:
        """Row numbers of the type's fields, in declaration order."""
        return range(self.first_field, self.last_field)

    @property
    def method_rids(self) -> range:
        """Row numbers of the type's methods, in declaration order."""
        return range(self.first_method, self.last_method)

    @property
    def is_interface(self) -> bool:
        """``tdInterface``."""
        return bool(self.flags & TypeAttributes.INTERFACE)


class MethodDefRow(NamedTuple):
    """II.22.26. ``signature_offset`` is the index in #Blob; ``last_param`` is exclusive."""

    rva: int
    impl_flags: int
    flags: int
    name: str
    signature_offset: int
    first_param: int
    last_param: int


class FieldDefRow(NamedTuple):
    """II.22.15. ``signature_offset`` is the index in #Blob."""

    flags: int
    name: str
    signature_offset: int


class ParamRow(NamedTuple):
    """II.22.33. ``sequence`` 0 is the return value."""

    flags: int
    sequence: int
    name: str


class TypeRefRow(NamedTuple):
    """II.22.38. ``resolution_scope_token``: Module, ModuleRef, AssemblyRef, TypeRef (encloser), 0 (exported type)."""

    resolution_scope_token: int
    name: str
    namespace: str


class MemberRefRow(NamedTuple):
    """II.22.25."""

    parent_token: int
    name: str
    signature: bytes


class MethodSpecRow(NamedTuple):
    """II.22.29."""

    method_token: int
    instantiation: bytes


class AssemblyRefRow(NamedTuple):
    """II.22.5. A full public key is already reduced to its token; ``flags`` keeps the raw bits."""

    name: str
    version: tuple[int, int, int, int]
    culture: str
    public_key_token: str
    flags: int

    @property
    def identity(self) -> AssemblyIdentity:
        """The reference as an identity."""
        return AssemblyIdentity(self.name, self.version, self.culture, self.public_key_token)


class ExportedTypeRow(NamedTuple):
    """II.22.14. ``implementation_token``: AssemblyRef (a forwarder), File, or ExportedType (the encloser)."""

    flags: int
    type_def_id: int
    name: str
    namespace: str
    implementation_token: int

    @property
    def is_forwarder(self) -> bool:
        """``tdForwarder``."""
        return bool(self.flags & TypeAttributes.IS_TYPE_FORWARDER)


class ManifestResourceRow(NamedTuple):
    """II.22.24. ``implementation_token`` 0: in this file, ``offset`` bytes into the resources directory."""

    offset: int
    flags: int
    name: str
    implementation_token: int


class MethodImplRow(NamedTuple):
    """II.22.27: in the class, ``body_token`` implements ``declaration_token`` (each MethodDef or MemberRef)."""

    body_token: int
    declaration_token: int


class GenericParamRow(NamedTuple):
    """II.22.20. ``rid`` is the row number: what constraints and attributes refer to."""

    rid: int
    number: int
    flags: int
    name: str


class ImplMapRow(NamedTuple):
    """II.22.22: a P/Invoke target."""

    mapping_flags: int
    import_name: str
    module_name: str


class PropertyRow(NamedTuple):
    """II.22.34."""

    flags: int
    name: str
    signature: bytes


class EventRow(NamedTuple):
    """II.22.13."""

    flags: int
    name: str
    type_token: int


class MethodSemanticsRow(NamedTuple):
    """II.22.28: ``semantics`` 1 setter, 2 getter, 4 other, 8 add, 16 remove, 32 fire."""

    semantics: int
    method_rid: int


class CustomAttribute(NamedTuple):
    """II.22.10. ``type_full_name``: ``Namespace.Name`` (``Outer+Inner``) of the attribute class, '' if unresolvable."""

    constructor_token: int
    type_full_name: str
    value: bytes
