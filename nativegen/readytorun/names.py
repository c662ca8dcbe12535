"""Names for the tokens of an image: the :class:`~nativegen.readytorun.describe_fixups.NameSource` of real files.

Module numbers of fixups: none or 0 is the image's own metadata, 1 to n its AssemblyRefs, n + 1 the manifest metadata,
n + 1 + r the manifest metadata's AssemblyRef r. Rows of other assemblies' metadata stay numbers, because a dump looks
at one file only.

>>> names.token_name(0x02000003, None)        # doctest: +SKIP
'System.Linq.Enumerable'
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

from nativegen.metadata import Assembly, CodedIndex, Table
from nativegen.metadata.reader import MetadataReader
from nativegen.metadata.tables import USER_STRING
from nativegen.readytorun.describe_fixups import describe_type
from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.fixups import decode_type
from nativegen.readytorun.manifest import manifest_reader
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.readytorun.targets import target_for_r2r_version

_TABLE_SHIFT = 24
_RID_MASK = 0xFF_FFFF


class MetadataNames:
    """Names of the rows of one metadata blob."""

    def __init__(self, reader: MetadataReader) -> None:
        self._reader = reader
        self._types: dict[int, str] = {}
        self._enclosing: dict[int, int] = {row[0]: row[1] for row in reader.rows(Table.NestedClass)}

    @cached_property
    def _method_starts(self) -> list[int]:
        return [row[5] for row in self._reader.rows(Table.TypeDef)]

    @cached_property
    def _field_starts(self) -> list[int]:
        return [row[4] for row in self._reader.rows(Table.TypeDef)]

    def token_name(self, token: int, module: int | None = None) -> str:
        """The row's name; the token in hexadecimal when the row does not exist, has no name or is another module's."""
        if module:
            return f"[module {module}]{token:#010x}"
        reader = self._reader
        table, rid = token >> _TABLE_SHIFT, token & _RID_MASK
        if table == USER_STRING:
            return repr(reader.user_string(rid))
        if not 0 < rid <= reader.row_count(table):
            return f"{token:#010x}"
        match table:
            case Table.TypeDef:
                return self._type_def(rid)
            case Table.TypeRef:
                return self._type_ref(rid)
            case Table.MethodDef:
                owner = bisect_right(self._method_starts, rid)
                return f"{self._type_def(owner)}::{reader.string(reader.row(table, rid)[3])}"
            case Table.Field:
                owner = bisect_right(self._field_starts, rid)
                return f"{self._type_def(owner)}::{reader.string(reader.row(table, rid)[1])}"
            case Table.MemberRef:
                parent, name, _ = reader.row(table, rid)
                owner_name = self.token_name(reader.coded_token(CodedIndex.MemberRefParent, parent))
                return f"{owner_name}::{reader.string(name)}"
            case Table.TypeSpec:
                return describe_type(decode_type(reader.blob(reader.row(table, rid)[0]), 0), self)
            case Table.AssemblyRef:
                return f"[{reader.string(reader.row(table, rid)[6])}]"
            case Table.ModuleRef:
                return f"[{reader.string(reader.row(table, rid)[0])}]"
            case _:
                return f"{token:#010x}"

    def _type_def(self, rid: int) -> str:
        name = self._types.get(rid)
        if name is None:
            row = self._reader.row(Table.TypeDef, rid)
            namespace, name = self._reader.string(row[2]), self._reader.string(row[1])
            if rid in self._enclosing:
                name = f"{self._type_def(self._enclosing[rid])}/{name}"
            elif namespace:
                name = f"{namespace}.{name}"
            self._types[rid] = name
        return name

    def _type_ref(self, rid: int) -> str:
        scope, name, namespace = self._reader.row(Table.TypeRef, rid)
        own, space = self._reader.string(name), self._reader.string(namespace)
        scope_token = self._reader.coded_token(CodedIndex.ResolutionScope, scope)
        separator = "/" if scope_token >> _TABLE_SHIFT == Table.TypeRef else ""
        return f"{self.token_name(scope_token)}{separator}{space + '.' if space else ''}{own}"


class ImageNames:
    """Names of everything that an image's fixups mention."""

    def __init__(self, image: ReadyToRunImage) -> None:
        self._image = image
        self._target = target_for_r2r_version(image.header.major)
        self._own = MetadataNames(image.assembly)
        self._reference_count = image.assembly.row_count(Table.AssemblyRef)

    @property
    def assembly(self) -> Assembly:
        """The image's own assembly."""
        return self._image.assembly

    @cached_property
    def _manifest(self) -> MetadataNames | None:
        blob = self._image.section_bytes(SectionType.ManifestMetadata)
        return MetadataNames(manifest_reader(blob, self._image.path)) if blob else None

    def token_name(self, token: int, module: int | None) -> str:
        """The name of a row in the metadata that ``module`` stands for; its number when the metadata is garbage."""
        try:
            return self._token_name(token, module)
        except (RecursionError, ValueError, IndexError):  # types nested in themselves, truncated signatures
            return f"{token:#010x}"

    def _token_name(self, token: int, module: int | None) -> str:
        if not module:
            return self._own.token_name(token)
        if module <= self._reference_count:
            return f"{self._own.token_name(Table.AssemblyRef << _TABLE_SHIFT | module)}{token:#010x}"
        if self._manifest is None:
            return f"[module {module}]{token:#010x}"
        reference = module - self._reference_count - 1
        if not reference:
            return self._manifest.token_name(token)
        return f"{self._manifest.token_name(Table.AssemblyRef << _TABLE_SHIFT | reference)}{token:#010x}"

    def helper_name(self, number: int) -> str:
        """The name of a runtime helper in the image's runtime."""
        name = self._target.helper_name(number) if self._target is not None else None
        return name or f"{number:#x}"
