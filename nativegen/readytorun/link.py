"""Linking: prepared units become an image file.

Code is laid out and relocated, tables are written around it, and the PE container is put around everything. The units
come as columns (:mod:`nativegen.readytorun.prepared`), and what is done half a million times goes through them with
``map`` and slices rather than object by object: linking 23,000 methods takes a third of a second.

Layout, behind the input's own sections: ``.data`` (writable) holds only the import cells and entry counters;
``.managed`` (executable) the ReadyToRun header, stubs and thunks, code, read-only data, unwind and GC information, and
the tables.

Invariants: the bytes depend on the units, the assembly and the target alone; cells of kind CHECK have lower section
numbers than HANDLE, and IL body checks lower slots than other checks, because the runtime resolves fixups in that order
and stops at the first that fails.

>>> linking = Linking(assembly, target, compiler_id="nativegen 0.1")         # doctest: +SKIP
>>> image = linking.link(units, table, manifest)                           # doctest: +SKIP
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, chain, repeat
from operator import add, sub

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.readytorun import container, stubs
from nativegen.readytorun.bases import DEFAULT_IMAGE_BASE, IMAGE_BASE_ALIGNMENT, chosen_base
from nativegen.readytorun.cell_layout import CellLayout
from nativegen.readytorun.cells import SECTION_KINDS, CellTable
from nativegen.readytorun.counters import COUNTER_SIZE, HEADER_SIZE, encode_counters
from nativegen.readytorun.debug_info import encode_debug_info_section
from nativegen.readytorun.enums import HeaderFlags, Helper, ImportSectionType, SectionType
from nativegen.readytorun.exceptions import encode_lookup_table, lookup_table_size
from nativegen.readytorun.header import Header, Section, encode_header, header_size
from nativegen.readytorun.imports import CELL_SIZE, ImportSection, encode_gc_ref_maps, encode_import_sections
from nativegen.readytorun.metadata_tables import metadata_sections
from nativegen.readytorun.methods import MethodEntry, encode_entry, encode_method_def_entry_points, sorted_fixups
from nativegen.readytorun.native_format import encode_hashtable
from nativegen.readytorun.prepared import CODE_TARGET, RODATA_TARGET, SYMBOL_TARGETS, PreparedUnits
from nativegen.readytorun.runtime_functions import SENTINEL
from nativegen.readytorun.structs import I32, U32, U64
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import RUNTIME_SYMBOLS, CellKind

_CODE_ALIGNMENT = 64  # of the whole code area
_FUNCTION_FILL = 0xCC  # int3 between methods
_FIELD_SIZE = 4  # of a relocated field; targets are relative to its end


class _Buffer:
    """A section under construction: bytes with a known RVA."""

    def __init__(self, rva: int) -> None:
        self.base = rva
        self.data = bytearray()

    @property
    def here(self) -> int:
        """RVA of the next byte."""
        return self.base + len(self.data)

    def align(self, alignment: int, fill: int = 0) -> int:
        """Pad to a multiple of ``alignment``; the RVA reached."""
        self.data.extend(bytes((fill,)) * (-len(self.data) % alignment))
        return self.here

    def append(self, content: bytes | bytearray | memoryview, alignment: int = 1, fill: int = 0) -> int:
        """Append aligned; the RVA of the content."""
        rva = self.align(alignment, fill)
        self.data += content
        return rva


class Linking:
    """Makes images of one assembly.

    Args:
        assembly: the input; IL only, or an image whose native code is to be replaced.
        target: the runtime that the image is for.
        image_base: preferred load address, a non-zero multiple of 64 KiB; None: that of the assembly, if its author
            chose one.
        compiler_id: stored in section 100.
        from_metadata: the sections that follow from the metadata alone, when they are known.

    Attributes:
        from_metadata: as given, or made.

    Raises:
        NativegenError: NGEN3105, the input cannot be made into an image; NGEN3107, bad image base.
    """

    def __init__(
        self,
        assembly: Assembly,
        target: Target,
        *,
        image_base: int | None = None,
        compiler_id: str,
        from_metadata: Mapping[SectionType, tuple[bytes, int]] | None = None,
    ) -> None:
        if image_base is not None and (image_base <= 0 or image_base % IMAGE_BASE_ALIGNMENT):
            raise NativegenError("NGEN3107", assembly.path, base=f"{image_base:#x}")
        self._assembly = assembly
        self._target = target
        self._image_base = image_base or chosen_base(assembly.pe.image_base) or DEFAULT_IMAGE_BASE
        self._compiler_id = compiler_id
        self._kept = container.kept_sections(assembly)
        self.from_metadata = from_metadata or metadata_sections(assembly, target.generic_maps)

    def link(
        self, units: PreparedUnits, table: CellTable, manifest: bytes | None, *, has_unrelated_code: bool = False
    ) -> bytes:
        """The bytes of the image file.

        Args:
            units, table: what was prepared, and with which cells.
            manifest: the manifest metadata with the rows that these name; None: there is none.
            has_unrelated_code: there is code of other modules' generics.

        Raises:
            ValueError: a unit uses the initial data of a field that has none.
        """
        run = _Link(self._assembly, self._target, self._image_base, units, table)
        return run.finish(self._kept, manifest, self.from_metadata, self._compiler_id, has_unrelated_code)


class _Link:
    """One run of the linker."""

    def __init__(
        self, assembly: Assembly, target: Target, image_base: int, units: PreparedUnits, table: CellTable
    ) -> None:
        self._assembly = assembly
        self._target = target
        self._image_base = image_base
        self._units = units
        self._table = table
        self._cells = CellLayout(units, table, target)
        self._cell_rvas: dict[CellKind, int] = {}
        self._stubs_at: dict[CellKind, tuple[int, int]] = {}  # RVA of the first, size
        self._thunk_rvas: dict[CellKind, int] = {}
        self._counters_rva = 0
        self._targets: dict[int, int] = {}  # RVAs by relocation target, less the size of the relocated field
        self._code_rvas: list[int] = []
        self._first_functions = [0, *accumulate(units.function_counts)]

    def finish(
        self,
        kept: list[container.ImageSection],
        manifest: bytes | None,
        from_metadata: Mapping[SectionType, tuple[bytes, int]],
        compiler_id: str,
        has_unrelated_code: bool,
    ) -> bytes:
        """Lay out, relocate and write; see the module docstring for the layout."""
        units = self._units
        data = _Buffer(container.align(kept[-1].end, container.SECTION_GAP))
        self._lay_out_cells(data)
        managed = _Buffer(container.align(data.here, container.SECTION_GAP))
        types = [
            SectionType.CompilerIdentifier,
            SectionType.ImportSections,
            SectionType.RuntimeFunctions,
            SectionType.MethodDefEntryPoints,
            SectionType.DelayLoadMethodCallThunks,
        ]
        if any(units.clause_sizes):
            types.append(SectionType.ExceptionInfo)
        if any(units.bound_sizes):
            types.append(SectionType.DebugInfo)
        if units.instances:
            types.append(SectionType.InstanceMethodEntryPoints)
        if manifest is not None:
            types.append(SectionType.ManifestMetadata)
        types.extend(from_metadata)
        managed.data.extend(bytes(header_size(len(types))))
        sections: dict[SectionType, tuple[int, int]] = {}

        sections[SectionType.DelayLoadMethodCallThunks] = self._write_stubs(managed)
        relocations = self._fill_lazy_cells(data)
        self._write_code(managed)
        self._fill_counters(data)
        functions = self._write_unwind(managed)
        sections[SectionType.RuntimeFunctions] = (managed.append(functions, 4), len(functions))
        managed.append(SENTINEL)
        if SectionType.ExceptionInfo in types:
            sections[SectionType.ExceptionInfo] = self._write_exception_info(managed)
        if SectionType.DebugInfo in types:
            debug = self._debug_info()
            sections[SectionType.DebugInfo] = (managed.append(debug, 4), len(debug))
        entries = [encode_entry(entry) for entry in self._entries()]
        points = encode_method_def_entry_points(dict(zip(units.rids, entries, strict=False)))
        sections[SectionType.MethodDefEntryPoints] = (managed.append(points, 4), len(points))
        if units.instances:
            points = encode_hashtable(
                (hash, signature + entry)
                for (hash, signature), entry in zip(units.instances, entries[len(units.rids) :], strict=True)
            )
            sections[SectionType.InstanceMethodEntryPoints] = (managed.append(points, 4), len(points))
        imports = self._write_import_sections(managed)
        sections[SectionType.ImportSections] = (managed.append(imports, 4), len(imports))
        identifier = compiler_id.encode() + b"\0"
        sections[SectionType.CompilerIdentifier] = (managed.append(identifier), len(identifier))
        if manifest is not None:
            sections[SectionType.ManifestMetadata] = (managed.append(manifest, 4), len(manifest))
        for section, (content, alignment) in from_metadata.items():
            sections[section] = (managed.append(content, alignment), len(content))

        header = Header(
            self._target.r2r_major,
            self._target.r2r_minor,
            HeaderFlags.PLATFORM_NEUTRAL_SOURCE
            | HeaderFlags.SKIP_TYPE_VALIDATION
            | (HeaderFlags.UNRELATED_R2R_CODE if has_unrelated_code else HeaderFlags(0)),
            tuple(Section(type, *sections[type]) for type in sorted(types)),
        )
        encoded = encode_header(header)
        managed.data[: len(encoded)] = encoded
        return container.build_container(
            self._assembly,
            [
                *kept,
                container.ImageSection(".data", data.base, data.data, container.DATA_CHARACTERISTICS),
                container.ImageSection(".managed", managed.base, managed.data, container.CODE_CHARACTERISTICS),
            ],
            relocations,
            image_base=self._image_base,
            native_header=(managed.base, len(encoded)),
            exception_directory=sections[SectionType.RuntimeFunctions],
        )

    # ---- cells ---------------------------------------------------------------------------------------------------

    def _lay_out_cells(self, data: _Buffer) -> None:
        for kind in self._cells.section_numbers:
            self._cell_rvas[kind] = data.append(bytes(CELL_SIZE * len(self._cells.sections[kind])))
        if self._cells.counters:
            self._counters_rva = data.append(encode_counters([0] * len(self._cells.counters)), COUNTER_SIZE)

    def _fill_counters(self, data: _Buffer) -> None:
        if self._cells.counters:
            units = self._units
            counters = set(self._cells.counters)
            owners = chain.from_iterable(map(repeat, self._code_rvas, units.cell_counts))
            table = encode_counters([rva for cell, rva in zip(units.used, owners, strict=True) if cell in counters])
            at = self._counters_rva - data.base
            data.data[at : at + len(table)] = table

    def _cell_rva(self, kind: CellKind, cell: int) -> int:
        return self._cell_rvas[kind] + CELL_SIZE * self._cells.slots[cell]

    def _helper_rva(self, helper: Helper) -> int:
        return self._cell_rva(CellKind.EAGER_HELPER, self._cells.helper(helper))

    def _fill_lazy_cells(self, data: _Buffer) -> list[int]:
        """Point lazy cells to their thunks; the RVAs of these absolute addresses, ascending."""
        relocations: list[int] = []
        for kind, thunk in self._thunk_rvas.items():
            rva, count = self._cell_rvas[kind], len(self._cells.sections[kind])
            at = rva - data.base
            data.data[at : at + CELL_SIZE * count] = U64.pack(self._image_base + thunk) * count
            relocations.extend(range(rva, rva + CELL_SIZE * count, CELL_SIZE))
        return relocations

    def _write_import_sections(self, managed: _Buffer) -> bytes:
        known: dict[bytes, int] = {}
        result = []
        signatures, ref_maps = self._table.signatures, self._table.ref_maps
        for kind in self._cells.section_numbers:
            cells = self._cells.sections[kind]
            rvas = array("I")
            added = []
            here = managed.here
            for signature in map(signatures.__getitem__, cells):
                rva = known.get(signature)
                if rva is None:
                    rva = known[signature] = here
                    here += len(signature)
                    added.append(signature)
                rvas.append(rva)
            managed.append(b"".join(added))
            table = managed.append(_bytes(rvas), 4)
            flags, type, _ = SECTION_KINDS[kind]
            maps = 0
            if type is ImportSectionType.STUB_DISPATCH:
                maps = managed.append(encode_gc_ref_maps([ref_maps[cell] for cell in cells]), 4)
            size = CELL_SIZE * len(cells)
            result.append(ImportSection(self._cell_rvas[kind], size, flags, type, CELL_SIZE, table, maps))
        return encode_import_sections(result)

    # ---- code ----------------------------------------------------------------------------------------------------

    def _write_stubs(self, managed: _Buffer) -> tuple[int, int]:
        """Thunks and stubs; RVA and size of section 106."""
        module = self._cell_rva(CellKind.EAGER_HELPER, self._cells.module)
        helper_thunks: list[tuple[CellKind, int]] = []
        begin = managed.align(16, _FUNCTION_FILL)
        for kind, number in self._cells.section_numbers.items():
            helper = SECTION_KINDS[kind].delay_load
            if helper is None:
                continue
            delay_load = self._helper_rva(helper)
            if helper is Helper.DelayLoad_MethodCall:
                thunk = stubs.delay_load_thunk(managed.here, number, module, delay_load)
                self._thunk_rvas[kind] = managed.append(thunk)
            else:
                helper_thunks.append((kind, delay_load))
        managed.align(stubs.LAZY_STUB_SIZE, _FUNCTION_FILL)
        for kind in self._cells.section_numbers:
            size, make = (stubs.EAGER_STUB_SIZE, stubs.eager_stubs)
            if SECTION_KINDS[kind].delay_load is not None:
                size, make = (stubs.LAZY_STUB_SIZE, stubs.lazy_stubs)
            elif kind is not CellKind.EAGER_HELPER:
                continue
            rva = managed.align(size, _FUNCTION_FILL)
            self._stubs_at[kind] = (rva, size)
            managed.append(make(rva, self._cell_rvas[kind], len(self._cells.sections[kind])))
        end = managed.here
        for kind, delay_load in helper_thunks:
            managed.align(8, _FUNCTION_FILL)
            thunk = stubs.delay_load_thunk(managed.here, self._cells.section_numbers[kind], module, delay_load)
            self._thunk_rvas[kind] = managed.append(thunk)
        for index, name in enumerate(RUNTIME_SYMBOLS):
            rva = managed.append(_RUNTIME_ROUTINES[name](), 16, _FUNCTION_FILL)
            self._targets[SYMBOL_TARGETS + index] = rva - _FIELD_SIZE
        self._place_targets()
        return begin, end - begin

    def _place_targets(self) -> None:
        """Where relocations to cells and their stubs point."""
        targets = self._targets
        for kind, section in self._cells.sections.items():
            if section:
                _number(targets, [cell << 1 | 1 for cell in section], self._cell_rvas[kind], CELL_SIZE)
                if kind in self._stubs_at:
                    _number(targets, [cell << 1 for cell in section], *self._stubs_at[kind])
        counters = [cell << 1 | 1 for cell in self._cells.counters]
        _number(targets, counters, self._counters_rva + HEADER_SIZE, COUNTER_SIZE)
        for cell in self._cells.field_data:
            (row,) = U32.unpack(self._table.signatures[cell])
            rva = self._assembly.field_rva(row)
            if not rva:
                raise ValueError(f"Field {row} has no initial data")
            targets[cell << 1 | 1] = rva - _FIELD_SIZE

    def _stub_rva(self, cell: int) -> int:
        return self._targets[cell << 1] + _FIELD_SIZE

    def _write_code(self, managed: _Buffer) -> None:
        """All code, then all read-only data; then the relocations of both."""
        units = self._units
        managed.align(_CODE_ALIGNMENT, _FUNCTION_FILL)
        code, start = memoryview(units.code), 0
        parts: list[bytes | memoryview] = []
        here = managed.here
        for size, alignment in zip(units.sizes, units.alignments, strict=True):
            padding = -here % alignment
            if padding:
                parts.append(_FILL[:padding] if padding <= len(_FILL) else bytes((_FUNCTION_FILL,)) * padding)
            parts.append(code[start : start + size])
            here += padding
            self._code_rvas.append(here)
            here += size
            start += size
        managed.append(b"".join(parts))
        managed.align(_CODE_ALIGNMENT, _FUNCTION_FILL)
        rodata_rvas = {}
        known: dict[tuple[bytes, int], int] = {}
        for number, each in units.rodata.items():
            key = (each.data, each.alignment)
            if each.offsets:
                rodata_rvas[number] = managed.append(*key)
            else:
                if key not in known:
                    known[key] = managed.append(*key)
                rodata_rvas[number] = known[key]
        self._relocate(managed, rodata_rvas)

    def _relocate(self, managed: _Buffer, rodata_rvas: dict[int, int]) -> None:
        units, targets = self._units, self._targets
        ends = [0, *accumulate(units.relocation_counts)]
        count = len(units.sizes)
        # Units with read-only data by themselves, all between two of them at once.
        first = 0
        for number in (*rodata_rvas, count):
            self._relocate_code(managed, range(first, number), ends)
            if number < count:
                targets[RODATA_TARGET] = rodata_rvas[number] - _FIELD_SIZE
                targets[CODE_TARGET] = self._code_rvas[number] - _FIELD_SIZE
                self._relocate_code(managed, range(number, number + 1), ends)
                each, rva = units.rodata[number], rodata_rvas[number]
                _write_fields(managed, map(add, each.offsets, repeat(rva)), each.targets, targets, each.addends)
            first = number + 1

    def _relocate_code(self, managed: _Buffer, some: range, ends: list[int]) -> None:
        units = self._units
        begin, end = ends[some.start], ends[some.stop] if some else ends[some.start]
        starts = chain.from_iterable(
            map(repeat, self._code_rvas[some.start : some.stop], units.relocation_counts[some.start : some.stop])
        )
        fields = map(add, units.offsets[begin:end], starts)
        _write_fields(managed, fields, units.targets[begin:end], self._targets, units.addends[begin:end])

    def _write_unwind(self, managed: _Buffer) -> bytes:
        """Unwind information, each followed by a personality and, for main bodies, by GcInfo; section 102."""
        units, cells = self._units, self._cells
        personality = U32.pack(self._stub_rva(cells.personality))
        filter_personality = personality
        if cells.filter_personality is not None:
            filter_personality = U32.pack(self._stub_rva(cells.filter_personality))
        known: dict[bytes, int] = {}  # equal blobs are shared, as Microsoft's compilers do
        rvas: dict[int, int] = {}
        for number in dict.fromkeys(units.unwinds):
            codes, is_filter, gc_info = units.unwind_blobs[number]
            blob = codes + (filter_personality if is_filter else personality) + gc_info
            rva = known.get(blob)
            if rva is None:
                rva = known[blob] = managed.append(blob, 4)
            rvas[number] = rva
        starts = list(chain.from_iterable(map(repeat, self._code_rvas, units.function_counts)))
        table = array("I", bytes(12 * len(starts)))
        table[0::3] = array("I", map(add, starts, units.begins))
        table[1::3] = array("I", map(add, starts, units.ends))
        table[2::3] = array("I", map(rvas.__getitem__, units.unwinds))
        return _bytes(table)

    def _write_exception_info(self, managed: _Buffer) -> tuple[int, int]:
        units = self._units
        methods = [(rva, size) for rva, size in zip(self._code_rvas, units.clause_sizes, strict=True) if size]
        rva = managed.align(4)
        size = lookup_table_size(len(methods))
        managed.append(encode_lookup_table(methods, rva + size))
        managed.append(units.clauses)
        return rva, size

    def _debug_info(self) -> bytes:
        units = self._units
        bounds = bytes(units.bounds)
        infos = {}
        start = 0
        for size, function in zip(units.bound_sizes, self._first_functions, strict=False):
            if size:
                infos[function] = bounds[start : start + size]
                start += size
        return encode_debug_info_section(infos, self._first_functions[-1])

    def _entries(self) -> Iterator[MethodEntry]:
        units, slots = self._units, self._cells.slots
        numbers = [self._cells.section_numbers.get(kind, 0) for kind in CellKind]
        places = [(numbers[kind], slot) for kind, slot in zip(self._table.kinds, slots, strict=True)]
        start = 0
        for function, count in zip(self._first_functions, units.fixup_counts, strict=False):
            fixups = sorted_fixups([places[cell] for cell in units.fixups[start : start + count]])
            start += count
            yield MethodEntry(function, fixups)


def _number(targets: dict[int, int], keys: list[int], rva: int, size: int) -> None:
    """Things of one size in a row."""
    rva -= _FIELD_SIZE
    targets.update(zip(keys, range(rva, rva + size * len(keys), size), strict=True))


def _write_fields(
    managed: _Buffer, fields: Iterable[int], targets: array[int], rvas: dict[int, int], addends: array[int]
) -> None:
    """Write REL32 fields: their RVAs, what they point to, and what is added."""
    data, base = managed.data, managed.base
    places = list(fields)
    values = map(sub, map(rvas.__getitem__, targets), places)
    if any(addends):
        values = map(add, values, addends)
    for at, value in zip(places, values, strict=True):
        _pack_field(data, at - base, value)


def _bytes(values: array[int]) -> bytes:
    if sys.byteorder != "little":
        values.byteswap()
    return values.tobytes()


_FILL = bytes((_FUNCTION_FILL,)) * 64
_pack_field = I32.pack_into
_RUNTIME_ROUTINES = {"clr_chkstk": stubs.clr_chkstk, "clr_dispatch": stubs.clr_dispatch, "clr_call": stubs.clr_call}
