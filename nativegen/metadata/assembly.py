"""One assembly: the face of this package.

:class:`Assembly` adds to the tables what makes a file an assembly (identity, flags, references, content signature),
what the rest of nativegen asks about it (is it IL only, does it already carry native code, is it a facade), method
bodies and custom attributes. It knows nothing of other assemblies: a reference stays a name.

Invariants: opening decodes headers, the Assembly row and nothing else (a millisecond, whatever the size). An assembly
opened with ``copy=True`` (or smaller than :data:`MAP_THRESHOLD`) speaks of one and the same bytes for ever, its content
signature included, whatever happens to the file.

>>> assembly = Assembly.open("Foo.dll")          # doctest: +SKIP
>>> assembly.identity.display_name               # doctest: +SKIP
'Foo, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null'
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from nativegen.diagnostics import NativegenError
from nativegen.metadata.attributes import attribute_type_name
from nativegen.metadata.bodies import MethodBody, parse_body
from nativegen.metadata.flags import MethodImplAttributes
from nativegen.metadata.pe import Buffer, Directory, Section
from nativegen.metadata.rows import CustomAttribute, ManifestResourceRow
from nativegen.metadata.tables import CodedIndex, Table
from nativegen.metadata.typed import TypedTables

#: Files up to this size are always read, larger ones mapped unless a copy is asked for: reading CoreLib's 15 MB costs
#: ten times as much as everything else in opening it.
MAP_THRESHOLD: Final = 2 << 20

ASSEMBLY_TOKEN: Final = 0x20000001

_COMIMAGE_ILONLY: Final = 0x1
_COMIMAGE_IL_LIBRARY: Final = 0x4
_READY_TO_RUN_SIGNATURE: Final = b"RTR\0"  # readytorun.h: READYTORUN_SIGNATURE
_REFERENCE_ASSEMBLY_ATTRIBUTE: Final = "System.Runtime.CompilerServices.ReferenceAssemblyAttribute"


class Assembly(TypedTables):
    """A managed assembly file.

    Attributes:
        path: the path it was opened with.
        data: its bytes.
        identity: name, version, culture and public key token.
        flags: ``AssemblyFlags`` of the Assembly row (II.23.1.2).
    """

    def __init__(self, data: Buffer, path: str) -> None:
        super().__init__(data, path)
        if not self._counts[Table.Assembly]:
            raise NativegenError("NGEN1005", path)
        self.identity, self.flags = self.read_assembly_row()
        self._attribute_types: dict[int, str] = {}

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, copy: bool = False) -> Assembly:
        """Opens a file.

        Args:
            path: the file.
            copy: read the file even when it is huge. What gets compiled must be opened so: a build that overwrites a
                mapped file in place would mix two versions of it under the signature of the first.

        Raises:
            NativegenError: NGEN1001 to NGEN1008.
        """
        name = os.fspath(path)
        try:
            # A pipe or device would block or never end; only regular files and what open() itself refuses go on.
            status = os.stat(name)
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                raise NativegenError("NGEN1008", name, detail="not a regular file")
            with open(name, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                data: Buffer
                if size > MAP_THRESHOLD and not copy:
                    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                else:
                    data = file.read()
        except FileNotFoundError:
            raise NativegenError("NGEN1007", name) from None
        except (OSError, ValueError) as error:
            detail = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise NativegenError("NGEN1008", name, detail=detail) from None
        return cls(data, name)

    @classmethod
    def from_bytes(cls, data: bytes, path: str) -> Assembly:
        """An assembly from bytes in memory; ``path`` is only shown in errors."""
        return cls(data, path)

    def __repr__(self) -> str:
        return f"<Assembly {self.identity.name} {self.path!r}>"

    # ---- identity ------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Simple name."""
        return self.identity.name

    @property
    def version(self) -> tuple[int, int, int, int]:
        """Major, minor, build, revision."""
        return self.identity.version

    @property
    def culture(self) -> str:
        """Culture name, empty for neutral."""
        return self.identity.culture

    @property
    def public_key_token(self) -> str:
        """16 hex digits, or ``null``."""
        return self.identity.public_key_token

    @property
    def mvid(self) -> str:
        """Module version id, in the usual lower-case form without braces."""
        return self.guid(self.row(Table.Module, 1)[2])

    @property
    def module_name(self) -> str:
        """File name recorded in the Module row."""
        return self.string(self.row(Table.Module, 1)[1])

    @cached_property
    def content_signature(self) -> str:
        """xxh3-128 of the file's bytes, 32 hex digits."""
        # Imported here: most uses of an assembly never hash it.
        import xxhash

        return xxhash.xxh3_128_hexdigest(self.data)

    # ---- what kind of file ---------------------------------------------------------------------------------------

    @property
    def machine(self) -> int:
        """COFF machine number; see ``pe.machine_name`` and ``pe.machine_os`` for words."""
        return self.pe.machine

    @property
    def is_pe32_plus(self) -> bool:
        """The optional header is the 64-bit one."""
        return self.pe.is_pe32_plus

    @property
    def sections(self) -> tuple[Section, ...]:
        """PE sections, in file order."""
        return self.pe.sections

    @property
    def data_directories(self) -> tuple[Directory, ...]:
        """The 16 PE data directories."""
        return self.pe.directories

    @property
    def cli_flags(self) -> int:
        """``COMIMAGE_FLAGS`` of the CLI header (II.25.3.3.1)."""
        return self.pe.cli.flags

    @property
    def entry_point_token(self) -> int:
        """MethodDef or File token of the entry point, 0 for a library."""
        return self.pe.cli.entry_point_token

    @property
    def is_il_only(self) -> bool:
        """``COMIMAGE_FLAGS_ILONLY`` is set. ReadyToRun images have it cleared, see :attr:`is_ready_to_run`."""
        return bool(self.pe.cli.flags & _COMIMAGE_ILONLY)

    @cached_property
    def ready_to_run_header(self) -> tuple[int, int] | None:
        """(RVA, size) of the ReadyToRun header that the CLI header's ManagedNativeHeader names, None without one."""
        directory = self.pe.cli.managed_native_header
        if self.pe.bytes_available(directory.rva) < 4 or self.pe.read_rva(directory.rva, 4) != _READY_TO_RUN_SIGNATURE:
            return None
        return directory.rva, directory.size

    @property
    def is_ready_to_run(self) -> bool:
        """The file carries ReadyToRun native code."""
        return self.ready_to_run_header is not None

    @property
    def is_cpp_cli(self) -> bool:
        """A mixed-mode file: native code beside IL that is not ReadyToRun code, as C++/CLI makes."""
        if self.pe.cli.vtable_fixups.rva:
            return True
        return not self.pe.cli.flags & (_COMIMAGE_ILONLY | _COMIMAGE_IL_LIBRARY) and not self.is_ready_to_run

    @property
    def is_reference_assembly(self) -> bool:
        """Marked with ``ReferenceAssemblyAttribute``: signatures without bodies, not loadable for execution."""
        return self.has_attribute(ASSEMBLY_TOKEN, _REFERENCE_ASSEMBLY_ATTRIBUTE)

    @cached_property
    def is_facade(self) -> bool:
        """No method has a body: nothing to compile."""
        return not any(self.column(Table.MethodDef, "RVA"))

    @property
    def is_winmd(self) -> bool:
        """A Windows Runtime metadata file."""
        return self.metadata_version.startswith("WindowsRuntime")

    @property
    def resources(self) -> tuple[ManifestResourceRow, ...]:
        """Manifest resources."""
        return self.manifest_resources()

    def resource_data(self, resource: ManifestResourceRow) -> bytes:
        """Bytes of a resource embedded in this file (its length is the four bytes in front of it, II.25.5)."""
        directory = self.pe.cli.resources
        length = int.from_bytes(self.pe.read_rva(directory.rva + resource.offset, 4), "little")
        if resource.offset + 4 + length > directory.size:
            raise self.malformed(f"resource {resource.name!r} runs over the end of the resources")
        return self.pe.read_rva(directory.rva + resource.offset + 4, length)

    # ---- bytes ---------------------------------------------------------------------------------------------------

    def rva_to_offset(self, rva: int, size: int = 1) -> int:
        """File offset of ``size`` bytes at ``rva``; NGEN1002 when they are not in the file."""
        return self.pe.rva_to_offset(rva, size)

    def read_rva(self, rva: int, size: int) -> bytes:
        """``size`` bytes at ``rva`` as mapped (zeros behind a section's file data); NGEN1002 outside every section."""
        return self.pe.read_rva(rva, size)

    def method_body(self, rid: int) -> MethodBody | None:
        """IL body of method ``rid``; None for a method without one (abstract, extern, runtime-implemented, native).

        Raises:
            NativegenError: NGEN1002 or NGEN1004, the body is malformed or outside the file.
        """
        row = self.method_def(rid)
        if not row.rva or row.impl_flags & MethodImplAttributes.CODE_TYPE_MASK:
            return None
        offset = self.pe.rva_to_offset(row.rva)
        limit = offset + self.pe.bytes_available(row.rva)
        return parse_body(self.data, offset, limit, self.path, f"body of method 0x{Table.MethodDef << 24 | rid:08x}")

    # ---- attributes ----------------------------------------------------------------------------------------------

    def custom_attributes(self, parent_token: int) -> list[CustomAttribute]:
        """Custom attributes of a token (``ASSEMBLY_TOKEN`` for the assembly itself), in row order."""
        result = []
        for rid in self._attribute_rids(parent_token):
            _, constructor, value = self.row(Table.CustomAttribute, rid)
            token = self.coded_token(CodedIndex.CustomAttributeType, constructor)
            result.append(CustomAttribute(token, self._attribute_type(token), self.blob(value)))
        return result

    def has_attribute(self, token: int, full_name: str) -> bool:
        """Does ``token`` carry an attribute of class ``full_name`` (``Namespace.Name``)?"""
        for rid in self._attribute_rids(token):
            constructor = self.row(Table.CustomAttribute, rid)[1]
            if self._attribute_type(self.coded_token(CodedIndex.CustomAttributeType, constructor)) == full_name:
                return True
        return False

    def _attribute_rids(self, parent_token: int) -> Sequence[int]:
        index = self.key_index(Table.CustomAttribute, "Parent")
        return index.rids(self.coded_key(CodedIndex.HasCustomAttribute, parent_token))

    def _attribute_type(self, constructor_token: int) -> str:
        name = self._attribute_types.get(constructor_token)
        if name is None:
            name = self._attribute_types[constructor_token] = attribute_type_name(self, constructor_token)
        return name
