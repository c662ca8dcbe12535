"""IR -> text, for dumps, messages and tests; :mod:`nativegen.compiler.parser` reads it back.

Why here: a pass is only reviewable if what it did can be seen. The text is complete: printing and parsing gives an
equal function (but for ``il_offset``), so tests are written in it.

A try region, its handlers and the scopes of blocks (``in``: t try region, h handler, f the filter of a handler)::

      try t0 in method
      handler h0 of t0 catch b2 exception s0 caught "[System.Runtime]System.Exception"
    b1 in t0:
      ...

Invariants: shapes and cells are declared before the function, in the order of their first use; slots of equal names
get ``.<index>`` appended.

Example::

    shape Pair = 16 align 8 {0: ref}
    cell c0 = method_call 20 method_def:"N.T::F()" {0: 1}
    function "N.T::Main" (ref) -> i32 returns scalar
      argument o: ref
      local p: Pair zeroed
    b0:
      v0: ref = load_slot o
      v1: i32 = call c0 (ref v0) -> i32
      return v1
"""

from __future__ import annotations

import enum
import itertools
import json
import re

from nativegen.compiler import ir
from nativegen.compiler.regions import Handler, Scope, TryRegion
from nativegen.compiler.text_form import CALL_FLAGS, FORMS, mnemonic
from nativegen.readytorun.unit import Cell, Symbol


def print_function(function: ir.Function) -> str:
    """The whole function as text, with a newline at the end."""
    return _Printer(function).text()


def print_instruction(instruction: ir.Instruction) -> str:
    """One instruction, for messages; shapes and cells are named by their position in it."""
    return _Printer(None).instruction(instruction)


_NAME = re.compile(r"[A-Za-z_][\w.]*")


