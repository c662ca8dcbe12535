"""``verify --live``: the runtime itself loads every image and prepares every compiled method; its event trace is the
verdict.

An entry point in the image is no proof: a fixup that does not hold makes the runtime reject the method without a word.
Here each method is prepared as a first call would, by :mod:`~nativegen.verify.live_host` inside the application's own
process (or, for a library, in a process of its own), and ``R2RGetEntryPoint`` says whether the code was taken. Static
constructors of the application may run while methods are prepared; its ``Main`` does not.

Worked example: 4,000 compiled methods, 3 rejected: a note with their names; 30 rejected: more than 0.1 %, a failure.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nativegen.diagnostics import NativegenError
from nativegen.metadata import Table
from nativegen.pipeline.method_names import method_display_name
from nativegen.runtime.discover import Runtime, find_runtimes, runtime_for
from nativegen.runtime.events import read_method_report
from nativegen.runtime.host import TraceRequest, run_app
from nativegen.runtime.readytorun_log import read_log
from nativegen.verify.live_answers import Acceptance, judge_answers, read_answers
from nativegen.verify.live_host import LIST_VARIABLE, NAME, RESULT_SUFFIX, build_live_host
from nativegen.verify.model import Check, CheckResult, Finding, Severity, Subject, SubjectResult

#: More rejected methods than this share fail (ACCEPTANCE.md "Native").
TOLERANCE = 0.001
SHOWN_METHODS = 20
TIMEOUT_SECONDS = 1800.0
_METHOD_DEF = Table.MethodDef << 24


@dataclass(frozen=True, slots=True)
class LiveImage:
    """One image as the runtime will see it: ``path`` is where it stands in for its assembly."""

    subject: Subject
    path: str


@dataclass(frozen=True, slots=True)
class LiveGroup:
    """Images that one process loads. ``app``: the application whose process it is; None: the host's own."""

    app: str | None
    images: tuple[LiveImage, ...]


def live_check(subject: Subject) -> Iterable[Finding]:
    """Only names the check: its findings come from :func:`verify_live`."""
    return ()


CHECK = Check("live", "the runtime takes the code of every compiled method", live_check)


def verify_live(
    results: Sequence[SubjectResult], groups: Sequence[LiveGroup], runtime: str | None
) -> list[SubjectResult]:
    """Add the live check to the results of images that passed the static ones.

    Args:
        groups: how the images get into a process; images that are in none keep their results.
        runtime: folder given by --runtime.

    Raises:
        NativegenError: NGEN5002, a process did not do its work.
    """
    passed = {result.subject.path for result in results if result.passed}
    findings: dict[str, tuple[Finding, ...]] = {}
    for group in groups:
        images = tuple(image for image in group.images if image.subject.path in passed)
        if images:
            accepted = ask_runtime(replace(group, images=images), runtime)
            findings.update((image.subject.path, _judge(image, accepted[image.path])) for image in images)
    return [
        replace(result, results=(*result.results, CheckResult(CHECK, findings[result.subject.path])))
        if result.subject.path in findings
        else result
        for result in results
    ]


def ask_runtime(group: LiveGroup, runtime: str | None) -> dict[str, Acceptance]:
    """Load and prepare everything in one process; path of the image -> what happened.

    Raises:
        NativegenError: NGEN5002, the process failed; NGEN6002, events were lost, so the trace proves nothing.
    """
    explicit = None if runtime is None else Path(runtime)
    with tempfile.TemporaryDirectory(prefix="nativegen-live-") as name:
        folder = Path(name)
        host = folder / f"{NAME}.dll"
        host.write_bytes(build_live_host())
        tokens = {
            image.path: [_METHOD_DEF | rid for rid in image.subject.image.method_entries] for image in group.images
        }
        lines = [line for path, numbers in tokens.items() for line in (path, *map(str, numbers))]
        listing = folder / "list"
        listing.write_text("".join(line + "\n" for line in lines), "utf-8")
        # Nothing here depends on culture data, and a machine without ICU can still verify.
        environment = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", **os.environ, LIST_VARIABLE: str(listing)}
        if group.app is None:
            app, found = host, _runtime(group, explicit)
        else:
            app, found = Path(group.app), runtime_for(Path(group.app), explicit)
            environment["DOTNET_STARTUP_HOOKS"] = str(host)
        ran = run_app(
            app,
            runtime=found,
            environment=environment,
            # .NET 9 prepares no virtual method whose slot is patched later and which nobody has asked for yet
            # (method.cpp, MethodDesc::IsPointingToPrestub). Whether native code is taken depends neither on that nor on
            # tiering.
            settings={"BackpatchEntryPointSlots": "0"},
            tiering=False,
            trace=TraceRequest(folder / "trace"),
            log_directory=folder / "log",
            timeout=TIMEOUT_SECONDS,
        )
        out = Path(str(listing) + RESULT_SUFFIX)
        if ran.exit_code or not out.is_file() or ran.trace is None:
            detail = ran.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            raise NativegenError("NGEN5002", group.app, detail=f"exit code {ran.exit_code}: {detail}")
        report = read_method_report(ran.trace)
        report.require_reliable()
        loads = {} if ran.log is None else {load.path: load.message for load in read_log(ran.log) if load.rejected}
        answers = read_answers(out.read_text("utf-8").splitlines(), tokens)
        images = {image.path: image.subject.image.assembly for image in group.images}
        return judge_answers(answers, tokens, images, report, loads)


def _runtime(group: LiveGroup, explicit: Path | None) -> Runtime:
    """A runtime that takes the images' format."""
    target = group.images[0].subject.image_target
    for runtime in find_runtimes(explicit):
        if target is not None and runtime.version.startswith(target.runtime_version_prefix):
            return runtime
    raise NativegenError("NGEN6009", target="unknown" if target is None else target.name)


def _judge(image: LiveImage, acceptance: Acceptance) -> tuple[Finding, ...]:
    if acceptance.load_message:
        return (Finding(Severity.SILENT, f"the runtime ignores the image: {acceptance.load_message}"),)
    if acceptance.prepared and acceptance.failed and acceptance.accepted == 0:
        return (Finding(Severity.ABORT, f"the runtime cannot load it: {acceptance.failed[0]}"),)
    found = [
        Finding(Severity.INFO, f"{acceptance.accepted} of {acceptance.prepared} methods taken by the runtime"),
    ]
    if acceptance.rejected:
        assembly = image.subject.image.assembly
        shown = acceptance.rejected[:SHOWN_METHODS]
        names = ", ".join(method_display_name(assembly, token & 0xFFFFFF) for token in shown)
        share = len(acceptance.rejected) / acceptance.prepared
        severity = Severity.SILENT if share > TOLERANCE else Severity.INFO
        found.append(Finding(severity, f"{len(acceptance.rejected)} methods rejected: {names}"))
    return tuple(found)
