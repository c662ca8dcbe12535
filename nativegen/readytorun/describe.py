"""An image in readable form: what ``nativegen dump IMAGE`` prints, and the same facts for scripts.

>>> for line in describe_image(ReadyToRunImage.open("App.ni.dll")):     # doctest: +SKIP
...     print(line)
ReadyToRun 10.1 image of App, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null
...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nativegen.metadata.tables import Table
from nativegen.readytorun.describe_fixups import describe_fixup, describe_method
from nativegen.readytorun.enums import ClauseFlags, HeaderFlags, ImportSectionType, Register, SectionType, UnwindOp
from nativegen.readytorun.gcinfo import GcInfo, RegisterSlot, StackSlot
from nativegen.readytorun.methods import MethodEntry
from nativegen.readytorun.names import ImageNames
from nativegen.readytorun.reader import CompiledMethod, ReadyToRunImage
from nativegen.readytorun.runtime_functions import UnwindInfo
from nativegen.readytorun.structs import U32


def section_name(number: int) -> str:
    """The name of a section type, or its number."""
    return SectionType(number).name if number in SectionType.__members__.values() else f"unknown ({number})"


def describe_image(image: ReadyToRunImage, *, disassemble: bool = False) -> Iterator[str]:
    """Lines describing the whole image.

    Args:
        image: the image.
        disassemble: add machine code as text; does nothing unless the library ``capstone`` is installed.
    """
    names = ImageNames(image)
    header = image.header
    yield f"ReadyToRun {header.major}.{header.minor} image of {image.assembly.identity.display_name}"
    yield f"  file {image.path}, {len(image.assembly.data)} bytes, MVID {image.assembly.mvid}"
    yield f"  preferred base {image.assembly.pe.image_base:#x}"
    yield f"  compiler {image.compiler_identifier}"
    yield f"  flags {_flag_words(header.flags)}"
    if image.owner_composite_executable:
        yield f"  code is in {image.owner_composite_executable}"
    for assembly in image.manifest_assemblies:
        yield f"  also names {assembly.name} {'.'.join(map(str, assembly.version))}"
    yield ""
    yield "Sections"
    for section in header.sections:
        yield f"  {section.type} {section_name(section.type)}: RVA {section.rva:#x}, {section.size} bytes"
    yield ""
    yield from _describe_imports(image, names)
    yield "Methods"
    disassembler = _disassembler(image, names) if disassemble else None
    for name, entry in _named_entries(image, names):
        yield from _describe_method(image, names, name, entry, disassembler)


def summary(image: ReadyToRunImage) -> dict[str, Any]:
    """The image's facts as plain data that ``json`` can write."""
    names = ImageNames(image)
    cells = [section.cell_count for section in image.import_sections]
    methods = []
    for name, entry in _named_entries(image, names):
        method = image.compiled_method(entry.runtime_function)
        methods.append(
            {
                "name": name,
                "rva": method.begin,
                "size": method.size,
                "functions": len(method.functions),
                "fixups": len(entry.fixups),
            }
        )
    return {
        "assembly": image.assembly.identity.display_name,
        "mvid": image.assembly.mvid,
        "path": image.path,
        "size": len(image.assembly.data),
        "version": f"{image.header.major}.{image.header.minor}",
        "flags": int(image.header.flags),
        "compiler": image.compiler_identifier,
        "sections": [
            {"type": section.type, "name": section_name(section.type), "rva": section.rva, "size": section.size}
            for section in image.header.sections
        ],
        "import_sections": len(cells),
        "cells": sum(cells),
        "manifest_assemblies": [assembly.name for assembly in image.manifest_assemblies],
        "methods": methods,
    }


def _flag_words(flags: HeaderFlags) -> str:
    return ", ".join(flag.name or str(flag.value) for flag in HeaderFlags if flag in flags) or "none"


def code_symbols(image: ReadyToRunImage) -> Iterator[tuple[int, int, str]]:
    """(RVA, bytes, name) of each compiled method, in order of RVA; funclets count to their method."""
    names = ImageNames(image)
    found = []
    for name, entry in _named_entries(image, names):
        method = image.compiled_method(entry.runtime_function)
        found.append((method.begin, method.size, name))
    yield from sorted(found)


