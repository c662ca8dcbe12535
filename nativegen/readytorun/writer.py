"""The image writer: merges compiled methods into one ReadyToRun image of an assembly.

:class:`ImageBuilder` collects method units and links them in :meth:`ImageBuilder.build`: equal cells of all units
become one cell, cells are numbered per import section, code is laid out and relocated, tables are written around it,
and the PE container is put around everything. All passes are linear; nothing but struct packing is used, so 20,000
methods link in a few seconds.

Layout, behind the input's own sections: ``.data`` (writable) holds only the import cells; ``.managed`` (executable) the
ReadyToRun header, stubs and thunks, code, read-only data, unwind and GC information, and the tables.

Invariants: the bytes depend on the set of methods added, not on the order of adding; cells of kind CHECK have lower
section numbers than HANDLE, and IL body checks lower slots than other checks, because the runtime resolves fixups in
that order and stops at the first that fails.

>>> builder = ImageBuilder(assembly, target_named("9.0"), resolver, compiler_id="nativegen 0.1")  # doctest: +SKIP
>>> builder.add_method(6, unit)                                                                  # doctest: +SKIP
>>> open("App.ni.dll", "wb").write(builder.build())                                              # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.readytorun import container, stubs
from nativegen.readytorun.bases import DEFAULT_IMAGE_BASE, IMAGE_BASE_ALIGNMENT, chosen_base
from nativegen.readytorun.cells import SECTION_KINDS, CellTable, Slot
from nativegen.readytorun.check_unit import check_unit
from nativegen.readytorun.counters import COUNTER_SIZE, HEADER_SIZE, encode_counters
from nativegen.readytorun.debug_info import LocationType, Variable, encode_code_bounds, encode_debug_info_section
from nativegen.readytorun.enums import (
    ClauseFlags,
    FixupKind,
    HeaderFlags,
    Helper,
    ImportSectionType,
    MethodSigFlags,
    SectionType,
)
from nativegen.readytorun.exceptions import Clause, encode_exception_info, lookup_table_size
from nativegen.readytorun.header import Header, Section, encode_header, header_size
from nativegen.readytorun.imports import CELL_SIZE, ImportSection, encode_gc_ref_maps, encode_import_sections
from nativegen.readytorun.manifest import ManifestAssembly
from nativegen.readytorun.manifest_rows import ManifestRows
from nativegen.readytorun.metadata_tables import metadata_sections
from nativegen.readytorun.methods import MethodEntry, encode_entry, encode_method_def_entry_points, sorted_fixups
from nativegen.readytorun.native_format import encode_hashtable
from nativegen.readytorun.runtime_functions import SENTINEL, RuntimeFunction, encode_runtime_functions
from nativegen.readytorun.structs import I32, U32, U64
from nativegen.readytorun.targets import Target
from nativegen.readytorun.unit import (
    RUNTIME_SYMBOLS,
    Cell,
    CellKind,
    ExceptionClause,
    FrameVariable,
    MethodUnit,
    Relocation,
    RelocationKind,
    Symbol,
    TokenResolver,
)

_CODE_ALIGNMENT = 64  # of the whole code area
_FUNCTION_FILL = 0xCC  # int3 between methods


@dataclass(slots=True)
class _Placed:
    """A unit on its way into the image."""

    unit: MethodUnit
    slots: list[Slot] = field(default_factory=list)
    code_rva: int = 0
    rodata_rva: int = 0
    runtime_function: int = 0


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

    def append(self, content: bytes | bytearray, alignment: int = 1, fill: int = 0) -> int:
        """Append aligned; the RVA of the content."""
        rva = self.align(alignment, fill)
        self.data += content
        return rva


class ImageBuilder:
    """Collects compiled methods of one assembly and writes its image.

    Args:
        assembly: the input; IL only, or an image whose native code is to be replaced.
        target: the runtime that the image is for.
        resolver: gives the tokens of the units' symbols.
        image_base: preferred load address, a non-zero multiple of 64 KiB; None: that of the assembly, if its author
            chose one.
        identity: what a reference to an assembly says, by simple name; for units that name manifest rows.
        compiler_id: stored in section 100.
        encoded: final signatures that are known beforehand, by identity of their cells.

    Raises:
        NativegenError: NGEN3105, the input cannot be made into an image; NGEN3107, bad image base.
    """

    def __init__(
        self,
        assembly: Assembly,
        target: Target,
        resolver: TokenResolver,
        *,
        image_base: int | None = None,
        identity: Callable[[str], ManifestAssembly] | None = None,
        compiler_id: str,
        encoded: Mapping[int, bytes] | None = None,
    ) -> None:
        if image_base is not None and (image_base <= 0 or image_base % IMAGE_BASE_ALIGNMENT):
            raise NativegenError("NGEN3107", assembly.path, base=f"{image_base:#x}")
        self._assembly = assembly
        self._target = target
        self._resolver = resolver
        self._image_base = image_base or chosen_base(assembly.pe.image_base) or DEFAULT_IMAGE_BASE
        self._identity = identity or ManifestAssembly
        self._compiler_id = compiler_id
        self._encoded = encoded
        self._kept = container.kept_sections(assembly)
        self._methods: dict[int, MethodUnit] = {}
        self._instances: list[tuple[int, tuple[int | bytes | Symbol, ...], MethodUnit]] = []

    def add_method(self, rid: int, unit: MethodUnit, *, is_checked: bool = False) -> None:
        """Give the MethodDef ``rid`` the compiled body ``unit``.

        Args:
            is_checked: :func:`check_unit` has seen it.

        Raises:
            ValueError: the unit is malformed, or the method has a body already.
        """
        if not is_checked:
            check_unit(unit)
        if rid in self._methods:
            raise ValueError(f"MethodDef {rid} already has a body")
        self._methods[rid] = unit

    def add_instance_entry(self, hash: int, signature: Sequence[int | bytes | Symbol], unit: MethodUnit) -> None:
        """Give an instantiated method a body.

        Args:
            hash: version-resilient hash of owner, name and type arguments (:mod:`nativegen.readytorun.hashing`).
            signature: method signature of the entry: flags, owner type, rid, type arguments.

        Raises:
            ValueError: the unit is malformed.
        """
        check_unit(unit)
        self._instances.append((hash, tuple(signature), unit))

    def build(self) -> bytes:
        """Link everything; the bytes of the image file.

        Raises:
            KeyError: the resolver does not know a symbol.
            ValueError: a unit uses the initial data of a field that has none.
        """
        manifest = ManifestRows([row.name for row in self._assembly.assembly_refs], self._identity)
        cells = CellTable(self._resolver, manifest, self._encoded)
        link = _Link(self._assembly, self._target, cells, manifest, self._image_base)
        methods = [(rid, link.place(self._methods[rid])) for rid in sorted(self._methods)]
        instances = sorted(
            ((hash, cells.signature(parts), unit) for hash, parts, unit in self._instances), key=lambda entry: entry[:2]
        )
        placed_instances = [(hash, signature, link.place(unit)) for hash, signature, unit in instances]
        is_unrelated = any(_is_foreign(parts) for _, parts, _ in self._instances)
        return link.finish(self._kept, methods, placed_instances, self._compiler_id, is_unrelated)


def _is_foreign(signature: Sequence[int | bytes | Symbol]) -> bool:
    """An instance of another module's generic: the runtime may have to look for it in all images."""
    flags = signature[0]
    return isinstance(flags, int) and bool(flags & MethodSigFlags.UpdateContext)


