"""Whether our module may use a type or member of another module (ECMA-335 II.23.1.5, II.23.1.10, II.23.1.15, I.8.5.3).

What: :class:`AccessRules` raises for what is private or internal to another assembly that has not befriended ours.

Why here: the JIT checks access when it compiles a method and makes the access throw; a fixup checks nothing, so native
code would do what the program is not allowed to do. Such methods are left to the JIT. Accesses within the module are
not checked: no compiler writes forbidden ones, and friends are trusted as a whole.

Example: ``System.Net.Http`` using an internal method of ``System.Private.CoreLib`` -> ``unresolved: ... is not
accessible``.
"""

from __future__ import annotations

from typing import Final

from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.diagnostics import NativegenError
from nativegen.metadata import ASSEMBLY_TOKEN
from nativegen.metadata.attributes import decode_attribute
from nativegen.metadata.flags import MemberAccess, TypeAttributes
from nativegen.typesystem import DefType, FieldDesc, MethodDesc, Module, TypeDesc
from nativegen.typesystem.constructed import ConstructedType

_FRIENDS: Final = "System.Runtime.CompilerServices.InternalsVisibleToAttribute"
_IGNORED: Final = "System.Runtime.CompilerServices.IgnoresAccessChecksToAttribute"

# MemberAccess and type visibility. Family access is granted without looking: the caller's class is not known here.
_MEMBERS_PRIVATE: Final = (MemberAccess.COMPILER_CONTROLLED, MemberAccess.PRIVATE)
_MEMBERS_INTERNAL: Final = (MemberAccess.FAM_AND_ASSEM, MemberAccess.ASSEM)
_TYPES_PRIVATE: Final = (TypeAttributes.NESTED_PRIVATE,)
_TYPES_INTERNAL: Final = (
    TypeAttributes.NOT_PUBLIC,
    TypeAttributes.NESTED_ASSEMBLY,
    TypeAttributes.NESTED_FAM_AND_ASSEM,
)


class AccessRules:
    """The access rights of one module.

    Args:
        module: the module whose code is compiled.
    """

    def __init__(self, module: Module) -> None:
        self._module = module
        self._friends: dict[Module, bool] = {}
        self._types: dict[TypeDesc, bool] = {}
        self._ignored: frozenset[str] | None = None

    def check_type(self, type_: TypeDesc) -> None:
        """Raises :class:`Excluded` when our module may not name this type."""
        known = self._types.get(type_)
        if known is None:
            known = self._types[type_] = self._may_use_type(type_)
        if not known:
            raise Excluded(Reason.UNRESOLVED, f"{type_.display_name} is not accessible")

    def check_member(self, member: MethodDesc | FieldDesc) -> None:
        """Raises :class:`Excluded` when our module may not use this method or field, or its type."""
        self.check_type(member.owner)
        if isinstance(member, MethodDesc):
            for argument in member.method_args:
                self.check_type(argument)
        if not self._granted(member.module, member.flags & MemberAccess.MASK, _MEMBERS_PRIVATE, _MEMBERS_INTERNAL):
            raise Excluded(Reason.UNRESOLVED, f"{member.display_name} is not accessible")

    def _may_use_type(self, type_: TypeDesc) -> bool:
        if isinstance(type_, ConstructedType):
            return self._may_use_type(type_.element)
        if not isinstance(type_, DefType):
            return True
        if not all(self._may_use_type(argument) for argument in type_.type_args):
            return False
        definition: TypeDesc | None = type_.definition
        while definition is not None:
            visibility = definition.flags & TypeAttributes.VISIBILITY_MASK
            if not self._granted(type_.module, visibility, _TYPES_PRIVATE, _TYPES_INTERNAL):
                return False
            definition = definition.enclosing
        return True

    def _granted(self, owner: Module, access: int, private: tuple[int, ...], internal: tuple[int, ...]) -> bool:
        if owner is self._module or not (access in private or access in internal):
            return True
        if owner.name.lower() in self._ignored_modules():
            return True
        return access in internal and self._is_friend(owner)

    def _is_friend(self, owner: Module) -> bool:
        known = self._friends.get(owner)
        if known is None:
            known = self._friends[owner] = self._module.name.lower() in _names(owner, _FRIENDS)
        return known

    def _ignored_modules(self) -> frozenset[str]:
        if self._ignored is None:
            self._ignored = _names(self._module, _IGNORED)
        return self._ignored


def _names(module: Module, attribute_name: str) -> frozenset[str]:
    """Simple names, in lower case, in the assembly's attributes of this class."""
    result = set()
    for attribute in module.assembly.custom_attributes(ASSEMBLY_TOKEN):
        if attribute.type_full_name == attribute_name:
            try:
                (name,) = decode_attribute(module.assembly, attribute).fixed
            except (NativegenError, ValueError):
                continue
            result.add(str(name).partition(",")[0].strip().lower())
    return frozenset(result)