def _named_entries(image: ReadyToRunImage, names: ImageNames) -> Iterator[tuple[str, MethodEntry]]:
    for rid, entry in image.method_entries.items():
        yield names.token_name(Table.MethodDef << 24 | rid, None), entry
    instances = [(describe_method(instance.method, names), instance.entry) for instance in image.instance_entries]
    yield from sorted(instances)


def _describe_imports(image: ReadyToRunImage, names: ImageNames) -> Iterator[str]:
    for index, section in enumerate(image.import_sections):
        kind = ImportSectionType(section.type).name if section.type in set(ImportSectionType) else str(section.type)
        flags = ", ".join(flag.name or "" for flag in section.flags) or "no flags"
        yield f"Import section {index}: {section.cell_count} cells at RVA {section.rva:#x}, {kind}, {flags}"
        maps = image.gc_ref_maps(index)
        for slot in range(section.cell_count):
            text = _cell_words(image, names, index, slot)
            references = f"  references {_map_words(maps[slot])}" if maps and maps[slot] else ""
            yield f"  {section.rva + slot * section.entry_size:#x} {text}{references}"
        yield ""


def _cell_words(image: ReadyToRunImage, names: ImageNames, section: int, slot: int) -> str:
    fixup = image.fixup(section, slot)
    return "no signature" if fixup is None else describe_fixup(fixup, names)


_ARGUMENT_REGISTERS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")
_FIRST_STACK_POSITION = 13
_TOKEN_WORDS = {1: "", 2: " interior", 3: " method context", 4: " type context", 5: " vararg cookie"}


def _map_words(references: tuple[tuple[int, int], ...]) -> str:
    words = []
    for position, token in references:
        if position < len(_ARGUMENT_REGISTERS):
            place = _ARGUMENT_REGISTERS[position]
        else:
            place = f"stack+{8 * (position - _FIRST_STACK_POSITION)}"
        words.append(place + _TOKEN_WORDS.get(token, f" token {token}"))
    return ", ".join(words)


def _describe_method(
    image: ReadyToRunImage,
    names: ImageNames,
    name: str,
    entry: MethodEntry,
    disassembler: Callable[[CompiledMethod], Iterator[str]] | None,
) -> Iterator[str]:
    method = image.compiled_method(entry.runtime_function)
    yield f"  {name}: RVA {method.begin:#x}, {method.size} bytes"
    for section, slot in entry.fixups:
        yield f"    needs {_cell_words(image, names, section, slot)}"
    for function, unwind in zip(method.functions, method.unwind, strict=True):
        kind = "code" if function is method.functions[0] else "funclet"
        if unwind.personality_rva != method.unwind[0].personality_rva:
            kind = "filter"
        yield f"    {kind} {function.begin:#x}..{function.end:#x}: {_unwind_words(unwind)}"
    yield from (f"    {line}" for line in _gc_info_words(method.gc_info.info))
    for clause in method.clauses:
        where = f"{clause.try_begin:#x}..{clause.try_end:#x} -> {clause.handler_begin:#x}..{clause.handler_end:#x}"
        kind_of_clause = clause.flags & ~ClauseFlags.DUPLICATED
        what = ClauseFlags(kind_of_clause).name or "CATCH"
        if kind_of_clause == ClauseFlags.CATCH:
            what = f"CATCH {names.token_name(clause.token_or_filter, None)}"
        elif kind_of_clause == ClauseFlags.FILTER:
            what = f"FILTER at {clause.token_or_filter:#x}"
        yield f"    try {where} {what}{' (duplicated)' if clause.flags & ClauseFlags.DUPLICATED else ''}"
    if disassembler is not None:
        yield from disassembler(method)


