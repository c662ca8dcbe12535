"""The world of one target: opens modules and interns every type, so that equal types are one object.

>>> system = TypeSystem(target, {"System.Private.CoreLib": "/path/System.Private.CoreLib.dll"}.get)   # doctest: +SKIP
>>> system.well_known("System.String") is system.open("/path/app.dll").find_type("System", "String")  # doctest: +SKIP
True
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection

from nativegen.diagnostics import NativegenError
from nativegen.metadata.assembly import Assembly
from nativegen.readytorun.targets import Target
from nativegen.typesystem.constructed import (
    ArrayType,
    ByRefType,
    FunctionPointerType,
    GenericParameterType,
    PointerType,
)
from nativegen.typesystem.errors import TypeLoadError
from nativegen.typesystem.kinds import ELEMENT_NAMES
from nativegen.typesystem.members import MethodSignature
from nativegen.typesystem.module import Module
from nativegen.typesystem.types import DefType, TypeDesc

CORE_LIBRARY = "System.Private.CoreLib"


class TypeSystem:
    """All modules and types that one compilation sees.

    Args:
        target: the runtime whose layout rules apply.
        resolve: the file that an assembly's simple name means, or None.
        open_assembly: how a file becomes an :class:`Assembly`; callers that already hold some open pass their own.
        images: files that will be opened by :meth:`open`, so that it does not matter which are met as references first.
    """

    def __init__(
        self,
        target: Target,
        resolve: Callable[[str], str | None],
        open_assembly: Callable[[str], Assembly] = Assembly.open,
        images: Collection[str] = (),
    ) -> None:
        self.target = target
        self._images = frozenset(map(os.path.realpath, images))
        self._resolve = resolve
        self._open_assembly = open_assembly
        self._by_path: dict[str, Module] = {}
        self._by_name: dict[str, Module] = {}
        #: Spellings that no file was found for; another spelling of the same name may have one, as files are found
        #: by their exact names.
        self._absent: set[str] = set()
        self._core: Module | None = None
        self._elements: dict[int, DefType] = {}
        self._well_known: dict[str, DefType] = {}
        self._arrays: dict[TypeDesc, ArrayType] = {}
        self._general_arrays: dict[tuple[TypeDesc, int], ArrayType] = {}
        self._byrefs: dict[TypeDesc, ByRefType] = {}
        self._pointers: dict[TypeDesc, PointerType] = {}
        self._function_pointers: dict[MethodSignature, FunctionPointerType] = {}
        self._parameters: dict[tuple[int, bool], GenericParameterType] = {}
        #: Types whose layout is being computed right now: meeting one of them again means that it contains itself.
        self.layouts_in_progress: set[TypeDesc] = set()

    # ---- modules ----------------------------------------------------------------------------------------------------

    def open(self, path: str | os.PathLike[str], *, runs_as_image: bool = True) -> Module:
        """The module of a file, opened once.

        Args:
            path: the file.
            runs_as_image: it is (also) being made into an image; references found by name run as they are on disk.

        Raises:
            NativegenError: the file cannot be read; see :meth:`Assembly.open`.
        """
        module = self._load(os.fspath(path))
        module.runs_as_image = module.runs_as_image or runs_as_image
        return module

    def _load(self, path: str) -> Module:
        key = os.path.realpath(path)
        module = self._by_path.get(key)
        if module is None:
            module = self._by_path[key] = Module(self, self._open_assembly(path))
            module.runs_as_image = module.runs_as_image or key in self._images
            # The first file of a name is what references to that name mean, whatever ``resolve`` would say.
            self._by_name.setdefault(module.name.lower(), module)
        return module

    @property
    def modules(self) -> Collection[Module]:
        """Those that are open."""
        return self._by_path.values()

    def module_named(self, simple_name: str) -> Module | None:
        """The module of an assembly's simple name, or None when there is no such file or it cannot be read."""
        module = self._by_name.get(simple_name.lower())
        if module is None and simple_name not in self._absent:
            path = self._resolve(simple_name)
            if path is not None:
                with contextlib.suppress(NativegenError):
                    module = self._load(path)
            if module is None:
                self._absent.add(simple_name)
            else:
                module = self._by_name.setdefault(simple_name.lower(), module)
        return module

    @property
    def core(self) -> Module:
        """System.Private.CoreLib.

        Raises:
            TypeLoadError: it cannot be found.
        """
        if self._core is None:
            core = self.module_named(CORE_LIBRARY)
            if core is None:
                raise TypeLoadError(f"assembly {CORE_LIBRARY} was not found")
            self._core = core
        return self._core

    # ---- well-known types -------------------------------------------------------------------------------------------

    def well_known(self, full_name: str) -> DefType:
        """A top-level type of the core library, e.g. ``System.Object``.

        Raises:
            TypeLoadError: it has none of this name.
        """
        found = self._well_known.get(full_name)
        if found is None:
            namespace, _, name = full_name.rpartition(".")
            type_desc = self.core.find_type(namespace, name)
            if not isinstance(type_desc, DefType):
                raise TypeLoadError(f"type {full_name} was not found in {CORE_LIBRARY}")
            found = self._well_known[full_name] = type_desc
        return found

    def element_type(self, element: int) -> DefType:
        """The type that a one-byte element type of a signature stands for, e.g. ``ET.I4``."""
        found = self._elements.get(element)
        if found is None:
            name = ELEMENT_NAMES.get(element)
            if name is None:
                raise TypeLoadError(f"element type 0x{element:02x} is not a type")
            found = self._elements[element] = self.well_known(f"System.{name}")
        return found

    # ---- constructed types ------------------------------------------------------------------------------------------

    def array_of(self, element: TypeDesc) -> ArrayType:
        """The vector type of an element."""
        found = self._arrays.get(element)
        if found is None:
            found = self._arrays[element] = ArrayType(self, element, 1, True)
        return found

    def general_array_of(self, element: TypeDesc, rank: int) -> ArrayType:
        """The array type with ``rank`` dimensions and lower bounds."""
        found = self._general_arrays.get((element, rank))
        if found is None:
            found = self._general_arrays[(element, rank)] = ArrayType(self, element, rank, False)
        return found

    def byref_to(self, element: TypeDesc) -> ByRefType:
        """The managed pointer type."""
        found = self._byrefs.get(element)
        if found is None:
            found = self._byrefs[element] = ByRefType(self, element)
        return found

    def pointer_to(self, element: TypeDesc) -> PointerType:
        """The unmanaged pointer type."""
        found = self._pointers.get(element)
        if found is None:
            found = self._pointers[element] = PointerType(self, element)
        return found

    def function_pointer(self, signature: MethodSignature) -> FunctionPointerType:
        """The type of pointers to functions of this signature."""
        found = self._function_pointers.get(signature)
        if found is None:
            found = self._function_pointers[signature] = FunctionPointerType(self, signature)
        return found

    def generic_parameter(self, index: int, is_method: bool) -> GenericParameterType:
        """The unsubstituted type parameter of any generic type or method."""
        found = self._parameters.get((index, is_method))
        if found is None:
            found = self._parameters[(index, is_method)] = GenericParameterType(self, index, is_method)
        return found
