"""Text -> IR: the inverse of :mod:`nativegen.compiler.printer`, so that tests of passes are written in IR.

Invariant: ``parse_function(print_function(f))`` prints as ``f`` does. The result is not verified.

Example: see the printer; ``;;`` starts a comment.
"""

from __future__ import annotations

import enum
import json
import re
from typing import Any, TypeVar

from nativegen.compiler import ir
from nativegen.compiler.regions import Filter, Handler, HandlerKind, TryRegion
from nativegen.compiler.text_form import CALL_FLAGS, ENUMS, FORMS, Operand
from nativegen.readytorun.unit import Cell, CellKind, Symbol, SymbolKind

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(->|[()\[\]{},:;=])|(-?[\w.]+))')
_E = TypeVar("_E", bound=enum.IntEnum)


class IrSyntaxError(ValueError):
    """The text is not IR; the message names the line."""


def parse_function(text: str) -> ir.Function:
    """Read one function.

    Raises:
        IrSyntaxError: the text does not follow the grammar or names something undeclared.
    """
    parser = _Parser()
    for number, line in enumerate(text.splitlines(), 1):
        content = re.sub(r"(^|\s);;.*", "", line).strip()
        if content:
            try:
                parser.line(content)
            except (KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
                raise IrSyntaxError(f"line {number}: {line.strip()}: {error!r}") from error
    if parser.function is None:
        raise IrSyntaxError("no function")
    return parser.function


def _tokens(line: str) -> list[str]:
    tokens = []
    position = 0
    while position < len(line):
        match = _TOKEN.match(line, position)
        if match is None:
            raise ValueError(f"unexpected {line[position:]!r}")
        tokens.append(match[match.lastindex or 0])
        position = match.end()
    return tokens


def _member(kind: type[_E], text: str) -> _E:
    return kind[text.upper()]


class _Parser:
    def __init__(self) -> None:
        self.function: ir.Function | None = None
        self.shapes: dict[str, ir.StructShape] = {}
        self.cells: dict[str, Cell] = {}
        self.slots: dict[str, ir.Slot] = {}
        self.values: dict[str, ir.Value] = {}
        self.scopes: dict[str, TryRegion | Handler | Filter] = {}
        self.block: ir.Block | None = None
        self.tokens: list[str] = []

    # tokens

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self) -> str:
        return self.tokens.pop(0)

    def expect(self, text: str) -> None:
        if self.take() != text:
            raise ValueError(f"expected {text!r}")

    def accept(self, text: str) -> bool:
        if self.peek() == text:
            self.tokens.pop(0)
            return True
        return False

    # lines

    def line(self, content: str) -> None:
        self.tokens = _tokens(content)
        first = self.peek()
        if first == "shape":
            self.declare_shape()
        elif first == "cell":
            self.declare_cell()
        elif first == "function":
            self.declare_function()
        elif self.block is None and first in ("argument", "local", "temp"):
            self.declare_slot()
        elif self.block is None and first == "requires":
            self.take()
            self.current().required.append(self.cells[self.take()])
        elif self.block is None and first == "try":
            self.declare_try()
        elif self.block is None and first == "handler":
            self.declare_handler()
        elif self.tokens[-1] == ":" and (len(self.tokens) == 2 or self.tokens[1] == "in"):
            self.block = self.block_named(first)
            if len(self.tokens) > 2:
                self.block.scope = self.scopes[self.tokens[2]]
            self.tokens = []
        else:
            assert self.block is not None
            self.block.instructions.append(self.instruction())
        if self.tokens:
            raise ValueError(f"left over: {self.tokens}")

    def current(self) -> ir.Function:
        assert self.function is not None
        return self.function

    def declare_shape(self) -> None:
        self.take()
        name = self.take()
        self.expect("=")
        size = int(self.take())
        self.expect("align")
        alignment = int(self.take())
        pointers = tuple((offset, _member(ir.Memory, kind)) for offset, kind in self.pairs())
        self.shapes[name] = ir.StructShape(size, alignment, pointers, name)

    def pairs(self) -> list[tuple[int, str]]:
        found = []
        self.expect("{")
        while not self.accept("}"):
            key = int(self.take())
            self.expect(":")
            found.append((key, self.take()))
            self.accept(",")
        return found

    def declare_cell(self) -> None:
        self.take()
        name = self.take()
        self.expect("=")
        kind = _member(CellKind, self.take())
        signature: list[int | bytes | Symbol] = []
        while self.tokens and self.peek() != "{":
            part = self.take()
            if self.accept(":"):
                signature.append(Symbol(_member(SymbolKind, part), json.loads(self.take())))
            elif part[0] == "x":
                signature.append(bytes.fromhex(part[1:]))
            else:
                signature.append(int(part))
        references = tuple((key, int(value)) for key, value in self.pairs()) if self.tokens else ()
        self.cells[name] = Cell(kind, tuple(signature), references)

    def declare_function(self) -> None:
        self.take()
        name = json.loads(self.take())
        abi, _ = self.abi()
        self.expect("returns")
        self.function = ir.Function(name, abi, _member(ir.ReturnKind, self.take()))

    def declare_slot(self) -> None:
        kind = _member(ir.SlotKind, self.take())
        name = self.take()
        self.expect(":")
        type_name = self.take()
        shape = self.shapes.get(type_name)
        memory = None if shape else _member(ir.Memory, type_name)
        slot = self.slots[name] = self.current().new_slot(name, kind, memory=memory, shape=shape)
        if kind is ir.SlotKind.ARGUMENT:
            self.current().arguments.append(slot)
        while self.tokens:
            flag = self.take()
            if flag not in ("address_taken", "pinned", "zeroed"):
                raise ValueError(flag)
            setattr(slot, flag, True)

    def declare_try(self) -> None:
        self.take()
        name = self.take()
        self.expect("in")
        parent = self.take()
        function = self.current()
        region = TryRegion(len(function.regions), None if parent == "method" else self.scopes[parent])
        function.regions.append(region)
        self.scopes[name] = region

    def declare_handler(self) -> None:
        self.take()
        name = self.take()
        self.expect("of")
        region = self.scopes[self.take()]
        assert isinstance(region, TryRegion)
        kind = _member(HandlerKind, self.take())
        handler = Handler(int(name[1:]), kind, region, self.block_named(self.take()))
        if self.accept("exception"):
            handler.exception = self.slots[self.take()]
        if self.accept("caught"):
            handler.caught = Symbol(SymbolKind.TYPE, json.loads(self.take()))
        if self.accept("filter"):
            assert handler.exception is not None
            handler.filter = Filter(handler, self.block_named(self.take()), handler.exception)
            self.scopes[f"f{name[1:]}"] = handler.filter
        region.handlers.append(handler)
        self.scopes[name] = handler

    def block_named(self, name: str) -> ir.Block:
        # Blocks are numbered in the order of their labels, but may be named before.
        number = int(name[1:])
        function = self.current()
        while len(function.blocks) <= number:
            function.new_block()
        return function.blocks[number]

    # calling convention

    def abi(self) -> tuple[ir.CallAbi, tuple[ir.Value, ...]]:
        has_this = self.accept("this")
        params: list[ir.AbiParam] = []
        args: list[ir.Value] = []
        self.expect("(")
        while not self.accept(")"):
            params.append(self.param())
            if self.peek() in self.values:
                args.append(self.values[self.take()])
            self.accept(",")
        self.expect("->")
        return ir.CallAbi(tuple(params), self.param(), has_this), tuple(args)

    def param(self) -> ir.AbiParam:
        word = self.take()
        if word.upper() in ir.Memory.__members__:
            return ir.AbiParam(ir.PassKind.SCALAR, memory=_member(ir.Memory, word))
        kind = _member(ir.PassKind, word)
        if kind is ir.PassKind.VOID:
            return ir.AbiParam(kind)
        shape = self.shapes[self.take()]
        words: list[ir.Word] = []
        if self.accept("["):
            while not self.accept("]"):
                offset = int(self.take())
                memory = _member(ir.Memory, self.take())
                words.append(ir.Word(offset, memory, int(self.take())))
                self.accept(";")
        return ir.AbiParam(kind, words=tuple(words), shape=shape)

    # instructions

    def instruction(self) -> ir.Instruction:
        result = None
        if len(self.tokens) > 3 and self.tokens[1] == ":" and self.tokens[3] == "=":
            name, _, kind, _ = (self.take() for _ in range(4))
            result = ir.Value(int(name[1:]), _member(ir.Type, kind))
        name_or_none = None if result is None else f"v{result.id}"
        mnemonic = self.take()
        form = FORMS[mnemonic]
        fields: dict[str, Any] = {"result": result} if form.has_result else {}
        if form.kind is ir.Call:
            self.call(fields)
        else:
            for index, operand in enumerate(form.operands):
                if not self.tokens and operand.kind.endswith("| None"):
                    continue
                if index:
                    self.expect(",")
                fields[operand.name] = self.operand(operand)
        numbers = dict(form.numbers)
        while self.tokens:
            word = self.take()
            if word in numbers:
                self.expect("=")
                fields[word] = int(self.take())
            elif word in form.flags:
                fields[word] = True
            else:
                raise ValueError(word)
        if result is not None and name_or_none is not None:
            self.values[name_or_none] = result
            function = self.current()
            function.value_count = max(function.value_count, result.id + 1)
        return form.kind(**fields)

    def call(self, fields: dict[str, Any]) -> None:
        target = self.take()
        fields["target"] = self.values[target] if target in self.values else self.cells[target]
        fields["abi"], fields["args"] = self.abi()
        if self.accept("into"):
            fields["result_address"] = self.values[self.take()]
        while self.peek() in CALL_FLAGS:
            fields[self.take()] = True

    def operand(self, operand: Operand) -> Any:
        kind = operand.kind.removesuffix(" | None")
        if kind == "tuple[Block, ...]":
            found = []
            self.expect("[")
            while not self.accept("]"):
                found.append(self.block_named(self.take()))
                self.accept(",")
            return tuple(found)
        word = self.take()
        if kind == "Value":
            return self.values[word]
        if kind == "Slot":
            return self.slots[word]
        if kind == "Block":
            return self.block_named(word)
        if kind == "StructShape":
            return self.shapes[word]
        if kind == "Cell":
            return self.cells[word]
        if kind == "bool":
            return {"true": True, "false": False}[word]
        if kind == "int":
            return int(word, 0)
        if kind == "str":
            return word
        return _member(ENUMS[kind], word)
