"""The image reader: every part of a ReadyToRun image, decoded on demand.

Reads what this project writes and what Microsoft's compilers write for the targets' runtimes. The file is mapped into
one buffer as the loader would map it, so that every RVA of the format is an offset into ``memory``.

Invariant: opening decodes the headers and the section table only; each property decodes its section once.

>>> image = ReadyToRunImage.open("System.Linq.dll")     # doctest: +SKIP
>>> image.header.major, len(image.method_entries)       # doctest: +SKIP
(10, 1234)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import NamedTuple, ParamSpec, TypeVar

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.readytorun.debug_info import DebugInfo, iterate_debug_info_section
from nativegen.readytorun.enums import SectionType
from nativegen.readytorun.exceptions import Clause, decode_exception_info
from nativegen.readytorun.fixups import Fixup, MethodSignature, decode_fixup, decode_method_signature
from nativegen.readytorun.gcinfo import DecodedGcInfo, decode_gc_info
from nativegen.readytorun.header import Header, Section, decode_header
from nativegen.readytorun.imports import (
    ImportSection,
    decode_gc_ref_maps,
    decode_import_sections,
)
from nativegen.readytorun.manifest import ManifestAssembly, decode_manifest_metadata
from nativegen.readytorun.methods import MethodEntry, decode_entry, iterate_method_def_entry_points
from nativegen.readytorun.native_format import array_length, decode_unsigned, find_in_hashtable, iterate_hashtable
from nativegen.readytorun.runtime_functions import (
    RuntimeFunction,
    UnwindInfo,
    decode_runtime_functions,
    decode_unwind_info,
)
from nativegen.readytorun.structs import U32
from nativegen.readytorun.targets import target_for_r2r_version

_MAX_IMAGE_SIZE = 1 << 30  # a corrupt section header must not make us allocate the address space

_PACKED_DEBUG_BOUNDS = 16  # readytorun.h: the format's major version since which bounds are packed

_P = ParamSpec("_P")
_T = TypeVar("_T")


class InstanceEntry(NamedTuple):
    """One entry of InstanceMethodEntryPoints.

    Args:
        bucket, low_hash: what the table keeps of the method's hash.
        method: the signature, tokens of this image's metadata.
        signature: its bytes.
        entry: the code.
    """

    bucket: int
    low_hash: int
    method: MethodSignature
    signature: bytes
    entry: MethodEntry


@dataclass(frozen=True, slots=True)
class CompiledMethod:
    """The code of one entry point.

    Args:
        functions: main body, then funclets and filters.
        unwind: one per function.
        gc_info: of the whole method.
        clauses: its exception clauses.
    """

    functions: tuple[RuntimeFunction, ...]
    unwind: tuple[UnwindInfo, ...]
    gc_info: DecodedGcInfo
    clauses: tuple[Clause, ...]

    @property
    def begin(self) -> int:
        """RVA of the first instruction."""
        return self.functions[0].begin

    @property
    def size(self) -> int:
        """Bytes of code, all functions."""
        return self.functions[-1].end - self.functions[0].begin


class AvailableType(NamedTuple):
    """An entry of the table of types: what remains of its hash, and ``row << 1 | is_exported_type``."""

    bucket: int
    low_hash: int
    payload: int


_OLDEST_GCINFO = 2  # for images of runtimes that we know nothing of


def _checked(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Turns the errors that garbage provokes in decoders into the one that names the file."""

    @wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except (ValueError, IndexError, OverflowError, RecursionError, ArithmeticError, struct.error) as error:
            image = args[0]
            assert isinstance(image, ReadyToRunImage)
            raise NativegenError("NGEN3104", image.path, detail=f"{function.__name__}: {error}") from None

    return wrapper


