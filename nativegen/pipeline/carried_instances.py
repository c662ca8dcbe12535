"""The generic instances that an assembly with native code carries: seeds for compiling it again with ``--from-native``.

Whoever replaces a native image of the framework by one of ours must not lose code that other assemblies' images count
on: they do not hold instances that the framework's own image has.

>>> [method.display_name for method in carried_instances(module)][:1]        # doctest: +SKIP
['System.Collections.Generic.List`1<System.Int32>::Add']
"""

from __future__ import annotations

from collections.abc import Iterator

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Table
from nativegen.readytorun.enums import ElementType, MethodSigFlags
from nativegen.readytorun.fixups import MethodSignature, TypeSignature
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.typesystem import DefType, MethodDesc, Module, TypeDesc, TypeLoadError


def carried_instances(module: Module) -> Iterator[MethodDesc]:
    """Instances of the module's own generics that have code in its file, in the order of their entries.

    Those that name types of other modules by anything but the module's own metadata are left out, and so is everything
    when the file has no native code.

    Raises:
        NativegenError: NGEN3104, the native code's tables are malformed.
    """
    if not module.assembly.is_ready_to_run:
        return
    for entry in ReadyToRunImage(module.assembly).instance_entries:
        method = entry.method
        if method.module is None and not method.flags & MethodSigFlags.MemberRefToken:
            try:
                yield _method(module, method)
            except (TypeLoadError, NativegenError):
                continue  # of an assembly that is not there


def _method(module: Module, signature: MethodSignature) -> MethodDesc:
    definition = module.method(Table.MethodDef << 24 | signature.number)
    owner = definition.owner if signature.owner is None else _type(module, signature.owner)
    if owner.definition is not definition.owner.definition:
        raise TypeLoadError(f"{definition.display_name} is not of {owner.display_name}")
    return owner.method_at(definition.rid, tuple([_type(module, argument) for argument in signature.arguments]))


def _type(module: Module, signature: TypeSignature) -> TypeDesc:
    system = module.type_system
    match signature.element:
        case ElementType.CANON_ZAPSIG:
            return system.well_known("System.__Canon")
        case ElementType.CLASS | ElementType.VALUETYPE:
            return module.type(signature.token)
        case ElementType.GENERICINST:
            definition = module.type(signature.token)
            if not isinstance(definition, DefType):
                raise TypeLoadError("an instance of what is no class")
            return definition.instantiate(tuple([_type(module, argument) for argument in signature.types]))
        case ElementType.SZARRAY:
            return system.array_of(_type(module, signature.types[0]))
        case ElementType.PTR:
            return system.pointer_to(_type(module, signature.types[0]))
        case ElementType.MODULE_ZAPSIG | ElementType.VAR | ElementType.MVAR | ElementType.ARRAY | ElementType.FNPTR:
            raise TypeLoadError("a type argument that only the image's manifest names")
        case element:
            return system.element_type(element)
