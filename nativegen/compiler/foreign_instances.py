"""Which instances of other modules' generics an image of ours should have.

What: :class:`ForeignInstances` says of a method that compiled code may run whether it is worth compiling here: whether
the runtime would look for it in our image (``Target.foreign_generic_instances``), whether the image's mode allows its
body (:mod:`nativegen.compiler.foreign`), and whether the module that defines it has it already.

Why here: the answer depends on what is on disk (Microsoft's images carry the common instances), so it is one question
with one answer for the whole compilation.

Where the runtime looks (facts: generics-and-bubbles.md 3): in the image of the defining module; in that of the first
type argument's module that is neither a primitive's nor the defining one; and in images with the header flag
UNRELATED_R2R_CODE, which images with foreign instances have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nativegen.compiler.exclusions import Excluded
from nativegen.compiler.foreign import ForeignCode, Mode, is_guarded_completely
from nativegen.compiler.intrinsics import has_plain_body
from nativegen.diagnostics import NativegenError
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.typesystem import MethodDesc, Module, TypeLoadError
from nativegen.typesystem.canonical import method_version_hash
from nativegen.typesystem.types import DefType


class PresentInstances:
    """The generic instances that modules' own images have; looked up as the runtime does, because the core library's
    has 25,000."""

    def __init__(self) -> None:
        self._images: dict[Module, ReadyToRunImage | None] = {}

    def has(self, method: MethodDesc) -> bool:
        """Whether the defining module's own image has an instance. An entry keeps only a part of the hash; a wrong yes
        by accident costs one instance; a malformed image has none."""
        value = method_version_hash(method)
        module = method.module
        try:
            if module not in self._images:
                self._images[module] = ReadyToRunImage(module.assembly) if module.assembly.is_ready_to_run else None
            image = self._images[module]
            return image is not None and any(each.number == method.rid for each in image.instances_with_hash(value))
        except NativegenError:
            return False


class ForeignInstances:
    """See the module docstring.

    Args:
        module: the one that is compiled.
        foreign: what its image may use.
        images: what other modules' images have; to be shared by all that use one type system.

    Attributes:
        is_possible: there may be any at all.
    """

    def __init__(self, module: Module, foreign: ForeignCode, images: PresentInstances) -> None:
        self.is_possible = module.type_system.target.foreign_generic_instances and foreign.allows_foreign
        self._foreign = foreign
        self._images = images

    def wants(self, method: MethodDesc) -> bool:
        """Whether to compile this instance, which is in canonical form and not of the module itself."""
        if not self.is_possible or (method.owner.full_name, method.name) in _FOR_DEBUGGERS:
            return False
        try:
            core = method.module.type_system.core
            if self._foreign.mode is Mode.GUARDED and not is_guarded_completely(method):
                return False
            return has_plain_body(method, core) and self._foreign.allows(method) and not self._images.has(method)
        except (Excluded, TypeLoadError, NativegenError):
            return False

    def made_by(self, method: MethodDesc) -> Iterator[DefType]:
        """Types whose objects a method makes by reflection: the comparers behind ``EqualityComparer<T>.Default``.

        Source: ComparerHelpers.CreateDefaultEqualityComparer, CreateDefaultComparer, CreateArraySortHelper. A wrong
        guess makes an instance that nobody looks for.
        """
        owner = method.owner
        makes = _DEFAULT_COMPARERS.get(owner.definition.full_name) if owner.module.is_core else None
        if makes is None or method.name not in ("get_Default", ".cctor"):
            return
        generic, interface, other, of_nullable = makes
        system = owner.type_system
        (argument,) = owner.type_args
        if argument.is_enum or not argument.is_value_type:
            return
        if argument.definition.full_name == "System.Nullable`1" and of_nullable:
            (argument,) = argument.type_args
            generic = of_nullable
        wanted = system.well_known(interface).instantiate((argument,))
        chosen = generic if any(item is wanted for item in argument.interfaces) else other
        comparer = system.well_known(chosen)
        if isinstance(comparer, DefType):
            yield comparer.instantiate((argument,))


#: Class -> what it makes when the argument implements an interface, the interface, what otherwise, what of T?.
_DEFAULT_COMPARERS: Final = {
    "System.Collections.Generic.EqualityComparer`1": (
        "System.Collections.Generic.GenericEqualityComparer`1",
        "System.IEquatable`1",
        "System.Collections.Generic.ObjectEqualityComparer`1",
        "System.Collections.Generic.NullableEqualityComparer`1",
    ),
    "System.Collections.Generic.Comparer`1": (
        "System.Collections.Generic.GenericComparer`1",
        "System.IComparable`1",
        "System.Collections.Generic.ObjectComparer`1",
        "System.Collections.Generic.NullableComparer`1",
    ),
    "System.Collections.Generic.ArraySortHelper`1": (
        "System.Collections.Generic.GenericArraySortHelper`1",
        "System.IComparable`1",
        "System.Collections.Generic.ArraySortHelper`1",
        "",
    ),
}


#: What runs only while a debugger or profiler listens, once for each async method.
_FOR_DEBUGGERS: Final = frozenset(
    {
        (
            "System.Runtime.CompilerServices.AsyncTaskMethodBuilder`1",
            "CreateDebugFinalizableAsyncStateMachineBox",
        )
    }
)
