"""Tests of the importer: CIL in, IR or an exclusion out.

>>> module = compile_module("class C { static int F(int x) { return x + 1; } }", tmp_path)
>>> print(imported(module, "C::F"))
"""

from __future__ import annotations

import functools
from pathlib import Path

from nativegen.compiler import ir
from nativegen.compiler.context import MethodCompiler
from nativegen.compiler.exclusions import Excluded
from nativegen.compiler.printer import print_function
from nativegen.compiler.verifier import verify
from nativegen.metadata import Assembly
from nativegen.metadata.tables import Table
from nativegen.readytorun.targets import target_named
from nativegen.typesystem import MethodDesc, Module, TypeSystem
from tests.support.csharp import compile_csharp
from tests.support.runtimes import framework_references


def open_module(path: Path | str, target: str = "3.1", folder: Path | None = None) -> Module:
    """A module in a type system of its own, over the assemblies of a folder or of the target's framework."""
    found = {file.stem: str(file) for file in folder.glob("*.dll")} if folder else framework_references(target)
    return TypeSystem(target_named(target), found.get).open(path)


def compile_module(source: str, folder: Path, target: str = "3.1", compiler: str = "mcs") -> Module:
    """C# text as a module named ``Sample``."""
    against = "3.1" if compiler == "mcs" else target
    return open_module(
        compile_csharp(source, folder, "Sample", library=True, compiler=compiler, target=against), target
    )


def methods(module: Module) -> list[MethodDesc]:
    """All methods of the module that have CIL."""
    count = module.assembly.row_count(Table.MethodDef)
    found = [module.method(0x06000000 | rid) for rid in range(1, count + 1)]
    return [method for method in found if method.has_body]


def method_named(module: Module, name: str) -> MethodDesc:
    """The one method with this display name (``Type::Method``)."""
    (found,) = [method for method in methods(module) if method.display_name == name]
    return found


def compiler_for(module: Module) -> MethodCompiler:
    """A fresh compiler for the module's own target."""
    return MethodCompiler(module, module.type_system.target)


def compiler_for_content(module: Module, data: bytes) -> MethodCompiler:
    """A fresh compiler for another content of the module's file, with the same references."""
    path = module.assembly.path
    assembly = Assembly.from_bytes(data, path)
    system = TypeSystem(
        module.type_system.target,
        framework_references(module.type_system.target.name).get,
        lambda name: assembly if name == path else _opened(name),
    )
    return MethodCompiler(system.open(path), system.target)


@functools.lru_cache(16)
def _opened(path: str) -> Assembly:
    """An assembly that many type systems refer to: much of it is decoded once."""
    return Assembly.open(path)


def import_function(module: Module, name: str) -> ir.Function:
    """The verified IR of a method."""
    function = compiler_for(module).import_method(method_named(module, name).rid)
    verify(function)
    return function


def imported(module: Module, name: str) -> str:
    """The printed, verified IR of a method."""
    return print_function(import_function(module, name))


def exclusion(module: Module, name: str) -> Excluded:
    """The exclusion that importing a method ends with."""
    try:
        compiler_for(module).import_method(method_named(module, name).rid)
    except Excluded as error:
        return error
    raise AssertionError(f"{name} was imported")
