"""Shrinks a failing program: first whole methods, then statements, then expressions.

The verdict to keep is "the same kind of problem in the same mode"; candidates that no longer assemble are no
candidates.
What is left is written as ilasm text, small enough to read.

>>> Reducer(program, Modes(targets=("3.1",)), folder).run()
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.generator.program import Program
from tests.generator.runner import Modes, check
from tests.generator.statements import Body
from tests.generator.tree import Node
from tests.support.csharp import CompileError

#: An undo function.
_Edit = Callable[[], Callable[[], None]]


class Reducer:
    """Edits ``program`` in place.

    Args:
        modes: one target and effort, as few further modes as show the problem.
        kinds: problems that count.
        log: told about progress.
    """

    def __init__(
        self,
        program: Program,
        modes: Modes,
        folder: Path,
        kinds: Sequence[str] = ("output", "exit", "jitted"),
        log: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.program = program
        self.modes = modes
        self.folder = folder
        self.kinds = kinds
        self.log = log
        self.attempts = 0

    def fails(self) -> bool:
        """Whether the program still shows the problem."""
        self.attempts += 1
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            verdict = check(self.program.texts(), self.folder, self.modes)
        except CompileError:
            return False
        return any(problem.kind in self.kinds for problem in verdict.problems)

    def run(self, cases: Sequence[int] = ()) -> tuple[str, str]:
        """The texts of the smallest program found; ``cases``: those known to differ."""
        if cases:
            self._keep_cases(cases)
        self._cut(self._method_edits())
        self.log(f"{self.attempts} attempts: methods are cut")
        self._cut([self._static_edit(i) for i in range(len(self.program.hashed_statics))])
        for _ in range(2):
            before = self._size()
            for body in self._bodies():
                self._cut([_replace(node, []) for node in _statements(body.node)])
            self.log(f"{self.attempts} attempts: statements are cut, {self._size()} lines")
            for body in self._bodies():
                self._simplify(body.node)
            self.log(f"{self.attempts} attempts: {self._size()} lines")
            if self._size() == before:
                break
        return self.program.texts()

    def _size(self) -> int:
        return sum(sum(1 for _ in body.node.lines()) for body in self._bodies())

    def _bodies(self) -> list[Body]:
        every = [m.body for m in self.program.methods] + [b for case in self.program.cases for b in case]
        return [body for body in every if sum(1 for _ in body.node.lines()) > 2]

    def _keep_cases(self, cases: Sequence[int]) -> None:
        kept = self.program.cases
        for case in cases:
            self.program.cases = [kept[case]]
            if self.fails():
                return
        self.program.cases = kept

    def _method_edits(self) -> list[_Edit]:
        edits = []
        for case in self.program.cases:
            edits += [_replace(body.node, ["ldc.i8 0", "ret"]) for body in case]
        for method in self.program.methods:
            result = method.callee.result
            edits.append(_replace(method.body.node, [*(result.default if result is not None else []), "ret"]))
        return edits

    def _static_edit(self, index: int) -> _Edit:
        static = self.program.hashed_statics[index]

        def edit() -> Callable[[], None]:
            before = list(self.program.hashed_statics)
            self.program.hashed_statics = [s for s in before if s is not static]
            return lambda: setattr(self.program, "hashed_statics", before)

        return edit

    def _cut(self, edits: Sequence[_Edit]) -> None:
        """Applies as many edits as leave the failure: all at once, then halves."""
        if not edits:
            return
        undo = [edit() for edit in edits]
        if self.fails():
            return
        for step in reversed(undo):
            step()
        if len(edits) > 1:
            middle = len(edits) // 2
            self._cut(edits[:middle])
            self._cut(edits[middle:])

    def _simplify(self, root: Node) -> None:
        """Expressions become constants or one of their operands, outermost first."""
        pending = [root]
        while pending:
            node = pending.pop()
            if node.type is not None and not node.fixed and len(node.parts) > 1:
                if node.type.stack != "byref" and list(node.parts) != node.type.default:
                    undo = _replace(node, list(node.type.default))()
                    if self.fails():
                        continue
                    undo()
                if any(self._becomes(node, child) for child in _operands(node)):
                    pending.append(node)
                    continue
            pending.extend(part for part in node.parts if isinstance(part, Node))

    def _becomes(self, node: Node, child: Node) -> bool:
        undo = _replace(node, list(child.parts))()
        if self.fails():
            return True
        undo()
        return False


def _replace(node: Node, parts: Sequence[str | Node]) -> _Edit:
    def edit() -> Callable[[], None]:
        before = node.parts
        node.parts = list(parts)
        return lambda: setattr(node, "parts", before)

    return edit


def _statements(root: Node) -> Iterator[Node]:
    """All removable statements, outermost first; a body's own last part, its return, stays."""
    last = root.parts[-1] if root.parts else None
    for part in root.walk():
        if part is not root and part is not last and part.type is None and part.parts:
            yield part


def _operands(node: Node) -> list[Node]:
    """Expressions of the same type inside ``node``, nearest first."""
    return [child for child in node.walk() if child is not node and child.type is node.type][:4]
