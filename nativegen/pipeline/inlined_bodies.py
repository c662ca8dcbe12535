"""Which bodies a call may bring into its caller, for unit keys: all small ones that can be reached from the callee.

What: :meth:`InlinedBodies.of` gives, for a token, what has to be hashed beside the callee's digest: the callee's body
when it is small enough to be inlined (:func:`nativegen.compiler.inline_rules.is_small`), and the bodies of small
methods that it calls, and so on. The finer rules of the inliner only take some of these away.

Invariant: the result does not depend on which token was asked for first: each body is hashed with the plain digests of
its tokens, and the walk along its calls starts anew for every callee. So methods that call each other are no problem.

Example: ``M`` calls ``get_X``, which calls ``get_Y``: the key of ``M`` has the bodies of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nativegen.compiler.inline_rules import is_small
from nativegen.diagnostics import NativegenError
from nativegen.metadata import Table
from nativegen.metadata.bodies import BodyFinder, measure_body
from nativegen.metadata.flags import MethodImplAttributes
from nativegen.metadata.opcodes import OPCODES, decode
from nativegen.pipeline.signature_facts import FAILURES
from nativegen.typesystem import Module

_METHOD_DEF = int(Table.MethodDef)
_MEMBER_REF = int(Table.MemberRef)
_METHOD_SPEC = int(Table.MethodSpec)
_METHOD_TABLES = (_METHOD_DEF, _MEMBER_REF, _METHOD_SPEC)
_METHOD_OPCODES = frozenset(value for value, opcode in OPCODES.items() if opcode.operand == "method")


class InlinedBodies:
    """Small methods of one module, and those of others that its code may take in.

    Args:
        module: whose tokens are asked for.
        content: digest of the body of a MethodDef row, with plain digests in place of tokens.
        abroad: the same of another module; None: its bodies are never taken in.
    """

    def __init__(
        self,
        module: Module,
        content: Callable[[int], bytes],
        abroad: Callable[[Module], InlinedBodies | None] = lambda module: None,
    ) -> None:
        self._module = module
        self._content = content
        self._abroad = abroad
        self._finder = BodyFinder(module.assembly.pe.sections)
        self._contents: dict[int, bytes] = {}
        self._calls: dict[int, tuple[_Small, ...]] = {}
        self._targets: dict[int, _Small | None] = {}
        self._reached: dict[_Small, bytes] = {}

    def of(self, token: int) -> bytes:
        """What a call of this method may bring with it; empty for all other tokens."""
        if token >> 24 not in _METHOD_TABLES:
            return b""
        small = self._target(token)
        if small is None:
            return b""
        found = self._reached.get(small)
        if found is None:
            found = self._reached[small] = b"".join([bodies._body(rid) for bodies, rid in _reachable(small)])
        return found

    def bringers(self) -> dict[int, set[int]]:
        """Row of a small method of this module -> the tokens, of those asked for until now, that may bring its body
        with them."""
        found: dict[int, set[int]] = {}
        for token, small in self._targets.items():
            if small is not None:
                for bodies, rid in _reachable(small):
                    if bodies is self:
                        found.setdefault(rid, set()).add(token)
        return found

    def _target(self, token: int) -> _Small | None:
        """The small method that a token means, if it may be taken in."""
        if token not in self._targets:
            self._targets[token] = self._find(token)
        return self._targets[token]

    def _find(self, token: int) -> _Small | None:
        module = self._module
        try:
            if token >> 24 == _METHOD_DEF:
                return self._small(token & 0xFFFFFF)
            method = module.method(token)
            if method.is_array_method:
                return None
            if method.module is module:
                return self._small(method.rid)
            bodies = self._abroad(method.module)
            return None if bodies is None else bodies._small(method.rid)
        except FAILURES:
            return None

    def _small(self, rid: int) -> _Small | None:
        row = self._module.assembly.method_def(rid) if rid else None
        if row is None or not row.rva or row.impl_flags & MethodImplAttributes.CODE_TYPE_MASK:
            return None
        assembly = self._module.assembly
        _, size = measure_body(assembly.data, *self._finder.range(row.rva))
        if not is_small(size, row.impl_flags):
            return None
        body = assembly.method_body(rid)  # what cannot be measured may be malformed
        return (self, rid) if body is not None and is_small(len(body.code), row.impl_flags) else None

    def _called(self, rid: int) -> tuple[_Small, ...]:
        found = self._calls.get(rid)
        if found is None:
            targets = []
            body = self._module.assembly.method_body(rid)
            assert body is not None
            try:
                instructions = decode(body.code)
            except NativegenError:
                instructions = []
            for _, opcode, operand in instructions:
                if opcode in _METHOD_OPCODES and operand >> 24 in _METHOD_TABLES:
                    target = self._target(operand)
                    if target is not None:
                        targets.append(target)
            found = self._calls[rid] = tuple(dict.fromkeys(targets))
        return found

    def _body(self, rid: int) -> bytes:
        found = self._contents.get(rid)
        if found is None:
            found = self._contents[rid] = self._content(rid)
        return found


#: A method: whose, and its row.
_Small = tuple[InlinedBodies, int]


def _reachable(small: _Small) -> Iterator[_Small]:
    """The method and all small ones that it reaches, each once, in the order of their calls."""
    seen = {small}
    pending = [small]
    while pending:
        current = pending.pop()
        yield current
        bodies, rid = current
        for callee in reversed(bodies._called(rid)):
            if callee not in seen:
                seen.add(callee)
                pending.append(callee)
