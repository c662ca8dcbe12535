"""One object file of LLVM's, by function: sections, runtime functions, stack maps, line tables and clause tables.

Each function is in a section of its own (see :mod:`nativegen.backend.module_text`); whatever is not so is an
:class:`ExtractError`.

>>> index = ObjectIndex(module)                                      # doctest: +SKIP
>>> index.runtime_functions(index.function_section("m17"))           # doctest: +SKIP
[RuntimeFunction(begin=0, end=23, unwind=...)]
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from nativegen.backend.coff import IMAGE_REL_AMD64_ADDR32NB, ObjectFile, ObjectSection, ObjectSymbol, read_object
from nativegen.backend.funclets import ClauseRow, read_clauses
from nativegen.backend.line_tables import read_line_tables
from nativegen.backend.llvm import CompiledModule, PrivateConstant
from nativegen.backend.stackmaps import StackMapRecord, read_stack_maps
from nativegen.backend.unwind import UnwindInfo, decode_unwind_info

# An entry of .pdata: where the code begins and ends, and its unwind data; each with a relocation.
_ENTRY = struct.Struct("<III")


class ExtractError(ValueError):
    """LLVM's output for a method is not what was proved to work; the message says what."""


@dataclass(frozen=True, slots=True)
class RuntimeFunction:
    """A range of a section's code with unwind data of its own: a method, a funclet, or a filter of another section."""

    begin: int
    end: int
    unwind: UnwindInfo
    is_filter: bool = False


class ObjectIndex:
    """One object file, ready for :func:`extract_unit`: functions, unwind data and stack maps by symbol.

    Args:
        module: from :meth:`nativegen.backend.llvm.CodeGenerator.compile`.

    Raises:
        ObjectError, StackMapError, ExtractError: nothing of the object can be used.
    """

    def __init__(self, module: CompiledModule) -> None:
        self.object: ObjectFile = read_object(module.object)
        self.constants: Mapping[str, PrivateConstant] = module.constants
        self.stack_maps: dict[str, tuple[StackMapRecord, ...]] = read_stack_maps(self.object)
        self.lines = read_line_tables(self.object)
        self.functions: dict[str, ObjectSymbol] = {}
        self._per_section: dict[int, int] = {}
        for symbol in self.object.symbols.values():
            # Funclets are in their method's section, with names in the C++ decoration.
            if symbol.is_function and symbol.section > 0 and not symbol.name.startswith("?"):
                if symbol.name in self.functions:
                    raise ExtractError(f"symbol {symbol.name} defined twice")
                self.functions[symbol.name] = symbol
                self._per_section[symbol.section] = self._per_section.get(symbol.section, 0) + 1
        self._runtime_functions = self._read_pdata()

    def function_section(self, name: str) -> ObjectSection:
        """The section that holds exactly this function.

        Raises:
            ExtractError: no such function, or it shares its section.
        """
        symbol = self.functions.get(name)
        if symbol is None:
            raise ExtractError(f"function {name} is not in the object")
        section = self.object.section(symbol.section)
        shared = not section.is_comdat or symbol.value or self._per_section[symbol.section] != 1
        # Functions that always throw are "cold" for the optimiser: .text$unlikely.
        if shared or section.name.partition("$")[0] != ".text":
            raise ExtractError(f"function {name} is not in a section of its own")
        return section

    def runtime_functions(self, section: ObjectSection) -> list[RuntimeFunction]:
        """The .pdata entries for code of ``section``, ascending; their unwind info is decoded and validated.

        Raises:
            UnwindError: unwind data that CoreCLR is not known to understand.
        """
        result = []
        for begin, end, unwind_section, unwind_offset in sorted(self._runtime_functions.get(section.number, ())):
            info = decode_unwind_info(self.object.section(unwind_section).data, unwind_offset)
            result.append(RuntimeFunction(begin, end, info))
        return result

    def clauses(self, section: ObjectSection) -> list[ClauseRow]:
        """LLVM's clause table of the function with funclets in ``section``.

        Raises:
            ExtractError, FuncletError, UnwindError: it is malformed.
        """
        ends = set()
        places = set()
        begins = []
        for begin, _, unwind_section, offset in sorted(self._runtime_functions.get(section.number, ())):
            begins.append(begin)
            places.add(unwind_section)
            ends.add(offset + decode_unwind_info(self.object.section(unwind_section).data, offset).stored_size)
        if len(places) != 1:
            raise ExtractError("unwind data of a method in several sections")
        return read_clauses(self.object, self.object.section(places.pop()), max(ends), section, begins[1:])

    def _read_pdata(self) -> dict[int, list[tuple[int, int, int, int]]]:
        entries: dict[int, list[tuple[int, int, int, int]]] = {}
        for section in self.object.sections:
            if section.name != ".pdata":
                continue
            if len(section.data) % _ENTRY.size or len(section.relocations) != len(section.data) // 4:
                raise ExtractError("malformed .pdata")
            for index in range(0, len(section.relocations), 3):
                offset = 4 * index
                fields = _ENTRY.unpack_from(section.data, offset)
                places: list[tuple[int, int]] = []
                for field, relocation in zip(fields, section.relocations[index : index + 3], strict=True):
                    if relocation.kind != IMAGE_REL_AMD64_ADDR32NB or relocation.offset != offset + 4 * len(places):
                        raise ExtractError("malformed .pdata relocation")
                    symbol = self.object.symbols[relocation.symbol]
                    places.append((symbol.section, symbol.value + field))
                (code, begin), (same, end), unwind = places
                if code != same:
                    raise ExtractError("a .pdata entry spans two sections")
                entries.setdefault(code, []).append((begin, end, *unwind))
        return entries
