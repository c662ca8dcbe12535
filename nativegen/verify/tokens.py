"""Whether the numbers in fixup signatures mean rows that the image's own metadata has.

Parts that belong to another module's metadata (ModuleOverride, MODULE_ZAPSIG) are not looked at.
"""

from __future__ import annotations

from nativegen.metadata import Assembly, Table
from nativegen.readytorun.enums import ElementType, FieldSigFlags, FixupKind, MethodSigFlags
from nativegen.readytorun.fixups import FieldSignature, Fixup, MethodSignature, TypeSignature

_TABLE_OF_NUMBER = {
    FixupKind.MethodEntry_DefToken: Table.MethodDef,
    FixupKind.MethodEntry_RefToken: Table.MemberRef,
    FixupKind.VirtualEntry_DefToken: Table.MethodDef,
    FixupKind.VirtualEntry_RefToken: Table.MemberRef,
}


class Tokens:
    """Looks rows up in one assembly; the answers are the first wrong token in words, or None."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly

    def wrong(self, fixup: Fixup) -> str | None:
        """In a whole fixup."""
        if fixup.module is not None:
            return None
        table = _TABLE_OF_NUMBER.get(fixup.kind)
        if table is not None:
            return self.row(table, fixup.numbers[0])
        found = [self._type(type_) for type_ in fixup.types]
        found += [self.wrong_in_method(method) for method in fixup.methods]
        if fixup.field is not None:
            found.append(self._field(fixup.field))
        if fixup.nested is not None:
            found.append(self.wrong(fixup.nested))
        return next(filter(None, found), None)

    def wrong_in_method(self, method: MethodSignature) -> str | None:
        """In a method signature."""
        if method.module is not None:
            return None
        found = [self._type(type_) for type_ in (method.owner, *method.arguments, method.constrained) if type_]
        if not method.flags & MethodSigFlags.SlotInsteadOfToken:
            table = Table.MemberRef if method.flags & MethodSigFlags.MemberRefToken else Table.MethodDef
            found.append(self.row(table, method.number))
        return next(filter(None, found), None)

    def _field(self, field: FieldSignature) -> str | None:
        wrong = self._type(field.owner) if field.owner is not None else None
        if wrong is not None or field.flags & FieldSigFlags.IndexInsteadOfToken:
            return wrong
        return self.row(Table.MemberRef if field.flags & FieldSigFlags.MemberRefToken else Table.Field, field.number)

    def _type(self, type_: TypeSignature) -> str | None:
        if type_.element is ElementType.MODULE_ZAPSIG:
            return None
        wrong = self.row(Table(type_.token >> 24), type_.token & 0xFFFFFF) if type_.token else None
        return wrong or next(filter(None, map(self._type, type_.types)), None)

    def row(self, table: Table, rid: int) -> str | None:
        """A row number."""
        count = self._assembly.row_count(table)
        return None if 1 <= rid <= count else f"row {rid} of {table.name}, which has {count}"
