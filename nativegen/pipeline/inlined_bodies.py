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
from nativegen.metadata.opcodes import OPCODES, decode
from nativegen.pipeline.signature_facts import FAILURES
from nativegen.typesystem import Module

_METHOD_DEF = 0x06
_MEMBER_REF = 0x0A
_METHOD_SPEC = 0x2B
_METHOD_TABLES = (_METHOD_DEF, _MEMBER_REF, _METHOD_SPEC)
_METHOD_OPCODES = frozenset(value for value, opcode in OPCODES.items() if opcode.operand == "method")


class InlinedBodies:
    """Small methods of one module.

    Args:
        module: the one whose methods are keyed.
        content: digest of the body of a MethodDef row, with plain digests in place of tokens.
    """

    def __init__(self, module: Module, content: Callable[[int], bytes]) -> None:
        self._module = module
        self._content = content
        self._contents: dict[int, bytes] = {}
        self._calls: dict[int, tuple[int, ...]] = {}
        self._targets: dict[int, int] = {}
        self._reached: dict[int, bytes] = {}

    def of(self, token: int) -> bytes:
        """What a call of this method may bring with it; empty for all other tokens."""
        if token >> 24 not in _METHOD_TABLES:
            return b""
        rid = self._target(token)
        if not rid:
            return b""
        found = self._reached.get(rid)
        if found is None:
            found = self._reached[rid] = b"".join(map(self._body, self._reachable(rid)))
        return found

    def bringers(self) -> dict[int, set[int]]:
        """Row of a small method -> the tokens, of those asked for until now, that may bring its body with them."""
        found: dict[int, set[int]] = {}
        for token, rid in self._targets.items():
            if rid:
                for reached in self._reachable(rid):
                    found.setdefault(reached, set()).add(token)
        return found

    def _target(self, token: int) -> int:
        """Row of the small method of this module that a token means, or 0."""
        found = self._targets.get(token)
        if found is None:
            found = self._targets[token] = self._find(token)
        return found

    def _find(self, token: int) -> int:
        module = self._module
        try:
            if token >> 24 == _METHOD_DEF:
                rid = token & 0xFFFFFF
            else:
                method = module.method(token)
                if method.module is not module:
                    return 0
                rid = method.rid
            row = module.assembly.method_def(rid) if rid else None
            if row is None or not row.rva or row.impl_flags & 3:
                return 0
            body = module.assembly.method_body(rid)
            return rid if body is not None and is_small(len(body.code), row.impl_flags) else 0
        except FAILURES:
            return 0

    def _reachable(self, rid: int) -> Iterator[int]:
        """The method and all small ones that it reaches, each once, in the order of their calls."""
        seen = {rid}
        pending = [rid]
        while pending:
            current = pending.pop()
            yield current
            for callee in reversed(self._called(current)):
                if callee not in seen:
                    seen.add(callee)
                    pending.append(callee)

    def _called(self, rid: int) -> tuple[int, ...]:
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
                    if target:
                        targets.append(target)
            found = self._calls[rid] = tuple(dict.fromkeys(targets))
        return found

    def _body(self, rid: int) -> bytes:
        found = self._contents.get(rid)
        if found is None:
            found = self._contents[rid] = self._content(rid)
        return found
