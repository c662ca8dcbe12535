"""Compile many methods at once: one LLVM module per effort and batch, one unit or rejection per method.

Parsing and setting up LLVM's passes costs as much as compiling some ten small methods, hence batches; but a unit's
bytes must not depend on its batch, and one method that LLVM refuses must not take its neighbours along. So every
function gets sections of its own, and a module that does not parse or verify is halved until the guilty method is
alone. (A method that makes LLVM *abort* is the business of :mod:`nativegen.backend.workers`.)

Of a switch that chooses between cells LLVM makes a table of their addresses, which an image cannot hold without base
relocations. Such a method is compiled again without tables.

Invariants: results are in the order of the methods, one each; equal methods give equal results in any batch.

>>> from nativegen.backend.module_text import METHOD_ATTRIBUTES
>>> generator = CodeGenerator("x86-64")
>>> text = f"define cc 78 i32 @m1() {METHOD_ATTRIBUTES} {{\\n  ret i32 42\\n}}"
>>> unit, = compile_batch([LoweredMethod("m1", text, (), (), 0, (), Effort.CHEAP, target)], generator)
>>> unit.code.hex()
'b82a000000c3'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nativegen.backend.coff import ObjectError
from nativegen.backend.extract import extract_unit
from nativegen.backend.funclets import FuncletError
from nativegen.backend.llvm import CodeGenerator, LlvmError
from nativegen.backend.module_text import MODULE_HEAD, MODULE_TAIL, defined_symbols, with_scopes, without_tables
from nativegen.backend.object_index import ExtractError, ObjectIndex
from nativegen.backend.stackmaps import StackMapError
from nativegen.backend.unit_builder import TableError
from nativegen.backend.unwind import UnwindError
from nativegen.compiler.lowered import Effort, LoweredMethod
from nativegen.readytorun.unit import MethodUnit


@dataclass(frozen=True, slots=True)
class Rejection:
    """A method that the back end does not compile (exclusion reason BACKEND); ``detail`` is one line."""

    detail: str


Result = MethodUnit | Rejection


def compile_batch(methods: Sequence[LoweredMethod], generator: CodeGenerator) -> list[Result]:
    """Compile methods with distinct symbols.

    Args:
        methods: in any number and order; 50 to 100 is the efficient size.
        generator: of the target's CPU.

    Returns:
        One result per method, in order.
    """
    results: dict[str, Result] = {}
    if len({method.symbol for method in methods}) != len(methods):
        raise ValueError("methods of one batch need distinct symbols")
    for effort in Effort:
        for group in _without_conflicts([method for method in methods if method.effort is effort]):
            _compile_group(group, effort, generator, results)
    return [results[method.symbol] for method in methods]


def module_text(methods: Sequence[LoweredMethod]) -> str:
    """The complete LLVM module for methods without conflicting externals; also for dumps and bug reports."""
    declarations: dict[str, str] = {}
    comdats = []
    for method in methods:
        comdats += [f"${name} = comdat any" for name in defined_symbols(method.llvm)]
        for external in method.externals:
            declarations[external.name] = external.declaration
    texts, scopes = with_scopes([method.llvm for method in methods])
    return "\n".join((MODULE_HEAD, *comdats, *declarations.values(), *texts, MODULE_TAIL, scopes))


def _without_conflicts(methods: Sequence[LoweredMethod]) -> Iterator[list[LoweredMethod]]:
    """Groups in which equal external names have equal declarations; nearly always one group."""
    waiting = list(methods)
    while waiting:
        declarations: dict[str, str] = {}
        group, conflicting = [], []
        for method in waiting:
            wanted = {external.name: external.declaration for external in method.externals}
            if all(declarations.get(name, text) == text for name, text in wanted.items()):
                declarations.update(wanted)
                group.append(method)
            else:
                conflicting.append(method)
        yield group
        waiting = conflicting


def _compile_group(
    methods: Sequence[LoweredMethod], effort: Effort, generator: CodeGenerator, results: dict[str, Result]
) -> None:
    """Compile methods of one effort, in halves when LLVM refuses the whole."""
    try:
        index = ObjectIndex(generator.compile(module_text(methods), effort))
    except (LlvmError, ObjectError, StackMapError, ExtractError) as error:
        if len(methods) == 1:
            results[methods[0].symbol] = Rejection(f"LLVM: {error}" if isinstance(error, LlvmError) else str(error))
            return
        middle = len(methods) // 2
        _compile_group(methods[:middle], effort, generator, results)
        _compile_group(methods[middle:], effort, generator, results)
        return
    for method in methods:
        try:
            results[method.symbol] = extract_unit(index, method)
        except TableError as error:
            plain = replace(method, llvm=without_tables(method.llvm))
            if plain.llvm == method.llvm:
                results[method.symbol] = Rejection(str(error))
            else:
                _compile_group([plain], effort, generator, results)
        except (ObjectError, UnwindError, FuncletError, ExtractError) as error:
            results[method.symbol] = Rejection(str(error))
