"""Methods of the core library whose CIL is not what runs: calls are expanded, or the method stays with the runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nativegen.compiler import ir
from nativegen.compiler.context import MethodCompiler
from nativegen.compiler.exclusions import Excluded, Reason
from nativegen.metadata import Table
from nativegen.metadata.opcodes import decode
from nativegen.metadata.ops import Op
from nativegen.readytorun.targets import target_named
from nativegen.readytorun.unit import Cell, Symbol
from nativegen.typesystem import MethodDesc, Module, TypeSystem
from tests.support.paths import TestInputs
from tests.support.runtimes import framework_references

USERS = ("System.Span`1", "System.ReadOnlySpan`1", "System.Runtime.InteropServices.MemoryMarshal")


def _core(target: str) -> tuple[Module, MethodCompiler]:
    references = framework_references(target)
    module = TypeSystem(target_named(target), references.get).open(Path(references["System.Private.CoreLib"]))
    return module, MethodCompiler(module, target_named(target))


def _calls(module: Module, method: MethodDesc) -> list[MethodDesc]:
    found = []
    for _, opcode, operand in decode(method.body.code):
        if opcode in (Op.CALL, Op.CALLVIRT, Op.NEWOBJ) and operand >> 24 in (Table.MethodDef, Table.MemberRef):
            found.append(module.method(operand))
    return found


def _called_names(function: ir.Function) -> Iterator[str]:
    for block in function.blocks:
        for instruction in block.instructions:
            if isinstance(instruction, ir.Call) and isinstance(instruction.target, Cell):
                yield from (part.name for part in instruction.target.signature if isinstance(part, Symbol))


def test_by_reference_is_expanded(inputs: TestInputs) -> None:
    """Its bodies throw in 3.1: a call of one would be wrong."""
    module, compiler = _core("3.1")
    users = imported = 0
    owners = [module.find_type(*name.rsplit(".", 1)) for name in USERS]
    for method in [method for owner in owners if owner is not None for method in owner.methods if method.has_body]:
        called = [each for each in _calls(module, method) if each.owner.definition.full_name == "System.ByReference`1"]
        if not called:
            continue
        users += 1
        try:
            function = compiler.import_method(method.rid)
        except Excluded as reason:
            assert reason.reason in (Reason.GENERIC, Reason.HARDWARE_INTRINSIC), str(reason)
            continue
        imported += 1
        assert not [name for name in _called_names(function) if "ByReference" in name], method.display_name
    assert users > 20 and imported > 15


@pytest.mark.parametrize(
    ("type_name", "method"),
    [
        ("System.Threading.Interlocked", "ExchangeAdd"),
        ("System.Threading.Interlocked", "CompareExchange"),
        ("System.Math", "ReciprocalEstimate"),
        ("System.Double", "MultiplyAddEstimate"),
    ],
)
def test_bodies_that_only_name_themselves_stay_with_the_runtime(
    type_name: str, method: str, inputs: TestInputs
) -> None:
    module, compiler = _core("9.0")
    namespace, _, name = type_name.rpartition(".")
    owner = module.find_type(namespace, name)
    assert owner is not None
    found = [each for each in owner.methods if each.name == method and each.has_body]
    assert found
    for each in found:
        with pytest.raises(Excluded) as caught:
            compiler.import_method(each.rid)
        assert caught.value.reason in (Reason.OPCODE, Reason.GENERIC), each.display_name
