"""Generic instances as lines of a profile: what the framework's own code made a program jit.

What: ``[Assembly]Type<arguments>::Method signature``, every type with its assembly. :func:`instance_line` makes one
from a method's name in an event trace, where types have no assemblies; :func:`find_instance` finds the method again.

Why here: closures begin with the application's code, and only a run shows what code of the framework that nobody
compiles here (``MetadataBuilder``) instantiates beyond what its own image has.

Lines are hints: what does not exist any more is passed over.

>>> parse_instance("N.G`1+H[System.Int32,N.K`1[N.S]]")
('N.G`1+H', [('System.Int32', []), ('N.K`1', [('N.S', [])])])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Assembly
from nativegen.pipeline.method_names import find_type, method_line
from nativegen.typesystem import DefType, MethodDesc, TypeDesc, TypeLoadError, TypeSystem

#: A type's name and its arguments, which are of the same form.
TypeTree = tuple[str, list[Any]]

_STRANGE = frozenset("\\*&<>")


def is_instance(line: str) -> bool:
    """Whether a line of a profile names a generic instance, not a method of the section's assembly."""
    return line.startswith("[")


def parse_instance(text: str) -> TypeTree | None:
    """A type name as event traces write it; None: no instance of a class or struct over such."""
    if _STRANGE.intersection(text) or "[]" in text or "[," in text:
        return None
    try:
        tree, end = _tree(text, 0)
    except ValueError:
        return None
    return tree if end == len(text) and tree[1] else None


def _tree(text: str, at: int) -> tuple[TypeTree, int]:
    end = at
    while end < len(text) and text[end] not in "[],":
        end += 1
    name, arguments = text[at:end], []
    if not name:
        raise ValueError(text)
    if end < len(text) and text[end] == "[":
        while text[end] != "]":
            argument, end = _tree(text, end + 1)
            arguments.append(argument)
            if end == len(text) or text[end] not in "],":
                raise ValueError(text)
        end += 1
    return (name, arguments), end


def instance_line(assembly: Assembly, rid: int, tree: TypeTree, assembly_of: Callable[[str], str | None]) -> str | None:
    """The line of a method of a generic type.

    Args:
        assembly, rid: of the method's definition. tree: its type.
        assembly_of: the simple name of the assembly that has a type of this full name.

    Returns:
        None: a type argument is in no known assembly, or the method has type arguments of its own.
    """
    if assembly.method_signature(rid).generic_count:
        return None
    name, arguments = tree
    named = [_qualified(argument, assembly_of) for argument in arguments]
    if None in named:
        return None
    method = method_line(assembly, rid).partition("::")[2]
    return f"[{assembly.name}]{name}<{','.join(filter(None, named))}>::{method}"


def _qualified(tree: TypeTree, assembly_of: Callable[[str], str | None]) -> str | None:
    name, arguments = tree
    assembly = assembly_of(name)
    named = [_qualified(argument, assembly_of) for argument in arguments]
    if assembly is None or None in named:
        return None
    return f"[{assembly}]{name}" + (f"<{','.join(filter(None, named))}>" if named else "")


def find_instance(system: TypeSystem, line: str) -> MethodDesc | None:
    """The method that a line names; None: there is none any more."""
    head, _, method = line.rpartition(">::")
    try:
        type_, end = _type(system, f"{head}>", 0)
        if end != len(head) + 1 or not isinstance(type_, DefType):
            return None
        assembly = type_.module.assembly
        wanted = f"{type_.full_name}::{method}"
        for rid in assembly.type_def(type_.rid).method_rids:
            if method_line(assembly, rid) == wanted:
                return type_.method_at(rid)
    except (TypeLoadError, NativegenError, ValueError, LookupError):
        pass
    return None


def _type(system: TypeSystem, text: str, at: int) -> tuple[TypeDesc, int]:
    close = text.index("]", at)
    module = system.module_named(text[at + 1 : close])
    end = close + 1
    while end < len(text) and text[end] not in "<>,":
        end += 1
    rid = find_type(module.assembly, text[close + 1 : end]) if module is not None else 0
    if module is None or not rid:
        raise LookupError(text)
    definition = module.type_def(rid)
    if end == len(text) or text[end] != "<":
        return definition, end
    arguments = []
    while text[end] != ">":
        argument, end = _type(system, text, end + 1)
        arguments.append(argument)
    return definition.instantiate(tuple(arguments)), end + 1