class _Link:
    """One run of the linker."""

    def __init__(
        self, assembly: Assembly, target: Target, cells: CellTable, manifest: ManifestRows, image_base: int
    ) -> None:
        self._assembly = assembly
        self._target = target
        self._cells = cells
        self._manifest = manifest
        self._image_base = image_base
        self._placed: list[_Placed] = []
        self._module = self._eager(Helper.Module)  # without this cell the runtime ignores the image
        self._personality = self._eager(Helper.PersonalityRoutine)
        self._filter_personality: Slot | None = None
        self._section_numbers: dict[CellKind, int] = {}
        self._cell_rvas: dict[CellKind, int] = {}
        self._stubs_at: dict[CellKind, tuple[int, int]] = {}  # RVA of the first, size
        self._counted: list[_Placed] = []
        self._counters_rva = 0
        self._symbol_rvas: dict[int, int] = {}
        self._thunk_rvas: dict[CellKind, int] = {}
        self._fixed_rodata: dict[tuple[bytes, int], int] = {}

    def _eager(self, helper: Helper) -> Slot:
        return self._cells.add(Cell(CellKind.EAGER_HELPER, (FixupKind.Helper, self._target.helper_id(helper))))

    def place(self, unit: MethodUnit) -> _Placed:
        """Register a unit and its cells; the order of calls is the order of the code."""
        placed = _Placed(unit, [])
        placed.slots += self._cells.slots(unit.cells, lambda cell: self._new_slot(placed, cell))
        if self._filter_personality is None and any(function.is_filter for function in unit.functions):
            self._filter_personality = self._eager(Helper.PersonalityRoutineFilterFunclet)
        self._placed.append(placed)
        return placed

    def _new_slot(self, placed: _Placed, cell: Cell) -> Slot:
        return self._counter(placed) if cell.kind is CellKind.COUNTER else self._cells.add(cell)

    def _counter(self, placed: _Placed) -> Slot:
        self._counted.append(placed)
        return Slot(CellKind.COUNTER, len(self._counted) - 1)

    def finish(
        self,
        kept: Sequence[container.ImageSection],
        methods: Sequence[tuple[int, _Placed]],
        instances: Sequence[tuple[int, bytes, _Placed]],
        compiler_id: str,
        has_unrelated_code: bool,
    ) -> bytes:
        """Lay out, relocate and write; see the module docstring for the layout."""
        self._number_cells()
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
        if any(placed.unit.clauses for placed in self._placed):
            types.append(SectionType.ExceptionInfo)
        if any(placed.unit.bounds for placed in self._placed):
            types.append(SectionType.DebugInfo)
        if instances:
            types.append(SectionType.InstanceMethodEntryPoints)
        if self._target.requires_manifest_metadata or not self._manifest.is_empty:
            types.append(SectionType.ManifestMetadata)
        from_metadata = metadata_sections(self._assembly, self._target.generic_maps)
        types.extend(from_metadata)
        managed.data.extend(bytes(header_size(len(types))))
        sections: dict[SectionType, tuple[int, int]] = {}

        sections[SectionType.DelayLoadMethodCallThunks] = self._write_stubs(managed)
        relocations = self._fill_lazy_cells(data)
        self._write_code(managed)
        self._fill_counters(data)
        functions = self._write_unwind(managed)
        table = encode_runtime_functions(functions)
        sections[SectionType.RuntimeFunctions] = (managed.append(table, 4), len(table))
        managed.append(SENTINEL)
        if SectionType.ExceptionInfo in types:
            sections[SectionType.ExceptionInfo] = self._write_exception_info(managed)
        if SectionType.DebugInfo in types:
            debug = self._debug_info(len(functions))
            sections[SectionType.DebugInfo] = (managed.append(debug, 4), len(debug))
        entries = encode_method_def_entry_points({rid: self._entry(placed) for rid, placed in methods})
        sections[SectionType.MethodDefEntryPoints] = (managed.append(entries, 4), len(entries))
        if instances:
            blob = encode_hashtable(
                (hash, signature + encode_entry(self._entry(placed))) for hash, signature, placed in instances
            )
            sections[SectionType.InstanceMethodEntryPoints] = (managed.append(blob, 4), len(blob))
        imports = self._write_import_sections(managed)
        sections[SectionType.ImportSections] = (managed.append(imports, 4), len(imports))
        identifier = compiler_id.encode() + b"\0"
        sections[SectionType.CompilerIdentifier] = (managed.append(identifier), len(identifier))
        if SectionType.ManifestMetadata in types:
            manifest = self._manifest.encode()
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

    def _number_cells(self) -> None:
        for kind, section in self._cells.sections.items():
            helper = SECTION_KINDS[kind].delay_load
            if helper is not None and section:
                self._eager(helper)
        renumbered = self._cells.order_checks()
        if any(old != new for old, new in renumbered.items()):
            for placed in self._placed:
                placed.slots = [
                    Slot(slot.kind, renumbered[slot.number]) if slot.kind is CellKind.CHECK else slot
                    for slot in placed.slots
                ]
        used = [kind for kind, section in self._cells.sections.items() if section]
        self._section_numbers = {kind: number for number, kind in enumerate(used)}

    def _lay_out_cells(self, data: _Buffer) -> None:
        for kind in self._section_numbers:
            self._cell_rvas[kind] = data.append(bytes(CELL_SIZE * len(self._cells.sections[kind])))
        if self._counted:
            self._counters_rva = data.append(encode_counters([0] * len(self._counted)), COUNTER_SIZE)

    def _fill_counters(self, data: _Buffer) -> None:
        if self._counted:
            table = encode_counters([placed.code_rva for placed in self._counted])
            at = self._counters_rva - data.base
            data.data[at : at + len(table)] = table

    def _cell_rva(self, slot: Slot) -> int:
        if slot.kind is CellKind.FIELD_DATA:
            rva = self._assembly.field_rva(slot.number)
            if not rva:
                raise ValueError(f"Field {slot.number} has no initial data")
            return rva
        if slot.kind is CellKind.COUNTER:
            return self._counters_rva + HEADER_SIZE + COUNTER_SIZE * slot.number
        return self._cell_rvas[slot.kind] + CELL_SIZE * slot.number

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
        for kind in self._section_numbers:
            cells = self._cells.sections[kind]
            rvas = bytearray()
            for cell in cells:
                rva = known.get(cell.signature)
                if rva is None:
                    rva = known[cell.signature] = managed.append(cell.signature)
                rvas += U32.pack(rva)
            signatures = managed.append(rvas, 4)
            flags, type, _ = SECTION_KINDS[kind]
            maps = 0
            if type is ImportSectionType.STUB_DISPATCH:
                maps = managed.append(encode_gc_ref_maps([cell.ref_map for cell in cells]), 4)
            size = CELL_SIZE * len(cells)
            result.append(ImportSection(self._cell_rvas[kind], size, flags, type, CELL_SIZE, signatures, maps))
        return encode_import_sections(result)

    # ---- code ----------------------------------------------------------------------------------------------------

    def _write_stubs(self, managed: _Buffer) -> tuple[int, int]:
        """Thunks and stubs; RVA and size of section 106."""
        module = self._cell_rva(self._module)
        helper_thunks: list[tuple[CellKind, int]] = []
        begin = managed.align(16, _FUNCTION_FILL)
        for kind, number in self._section_numbers.items():
            helper = SECTION_KINDS[kind].delay_load
            if helper is None:
                continue
            delay_load = self._cell_rva(self._eager(helper))
            if helper is Helper.DelayLoad_MethodCall:
                thunk = stubs.delay_load_thunk(managed.here, number, module, delay_load)
                self._thunk_rvas[kind] = managed.append(thunk)
            else:
                helper_thunks.append((kind, delay_load))
        managed.align(stubs.LAZY_STUB_SIZE, _FUNCTION_FILL)
        for kind in self._section_numbers:
            size, make = (stubs.EAGER_STUB_SIZE, stubs.eager_stub)
            if SECTION_KINDS[kind].delay_load is not None:
                size, make = (stubs.LAZY_STUB_SIZE, stubs.lazy_stub)
            elif kind is not CellKind.EAGER_HELPER:
                continue
            cell_rva, rva = self._cell_rvas[kind], managed.align(size, _FUNCTION_FILL)
            self._stubs_at[kind] = (rva, size)
            count = len(self._cells.sections[kind])
            managed.data += b"".join(make(rva + size * n, cell_rva + CELL_SIZE * n) for n in range(count))
        end = managed.here
        for kind, delay_load in helper_thunks:
            managed.align(8, _FUNCTION_FILL)
            thunk = stubs.delay_load_thunk(managed.here, self._section_numbers[kind], module, delay_load)
            self._thunk_rvas[kind] = managed.append(thunk)
        for index, name in enumerate(RUNTIME_SYMBOLS):
            self._symbol_rvas[index] = managed.append(_RUNTIME_ROUTINES[name](), 16, _FUNCTION_FILL)
        return begin, end - begin

    def _stub_rva(self, slot: Slot) -> int:
        first, size = self._stubs_at[slot.kind]
        return first + size * slot.number

    def _write_code(self, managed: _Buffer) -> None:
        """All code, then all read-only data; then the relocations of both."""
        managed.align(_CODE_ALIGNMENT, _FUNCTION_FILL)
        for placed in self._placed:
            unit = placed.unit
            placed.code_rva = managed.append(unit.code, unit.alignment, _FUNCTION_FILL)
        managed.align(_CODE_ALIGNMENT, _FUNCTION_FILL)
        for placed in self._placed:
            unit = placed.unit
            if not unit.rodata:
                continue
            if unit.rodata_relocations:
                placed.rodata_rva = managed.append(unit.rodata, unit.rodata_alignment)
                continue
            key = (unit.rodata, unit.rodata_alignment)
            if key not in self._fixed_rodata:
                self._fixed_rodata[key] = managed.append(unit.rodata, unit.rodata_alignment)
            placed.rodata_rva = self._fixed_rodata[key]
        for placed in self._placed:
            self._relocate(managed, placed, placed.code_rva, placed.unit.relocations)
            self._relocate(managed, placed, placed.rodata_rva, placed.unit.rodata_relocations)

    def _relocate(self, managed: _Buffer, placed: _Placed, rva: int, relocations: Sequence[Relocation]) -> None:
        data, base, slots, stubs_at = managed.data, managed.base, placed.slots, self._stubs_at
        for offset, kind, index, addend in relocations:
            # Plain comparisons: nine of ten are calls, and an image has hundreds of thousands.
            if kind == _STUB:
                section, number = slots[index]
                first, size = stubs_at[section]
                target = first + size * number
            elif kind == RelocationKind.CELL:
                target = self._cell_rva(slots[index])
            elif kind == RelocationKind.RODATA:
                target = placed.rodata_rva
            elif kind == RelocationKind.SYMBOL:
                target = self._symbol_rvas[index]
            else:
                target = placed.code_rva
            at = rva + offset
            _pack_field(data, at - base, target + addend - at - 4)

    def _write_unwind(self, managed: _Buffer) -> list[RuntimeFunction]:
        """Unwind information, each followed by a personality and, for main bodies, by GcInfo."""
        personality = U32.pack(self._stub_rva(self._personality))
        filter_personality = personality
        if self._filter_personality is not None:
            filter_personality = U32.pack(self._stub_rva(self._filter_personality))
        functions: list[RuntimeFunction] = []
        known: dict[bytes, int] = {}  # equal blobs are shared, as Microsoft's compilers do
        for placed in self._placed:
            placed.runtime_function = len(functions)
            gc_info = placed.unit.gc_info
            for function in placed.unit.functions:
                blob = function.unwind + (filter_personality if function.is_filter else personality) + gc_info
                gc_info = b""
                unwind = known.get(blob)
                if unwind is None:
                    unwind = known[blob] = managed.append(blob, 4)
                rva = placed.code_rva
                functions.append(RuntimeFunction(rva + function.begin, rva + function.end, unwind))
        return functions

    def _write_exception_info(self, managed: _Buffer) -> tuple[int, int]:
        methods = [
            (placed.code_rva, [self._clause(clause) for clause in placed.unit.clauses])
            for placed in self._placed
            if placed.unit.clauses
        ]
        rva = managed.align(4)
        size = lookup_table_size(len(methods))
        table, clauses = encode_exception_info(methods, rva, rva + size)
        managed.append(table + clauses)
        return rva, size

    def _debug_info(self, count: int) -> bytes:
        packed = self._target.packed_debug_bounds
        return encode_debug_info_section(
            {
                placed.runtime_function: encode_code_bounds(
                    placed.unit.bounds, [_variable(variable) for variable in placed.unit.variables], packed=packed
                )
                for placed in self._placed
                if placed.unit.bounds
            },
            count,
        )

    def _clause(self, clause: ExceptionClause) -> Clause:
        token = clause.token_or_filter
        if isinstance(token, Symbol):
            token = self._cells.token(token)
        return Clause(
            ClauseFlags(clause.flags), clause.try_begin, clause.try_end, clause.handler_begin, clause.handler_end, token
        )

    def _entry(self, placed: _Placed) -> MethodEntry:
        slots = (placed.slots[index] for index in placed.unit.fixups)
        fixups = sorted_fixups((self._section_numbers[slot.kind], slot.number) for slot in slots)
        return MethodEntry(placed.runtime_function, fixups)


_STUB = int(RelocationKind.STUB)
_pack_field = I32.pack_into
_RUNTIME_ROUTINES = {"clr_chkstk": stubs.clr_chkstk, "clr_dispatch": stubs.clr_dispatch, "clr_call": stubs.clr_call}


def _variable(variable: FrameVariable) -> Variable:
    place = (variable.register, variable.offset)
    return Variable(variable.begin, variable.end, variable.number, LocationType.STK, place)
