"""LLVM behind one small class: text in, COFF object out, by one of two pass pipelines.

llvmlite is imported only when a :class:`CodeGenerator` is made: reading, planning and ``help`` never pay for it. Only
the LLVM that the checks of this package were proved with is accepted; another one may lay out frames, prologs or stack
maps differently, and then refusing is the only safe answer.

The two pipelines (facts: llvm-codegen.md 6): CHEAP is a short list of scalar passes and code generation level 0, some
ten times faster than FULL, which is LLVM's O2 with vectorisation.

Invariants: the result depends on nothing but text, effort, cpu and features, never on the build machine or on what was
compiled before. LLVM may abort the whole process on bad input; :mod:`nativegen.backend.workers` is for that.

>>> generator = CodeGenerator("x86-64")
>>> module = generator.compile('target triple = "x86_64-pc-windows-msvc"', Effort.CHEAP)
>>> module.object[:2].hex(), dict(module.constants)
('6486', {})
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nativegen.backend.module_text import TRIPLE
from nativegen.compiler.lowered import Effort
from nativegen.diagnostics import NativegenError

# llvmlite's and LLVM's versions with which facts/llvm-codegen.md and joint-design.md were proved, as prefixes.
_PROVED_LLVMLITE = "0.50."
_PROVED_LLVM = (22, 1)

_ALIGNMENT = re.compile(r", align (\d+)")


class LlvmError(ValueError):
    """LLVM refuses the text: it does not parse or verify."""


@dataclass(frozen=True, slots=True)
class PrivateConstant:
    """A table that the optimiser made; size and alignment in bytes."""

    size: int
    alignment: int


@dataclass(frozen=True, slots=True)
class CompiledModule:
    """One compiled module.

    Args:
        object: a COFF object.
        constants: tables made by the optimiser, by symbol name. They share one section, so only their size says where
            one ends.
    """

    object: bytes
    constants: Mapping[str, PrivateConstant]


def toolchain_version() -> str:
    """What code generation depends on, for key manifests: ``llvmlite 0.50.0, LLVM 22.1.0``.

    Raises:
        NativegenError: NGEN3201, NGEN3202, as for :class:`CodeGenerator`.
    """
    llvmlite, binding = _load()
    return _describe(llvmlite, binding)


@functools.cache
def _set_options(binding: Any) -> None:
    """LLVM's own options, once per process.

    Two equal ends of blocks must not become one: the instruction behind a call that returns a reference would be
    reached with another kind of value in rax, and GC info says of such places that rax holds a reference.
    """
    binding.set_option("nativegen", "-enable-tail-merge=false")


class CodeGenerator:
    """Compiles modules for one CPU; make one per process and target and keep it.

    Args:
        cpu: LLVM CPU name of the baseline, e.g. ``x86-64``.
        features: LLVM feature names to add, e.g. ``avx2``.

    Raises:
        NativegenError: NGEN3201, llvmlite is missing; NGEN3202, it is not a version that the checks were proved with.
    """

    def __init__(self, cpu: str, features: tuple[str, ...] = ()) -> None:
        _, self._binding = _load()
        binding = self._binding
        _set_options(binding)
        binding.initialize_all_targets()
        binding.initialize_all_asmprinters()
        binding.initialize_native_asmparser()  # inline assembly
        target = binding.Target.from_triple(TRIPLE)
        self._machines = {
            effort: target.create_target_machine(
                cpu=cpu,
                features=",".join(f"+{feature}" for feature in features),
                opt=int(effort),
                reloc="pic",
                codemodel="small",
            )
            for effort in Effort
        }
        self._layout = str(self._machines[Effort.FULL].target_data)

    def compile(self, text: str, effort: Effort) -> CompiledModule:
        """Optimise and translate one module.

        Raises:
            LlvmError: the text does not parse or verify.
        """
        binding = self._binding
        # A context of its own: constants and types of a context are only freed with it.
        context = binding.create_context()
        try:
            module = binding.parse_assembly(text, context)
            module.verify()
        except RuntimeError as error:
            raise LlvmError(_first_line(str(error))) from error
        machine = self._machines[effort]
        module.data_layout = self._layout
        self._optimise(module, machine, effort)
        constants = self._name_private_constants(module, machine)
        return CompiledModule(machine.emit_object(module), constants)

    def _optimise(self, module: Any, machine: Any, effort: Effort) -> None:
        binding = self._binding
        options = binding.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = options.slp_vectorization = effort is Effort.FULL
        builder = binding.create_pass_builder(machine, options)
        if effort is Effort.FULL:
            passes = builder.getModulePassManager()
        else:
            passes = binding.create_new_module_pass_manager()
            passes.add_sroa_pass()
            passes.add_instruction_combine_pass()
            passes.add_simplify_cfg_pass()
        passes.run(module, builder)

    def _name_private_constants(self, module: Any, machine: Any) -> dict[str, PrivateConstant]:
        """Turn private constants into internal ones, which have a symbol in the object."""
        constants = {}
        for variable in module.global_variables:
            if variable.is_declaration:
                continue
            if variable.linkage == self._binding.Linkage.private:
                variable.linkage = "internal"
            size = machine.target_data.get_abi_size(variable.global_value_type)
            alignment = _ALIGNMENT.search(str(variable))
            constants[variable.name] = PrivateConstant(size, int(alignment[1]) if alignment else 1)
        return constants


def _load() -> tuple[Any, Any]:
    try:
        import llvmlite
        import llvmlite.binding
    except ImportError as error:
        raise NativegenError("NGEN3201") from error
    binding = llvmlite.binding
    if not llvmlite.__version__.startswith(_PROVED_LLVMLITE) or binding.llvm_version_info[:2] != _PROVED_LLVM:
        raise NativegenError("NGEN3202", version=_describe(llvmlite, binding))
    return llvmlite, binding


def _describe(llvmlite: Any, binding: Any) -> str:
    return f"llvmlite {llvmlite.__version__}, LLVM {'.'.join(map(str, binding.llvm_version_info))}"


def _first_line(message: str) -> str:
    """LLVM's messages begin with a heading and the name of a nameless file; the rest quotes the source."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    useful = [line for line in lines if line not in ("LLVM IR parsing error",)]
    return (useful or ["no message"])[0].removeprefix("<string>:")
