"""Typed, cached access to the metadata tables: names decoded, coded indexes turned into tokens, ranges computed.

Sits between the raw rows (:mod:`~nativegen.metadata.reader`) and the assembly's own face
(:mod:`~nativegen.metadata.assembly`). Everything is made on first use; a row that was asked for once is kept, because
the type system comes back to the same types and members for every method it compiles.

Invariants: tables keyed by an owner are searched, never scanned; member lists are validated to be ascending, so
:meth:`TypedTables.type_of_method` is a binary search.

>>> assembly.type_def(2).name            # doctest: +SKIP
'Program'
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from nativegen.metadata.identity import AssemblyIdentity, public_key_token
from nativegen.metadata.pe import Buffer
from nativegen.metadata.reader import MetadataReader
from nativegen.metadata.rows import (
    AssemblyRefRow,
    EventRow,
    ExportedTypeRow,
    FieldDefRow,
    GenericParamRow,
    ImplMapRow,
    ManifestResourceRow,
    MemberRefRow,
    MethodDefRow,
    MethodImplRow,
    MethodSemanticsRow,
    MethodSpecRow,
    ParamRow,
    PropertyRow,
    TypeDefRow,
    TypeRefRow,
)
from nativegen.metadata.signatures import (
    MethodSig,
    SigType,
    parse_field_sig,
    parse_local_sig,
    parse_method_sig,
    parse_method_spec,
    parse_type_spec,
)
from nativegen.metadata.tables import CodedIndex, Table

#: Deepest nesting of types accepted; the limit is what ends a cycle.
MAX_NESTING: Final = 100

_HAS_PUBLIC_KEY: Final = 0x1

# Plain ints: enum attribute look-ups would be half the cost of the accessors below.
_TYPE_REF: Final = int(Table.TypeRef)
_TYPE_DEF: Final = int(Table.TypeDef)
_FIELD: Final = int(Table.Field)
_METHOD_DEF: Final = int(Table.MethodDef)
_MEMBER_REF: Final = int(Table.MemberRef)
_TYPE_DEF_OR_REF: Final = CodedIndex.TypeDefOrRef


class TypedTables(MetadataReader):
    """Accessors by row number. All raise NGEN1004 for a row that does not exist or is malformed."""

    def __init__(self, data: Buffer, path: str) -> None:
        super().__init__(data, path)
        self._type_defs: dict[int, TypeDefRow] = {}
        self._method_defs: dict[int, MethodDefRow] = {}
        self._field_defs: dict[int, FieldDefRow] = {}
        self._type_refs: dict[int, TypeRefRow] = {}
        self._member_refs: dict[int, MemberRefRow] = {}
        self._assembly_refs: list[AssemblyRefRow] | None = None
        self._exported_types: list[ExportedTypeRow] | None = None
        self._list_starts: dict[tuple[int, str], list[int]] = {}
        self._method_signatures: dict[int, MethodSig] = {}
        self._top_level_types: dict[tuple[str, str], int] | None = None
        self._nested_types: dict[int, list[int]] | None = None
        self._nested_by_name: dict[tuple[int, str, str], int] | None = None

    # ---- types ---------------------------------------------------------------------------------------------------

    def type_def(self, rid: int) -> TypeDefRow:
        """Type definition ``rid``."""
        row = self._type_defs.get(rid)
        if row is None:
            flags, name, namespace, extends, first_field, first_method = self.row(_TYPE_DEF, rid)
            if rid < self._counts[_TYPE_DEF]:
                _, _, _, _, last_field, last_method = self.row(_TYPE_DEF, rid + 1)
            else:
                last_field, last_method = self._counts[_FIELD] + 1, self._counts[_METHOD_DEF] + 1
            self._check_range(first_field, last_field, _FIELD, "fields", rid)
            self._check_range(first_method, last_method, _METHOD_DEF, "methods", rid)
            row = self._type_defs[rid] = TypeDefRow(
                flags,
                self.string(name),
                self.string(namespace),
                self.coded_token(_TYPE_DEF_OR_REF, extends),
                first_field,
                last_field,
                first_method,
                last_method,
            )
        return row

    def _check_range(self, first: int, last: int, table: int, what: str, rid: int) -> None:
        if not 1 <= first <= last <= self._counts[table] + 1:
            raise self.malformed(f"the list of {what} of row {rid} is out of order")

    def enclosing_type(self, rid: int) -> int:
        """Row number of the type that ``rid`` is nested in, 0 for a top-level type."""
        found = self.key_index(Table.NestedClass, "NestedClass").first(rid)
        return self.row(Table.NestedClass, found)[1] if found else 0

    def nested(self, rid: int) -> Sequence[int]:
        """Row numbers of the types nested directly in ``rid``, in row order."""
        if self._nested_types is None:
            grouped: dict[int, list[int]] = {}
            for inner, outer in self.rows(Table.NestedClass):
                grouped.setdefault(outer, []).append(inner)
            self._nested_types = grouped
        return self._nested_types.get(rid, ())

    def find_type(self, namespace: str, name: str) -> int:
        """Row number of the top-level type with this name, 0 when there is none; the first wins, as in the runtime."""
        if self._top_level_types is None:
            nested = set(self.column(Table.NestedClass, "NestedClass"))
            found: dict[tuple[str, str], int] = {}
            for rid, row in enumerate(self.rows(_TYPE_DEF), 1):
                if rid not in nested:
                    found.setdefault((self.string(row[2]), self.string(row[1])), rid)
            self._top_level_types = found
        return self._top_level_types.get((namespace, name), 0)

    def find_nested(self, enclosing: int, name: str, namespace: str = "") -> int:
        """Row number of the type of this name nested directly in ``enclosing``, 0 when there is none."""
        if self._nested_by_name is None:
            found: dict[tuple[int, str, str], int] = {}
            for inner, outer in self.rows(Table.NestedClass):
                row = self.row(_TYPE_DEF, inner)
                found.setdefault((outer, self.string(row[2]), self.string(row[1])), inner)
            self._nested_by_name = found
        return self._nested_by_name.get((enclosing, namespace, name), 0)

    def type_full_name(self, rid: int) -> str:
        """``Namespace.Name``, for a nested type ``Namespace.Outer+Inner`` (reflection's form, without escapes)."""
        names: list[str] = []
        current = rid
        while True:
            row = self.type_def(current)
            names.append(row.name)
            if len(names) > MAX_NESTING:
                raise self.malformed(f"type {rid} is nested too deeply or in itself")
            outer = self.enclosing_type(current)
            if not outer:
                break
            current = outer
        full = "+".join(reversed(names))
        return f"{row.namespace}.{full}" if row.namespace else full

    def type_ref_full_name(self, rid: int) -> str:
        """Full name of a type reference, written like :meth:`type_full_name`."""
        names: list[str] = []
        current = rid
        while True:
            row = self.type_ref(current)
            names.append(row.name)
            if len(names) > MAX_NESTING:
                raise self.malformed(f"type reference {rid} is nested too deeply or in itself")
            if row.resolution_scope_token >> 24 != _TYPE_REF:
                break
            current = row.resolution_scope_token & 0xFFFFFF
        full = "+".join(reversed(names))
        return f"{row.namespace}.{full}" if row.namespace else full

    def type_ref(self, rid: int) -> TypeRefRow:
        """Type reference ``rid``."""
        row = self._type_refs.get(rid)
        if row is None:
            scope, name, namespace = self.row(_TYPE_REF, rid)
            row = self._type_refs[rid] = TypeRefRow(
                self.coded_token(CodedIndex.ResolutionScope, scope), self.string(name), self.string(namespace)
            )
        return row

    def type_spec(self, rid: int) -> bytes:
        """Signature blob of type specification ``rid``."""
        return self.blob(self.row(Table.TypeSpec, rid)[0])

    def type_spec_signature(self, rid: int) -> SigType:
        """Parsed signature of type specification ``rid``."""
        return parse_type_spec(self.type_spec(rid), self.path)

    def interface_impls(self, rid: int) -> list[int]:
        """Tokens of the interfaces that type ``rid`` lists, in row order."""
        return [
            self.coded_token(_TYPE_DEF_OR_REF, self.row(Table.InterfaceImpl, found)[1])
            for found in self.key_index(Table.InterfaceImpl, "Class").rids(rid)
        ]

    def method_impls(self, rid: int) -> list[MethodImplRow]:
        """Explicit overrides that type ``rid`` declares, in row order."""
        result = []
        for found in self.key_index(Table.MethodImpl, "Class").rids(rid):
            _, body, declaration = self.row(Table.MethodImpl, found)
            result.append(
                MethodImplRow(
                    self.coded_token(CodedIndex.MethodDefOrRef, body),
                    self.coded_token(CodedIndex.MethodDefOrRef, declaration),
                )
            )
        return result

    def class_layout(self, rid: int) -> tuple[int, int] | None:
        """(packing size, class size) in bytes, each 0 for the default; None without a ClassLayout row."""
        found = self.key_index(Table.ClassLayout, "Parent").first(rid)
        if not found:
            return None
        pack, size, _ = self.row(Table.ClassLayout, found)
        return pack, size

    # ---- fields --------------------------------------------------------------------------------------------------

    def field_def(self, rid: int) -> FieldDefRow:
        """Field definition ``rid``."""
        row = self._field_defs.get(rid)
        if row is None:
            flags, name, signature = self.row(_FIELD, rid)
            row = self._field_defs[rid] = FieldDefRow(flags, self.string(name), signature)
        return row

    def field_signature(self, rid: int) -> SigType:
        """Parsed type of field ``rid``."""
        return parse_field_sig(self.blob(self.field_def(rid).signature_offset), self.path)

    def type_of_field(self, rid: int) -> int:
        """Row number of the type that declares field ``rid``."""
        return self._owner(rid, _FIELD, Table.TypeDef, "FieldList")

    def field_layout(self, rid: int) -> int | None:
        """Explicit offset of field ``rid`` in bytes, None without one."""
        found = self.key_index(Table.FieldLayout, "Field").first(rid)
        return self.row(Table.FieldLayout, found)[0] if found else None

    def field_rva(self, rid: int) -> int | None:
        """RVA of the initial value of static field ``rid``, None without one."""
        found = self.key_index(Table.FieldRVA, "Field").first(rid)
        return self.row(Table.FieldRVA, found)[0] if found else None

    def field_marshal(self, parent_token: int) -> bytes | None:
        """Native type blob of a field or parameter token, None without one."""
        index = self.key_index(Table.FieldMarshal, "Parent")
        found = index.first(self.coded_key(CodedIndex.HasFieldMarshal, parent_token))
        return self.blob(self.row(Table.FieldMarshal, found)[1]) if found else None

    def constant(self, parent_token: int) -> tuple[int, bytes] | None:
        """(element type, value blob) of a literal field, a parameter's default or a property; None without one.

        A null reference is ``(ET.CLASS, four zero bytes)`` (II.22.9).
        """
        index = self.key_index(Table.Constant, "Parent")
        found = index.first(self.coded_key(CodedIndex.HasConstant, parent_token))
        if not found:
            return None
        element, _, _, value = self.row(Table.Constant, found)
        return element, self.blob(value)

    # ---- methods -------------------------------------------------------------------------------------------------

    def method_def(self, rid: int) -> MethodDefRow:
        """Method definition ``rid``."""
        row = self._method_defs.get(rid)
        if row is None:
            rva, impl_flags, flags, name, signature, first_param = self.row(_METHOD_DEF, rid)
            if rid < self._counts[_METHOD_DEF]:
                last_param = self.row(_METHOD_DEF, rid + 1)[5]
            else:
                last_param = self._counts[Table.Param] + 1
            self._check_range(first_param, last_param, Table.Param, "parameters", rid)
            row = self._method_defs[rid] = MethodDefRow(
                rva, impl_flags, flags, self.string(name), signature, first_param, last_param
            )
        return row

    def method_signature(self, rid: int) -> MethodSig:
        """Parsed signature of method ``rid``; methods that share a blob share the result."""
        offset = self.method_def(rid).signature_offset
        signature = self._method_signatures.get(offset)
        if signature is None:
            signature = self._method_signatures[offset] = parse_method_sig(self.blob(offset), self.path)
        return signature

    def type_of_method(self, rid: int) -> int:
        """Row number of the type that declares method ``rid``."""
        return self._owner(rid, _METHOD_DEF, Table.TypeDef, "MethodList")

    def params(self, method_rid: int) -> list[ParamRow]:
        """Rows of the parameters of a method, as far as it has any (a parameter without a row has defaults)."""
        row = self.method_def(method_rid)
        return [self.param(rid) for rid in range(row.first_param, row.last_param)]

    def param(self, rid: int) -> ParamRow:
        """Parameter ``rid``."""
        flags, sequence, name = self.row(Table.Param, rid)
        return ParamRow(flags, sequence, self.string(name))

    def impl_map(self, method_rid: int) -> ImplMapRow | None:
        """P/Invoke target of a method, None when it has none."""
        index = self.key_index(Table.ImplMap, "MemberForwarded")
        found = index.first(self.coded_key(CodedIndex.MemberForwarded, _METHOD_DEF << 24 | method_rid))
        if not found:
            return None
        flags, _, name, scope = self.row(Table.ImplMap, found)
        return ImplMapRow(flags, self.string(name), self.module_ref(scope) if scope else "")

    def module_ref(self, rid: int) -> str:
        """Name of module reference ``rid``."""
        return self.string(self.row(Table.ModuleRef, rid)[0])

    def member_ref(self, rid: int) -> MemberRefRow:
        """Member reference ``rid``."""
        row = self._member_refs.get(rid)
        if row is None:
            parent, name, signature = self.row(_MEMBER_REF, rid)
            row = self._member_refs[rid] = MemberRefRow(
                self.coded_token(CodedIndex.MemberRefParent, parent), self.string(name), self.blob(signature)
            )
        return row

    def method_spec(self, rid: int) -> MethodSpecRow:
        """Method instantiation ``rid``."""
        method, instantiation = self.row(Table.MethodSpec, rid)
        return MethodSpecRow(self.coded_token(CodedIndex.MethodDefOrRef, method), self.blob(instantiation))

    def method_spec_arguments(self, rid: int) -> tuple[SigType, ...]:
        """Parsed generic arguments of method instantiation ``rid``."""
        return parse_method_spec(self.method_spec(rid).instantiation, self.path)

    def stand_alone_sig(self, rid: int) -> bytes:
        """Signature blob of stand-alone signature ``rid`` (locals, or a ``calli`` site)."""
        return self.blob(self.row(Table.StandAloneSig, rid)[0])

    def local_signature(self, token: int) -> tuple[SigType, ...]:
        """Parsed types of the locals named by a body's ``local_sig_token``; empty for 0."""
        if not token:
            return ()
        return parse_local_sig(self.stand_alone_sig(token & 0xFFFFFF), self.path)

    # ---- generics ------------------------------------------------------------------------------------------------

    def generic_params(self, owner_token: int) -> list[GenericParamRow]:
        """Generic parameters of a type or method token, by number."""
        index = self.key_index(Table.GenericParam, "Owner")
        result = []
        for rid in index.rids(self.coded_key(CodedIndex.TypeOrMethodDef, owner_token)):
            number, flags, _, name = self.row(Table.GenericParam, rid)
            result.append(GenericParamRow(rid, number, flags, self.string(name)))
        result.sort(key=lambda row: row.number)
        return result

    def generic_param_constraints(self, generic_param_rid: int) -> list[int]:
        """Tokens of the constraint types of a generic parameter, in row order."""
        return [
            self.coded_token(_TYPE_DEF_OR_REF, self.row(Table.GenericParamConstraint, rid)[1])
            for rid in self.key_index(Table.GenericParamConstraint, "Owner").rids(generic_param_rid)
        ]

    # ---- properties and events -----------------------------------------------------------------------------------

    def property_def(self, rid: int) -> PropertyRow:
        """Property ``rid``."""
        flags, name, signature = self.row(Table.Property, rid)
        return PropertyRow(flags, self.string(name), self.blob(signature))

    def event_def(self, rid: int) -> EventRow:
        """Event ``rid``."""
        flags, name, event_type = self.row(Table.Event, rid)
        return EventRow(flags, self.string(name), self.coded_token(_TYPE_DEF_OR_REF, event_type))

    def properties(self, rid: int) -> range:
        """Row numbers of the properties of type ``rid``."""
        return self._mapped(rid, Table.PropertyMap, Table.Property)

    def events(self, rid: int) -> range:
        """Row numbers of the events of type ``rid``."""
        return self._mapped(rid, Table.EventMap, Table.Event)

    def method_semantics(self, association_token: int) -> list[MethodSemanticsRow]:
        """Accessors of a property or event token."""
        index = self.key_index(Table.MethodSemantics, "Association")
        result = []
        for rid in index.rids(self.coded_key(CodedIndex.HasSemantics, association_token)):
            semantics, method, _ = self.row(Table.MethodSemantics, rid)
            result.append(MethodSemanticsRow(semantics, method))
        return result

    def _mapped(self, rid: int, map_table: Table, table: Table) -> range:
        found = self.key_index(map_table, "Parent").first(rid)
        if not found:
            return range(0)
        first = self.row(map_table, found)[1]
        last = self.row(map_table, found + 1)[1] if found < self._counts[map_table] else self._counts[table] + 1
        self._check_range(first, last, table, table.name, found)
        return range(first, last)

    # ---- references and exports ----------------------------------------------------------------------------------

    @property
    def assembly_refs(self) -> list[AssemblyRefRow]:
        """All assembly references; row ``rid`` is item ``rid - 1``."""
        if self._assembly_refs is None:
            refs = []
            for major, minor, build, revision, flags, key, name, culture, _ in self.rows(Table.AssemblyRef):
                key_bytes = self.blob(key)
                token = public_key_token(key_bytes) if flags & _HAS_PUBLIC_KEY else key_bytes.hex() or "null"
                version = (major, minor, build, revision)
                refs.append(AssemblyRefRow(self.string(name), version, self._culture(culture), token, flags))
            self._assembly_refs = refs
        return self._assembly_refs

    def assembly_ref(self, rid: int) -> AssemblyRefRow:
        """Assembly reference ``rid``."""
        refs = self.assembly_refs
        if not 1 <= rid <= len(refs):
            raise self.malformed(f"there is no row {rid} in table AssemblyRef")
        return refs[rid - 1]

    def _culture(self, index: int) -> str:
        culture = self.string(index)
        return "" if culture.lower() == "neutral" else culture

    @property
    def exported_types(self) -> list[ExportedTypeRow]:
        """All exported types (forwarders, and types of other modules); row ``rid`` is item ``rid - 1``."""
        if self._exported_types is None:
            self._exported_types = [
                ExportedTypeRow(
                    flags,
                    type_def_id,
                    self.string(name),
                    self.string(namespace),
                    self.coded_token(CodedIndex.Implementation, implementation),
                )
                for flags, type_def_id, name, namespace, implementation in self.rows(Table.ExportedType)
            ]
        return self._exported_types

    def read_assembly_row(self) -> tuple[AssemblyIdentity, int]:
        """(identity, flags) of the Assembly row.

        Raises:
            NativegenError: NGEN1004, there is no row; callers test for a netmodule first.
        """
        _, major, minor, build, revision, flags, key, name, culture = self.row(Table.Assembly, 1)
        identity = AssemblyIdentity(
            self.string(name), (major, minor, build, revision), self._culture(culture), public_key_token(self.blob(key))
        )
        return identity, flags

    def manifest_resources(self) -> tuple[ManifestResourceRow, ...]:
        """All manifest resources."""
        return tuple(
            ManifestResourceRow(
                offset, flags, self.string(name), self.coded_token(CodedIndex.Implementation, implementation)
            )
            for offset, flags, name, implementation in self.rows(Table.ManifestResource)
        )

    def _owner(self, rid: int, table: int, owner_table: Table, column: str) -> int:
        """Row of the owner whose member list contains ``rid``: the last one whose list starts at or before it."""
        if not 1 <= rid <= self._counts[table]:
            raise self.malformed(f"there is no row {rid} in table {Table(table).name}")
        starts = self._list_starts.get((owner_table, column))
        if starts is None:
            starts = self.column(owner_table, column)
            if any(first > second for first, second in pairwise(starts)):
                raise self.malformed(f"column {column} is not ascending")
            self._list_starts[(owner_table, column)] = starts
        # Empty types share the start of the next one, so the rightmost is the owner.
        owner = bisect_right(starts, rid)
        if not owner:
            raise self.malformed(f"row {rid} of table {Table(table).name} has no owner")
        return owner
