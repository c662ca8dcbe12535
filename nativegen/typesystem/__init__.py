"""Types, fields and methods across assemblies, as the runtime of one target sees them.

Sits on :mod:`nativegen.metadata` (one assembly each) and knows nothing of CIL. Start with :class:`TypeSystem`.

>>> system = TypeSystem(target_named("9.0"), resolve)                # doctest: +SKIP
>>> module = system.open("app.dll")                                  # doctest: +SKIP
>>> module.find_type("App", "Point").layout.size                     # doctest: +SKIP
16
"""

from __future__ import annotations

from nativegen.typesystem.classification import Eightbyte
from nativegen.typesystem.constructed import (
    ArrayType,
    ByRefType,
    FunctionPointerType,
    GenericParameterType,
    PointerType,
)
from nativegen.typesystem.errors import NotNameable, TypeLoadError, UnknownSymbol
from nativegen.typesystem.kinds import TypeKind
from nativegen.typesystem.layout import TypeLayout
from nativegen.typesystem.members import FieldDesc, MethodDesc, MethodSignature
from nativegen.typesystem.module import Module
from nativegen.typesystem.system import TypeSystem
from nativegen.typesystem.types import DefType, TypeDesc

__all__ = [
    "ArrayType",
    "ByRefType",
    "DefType",
    "Eightbyte",
    "FieldDesc",
    "FunctionPointerType",
    "GenericParameterType",
    "MethodDesc",
    "MethodSignature",
    "Module",
    "NotNameable",
    "PointerType",
    "TypeDesc",
    "TypeKind",
    "TypeLayout",
    "TypeLoadError",
    "TypeSystem",
    "UnknownSymbol",
]
