"""Asks real runtimes what they made of types (``Probe.cs``), and the type system of the same target what it predicts.

>>> for line in probe("9.0", "layout", assembly, tmp_path): ...
['L', '[Shapes]02000006', '8', '', '04000003:0 04000004:4']
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from nativegen.readytorun.targets import target_named
from nativegen.runtime.host import run_app
from nativegen.typesystem import DefType, GenericParameterType, TypeDesc, TypeSystem
from nativegen.typesystem.constructed import ConstructedType
from tests.support.csharp import assemble_il, compile_csharp
from tests.support.runtimes import clean_environment, framework_references, get_runtime

HERE = Path(__file__).parent


def type_system(target: str, folder: Path | None = None) -> TypeSystem:
    """The type system over the target's framework and the assemblies of a folder, which win."""
    framework = framework_references(target)

    def resolve(name: str) -> str | None:
        local = folder / f"{name}.dll" if folder else None
        return str(local) if local is not None and local.is_file() else framework.get(name)

    return TypeSystem(target_named(target), resolve)


def build_shapes(folder: Path) -> Path:
    """The compiled ``Shapes.cs``: every kind of layout."""
    references = ["System.Numerics.Vectors"]
    return compile_csharp(
        HERE / "Shapes.cs", folder, "Shapes", library=True, references=references, extra=["-langversion:7.2"]
    )


def probe(target: str, mode: str, assembly: Path | str, folder: Path, types: Sequence[str] = ()) -> list[list[str]]:
    """Lines of ``Probe.dll MODE ASSEMBLY TYPE...``; an assembly ``corelib`` is the core library."""
    raw = assemble_il(HERE / "Raw.il", folder, "Raw", library=True)
    program = compile_csharp(HERE / "Probe.cs", folder, "Probe", references=[raw])
    result = run_app(
        program,
        [mode, str(assembly), *types],
        runtime=get_runtime(target),
        environment=clean_environment(folder),
        timeout=300,
    )
    assert result.exit_code == 0, result.stderr.decode()
    return [line.split("\t") for line in result.stdout.decode().splitlines()]


def reflection_name(definition: str, *arguments: str) -> str:
    """``Type.GetType``'s name of a generic instance over types of the core library."""
    return f"{definition}[{','.join(f'[{argument}]' for argument in arguments)}]"


def probe_name(type_desc: TypeDesc) -> str:
    """The name that the probe gives a type: ``[Assembly]`` and its TypeDef token."""
    if isinstance(type_desc, GenericParameterType):
        return type_desc.name
    if isinstance(type_desc, ConstructedType):
        return probe_name(type_desc.element) + type_desc.suffix
    assert isinstance(type_desc, DefType), type_desc
    name = f"[{type_desc.module.name}]{type_desc.token:08x}"
    if type_desc.type_args:
        name += f"<{','.join(map(probe_name, type_desc.type_args))}>"
    return name


class Names:
    """The probe's names back to types."""

    def __init__(self, system: TypeSystem) -> None:
        self.system = system
        self.find = functools.cache(self._find)

    def _find(self, name: str) -> TypeDesc:
        found, end = self._parse(name, 0)
        assert end == len(name), name
        return found

    def _parse(self, name: str, start: int) -> tuple[TypeDesc, int]:
        close = name.index("]", start)
        module = self.system.module_named(name[start + 1 : close])
        assert module is not None, name
        end = close + 9
        found: TypeDesc = module.type(int(name[close + 1 : end], 16))
        if name[end : end + 1] == "<":
            arguments = []
            while name[end] != ">":
                argument, end = self._parse(name, end + 1)
                arguments.append(argument)
            end += 1
            assert isinstance(found, DefType)
            found = found.instantiate(tuple(arguments))
        while name[end : end + 1] == "[":
            close = name.index("]", end)
            rank = close - end
            found = self.system.array_of(found) if rank == 1 else self.system.general_array_of(found, rank)
            end = close + 1
        return found, end
