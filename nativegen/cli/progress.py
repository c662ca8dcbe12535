"""What a waiting user sees: a progress bar on a terminal, ngen's plain lines elsewhere.

``rich`` is imported only when there is a terminal to draw on and something to compile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nativegen.cli.output import Output
from nativegen.cli.sentences import COMPILING, FAILED
from nativegen.diagnostics import NativegenError
from nativegen.operations.install import InstallEvents
from nativegen.pipeline.request import CompileReport
from nativegen.plan.decide import Step

if TYPE_CHECKING:
    from rich.progress import Progress


class ConsoleEvents(InstallEvents):
    """Prints ngen's line for each image and keeps a bar of the methods done.

    Args:
        output: where and how much; nothing but failures with ``/silent`` and ``--json``.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._bar: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> ConsoleEvents:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def planned(self, stale: Sequence[Step]) -> None:
        for step in stale:
            self._output.detail(f"{step.candidate.path}: {step.stale_because or 'regenerated because of /force'}")
        quiet = self._output.silent or self._output.json
        if stale and not quiet and self._output.stdout.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, transient=True)
            self._task = self._bar.add_task("methods", total=None)
            self._bar.start()

    def progress(self, done: int, total: int, assembly: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=assembly)

    def compiled(self, step: Step, report: CompileReport, runtime_version: str) -> None:
        line = COMPILING.format(1, step.candidate.path, runtime_version)
        if self._bar is not None and not self._output.silent:
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            self._output.say(line)
        self._output.detail(f"      {report.native} of {report.methods} methods native, {report.image_size} bytes")
        for code, count in report.excluded.items():
            self._output.detail(f"      {count} excluded: {code}")

    def failed(self, step: Step, error: NativegenError) -> None:
        self._output.sentence(FAILED.format(1, step.candidate.path, error.message))
        self._output.warn(str(error))
