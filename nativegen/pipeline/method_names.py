"""Methods as text that survives a rebuild: what profiles of partial images contain.

A name is ``Namespace.Outer+Inner::Method`` and the signature in the runtime's own spelling, so that an event trace and
an assembly's metadata give the same line; custom modifiers are left out. Row numbers would mean another method after
each edit.

>>> normalized("instance required_modifier System.Runtime.CompilerServices.IsExternalInit void  (bool)")
'instance void (bool)'
>>> definition_name("System.Collections.Generic.List`1[System.__Canon]")
'System.Collections.Generic.List`1'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from nativegen.metadata import Assembly, Table
from nativegen.metadata.elements import ET
from nativegen.metadata.signatures import MethodSig, SigType

# The spelling of prettyprintsig.cpp.
_PRIMITIVES: Final = {
    ET.VOID: "void",
    ET.BOOLEAN: "bool",
    ET.CHAR: "wchar",
    ET.I1: "int8",
    ET.U1: "unsigned int8",
    ET.I2: "int16",
    ET.U2: "unsigned int16",
    ET.I4: "int32",
    ET.U4: "unsigned int32",
    ET.I8: "int64",
    ET.U8: "unsigned int64",
    ET.R4: "float32",
    ET.R8: "float64",
    ET.I: "int",
    ET.U: "unsigned int",
    ET.STRING: "class System.String",
    ET.OBJECT: "class System.Object",
    ET.TYPEDBYREF: "refany",
}
_SUFFIXES: Final = {ET.SZARRAY: "[]", ET.PTR: "*", ET.BYREF: "&"}
_MODIFIER: Final = re.compile(r"(?:required|optional)_modifier [^ ]+ ")
_INSTANCE: Final = re.compile(r"\[.*\]$")


def method_display_name(assembly: Assembly, rid: int) -> str:
    """``Ns.Outer+Inner::Method`` of a MethodDef, from metadata alone."""
    return f"{assembly.type_full_name(assembly.type_of_method(rid))}::{assembly.method_def(rid).name}"


def method_line(assembly: Assembly, rid: int) -> str:
    """``Ns.Type::Method instance void (int32)``: name and signature of a MethodDef."""
    return f"{method_display_name(assembly, rid)} {signature_text(assembly, assembly.method_signature(rid))}"


def signature_text(assembly: Assembly, signature: MethodSig) -> str:
    """A signature in the runtime's spelling, :func:`normalized`."""
    parameters = ",".join(_type(assembly, parameter) for parameter in signature.params)
    kind = ("instance " if signature.has_this else "") + ("generic " if signature.generic_count else "")
    return f"{kind}{_type(assembly, signature.return_type)} ({parameters})"


def normalized(signature: str) -> str:
    """The runtime's text of a signature without custom modifiers and doubled blanks."""
    return " ".join(_MODIFIER.sub("", signature).split())


def definition_name(owner: str) -> str:
    """The name of a generic type's definition from that of an instance."""
    return _INSTANCE.sub("", owner)


def resolve(assembly: Assembly, lines: Iterable[str]) -> tuple[frozenset[int], tuple[str, ...]]:
    """The methods that lines name.

    Returns:
        MethodDef rids, and the lines that name nothing (any more), in their order.
    """
    by_type: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("["):  # an instance of another assembly's generic (instance_names.py)
            continue
        by_type.setdefault(line.partition("::")[0], []).append(line)
    found: set[int] = set()
    unresolved = []
    for owner, wanted in by_type.items():
        type_rid = find_type(assembly, owner)
        methods: dict[str, list[int]] = {}
        for rid in assembly.type_def(type_rid).method_rids if type_rid else ():
            methods.setdefault(method_line(assembly, rid), []).append(rid)
        for line in wanted:
            found.update(methods.get(line, ()))
            if line not in methods:
                unresolved.append(line)
    return frozenset(found), tuple(unresolved)


def find_type(assembly: Assembly, full_name: str) -> int:
    """TypeDef rid of ``Namespace.Outer+Inner``, 0 without one."""
    outer, *inner = full_name.split("+")
    namespace, _, name = outer.rpartition(".")
    rid = assembly.find_type(namespace, name) or assembly.find_type("", outer)
    for nested in inner:
        rid = assembly.find_nested(rid, nested) if rid else 0
    return rid


def _type(assembly: Assembly, signature: SigType) -> str:
    element = signature[0]
    primitive = _PRIMITIVES.get(element)
    if primitive is not None:
        return primitive
    if element in (ET.CLASS, ET.VALUETYPE):
        return ("value class " if element == ET.VALUETYPE else "class ") + _name(assembly, signature[1])
    if element in (ET.CMOD_REQD, ET.CMOD_OPT):
        return _type(assembly, signature[2])
    if element in _SUFFIXES:
        return _type(assembly, signature[1]) + _SUFFIXES[element]
    if element == ET.VAR:
        return f"!{signature[1]}"
    if element == ET.MVAR:
        return f"!!{signature[1]}"
    if element == ET.GENERICINST:
        return f"{_type(assembly, signature[1])}<{','.join(_type(assembly, a) for a in signature[2])}>"
    if element == ET.ARRAY:
        return f"{_type(assembly, signature[1])}[{',' * (signature[2] - 1)}]"
    return "method" if element == ET.FNPTR else f"?{element:#x}"


def _name(assembly: Assembly, token: int) -> str:
    """Nested types go by their own name, as in the runtime's text."""
    rid = token & 0xFFFFFF
    if token >> 24 == Table.TypeSpec:
        return _type(assembly, assembly.type_spec_signature(rid))
    row = assembly.type_def(rid) if token >> 24 == Table.TypeDef else assembly.type_ref(rid)
    return f"{row.namespace}.{row.name}" if row.namespace else row.name
