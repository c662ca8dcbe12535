"""Whether the runtime takes the code that instances of generic methods share.

One instantiation of each generic method with code is prepared inside the application; the trace says with what result.
Its events name a method, not its token, so they are counted by name: an entry point of 0 under a name is a rejection,
and so is a name that has fewer entry points than methods prepared.

>>> audit_instances(folder / "azmcp.dll", images)
InstanceAudit(entries=9000, prepared=8700, accepted=8700, rejected=(), skipped=...)
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nativegen.pipeline.worker import method_display_name
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.runtime.discover import runtime_for
from nativegen.runtime.events import MethodReport, read_method_report
from nativegen.runtime.host import TraceRequest, run_app
from tests.support.csharp import compile_csharp
from tests.support.runtimes import clean_environment

_TIMEOUT = 1800.0


@dataclass(frozen=True, slots=True)
class InstanceAudit:
    """``entries``: generic methods with code; ``prepared``: those for which type arguments were found; ``rejected``:
    names; ``skipped``: reason -> how many were not prepared."""

    entries: int
    prepared: int
    accepted: int
    rejected: tuple[str, ...]
    skipped: Mapping[str, int]

    def summary(self) -> Iterator[str]:
        """The counts, and what was rejected or skipped."""
        yield f"{self.accepted} of {self.prepared} instances accepted; {self.entries} generic methods have code"
        yield from (f"rejected: {name}" for name in self.rejected)
        yield from (f"skipped: {count} for {reason}" for reason, count in self.skipped.items())


def audit_instances(app: Path, images: Mapping[str, Path], runtime_root: Path | None = None) -> InstanceAudit:
    """Prepare an instance of every generic method of the images in a process of ``app``.

    Raises:
        RuntimeError: the process failed. NativegenError: the trace lost events.
    """
    names: dict[tuple[str, int], str] = {}
    lines = []
    for path in map(str, images.values()):
        image = ReadyToRunImage.open(path)
        lines.append(path)
        for number in sorted({instance.method.number for instance in image.instance_entries}):
            names[path, 0x06000000 | number] = method_display_name(image.assembly, number)
            lines.append(str(0x06000000 | number))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hook = compile_csharp(Path(__file__).with_name("PrepareInstances.cs"), folder, "instances", library=True)
        listing = folder / "list"
        listing.write_text("".join(f"{line}\n" for line in lines))
        ran = run_app(
            app,
            runtime=runtime_for(app, runtime_root),
            environment=clean_environment(folder)
            | {"DOTNET_STARTUP_HOOKS": str(hook), "NATIVEGEN_INSTANCES": str(listing)},
            settings={"BackpatchEntryPointSlots": "0"},  # see nativegen.verify.live
            tiering=False,
            trace=TraceRequest(folder / "trace"),
            timeout=_TIMEOUT,
        )
        if ran.exit_code or ran.trace is None:
            raise RuntimeError(f"exit code {ran.exit_code}: {ran.stderr.decode('utf-8', 'replace')[-2000:]}")
        report = read_method_report(ran.trace)
        report.require_reliable()
        answers = (folder / "list.out").read_text().splitlines()
    return _judge(lines, answers, names, report)


def _judge(
    lines: list[str], answers: list[str], names: Mapping[tuple[str, int], str], report: MethodReport
) -> InstanceAudit:
    replies = iter(answers)
    prepared: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    path = ""
    for line in lines:
        if not line.isdigit():
            path = line
            continue
        reply = next(replies)
        if reply == line:
            prepared[names[path, int(line)]] += 1
        else:
            assert reply.startswith(f"!{line} "), reply
            skipped[reply.partition(" ")[2]] += 1
    taken: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for record in report.methods:
        if record.entry_point is not None:
            name = _definition(record.full_name)
            (taken if record.entry_point else refused)[name] += 1
    rejected = [name for name, count in prepared.items() if refused[name] or taken[name] < count]
    accepted = prepared.total() - sum(max(prepared[name] - taken[name], 0) for name in prepared)
    return InstanceAudit(len(names), prepared.total(), accepted, tuple(sorted(rejected)), skipped)


def _definition(full_name: str) -> str:
    """``List`1[System.__Canon]::Add`` is ``List`1::Add``; escapes of the runtime removed."""
    owner, separator, method = full_name.rpartition("::")
    depth = 0
    kept = []
    escaped = False
    for character in owner:
        if not escaped and character == "\\":
            escaped = True
            continue
        if not escaped and character == "[":
            depth += 1
        if not depth:
            kept.append(character)
        if not escaped and character == "]":
            depth -= 1
        escaped = False
    return "".join(kept) + separator + method
