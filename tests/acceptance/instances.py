"""Whether the runtime takes the code of instances of generic methods, shared code and exact instances alike.

Every instance of an image's own generic methods that has code is prepared inside the application (where reference types
share it: with a type that fits the constraints); the trace says with what result. Its events name a method, not its
token, so they are counted by name: an entry point of 0 under a name is a rejection, and so is a name that has fewer
entry points than instances prepared. Instances of other modules' generics are counted apart: which of them the runtime
takes shows in the traces of real runs.

>>> audit_instances(folder / "azmcp.dll", images)
InstanceAudit(methods=9100, shared=9000, entries=11000, foreign=120, prepared=10700, accepted=10700, ...)
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nativegen.metadata import Table
from nativegen.pipeline.method_names import method_display_name
from nativegen.readytorun.enums import ElementType, MethodSigFlags
from nativegen.readytorun.fixups import TypeSignature
from nativegen.readytorun.reader import ReadyToRunImage
from nativegen.runtime.discover import runtime_for
from nativegen.runtime.events import MethodReport, read_method_report
from nativegen.runtime.host import TraceRequest, run_app
from nativegen.typesystem.kinds import NAME_ELEMENTS
from tests.support.csharp import compile_csharp
from tests.support.runtimes import clean_environment

_TIMEOUT = 1800.0
_CANON = "canon"
_PRIMITIVES = {number: name for name, number in NAME_ELEMENTS.items()}


@dataclass(frozen=True, slots=True)
class InstanceAudit:
    """What became of them.

    Args:
        methods: own generic methods with code.
        shared: those of them that have the code that reference types share for every type parameter.
        entries: instances with code, of own generics.
        foreign: instances with code, of other modules' generics or over types that only the manifest names.
        prepared: entries for which type arguments were found.
        accepted: entries that the runtime took.
        rejected: names.
        skipped: reason -> how many entries were not prepared.
    """

    methods: int
    shared: int
    entries: int
    foreign: int
    prepared: int
    accepted: int
    rejected: tuple[str, ...]
    skipped: Mapping[str, int]

    def summary(self) -> Iterator[str]:
        """The counts, and what was rejected or skipped."""
        yield f"{self.accepted} of {self.prepared} instances accepted; {self.shared} generic methods have shared code"
        yield f"{self.entries} instances have code, and {self.foreign} of other modules' generics"
        yield from (f"rejected: {name}" for name in self.rejected)
        yield from (f"skipped: {count} for {reason}" for reason, count in self.skipped.items())


def audit_instances(app: Path, images: Mapping[str, Path], runtime_root: Path | None = None) -> InstanceAudit:
    """Prepare an instance of every generic method of the images in a process of ``app``.

    Raises:
        RuntimeError: the process failed. NativegenError: the trace lost events.
    """
    names: list[str] = []  # of each line; the path's is empty
    lines: list[str] = []
    methods = shared = foreign = 0
    for path in map(str, images.values()):
        image = ReadyToRunImage.open(path)
        lines.append(path)
        names.append("")
        with_code: set[int] = set()
        with_shared_code: set[int] = set()
        for instance in image.instance_entries:
            method = instance.method
            owner = method.owner.types if method.owner is not None else ()
            words = [_words(argument) for argument in (*owner, *method.arguments)]
            if method.module is not None or method.flags & MethodSigFlags.MemberRefToken or None in words:
                foreign += 1
                continue
            with_code.add(method.number)
            if all(word == _CANON for word in words):
                with_shared_code.add(method.number)
            lines.append(" ".join([str(Table.MethodDef << 24 | method.number), *filter(None, words)]))
            names.append(method_display_name(image.assembly, method.number))
        methods += len(with_code)
        shared += len(with_shared_code)
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
    prepared: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    asked = [(line, name) for line, name in zip(lines, names, strict=True) if name]
    for (line, name), reply in zip(asked, answers, strict=True):
        if reply == line:
            prepared[name] += 1
        else:
            assert reply.startswith(f"!{line}: "), reply
            skipped[reply.removeprefix(f"!{line}: ").partition("'")[0].rstrip(", ")] += 1
    rejected, accepted = _judge(prepared, report)
    return InstanceAudit(methods, shared, len(asked), foreign, prepared.total(), accepted, rejected, skipped)


def _words(signature: TypeSignature) -> str | None:
    """A type as the startup hook reads it, in prefix notation; None when only the manifest can name it."""
    match signature.element:
        case ElementType.CANON_ZAPSIG:
            return _CANON
        case ElementType.CLASS | ElementType.VALUETYPE:
            return f"token {signature.token}"
        case ElementType.GENERICINST | ElementType.SZARRAY:
            parts = [_words(part) for part in signature.types]
            if None in parts:
                return None
            if signature.element == ElementType.SZARRAY:
                return f"array {parts[0]}"
            return " ".join([f"instance {signature.token} {len(parts)}", *filter(None, parts)])
        case element if element in _PRIMITIVES:
            return f"System.{_PRIMITIVES[element]}"
        case _:
            return None


def _judge(prepared: Counter[str], report: MethodReport) -> tuple[tuple[str, ...], int]:
    """Names with a rejection, and the number of entries taken."""
    taken: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for record in report.methods:
        if record.entry_point is not None:
            name = _definition(record.full_name)
            (taken if record.entry_point else refused)[name] += 1
    rejected = [name for name, count in prepared.items() if refused[name] or taken[name] < count]
    accepted = prepared.total() - sum(max(prepared[name] - taken[name], 0) for name in prepared)
    return tuple(sorted(rejected)), accepted


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