class ReadyToRunImage:
    """A parsed image.

    Attributes:
        assembly: the IL side of the same file.
        memory: the mapped file; RVAs are offsets.
        header: version, flags, sections.

    Raises:
        NativegenError: NGEN1001 to NGEN1008 from reading the file; NGEN3103, it is not a ReadyToRun image; NGEN3104, it
            is malformed (from any property).
    """

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.path = assembly.path
        found = assembly.ready_to_run_header
        if found is None:
            raise NativegenError("NGEN3103", self.path)
        self.memory = self._map()
        self.header: Header = self._decode_header(found[0])

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> ReadyToRunImage:
        """Read an image file."""
        return cls(Assembly.open(path))

    @classmethod
    def from_bytes(cls, data: bytes, path: str = "image") -> ReadyToRunImage:
        """An image in memory; ``path`` is only shown in errors."""
        return cls(Assembly.from_bytes(data, path))

    def _map(self) -> bytes:
        sections = self.assembly.pe.sections
        end = max((s.virtual_address + max(s.virtual_size, s.raw_size) for s in sections), default=0)
        if end > _MAX_IMAGE_SIZE:
            raise NativegenError("NGEN3104", self.path, detail=f"sections reach up to RVA {end:#x}")
        memory = bytearray(end)
        for section in sections:
            content = self.assembly.data[section.raw_offset : section.raw_offset + section.raw_size]
            memory[section.virtual_address : section.virtual_address + len(content)] = content
        return bytes(memory)

    @_checked
    def _decode_header(self, rva: int) -> Header:
        header = decode_header(self.memory, rva)
        for section in header.sections:
            if section.rva + section.size > len(self.memory):
                raise ValueError(f"section {section.type} lies outside the image")
        return header

    # ---- sections ------------------------------------------------------------------------------------------------

    def section(self, type: SectionType) -> Section | None:
        """The section of that type, None when the image has none."""
        return self.header.section(type)

    def section_bytes(self, type: SectionType) -> bytes:
        """Its contents, empty when the image has none."""
        section = self.section(type)
        return b"" if section is None else self.memory[section.rva : section.rva + section.size]

    @cached_property
    def compiler_identifier(self) -> str:
        """Section 100."""
        return self.section_bytes(SectionType.CompilerIdentifier).split(b"\0", 1)[0].decode("utf-8", "replace")

    @cached_property
    @_checked
    def import_sections(self) -> tuple[ImportSection, ...]:
        """Section 101."""
        section = self.section(SectionType.ImportSections)
        return () if section is None else decode_import_sections(self.memory, section.rva, section.size)

    @_checked
    def signature_rva(self, section_index: int, slot: int) -> int:
        """RVA of a cell's fixup signature, 0 when its section has none."""
        section = self.import_sections[section_index]
        if not section.signatures_rva or not 0 <= slot < section.cell_count:
            return 0
        rva: int = U32.unpack_from(self.memory, section.signatures_rva + 4 * slot)[0]
        return rva

    @_checked
    def fixup(self, section_index: int, slot: int) -> Fixup | None:
        """A cell's decoded signature, None when its section has no signatures."""
        rva = self.signature_rva(section_index, slot)
        return decode_fixup(self.memory, rva) if rva else None

    @_checked
    def gc_ref_maps(self, section_index: int) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Argument maps of an import section's cells; empty when it has none."""
        section = self.import_sections[section_index]
        if not section.auxiliary_rva:
            return ()
        return decode_gc_ref_maps(self.memory, section.auxiliary_rva, section.cell_count)

    @cached_property
    @_checked
    def runtime_functions(self) -> list[RuntimeFunction]:
        """Section 102."""
        section = self.section(SectionType.RuntimeFunctions)
        return [] if section is None else decode_runtime_functions(self.memory, section.rva, section.size)

    @cached_property
    @_checked
    def method_entries(self) -> dict[int, MethodEntry]:
        """Section 103: entries by MethodDef rid."""
        section = self.section(SectionType.MethodDefEntryPoints)
        if section is None:
            return {}
        entries = iterate_method_def_entry_points(self.memory, section.rva)
        return {rid: self._check_entry(entry) for rid, entry in entries}

    @cached_property
    @_checked
    def instance_entries(self) -> tuple[InstanceEntry, ...]:
        """Section 109."""
        section = self.section(SectionType.InstanceMethodEntryPoints)
        result: list[InstanceEntry] = []
        for bucket, low, offset in iterate_hashtable(self.memory, section.rva) if section is not None else ():
            method, end = decode_method_signature(self.memory, offset)
            entry, _ = decode_entry(self.memory, end)
            result.append(InstanceEntry(bucket, low, method, self.memory[offset:end], self._check_entry(entry)))
        return tuple(result)

    @_checked
    def instances_with_hash(self, value: int) -> tuple[MethodSignature, ...]:
        """Section 109: the methods of the entries that this version-resilient hash may be of; no others are read."""
        section = self.section(SectionType.InstanceMethodEntryPoints)
        entries = () if section is None else find_in_hashtable(self.memory, section.rva, value)
        return tuple(decode_method_signature(self.memory, entry.offset)[0] for entry in entries)

    @cached_property
    @_checked
    def available_types(self) -> tuple[AvailableType, ...]:
        """Section 108, in the order of the table."""
        section = self.section(SectionType.AvailableTypes)
        entries = iterate_hashtable(self.memory, section.rva) if section is not None else ()
        return tuple(
            AvailableType(bucket, low, decode_unsigned(self.memory, offset)[0]) for bucket, low, offset in entries
        )

    def _check_entry(self, entry: MethodEntry) -> MethodEntry:
        if entry.runtime_function >= len(self.runtime_functions):
            raise ValueError(f"an entry names runtime function {entry.runtime_function}")
        for section, slot in entry.fixups:
            if section >= len(self.import_sections) or slot >= self.import_sections[section].cell_count:
                raise ValueError(f"an entry names slot {slot} of import section {section}")
        return entry

    @cached_property
    @_checked
    def exception_clauses(self) -> dict[int, tuple[Clause, ...]]:
        """Section 104: clauses by RVA of the method's start."""
        section = self.section(SectionType.ExceptionInfo)
        return {} if section is None else decode_exception_info(self.memory, section.rva, section.size)

    @cached_property
    def manifest_assemblies(self) -> tuple[ManifestAssembly, ...]:
        """Section 112: assemblies named besides the IL metadata's own references."""
        blob = self.section_bytes(SectionType.ManifestMetadata)
        return decode_manifest_metadata(blob, self.path) if blob else ()

    @cached_property
    def manifest_mvids(self) -> tuple[bytes, ...]:
        """Section 118: module version ids parallel to :attr:`manifest_assemblies`."""
        data = self.section_bytes(SectionType.ManifestAssemblyMvids)
        return tuple(data[at : at + 16] for at in range(0, len(data) - 15, 16))

    @cached_property
    def owner_composite_executable(self) -> str:
        """Section 116 of a component image: file name of the composite image that has its code."""
        return self.section_bytes(SectionType.OwnerCompositeExecutable).split(b"\0", 1)[0].decode("utf-8", "replace")

    @cached_property
    @_checked
    def debug_info_length(self) -> int:
        """Section 105: number of runtime functions that debug information can exist for; 0 without the section."""
        section = self.section(SectionType.DebugInfo)
        return 0 if section is None else array_length(self.memory, section.rva)

    @cached_property
    @_checked
    def debug_infos(self) -> dict[int, DebugInfo]:
        """Section 105: debug information by runtime function of the method's main body."""
        section = self.section(SectionType.DebugInfo)
        if section is None:
            return {}
        packed = self.header.major >= _PACKED_DEBUG_BOUNDS
        return dict(iterate_debug_info_section(self.memory, section.rva, packed=packed))

    # ---- methods -------------------------------------------------------------------------------------------------

    @cached_property
    def method_starts(self) -> list[int]:
        """Indices of the runtime functions that begin a method, ascending."""
        starts = {entry.runtime_function for entry in self.method_entries.values()}
        starts.update(instance.entry.runtime_function for instance in self.instance_entries)
        return sorted(starts)

    @cached_property
    def _method_ends(self) -> dict[int, int]:
        starts = self.method_starts
        return dict(zip(starts, [*starts[1:], len(self.runtime_functions)], strict=True))

    @property
    def gcinfo_version(self) -> int:
        """The version of the GcInfo encoding that the image's own version implies."""
        target = target_for_r2r_version(self.header.major)
        return _OLDEST_GCINFO if target is None else target.gcinfo_version

    @_checked
    def compiled_method(self, runtime_function: int) -> CompiledMethod:
        """The method whose main body is that runtime function (see :attr:`method_starts`)."""
        functions = self.runtime_functions[runtime_function : self._method_ends[runtime_function]]
        unwind = tuple(decode_unwind_info(self.memory, function.unwind) for function in functions)
        gc_info = decode_gc_info(self.memory, functions[0].unwind + unwind[0].size, self.gcinfo_version)
        return CompiledMethod(tuple(functions), unwind, gc_info, self.exception_clauses.get(functions[0].begin, ()))

    def code(self, method: CompiledMethod) -> bytes:
        """A method's machine code."""
        return self.memory[method.begin : method.begin + method.size]
