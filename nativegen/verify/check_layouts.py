"""Check ``layouts``: what the code assumes about types holds for the assemblies of today.

Each assumption is a fixup that the runtime evaluates before the method first runs; when it does not hold, the method is
rejected and jitted, silently (``Check_``), or the process ends (``Verify_``). Here the same is asked of our type system
over the references at hand. Types that it cannot lay out are passed over: only ``--live`` can say.
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.diagnostics import NativegenError
from nativegen.metadata.tables import Table
from nativegen.readytorun.enums import ElementType, FieldSigFlags, FixupKind, TypeLayoutFlags
from nativegen.readytorun.fixups import FieldSignature, Fixup, TypeLayout, TypeSignature
from nativegen.typesystem import Module, TypeDesc
from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.layout import field_size_alignment
from nativegen.verify.model import Check, Finding, Severity, Subject

_CHECKS = (FixupKind.Check_TypeLayout, FixupKind.Check_FieldOffset)
_LAYOUTS = (FixupKind.Check_TypeLayout, FixupKind.Verify_TypeLayout)
_OFFSETS = (FixupKind.Check_FieldOffset, FixupKind.Verify_FieldOffset)


def check_layouts(subject: Subject) -> Iterator[Finding]:
    """Findings about layout fixups; nothing when the references or the target are not known."""
    image, target = subject.image, subject.image_target
    if target is None or not subject.references:
        return
    module = subject.references.system(target).open(subject.path)
    try:
        fixups = [
            fixup
            for index, section in enumerate(image.import_sections)
            for slot in range(section.cell_count)
            if (fixup := image.fixup(index, slot)) is not None and fixup.module is None
        ]
    except NativegenError:
        return  # the finding of another check
    for fixup in fixups:
        if fixup.kind in _LAYOUTS or fixup.kind in _OFFSETS:
            try:
                wrong = _wrong(module, fixup)
            except (TypeLoadError, NativegenError, KeyError, RecursionError):
                continue
            if wrong is not None:
                yield Finding(Severity.SILENT if fixup.kind in _CHECKS else Severity.ABORT, wrong)


def _wrong(module: Module, fixup: Fixup) -> str | None:
    if fixup.layout is not None:
        type_ = _type(module, fixup.types[0])
        return None if type_ is None else _wrong_layout(type_, fixup.layout)
    assert fixup.field is not None
    return _wrong_offset(module, fixup.field, fixup.numbers[-1], base=fixup.numbers[0] if len(fixup.numbers) > 1 else 0)


def _wrong_layout(type_: TypeDesc, expected: TypeLayout) -> str | None:
    size, _ = field_size_alignment(type_)
    if size != expected.size:
        return f"{type_.display_name} has {size} bytes, the code was compiled for {expected.size}"
    if not expected.flags & TypeLayoutFlags.GCLayout or type_.underlying is not type_:
        return None
    bits = bytearray((size // 8 + 7) // 8)
    for offset, interior in type_.layout.gc:
        if not interior:
            bits[offset // 64] |= 1 << (offset // 8 % 8)
    if bytes(bits) != (expected.references or bytes(len(bits))):
        return f"{type_.display_name} has its references elsewhere than the code was compiled for"
    return None


def _wrong_offset(module: Module, field: FieldSignature, expected: int, base: int) -> str | None:
    if field.flags & FieldSigFlags.IndexInsteadOfToken or base:
        return None
    table = (Table.MemberRef if field.flags & FieldSigFlags.MemberRefToken else Table.Field) << 24
    if field.owner is not None and _type(module, field.owner) is None:
        return None
    desc = module.field(table | field.number)
    actual = desc.offset
    if actual == expected:
        return None
    return f"{desc.display_name} is at {actual}, the code was compiled for {expected}"


def _type(module: Module, type_: TypeSignature) -> TypeDesc | None:
    """The type of a signature in the image's own metadata; None: not for us to say."""
    if type_.element in (ElementType.CLASS, ElementType.VALUETYPE):
        return module.type(type_.token)
    if type_.element is ElementType.GENERICINST:
        arguments = [_type(module, argument) for argument in type_.types]
        known = tuple(argument for argument in arguments if argument is not None)
        definition = module.type(type_.token)
        instantiate = getattr(definition, "instantiate", None)
        return instantiate(known) if instantiate is not None and len(known) == len(arguments) else None
    if type_.element is ElementType.CANON_ZAPSIG:
        return module.type_system.well_known("System.__Canon")
    if type_.types or type_.element in (ElementType.VAR, ElementType.MVAR):
        return None
    return module.type_from_signature((int(type_.element),))


CHECK = Check("layouts", "the layouts that the code relies on are those of today", check_layouts)
