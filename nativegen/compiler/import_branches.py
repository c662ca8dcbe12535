"""Importing control flow: branches, switch, ret (ECMA-335 III.3.5 to III.3.24, III.3.56, III.3.66).

Every branch first spills what is on the stack to the slots that its targets read (see ``importer``), then ends the
block.

Example (``ldarg.0; brtrue.s IL_5; ...``)::

    v0 = load_slot a0
    branch v0, b2, b1
"""

from __future__ import annotations

from nativegen.compiler import ir
from nativegen.compiler.import_arithmetic import UNSIGNED, comparable
from nativegen.compiler.importer import Handler, MethodImporter, invalid
from nativegen.compiler.ir import Condition, Type
from nativegen.metadata.ops import Op


def _branch(importer: MethodImporter, target: int) -> None:
    importer.jump(target)


def _branch_if(taken: bool) -> Handler:
    def handler(importer: MethodImporter, target: int) -> None:
        value = importer.pop_value()
        if value.type in (Type.F32, Type.F64):
            raise invalid("branch on a floating-point number")
        following = importer.next_offset()
        importer.spill((target, following))
        if value.type is Type.ADDR:
            importer.end(ir.Jump(importer.enter(target if taken else following)))
            return
        there, here = importer.enter(target), importer.enter(following)
        importer.end(ir.Branch(value, there, here) if taken else ir.Branch(value, here, there))

    return handler


def _compare_branch(condition: Condition) -> Handler:
    def handler(importer: MethodImporter, target: int) -> None:
        left, right = comparable(importer, condition in UNSIGNED)
        following = importer.next_offset()
        importer.spill((target, following))
        there, here = importer.enter(target), importer.enter(following)
        importer.end(ir.CompareBranch(condition, left, right, there, here))

    return handler


def _switch(importer: MethodImporter, targets: tuple[int, ...]) -> None:
    value = importer.pop_value()
    if value.type is Type.I64:
        raise invalid("switch on a native int")
    if value.type is not Type.I32:
        raise invalid(f"switch on {value.type.name}")
    following = importer.next_offset()
    importer.spill((*targets, following))
    blocks = tuple([importer.enter(target) for target in targets])
    importer.end(ir.Switch(value, blocks, importer.enter(following)))


def _return(importer: MethodImporter, operand: None) -> None:
    if importer.source.node is not None:
        raise invalid("ret inside a protected region")
    storage = importer.result
    if storage.memory is not None:
        value: ir.Value | None = importer.coerce(importer.pop(), storage.memory)
    elif storage.shape is not None:
        value = importer.struct_of(importer.pop(), storage)
    else:
        value = None
    if importer.stack:
        raise invalid("values left on the stack")
    if importer.monitor is not None:
        importer.monitor.leave(value)
    else:
        importer.end(ir.Return(value))


HANDLERS: dict[int, Handler] = {
    Op.BR_S: _branch,
    Op.BR: _branch,
    Op.SWITCH: _switch,
    Op.RET: _return,
}
for _suffix in ("_S", ""):
    HANDLERS[getattr(Op, f"BRFALSE{_suffix}")] = _branch_if(False)
    HANDLERS[getattr(Op, f"BRTRUE{_suffix}")] = _branch_if(True)
    for _name, _condition in {
        "BEQ": Condition.EQ,
        "BGE": Condition.GE,
        "BGT": Condition.GT,
        "BLE": Condition.LE,
        "BLT": Condition.LT,
        "BNE_UN": Condition.NE,
        "BGE_UN": Condition.GE_UN,
        "BGT_UN": Condition.GT_UN,
        "BLE_UN": Condition.LE_UN,
        "BLT_UN": Condition.LT_UN,
    }.items():
        HANDLERS[getattr(Op, _name + _suffix)] = _compare_branch(_condition)
