"""What a waiting user sees: a progress bar on a terminal, ngen's plain lines elsewhere.

``rich`` is imported only when there is a terminal to draw on and something to compile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nativegen.cli.output import Output
from nativegen.cli.sentences import COMPILING, DOWNLOADED, FAILED
from nativegen.diagnostics import NativegenError
from nativegen.operations.install import InstallEvents
from nativegen.pipeline.request import CompileReport
from nativegen.plan.decide import Step

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar:
    """A bar of the methods done; nothing unless there is a terminal and somebody who wants to look at it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._bar: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self) -> None:
        """Show it."""
        if self._output.silent or self._output.json or not self._output.stdout.isatty():
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, transient=True)
        self._task = self._bar.add_task("methods", total=None)
        self._bar.start()

    def update(self, done: int, total: int, assembly: str) -> None:
        """Methods done, methods in all, and the assembly that the last ones belong to."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=assembly)

    def say(self, text: str) -> None:
        """A line above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            self._output.say(text)


class ConsoleEvents(InstallEvents):
    """Prints ngen's line for each image and keeps a bar.

    Args:
        output: where and how much; nothing but failures with ``/silent`` and ``--json``.
    """

    def __init__(self, output: Output, bar: ProgressBar) -> None:
        self._output = output
        self._bar = bar

    def kept(self, step: Step) -> None:
        self._output.detail(f"{step.candidate.path}: {step.stale_because}; nothing that its code uses: the image stays")

    def planned(self, stale: Sequence[Step]) -> None:
        for step in stale:
            self._output.detail(f"{step.candidate.path}: {step.stale_because or 'regenerated because of /force'}")
        if stale:
            self._bar.start()

    def progress(self, done: int, total: int, assembly: str) -> None:
        self._bar.update(done, total, assembly)

    def compiled(self, step: Step, report: CompileReport, runtime_version: str) -> None:
        self._bar.say((DOWNLOADED if report.downloaded else COMPILING).format(1, step.candidate.path, runtime_version))
        if self._output.verbose:
            self._bar.say(coverage_line(report))

    def failed(self, step: Step, error: NativegenError) -> None:
        self._output.sentence(FAILED.format(1, step.candidate.path, error.message))
        self._output.warn(str(error))


def coverage_line(report: CompileReport) -> str:
    """What of an assembly is native, and what the JIT gets, by reason."""
    excluded = "".join(f", {count} {code}" for code, count in report.excluded.items())
    native = f"{report.native} of {report.methods} methods native"
    if report.instances:
        made = sum(not instance.code for instance in report.instances)
        native += f", {made} of {len(report.instances)} generic instances"
    return f"      {native}, {report.image_size} bytes{excluded}"