def _unwind_words(info: UnwindInfo) -> str:
    words = []
    for code in reversed(info.codes):
        match code.operation:
            case UnwindOp.PUSH_NONVOL:
                words.append(f"push {Register(code.register).name}")
            case UnwindOp.ALLOC_LARGE | UnwindOp.ALLOC_SMALL:
                words.append(f"alloc {code.value:#x}")
            case UnwindOp.SET_FPREG | UnwindOp.SET_FPREG_LARGE:
                register = info.frame_register.name if info.frame_register is not None else "?"
                words.append(f"{register} = rsp+{code.value or info.frame_offset:#x}")
            case _:
                words.append(f"{code.operation.name} {code.register} {code.value:#x}")
    return ", ".join(words) or "no prolog"


def _gc_info_words(info: GcInfo) -> Iterator[str]:
    parts = [f"returns {info.return_kind.name}"]
    if info.frame_register is not None:
        parts.append(f"frame {info.frame_register.name}")
    if info.psp_symbol is not None:
        parts.append(f"PSPSym at rsp+{info.psp_symbol:#x}")
    if info.generics_context:
        parts.append(f"generics context {info.generics_context.name} at {info.generics_context_slot}")
    if info.report_only_leaf:
        parts.append("report only leaf")
    yield f"GC: {', '.join(parts)}"
    if info.untracked:
        yield f"GC untracked: {', '.join(map(_slot_words, info.untracked))}"
    slots = [*map(_slot_words, info.registers), *map(_slot_words, info.tracked)]
    for offset, live in info.safe_points:
        alive = ", ".join(slot for number, slot in enumerate(slots) if live >> number & 1)
        yield f"GC safe point {offset:#x}: {alive or 'nothing'}"
    for begin, end in info.ranges:
        yield f"GC interruptible {begin:#x}..{end:#x}"
    for offset, slot, live_now in info.transitions:
        yield f"GC {offset:#x}: {slots[slot]} {'live' if live_now else 'dead'}"


def _slot_words(slot: RegisterSlot | StackSlot) -> str:
    flags = "".join(f" {flag.name.lower()}" for flag in slot.flags if flag.name)
    if isinstance(slot, RegisterSlot):
        return slot.register.name + flags
    base = {0: "caller sp", 1: "rsp", 2: "frame"}[slot.base]
    return f"[{base}{slot.offset:+#x}]{flags}"


_STUB_SIZE = 8


def _disassembler(image: ReadyToRunImage, names: ImageNames) -> Callable[[CompiledMethod], Iterator[str]] | None:
    """A function giving a method's instructions as lines, cells and stubs named; None without capstone."""
    try:
        import capstone
    except ImportError:
        return None
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.detail = True
    cells = {
        section.rva + slot * section.entry_size: (index, slot)
        for index, section in enumerate(image.import_sections)
        for slot in range(section.cell_count)
    }
    starts = {
        image.runtime_functions[entry.runtime_function].begin: name for name, entry in _named_entries(image, names)
    }

    def target_words(address: int) -> str:
        if address in starts:
            return starts[address]
        if not 0 <= address < len(image.memory) - _STUB_SIZE:
            return ""
        if image.memory[address : address + 3] == b"\x4c\x8d\x1d":  # lea r11,[cell]: our stub of a lazy cell
            cell = address + 7 + U32.unpack_from(image.memory, address + 3)[0] & 0xFFFF_FFFF
        elif image.memory[address : address + 2] == b"\xff\x25":  # jmp [cell]
            cell = address + 6 + U32.unpack_from(image.memory, address + 2)[0] & 0xFFFF_FFFF
        else:
            cell = address
        return _cell_words(image, names, *cells[cell]) if cell in cells else ""

    def lines(method: CompiledMethod) -> Iterator[str]:
        for instruction in engine.disasm(image.code(method), method.begin):
            words = ""
            for operand in instruction.operands:
                if operand.type == capstone.x86.X86_OP_MEM and operand.mem.base == capstone.x86.X86_REG_RIP:
                    words = target_words(instruction.address + instruction.size + operand.mem.disp)
                elif operand.type == capstone.x86.X86_OP_IMM and instruction.mnemonic == "call":
                    words = target_words(operand.imm)
            text = f"{instruction.mnemonic} {instruction.op_str}".rstrip()
            yield f"      {instruction.address:#x}  {text}{f'  ; {words}' if words else ''}"

    return lines