class _Printer:
    def __init__(self, function: ir.Function | None) -> None:
        self.function = function
        self.shapes: dict[ir.StructShape, str] = {}
        self.cells: dict[Cell, str] = {}
        self.slots: dict[ir.Slot, str] = {}
        taken: set[str] = set()
        for slot in function.slots if function else ():
            name = slot.name
            if not _NAME.fullmatch(name) or name in taken:
                name = re.sub(r"[^\w.]", "_", f"{name}.{slot.index}")
            taken.add(name)
            self.slots[slot] = name

    def text(self) -> str:
        function = self.function
        assert function is not None
        header = [f"function {json.dumps(function.name)} {self.abi(function.abi)}"]
        header[0] += f" returns {function.return_kind.name.lower()}"
        header += [f"  {slot.kind.name.lower()} {self.slot(slot)}" for slot in function.slots]
        header += [f"  requires {self.cell(cell)}" for cell in function.required]
        for region in function.regions:
            header.append(f"  try t{region.index} in {_scope(region.parent) or 'method'}")
            header += [f"  {self.handler(handler)}" for handler in region.handlers]
        body = []
        for block in function.blocks:
            where = _scope(block.scope)
            body.append(f"b{block.index}{f' in {where}' if where else ''}:")
            body += [f"  {self.instruction(instruction)}" for instruction in block.instructions]
        shapes = [f"shape {name} = {_shape(shape)}" for shape, name in self.shapes.items()]
        cells = [f"cell {name} = {_cell(cell)}" for cell, name in self.cells.items()]
        return "\n".join([*shapes, *cells, *header, *body, ""])

    def slot(self, slot: ir.Slot) -> str:
        kind = self.shape(slot.shape) if slot.shape is not None else _member(slot.memory)
        flags = "".join(f" {flag}" for flag in ("address_taken", "pinned", "zeroed") if getattr(slot, flag))
        return f"{self.slots[slot]}: {kind}{flags}"

    def handler(self, handler: Handler) -> str:
        text = f"handler h{handler.index} of t{handler.region.index} {_member(handler.kind)} b{handler.entry.index}"
        if handler.exception is not None:
            text += f" exception {self.slots[handler.exception]}"
        if handler.caught is not None:
            text += f" caught {json.dumps(handler.caught.name)}"
        if handler.filter is not None:
            text += f" filter b{handler.filter.entry.index}"
        return text

    def shape(self, shape: ir.StructShape) -> str:
        name = self.shapes.get(shape)
        if name is None:
            name = shape.name if shape.name.isidentifier() else f"s{len(self.shapes)}"
            while name in self.shapes.values():
                name += "_"
            self.shapes[shape] = name
        return name

    def cell(self, cell: Cell) -> str:
        return self.cells.setdefault(cell, f"c{len(self.cells)}")

    def abi(self, abi: ir.CallAbi, args: tuple[ir.Value, ...] = ()) -> str:
        params = [self.param(param) for param in abi.params]
        if args:
            # Counts may differ in IR that the verifier is about to reject.
            pairs = itertools.zip_longest(params, (f"v{arg.id}" for arg in args), fillvalue="?")
            params = [" ".join(pair) for pair in pairs]
        return f"{'this ' if abi.has_this else ''}({', '.join(params)}) -> {self.param(abi.result)}"

    def param(self, param: ir.AbiParam) -> str:
        if param.kind is ir.PassKind.SCALAR:
            return _member(param.memory)
        if param.shape is None:
            return param.kind.name.lower()
        words = "; ".join(f"{word.offset} {_member(word.memory)} {word.size}" for word in param.words)
        return f"{param.kind.name.lower()} {self.shape(param.shape)}" + (f" [{words}]" if words else "")

    def instruction(self, instruction: ir.Instruction) -> str:
        name = mnemonic(type(instruction))
        form = FORMS[name]
        result: ir.Value | None = getattr(instruction, "result", None)
        prefix = "" if result is None else f"v{result.id}: {_member(result.type)} = "
        if isinstance(instruction, ir.Call):
            return prefix + self.call(instruction)
        operands = [getattr(instruction, operand.name) for operand in form.operands]
        text = ", ".join(self.operand(operand) for operand in operands if operand is not None)
        flags = [flag for flag in form.flags if getattr(instruction, flag)]
        numbers = [
            f"{field}={getattr(instruction, field)}"
            for field, default in form.numbers
            if getattr(instruction, field) != default
        ]
        return prefix + " ".join([name, *([text] if text else []), *flags, *numbers])

    def call(self, call: ir.Call) -> str:
        target = self.operand(call.target)
        text = f"call {target} {self.abi(call.abi, call.args)}"
        if call.result_address is not None:
            text += f" into v{call.result_address.id}"
        return text + "".join(f" {flag}" for flag in CALL_FLAGS if getattr(call, flag))

    def operand(self, operand: object) -> str:
        if isinstance(operand, ir.Value):
            return f"v{operand.id}"
        if isinstance(operand, ir.Slot):
            return self.slots.get(operand, operand.name)
        if isinstance(operand, ir.Block):
            return f"b{operand.index}"
        if isinstance(operand, ir.StructShape):
            return self.shape(operand)
        if isinstance(operand, Cell):
            return self.cell(operand)
        if isinstance(operand, enum.IntEnum):
            return operand.name.lower()
        if isinstance(operand, tuple):
            return f"[{', '.join(self.operand(each) for each in operand)}]"
        return str(operand).lower()


def _member(member: enum.IntEnum | None) -> str:
    assert member is not None
    return member.name.lower()


def _scope(scope: Scope) -> str:
    if isinstance(scope, TryRegion):
        return f"t{scope.index}"
    if isinstance(scope, Handler):
        return f"h{scope.index}"
    return "" if scope is None else f"f{scope.handler.index}"


def _shape(shape: ir.StructShape) -> str:
    pointers = ", ".join(f"{offset}: {_member(memory)}" for offset, memory in shape.gc)
    return f"{shape.size} align {shape.alignment} {{{pointers}}}"


def _cell(cell: Cell) -> str:
    parts = []
    for part in cell.signature:
        if isinstance(part, Symbol):
            parts.append(f"{part.kind.name.lower()}:{json.dumps(part.name)}")
        elif isinstance(part, bytes):
            parts.append(f"x{part.hex()}")
        else:
            parts.append(str(int(part)))
    references = ", ".join(f"{position}: {kind}" for position, kind in cell.ref_map)
    return f"{cell.kind.name.lower()} {' '.join(parts)}" + (f" {{{references}}}" if references else "")
